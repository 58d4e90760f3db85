"""Several processes are one chat, also after one of them was killed."""

import asyncio
import os
import random
import signal
import time
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from presence import cache as presence
from tests.faults.net import Net
from tests.faults.phones import Phone
from tests.faults.server import START
from tests.faults.talk import Talk, assert_complete, assert_stored_once, groups_of, until
from tests.faults.world import World, begun_together

#: Seconds between the server's pings, which is also the time for their answers.
PING = 15
#: Seconds for a sweep, on a busy machine.
SLACK = 10


async def assert_each_hears_the_other(*phones: Phone) -> None:
    for one in phones:
        for other in phones:
            if other is not one:
                text = f"hello from {one.person}"
                await one.say(os.urandom(8).hex(), other.person.id, text, is_group=False, by_http=False)
                await other.hears("OnPrivate", content=text)


@begun_together
async def test_two_servers_are_one_chat_and_again_after_redis_forgot_everything(world: World) -> None:
    first = await world.serve()
    second = await world.serve(DATABASE_URL=first.database_url, REDIS_URL=first.redis_url)
    ann, bob = world.people(first, "ann", "bob")
    anns, bobs = await world.phone(ann, first.url), await world.phone(bob, second.url)
    await assert_each_hears_the_other(anns, bobs)

    first.empty_redis()
    topics = [f"user.{ann.id}", f"user.{bob.id}"]
    await until(lambda: first.hears(*topics) and second.is_well(), "both listen again")
    await assert_each_hears_the_other(anns, bobs)

    bob.post("/logout", status=204)  # at the first server
    await until(lambda: bobs.ends[:1] == [4401], "bob's socket is closed at the second server", within=10)


@begun_together
async def test_everyone_learns_in_time_who_left_who_was_killed_and_who_lost_the_net(world: World) -> None:
    first = await world.serve()
    second = await world.serve(DATABASE_URL=first.database_url, REDIS_URL=first.redis_url)
    ann, bob, cem, dan = world.people(first, "ann", "bob", "cem", "dan")
    async with Net(first.port) as net:
        anns, bobs, _, _ = [
            await world.phone(ann, first.url),
            await world.phone(bob, first.url),
            await world.phone(cem, second.url),
            await world.phone(dan, net.url),
        ]
        await anns.call("EmitWatchPresence", {"userIds": [bob.id, cem.id, dan.id]})
        seen: set[str] = set()
        while len(seen) < 3:  # in whatever order
            seen.add((await anns.hears("OnUserStatus", online=True))["userId"])
        second.kill()
        net.fall_silent()
        await bobs.switch_off()
        began = time.monotonic()
        seconds: dict[str, float] = {}
        while len(seconds) < 3:
            heard = await anns.hears("OnUserStatus", online=False, within=60)
            seconds[heard["userId"]] = time.monotonic() - began
        await until(lambda: not net.ports & first.connected_ports(), "the silent connection is given up", within=SLACK)
        assert anns.ends == []
    assert seconds[bob.id] < presence.GRACE + SLACK, "who left may be back in a moment"
    assert seconds[cem.id] < presence.TTL + SLACK, "who was killed is not refreshed any more"
    assert seconds[dan.id] < 2 * PING + presence.GRACE + SLACK, (
        "a silent client is pinged, and closed when it does not answer"
    )


@begun_together
async def test_a_worker_that_is_killed_is_replaced_and_nothing_is_lost(world: World) -> None:
    server = await world.serve(WORKERS="2")
    everyone = world.people(server, *(f"person {letter}" for letter in "abcdef"))
    phones = await world.phones(everyone, server)
    talk = Talk(phones, groups_of(everyone), at_once=2)
    await talk.more(50)
    workers = server.worker_pids()
    killed = random.choice(sorted(workers))
    os.kill(killed, signal.SIGKILL)
    await until(lambda: len(server.worker_pids() - {killed}) == 2, "another is started")
    await talk.more(100)
    await talk.end()
    assert workers - {killed} < server.worker_pids()
    assert_stored_once(server, talk)
    for one in phones:
        await one.catch_up()
    assert_complete(server, *phones)


