"""Events as WebSocket frames, encoded once for all sockets, and the connections that take them.

A server does not mask its frames, so a text frame is the same for every reader: 2 to 10 bytes, then
the text. Our own server (`core.websocket`) offers each connection as a `Wire` that takes frames as they
are. Any other ASGI server is sent texts.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

#: Where a server offers the connection's wire in its ASGI scope's `extensions`.
EXTENSION = "chat.wire"

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Wire(Protocol):
    """A connection that takes whole text frames."""

    @property
    def is_ready(self) -> bool:
        """Whether frames may be written now."""

    @property
    def write_frames(self) -> Callable[[bytes], None]:
        """Write one frame or several, without waiting."""

    async def until_ready(self) -> None:
        """Wait for it. Raises ConnectionError when the connection is gone."""


def frame(payload: bytes, first: int = 0x81) -> bytes:
    """A payload as a server's frame (RFC 6455, 5.2), whose `first` byte says that it is a whole text."""
    size = len(payload)
    if size < 126:
        return b"%c%c" % (first, size) + payload
    if size < 65536:
        return b"%c\x7e" % first + size.to_bytes(2, "big") + payload
    return b"%c\x7f" % first + size.to_bytes(8, "big") + payload


def texts_of(frames: bytes) -> list[bytes]:
    """The texts in a sequence of frames: the inverse of `frame`."""
    texts, at = [], 0
    while at < len(frames):
        size, head = frames[at + 1], 2
        if size >= 126:
            head = 4 if size == 126 else 10
            size = int.from_bytes(frames[at + 2 : at + head], "big")
        texts.append(frames[at + head : at + head + size])
        at += head + size
    return texts


def joined(texts: list[bytes]) -> bytes:
    """Events that leave together, as one text."""
    return texts[0] if len(texts) == 1 else b"[" + b",".join(texts) + b"]"


class FramedEvents:
    """Events that leave together: one frame for sockets with `?batch=1`, one each for others."""

    __slots__ = ("batch", "each", "texts")

    def __init__(self, texts: list[bytes]) -> None:
        self.texts = texts
        self.each = self.batch = frame(texts[0])
        if len(texts) > 1:
            self.each = b"".join(map(frame, texts))
            self.batch = frame(joined(texts))


class AsgiWire:
    """A connection of a server that offers no wire: costs a task for each write."""

    __slots__ = ("_send", "_sending")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._sending: asyncio.Task[None] | None = None

    @property
    def is_ready(self) -> bool:
        return self._sending is None

    def write_frames(self, frames: bytes) -> None:
        self._sending = asyncio.get_running_loop().create_task(self._send_all(texts_of(frames)))
        self._sending.add_done_callback(_retrieve)

    async def _send_all(self, texts: list[bytes]) -> None:
        for text in texts:
            await self._send({"type": "websocket.send", "text": text.decode()})
        self._sending = None

    async def until_ready(self) -> None:
        while self._sending is not None:
            try:
                await asyncio.shield(self._sending)
            except asyncio.CancelledError:
                raise
            except Exception as gone:  # each server raises its own
                raise ConnectionError from gone


def _retrieve(sending: "asyncio.Task[None]") -> None:
    """Take a write's exception, which `until_ready` raises if anybody waits."""
    if not sending.cancelled():
        sending.exception()


def wire_of(scope: Any, send: Send) -> Wire:
    """The connection of an ASGI scope."""
    wire: Wire = scope.get("extensions", {}).get(EXTENSION) or AsgiWire(send)
    return wire
