"""HTTP through Django on a few threads that stay.

Django's own ASGI handler runs synchronous middleware and views in a thread that it makes for each
request, with an event loop and a database connection of its own: more work than most requests. Our
middleware and views are synchronous, so the whole request is given to one thread, which keeps its
database connection for the next request.
"""

import asyncio
import io
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.signals import request_started
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponseNotFound
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix
from servestatic.middleware import ServeStaticMiddleware

from chatproject.core import metrics
from chatproject.core.db.transactions import on_thread
from chatproject.core.errors import ChatError
from chatproject.core.files import scratch
from chatproject.core.http.asgi import Message, Receive, Send

#: Requests that are processed at the same time; the others wait. Most of a thread's time is spent
#: waiting.
THREADS = 16

#: Bytes of the site's own files that are kept as they are sent.
KEPT_BYTES = 16 * 1024 * 1024
_CONDITIONS = {b"range", b"if-range", b"if-none-match", b"if-modified-since", b"if-match", b"if-unmodified-since"}

_threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="http")


class Handler(ASGIHandler):
    """The ASGI application for HTTP. A request is carried out even if its client disconnects."""

    threads = _threads

    def __init__(self, threads: int = 0) -> None:
        """`threads`: so many of its own, for requests that wait long."""
        self.load_middleware(is_async=False)
        if threads:
            self.threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="waiting")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with closing(body):
            await self.respond(with_length(scope, body), body, send)

    async def read_body(self, receive: Receive) -> IO[bytes]:
        """The request's body, like Django's; but what is too much for memory is in scratch. Raises RequestAborted."""
        body: IO[bytes] = io.BytesIO()
        try:
            is_more = True
            while is_more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RequestAborted
                piece = message.get("body", b"")
                if isinstance(body, io.BytesIO) and body.tell() + len(piece) > settings.FILE_UPLOAD_MAX_MEMORY_SIZE:
                    before, body = body.getvalue(), scratch.new()
                    body.write(before)
                body.write(piece)
                is_more = message.get("more_body", False)
            body.seek(0)
        except BaseException:
            body.close()
            raise
        return body

    async def respond(self, scope: Any, body: IO[bytes], send: Send) -> None:
        """Let Django process the request with this body, and send its response."""
        response = await self._answer(scope, body)
        try:
            await self._send(response, send)
        finally:
            if response.streaming:
                await on_thread(self.threads, response.close)

    async def _answer(self, scope: Any, body: IO[bytes]) -> Any:
        """Django's response, made on a thread."""
        return await on_thread(self.threads, self._process, scope, body)

    def _process(self, scope: Any, body: IO[bytes]) -> HttpResponseBase:
        since = time.perf_counter()
        set_script_prefix(get_script_prefix(scope))
        request_started.send(sender=type(self), scope=scope)
        request, refusal = self.create_request(scope, body)
        response: Any = refusal if request is None else self.get_response(request)
        response._handler_class = type(self)  # the sender of request_finished
        route = request.resolver_match.route if request is not None and request.resolver_match else None
        metrics.answered(scope["method"], route, response.status_code, since)
        if response.streaming:
            close_old_connections()  # its end may run on another thread
        else:
            response.close()
        return response  # type: ignore[no-any-return]

    async def _send(self, response: Any, send: Send) -> None:
        headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
        headers += [(b"set-cookie", cookie.OutputString().encode("ascii")) for cookie in response.cookies.values()]
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        if response.streaming:
            parts: Iterator[bytes] = iter(response)
            try:
                while part := await on_thread(self.threads, next, parts, b""):
                    await send({"type": "http.response.body", "body": part, "more_body": True})
            except ChatError:
                return  # its head is sent: without its end the server closes the connection
        await send({"type": "http.response.body", "body": b"" if response.streaming else response.content})


def with_length(scope: Any, body: IO[bytes]) -> Any:
    """The scope with the length of a chunked body, which Django and REST framework ask for."""
    if any(name == b"content-length" for name, _value in scope["headers"]):
        return scope
    body.seek(0, os.SEEK_END)
    length = body.tell()
    body.seek(0)
    return {**scope, "headers": [*scope["headers"], (b"content-length", str(length).encode())]} if length else scope


class StaticHandler(ASGIHandler):
    """The site's own files, through servestatic's middleware alone, which is asynchronous.

    The middleware lists the collected files when it is made: at the first request, because other
    servers than ours import the application before the files are collected.

    A page asks for some eighty files, and each costs milliseconds as a request of Django's. What never changes
    (the names of those files have their hash) is kept as it was sent, KEPT_BYTES of it at most.
    """

    def __init__(self) -> None:
        self._is_loaded = False
        self._kept: dict[tuple[str, bytes], list[Message]] = {}
        self._kept_bytes = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        key = _plain_question(scope)
        if key is not None and (kept := self._kept.get(key)):
            for message in kept:
                await send(message)
            return
        if not self._is_loaded:
            await asyncio.to_thread(self.load_middleware)
        if key is None:
            await super().__call__(scope, receive, send)
            return
        sent: list[Message] = []

        async def send_and_note(message: Message) -> None:
            sent.append(message)
            await send(message)

        await super().__call__(scope, receive, send_and_note)
        if sent:
            self._keep(key, sent)

    def _keep(self, key: tuple[str, bytes], sent: list[Message]) -> None:
        start, *parts = sent
        body = b"".join(part.get("body", b"") for part in parts)
        if not _is_for_ever(start, body, key[1]) or key in self._kept or self._kept_bytes + len(body) > KEPT_BYTES:
            return
        self._kept[key] = [start, {"type": "http.response.body", "body": body}]
        self._kept_bytes += len(body)

    async def listen_for_disconnect(self, receive: Any) -> None:
        """End quietly: Django leaves the error of this task unheard when the answer ends at the same moment."""
        with suppress(RequestAborted):
            await super().listen_for_disconnect(receive)

    def load_middleware(self, is_async: bool = False) -> None:
        self._middleware_chain = ServeStaticMiddleware(_no_such_file)
        self._is_loaded = True


def _plain_question(scope: Any) -> tuple[str, bytes] | None:
    """What the answer for a whole file depends on: its path, and whether the client takes brotli or gzip."""
    headers = dict(scope["headers"])
    if scope["method"] != "GET" or not headers.keys().isdisjoint(_CONDITIONS):
        return None
    accepted = headers.get(b"accept-encoding", b"")
    if b";" in accepted:  # by its weight: rare, and the middleware understands it
        return None
    names = {name.strip() for name in accepted.split(b",")}
    return scope["path"], b",".join(name for name in (b"br", b"gzip", b"zstd") if name in names)


def _is_for_ever(start: Message, body: bytes, accepted: bytes) -> bool:
    """Whether this is a file that never changes, as all who accept these encodings have it; and all of it: an answer
    ends without a word where its reader goes away.
    """
    headers = {name.lower(): value for name, value in start["headers"]}
    is_for_all = headers.get(b"content-encoding", b"") in (b"", *accepted.split(b","))
    is_whole = headers.get(b"content-length") == str(len(body)).encode()
    return start["status"] == 200 and is_whole and is_for_all and b"immutable" in headers.get(b"cache-control", b"")


async def _no_such_file(request: HttpRequest) -> HttpResponseBase:
    return HttpResponseNotFound(content_type="text/plain")
