"""History for new members: whole, or from when they joined. Whatever road leads to a message, it does not lead there."""

from typing import Any

import pytest

from tests.people import Person, Refused


def say(someone: Person, here: dict[str, str], text: str, **more: Any) -> dict[str, Any]:
    sent: dict[str, Any] = someone.post("/group/send", {**here, "content": text, **more}, status=201)
    return sent


def seqs(someone: Person, here: dict[str, str], **cursor: Any) -> list[int]:
    return [one["seq"] for one in someone.get("/group/messages", groupId=here["groupId"], **cursor)]


def chat(someone: Person, here: dict[str, str]) -> dict[str, Any]:
    return next(one for one in someone.post("/chatList", {}) if one["id"] == here["groupId"])


@pytest.fixture
def late(person: Any, group: Any) -> tuple[Person, Person, Person, dict[str, str], list[dict[str, Any]], str]:
    """Ann and Bob talked, with a file and a pin, before Cem joined: what they said, and the word in it."""
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    here = {"groupId": group(ann, bob)["id"]}
    ann.post("/group/update", {**here, "historyPolicy": "joined"})
    word = f"w{person.unique()}"
    file = ann.upload(b"secret", "plan", "files")["mediaUrl"]
    said = [say(ann, here, f"{word} one"), say(bob, here, f"{word} two")]
    said.append(ann.post("/group/send", {**here, "type": "file", "mediaUrl": file, "content": word}, status=201))
    ann.post("/message/pin", {"messageId": said[0]["id"]})
    cem.post("/group/join", here)
    return ann, bob, cem, here, said, word


def test_who_joins_later_reads_only_what_is_said_from_then_on_by_every_road(late: Any, query_budget: Any) -> None:
    ann, bob, cem, here, said, word = late
    joined = chat(cem, here)
    assert joined["lastMessage"]["system"]["action"] == "joined"
    first = joined["firstSeq"]
    assert first == joined["lastMessage"]["seq"] == said[2]["seq"] + 2, "the pin has a line, too"
    assert joined["pins"] == [] and len(chat(bob, here)["pins"]) == 1 and chat(bob, here)["firstSeq"] == 1
    assert joined["unreadCount"] == 0
    after = say(bob, here, f"{word} three", replyTo=said[1]["id"])
    with query_budget(5):
        page = cem.request("get", "/group/messages", query={"groupId": here["groupId"]})
    assert [one["seq"] for one in page.json()] == [first, after["seq"]] and "next" not in page.links
    assert seqs(cem, here, before=first) == [] == seqs(cem, here, before=said[1]["seq"])
    assert seqs(cem, here, after=1) == seqs(cem, here, after=first - 1) == [first, after["seq"]]
    assert seqs(cem, here, limit=200) == [first, after["seq"]]
    assert seqs(bob, here)[0] == 1, "and the others read all of it, from the same pages"
    cems = cem.connect()
    told = cems.call("GetMessageHistory", {"chatId": here["groupId"], "isGroup": True})
    assert [one["seq"] for one in told["messages"]] == [first, after["seq"]]
    assert [one["id"] for one in cem.get("/message/search", q=word)] == [after["id"]]
    assert len(bob.get("/message/search", q=word, chatId=here["groupId"], isGroup=True)) == 4
    assert [one["id"] for one in cems.call("EmitSearch", {"q": word})["messages"]] == [after["id"]]
    assert cem.get("/message/quoted", messageId=[said[0]["id"], after["id"]])[0]["id"] == after["id"]
    day = {"chatId": here["groupId"], "isGroup": True, "day": "2026-01-01"}
    assert cem.get("/message/day", **day)["seq"] == first and bob.get("/message/day", **day)["seq"] == 1
    assert cem.request("get", said[2]["mediaUrl"]).status_code == 404
    assert bob.request("get", said[2]["mediaUrl"]).status_code == 200
    shelf = {"chatId": here["groupId"], "isGroup": True, "kind": "files"}
    assert cem.get("/chat/shelf", **shelf) == [] and len(bob.get("/chat/shelf", **shelf)) == 1
    old = said[1]["id"]
    for path in ("/message/readers", "/message/reactions", "/message/people"):
        cem.get(path, messageId=old, status=404)
    to = [{"toUid": ann.id}]
    for path, body in (
        ("/message/react", {"messageId": old, "emoji": "👍"}),
        ("/message/hide", {"messageIds": [old]}),
        ("/message/forward", {"messageIds": [old], "to": to}),
        ("/message/pin", {"messageId": old}),
        ("/message/recall", {"messageId": old}),
        ("/message/edit", {"messageId": old, "content": "x"}),
    ):
        assert cem.post(path, body, status=404)["code"] == "not_found", path
    for event, data in (("EmitReact", {"messageId": old, "emoji": "👍"}), ("EmitHide", {"messageIds": [old]})):
        with pytest.raises(Refused, match="not_found"):
            cems.call(event, data)
    marked = cem.post("/chat/markUnread", {"type": "group", "id": here["groupId"], "seq": 1})
    assert (marked["readSeq"], marked["unreadCount"]) == (first - 1, 1)


