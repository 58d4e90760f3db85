"""Finding the way: pinned messages, what is marked unread, chats that are put away, readers, days, addresses."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chatproject.core import redis
from messaging import cache, chat_cache, rules
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


# Marked unread --------------------------------------------------------------------------------------------------------


def unread(someone: Any) -> dict[str, int]:
    """The unread messages of each chat, as every door tells them: they have to agree."""
    listed = {one["id"]: one["unreadCount"] for one in someone.post("/chatList")}
    asked = someone.get("/unread")
    counts = {
        one.get("groupId") or one.get("senderId"): one["unreadCount"] for one in asked["group"] + asked["private"]
    }
    assert counts == {chat_id: count for chat_id, count in listed.items() if count}
    assert asked["total"] == sum(counts.values())
    return listed


def mark(someone: Any, room: dict[str, Any], seq: int | None = None, status: int = 200) -> Any:
    at = {} if seq is None else {"seq": seq}
    return someone.post("/chat/markUnread", {"type": "group", "id": room["id"], **at}, status=status)


def read(someone: Any, room: dict[str, Any], seq: int | None = None) -> Any:
    return someone.post("/group/markGroupRead", {"groupId": room["id"], "upTo": seq})


def test_from_a_message_on_it_is_unread_again_on_all_devices_and_stays_read_for_others(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    said = [say(ann, room, str(number)) for number in range(4)]
    mine = say(bob, room, "mine")
    read(bob, room)
    assert unread(bob)[room["id"]] == 0
    phone, desk, anns = bob.signed_in_again().connect(), bob.connect(), ann.connect()
    marked = desk.call("EmitMarkUnread", {"type": "group", "id": room["id"], "seq": said[1]["seq"]})
    assert marked == {
        "type": "group", "id": room["id"], "unreadCount": 3, "readSeq": said[0]["seq"], "timesBack": 1,
        "markedUnread": True, "mentionSeq": None,
    }  # fmt: skip
    assert phone.next("OnMarkUnread") == marked
    assert phone.next("groupUnreadUpdate")["unreadCount"] == 3
    assert desk.silent("OnMarkUnread", "groupUnreadUpdate"), "who asked has the answer"
    assert unread(bob)[room["id"]] == 3
    (chat,) = [one for one in bob.post("/chatList") if one["id"] == room["id"]]
    assert {name: chat[name] for name in ("readSeq", "timesBack", "markedUnread")} == {
        "readSeq": said[0]["seq"], "timesBack": 1, "markedUnread": True,
    }  # fmt: skip
    # What the others were told stays told.
    assert anns.silent()
    assert [one["readCount"] for one in ann.get("/group/messages", groupId=room["id"])[-5:]] == [1, 1, 1, 1, 0]
    assert [one["name"] for one in ann.get("/message/readers", messageId=said[3]["id"])] == [bob.name]
    # What is said, recalled and read on counts from there, and nobody hears twice that it was read.
    say(ann, room, "and more")
    assert unread(bob)[room["id"]] == 4
    ann.post("/message/recall", {"messageId": said[2]["id"]})
    bob.post("/message/recall", {"messageId": mine["id"]})
    assert unread(bob)[room["id"]] == 3
    anns.forget()
    assert read(bob, room, said[1]["seq"]) == {"status": "ok", "unreadCount": 2, "readSeq": said[1]["seq"]}
    assert unread(bob)[room["id"]] == 2
    assert read(bob, room, said[3]["seq"])["unreadCount"] == 1
    assert anns.silent("OnRead")
    assert read(bob, room)["unreadCount"] == unread(bob)[room["id"]] == 0
    assert anns.next("OnRead")["previousSeq"] == mine["seq"]
    assert not [one for one in bob.post("/chatList") if one["markedUnread"]]


def test_a_chat_is_marked_unread_from_what_somebody_else_said_last_or_only_marked(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    hers = say(ann, room)
    say(bob, room)
    read(bob, room)
    marked = mark(bob, room)
    assert (marked["unreadCount"], marked["readSeq"]) == (1, hers["seq"] - 1)
    assert mark(bob, room) == marked == mark(bob, room, hers["seq"]) == mark(bob, room, 10**9), "twice is once"
    bob.post("/private/send", {"receiverId": ann.id, "content": "hello"}, status=201)
    bob.post("/chat/markUnread", {"type": "private", "id": ann.id})
    chat = {one["id"]: one for one in bob.post("/chatList")}[ann.id]
    assert (chat["unreadCount"], chat["markedUnread"]) == (0, True)
    bob.post("/markPrivateRead", {"senderId": ann.id})
    assert not {one["id"]: one for one in bob.post("/chatList")}[ann.id]["markedUnread"]
    eve = person("eve")
    mark(eve, room, status=404)
    eve.post("/chat/markUnread", {"type": "private", "id": ann.id}, status=404)


def test_mentions_are_unread_again_and_too_far_back_is_refused(
    person: Any, group: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    name = f"@{bob.name}"
    mentions = [{"userId": bob.id, "start": 0, "length": len(name)}]
    called = ann.post("/group/send", {"groupId": room["id"], "content": name, "mentions": mentions}, status=201)
    read(bob, room)
    assert mark(bob, room, called["seq"])["mentionSeq"] == called["seq"]
    assert {one["id"]: one for one in bob.post("/chatList")}[room["id"]]["mentionSeq"] == called["seq"]
    say(ann, room)
    read(bob, room)
    monkeypatch.setattr(rules, "BACK_MAX", 1)
    assert mark(bob, room, called["seq"], status=409)["code"] == "too_far_back"
    assert mark(bob, room)["unreadCount"] == 1


@pytest.mark.parametrize("seed", range(3))
def test_whatever_two_people_do_every_count_is_what_the_messages_say(person: Any, group: Any, seed: int) -> None:
    from groups import selectors as rooms
    from messaging import selectors
    from messaging.services import remembering

    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    said = [say(ann, room, str(number)) for number in range(5)]
    dice = random.Random(seed)
    for step in range(40):
        who = dice.choice([ann, bob])
        match dice.randrange(6):
            case 0 | 1:
                said.append(say(who, room, str(step)))
            case 2:
                read(who, room, dice.choice([None, dice.choice(said)["seq"]]))
            case 3 | 4:
                mark(who, room, dice.choice([None, dice.choice(said)["seq"]]))
            case 5:
                ann.post("/message/recall", {"messageId": dice.choice(said)["id"]})
        if step % 3:
            unread(who)
        for membership in rooms.fresh_memberships(room_memberships(room)):
            assert membership.unread == selectors.counted_unread(membership)
            known = remembering.unread([membership.user_id])[0].output
            assert known["total"] == membership.unread
    for person_ in (ann, bob):
        unread(person_)
        redis.flush()
        (count,) = cache.stored([cache.group_unread(person_.id, room["id"])])
        assert count == unread(person_)[room["id"]]


def room_memberships(room: dict[str, Any]) -> list[Any]:
    from groups.models import Membership

    return list(Membership.objects.filter(room=room["id"]).values_list("pk", flat=True))


def test_a_base_from_before_the_cursor_was_set_back_is_not_believed_though_it_comes_late(
    person: Any, group: Any, unread_command: Any
) -> None:
    from groups import selectors as rooms
    from messaging.services.remembering import member_state

    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    wrong = unread_command()
    first, _second = say(ann, room), say(ann, room)
    read(bob, room)
    unread(bob)
    (late,) = [
        member_state(one) for one in rooms.fresh_memberships(room_memberships(room)) if str(one.user_id) == bob.id
    ]
    mark(bob, room, first["seq"])
    chat_cache.keep([], [late])
    assert unread(bob)[room["id"]] == 2
    assert unread_command() == wrong


# Put away -------------------------------------------------------------------------------------------------------------


def away(someone: Any, chat: str, kind: str = "group") -> bool:
    (found,) = [one for one in someone.post("/chatList") if (one["type"], one["id"]) == (kind, chat)]
    return bool(found["archived"])


def test_an_archived_chat_comes_back_when_somebody_writes_and_a_muted_one_does_not(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    at = {"type": "group", "id": room["id"]}
    say(ann, room)
    bob.post("/chat/pin", at)
    bobs, anns = bob.connect(), ann.connect()
    put = bob.post("/chat/archive", at)
    assert put == bobs.next("OnChatUpdate")
    assert (put["archived"], put["pinned"]) == (True, False)
    assert anns.silent("OnChatUpdate") and not away(ann, room["id"])
    ann.post("/group/update", {"groupId": room["id"], "name": "coffee"})
    assert away(bob, room["id"]), "a line is nothing that somebody said"
    say(ann, room)
    assert not away(bob, room["id"])
    bob.post("/chat/archive", at)
    bob.post("/chat/mute", at)
    say(ann, room)
    assert away(bob, room["id"]) and unread(bob)[room["id"]] == 3
    assert bob.post("/chat/mute", at | {"muted": False})["archived"] is False, "it comes back with what was said"
    bob.post("/chat/archive", at)
    assert bob.post("/chat/archive", at | {"archived": False})["archived"] is False
    bob.post("/chat/archive", at)
    assert bob.post("/chat/pin", at)["archived"] is False


# Readers, days, addresses ---------------------------------------------------------------------------------------------


def test_who_has_read_a_message_and_who_has_not_comes_in_pages(person: Any, group: Any) -> None:
    ann, *others = [person(name) for name in ("ann", "bob", "cem", "dil", "eve")]
    bob, cem, *_ = others
    room = group(ann, *others)
    message = say(ann, room)
    for one in (bob, cem):
        read(one, room)

    def names(someone: Any, **asked: Any) -> list[str]:
        return [one["name"] for one in someone.get("/message/readers", messageId=message["id"], **asked)]

    assert names(ann) == names(cem) == [bob.name, cem.name]
    assert names(ann, read=False) == [one.name for one in others[2:]]
    found, path = [], f"/message/readers?messageId={message['id']}&read=false&limit=1"
    while path:
        answer = ann.request("get", path)
        found += [one["name"] for one in answer.json()]
        link = answer.headers.get("Link")
        path = link and link.partition(">")[0].removeprefix("<")
    assert sorted(found) == names(ann, read=False)
    mark(bob, room, message["seq"])
    assert names(ann) == [bob.name, cem.name], "what was told stays told"
    person("stranger").get("/message/readers", status=404, messageId=message["id"], read=False)


def test_a_day_leads_to_its_first_message_or_the_next_in_the_time_zone_of_who_asks(person: Any, group: Any) -> None:
    from messaging.models import Message

    ann, bob, eve = person("ann"), person("bob"), person("eve")
    room = group(ann, bob)
    said = [say(ann, room, str(number)) for number in range(6)]
    first = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)
    Message.objects.filter(room=room["id"]).update(sent_at=first)
    for number, message in enumerate(said):
        Message.objects.filter(pk=message["id"]).update(sent_at=first + timedelta(hours=30 * number))

    def seq(day: str, **asked: Any) -> int | None:
        where = {"chatId": room["id"], "isGroup": True, "day": day}
        return bob.get("/message/day", **where | asked)["seq"]  # type: ignore[no-any-return]

    assert seq("2026-03-02") == said[1]["seq"]
    assert seq("2026-03-02", timeZone="Asia/Shanghai") == 1, "there it is the next day already"
    assert seq("2026-03-04", timeZone="Atlantis/Capital") == said[2]["seq"]
    assert seq("2026-03-07") == said[5]["seq"]
    assert seq("2020-01-01") == seq("0001-01-01", timeZone="Asia/Shanghai") == 1
    assert seq("2026-03-09") is seq("9999-12-31", timeZone="America/Lima") is None
    bob.get("/message/day", status=400, chatId=room["id"], isGroup=True, day="2026-02-30")
    eve.get("/message/day", status=404, chatId=room["id"], isGroup=True, day="2026-03-02")
    eve.get("/message/day", status=404, chatId=bob.id, day="2026-03-02")


def test_the_address_of_a_message_leads_each_of_two_people_to_their_chat(person: Any, browser: Any) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    message = ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    address = f"/chat/message/{message['id']}/"
    for someone, other in ((ann, bob), (bob, ann)):
        answer = browser().signed_in(someone).get(address)
        assert (answer.status_code, answer.headers["location"]) == (302, f"/chat/private/{other.id}/#{message['seq']}")
    assert browser().signed_in(eve).get(address).status_code == 404
    assert browser().get(address).headers["location"] == f"/sign-in/?next={address}"
