"""Responses with stored files: ranges, revalidation, and headers that keep a browser from running
them.
"""

import re
from collections.abc import Hashable, Iterator
from typing import IO
from urllib.parse import quote

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.request import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.http import parse_etags
from rest_framework.request import Request

from chatproject.core import costs
from chatproject.core.errors import NotFound
from chatproject.core.files import elsewhere, storage
from chatproject.core.files.storage import StoredFile
from chatproject.core.redis import budget

#: Bytes that are read and sent at once.
PIECE_BYTES = 256 * 1024

_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")
#: Digits of a number in a Range that are read; a number with more is larger than any file.
_DIGITS_MAX = 18

#: A file is never one of our pages, whatever it contains. nginx needs the same headers: see
#: deploy/nginx.conf.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    # A cached copy is revalidated each time: the member may have been removed, the message
    # recalled.
    "Cache-Control": "private, no-cache",
}
#: For files that every signed-in user may see: a year without revalidation.
IMMUTABLE = "private, max-age=31536000, immutable"


#: What does not stand in a quoted `filename` (RFC 6266, appendix D): browsers read it in different ways.
_NOT_PLAIN = re.compile(r"[^ !#$&-\[\]^-~]")


def _disposition(name: str) -> str:
    """A download under this name: as it is for all browsers of today, and in ASCII for others."""
    plain = _NOT_PLAIN.sub("_", name)
    header = f'attachment; filename="{plain}"'
    return header if plain == name else f"{header}; filename*=UTF-8''{quote(name, safe='')}"


def response(request: Request | HttpRequest, file: StoredFile) -> HttpResponseBase:
    """The whole file, a range of it, 304, or the way to where it is.

    Raises NotFound if the storage has lost it, and DamagedFile.
    """
    # A download's name is only known here; and a file that was sealed earlier is opened here alone.
    if elsewhere.hands_out() and not file.name and not storage.is_sealed(file.path, file.size):
        return HttpResponseRedirect(elsewhere.address(file.path, file.served_as))
    answer = _response(request, file)
    for name, value in HEADERS.items():
        answer[name] = value
    answer["ETag"] = _etag(file)
    if file.is_immutable:
        answer["Cache-Control"] = IMMUTABLE
    if file.name:
        answer["Content-Disposition"] = _disposition(file.name)
    return answer


def _etag(file: StoredFile) -> str:
    return f'"{file.path}"'


def _response(request: Request | HttpRequest, file: StoredFile) -> HttpResponseBase:
    known = parse_etags(request.headers.get("If-None-Match", ""))
    if _etag(file) in known or known == ["*"]:
        return HttpResponse(status=304)
    if settings.X_ACCEL_REDIRECT and not storage.is_sealed(file.path, file.size):
        redirect = HttpResponse(content_type=file.served_as)
        redirect["X-Accel-Redirect"] = settings.X_ACCEL_REDIRECT + file.path
        return redirect
    start, end, is_part = _part(request, file)
    if start >= end:
        refused = HttpResponse(status=416)
        refused["Content-Range"] = f"bytes */{file.size}"
        return refused
    answer = _streamed(request, file, start, end)
    answer["Content-Length"] = str(end - start)
    answer["Accept-Ranges"] = "bytes"
    if is_part:
        answer.status_code = 206
        answer["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    return answer


def _part(request: Request | HttpRequest, file: StoredFile) -> tuple[int, int, bool]:
    """Start, end and whether the answer is a partial one.

    A Range that is not understood asks for the whole file.
    """
    asked = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if not asked or asked[0] == "bytes=-" or request.headers.get("If-Range", _etag(file)) != _etag(file):
        return 0, file.size, False
    first, last = map(_number, asked.groups())
    if first is None:
        return max(0, file.size - (last or 0)), file.size, True
    if last is not None and last < first:
        return 0, file.size, False
    return first, file.size if last is None else min(file.size, last + 1), True


def _number(digits: str) -> int | None:
    """The number in a Range, None where none is given."""
    digits = digits.lstrip("0") or digits[:1]
    return int(digits) if 0 < len(digits) <= _DIGITS_MAX else 10**_DIGITS_MAX if digits else None


def _streamed(request: Request | HttpRequest, file: StoredFile, start: int, end: int) -> HttpResponseBase:
    try:
        opened = storage.open_file(file.path, file.size)
    except FileNotFoundError:
        raise NotFound() from None
    if request.method == "HEAD":
        opened.close()
        return HttpResponse(content_type=file.served_as)
    opened.seek(start)
    try:
        pieces = _Pieces(opened, end - start, reader=request.user.pk)
    except BaseException:
        opened.close()
        raise
    return StreamingHttpResponse(pieces, content_type=file.served_as)


class _Pieces:
    """The next `left` bytes of an open file, which the response closes. Its reader pays for what is read.

    The first piece is read at once: what is wrong with it is still an answer.
    """

    def __init__(self, opened: IO[bytes], left: int, *, reader: Hashable) -> None:
        self._opened, self._left, self._reader = opened, left, reader
        self._first: bytes | None = self._read()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece, self._first = self._read() if self._first is None else self._first, None
        if not piece:
            raise StopIteration
        return piece

    def _read(self) -> bytes:
        piece = self._opened.read(min(PIECE_BYTES, self._left))
        self._left -= len(piece)
        budget.charge(self._reader, costs.of_file(piece))
        return piece

    def close(self) -> None:
        self._opened.close()
