"""Finding messages: every one that holds the words and is mine, and none else."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from messaging import selectors
from messaging.services import searching

NOBODY = "01890000-0000-7000-8000-000000000000"


def ids(found: Any) -> list[str]:
    return [one["id"] for one in found]


def pages(someone: Any, **query: Any) -> list[list[str]]:
    """All pages, each as the one before names it."""
    found = []
    more: dict[str, Any] | None = {}
    while more is not None:
        answer = someone.request("get", "/message/search", query={**query, **more})
        assert answer.status_code == 200, answer.text
        found.append(ids(answer.json()))
        link = answer.links.get("next")
        more = {"before": parse_qs(urlsplit(link["url"]).query)["before"][0]} if link else None
    return found


@pytest.fixture
def tea(person: Any, group: Any) -> Any:
    """Two in a group, a word that nobody else says, and a way to say something there."""
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)

    def say(text: str, **more: Any) -> Any:
        return ann.post("/group/send", {"groupId": room["id"], "content": text, **more}, status=201)

    return ann, bob, room, f"苦丁{person.unique()}", say


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("明天去天安门广场吧", "安门"),
        ("Hello World", "lo wo"),
        ("hello world", "HELLO"),
        ("Привет, МИР", "привет, мир"),
        ("CAFÉ Ζώνη", "café ζ"),
        ("100% [a].* _x_ \\d 'q\" ☕️", "% [a].* _x_ \\d 'q\" ☕"),
        ("one\ntwo", "one\ntwo"),
        ("one\r\ntwo", "one two"),
        ("one\u2028two", "one  two"),
        ("cafe\u0301", "café"),
        ("Café", "CAFE\u0301"),
        ("e\u0323\u0302", "\u1ec7"),
        ("ＡＢＣ１２３", "abc123"),
        ("abc 123", "ＡＢＣ　１２３"),
        ("ｶﾞｷﾞｸﾞ", "ガギグ"),
        ("ガギグ", "ｶﾞ"),
        ("한국어", "\u1112\u1161\u11ab\u1100\u116e\u11a8"),
        ("\u1112\u1161\u11ab", "한"),
        ("한국어", "국"),
        ("これを", "を"),
        ("नमस्ते", "म"),
        ("cheers 🎉!", "🎉"),
        ("I ❤️ tea", "❤"),
        ("I ❤ tea", "❤️"),
        ("Straße", "STRASSE"),
        ("GROSS", "groß"),
        ("İstanbul", "istanbul"),
        ("ISPARTA", "ısparta"),
        ("ΟΔΟΣ", "οδος"),
        ("co\u00adoperate", "cooperate"),
        ("می\u200cخواهم", "میخواهم"),
        ("㎏ ﬁne", "kg fine"),
        ("⾦曜日", "金"),
        ("x", "x"),
        ("خبر عاجل", "عاجل"),
    ],
)
def test_any_part_of_what_was_said_finds_it_whatever_its_case(tea: Any, said: str, asked: str) -> None:
    _ann, bob, room, _word, say = tea
    sent = say(said)
    where = {"chatId": room["id"], "isGroup": True}
    assert ids(bob.get("/message/search", q=asked, **where)) == [sent["id"]]
    assert bob.get("/message/search", q=asked + "qx", **where) == []


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("İpek", "ipek"),
        ("Ｗｉｄｅ", "wide"),
        ("Weiß", "WEISS"),
        ("한결", "\u1112\u1161\u11ab"),
        ("Ame\u0301lie", "AMÉ"),
    ],
)
def test_people_and_groups_are_found_however_their_names_are_written(
    person: Any, group: Any, name: str, asked: str
) -> None:
    ann = person("ann")
    named = person(name)
    room = group(ann, name=f"{name} {person.unique()}")
    assert named.id in {one["id"] for one in ann.get("/userChatList", search=asked, limit=200)}
    assert room["id"] in {one["id"] for one in ann.get("/group/allList", search=asked, limit=200)}
    assert ann.get("/userChatList", search=f"{asked} qx") == ann.get("/group/allList", search=f"{asked} qx") == []


def test_strangers_and_those_who_left_find_nothing(tea: Any, person: Any) -> None:
    ann, bob, room, word, say = tea
    sent = say(f"a cup of {word}")
    eve = person("eve")
    assert ids(bob.get("/message/search", q=word)) == [sent["id"]]
    assert eve.get("/message/search", q=word) == []
    eve.get("/message/search", q=word, chatId=room["id"], isGroup=True, status=404)
    eve.get("/message/search", q=word, chatId=ann.id, status=404)
    bob.post("/group/leave", {"groupId": room["id"]})
    assert bob.get("/message/search", q=word) == []
    bob.get("/message/search", q=word, chatId=room["id"], isGroup=True, status=404)


def test_an_edited_message_is_found_by_its_new_words_only_and_a_recalled_one_by_none(tea: Any) -> None:
    ann, bob, _room, word, say = tea
    sent = say(f"{word} old")
    ann.post("/message/edit", {"messageId": sent["id"], "content": f"{word} new"})
    assert bob.get("/message/search", q=f"{word} old") == []
    assert ids(bob.get("/message/search", q=f"{word} new")) == [sent["id"]]
    ann.post("/message/recall", {"messageId": sent["id"]})
    assert bob.get("/message/search", q=word) == []


def test_files_and_places_are_found_by_their_names_and_not_by_how_they_are_stored(tea: Any) -> None:
    ann, bob, room, word, say = tea
    uploaded = ann.upload(b"hello", f"{word} Q3.pdf", "files")
    sent = say("", type="file", mediaUrl=uploaded["mediaUrl"])
    place = {"latitude": 39.9, "longitude": 116.4, "name": 'The "Old" Tea\\House', "address": f"{word}路 8"}
    met = say("", type="location", locationData=place)
    assert ids(bob.get("/message/search", q=word)) == [met["id"], sent["id"]]
    assert ids(bob.get("/message/search", q=f"{word} q3")) == [sent["id"]]
    assert ids(bob.get("/message/search", q='e "old" tea\\h', chatId=room["id"], isGroup=True)) == [met["id"]]
    for inner in ("fileName", "uploads/files", "latitude", "116.4"):
        assert bob.get("/message/search", q=inner, chatId=room["id"], isGroup=True) == []
    ann.post("/message/recall", {"messageId": sent["id"]})
    assert ids(bob.get("/message/search", q=word)) == [met["id"]]


def test_pages_hold_every_hit_once_newest_first(tea: Any) -> None:
    _ann, bob, _room, word, say = tea
    said = [say(f"{word} {number}")["id"] for number in range(7)]
    found = pages(bob, q=word, limit=3)
    assert [len(page) for page in found] == [3, 3, 1]
    assert [one for page in found for one in page] == said[::-1]


def test_a_search_looks_at_so_many_messages_and_says_where_it_goes_on(tea: Any, monkeypatch: Any) -> None:
    _ann, bob, room, word, say = tea
    monkeypatch.setattr(selectors, "LOOKED_AT_IN_ROOMS", 5)
    monkeypatch.setattr(selectors, "LOOKED_AT", 4)
    first = say(word)["id"]
    for number in range(10):
        say(f"something else {number}")
    last = say(word)["id"]
    for where in ({}, {"chatId": room["id"], "isGroup": True}):
        found = pages(bob, q=word, **where)
        assert len(found) > 3 and found[0] == [last] and [] in found
        assert [one for page in found for one in page] == [last, first]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "q"),
        ({"q": "   "}, "q"),
        ({"q": "x" * 101}, "q"),
        ({"q": "x", "limit": 0}, "limit"),
        ({"q": "x", "before": "12"}, "before"),
        ({"q": "x", "chatId": "tea"}, "chatId"),
    ],
)
def test_a_wrong_search_is_told_what_is_wrong(person: Any, query: dict[str, Any], field: str) -> None:
    refused = person("ann").get("/message/search", status=400, **query)
    assert refused["code"] == "invalid" and list(refused["errors"]) == [field]


def test_a_search_takes_five_queries(tea: Any, query_budget: Any) -> None:
    _ann, bob, _room, word, say = tea
    for number in range(10):
        say(f"{word} {number}")
    with query_budget(5):
        assert len(bob.get("/message/search", q=word)) == 10


# Messages by their ids ------------------------------------------------------------------------------------------------


def test_what_a_reply_answers_is_shown_to_those_who_may_see_it(tea: Any, person: Any) -> None:
    ann, bob, _room, word, say = tea
    first, second = say(word), say("another")
    private = ann.post("/private/send", {"receiverId": bob.id, "content": "psst"}, status=201)
    wanted = [first["id"], second["id"], private["id"], NOBODY]
    found = bob.request("get", "/message/quoted", query={"messageId": wanted}).json()
    assert {one["id"]: one["content"] for one in found} == {
        first["id"]: word,
        second["id"]: "another",
        private["id"]: "psst",
    }
    assert {one["receiverId"] for one in found} == {None, bob.id}
    assert person("eve").request("get", "/message/quoted", query={"messageId": wanted}).json() == []
    ann.post("/message/recall", {"messageId": first["id"]})
    (recalled,) = bob.get("/message/quoted", messageId=first["id"])
    assert recalled["recalledAt"] and recalled["content"] == ""


def test_messages_are_asked_for_by_ids_and_not_too_many(person: Any) -> None:
    ann = person("ann")
    assert list(ann.get("/message/quoted", status=400)["errors"]) == ["messageId"]
    assert ann.get("/message/quoted", status=400, messageId="tea")["code"] == "invalid"
    many = ann.request("get", "/message/quoted", query={"messageId": [NOBODY] * 201})
    assert many.status_code == 400


# At whose cost --------------------------------------------------------------------------------------------------------


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Searches stand still until it is set."""
    go = threading.Event()
    search = selectors.search

    def held_search(*args: Any, **more: Any) -> selectors.Found:
        assert go.wait(60)
        return search(*args, **more)

    monkeypatch.setattr(selectors, "search", held_search)
    yield go
    go.set()


