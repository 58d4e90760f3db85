"""Mentions: who may name whom, where the ranges stand, and whom they concern."""

from typing import Any

import pytest

from tests.people import Refused
from tests.test_budgets import HOLD


def _mention(text: str, said: str, user: Any) -> dict[str, Any]:
    """The mention of a person, or of all by None, where a text says so."""
    start = len(text[: text.index(said)].encode("utf-16-le")) // 2
    return {"userId": user and user.id, "start": start, "length": len(said.encode("utf-16-le")) // 2}


def _said(message: Any) -> list[str]:
    """What the mentions of a message stand on."""
    units = message["content"].encode("utf-16-le")
    return [
        units[2 * one["start"] : 2 * (one["start"] + one["length"])].decode("utf-16-le") for one in message["mentions"]
    ]


@pytest.fixture
def talk(person: Any, group: Any) -> dict[str, Any]:
    ann, bob, cem, eve = (person(name) for name in ("ann", "bob", "cem", "eve"))
    return {"ann": ann, "bob": bob, "cem": cem, "eve": eve, "room": group(ann, bob, cem)["id"]}


def test_a_mention_is_the_same_by_every_door_and_in_every_answer(talk: Any) -> None:
    ann, bob, room = talk["ann"], talk["bob"], talk["room"]
    anns, bobs, eves = ann.connect(), bob.connect(), talk["eve"].connect()
    text = "👋🏽 ＠Bob 和 @所有人"
    body = {
        "groupId": room,
        "content": text,
        "mentions": [_mention(text, "@所有人", None), _mention(text, "＠Bob", bob)],
    }
    sorted_ = [body["mentions"][1], body["mentions"][0]]
    fast = ann.post("/group/send", {**body, "clientId": "m1"}, status=201)
    slow = ann.request("post", "/group/send", body=body, headers={"Accept": "application/json, */*"}).json()
    by_socket = anns.call("EmitGroupMsg", {**body, "clientId": "m2"})
    assert [one["mentions"] for one in (fast, slow, by_socket)] == [sorted_] * 3
    assert _said(fast) == ["＠Bob", "@所有人"]
    assert bobs.next("OnGroupMsg") == fast
    assert bob.get("/group/messages", groupId=room)[-3:] == [fast, slow, by_socket]
    assert bob.post("/sync", {"cursors": {room: fast["version"] - 1}})["chats"][0]["messages"][0] == fast
    assert ann.post("/group/send", {**body, "clientId": "m1"}, status=201) == fast, "a repeat is the same message"
    assert ann.post("/group/send", {**body, "mentions": [], "clientId": "m1"}, status=201) == fast
    assert eves.silent()
    plain = ann.post("/group/send", {"groupId": room, "content": "@Bob", "mentions": None}, status=201)
    assert plain["mentions"] is None, "only what its writer chose is a mention"


def test_a_mention_that_does_not_fit_its_text_is_refused_by_every_door(talk: Any) -> None:
    ann, bob, room = talk["ann"], talk["bob"], talk["room"]
    anns = ann.connect()
    text = "👋 @Bob, @Cem"
    at = _mention(text, "@Bob", bob)
    for wrong, field in (
        ([{**at, "start": 2}], "mentions"),  # the blank before it
        ([{**at, "start": 1}], "mentions"),  # half a character
        ([{**at, "length": 99}], "mentions"),
        ([at, {**at, "length": 3}], "mentions"),
        ([{**at, "length": 1}], "mentions.0.length"),
        ([{**at, "start": -1}], "mentions.0.start"),
        ([{**at, "userId": "Bob"}], "mentions.0.userId"),
        ([{"start": 3, "length": 4}], "mentions.0.userId"),
        (["@Bob"], "mentions.0"),
        ([at] * 51, "mentions"),
        ("@Bob", "mentions"),
    ):
        body = {"groupId": room, "content": text, "mentions": wrong}
        answer = ann.post("/group/send", body, status=400)
        assert answer["code"] == "invalid" and any(name.startswith(field) for name in answer["errors"]), wrong
        with pytest.raises(Refused) as refused:
            anns.call("EmitGroupMsg", body)
        assert refused.value.error["errors"] == answer["errors"]
    assert ann.get("/group/messages", groupId=room)[-1]["type"] == "system", "nothing was stored"


def test_only_owner_and_administrators_mention_everybody_and_in_a_private_chat_nobody_else(talk: Any) -> None:
    ann, bob, cem, room = talk["ann"], talk["bob"], talk["cem"], talk["room"]
    body = {"groupId": room, "content": "@all", "mentions": [{"userId": None, "start": 0, "length": 4}]}
    assert bob.post("/group/send", body, status=403)["code"] == "mention_of_all"
    sent = bob.post("/group/send", {"groupId": room, "content": "hello"}, status=201)
    edit = {"messageId": sent["id"], "content": "@all", "mentions": body["mentions"]}
    assert bob.post("/message/edit", edit, status=403)["code"] == "mention_of_all"
    ann.post("/group/setRole", {"groupId": room, "userId": bob.id, "role": "admin"})
    stored = bob.post("/group/send", {**body, "clientId": "a"}, status=201)
    ann.post("/group/setRole", {"groupId": room, "userId": bob.id, "role": "member"})
    assert bob.post("/group/send", {**body, "clientId": "a"}, status=201)["id"] == stored["id"]
    assert bob.post("/group/send", body, status=403)["code"] == "mention_of_all"
    assert talk["eve"].post("/group/send", body, status=404)["code"] == "not_found"

    private = {"receiverId": bob.id, "content": "@x"}
    for user in (None, cem.id):
        given = {**private, "mentions": [{"userId": user, "start": 0, "length": 2}]}
        assert "mentions" in ann.post("/private/send", given, status=400)["errors"]
    given = {**private, "mentions": [{"userId": bob.id, "start": 0, "length": 2}]}
    assert ann.post("/private/send", given, status=201)["mentions"] == given["mentions"]


def test_an_edit_takes_new_mentions_or_keeps_those_that_still_fit(talk: Any) -> None:
    ann, bob, cem, room = talk["ann"], talk["bob"], talk["cem"], talk["room"]
    text = "@Bob and @Cem"
    mentions = [_mention(text, "@Bob", bob), _mention(text, "@Cem", cem)]
    sent = ann.post("/group/send", {"groupId": room, "content": text, "mentions": mentions}, status=201)
    bobs = bob.connect()
    kept = ann.post("/message/edit", {"messageId": sent["id"], "content": "@Bob and not @Cem"})
    assert kept["mentions"] == mentions[:1] and bobs.next("OnEdit") == kept
    named = "now only @Cem"
    change = {"messageId": sent["id"], "content": named, "mentions": [_mention(named, "@Cem", cem)]}
    new = ann.post("/message/edit", change)
    assert new["mentions"] == change["mentions"]
    assert ann.post("/message/edit", change)["version"] == new["version"], "the same again changes nothing"
    none = ann.post("/message/edit", {**change, "mentions": []})
    assert (none["mentions"], none["version"] > new["version"]) == (None, True)
    wrong = ann.post("/message/edit", {**change, "content": "@C"}, status=400)
    assert "mentions" in wrong["errors"]
    ann.post("/message/edit", change)
    assert ann.post("/message/recall", {"messageId": sent["id"]})["mentions"] is None


def _first_unread(person: Any, chat_id: str) -> int | None:
    """The first unread message of a chat that mentions a person, as their chat list says."""
    (seq,) = [one["mentionSeq"] for one in person.post("/chatList", {}) if one["id"] == chat_id]
    return seq if seq is None else int(seq)


def test_the_chat_list_names_the_first_unread_mention_through_reading_recalls_and_edits(talk: Any) -> None:
    ann, bob, cem, eve, room = (talk[name] for name in ("ann", "bob", "cem", "eve", "room"))

    def say(text: str, *users: Any) -> Any:
        mentions = [{"userId": user and user.id, "start": 3 * place, "length": 2} for place, user in enumerate(users)]
        return ann.post("/group/send", {"groupId": room, "content": text, "mentions": mentions}, status=201)

    say("nobody")
    assert [_first_unread(one, room) for one in (ann, bob, cem)] == [None] * 3
    first = say("@b @b @a @e", bob, bob, ann, eve)
    second = say("@*", None)
    assert [_first_unread(one, room) for one in (ann, bob, cem)] == [None, first["seq"], second["seq"]]
    bob.post("/group/markGroupRead", {"groupId": room, "upTo": first["seq"]})
    assert _first_unread(bob, room) == second["seq"]
    ann.post("/message/edit", {"messageId": first["id"], "content": "@c", "mentions": [_mention("@c", "@c", cem)]})
    assert [_first_unread(one, room) for one in (bob, cem)] == [second["seq"], first["seq"]]
    ann.post("/message/edit", {"messageId": first["id"], "content": "nobody"})
    assert _first_unread(cem, room) == second["seq"]
    ann.post("/message/recall", {"messageId": second["id"]})
    assert [_first_unread(one, room) for one in (ann, bob, cem)] == [None] * 3
    third = say("@e @*", eve, None)
    ann.post("/group/invite", {"groupId": room, "userIds": [eve.id]})
    assert [_first_unread(one, room) for one in (bob, eve)] == [third["seq"], None], "who comes later was not called"
    bob.post("/group/markGroupRead", {"groupId": room})
    assert _first_unread(bob, room) is None

    ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    body = {"receiverId": bob.id, "content": "@b", "mentions": [_mention("@b", "@b", bob)]}
    sent = ann.post("/private/send", body, status=201)
    assert (_first_unread(bob, ann.id), _first_unread(ann, bob.id)) == (sent["seq"], None)


def test_a_message_that_mentions_fifty_people_takes_one_query_more(person: Any, group: Any, query_budget: Any) -> None:
    people = [person("member") for _ in range(51)]
    ann, room = people[0], group(*people)
    mentions = [{"userId": one.id, "start": 3 * place, "length": 2} for place, one in enumerate(people[1:])]
    body = {"groupId": room["id"], "content": "@m " * 50, "mentions": mentions}
    ann.post("/group/send", body, status=201)
    with query_budget(5 + HOLD):
        ann.post("/group/send", body, status=201)
    assert _first_unread(people[-1], room["id"])
