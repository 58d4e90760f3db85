"""The WebSocket protocol (RFC 6455) between uvicorn's transport and our ASGI application.

uvicorn's own implementations keep the request and its response, two parsers, four queues and two timers
for as long as the connection lasts: more than everything else the chat keeps for an idle socket. This
one keeps a few slots, parses frames in place, and is the hub's wire: it writes frames that the hub has
encoded once for all sockets, for clients that asked for it compressed once for all of them (`deflate`).
"""

import asyncio
import base64
import binascii
import hashlib
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote

from uvicorn import Config
from uvicorn.server import ServerState

from chatproject.core.hub import WIRE, frame
from chatproject.core.websocket import deflate

try:
    from websockets.speedups import apply_mask
except ImportError:  # the package without its part in C
    from websockets.utils import apply_mask

log = logging.getLogger(__name__)

#: Bytes of one message, above which the connection is closed. The consumer accepts 64 KiB and
#: answers larger messages with an error.
MESSAGE_MAX = 1024 * 1024
#: Bytes that a fragment of a message counts at least: fragments may be empty.
FRAGMENT_MIN = 64
#: Seconds between two pings, which is also the time for the answer.
PING_EVERY_SECONDS = 15
#: Seconds for the client's answer to our close frame, and then for buffered bytes to be sent.
CLOSE_TIMEOUT_SECONDS, FLUSH_TIMEOUT_SECONDS = 10, 5

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
#: The first byte's bit of a compressed message's first frame, and the bits of extensions that we have not.
_COMPRESSED, _UNKNOWN = 0x40, 0x30
PROTOCOL_ERROR, NO_CODE, ABNORMAL, NOT_TEXT, TOO_BIG, INTERNAL = 1002, 1005, 1006, 1007, 1009, 1011
RESTART = 1012

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_PING = bytes((0x80 | PING, 0))

_compressors = ThreadPoolExecutor(1, thread_name_prefix="deflate")


class Gone(ConnectionError):
    """The connection has ended; nothing can be sent."""


