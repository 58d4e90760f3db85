"""A worker of the sandbox (see `pool`): a process that does one job at a time, each in a fork.

It uses the standard library alone and never sees the settings, their secrets or a database. The worker
itself touches no uploaded byte: it imports modules and forks. The fork has the files of its job open, gives up every
other right (on Linux even that of opening files), does the job, answers and ends. Whatever a file does
to a fork, the next job starts in a clean one.
"""

import contextlib
import ctypes
import errno
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
from typing import IO, Any

#: Bytes of a job's line that are read at once, and the files that a job may have.
LINE_BYTES, FILES_MAX = 64 * 1024, 8
#: Bytes of an answer.
ANSWER_BYTES_MAX = 64 * 1024
#: Errors of disks.
_NOT_THE_FILES_FAULT = {errno.EDQUOT, errno.EIO, errno.ENOSPC}
#: The priority of this work: below that of the chat.
NICE = 5


class Refused(Exception):
    """A job ended without a result.

    `code` comes from the function and says what is wrong with its input, or from the sandbox: `memory`,
    `time` or `size` (of written files) if a limit was exceeded, `crash` for any other end.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


# The parent process ---------------------------------------------------------------------------------------------------


def main() -> None:
    """Read jobs from standard input, a socket, and answer on standard output, one line of JSON each, until the
    input ends. The descriptors of a job's files come with its line.
    """
    jobs, answers = socket.socket(fileno=sys.stdin.fileno()), sys.stdout.buffer
    os.nice(NICE)
    while (received := _receive(jobs)) is not None:
        line, files = received
        job = json.loads(line)
        module = importlib.import_module(job["module"])
        answer = _in_a_fork(getattr(module, job["function"]), job, files, parent=jobs.fileno())
        for descriptor in files:
            os.close(descriptor)
        try:
            answers.write(json.dumps(answer).encode() + b"\n")
            answers.flush()
        except BrokenPipeError:
            os._exit(0)  # the chat was killed


def _receive(jobs: socket.socket) -> tuple[bytes, list[int]] | None:
    """The next job's line and its files; None when the chat is gone."""
    line, files, _flags, _address = socket.recv_fds(jobs, LINE_BYTES, FILES_MAX)
    while line and not line.endswith(b"\n"):
        piece = jobs.recv(LINE_BYTES)
        line = line + piece if piece else b""
    return (line, files) if line else None


def _in_a_fork(function: Any, job: dict[str, Any], files: list[int], *, parent: int) -> dict[str, Any]:
    reading, writing = os.pipe()
    gc.freeze()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _work(function, job, files, writing)
    os.close(writing)
    try:
        answer, in_time = _listen(reading, parent, give_up=time.monotonic() + job["limits"]["seconds"])
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        _pid, status = os.waitpid(pid, 0)
    if not in_time:
        return {"refused": "time"}
    if answer:
        with contextlib.suppress(ValueError):
            parsed: dict[str, Any] = json.loads(answer)
            return parsed
    ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
    codes = {signal.SIGXCPU: "time", signal.SIGXFSZ: "size"}
    return {"refused": codes.get(signal.Signals(ended_by), "crash") if ended_by else "crash", "signal": ended_by}


def _listen(answers: int, parent: int, *, give_up: float) -> tuple[bytes, bool]:
    """The fork's answer, and whether it came in time. Exits if the chat is gone."""
    received = bytearray()
    poll = select.poll()
    poll.register(answers, select.POLLIN)
    poll.register(parent, select.POLLIN)
    while (left := give_up - time.monotonic()) > 0:
        for descriptor, _event in poll.poll(left * 1000):
            if descriptor == parent:  # no second job is sent meanwhile, so the chat closed its end
                sys.exit(1)
            piece = os.read(answers, ANSWER_BYTES_MAX)
            received += piece
            if not piece or len(received) > ANSWER_BYTES_MAX:
                return bytes(received[:ANSWER_BYTES_MAX]), True
    return b"", False


# The fork -------------------------------------------------------------------------------------------------------------


