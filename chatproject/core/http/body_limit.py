"""How much a request may bring along, decided before it is on our disk: Django would write it all there first."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation

from chatproject.core import errors
from chatproject.core.errors import ChatError
from chatproject.core.http.error_views import as_response

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[None]]

#: What a form may have beside its file.
FORM = 1024 * 1024


class _TooLarge(Exception):
    pass


def limited(application: Application, *, has_files: bool = False) -> Application:
    """`application`, to which no larger body comes than it may have; a 413 is answered for it."""

    async def limited_application(scope: Any, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        limit = settings.MAX_UPLOAD_BYTES + FORM if has_files else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > limit:
            await refuse(errors.TooLarge(), headers, send, closes=True)
            return
        left = limit

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:  # it came in pieces, without saying how many
                raise _TooLarge
            return message

        try:
            await application(scope, counted, send)
        except _TooLarge:
            await refuse(errors.TooLarge(), headers, send, closes=True)

    return limited_application


async def refuse(error: ChatError, headers: Mapping[bytes, bytes], send: Send, *, closes: bool = False) -> None:
    """Answer a refusal where there is no request of Django's. `closes`: the rest of the body will not be read."""
    with translation.override(_language(headers)):
        response = as_response(error)
    head = [(name.lower().encode(), value.encode()) for name, value in response.items()]
    await answer(response.status_code, [*head, (b"connection", b"close")] if closes else head, response.content, send)


async def answer(status: int, head: list[tuple[bytes, bytes]], body: bytes, send: Send) -> None:
    """A whole answer at once."""
    headers = [*head, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _language(headers: Mapping[bytes, bytes]) -> str:
    request = HttpRequest()
    request.META["HTTP_ACCEPT_LANGUAGE"] = headers.get(b"accept-language", b"").decode("latin-1")
    return translation.get_language_from_request(request)
