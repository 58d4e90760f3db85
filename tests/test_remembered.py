"""Unread counts and last messages are answered by Redis, and are right whatever happens to it."""

import importlib
import logging
import os
import random
import signal
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import hypothesis
import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chatproject.core import redis
from groups.models import Hidden, Membership, direct_room_id
from messaging import chat_cache, sealed, services
from messaging.models import CacheGeneration, Message
from messaging.services import comparing

CHATS = 200
#: Tables that an answer must not ask for.
COUNTED = ("messaging_message", "groups_membership", "groups_recall")


_client: Any = importlib.import_module("chatproject.core.redis.client")


def raw() -> Any:
    """The client that an operator has; not the one that is away for a moment after a failure."""
    return _client._client()


def asked(heard: list[str], *tables: str) -> list[str]:
    return [one for one in heard if any(table in one for table in tables)]


def right_answers(user_id: str) -> dict[str, tuple[int, Any]]:
    """By chat id, the count and the last message, from the rows of messages and cursors alone."""
    found: dict[str, tuple[int, Any]] = {}
    for mine in Membership.objects.select_related("room").filter(user_id=user_id):
        messages = list(Message.objects.select_related("sender").filter(room_id=mine.room_id).order_by("seq"))
        if not messages:
            continue
        hidden = hidden_by(mine)
        messages = [one for one in messages if one.seq not in hidden]
        after = [one for one in messages if one.seq > mine.read_seq and one.type != "system"]
        count = sum(str(one.sender_id) != user_id and one.recalled_at is None for one in after)
        if not messages:
            found[str(mine.peer_id or mine.room_id)] = (count, None)
            continue
        last = messages[-1]
        others = Membership.objects.filter(room_id=mine.room_id, read_seq__gte=last.seq).exclude(user=last.sender)
        shown = (str(last.pk), last.content, last.recalled_at is None, last.sender.name, others.count())
        found[str(mine.peer_id or mine.room_id)] = (count, shown)
    return found


def hidden_by(membership: Any) -> set[int]:
    """The messages of a chat that its member has deleted for themselves."""
    return set(Hidden.objects.filter(membership=membership).values_list("seq", flat=True))


def shown(last: Any) -> Any:
    if last is None:
        return None
    return last["id"], last["content"], last["recalledAt"] is None, last["senderName"], last["readCount"]


def assert_right(person: Any) -> None:
    """What both routes answer is what the rows say."""
    right = right_answers(person.id)
    unread = person.get("/unread")
    rows = {one.get("senderId") or one["groupId"]: one for one in unread["private"] + unread["group"]}
    assert {chat: (one["unreadCount"], shown(one["lastMessage"])) for chat, one in rows.items()} == {
        chat: one for chat, one in right.items() if one[0]
    }
    assert unread["total"] == sum(count for count, _ in right.values())
    listed = person.post("/chatList", {})
    assert {one["id"]: (one["unreadCount"], shown(one["lastMessage"])) for one in listed} == right


def assert_histories_right(person: Any) -> None:
    """What the pages of all chats of a person say is what the rows say."""
    for chat in person.post("/chatList", {}):
        name, path = ("groupId", "/group/messages") if chat["type"] == "group" else ("senderId", "/private/messages")
        for cursor in ({}, {"before": max(2, chat["seq"]), "limit": 3}):
            page = person.get(path, **{name: chat["id"]}, **cursor)
            assert [(one["seq"], *shown(one)) for one in page] == right_history(person, chat, **cursor)


def right_history(person: Any, chat: Any, *, before: int | None = None, limit: int = 50) -> list[Any]:
    room = chat["id"] if chat["type"] == "group" else direct_room_id(UUID(person.id), UUID(chat["id"]))
    membership = Membership.objects.get(room_id=room, user_id=person.id)
    seen = Message.objects.filter(room_id=room, seq__lt=before or 2**60, seq__gt=membership.floor)
    rows = seen.select_related("sender").order_by("-seq")
    cursors = dict(Membership.objects.filter(room_id=room).values_list("user_id", "read_seq"))
    hidden = hidden_by(membership)
    found = []
    for one in list(rows[:limit])[::-1]:
        readers = sum(seq >= one.seq for user_id, seq in cursors.items() if user_id != one.sender_id)
        content = "" if one.seq in hidden else one.content
        found.append((one.seq, str(one.pk), content, one.recalled_at is None, one.sender.name, readers))
    return found


