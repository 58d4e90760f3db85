"""The channel layer's connections to Redis.

Messages published in one turn of the event loop leave in one write, and messages are read without a
timer each. channels-redis' own connection awaits a round trip for every publish and sets a timer for
every read; docs/decisions.md has the figures.
"""

import asyncio
import logging
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack
from typing import Any

import hiredis
import redis
from channels_redis.pubsub import RedisSingleShardConnection
from channels_redis.utils import create_pool

log = logging.getLogger(__name__)

#: Bytes waiting to leave for Redis past which publishing stops rather than grows.
BACKLOG_MAX = 8 * 1024 * 1024
#: Seconds between attempts to connect.
RETRY_SECONDS = 0.3
#: Seconds that connecting may take.
CONNECT_TIMEOUT_SECONDS = 2
#: Seconds that Redis may take to confirm subscriptions.
SUBSCRIBE_TIMEOUT_SECONDS = 2
#: Seconds between two pings, and for the answer to one.
PING_SECONDS = 5
#: Seconds for what is published to be heard.
ECHO_TIMEOUT_SECONDS = 1
#: Bytes in front of every payload that name the process which published it.
ORIGIN_BYTES = 16
#: For a process that has no subscriptions.
NO_ORIGIN = bytes(ORIGIN_BYTES)
#: What a process publishes to hear it itself.
_ECHO = b"echo"