def test_what_happens_to_what_was_said_before_is_told_to_those_who_see_it(late: Any) -> None:
    ann, bob, cem, here, said, _word = late
    known = chat(cem, here)["version"]
    bobs, cems = bob.connect(), cem.connect()
    bob.post("/message/react", {"messageId": said[0]["id"], "emoji": "👍"})
    bob.post("/message/edit", {"messageId": said[1]["id"], "content": "two, as it were"})
    assert bobs.next("OnReaction")["id"] == said[0]["id"] and bobs.next("OnEdit")["id"] == said[1]["id"]
    assert cems.silent("OnReaction", "OnEdit")
    (found,) = cem.post("/sync", {"cursors": {here["groupId"]: known}})["chats"]
    assert (found["messages"], found["version"], found["pins"]) == ([], known + 2, [])
    (whole,) = bob.post("/sync", {"cursors": {here["groupId"]: known}})["chats"]
    assert len(whole["messages"]) == 2 and len(whole["pins"]) == 1
    # Who is away hears nothing of it, and who sees all of it hears what is new as everybody does.
    bob.post("/group/tempLeave", here)
    bobs.forget()
    ann.post("/message/react", {"messageId": said[0]["id"], "emoji": "🎉"})
    assert bobs.silent("OnReaction")
    new = say(ann, here, "for everybody")
    ann.post("/message/react", {"messageId": new["id"], "emoji": "🎉"})
    assert cems.next("OnReaction")["id"] == new["id"]
    gone = ann.post("/message/recall", {"messageId": said[0]["id"]})
    heard = cems.next("OnRecall")
    assert (heard["id"], heard["content"]) == (gone["id"], ""), "of what is recalled there is nothing to see"


def test_who_leaves_and_joins_again_begins_anew_and_the_decision_can_be_taken_back(late: Any, person: Any) -> None:
    ann, _bob, cem, here, said, _word = late
    missed = chat(cem, here)["firstSeq"]
    cem.post("/group/leave", here)
    say(ann, here, "while cem is gone")
    cem.post("/group/join", here)
    assert chat(cem, here)["firstSeq"] > missed
    assert len(seqs(cem, here)) == 1
    ann.post("/group/update", {**here, "historyPolicy": "whole"})
    assert chat(cem, here)["firstSeq"] == 1 and seqs(cem, here)[0] == 1
    assert cem.request("get", said[2]["mediaUrl"]).status_code == 200
    dan = person("dan")
    dan.post("/group/join", here)
    assert seqs(dan, here)[0] == 1
    ann.post("/group/update", {**here, "historyPolicy": "joined"})
    assert seqs(dan, here)[0] == 1, "nobody loses what they have seen"
    (*_, last) = dan.get("/group/messages", groupId=here["groupId"])
    assert (last["system"]["action"], last["system"]["name"]) == ("history", "joined")


def test_whoever_brings_somebody_in_they_begin_where_the_others_are(late: Any, person: Any) -> None:
    ann, _bob, _cem, here, _said, _word = late
    added, coded, asked = person("added"), person("coded"), person("asked")
    ann.post("/group/add", {**here, "userIds": [added.id]})
    code = ann.post("/group/invite", here)["inviteCode"]
    coded.post("/group/join", {**here, "inviteCode": code})
    ann.post("/group/update", {**here, "joinPolicy": "approval"})
    asked.post("/group/request", here)
    ann.post("/group/request/accept", {**here, "userId": asked.id})
    for one in (added, coded, asked):
        assert seqs(one, here)[0] == chat(one, here)["firstSeq"] > 1
