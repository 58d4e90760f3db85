"""A hundred thousand people at once, in several workers: bench/run crowd.

    bench/run crowd --write
    bench/run crowd --people 20000 --workers 2 --rooms 1000

Each has a socket of their own, from addresses all over 127.0.0.0/8, and is in twenty rooms. Measured are the time
until all are connected, memory and CPU of all processes while nothing happens, how many the server says are online,
how soon watchers learn of a change of somebody's status and a large group of a message, and what comes after the
kill of a worker. After the handshake the sockets say nothing, as in bench/idle, but for those that watch somebody; they
answer the server's pings.

A process may have 20,000 open files on many systems, and so may ours: the sockets are opened by several, which
follow the orders of this one.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import signal
import statistics
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, cast

import uvloop

from bench.harness import processes, sockets
from bench.harness.checkouts import HERE, Installation, Person, installations
from bench.harness.frames import Message
from bench.harness.report import about, write_section
from bench.harness.servers import Server

SECTION = "bench/run crowd"
#: Sockets of one process of clients, of the 20,000 open files that it may have.
SOCKETS_PER_PROCESS = 17_000
#: Sockets with one address.
SOCKETS_PER_ADDRESS = 50
#: Seconds in which clients whose connection ended come back, at random, as docs/api.md asks of them.
COMES_BACK_WITHIN_SECONDS = 5.0
#: Seconds until everything that was asked for must have come.
TIMEOUT_SECONDS = 120.0
#: Seconds after which a handshake without an answer has failed.
HANDSHAKE_SECONDS = 20.0
#: Seconds for a server to settle after everybody has connected.
SETTLE_SECONDS = 35

Times = list[float]


def address(number: int) -> str:
    """One of 127.0.0.0/8's addresses, the first ones left out."""
    number += 1 << 16
    return f"127.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


# Clients: one process of several --------------------------------------------------------------------------------------


class Client(sockets.RawSocket):
    """A socket that notes when it hears of a message or of somebody's status."""

    def __init__(self, request: bytes, crowd: "Crowd", number: int) -> None:
        super().__init__(request)
        self._crowd, self._number = crowd, number

    def received(self, text: bytes) -> None:
        at = time.monotonic()
        if b'"OnGroupMsg"' not in text and b'"OnUserStatus"' not in text and b'"ack"' not in text:
            return
        frames = json.loads(text)
        for frame in frames if isinstance(frames, list) else [frames]:
            self._crowd.hear(frame, at)

    def lost(self) -> None:
        self._crowd.lose(self._number)


