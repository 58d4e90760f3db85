"""The web server: uvicorn, in this process or in several that share one listening socket."""

import asyncio
import gc
import itertools
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import uvicorn
from django.conf import settings

from chatproject.core import hub
from chatproject.core.websocket.protocol import Connection, HttpProtocol

log = logging.getLogger(__name__)

#: Seconds for requests and sockets to end when the server is asked to, and those of them for sockets to answer goodbye.
GRACE = 10
GOODBYE = 2
#: The close code for it.
RESTART = 1012
#: A worker that dies sooner than this after its start would die again: so many times in a row, and we give up.
STABLE_AFTER = 5.0
FAILURES = 3


def listen(host: str, port: int) -> socket.socket:
    """The socket we serve on, bound at once: a port that is taken is known before anything else is begun."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


class Server(uvicorn.Server):
    """uvicorn that says when it is ready, for connections that arrive from then on, and says goodbye to its sockets."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell_ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._asking = asyncio.create_task(self._ask_all())
            self._tell_ready()

    async def _ask_all(self) -> None:
        """Keep asking every socket whether anybody is there: one timer for all of them."""
        for second in itertools.count():
            await asyncio.sleep(1)
            for connection in tuple(self.server_state.connections):
                if isinstance(connection, Connection):
                    connection.ask(second)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        # uvicorn breaks each connection off with its last frame, which is lost on a client that was writing just then.
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE):
                await hub.close_all(RESTART)
                while any(map(_is_saying_goodbye, self.server_state.connections)):  # noqa: ASYNC110 (no event tells it)
                    await asyncio.sleep(0.01)
        await super().shutdown(sockets)


def _is_saying_goodbye(connection: Any) -> bool:
    """Whether this is a socket that was told of its end and has not answered yet."""
    return bool(getattr(connection, "close_sent", False))


def serve(listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serve in this process until SIGTERM or SIGINT, which is raised again afterwards for the caller's own handler."""
    spare_the_collector()
    Server(config(), ready).run([listener])


def spare_the_collector() -> None:
    """Python's garbage collector looks at what may be a cycle after 700 new objects, again and again at all that is.

    A chat makes that many with every few messages, and what it keeps for long is large: modules, and sockets.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def config() -> uvicorn.Config:
    """How uvicorn serves us."""
    return uvicorn.Config(
        "chatproject.asgi:application",
        loop="uvloop",
        interface="asgi3",
        http=HttpProtocol,
        ws=Connection,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=30,
        proxy_headers=bool(settings.TRUSTED_PROXIES),
        forwarded_allow_ips=settings.TRUSTED_PROXIES,
        server_header=False,
        access_log=False,  # its lines carry query strings; the proxy in front has better ones
        log_config=None,  # Django's
    )


# Several processes ----------------------------------------------------------------------------------------------------


class _Worker:
    """One of several processes. Its line says when it serves, and by it either end learns of the other's death."""

    def __init__(self, listener: socket.socket) -> None:
        self.began = time.monotonic()
        self.line, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603
                [sys.executable, sys.argv[0], "serve", "--worker", str(listener.fileno()), str(theirs.fileno())],
                pass_fds=[listener.fileno(), theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for the first process, which passes it on
            )


def serve_in_workers(listener: socket.socket, count: int, ready: Callable[[], None]) -> None:
    """Keep `count` processes serving; returns only by the exception of a signal handler, or when they keep dying."""
    listener.listen(2048)
    with selectors.DefaultSelector() as lines:

        def begin() -> None:
            worker = _Worker(listener)
            lines.register(worker.line, selectors.EVENT_READ, worker)

        failures, told = 0, False
        try:
            for _ in range(count):
                begin()
            while True:
                for key, _ in lines.select():
                    worker: _Worker = key.data
                    if _hears(worker.line):
                        if not told:
                            ready()
                        told = True
                        continue
                    lines.unregister(worker.line)
                    worker.line.close()
                    code = worker.process.wait()
                    failures = failures + 1 if time.monotonic() - worker.began < STABLE_AFTER else 0
                    if failures >= FAILURES:
                        raise RuntimeError("the web processes keep dying")
                    log.error("serve: web process %d ended with %d; starting another", worker.process.pid, code)
                    begin()
        finally:
            ignore_signals()
            _end([key.data for key in lines.get_map().values()])


def _hears(line: socket.socket) -> bool:
    """Whether the other end said something; False when it is gone."""
    with suppress(OSError):
        return bool(line.recv(16))
    return False


def _end(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.process.terminate()
    give_up = time.monotonic() + GRACE + 2
    for worker in workers:
        try:
            worker.process.wait(max(0.1, give_up - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()


def serve_as_worker(listener_number: int, line_number: int) -> None:
    """In one of several processes: serve, and end when the first process does, however it ends."""
    line = socket.socket(fileno=line_number)

    def end_with_parent() -> None:
        while _hears(line):
            pass
        os._exit(1)

    threading.Thread(target=end_with_parent, name="lifeline", daemon=True).start()
    serve(socket.socket(fileno=listener_number), lambda: line.sendall(b"ready"))


# Signals --------------------------------------------------------------------------------------------------------------


def end_on_signals() -> None:
    """From now on SIGTERM, SIGINT and SIGHUP unwind this process as SystemExit does, with a success."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    # uvicorn handles only the other two.
    signal.signal(signal.SIGHUP, lambda number, frame: os.kill(os.getpid(), signal.SIGTERM))


def ignore_signals() -> None:
    """While things are being ended, being asked again changes nothing."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
