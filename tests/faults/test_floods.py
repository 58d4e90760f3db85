"""A program sends without end, and reconnects when its socket is closed."""

import asyncio
import json
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from tests.faults.server import Server
from tests.faults.talk import Talk, assert_complete, assert_stored_once, groups_of
from tests.faults.world import World, begun_together
from tests.people import Person

#: The close codes for flooding, and for unanswered pings: the answers are stuck behind what it
#: sends.
FLOODING, UNANSWERED = 4429, 1011
#: Bytes by which the server may grow.
GROWTH = 30 * 1024**2


class Flood:
    """A socket that sends one frame again and again, as fast as it can, and only obeys a close."""

    def __init__(self, server: Server, person: Person, *frames: dict[str, Any]) -> None:
        self.ends: list[int | None] = []
        self.was_thrown_out_twice = asyncio.Event()
        self._port, self._token = server.port, person.token
        self._data = b"".join(Frame(Opcode.TEXT, json.dumps(one).encode()).serialize(mask=True) for one in frames)

    async def go_on(self) -> None:
        while True:
            self.ends.append(await self._until_thrown_out())
            if len(self.ends) == 2:
                self.was_thrown_out_twice.set()

    async def _until_thrown_out(self) -> int | None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            protocol = await self._shake_hands(reader, writer)
            reading = asyncio.create_task(self._read(reader, writer, protocol))
            try:
                with suppress(ConnectionError):
                    while not reading.done():
                        writer.write(self._data)
                        await writer.drain()
                await reading
            finally:
                reading.cancel()
        finally:
            writer.transport.abort()
        return protocol.close_rcvd.code if protocol.close_rcvd else None

    async def _shake_hands(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> ClientProtocol:
        protocol = ClientProtocol(parse_uri(f"ws://127.0.0.1:{self._port}/ws/chat/"))
        request = protocol.connect()
        request.headers["Authorization"] = f"Bearer {self._token}"
        protocol.send_request(request)
        writer.writelines(protocol.data_to_send())
        while not protocol.events_received():
            data = await reader.read(65536)
            assert data, "the handshake is refused"
            protocol.receive_data(data)
        return protocol

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, protocol: ClientProtocol) -> None:
        with suppress(ConnectionError):
            while protocol.close_rcvd is None and (data := await reader.read(65536)):
                protocol.receive_data(data)
                protocol.events_received()
                writer.writelines(protocol.data_to_send())  # it answers pings


async def growth(server: Server, meanwhile: Coroutine[Any, Any, Any]) -> int:
    """The largest growth of its memory in bytes, from now on."""
    before = most = server.memory()
    task = asyncio.create_task(meanwhile)
    while not task.done():
        await asyncio.wait([task], timeout=0.05)
        most = max(most, server.memory())
    task.result()
    return most - before


@begun_together
async def test_a_client_that_floods_is_thrown_out_each_time_and_the_others_talk_on(world: World) -> None:
    server = await world.serve(RATE_MESSAGES="60/30s")
    *talkers, mallory = everyone = world.people(server, "ann", "bob", "cem", "mallory")
    groups = groups_of(everyone)
    group = next(iter(groups))
    phones = await world.phones(talkers, server)
    talk = Talk(phones, {group: everyone}, at_once=1, pause=0.45)
    await talk.more(10)
    bytes_, sends, beats = (
        Flood(server, mallory, {"event": "SocketHeartBeat", "data": "x" * 60_000}),
        Flood(server, mallory, *({"event": "EmitGroupMsg", "data": {"groupId": group, "content": "spam"}},) * 100),
        Flood(server, mallory, *({"event": "SocketHeartBeat", "data": {}},) * 100),
    )
    flooding: list[asyncio.Task[None]] = []

    async def flood() -> None:
        # Bytes first and alone: a busy machine lets three floods share less than what one may send.
        for at_once in ([bytes_], [sends, beats]):
            flooding.extend(asyncio.create_task(one.go_on()) for one in at_once)
            await at_once[0].was_thrown_out_twice.wait()

    enough = asyncio.gather(talk.more(30), flood())
    grown = await growth(server, asyncio.wait_for(enough, 180))
    for task in flooding:
        task.cancel()
    await asyncio.gather(*flooding, return_exceptions=True)
    await talk.end()

    for one in (bytes_, sends):
        assert set(one.ends) == {FLOODING}
    assert set(beats.ends) <= {UNANSWERED}, "one after the other, they are no more than its share"
    assert grown < GROWTH
    assert talk.slowest < 6
    assert_stored_once(server, talk)
    for phone in phones:
        assert phone.ends == [], "its socket was closed"
        await phone.sync()
    assert_complete(server, *phones)
