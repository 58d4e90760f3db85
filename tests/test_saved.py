"""A chat with oneself: what somebody saves for themselves, as a private chat whose two people are one."""

from typing import Any

import pytest

from tests.people import Person, Refused


def save(someone: Person, text: str = "for later", **more: Any) -> dict[str, Any]:
    sent: dict[str, Any] = someone.post(
        "/private/send", {"receiverId": someone.id, "content": text, **more}, status=201
    )
    return sent


def saved(someone: Person) -> list[dict[str, Any]]:
    return list(someone.get("/private/messages", senderId=someone.id))


def chats_of(someone: Person) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in someone.post("/chatList", {})}


def test_what_somebody_writes_to_themselves_comes_once_to_their_other_devices_and_to_nobody_else(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    desk, phone, bobs = ann.connect(), ann.signed_in_again().connect(), bob.connect()
    assert saved(ann) == [], "it has not begun"
    sent = desk.call("EmitPrivate", {"toUid": ann.id, "content": "tea", "clientId": "one"})
    assert (sent["senderId"], sent["receiverId"], sent["seq"]) == (ann.id, ann.id, 1)
    assert phone.next("OnPrivate") == sent
    again = save(ann, "tea", clientId="one")
    assert again["id"] == sent["id"]
    by_http = save(ann, "cake", replyTo=sent["id"])
    assert phone.next("OnPrivate") == by_http == desk.next("OnPrivate")
    assert [one["id"] for one in saved(ann)] == [sent["id"], by_http["id"]]
    page = desk.call("GetMessageHistory", {"chatId": ann.id, "isGroup": False})
    assert [one["id"] for one in page["messages"]] == [sent["id"], by_http["id"]]
    assert phone.silent() and bobs.silent()


def test_it_is_never_unread_and_stands_in_the_list_once(person: Any) -> None:
    ann = person("ann")
    last = save(ann)
    chat = chats_of(ann)[ann.id]
    assert (chat["type"], chat["unreadCount"], chat["memberCount"], chat["lastMessage"]["id"]) == (
        "private", 0, 1, last["id"]
    )  # fmt: skip
    assert ann.get("/unread")["total"] == 0
    ann.post("/markPrivateRead", {"senderId": ann.id}, status=200)
    assert len([one for one in ann.post("/chatList", {}) if one["id"] == ann.id]) == 1
    assert ann.get("/message/readers", messageId=last["id"]) == []


def test_a_device_that_was_away_learns_of_all_that_was_saved_changed_and_taken_away(person: Any) -> None:
    ann = person("ann")
    phone = ann.connect()
    (before,) = [one for one in phone.call("EmitSync", {"cursors": {}})["chats"] if one["id"] == ann.id] or [None]
    assert before is None
    kept, edited, gone = save(ann, "kept"), save(ann, "teh"), save(ann, "gone")
    ann.post("/message/edit", {"messageId": edited["id"], "content": "the"}, status=200)
    ann.post("/message/recall", {"messageId": gone["id"]}, status=200)
    ann.post("/message/react", {"messageId": kept["id"], "emoji": "👍"}, status=200)
    ann.post("/message/pin", {"messageId": kept["id"], "pinned": True}, status=200)
    (chat,) = phone.call("EmitSync", {"cursors": {}})["chats"]
    assert (chat["id"], chat["type"]) == (ann.id, "private")
    shown = {one["id"]: one for one in chat["messages"] if one["type"] != "system"}
    assert (shown[edited["id"]]["content"], shown[gone["id"]]["content"]) == ("the", "")
    assert shown[kept["id"]]["reactions"] == [{"emoji": "👍", "count": 1, "userIds": [ann.id]}]
    assert {one["receiverId"] for one in chat["messages"]} == {ann.id}
    assert [one["messageId"] for one in chats_of(ann)[ann.id]["pins"]] == [kept["id"]]
    ann.post("/message/hide", {"messageIds": [kept["id"]]}, status=200)
    assert [one["content"] for one in saved(ann) if one["id"] == kept["id"]] == [""]
    (found,) = ann.get("/message/search", q="the", chatId=ann.id, isGroup=False)
    assert found["id"] == edited["id"]


def test_what_others_said_is_saved_by_forwarding_it_with_its_author(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    said = bob.post("/group/send", {"groupId": room["id"], "content": "keep this"}, status=201)
    bobs = bob.connect()
    ann.post("/message/forward", {"messageIds": [said["id"]], "to": [{"toUid": ann.id}]}, status=201)
    (copy,) = saved(ann)
    assert (copy["content"], copy["forwardedFrom"]["id"]) == ("keep this", bob.id)
    assert bobs.silent()


def test_nobody_reads_what_others_saved(person: Any) -> None:
    ann, eve = person("ann"), person("eve")
    secret = save(ann, "secret")
    assert eve.get("/private/messages", senderId=ann.id) == []
    assert ann.id not in chats_of(eve)
    for path, body in (
        ("/message/react", {"messageId": secret["id"], "emoji": "👍"}),
        ("/message/pin", {"messageId": secret["id"], "pinned": True}),
        ("/message/edit", {"messageId": secret["id"], "content": "mine"}),
    ):
        assert eve.request("post", path, body=body).status_code == 404
    with pytest.raises(Refused, match="not_found"):
        eve.connect().call("EmitRecall", {"messageId": secret["id"]})


def test_a_guest_saves_too(anonymous: Person, person: Any) -> None:
    user = anonymous.post("/createUser", {"name": f"guest {person.unique()}", "img": ""}, status=201)
    guest = Person(anonymous._client, name=user["name"], token=user.pop("token"), user=user)
    save(guest)
    assert len(saved(guest)) == 1
