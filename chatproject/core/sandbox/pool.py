"""The sandbox: work on untrusted files in worker processes with limits and without access to
anything else.

A worker that crashes does not affect us. At most `WORKERS` jobs run at a time in one process of the
chat, and one quick one beside them; further jobs wait, and next is whose owner had the least work done
lately.
"""

import atexit
import io
import json
import logging
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from chatproject.core.errors import Busy
from chatproject.core.sandbox.turns import Turns
from chatproject.core.sandbox.worker import Refused

__all__ = ["Limits", "Refused", "close", "run"]

log = logging.getLogger(__name__)

WORKERS = 2
#: Seconds a caller waits for a worker before it gets Busy.
QUEUE_TIMEOUT_SECONDS = 30.0
#: Seconds a worker may take beyond its job's limit: it may have to start and import modules.
START_TIMEOUT_SECONDS = 15.0

_ROOT = Path(__file__).parents[3]
#: The variables that a worker gets of our environment, which contains secrets.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG")
_MIB = 1024 * 1024
#: Bytes that are copied at once.
_PIECE_BYTES = _MIB


class Written(Protocol):
    """A file that a job writes from its start."""

    def write(self, content: bytes, /) -> int: ...

    def fileno(self) -> int: ...

    def discard(self) -> None:
        """Forget what was written: it can be written again."""


@dataclass(frozen=True)
class Limits:
    """What a job may use. A job that uses more is killed, and refused with the code in brackets."""

    cpu: int  # seconds of processor [time]
    seconds: float  # elapsed [time]: far above `cpu`, because the chat has priority
    memory: int = 512 * _MIB  # bytes above those of an idle worker [memory]
    size: int = 32 * _MIB  # bytes of each file it writes [size]


def run(
    function: str,
    *,
    reads: IO[bytes],
    writes: Sequence[Written] = (),
    limits: Limits,
    by: str = "",
    is_quick: bool = False,
    wait: float = QUEUE_TIMEOUT_SECONDS,
    **arguments: Any,
) -> dict[str, Any]:
    """Call `package.module:function` in a worker, with an open file to read, and return its answer.

    `by` is whose job it is. A job that `is_quick` has limits of a moment, and never waits for one
    that is not.

    The function gets the open files `reads`, from its start, and `writes`, which it may write and read, and
    the `arguments`. Arguments and answer must be JSON; the answer is as trustworthy as the file. `writes`
    are discarded if there is no answer. Files without a descriptor, such as sealed ones, are in memory for the
    worker while it has them.

    Raises Refused; Busy if no worker is free within `wait` seconds, or none can be started; OSError if the
    disk is full. Blocks, and may be called on any number of threads.
    """
    module, _colon, name = function.partition(":")
    job = {
        "module": module,
        "function": name,
        "limits": asdict(limits),
        "arguments": arguments,
    }
    turns = _quick_turns if is_quick else _turns
    turn = turns.wait(by, wait)
    if turn is None:
        raise Busy(retry_after=5)
    try:
        line = json.dumps(job).encode() + b"\n"
        with _descriptors(reads, writes) as descriptors:
            answer = _ask(line, descriptors, limits.seconds + START_TIMEOUT_SECONDS)
            result = _result(function, answer)
    except BaseException:
        for one in writes:
            one.discard()
        raise
    finally:
        turns.leave(turn)
    return result


def _result(function: str, answer: dict[str, Any]) -> dict[str, Any]:
    if isinstance(number := answer.get("trouble"), int):
        raise OSError(number, os.strerror(number))
    result = answer.get("result")
    if not isinstance(result, dict):
        code = str(answer.get("refused", "crash"))
        if code == "crash":
            log.warning("sandbox: %s ended without a result: %r", function, answer)
        raise Refused(code)
    return result


# Files ----------------------------------------------------------------------------------------------------------------


