"""Who is connected to this process, by address, and how much each may hold open.

A connection is *idle* while nothing of a request has come, *unfinished* while a request has come in
part, and *busy* while it is answered. Where there are too many, those that have been idle or unfinished
for longest are dropped, so that a client with a whole request always gets in. A connection that became a
WebSocket is a *socket*.

A proxy opens the connections of all its clients: they are counted by the address that it forwards, once
a request has told it. This machine's own address has no limit of its own, because a proxy may stand there.
"""

import logging
import resource
from collections.abc import Sequence
from contextlib import suppress
from enum import IntEnum
from typing import Protocol

from django.conf import settings

from chatproject.core.http import addresses

log = logging.getLogger(__name__)

#: HTTP connections of this process that stay when nothing comes by them, and requests that stay
#: unfinished; and the seconds for which they do anyway: many clients that connect at once are no attack.
CONNECTIONS_MAX, UNFINISHED_MAX = 2048, 256
GRACE_SECONDS = 3.0
#: One address may have this share of its connections unfinished.
UNFINISHED_SHARE = 4
#: File descriptors for the database, Redis, files and uploads; for connections that are dropped, which
#: keep theirs for a moment; and for clients that were signed in before, when all others are taken. All
#: together they have half of the descriptors at most.
OWN_DESCRIPTORS, DROPPED, KEPT_BACK = 256, 1024, 32
#: A process is full when so small a share of its places for sockets is left: others of its installation take new
#: connections then.
FULL_SHARE = 16
#: More descriptors than that are not asked for; some systems say that there is no limit.
DESCRIPTORS_MAX = 1 << 20
#: Bytes of requests that came before the one before them was answered, of all connections together.
EARLY_BYTES_MAX = 16 * 1024 * 1024
#: Seconds between two lines of the log about limits.
LOG_EVERY_SECONDS = 60.0


class State(IntEnum):
    IDLE, UNFINISHED, BUSY = range(3)


class Held(Protocol):
    """An HTTP connection, as the lists of this module hold it."""

    since: float

    def drop(self) -> None:
        """End it at once."""


Queue = dict[Held, None]  # in the order of arrival


class Client:
    """One address, and what it holds open here."""

    __slots__ = ("address", "connections", "has_limits", "queues", "sockets")

    def __init__(self, address: str, *, has_limits: bool) -> None:
        self.address = address
        self.has_limits = has_limits
        self.connections = self.sockets = 0
        self.queues: tuple[Queue, Queue] = ({}, {})


