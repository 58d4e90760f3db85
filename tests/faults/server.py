"""A server to break: `manage.py serve`, with access to its Redis, workers and database."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from base64 import b64decode
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from uuid import UUID

import httpx
import redis

from chatproject.core.redis.address import connection_pool
from chatproject.core.sealing import KeyRing
from chatproject.core.sealing.texts import SEALED
from chatproject.core.sealing.wrapping import unwrap
from tests import databases, ports

ROOT = Path(__file__).resolve().parents[2]
#: Seconds a server may take to start on a busy machine.
START = 240.0
#: Seconds it may take to end there: its workers have 12, and then its Redis ends.
END = 60.0
#: Servers that start at once; more would only wait for each other.
_STARTING = threading.BoundedSemaphore(2)
#: Bytes of memory at which a faulty server fails, instead of the machine.
MEMORY = 8 * 1024**3
#: Rate limits that are on, but too high to be reached.
RATES = (
    "RATE_MESSAGES",
    "RATE_CHAT_MESSAGES",
    "RATE_ACTIONS",
    "RATE_SIGNUPS",
    "RATE_SIGNINS",
    "RATE_SIGNIN_FAILURES",
    "RATE_CONNECTIONS",
)

#: The state of a connection in /proc/net/tcp.
ESTABLISHED = "01"

_KEY = "0123456789abcdef0123456789abcdef"

#: seq, id, clientId, content
Row = tuple[int, str, str, str]


class Server:
    """`manage.py serve` on a folder and a port of its own. It may die and start again."""

    def __init__(self, folder: Path, *, files: int = 0, **environment: str) -> None:
        """`files`: as many may be open at the same time; 0: as many as the system allows."""
        folder.mkdir(exist_ok=True)
        self._files, self._given = files, environment
        self.port = ports.lease()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data = folder / "data"
        self.database = databases.of(self.data)
        self.log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        # Without the caller's environment: its limits, DATA_DIR and databases must not apply here.
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ},
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "PORT": str(self.port),
            "DATA_DIR": str(self.data),
            "MEDIA_ROOT": str(folder / "media"),
            **({} if "DATABASE_URL" in environment else self.database.settings),
            "ENCRYPTION_KEY": _KEY,  # several may share a database
            **dict.fromkeys(RATES, "100000/s"),
            **environment,
        }

    # From start to end ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with _STARTING:
            self._start()

    def _start(self) -> None:
        with self.log.open("ab") as log:
            command = [sys.executable, "manage.py", "serve"]
            self._process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        resource.prlimit(self.pid, resource.RLIMIT_AS, (MEMORY, MEMORY))
        if self._files:
            resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (self._files, self._files))
        give_up = time.monotonic() + START
        while time.monotonic() < give_up and self._process.poll() is None:
            if self.is_well():
                return
            time.sleep(0.02)
        raise AssertionError(f"The server does not start:\n{self.log.read_text()[-5000:]}")

    def is_well(self) -> bool:
        """Whether /healthz reports that everything works."""
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/healthz", trust_env=False, timeout=START).status_code == 200
        return False

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int | None:
        """Stop it with SIGTERM; return its exit code, or None if it did not run."""
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int | None:
        if self._process is None:
            return None
        process, self._process = self._process, None
        process.send_signal(how)
        try:
            return process.wait(END)
        finally:
            process.kill()
            process.wait()

    def manage(self, *command: str) -> str:
        """The output of a command of manage.py."""
        asked = [sys.executable, "manage.py", *command]
        return subprocess.run(asked, cwd=ROOT, env=self.environment, check=True, capture_output=True, text=True).stdout

    def memory(self) -> int:
        """Bytes of memory in use by its processes."""
        pages = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize()

    def connected_ports(self) -> set[int]:
        """The clients' ports of its open connections, without those that only the kernel still has."""
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        ends = [
            [int(address.rpartition(":")[2], 16) for address in line[1:3]] for line in lines if line[3] == ESTABLISHED
        ]
        return {theirs for ours, theirs in ends if ours == self.port}

    def worker_of(self, port: int) -> int:
        """The worker that holds the connection from a client's port; 0 for none."""
        ends = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        inodes = {
            f"socket:[{end[9]}]"
            for end in ends
            if [int(address.rpartition(":")[2], 16) for address in end[1:3]] == [self.port, port]
        }
        for pid in self.worker_pids():
            with suppress(FileNotFoundError, ProcessLookupError):
                if any(str(fd.readlink()) in inodes for fd in Path(f"/proc/{pid}/fd").iterdir()):
                    return pid
        return 0

    def worker_pids(self) -> set[int]:
        """The worker processes."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        children = {pid for task in tasks for pid in _what_is_left_of(task / "children").split()}
        return {int(pid) for pid in children if "--worker" in _what_is_left_of(Path(f"/proc/{pid}/cmdline"))}

    # Redis ------------------------------------------------------------------------------------------------------------

    @property
    def redis_url(self) -> str:
        return self.environment.get("REDIS_URL") or f"unix://{self.data}/redis/redis.sock"

    @property
    def redis_pid(self) -> int:
        while not (pid := (self.data / "redis" / "redis.pid").read_text()):  # one that starts has just emptied it
            time.sleep(0.01)
        return int(pid)

    def redis(self) -> redis.Redis:
        """A Redis client, as an operator would use it."""
        pool = connection_pool(self.redis_url, decode_responses=True, socket_timeout=5)
        return redis.Redis(connection_pool=pool)

    def hears(self, *topics: str) -> bool:
        """Whether a process is subscribed to each of these topics' groups."""
        with self.redis() as connection, suppress(redis.ConnectionError):
            return all(connection.pubsub_channels(f"*__group__{topic}") for topic in topics)
        return False

    def empty_redis(self) -> None:
        """Kill Redis and delete its files: it comes back empty."""
        shutil.rmtree(self.data / "redis" / "appendonlydir")
        os.kill(self.redis_pid, signal.SIGKILL)

    # The database -----------------------------------------------------------------------------------------------------

    @property
    def database_url(self) -> str:
        return self.database.url

    def prepare(self, prepared: Path) -> None:
        """Copy the DATA_DIR and the database of a server that was started before."""
        shutil.copytree(prepared, self.data)
        if "DATABASE_URL" not in self._given:
            self.database.become(prepared)

    def locked(self) -> AbstractContextManager[None]:
        """Lock the database, as a process does that begins a write and does not go on."""
        return self.database.locked()

    def rows(self) -> dict[str, list[Row]]:
        """Every message in the database, by room and in order."""
        rooms: dict[str, list[Row]] = {}
        ring = self._ring()
        columns = "room_id, seq, _id, client_id, content"
        for room, *row in self.database.rows(f"SELECT {columns} FROM messaging_message ORDER BY room_id, seq"):
            seq, pk, client_id, content = row
            message = UUID(str(pk))
            context = b"messaging_message.content:" + message.bytes
            rooms.setdefault(str(room), []).append((seq, str(message), client_id, _opened(ring, content, context)))
        return rooms

    def opened(self, text: str, context: bytes) -> str:
        """A text that is encrypted in the database or in Redis."""
        return _opened(self._ring(), text, context)

    def _ring(self) -> KeyRing:
        wrapped = self.database.rows("SELECT _id, wrapped FROM core_datakey")
        keys = {number: unwrap(bytes(key), number, _KEY.encode()) for number, key in wrapped}
        return KeyRing({number: key for number, key in keys.items() if key is not None})


def _opened(ring: KeyRing, text: str, context: bytes) -> str:
    assert text.startswith(SEALED)
    return ring.open(b64decode(text.removeprefix(SEALED)), context).decode()


def _what_is_left_of(path: Path) -> str:
    """A file of /proc; empty if its process has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return path.read_text()
    return ""