@pytest.fixture
def busy(person: Any, group: Any) -> Any:
    """A person with two hundred chats, a third of them with something unread."""
    ann, talkers = person("ann"), [person("talker") for _ in range(CHATS // 2)]
    for number, talker in enumerate(talkers):
        talker.post("/private/send", {"receiverId": ann.id, "content": "hello"}, status=201)
        room = group(talker, ann)["id"]
        talker.post("/group/send", {"groupId": room, "content": "hello"}, status=201)
        if number % 3:
            ann.post("/markPrivateRead", {"senderId": talker.id})
            ann.post("/group/markGroupRead", {"groupId": room})
    return ann


@pytest.fixture
def warmly(query_budget: Any) -> Callable[..., Any]:
    """Ask what Redis remembers, with so many queries, none of them of `but`: once more where Redis was late, which
    is then not asked for a second, or where something was forgotten meanwhile.
    """

    def ask(most: int, question: Callable[[], Any], *, but: tuple[str, ...] = COUNTED) -> Any:
        for left in (2, 1, 0):
            with query_budget(most if not left else 100) as heard:
                answer = question()
            if len(heard) <= most and not asked(heard, *but):
                return answer
            time.sleep(_client.AWAY_SECONDS)
        raise AssertionError("\n".join(heard))

    return ask


def test_warm_answers_of_two_hundred_chats_ask_for_no_message_and_no_count(
    busy: Any, warmly: Callable[..., Any]
) -> None:
    busy.get("/unread")
    busy.post("/chatList", {})
    unread = warmly(2, lambda: busy.get("/unread"))  # the device, the generation
    assert len(unread["private"]) + len(unread["group"]) == 2 * 34
    chats = warmly(3, lambda: busy.post("/chatList", {}), but=("messaging_message",))  # and the chats themselves
    assert len(chats) == CHATS
    socket = busy.connect()
    assert warmly(1, lambda: socket.call("EmitGetUnreadCount")) == unread
    assert_right(busy)


def test_of_two_hundred_chats_only_those_that_redis_does_not_have_are_read(busy: Any, query_budget: Any) -> None:
    listed = busy.post("/chatList", {})
    quiet, pinned = (next(one for one in listed if one["type"] == kind) for kind in ("group", "private"))
    raw().delete(redis.key(f"unread:room:{quiet['id']}"))
    # Each of the two has another line about it, which is not remembered.
    busy.post("/message/pin", {"messageId": pinned["lastMessage"]["id"]})
    with query_budget(4) as heard:
        listed = busy.post("/chatList", {})
    assert len(listed) == CHATS and listed[0]["lastMessage"]["type"] == "system"
    (query,) = asked(heard, "messaging_message")
    assert query.partition(" IN ")[2].count("%s") == 2
    assert_right(busy)


def test_it_stays_warm_while_people_write_read_edit_and_recall(
    person: Any, group: Any, warmly: Callable[..., Any]
) -> None:
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    room = group(ann, bob, cem)["id"]
    for one in (ann, bob, cem):
        one.get("/unread")
        one.post("/chatList", {})
    said = [ann.post("/group/send", {"groupId": room, "content": str(one)}, status=201) for one in range(3)]
    ann.post("/message/edit", {"messageId": said[2]["id"], "content": "edited"})
    cem.post("/group/markGroupRead", {"groupId": room})
    bob.post("/group/send", {"groupId": room, "content": "mine"}, status=201)
    for one, count in ((ann, 1), (bob, 3), (cem, 1)):
        assert warmly(2, lambda one=one: one.get("/unread"))["total"] == count
        assert_right(one)
    ann.post("/message/recall", {"messageId": said[0]["id"]})
    for one in (ann, bob, cem):
        assert_right(one)  # whoever had it unread asks the database once
        warmly(2, lambda one=one: one.get("/unread"))


def test_a_count_that_somebody_spoils_is_put_right_by_the_next_request(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    key = f"user:unread:{bob.id}:{ann.id}"

    def is_put_right(spoiled: str) -> bool:
        until_remembered(bob)
        raw().set(key, spoiled)
        assert bob.get("/unread")["total"] == 1
        return bool(raw().get(key) == b"1")

    for spoiled in ("777", "nonsense"):
        # Redis may be late on a busy machine, but not each time.
        assert any(is_put_right(spoiled) for _ in range(5))


@pytest.fixture
def repaired(server: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Callable[[], int]:
    """Compare all memberships that are younger than the test; the number of those for which Redis was put right."""
    monkeypatch.setattr(comparing, "SETTLE_SECONDS", 0.3)
    caplog.set_level(logging.INFO, comparing.__name__)
    last = Membership.objects.order_by("pk").values_list("pk", flat=True).last()

    def compare() -> int:
        younger = Membership.objects.filter(**({"pk__gt": last} if last else {})).count()
        while True:
            monkeypatch.setattr(comparing, "_looked_up_to", last)
            caplog.clear()
            compared = services.compare_some(younger + 1)
            if "not compared" not in caplog.text:  # Redis was slower than a busy machine allows for
                break
            time.sleep(0.1)
        assert compared.looked == younger
        assert ("is right again" in caplog.text) == bool(compared.repaired)
        return compared.repaired

    return compare


def until_remembered(someone: Any) -> None:
    """Wait until Redis answers for all chats of a person."""
    end = time.monotonic() + 60
    while True:
        someone.get("/unread")
        someone.post("/chatList", {})
        redis.flush()
        chats = list(Membership.objects.filter(user_id=someone.id).values_list("user_id", "room_id"))
        if all(entry and "last" in room for room, entry in chat_cache.remembered(chats)):
            return
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_comparison_puts_right_whatever_is_spoiled_and_counts_it(
    person: Any, group: Any, repaired: Callable[[], int]
) -> None:
    ann, bob = person("ann"), person("bob")
    ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    room = group(ann, bob)["id"]
    said = ann.post("/group/send", {"groupId": room, "content": "hello"}, status=201)
    until_remembered(bob)
    repaired()  # what is told later than it is stored
    assert repaired() == 0
    (mine,) = Membership.objects.filter(user_id=bob.id, peer_id=ann.id)
    spoils = [
        lambda: raw().set(f"user:unread:{bob.id}:{ann.id}", 777),
        lambda: raw().set(f"group:lastmsg:{bob.id}:{room}", '{"id": "another"}'),
        lambda: raw().hset(redis.key(f"unread:room:{room}"), "said", 99),
        lambda: raw().hset(redis.key(f"unread:room:{room}"), "last", '{"content": "never said"}'),
        lambda: raw().hset(redis.key(f"unread:user:{bob.id}"), str(mine.room_id), "0 9999 0 nobody"),
    ]

    def spoil_and_repair(spoil: Callable[[], Any]) -> int:
        until_remembered(bob)
        spoil()
        return repaired()

    for number, spoil in enumerate(spoils):
        # A write that was on its way before may put it right first, but not each time.
        assert any(spoil_and_repair(spoil) for _ in range(5)), f"spoil {number}"
        assert repaired() == 0
        assert_right(bob)
    assert int(raw().get(f"user:unread:{bob.id}:{ann.id}")) == 1
    assert said["id"].encode() in sealed.open_last(UUID(room), raw().get(f"group:lastmsg:{bob.id}:{room}"))


@pytest.mark.parametrize("seed", range(3))
def test_after_an_ordinary_day_the_comparison_has_nothing_to_repair(
    person: Any, group: Any, repaired: Callable[[], int], unread_counts_are_pushed: Callable[[], None], seed: int
) -> None:
    chance = random.Random(seed)
    people = [person(name) for name in ("ann", "bob", "cem")]
    room = group(*people)["id"]
    said: list[tuple[Any, str]] = []

    def say(one: Any, other: Any) -> None:
        message = one.post("/private/send", {"receiverId": other.id, "content": "psst"}, status=201)
        said.append((one, message["id"]))

    def say_to_all(one: Any, other: Any) -> None:
        said.append((one, one.post("/group/send", {"groupId": room, "content": "hello"}, status=201)["id"]))

    def read(one: Any, other: Any) -> None:
        one.post("/markPrivateRead", {"senderId": other.id})
        one.post("/group/markGroupRead", {"groupId": room})

    def change(one: Any, other: Any) -> None:
        sender, message_id = chance.choice(said[-4:])
        sender.request("post", "/message/edit", body={"messageId": message_id, "content": f"edited {len(said)}"})

    def recall(one: Any, other: Any) -> None:
        sender, message_id = chance.choice(said[-4:])
        sender.post("/message/recall", {"messageId": message_id})

    def look(one: Any, other: Any) -> None:
        one.get("/unread")
        other.post("/chatList", {})

    for _part in range(3):
        say(people[0], people[1])
        for _step in range(12):
            step = chance.choice([say, say, say_to_all, say_to_all, read, change, recall, look])
            step(*chance.sample(people, 2))
        unread_counts_are_pushed()
        redis.flush()
        assert repaired() == 0


def opened(copy: bytes, one: Any, other: Any) -> bytes:
    """The last message of a private chat, as Redis has it."""
    return sealed.open_last(direct_room_id(UUID(one.id), UUID(other.id)), copy)


def test_after_a_private_reply_both_find_the_chats_last_message_under_the_documented_key(
    person: Any, repaired: Callable[[], int], unread_counts_are_pushed: Callable[[], None]
) -> None:
    ann, bob = person("ann"), person("bob")
    first = ann.post("/private/send", {"receiverId": bob.id, "content": "a secret"}, status=201)
    reply = bob.post("/private/send", {"receiverId": ann.id, "content": "I see"}, status=201)
    ann.post("/message/recall", {"messageId": first["id"]})
    keys = [f"user:lastmsg:{ann.id}:{bob.id}", f"user:lastmsg:{bob.id}:{ann.id}"]
    unread_counts_are_pushed()
    redis.flush()
    assert [orjson.loads(opened(copy, ann, bob))["id"] for copy in raw().mget(keys)] == [reply["id"]] * 2
    assert repaired() == 0


def test_words_that_were_recalled_at_once_do_not_come_back_to_a_documented_key(
    person: Any, unread_counts_are_pushed: Any
) -> None:
    ann, bob = person("ann"), person("bob")
    said = ann.post("/private/send", {"receiverId": bob.id, "content": "a secret"}, status=201)
    ann.post("/message/recall", {"messageId": said["id"]})  # before the copies of the message are written
    unread_counts_are_pushed()
    redis.flush()
    for copy in raw().mget(f"user:lastmsg:{ann.id}:{bob.id}", f"user:lastmsg:{bob.id}:{ann.id}"):
        text = opened(copy, ann, bob)
        assert orjson.loads(text)["recalledAt"] and b"a secret" not in text


def test_a_new_name_shows_at_once_in_last_messages(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    for _ in range(2):
        assert_right(bob)
    ann.patch("/me", {"name": f"{ann.name} the second"})
    assert_right(bob)
    assert bob.get("/unread")["private"][0]["lastMessage"]["senderName"].endswith("the second")


def test_leaving_returning_and_dissolving_show_at_once(person: Any, group: Any) -> None:
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    room = group(ann, bob)["id"]
    steps = [
        lambda: ann.post("/group/send", {"groupId": room, "content": "1"}, status=201),
        lambda: cem.post("/group/join", {"groupId": room}),
        lambda: bob.post("/group/leave", {"groupId": room}),
        lambda: ann.post("/group/send", {"groupId": room, "content": "2"}, status=201),
        lambda: bob.post("/group/join", {"groupId": room}),
        lambda: ann.post("/group/send", {"groupId": room, "content": "3"}, status=201),
        lambda: ann.post("/group/kick", {"groupId": room, "userId": cem.id}),
        lambda: ann.post("/group/dissolve", {"groupId": room}),
    ]
    for step in steps:
        for one in (ann, bob, cem):
            one.get("/unread")
        step()
        for one in (ann, bob, cem):
            assert_right(one)


class Stopped:
    """Redis answers nothing, and keeps what it has."""

    def __enter__(self) -> None:
        self.pid = int(raw().info("server")["process_id"])
        os.kill(self.pid, signal.SIGSTOP)

    def __exit__(self, *_: object) -> None:
        os.kill(self.pid, signal.SIGCONT)
        # As in a process that missed nothing: it asks Redis at once.
        _client._failed_at = 0.0


@pytest.fixture
def own_server(server: str) -> None:
    from django.conf import settings as configured

    if not configured.REDIS_EMBEDDED:
        pytest.skip("stops the embedded server")
    return


@pytest.mark.usefixtures("own_server")
def test_what_redis_missed_is_not_answered_from_it(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)["id"]
    bob.get("/unread")
    with Stopped():
        ann.post("/group/send", {"groupId": room, "content": "while it was away"}, status=201)
        assert_right(bob)
    assert_right(bob)
    assert CacheGeneration.objects.get(pk=CacheGeneration.ID).number > 0


@pytest.mark.usefixtures("own_server")
def test_a_redis_that_was_started_again_with_old_data_is_not_believed(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    ann.post("/private/send", {"receiverId": bob.id, "content": "1"}, status=201)
    bob.get("/unread")
    state = raw().get(redis.key("unread:state"))
    room = Membership.objects.get(user_id=bob.id, peer_id=ann.id).room_id
    old = raw().hgetall(redis.key(f"unread:room:{room}"))
    ann.post("/private/send", {"receiverId": bob.id, "content": "2"}, status=201)
    raw().hset(redis.key(f"unread:room:{room}"), mapping=old)  # as the file of a killed server may have it
    raw().script_flush()  # as a started one has it
    assert raw().get(redis.key("unread:state")) == state
    assert_right(bob)
    assert raw().get(redis.key("unread:state")) != state
    with redis.client() as connection:
        assert connection.exists(redis.key(f"unread:room:{room}"))


@pytest.mark.slow
@pytest.mark.usefixtures("own_server")
def test_every_answer_is_right_whatever_people_do_and_whatever_happens_to_redis(person: Any, group: Any) -> None:
    class Talk(RuleBasedStateMachine):
        @initialize()
        def begin(self) -> None:
            self.people = [person(name) for name in ("ann", "bob", "cem")]
            self.room = group(*self.people)["id"]
            self.said: list[tuple[Any, dict[str, Any]]] = []
            self.members = set(range(3))
            self.firsts = dict.fromkeys(range(3), 1)
            self.shows_all = True

        who = st.integers(0, 2)

        @rule(who=who, count=st.integers(1, 3))
        def say(self, who: int, count: int) -> None:
            for number in range(count if who in self.members else 0):
                body = {"groupId": self.room, "content": f"word {number}"}
                self.said.append((self.people[who], self.people[who].post("/group/send", body, status=201)))

        @rule(who=who, other=st.integers(1, 2))
        def say_privately(self, who: int, other: int) -> None:
            body = {"receiverId": self.people[(who + other) % 3].id, "content": "psst"}
            self.said.append((self.people[who], self.people[who].post("/private/send", body, status=201)))

        @precondition(lambda self: self.said)
        @rule(data=st.data(), verb=st.sampled_from(["recall", "edit"]))
        def change(self, data: Any, verb: str) -> None:
            sender, message = data.draw(st.sampled_from(self.said[-6:]))
            body = {"messageId": message["id"], **({"content": "edited"} if verb == "edit" else {})}
            sender.request("post", f"/message/{verb}", body=body)  # refused where it was recalled, or its sender left

        @precondition(lambda self: self.said)
        @rule(data=st.data(), who=who, other=st.integers(1, 2))
        def forward(self, data: Any, who: int, other: int) -> None:
            _sender, message = data.draw(st.sampled_from(self.said[-6:]))
            to = [{"groupId": self.room}, {"toUid": self.people[(who + other) % 3].id}]
            body = {"messageIds": [message["id"]], "to": to}
            answer = self.people[who].request("post", "/message/forward", body=body)
            if answer.status_code == 201:  # refused where they do not see it, have left, or it was recalled
                self.said += [(self.people[who], one) for one in answer.json()["messages"]]

        @precondition(lambda self: self.said)
        @rule(data=st.data(), who=who)
        def hide(self, data: Any, who: int) -> None:
            _sender, message = data.draw(st.sampled_from(self.said[-6:]))
            body = {"messageIds": [message["id"]]}
            self.people[who].request("post", "/message/hide", body=body)  # refused where they do not see it

        @rule(who=who, other=st.integers(1, 2), back=st.integers(0, 3))
        def read(self, who: int, other: int, back: int) -> None:
            me = self.people[who]
            for chat in me.post("/chatList", {}):
                upto = {"upTo": max(0, chat["seq"] - back)}
                if chat["type"] == "group":
                    me.post("/group/markGroupRead", {"groupId": chat["id"], **upto})
                elif chat["id"] == self.people[(who + other) % 3].id:
                    me.post("/markPrivateRead", {"senderId": chat["id"], **upto})

        @rule(who=st.integers(1, 2))
        def come_or_go(self, who: int) -> None:
            route = "leave" if who in self.members else "join"
            self.firsts[who] = 1 if self.shows_all else self.seen(0)[-1] + 1
            self.people[who].post(f"/group/{route}", {"groupId": self.room})
            self.members ^= {who}

        @rule()
        def decide(self) -> None:
            """What those see who join from now on, or everybody."""
            self.shows_all = not self.shows_all
            policy = "whole" if self.shows_all else "joined"
            self.people[0].post("/group/update", {"groupId": self.room, "historyPolicy": policy})
            if self.shows_all:
                self.firsts = dict.fromkeys(range(3), 1)

        def seen(self, who: int) -> list[int]:
            page = self.people[who].get("/group/messages", groupId=self.room, limit=200)
            return [one["seq"] for one in page]

        @rule(who=who)
        def rename(self, who: int) -> None:
            self.people[who].patch("/me", {"name": f"renamed {person.unique()}"})

        @rule(who=who)
        def ask(self, who: int) -> None:
            self.people[who].get("/unread")

        @rule()
        def empty(self) -> None:
            raw().flushall()

        @rule(data=st.data(), value=st.sampled_from(["777", "-1", "x"]))
        def spoil(self, data: Any, value: str) -> None:
            one, other = data.draw(st.permutations(self.people))[:2]
            raw().set(f"user:unread:{one.id}:{other.id}", value)
            raw().set(f"group:unread:{one.id}:{self.room}", value)

        @rule(who=who)
        def stop(self, who: int) -> None:
            with Stopped():
                self.say_privately(who=who, other=1)
                self.read(who=(who + 1) % 3, other=2, back=0)

        @rule(milliseconds=st.integers(50, 150))
        def slow(self, milliseconds: int) -> None:
            raw().client_pause(milliseconds)

        @invariant()
        def everything_is_right(self) -> None:
            for one in getattr(self, "people", ()):
                assert_right(one)
                assert_histories_right(one)
            for who in getattr(self, "members", ()):
                seen = self.seen(who)
                assert (seen[0], len(seen)) == (self.firsts[who], seen[-1] - seen[0] + 1)

    run_state_machine_as_test(
        Talk,
        settings=settings(
            max_examples=int(os.environ.get("TALKS", "6")),
            stateful_step_count=25,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[hypothesis.Phase.generate],
        ),
    )
