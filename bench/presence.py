"""Presence: a hundred thousand people online, and how soon a thousand watchers learn of one while the server works.

    python bench/presence.py

First what the processes of a large installation do in their ten seconds, one after the other: everybody refreshed,
counted, a page of the list, and all of them expired at once and swept, each announced. Then a served chat: a thousand
sockets watch people who come, hide, show themselves and go, while a database query of 0.3 s runs without a pause.
"""

import argparse
import asyncio
import json
import os
import sqlite3
import statistics
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import world

#: Sockets of one of the processes that are simulated, and how many of these do the same at the same time.
OF_ONE_PROCESS, AT_ONCE = 5000, 4
#: Seconds that somebody who went is given to come back.
GRACE = 3


# Many people ----------------------------------------------------------------------------------------------------------


def many(people: int, redis_process: int) -> None:
    """In this process, with a Redis of its own."""
    from uuid_utils.compat import uuid7

    from chatproject.core import redis
    from presence import cache, selectors, services

    with redis.client() as connection:
        connection.delete(redis.key("presence:online"))
    everyone = [(uuid7(), f"{number:032x}") for number in range(people)]
    processes = [everyone[start : start + OF_ONE_PROCESS] for start in range(0, people, OF_ONE_PROCESS)]
    at_once = ThreadPoolExecutor(AT_ONCE)

    def again(pairs: list[tuple[UUID, str]]) -> int:
        return sum(len(services.refresh(pairs[half::2], is_whole=bool(half))) for half in (0, 1))

    def sweep() -> int:
        gone = 0
        while found := services.sweep():
            gone += len(found)
        return gone

    with timed("all come", redis_process):
        came = sum(at_once.map(lambda pairs: len(services.refresh(pairs)), processes))
    assert came == people
    times = []
    with timed("a refresh of all", redis_process) as took:
        came = sum(at_once.map(again, processes))
    times.append(took)
    assert not came
    with timed("the count", redis_process) as took:
        assert selectors.count() == people
    times.append(took)
    with timed("a page of the list", redis_process) as took:
        assert len(selectors.online(200)) == 200
        assert len(selectors.online_among(user_id for user_id, _ in everyone[:200])) == 200
    times.append(took)
    for start in range(0, people, 1000):
        with redis.client() as connection:
            connection.zadd(
                redis.key("presence:online"), {str(user_id): 1 for user_id, _ in everyone[start : start + 1000]}
            )
    with timed("a sweep of all", redis_process) as took:
        gone = sum(at_once.map(lambda _: sweep(), range(AT_ONCE)))
    times.append(took)
    assert gone == people and cache.count() == 0
    wall, spent = (sum(part) for part in zip(*times, strict=True))
    print(f"together: {wall:.2f} s, of which CPU {spent:.2f} s, for {people:,} people")


async def with_hub(work: Callable[[], None]) -> None:
    """Do it on a thread, as in a web process: what is published leaves by the hub's connection."""
    from chatproject.core import hub

    begun, ended = asyncio.Event(), asyncio.Event()
    orders: Iterator[str] = iter(("lifespan.startup", "lifespan.shutdown"))

    async def receive() -> dict[str, str]:
        order = next(orders)
        if order == "lifespan.shutdown":
            await ended.wait()
        return {"type": order}

    async def send(message: dict[str, str]) -> None:
        begun.set()

    life = asyncio.create_task(hub.lifespan({}, receive, send))
    await begun.wait()
    lags: list[float] = []
    looking = asyncio.create_task(look_at_loop(lags))
    await asyncio.to_thread(work)
    looking.cancel()
    print(f"longest turn of the event loop meanwhile: {1000 * max(lags):.0f} ms")
    ended.set()
    await life


async def look_at_loop(lags: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.005)
        lags.append(time.perf_counter() - began - 0.005)


@contextmanager
def timed(what: str, redis_process: int) -> Iterator[list[float]]:
    """Seconds it took, those of CPU, and the longest for which Redis answered nobody else."""
    took: list[float] = []
    spent, own, began = world.cpu(redis_process), time.process_time(), time.perf_counter()
    with waiting() as longest:
        yield took
        took.append(time.perf_counter() - began)
        own = time.process_time() - own
    spent = world.cpu(redis_process) - spent
    took.append(own + spent)
    print(
        f"{what}: {took[0]:.3f} s (CPU: Redis {spent:.2f}, we {own:.2f}), "
        f"longest wait of another client {1000 * max(longest):.1f} ms"
    )


@contextmanager
def waiting() -> Iterator[list[float]]:
    """How long another client of Redis waits for each of its answers meanwhile."""
    import redis
    from django.conf import settings

    other, done, times = redis.Redis.from_url(settings.REDIS_URL), threading.Event(), [0.0]
    other.ping()

    def ask() -> None:
        while not done.is_set():
            began = time.perf_counter()
            other.ping()
            times.append(time.perf_counter() - began)
            time.sleep(0.005)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield times
    finally:
        done.set()
        asking.join()
        other.close()


# Watchers -------------------------------------------------------------------------------------------------------------


