"""The hub's own two connections to Redis: one that publishes, one that hears.

redis-py's asyncio client costs a task switch and a few allocations for every message; a chat does little else. This
keeps its promises small: at most once, in order per topic, nothing queued while Redis is away, subscriptions
renewed when it is back.
"""

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any, cast

import hiredis
from redis.connection import parse_url

from chatproject.core.redis import packed

log = logging.getLogger(__name__)

#: Bytes waiting to leave for Redis past which publishing stops rather than grows.
BACKLOG = 8 * 1024 * 1024
#: Where processes greet each other.
PROCESSES = b"hub:processes"
#: Seconds between attempts to connect.
RETRY = 0.3
#: Seconds for an answer to a PING, and between two of them.
PATIENCE = 5


class _Wire(asyncio.Protocol):
    """One connection: writes of one turn of the loop leave together, replies go to `heard`."""

    def __init__(self, heard: Callable[[Any], None], lost: Callable[[], None]) -> None:
        self._heard, self._lost = heard, lost
        self._reader = hiredis.Reader()
        self._transport: asyncio.WriteTransport | None = None
        self._out: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's are not its subclasses

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._lost()

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            self._heard(reply)

    def write(self, data: bytes) -> bool:
        """Queue for this turn of the loop; False when there is no connection or too much is waiting."""
        if self._transport is None or self._transport.get_write_buffer_size() > BACKLOG:
            return False
        if not self._out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._out.append(data)
        return True

    def _flush(self) -> None:
        data, self._out = b"".join(self._out), []
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        self._lost = lambda: None  # who closes it knows; a late word of it would break its successor
        if self._transport is not None:
            self._transport.abort()


