"""Attacks without an account on a server as a process: the others are answered meanwhile, and its
memory does not grow.

The bounds are for a machine that runs other tests too; docs/performance.md has the figures of an idle one.
"""

import asyncio
import shutil
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.browser.server import prepared
from tests.faults.server import Server

#: Bytes by which an attack may make the server grow, and by which it may stay larger.
GROWTH, LEFT = 100 * 1024**2, 40 * 1024**2
#: Seconds that the slowest 1 % of the others' requests may take, and one of them.
LATE, LATEST = 1.0, 3.0
#: Files that a server may have open, where a test leaves it few.
FEW_FILES = 1024


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("attacked"))
    shutil.copytree(prepared(), server.data)
    server.start()
    yield server
    server.stop()
    assert "Traceback" not in server.log.read_text()


class Line:
    """A connection of an attacker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self._writer = reader, writer

    async def write(self, *pieces: bytes) -> None:
        with suppress(ConnectionError):
            for piece in pieces:
                self._writer.write(piece)
                await self._writer.drain()

    async def ended(self) -> None:
        with suppress(ConnectionError):
            while await self.reader.read(65536):
                pass

    def close(self) -> None:
        self._writer.transport.abort()


Attack = Callable[[Callable[[], Awaitable[Line]]], Awaitable[object]]


async def pipelining(connect: Callable[[], Awaitable[Line]]) -> None:
    """Twenty times 14,000 requests at once."""

    async def one() -> None:
        line = await connect()
        reading = asyncio.create_task(line.ended())
        await line.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 14_000)
        await asyncio.wait([reading], timeout=5)
        reading.cancel()

    await asyncio.gather(*(one() for _ in range(20)))


async def many_lines(connect: Callable[[], Awaitable[Line]]) -> None:
    """Heads of 60 MB in short lines."""
    await asyncio.gather(*(_head(connect, b"X-Abc: d\r\n" * 6554) for _ in range(4)))


async def one_long_line(connect: Callable[[], Awaitable[Line]]) -> None:
    """Heads of one line with 60 MB."""
    await asyncio.gather(*(_head(connect, b"X" * 65536) for _ in range(4)))


async def _head(connect: Callable[[], Awaitable[Line]], piece: bytes) -> None:
    line = await connect()
    await line.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Abc: d", *[piece] * 960)


async def half_requests(connect: Callable[[], Awaitable[Line]]) -> None:
    """Three hundred halves of a head and a hundred halves of a body; they must be gone in time."""
    lines = [await connect() for _ in range(400)]
    for line in lines[:300]:
        await line.write(b"GET / HTTP/1.1\r\nHost: local")
    for line in lines[300:]:
        await line.write(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{")
    async with asyncio.timeout(60):
        await asyncio.gather(*(line.ended() for line in lines))


async def heads_in_drops(connect: Callable[[], Awaitable[Line]]) -> None:
    """Three hundred heads that come line by line."""

    async def one() -> None:
        line = await connect()
        ended = asyncio.create_task(line.ended())
        await line.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        while not ended.done():
            await line.write(b"X-Abc: d\r\n")
            await asyncio.wait([ended], timeout=1)

    async with asyncio.timeout(60):
        await asyncio.gather(*(one() for _ in range(300)))


async def small_chunks(connect: Callable[[], Awaitable[Line]]) -> None:
    """Twenty bodies in chunks of a byte."""

    async def one() -> None:
        line = await connect()
        await line.write(b"POST /login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        await line.write(*[b"1\r\n{\r\n" * 10_000] * 30)

    await asyncio.gather(*(one() for _ in range(20)))


async def silence(connect: Callable[[], Awaitable[Line]]) -> None:
    """Four hundred connections that say nothing; they must be gone in time."""
    lines = [await connect() for _ in range(400)]
    async with asyncio.timeout(60):
        await asyncio.gather(*(line.ended() for line in lines))


ATTACKS: list[Attack] = [
    pipelining, many_lines, one_long_line, half_requests, heads_in_drops, small_chunks, silence,
]  # fmt: skip


@asynccontextmanager
async def lines(server: Server) -> AsyncIterator[Callable[[], Awaitable[Line]]]:
    opened: list[Line] = []

    async def connect() -> Line:
        opened.append(Line(*await asyncio.open_connection("127.0.0.1", server.port)))
        return opened[-1]

    yield connect
    for line in opened:
        line.close()


async def ask(server: Server) -> float:
    """Seconds for an answer from /healthz, by a connection of its own."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 200"), answer
    writer.close()
    return loop.time() - began


async def meanwhile(server: Server, attack: Attack) -> tuple[list[float], int]:
    """Seconds of the others' requests while an attack lasts, and the largest growth of the server."""
    took: list[float] = []
    before = most = server.memory()
    async with lines(server) as connect:
        attacking = asyncio.ensure_future(attack(connect))
        while not attacking.done() or len(took) < 20:
            took.append(await ask(server))
            most = max(most, server.memory())
            await asyncio.sleep(0.02)
        await attacking
    return took, most - before


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS)
async def test_the_others_are_answered_while_somebody(attacked: Server, attack: Attack) -> None:
    await ask(attacked)
    before = attacked.memory()
    took, grown = await meanwhile(attacked, attack)
    late = statistics.quantiles(took, n=100)[98]
    print(f"{attack.__name__}: p99 {late * 1000:.0f} ms, worst {max(took) * 1000:.0f} ms, +{grown / 1e6:.0f} MB")
    assert late < LATE and max(took) < LATEST
    assert grown < GROWTH
    await asyncio.sleep(0)
    assert attacked.memory() - before < LEFT
