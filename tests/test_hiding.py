"""Deleting messages for oneself: gone from everything that this person is shown, and from nothing of the others."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from chatproject.core import redis
from groups import rules as group_rules
from groups.models import Hidden, Membership
from messaging import cache, services
from messaging.services import comparing
from tests.people import Person, Refused


def say(someone: Person, room: dict[str, Any], text: str = "hello", **more: Any) -> dict[str, Any]:
    sent: dict[str, Any] = someone.post("/group/send", {"groupId": room["id"], "content": text, **more}, status=201)
    return sent


def write(someone: Person, other: Person, text: str = "hello") -> dict[str, Any]:
    sent: dict[str, Any] = someone.post("/private/send", {"receiverId": other.id, "content": text}, status=201)
    return sent


def hide(someone: Person, *messages: dict[str, Any]) -> dict[str, Any]:
    """Delete messages for somebody, and return what is said of the one chat that they are in."""
    answer = someone.post("/message/hide", {"messageIds": [one["id"] for one in messages]}, status=200)
    (chat,) = answer["chats"]
    assert set(chat["messageIds"]) == {one["id"] for one in messages}
    found: dict[str, Any] = chat
    return found


def chat_of(someone: Person, chat_id: str) -> dict[str, Any]:
    (found,) = [one for one in someone.post("/chatList", {}) if one["id"] == chat_id]
    return dict(found)


def unread_of(someone: Person, chat_id: str) -> int:
    unread = someone.get("/unread")
    found = {one.get("senderId") or one["groupId"]: one["unreadCount"] for one in unread["private"] + unread["group"]}
    assert chat_of(someone, chat_id)["unreadCount"] == found.get(chat_id, 0)
    return int(found.get(chat_id, 0))


@pytest.fixture
def wrong_in_redis(unread_counts_are_pushed: Callable[[], None]) -> Callable[[], int]:
    """How many keys in Redis say what is not so: other tests leave some, and what is just told is written later."""

    def compare() -> int:
        unread_counts_are_pushed()
        redis.flush()
        return services.compare_unread(rebuild=False)[1]

    return compare


def test_what_somebody_deletes_for_themselves_is_gone_on_all_their_devices_and_nobody_else_notices(
    person: Any, group: Any
) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    room = group(ann, bob)
    word = f"w{uuid4().hex[:10]}"
    first, second = say(ann, room, f"first {word}"), say(ann, room, f"second {word}")
    reply = say(bob, room, "indeed", replyTo=second["id"])
    anns, bobs, phone, eves = ann.connect(), bob.connect(), bob.signed_in_again().connect(), eve.connect()
    told = bobs.call("EmitHide", {"messageIds": [second["id"], reply["id"]]})["chats"][0]
    assert bobs.next("OnHide") == phone.next("OnHide") == told
    assert (told["type"], told["id"], told["hiddenCount"]) == ("group", room["id"], 2)
    assert told["lastMessage"]["id"] == first["id"], "the last one that is left"
    # Its place is left, so that pages have no gaps.
    page = bob.get("/group/messages", groupId=room["id"])[-3:]
    assert [(one["id"], one["content"], one["hidden"]) for one in page] == [
        (first["id"], first["content"], False), (second["id"], "", True), (reply["id"], "", True)
    ]  # fmt: skip
    assert page[2]["replyTo"] is None
    by_socket = bobs.call("GetMessageHistory", {"chatId": room["id"], "isGroup": True, "after": first["seq"]})
    assert [one["hidden"] for one in by_socket["messages"]] == [True, True]
    assert bob.get("/group/messages", groupId=room["id"], before=reply["seq"], limit=2)[1]["hidden"]
    assert chat_of(bob, room["id"])["lastMessage"]["id"] == first["id"]
    assert [one["id"] for one in bob.get("/message/search", q=word)] == [first["id"]]
    assert [one["id"] for one in bob.get("/message/search", q=word, chatId=room["id"], isGroup=True)] == [first["id"]]
    assert bob.get("/message/quoted", messageId=second["id"]) == []
    # For the other it is what it was, and they heard nothing.
    assert [one["hidden"] for one in ann.get("/group/messages", groupId=room["id"])[-2:]] == [False, False]
    assert chat_of(ann, room["id"])["lastMessage"]["id"] == reply["id"]
    assert [one["id"] for one in ann.get("/message/search", q=word)] == [second["id"], first["id"]]
    assert chat_of(ann, room["id"])["version"] == reply["version"], "it takes no version of the room"
    assert anns.silent() and eves.silent()
    # Once more is the same, and tells nobody.
    assert hide(bob, second)["hiddenCount"] == 2
    assert phone.silent("OnHide")


def test_later_changes_of_it_do_not_bring_it_back(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    word = f"w{uuid4().hex[:10]}"
    message = say(ann, room)
    version = chat_of(bob, room["id"])["version"]
    hide(bob, message)
    ann.post("/message/edit", {"messageId": message["id"], "content": word})
    ann.post("/message/react", {"messageId": message["id"], "emoji": "👍"})
    (page,) = bob.get("/group/messages", groupId=room["id"], after=message["seq"] - 1)
    assert (page["content"], page["reactions"], page["hidden"]) == ("", [], True)
    (changed,) = bob.post("/sync", {"cursors": {room["id"]: version}})["chats"]
    assert [(one["id"], one["content"], one["hidden"]) for one in changed["messages"]] == [(message["id"], "", True)]
    assert bob.get("/message/search", q=word) == []
    assert chat_of(bob, room["id"])["lastMessage"]["type"] == "system"


def test_a_device_that_was_away_learns_of_it_by_its_sync(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    said = [say(ann, room, f"{number}") for number in range(3)]
    write(ann, bob)
    cursors = {one["id"]: one["version"] for one in bob.post("/chatList", {})}
    hide(bob, said[1])
    hide(bob, said[0])
    # Who keeps no count is told nothing, as before there was one.
    assert bob.post("/sync", {"cursors": cursors})["chats"] == []
    (chat,) = bob.post("/sync", {"cursors": cursors, "hidden": {}})["chats"]
    assert (chat["id"], chat["hiddenIds"], chat["hiddenCount"]) == (room["id"], [said[1]["id"], said[0]["id"]], 2)
    assert (chat["messages"], chat["limited"]) == ([], False)
    (chat,) = bob.connect().call("EmitSync", {"cursors": cursors, "hidden": {room["id"]: 1}})["chats"]
    assert chat["hiddenIds"] == [said[0]["id"]]
    assert bob.post("/sync", {"cursors": cursors, "hidden": {room["id"]: 2}})["chats"] == []
    assert ann.post("/sync", {"cursors": {}, "hidden": {}})["chats"][0]["hiddenIds"] == []
    assert chat_of(bob, room["id"])["hiddenCount"] == 2


def test_a_deleted_message_is_not_unread_whatever_happens_to_it_afterwards(
    person: Any, group: Any, wrong_in_redis: Callable[[], int]
) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    wrong_before = wrong_in_redis()
    said = [say(ann, room, f"{number}", mentions=[]) for number in range(5)]
    own = say(bob, room)
    assert unread_of(bob, room["id"]) == 5
    bobs = bob.connect()
    assert hide(bob, said[1], said[3], own)["unreadCount"] == 3
    assert bobs.next("groupUnreadUpdate")["unreadCount"] == 3
    assert unread_of(bob, room["id"]) == 3
    ann.post("/message/recall", {"messageId": said[3]["id"]})  # counted once
    assert unread_of(bob, room["id"]) == 3
    ann.post("/message/recall", {"messageId": said[4]["id"]})
    assert unread_of(bob, room["id"]) == 2
    bob.post("/group/markGroupRead", {"groupId": room["id"], "upTo": said[0]["seq"]})
    assert unread_of(bob, room["id"]) == 1
    bob.post("/group/markGroupRead", {"groupId": room["id"], "upTo": said[1]["seq"]})
    assert unread_of(bob, room["id"]) == 1
    say(ann, room)
    assert unread_of(bob, room["id"]) == 2
    bob.post("/group/markGroupRead", {"groupId": room["id"]})
    assert unread_of(bob, room["id"]) == 0
    assert wrong_in_redis() == wrong_before
    message = write(ann, bob)
    assert unread_of(bob, ann.id) == 1
    hide(bob, message)
    assert unread_of(bob, ann.id) == 0
    assert chat_of(bob, ann.id)["lastMessage"] is None, "nothing is left"
    membership = Membership.objects.get(user_id=bob.id, peer_id=ann.id)
    assert membership.unread == 0 and membership.read_seq == 0, "nothing was read, and ann hears of no reader"


def test_a_deleted_mention_is_none(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    named = [{"userId": bob.id, "start": 0, "length": 4}]
    first, second = (say(ann, room, "@bob look", mentions=named) for _ in range(2))
    assert chat_of(bob, room["id"])["mentionSeq"] == first["seq"]
    assert hide(bob, first)["mentionSeq"] == second["seq"]
    assert hide(bob, second)["mentionSeq"] is None
    assert chat_of(bob, room["id"])["mentionSeq"] is None


def test_only_what_one_may_see_can_be_deleted_and_all_or_nothing(
    person: Any, group: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    room = group(ann, bob)
    message, secret = say(ann, room), write(ann, eve)
    for ids in ([secret["id"]], [message["id"], secret["id"]], [message["id"], str(uuid4())]):
        bob.post("/message/hide", {"messageIds": ids}, status=404)
    assert not Hidden.objects.filter(membership__user=bob.id).exists()
    with pytest.raises(Refused, match="not_found"):
        eve.connect().call("EmitHide", {"messageIds": [message["id"]]})
    # Several chats at once.
    private = write(ann, bob)
    answer = bob.post("/message/hide", {"messageIds": [message["id"], private["id"]]})
    assert {one["id"] for one in answer["chats"]} == {room["id"], ann.id}
    monkeypatch.setattr(group_rules, "HIDDEN_MAX", 1)
    refused = bob.post("/message/hide", {"messageIds": [say(ann, room)["id"]]}, status=409)
    assert refused["code"] == "too_many_hidden"
    # Who leaves the group takes nothing with them.
    bob.post("/group/leave", {"groupId": room["id"]})
    assert Hidden.objects.filter(membership__user=bob.id).count() == 1


def test_outside_readers_of_redis_are_told_what_is_left(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    for someone in (ann, bob):
        someone.get("/unread")
    first, last = say(ann, room), say(ann, room)
    bob.get("/unread")
    hide(bob, last)
    redis.flush()
    membership = Membership.objects.select_related("room").get(room_id=room["id"], user_id=bob.id)
    assert not comparing._different([membership])
    ((count, copy),) = cache.documented([(membership.user_id, None, membership.room_id)])
    assert count == b"1" and copy is not None
    assert first["id"].encode() in copy


def test_those_who_delete_nothing_pay_nothing_for_it(person: Any, group: Any, query_budget: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    said = [say(ann, room) for _ in range(3)]
    hide(bob, said[0])
    for question in (
        lambda: ann.get("/group/messages", groupId=room["id"]),
        lambda: ann.get("/group/messages", groupId=room["id"], after=1),
        lambda: ann.post("/chatList", {}),
        lambda: ann.get("/unread"),
        lambda: ann.post("/sync", {"cursors": {room["id"]: 1}, "hidden": {}}),
        lambda: ann.get("/message/search", q="hello"),
    ):
        with query_budget(20) as heard:
            question()
        assert not [one for one in heard if "groups_hidden" in one]


def test_what_was_deleted_is_not_unread_again_either(
    person: Any, group: Any, wrong_in_redis: Callable[[], int]
) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    wrong_before = wrong_in_redis()
    chat = {"type": "group", "id": room["id"]}
    said = [say(ann, room, f"{number}") for number in range(5)]
    hide(bob, said[1])
    bob.post("/group/markGroupRead", {"groupId": room["id"]})
    bob.post("/chat/markUnread", {**chat, "seq": said[0]["seq"]})
    assert unread_of(bob, room["id"]) == 4
    assert hide(bob, said[2])["unreadCount"] == 3
    assert unread_of(bob, room["id"]) == 3
    ann.post("/message/recall", {"messageId": said[2]["id"]})  # counted once
    assert unread_of(bob, room["id"]) == 3
    say(ann, room)
    assert unread_of(bob, room["id"]) == 4
    bob.post("/group/markGroupRead", {"groupId": room["id"], "upTo": said[2]["seq"]})
    assert unread_of(bob, room["id"]) == 3
    assert wrong_in_redis() == wrong_before
    hide(bob, said[4])
    bob.post("/group/markGroupRead", {"groupId": room["id"]})
    assert unread_of(bob, room["id"]) == 0
    assert bob.post("/chat/markUnread", chat)["unreadCount"] == 1, "the last that is left"
