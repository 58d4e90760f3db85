"""The limit of a request's body, checked before the body is on our disk: Django writes all of it
there first.
"""

from typing import Any

from django.conf import settings

from chatproject.core import errors
from chatproject.core.http.asgi import Application, Message, Receive, Send, send_error

#: Bytes that a form may have beside its file.
FORM_BYTES_MAX = 1024 * 1024
#: Digits of a Content-Length, more than any limit has: `int` refuses thousands of them.
LENGTH_DIGITS_MAX = 18


class _TooLarge(Exception):
    pass


class BodyLimit:
    """ASGI middleware: `application` receives no body above the limit; the client gets a 413
    instead.
    """

    def __init__(self, application: Application, *, has_files: bool = False) -> None:
        self._application = application
        self._has_files = has_files

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if self._has_files:
            limit = max(settings.MAX_UPLOAD_BYTES, settings.MAX_VIDEO_BYTES, settings.MAX_FILE_BYTES) + FORM_BYTES_MAX
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and (len(length) > LENGTH_DIGITS_MAX or int(length) > limit):
            await send_error(errors.TooLarge(), headers, send, closes=True)
            return
        left = limit

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:  # a chunked body, which announces no length
                raise _TooLarge
            return message

        try:
            await self._application(scope, counted, send)
        except _TooLarge:
            await send_error(errors.TooLarge(), headers, send, closes=True)
