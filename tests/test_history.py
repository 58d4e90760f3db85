"""Pages of histories come from Redis where it has them whole, and say what the database says."""

import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from accounts import services as accounts
from chatproject.core import redis
from chatproject.core.times import now
from groups.models import Membership, Room
from messaging import fast_history, history_cache, sealed, services
from messaging.models import Message
from messaging.services import histories
from tests.test_remembered import Stopped, asked, raw
from tests.test_serving import soon


def right_page(room_id: str, *, limit: int = 50, before: int | None = None) -> list[tuple[Any, ...]]:
    """What a page shows, from the rows alone."""
    messages = Message.objects.select_related("sender").filter(room_id=room_id)
    if before is not None:
        messages = messages.filter(seq__lt=before)
    rows = []
    for one in messages.order_by("-seq")[:limit]:
        passed = Membership.objects.filter(room_id=room_id, read_seq__gte=one.seq).exclude(user=one.sender)
        rows.append((str(one.pk), one.seq, one.content, one.recalled_at is None, one.sender.name, passed.count()))
    return rows[::-1]


def shown(page: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (one["id"], one["seq"], one["content"], one["recalledAt"] is None, one["senderName"], one["readCount"])
        for one in page
    ]


def pages_of(person: Any, room_id: str, **query: Any) -> list[dict[str, Any]]:
    """A page of a group, which is the same by both doors."""
    page: list[dict[str, Any]] = person.get("/group/messages", groupId=room_id, **query)
    socket = person.connect()
    asked_for = {"chatId": room_id, "isGroup": True, **query}
    assert socket.call("GetMessageHistory", asked_for)["messages"] == page
    socket.close()
    return page


@pytest.fixture
def talk(person: Any, group: Any) -> Any:
    """Three people, their group, and sixty messages in it."""
    people = [person(name) for name in ("ann", "bob", "cem")]
    room = group(*people)["id"]
    for one in people:
        socket = one.connect()
        for number in range(20):
            socket.send("EmitGroupMsg", {"groupId": room, "content": f"word {number}"}, ack=number)
        for number in range(20):
            socket.answer(number)
        socket.close()
    return *people, room


def in_redis(*, having: str = "") -> list[bytes]:
    """The pages in Redis, those that contain a text."""
    found = []
    for tier in history_cache.TIERS:
        for name in raw().scan_iter(redis.key(f"history:{tier}:*")):
            room_id = UUID(name.decode().rpartition(":")[2])
            for page, kept in raw().hgetall(name).items():
                head, _, json = kept.partition(b"\n")
                if having.encode() in sealed.open_page(room_id, page.decode(), head, json):
                    found.append(kept)
    return found


def tier_of(room_id: str) -> list[str]:
    return [tier for tier in history_cache.TIERS if raw().exists(redis.key(f"history:{tier}:{room_id}"))]


def test_a_warm_page_asks_for_no_message_and_no_cursor(talk: Any, query_budget: Any) -> None:
    ann, bob, _cem, room = talk
    page = pages_of(ann, room)
    assert shown(page) == right_page(room) and len(page) == 50
    socket = bob.connect()
    for ask in (
        lambda: bob.get("/group/messages", groupId=room),
        lambda: socket.call("GetMessageHistory", {"chatId": room, "isGroup": True})["messages"],
        lambda: bob.request(
            "get", "/group/messages", query={"groupId": room}, headers={"Accept": "application/json, text/plain"}
        ).json(),  # through Django
    ):
        with query_budget(4) as heard:  # who asks, whether they are a member, the generation
            assert ask() == page
        assert not asked(heard, "messaging_message", "read_seq")


