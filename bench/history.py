"""Pages of a history, by both doors: bench/run history.

    bench/run history --write
    bench/run history --against before=PATH --rounds 3
    bench/run history --reactions 10000      # beside a history with so many reactions

Clients ask for pages of one group's history, each for its next as soon as it has one: the newest page, which Redis
has after the first time (warm), or one that nobody asked for before (cold).
"""

import argparse
import asyncio
import itertools
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

import uvloop

from bench.harness import compare, processes, sockets
from bench.harness.checkouts import Checkout, Installation, Person, installations
from bench.harness.report import about, write_section
from bench.harness.servers import Server

SECTION = "bench/run history"
DOORS, STATES = ("HTTP", "socket"), ("warm", "cold")


@dataclass(frozen=True, slots=True)
class Result:
    pages_per_second: float
    cpu_ms_each: float
    bytes_each: float


class Asking:
    """Asks for a page as soon as it has the one before; counts them."""

    def __init__(self, group: str, cursors: Iterator[int] | None) -> None:
        self._group, self._cursors = group, cursors
        self.pages = self.bytes = 0
        self.failed = ""

    def next_cursor(self) -> int | None:
        return None if self._cursors is None else next(self._cursors)

    def has(self, page: bytes, is_page: bool) -> None:
        if not is_page:
            self.failed = page[:200].decode(errors="replace")
        self.pages += 1
        self.bytes += len(page)


class HttpClient(Asking, asyncio.Protocol):
    def __init__(self, port: int, person: Person, group: str, cursors: Iterator[int] | None) -> None:
        super().__init__(group, cursors)
        self._head = f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {person.token}\r\n\r\n"
        self._parts: list[bytes] = []
        self._missing = 0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def _ask(self) -> None:
        cursor = self.next_cursor()
        before = f"&before={cursor}" if cursor else ""
        request = f"GET /group/messages?groupId={self._group}{before} HTTP/1.1\r\n{self._head}"
        self._transport.write(request.encode())

    def data_received(self, data: bytes) -> None:
        self._parts.append(data)
        if not self._missing:
            whole = b"".join(self._parts)
            head, ended, body = whole.partition(b"\r\n\r\n")
            if not ended:
                return
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            self._missing = int(length) - len(body)
        else:
            self._missing -= len(data)
        if self._missing <= 0:
            page, self._parts, self._missing = b"".join(self._parts), [], 0
            self.has(page, page.startswith(b"HTTP/1.1 200"))
            self._ask()


class SocketClient(Asking, sockets.RawSocket):
    def __init__(self, port: int, person: Person, group: str, cursors: Iterator[int] | None) -> None:
        Asking.__init__(self, group, cursors)
        request = sockets.handshake(port, "/ws/chat/", f"Authorization: Bearer {person.token}")
        sockets.RawSocket.__init__(self, request)

    def handshaken(self) -> None:
        super().handshaken()
        self._ask()

    def _ask(self) -> None:
        cursor = self.next_cursor()
        before = f',"before":{cursor}' if cursor else ""
        self.send(f'{{"event":"GetMessageHistory","ack":1,"data":{{"chatId":"{self._group}","isGroup":true{before}}}}}')

    def received(self, text: bytes) -> None:
        if text.startswith(b'{"event":"ack"') or b'"ack":1' in text[:60]:
            self.has(text, text.startswith(b'{"event":"ack"'))
            self._ask()


_CLIENTS = {"HTTP": HttpClient, "socket": SocketClient}


async def measure(
    server: Server,
    installation: Installation,
    door: str,
    cursors: Iterator[int] | None,
    *,
    clients: int,
    seconds: float,
) -> Result:
    loop, group = asyncio.get_running_loop(), next(iter(installation.groups))
    asking = []
    for person in installation.people[:clients]:
        _, client = await loop.create_connection(
            lambda person=person: _CLIENTS[door](server.port, person, group, cursors),  # type: ignore[misc]
            "127.0.0.1",
            server.port,
        )
        asking.append(cast(Asking, client))
    await asyncio.sleep(seconds / 4)
    pages, size, cpu, began = _sum(asking), sum(one.bytes for one in asking), _cpu(server), loop.time()
    await asyncio.sleep(seconds)
    pages, size, cpu = _sum(asking) - pages, sum(one.bytes for one in asking) - size, _cpu(server) - cpu
    took = loop.time() - began
    if failed := [one.failed for one in asking if one.failed]:
        raise RuntimeError(f"{installation.checkout.name}: {failed[0]}")
    return Result(pages / took, cpu * 1000 / pages, size / pages)


def _sum(asking: list[Asking]) -> int:
    return sum(one.pages for one in asking)


def _cpu(server: Server) -> float:
    return processes.cpu_seconds([*server.processes, *server.stores])


def main() -> None:
    chosen = _chosen()
    results: dict[tuple[str, str, str], list[Result]] = {}
    fill = {"history": chosen.messages, "chats": 1}
    with (
        installations(compare.checkouts(chosen), chosen.members, [chosen.members], **fill) as plain,
        installations(_reacted(chosen), chosen.members, [chosen.members], **fill, reactions=chosen.reactions) as more,
    ):
        ours = [*plain, *more]
        for one in ours:
            one.run("manage.py", "index")  # else the server writes it while it is measured
        for number in range(chosen.rounds):
            for one in ours if number % 2 == 0 else reversed(ours):
                with one.serving(batch=False) as server:
                    places = itertools.cycle(range(chosen.messages, 100, -1))
                    for door, state in itertools.product(DOORS, STATES):
                        cursors = places if state == "cold" else None
                        work = measure(server, one, door, cursors, clients=chosen.clients, seconds=chosen.seconds)
                        result = uvloop.run(work)
                        results.setdefault((one.checkout.name, door, state), []).append(result)
                        print(one.checkout.name, door, state, result, flush=True)
    text = "\n".join(
        [
            about(rounds=chosen.rounds, seconds=chosen.seconds)
            + f" {chosen.clients} clients, a group of {chosen.members:,}, pages of 50."
            + " CPU: of the server and its Redis.\n",
            *_table(results),
        ]
    )
    print(text)
    if chosen.write:
        write_section(SECTION, text)


def _reacted(chosen: argparse.Namespace) -> list[Checkout]:
    """The checkouts once more, for a history with reactions, where they are asked for."""
    if not chosen.reactions:
        return []
    return [replace(one, name=f"{one.name}, {chosen.reactions:,} reactions") for one in compare.checkouts(chosen)]


def _table(results: dict[tuple[str, str, str], list[Result]]) -> list[str]:
    lines = ["| | door | page | pages/s | CPU ms per page | KiB |", "|---|---|---|---|---|---|"]
    for (name, door, state), of in results.items():
        rate = statistics.median(one.pages_per_second for one in of)
        cpu = statistics.median(one.cpu_ms_each for one in of)
        size = statistics.median(one.bytes_each for one in of) / 1024
        lines.append(f"| {name} | {door} | {state} | {rate:,.0f} | {cpu:.2f} | {size:.0f} |")
    return lines


def _chosen() -> argparse.Namespace:
    parser = compare.options(__doc__, rounds=1, seconds=5)
    parser.add_argument("--members", type=int, default=10_000)
    parser.add_argument("--messages", type=int, default=8_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--reactions", type=int, default=0, help="on the last messages of another history beside it")
    return parser.parse_args()


if __name__ == "__main__":
    main()
