"""Idle connections, of the chat and of Socket.IO: what one costs in memory, and how fast many come.

    python bench/idle.py

Everyone is signed in and in twenty rooms. The chat looks people, rates and rooms up and keeps presence; the peer is
told who comes, and looks up nothing. Connected means: joined to all rooms. The peer's packages: npm ci in bench/peers.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import world

PEER = Path(__file__).with_name("peers") / "idle.js"


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    rate: float  # connections a second
    cpu: float  # milliseconds each
    rss: float  # KiB each
    idle: float  # percent of a core while nothing happens


class PeerSocket(world.RawSocket):
    """Socket.IO's own handshake follows the WebSocket's."""

    def __init__(self, request: bytes, person: int) -> None:
        super().__init__(request)
        self._person = person

    def handshaken(self) -> None:
        """Open when it is told that it has joined."""

    def heard(self, text: bytes) -> None:
        if text.startswith(b"0"):
            self.say(f'40{{"person":{self._person}}}')
        elif text.startswith(b"2"):
            self.say("3")
        elif text.startswith(b'42["joined"') and not self.opened.done():
            self.opened.set_result(None)


async def measure(
    name: str, process: int, port: int, makes: list[Callable[[], world.RawSocket]], *, at_once: int, idle: float
) -> Result:
    """A few come and go first: what a server sets up once is not theirs."""
    for socket in await world.connect(port, makes[:100], at_once=at_once):
        socket.transport.abort()
    await asyncio.sleep(5)
    memory, spent, began = world.rss(process), world.cpu(process), time.monotonic()
    sockets = await world.connect(port, makes, at_once=at_once)
    took, spent = time.monotonic() - began, world.cpu(process) - spent
    await asyncio.sleep(3)
    quiet = world.cpu(process)
    await asyncio.sleep(idle)
    quiet = (world.cpu(process) - quiet) / idle
    memory = world.rss(process) - memory
    gone = sum(socket.transport.is_closing() for socket in sockets)
    if gone:
        raise RuntimeError(f"{name}: {gone} of {len(sockets)} were closed")
    for socket in sockets:
        socket.transport.abort()
    count = len(sockets)
    return Result(name, count / took, spent * 1000 / count, memory / count, quiet * 100)


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--people", type=int, default=5000)
    ask.add_argument("--rooms", type=int, default=250)
    ask.add_argument("--each", type=int, default=20, help="rooms each person is in")
    ask.add_argument("--at-once", type=int, default=100, help="handshakes under way at any time")
    ask.add_argument("--idle", type=float, default=20, help="seconds to look at them idle")
    ask.add_argument("--runs", type=int, default=1)
    ask.add_argument("--port", type=int, default=8400)
    ask.add_argument("--without-peer", action="store_true")
    args = ask.parse_args()
    world.allow_files()
    ours, theirs = [], []
    with world.folder() as data:
        people = world.settle(data, args.port, people=args.people, rooms=args.rooms, rooms_each=args.each)
        for run in range(args.runs):
            with world.chat(data, args.port) as process:
                makes: list[Callable[[], world.RawSocket]] = [
                    lambda one=one: world.RawSocket(
                        world.handshake(args.port, "/ws/chat/?batch=1", f"Authorization: Bearer {one.token}")
                    )
                    for one in people
                ]
                work = measure("the chat", process, args.port, makes, at_once=args.at_once, idle=args.idle)
                ours.append(uvloop.run(work))
                show(ours[-1])
                if args.without_peer:
                    continue
                redis = str(data / "redis" / "redis.sock")
                words = [str(word) for word in (args.port + 1, redis, args.people, args.rooms, args.each)]
                with world.node(PEER, *words, log=data / f"peer{run}") as peer:
                    makes = [
                        lambda number=number: PeerSocket(
                            world.handshake(args.port + 1, "/socket.io/?EIO=4&transport=websocket"), number
                        )
                        for number in range(args.people)
                    ]
                    work = measure("Socket.IO", peer, args.port + 1, makes, at_once=args.at_once, idle=args.idle)
                    theirs.append(uvloop.run(work))
                    show(theirs[-1])
    if theirs:
        for what in ("rate", "cpu", "rss", "idle"):
            of = [statistics.median(getattr(one, what) for one in results) for results in (ours, theirs)]
            print(f"{what}: {of[0]:,.2f} to {of[1]:,.2f}: {of[0] / of[1] if of[1] else 0:.2f} x")


def show(result: Result) -> None:
    print(
        f"{result.name}: {result.rate:,.0f} connects/s, {result.cpu:.2f} ms CPU each, {result.rss:.1f} KiB each, "
        f"{result.idle:.1f} % of a core while idle",
        flush=True,
    )


if __name__ == "__main__":
    main()