class Watcher(world.RawSocket):
    """Notes when it learns of somebody's status."""

    def __init__(self, request: bytes, told: Callable[[str, bool], None]) -> None:
        super().__init__(request)
        self._told = told
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def heard(self, text: bytes) -> None:
        if b'"OnUserStatus"' not in text and b'"ack"' not in text:
            return
        frames = json.loads(text)
        for frame in frames if isinstance(frames, list) else [frames]:
            if frame["event"] == "OnUserStatus":
                self._told(frame["data"]["userId"], frame["data"]["online"])
            elif frame["event"] == "ack" and not self.answered.done():
                self.answered.set_result(None)


class Watch:
    """When each of the watchers learned what we wait for."""

    def __init__(self) -> None:
        self._wanted: tuple[str, bool] | None = None
        self._times: list[float] = []
        self._wants = 0
        self._all = asyncio.Event()

    def told(self, user_id: str, online: bool) -> None:
        if (user_id, online) == self._wanted:
            self._times.append(time.perf_counter())
            if len(self._times) == self._wants:
                self._all.set()

    def expect(self, user_id: str, *, online: bool, watchers: int) -> None:
        self._wanted, self._times, self._wants = (user_id, online), [], watchers
        self._all.clear()

    async def learned(self, began: float) -> list[float]:
        """Milliseconds from `began` until each knew."""
        async with asyncio.timeout(30):
            await self._all.wait()
        return [(at - began) * 1000 for at in self._times]


class Heavy(threading.Thread):
    """Queries of at least `seconds` each, one after the other, in the server's process: its own heavy request."""

    def __init__(self, data: Path, seconds: float) -> None:
        super().__init__(daemon=True)
        self._path, self._seconds = data / "chat.sqlite3", seconds
        self.count = 0
        self.done = threading.Event()

    def run(self) -> None:
        with sqlite3.connect(self._path, isolation_level=None) as database:
            steps = 2_000_000
            while not self.done.is_set():
                began = time.perf_counter()
                database.execute("BEGIN")
                database.execute("SELECT count(*) FROM accounts_user").fetchone()
                query = (
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT sum(i) FROM n"
                )
                database.execute(query, (steps,)).fetchone()
                database.execute("COMMIT")
                took = time.perf_counter() - began
                steps = int(steps * min(2, max(0.5, self._seconds / took)))
                self.count += 1


def patch_me(port: int, token: str, online: bool) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/me",
        data=json.dumps({"online": online}).encode(),
        method="PATCH",
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()


async def watch(port: int, people: list[world.Someone], watchers: int, rounds: int) -> dict[str, list[float]]:
    seen = Watch()

    def socket(one: world.Someone) -> Callable[[], world.RawSocket]:
        request = world.handshake(port, "/ws/chat/?batch=1", f"Authorization: Bearer {one.token}")
        return lambda: Watcher(request, seen.told)

    watched = people[watchers:]
    sockets = await world.connect(port, [socket(one) for one in people[:watchers]], at_once=50)
    question = {"event": "EmitWatchPresence", "data": {"userIds": [one.id for one in watched]}, "ack": 1}
    for one in sockets:
        one.say(json.dumps(question))
    await asyncio.gather(*(one.answered for one in sockets if isinstance(one, Watcher)))
    times: dict[str, list[float]] = {"comes": [], "hides": [], "goes, but for the grace": []}
    for number in range(rounds):
        await asyncio.sleep(0.3)
        someone = watched[number % len(watched)]
        seen.expect(someone.id, online=True, watchers=watchers)
        began = time.perf_counter()
        (his,) = await world.connect(port, [socket(someone)], at_once=1)
        times["comes"] += await seen.learned(began)
        seen.expect(someone.id, online=False, watchers=watchers)
        if number % 2:
            began = time.perf_counter()
            await asyncio.to_thread(patch_me, port, someone.token, False)
            times["hides"] += await seen.learned(began)
            his.transport.close()
            await asyncio.to_thread(patch_me, port, someone.token, True)
        else:
            began = time.perf_counter()
            his.transport.close()
            times["goes, but for the grace"] += [one - 1000 * GRACE for one in await seen.learned(began)]
    for one in sockets:
        one.transport.abort()
    return times


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--people", type=int, default=100_000)
    ask.add_argument("--watchers", type=int, default=1000)
    ask.add_argument("--rounds", type=int, default=20)
    ask.add_argument("--query", type=float, default=0.3, help="seconds that the database query takes")
    ask.add_argument("--port", type=int, default=8420)
    args = ask.parse_args()
    world.allow_files()
    with world.folder() as data:
        people = world.settle(data, args.port, people=args.watchers + 10)
        with world.chat(data, args.port):
            heavy = Heavy(data, args.query)
            heavy.start()
            times = uvloop.run(watch(args.port, people, args.watchers, args.rounds))
            heavy.done.set()
            heavy.join()
            print(f"{args.watchers:,} watchers, while {heavy.count} queries of about {args.query} s ran:")
            for what, found in times.items():
                if found:
                    percentiles = statistics.quantiles(found, n=100)
                    print(f"somebody {what}: p50 {percentiles[49]:.0f} ms, p99 {percentiles[98]:.0f} ms")
        from django.conf import settings

        from chatproject.core.redis.embedded import Keeper

        keeper = Keeper(settings.DATA_DIR)
        keeper.start()
        try:
            uvloop.run(with_hub(lambda: many(args.people, world.redis_of(os.getpid()))))
        finally:
            keeper.stop()


if __name__ == "__main__":
    main()
