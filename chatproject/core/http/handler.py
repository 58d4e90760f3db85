"""HTTP through Django on a few threads that stay.

Django's own ASGI handler runs synchronous middleware and views in a thread that is made for each request, with an
event loop and a database connection of its own: more work than most requests. Ours are synchronous from end to end, so
the whole request is handed to a thread at once, and the thread keeps its connection for the next.
"""

import asyncio
import logging
import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import IO, Any, cast

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.signals import request_started
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponseNotFound
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix
from django.utils.translation import gettext_lazy as _
from servestatic.middleware import ServeStaticMiddleware

from chatproject.core.db.transactions import on_thread
from chatproject.core.errors import Busy, ChatError
from chatproject.core.http.body_limit import refuse

log = logging.getLogger(__name__)

#: Requests that are worked on at the same time; the others wait. Most of a thread's time is spent waiting.
THREADS = 16

_threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="http")

#: Requests with files that are received at the same time, and those of them that are worked on: that takes seconds,
#: and all but a few would only wait for the fence.
RECEIVED, WORKED_ON = 100, 4
#: Seconds that one waits for its turn before it is told to come again, and that a client may take for a piece of it.
TURN = 20.0
PIECE = 60.0
#: Bytes that go to the disk at once, and a second, of all together: what came faster would be the chat's time.
WRITTEN = 256 * 1024
FLOW = 64 * 1024 * 1024

_workers = ThreadPoolExecutor(max_workers=WORKED_ON, thread_name_prefix="upload")
_writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="body")

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Handler(ASGIHandler):
    """An ASGI application for HTTP. What a client that is gone asked for is done all the same."""

    threads = _threads

    def __init__(self) -> None:
        self.load_middleware(is_async=False)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with closing(body):
            await self._answer(scope, body, send)

    async def _answer(self, scope: Any, body: IO[bytes], send: Send) -> None:
        response = await on_thread(self.threads, self._respond, scope, body)
        try:
            await self._send(response, send)
        finally:
            if response.streaming:
                await on_thread(self.threads, response.close)

    def _respond(self, scope: Any, body: IO[bytes]) -> HttpResponseBase:
        set_script_prefix(get_script_prefix(scope))
        request_started.send(sender=type(self), scope=scope)
        request, refusal = self.create_request(scope, body)
        response: Any = refusal if request is None else self.get_response(request)
        response._handler_class = type(self)  # whose request it says is finished
        if response.streaming:
            close_old_connections()  # it may be finished on another thread
        else:
            response.close()
        return response  # type: ignore[no-any-return]

    async def _send(self, response: Any, send: Send) -> None:
        headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
        headers += [(b"set-cookie", cookie.OutputString().encode("ascii")) for cookie in response.cookies.values()]
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        if response.streaming:
            parts: Iterator[bytes] = iter(response)
            while part := await on_thread(self.threads, next, parts, b""):
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"" if response.streaming else response.content})


class TooSlow(ChatError):
    """A body of which nothing more comes."""

    status = 408
    code = "too_slow"
    title = _("The rest of the request did not come.")


class UploadHandler(Handler):
    """The same for requests with files: on threads of their own, of which there are few, so that however many people
    upload, everybody else is answered. What comes goes to the disk as it comes, and not from the event loop.
    """

    threads = _workers

    def __init__(self) -> None:
        super().__init__()
        self._present = 0
        self._turns = asyncio.Semaphore(WORKED_ON)
        self._flow = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._present += 1
        try:
            await self._take(scope, receive, send)
        except ChatError as error:
            await refuse(error, dict(scope["headers"]), send, closes=True)
        except RequestAborted:
            log.debug("http: a client broke off an upload")
        finally:
            self._present -= 1

    async def _take(self, scope: Any, receive: Any, send: Any) -> None:
        if self._present > RECEIVED:
            raise Busy(retry_after=5)
        with cast(IO[bytes], await on_thread(_writer, _scratch_file)) as body:
            try:
                await self._receive_into(body, receive)
            except TimeoutError:
                raise TooSlow() from None
            try:
                await asyncio.wait_for(self._turns.acquire(), TURN)
            except TimeoutError:
                raise Busy(retry_after=5) from None
            try:
                await self._answer(_with_length(scope, body), body, send)
            finally:
                self._turns.release()

    async def _receive_into(self, body: IO[bytes], receive: Any) -> None:
        """Raises RequestAborted, and TimeoutError where a piece does not come."""
        pieces: list[bytes] = []
        size, is_more = 0, True
        while is_more:
            async with asyncio.timeout(PIECE):
                while is_more and size < WRITTEN:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise RequestAborted
                    pieces.append(message.get("body", b""))
                    size += len(pieces[-1])
                    is_more = message.get("more_body", False)
            async with self._flow:
                await on_thread(_writer, body.writelines, pieces)
                await asyncio.sleep(size / FLOW)
            pieces, size = [], 0
        body.seek(0)


def _with_length(scope: Any, body: IO[bytes]) -> Any:
    """Whoever sends in pieces does not say how many bytes they are, and Django asks."""
    if any(name == b"content-length" for name, _value in scope["headers"]):
        return scope
    length = body.seek(0, os.SEEK_END)
    body.seek(0)
    return {**scope, "headers": [*scope["headers"], (b"content-length", str(length).encode())]}


def _scratch_file() -> IO[bytes]:
    """One without a name, which is gone with us, however we end."""
    return tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)


class StaticHandler(ASGIHandler):
    """The site's own files, by servestatic's middleware, which has an asynchronous side only, and nothing around it."""

    def load_middleware(self, is_async: bool = False) -> None:
        self._middleware_chain = ServeStaticMiddleware(_no_such_file)


async def _no_such_file(request: HttpRequest) -> HttpResponseBase:
    return HttpResponseNotFound(content_type="text/plain")
