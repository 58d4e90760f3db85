"""Presence of 100,000 people, and how soon 1,000 watchers learn of one: bench/run presence.

First, one after the other, what the processes of a large installation do every ten seconds: refresh
everyone, count them, list a page of them, and expire them all at once, each announced. Then a
served chat: a thousand sockets watch people who connect, hide, show themselves again and leave,
while a database query of 0.3 s runs without a pause.
"""

import argparse
import asyncio
import json
import os
import sqlite3
import statistics
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import redis
import uvloop

from bench.harness import processes, sockets
from bench.harness.checkouts import HERE, Installation, Person, installations
from bench.harness.report import about, write_section

SECTION = "bench/run presence"
#: Sockets of one simulated process, and the number of processes that work at the same time.
SOCKETS_PER_PROCESS, PROCESSES_AT_ONCE = 5000, 4
#: Seconds in which a person who left may come back unnoticed.
GRACE_SECONDS = 3
#: Seconds for all watchers to learn of one change.
LEARN_TIMEOUT_SECONDS = 30
PAGE = 200

#: Milliseconds by what was measured, in the order of the table.
Times = dict[str, list[float]]


# Many people ----------------------------------------------------------------------------------------------------------


class Crowd:
    """The presence of many people, handled in this process, whose settings name `redis_port`."""

    def __init__(self, people: int, redis_port: int, redis_process: int) -> None:
        from uuid_utils.compat import uuid7

        self._redis_port, self._redis_process = redis_port, redis_process
        self._people = [(uuid7(), f"{number:032x}") for number in range(people)]
        self.times: Times = {}

    def work(self) -> None:
        from presence import selectors, services

        count = len(self._people)
        processes_people = [self._people[n : n + SOCKETS_PER_PROCESS] for n in range(0, count, SOCKETS_PER_PROCESS)]
        pool = ThreadPoolExecutor(PROCESSES_AT_ONCE)

        def refresh_again(pairs: list[tuple[UUID, str]]) -> int:
            return sum(len(services.refresh(pairs[half::2], is_whole=bool(half))) for half in (0, 1))

        def sweep(_: int) -> int:
            swept = 0
            while found := services.sweep():
                swept += len(found)
            return swept

        with self._timed("everyone connects"):
            came = sum(pool.map(lambda pairs: len(services.refresh(pairs)), processes_people))
        assert came == count
        with self._timed("refresh everyone"):
            came = sum(pool.map(refresh_again, processes_people))
        assert not came
        with self._timed("count them"):
            assert selectors.count() == count
        with self._timed(f"list {PAGE} of them"):
            assert len(selectors.online(PAGE)) == PAGE
            assert len(selectors.online_among(user_id for user_id, _ in self._people[:PAGE])) == PAGE
        self._expire_all()
        with self._timed("expire everyone"):
            swept = sum(pool.map(sweep, range(PROCESSES_AT_ONCE)))
        assert swept == count
        assert selectors.count() == 0

    def _expire_all(self) -> None:
        with redis.Redis(port=self._redis_port) as connection:
            (key,) = connection.scan_iter(match="*presence:online", count=10_000)
            for start in range(0, len(self._people), 1000):
                connection.zadd(key, {str(user_id): 1 for user_id, _ in self._people[start : start + 1000]})

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        """Note the time it takes, and the longest wait of another client of Redis meanwhile."""
        redis_cpu, own_cpu = processes.cpu_seconds([self._redis_process]), time.process_time()
        with self._waiting() as waits:
            began = time.perf_counter()
            yield
            took = time.perf_counter() - began
        own_cpu = time.process_time() - own_cpu
        redis_cpu = processes.cpu_seconds([self._redis_process]) - redis_cpu
        self.times.setdefault(what, []).append(1000 * took)
        self.times.setdefault("longest wait of another client of Redis", []).append(1000 * max(waits))
        print(f"{what}: {took:.3f} s (CPU: Redis {redis_cpu:.2f}, this process {own_cpu:.2f})", flush=True)

    @contextmanager
    def _waiting(self) -> Iterator[list[float]]:
        """Seconds that another client of Redis waits for each of its answers."""
        other, done, waits = redis.Redis(port=self._redis_port), threading.Event(), [0.0]
        other.ping()

        def ask() -> None:
            while not done.wait(0.005):
                began = time.perf_counter()
                other.ping()
                waits.append(time.perf_counter() - began)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            yield waits
        finally:
            done.set()
            asking.join()
            other.close()