def test_searches_keep_nobody_else_waiting_and_those_of_one_person_few(person: Any, held: threading.Event) -> None:
    ann, bob = person("ann"), person("bob")
    asked: list[Future[int]] = []
    refused = threading.Semaphore(0)
    with ThreadPoolExecutor(40) as crowd:
        for _ in range(20):
            asked.append(crowd.submit(lambda: ann.request("get", "/message/search", query={"q": "é"}).status_code))
            asked[-1].add_done_callback(lambda _: refused.release())
        for _ in range(20 - searching.PRESENT_EACH):
            assert refused.acquire(timeout=60), "refused at once, while the others wait"
        for _ in range(20):
            bob.get("/me", status=200)
        assert bob.connect().call("EmitGetUnreadCount")
        other = crowd.submit(bob.get, "/message/search", q="é")
        held.set()
        assert other.result() == []
        statuses = sorted(one.result() for one in asked)
    assert statuses == [200] * searching.PRESENT_EACH + [503] * (20 - searching.PRESENT_EACH)


def test_many_who_search_at_once_keep_nobody_else_waiting(person: Any, held: threading.Event) -> None:
    people = [person("x") for _ in range(20)]
    refused = threading.Semaphore(0)
    with ThreadPoolExecutor(20) as crowd:
        asked = [crowd.submit(one.request, "get", "/message/search", query={"q": "é"}) for one in people]
        for one in asked:
            one.add_done_callback(lambda _: refused.release())
        for _ in range(20 - searching.PRESENT_MAX):
            assert refused.acquire(timeout=60)
        for _ in range(20):
            people[0].get("/me", status=200)
        held.set()
        answers = [one.result() for one in asked]
    assert sorted(one.status_code for one in answers) == [200] * searching.PRESENT_MAX + [503] * (
        20 - searching.PRESENT_MAX
    )
    assert {one.json()["code"] for one in answers if one.status_code == 503} == {"busy"}


def test_a_search_is_charged_for_the_time_it_took(person: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RATE_ACTIONS = "1000/1h"
    monkeypatch.setattr(searching, "POINTS_PER_SECOND", 10**9)
    ann = person("ann")
    ann.get("/message/search", q="a")
    ann.get("/me", status=429)