@contextmanager
def _descriptors(reads: IO[bytes], writes: Sequence[Written]) -> Iterator[list[int]]:
    """Descriptors of a job's files. What was written without one is copied to its file at the end."""
    with ExitStack() as opened:
        made: list[tuple[int, Written]] = []
        descriptors = [_read_only(reads, opened)]
        for one in writes:
            try:
                descriptors.append(one.fileno())
            except io.UnsupportedOperation:
                memory = _in_memory(opened)
                descriptors.append(memory)
                made.append((memory, one))
        yield descriptors
        for memory, one in made:
            _copy_out(memory, one)


def _read_only(file: IO[bytes], opened: ExitStack) -> int:
    """A descriptor to read a file with, where the system can: the job's function has seen untrusted bytes."""
    try:
        descriptor = file.fileno()
    except io.UnsupportedOperation:
        descriptor = _in_memory(opened)
        file.seek(0)
        while piece := file.read(_PIECE_BYTES):
            _write_all(descriptor, piece)
    if sys.platform == "linux":
        descriptor = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)
        opened.callback(os.close, descriptor)
    return descriptor


def _in_memory(opened: ExitStack) -> int:
    """A file in memory; on systems that have none, one without a name."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("sandbox", os.MFD_CLOEXEC)
        opened.callback(os.close, descriptor)
        return descriptor
    return opened.enter_context(tempfile.TemporaryFile(buffering=0)).fileno()


def _write_all(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def _copy_out(memory: int, to: Written) -> None:
    at = 0
    while piece := os.pread(memory, _PIECE_BYTES, at):
        to.write(piece)
        at += len(piece)


# Workers --------------------------------------------------------------------------------------------------------------

_turns, _quick_turns = Turns(WORKERS), Turns(1)
#: Workers without a job. The last one is taken first, so that another is started only if it is
#: needed.
_idle: list["_Worker"] = []


def close() -> None:
    """End the idle workers; the next job starts one.

    Workers of a killed process end by themselves.
    """
    while _idle:
        _idle.pop().end()


atexit.register(close)


class _Gone(Exception):
    """The worker ended, or does not answer."""


def _ask(line: bytes, descriptors: list[int], seconds: float) -> dict[str, Any]:
    give_up = time.monotonic() + seconds
    for is_last_try in (False, True):
        try:
            worker = _idle.pop()
        except IndexError:
            worker = _Worker()
        try:
            answer = worker.ask(line, descriptors, give_up)
        except _Gone as gone:
            worker.end()
            # An idle worker may have been killed, for instance by the system for its memory. A job
            # cannot kill its worker, so a second failure is a problem of ours.
            if is_last_try or time.monotonic() > give_up:
                log.error("sandbox: no worker can be started: %s", gone)
                raise Busy() from gone
        except BaseException:
            worker.end()
            raise
        else:
            _idle.append(worker)
            return answer
    raise AssertionError


class _Worker:
    """A worker process, seen from the chat; `worker.main` runs in it."""

    def __init__(self) -> None:
        self._jobs, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", "from chatproject.core.sandbox.worker import main; main()"],
                cwd=_ROOT,
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                stdin=theirs.fileno(),
                stdout=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,  # Ctrl-C is for the chat; a worker ends with it
            )

    def ask(self, line: bytes, descriptors: list[int], give_up: float) -> dict[str, Any]:
        answers = self._process.stdout
        assert answers is not None
        received = bytearray()
        poll = select.poll()
        poll.register(answers, select.POLLIN)
        try:
            sent = socket.send_fds(self._jobs, [line], descriptors)
            self._jobs.sendall(line[sent:])
            while not received.endswith(b"\n"):
                if not poll.poll(max(0.0, give_up - time.monotonic()) * 1000):
                    raise _Gone("no answer")
                piece = answers.read(64 * 1024)
                if not piece:
                    raise _Gone("it ended")
                received += piece
            answer: dict[str, Any] = json.loads(received)
        except (OSError, ValueError) as failed:
            raise _Gone(str(failed)) from failed
        return answer

    def end(self) -> None:
        self._jobs.close()
        self._process.kill()
        self._process.communicate()  # closes its streams and waits for its end
