"""Sockets idle for half an hour: none may be closed, and the server must not grow.

    bench/run soak                            # 500 sockets that send SocketHeartBeat, as clients do
    bench/run soak --silent                   # 500 that answer the server's pings, and nothing else
    bench/run soak --sockets 2000 --minutes 5

At the end one message is sent in each group, and every socket must receive it. The exit code says
whether all held.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx
import redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bench.harness import processes
from bench.harness.checkouts import HERE, Installation, Person, installations
from bench.harness.frames import Message
from bench.harness.report import about, write_section
from bench.harness.servers import Server

SECTION = "bench/run soak"

HEARTBEAT_SECONDS = 25
GROUP_SIZE = 50
#: Seconds from the last connection to the first sample, and between two samples.
SETTLE_SECONDS, SAMPLE_SECONDS = 60, 60
#: Seconds for the last message to reach everyone.
LAST_MESSAGE_TIMEOUT_SECONDS = 20
#: The share by which the server's memory may have grown in the end.
MEMORY_GROWTH_MAX = 0.05


def tell(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


@dataclass(frozen=True)
class Sample:
    """What the server holds; memory in KiB."""

    memory: int
    open: int
    redis_memory: int
    redis_clients: int
    keys: Counter[str]

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.keys.items()))
        return (
            f"{self.open} open, server {self.memory / 1024:.1f} MiB, Redis {self.redis_memory / 1024:.1f} MiB, "
            f"{self.redis_clients} connections, {self.keys.total()} keys ({kinds})"
        )


class Idler:
    """A person's socket; `end` says how and when it was closed."""

    def __init__(self, person: Person, server: Server) -> None:
        self.person = person
        self.received: Counter[str] = Counter()
        self.beats = 0
        self.has_message = asyncio.Event()
        self.end: str | None = None
        self._address = f"ws://127.0.0.1:{server.port}/ws/chat/"
        self._socket: ClientConnection | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(self, *, beats: bool) -> None:
        self._socket = await connect(
            self._address,
            additional_headers={"Authorization": f"Bearer {self.person.token}"},
            compression=None,
            proxy=None,
            ping_interval=None,
            open_timeout=60,
        )
        self._tasks = [asyncio.create_task(self._read(self._socket))]
        if beats:
            self._tasks.append(asyncio.create_task(self._beat(self._socket)))

    @property
    def is_open(self) -> bool:
        return self.end is None

    async def _read(self, socket: ClientConnection) -> None:
        began = time.monotonic()
        try:
            async for text in socket:
                event = json.loads(text)["event"]
                self.received[event] += 1
                if event == "OnGroupMsg":
                    self.has_message.set()
        finally:
            self.end = f"{socket.close_code} after {time.monotonic() - began:.0f} s"

    async def _beat(self, socket: ClientConnection) -> None:
        await asyncio.sleep(random.uniform(0, HEARTBEAT_SECONDS))
        try:
            while True:
                await socket.send('{"event": "SocketHeartBeat", "data": {}}')
                self.beats += 1
                await asyncio.sleep(HEARTBEAT_SECONDS)
        except ConnectionClosed:
            pass  # the reader notes it

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._socket is not None:
            await self._socket.close()


def kind_of(key: str) -> str:
    return ":".join(part for part in key.split(":") if len(part) < 32)


def sample(server: Server, idlers: list[Idler]) -> Sample:
    with redis.Redis(port=server.redis_port, decode_responses=True) as connection:
        info: Any = connection.info()
        keys = Counter(kind_of(str(key)) for key in connection.scan_iter(count=1000))
    return Sample(
        memory=processes.resident_kib(server.processes),
        open=sum(one.is_open for one in idlers),
        redis_memory=processes.resident_kib(server.stores),
        redis_clients=info["connected_clients"],
        keys=keys,
    )


async def connect_all(server: Server, people: list[Person], *, beats: bool) -> list[Idler]:
    idlers = [Idler(one, server) for one in people]
    began = time.monotonic()
    for start in range(0, len(idlers), GROUP_SIZE):
        await asyncio.gather(*(one.connect(beats=beats) for one in idlers[start : start + GROUP_SIZE]))
    tell(f"{len(idlers)} sockets connected in {time.monotonic() - began:.1f} s")
    return idlers


