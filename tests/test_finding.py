"""Finding the way in a chat: pinned messages, told to those in it and to nobody else."""

from typing import Any

from messaging.rules import PINNED_MAX


def say(someone: Any, room: dict[str, Any], text: str = "hello") -> dict[str, Any]:
    sent: dict[str, Any] = someone.post("/group/send", {"groupId": room["id"], "content": text}, status=201)
    return sent


def chats(someone: Any) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in someone.post("/chatList", {})}


def pin(someone: Any, message: dict[str, Any], pinned: bool = True, status: int = 200) -> Any:
    return someone.post("/message/pin", {"messageId": message["id"], "pinned": pinned}, status=status)


def seqs(said: dict[str, Any]) -> list[int]:
    """Which messages are pinned, the last pinned first."""
    return [one["seq"] for one in said["pins"]]


def test_a_pinned_message_is_told_to_everybody_in_the_group_and_to_nobody_else(person: Any, group: Any) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    room = group(ann, bob)
    first, second = say(ann, room, "one"), say(bob, room, "two")
    bob.post("/group/markGroupRead", {"groupId": room["id"]})
    anns, bobs, eves = ann.connect(), bob.connect(), eve.connect()
    pinned = anns.call("EmitPin", {"messageId": second["id"]})
    assert pinned == {
        "type": "group",
        "id": room["id"],
        "version": second["version"] + 1,
        "pins": [{"messageId": second["id"], "seq": second["seq"]}],
    }
    assert anns.next("OnPin") == bobs.next("OnPin") == pinned
    line = bobs.next("OnGroupMsg")
    assert (line["type"], line["content"]) == ("system", f"{ann.name} pinned a message")
    assert (line["system"]["action"], line["replyTo"], line["version"]) == (
        "pinned", second["id"], pinned["version"] + 1,
    )  # fmt: skip
    assert bobs.silent("groupUnreadUpdate"), "nobody has more to read"
    assert seqs(pin(ann, first)) == [first["seq"], second["seq"]], "the last pinned first"
    assert seqs(bobs.next("OnPin")) == [first["seq"], second["seq"]]
    assert bobs.next("OnGroupMsg")["replyTo"] == first["id"]
    # What changes nothing is no event, and takes no version.
    before = chats(ann)[room["id"]]
    assert seqs(pin(ann, second)) == seqs(before) == [first["seq"], second["seq"]]
    assert chats(bob)[room["id"]]["version"] == before["version"] == pin(ann, first)["version"]
    assert bobs.silent("OnPin", "OnGroupMsg")
    assert seqs(pin(ann, second, pinned=False)) == seqs(bobs.next("OnPin")) == [first["seq"]]
    assert bobs.silent("OnGroupMsg"), "without a line"
    assert eves.silent()


def test_a_group_s_admins_pin_and_both_people_of_a_private_chat(person: Any, group: Any) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    room = group(ann, bob)
    message = say(bob, room)
    assert pin(bob, message, status=403)["code"] == "forbidden"
    pin(eve, message, status=404)
    ann.post("/group/setRole", {"groupId": room["id"], "userId": bob.id, "role": "admin"})
    assert seqs(pin(bob, message)) == [message["seq"]]
    line = ann.get("/group/messages", groupId=room["id"])[-1]
    assert pin(ann, line, status=403)["code"] == "forbidden", "a line is nothing that somebody said"
    mine = ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    anns, bobs, eves = ann.connect(), bob.connect(), eve.connect()
    assert (answer := pin(bob, mine))["id"] == ann.id
    assert answer == bobs.next("OnPin")
    told = anns.next("OnPin")
    assert told == {**answer, "id": bob.id}, "each knows the chat by the other's id"
    assert anns.next("OnPrivate")["system"]["action"] == "pinned"
    assert chats(ann)[bob.id]["unreadCount"] == 0
    assert chats(ann)[bob.id]["pins"] == chats(bob)[ann.id]["pins"] == told["pins"]
    assert eves.silent()


def test_who_was_away_learns_of_pins_by_sync_and_a_recall_unpins(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    first, second = say(ann, room, "one"), say(ann, room, "two")
    cursors = {one["id"]: one["version"] for one in bob.post("/sync", {"cursors": {}})["chats"]}

    def synced() -> dict[str, Any]:
        (chat,) = bob.post("/sync", {"cursors": cursors})["chats"]
        cursors[chat["id"]] = chat["version"]
        return dict(chat)

    pin(ann, first), pin(ann, second)
    assert seqs(synced()) == [second["seq"], first["seq"]]
    pin(ann, second, pinned=False)
    assert seqs(synced()) == [first["seq"]]
    ann.post("/message/edit", {"messageId": first["id"], "content": "other words"})
    assert seqs(synced()) == [first["seq"]]
    ann.post("/message/recall", {"messageId": first["id"]})
    assert seqs(synced()) == seqs(chats(ann)[room["id"]]) == []
    assert pin(ann, first, status=409)["code"] == "recalled"
    assert bob.post("/sync", {"cursors": cursors})["chats"] == []
    assert bob.get("/group/messages", groupId=room["id"])[-1]["system"]["action"] == "pinned"


def test_pinned_messages_of_a_chat_have_an_end_and_cost_the_list_no_query(
    person: Any, group: Any, settings: Any, query_budget: Any
) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    ann.post("/chatList"), ann.post("/chatList")
    with query_budget(100) as heard:
        ann.post("/chatList")
    said = [say(ann, room, f"{number}") for number in range(PINNED_MAX + 1)]
    for message in said[:-1]:
        pin(ann, message)
    refused = pin(ann, said[-1], status=409)
    assert refused["code"] == "too_many_pinned" and str(PINNED_MAX) in refused["detail"]
    assert len(chats(ann)[room["id"]]["pins"]) == PINNED_MAX
    chats(ann)
    with query_budget(len(heard)):
        chats(ann)
    pin(ann, said[0], pinned=False)
    assert seqs(pin(ann, said[-1]))[0] == said[-1]["seq"]
