"""A socket's connection: the WebSocket protocol (RFC 6455) between uvicorn and our ASGI application.

uvicorn's own keeps the request and its answer, two parsers, four queues and two timers for as long as the connection
lasts: more than everything the chat knows of an idle socket. This one keeps a few slots, parses frames in place, and is
the hub's wire: what the hub encoded once leaves as it is. There are no extensions: a small frame can unpack to a huge
one, and compression costs memory for each socket.
"""

import asyncio
import base64
import binascii
import hashlib
import logging
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from chatproject.core.hub import WIRE

try:
    from websockets.speedups import apply_mask
except ImportError:  # the package without its part in C
    from websockets.utils import apply_mask

log = logging.getLogger(__name__)

#: Bytes of one message. The consumer takes up to 64 KiB and answers larger ones with an error; this only ends the
#: connection where nobody can mean it.
MESSAGE_MAX = 1024 * 1024
#: Bytes that a part of one counts for at least: it may come in parts of nothing.
PIECE_MIN = 64
#: Seconds between two questions whether a client is there, which is as long as he may take to answer.
ASK_EVERY = 15
#: Seconds for the answer to our goodbye, and then for what was written to leave.
GOODBYE, LINGER = 10, 5

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
PROTOCOL_ERROR, NO_CODE, ABNORMAL, NOT_TEXT, TOO_BIG, INTERNAL = 1002, 1005, 1006, 1007, 1009, 1011
RESTART = 1012

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_PING = bytes((0x80 | PING, 0))


class Gone(ConnectionError):
    """What is sent reaches nobody any more."""


class _Broken(Exception):
    """The client does not keep to the protocol."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's, which hands a connection over with what it has parsed, and keeps nothing of it."""

    def handle_websocket_upgrade(self) -> None:
        self.connections.discard(self)
        target, _, query = self.url.partition(b"?")
        connection = Connection(self.config, self.server_state, self.transport)
        self.transport.set_protocol(connection)
        self.parser = cast(Any, None)  # it and its callbacks would keep each other
        connection.begin({**self.scope, "raw_path": target, "query_string": query})