async def create_groups(http: httpx.AsyncClient, idlers: list[Idler]) -> dict[str, list[Idler]]:
    """A group of each GROUP_SIZE of them, by its id."""
    groups = {}
    for start in range(0, len(idlers), GROUP_SIZE):
        first, *others = members = idlers[start : start + GROUP_SIZE]
        body = {"name": f"group {start}", "memberIds": [one.person.id for one in others]}
        groups[str((await _post(http, "/group/create", body, first))["id"])] = members
    return groups


async def count_deaf(http: httpx.AsyncClient, groups: dict[str, list[Idler]]) -> int:
    """The number of sockets that do not receive a message that is sent now."""
    for group, members in groups.items():
        message = Message(target=group, sender=members[0].person.id, content="still here?", client_id=f"last-{group}")
        await _post(http, "/group/send", message.group_body(), members[0])
    waits = [asyncio.ensure_future(one.has_message.wait()) for members in groups.values() for one in members]
    _, deaf = await asyncio.wait(waits, timeout=LAST_MESSAGE_TIMEOUT_SECONDS)
    for wait in deaf:
        wait.cancel()
    return len(deaf)


async def _post(http: httpx.AsyncClient, path: str, body: Any, by: Idler) -> Any:
    answer = await http.post(path, json=body, headers={"Authorization": f"Bearer {by.person.token}"})
    return answer.raise_for_status().json()


async def soak(server: Server, people: list[Person], minutes: float, *, beats: bool) -> tuple[bool, list[str]]:
    """Whether all held, and what was found."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False, timeout=60) as http:
        idlers = await connect_all(server, people, beats=beats)
        groups = await create_groups(http, idlers)
        await asyncio.sleep(SETTLE_SECONDS)
        first = last = sample(server, idlers)
        tell(f"at first: {first}")
        most, end = first.memory, time.monotonic() + 60 * minutes
        while (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(SAMPLE_SECONDS, left))
            last = sample(server, idlers)
            most = max(most, last.memory)
            tell(str(last))
        ends = [one.end for one in idlers if one.end is not None]
        deaf = await count_deaf(http, groups)
    for one in idlers:
        await one.close()

    growth = last.memory / first.memory - 1
    sent, answered = sum(one.beats for one in idlers), sum(one.received["SocketHeartBeat"] for one in idlers)
    mib = [f"{kib / 1024:.1f} MiB" for kib in (first.memory, last.memory, most)]
    found = [
        f"{len(people)} sockets, {minutes:g} minutes, {f'a beat each {HEARTBEAT_SECONDS} s' if beats else 'silent'}:",
        f"- {len(ends)} closed unexpectedly{f' ({ends[:5]})' if ends else ''}, {deaf} without the last message",
        f"- {answered} of {sent} beats answered",
        f"- server {mib[0]} to {mib[1]} ({growth:+.1%}), at most {mib[2]}",
        f"- Redis {first.keys.total()} keys to {last.keys.total()}",
    ]
    return not ends and not deaf and growth < MEMORY_GROWTH_MAX and last.keys == first.keys, found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sockets", type=int, default=500)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--silent", action="store_true", help="no heartbeats")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    chosen = parser.parse_args()
    os.nice(10)
    processes.allow_open_files()
    with installations([HERE], chosen.sockets, []) as (installation,):
        is_well, found = _soaked(installation, chosen.minutes, beats=not chosen.silent)
    for line in found:
        tell(line)
    if chosen.write:
        write_section(SECTION, "\n".join([about(rounds=1), "", *found]))
    return 0 if is_well else 1


def _soaked(installation: Installation, minutes: float, *, beats: bool) -> tuple[bool, list[str]]:
    with installation.serving() as server:
        is_well, found = asyncio.run(soak(server, installation.people, minutes, beats=beats))
        log = server.log_file.read_text() if server.log_file else ""
    return (False, [*found, f"- the server's log: {log[-5000:]}"]) if "Traceback" in log else (is_well, found)


if __name__ == "__main__":
    sys.exit(main())
