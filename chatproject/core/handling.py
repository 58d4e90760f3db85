"""HTTP through Django on a few threads that stay.

Django's own ASGI handler runs synchronous middleware and views in a thread that is made for each request, with an
event loop and a database connection of its own: more work than most requests. Ours are synchronous from end to end, so
the whole request is handed to a thread at once, and the thread keeps its connection for the next.
"""

import logging
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import IO, Any

from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.signals import request_started
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponseNotFound
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix
from servestatic.middleware import ServeStaticMiddleware

from chatproject.core.db import on_thread

log = logging.getLogger(__name__)

#: Requests that are worked on at the same time; the others wait. Most of a thread's time is spent waiting.
THREADS = 16

_threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="http")

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Handler(ASGIHandler):
    """An ASGI application for HTTP. What a client that is gone asked for is done all the same."""

    def __init__(self) -> None:
        self.load_middleware(is_async=False)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with closing(body):
            response = await on_thread(_threads, self._respond, scope, body)
            try:
                await self._send(response, send)
            finally:
                if response.streaming:
                    await on_thread(_threads, response.close)

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
            while part := await on_thread(_threads, next, parts, b""):
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"" if response.streaming else response.content})


class StaticHandler(ASGIHandler):
    """The site's own files, by servestatic's middleware, which has an asynchronous side only, and nothing around it."""

    def load_middleware(self, is_async: bool = False) -> None:
        self._middleware_chain = ServeStaticMiddleware(_no_such_file)


async def _no_such_file(request: HttpRequest) -> HttpResponseBase:
    return HttpResponseNotFound(content_type="text/plain")
