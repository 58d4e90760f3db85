"""Several worker processes on one listening socket, and the process that keeps them running.

docs/decisions.md says what uvicorn's own supervisor lacks for us.
"""

import logging
import os
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from chatproject.core import metrics
from chatproject.core.server.serve import SHUTDOWN_TIMEOUT_SECONDS, ignore_signals, serve

log = logging.getLogger(__name__)

#: A worker that dies within so many seconds after its start would die again: after so many such
#: deaths in a row we give up.
STABLE_AFTER_SECONDS = 5.0
EARLY_DEATHS_MAX = 3


class _Worker:
    """One worker process.

    A socket pair tells when it serves, and tells each end of the other's death. `numbers` is the folder of its metrics.
    """

    def __init__(self, listener: socket.socket, numbers: str) -> None:
        self.began = time.monotonic()
        self.lifeline, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603
                [sys.executable, sys.argv[0], "serve", "--worker", str(listener.fileno()), str(theirs.fileno())],
                pass_fds=[listener.fileno(), theirs.fileno()],
                env=os.environ | {metrics.FOLDER: numbers},
                start_new_session=True,  # Ctrl-C is for the first process, which ends the workers
            )


def serve_in_workers(listener: socket.socket, count: int, on_ready: Callable[[], None], *, numbers: str) -> None:
    """Keep `count` workers running, with their metrics in the folder `numbers`. Returns only by the exception of a
    signal handler.

    Raises RuntimeError when workers keep dying right after their start.
    """
    listener.listen(2048)
    with selectors.DefaultSelector() as lifelines:

        def start_worker() -> None:
            worker = _Worker(listener, numbers)
            lifelines.register(worker.lifeline, selectors.EVENT_READ, worker)

        early_deaths, is_ready = 0, False
        try:
            for _ in range(count):
                start_worker()
            while True:
                for key, _ in lifelines.select():
                    worker: _Worker = key.data
                    if _receives(worker.lifeline):
                        if not is_ready:
                            on_ready()
                        is_ready = True
                        continue
                    lifelines.unregister(worker.lifeline)
                    worker.lifeline.close()
                    code = worker.process.wait()
                    metrics.forget_process(worker.process.pid, numbers)
                    is_early = time.monotonic() - worker.began < STABLE_AFTER_SECONDS
                    early_deaths = early_deaths + 1 if is_early else 0
                    if early_deaths >= EARLY_DEATHS_MAX:
                        raise RuntimeError("the worker processes keep dying")
                    log.error("serve: worker %d ended with %d; starting another", worker.process.pid, code)
                    start_worker()
        finally:
            ignore_signals()
            _end([key.data for key in lifelines.get_map().values()])


def _receives(lifeline: socket.socket) -> bool:
    """Whether the other end sent something; False when it is gone."""
    with suppress(OSError):
        return bool(lifeline.recv(16))
    return False


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

    def end_with_parent() -> None:
        while _receives(lifeline):
            pass
        os._exit(1)

    threading.Thread(target=end_with_parent, name="lifeline", daemon=True).start()
    serve(socket.socket(fileno=listener_number), lambda: lifeline.sendall(b"ready"))
