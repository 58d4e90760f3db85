"""Unread counts are right in responses, in events and in the original's Redis keys."""

import json
import os
import subprocess
import sys
from typing import Any
from uuid import UUID

from chatproject.core import redis
from messaging import sealed


def counts(someone: Any) -> dict[str, int]:
    """The unread counts of /unread by chat id; /chatList must agree."""
    unread = someone.get("/unread")
    found = {one["senderId"]: one["unreadCount"] for one in unread["private"]}
    found |= {one["groupId"]: one["unreadCount"] for one in unread["group"]}
    assert unread["total"] == sum(found.values())
    assert found == {one["id"]: one["unreadCount"] for one in someone.post("/chatList", {}) if one["unreadCount"]}
    return found


def stored(key: str) -> int | None:
    """What an operator finds in Redis."""
    redis.flush()
    with redis.client() as connection:
        value = connection.get(key)
    return None if value is None else int(value)  # type: ignore[arg-type]


def updates_up_to(count: int, socket: Any) -> list[Any]:
    """The private unread counts that a socket hears, up to `count`."""
    updates = [socket.next("unreadCountUpdate")]
    while updates[-1]["unreadCount"] < count:
        updates.append(socket.next("unreadCountUpdate"))
    return updates


def test_private_unread_counts_up_and_reading_brings_it_down(person: Any, unread_counts_are_pushed: Any) -> None:
    ann, bob = person("ann"), person("bob")
    bobs, phone = bob.connect(), bob.connect()
    for number in range(3):
        sent = ann.post("/private/send", {"receiverId": bob.id, "content": str(number)}, status=201)
    unread_counts_are_pushed()  # the last may be pushed twice, when it was counted with the one before
    updates = [socket.heard("unreadCountUpdate") for socket in (bobs, phone)]
    assert updates[0] == updates[1], "coalesced, and the same for each of bob's sockets"
    assert updates[0][-1] == {
        "senderId": ann.id, "senderName": ann.name, "senderImg": "", "unreadCount": 3, "lastMessage": sent,
        "content": "2", "sentAt": sent["sentAt"],
    }  # fmt: skip
    assert counts(bob) == {ann.id: 3} and counts(ann) == {}
    assert stored(f"user:unread:{bob.id}:{ann.id}") == 3
    answer = bobs.call("EmitMarkPrivateRead", {"senderId": ann.id, "upTo": 2})
    assert (answer["unreadCount"], answer["readSeq"]) == (1, 2)
    assert phone.next("unreadCountUpdate")["unreadCount"] == 1
    assert bobs.silent("unreadCountUpdate"), "the socket that asked has its ack"
    assert bob.post("/markPrivateRead", {"senderId": ann.id}) == {"status": "ok", "unreadCount": 0, "readSeq": 3}
    assert counts(bob) == {}
    assert stored(f"user:unread:{bob.id}:{ann.id}") == 0


