"""What ASGI middleware shares: the types of its callables, and whole responses without a request of
Django's.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.http import HttpRequest
from django.utils import translation

from chatproject.core.errors import ChatError
from chatproject.core.http.error_views import as_response

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[None]]


async def send_error(error: ChatError, headers: Mapping[bytes, bytes], send: Send, *, closes: bool = False) -> None:
    """Send `error` as problem+json in the language of the request's `headers`.

    `closes`: the rest of the request's body is not read, so the connection cannot be used again.
    """
    with translation.override(_language(headers)):
        response = as_response(error)
    head = [(name.lower().encode(), value.encode()) for name, value in response.items()]
    head += [(b"connection", b"close")] if closes else []
    await send_response(response.status_code, head, response.content, send)


async def send_response(status: int, head: list[tuple[bytes, bytes]], body: bytes, send: Send) -> None:
    """Send a whole response at once."""
    headers = [*head, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _language(headers: Mapping[bytes, bytes]) -> str:
    request = HttpRequest()
    request.META["HTTP_ACCEPT_LANGUAGE"] = headers.get(b"accept-language", b"").decode("latin-1")
    return translation.get_language_from_request(request)
