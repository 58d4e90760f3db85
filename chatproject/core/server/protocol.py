"""uvicorn's HTTP protocol with limits: of heads, of time, and of what each address holds open.

One request at a time: while one is answered, no byte of the next is parsed. What came early waits, and
reading pauses.
"""

import asyncio
import logging
import re
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote

import httptools
import orjson
from django.conf import settings
from uvicorn import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from chatproject.core.http import addresses
from chatproject.core.http.credentials import socket_credentials, was_accepted
from chatproject.core.http.framing import Chunked, Head, Malformed, Sized, TooLong
from chatproject.core.server.clients import EARLY_BYTES_MAX, Client, Clients, State
from chatproject.core.websocket.protocol import PING_EVERY_SECONDS, Connection

log = logging.getLogger(__name__)

#: Seconds for a head from its first byte, and for the first byte of a new connection and of a used one.
HEAD_TIMEOUT_SECONDS, FIRST_TIMEOUT_SECONDS, KEEP_ALIVE_SECONDS = 10.0, 10.0, 30.0
#: Bytes of a body that must come in each so many seconds: 1 KiB/s, which a bad mobile connection has.
PACE_BYTES, PACE_SECONDS = 10 * 1024, 10.0
#: Seconds in which a client must take a part of its response, and that the last bytes have after the end.
WRITE_TIMEOUT_SECONDS, CLOSE_TIMEOUT_SECONDS = 60.0, 20.0
#: Seconds and bytes of a refused request that are still read and thrown away: a client that is cut off
#: while it writes does not see the refusal.
LINGER_SECONDS, LINGER_BYTES = 2.0, 1024 * 1024
#: How the line begins that asks for a body, before the response.
_INTERIM = b"HTTP/1.1 100 "
#: What refusals are called that do not blame the request.
_CODES = {HTTPStatus.SERVICE_UNAVAILABLE: "busy", HTTPStatus.REQUEST_TIMEOUT: "too_slow"}


class Limited(ServerState):
    """What uvicorn's connections share, with the clients of this process."""

    def __init__(self) -> None:
        super().__init__()
        self.clients = Clients()
        #: Of `connections`: those that speak HTTP, and sockets by the second in which they are pinged.
        self.http: set[HttpProtocol] = set()
        self.pinged: tuple[set[Connection], ...] = tuple(set() for _ in range(PING_EVERY_SECONDS))