async def with_hub(work: Callable[[], None], times: Times) -> None:
    """Do the work on a thread beside a hub, and note the longest turn of its event loop."""
    from chatproject.core import hub

    started, ending = asyncio.Event(), asyncio.Event()
    events: Iterator[str] = iter(("lifespan.startup", "lifespan.shutdown"))

    async def receive() -> dict[str, str]:
        event = next(events)
        if event == "lifespan.shutdown":
            await ending.wait()
        return {"type": event}

    async def send(message: dict[str, str]) -> None:
        started.set()

    lifespan = asyncio.create_task(hub.lifespan({}, receive, send))
    await started.wait()
    lags: list[float] = []
    watching = asyncio.create_task(_watch_loop(lags))
    await asyncio.to_thread(work)
    watching.cancel()
    times.setdefault("longest turn of the event loop", []).append(1000 * max(lags))
    ending.set()
    await lifespan


async def _watch_loop(lags: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.005)
        lags.append(time.perf_counter() - began - 0.005)


# Watchers -------------------------------------------------------------------------------------------------------------


class Watcher(sockets.RawSocket):
    """A socket that reports each OnUserStatus."""

    def __init__(self, request: bytes, learned: Callable[[str, bool], None]) -> None:
        super().__init__(request)
        self._learned = learned
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def received(self, text: bytes) -> None:
        if b'"OnUserStatus"' not in text and b'"ack"' not in text:
            return
        frames = json.loads(text)
        for frame in frames if isinstance(frames, list) else [frames]:
            if frame["event"] == "OnUserStatus":
                self._learned(frame["data"]["userId"], frame["data"]["online"])
            elif frame["event"] == "ack" and not self.answered.done():
                self.answered.set_result(None)


class Watch:
    """When each of the watchers learned of the expected change."""

    def __init__(self, watchers: int) -> None:
        self._watchers = watchers
        self._expected: tuple[str, bool] | None = None
        self._times: list[float] = []
        self._all = asyncio.Event()

    def learned(self, user_id: str, online: bool) -> None:
        if (user_id, online) == self._expected:
            self._times.append(time.perf_counter())
            if len(self._times) == self._watchers:
                self._all.set()

    def expect(self, user_id: str, *, online: bool) -> None:
        self._expected, self._times = (user_id, online), []
        self._all.clear()

    async def all_learned(self, began: float) -> list[float]:
        """Milliseconds from `began` until each of them knew."""
        async with asyncio.timeout(LEARN_TIMEOUT_SECONDS):
            await self._all.wait()
        return [(at - began) * 1000 for at in self._times]


class SlowQueries(threading.Thread):
    """Runs queries of about `seconds` each on the served chat's database, one after the other."""

    def __init__(self, database: Path, seconds: float) -> None:
        super().__init__(daemon=True)
        self._path, self._seconds = database, seconds
        self.count = 0
        self.done = threading.Event()

    def run(self) -> None:
        query = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT sum(i) FROM n"
        with sqlite3.connect(self._path, isolation_level=None) as database:
            steps = 2_000_000
            while not self.done.is_set():
                began = time.perf_counter()
                database.execute("BEGIN")
                database.execute("SELECT count(*) FROM accounts_user").fetchone()
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