def _work(function: Any, job: dict[str, Any], descriptors: list[int], answers: int) -> None:
    answer: dict[str, Any]
    try:
        _detach()
        _limit(**job["limits"])
        with contextlib.ExitStack() as opened:
            modes = ("rb", *["w+b"] * (len(descriptors) - 1))
            files: list[IO[bytes]] = [
                opened.enter_context(os.fdopen(one, mode)) for one, mode in zip(descriptors, modes, strict=True)
            ]
            files[0].seek(0)
            _seal()
            answer = {"result": function(*files, **job["arguments"])}
    except Refused as refused:
        answer = {"refused": refused.code}
    except MemoryError:
        answer = {"refused": "memory"}
    except BaseException as failed:  # any failure is an answer
        number = failed.errno if isinstance(failed, OSError) else None
        if number in _NOT_THE_FILES_FAULT:
            answer = {"trouble": number}
        else:
            code = "size" if number == errno.EFBIG else "crash"
            answer = {"refused": code, "error": f"{type(failed).__name__}: {failed}"[:500]}
    os.write(answers, json.dumps(answer).encode())
    os._exit(0)


def _detach() -> None:
    """Close the worker's streams, and end when the worker does."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _limit(*, memory: int, cpu: int, size: int, seconds: float) -> None:
    """Limit bytes of memory beyond those in use, processor seconds and bytes per file.

    The worker enforces `seconds`.
    """
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with open("/proc/self/statm") as pages:  # noqa: PTH123
            memory += int(pages.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


# The seal -------------------------------------------------------------------------------------------------------------

#: The system calls a decoder needs to compute, to use open files, to start threads and to end:
#: name, number on x86_64, number on aarch64.
_CALLS = """
    read 0 63; write 1 64; close 3 57; fstat 5 80; lseek 8 62; pread64 17 67; pwrite64 18 68; readv 19 65;
    writev 20 66; ftruncate 77 46; fcntl 72 25; dup 32 23; newfstatat 262 79; mmap 9 222; mprotect 10 226;
    munmap 11 215; mremap 25 216; madvise 28 233; brk 12 214; futex 202 98; rt_sigaction 13 134;
    rt_sigprocmask 14 135; rt_sigreturn 15 139; sigaltstack 131 132; sched_yield 24 124; sched_getaffinity 204 123;
    nanosleep 35 101; clock_nanosleep 230 115; clock_gettime 228 113; gettimeofday 96 169; getpid 39 172;
    gettid 186 178; getrusage 98 165; getrandom 318 278; set_robust_list 273 99; rseq 334 293; exit 60 93;
    exit_group 231 94; clone 56 220
"""
_MACHINES = {"x86_64": (0xC000003E, 1), "aarch64": (0xC00000B7, 2)}
_CLONE_THREAD = 0x00010000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 1, 38, 22, 2
_ALLOW, _KILL, _MISSING = 0x7FFF0000, 0x80000000, 0x00050000 | errno.ENOSYS
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


_libc = ctypes.CDLL(None, use_errno=True)


def _seal() -> bool:
    """Deny every system call that is not in the list with ENOSYS: files, processes, signals,
    network.

    Returns whether the kernel could be told; the limits apply in any case.
    """
    machine = os.uname().machine
    if sys.platform != "linux" or machine not in _MACHINES or sys.maxsize < 2**32:
        return False
    architecture, column = _MACHINES[machine]
    *numbers, clone = (int(call.split()[column]) for call in _CALLS.split(";"))
    steps = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    # `clone` may start a thread, not a process: its flags are the lower half of the first argument.
    steps += [(_EQUAL, 0, 4, clone), (_LOAD, 0, 0, 16), (_ANY_BIT, 0, 1, _CLONE_THREAD), (_RETURN, 0, 0, _ALLOW)]
    steps += [(_RETURN, 0, 0, _MISSING)]
    steps += [(_EQUAL, len(numbers) - place, 0, number) for place, number in enumerate(numbers)]
    steps += [(_RETURN, 0, 0, _MISSING), (_RETURN, 0, 0, _ALLOW)]
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    program = _Program(len(steps), code)
    return bool(
        _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        and _libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0
    )