class Crowd:
    """The sockets of one process. `orders` are methods with their arguments, answered one by one."""

    def __init__(self, orders: Connection, port: int, first: int, people: Sequence[Person]) -> None:
        self._orders, self._port, self._first, self._people = orders, port, first, people
        self._open: dict[int, Client] = {}
        self._heard: defaultdict[str, Times] = defaultdict(list)
        self._something_heard = asyncio.Event()
        self._coming_back: set[asyncio.Task[None]] = set()
        self._is_over = False

    async def work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                order, arguments = await loop.run_in_executor(None, self._orders.recv)
            except EOFError:
                return
            try:
                self._orders.send(await getattr(self, order)(*arguments))
            except Exception as error:  # told to the one who gave the order
                self._orders.send(error if isinstance(error, RuntimeError) else RuntimeError(repr(error)))

    async def connect(self, at_once: int) -> int:
        """Connect everybody; how many could not at first."""
        turns, failed = asyncio.Semaphore(at_once), 0

        async def one(number: int) -> None:
            nonlocal failed
            async with turns:
                failed += await self._connect_at_last(number)

        await asyncio.gather(*map(one, range(len(self._people))))
        return failed

    async def _connect_at_last(self, number: int) -> int:
        """Try until it is connected; how often it was not."""
        for failed in itertools.count():
            if await self._connect(number):
                return failed
            await asyncio.sleep(random.uniform(0, COMES_BACK_WITHIN_SECONDS))
        raise AssertionError

    async def _connect(self, number: int) -> bool:
        request = sockets.chat_handshake(self._port, self._people[number].token)
        source = address((self._first + number) // SOCKETS_PER_ADDRESS), 0
        client: Client | None = None
        with suppress(OSError):
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                _, client = await asyncio.get_running_loop().create_connection(
                    lambda: Client(request, self, number), "127.0.0.1", self._port, local_addr=source
                )
                await client.opened
            self._open[number] = client
            return True
        if client is not None:
            client.transport.abort()
        return False

    def lose(self, number: int) -> None:
        """Of a connection that ended: come back a little later."""
        if self._open.pop(number, None) is None or self._is_over:
            return

        async def come_back() -> None:
            await asyncio.sleep(random.uniform(0, COMES_BACK_WITHIN_SECONDS))
            await self._connect_at_last(number)

        task = asyncio.get_running_loop().create_task(come_back())
        self._coming_back.add(task)
        task.add_done_callback(self._coming_back.discard)

    async def count(self) -> int:
        return len(self._open)

    async def watch(self, numbers: list[int], user_id: str) -> int:
        """Let some watch a person's status; how many do."""
        question = {"event": "EmitWatchPresence", "data": {"userIds": [user_id]}, "ack": 1}
        for number in numbers:
            self._open[number].send(json.dumps(question))
        await self._have_heard("ack", len(numbers))
        self._heard.clear()
        return len(numbers)

    def hear(self, frame: dict[str, Any], at: float) -> None:
        match frame["event"]:
            case "OnUserStatus":
                key = f"{frame['data']['userId']} {frame['data']['online']}"
            case "OnGroupMsg":
                key = frame["data"]["clientId"]
            case _:
                key = frame["event"]
        self._heard[key].append(at)
        self._something_heard.set()

    async def _have_heard(self, key: str, count: int) -> Times:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while len(self._heard[key]) < count:
                self._something_heard.clear()
                await self._something_heard.wait()
        return self._heard[key]

    async def heard(self, key: str, count: int) -> Times:
        """When each of `count` heard something, by the clock of this machine."""
        times = await self._have_heard(key, count)
        self._heard.clear()
        return times

    async def end(self) -> None:
        self._is_over = True
        for task in self._coming_back:
            task.cancel()
        for client in list(self._open.values()):
            client.transport.abort()


def clients(orders: Connection, port: int, first: int, people: Sequence[Person]) -> None:
    """A process of clients."""
    processes.allow_open_files()

    async def work() -> None:
        await Crowd(orders, port, first, people).work()

    uvloop.run(work())


class Clients:
    """All processes of clients, whose people are numbered through."""

    def __init__(self, port: int, people: list[Person]) -> None:
        self._ends: list[Connection] = []
        self._firsts = range(0, len(people), SOCKETS_PER_PROCESS)
        context = get_context("spawn")
        for first in self._firsts:
            ours, theirs = context.Pipe()
            part = people[first : first + SOCKETS_PER_PROCESS]
            context.Process(target=clients, args=(theirs, port, first, part), daemon=True).start()
            theirs.close()
            self._ends.append(ours)

    def _ask(self, order: str, arguments: list[tuple[Any, ...]]) -> list[Any]:
        for end, these in zip(self._ends, arguments, strict=True):
            end.send((order, these))
        answers = [end.recv() for end in self._ends]
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    def each(self, order: str, *arguments: Any) -> list[Any]:
        return self._ask(order, [arguments] * len(self._ends))

    def of(self, numbers: Sequence[int]) -> list[list[int]]:
        """Numbers of people as each process counts its own."""
        parts: list[list[int]] = [[] for _ in self._firsts]
        for number in numbers:
            parts[number // SOCKETS_PER_PROCESS].append(number % SOCKETS_PER_PROCESS)
        return parts

    def watch(self, numbers: Sequence[int], user_id: str) -> None:
        self._ask("watch", [(part, user_id) for part in self.of(numbers)])

    def heard(self, key: str, numbers: Sequence[int]) -> Times:
        """When each of these people heard something."""
        answers = self._ask("heard", [(key, len(part)) for part in self.of(numbers)])
        return [at for times in answers for at in cast("Times", times)]


# What is measured -----------------------------------------------------------------------------------------------------


def call(port: int, person: Person, method: str, path: str, data: dict[str, Any] | None = None) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        data=None if data is None else json.dumps(data).encode(),
        method=method,
        headers={"Authorization": f"Bearer {person.token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def until(condition: Callable[[], bool]) -> float:
    """Seconds until it is so, asked twice a second."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > TIMEOUT_SECONDS:
            return float("inf")
        time.sleep(0.5)
    return time.monotonic() - began


class Observer:
    """A person who asks how many are online, by a socket that is opened for each question."""

    def __init__(self, port: int, person: Person) -> None:
        self._port, self._person = port, person

    def online(self) -> int:
        from websockets.sync.client import connect

        headers = {"Authorization": f"Bearer {self._person.token}"}
        with connect(f"ws://127.0.0.1:{self._port}/ws/chat/", additional_headers=headers, proxy=None) as socket:
            socket.send('{"event": "GetEmitOnlineUsers", "data": {}}')
            while (frame := json.loads(socket.recv(60)))["event"] != "OnlineUsersList":
                pass
        return int(frame["data"]["onlineUsersNum"])


def tell(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


def p99(milliseconds: Times) -> str:
    found = statistics.quantiles(milliseconds, n=100)
    return f"{found[49]:,.0f} | {found[98]:,.0f}"


def measure(installation: Installation, server: Server, chosen: argparse.Namespace) -> list[tuple[str, str, str]]:
    """What was measured: what, how much, and how much it may be."""
    port, crowd = server.port, installation.people[: chosen.people]
    watched, observer = installation.people[chosen.people : chosen.people + 2]
    rows: list[tuple[str, str, str]] = []

    def note(what: str, figure: str, at_most: str = "") -> None:
        rows.append((what, figure, at_most))
        tell(f"{what}: {figure}")

    clients, all_processes = Clients(port, crowd), [*server.processes, *server.stores]
    clients.each("count")
    memory, cpu, began = processes.resident_kib(all_processes), processes.cpu_seconds(all_processes), time.monotonic()
    failed = sum(clients.each("connect", chosen.at_once))
    took, cpu = time.monotonic() - began, processes.cpu_seconds(all_processes) - cpu
    count = len(crowd)
    note("all are connected", f"{took:,.0f} s", f"{120 * count / 100_000:,.0f}")
    note("attempts that failed", f"{failed:,}")
    note("CPU per connect", f"{1000 * cpu / count:.2f} ms")
    ask = Observer(port, observer)
    note("people online, as the server says", f"{ask.online():,}", f"{count + 1:,}")
    time.sleep(SETTLE_SECONDS)
    quiet, began = processes.cpu_seconds(all_processes), time.monotonic()
    time.sleep(chosen.idle)
    quiet = (processes.cpu_seconds(all_processes) - quiet) / (time.monotonic() - began)
    each = (processes.resident_kib(all_processes) - memory) / count
    note("memory per connection", f"{each:.1f} KiB", "20")
    note("idle", f"{100 * quiet:.0f} % of a core", "60")
    note("closed meanwhile", f"{count - sum(clients.each('count')):,}", "0")

    watchers = range(chosen.group, chosen.group + chosen.watchers)
    clients.watch(watchers, watched.id)
    theirs = Clients(port, [watched])
    theirs.each("connect", 1)
    clients.heard(f"{watched.id} True", watchers)
    times: Times = []
    for _ in range(chosen.changes):
        for online in (False, True):
            began = time.monotonic()
            call(port, watched, "PATCH", "/me", {"online": online})
            times += [1000 * (at - began) for at in clients.heard(f"{watched.id} {online}", watchers)]
            time.sleep(0.3)
    note(f"{chosen.watchers:,} watchers learn of a change of status, ms: half, 99 of 100 within", p99(times), "200")

    times = []
    room = installation.group(chosen.group)
    for number in range(2 * chosen.changes):
        message = Message(room, crowd[0].id, f"Number {number}", f"crowd-{number}-{os.getpid()}")
        began = time.monotonic()
        call(port, crowd[0], "POST", "/group/send", message.group_body())
        heard = clients.heard(message.client_id, range(chosen.group))
        times += [1000 * (at - began) for at in heard]
        time.sleep(0.3)
    note(f"a message to a group of {chosen.group:,}, ms: half, 99 of 100 within", p99(times), "300")

    before = sum(clients.each("count"))
    os.kill(server.workers[0], signal.SIGKILL)
    until(lambda: sum(clients.each("count")) < before)
    lost = before - sum(clients.each("count"))
    back = until(lambda: sum(clients.each("count")) == before)
    note("of a killed worker, so many lose their connection", f"{lost:,}")
    note("all of them are back", f"{back:.0f} s", "45")
    counted = until(lambda: ask.online() == count + 2)
    note("people online afterwards are right", f"{back + counted:.0f} s after the kill", "45")
    clients.each("end")
    theirs.each("end")
    return rows


def main() -> None:
    chosen = _chosen()
    processes.allow_open_files()
    tell("filling")
    people = chosen.people + 2
    with installations([HERE], people, [chosen.group], rooms=f"{chosen.rooms}x{chosen.each}") as (installation,):
        tell("starting")
        with installation.serving(workers=chosen.workers) as server:
            rows = measure(installation, server, chosen)
    lines = [
        about(rounds=1)
        + f" {chosen.people:,} people, each in {chosen.each} of {chosen.rooms:,} rooms; {chosen.workers} workers.\n",
        "| | measured | at most |",
        "|---|---|---|",
        *(f"| {what} | {figure.replace(' | ', ', ')} | {at_most} |" for what, figure, at_most in rows),
    ]
    print("\n".join(lines))
    if chosen.write:
        write_section(SECTION, "\n".join(lines))


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--rooms", type=int, default=5000)
    parser.add_argument("--each", type=int, default=20, help="rooms each person is in")
    parser.add_argument("--group", type=int, default=1000, help="members of the group that is written to")
    parser.add_argument("--watchers", type=int, default=1000)
    parser.add_argument("--changes", type=int, default=10)
    parser.add_argument("--at-once", type=int, default=30, help="handshakes under way in each process of clients")
    parser.add_argument("--idle", type=float, default=30, help="seconds to look at idle connections")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
