"""Work on bytes that strangers made, behind a fence: in a process that may use so much and reach nothing, and whose end
is not ours. At most `WORKERS` jobs run at a time in one process of the chat; who comes later waits.
"""

import atexit
import json
import logging
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chatproject.core.errors import Busy
from chatproject.core.sandbox.worker import Refused

__all__ = ["Limits", "Refused", "close", "run"]

log = logging.getLogger(__name__)

WORKERS = 2
#: Seconds a caller waits for his turn before he is told that we are busy.
WAIT = 30.0
#: Seconds more than a job's own that its worker has to answer in: it may have to start and load what it needs.
LATE = 15.0

_ROOT = Path(__file__).parents[3]
#: All that a worker learns of our environment, which has secrets in it.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG")
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """What a job may use. Whoever uses more is ended, and refused by the word in brackets."""

    cpu: int  # seconds of processor [time]
    seconds: float  # by the clock [time]: far above, because the chat goes first
    memory: int = 512 * _MIB  # bytes above what a worker has without a job [memory]
    size: int = 32 * _MIB  # bytes of each file it writes [size]


def run(
    function: str, *, reads: Path, writes: Sequence[Path] = (), limits: Limits, wait: float = WAIT, **arguments: Any
) -> dict[str, Any]:
    """Call `package.module:function` with a file to read, files to write and read, and arguments; its answer.

    Arguments and answer are what JSON can say; the answer is as trustworthy as the file. `writes` are made anew, and
    removed where no answer comes. Raises Refused; and Busy when it was not our turn within `wait` seconds, or no worker
    can be had; and OSError when the files cannot be opened or the disk is full. Blocks: for threads, any number of
    them.
    """
    module, _colon, name = function.partition(":")
    job = {
        "module": module,
        "function": name,
        "reads": str(reads),
        "writes": [str(path) for path in writes],
        "limits": asdict(limits),
        "arguments": arguments,
    }
    if not _turns.acquire(timeout=wait):
        raise Busy(retry_after=5)
    try:
        answer = _ask(json.dumps(job).encode() + b"\n", limits.seconds + LATE)
        if isinstance(number := answer.get("trouble"), int):
            raise OSError(number, os.strerror(number))
        result = answer.get("result")
        if not isinstance(result, dict):
            code = str(answer.get("refused", "crash"))
            if code == "crash":
                log.warning("fence: %s ended without a result: %r", function, answer)
            raise Refused(code)
    except BaseException:
        for path in writes:
            path.unlink(missing_ok=True)
        raise
    finally:
        _turns.release()
    return result


# Workers --------------------------------------------------------------------------------------------------------------

_turns = threading.BoundedSemaphore(WORKERS)
#: Those without a job. The last one is taken first, so that the second is only started where two are needed.
_idle: list["_Worker"] = []


def close() -> None:
    """End the workers that have no job; the next job starts one. Those of a process that dies end by themselves."""
    while _idle:
        _idle.pop().end()


atexit.register(close)


class _Gone(Exception):
    """The worker ended, or does not answer."""


def _ask(line: bytes, seconds: float) -> dict[str, Any]:
    give_up = time.monotonic() + seconds
    for is_last_try in (False, True):
        try:
            worker = _idle.pop()
        except IndexError:
            worker = _Worker()
        try:
            answer = worker.ask(line, give_up)
        except _Gone as gone:
            worker.end()
            # One that lay idle may have been killed in the meantime, as what the system does without first. No job can
            # do that to a worker: twice is our own trouble.
            if is_last_try or time.monotonic() > give_up:
                log.error("fence: a worker cannot be had: %s", gone)
                raise Busy() from gone
        except BaseException:
            worker.end()
            raise
        else:
            _idle.append(worker)
            return answer
    raise AssertionError


class _Worker:
    """Our end of `fenced.main`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from chatproject.core.sandbox.worker import main; main()"],
            cwd=_ROOT,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for us; it ends when we do
        )

    def ask(self, line: bytes, give_up: float) -> dict[str, Any]:
        jobs, answers = self._process.stdin, self._process.stdout
        assert jobs is not None and answers is not None
        said = bytearray()
        poll = select.poll()
        poll.register(answers, select.POLLIN)
        try:
            jobs.write(line)
            while not said.endswith(b"\n"):
                if not poll.poll(max(0.0, give_up - time.monotonic()) * 1000):
                    raise _Gone("no answer")
                piece = answers.read(64 * 1024)
                if not piece:
                    raise _Gone("it ended")
                said += piece
            answer: dict[str, Any] = json.loads(said)
        except (OSError, ValueError) as failed:
            raise _Gone(str(failed)) from failed
        return answer

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()  # closes its streams, and waits
