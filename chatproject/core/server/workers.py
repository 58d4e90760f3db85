"""Several worker processes on one listening socket, and the process that keeps them running: it replaces those that
end or hang, and on SIGHUP all of them, one by one. One that is full leaves new connections to the others.

docs/decisions.md says what uvicorn's own supervisor lacks for us.
"""

import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from django.conf import settings

from chatproject.core import metrics
from chatproject.core.server.serve import SHUTDOWN_TIMEOUT_SECONDS, Server, ignore_signals, serve

log = logging.getLogger(__name__)

#: A worker that dies within so many seconds after its start may die again: the next one waits, and longer each time.
STABLE_AFTER_SECONDS = 5.0
FIRST_PAUSE_SECONDS, PAUSE_SECONDS_MAX = 0.5, 30.0
#: Such deaths in a row after which we give up, if none has ever served.
EARLY_DEATHS_MAX = 3
#: Seconds that a worker may take until it serves.
START_TIMEOUT_SECONDS = 120.0
#: Seconds between two looks at the workers.
LOOK_SECONDS = 0.5

#: Seconds without a word after which a worker is not counted on for new connections.
LATE_AFTER_SECONDS = 3.0

#: What a worker tells: that it serves, and every second that its event loop turns, and whether it is full then.
_READY, _ALIVE, _FULL = b"r", b".", b"f"
#: What it is told: to take new connections, or to leave them to the others.
_TAKE, _LEAVE = b"t", b"l"


class _Worker:
    """One worker process.

    A socket pair tells how it is, and tells each end of the other's death. `numbers` is the folder of its metrics.
    """

    def __init__(self, listener: socket.socket, numbers: str) -> None:
        self.began = self.heard_at = time.monotonic()
        self.is_ready = self.is_leaving = self.is_full = False
        self._takes = True
        self.lifeline, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603
                [sys.executable, sys.argv[0], "serve", "--worker", str(listener.fileno()), str(theirs.fileno())],
                pass_fds=[listener.fileno(), theirs.fileno()],
                env={**settings.STARTED_WITH, metrics.FOLDER: numbers},
                start_new_session=True,  # Ctrl-C is for the first process, which ends the workers
            )

    def hear(self) -> bool:
        """Take what it tells; False when it is gone."""
        said = _received(self.lifeline)
        self.heard_at = time.monotonic()
        self.is_ready = self.is_ready or _READY in said
        if last := said.strip(_READY)[-1:]:
            self.is_full = last == _FULL
        return bool(said)

    def take(self, does: bool) -> None:
        """Let it take new connections, or leave them to the others."""
        if does == self._takes:
            return
        with suppress(OSError):
            self.lifeline.send(_TAKE if does else _LEAVE, socket.MSG_DONTWAIT)
            self._takes = does
            what = "takes new connections again" if does else "is full and leaves new connections to the others"
            log.info("serve: worker %d %s", self.process.pid, what)

    @property
    def silence(self) -> float:
        """Seconds since it was heard."""
        return time.monotonic() - self.heard_at

    def is_hanging(self) -> bool:
        silence = self.silence
        if self.is_leaving:
            return silence > SHUTDOWN_TIMEOUT_SECONDS + 2
        if not self.is_ready:
            return silence > START_TIMEOUT_SECONDS
        return 0 < settings.WORKER_TIMEOUT < silence

    def leave(self) -> None:
        """Let it answer what it has begun, close its sockets, and end."""
        self.is_leaving, self.heard_at = True, time.monotonic()
        self.process.send_signal(signal.SIGUSR2)


def serve_in_workers(listener: socket.socket, count: int, on_ready: Callable[[], None], *, numbers: str) -> None:
    """Keep `count` workers running, with their metrics in the folder `numbers`. Returns only by the exception of a
    signal handler.

    Raises RuntimeError when workers keep dying before one of them has served.
    """
    listener.listen(2048)
    with selectors.DefaultSelector() as lifelines:
        _Keeper(listener, count, on_ready, numbers, lifelines).run()


