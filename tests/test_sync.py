"""A client that was away learns of every change, and of nothing else."""

from typing import Any


def apply(known: dict[str, dict[int, dict[str, Any]]], synced: dict[str, Any]) -> dict[str, int]:
    """Apply a sync as a client does; returns its versions afterwards."""
    for chat in synced["chats"]:
        if chat["gone"]:
            known.pop(chat["id"], None)
            continue
        for message in chat["messages"]:
            known.setdefault(chat["id"], {})[message["seq"]] = message
    return {chat["id"]: chat["version"] for chat in synced["chats"] if not chat["gone"]}


def test_a_client_that_syncs_ends_with_what_the_history_says(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    known: dict[str, dict[int, dict[str, Any]]] = {}
    first = ann.post("/group/send", {"groupId": room["id"], "content": "1"}, status=201)
    cursors = apply(known, bob.post("/sync", {"cursors": {}}))
    second = ann.post("/group/send", {"groupId": room["id"], "content": "2"}, status=201)
    ann.post("/message/recall", {"messageId": first["id"]})
    ann.post("/message/edit", {"messageId": second["id"], "content": "two"})
    ann.post("/group/update", {"groupId": room["id"], "name": "coffee"})
    ann.post("/private/send", {"receiverId": bob.id, "content": "psst"}, status=201)
    cursors |= apply(known, bob.post("/sync", {"cursors": cursors}))
    assert list(known[room["id"]].values()) == bob.get("/group/messages", groupId=room["id"])
    assert list(known[ann.id].values()) == bob.get("/private/messages", senderId=ann.id)
    assert bob.post("/sync", {"cursors": cursors})["chats"] == []


def test_a_sync_tells_only_what_changed_since(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room, quiet = group(ann, bob), group(ann, bob)
    cursors = apply({}, bob.post("/sync", {"cursors": {}}))
    sent = ann.post("/group/send", {"groupId": room["id"], "content": "new"}, status=201)
    (chat,) = bob.connect().call("EmitSync", {"cursors": cursors})["chats"]
    assert chat == {
        "type": "group", "id": room["id"], "version": sent["version"], "limited": False, "gone": False, "messages": [sent],
        "pins": [], "hiddenCount": 0, "hiddenIds": [], "firstSeq": 1,
        "announcement": None, "postPolicy": "everyone", "slowMode": 0, "joinRequests": 0,
    }  # fmt: skip
    assert quiet["id"] in cursors


def test_a_client_too_far_behind_is_told_to_read_the_history(person: Any, group: Any, settings: Any) -> None:
    settings.RATE_MESSAGES = "off"
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    anns = ann.connect()
    for number in range(205):
        anns.send("EmitGroupMsg", {"groupId": room["id"], "content": str(number)}, ack=number)
    for number in range(205):
        anns.answer(number)
    (chat,) = bob.post("/sync", {"cursors": {room["id"]: 1}})["chats"]
    assert (chat["limited"], chat["messages"], chat["version"]) == (True, [], 206)


def test_a_client_that_knows_none_of_a_thousand_chats_is_told_of_all_and_then_knows_them(
    person: Any, query_budget: Any
) -> None:
    from groups.models import Membership, Room

    ann = person("ann")
    rooms = [Room(kind="group", name=f"room {n}", member_count=1, last_seq=1, last_version=1) for n in range(1010)]
    Room.objects.bulk_create(rooms, batch_size=200)
    Membership.objects.bulk_create([Membership(room=room, user_id=ann.id) for room in rooms], batch_size=200)
    with query_budget(1 + 1 + 1):  # who it is, the chats, their messages
        told = ann.post("/sync", {"cursors": {}}, status=200)["chats"]
    assert [one["id"] for one in told] == [one["id"] for one in ann.post("/chatList", {})], "the last moved first"
    cursors = {one["id"]: one["version"] for one in told}
    with query_budget(1 + 1):
        assert ann.post("/sync", {"cursors": cursors}, status=200)["chats"] == []


def test_a_stranger_syncs_nothing_of_a_chat_they_name(person: Any, group: Any) -> None:
    ann, eve = person("ann"), person("eve")
    room = group(ann)
    ann.post("/group/send", {"groupId": room["id"], "content": "secret"}, status=201)
    (chat,) = eve.post("/sync", {"cursors": {room["id"]: 0}})["chats"]
    assert (chat["gone"], chat["messages"], chat["version"]) == (True, [], 0)


def test_a_heartbeat_names_the_chats_that_moved_since_the_last(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    bobs = bob.connect()
    assert bobs.call("SocketHeartBeat")["heads"] == {room["id"]: 1}
    assert bobs.call("SocketHeartBeat")["heads"] == {}
    sent = ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    assert bobs.call("SocketHeartBeat")["heads"] == {ann.id: sent["version"]}
    ann.post("/group/dissolve", {"groupId": room["id"]})
    assert bobs.call("SocketHeartBeat")["heads"] == {room["id"]: 0}
