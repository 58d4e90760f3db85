"""What HTTP routes share: errors as problem+json (RFC 9457), pages by cursor, and the check of who
acts.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import orjson
from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from rest_framework import exceptions as drf
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from chatproject.core import costs, errors, metrics
from chatproject.core.db.transactions import as_busy
from chatproject.core.errors import ChatError
from chatproject.core.files import space
from chatproject.core.http import headers
from chatproject.core.logs import request_id
from chatproject.core.redis import budget

PAGE = 50
PAGE_MAX = 200
#: Items of a list that is asked for without `limit`, and how many of them are read and sent at a time.
WHOLE_MAX, CHUNK = 5000, 500

#: What the documents say of such a list.
WHOLE_LIST = f"Without `limit` all of it, {WHOLE_MAX} at most; the `Link` header leads to more."

Cursor = TypeVar("Cursor")
AnyResponse = TypeVar("AnyResponse", bound=HttpResponseBase)


@dataclass(frozen=True, slots=True)
class Page(Generic[Cursor]):
    """Some items of a list, and the cursor that leads to those after them."""

    items: list[dict[str, Any]]
    end: Cursor


class JSONParser(BaseParser):
    """Strict JSON: no NaN, no lone surrogates, and limits for depth and the length of numbers."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        body = stream.read()
        if not body.strip():
            return {}
        try:
            return orjson.loads(body)
        except ValueError as error:
            raise errors.BadRequest(_("The body is not valid JSON.")) from error


class JSONRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        if data is None:
            return b""
        body = orjson.dumps(data, default=str)
        _charge(body, (renderer_context or {}).get("request"))
        return body


def _charge(body: bytes, request: Request | None) -> None:
    """Charge a long answer, or one that took long, to the user who asked for it: what it costs is known only now."""
    if (paid := getattr(request, "paid", None)) is not None and request is not None:
        budget.charge(request.user.pk, max(costs.of_answer(body), paid.left_to_pay()))


