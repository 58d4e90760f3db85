"""Sockets that are connected and do nothing, for half an hour: none may be closed, and the server must not grow.

    .venv/bin/python -m bench.soak                   # 500 sockets that say SocketHeartBeat, as clients do
    .venv/bin/python -m bench.soak --silent          # 500 that answer the server's pings, and nothing else
    .venv/bin/python -m bench.soak --sockets 2000 --minutes 5

It starts a server of its own on a free port and a folder of its own. At the end one message is written in each group,
and every socket must hear it. The exit code says whether all held.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.faults.server import Server

#: Seconds between a client's beats.
HEARTBEAT = 25
#: Members of a group.
GROUP = 50
#: Seconds from the last connection to the first measurement, between two of them, and for the last message.
SETTLE, SAMPLE, LAST = 60, 60, 20
#: How much the server may have grown in the end.
RSS_DRIFT = 0.05


def tell(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


@dataclass(frozen=True)
class Sample:
    """What the server holds."""

    rss: int
    open: int
    redis_rss: int
    redis_clients: int
    keys: Counter[str]

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.keys.items()))
        return (
            f"{self.open} open, server {self.rss / 2**20:.1f} MiB, Redis {self.redis_rss / 2**20:.1f} MiB, "
            f"{self.redis_clients} connections, {self.keys.total()} keys ({kinds})"
        )


class Idler:
    """A socket, and what became of it."""

    def __init__(self, user: dict[str, Any], server: Server) -> None:
        self.token: str = user["token"]
        self.id: str = user["id"]
        self.heard: Counter[str] = Counter()
        self.beats = 0
        self.last_words = asyncio.Event()
        self.end: str | None = None
        self._address = server.url.replace("http", "ws") + "/ws/chat/"
        self._socket: ClientConnection | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(self, *, beats: bool) -> None:
        self._socket = await connect(
            self._address,
            additional_headers={"Authorization": f"Bearer {self.token}"},
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
                self.heard[event] += 1
                if event == "OnGroupMsg":
                    self.last_words.set()
        finally:
            self.end = f"{socket.close_code} after {time.monotonic() - began:.0f} s"

    async def _beat(self, socket: ClientConnection) -> None:
        await asyncio.sleep(random.uniform(0, HEARTBEAT))
        try:
            while True:
                await socket.send('{"event": "SocketHeartBeat", "data": {}}')
                self.beats += 1
                await asyncio.sleep(HEARTBEAT)
        except ConnectionClosed:
            pass  # the reader says it

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._socket is not None:
            await self._socket.close()


def kind_of(key: str) -> str:
    return ":".join(part for part in key.split(":") if len(part) < 32)


def sample(server: Server, idlers: list[Idler]) -> Sample:
    with server.redis() as redis:
        info: Any = redis.info()
        keys = Counter(kind_of(str(key)) for key in redis.scan_iter(count=1000))
    return Sample(
        rss=server.memory(),
        open=sum(one.is_open for one in idlers),
        redis_rss=info["used_memory_rss"],
        redis_clients=info["connected_clients"],
        keys=keys,
    )


async def arrive(server: Server, count: int, *, beats: bool) -> tuple[list[Idler], dict[str, list[Idler]]]:
    """Everyone, connected; and the groups they are in."""
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=60) as http:

        async def post(path: str, body: Any, token: str = "") -> Any:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return (await http.post(path, json=body, headers=headers)).raise_for_status().json()

        idlers = [Idler(await post("/createUser", {"name": f"idler {n}", "img": ""}), server) for n in range(count)]
        groups = {}
        for start in range(0, count, GROUP):
            first, *others = members = idlers[start : start + GROUP]
            body = {"name": f"group {start}", "memberIds": [one.id for one in others]}
            groups[(await post("/group/create", body, first.token))["id"]] = members
    began = time.monotonic()
    for start in range(0, count, GROUP):
        await asyncio.gather(*(one.connect(beats=beats) for one in idlers[start : start + GROUP]))
    tell(f"{count} sockets connected in {time.monotonic() - began:.1f} s")
    return idlers, groups


async def deaf_at_the_end(server: Server, groups: dict[str, list[Idler]]) -> int:
    """How many sockets do not hear a message that is written now."""
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=60) as http:
        for group, members in groups.items():
            headers = {"Authorization": f"Bearer {members[0].token}"}
            body = {"groupId": group, "content": "is anybody there?"}
            (await http.post("/group/send", json=body, headers=headers)).raise_for_status()
    listeners = [one.last_words.wait() for members in groups.values() for one in members]
    _, deaf = await asyncio.wait([asyncio.ensure_future(one) for one in listeners], timeout=LAST)
    for one in deaf:
        one.cancel()
    return len(deaf)


async def soak(server: Server, count: int, minutes: float, *, beats: bool) -> bool:
    idlers, groups = await arrive(server, count, beats=beats)
    await asyncio.sleep(SETTLE)
    first = last = sample(server, idlers)
    tell(f"at first: {first}")
    most, end = first.rss, time.monotonic() + 60 * minutes
    while (left := end - time.monotonic()) > 0:
        await asyncio.sleep(min(SAMPLE, left))
        last = sample(server, idlers)
        most = max(most, last.rss)
        tell(str(last))
    ends = [one.end for one in idlers if one.end is not None]
    deaf = await deaf_at_the_end(server, groups)
    for one in idlers:
        await one.close()

    drift = last.rss / first.rss - 1
    said, answered = sum(one.beats for one in idlers), sum(one.heard["SocketHeartBeat"] for one in idlers)
    mib = [f"{rss / 2**20:.1f} MiB" for rss in (first.rss, last.rss, most)]
    tell(f"{count} sockets, {minutes:g} minutes, {f'a beat each {HEARTBEAT} s' if beats else 'silent'}:")
    tell(f"  {len(ends)} closed unexpectedly{f' ({ends[:5]})' if ends else ''}, {deaf} deaf at the end")
    tell(f"  {answered} of {said} beats answered")
    tell(f"  server {mib[0]} to {mib[1]} ({drift:+.1%}), at most {mib[2]}")
    tell(f"  Redis {first.keys.total()} keys to {last.keys.total()}")
    return not ends and not deaf and drift < RSS_DRIFT and last.keys == first.keys


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sockets", type=int, default=500)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--silent", action="store_true", help="no heartbeats")
    arguments = parser.parse_args()
    os.nice(10)
    with tempfile.TemporaryDirectory(prefix="chat-soak-") as folder:
        server = Server(Path(folder))
        server.start()
        try:
            is_well = asyncio.run(soak(server, arguments.sockets, arguments.minutes, beats=not arguments.silent))
        finally:
            server.stop()
        if "Traceback" in (log := server.log.read_text()):
            tell(f"The server's log:\n{log[-5000:]}")
            return 1
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
