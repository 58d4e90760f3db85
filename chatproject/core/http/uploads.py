"""Requests with files, on threads of their own: however many people upload, everybody else is
answered.
"""

import asyncio
import logging
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, cast

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.utils.translation import gettext_lazy as _

from chatproject.core.db.transactions import on_thread
from chatproject.core.errors import Busy, ChatError
from chatproject.core.http.asgi import send_error
from chatproject.core.http.handler import Handler

log = logging.getLogger(__name__)

#: Uploads that are received at the same time, and those of them that are processed. Processing
#: takes seconds, and more than a few would only wait for the sandbox.
RECEIVED_MAX, PROCESSED_MAX = 100, 4
#: Seconds that a received upload waits to be processed, and that a client may take for the next
#: piece.
QUEUE_TIMEOUT_SECONDS = 20.0
PIECE_TIMEOUT_SECONDS = 60.0
#: Bytes that are written to disk at once, and per second by all uploads together: faster ones would
#: take the time that messages need.
WRITE_BYTES = 256 * 1024
WRITE_BYTES_PER_SECOND = 64 * 1024 * 1024

_workers = ThreadPoolExecutor(max_workers=PROCESSED_MAX, thread_name_prefix="upload")
_writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="body")


class TooSlow(ChatError):
    """The next piece of a body did not arrive in time."""

    status = 408
    code = "too_slow"
    title = _("The rest of the request did not come.")


class UploadHandler(Handler):
    """`Handler` for requests with files, whose bodies are written to disk as they arrive, off the
    event loop.
    """

    threads = _workers

    def __init__(self) -> None:
        super().__init__()
        self._present = 0
        self._turns = asyncio.Semaphore(PROCESSED_MAX)
        self._writing = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._present += 1
        try:
            await self._take(scope, receive, send)
        except ChatError as error:
            await send_error(error, dict(scope["headers"]), send, closes=True)
        except RequestAborted:
            log.debug("http: a client aborted an upload")
        finally:
            self._present -= 1

    async def _take(self, scope: Any, receive: Any, send: Any) -> None:
        if self._present > RECEIVED_MAX:
            raise Busy(retry_after=5)
        with cast(IO[bytes], await on_thread(_writer, _scratch_file)) as body:
            try:
                await self._receive_into(body, receive)
            except TimeoutError:
                raise TooSlow() from None
            try:
                await asyncio.wait_for(self._turns.acquire(), QUEUE_TIMEOUT_SECONDS)
            except TimeoutError:
                raise Busy(retry_after=5) from None
            try:
                await self.respond(_with_length(scope, body), body, send)
            finally:
                self._turns.release()

    async def _receive_into(self, body: IO[bytes], receive: Any) -> None:
        """Write the request's body to `body`.

        Raises RequestAborted, and TimeoutError for a piece that is late.
        """
        pieces: list[bytes] = []
        size, is_more = 0, True
        while is_more:
            async with asyncio.timeout(PIECE_TIMEOUT_SECONDS):
                while is_more and size < WRITE_BYTES:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise RequestAborted
                    pieces.append(message.get("body", b""))
                    size += len(pieces[-1])
                    is_more = message.get("more_body", False)
            async with self._writing:
                await on_thread(_writer, body.writelines, pieces)
                await asyncio.sleep(size / WRITE_BYTES_PER_SECOND)
            pieces, size = [], 0
        body.seek(0)


def _with_length(scope: Any, body: IO[bytes]) -> Any:
    """The scope with the length of a chunked body, which Django asks for."""
    if any(name == b"content-length" for name, _value in scope["headers"]):
        return scope
    length = body.seek(0, os.SEEK_END)
    body.seek(0)
    return {**scope, "headers": [*scope["headers"], (b"content-length", str(length).encode())]}


def _scratch_file() -> IO[bytes]:
    """A file without a name, which the system removes with this process, however it ends."""
    return tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)
