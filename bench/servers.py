"""The chat and those it is measured beside: each started in its own process, and ended with the measurement."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chatproject.core.checks import RATES

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
PEERS = BENCH / "peers"
#: Everyone may do as much as he can: limits are on, and high.
UNLIMITED = dict.fromkeys(RATES, "1000000/1s")
#: Seconds for a server to start.
PATIENCE = 60


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"{process.args!r} did not start")


@contextmanager
def running(command: list[str], port: int, env: dict[str, str] | None = None) -> Iterator[int]:
    """A server on `port`; gives its process id."""
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **(env or {})}, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        wait_for(port, process)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def redis_server() -> Iterator[tuple[int, int]]:
    """A Redis of our own, without persistence; its port and process id."""
    binary = shutil.which("valkey-server") or shutil.which("redis-server")
    if binary is None:
        sys.exit("bench: needs redis-server or valkey-server (Debian: apt install redis-server)")
    port = free_port()
    command = [binary, "--port", str(port), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"]
    with running(command, port) as pid:
        yield port, pid


@dataclass(frozen=True)
class Server:
    """One that runs, as the load generator is told of it."""

    port: int
    pids: list[int]
    store_pids: list[int]
    options: dict[str, Any] = field(default_factory=dict)


class Installation:
    """The chat with people in it, in a folder that goes with it."""

    def __init__(self, people: int, groups: list[int], **more: int | str) -> None:
        """`more` is what else bench/fill.py can make."""
        self.folder = Path(tempfile.mkdtemp(prefix="chat-bench-"))
        words = [*map(str, groups), *(f"{name}={value}" for name, value in more.items())]
        env = {**os.environ, **self.environment(0)}
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=env, check=True)
        command = [sys.executable, "bench/fill.py", str(self.folder), str(people), *words]
        subprocess.run(command, cwd=ROOT, env=env, check=True)

    def environment(self, redis_port: int) -> dict[str, str]:
        return {
            **UNLIMITED,
            "DATA_DIR": str(self.folder / "data"),
            "MEDIA_ROOT": str(self.folder / "media"),
            "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
            "LOG_LEVEL": "WARNING",
        }

    @contextmanager
    def serving(self, **settings: str) -> Iterator[Server]:
        with redis_server() as (redis_port, redis_pid):
            port = free_port()
            env = {**self.environment(redis_port), "PORT": str(port), **settings}
            with running([sys.executable, "manage.py", "serve"], port, env) as pid:
                yield Server(port, [pid], [redis_pid])

    def people(self, name: str) -> str:
        """The file of those who belong to a group, or to the pairs."""
        return str(self.folder / name)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


# Peers ----------------------------------------------------------------------------------------------------------------


def node(script: str, *words: str) -> list[str]:
    binary = shutil.which("node")
    if binary is None:
        sys.exit("bench: needs Node.js (Debian: apt install nodejs npm)")
    if not (PEERS / "node_modules").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=PEERS, check=True)
    return [binary, str(PEERS / script), *words]


@contextmanager
def with_redis(command: Callable[[int, int], list[str]], **options: Any) -> Iterator[Server]:
    with redis_server() as (redis_port, redis_pid):
        port = free_port()
        with running(command(port, redis_port), port) as pid:
            yield Server(port, [pid], [redis_pid], options)


@contextmanager
def alone(command: Callable[[int], list[str]], **options: Any) -> Iterator[Server]:
    port = free_port()
    with running(command(port), port) as pid:
        yield Server(port, [pid], [], options)


@contextmanager
def nats() -> Iterator[Server]:
    binary = shutil.which("nats-server")
    if binary is None:
        sys.exit("bench: needs nats-server (Debian: apt install nats-server)")
    ports = {"NATS_PORT": str(free_port()), "NATS_SOCKETS_PORT": str(free_port())}
    port = int(ports["NATS_SOCKETS_PORT"])
    with running([binary, "-c", str(PEERS / "nats.conf")], port, ports) as pid:
        yield Server(port, [pid], [], {"kind": "nats"})


@contextmanager
def express(installation: Installation, synchronous: str) -> Iterator[Server]:
    """Express with better-sqlite3, with the installation's people and groups."""
    path = installation.folder / f"express-{synchronous}.sqlite3"
    given = json.loads((installation.folder / "people.json").read_text())
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE people (token TEXT PRIMARY KEY, id TEXT NOT NULL, name TEXT NOT NULL)")
        database.execute("CREATE TABLE members (room TEXT, person TEXT, PRIMARY KEY (room, person)) WITHOUT ROWID")
        database.executemany("INSERT INTO people VALUES (:token, :id, :name)", given["people"])
        database.executemany(
            "INSERT INTO members VALUES (?, ?)",
            [(group["room"], one["id"]) for group in given["groups"] for one in given["people"][: group["size"]]],
        )
    database.close()
    with ExitStack() as stack:
        stack.callback(path.unlink)
        yield stack.enter_context(alone(lambda port: node("express.js", str(port), str(path), synchronous)))


SOCKETIO = {"kind": "socketio", "path": "/socket.io/?EIO=4&transport=websocket"}
PLAIN = {"kind": "plain", "path": "/ws/chat/ROOM/"}

#: Name → how to start it. All but ours store nothing and ask nobody who he is.
RELAYS: dict[str, Callable[[], Any]] = {
    "socket.io": lambda: with_redis(lambda port, redis: node("socketio.js", str(port), str(redis)), **SOCKETIO),
    "python-socketio": lambda: with_redis(
        lambda port, redis: [sys.executable, str(PEERS / "python_socketio.py"), str(port), str(redis)], **SOCKETIO
    ),
    "channels tutorial": lambda: with_redis(
        lambda port, redis: [sys.executable, str(PEERS / "tutorial.py"), str(port), str(redis)], **PLAIN
    ),
    "ws": lambda: alone(lambda port: node("ws.js", str(port)), **PLAIN),
    "nats-server": nats,
}