def problem(error: ChatError) -> Response:
    """The response for an error."""
    metrics.refusals.labels(error.code).inc()
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": str(error.title),
        "status": error.status,
        "detail": str(error.detail),
        "code": error.code,
    }
    if error.status >= 500:
        body["requestId"] = request_id()
    if error.errors is not None:
        body["errors"] = {field: [str(text) for text in texts] for field, texts in error.errors.items()}
    response = Response(body, status=error.status, content_type="application/problem+json")
    # Django logs an answer from 500 on as a failure of ours. This one was foreseen.
    response._has_been_logged = True  # type: ignore[attr-defined]
    response["Cache-Control"] = headers.PRIVATE
    if error.retry_after is not None:
        response["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if isinstance(error, errors.RateLimited) and error.limit:
        response["RateLimit-Policy"] = f'"default";q={error.limit};w={error.window}'
        response["RateLimit"] = f'"default";r=0;t={max(1, math.ceil(error.retry_after or 0))}'
    if error.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


def exception_handler(raised: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's hook: every error leaves in one shape. None turns a bug of ours into a 500."""
    error = _as_chat_error(raised)
    return None if error is None else problem(error)


def _as_chat_error(raised: Exception) -> ChatError | None:
    match raised:
        case ChatError():
            return raised
        case Http404() | drf.NotFound():
            return errors.NotFound()
        case RequestDataTooBig():
            return errors.TooLarge()
        case drf.ValidationError():
            return errors.Invalid(errors=field_errors(raised.detail))
        case drf.ParseError() | drf.UnsupportedMediaType():
            return errors.BadRequest(str(raised.detail))
        case drf.NotAuthenticated() | drf.AuthenticationFailed():
            return errors.SignInRequired()
        case drf.PermissionDenied():
            return errors.Forbidden(str(raised.detail))
        case OSError() if space.is_full(raised):
            return space.StorageFull()
        case OperationalError():
            return as_busy(raised)
        case drf.APIException():
            error = ChatError(str(raised.detail), code=raised.default_code)
            error.status, error.title = raised.status_code, str(raised.default_detail)
            return error
    return None


def field_errors(detail: Any, prefix: str = "") -> dict[str, list[str]]:
    """DRF's nested messages as a flat map of fields: `{"locationData.latitude": […]}`."""
    if isinstance(detail, Mapping):
        flat: dict[str, list[str]] = {}
        for name, inner in detail.items():
            flat |= field_errors(inner, f"{prefix}.{name}" if prefix else str(name))
        return flat
    if isinstance(detail, Sequence) and not isinstance(detail, str):
        nested = [item for item in detail if isinstance(item, Mapping)]
        if nested:
            flat = {}
            for place, item in enumerate(detail):
                flat |= field_errors(item, f"{prefix}.{place}") if item else {}
            return flat
        return {prefix or "detail": [str(text) for text in detail]}
    return {prefix or "detail": [str(detail)]}


def require_self(request: Request, *fields: str) -> None:
    """Raise NotYou if the body or the query names another user as the one who acts; older clients
    name themselves.
    """
    me = str(request.user.pk)
    given = request.data if isinstance(request.data, Mapping) else {}
    for field in fields:
        for value in (given.get(field), request.query_params.get(field)):
            if value not in (None, "", me):
                raise errors.NotYou()


class Id(serializers.UUIDField):
    """An id as a string; DRF's own field also accepts numbers."""

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


def listed(
    request: Request,
    page: Callable[[int, Cursor], Page[Cursor]],
    *,
    after: Cursor,
    limit: int | None,
    end_of: Callable[[int], Cursor | None],
) -> HttpResponseBase:
    """A page of a list; without a `limit` the whole list, WHOLE_MAX items at most, sent in chunks.

    `page` takes the number of items and the cursor after which they come; `end_of` the number after
    which the list is cut, and returns the cursor there, None for a list that is not longer.
    """
    size = CHUNK if limit is None else limit
    first = page(size, after)
    if len(first.items) < size:
        return Response(first.items)
    if limit is not None:
        return with_next(Response(first.items), request, after=first.end)
    body = _charged(_as_json(_chunks(first, page)), request)
    response = StreamingHttpResponse(body, content_type="application/json")
    cut = end_of(WHOLE_MAX)
    return response if cut is None else with_next(response, request, after=cut)


def _chunks(chunk: Page[Cursor], page: Callable[[int, Cursor], Page[Cursor]]) -> Iterator[list[dict[str, Any]]]:
    for left in range(WHOLE_MAX - CHUNK, -1, -CHUNK):
        yield chunk.items
        if len(chunk.items) < CHUNK or not left:
            return
        chunk = page(CHUNK, chunk.end)


def _as_json(chunks: Iterable[list[dict[str, Any]]]) -> Iterator[bytes]:
    """One JSON array of the items of all chunks."""
    before = b"["
    for items in chunks:
        if items:
            yield before + orjson.dumps(items)[1:-1]
            before = b","
    yield b"]" if before == b"," else b"[]"


def _charged(pieces: Iterable[bytes], request: Request) -> Iterator[bytes]:
    """The pieces of an answer, each charged to the user who asked for it."""
    for piece in pieces:
        budget.charge(request.user.pk, costs.of_answer(piece))
        yield piece


def with_next(response: AnyResponse, request: Request, **cursor: Any) -> AnyResponse:
    """Name the next page's address in the `Link` header."""
    response["Link"] = next_link(request.path, request.query_params, **cursor)
    return response


def next_link(path: str, query: Mapping[str, Any], **cursor: Any) -> str:
    """The `Link` header that names the next page's address."""
    kept = {name: value for name, value in query.items() if name not in ("before", "after")}
    return f'<{path}?{urlencode(kept | cursor)}>; rel="next"'