class Connection(asyncio.Protocol):
    """One client from his handshake to his end."""

    __slots__ = (
        "_app", "_buffer", "_inbox", "_is_answered", "_is_asked", "_is_lost", "_is_open", "_is_paused", "_kind",
        "_needed", "_parts", "_reader", "_size", "_slot", "_state", "_timer", "_transport", "_upgrade", "_writable",
        "close_sent", "is_ready", "write_frames",
    )  # fmt: skip

    _count = 0

    def __init__(self, config: Config, server_state: ServerState, transport: asyncio.Transport) -> None:
        Connection._count += 1
        self._app: Any = config.loaded_app
        self._state = server_state
        self._transport = transport
        #: The hub's wire: attributes, because the hub asks them for every socket and event.
        self.is_ready = True
        self.write_frames = transport.write
        self._slot = Connection._count % ASK_EVERY
        self._is_asked = self._is_open = self._is_answered = self._is_lost = self._is_paused = False
        #: We have said goodbye, or answered it: nothing more may be written.
        self.close_sent = False
        self._timer: asyncio.TimerHandle | None = None
        self._writable: asyncio.Event | None = None  # while the client takes nothing
        self._upgrade = b""
        # What came, and waits for its rest; bytes that are needed to go on.
        self._buffer: bytes | bytearray = b""
        self._needed = 0
        # A message in pieces.
        self._kind, self._size = 0, 0
        self._parts: list[bytes] | None = None
        # What came, and waits to be taken; and who waits to take it.
        self._inbox: list[dict[str, Any]] = []
        self._reader: asyncio.Future[dict[str, Any]] | None = None

    # The handshake ----------------------------------------------------------------------------------------------------

    def begin(self, request: dict[str, Any]) -> None:
        """The client asks for a WebSocket; `request` is what is known of it as an ASGI scope of HTTP."""
        self._state.connections.add(cast(Any, self))
        headers = dict(request["headers"])
        refusal = _refusal(request["method"], headers)
        if refusal is not None:
            self._refuse(refusal)
            return
        proof = hashlib.sha1(headers[b"sec-websocket-key"] + _GUID, usedforsecurity=False).digest()
        self._upgrade = base64.b64encode(proof)
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
            log.debug("connection: gone before the application noticed")
        except Exception:
            log.exception("connection: the application failed")
            self._say_goodbye(INTERNAL)
        if self._is_lost:
            return
        if not self._is_answered:
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR)
        # What was written may leave first; one who reads nothing would keep it for as long as he likes.
        if self._timer is None:
            self._transport.close()
        else:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(LINGER, self._transport.abort)

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
        lines += [name + b": " + value for name, value in self._state.default_headers]
        self._is_answered = self._is_open = True
        self._upgrade = b""
        self._transport.write(b"\r\n".join([*lines, b"", b""]))

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
                self._hear({"type": "websocket.disconnect", "code": ABNORMAL})
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
            self._hear({"type": "websocket.disconnect", "code": code})
            self._say_goodbye(code, message.get("reason") or "")
            self._resume()
        else:
            raise RuntimeError(f"{kind} after the handshake")

    def _hear(self, message: dict[str, Any]) -> None:
        """Something came for the application. More is read from the connection when it has taken that."""
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
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.resume_writing()  # nobody calls it any more
        self._buffer, self._parts = b"", None
        self._hear({"type": "websocket.disconnect", "code": ABNORMAL})

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = asyncio.Event()
            self.is_ready = False

    def resume_writing(self) -> None:
        if self._writable is not None:
            self._writable.set()
            self._writable = None
            self.is_ready = not self.close_sent and not self._is_lost

    def data_received(self, data: bytes) -> None:
        self._is_asked = False  # whatever it says, somebody is there
        if not self._is_open:
            self._transport.abort()  # who speaks before he is answered
            return
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._needed:
                return
            data = bytes(self._buffer)
        at, self._needed = 0, 2
        try:
            while len(data) - at >= self._needed:
                at = self._take_frame(data, at)
        except _Broken as broken:
            self._buffer = b""
            self._fail(broken.code)
            return
        self._buffer = bytearray(data[at:]) if at < len(data) else b""

    # Frames -----------------------------------------------------------------------------------------------------------

    def _take_frame(self, data: bytes, start: int) -> int:
        """Take the frame that begins at `start`; where the next one does, or `start` if more of it is `_needed`."""
        first, second = data[start], data[start + 1]
        kind, is_last, size = first & 0x0F, first & 0x80, second & 0x7F
        if first & 0x70 or not second & 0x80:
            raise _Broken(PROTOCOL_ERROR)  # an extension nobody agreed on; or not masked, as a client's must be
        head = 6 if size < 126 else 8 if size == 126 else 14
        if len(data) - start < head:
            self._needed = head
            return start
        if kind >= CLOSE:
            if not is_last or size > 125:
                raise _Broken(PROTOCOL_ERROR)
        else:
            if size >= 126:
                size = int.from_bytes(data[start + 2 : start + head - 4])
            if size + self._size > MESSAGE_MAX:
                raise _Broken(TOO_BIG)
        body, end = start + head, start + head + size
        if len(data) < end:
            self._needed = head + size
            return start
        self._needed = 2
        payload = apply_mask(data[body:end], data[body - 4 : body]) if size else b""
        if kind >= CLOSE:
            self._control(kind, payload)
        else:
            self._piece(kind, payload, is_last=bool(is_last))
        return end

    def _piece(self, kind: int, payload: bytes, *, is_last: bool) -> None:
        """A message, or a part of one."""
        if kind == CONTINUATION:
            if self._parts is None:
                raise _Broken(PROTOCOL_ERROR)
            self._parts.append(payload)
        elif kind in (TEXT, BINARY) and self._parts is None:
            self._kind = kind
            if not is_last:
                self._parts = [payload]
        else:
            raise _Broken(PROTOCOL_ERROR)
        self._size += max(len(payload), PIECE_MIN)
        if not is_last:
            return
        if self._parts is not None:
            payload, self._parts = b"".join(self._parts), None
        self._size = 0
        if self.close_sent:
            return  # the application has ended
        if self._kind == BINARY:
            self._hear({"type": "websocket.receive", "bytes": payload})
            return
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            raise _Broken(NOT_TEXT) from None
        self._hear({"type": "websocket.receive", "text": text})

    def _control(self, kind: int, payload: bytes) -> None:
        if kind == PING:
            if self.is_ready:  # who takes no answer needs none
                self._write(PONG, payload)
        elif kind == CLOSE:
            self._part(payload)
        elif kind != PONG:
            raise _Broken(PROTOCOL_ERROR)

    def _part(self, payload: bytes) -> None:
        """The client says goodbye, or answers ours."""
        if not self.close_sent:
            code = _close_code(payload)
            self._hear({"type": "websocket.disconnect", "code": code})
            self.close_sent = True
            self.is_ready = False
            self._write(CLOSE, payload[:2])
        self._transport.close()

    def _write(self, kind: int, payload: bytes) -> None:
        size = len(payload)
        if size < 126:
            head = bytes((0x80 | kind, size))
        elif size < 65536:
            head = bytes((0x80 | kind, 126)) + size.to_bytes(2)
        else:
            head = bytes((0x80 | kind, 127)) + size.to_bytes(8)
        self._transport.write(head + payload)

    # The end ----------------------------------------------------------------------------------------------------------

    def ask(self, second: int) -> None:
        """Once a second: in its turn, this connection is asked whether anybody is there, or ended if nobody was."""
        if second % ASK_EVERY != self._slot or not self._is_open or self.close_sent:
            return
        if self._is_asked:
            self._fail(INTERNAL, "keepalive ping timeout")
        else:
            self._is_asked = True
            self._transport.write(_PING)

    def shutdown(self) -> None:
        """The server ends."""
        if self.close_sent:
            self._transport.close()
        elif self._is_answered:
            self._fail(RESTART)
        else:
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR)

    def _fail(self, code: int, reason: str = "") -> None:
        """End it without waiting for an answer."""
        if self.close_sent:
            self._transport.close()
            return
        self._hear({"type": "websocket.disconnect", "code": code})
        self._say_goodbye(code, reason)
        self._transport.close()

    def _say_goodbye(self, code: int, reason: str = "") -> None:
        if not self._is_open or self.close_sent or self._is_lost:
            return
        self.close_sent = True
        self.is_ready = False
        self._write(CLOSE, code.to_bytes(2) + reason.encode()[:123])
        self._timer = asyncio.get_running_loop().call_later(GOODBYE, self._transport.close)


def _refusal(method: str, headers: dict[bytes, bytes]) -> HTTPStatus | None:
    """Why this request cannot become a WebSocket."""
    if method != "GET":
        return HTTPStatus.METHOD_NOT_ALLOWED
    if headers.get(b"sec-websocket-version") != b"13":
        return HTTPStatus.UPGRADE_REQUIRED
    try:
        key = base64.b64decode(headers.get(b"sec-websocket-key", b""), validate=True)
    except binascii.Error:
        key = b""
    return None if len(key) == 16 else HTTPStatus.BAD_REQUEST


def _unquoted(path: bytes) -> str:
    return unquote(path.decode("latin-1"))


def _close_code(payload: bytes) -> int:
    """What the client gives as his reason. RFC 6455, 7.4."""
    if not payload:
        return NO_CODE
    code = int.from_bytes(payload[:2])
    is_standard = 1000 <= code < 1015 and code not in (1004, NO_CODE, ABNORMAL)
    if len(payload) < 2 or not (is_standard or 3000 <= code < 5000):
        raise _Broken(PROTOCOL_ERROR)
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        raise _Broken(NOT_TEXT) from None
    return code
