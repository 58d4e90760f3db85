"""Finding messages: every one that holds the words and is mine, and none else."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import call_command

from chatproject.core import costs
from chatproject.core.times import now
from messaging import candidates, sealed, services
from messaging import search as finding
from messaging.models import Message, SearchBlock, SearchedRoom, SearchRow, SearchState
from messaging.search_index import grams, postings
from messaging.services import indexing, searching
from tests.people import Refused

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
    """Two in a group, a word that nobody else says, and a way to say something there.

    The word ends with two syllables that stand together nowhere else: a block that has all parts of a word, each in
    another message, would be taken for one that has the word.
    """
    ann, bob = person("ann"), person("bob")
    first, second = divmod(person.number(), 10_000)
    word = f"苦丁{chr(ord('가') + first)}{chr(ord('가') + second)}"
    room = group(ann, bob)

    def say(text: str, **more: Any) -> Any:
        return ann.post("/group/send", {"groupId": room["id"], "content": text, **more}, status=201)

    return ann, bob, room, word, say


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
        ("昨天的會議記錄在這裡", "会议记录"),
        ("头发和发财", "頭髮"),
        ("ﾄｳｷｮｳ東京タワー", "トウキョウ"),
        ("東京タワー", "京タ"),
        ("서울특별시 강남구", "특별"),
        ("order 1380013800, thanks", "380013"),
        ("iPhone手机 v2.0", "e手"),
        ("👩‍👩‍👧 together", "👩‍👧"),
        ("ภาษาไทยง่าย", "ไทย"),
        ("one two three", "three one"),
        ("red tea and green tea", '"green tea" red'),
        ("绿茶 和 红茶", "“红茶” 绿"),
        ("他说「天安门广场」很大", "「安门广」 说"),
        ("a unique-word/with:marks", "word/with"),
    ],
)
def test_any_part_of_what_was_said_finds_it_whatever_its_case(tea: Any, said: str, asked: str) -> None:
    _ann, bob, room, _word, say = tea
    sent = say(said)
    where = {"chatId": room["id"], "isGroup": True}
    for _ in ("as it came", "from the index"):
        assert ids(bob.get("/message/search", q=asked, **where)) == [sent["id"]]
        assert bob.get("/message/search", q=asked + "qx", **where) == []
        call_command("index", stdout=StringIO())


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


@pytest.fixture
def indexed() -> Callable[[], None]:
    """Everything that was said is in the index."""

    def write() -> None:
        call_command("index", stdout=StringIO())

    return write


def in_the_index(word: str) -> list[int]:
    """The blocks of the index that know of a word, whatever else they know of it."""
    found = []
    for number, size, key in SearchBlock.objects.values_list("pk", "size", "key"):
        assert key is not None, "the index tells nothing without the key"
        secret = sealed.token_key(key)
        places = [postings.place(grams.token(gram, secret)) for gram in grams.needed([word])]
        rows = SearchRow.objects.in_bulk([postings.row_id(number, place.shard) for place in places])
        if all(
            (row := rows.get(postings.row_id(number, place.shard)))
            and postings.found(bytes(row.entries), place.rest, size)
            for place in places
        ):
            found.append(number)
    return found


def test_words_in_any_order_phrases_only_in_theirs(tea: Any, indexed: Callable[[], None]) -> None:
    _ann, bob, _room, word, say = tea
    said = say(f"red {word} and a green pot")["id"]
    for _ in ("as it came", "from the index"):
        for asked in (f"pot {word}", f"{word} green red", f'"a green" {word}', f'"red {word}"', f"{word} {word}"):
            assert ids(bob.get("/message/search", q=asked)) == [said], asked
        for asked in (f'"{word} red"', f"{word} blue", f'"green {word}"', f'"a pot" {word}'):
            assert bob.get("/message/search", q=asked) == [], asked
        indexed()


def test_conditions_name_senders_chats_kinds_and_days(
    tea: Any, person: Any, group: Any, indexed: Callable[[], None]
) -> None:
    ann, bob, _room, word, say = tea
    other = group(bob, ann, name=f"Garden {word}")
    plain, link = say(f"{word} plain")["id"], say(f"{word} https://example.org/x")["id"]
    uploaded = ann.upload(b"hello", f"{word}.pdf", "files")
    file = say("", type="file", mediaUrl=uploaded["mediaUrl"])["id"]
    body = {"groupId": other["id"], "content": f"{word} bob's, note:this 12:30"}
    bobs = bob.post("/group/send", body, status=201)["id"]
    old = say(f"{word} old")["id"]
    Message.objects.filter(pk=old).update(sent_at="2024-05-01T22:00:00+00:00")
    called = ann.user["name"]
    answers = {
        f"from:me {word}": [bobs],
        f"来自：我 {word}": [bobs],
        f'from:"{called}" {word} has:link': [link],
        f'from:"{called}" from:me in:"garden {word}" {word}': [bobs],
        f"在:garden {word}": [bobs],
        f"{word} has:file": [file],
        f"含:文件 {word}": [file],
        f"has:image {word}": [],
        f"{word} before:2025": [old],
        f"{word} before:2024-05-01": [],
        f"{word} after:2024-05-02 before:2024年6月": [],
        f"{word} 早于:2024-05-02": [old],
        f"{word} after:2025-01-01 from:me": [bobs],
        f"{word} note:this": [bobs],
        f"{word} before:yesterday": [],
        f"{word} 12:30": [bobs],
        f'"from:me" {word}': [],
        f"from:{NOBODY} {word}": [],
        f"{word} after:2025 has:link": [link],
    }
    for _ in ("as it came", "from the index"):
        assert {asked: ids(bob.get("/message/search", q=asked)) for asked in answers} == answers
        shanghai = bob.get("/message/search", q=f"{word} after:2024-05-02 before:2024-05-03", timeZone="Asia/Shanghai")
        assert ids(shanghai) == [old]
        assert ids(bob.get("/message/search", q=f"{word} before:2025", timeZone="../etc/passwd")) == [old]
        assert plain in ids(bob.get("/message/search", q=f"in:tea {word}"))
        assert bob.get("/message/search", q=f"in:tea {word}", chatId=other["id"], isGroup=True) == []
        assert person("eve").get("/message/search", q=f"from:{called} in:garden") == []
        indexed()


@pytest.mark.parametrize(
    ("said", "asked", "marked"),
    [
        ("one two, one", "ONE two", ["one two", "one"]),
        ("这是會議記錄。", "会议 记录", ["會議記錄"]),
        ("Tea，茶：會議 TEA tea（v2.0）", "tea 会议 v2", ["Tea", "會議 TEA tea", "v2"]),
        ("👩‍👩‍👧 a Café é", '"café é"', ["Café é"]),
        ("red\n  tea, green tea", '"red tea"', ["red\n  tea"]),
        ("Straße: ﬁn", "strasse fi", ["Straße", "ﬁ"]),
        ("nothing of it", "from:me", []),
    ],
)
def test_results_say_where_they_say_it(tea: Any, said: str, asked: str, marked: list[str]) -> None:
    ann, _bob, room, _word, say = tea
    say(said)
    (found,) = ann.get("/message/search", q=asked, chatId=room["id"], isGroup=True)
    units = found["content"].encode("utf-16-le")
    assert [units[2 * begin : 2 * end].decode("utf-16-le") for begin, end in found["marks"]] == marked


def test_the_socket_answers_as_http_does(tea: Any, person: Any, indexed: Callable[[], None]) -> None:
    _ann, bob, room, word, say = tea
    for number in range(3):
        say(f"{word} {number}")
    indexed()
    say(f"{word} 3")
    socket, eves = bob.connect(), person("eve").connect()
    first = socket.call("EmitSearch", {"q": word, "limit": 3})
    second = socket.call("EmitSearch", {"q": word, "limit": 3, "before": first["next"]})
    assert first["messages"] + second["messages"] == bob.get("/message/search", q=word)
    assert second["next"] is None
    assert eves.call("EmitSearch", {"q": word}) == {"messages": [], "next": None}
    with pytest.raises(Refused, match="not_found"):
        eves.call("EmitSearch", {"q": word, "chatId": room["id"], "isGroup": True})


def test_what_was_edited_or_recalled_leaves_the_index_too(tea: Any, indexed: Callable[[], None]) -> None:
    ann, bob, _room, word, say = tea
    kept, edited, recalled = say(f"{word} stays"), say(f"{word} 桃花源记"), say(f"{word} 岳阳楼记")
    indexed()
    assert in_the_index("桃花源记") and in_the_index("岳阳楼记")
    ann.post("/message/edit", {"messageId": edited["id"], "content": f"{word} 醉翁亭记"})
    ann.post("/message/recall", {"messageId": recalled["id"]})
    for _ in ("at once", "when the index knows it"):
        assert ids(bob.get("/message/search", q=word)) == [edited["id"], kept["id"]]
        assert ids(bob.get("/message/search", q=f"{word} 醉翁亭")) == [edited["id"]]
        assert bob.get("/message/search", q="桃花源记") == bob.get("/message/search", q="岳阳楼记") == []
        services.index_some()
    assert in_the_index("桃花源记") == in_the_index("岳阳楼记") == []
    indexed()
    assert ids(bob.get("/message/search", q=f"{word} 醉翁亭")) == [edited["id"]]
    assert in_the_index("醉翁亭记")


def test_of_a_purged_group_the_index_keeps_nothing(tea: Any, indexed: Callable[[], None]) -> None:
    ann, bob, room, word, say = tea
    say(f"{word} 蜀道难")
    indexed()
    assert in_the_index(word)
    ann.post("/group/dissolve", {"groupId": room["id"]})
    assert bob.get("/message/search", q=word) == []
    services.purge(before=now() + timedelta(days=1))
    indexed()
    assert in_the_index(word) == []
    assert not SearchedRoom.objects.filter(pk=room["id"]).exists()


def test_who_joins_finds_what_was_said_before_in_a_group_whose_history_they_see(
    tea: Any, person: Any, indexed: Callable[[], None]
) -> None:
    ann, _bob, room, word, say = tea
    said = say(word)
    indexed()
    eve = person("eve")
    assert eve.get("/message/search", q=word) == []
    ann.post("/group/invite", {"groupId": room["id"], "userIds": [eve.id]})
    assert ids(eve.get("/message/search", q=word)) == [said["id"]]


def test_the_index_is_written_on_where_it_was_stopped_and_anew_where_it_is_wanted(tea: Any) -> None:
    _ann, bob, _room, word, say = tea
    said = [say(f"{word} {number}")["id"] for number in range(3)]
    out = StringIO()
    call_command("index", "--status", stdout=out)
    call_command("index", "--rebuild", stdout=out)
    say(word)
    call_command("index", "--status", stdout=out)
    first, *_steps, last, status = out.getvalue().splitlines()
    total = last.split()[0]
    assert last == f"{total} of {total} messages are in the index"
    assert status == f"{total} of {int(total) + 1} messages are in the index"
    assert int(first.split()[0]) <= int(total) - 3
    assert ids(bob.get("/message/search", q=word))[1:] == said[::-1]


def test_two_do_not_write_the_index_at_once(tea: Any) -> None:
    _ann, bob, _room, word, say = tea
    said = say(word)["id"]
    SearchState.objects.update_or_create(
        pk=SearchState.ID, defaults={"holder": "another process", "held_until": now() + timedelta(minutes=1)}
    )
    before = services.index_state().waiting
    assert services.index_some(at_least=1).blocks == 0
    assert services.index_state().waiting == before
    assert ids(bob.get("/message/search", q=word)) == [said]
    SearchState.objects.update(held_until=now() - timedelta(seconds=1))
    assert services.index_some(at_least=1).waiting == 0, "it was killed, and another takes over"
    assert ids(bob.get("/message/search", q=word)) == [said]


def test_a_part_of_a_block_is_written_anew_with_what_follows_and_a_search_meanwhile_misses_nothing(
    tea: Any, indexed: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    _ann, bob, _room, word, say = tea
    monkeypatch.setattr(indexing, "PART", 2)
    monkeypatch.setattr(indexing, "LEAST", 2)
    monkeypatch.setattr(indexing, "BLOCK", 5)
    indexed()
    said: list[str] = []

    def grow() -> list[int]:
        said.extend(say(f"{word} {number}")["id"] for number in range(2))
        services.index_some(at_least=2)
        return in_the_index(word)

    (part,) = grow()
    listed = candidates._blocks
    grown: list[list[int]] = []

    def meanwhile(*when: Any) -> Any:
        blocks = list(listed(*when))
        if not grown:
            grown.append(grow())
        return blocks

    monkeypatch.setattr(candidates, "_blocks", meanwhile)
    assert ids(bob.get("/message/search", q=word)) == said[::-1]
    assert len(said) == 4 and len(grown[0]) == 1 and grown[0] != [part]
    assert SearchBlock.objects.get(pk=grown[0][0]).size == 4
    assert len(grow()) == 2, "a whole one stays"
    assert ids(bob.get("/message/search", q=word)) == said[::-1]


def test_blocks_are_searched_in_the_order_of_time_however_they_were_written(
    tea: Any, indexed: Callable[[], None]
) -> None:
    ann, bob, _room, word, say = tea
    said = []
    for number in range(6):
        said.append(say(f"{word} {number}")["id"])
        indexed()
    ann.post("/message/edit", {"messageId": said[1], "content": f"{word} again"})
    indexed()  # in a block behind all others now
    found = pages(bob, q=word, limit=2)
    assert [one for page in found for one in page] == said[::-1]


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
    monkeypatch.setattr(finding, "READ_MAX", 0)
    monkeypatch.setattr(finding, "LOOKED_AT_IN_ROOMS", 5)
    monkeypatch.setattr(finding, "LOOKED_AT", 4)
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
        ({"q": "x" * 201}, "q"),
        ({"q": "x", "limit": 0}, "limit"),
        ({"q": "x", "before": "12"}, "before"),
        ({"q": "x", "chatId": "tea"}, "chatId"),
    ],
)
def test_a_wrong_search_is_told_what_is_wrong(person: Any, query: dict[str, Any], field: str) -> None:
    refused = person("ann").get("/message/search", status=400, **query)
    assert refused["code"] == "invalid" and list(refused["errors"]) == [field]


def test_a_search_takes_few_queries_however_many_blocks_there_are(tea: Any, query_budget: Any) -> None:
    _ann, bob, _room, word, say = tea
    for number in range(10):
        say(f"{word} {number}")
    with query_budget(12):
        assert len(bob.get("/message/search", q=word)) == 10
    for number in range(10):
        call_command("index", stdout=StringIO())
        say(f"{word} {number}")
    with query_budget(20):
        assert len(bob.get("/message/search", q=word, limit=50)) == 20


def test_a_hit_says_who_has_read_it_as_its_history_does(tea: Any, person: Any, indexed: Callable[[], None]) -> None:
    ann, bob, room, word, say = tea
    eve = person("eve")
    ann.post("/group/invite", {"groupId": room["id"], "userIds": [eve.id]})
    said = [say(f"{word} {number}") for number in range(3)]
    bobs = bob.post("/group/send", {"groupId": room["id"], "content": f"{word} bob's"}, status=201)
    bob.post("/group/markGroupRead", {"groupId": room["id"], "upTo": said[1]["seq"]})
    eve.post("/group/markGroupRead", {"groupId": room["id"], "upTo": said[0]["seq"]})
    for number in range(2):
        ann.post("/private/send", {"receiverId": bob.id, "content": f"{word} psst {number}"}, status=201)
    private = {"senderId": ann.id, "receiverId": bob.id}
    ann.post("/private/send", {"receiverId": ann.id, "content": f"{word} to myself"}, status=201)
    bob.post("/markPrivateRead", {"senderId": ann.id, "upTo": 1})
    shown = [
        *ann.get("/group/messages", groupId=room["id"]),
        *ann.get("/private/messages", **private),
        *ann.get("/private/messages", senderId=ann.id, receiverId=ann.id),
    ]
    wanted = {one["id"]: one for one in shown if word in one["content"]}
    assert wanted[bobs["id"]]["readCount"] < wanted[said[0]["id"]]["readCount"] == 2
    for _ in ("as it came", "from the index"):
        found = ann.get("/message/search", q=word)
        assert len(found) == 7
        assert [{key: value for key, value in one.items() if key != "marks"} for one in found] == [
            wanted[one["id"]] for one in found
        ]
        indexed()


def test_of_many_chats_only_my_own_are_found_and_what_i_see_of_them(
    tea: Any, person: Any, group: Any, indexed: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob, _room, word, say = tea
    monkeypatch.setattr(finding, "ROOMS_BY_PIECES", 0)
    monkeypatch.setattr("messaging.candidates.FEW", 2)
    eve = person("eve")
    others = group(ann, eve)
    late = group(ann)
    ann.post("/group/update", {"groupId": late["id"], "historyPolicy": "joined"})
    said = []
    for number in range(4):
        said.append(say(f"{word} no{number}th")["id"])
        ann.post("/group/send", {"groupId": others["id"], "content": f"{word} no{number}th"}, status=201)
        ann.post("/group/send", {"groupId": late["id"], "content": f"{word} no{number}th"}, status=201)
    ann.post("/group/invite", {"groupId": late["id"], "userIds": [bob.id]})
    said.append(ann.post("/group/send", {"groupId": late["id"], "content": f"{word} no4th"}, status=201)["id"])
    hidden = say(f"{word} no5th")["id"]
    bob.post("/message/hide", {"messageIds": [hidden]})
    for _ in ("as it came", "from the index"):
        assert ids(bob.get("/message/search", q=word)) == said[::-1]
        assert ids(bob.get("/message/search", q=f"{word} no3th")) == [said[3]]
        assert pages(bob, q=word, limit=2) == [said[:2:-1], said[2:0:-1], said[:1]]
        indexed()


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
    search = finding.search

    def held_search(*args: Any, **more: Any) -> finding.Found:
        assert go.wait(60)
        return search(*args, **more)

    monkeypatch.setattr(searching, "find", held_search)
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
    monkeypatch.setattr(costs, "POINTS_PER_SECOND", 10**9)
    ann = person("ann")
    ann.get("/message/search", q="a")
    ann.get("/me", status=429)
