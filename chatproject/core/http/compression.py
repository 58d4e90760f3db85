"""Answers and pages, compressed where the client asks for it."""

import asyncio
import gzip
import io
import re
import secrets
from collections.abc import Awaitable
from typing import Any

from django.conf import settings

from chatproject.core.http.asgi import Application, Message, Receive, Send

#: Bytes from which an answer is compressed, as a shorter one fits into one packet of the network anyway; and from which
#: a thread does it.
ANSWER_MIN, THREAD_MIN = 1024, 8 * 1024
#: Pages and answers. Pictures and recordings are compressed already, and the site's own files when they are collected.
KINDS = {b"application/json", b"application/problem+json", b"text/html", b"text/javascript"}
#: Bytes by which an answer's length varies at random, by a name in gzip's head that nobody reads. An answer can have a
#: secret (an invitation's code) beside what a stranger chose (a name), and its length tells whether they are alike
#: (BREACH); now it does so only after very many questions. Django's GZipMiddleware does likewise.
NAME_MAX = 100
_LEVEL = 5
#: An answer of so many bytes is packed half as thoroughly: of a megabyte of chats in 6 ms instead of 12, to 127 instead
#: of 112 KB.
_LONG, _LONG_LEVEL = 256 * 1024, 3

_ACCEPTS_GZIP = re.compile(rb"(?:^|,)\s*(?:gzip|\*)\s*(?:$|,|;\s*q=(?!0(?:\.0*)?\s*(?:$|,)))", re.IGNORECASE)

Headers = list[tuple[bytes, bytes]]


class Compressed:
    """`application`, whose answers and pages go as gzip to clients that accept it."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, scope: Any, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["path"].startswith(settings.STATIC_PATH):
            return self._application(scope, receive, send)
        accepted = b",".join(value for name, value in scope["headers"] if name == b"accept-encoding")
        answer = _Answer(send, is_accepted=_ACCEPTS_GZIP.search(accepted) is not None)
        return self._application(scope, receive, answer.send)


class _Answer:
    """One answer. Its head waits for the first bytes of its body."""

    def __init__(self, send: Send, *, is_accepted: bool) -> None:
        self._send = send
        self._is_accepted = is_accepted
        self._start: Any = None
        self._packing: _Packing | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [(name.lower(), value) for name, value in message["headers"]]}
            if _is_text(message):
                self._start = message
                return
        if self._start is not None:
            start, self._start = self._start, None
            await self._begin(start, message)
        elif self._packing is not None:
            await self._send({**message, "body": await self._packed(self._packing, message)})
        else:
            await self._send(message)

    async def _begin(self, start: Any, message: Message) -> None:
        """Send the head, and the first or only part of the body."""
        is_whole = not message.get("more_body")
        if not (is_whole and len(message.get("body", b"")) < ANSWER_MIN):
            start = {**start, "headers": _varying(start["headers"])}
            if self._is_accepted:
                self._packing = _Packing(_LONG_LEVEL if len(message.get("body", b"")) >= _LONG else _LEVEL)
                message = {**message, "body": await self._packed(self._packing, message)}
                length = [(b"content-length", str(len(message["body"])).encode())] if is_whole else []
                start = {**start, "headers": [*_of_packed(start["headers"]), *length]}
        await self._send(start)
        await self._send(message)

    @staticmethod
    async def _packed(packing: "_Packing", message: Message) -> bytes:
        body, is_last = message.get("body", b""), not message.get("more_body")
        if len(body) < THREAD_MIN:
            return packing.add(body, is_last)
        return await asyncio.to_thread(packing.add, body, is_last)


class _Packing:
    """A body on its way, as gzip."""

    def __init__(self, level: int) -> None:
        self._packed = io.BytesIO()
        name = "x" * secrets.randbelow(NAME_MAX + 1)
        self._file = gzip.GzipFile(name, "wb", level, self._packed, mtime=0)

    def add(self, part: bytes, is_last: bool) -> bytes:
        """What there is to send after this part."""
        self._file.write(part)
        if is_last:
            self._file.close()
        else:
            self._file.flush()
        packed = self._packed.getvalue()
        self._packed.seek(0)
        self._packed.truncate()
        return packed


def _is_text(start: Message) -> bool:
    """Whether an answer is one to compress, and a whole one."""
    headers = dict(start["headers"])
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return kind in KINDS and b"content-encoding" not in headers and b"content-range" not in headers


def _varying(headers: Headers) -> Headers:
    """The headers, which say that the answer depends on what the client accepts."""
    varies = [value for name, value in headers if name == b"vary"]
    others = [(name, value) for name, value in headers if name != b"vary"]
    return [*others, (b"vary", b", ".join([*varies, b"Accept-Encoding"]))]


def _of_packed(headers: Headers) -> Headers:
    """The headers of an answer as those of the same in gzip, without its length."""
    kept = [(name, value) for name, value in headers if name not in (b"content-length", b"etag")]
    # A strong ETag is for the bytes as they were.
    tags = [(name, b"W/" + value.removeprefix(b"W/")) for name, value in headers if name == b"etag"]
    return [*kept, *tags, (b"content-encoding", b"gzip")]
