"""The web server: uvicorn with our HTTP and WebSocket protocols, in this process."""

import asyncio
import gc
import itertools
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Container
from contextlib import suppress
from types import FrameType
from typing import Any

import uvicorn
from django.conf import settings

from chatproject.core import hub, metrics
from chatproject.core.server import clients
from chatproject.core.server.protocol import HttpProtocol, Limited
from chatproject.core.websocket import protocol as websocket

#: Seconds that requests and sockets may take to end when the server stops.
SHUTDOWN_TIMEOUT_SECONDS = 10
#: Seconds of them that clients may take to answer the close frames of their sockets.
CLOSE_TIMEOUT_SECONDS = 2
#: Seconds for which a worker that is replaced still answers on the connections that it has.
LEAVE_SECONDS = 0.5
#: Connections that are pinged or looked after at once, and the number of such slices of a second.
SLICE, SLICES_MAX = 150, 10
#: Seconds after which a signal comes once more that nobody has followed.
AGAIN_SECONDS = 0.05
#: The close code "service restart".
RESTART = 1012


def listen(host: str, port: int) -> socket.socket:
    """The socket to serve on, bound at once: a port in use is noticed before anything else is
    begun.
    """
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
    """uvicorn that reports when it is ready, looks after its connections with one timer, lets other processes take new
    ones, and closes its sockets before it stops.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        on_ready: Callable[[], None],
        on_second: Callable[["Server"], None] = lambda server: None,
    ) -> None:
        """`on_second` is called every second while the event loop turns."""
        super().__init__(config)
        self.server_state = self._limited = Limited()
        self._clients = self._limited.clients
        self._on_ready, self._on_second = on_ready, on_second
        self._turning = asyncio.Lock()

    @property
    def is_full(self) -> bool:
        """Whether it has room for hardly any more clients."""
        return self._clients.are_full

    def leave(self) -> None:
        """Stop, because another process serves in this one's place. Called by a signal."""
        self._clients.are_sent_away = True
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        assert sockets is not None
        # Of the same queue of connections: uvloop closes the other one when it is to accept no more.
        self._listener, self._loop = sockets[0].dup(), asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            self._looking_after = asyncio.create_task(self._look_after_connections())
            self._on_ready()

    def accept(self, does: bool) -> None:
        """Take new connections, or leave them to the other processes that listen. Called by any thread."""
        with suppress(RuntimeError):  # the loop has ended
            asyncio.run_coroutine_threadsafe(self._accept(does), self._loop)

    async def _accept(self, does: bool) -> None:
        async with self._turning:
            if self.should_exit or does == bool(self.servers):
                return
            if does:
                accepting = await self._loop.create_server(
                    self._connection, sock=self._listener.dup(), backlog=self.config.backlog
                )
                self.servers.append(accepting)
            else:
                self.servers.pop().close()

    def _connection(self) -> HttpProtocol:
        return HttpProtocol(self.config, self.server_state, self.lifespan.state)

    async def _look_after_connections(self) -> None:
        loop, state = asyncio.get_running_loop(), self._limited
        here: Container[object] = state.connections
        for second in itertools.count():
            self._on_second(self)
            connections: tuple[HttpProtocol | websocket.Connection, ...]
            connections = (*state.http, *state.pinged[second % websocket.PING_EVERY_SECONDS])
            # Spread over the second: events would wait for thousands.
            count = min(SLICES_MAX, 1 + len(connections) // SLICE)
            for place in range(count):
                due = loop.time() + 1 / count
                await asyncio.sleep(1 / count)
                now = loop.time()
                metrics.loop_late_seconds.observe(max(0.0, now - due))
                for connection in connections[place::count]:
                    if connection in here:  # else it has ended meanwhile
                        connection.check(now)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        self._listener.close()
        if self._clients.are_sent_away:
            # A client that has just connected sends its request in a moment. What is answered now ends its connection.
            await asyncio.sleep(LEAVE_SECONDS)
        # uvicorn closes connections right after the close frame, which a client that writes at this
        # moment never reads.
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
                await hub.close_all(RESTART)
                while any(map(_is_closing, self.server_state.connections)):  # noqa: ASYNC110 (no event tells it)
                    await asyncio.sleep(0.01)
        await super().shutdown(sockets)


def _is_closing(connection: Any) -> bool:
    """Whether this is a socket whose client has not answered our close frame yet."""
    return bool(getattr(connection, "close_sent", False))


def serve(
    listener: socket.socket,
    on_ready: Callable[[], None],
    on_second: Callable[[Server], None] = lambda server: None,
) -> None:
    """Serve until SIGTERM or SIGINT, which is raised again afterwards for the handler that was there before; or until
    SIGUSR2, because another process has taken over.
    """
    relax_garbage_collection()
    clients.allow_descriptors()
    server = Server(config(), on_ready, on_second)
    signal.signal(signal.SIGUSR2, lambda number, frame: server.leave())
    server.run([listener])


def relax_garbage_collection() -> None:
    """Let Python's cyclic collector run less often.

    By default it runs after 700 new objects, which a chat makes with every few messages, and visits all
    modules and sockets, which are many and stay.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def config() -> uvicorn.Config:
    return uvicorn.Config(
        "chatproject.asgi:application",
        loop="uvloop",
        interface="asgi3",
        http=HttpProtocol,
        ws=websocket.Connection,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_SECONDS,
        backlog=clients.backlog(),
        proxy_headers=bool(settings.TRUSTED_PROXIES),
        forwarded_allow_ips=settings.TRUSTED_PROXIES,
        server_header=False,
        access_log=False,  # its lines contain query strings; a proxy in front has better ones
        log_config=None,  # Django's LOGGING applies
    )


# Signals --------------------------------------------------------------------------------------------------------------


def exit_on_signals() -> None:
    """From now on SIGTERM, SIGINT and SIGHUP unwind this process like `sys.exit(0)`."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(0)

    def leave_later(ignored: "sys.UnraisableHookArgs") -> None:
        # A destructor, and what else Python calls by itself, swallows what is raised in it: the signal comes once more.
        if not isinstance(ignored.exc_value, SystemExit):
            sys.__unraisablehook__(ignored)
            return
        again = threading.Timer(AGAIN_SECONDS, os.kill, (os.getpid(), signal.SIGTERM))
        again.daemon = True
        again.start()

    sys.unraisablehook = leave_later
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    # uvicorn handles only the other two.
    signal.signal(signal.SIGHUP, lambda number, frame: os.kill(os.getpid(), signal.SIGTERM))


def ignore_signals() -> None:
    """While the process cleans up, further signals change nothing."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
