"""Reactions: any emoji on a message, counted exactly, told to those in the chat and to nobody else."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib import import_module
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection

from accounts import services as accounts
from accounts.models import User
from chatproject.core import times
from messaging.models import Message, Reaction
from tests.people import Person, Refused


def say(someone: Person, room: dict[str, Any], text: str = "hello") -> dict[str, Any]:
    sent: dict[str, Any] = someone.post("/group/send", {"groupId": room["id"], "content": text}, status=201)
    return sent


def react(someone: Person, message: dict[str, Any], emoji: str, on: bool = True) -> list[tuple[str, int]]:
    """React by HTTP; returns emoji and count of what is on the message then."""
    said = someone.post("/message/react", {"messageId": message["id"], "emoji": emoji, "on": on}, status=200)
    return [(one["emoji"], one["count"]) for one in said["reactions"]]


def names(someone: Person, message: dict[str, Any], **page: Any) -> list[tuple[str, str]]:
    """Who reacted with what, as somebody is told on asking."""
    found = someone.get("/message/reactions", messageId=message["id"], **page)
    return [(one["emoji"], one["user"]["name"]) for one in found]


def test_a_reaction_reaches_everybody_in_the_chat_and_nobody_else(person: Any, group: Any) -> None:
    ann, bob, cem, eve = person("ann"), person("bob"), person("cem"), person("eve")
    room = group(ann, bob, cem)
    message = say(ann, room)
    assert message["reactions"] == []
    anns, bobs, cems, eves = ann.connect(), bob.connect(), cem.connect(), eve.connect()
    reacted = bobs.call("EmitReact", {"messageId": message["id"], "emoji": "👍"})
    assert reacted["reactions"] == [{"emoji": "👍", "count": 1, "userIds": [bob.id]}]
    assert (reacted["version"], reacted["editedAt"]) == (message["version"] + 1, None)
    for socket in (anns, bobs, cems):
        assert socket.next("OnReaction") == reacted
    assert react(ann, message, "🎉") == [("👍", 1), ("🎉", 1)]
    assert react(cem, message, "👍") == [("👍", 2), ("🎉", 1)]
    assert [one["reactions"][-1]["count"] for one in (anns.next("OnReaction"), anns.next("OnReaction"))] == [1, 1]
    # What changes nothing is no event, and takes no version.
    assert react(cem, message, "👍") == react(ann, message, "👎", on=False) == [("👍", 2), ("🎉", 1)]
    assert anns.silent("OnReaction")
    assert names(ann, message) == [("🎉", ann.name), ("👍", bob.name), ("👍", cem.name)], "mine stand first"
    assert react(bob, message, "👍", on=False) == [("👍", 1), ("🎉", 1)]
    assert [len(anns.next("OnReaction")["reactions"]) for _ in range(1)] == [2]
    assert react(cem, message, "👍", on=False) == [("🎉", 1)]
    assert react(ann, message, "🎉", on=False) == []
    assert eves.silent()
    assert not anns.heard("groupUnreadUpdate") and not cems.heard("groupUnreadUpdate"), "nobody has more to read"


def test_in_a_private_chat_the_two_react_and_nobody_else(person: Any) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    message = ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    anns, bobs, eves = ann.connect(), bob.connect(), eve.connect()
    assert react(bob, message, "❤") == [("❤️", 1)]
    heard = anns.next("OnReaction")
    assert heard == bobs.next("OnReaction")
    assert (heard["senderId"], heard["receiverId"]) == (ann.id, bob.id)
    assert react(ann, message, "❤️") == [("❤️", 2)]
    for verb, path in (("post", "/message/react"), ("get", f"/message/reactions?messageId={message['id']}")):
        assert eve.request(verb, path, body={"messageId": message["id"], "emoji": "👍"}).status_code == 404
    assert eves.silent()


def test_every_road_to_a_message_has_its_reactions_and_costs_no_query_more(
    person: Any, group: Any, query_budget: Any
) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    word = f"w{uuid4().hex}"
    first, second = say(ann, room, f"{word} one"), say(ann, room, f"{word} two")
    roads = {
        "history": lambda: bob.get("/group/messages", groupId=room["id"])[-2:],
        "older": lambda: bob.get("/group/messages", groupId=room["id"], before=second["seq"] + 1)[-2:],
        "after": lambda: bob.get("/group/messages", groupId=room["id"], after=second["seq"] - 2),
        "quoted": lambda: bob.get("/message/quoted", messageId=first["id"]),
        "search": lambda: bob.get("/message/search", q=word)[::-1],
        "list": lambda: [chat["lastMessage"] for chat in bob.post("/chatList") if chat["id"] == room["id"]],
        "unread": lambda: [one["lastMessage"] for one in bob.get("/unread")["group"]],
        "sync": lambda: bob.post("/sync", {"cursors": {}})["chats"][0]["messages"][-2:],
    }
    cursors = {chat["id"]: chat["version"] for chat in bob.post("/sync", {"cursors": {}})["chats"]}
    plain, spent = {}, {}
    for name, ask in roads.items():
        ask(), ask()  # what is kept from now on is kept
        with query_budget(100) as heard:
            plain[name] = ask()
        spent[name] = len(heard)
    react(ann, first, "👍")
    react(bob, second, "👍")
    react(ann, second, "🎉")
    (chat,) = bob.post("/sync", {"cursors": cursors})["chats"]
    assert [one["content"] for one in chat["messages"]] == [first["content"], second["content"]]
    state = {message["id"]: message["reactions"] for message in chat["messages"]}
    assert [[one["emoji"] for one in state[message["id"]]] for message in (first, second)] == [["👍"], ["👍", "🎉"]]
    for name, ask in roads.items():
        found = ask()
        assert {one["id"]: one["reactions"] for one in found} == {one["id"]: state[one["id"]] for one in plain[name]}, (
            name
        )
        assert [one["content"] for one in found] == [one["content"] for one in plain[name]]
        ask()
        with query_budget(spent[name]):
            ask()


#: What is one emoji, and how it is stored.
EMOJI = {
    "👍": "👍", "👍🏽": "👍🏽", "❤": "❤️", "❤\ufe0e": "❤️", "☝🏿": "☝🏿", "☝\ufe0f🏿": "☝🏿", "1⃣": "1️⃣", "*\ufe0f⃣": "*️⃣", "🇨🇳": "🇨🇳",
    "🏴󠁧󠁢󠁳󠁣󠁴󠁿": "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "👨‍👩‍👧‍👦": "👨‍👩‍👧‍👦", "👩🏽‍❤‍💋‍👨🏿": "👩🏽‍❤️‍💋‍👨🏿", "🏳‍🌈": "🏳️‍🌈", "👁‍🗨": "👁️‍🗨️", " 🫡 ": "🫡", "©": "©️",
}  # fmt: skip
NO_EMOJI = [
    "", " ", "a", "1", "#", "é", "赞", "👍👍", "👍a", "👍 👍", "😀\u0301", "👍\u200d", "\u200d👍", "\ufe0f", "\u200d", "🇨", "🇨🇳🇩", "1\ufe0f",
    "🍎🏽", "🏴\U000e0067\U000e007f", "👩" + "\u200d👩" * 4, "👍" * 70, "☇", "<b>", "\U0010ffff", "😀\0",
]  # fmt: skip


def test_what_is_exactly_one_emoji_is_taken_and_nothing_else(person: Any, group: Any) -> None:
    ann = person("ann")
    message = say(ann, group(ann))
    anns = ann.connect()
    for given, stored in EMOJI.items():
        assert react(ann, message, given) == [(stored, 1)], ascii(given)
        assert react(ann, message, stored, on=False) == [], ascii(given)
    for given in NO_EMOJI:
        answer = ann.request("post", "/message/react", body={"messageId": message["id"], "emoji": given})
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["emoji"]), ascii(given)
        with pytest.raises(Refused, match="invalid"):
            anns.call("EmitReact", {"messageId": message["id"], "emoji": given})
    wrongs: list[Any] = [None, 5, [], {"a": 1}, True]
    for wrong in wrongs:
        assert (
            ann.request("post", "/message/react", body={"messageId": message["id"], "emoji": wrong}).status_code == 400
        )
    ann.post("/message/react", {"messageId": message["id"], "emoji": "👍", "on": "perhaps"}, status=400)
    assert names(ann, message) == []


def test_a_message_has_twenty_emoji_at_most_and_eight_of_one_person(person: Any, group: Any) -> None:
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    message = say(ann, group(ann, bob, cem))
    emoji = [chr(0x1F34E + number) for number in range(21)]
    for one, some in ((ann, emoji[:8]), (bob, emoji[8:16]), (cem, emoji[16:20])):
        for each in some:
            react(one, message, each)
    body = {"messageId": message["id"]}
    assert ann.post("/message/react", body | {"emoji": emoji[8]}, status=409)["code"] == "too_many_reactions"
    assert cem.post("/message/react", body | {"emoji": emoji[20]}, status=409)["code"] == "too_many_reactions"
    assert len(react(cem, message, emoji[0])) == 20, "one that is there already has its place"
    assert len(react(ann, message, emoji[1], on=False)) == 19
    assert react(cem, message, emoji[20])[-1] == (emoji[20], 1)
    pages = [names(bob, message, limit=5)]
    assert len(pages[0]) == 8 + 5
    link = bob.request("get", "/message/reactions", query=body | {"limit": 5}).headers["Link"]
    after = link.split("after=")[1].split(">")[0]
    assert names(bob, message, limit=200)[13:] == names(bob, message, limit=200, after=after)


def test_who_may_not_write_there_may_not_react(person: Any, group: Any, owner: Person) -> None:
    ann, bob, cem, eve = person("ann"), person("bob"), person("cem"), person("eve")
    room = group(ann, bob, cem)
    message = say(ann, room)
    (line, *_) = ann.get("/group/messages", groupId=room["id"])
    react(bob, message, "👍")
    ann.post("/group/kick", {"groupId": room["id"], "userId": bob.id})
    bobs, eves = bob.connect(), eve.connect()
    for one, socket in ((bob, bobs), (eve, eves)):
        with pytest.raises(Refused, match="not_found"):
            socket.call("EmitReact", {"messageId": message["id"], "emoji": "🎉"})
        one.post("/message/react", {"messageId": message["id"], "emoji": "👍", "on": False}, status=404)
        one.get("/message/reactions", status=404, messageId=message["id"])
    assert react(cem, message, "👍") == [("👍", 2)], "what a removed member did stays counted"
    assert bobs.silent("OnReaction") and eves.silent("OnReaction")
    ann.post("/message/react", {"messageId": str(uuid4()), "emoji": "👍"}, status=404)
    assert ann.post("/message/react", {"messageId": line["id"], "emoji": "👍"}, status=403)["code"] == "forbidden"
    accounts.silence(
        user=User.objects.get(pk=cem.id), by=User.objects.get(pk=owner.id), until=times.now() + timedelta(hours=1)
    )
    assert cem.post("/message/react", {"messageId": message["id"], "emoji": "🎉"}, status=403)["code"] == "silenced"
    assert react(cem, message, "👍", on=False) == [("👍", 1)], "one may always take back"


def test_a_recall_and_a_purge_leave_no_reactions(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    recalled, kept = say(ann, room), say(ann, room)
    react(bob, recalled, "👍"), react(bob, kept, "👍")
    bobs = bob.connect()
    assert ann.post("/message/recall", {"messageId": recalled["id"]})["reactions"] == []
    assert bobs.next("OnRecall")["reactions"] == []
    assert bob.post("/message/react", {"messageId": recalled["id"], "emoji": "👍"}, status=409)["code"] == "recalled"
    assert names(bob, recalled) == [] and names(bob, kept) == [("👍", bob.name)]
    assert list(Reaction.objects.filter(message__room_id=room["id"]).values_list("message_id", flat=True)) == [
        Message.objects.get(pk=kept["id"]).pk
    ]
    ann.post("/group/dissolve", {"groupId": room["id"]})
    bob.post("/message/react", {"messageId": kept["id"], "emoji": "🎉"}, status=404)
    call_command("purge_groups", "--now", verbosity=0)
    assert not Reaction.objects.filter(user_id=bob.id).exists()


def test_thirty_who_react_at_once_are_counted_exactly_and_told_in_a_few_events(person: Any, group: Any) -> None:
    crowd = [person("member") for _ in range(30)]
    message = say(crowd[0], group(*crowd))
    sockets = [one.connect() for one in crowd]
    frame = {"messageId": message["id"], "emoji": "🎉"}
    for number, socket in enumerate(sockets):
        socket.send("EmitReact", frame if number % 3 else {**frame, "emoji": "👍"}, ack=number)
    answers = [socket.answer(number)["data"] for number, socket in enumerate(sockets)]
    newest = max(answers, key=lambda answer: answer["version"])
    assert {one["emoji"]: one["count"] for one in newest["reactions"]} == {"👍": 10, "🎉": 20}
    told = sockets[7].heard("OnReaction")
    assert told[-1] == newest and len({one["version"] for one in told}) == len(told) <= 10
    assert {(emoji, name) for emoji, name in names(crowd[0], message, limit=50)} == {
        ("🎉" if number % 3 else "👍", one.name) for number, one in enumerate(crowd)
    }
    # By HTTP, where each request waits on a thread: half take theirs back, the others repeat it.
    with ThreadPoolExecutor(10) as threads:
        list(threads.map(lambda number: react(crowd[number], message, "🎉", on=number >= 15), range(30)))
    (said,) = crowd[0].get("/message/quoted", messageId=message["id"])
    assert {one["emoji"]: one["count"] for one in said["reactions"]} == {"👍": 10, "🎉": 15}
    assert Counter(emoji for emoji, _name in set(names(crowd[0], message, limit=50))) == {"👍": 10, "🎉": 15}


def test_a_message_names_everybody_of_a_team_and_nobody_of_a_crowd_and_counts_all(
    person: Any, group: Any, query_budget: Any
) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    message = say(ann, group(ann, bob))
    at = times.now()
    crowd = User.objects.bulk_create(
        User(name=f"{bob.name} {number}", name_key=f"{bob.name} {number}", last_active=at) for number in range(120)
    )
    bobs, phone, anns = bob.connect(), bob.signed_in_again().connect(), ann.connect()
    Reaction.objects.bulk_create(Reaction(message_id=message["id"], user=one, emoji="👍") for one in crowd[:9])
    (reaction,) = bobs.call("EmitReact", {"messageId": message["id"], "emoji": "👍"})["reactions"]
    assert (reaction["count"], reaction["userIds"][-1]) == (10, bob.id)
    assert phone.silent("OnOwnReactions"), "the message says it"
    Reaction.objects.bulk_create(Reaction(message_id=message["id"], user=one, emoji="👍") for one in crowd[9:])
    said = bob.post("/message/react", {"messageId": message["id"], "emoji": "🎉"})
    assert [(one["emoji"], one["count"], one["userIds"]) for one in said["reactions"]] == [
        ("👍", 121, []),
        ("🎉", 1, []),
    ]
    assert len(json.dumps(said)) < 1500
    mine = {"messageId": message["id"], "version": said["version"], "emoji": ["👍", "🎉"]}
    assert bobs.next("OnOwnReactions") == phone.next("OnOwnReactions") == mine
    with query_budget(5):
        assert bob.get("/message/reactions/mine", messageId=message["id"]) == [mine]
    assert ann.get("/message/reactions/mine", messageId=message["id"]) == [{**mine, "emoji": []}]
    assert eve.get("/message/reactions/mine", messageId=message["id"]) == []
    assert names(bob, message, limit=1)[0] == ("👍", bob.name), "who asks learns of their own first"
    bob.post("/message/react", {"messageId": message["id"], "emoji": "👍", "on": False})
    assert phone.next("OnOwnReactions")["emoji"] == ["🎉"]
    bob.post("/message/react", {"messageId": message["id"], "emoji": "👍", "on": False})
    assert phone.silent("OnOwnReactions") and anns.silent("OnOwnReactions")


def test_what_named_a_hundred_before_names_nobody_after_the_upgrade(person: Any, group: Any) -> None:
    ann = person("ann")
    room = group(ann)
    few, many = say(ann, room), say(ann, room)
    ids = [str(uuid4()) for _ in range(11)]
    before = {few["id"]: ids[:10], many["id"]: ids}
    for message_id, some in before.items():
        shown = [{"emoji": "👍", "count": len(some), "userIds": some}]
        Message.objects.filter(pk=message_id).update(reactions_json=json.dumps(shown))
    migration = import_module("messaging.migrations.0019_fewer_names")
    migration.cut(apps, connection.schema_editor())
    found = ann.get("/message/quoted", messageId=[few["id"], many["id"]])
    assert {one["id"]: (one["reactions"][0]["count"], one["reactions"][0]["userIds"]) for one in found} == {
        few["id"]: (10, ids[:10]),
        many["id"]: (11, []),
    }