class _ProtocolViolation(Exception):
    """The client violated the protocol."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Connection(asyncio.Protocol):
    """One client's connection, from the handshake to its end."""

    __slots__ = (
        "_app", "_buffer", "_client", "_deflates", "_extensions", "_inbox", "_is_answered", "_is_compressed",
        "_is_full", "_is_lost", "_is_open", "_is_packing", "_is_paused", "_is_pinged", "_kind", "_needed", "_parts",
        "_pinged", "_reader", "_size", "_state", "_timer", "_transport", "_upgrade", "_writable", "close_sent",
        "is_ready", "write_frames",
    )  # fmt: skip

    _count = 0

    def __init__(self, config: Config, server_state: ServerState, transport: asyncio.Transport, client: object) -> None:
        """`client`: what `server_state` counts this connection for."""
        Connection._count += 1
        self._client = client
        self._app: Any = config.loaded_app
        self._state = server_state
        self._transport = transport
        #: The hub's wire; attributes, because the hub reads them for every socket and event.
        self.is_ready = True
        self.write_frames: Callable[[bytes], None] = transport.write
        self._pinged: set[Connection] = cast(Any, server_state).pinged[Connection._count % PING_EVERY_SECONDS]
        self._is_pinged = self._is_open = self._is_answered = self._is_lost = self._is_paused = False
        #: The transport takes nothing more for now; something is being compressed.
        self._is_full = self._is_packing = False
        #: A close frame was sent: nothing more may be written.
        self.close_sent = False
        self._timer: asyncio.TimerHandle | None = None
        #: While the client reads nothing, or something is being compressed.
        self._writable: asyncio.Event | None = None
        self._upgrade = b""
        self._extensions: str | None = None  # what was agreed about compression
        self._deflates = False
        # An incomplete frame, and the bytes needed to continue.
        self._buffer: bytes | bytearray = b""
        self._needed = 0
        # A fragmented message.
        self._kind, self._size = 0, 0
        self._is_compressed = False
        self._parts: list[bytes] | None = None
        # Events that the application has not received yet, and the future on which it waits for
        # one.
        self._inbox: list[dict[str, Any]] = []
        self._reader: asyncio.Future[dict[str, Any]] | None = None

    # The handshake ----------------------------------------------------------------------------------------------------

    def begin(self, request: dict[str, Any]) -> None:
        """Start the application for an upgrade request; `request` is its HTTP scope."""
        self._state.connections.add(cast(Any, self))
        self._pinged.add(self)
        headers = dict(request["headers"])
        refusal = _refusal(request["method"], headers)
        if refusal is not None:
            self._refuse(refusal)
            return
        accept = hashlib.sha1(headers[b"sec-websocket-key"] + _GUID, usedforsecurity=False).digest()
        self._upgrade = base64.b64encode(accept)
        offers = [v.decode("latin-1") for name, v in request["headers"] if name == b"sec-websocket-extensions"]
        self._extensions = deflate.agreed(offers) if offers else None
        offered = ",".join(v.decode("latin-1") for name, v in request["headers"] if name == b"sec-websocket-protocol")
        scope = {
            **request,
            "type": "websocket",
            "scheme": "wss" if request["scheme"] == "https" else "ws",
            "path": request["root_path"] + _unquoted(request["raw_path"]),
            "subprotocols": [one.strip() for one in offered.split(",") if one.strip()],
            "extensions": {WIRE: self},
        }
        self._inbox.append({"type": "websocket.connect"})
        task = asyncio.get_running_loop().create_task(self._serve(self._app(scope, self.receive, self.send)))
        self._state.tasks.add(task)
        task.add_done_callback(self._state.tasks.discard)

    async def _serve(self, application: Awaitable[None]) -> None:
        try:
            await application
        except Gone:
            log.debug("connection: ended before the application noticed")
        except Exception:
            log.exception("connection: the application failed")
            self._send_close(INTERNAL)
        if self._is_lost:
            return
        if not self._is_answered:
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR)
        # Buffered bytes may be sent first, but a client that reads nothing must not keep the
        # connection.
        if self._timer is None:
            self._transport.close()
        else:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(FLUSH_TIMEOUT_SECONDS, self._transport.abort)

    def _refuse(self, status: HTTPStatus) -> None:
        self._is_answered = self.close_sent = True
        self.is_ready = False
        lines = [f"HTTP/1.1 {status.value} {status.phrase}", "connection: close", "content-length: 0"]
        if status == HTTPStatus.UPGRADE_REQUIRED:
            lines.append("sec-websocket-version: 13")
        self._transport.write("\r\n".join([*lines, "", ""]).encode())
        self._transport.close()

    def _accept(self, subprotocol: str | None) -> None:
        lines = [
            b"HTTP/1.1 101 Switching Protocols", b"upgrade: websocket", b"connection: Upgrade",
            b"sec-websocket-accept: " + self._upgrade,
        ]  # fmt: skip
        if subprotocol:
            lines.append(b"sec-websocket-protocol: " + subprotocol.encode())
        if self._extensions:
            lines.append(b"sec-websocket-extensions: " + self._extensions.encode())
            self._extensions, self._deflates = None, True
            self.write_frames = self._write_compressed
        lines += [name + b": " + value for name, value in self._state.default_headers]
        self._is_answered = self._is_open = True
        self._upgrade = b""
        self._transport.write(b"\r\n".join([*lines, b"", b""]))
        self._take_early()

    # ASGI -------------------------------------------------------------------------------------------------------------

    def receive(self) -> "asyncio.Future[dict[str, Any]]":
        self._reader = reader = asyncio.get_running_loop().create_future()
        if self._inbox:
            reader.set_result(self._inbox.pop(0))
        elif self._is_lost:
            reader.set_result({"type": "websocket.disconnect", "code": ABNORMAL})
        if not self._inbox and self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
        return reader

    async def send(self, message: dict[str, Any]) -> None:
        if self._writable is not None:
            await self._writable.wait()
        if self._is_lost:
            raise Gone
        kind = message["type"]
        if not self._is_answered:
            if kind == "websocket.accept":
                self._accept(message.get("subprotocol"))
            elif kind == "websocket.close":
                self._refuse(HTTPStatus.FORBIDDEN)
                self._deliver({"type": "websocket.disconnect", "code": ABNORMAL})
            else:
                raise RuntimeError(f"{kind} before the handshake was answered")
        elif self.close_sent:
            raise Gone
        elif kind == "websocket.send":
            text = message.get("text")
            payload = message["bytes"] if text is None else text.encode()
            self._write(BINARY if text is None else TEXT, payload)
        elif kind == "websocket.close":
            code = message.get("code", 1000)
            self._deliver({"type": "websocket.disconnect", "code": code})
            self._send_close(code, message.get("reason") or "")
            self._resume()
        else:
            raise RuntimeError(f"{kind} after the handshake")

    def _deliver(self, message: dict[str, Any]) -> None:
        """Pass an event to the application.

        Reading pauses until the application has received it.
        """
        reader, self._reader = self._reader, None
        if reader is not None and not reader.done():
            reader.set_result(message)
            return
        self._inbox.append(message)
        if not self._is_paused and not self._is_lost and not self.close_sent:
            self._is_paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    # The hub's wire ---------------------------------------------------------------------------------------------------

    def _write_compressed(self, frames: bytes) -> None:
        if len(frames) < deflate.THREAD_MIN:
            self._transport.write(deflate.compressed(frames) if len(frames) >= deflate.TEXT_MIN else frames)
            return
        loop = asyncio.get_running_loop()
        self._is_packing = True
        self._hold()
        loop.run_in_executor(_compressors, deflate.compressed, frames).add_done_callback(self._write_late)

    def _write_late(self, done: "asyncio.Future[bytes]") -> None:
        self._is_packing = False
        if not done.cancelled() and not self._is_lost and not self.close_sent:
            self._transport.write(done.result())
        self._let_go()

    async def until_ready(self) -> None:
        if self._writable is not None:
            await self._writable.wait()
        if self._is_lost or self.close_sent:
            raise Gone

    # The transport ----------------------------------------------------------------------------------------------------

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        self.is_ready = False
        self._state.connections.discard(cast(Any, self))
        self._pinged.discard(self)
        cast(Any, self._state).clients.close_socket(self._client)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.resume_writing()  # the transport no longer calls it
        self._buffer, self._parts = b"", None
        self._deliver({"type": "websocket.disconnect", "code": ABNORMAL})

    def pause_writing(self) -> None:
        self._is_full = True
        self._hold()

    def resume_writing(self) -> None:
        self._is_full = False
        self._let_go()

    def _hold(self) -> None:
        if self._writable is None:
            self._writable = asyncio.Event()
            self.is_ready = False

    def _let_go(self) -> None:
        if (self._is_full or self._is_packing) and not self._is_lost:
            return
        if self._writable is not None:
            self._writable.set()
            self._writable = None
            self.is_ready = not self.close_sent and not self._is_lost

    def data_received(self, data: bytes) -> None:
        self._is_pinged = False  # any bytes show that the client is there
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._needed:
                return
            data = bytes(self._buffer)
        if not self._is_open:
            self._wait_for_answer(data)
            return
        at, self._needed = 0, 2
        try:
            while len(data) - at >= self._needed:
                at = self._take_frame(data, at)
        except _ProtocolViolation as violation:
            self._buffer = b""
            self._fail(violation.code)
            return
        self._buffer = bytearray(data[at:]) if at < len(data) else b""

    def _wait_for_answer(self, data: bytes) -> None:
        """Keep frames of a client that did not wait for the answer to its handshake."""
        self._buffer = bytearray(data)
        if not self._is_paused and not self.close_sent:
            self._is_paused = True
            self._transport.pause_reading()

    def _take_early(self) -> None:
        early, self._buffer = bytes(self._buffer), b""
        if early:
            self.data_received(early)
            if not self._inbox:
                self._resume()

    # Frames -----------------------------------------------------------------------------------------------------------

    def _take_frame(self, data: bytes, start: int) -> int:
        """Handle the frame at `start`; return the start of the next, or `start` if more bytes are
        `_needed`.
        """
        first, second = data[start], data[start + 1]
        kind, is_last, size = first & 0x0F, first & 0x80, second & 0x7F
        if first & _UNKNOWN or not second & 0x80:
            raise _ProtocolViolation(PROTOCOL_ERROR)  # an extension that we have not; or not masked
        if first & _COMPRESSED and (not self._deflates or kind not in (TEXT, BINARY)):
            raise _ProtocolViolation(PROTOCOL_ERROR)
        head = 6 if size < 126 else 8 if size == 126 else 14
        if len(data) - start < head:
            self._needed = head
            return start
        if kind >= CLOSE:
            if not is_last or size > 125:
                raise _ProtocolViolation(PROTOCOL_ERROR)
        else:
            if size >= 126:
                size = int.from_bytes(data[start + 2 : start + head - 4])
            if size + self._size > MESSAGE_MAX:
                raise _ProtocolViolation(TOO_BIG)
        body, end = start + head, start + head + size
        if len(data) < end:
            self._needed = head + size
            return start
        self._needed = 2
        payload = apply_mask(data[body:end], data[body - 4 : body]) if size else b""
        if kind >= CLOSE:
            self._control(kind, payload)
        else:
            if kind != CONTINUATION and self._parts is None:
                self._is_compressed = bool(first & _COMPRESSED)
            self._data(kind, payload, is_last=bool(is_last))
        return end

    def _data(self, kind: int, payload: bytes, *, is_last: bool) -> None:
        """Handle a data frame: a message or a fragment of one."""
        if kind == CONTINUATION:
            if self._parts is None:
                raise _ProtocolViolation(PROTOCOL_ERROR)
            self._parts.append(payload)
        elif kind in (TEXT, BINARY) and self._parts is None:
            self._kind = kind
            if not is_last:
                self._parts = [payload]
        else:
            raise _ProtocolViolation(PROTOCOL_ERROR)
        self._size += max(len(payload), FRAGMENT_MIN)
        if not is_last:
            return
        if self._parts is not None:
            payload, self._parts = b"".join(self._parts), None
        self._size = 0
        if self.close_sent:
            return  # the application has ended
        if self._is_compressed:
            payload = _unpacked(payload)
        if self._kind == BINARY:
            self._deliver({"type": "websocket.receive", "bytes": payload})
            return
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            raise _ProtocolViolation(NOT_TEXT) from None
        self._deliver({"type": "websocket.receive", "text": text})

    def _control(self, kind: int, payload: bytes) -> None:
        if kind == PING:
            if self.is_ready:  # a client that reads nothing gets no answer
                self._write(PONG, payload)
        elif kind == CLOSE:
            self._close_received(payload)
        elif kind != PONG:
            raise _ProtocolViolation(PROTOCOL_ERROR)

    def _close_received(self, payload: bytes) -> None:
        """Handle a close frame: the client's own, or its answer to ours."""
        if not self.close_sent:
            code = _close_code(payload)
            self._deliver({"type": "websocket.disconnect", "code": code})
            self.close_sent = True
            self.is_ready = False
            self._write(CLOSE, payload[:2])
        self._transport.close()

    def _write(self, kind: int, payload: bytes) -> None:
        self._transport.write(frame(payload, 0x80 | kind))

    # The end ----------------------------------------------------------------------------------------------------------

    def check(self, now: float) -> None:
        """Called every PING_EVERY_SECONDS: ping the client, or close if it did not answer."""
        if not self._is_open or self.close_sent:
            return
        if self._is_pinged:
            self._fail(INTERNAL, "keepalive ping timeout")
        else:
            self._is_pinged = True
            self._transport.write(_PING)

    def shutdown(self) -> None:
        """Called by uvicorn when the server stops."""
        if self.close_sent:
            self._transport.close()
        elif self._is_answered:
            self._fail(RESTART)
        else:
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR)

    def _fail(self, code: int, reason: str = "") -> None:
        """Close without waiting for the client's close frame."""
        if self.close_sent:
            self._transport.close()
            return
        self._deliver({"type": "websocket.disconnect", "code": code})
        self._send_close(code, reason)
        self._transport.close()

    def _send_close(self, code: int, reason: str = "") -> None:
        if not self._is_open or self.close_sent or self._is_lost:
            return
        self.close_sent = True
        self.is_ready = False
        self._write(CLOSE, code.to_bytes(2) + reason.encode()[:123])
        self._timer = asyncio.get_running_loop().call_later(CLOSE_TIMEOUT_SECONDS, self._transport.close)