@begun_together
async def test_workers_are_replaced_one_by_one_and_nobody_is_refused(world: World) -> None:
    server = await world.serve(WORKERS="2")
    everyone = world.people(server, "ann", "bob", "cem", "dan")
    phones = await world.phones(everyone, server)
    talk = Talk(phones, groups_of(everyone), at_once=1, pause=0.05)
    await talk.more(20)
    answers: list[int] = []
    is_over = asyncio.Event()

    async def ask() -> None:
        while not is_over.is_set():
            async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=30) as fresh:
                answers.append((await fresh.get("/healthz/live")).status_code)

    asking = asyncio.create_task(ask())
    before = server.worker_pids()
    os.kill(server.pid, signal.SIGHUP)
    await until(
        lambda: "all workers are replaced" in server.log.read_text() and len(server.worker_pids() - before) == 2,
        "all workers are replaced",
    )
    is_over.set()
    await asking
    await talk.more(20)
    await talk.end()
    assert not before & server.worker_pids()
    assert set(answers) == {200} and len(answers) > 20
    assert {code for phone in phones for code in phone.ends} == {1012}
    assert_stored_once(server, talk)
    for one in phones:
        await one.catch_up()
    assert_complete(server, *phones)


@begun_together
async def test_a_worker_that_hangs_is_replaced(world: World) -> None:
    server = await world.serve(WORKERS="2", WORKER_TIMEOUT="2")
    before = server.worker_pids()
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    port = writer.get_extra_info("sockname")[1]
    await until(lambda: server.worker_of(port), "a worker has taken a connection")
    hanging = server.worker_of(port)
    os.kill(hanging, signal.SIGSTOP)
    await until(lambda: len(server.worker_pids() - {hanging}) == 2, "another is started")
    await until(server.is_well, "it serves")
    writer.close()
    assert f"worker {hanging} hangs" in server.log.read_text()
    killed = set(before)  # and each new one before it serves, which must not be the end of all

    def new() -> set[int]:
        return server.worker_pids() - killed

    for _ in range(3):
        await until(new, "another is started")
        one = min(new())
        killed.add(one)
        os.kill(one, signal.SIGKILL)
    await until(lambda: new() and server.is_well(), "another is started")
    assert "another starts in" in server.log.read_text()


@begun_together
async def test_a_worker_that_is_full_leaves_new_connections_to_the_others_and_refuses_nobody(world: World) -> None:
    server = await world.serve(WORKERS="2", SOCKETS_PER_PERSON="1000", files=400)
    ann = world.people(server, "ann")[0]
    away, filled = server.worker_pids()
    address, signed_in = f"ws://127.0.0.1:{server.port}/ws/chat/", {"Authorization": f"Bearer {ann.token}"}
    opened: list[ClientConnection] = []

    def has_said(what: str) -> bool:
        return what in server.log.read_text()

    async def fill(count: int) -> None:
        """Connect, one after the other. A handshake that is refused raises."""
        how: Any = {"additional_headers": signed_in, "proxy": None, "open_timeout": START}
        opened.extend([await connect(address, **how) for _ in range(count)])

    # One of two cannot accept: the other takes nearly all that it has places for.
    os.kill(away, signal.SIGSTOP)
    await fill(160)
    os.kill(away, signal.SIGCONT)
    await until(lambda: has_said(f"worker {filled} is full and leaves"), "it rests")
    await fill(60)
    # Without another one it takes connections as long as there is a place.
    os.kill(away, signal.SIGSTOP)
    await until(lambda: has_said(f"worker {filled} takes new connections again"), "it takes them")
    await fill(1)
    os.kill(away, signal.SIGCONT)
    for one in opened:
        await one.close()
    assert server.is_well()
