"""How stored bytes are handed out: by ranges, mostly revalidated each time, and as nothing that a browser would run."""

import re
from collections.abc import Iterator
from typing import IO

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import HttpResponse, StreamingHttpResponse
from django.http.request import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header, parse_etags
from rest_framework.request import Request

from chatproject.core.errors import NotFound
from chatproject.core.files.storage import StoredFile

#: Bytes that are read and sent at once.
PIECE = 256 * 1024

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")

#: Whatever stands in it, it is no page of ours. nginx needs the same lines: see deploy/nginx.conf.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    # It may be kept, and is asked for each time: whoever was removed since, or what was recalled, is not there.
    "Cache-Control": "private, no-cache",
}
#: For what everybody may see who is signed in: a year without asking.
KEPT = "private, max-age=31536000, immutable"


def response(request: Request | HttpRequest, file: StoredFile) -> HttpResponseBase:
    """The whole, a part, or the word that he has it. Raises NotFound where the storage has lost it."""
    answer = _response(request, file)
    for name, value in HEADERS.items():
        answer[name] = value
    answer["ETag"] = _etag(file)
    if file.is_kept:
        answer["Cache-Control"] = KEPT
    if file.name:
        answer["Content-Disposition"] = content_disposition_header(True, file.name)
    return answer


def _etag(file: StoredFile) -> str:
    return f'"{file.path}"'


def _response(request: Request | HttpRequest, file: StoredFile) -> HttpResponseBase:
    known = parse_etags(request.headers.get("If-None-Match", ""))
    if _etag(file) in known or known == ["*"]:
        return HttpResponse(status=304)
    if settings.X_ACCEL_REDIRECT:
        handed = HttpResponse(content_type=file.served_as)
        handed["X-Accel-Redirect"] = settings.X_ACCEL_REDIRECT + file.path
        return handed
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
    """From where to where, and whether that is to be told as a part. What we do not understand asks for the whole."""
    asked = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if not asked or asked[0] == "bytes=-" or request.headers.get("If-Range", _etag(file)) != _etag(file):
        return 0, file.size, False
    first, last = asked.groups()
    if not first:
        return (max(0, file.size - int(last)), file.size, True) if int(last) else (0, 0, True)
    if last and int(last) < int(first):
        return 0, file.size, False
    return int(first), min(file.size, int(last) + 1) if last else file.size, True


def _streamed(request: Request | HttpRequest, file: StoredFile, start: int, end: int) -> HttpResponseBase:
    try:
        opened = default_storage.open(file.path)
    except FileNotFoundError:
        raise NotFound() from None
    if request.method == "HEAD":
        opened.close()
        return HttpResponse(content_type=file.served_as)
    opened.seek(start)
    return StreamingHttpResponse(_Pieces(opened, end - start), content_type=file.served_as)


class _Pieces:
    """So many bytes of an open file, which the response closes."""

    def __init__(self, opened: IO[bytes], left: int) -> None:
        self._opened, self._left = opened, left

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = self._opened.read(min(PIECE, self._left))
        if not piece:
            raise StopIteration
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        self._opened.close()