class _Keeper:
    """Keeps the workers running."""

    def __init__(
        self,
        listener: socket.socket,
        count: int,
        on_ready: Callable[[], None],
        numbers: str,
        lifelines: selectors.BaseSelector,
    ) -> None:
        self._listener, self._count, self._on_ready, self._numbers = listener, count, on_ready, numbers
        self._lifelines = lifelines
        self._has_served = False
        self._early_deaths, self._next_start = 0, 0.0
        self._renewal: _Renewal | None = None
        self._is_renewal_wanted = False

    def run(self) -> None:
        if not sys.stdin or not sys.stdin.isatty():  # a terminal that is closed ends us
            signal.signal(signal.SIGHUP, lambda number, frame: self._want_renewal())
        try:
            while True:
                self._start_missing()
                for key, _ in self._lifelines.select(LOOK_SECONDS):
                    self._hear(key.data)
                for worker in self._workers():
                    if worker.is_hanging():
                        log.error("serve: worker %d hangs; it is replaced", worker.process.pid)
                        worker.process.kill()
                        worker.heard_at = time.monotonic()
                self._share_out()
                self._renew()
        finally:
            ignore_signals()
            if self._renewal is not None:
                self._renewal.end()
            _end(self._workers())

    def _workers(self) -> list[_Worker]:
        return [key.data for key in self._lifelines.get_map().values()]

    def _share_out(self) -> None:
        """Let full workers rest while one that is not takes connections: by themselves they would take, and refuse."""
        serving = [worker for worker in self._workers() if worker.is_ready and not worker.is_leaving]
        has_room = any(not worker.is_full and worker.silence < LATE_AFTER_SECONDS for worker in serving)
        for worker in serving:
            worker.take(not (worker.is_full and has_room))

    def _want_renewal(self) -> None:
        self._is_renewal_wanted = True

    def _start_missing(self) -> None:
        """Start workers until there are `count`, and one more while one is to be replaced."""
        replacing = self._renewal is not None and self._renewal.is_replacing
        staying = [worker for worker in self._workers() if not worker.is_leaving]
        if time.monotonic() >= self._next_start:
            for _ in range(self._count + replacing - len(staying)):
                worker = _Worker(self._listener, self._numbers)
                self._lifelines.register(worker.lifeline, selectors.EVENT_READ, worker)

    def _hear(self, worker: _Worker) -> None:
        if not worker.hear():
            self._forget(worker)
        elif worker.is_ready and not self._has_served:
            self._has_served = True
            self._on_ready()

    def _forget(self, worker: _Worker) -> None:
        """Take note of the end of a worker."""
        self._lifelines.unregister(worker.lifeline)
        worker.lifeline.close()
        code = worker.process.wait()
        metrics.forget_process(worker.process.pid, self._numbers)
        if worker.is_leaving:
            return
        if self._renewal is not None and not worker.is_ready:
            self._renewal.end()
            self._renewal = None
            log.error("serve: a new worker ended with %d before it served; the others stay", code)
            return
        is_early = time.monotonic() - worker.began < STABLE_AFTER_SECONDS
        self._early_deaths = self._early_deaths + 1 if is_early else 0
        if self._early_deaths >= EARLY_DEATHS_MAX and not self._has_served:
            raise RuntimeError("the worker processes keep dying")
        pause = min(FIRST_PAUSE_SECONDS * 2**self._early_deaths, PAUSE_SECONDS_MAX) if self._early_deaths > 1 else 0.0
        self._next_start = time.monotonic() + pause
        log.error(
            "serve: worker %d ended with %d; another starts %s",
            worker.process.pid,
            code,
            f"in {pause:.0f} s" if pause else "now",
        )

    def _renew(self) -> None:
        """Begin what SIGHUP asks for, and go on with it."""
        if self._renewal is None:
            if self._is_renewal_wanted and self._has_served:
                self._is_renewal_wanted = False
                self._renewal = _Renewal(self._workers())
            return
        if self._renewal.go_on(self._workers()):
            self._renewal = None


class _Renewal:
    """Replaces workers by those of the version and the settings that are there now: each leaves when another serves in
    its place.
    """

    def __init__(self, workers: Iterable[_Worker]) -> None:
        log.info("serve: the workers are replaced")
        self._old = [worker for worker in workers if not worker.is_leaving]
        self.is_replacing = False
        # What the new version needs is made by itself, before one of its workers serves.
        self._preparing: subprocess.Popen[bytes] | None = subprocess.Popen(  # noqa: S603
            [sys.executable, sys.argv[0], "serve", "--prepare"], env=settings.STARTED_WITH, start_new_session=True
        )

    def go_on(self, workers: list[_Worker]) -> bool:
        """Take the next step, if it is time; True at the end."""
        if self._preparing is not None:
            code = self._preparing.poll()
            if code is None:
                return False
            self._preparing = None
            if code:
                log.error("serve: the workers stay as they are")
                return True
        self._old = [worker for worker in self._old if worker in workers]
        if any(worker.is_leaving for worker in workers):
            self.is_replacing = False
            return False
        if not self._old:
            log.info("serve: all workers are replaced")
            return True
        if not self.is_replacing:
            self.is_replacing = True
            return False
        if all(worker.is_ready for worker in workers) and any(worker not in self._old for worker in workers):
            self._old.pop(0).leave()
            self.is_replacing = False
        return False

    def end(self) -> None:
        if self._preparing is not None:
            self._preparing.terminate()
            self._preparing.wait()


def _received(lifeline: socket.socket) -> bytes:
    """What the other end sent; empty when it is gone."""
    with suppress(OSError):
        return lifeline.recv(64)
    return b""


def _end(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.process.terminate()
    give_up = time.monotonic() + SHUTDOWN_TIMEOUT_SECONDS + 2
    for worker in workers:
        try:
            worker.process.wait(max(0.1, give_up - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()


def serve_as_worker(listener_number: int, lifeline_number: int) -> None:
    """Serve in a worker process, given two file descriptors; end when the first process does,
    however it ends.
    """
    lifeline = socket.socket(fileno=lifeline_number)

    known: Server | None = None

    def obey() -> None:
        while said := _received(lifeline):
            if known is not None:  # it is told nothing before
                known.accept(said[-1:] == _TAKE)
        os._exit(1)

    def tell(word: bytes) -> None:
        with suppress(OSError):
            lifeline.send(word, socket.MSG_DONTWAIT)

    def tell_how_it_is(server: Server) -> None:
        nonlocal known
        known = server
        tell(_FULL if server.is_full else _ALIVE)

    threading.Thread(target=obey, name="lifeline", daemon=True).start()
    listener = socket.socket(fileno=listener_number)
    serve(listener, lambda: tell(_READY), tell_how_it_is)