def test_both_roads_by_http_give_the_same_answer(talk: Any) -> None:
    ann, bob, _cem, room = talk
    ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    questions = [
        ("/group/messages", {"groupId": room}),
        ("/group/messages", {"groupId": room, "limit": 7}),
        ("/group/messages", {"groupId": room, "limit": 1000, "before": 30}),
        ("/group/messages", {"groupId": room, "after": 3}),
        ("/group/messages", {"groupId": room, "before": 1}),
        ("/group/messages", {"groupId": room, "before": 5, "after": 3}),
        ("/group/messages", {"groupId": room, "limit": "-1"}),
        ("/group/messages", {"groupId": "nonsense"}),
        ("/private/messages", {"senderId": ann.id, "receiverId": bob.id}),
        ("/private/messages", {"senderId": bob.id}),
        ("/private/messages", {"senderId": _cem.id}),
        ("/private/messages", {"senderId": ann.id, "receiverId": _cem.id}),
    ]
    for path, query in questions:
        fast, slow = (
            ann.request("get", path, query=query, headers={"Accept-Encoding": "identity", **headers})
            for headers in ({}, {"Accept": "application/json, text/plain"})
        )
        own = {"date", "x-request-id"}
        assert (fast.status_code, fast.content) == (slow.status_code, slow.content), (path, query)
        assert {k: v for k, v in fast.headers.items() if k not in own} == {
            k: v for k, v in slow.headers.items() if k not in own
        }