async def watch(port: int, people: list[Person], watchers: int, changes: int) -> Times:
    """Milliseconds until each watcher learned of each change, by what happened."""
    seen = Watch(watchers)

    def socket(person: Person) -> Callable[[], sockets.RawSocket]:
        return lambda: Watcher(sockets.chat_handshake(port, person.token), seen.learned)

    watched = people[watchers:]
    connected = await sockets.connect(port, [socket(one) for one in people[:watchers]], at_once=50)
    question = {"event": "EmitWatchPresence", "data": {"userIds": [one.id for one in watched]}, "ack": 1}
    for one in connected:
        one.send(json.dumps(question))
    await asyncio.gather(*(one.answered for one in connected if isinstance(one, Watcher)))
    times: Times = {"connects": [], "hides": [], f"leaves, less {GRACE_SECONDS} s of grace": []}
    connects, hides, leaves = times.values()
    for number in range(changes):
        await asyncio.sleep(0.3)
        person = watched[number % len(watched)]
        seen.expect(person.id, online=True)
        began = time.perf_counter()
        (theirs,) = await sockets.connect(port, [socket(person)], at_once=1)
        connects += await seen.all_learned(began)
        seen.expect(person.id, online=False)
        began = time.perf_counter()
        if number % 2:
            await asyncio.to_thread(patch_me, port, person.token, False)
            hides += await seen.all_learned(began)
            theirs.transport.close()
            await asyncio.to_thread(patch_me, port, person.token, True)
        else:
            theirs.transport.close()
            leaves += [one - 1000 * GRACE_SECONDS for one in await seen.all_learned(began)]
    for one in connected:
        one.transport.abort()
    return times


def watched_changes(installation: Installation, *, watchers: int, changes: int, query: float) -> Times:
    """Percentiles of `watch` while slow queries run."""
    with installation.serving() as server:
        slow = SlowQueries(installation.folder / "data" / "chat.sqlite3", query)
        slow.start()
        times = uvloop.run(watch(server.port, installation.people, watchers, changes))
        slow.done.set()
        slow.join()
    print(f"{watchers:,} watchers, {slow.count} queries of about {query} s", flush=True)
    percentiles = {what: statistics.quantiles(found, n=100) for what, found in times.items() if found}
    return {
        f"{watchers:,} watchers learn that a person {what}, {name}": [found[index]]
        for what, found in percentiles.items()
        for name, index in (("half of them within", 49), ("99 of 100 within", 98))
    }


def main() -> None:
    chosen = _chosen()
    processes.allow_open_files()
    times: Times = {}
    with (
        installations([HERE], chosen.watchers + 10, []) as (installation,),
        processes.redis_server() as (port, process),
    ):
        os.environ.update(installation.environment(f"redis://127.0.0.1:{port}/0"))
        import django

        django.setup()
        for _ in range(chosen.rounds):
            with redis.Redis(port=port) as connection:
                connection.flushall()
            crowd = Crowd(chosen.people, port, process)
            uvloop.run(with_hub(crowd.work, crowd.times))
            more = watched_changes(
                installation, watchers=chosen.watchers, changes=chosen.changes, query=chosen.query
            )  # fmt: skip
            for what, found in {**crowd.times, **more}.items():
                is_worst = what.startswith("longest")
                times.setdefault(what, []).append(max(found) if is_worst else statistics.median(found))
    lines = [
        about(rounds=chosen.rounds)
        + f" {chosen.people:,} people in {SOCKETS_PER_PROCESS:,} per process, {PROCESSES_AT_ONCE} processes at a time;"
        f" queries of {chosen.query} s beside the watchers.\n",
        "| | ms |",
        "|---|---|",
        *(f"| {what} | {statistics.median(found):,.0f} |" for what, found in times.items()),
    ]
    print("\n".join(lines))
    if chosen.write:
        write_section(SECTION, "\n".join(lines))


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--watchers", type=int, default=1000)
    parser.add_argument("--changes", type=int, default=20)
    parser.add_argument("--query", type=float, default=0.3, help="seconds that each database query takes")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
