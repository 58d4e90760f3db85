"""Presence is accurate: online users are seen, gone and invisible ones are not."""

import asyncio
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from accounts.models import Device
from chatproject.core import hub, redis
from chatproject.core.hub.registry import PARTS
from groups.models import Membership
from messaging import background
from messaging.services import sockets
from presence.services import GRACE_SECONDS, REFRESH_SECONDS


def comes(socket: Any, someone: Any) -> Any:
    """Whether a watcher hears that the user is online."""
    return socket.until("OnUserStatus", userId=someone.id, online=True)


def goes(socket: Any, someone: Any) -> Any:
    """Whether a watcher hears that the user is offline: all that they hear until then."""
    return socket.until("OnUserStatus", userId=someone.id, online=False)


def are_gone(heard: list[dict[str, Any]]) -> set[str]:
    return {one["userId"] for one in heard if not one["online"]}


def test_a_watcher_sees_somebody_come_and_go(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    bobs = bob.connect()
    bobs.call("EmitWatchPresence", {"userIds": [ann.id]})
    assert goes(bobs, ann)
    phone, desk = ann.connect(), ann.connect()
    assert comes(bobs, ann)
    assert [one["online"] for one in bob.get("/userChatList", search=ann.name)] == [True]
    phone.close()
    desk.close()
    assert goes(bobs, ann)
    assert [one["online"] for one in bob.get("/userChatList", search=ann.name)] == [False]


def test_one_device_of_two_may_go(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    phone, desk = ann.connect(), ann.connect()
    bobs = bob.connect()
    bobs.call("EmitWatchPresence", {"userIds": [ann.id]})
    assert comes(bobs, ann)
    phone.close()
    assert desk.call("SocketHeartBeat")
    other = person("other")
    bobs.call("EmitWatchPresence", {"userIds": [ann.id, other.id]})
    others = other.connect()
    assert comes(bobs, other)
    others.close()
    # The other left after the phone and was announced; the phone was not.
    assert are_gone(goes(bobs, other)) == {other.id}
    assert [one["online"] for one in bob.get("/userChatList", search=ann.name)] == [True]


def test_a_reconnect_within_the_grace_is_not_announced(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    ann.connect().close()
    again = ann.connect()
    bobs = bob.connect()
    bobs.call("EmitWatchPresence", {"userIds": [ann.id]})
    assert comes(bobs, ann)
    is_within = False
    while not is_within:  # on a machine that was busy for so long it was none
        began = time.monotonic()
        again.close()
        again = ann.connect()
        assert again.call("SocketHeartBeat")
        is_within = time.monotonic() - began < GRACE_SECONDS
    marker = person("marker")
    bobs.call("EmitWatchPresence", {"userIds": [ann.id, marker.id]})
    marks = marker.connect()
    assert comes(bobs, marker)
    marks.close()
    assert are_gone(goes(bobs, marker)) == {marker.id}


def test_a_person_who_appears_offline_is_seen_by_nobody(person: Any) -> None:
    ann, bob = person("ann", online=False), person("bob")
    bobs = bob.connect()
    bobs.call("EmitWatchPresence", {"userIds": [ann.id]})
    assert goes(bobs, ann)
    assert ann.connect().call("EmitUserConnect")
    assert bobs.silent("OnUserStatus")
    listed = bobs.call("GetEmitOnlineUsers")
    assert ann.id not in {one["id"] for one in listed["userList"]}


def test_a_person_who_appeared_offline_is_seen_again_at_once(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    anns, bobs = ann.connect(), bob.connect()
    assert anns.call("EmitUserConnect")
    bobs.call("EmitWatchPresence", {"userIds": [ann.id]})
    assert comes(bobs, ann)
    waits = []
    for _ in range(2):  # if the next round of refreshing told it, the second would wait for a whole one
        ann.patch("/me", {"online": False})
        assert goes(bobs, ann)
        began = time.monotonic()
        ann.patch("/me", {"online": True})
        assert comes(bobs, ann)
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
    assert goes(bobs, ann)
    anns = ann.connect()
    assert comes(bobs, ann)
    anns.close()
    assert goes(bobs, ann)
    while bob.get("/userChatList", search=ann.name)[0]["lastActive"] <= before:
        pass


# The look over all sockets --------------------------------------------------------------------------------------------


def look_at(*people: Any) -> None:
    """Look at the sockets of these people, as the server does of each within a minute."""
    on_loop(background.recheck(sockets_of(*people)))


def sockets_of(*people: Any) -> list[hub.Socket]:
    return [socket for someone in people for socket in hub.local().users[UUID(someone.id)]]


def on_loop(work: Any) -> Any:
    loop = hub.node._hub.loop
    assert loop is not None
    return asyncio.run_coroutine_threadsafe(work, loop).result(60)


def test_a_room_that_a_socket_lost_is_heard_again_after_the_next_look(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    bobs = bob.connect()
    assert bobs.call("EmitUserConnect")

    async def lose() -> None:
        for socket in sockets_of(bob):
            hub.leave(socket, [hub.room_topic(room["id"])])

    for number in range(2):  # the second look finds the rows as the first did
        on_loop(lose())
        look_at(bob)
        ann.post("/group/send", {"groupId": room["id"], "content": f"heard {number}"}, status=201)
        assert bobs.next("OnGroupMsg")["content"] == f"heard {number}"


def test_a_room_that_was_left_by_an_event_nobody_heard_is_silent_after_the_next_look(person: Any, group: Any) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    room, other = group(ann, bob, eve), group(ann, bob, eve)
    bobs, eves = bob.connect(), eve.connect()
    look_at(bob, eve)
    Membership.objects.filter(room=room["id"], user=eve.id).delete()
    Membership.objects.filter(room=other["id"], user=eve.id).update(away=True)
    look_at(bob, eve)
    for one in (room, other):
        ann.post("/group/send", {"groupId": one["id"], "content": "to members"}, status=201)
        assert bobs.next("OnGroupMsg")["groupId"] == one["id"]
    assert eves.silent("OnGroupMsg")
    Membership.objects.filter(room=other["id"], user=eve.id).update(away=False)
    look_at(eve)
    ann.post("/group/send", {"groupId": other["id"], "content": "back"}, status=201)
    assert eves.next("OnGroupMsg")["content"] == "back"


def test_a_room_that_is_joined_during_the_look_stays(person: Any, group: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann)
    bobs = bob.connect()
    anns, read = ann.connect(), sockets.seats_of

    def read_then_join(user_ids: Any) -> Any:
        found = read(user_ids)
        anns.call("EmitGroupAdd", {"groupId": room["id"], "userIds": [bob.id]})
        bobs.next("OnGroupUpdate")
        return found

    monkeypatch.setattr(sockets, "seats_of", read_then_join)
    look_at(bob)
    ann.post("/group/send", {"groupId": room["id"], "content": "welcome"}, status=201)
    while (heard := bobs.next("OnGroupMsg"))["content"] != "welcome":
        assert heard["type"] == "system"


def test_a_device_whose_sign_out_nobody_heard_is_closed_by_the_next_look(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    anns, again, bobs = ann.connect(), ann.signed_in_again().connect(), bob.connect()
    Device.objects.filter(user=ann.id).earliest("created_at").delete()
    look_at(ann, bob)
    assert anns.closed() == 4401
    assert again.call("SocketHeartBeat") and bobs.call("SocketHeartBeat")


def test_a_look_takes_two_queries_however_many_are_here(person: Any, group: Any, query_budget: Any) -> None:
    people = [person("one of many") for _ in range(10)]
    for _ in range(2):
        group(*people)
    assert [one.connect().call("SocketHeartBeat") for one in people]
    with query_budget(2):
        look_at(*people)


def test_a_socket_alone_keeps_its_device_signed_in(person: Any) -> None:
    ann = person("ann")
    seen = timezone.now() - timedelta(days=30)

    def grow_old() -> None:
        Device.objects.filter(user=ann.id).update(last_seen_at=seen, expires_at=timezone.now() + timedelta(days=1))

    def lives_on() -> bool:
        device = Device.objects.get(user=ann.id)
        return device.last_seen_at - seen > timedelta(days=29) and device.expires_at - seen > timedelta(days=100)

    grow_old()
    anns = ann.connect()
    while not lives_on():  # soon after it has opened
        assert anns.call("SocketHeartBeat")
    grow_old()
    look_at(ann)
    assert lives_on()


def test_each_socket_has_one_turn_in_a_round_and_few_have_the_same(person: Any) -> None:
    people = [person("one of many") for _ in range(3)]
    assert [one.connect().call("SocketHeartBeat") for one in people for _ in range(20)]
    wanted = set(sockets_of(*people))

    async def round_of(count: int) -> list[set[hub.Socket]]:
        return [wanted.intersection(hub.local().part(turn, of=count)) for turn in range(count)]

    for count in (PARTS, REFRESH_SECONDS):
        turns = on_loop(round_of(count))
        assert sum(map(len, turns)) == len(set().union(*turns)) == len(wanted)
        assert max(map(len, turns)) < len(wanted) / 2
