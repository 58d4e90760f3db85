"""WebSocket clients in Python: many idle ones, at little cost of their own."""

import asyncio
import base64
import os
import struct
from collections.abc import Callable
from typing import cast


class RawSocket(asyncio.Protocol):
    """A WebSocket client that works as little as possible. `opened` is done after the handshake."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._unread = b""
        self._is_open = False
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are not its subclasses
        self.transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("closed before it was open"))
        self.lost()

    def data_received(self, data: bytes) -> None:
        data = self._unread + data
        if not self._is_open:
            head, ended, data_after = data.partition(b"\r\n\r\n")
            if not ended:
                self._unread = data
                return
            if b" 101 " not in head[:16]:
                self.opened.set_exception(ConnectionError(head.decode("latin-1")))
                self.transport.close()
                return
            self._is_open, data = True, data_after
            self.handshaken()
        place = 0
        while (end := self._frame(data, place)) > place:
            place = end
        self._unread = data[place:]

    def _frame(self, data: bytes, start: int) -> int:
        """Read the frame at `start`; returns where it ends, or `start` while it is incomplete."""
        if len(data) < start + 2:
            return start
        size, body = data[start + 1] & 127, start + 2
        if size >= 126:
            width = 2 if size == 126 else 8
            if len(data) < body + width:
                return start
            size = int.from_bytes(data[body : body + width])
            body += width
        end = body + size
        if len(data) < end:
            return start
        opcode = data[start] & 15
        if opcode == 9:
            self.write(10, data[body:end])
        elif opcode == 1:
            self.received(data[body:end])
        elif opcode == 8:
            self.transport.close()
        return end

    def write(self, opcode: int, payload: bytes) -> None:
        """Send a masked frame. The mask is zero: it need not be applied."""
        size = len(payload)
        head = bytes((128 | opcode, 128 | size)) if size < 126 else struct.pack("!BBH", 128 | opcode, 128 | 126, size)
        self.transport.write(head + bytes(4) + payload)

    def send(self, text: str) -> None:
        self.write(1, text.encode())

    def handshaken(self) -> None:
        """Called after the handshake; a protocol with another of its own sets `opened` later."""
        if not self.opened.done():
            self.opened.set_result(None)

    def received(self, text: bytes) -> None:
        """Called with each text frame."""

    def lost(self) -> None:
        """Called when the connection has ended."""


def handshake(port: int, path: str, *headers: str) -> bytes:
    """The request that opens a WebSocket."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", *headers,
    ]  # fmt: skip
    return "\r\n".join((*lines, "", "")).encode()


async def connect(port: int, makes: list[Callable[[], RawSocket]], *, at_once: int) -> list[RawSocket]:
    """Open a socket by each of `makes`, `at_once` handshakes under way at any time."""
    loop = asyncio.get_running_loop()
    turns = asyncio.Semaphore(at_once)

    async def one(make: Callable[[], RawSocket]) -> RawSocket:
        async with turns:
            _, socket = await loop.create_connection(make, "127.0.0.1", port)
            await socket.opened
            return socket

    return list(await asyncio.gather(*map(one, makes)))


def chat_handshake(port: int, token: str) -> bytes:
    """The request that opens a chat's socket, as a client that understands batches."""
    return handshake(port, "/ws/chat/?batch=1", f"Authorization: Bearer {token}")
