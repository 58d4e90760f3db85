"""Idle connections: the memory of one, and how fast many connect: bench/run idle.

    bench/run idle --write
    bench/run idle --against before=PATH --rounds 3

Everyone is signed in and in twenty rooms. The chat looks people, rates and rooms up and keeps
presence; Socket.IO is told which person connects, and looks up nothing. Connected means that all
rooms are joined.
"""

import argparse
import asyncio
import statistics
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import uvloop

from bench.harness import compare, peers, processes, sockets
from bench.harness.checkouts import Installation, installations
from bench.harness.report import about, write_section
from bench.harness.servers import Server

SECTION = "bench/run idle"
#: Seconds for a server to settle after connections have closed, and after they have opened.
SETTLE_SECONDS = 5, 3
WARM_UP_SOCKETS = 100

Makes = list[Callable[[], sockets.RawSocket]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table, and how it is read from a round."""

    name: str
    read: Callable[["Result"], float]


@dataclass(frozen=True, slots=True)
class Result:
    connects_per_second: float
    cpu_ms_each: float
    kib_each: float
    idle_core_percent: float

    def __str__(self) -> str:
        return (
            f"{self.connects_per_second:,.0f} connects/s, {self.cpu_ms_each:.2f} ms CPU each, {self.kib_each:.1f} KiB"
            f" each, {self.idle_core_percent:.1f} % of a core while idle"
        )


FIGURES = [
    Figure("connects per second", lambda one: one.connects_per_second),
    Figure("CPU ms per connect", lambda one: one.cpu_ms_each),
    Figure("memory per connection, KiB", lambda one: one.kib_each),
    Figure("idle, % of a core", lambda one: one.idle_core_percent),
]


@dataclass(frozen=True)
class Contestant:
    name: str
    begin: Callable[[], AbstractContextManager[Server]]
    makes: Callable[[Server], Makes]


class SocketIOSocket(sockets.RawSocket):
    """Socket.IO's own handshake follows the WebSocket's."""

    def __init__(self, request: bytes, person: int) -> None:
        super().__init__(request)
        self._person = person

    def handshaken(self) -> None:
        """`opened` is done when the server says that the rooms are joined."""

    def received(self, text: bytes) -> None:
        if text.startswith(b"0"):
            self.send(f'40{{"person":{self._person}}}')
        elif text.startswith(b"2"):
            self.send("3")
        elif text.startswith(b'42["joined"') and not self.opened.done():
            self.opened.set_result(None)


async def measure(name: str, server: Server, makes: Makes, *, at_once: int, idle: float) -> Result:
    """Connect all and watch them for `idle` seconds.

    Some connect and leave first, so that what a server sets up once is not counted.
    """
    for one in await sockets.connect(server.port, makes[:WARM_UP_SOCKETS], at_once=at_once):
        one.transport.abort()
    await asyncio.sleep(SETTLE_SECONDS[0])
    loop, pids = asyncio.get_running_loop(), server.processes
    memory, cpu, began = processes.resident_kib(pids), processes.cpu_seconds(pids), loop.time()
    connected = await sockets.connect(server.port, makes, at_once=at_once)
    took, cpu = loop.time() - began, processes.cpu_seconds(pids) - cpu
    await asyncio.sleep(SETTLE_SECONDS[1])
    quiet = processes.cpu_seconds(pids)
    await asyncio.sleep(idle)
    quiet = (processes.cpu_seconds(pids) - quiet) / idle
    memory = processes.resident_kib(pids) - memory
    if closed := sum(one.transport.is_closing() for one in connected):
        raise RuntimeError(f"{name}: {closed} of {len(connected)} were closed")
    for one in connected:
        one.transport.abort()
    count = len(connected)
    return Result(count / took, cpu * 1000 / count, memory / count, quiet * 100)


def chat_sockets(installation: Installation) -> Callable[[Server], Makes]:
    def make(request: bytes) -> Callable[[], sockets.RawSocket]:
        return lambda: sockets.RawSocket(request)

    return lambda server: [make(sockets.chat_handshake(server.port, one.token)) for one in installation.people]


def socketio_sockets(people: int) -> Callable[[Server], Makes]:
    def make(server: Server, number: int) -> Callable[[], sockets.RawSocket]:
        return lambda: SocketIOSocket(sockets.handshake(server.port, peers.SOCKETIO_PATH), number)

    return lambda server: [make(server, number) for number in range(people)]


def main() -> None:
    chosen = _chosen()
    processes.allow_open_files()
    rooms = f"{chosen.rooms}x{chosen.each}"
    results: dict[str, list[Result]] = {}
    with installations(compare.checkouts(chosen), chosen.people, [], rooms=rooms) as ours:
        contestants = [
            *(Contestant(one.checkout.name, one.serving, chat_sockets(one)) for one in ours),
            Contestant(
                peers.REFERENCE,
                lambda: peers.socketio_idle(chosen.people, chosen.rooms, chosen.each),
                socketio_sockets(chosen.people),
            ),
        ]
        for number in range(chosen.rounds):
            for one in contestants if number % 2 == 0 else reversed(contestants):
                if chosen.only and one.name not in chosen.only:
                    continue
                with one.begin() as server:
                    work = measure(one.name, server, one.makes(server), at_once=chosen.at_once, idle=chosen.idle)
                    results.setdefault(one.name, []).append(uvloop.run(work))
                    print(f"{one.name}: {results[one.name][-1]}", flush=True)
    text = "\n".join(
        [
            about(rounds=chosen.rounds)
            + f" {chosen.people:,} connections, each in {chosen.each} of {chosen.rooms} rooms;"
            f" in brackets the ratio to {peers.REFERENCE}.\n",
            *_table({one.name: results[one.name] for one in contestants if one.name in results}),
        ]
    )
    print(text)
    if chosen.write:
        write_section(SECTION, text)


def _table(results: dict[str, list[Result]]) -> list[str]:
    lines = [f"| | {' | '.join(results)} |", "|---" * (1 + len(results)) + "|"]
    reference = results.get(peers.REFERENCE)
    for figure in FIGURES:
        cells = []
        for of in results.values():
            cell = f"{statistics.median(map(figure.read, of)):,.4g}"
            if reference and of is not reference:
                ratios = [
                    figure.read(one) / figure.read(other)
                    for one, other in zip(of, reference, strict=True)
                    if figure.read(other)
                ]
                cell += f" ({statistics.median(ratios):.2f})" if ratios else ""
            cells.append(cell)
        lines.append(f"| {figure.name} | {' | '.join(cells)} |")
    return lines


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    compare.add_common_options(parser, rounds=1)
    parser.add_argument("--people", type=int, default=5000)
    parser.add_argument("--rooms", type=int, default=250)
    parser.add_argument("--each", type=int, default=20, help="rooms each person is in")
    parser.add_argument("--at-once", type=int, default=100, help="handshakes under way at any time")
    parser.add_argument("--idle", type=float, default=20, help="seconds to look at idle connections")
    return parser.parse_args()


if __name__ == "__main__":
    main()
