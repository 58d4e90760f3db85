"""This process's part of the hub: its sockets, its channel in the layer, and its periodic jobs."""

import asyncio
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from channels.layers import get_channel_layer
from django.core.exceptions import ImproperlyConfigured

from chatproject.core import metrics, redis
from chatproject.core.db.transactions import as_busy
from chatproject.core.hub.frames import FramedEvents
from chatproject.core.hub.layer import Layer, LoopLayer, encode, is_event, payload_of
from chatproject.core.hub.registry import SIGN_IN, Registry, Socket, paused
from chatproject.core.hub.shard import ECHO_TIMEOUT_SECONDS
from chatproject.core.hub.topics import EVERYONE, room_topic, user_topic

log = logging.getLogger(__name__)

#: A job that is given some of the sockets.
InTurns = Callable[[Sequence[Socket]], Awaitable[None]]


def _channel_layer() -> Layer:
    layer = get_channel_layer()
    if not isinstance(layer, Layer):
        raise ImproperlyConfigured(f"CHANNEL_LAYERS: the sockets of a chat need {Layer.__module__}.{Layer.__name__}.")
    return layer


class _Hub:
    """The state of one process. All of it belongs to one event loop, but for `_outgoing`."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.layer: LoopLayer | None = None
        #: Our channel in the layer: a member of the group of every topic that a socket here needs.
        self._channel = ""
        self._ready: asyncio.Event | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._outgoing: deque[tuple[str, bytes] | Callable[[], object]] = deque()
        self._woken = threading.Lock()
        #: When the first of what is outgoing was published; 0.0 while nothing is.
        self._published_at = 0.0
        self._incoming: dict[str, list[bytes]] = {}
        #: What single sockets are sent before the events of this turn.
        self._direct: dict[Socket, list[bytes]] = {}
        #: What was delivered in this turn of the loop.
        self._events = self._deliveries = 0
        self._listeners: list[Callable[[str, bytes], None]] = []
        self._seen: Callable[[Socket], Coroutine[Any, Any, None]] | None = None
        self._jobs: list[tuple[float, Callable[[], Awaitable[None]]]] = []
        self._jobs_in_turns: list[tuple[int, InTurns]] = []

    # Starting ---------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start once: with the process, or with the first socket if the server has no lifespan."""
        loop = asyncio.get_running_loop()
        if self.loop is not loop:
            self.loop, self._ready = loop, asyncio.Event()
            self.layer = _channel_layer().here()
            self._channel = await self.layer.listen(self._hear)
            for seconds, job in self._jobs:
                self.spawn(self._repeat(seconds, job))
            for turns, job_in_turns in self._jobs_in_turns:
                self.spawn(self._take_turns(turns, job_in_turns))
            self._ready.set()
        assert self._ready is not None
        await self._ready.wait()

    async def stop(self) -> None:
        """End the jobs and the connections to Redis. The server closes the sockets."""
        if self.layer is None:
            return
        for task in tuple(self._tasks):
            task.cancel()
        await self.layer.flush()
        self.loop = self.layer = None

    def spawn(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)  # the loop keeps only weak references
        task.add_done_callback(self._tasks.discard)
        return task

    def add_job(self, seconds: float, job: Callable[[], Awaitable[None]]) -> None:
        self._jobs.append((seconds, job))

    def add_job_in_turns(self, seconds: int, job: InTurns) -> None:
        self._jobs_in_turns.append((seconds, job))

    async def _repeat(self, seconds: float, job: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            await self._run(job.__name__, job())

    async def _take_turns(self, seconds: int, job: InTurns) -> None:
        """Call `job` every second with a part of the sockets. What takes longer is made up for."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        for turn in itertools.count():
            due = max(due + 1, loop.time() - seconds)  # not for the night in which a machine slept
            await asyncio.sleep(due - loop.time())
            await self._run(job.__name__, job(self.registry.part(turn, of=seconds)))

    async def _run(self, name: str, job: Awaitable[None]) -> None:
        try:
            await job
        except redis.Unavailable as away:
            log.debug("hub: %s waits for Redis: %s", name, away)
        except Exception as error:
            if as_busy(error) is None:
                log.exception("hub: %s failed, and will be tried again", name)

    # Sending ----------------------------------------------------------------------------------------------------------

    def publish(self, topic: str, payload: bytes) -> None:
        if self.loop is None or self.loop.is_closed():
            self._publish_without_loop(topic, payload)
        else:
            self._put((topic, payload))

    def soon(self, call: Callable[[], object]) -> None:
        if self.loop is None or self.loop.is_closed():
            call()
        else:
            self._put(call)

    def _put(self, item: tuple[str, bytes] | Callable[[], object]) -> None:
        assert self.loop is not None
        self._outgoing.append(item)
        if self._woken.acquire(blocking=False):  # one wake-up per turn of the loop
            self._published_at = time.perf_counter()
            self.loop.call_soon_threadsafe(self._send_outgoing)

    def _publish_without_loop(self, topic: str, payload: bytes) -> None:
        """From a management command, or a web process without sockets."""
        try:
            with redis.client() as connection:
                connection.publish(*_channel_layer().published(topic, payload))
        except redis.Unavailable as away:
            log.warning("hub: an event was not published: %s", type(away).__name__)

    def _send_outgoing(self) -> None:
        self._woken.release()
        assert self.layer is not None
        while self._outgoing:
            item = self._outgoing.popleft()
            if not isinstance(item, tuple):
                try:
                    item()
                except Exception:
                    log.exception("hub: a call failed")
            else:
                self.layer.publish(*item)

    def push_with_events(self, socket: Socket, text: bytes) -> None:
        """Send a text to one socket; if it is sent events in this turn of the loop, before them and in one write."""
        if self.loop is None:  # it has stopped
            socket.push(text)
            return
        if not self._direct and not self._incoming:
            asyncio.get_running_loop().call_soon(self._deliver)
        self._direct.setdefault(socket, []).append(text)

    # Hearing ----------------------------------------------------------------------------------------------------------

    def _hear(self, topic: str, payload: bytes) -> None:
        """Take a payload that the layer delivers, published by this process or another."""
        if not is_event(payload):
            return  # another app's message to its own consumers
        if not self._incoming:
            asyncio.get_running_loop().call_soon(self._deliver)
        self._incoming.setdefault(topic, []).append(payload)

    def _deliver(self) -> None:
        """Push what arrived in this turn of the loop, topic by topic."""
        incoming, self._incoming = self._incoming, {}
        self._events = self._deliveries = 0
        for topic, payloads in incoming.items():
            texts: list[bytes] = []
            skips: list[bytes] = []  # per text, the id of the socket that has it already
            for payload in payloads:
                head, _, text = payload.partition(b"\n")
                if text:
                    for listener in self._listeners:
                        listener(topic, text)
                if head.startswith(b"{"):
                    self._push(topic, texts, skips)  # events before a command stay before it
                    texts, skips = [], []
                    self._apply_command(topic, orjson.loads(head), text)
                else:
                    texts.append(text)
                    skips.append(head)
            self._push(topic, texts, skips)
        while self._direct:
            socket, ahead = self._direct.popitem()
            socket.outbox.push(FramedEvents(ahead))
        if self._events:
            metrics.events.inc(self._events)
            metrics.deliveries.inc(self._deliveries)
        if self._published_at:
            metrics.delivery_seconds.observe(time.perf_counter() - self._published_at)
            self._published_at = 0.0

    def _push(self, topic: str, texts: list[bytes], skips: list[bytes]) -> None:
        sockets = self.registry.topics.get(topic)
        if not texts or not sockets:
            return
        self._events += len(texts)
        self._deliveries += len(texts) * len(sockets)
        events: FramedEvents | None = None  # often the only socket is the sender's, which has them
        skipping = {skip.decode() for skip in skips if skip}
        for socket in sockets:
            ahead = self._direct.pop(socket, None) if self._direct else None
            if ahead or socket.id in skipping:
                others = ahead or []
                others += [text for text, skip in zip(texts, skips, strict=True) if skip.decode() != socket.id]
                if others:
                    socket.outbox.push(FramedEvents(others))
            else:
                events = events or FramedEvents(texts)
                socket.outbox.push(events)

    def _apply_command(self, topic: str, command: Mapping[str, Any], text: bytes) -> None:
        """Apply a command in its place among the topic's events. `text`: the event it carries."""
        if subscribed := command.get("subscribe"):
            self.spawn(self._subscribe_user(UUID(command["user"]), subscribed, text))
        elif unsubscribed := command.get("unsubscribe"):
            if text:
                self._push(topic, [text], [b""])
            stays = command.get("stays")
            for socket in tuple(self.registry.users.get(UUID(unsubscribed), ())):
                if stays:
                    self.registry.join(socket, [paused(topic)])  # the process is subscribed already
                self.leave(socket, [topic] if stays else [topic, paused(topic)])
        elif changed := command.get("changed"):
            for socket in self.registry.users.get(UUID(changed), ()):
                was_visible, socket.is_visible = socket.is_visible, bool(command["visible"])
                socket.is_announced &= socket.is_visible
                socket.is_outdated = True
                if socket.is_visible and not was_visible and self._seen is not None:
                    self.spawn(self._seen(socket))
        elif signed_out := command.get("close"):
            self._close(UUID(signed_out), command, text)

    async def add(self, topics: Iterable[str]) -> None:
        """Subscribe to topics that sockets here need; returns when Redis has confirmed."""
        assert self.layer is not None
        await self.layer.add(topics, self._channel)

    def leave(self, socket: Socket, topics: Iterable[str]) -> None:
        self.discard(self.registry.leave(socket, topics))

    def discard(self, topics: Iterable[str]) -> None:
        """Unsubscribe from topics that no socket here needs any more."""
        if self.layer is not None:
            self.layer.discard(topics, self._channel)

    async def _subscribe_user(self, user_id: UUID, topic: str, text: bytes) -> None:
        """Subscribe, then push `text`: a client that loads the room on it misses no later event."""
        sockets = tuple(self.registry.users.get(user_id, ()))
        for socket in sockets:
            needed = self.registry.join(socket, [topic])
            self.leave(socket, [paused(topic)])
            await self.add(needed)
        for socket in sockets:
            socket.push(text)

    def _close(self, user_id: UUID, command: Mapping[str, Any], goodbye: bytes) -> None:
        for socket in tuple(self.registry.users.get(user_id, ())):
            if command["device"] in ("", str(socket.device_id)) and command["but"] != str(socket.device_id):
                socket.push(goodbye)
                socket.close(command["code"])


_hub = _Hub()


# For services and events, from any thread -----------------------------------------------------------------------------


def publish(topic: str, event: str, data: Any, *, skip: str = "") -> None:
    """Send an event to a topic, but not to the socket `skip`. From any thread; never waits."""
    _hub.publish(topic, payload_of(encode(event, data), skip.encode()))


def publish_to(topics: Iterable[str], event: str, data: bytes, *, skip: str = "") -> None:
    """Like `publish`, to several topics, with `data` encoded as JSON."""
    payload = payload_of(b'{"event":"%b","data":%b}' % (event.encode(), data), skip.encode())
    for topic in topics:
        _hub.publish(topic, payload)


def soon(call: Callable[[], object]) -> None:
    """Call `call` on the event loop, in order with published events; here if there is no loop."""
    _hub.soon(call)


def unsubscribe_user(user_id: UUID, room_id: UUID, event: str = "", data: Any = None, *, stays: bool = False) -> None:
    """Unsubscribe a person's sockets from a room, in order with the room's events.

    `event`, if given, goes to the whole room and is the last that they receive. With `stays` they are
    only paused: still found among the topic's `members`.
    """
    text = encode(event, data) if event else b""
    command = {"unsubscribe": str(user_id), "stays": "1" if stays else ""}
    _hub.publish(room_topic(room_id), payload_of(text, orjson.dumps(command)))


def subscribe_user(user_id: UUID, room_id: UUID, event: str, data: Any) -> None:
    """Subscribe a person's live sockets to a room, then send them `event`."""
    command = {"subscribe": room_topic(room_id), "user": str(user_id)}
    _hub.publish(user_topic(user_id), payload_of(encode(event, data), orjson.dumps(command)))


def person_changed(user_id: UUID, *, is_visible: bool) -> None:
    """Mark a person's live sockets outdated, and whether others may see that the person is here."""
    command = {"changed": str(user_id), "visible": "yes" if is_visible else ""}
    _hub.publish(user_topic(user_id), payload_of(b"", orjson.dumps(command)))


def close_sockets(
    *, user_id: UUID, device_id: UUID | None = None, but: UUID | None = None, code: int = SIGN_IN, reason: str = ""
) -> None:
    """Send `OnLogout` to a person's live sockets and close them: one device's, or all `but` one's."""
    command = {"close": str(user_id), "device": str(device_id or ""), "but": str(but or ""), "code": code}
    _hub.publish(user_topic(user_id), payload_of(encode("OnLogout", {"reason": reason}), orjson.dumps(command)))


def subscribed(topics: Sequence[str]) -> list[bool]:
    """Per topic, whether a process is subscribed to it. Raises redis.Unavailable."""
    layer = _channel_layer()
    with redis.client() as connection:
        counts: Any = connection.pubsub_numsub(*map(layer.redis_channel, topics))
    return [count > 0 for _, count in counts]


def round_trip() -> None:
    """Publish something and hear it in this process, by way of Redis; from any thread but the event loop's.

    Raises redis.Unavailable or TimeoutError. A process that has not begun to listen carries nothing yet, and is well.
    """
    if _hub.loop is not None and _hub.layer is not None:
        trip = asyncio.run_coroutine_threadsafe(_hub.layer.shard.round_trip(), _hub.loop)
        trip.result(2 * ECHO_TIMEOUT_SECONDS)


# For the consumer, on the event loop ----------------------------------------------------------------------------------


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    """The ASGI application for `lifespan`: starts and stops the hub with the process."""
    while True:
        match (await receive())["type"]:
            case "lifespan.startup":
                await _hub.start()
                await send({"type": "lifespan.startup.complete"})
            case "lifespan.shutdown":
                await _hub.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return


def push_with_events(socket: Socket, text: bytes) -> None:
    """Send a text to one socket: before the events that it is sent in this turn of the loop, and in one write."""
    _hub.push_with_events(socket, text)


async def register(socket: Socket, topics: Iterable[str]) -> None:
    """Add a new socket with its topics; returns when they are subscribed."""
    await _hub.start()
    _hub.registry.add(socket)
    await join(socket, [*topics, EVERYONE])


def open_sockets(user_id: UUID) -> int:
    """How many sockets a person has in this process."""
    return len(_hub.registry.users.get(user_id, ()))


def unregister(socket: Socket) -> None:
    """Forget a socket that is gone."""
    socket.outbox.close()
    _hub.discard(_hub.registry.remove(socket))


async def close_all(code: int) -> None:
    """Close every socket of this process; returns when all are gone."""
    while sockets := tuple(_hub.registry.sockets.values()):  # including those that open meanwhile
        for socket in sockets:
            socket.close(code)
        await asyncio.sleep(0.01)


async def join(socket: Socket, topics: Iterable[str]) -> None:
    """Add topics to a socket; returns when they are subscribed, by this call or an earlier one."""
    await _hub.add(_hub.registry.join(socket, topics))


def leave(socket: Socket, topics: Iterable[str]) -> None:
    _hub.leave(socket, topics)


def local() -> Registry:
    """The sockets of this process."""
    return _hub.registry


def listen(listener: Callable[[str, bytes], None]) -> None:
    """Call `listener(topic, text)` for every event that reaches this process. It must be quick."""
    _hub._listeners.append(listener)


def when_seen(arrive: Callable[[Socket], Coroutine[Any, Any, None]]) -> None:
    """Call `arrive(socket)` for each socket here of a person who appeared offline and does so no more."""
    _hub._seen = arrive


def every(seconds: float, job: Callable[[], Awaitable[None]]) -> None:
    """Run `job` every so many seconds once the hub has started. Call it before that."""
    _hub.add_job(seconds, job)


def in_turns(seconds: int, job: InTurns) -> None:
    """Run `job` every second with some of the sockets, so that each has its turn once in so many seconds, a divisor of
    PARTS. Call it before the hub starts.
    """
    _hub.add_job_in_turns(seconds, job)
