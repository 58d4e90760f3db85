"""This process's part of the hub: its sockets, its way to the other processes, and the jobs that keep them true."""

import asyncio
import logging
import threading
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings

from chatproject.core import redis
from chatproject.core.hub.bus import Bus
from chatproject.core.hub.frames import Parcel
from chatproject.core.hub.registry import SIGN_IN, Registry, Socket, paused
from chatproject.core.hub.topics import EVERYONE, room_topic, user_topic

log = logging.getLogger(__name__)


def encode(event: str, data: Any, **extra: Any) -> bytes:
    """A frame's text. `data` may be an `orjson.Fragment` that was encoded before."""
    return orjson.dumps({"event": event, **extra, "data": data}, default=str)


class _Hub:
    """This process's part: its sockets, its bus, and the jobs that keep them true."""

    def __init__(self) -> None:
        self.process = uuid.uuid4().hex
        self._origin = self.process.encode()
        self.registry = Registry()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.bus: Bus | None = None
        self._ready: asyncio.Event | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._outgoing: deque[tuple[str, bytes] | Callable[[], object]] = deque()
        self._woken = threading.Lock()
        self._incoming: dict[str, list[bytes]] = {}
        self._listeners: list[Callable[[str, bytes], None]] = []
        self._jobs: list[tuple[float, Callable[[], Awaitable[None]]]] = []

    # Starting ---------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin with the process, or where the server knows no lifespan with the first socket; once."""
        loop = asyncio.get_running_loop()
        if self.loop is not loop:
            self.loop, self._ready = loop, asyncio.Event()
            self.bus = Bus(settings.REDIS_URL, self._hear_others, name=self._origin)
            await self.bus.start()
            for seconds, job in self._jobs:
                self.spawn(self._repeat(seconds, job))
            self._ready.set()
        assert self._ready is not None
        await self._ready.wait()

    async def stop(self) -> None:
        """End the jobs and the connections; the sockets are the server's to close."""
        if self.bus is None:
            return
        for task in tuple(self._tasks):
            task.cancel()
        await self.bus.stop()
        self.loop = self.bus = None

    def spawn(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)  # the loop keeps only weak references
        task.add_done_callback(self._tasks.discard)
        return task

    def add_job(self, seconds: float, job: Callable[[], Awaitable[None]]) -> None:
        self._jobs.append((seconds, job))

    async def _repeat(self, seconds: float, job: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await job()
            except redis.Unavailable as away:
                log.debug("hub: %s waits for Redis: %s", job.__name__, away)
            except Exception:
                log.exception("hub: %s failed, and will be tried again", job.__name__)

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
        if self._woken.acquire(blocking=False):  # one wake-up for all that is put in before the loop turns
            self.loop.call_soon_threadsafe(self._send_outgoing)

    def _publish_without_loop(self, topic: str, payload: bytes) -> None:
        """A command, or a web process without sockets."""
        try:
            with redis.client() as connection:
                connection.publish(topic, self._origin + payload)
        except redis.Unavailable as away:
            log.warning("hub: nobody was told of an event: %s", type(away).__name__)

    def _send_outgoing(self) -> None:
        self._woken.release()
        assert self.bus is not None
        while self._outgoing:
            item = self._outgoing.popleft()
            if not isinstance(item, tuple):
                try:
                    item()
                except Exception:
                    log.exception("hub: a call failed")
            else:
                topic, payload = item
                self._hear(topic, payload)
                self.bus.publish(topic, self._origin + payload)

    # Hearing ----------------------------------------------------------------------------------------------------------

    def _hear_others(self, topic: str, payload: bytes) -> None:
        """What Redis brings: what this process published itself was heard here already."""
        if not payload.startswith(self._origin):
            self._hear(topic, payload[len(self._origin) :])

    def _hear(self, topic: str, payload: bytes) -> None:
        if not self._incoming:
            asyncio.get_running_loop().call_soon(self._deliver)
        self._incoming.setdefault(topic, []).append(payload)

    def _deliver(self) -> None:
        """Everything that was heard in this turn of the loop, topic by topic."""
        incoming, self._incoming = self._incoming, {}
        for topic, payloads in incoming.items():
            texts: list[bytes] = []
            skips: list[bytes] = []  # for each text, the socket that has it already
            for payload in payloads:
                head, _, text = payload.partition(b"\n")
                if text:
                    for listener in self._listeners:
                        listener(topic, text)
                if head.startswith(b"{"):
                    self._push(topic, texts, skips)  # what came before a command keeps its place
                    texts, skips = [], []
                    self._apply_command(topic, orjson.loads(head), text)
                else:
                    texts.append(text)
                    skips.append(head)
            self._push(topic, texts, skips)

    def _push(self, topic: str, texts: list[bytes], skips: list[bytes]) -> None:
        hearers = self.registry.topics.get(topic)
        if not texts or not hearers:
            return
        parcel: Parcel | None = None  # often the only hearer is the sender, who has it
        skipping = {skip.decode() for skip in skips if skip}
        for socket in hearers:
            if socket.id in skipping:
                others = [text for text, skip in zip(texts, skips, strict=True) if skip.decode() != socket.id]
                if others:
                    socket.outbox.push(Parcel(others))
            else:
                parcel = parcel or Parcel(texts)
                socket.outbox.push(parcel)

    def _apply_command(self, topic: str, command: Mapping[str, Any], text: bytes) -> None:
        """Apply a command in its place among the topic's events; its own event is the last that is heard."""
        if subscribed := command.get("subscribe"):
            self.spawn(self._subscribe_user(UUID(command["user"]), subscribed, text))
        elif unsubscribed := command.get("unsubscribe"):
            if text:
                self._push(topic, [text], [b""])
            stays = command.get("stays")
            for socket in tuple(self.registry.users.get(UUID(unsubscribed), ())):
                if stays:
                    self.registry.join(socket, [paused(topic)])  # the process listens already
                self._leave(socket, [topic] if stays else [topic, paused(topic)])
        elif changed := command.get("changed"):
            for socket in self.registry.users.get(UUID(changed), ()):
                socket.is_visible = bool(command["visible"])
                socket.is_outdated = True
        elif signed_out := command.get("close"):
            self._close(UUID(signed_out), command, text)

    def _leave(self, socket: Socket, topics: Iterable[str]) -> None:
        assert self.bus is not None
        self.bus.unsubscribe(self.registry.leave(socket, topics))

    async def _subscribe_user(self, user_id: UUID, topic: str, text: bytes) -> None:
        """First the subscription, then the word: whoever reads the room on hearing it has missed nothing after it."""
        assert self.bus is not None
        sockets = tuple(self.registry.users.get(user_id, ()))
        for socket in sockets:
            listened = self.registry.join(socket, [topic])
            self._leave(socket, [paused(topic)])
            await self.bus.subscribe(listened)
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
    """Tell everyone who hears `topic`, but for the socket `skip`. Any thread; never fails, never waits."""
    _hub.publish(topic, skip.encode() + b"\n" + encode(event, data))


def publish_to(topics: Iterable[str], event: str, data: bytes, *, skip: str = "") -> None:
    """The same to several topics, of data that is JSON already."""
    payload = b'%b\n{"event":"%b","data":%b}' % (skip.encode(), event.encode(), data)
    for topic in topics:
        _hub.publish(topic, payload)


def soon(call: Callable[[], object]) -> None:
    """Call this on the event loop, in order with what is published. Any thread; without a loop it is called here."""
    _hub.soon(call)


def unsubscribe_user(user_id: UUID, room_id: UUID, event: str = "", data: Any = None, *, stays: bool = False) -> None:
    """Let a person's sockets leave a room, in order with its events: nothing published later reaches them.

    `event`, where given, is the last thing they hear there; the others in the room hear it too. Who `stays` is still
    found among the room's `members`, and hears nothing.
    """
    text = encode(event, data) if event else b""
    command = {"unsubscribe": str(user_id), "stays": "1" if stays else ""}
    _hub.publish(room_topic(room_id), orjson.dumps(command) + b"\n" + text)


def subscribe_user(user_id: UUID, room_id: UUID, event: str, data: Any) -> None:
    """Let a person's live sockets hear a room from now on; when they do, they are told `event`."""
    command = {"subscribe": room_topic(room_id), "user": str(user_id)}
    _hub.publish(user_topic(user_id), orjson.dumps(command) + b"\n" + encode(event, data))


def person_changed(user_id: UUID, *, is_visible: bool) -> None:
    """Let a person's live sockets know that what they know of him is outdated, and whether others may see him here."""
    command = {"changed": str(user_id), "visible": "yes" if is_visible else ""}
    _hub.publish(user_topic(user_id), orjson.dumps(command) + b"\n")


def close_sockets(
    *, user_id: UUID, device_id: UUID | None = None, but: UUID | None = None, code: int = SIGN_IN, reason: str = ""
) -> None:
    """Close a person's live sockets everywhere: one device's, or all `but` one device's. They hear `OnLogout` first."""
    command = {"close": str(user_id), "device": str(device_id or ""), "but": str(but or ""), "code": code}
    _hub.publish(user_topic(user_id), orjson.dumps(command) + b"\n" + encode("OnLogout", {"reason": reason}))


# For the consumer, on the event loop ----------------------------------------------------------------------------------


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    """The ASGI application of a process's life: the hub begins and ends with it."""
    while True:
        match (await receive())["type"]:
            case "lifespan.startup":
                await _hub.start()
                await send({"type": "lifespan.startup.complete"})
            case "lifespan.shutdown":
                await _hub.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return


async def register(socket: Socket, topics: Iterable[str]) -> None:
    """Let a new socket hear its topics; returns when it does."""
    await _hub.start()
    _hub.registry.add(socket)
    await join(socket, [*topics, EVERYONE])


def unregister(socket: Socket) -> None:
    """Forget a socket that is gone."""
    socket.outbox.close()
    topics = _hub.registry.remove(socket)
    if _hub.bus is not None:
        _hub.bus.unsubscribe(topics)


async def close_all(code: int) -> None:
    """Close every socket of this process; returns when each has been told."""
    while sockets := tuple(_hub.registry.sockets.values()):  # and those that open meanwhile
        for socket in sockets:
            socket.close(code)
        await asyncio.sleep(0.01)


async def join(socket: Socket, topics: Iterable[str]) -> None:
    """Let a socket hear more; returns when it does, even where another socket of this process asked first."""
    assert _hub.bus is not None
    await _hub.bus.subscribe(_hub.registry.join(socket, topics))


def leave(socket: Socket, topics: Iterable[str]) -> None:
    _hub._leave(socket, topics)


def local() -> Registry:
    """The sockets of this process."""
    return _hub.registry


def listen(listener: Callable[[str, bytes], None]) -> None:
    """Call `listener(topic, text)` once per process for every event it hears. It must be quick."""
    _hub._listeners.append(listener)


def every(seconds: float, job: Callable[[], Awaitable[None]]) -> None:
    """Run `job` again and again while this process has had a socket. Called before the first one."""
    _hub.add_job(seconds, job)
