"""What the measurements of sockets share: people who exist without having signed up, `manage.py serve`, raw sockets."""

import asyncio
import base64
import hashlib
import os
import resource
import secrets
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatproject.core.checks import RATES

ROOT = Path(__file__).resolve().parents[1]
TICKS = os.sysconf("SC_CLK_TCK")


def allow_files(count: int = 20_000) -> None:
    """Sockets are files; a process may often open only a thousand."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = count if hard == resource.RLIM_INFINITY else min(count, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


# People ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Someone:
    id: str
    token: str


@contextmanager
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="chat-bench-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def environment(data: Path, port: int) -> dict[str, str]:
    """Of whoever measures, nothing: his settings are not the measurement's."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {
        **kept,
        **dict.fromkeys(RATES, "1000000/s"),
        "DJANGO_SETTINGS_MODULE": "chatproject.settings",
        "DATA_DIR": str(data),
        "MEDIA_ROOT": str(data / "media"),
        "PORT": str(port),
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
    }


def settle(data: Path, port: int, *, people: int, rooms: int = 0, rooms_each: int = 0) -> list[Someone]:
    """Fill a fresh installation: people with a token each, the n-th in `rooms_each` rooms from n * rooms_each on.

    It is written straight into the database: nobody's password is hashed. Once per process: Django has one database.
    """
    sys.path.insert(0, str(ROOT))
    os.environ.update(environment(data, port))
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections, transaction

    from accounts.models import Device, User
    from chatproject.core import times
    from groups.models import Membership, Room

    call_command("migrate", verbosity=0)
    tokens = [secrets.token_urlsafe(32) for _ in range(people)]
    everyone = [User(name=f"person {number}", name_key=f"person {number}") for number in range(people)]
    end = times.now() + Device.lifetime()
    hashes = [hashlib.sha256(token.encode()).hexdigest() for token in tokens]
    devices = [
        Device(user=user, kind=Device.TOKEN, token_hash=digest, expires_at=end)
        for user, digest in zip(everyone, hashes, strict=True)
    ]
    groups = [
        Room(kind=Room.Kind.GROUP, name=f"room {number}", member_count=people * rooms_each // rooms, last_version=1)
        for number in range(rooms)
    ]
    seats = [
        Membership(user=user, room=groups[(number * rooms_each + place) % rooms])
        for number, user in enumerate(everyone)
        for place in range(rooms_each)
    ]
    with transaction.atomic():
        for model, rows in ((User, everyone), (Device, devices), (Room, groups), (Membership, seats)):
            model.objects.bulk_create(rows, batch_size=1000)
    connections.close_all()
    return [Someone(str(user.pk), token) for user, token in zip(everyone, tokens, strict=True)]


# Servers --------------------------------------------------------------------------------------------------------------


@contextmanager
def running(command: list[str], *, env: dict[str, str], is_up: Callable[[], bool], log: Path) -> Iterator[int]:
    """A program from when it answers; its process id."""
    with log.open("ab") as file, subprocess.Popen(command, cwd=ROOT, env=env, stdout=file, stderr=file) as process:
        try:
            give_up = time.monotonic() + 60
            while not is_up():
                if process.poll() is not None or time.monotonic() > give_up:
                    raise RuntimeError(f"{command} does not start:\n{log.read_text()[-3000:]}")
                time.sleep(0.05)
            yield process.pid
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()


@contextmanager
def chat(data: Path, port: int, **more: str) -> Iterator[int]:
    """`manage.py serve`, as anybody starts it."""

    def is_up() -> bool:
        with suppress(OSError):
            return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).status == 200)
        return False

    env = {**environment(data, port), **more}
    with running([sys.executable, "manage.py", "serve"], env=env, is_up=is_up, log=data / "log") as process:
        yield process


@contextmanager
def node(script: Path, *arguments: str, log: Path) -> Iterator[int]:
    is_ready = lambda: log.exists() and "ready" in log.read_text()  # noqa: E731
    # The packages may be installed elsewhere: NODE_PATH.
    env = {name: os.environ[name] for name in ("PATH", "HOME", "NODE_PATH") if name in os.environ}
    with running(["node", str(script), *arguments], env=env, is_up=is_ready, log=log) as process:
        yield process


def cpu(process: int) -> float:
    """Seconds of CPU a process has had."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss(process: int) -> int:
    """KiB of memory a process has."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise ValueError(process)


def redis_of(server: int) -> int:
    """The process of a chat's embedded Redis."""
    waiting = [server]
    while waiting:
        process = waiting.pop()
        with suppress(OSError):
            if Path(f"/proc/{process}/comm").read_text().strip() in ("valkey-server", "redis-server"):
                return process
            for thread in Path(f"/proc/{process}/task").iterdir():
                waiting += map(int, (thread / "children").read_text().split())
    raise ValueError(server)


# Sockets --------------------------------------------------------------------------------------------------------------


class RawSocket(asyncio.Protocol):
    """A WebSocket client with as little work of its own as possible. `opened` is done after the handshake."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._waiting = b""
        self._is_open = False
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("closed before it was open"))
        self.lost()

    def data_received(self, data: bytes) -> None:
        data = self._waiting + data
        if not self._is_open:
            head, ended, data_after = data.partition(b"\r\n\r\n")
            if not ended:
                self._waiting = data
                return
            if b" 101 " not in head[:16]:
                self.opened.set_exception(ConnectionError(head.decode("latin-1")))
                self.transport.close()
                return
            self._is_open, data = True, data_after
            self.handshaken()
        place = 0
        while (end := self._frame(data, place)) > place:
            place = end
        self._waiting = data[place:]

    def _frame(self, data: bytes, start: int) -> int:
        """Take the frame that begins at `start`; where it ends, or `start` when it is not all there."""
        if len(data) < start + 2:
            return start
        size, body = data[start + 1] & 127, start + 2
        if size >= 126:
            width = 2 if size == 126 else 8
            if len(data) < body + width:
                return start
            size = int.from_bytes(data[body : body + width])
            body += width
        end = body + size
        if len(data) < end:
            return start
        opcode = data[start] & 15
        if opcode == 9:
            self.write(10, data[body:end])
        elif opcode == 1:
            self.heard(data[body:end])
        elif opcode == 8:
            self.transport.close()
        return end

    def write(self, opcode: int, payload: bytes) -> None:
        """A masked frame; the mask is zero, which costs nothing and changes nothing."""
        size = len(payload)
        head = bytes((128 | opcode, 128 | size)) if size < 126 else struct.pack("!BBH", 128 | opcode, 128 | 126, size)
        self.transport.write(head + bytes(4) + payload)

    def say(self, text: str) -> None:
        self.write(1, text.encode())

    def handshaken(self) -> None:
        if not self.opened.done():
            self.opened.set_result(None)

    def heard(self, text: bytes) -> None:
        """A text frame came."""

    def lost(self) -> None:
        """The connection is gone."""


def handshake(port: int, path: str, *headers: str) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", *headers,
    ]  # fmt: skip
    return "\r\n".join((*lines, "", "")).encode()


async def connect(port: int, makes: list[Callable[[], RawSocket]], *, at_once: int) -> list[RawSocket]:
    """Open sockets, `at_once` of them under way at any time."""
    loop = asyncio.get_running_loop()
    turns = asyncio.Semaphore(at_once)

    async def one(make: Callable[[], RawSocket]) -> RawSocket:
        async with turns:
            _, socket = await loop.create_connection(make, "127.0.0.1", port)
            await socket.opened
            return socket

    return list(await asyncio.gather(*map(one, makes)))
