"""A short way for `POST /private/send` and `/group/send` with a bearer token: on the event loop, past Django's request.

Django's request costs several times what the message costs. Every documented body is read here by the
same input as in the view, and all senders of one moment are authenticated by one query. What is refused
before it is stored (a wrong token, a wrong body), and requests that are unusual (cookies, another
`Accept`, a query), go on to Django, whose view answers. The headers of the answers are made by Django's
own middleware, see `Answers`.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Mapping
from functools import lru_cache, partial
from io import BytesIO
from typing import Any, cast

import orjson
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import services as accounts
from accounts.models import User
from chatproject.core import hub, metrics
from chatproject.core.batching.loader import BatchLoader
from chatproject.core.db.transactions import on_thread
from chatproject.core.errors import ChatError
from chatproject.core.hosts import is_ours
from chatproject.core.http.api import JSONRenderer, problem
from chatproject.core.http.asgi import Application, Message, Receive, Send, send_response
from chatproject.core.http.error_views import Failed
from chatproject.core.http.handler import Handler
from messaging import services
from messaging.api import GroupSendView, PrivateSendView, SendView

log = logging.getLogger(__name__)

_VIEWS: dict[str, type[SendView]] = {"/private/send": PrivateSendView, "/group/send": GroupSendView}

#: The owner of a token.
users = BatchLoader(accounts.users_for)


class FastSendMiddleware:
    """`application`, before which plain sends are answered."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._answers = Answers("POST", _VIEWS, 201)

    def __call__(self, scope: Any, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["method"] == "POST" and scope["path"] in _VIEWS and (token := _token(scope)):
            return self._post(scope, receive, send, token)
        return self._application(scope, receive, send)

    async def _post(self, scope: Any, receive: Receive, send: Send, token: str) -> None:
        received = [await receive()]
        while received[-1].get("more_body"):
            received.append(await receive())
        message = await _message(scope, received, token)
        if message is None:
            await self._application(scope, _again(received, receive), send)
            return
        since = time.perf_counter()
        try:
            stored = await _stored(message)
        except ChatError as error:
            await self._answers.refuse(error, scope, send)
        except Exception:  # the writer has logged it
            await self._answers.refuse(Failed(), scope, send)
        else:
            metrics.answered("POST", scope["path"].removeprefix("/"), 201, since)
            await send_response(201, self._answers.head(scope), stored.json, send)


def _token(scope: Any) -> str:
    """The token of a request that may take the short way; "" for all others."""
    if scope["query_string"]:
        return ""
    is_json = dict(scope["headers"]).get(b"content-type", b"").partition(b";")[0] == b"application/json"
    return bearer_token(scope) if is_json else ""


def bearer_token(scope: Any) -> str:
    """The token of a request that Django's middleware need not see; "" for all others."""
    headers = dict(scope["headers"])
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    is_plain = (
        scheme.lower() == b"bearer"
        and headers.get(b"accept", b"*/*") in (b"*/*", b"application/json")
        and b"cookie" not in headers
        and is_ours(headers.get(b"host", b""))
    )
    return token.strip().decode("latin-1") if is_plain else ""


async def _message(scope: Any, received: list[Message], token: str) -> services.OutgoingMessage | None:
    """The message that a request asks for; None where Django's view is to answer why there is none."""
    view = _VIEWS[scope["path"]]
    try:
        given = orjson.loads(b"".join(one.get("body", b"") for one in received))
        form = view.form.read(given)
        sender = await users(token)
        if sender is None or not _is_self(given, sender):
            return None
        return services.outgoing(form, sender=sender, is_group=view.is_group)
    except (ChatError, ValueError):
        return None


def _is_self(given: Mapping[str, Any], sender: User) -> bool:
    return given.get("senderId") in (None, "", str(sender.pk))


def _again(received: list[Message], receive: Receive) -> Receive:
    """What was received, and then what comes."""
    left = iter(received)

    async def receive_again() -> Message:
        message = next(left, None)
        return await receive() if message is None else message

    return receive_again


async def _stored(message: services.OutgoingMessage) -> services.StoredMessage:
    end: asyncio.Future[services.StoredMessage] = asyncio.get_running_loop().create_future()

    def settle(outcome: services.StoredMessage | Exception) -> None:
        if end.done():  # the client is gone
            return
        if isinstance(outcome, Exception):
            end.set_exception(outcome)
        else:
            end.set_result(outcome)

    await services.submit_message(message, lambda outcome: hub.soon(partial(settle, outcome)))
    return await end


class Answers(ASGIHandler):
    """Answers with the headers that Django's middleware gives them, by sending them through it."""

    def __init__(self, method: str, views: Mapping[str, type[APIView]], status: int) -> None:
        """For answers with this status to a method, by path."""
        self.method, self.views, self.status = method, views, status
        self.load_middleware(is_async=False)
        self._head = lru_cache(256)(self._make_head)

    def _get_response(self, request: HttpRequest) -> HttpResponseBase:
        """Instead of a view."""
        response: HttpResponse = request.make_response()  # type: ignore[attr-defined]
        view = self.views[request.path_info]()
        view.setup(request)
        for name, value in view.default_response_headers.items():
            response[name] = value
        return response

    def head(self, scope: Any) -> list[tuple[bytes, bytes]]:
        """The headers of an answer, without its length. They depend on the language and on TLS alone."""
        language = dict(scope["headers"]).get(b"accept-language", b"")
        return self._head(scope["path"], scope.get("scheme", ""), language)

    def _make_head(self, path: str, scheme: str, language: bytes) -> list[tuple[bytes, bytes]]:
        scope = {
            "type": "http",
            "method": self.method,
            "path": path,
            "scheme": scheme,
            "query_string": b"",
            "headers": [(b"host", settings.ALLOWED_HOSTS[0].encode()), (b"accept-language", language)],
        }
        return _encoded(self._through_middleware(scope, partial(_answered, self.status)))

    async def refuse(self, error: ChatError, scope: Any, send: Send) -> None:
        response = await on_thread(Handler.threads, self._through_middleware, scope, partial(_problem, error))
        await send_response(response.status_code, _encoded(response), response.content, send)

    def _through_middleware(self, scope: Any, make_response: Any) -> HttpResponse:
        request = ASGIRequest(scope, BytesIO())
        request.make_response = make_response  # type: ignore[attr-defined]
        response = self.get_response(request)
        assert isinstance(response, HttpResponse)
        return response


def _answered(status: int) -> HttpResponse:
    """An answer of a view, but for its content."""
    response: Any = Response({}, status=status)
    response.accepted_renderer = JSONRenderer()
    response.accepted_media_type, response.renderer_context = JSONRenderer.media_type, {}
    response.render()
    return cast(HttpResponse, response)


def _problem(error: ChatError) -> HttpResponse:
    """The answer that the view would give, in the active language."""
    said = problem(error)
    content = orjson.dumps(said.data, default=str)
    return HttpResponse(content, status=said.status_code, headers={**said.headers, "Content-Type": said.content_type})


def _encoded(response: HttpResponse) -> list[tuple[bytes, bytes]]:
    return [
        (name.lower().encode("ascii"), value.encode("latin-1"))
        for name, value in response.items()
        if name.lower() != "content-length"
    ]
