"""Redis fails while people talk: nothing is lost but pushes, which heartbeat and sync replace."""

import asyncio
import json
import os
import shutil
import signal
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest

from groups.models import direct_room_id
from presence.services import TTL_SECONDS
from tests.faults.phones import Phone
from tests.faults.server import Server
from tests.faults.talk import Talk, assert_complete, assert_stored_once, groups_of, until
from tests.faults.world import World, begun_together
from tests.people import Person
from tests.redis_servers import Redis, client_at, start_sentinel


async def assert_caught_up(server: Server, phones: list[Phone]) -> None:
    """One heartbeat tells each phone what it missed; one sync brings it."""
    for phone in phones:
        if await phone.beat():
            await phone.sync()
        assert phone.ends == [], "its socket was closed"
    assert_complete(server, *phones)


async def assert_unread_is_right(server: Server, phone: Phone) -> None:
    """The counts of the answer and the chat list, and then those under the documented keys."""
    me = phone.person
    chats = {chat["id"]: chat for chat in me.post("/chatList", {})}
    unread = {
        chat: sum(
            seq > chats[chat]["readSeq"]
            and one["senderId"] != me.id
            and one["type"] != "system"
            and not one["recalledAt"]
            for seq, one in kept.items()
        )
        for chat, kept in phone.chats.items()
    }
    answer = me.get("/unread")
    keys = {f"user:unread:{me.id}:{one['senderId']}": one for one in answer["private"]}
    keys |= {f"group:unread:{me.id}:{one['groupId']}": one for one in answer["group"]}
    assert {key.rpartition(":")[2]: one["unreadCount"] for key, one in keys.items()} == unread
    assert {chat: one["unreadCount"] for chat, one in chats.items()} == unread

    def stored() -> dict[str, tuple[int, Any]]:
        with server.redis() as connection:
            counts = connection.mget(list(keys))
            last = connection.mget([key.replace(":unread:", ":lastmsg:") for key in keys])
        return {
            key: (int(count or -1), json.loads(last_message(key, text) if text else "{}").get("id"))
            for key, count, text in zip(keys, counts, last, strict=True)
        }

    def last_message(key: str, kept: str) -> str:
        kind, _, _, chat = key.split(":")
        room_id = direct_room_id(UUID(me.id), UUID(chat)) if kind == "user" else UUID(chat)
        return server.opened(kept, b"redis last message:" + room_id.bytes)

    expected = {key: (one["unreadCount"], one["lastMessage"]["id"]) for key, one in keys.items()}
    with suppress(AssertionError):  # they are written a moment later; the assertion is repeated below
        await until(lambda: stored() == expected, "Redis holds it")
    assert stored() == expected


def seen_by(person: Person) -> set[str]:
    """The ids of the others in a phone's list of online users."""
    return {one["id"] for one in person.get("/userChatList") if one["online"]} - {person.id}


@begun_together
async def test_redis_dies_and_comes_back_empty_and_nobody_loses_anything(world: World) -> None:
    server = await world.serve()
    everyone = ann, bob, cem, _ = world.people(server, "ann", "bob", "cem", "dan")
    ids = {one.id for one in everyone}
    groups = groups_of(everyone)
    phones = await world.phones(everyone, server)
    talk = Talk(phones, groups, at_once=2)
    await talk.more(50)
    before = server.redis_pid
    server.empty_redis()
    await until(lambda: server.redis_pid != before and server.is_well(), "Redis is back")
    await talk.more(50)
    await talk.end()
    assert_stored_once(server, talk)
    await assert_caught_up(server, phones)
    await until(server.is_well, "Redis is used again")
    for one in phones:
        await assert_unread_is_right(server, one)

    sent = ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    unread = {one["senderId"]: one["unreadCount"] for one in bob.get("/unread")["private"]}
    pushed = await phones[1].hears("unreadCountUpdate", content="hello")
    assert (pushed["unreadCount"], pushed["lastMessage"]) == (unread[ann.id], sent)
    await until(
        lambda: seen_by(ann) == ids - {ann.id} and seen_by(cem) == ids - {cem.id}, "all are seen", within=TTL_SECONDS
    )


@begun_together
async def test_redis_hangs_and_senders_do_not(world: World) -> None:
    server = await world.serve()
    everyone = _ann, bob, *_ = world.people(server, "ann", "bob", "cem", "dan")
    groups = groups_of(everyone)
    phones = anns, bobs, *_ = await world.phones(everyone, server)
    talk = Talk(phones, groups, at_once=1, pause=0.1)
    await talk.more(20)
    os.kill(server.redis_pid, signal.SIGSTOP)
    await until(lambda: "Redis does not answer" in server.log.read_text(), "the hub notices")
    for number in range(20):
        await anns.say(f"meanwhile {number}", bob.id, f"meanwhile {number}", is_group=False, by_http=False)
        await bobs.hears("OnPrivate", within=5, content=f"meanwhile {number}")
    os.kill(server.redis_pid, signal.SIGCONT)
    await talk.more(20)
    await talk.end()
    assert talk.slowest < 5, "a limit that Redis does not answer costs a third of a second, once a second"
    assert_stored_once(server, talk)
    await assert_caught_up(server, phones)
    await until(server.is_well, "Redis is used again")
    for one in phones:
        await assert_unread_is_right(server, one)


@begun_together
async def test_when_sentinels_name_another_server_no_send_fails_and_nobody_is_disconnected(world: World) -> None:
    if not shutil.which("redis-sentinel"):
        pytest.skip("needs redis-sentinel")
    master = await asyncio.to_thread(Redis, world.folder("master"))
    following = ("--replicaof", "127.0.0.1", str(master.port))
    replica = await asyncio.to_thread(Redis, world.folder("replica"), *following)
    sentinel, port = start_sentinel(world.folder("sentinel"), master)
    try:
        watcher = client_at(port)
        await asyncio.to_thread(replica.wait, lambda: watcher.sentinel_slaves("main"))
        server = await world.serve(WORKERS="2", REDIS_URL=f"redis+sentinel://127.0.0.1:{port}/main/0")
        everyone = world.people(server, "ann", "bob", "cem", "dan")
        phones = await world.phones(everyone, server)
        talk = Talk(phones, groups_of(everyone), at_once=1, pause=0.1)
        await talk.more(20)
        await asyncio.to_thread(master.stop)
        await asyncio.to_thread(replica.wait, lambda: replica.client().role()[0] == b"master")
        await talk.more(40)
        await talk.end()
        assert talk.slowest < 5
        assert [one for phone in phones for one in phone.told_busy] == []
        assert_stored_once(server, talk)
        topics = [f"user.{one.id}" for one in everyone]
        await until(lambda: server.hears(*topics) and server.is_well(), "the new server is used")
        await assert_caught_up(server, phones)
        for one in phones:
            await assert_unread_is_right(server, one)
    finally:
        sentinel.kill()
        sentinel.wait()
        for own in (replica, master):
            await asyncio.to_thread(own.stop)


@begun_together
async def test_a_person_who_leaves_while_redis_loses_its_data_is_seen_to_be_gone(world: World) -> None:
    server = await world.serve()
    ann, bob = world.people(server, "ann", "bob")
    anns, bobs = await world.phone(ann, server.url), await world.phone(bob, server.url)
    await anns.call("EmitWatchPresence", {"userIds": [bob.id]})
    await anns.hears("OnUserStatus", userId=bob.id, online=True)
    await bobs.switch_off()
    server.empty_redis()
    await anns.hears("OnUserStatus", userId=bob.id, online=False, within=TTL_SECONDS)
    assert seen_by(ann) == set()