class _Refused(Exception):
    """The request is answered by this status, and the connection closed."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status)
        self.status = status


class _Response:
    """The transport of one response, whose head is written together with the first bytes of its body: a packet and a
    call of the system less.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""
        self._has_begun = False

    def write(self, data: bytes) -> None:
        if not self._has_begun and not data.startswith(_INTERIM):
            self._has_begun, self._head = True, data
        elif self._head:
            head, self._head = self._head, b""
            self._transport.writelines([head, data])
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Write a head that no body follows."""
        if self._head:
            self._transport.write(self._head)
            self._head = b""

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self.flush()
        self._transport.close()


class HttpProtocol(HttpToolsProtocol):
    """One HTTP connection, until it ends or becomes a `Connection`, which keeps nothing of it."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        assert isinstance(server_state, Limited)
        self._clients, self._http = server_state.clients, server_state.http
        self._client: Client | None = None
        self._visitor: Client | None = None  # on whose behalf a proxy asks
        self._peer, self._is_proxy = "", False
        self._is_kept_back = False
        self.since = 0.0  # when it came into its state
        self._state = State.IDLE
        # The message that comes: its head, and then its body. Neither while the message is whole and is answered.
        self._head: Head | None = Head()
        self._body: Sized | Chunked | None = None
        self._has_head = self._has_message = False  # what the parser has seen of it
        self._version = ""
        self._keeps_alive = False
        self._early = b""  # what came after it
        self._deadline = 0.0  # for what is waited for
        self._paced = 0  # bytes of the body since the last deadline
        self._stalled_at = 0.0  # when the client stopped to read
        self._ends_at = 0.0  # when the connection that closes is cut off
        self._linger = -1  # bytes that are still read after a refusal

    # The connection ---------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._http.add(self)
        self.since = self.loop.time()
        self._deadline = self.since + FIRST_TIMEOUT_SECONDS
        self._peer = self.client[0] if self.client else ""
        proxies = _proxies()
        self._is_proxy = addresses.is_trusted(self._peer, proxies)
        arrived = self._clients.arrive(self, addresses.held_by(self._peer, (), proxies))
        if arrived is None:
            self._write_answer(HTTPStatus.SERVICE_UNAVAILABLE)
            self.transport.close()
        else:
            self._client, self._is_kept_back = arrived

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        self._http.discard(self)
        super().connection_lost(exc)

    def drop(self) -> None:
        self._forget()
        self._disconnect()
        self.transport.abort()

    def _forget(self) -> None:
        """Give back what counts as this connection's."""
        client, self._client = self._client, None
        if client is not None:
            self._clients.leave(self, client, self._state)
        self._end_visit()
        self._keep_early(b"")

    def _end_visit(self) -> None:
        visitor, self._visitor = self._visitor, None
        if visitor is not None:
            self._clients.end_visit(visitor)

    def _disconnect(self) -> None:
        """Tell the application that nobody waits for its response."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def _enter(self, state: State) -> None:
        if state != self._state and self._client is not None:
            self.since = self.loop.time()
            before, self._state = self._state, state
            self._clients.move(self, self._client, before, state)

    def pause_writing(self) -> None:
        self._stalled_at = self.loop.time()
        super().pause_writing()

    def check(self, now: float) -> None:
        """Called once a second: end the connection if the client is too slow."""
        if self.transport.is_closing() or self._linger >= 0:
            if not self._ends_at:
                self._ends_at = now + CLOSE_TIMEOUT_SECONDS
            elif now >= self._ends_at:
                self.transport.abort()
        elif self.flow.write_paused and now >= self._stalled_at + WRITE_TIMEOUT_SECONDS:
            self.drop()
        elif now < self._deadline:
            return
        elif self._head is not None:
            if self._head.has_begun:
                self._refuse(HTTPStatus.REQUEST_TIMEOUT)
            else:
                self.transport.close()
        elif self._body is not None:
            is_waited_for = not self.flow.read_paused and not self.cycle.waiting_for_100_continue
            if is_waited_for and self._paced < PACE_BYTES:
                self._refuse(HTTPStatus.REQUEST_TIMEOUT)
            self._deadline, self._paced = now + PACE_SECONDS, 0

    # What comes -------------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._linger >= 0:
            self._linger -= len(data)
            if self._linger < 0:
                self.transport.abort()
        elif self._head is not None or self._body is not None:
            self._take(data)
        else:
            self._keep_early(self._early + data)
            self.flow.pause_reading()

    def _keep_early(self, data: bytes) -> None:
        self._clients.early_bytes += len(data) - len(self._early)
        self._early = data
        if data and self._clients.early_bytes > EARLY_BYTES_MAX:
            self.drop()

    def _take(self, data: bytes) -> None:
        """Handle what came, up to the end of one request."""
        try:
            while True:
                if self._head is not None:
                    data = self._take_head(data)
                if self._body is not None:
                    data = self._take_body(data)
                if self._head is not None or self._body is not None or not self._is_answered:
                    break
                self._expect_next()  # it was answered before it was whole
                if not data:
                    break
        except _Refused as refused:
            self._refuse(refused.status)
        except TooLong:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        except (Malformed, httptools.HttpParserError) as error:
            log.debug("http: malformed: %s", error)
            self._refuse(HTTPStatus.BAD_REQUEST)
        else:
            if self._head is None and self._body is None:
                self._enter(State.BUSY)
                if data:
                    self._keep_early(data)
                    self.flow.pause_reading()
            elif self._head is None or self._head.has_begun:
                self._enter(State.UNFINISHED)

    @property
    def _is_answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _take_head(self, data: bytes) -> bytes:
        head = cast(Head, self._head)
        had_begun = head.has_begun
        part, rest, is_whole = head.split(data)
        if not part:
            return b""
        if not had_begun:
            self._deadline = self.loop.time() + HEAD_TIMEOUT_SECONDS
        is_upgrade = False
        try:
            self.parser.feed_data(part)
        except httptools.HttpParserUpgrade:
            is_upgrade = True
        if self._has_head != is_whole:
            raise Malformed
        if not is_whole:
            return b""
        self._head = None
        self._check_head()
        if is_upgrade and self._should_upgrade():
            self._upgrade(rest)
            return b""
        self._begin(keep_alive=self._keeps_alive and not is_upgrade)  # the parser has stopped at an upgrade
        return rest

    def _check_head(self) -> None:
        """Refuse what RFC 9112 wants refused, find out how the body is framed, and on whose behalf the
        request comes.
        """
        given: dict[bytes, list[bytes]] = {}
        for name, value in self.headers:
            given.setdefault(name, []).append(value)
        hosts, codings = given.get(b"host", ()), given.get(b"transfer-encoding", ())
        if self._version not in ("1.0", "1.1"):
            raise _Refused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
        if len(hosts) > 1 or (not hosts and self._version == "1.1"):
            raise _Refused(HTTPStatus.BAD_REQUEST)
        # A proxy goes by the one, we by the other: what it let pass for a host must not be another's.
        if not self.url.startswith((b"/", b"*")) and _authority(self.url) != b"".join(hosts).strip().lower():
            raise _Refused(HTTPStatus.BAD_REQUEST)
        if codings:
            if self._version == "1.0" or len(codings) > 1 or codings[0].strip().lower() != b"chunked":
                raise _Refused(HTTPStatus.NOT_IMPLEMENTED)
            self._body = Chunked()
        elif length := int(given.get(b"content-length", (b"0",))[0]):  # the parser has checked it
            self._body = Sized(length)
        if (self._body is None) != self._has_message:
            raise Malformed  # an upgrade with a body; or the parser does not agree
        if self._is_kept_back and not self._was_signed_in():
            raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE)
        if self._is_proxy:
            forwarded_for = [value.decode("latin-1") for value in given.get(b"x-forwarded-for", ())]
            self._visitor = self._clients.visit(addresses.held_by(self._peer, forwarded_for, _proxies()))
            if self._visitor is None:
                raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE)

    def _was_signed_in(self) -> bool:
        offered = b",".join(value for name, value in self.headers if name == b"sec-websocket-protocol")
        subprotocols = [name.strip() for name in offered.decode("latin-1").split(",")]
        return was_accepted(socket_credentials({"headers": self.headers, "subprotocols": subprotocols}))

    def _take_body(self, data: bytes) -> bytes:
        part, rest, is_whole = cast(Sized | Chunked, self._body).split(data)
        self._paced += len(data) - len(rest)
        if part:
            self.parser.feed_data(part)
        if self._has_message != is_whole:
            raise Malformed
        if is_whole:
            self._body = None
        elif self.flow.read_paused:
            self._paced = PACE_BYTES  # it is us that the client waits for
        return rest

    # The parser's calls -----------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.cycle = cast(Any, None)
        self._has_head = self._has_message = False

    def on_headers_complete(self) -> None:
        """Note what the parser knows only at this moment.

        It may still refuse the head: the request begins when all of the head was accepted.
        """
        self._has_head = True
        self._version = self.parser.get_http_version()
        self._keeps_alive = self._version != "1.0" and self.parser.should_keep_alive()
        self.scope["method"] = self.parser.get_method().decode("ascii")
        self.scope["http_version"] = self._version

    def on_body(self, body: bytes) -> None:
        if not self.cycle.response_complete:
            self.cycle.body += body
            if len(self.cycle.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            self.cycle.message_event.set()

    def on_message_complete(self) -> None:
        self._has_message = True
        if self.cycle is not None:
            self.cycle.more_body = False
            self.cycle.message_event.set()

    # Answering --------------------------------------------------------------------------------------------------------

    def _begin(self, *, keep_alive: bool) -> None:
        """Let the application answer the request whose head is whole."""
        try:
            url = httptools.parse_url(self.url)
            path = url.path.decode("ascii")
        except (AttributeError, UnicodeDecodeError):  # it has no path, or is no URL
            raise Malformed from None
        self.scope["path"] = self.root_path + (unquote(path) if "%" in path else path)
        self.scope["raw_path"] = self.root_path.encode("ascii") + url.path
        self.scope["query_string"] = url.query or b""
        self.cycle = RequestResponseCycle(
            scope=self.scope,
            transport=cast(asyncio.Transport, _Response(self.transport)),
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=keep_alive and not self._clients.are_sent_away,
            on_response=self.on_response_complete,
        )
        if self._body is None:
            self.cycle.more_body = False
            self.cycle.message_event.set()
        else:
            self._deadline, self._paced = self.loop.time() + PACE_SECONDS, 0
        self._start_asgi_task(self.cycle, self.app)

    def on_response_complete(self) -> None:
        cast(_Response, self.cycle.transport).flush()
        self.server_state.total_requests += 1
        self._end_visit()
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self._body is None:
            self._expect_next()
            data = self._early
            self._keep_early(b"")
            if data:
                self._take(data)

    def _expect_next(self) -> None:
        self._head = Head()
        self._deadline = self.loop.time() + KEEP_ALIVE_SECONDS
        self._enter(State.IDLE)

    def _upgrade(self, rest: bytes) -> None:
        """Pass the connection on to a `Connection`, with the bytes that came after the head."""
        holder = self._visitor or self._client
        client = None if holder is None else self._clients.open_socket(holder.address)
        if client is None:
            raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE)
        self._forget()
        self.flow.resume_reading()
        self.connections.discard(self)
        self._http.discard(self)
        target, _, query = self.url.partition(b"?")
        connection = Connection(self.config, self.server_state, self.transport, client)
        self.transport.set_protocol(connection)
        self.parser = cast(Any, None)  # breaks the reference cycle of the parser and its callbacks
        connection.begin({**self.scope, "raw_path": target, "query_string": query})
        if rest:
            connection.data_received(rest)

    def shutdown(self) -> None:
        """Called by uvicorn when the server stops. A request that is not whole is not waited for."""
        if self._body is not None:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            super().shutdown()

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer in place of the application, and close."""
        if self.cycle is not None and self.cycle.response_started:
            self.drop()
            return
        self._disconnect()
        self._answer(status)

    def _answer(self, status: HTTPStatus) -> None:
        self._write_answer(status)
        self.transport.write_eof()
        self.flow.resume_reading()
        self._linger, self._ends_at = LINGER_BYTES, self.loop.time() + LINGER_SECONDS

    def _write_answer(self, status: HTTPStatus) -> None:
        # Like the application's errors, for clients that read them: what `busy` and `too_slow` refuse is tried again.
        code = _CODES.get(status, "bad_request")
        said = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": status.phrase}
        text = orjson.dumps({**said, "code": code})
        lines = [b"HTTP/1.1 %d %b" % (status, status.phrase.encode())]
        lines += [name + b": " + value for name, value in self.server_state.default_headers]
        lines += [b"content-type: application/problem+json", b"content-length: %d" % len(text), b"connection: close"]
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            lines.append(b"retry-after: 5")
        self.transport.write(b"\r\n".join([*lines, b"", text]))


def _authority(target: bytes) -> bytes:
    """The host of a request's target in absolute form, as `Host` has it."""
    return re.split(rb"[/?#]", target.partition(b"://")[2], maxsplit=1)[0].lower()


def _proxies() -> addresses.Networks:
    return addresses.networks(tuple(settings.TRUSTED_PROXIES))
