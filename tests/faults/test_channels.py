"""The channel layer is a door for others: any Django code may tell a room or a person something,
and hear a room.
"""

import asyncio
import json
import os
import secrets
import sys

from websockets.asyncio.client import ClientConnection, connect

from tests import ports
from tests.faults.phones import Phone
from tests.faults.server import ROOT, START, Server
from tests.faults.talk import until
from tests.faults.world import World, begun_together
from tests.people import TIMEOUT_SECONDS, Person

#: Phones of one person at once.
MANY = 8

SEND = """
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from chatproject.core import hub
send = async_to_sync(get_channel_layer().group_send)
"""


async def send_from_a_shell(server: Server, *messages: tuple[str, str]) -> None:
    """`messages`: an expression for the group, and what its event is called."""
    sends = [
        f"send({group}, {{'type': hub.EVENT_TYPE, 'event': '{event}', 'data': {{}}}})" for group, event in messages
    ]
    await asyncio.to_thread(server.manage, "shell", "-v", "0", "-c", SEND + "\n".join(sends))


async def phones_at_every_worker(world: World, server: Server, person: Person) -> list[Phone]:
    """Phones of one person, until each worker has one of them."""
    phones: list[Phone] = []
    async with asyncio.timeout(START):
        while len({server.worker_of(phone.port) for phone in phones}) < 2:
            if len(phones) == MANY:  # the other worker may still start
                await phones.pop().switch_off()
            phones.append(await world.phone(person, server.url))
    return phones


async def assert_hears_only(phone: Phone, by: Phone, *, but: set[str]) -> None:
    """Whatever was sent before is heard before what is said now; `phone` heard nothing of these
    names.
    """
    text = os.urandom(8).hex()
    await by.say(text, phone.person.id, text, is_group=False, by_http=False)
    frames = await phone.hears_until("OnPrivate", content=text)
    assert but.isdisjoint(frame["event"] for frame in frames)


@begun_together
async def test_a_shell_tells_a_room_and_a_person_and_every_socket_of_theirs_hears_it_once(world: World) -> None:
    server = await world.serve(WORKERS="2")
    ann, bob, eve = world.people(server, "ann", "bob", "eve")
    room = ann.post("/group/create", {"name": "tea", "memberIds": [bob.id]}, status=201)
    eves = await world.phone(eve, server.url)
    bobs = await phones_at_every_worker(world, server, bob)
    await send_from_a_shell(
        server, (f"hub.room_topic('{room['id']}')", "OnBell"), (f"hub.user_topic('{bob.id}')", "OnWhisper")
    )
    for phone in bobs:
        await phone.hears("OnBell")
        await phone.hears("OnWhisper")
    for phone in bobs:
        await assert_hears_only(phone, eves, but={"OnBell", "OnWhisper"})
    await assert_hears_only(eves, bobs[0], but={"OnBell", "OnWhisper"})


@begun_together
async def test_a_plain_consumer_in_another_process_hears_a_room_and_no_other(world: World) -> None:
    server = await world.serve(WORKERS="2")
    ann, bob = world.people(server, "ann", "bob")
    room, other = (
        ann.post("/group/create", {"name": name, "memberIds": [bob.id]}, status=201)["id"] for name in ("tea", "milk")
    )
    anns = await world.phone(ann, server.url)
    process, port = await start_plain_consumer(server)
    try:
        async with await connected(f"ws://127.0.0.1:{port}/rooms/{room}/") as listener:
            await anns.say("1", other, "not for you", is_group=True, by_http=False)
            said = await anns.say("2", room, "hello", is_group=True, by_http=False)
            bob.post("/group/leave", {"groupId": room}, status=200)
            heard = [json.loads(await asyncio.wait_for(listener.recv(), TIMEOUT_SECONDS)) for _ in range(3)]
    finally:
        process.terminate()
        await process.wait()
    assert heard[0] == {"event": "OnGroupMsg", "data": said}
    assert {frame["event"] for frame in heard[1:]} == {"OnGroupMsg", "OnGroupLeave"}, (
        "the line that says it, and the event"
    )


async def start_plain_consumer(server: Server) -> tuple[asyncio.subprocess.Process, int]:
    port = ports.lease()
    command = [sys.executable, "-m", "uvicorn", "tests.faults.plain_consumer:application", "--port", str(port)]
    process = await asyncio.create_subprocess_exec(*command, "--log-level", "warning", cwd=ROOT, env=server.environment)
    return process, port


async def connected(address: str) -> ClientConnection:
    """Connect to a process that starts."""
    async with asyncio.timeout(START):
        while True:
            try:
                return await connect(address, proxy=None)
            except OSError:
                await asyncio.sleep(0.05)


@begun_together
async def test_two_installations_on_one_redis_hear_nothing_of_each_other_and_share_no_key(world: World) -> None:
    first = await world.serve(REDIS_PREFIX="north")
    second = await world.serve(REDIS_PREFIX="south", REDIS_URL=first.redis_url, SECRET_KEY=secrets.token_hex(32))
    third = await world.serve(REDIS_URL=first.redis_url, SECRET_KEY=secrets.token_hex(32))
    rooms, phones = [], []
    for server in (first, second, third):
        ann, bob = world.people(server, "ann", "bob")
        rooms.append(ann.post("/group/create", {"name": "tea", "memberIds": [bob.id]}, status=201)["id"])
        phones.append((await world.phone(ann, server.url), await world.phone(bob, server.url)))
    for server in (first, second, third):
        bell = f"OnBellFrom{server.port}"
        await send_from_a_shell(server, *((f"hub.room_topic('{room}')", bell) for room in rooms))
    for server, (anns, bobs) in zip((first, second, third), phones, strict=True):
        await bobs.hears(f"OnBellFrom{server.port}")
        others = {f"OnBellFrom{other.port}" for other in (first, second, third)}
        await assert_hears_only(bobs, anns, but=others)
    with first.redis() as redis:
        await until(
            lambda: all(redis.keys(f"{prefix}user:unread:*") for prefix in ("north:", "south:", "")),
            "counts",
        )
        owners = {name: name.split(":")[0] for name in redis.keys("*")}
    documented = ("user:unread:", "user:lastmsg:", "user:heartbeat:", "user:online:", "group:unread:", "group:lastmsg:")
    unnamed = {name for name, owner in owners.items() if owner not in ("north", "south") and owner[:5] != "chat-"}
    assert all(name.startswith(documented) for name in unnamed), unnamed
    people = {phone.person.id for pair in phones[:2] for phone in pair}
    assert not [name for name in unnamed if people & set(name.split(":"))], "theirs have a prefix"
