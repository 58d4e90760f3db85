"""The other servers, each in processes of its own. Their programs are in bench/peers."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.harness import processes
from bench.harness.checkouts import Installation
from bench.harness.frames import SOCKETIO_GROUP_FRAME, SOCKETIO_HELLO, SOCKETIO_PRIVATE_FRAME
from bench.harness.servers import Server

PEERS = processes.ROOT / "bench" / "peers"
#: The peer that ratios are given to.
REFERENCE = "socket.io"

SOCKETIO_PATH = "/socket.io/?EIO=4&transport=websocket"
_SOCKETIO = {"kind": "socketio", "path": SOCKETIO_PATH}
_PLAIN = {"kind": "plain", "path": "/ws/chat/ROOM/"}

Begin = Callable[[], AbstractContextManager[Server]]


def _node(script: str, *words: object) -> list[str]:
    binary = shutil.which("node")
    if binary is None:
        sys.exit("bench: needs Node.js (Debian: apt install nodejs npm)")
    if not (PEERS / "node_modules").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=PEERS, check=True)
    return [binary, str(PEERS / script), *map(str, words)]


def _python(script: str, *words: object) -> list[str]:
    return [sys.executable, str(PEERS / script), *map(str, words)]


@contextmanager
def _served(
    command: Callable[[int, int], list[str]], *, count: int = 1, needs_redis: bool = True, **more: Any
) -> Iterator[Server]:
    """`count` processes of `command(port, redis_port)` with a port each and one Redis."""
    with ExitStack() as stack:
        redis_port, redis = stack.enter_context(processes.redis_server()) if needs_redis else (0, 0)
        ports, started = [], []
        for _ in range(count):
            port = processes.free_port()
            is_up = _accepting(port)
            started.append(stack.enter_context(processes.running(command(port, redis_port), is_up=is_up)))
            ports.append(port)
        stores = [redis] if needs_redis else []
        yield Server(ports=ports, processes=started, stores=stores, redis_port=redis_port, **more)


def _accepting(port: int) -> Callable[[], bool]:
    return lambda: processes.accepts(port)


# Relays: they store nothing and ask nobody who they are ---------------------------------------------------------------


def socketio(count: int = 1) -> AbstractContextManager[Server]:
    """Socket.IO 4 with its Redis adapter, in `count` processes."""
    return _served(lambda port, redis: _node("socketio.js", port, redis), count=count, options=_SOCKETIO)


def socketio_idle(people: int, rooms: int, rooms_each: int) -> AbstractContextManager[Server]:
    """Socket.IO 4 with its Redis adapter; clients name a person and join that person's rooms."""
    return _served(lambda port, redis: _node("idle.js", port, redis, people, rooms, rooms_each))


def _python_socketio() -> AbstractContextManager[Server]:
    return _served(lambda port, redis: _python("python_socketio.py", port, redis), options=_SOCKETIO)


def _channels_tutorial() -> AbstractContextManager[Server]:
    return _served(lambda port, redis: _python("tutorial.py", port, redis), options=_PLAIN)


def _ws() -> AbstractContextManager[Server]:
    return _served(lambda port, _: _node("ws.js", port), needs_redis=False, options=_PLAIN)


@contextmanager
def _nats() -> Iterator[Server]:
    binary = shutil.which("nats-server")
    if binary is None:
        sys.exit("bench: needs nats-server (Debian: apt install nats-server), or --only without it")
    port = processes.free_port()
    ports = {"NATS_PORT": str(processes.free_port()), "NATS_SOCKETS_PORT": str(port)}
    command = [binary, "-c", str(PEERS / "nats.conf")]
    with processes.running(command, is_up=_accepting(port), variables=ports) as process:
        yield Server(ports=[port], processes=[process], options={"kind": "nats"})


RELAYS: dict[str, Begin] = {
    REFERENCE: socketio,
    "python-socketio": _python_socketio,
    "channels tutorial": _channels_tutorial,
    "ws": _ws,
    "nats-server": _nats,
}


# Peers that store: they know the installation's people and groups -----------------------------------------------------


@contextmanager
def original(installation: Installation) -> Iterator[Server]:
    """The original's whole work: stores, counts per member in Redis, tells each member."""
    with (
        _database(installation) as path,
        _served(
            lambda port, redis: _node("original.js", port, redis, path),
            people=installation.people_file,
            options={
                "kind": "original", "path": SOCKETIO_PATH, "hello": SOCKETIO_HELLO,
                "group_frame": SOCKETIO_GROUP_FRAME, "private_frame": SOCKETIO_PRIVATE_FRAME,
            },
        ) as server,
    ):  # fmt: skip
        yield server


@contextmanager
def express(installation: Installation, synchronous: str) -> Iterator[Server]:
    """Express with better-sqlite3: the token, the membership, one row in its own transaction."""
    with (
        _database(installation) as path,
        _served(
            lambda port, _: _node("express.js", port, path, synchronous),
            needs_redis=False,
            people=installation.people_file,
        ) as server,
    ):
        yield server


@contextmanager
def _database(installation: Installation) -> Iterator[Path]:
    """A SQLite database with the installation's people and groups, as the peers look them up."""
    path = installation.folder / "peer.sqlite3"
    database = sqlite3.connect(path)
    with database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE people (token TEXT PRIMARY KEY, id TEXT NOT NULL, name TEXT NOT NULL)")
        database.execute("CREATE TABLE groups (id TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID")
        database.execute("CREATE TABLE members (room TEXT, person TEXT, PRIMARY KEY (room, person)) WITHOUT ROWID")
        people = [(one.token, one.id, one.name) for one in installation.people]
        database.executemany("INSERT INTO people VALUES (?, ?, ?)", people)
        for room, members in installation.groups.items():
            database.execute("INSERT INTO groups VALUES (?, ?)", (room, f"Group of {len(members)}"))
            database.executemany("INSERT INTO members VALUES (?, ?)", [(room, one.id) for one in members])
    database.close()
    try:
        yield path
    finally:
        for file in installation.folder.glob("peer.sqlite3*"):
            file.unlink()