class Clients:
    """All clients of this process. Belongs to one event loop."""

    def __init__(self) -> None:
        self._by_address: dict[str, Client] = {}
        self._connections = self._sockets = 0
        self._queues: tuple[Queue, Queue] = ({}, {})
        self._capacity = _capacity()
        self._places = self._capacity - KEPT_BACK
        self._logged_at = float("-inf")
        #: Bytes that wait for the answer to an earlier request.
        self.early_bytes = 0
        #: Whether another process serves in this one's place: a connection ends with its next answer.
        self.are_sent_away = False

    @property
    def are_full(self) -> bool:
        """Whether hardly any more find a place."""
        return self._connections + self._sockets >= self._places - self._places // FULL_SHARE

    # Connections ------------------------------------------------------------------------------------------------------

    def arrive(self, connection: Held, address: str) -> tuple[Client, bool] | None:
        """Count a new connection.

        Returns its client, and whether it has a descriptor that is kept back for those who were signed
        in; None if there is no place for it.
        """
        client = self._client(address)
        now = connection.since
        is_full = client.has_limits and client.connections >= settings.CONNECTIONS_PER_ADDRESS
        if is_full and not self._drop_oldest(client.queues, now):
            text = "clients: %s holds %d connections; name it in TRUSTED_PROXIES if it is a proxy of yours"
            self._log(now, text, address, client.connections)
            self._release(client)
            return None
        is_kept_back = False
        if self._connections + self._sockets >= self._capacity:
            self._log(now, "clients: all %d descriptors for clients are in use", self._capacity)
            # It may be one that has a descriptor of those that are kept back.
            self._drop_oldest(self._queues, now)
            is_kept_back = self._connections + self._sockets >= self._capacity
            if self._connections + self._sockets >= self._capacity + KEPT_BACK:
                return None
        elif self._connections >= CONNECTIONS_MAX:
            self._drop_oldest(self._queues, now, spares_new=True)
        self._connections += 1
        client.connections += 1
        self.enter(connection, client, State.IDLE)
        return client, is_kept_back

    def leave(self, connection: Held, client: Client, state: State) -> None:
        """A connection has ended, or became a socket."""
        self._forget(connection, client, state)
        self._connections -= 1
        client.connections -= 1
        self._release(client)

    def move(self, connection: Held, client: Client, before: State, after: State) -> None:
        """A connection is in another state."""
        self._forget(connection, client, before)
        self.enter(connection, client, after)

    def enter(self, connection: Held, client: Client, state: State) -> None:
        if state == State.BUSY:
            return
        if state == State.UNFINISHED:
            if client.has_limits and len(client.queues[state]) >= settings.CONNECTIONS_PER_ADDRESS // UNFINISHED_SHARE:
                self._drop_oldest(client.queues[state:], connection.since)
            if len(self._queues[state]) >= UNFINISHED_MAX:
                self._drop_oldest(self._queues[state:], connection.since, spares_new=True)
        self._queues[state][connection] = None
        if client.has_limits:
            client.queues[state][connection] = None

    def _forget(self, connection: Held, client: Client, state: State) -> None:
        if state != State.BUSY:
            self._queues[state].pop(connection, None)
            client.queues[state].pop(connection, None)

    def _drop_oldest(self, queues: Sequence[Queue], now: float, *, spares_new: bool = False) -> bool:
        """End the connection that is longest in the first of these queues; or, where that one came just
        now, in the next. If all came just now, the oldest of them, unless that `spares_new` ones.
        """
        firsts = [next(iter(queue)) for queue in queues if queue]
        old = [first for first in firsts if first.since < now - GRACE_SECONDS]
        victim = old[0] if old else None if spares_new else min(firsts, key=lambda one: one.since, default=None)
        if victim is not None:
            victim.drop()
        return victim is not None

    # Requests by a proxy ----------------------------------------------------------------------------------------------

    def visit(self, address: str) -> Client | None:
        """Count a request that a proxy forwards, like a connection; None if there are too many."""
        client = self._client(address)
        if client.has_limits and client.connections >= settings.CONNECTIONS_PER_ADDRESS:
            return None
        client.connections += 1
        return client

    def end_visit(self, client: Client) -> None:
        client.connections -= 1
        self._release(client)

    # Sockets ----------------------------------------------------------------------------------------------------------

    def open_socket(self, address: str) -> Client | None:
        """Count a socket; None if its address has too many, or no descriptor would be left for others."""
        client = self._client(address)
        if client.has_limits and client.sockets >= settings.SOCKETS_PER_ADDRESS:
            return None
        if self._sockets >= self._places:
            return None
        self._sockets += 1
        client.sockets += 1
        return client

    def close_socket(self, client: Client) -> None:
        self._sockets -= 1
        client.sockets -= 1
        self._release(client)

    # Addresses --------------------------------------------------------------------------------------------------------

    def _client(self, address: str) -> Client:
        client = self._by_address.get(address)
        if client is None:
            client = self._by_address[address] = Client(address, has_limits=not addresses.is_shared(address))
        return client

    def _release(self, client: Client) -> None:
        if not client.connections and not client.sockets:
            self._by_address.pop(client.address, None)

    def _log(self, now: float, text: str, *args: object) -> None:
        if now - self._logged_at >= LOG_EVERY_SECONDS:
            self._logged_at = now
            log.warning(text, *args)


def allow_descriptors() -> None:
    """Raise this process's limit of open files to what the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS_MAX if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS_MAX)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def backlog() -> int:
    """Connections that may wait to be accepted. They are accepted at once, and those that are dropped for
    them close only then.
    """
    return min(2048, max(64, _capacity() // 4))


def _capacity() -> int:
    """Connections and sockets that leave enough descriptors for everything else."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        soft = DESCRIPTORS_MAX
    return max(soft // 2, soft - OWN_DESCRIPTORS - DROPPED - KEPT_BACK)
