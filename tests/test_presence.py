"""Presence is accurate: online users are seen, gone and invisible ones are not."""

import asyncio
import time
from typing import Any
from uuid import UUID

from chatproject.core import hub, redis
from messaging import background
from presence.services import REFRESH_SECONDS


def status(socket: Any, someone: Any) -> bool:
    """The next status of a user that a watcher hears."""
    while (heard := socket.next("OnUserStatus"))["userId"] != someone.id:
        pass
    return bool(heard["online"])


def test_a_watcher_sees_somebody_come_and_go(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    bobs = bob.connect()
    bobs.call("EmitWatchPresence", {"userIds": [ann.id]})
    assert status(bobs, ann) is False
    phone, desk = ann.connect(), ann.connect()
    assert status(bobs, ann) is True
    assert [one["online"] for one in bob.get("/userChatList", search=ann.name)] == [True]
    phone.close()
    desk.close()
    assert status(bobs, ann) is False
    assert [one["online"] for one in bob.get("/userChatList", search=ann.name)] == [False]


def test_one_device_of_two_may_go(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    phone, desk = ann.connect(), ann.connect()
    bobs = bob.connect()
    bobs.call("EmitWatchPresence", {"userIds": [ann.id]})
    assert status(bobs, ann) is True
    phone.close()
    assert desk.call("SocketHeartBeat")
    other = person("other")
    bobs.call("EmitWatchPresence", {"userIds": [ann.id, other.id]})
    others = other.connect()
    while not status(bobs, other):
        pass
    others.close()
    # The other left after the phone and was announced; the phone was not.
    assert status(bobs, other) is False
    assert [one["online"] for one in bob.get("/userChatList", search=ann.name)] == [True]


def test_a_reconnect_within_the_grace_is_not_announced(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    ann.connect().close()
    again = ann.connect()
    bobs = bob.connect()
    bobs.call("EmitWatchPresence", {"userIds": [ann.id]})
    assert status(bobs, ann) is True
    again.close()
    again = ann.connect()
    marker = person("marker")
    bobs.call("EmitWatchPresence", {"userIds": [ann.id, marker.id]})
    marks = marker.connect()
    marks.close()
    while (heard := bobs.next("OnUserStatus"))["userId"] != marker.id or heard["online"]:
        assert heard["userId"] != ann.id or heard["online"], "ann was announced as gone"
    assert again.call("SocketHeartBeat")


def test_a_person_who_appears_offline_is_seen_by_nobody(person: Any) -> None:
    ann, bob = person("ann", online=False), person("bob")
    bobs = bob.connect()
    bobs.call("EmitWatchPresence", {"userIds": [ann.id]})
    assert status(bobs, ann) is False
    anns = ann.connect()
    assert bobs.silent("OnUserStatus")
    listed = bobs.call("GetEmitOnlineUsers")
    assert ann.id not in {one["id"] for one in listed["userList"]}
    assert anns.call("EmitUserConnect")


def test_a_person_who_appeared_offline_is_seen_again_at_once(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    anns, bobs = ann.connect(), bob.connect()
    assert anns.call("EmitUserConnect")
    bobs.call("EmitWatchPresence", {"userIds": [ann.id]})
    assert status(bobs, ann) is True
    waits = []
    for _ in range(2):  # if the next round of refreshing told it, the second would wait for a whole one
        ann.patch("/me", {"online": False})
        assert status(bobs, ann) is False
        began = time.monotonic()
        ann.patch("/me", {"online": True})
        assert status(bobs, ann) is True
        waits.append(time.monotonic() - began)
    assert min(waits) < REFRESH_SECONDS / 2


def test_the_original_keys_tell_who_is_here_and_expire(person: Any) -> None:
    ann = person("ann")
    anns = ann.connect()
    anns.emit("EmitUserConnect", {"_id": ann.id})
    connected = anns.next("OnUserConnect")
    assert connected["user"]["id"] == ann.id and connected["heartbeatInterval"] > 0
    with redis.client() as connection:
        assert connection.get(f"user:heartbeat:{connected['socketId']}") == ann.id.encode()
        assert connection.get(f"user:online:{ann.id}") == b"1"
        for key in (f"user:heartbeat:{connected['socketId']}", f"user:online:{ann.id}"):
            assert 0 < connection.pttl(key) <= 30_000  # type: ignore[operator]


def test_everyone_online_is_listed_to_everyone(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    anns = ann.connect()
    anns.emit("EmitUserConnect", {})
    assert ann.id in {one["id"] for one in anns.next("OnlineUsersList")["userList"]}
    bob.connect()
    listed = anns.next("OnlineUsersList")
    while bob.id not in {one["id"] for one in listed["userList"]}:
        listed = anns.next("OnlineUsersList")
    assert listed["onlineUsersNum"] == len(listed["userList"])


def test_last_active_moves_when_somebody_goes(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    before = bob.get("/userChatList", search=ann.name)[0]["lastActive"]
    bobs = bob.connect()
    bobs.call("EmitWatchPresence", {"userIds": [ann.id]})
    status(bobs, ann)
    anns = ann.connect()
    assert status(bobs, ann) is True
    anns.close()
    assert status(bobs, ann) is False
    while bob.get("/userChatList", search=ann.name)[0]["lastActive"] <= before:
        pass


def test_a_room_that_a_socket_lost_is_heard_again_after_the_next_look(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    bobs = bob.connect()
    assert bobs.call("EmitUserConnect")

    async def lose_and_look() -> None:
        for socket in hub.local().users[UUID(bob.id)]:
            hub.leave(socket, [hub.room_topic(room["id"])])
        await background.recheck()

    loop = hub.node._hub.loop
    assert loop is not None
    asyncio.run_coroutine_threadsafe(lose_and_look(), loop).result(60)
    ann.post("/group/send", {"groupId": room["id"], "content": "heard"}, status=201)
    assert bobs.next("OnGroupMsg")["content"] == "heard"