def test_those_who_ask_at_the_same_moment_are_known_by_one_query_and_each_gets_their_own(
    talk: Any, person: Any, anonymous: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob, cem, room = talk
    eve = person("eve")
    ann.post("/private/send", {"receiverId": bob.id, "content": "for two"}, status=201)
    bob.post("/message/hide", {"messageIds": [ann.get("/group/messages", groupId=room)[-1]["id"]]})
    together: list[int] = []
    has_begun, goes_on = threading.Event(), threading.Event()
    users_for = accounts.users_for

    def held(tokens: Any) -> Any:
        together.append(len(tokens))
        has_begun.set()
        assert goes_on.wait(60)
        return users_for(tokens)

    monkeypatch.setattr(accounts, "users_for", held)
    here, between = ("/group/messages", {"groupId": room}), ("/private/messages", {"senderId": ann.id})
    wrong = {"Authorization": "Bearer nobody's"}
    with ThreadPoolExecutor(8) as crowd:
        first = crowd.submit(cem.get, here[0], **here[1])
        assert has_begun.wait(60)
        asked_for = [(ann, here), (bob, here), (eve, here), (bob, between), (eve, between)]
        answers = [crowd.submit(one.request, "get", path, query=query) for one, (path, query) in asked_for]
        answers.append(crowd.submit(anonymous.request, "get", here[0], query=here[1], headers=wrong))
        while len(fast_history._pages._waiting) < len(answers):
            time.sleep(0.01)
        goes_on.set()
        of_ann, of_bob, *others = (one.result() for one in answers)
    assert together == [1, len(answers)]
    assert of_ann.json() == first.result()
    *before, last = of_bob.json()
    assert (before, last["hidden"], last["content"]) == (of_ann.json()[:-1], True, "")
    assert [one.status_code for one in others] == [404, 200, 200, 401]
    assert [len(one.json()) for one in others[1:3]] == [1, 0]


def test_a_time_has_its_milliseconds_also_where_they_are_none(talk: Any) -> None:
    ann, _bob, _cem, room = talk
    moment = datetime(2026, 1, 31, 8, 15, 30, tzinfo=UTC)
    for seq, microseconds in enumerate((0, 5000, 123000, 999999), start=1):
        sent_at = moment.replace(microsecond=microseconds)
        Message.objects.filter(room_id=room, seq=seq).update(sent_at=sent_at, edited_at=sent_at)
    page = pages_of(ann, room, before=5)
    for name in ("sentAt", "editedAt"):
        times = [one[name] for one in page]
        assert times == [f"2026-01-31T08:15:30.{part}Z" for part in ("000", "005", "123", "999")]


def test_a_stranger_gets_nothing_of_a_page_that_is_in_redis(talk: Any, person: Any) -> None:
    ann, bob, _cem, room = talk
    eve = person("eve")
    pages_of(bob, room)
    eve.get("/group/messages", groupId=room, status=404)
    bob.post("/group/leave", {"groupId": room})
    bob.get("/group/messages", groupId=room, status=404)
    ann.post("/private/send", {"receiverId": bob.id, "content": "for two"}, status=201)
    ann.get("/private/messages", senderId=bob.id)
    private = str(Membership.objects.get(user_id=ann.id, peer_id=bob.id).room_id)
    assert tier_of(private) == ["hot"]
    eve.get("/group/messages", groupId=private, status=404)
    ann.get("/group/messages", groupId=private, status=404)  # it is no group


def test_whatever_happens_shows_in_the_next_page(talk: Any) -> None:
    ann, bob, cem, room = talk
    pages_of(ann, room)
    pages_of(ann, room, before=20, limit=10)
    said = ann.post("/group/send", {"groupId": room, "content": "one more"}, status=201)
    older = pages_of(ann, room, before=20, limit=10)
    mine = next(one for one in older if one["senderId"] == ann.id)
    steps = [
        lambda: bob.post("/group/send", {"groupId": room, "content": "and one"}, status=201),
        lambda: ann.post("/message/edit", {"messageId": said["id"], "content": "edited"}),
        lambda: ann.post("/message/edit", {"messageId": mine["id"], "content": "edited long ago"}),
        lambda: cem.post("/group/markGroupRead", {"groupId": room}),
        lambda: bob.post("/group/markGroupRead", {"groupId": room, "upTo": 15}),
        lambda: ann.patch("/me", {"name": f"{ann.name} the second"}),
        lambda: ann.post("/message/recall", {"messageId": said["id"]}),
        lambda: ann.post("/message/recall", {"messageId": mine["id"]}),
        lambda: cem.post("/group/leave", {"groupId": room}),
        lambda: bob.patch("/me", {"name": f"{bob.name} the second"}),
    ]
    for number, step in enumerate(steps):
        step()
        assert shown(pages_of(ann, room)) == right_page(room), number
        assert shown(pages_of(ann, room, before=20, limit=10)) == right_page(room, before=20, limit=10), number
        assert shown(pages_of(ann, room, limit=5)) == right_page(room, limit=5), number


def test_recalled_and_edited_words_are_in_no_page_in_redis(talk: Any) -> None:
    ann, bob, _cem, room = talk
    secret = f"secret {room}"  # other tests say such words, too
    said = ann.post("/group/send", {"groupId": room, "content": f"a {secret}"}, status=201)
    pages_of(bob, room)
    pages_of(bob, room, before=said["seq"] + 1)
    assert len(in_redis(having=f"a {secret}")) == 2
    ann.post("/message/edit", {"messageId": said["id"], "content": f"another {secret}"})
    assert not in_redis(having=f"a {secret}")
    pages_of(bob, room)
    ann.post("/message/recall", {"messageId": said["id"]})
    assert not in_redis(having=secret)


def test_a_private_page_tells_each_side_what_the_other_has_read(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    for reads in (False, True):
        if reads:
            bob.post("/markPrivateRead", {"senderId": ann.id})
        for _ in range(2):
            (mine,) = ann.get("/private/messages", senderId=bob.id)
            (theirs,) = bob.get("/private/messages", senderId=ann.id)
            assert mine == theirs and mine["isRead"] is reads and mine["receiverId"] == bob.id


def give_up_all() -> None:
    rooms = {name.rpartition(b":")[2].decode() for name in raw().scan_iter(redis.key("history:*:*"))}
    history_cache.drop(UUID(room) for room in rooms if "-" in room)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Moves the time of the tiers on by milliseconds."""
    ahead = [0]
    real = history_cache._now
    monkeypatch.setattr(history_cache, "_now", lambda: real() + ahead[0])
    give_up_all()
    yield lambda milliseconds: ahead.__setitem__(0, ahead[0] + milliseconds)
    give_up_all()


def test_a_conversation_moves_down_from_tier_to_tier_as_it_rests(talk: Any, clock: Any) -> None:
    ann, _bob, _cem, room = talk
    page = pages_of(ann, room)
    assert tier_of(room) == ["hot"]
    services.tidy_pages()
    assert tier_of(room) == ["hot"]
    clock(history_cache.HOT_MS + 1000)
    services.tidy_pages()
    assert tier_of(room) == ["frequent"]
    assert pages_of(ann, room) == page
    clock(history_cache.FREQUENT_MS - history_cache.HOT_MS)
    services.tidy_pages()
    assert tier_of(room) == []
    assert pages_of(ann, room) == page
    assert tier_of(room) == ["cold"] and raw().pttl(redis.key(f"history:cold:{room}")) > 0
    clock(history_cache.COLD_MS + 1000)
    services.tidy_pages()
    assert tier_of(room) == []
    assert not raw().hgetall(redis.key("history:bytes:cold"))


@pytest.mark.usefixtures("clock")
def test_beyond_its_bytes_cold_pages_go_first_frequent_ones_then_and_hot_ones_last(
    talk: Any, person: Any, group: Any, settings: Any
) -> None:
    ann, *_others, hot = talk
    rested, cold = (group(ann)["id"] for _ in range(2))
    for room, days in ((rested, 3), (cold, 30)):
        ann.post("/group/send", {"groupId": room, "content": "x" * 4000}, status=201)
        Room.objects.filter(pk=room).update(last_at=now() - timedelta(days=days))
    for room in (hot, rested, cold):
        pages_of(ann, room)
    assert [tier_of(room) for room in (hot, rested, cold)] == [["hot"], ["frequent"], ["cold"]]
    sizes = {tier: int(raw().hget(redis.key("history:bytes"), tier)) for tier in history_cache.TIERS}
    left = [(hot, rested), (hot,), ()]
    for most, rooms in zip((sizes["hot"] + sizes["frequent"], sizes["hot"], 10), left, strict=True):
        settings.HISTORY_CACHE_BYTES = most
        services.tidy_pages()
        assert {room for room in (hot, rested, cold) if tier_of(room)} == set(rooms)
    assert all(shown(pages_of(ann, room)) == right_page(room) for room in (hot, rested, cold))


@pytest.mark.usefixtures("clock")
def test_when_redis_memory_is_full_pages_go_and_nothing_else(talk: Any) -> None:
    ann, bob, _cem, room = talk
    socket = bob.connect()
    pages_of(ann, room)
    bob.get("/unread")
    redis.flush()
    soon(lambda: not raw().exists(*(redis.key(f"presence:open:{one.id}") for one in (ann, _cem))))  # sockets are closed
    # Without pages, limits that end, and those of other tests who are just going offline.
    passing = re.compile(rf"history:|limit:|user:online:(?!{bob.id})".encode())
    others = {name for name in raw().scan_iter("*") if not passing.search(name)}
    before = raw().config_get("maxmemory")["maxmemory"]
    raw().config_set("maxmemory", int(raw().info("memory")["used_memory"] / history_cache.FULL * 0.99))
    try:
        services.tidy_pages()
        assert tier_of(room) == []
        assert others <= set(raw().scan_iter("*"))
        said = ann.post("/group/send", {"groupId": room, "content": "still here"}, status=201)
        assert socket.next("OnGroupMsg")["id"] == said["id"]
        assert shown(pages_of(ann, room)) == right_page(room)
    finally:
        raw().config_set("maxmemory", before)


def test_the_comparison_finds_a_page_that_somebody_spoiled(
    talk: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    ann, _bob, _cem, room = talk
    monkeypatch.setattr(histories, "SETTLE_SECONDS", 0.2)
    histories.compare_pages()  # what other tests left
    right = pages_of(ann, room)
    assert histories.compare_pages() == 0
    key = redis.key(f"history:hot:{room}")
    last = right[-1]["content"].encode()

    def retold(page: bytes) -> bytes:
        head, _, kept = page.partition(b"\n")
        json = sealed.open_page(UUID(room), "", head, kept)
        assert last in json and last not in kept
        return head + b"\n" + sealed.seal_page(UUID(room), "", head, json.replace(last, b"never said"))

    for spoil in (retold, lambda page: page[:-30], lambda page: page[:-1] + b"?", lambda page: b"?"):
        raw().hset(key, "", spoil(raw().hget(key, "")))
        monkeypatch.setattr(histories, "_compared", dict.fromkeys(history_cache.TIERS, 0))
        histories.compare_pages()
        assert pages_of(ann, room) == right


def test_without_redis_pages_are_right_and_what_it_missed_is_not_shown(talk: Any) -> None:
    from django.conf import settings as configured

    if not configured.REDIS_EMBEDDED:
        pytest.skip("stops the embedded server")
    ann, bob, _cem, room = talk
    pages_of(ann, room)
    with Stopped():
        bob.post("/group/markGroupRead", {"groupId": room})
        ann.post("/group/send", {"groupId": room, "content": "while it was away"}, status=201)
        assert shown(ann.get("/group/messages", groupId=room)) == right_page(room)
    assert shown(pages_of(ann, room)) == right_page(room)
    raw().flushall()
    assert shown(pages_of(ann, room)) == right_page(room)