def _refusal(method: str, headers: dict[bytes, bytes]) -> HTTPStatus | None:
    """The status of a request that cannot become a WebSocket; None for one that can."""
    if method != "GET":
        return HTTPStatus.METHOD_NOT_ALLOWED
    if headers.get(b"sec-websocket-version") != b"13":
        return HTTPStatus.UPGRADE_REQUIRED
    try:
        key = base64.b64decode(headers.get(b"sec-websocket-key", b""), validate=True)
    except binascii.Error:
        key = b""
    return None if len(key) == 16 else HTTPStatus.BAD_REQUEST


def _unpacked(payload: bytes) -> bytes:
    try:
        return deflate.unpacked(payload)
    except deflate.TooLong:
        raise _ProtocolViolation(TOO_BIG) from None
    except deflate.Unreadable:
        raise _ProtocolViolation(PROTOCOL_ERROR) from None


def _unquoted(path: bytes) -> str:
    return unquote(path.decode("latin-1"))


def _close_code(payload: bytes) -> int:
    """The code of a client's close frame (RFC 6455, 7.4). Raises _ProtocolViolation."""
    if not payload:
        return NO_CODE
    code = int.from_bytes(payload[:2])
    is_standard = 1000 <= code < 1015 and code not in (1004, NO_CODE, ABNORMAL)
    if len(payload) < 2 or not (is_standard or 3000 <= code < 5000):
        raise _ProtocolViolation(PROTOCOL_ERROR)
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        raise _ProtocolViolation(NOT_TEXT) from None
    return code