def test_two_who_write_to_each_other_at_once_are_both_told(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    anns, bobs = ann.connect(), bob.connect()
    for number in range(5):
        anns.send("EmitPrivate", {"toUid": bob.id, "content": "to bob"}, ack=number)
        bobs.send("EmitPrivate", {"toUid": ann.id, "content": "to ann"}, ack=number)
    for one, socket in ((ann, anns), (bob, bobs)):
        assert updates_up_to(5, socket)[-1]["unreadCount"] == 5
        other = bob if one is ann else ann
        assert stored(f"user:unread:{one.id}:{other.id}") == 5


def test_group_unread_is_each_members_own_and_nobody_counts_their_own_messages(person: Any, group: Any) -> None:
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    room = group(ann, bob, cem)
    for one in (ann, bob, cem):
        one.post("/group/markGroupRead", {"groupId": room["id"]})
    bobs = bob.connect()
    ann.post("/group/send", {"groupId": room["id"], "content": "1"}, status=201)
    update = bobs.next("groupUnreadUpdate")
    assert (update["groupId"], update["groupName"], update["unreadCount"]) == (room["id"], room["name"], 1)
    bob.post("/group/send", {"groupId": room["id"], "content": "2"}, status=201)
    ann.post("/group/send", {"groupId": room["id"], "content": "3"}, status=201)
    assert [counts(one).get(room["id"], 0) for one in (ann, bob, cem)] == [1, 2, 3]
    assert (
        bob.post("/group/markGroupRead", {"groupId": room["id"], "upTo": update["lastMessage"]["seq"]})["unreadCount"]
        == 1
    )
    assert counts(bob) == {room["id"]: 1}
    assert stored(f"group:unread:{bob.id}:{room['id']}") == 1


def test_group_counts_in_redis_follow_the_messages_for_those_who_looked(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    bob.post("/group/markGroupRead", {"groupId": room["id"]})
    key = f"group:unread:{bob.id}:{room['id']}"
    assert stored(key) == 0
    for number in range(4):
        ann.post("/group/send", {"groupId": room["id"], "content": str(number)}, status=201)
    assert stored(key) == 4


def test_read_cursors_only_move_forward(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    for number in range(3):
        ann.post("/private/send", {"receiverId": bob.id, "content": str(number)}, status=201)
    bob.post("/markPrivateRead", {"senderId": ann.id, "upTo": 3})
    assert bob.post("/markPrivateRead", {"senderId": ann.id, "upTo": 1})["readSeq"] == 3
    assert bob.post("/markPrivateRead", {"senderId": ann.id, "upTo": 99})["readSeq"] == 3


def test_many_chats_are_read_at_once(person: Any) -> None:
    bob, others = person("bob"), [person("ann"), person("cem")]
    for one in others:
        one.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    assert bob.post("/markPrivateRead", {"senderIds": [one.id for one in others]})["unreadCount"] == 0
    assert counts(bob) == {}


def test_the_sender_learns_that_a_message_was_read(person: Any, group: Any) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    room = group(ann, bob)
    anns, eves = ann.connect(), eve.connect()
    private = ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    public = ann.post("/group/send", {"groupId": room["id"], "content": "hello"}, status=201)
    bob.post("/markPrivateRead", {"senderId": ann.id})
    moved = {"userId": bob.id, "previousSeq": 0}
    assert anns.next("OnRead") == moved | {"type": "private", "id": bob.id, "readSeq": private["seq"]}
    bob.post("/group/markGroupRead", {"groupId": room["id"]})
    assert anns.next("OnRead") == moved | {"type": "group", "id": room["id"], "readSeq": public["seq"]}
    assert eves.silent()
    read = ann.get("/private/messages", senderId=bob.id)[-1]
    assert (read["isRead"], read["readCount"]) == (True, 1)
    assert ann.get("/group/messages", groupId=room["id"])[-1]["readCount"] == 1
    assert [one["id"] for one in ann.get("/message/readers", messageId=public["id"])] == [bob.id]


def test_in_redis_a_group_is_the_same_however_many_speak_read_and_leave_in_one_moment(person: Any, group: Any) -> None:
    ann, bob, cem, dan = (person(name) for name in ("ann", "bob", "cem", "dan"))
    room = group(ann, bob, cem, dan)["id"]
    everyone = (ann, bob, cem, dan)
    for one in everyone:
        one.get("/unread")
    redis.flush()
    for number, one in enumerate((ann, bob, cem, dan, ann, bob)):
        one.post("/group/send", {"groupId": room, "content": str(number)}, status=201)
    cem.post("/group/markGroupRead", {"groupId": room})
    ann.post("/group/kick", {"groupId": room, "userId": dan.id})
    said = ann.post("/group/send", {"groupId": room, "content": "the last"}, status=201)
    for one in (ann, bob, cem):
        assert stored(f"group:unread:{one.id}:{room}") == counts(one).get(room, 0)
    assert stored(f"group:unread:{dan.id}:{room}") is None
    with redis.client() as connection:
        last: Any = connection.get(f"group:lastmsg:{cem.id}:{room}")
    assert b"the last" not in last and json.loads(sealed.open_last(UUID(room), last)) == said


def test_marking_what_is_not_mine_moves_nothing(person: Any, group: Any) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    mine, others = group(eve, ann), group(ann, bob)
    ann.post("/group/send", {"groupId": mine["id"], "content": "hello"}, status=201)
    before = counts(eve)
    eve.post("/group/markGroupRead", {"groupIds": [mine["id"], others["id"]]}, status=404)
    assert counts(eve) == before


def test_the_sockets_count_is_the_same(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    bobs = bob.connect()
    assert bobs.call("EmitGetUnreadCount") == bob.get("/unread")


def test_the_command_finds_and_mends_what_is_wrong(
    person: Any, unread_command: Any, unread_counts_are_pushed: Any
) -> None:
    ann, bob = person("ann"), person("bob")
    bobs = bob.connect()
    ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    bobs.next("unreadCountUpdate")  # the key was written before
    unread_counts_are_pushed()
    rows, keys = unread_command()
    with redis.client() as connection:
        connection.set(f"user:unread:{bob.id}:{ann.id}", 7)
    assert unread_command() == (rows, keys + 1)
    assert unread_command(rebuild=True) == (rows, keys + 1)
    assert stored(f"user:unread:{bob.id}:{ann.id}") == 1
    assert unread_command()[1] == 0


# What counts ----------------------------------------------------------------------------------------------------------


def in_redis_and_answers(someone: Any, chat_id: str) -> set[int]:
    """Every count of a chat that a user can find: they should be one."""
    kind = "user" if any(one["id"] == chat_id for one in someone.get("/userChatList")) else "group"
    answers = {counts(someone).get(chat_id, 0)}
    socket = someone.connect()
    told = socket.call("EmitGetUnreadCount")
    answers |= {
        sum(one["unreadCount"] for one in told["private"] + told["group"] if chat_id in (*one.values(),)),
    }
    found = stored(f"{kind}:unread:{someone.id}:{chat_id}")
    return answers if found is None else answers | {found}


def test_joins_leaves_and_renames_are_not_unread(person: Any, group: Any) -> None:
    ann, bob, cem, dan = (person(name) for name in ("ann", "bob", "cem", "dan"))
    room = group(ann, bob)["id"]
    assert counts(bob) == {}, "the group was created, and nobody has said anything"
    ann.post("/group/send", {"groupId": room, "content": "1"}, status=201)
    cem.post("/group/join", {"groupId": room})
    ann.post("/group/update", {"groupId": room, "name": "coffee"})
    ann.post("/group/invite", {"groupId": room, "userIds": [dan.id]})
    ann.post("/group/setRole", {"groupId": room, "userId": dan.id, "role": "admin"})
    ann.post("/group/send", {"groupId": room, "content": "2"}, status=201)
    cem.post("/group/leave", {"groupId": room})
    ann.post("/group/kick", {"groupId": room, "userId": dan.id})
    assert in_redis_and_answers(bob, room) == {2}
    assert in_redis_and_answers(ann, room) == {0}
    page = bob.get("/group/messages", groupId=room)
    seqs = {one["content"]: one["seq"] for one in page}
    for upto, left in ((seqs["1"] - 1, 2), (seqs["1"], 1), (seqs["2"] - 1, 1), (seqs["2"], 0)):
        assert bob.post("/group/markGroupRead", {"groupId": room, "upTo": upto})["unreadCount"] == left
        assert in_redis_and_answers(bob, room) == {left}


def test_system_lines_push_no_count_to_members(person: Any, group: Any, unread_counts_are_pushed: Any) -> None:
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    room = group(ann, bob)["id"]
    bobs = bob.connect()
    cem.post("/group/join", {"groupId": room})
    assert bobs.next("OnGroupMsg")["type"] == "system"
    unread_counts_are_pushed()
    assert bobs.silent("groupUnreadUpdate")


def test_a_recalled_message_is_taken_back_everywhere_in_a_group(
    person: Any, group: Any, unread_counts_are_pushed: Any
) -> None:
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    room = group(ann, bob, cem)["id"]
    bob.get("/unread")  # from now on their key in Redis follows
    said = [ann.post("/group/send", {"groupId": room, "content": str(one)}, status=201) for one in range(3)]
    cem.post("/group/markGroupRead", {"groupId": room, "upTo": said[1]["seq"]})
    bobs, cems = bob.connect(), cem.connect()
    unread_counts_are_pushed()
    ann.post("/message/recall", {"messageId": said[1]["id"]})
    update = bobs.next("groupUnreadUpdate")
    assert (update["unreadCount"], update["lastMessage"]["id"]) == (2, said[2]["id"])
    assert in_redis_and_answers(bob, room) == {2} and in_redis_and_answers(cem, room) == {1}
    unread_counts_are_pushed()
    assert cems.silent("groupUnreadUpdate"), "cem had read it"
    for one in (said[0], said[2]):
        ann.post("/message/recall", {"messageId": one["id"]})
    while update["unreadCount"]:
        update = bobs.next("groupUnreadUpdate")
    assert in_redis_and_answers(bob, room) == in_redis_and_answers(cem, room) == {0}
    ann.post("/group/send", {"groupId": room, "content": "again"}, status=201)
    bob.post("/group/send", {"groupId": room, "content": "mine"}, status=201)
    assert in_redis_and_answers(bob, room) == {1} and in_redis_and_answers(cem, room) == {2}
    bob.post("/group/markGroupRead", {"groupId": room})
    assert in_redis_and_answers(bob, room) == {0}


def test_a_recalled_message_is_taken_back_everywhere_in_a_private_chat(
    person: Any, unread_counts_are_pushed: Any
) -> None:
    ann, bob = person("ann"), person("bob")
    said = [ann.post("/private/send", {"receiverId": bob.id, "content": str(one)}, status=201) for one in range(2)]
    unread_counts_are_pushed()
    anns, bobs = ann.connect(), bob.connect()
    ann.post("/message/recall", {"messageId": said[1]["id"]})
    update = bobs.next("unreadCountUpdate")
    assert (update["unreadCount"], update["content"]) == (1, "")
    assert in_redis_and_answers(bob, ann.id) == {1}
    ann.post("/message/recall", {"messageId": said[0]["id"]})
    assert bobs.next("unreadCountUpdate")["unreadCount"] == 0
    assert in_redis_and_answers(bob, ann.id) == {0} and counts(bob) == {}
    ann.post("/message/recall", {"messageId": said[0]["id"]})
    assert bobs.silent("unreadCountUpdate"), "recalled twice is recalled once"
    assert anns.silent("unreadCountUpdate")


def test_recalling_what_was_read_or_is_ones_own_changes_no_count(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    first = ann.post("/private/send", {"receiverId": bob.id, "content": "1"}, status=201)
    bob.post("/markPrivateRead", {"senderId": ann.id})
    mine = bob.post("/private/send", {"receiverId": ann.id, "content": "2"}, status=201)
    ann.post("/private/send", {"receiverId": bob.id, "content": "3"}, status=201)
    ann.post("/message/recall", {"messageId": first["id"]})
    bob.post("/message/recall", {"messageId": mine["id"]})
    assert in_redis_and_answers(bob, ann.id) == {1}
    assert in_redis_and_answers(ann, bob.id) == {0}


def test_who_joins_later_has_nothing_unread_of_before(person: Any, group: Any) -> None:
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    room = group(ann, bob)["id"]
    said = [ann.post("/group/send", {"groupId": room, "content": str(one)}, status=201) for one in range(3)]
    ann.post("/message/recall", {"messageId": said[0]["id"]})
    cem.post("/group/join", {"groupId": room})
    assert counts(cem) == {}
    ann.post("/message/recall", {"messageId": said[1]["id"]})
    ann.post("/group/send", {"groupId": room, "content": "4"}, status=201)
    assert in_redis_and_answers(cem, room) == {1} and in_redis_and_answers(bob, room) == {2}


def test_an_operators_erasure_is_taken_back_too(person: Any) -> None:
    from messaging import services
    from messaging.models import Message

    ann, bob = person("ann"), person("bob")
    said = ann.post("/private/send", {"receiverId": bob.id, "content": "rude"}, status=201)
    services.erase(message=Message.objects.get(pk=said["id"]))
    assert in_redis_and_answers(bob, ann.id) == {0}


def test_a_recall_writes_the_same_rows_however_many_have_not_read_it(
    person: Any, group: Any, query_budget: Any
) -> None:
    people = [person("member") for _ in range(12)]
    rooms = [group(*people[:2])["id"], group(*people)["id"]]
    asked = []
    for room in rooms:
        said = people[0].post("/group/send", {"groupId": room, "content": "hello"}, status=201)
        with query_budget(30) as heard:
            people[0].post("/message/recall", {"messageId": said["id"]})
        asked.append(sum(not one.split(": ", 1)[1].startswith("SELECT") for one in heard))
    assert asked[0] == asked[1]


def test_stored_messages_are_counted_anew_when_the_installation_is_updated(tmp_path: Any) -> None:
    """In a database of its own, from the tables as they were before the counters."""
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "chatproject.settings"}
    environment.pop("DATABASE_URL", None)
    done = subprocess.run([sys.executable, "-c", _UPDATE], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["bob:2=2", "ann:1=1", "cem:0=0"]


_UPDATE = """
import django
django.setup()
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
before = [("groups", "0006_name_skeletons"), ("messaging", "0003_media")]
executor = MigrationExecutor(connection)
latest = executor.loader.graph.leaf_nodes()
executor.migrate([node for node in latest if node[0] not in ("groups", "messaging", "moderation", "demo")] + before)
old = executor.loader.project_state(before + [n for n in latest if n[0] == "accounts"]).apps
User, Room, Membership = old.get_model("accounts", "User"), old.get_model("groups", "Room"), None
Membership, Message = old.get_model("groups", "Membership"), old.get_model("messaging", "Message")
from chatproject.core.times import now
ann, bob, cem = (User.objects.create(name=name, name_key=name) for name in ("ann", "bob", "cem"))
room = Room.objects.create(kind="group", name="tea", last_seq=7, last_version=8, member_count=3)
said = [(ann, "system"), (ann, "text"), (bob, "system"), (ann, "text"), (ann, "text"), (bob, "text"), (ann, "system")]
for seq, (sender, kind) in enumerate(said, 1):
    recalled = now() if seq == 4 else None
    Message.objects.create(room=room, seq=seq, version=seq, sender=sender, client_id=str(seq), type=kind, recalled_at=recalled)
Membership.objects.create(room=room, user=bob, read_seq=1, own_since_read=2)
Membership.objects.create(room=room, user=ann, read_seq=2, own_since_read=3)
Membership.objects.create(room=room, user=cem, read_seq=7)
executor = MigrationExecutor(connection)
executor.migrate(latest)
from groups import models
from messaging import selectors
for name in ("bob", "ann", "cem"):
    membership = models.Membership.objects.with_recalled().select_related("room").get(user__name=name)
    print(f"{name}:{membership.unread}={selectors.counted_unread(membership)}")
"""