class _Link(asyncio.Protocol):
    """One connection to Redis. Commands of one turn of the loop leave together.

    redis-py connects, with all its options; then its transport is read and written here, because its
    streams cost a task switch for every read and write. Replies are passed to `heard`. `lost` is called
    when the connection breaks, never after `close`.
    """

    def __init__(self, connection: Any, heard: Callable[[Any], None], lost: Callable[[], object]) -> None:
        self._connection, self._heard, self._lost = connection, heard, lost
        self._reader = hiredis.Reader()
        self._out: list[bytes] = []
        self._closing: asyncio.Task[None] | None = None
        self._transport: Any = connection._writer.transport
        self._transport.set_protocol(self)

    def write(self, *command: bytes | str) -> bool:
        """Queue a command for this turn of the loop; False when too much is waiting."""
        if self._transport.get_write_buffer_size() > BACKLOG_MAX:
            return False
        if not self._out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._out.append(hiredis.pack_command(command))  # type: ignore[arg-type]
        return True

    def _flush(self) -> None:
        out, self._out = self._out, []
        if not self._transport.is_closing():
            self._transport.write(b"".join(out))

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            if isinstance(reply, hiredis.ReplyError):
                log.error("hub: Redis refuses: %s", reply)
            else:
                self._heard(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost()

    def close(self) -> None:
        self._lost = lambda: None
        self._transport.abort()
        if self._closing is None:
            disconnected = self._connection.disconnect(nowait=True)
            self._closing = asyncio.get_running_loop().create_task(disconnected)

    async def closed(self) -> None:
        if self._closing is not None:
            await self._closing


class Shard(RedisSingleShardConnection):
    """Publishes to and hears from one Redis server, for the loop layer `channel_layer`.

    Before the first subscription it behaves as in channels-redis: a publish is awaited, and raises if
    Redis is away. From then on it keeps two connections. When one breaks, both are renewed and all
    names subscribed again.

    A process that is alone publishes nothing. Every process subscribes to the name `_processes`,
    publishes a greeting there when it has connected, and asks Redis every few seconds how many
    subscribe to it.
    """

    def __init__(self, host: dict[str, Any], channel_layer: Any) -> None:
        super().__init__(host, channel_layer)
        self.origin = uuid.uuid4().bytes
        self._processes = f"{channel_layer.prefix}__processes__"
        self._greetings = 0
        self.has_company = True
        #: Per count that was requested, the greetings received before it.
        self._counting: deque[int] = deque()
        #: The numbers of the last name that was to be subscribed and of the last that Redis has confirmed, and per name
        #: those that it has not.
        self._asked = self._confirmed = 0
        self._unconfirmed: defaultdict[str, list[int]] = defaultdict(list)
        #: Those who wait until Redis has come to a number, in the order of the numbers: it confirms in order.
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        #: One future for each echo that somebody waits for.
        self._echoes: list[asyncio.Future[None]] = []
        self._publisher: _Link | None = None
        self._subscriber: _Link | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._pool = create_pool(host)
        self._pool.connection_kwargs["socket_timeout"] = None  # an idle connection is not broken
        #: Whether connecting was tried once.
        self._tried = asyncio.Event()
        self._broken = asyncio.Event()
        self._answered = asyncio.Event()

    @property
    def is_up(self) -> bool:
        """Whether other processes receive what is published now."""
        return self._publisher is not None

    # Publishing -------------------------------------------------------------------------------------------------------

    def write(self, name: str, payload: bytes) -> bool:
        """Publish to other processes, without waiting; False if they will not receive it."""
        if self._publisher is None:
            return False
        return not self.has_company or self._publisher.write("PUBLISH", name, self.origin + payload)

    async def publish(self, channel: str, message: bytes) -> None:
        """The layer's `send` and `group_send`. Raises redis.ConnectionError when Redis is away."""
        if self._keeper is None:
            await super().publish(channel, self.origin + message)
        elif not self.write(channel, message):
            raise redis.ConnectionError("Redis is away: only this process received the message")

    async def round_trip(self) -> None:
        """Publish something and hear it. Raises redis.ConnectionError if that takes too long."""
        heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._echoes.append(heard)
        if self._publisher is not None:
            self._publisher.write("PUBLISH", self._processes, self.origin + _ECHO)
        try:
            async with asyncio.timeout(ECHO_TIMEOUT_SECONDS):
                await heard
        except TimeoutError as error:
            raise redis.ConnectionError("what is published is not heard") from error
        finally:
            self._echoes.remove(heard)

    # Subscribing ------------------------------------------------------------------------------------------------------

    async def subscribe(self, channel: str) -> None:
        await self.subscribe_all([channel])

    async def unsubscribe(self, channel: str) -> None:
        self.unsubscribe_all([channel])

    async def subscribe_all(self, names: Collection[str]) -> None:
        """Subscribe to names.

        Returns when Redis has confirmed these and all earlier ones. Returns at once while Redis is away: when it is
        back, all of the layer's `names` are subscribed.
        """
        if self._subscriber is None:
            if self._keeper is None:
                self._keeper = asyncio.create_task(self._keep(), name="hub-redis")
            await self._tried.wait()
        elif names:
            self._send_subscribe(self._subscriber, names)
        if self._confirmed == self._asked:
            return
        loop = asyncio.get_running_loop()
        confirmed: asyncio.Future[None] = loop.create_future()
        self._waiting.append((self._asked, confirmed))
        timeout = loop.call_later(SUBSCRIBE_TIMEOUT_SECONDS, _let_go, confirmed)
        try:
            await confirmed
        finally:
            timeout.cancel()

    def unsubscribe_all(self, names: Collection[str]) -> None:
        if names and self._subscriber is not None:
            self._subscriber.write("UNSUBSCRIBE", *names)

    def _send_subscribe(self, subscriber: _Link, names: Collection[str]) -> None:
        if subscriber.write("SUBSCRIBE", *names):
            for name in names:
                self._asked += 1
                self._unconfirmed[name].append(self._asked)

    # Hearing ----------------------------------------------------------------------------------------------------------

    def _heard(self, reply: Any) -> None:
        if not isinstance(reply, list):
            reply = [reply.lower()]  # a PONG of RESP3
        match reply[0]:
            case b"message":
                name, payload = reply[1].decode(), reply[2]
                if name == self._processes:
                    self._heard_process(payload)
                # Our own messages were delivered when they were published.
                elif len(payload) > ORIGIN_BYTES and not payload.startswith(self.origin):
                    self.channel_layer.deliver(name, payload[ORIGIN_BYTES:])
            case b"subscribe":
                self._confirm(reply[1].decode())
            case b"pong":
                self._answered.set()

    def _heard_process(self, payload: bytes) -> None:
        """A process has connected, or listens to itself."""
        if payload == self.origin + _ECHO:
            for heard in self._echoes:
                if not heard.done():
                    heard.set_result(None)
        elif len(payload) == ORIGIN_BYTES and payload != self.origin:
            self._greetings += 1
            self.has_company = True

    def _confirm(self, name: str) -> None:
        if not (numbers := self._unconfirmed.get(name)):
            return
        self._confirmed = numbers.pop(0)
        if not numbers:
            del self._unconfirmed[name]
        while self._waiting and self._waiting[0][0] <= self._confirmed:
            _let_go(self._waiting.popleft()[1])

    def _count(self) -> None:
        """Request the number of processes. No other command of this connection has a reply."""
        if self._publisher is not None:
            self._publisher.write("CLIENT", "REPLY", "ON")
            self._publisher.write("PUBSUB", "NUMSUB", self._processes)
            self._publisher.write("CLIENT", "REPLY", "OFF")
            self._counting.append(self._greetings)

    def _answer(self, reply: Any) -> None:
        if isinstance(reply, list):
            # A process that greeted after the request may not have been counted.
            self.has_company = reply[1] > 1 or self._counting.popleft() != self._greetings

    # Connecting -------------------------------------------------------------------------------------------------------

    async def flush(self) -> None:
        """Close the connections and forget the subscriptions."""
        if self._keeper is not None:
            self._keeper.cancel()
            self._keeper = None
        links = self._drop()
        self._tried.clear()
        for link in links:
            await link.closed()
        pools = [self._pool, *([self._redis.connection_pool] if self._redis is not None else [])]
        await super().flush()
        for pool in pools:
            if (manager := getattr(pool, "sentinel_manager", None)) is not None:
                for sentinel in manager.sentinels:
                    await sentinel.aclose()
        await asyncio.sleep(0)  # closed transports end in the next turn of the loop

    def _drop(self) -> list[_Link]:
        links = [link for link in (self._publisher, self._subscriber) if link is not None]
        for link in links:
            link.close()
        self._publisher = self._subscriber = None
        self.has_company = True
        self._counting.clear()
        self._unconfirmed.clear()
        self._confirmed = self._asked
        while self._waiting:
            _let_go(self._waiting.popleft()[1])
        self._broken.set()
        self._answered.set()  # wake those who wait for an answer
        return links

    async def _keep(self) -> None:
        """Connect, and again whenever a connection breaks or Redis answers nothing."""
        is_first = True
        while True:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                    await self._connect()
            except (redis.RedisError, OSError) as error:  # TimeoutError is an OSError
                self._drop()
                log.log(logging.WARNING if is_first else logging.DEBUG, "hub: Redis is away: %s", error or "no answer")
            else:
                if not is_first:
                    log.info("hub: Redis is back, %d topics", len(self.channel_layer.names()))
                self._tried.set()
                await self._watch()
                self._drop()
            is_first = False
            self._tried.set()
            await asyncio.sleep(RETRY_SECONDS)  # also where a server accepts and closes at once

    async def _watch(self) -> None:
        """Return when a connection breaks or a ping gets no answer: a stopped Redis keeps them open."""
        while True:
            self._answered.clear()
            if self._subscriber is not None:
                self._subscriber.write("PING")
            self._count()
            try:
                async with asyncio.timeout(PING_SECONDS):
                    await self._broken.wait()
                return
            except TimeoutError:
                if not self._answered.is_set():
                    log.warning("hub: Redis does not answer")
                    return

    async def _connect(self) -> None:
        """Open both connections and wait for a PONG: a stopped Redis accepts connections, too."""
        self._broken.clear()
        async with AsyncExitStack() as unless_it_answers:
            publisher = await self._open(self._answer)
            unless_it_answers.callback(publisher.close)
            subscriber = await self._open(self._heard)
            unless_it_answers.callback(subscriber.close)
            self._answered.clear()
            subscriber.write("SUBSCRIBE", self._processes)
            subscriber.write("PING")
            await self._answered.wait()
            if self._broken.is_set():
                raise redis.ConnectionError("Redis closed the connection")
            unless_it_answers.pop_all()
        self._publisher, self._subscriber = publisher, subscriber
        publisher.write("CLIENT", "REPLY", "OFF")  # the number of receivers is not used
        publisher.write("PUBLISH", self._processes, self.origin)
        if names := self.channel_layer.names():
            self._send_subscribe(subscriber, names)

    async def _open(self, heard: Callable[[Any], None]) -> _Link:
        connection = self._pool.make_connection()
        await connection.connect()
        return _Link(connection, heard, self._drop)


def _let_go(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)
