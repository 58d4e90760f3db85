"""The channel layer: channels-redis' pub/sub layer with what a chat needs. See docs/channels.md.

- A message reaches the channels of its own process at once, with or without Redis. It goes through
  Redis only while another process lives, and once, however many channels are in the group.
- An event of the chat travels as the JSON that sockets are sent, so the hub does not decode it. A
  consumer receives it as `{"type": "chat.event", "event": ..., "data": ...}`. Every other message
  travels as msgpack.
- Delivery is at most once, in order per sender and group. Nothing is queued while Redis is away.
"""

import asyncio
import uuid
from collections.abc import Callable, Iterable
from typing import Any

import orjson
from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer
from channels_redis.utils import _wrap_close, decode_hosts

from chatproject.core.hub.shard import NO_ORIGIN, Shard

#: The `type` of a message that is an event of the chat.
EVENT_TYPE = "chat.event"

#: msgpack's maps begin with this byte or a higher one, our own payloads with ASCII.
_MSGPACK_MAP = 0x80


def encode(event: str, data: Any, **extra: Any) -> bytes:
    """A frame's text. `data` may be an `orjson.Fragment` that was encoded before."""
    return orjson.dumps({"event": event, **extra, "data": data}, default=str)


def payload_of(text: bytes, head: bytes = b"") -> bytes:
    """An event's text as it travels.

    `head`: the id of a socket that is not sent the event, or a command to the hub as JSON.
    """
    return head + b"\n" + text


def is_event(payload: bytes) -> bool:
    """Whether a payload is `payload_of` something, and not another message, in msgpack."""
    return payload[0] < _MSGPACK_MAP


class Layer(RedisPubSubChannelLayer):
    """The `BACKEND` of CHANNEL_LAYERS.

    `hosts`: one Redis, as channels-redis describes it. `prefix`: what all names in Redis begin with.
    """

    def __init__(self, *, hosts: list[Any], prefix: str) -> None:
        super().__init__(hosts=hosts, prefix=prefix)

    def redis_channel(self, group: str) -> str:
        """The name under which Redis knows a group."""
        return f"{self._kwargs['prefix']}__group__{group}"

    def published(self, group: str, payload: bytes) -> tuple[str, bytes]:
        """The arguments of PUBLISH, to send a payload from where no event loop runs."""
        return self.redis_channel(group), NO_ORIGIN + payload

    def here(self) -> "LoopLayer":
        """The layer of the running event loop."""
        return self._get_layer()

    def _get_layer(self) -> "LoopLayer":
        loop = asyncio.get_running_loop()
        layer: LoopLayer | None = self._layers.get(loop)
        if layer is None:
            layer = self._layers[loop] = LoopLayer(*self._args, **self._kwargs, channel_layer=self)
            _wrap_close(self, loop)  # the connections end with their loop
        return layer

    def serialize(self, message: dict[str, Any]) -> bytes:
        if message.get("type") == EVENT_TYPE:
            return payload_of(encode(message["event"], message["data"]))
        payload: bytes = super().serialize(message)
        return payload

    def deserialize(self, message: bytes) -> dict[str, Any]:
        if is_event(message):
            return {"type": EVENT_TYPE, **orjson.loads(message.partition(b"\n")[2])}
        decoded: dict[str, Any] = super().deserialize(message)
        return decoded


class LoopLayer(RedisPubSubLoopLayer):
    """The layer of one event loop. `groups` and `channels` are this process's subscriptions."""

    groups: dict[str, frozenset[str]]
    channels: dict[str, asyncio.Queue[bytes]]

    def __init__(self, hosts: list[Any], **options: Any) -> None:
        super().__init__(hosts, **options)
        (host,) = decode_hosts(hosts)
        self.shard = Shard(host, self)
        self._shards = [self.shard]
        self._group_prefix = self.channel_layer.redis_channel("")
        #: Channels without a queue: the payloads of their groups are passed to a function.
        self._listeners: dict[str, Callable[[str, bytes], None]] = {}
        #: Per channel, the set of it alone. Most groups have one channel and share this set.
        self._alone: dict[str, frozenset[str]] = {}

    # For the hub ------------------------------------------------------------------------------------------------------

    async def listen(self, heard: Callable[[str, bytes], None]) -> str:
        """Make a channel whose groups' payloads are passed to `heard(group, payload)`."""
        channel = f"{self.prefix}listener.{uuid.uuid4().hex}"
        self._listeners[channel] = heard
        await self.shard.subscribe(channel)
        return channel

    def publish(self, group: str, payload: bytes) -> None:
        """Like `group_send`, without waiting. If Redis is away, only this process receives it."""
        name = self._group_prefix + group
        self._deliver(name, group, payload)
        self.shard.write(name, payload)

    async def add(self, groups: Iterable[str], channel: str) -> None:
        """Like `group_add` for several groups.

        Returns when Redis has confirmed these subscriptions and all earlier ones, or at once while it is away.
        """
        new = []
        alone = self._alone.setdefault(channel, frozenset([channel]))
        for group in groups:
            name = self._group_prefix + group
            if (others := self.groups.get(name)) is None:
                self.groups[name] = alone
                new.append(name)
            elif channel not in others:
                self.groups[name] = others | alone
        await self.shard.subscribe_all(new)

    def discard(self, groups: Iterable[str], channel: str) -> None:
        """Like `group_discard` for several groups, without waiting."""
        left = []
        for group in groups:
            name = self._group_prefix + group
            if rest := self.groups.get(name, frozenset()) - {channel}:
                self.groups[name] = rest
            elif self.groups.pop(name, None):
                left.append(name)
        self.shard.unsubscribe_all(left)

    # For the shard ----------------------------------------------------------------------------------------------------

    def names(self) -> list[str]:
        """All names in Redis that this process subscribes to."""
        return [*self._listeners, *self.channels, *self.groups]

    def deliver(self, name: str, payload: bytes) -> None:
        """Deliver a payload that another process published."""
        self._deliver(name, name.removeprefix(self._group_prefix), payload)

    def _deliver(self, name: str, group: str, payload: bytes) -> None:
        for channel in self.groups.get(name, (name,)):
            if (heard := self._listeners.get(channel)) is not None:
                heard(group, payload)
            elif (queue := self.channels.get(channel)) is not None and _is_for_consumers(payload):
                queue.put_nowait(payload)

    # Channels' own interface ------------------------------------------------------------------------------------------

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        await self._send(channel, "", message)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        await self._send(self._group_prefix + group, group, message)

    async def _send(self, name: str, group: str, message: dict[str, Any]) -> None:
        payload = self.channel_layer.serialize(message)
        self._deliver(name, group, payload)
        await self.shard.publish(name, payload)

    async def group_add(self, group: str, channel: str) -> None:
        if channel not in self.channels:
            raise RuntimeError(
                f"group_add: {channel!r} is no channel of this process; a consumer adds its channel_name"
            )
        await self.add([group], channel)

    async def group_discard(self, group: str, channel: str) -> None:
        self.discard([group], channel)

    async def flush(self) -> None:
        self._listeners.clear()
        self._alone.clear()
        await super().flush()


def _is_for_consumers(payload: bytes) -> bool:
    """False for a command to the hub that carries no event."""
    return not is_event(payload) or not payload.endswith(b"\n")