class Bus:
    """Topics over Redis pub/sub for one process. All methods belong to the event loop that called `start`.

    A process that is alone publishes nothing. Every process hears `PROCESSES`, greets the others there when it has
    come (back), and asks Redis now and then how many they are.
    """

    def __init__(self, url: str, hear: Callable[[str, bytes], None], *, name: bytes) -> None:
        self._url, self._hear, self._name = url, hear, name
        self._topics: set[str] = set()
        self._greetings = 0
        self._has_company = True
        self._counting: deque[int] = deque()  # for each count that was asked for, the greetings heard by then
        self._confirmed: dict[str, asyncio.Future[None]] = {}
        self._publisher: _Wire | None = None
        self._subscriber: _Wire | None = None
        self._broken = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._answered = asyncio.Event()

    @property
    def is_up(self) -> bool:
        return self._publisher is not None and self._subscriber is not None

    async def start(self) -> None:
        """Connect if Redis is there, and keep connecting in the background; never fails."""
        if self._keeper is None:
            try:
                await self._connect()
            except OSError as error:
                log.warning("hub: Redis is away: %s", error)
                self._drop()
            self._keeper = asyncio.create_task(self._keep(), name="hub-bus")

    async def stop(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            self._keeper = None
        self._drop()

    def publish(self, topic: str, payload: bytes) -> bool:
        """Send to every other process that subscribed; False when Redis is away, and none will hear it."""
        if self._publisher is None or self._subscriber is None:
            return False
        return not self._has_company or self._publisher.write(packed(b"PUBLISH", topic.encode(), payload))

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Hear these from now on: returns when Redis has confirmed, or at once while it is away."""
        topics = set(topics)
        new = topics - self._topics
        self._topics |= new
        if self._subscriber is None:
            return
        if new and self._subscriber.write(packed(b"SUBSCRIBE", *(topic.encode() for topic in new))):
            for topic in new:
                self._confirmed[topic] = asyncio.get_running_loop().create_future()
        waiting = [self._confirmed[topic] for topic in topics if topic in self._confirmed]
        if waiting:
            await asyncio.wait(waiting, timeout=2)

    def unsubscribe(self, topics: Iterable[str]) -> None:
        known = [topic for topic in topics if topic in self._topics]
        self._topics.difference_update(known)
        if known and self._subscriber is not None:
            self._subscriber.write(packed(b"UNSUBSCRIBE", *(topic.encode() for topic in known)))

    def _heard(self, reply: Any) -> None:
        if not isinstance(reply, list):
            reply = [reply.lower() if isinstance(reply, bytes) else reply]  # a PONG, while nothing is subscribed
        match reply[0]:
            case b"message" if reply[1] == PROCESSES:
                if reply[2] != self._name:
                    self._greetings += 1
                    self._has_company = True
            case b"message":
                self._hear(reply[1].decode(), reply[2])
            case b"subscribe":
                waiting = self._confirmed.pop(reply[1].decode(), None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(None)
            case b"pong":
                self._answered.set()

    def _count(self) -> None:
        """Ask how many processes there are."""
        if self._publisher is not None and self._publisher.write(packed(b"PUBSUB", b"NUMSUB", PROCESSES)):
            self._counting.append(self._greetings)

    def _answer(self, reply: Any) -> None:
        """What Redis answers the publisher; to PUBLISH a number, which says nothing."""
        if isinstance(reply, list):
            # Whoever greeted since it was asked may not have been counted.
            self._has_company = reply[1] > 1 or self._counting.popleft() != self._greetings

    def _drop(self) -> None:
        for wire in (self._publisher, self._subscriber):
            if wire is not None:
                wire.close()
        self._publisher = self._subscriber = None
        self._has_company = True
        self._counting.clear()
        for waiting in self._confirmed.values():
            if not waiting.done():
                waiting.set_result(None)
        self._confirmed.clear()
        self._broken.set()

    async def _keep(self) -> None:
        """Reconnect whenever a connection breaks, or answers nothing: a stopped Redis holds its connections open."""
        while True:
            try:
                if not self.is_up:
                    await self._connect()
                    log.info("hub: Redis is back, %d topics", len(self._topics))
                self._answered.clear()
                if self._subscriber is not None:
                    self._subscriber.write(packed(b"PING"))
                    self._count()
                try:
                    async with asyncio.timeout(PATIENCE):
                        await self._broken.wait()
                    self._drop()  # one of the two may have come up while the other broke
                    await asyncio.sleep(RETRY)  # a server that takes us in and throws us out is not asked in a loop
                except TimeoutError:
                    if not self._answered.is_set():
                        log.warning("hub: Redis does not answer")
                        self._drop()
            except (OSError, TimeoutError) as error:
                log.debug("hub: Redis is away: %s", error)
                self._drop()
                await asyncio.sleep(RETRY)

    async def _connect(self) -> None:
        """Up is who answers: a stopped Redis takes connections, too, and what we told it nobody here would hear."""
        with ExitStack() as unless_it_answers:
            async with asyncio.timeout(2):
                self._broken.clear()
                publisher = await self._open(self._answer)
                unless_it_answers.callback(publisher.close)
                subscriber = await self._open(self._heard)
                unless_it_answers.callback(subscriber.close)
                self._answered.clear()
                subscriber.write(packed(b"SUBSCRIBE", PROCESSES))
                subscriber.write(packed(b"PING"))
                await self._answered.wait()
            unless_it_answers.pop_all()
        self._publisher, self._subscriber = publisher, subscriber
        publisher.write(packed(b"PUBLISH", PROCESSES, self._name))
        self._count()
        if self._topics:
            subscriber.write(packed(b"SUBSCRIBE", *(topic.encode() for topic in self._topics)))

    async def _open(self, heard: Callable[[Any], None]) -> _Wire:
        loop = asyncio.get_running_loop()
        options: dict[str, Any] = parse_url(self._url)

        def wire() -> _Wire:
            return _Wire(heard, self._drop)

        if "path" in options:
            _, opened = await loop.create_unix_connection(wire, options["path"])
        else:
            secure = ssl.create_default_context() if self._url.startswith("rediss://") else None
            _, opened = await loop.create_connection(
                wire, options.get("host", "localhost"), options.get("port", 6379), ssl=secure
            )
        if options.get("password"):
            names = [options["username"]] if options.get("username") else []
            opened.write(packed(b"AUTH", *(word.encode() for word in [*names, options["password"]])))
        return opened
