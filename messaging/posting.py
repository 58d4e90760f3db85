"""The short way of a message that is sent by HTTP with a token.

Clients and bots that send much pay more for Django's request than for the message. This answers the plain case, where
nothing but the token, the chat and the text is given, on the event loop, and asks who all those are who post at the
same moment at once. Whatever is unusual, a refused token among it, goes the long way, and is answered by the view.
"""

import asyncio
from collections.abc import Awaitable
from functools import lru_cache
from typing import Any

import orjson
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from accounts import services as accounts
from chatproject.core import hub
from chatproject.core.batching.loader import BatchLoader
from chatproject.core.errors import ChatError
from chatproject.core.http.asgi import Application, Message, Receive, Send, send_error, send_response
from messaging import serializers, services

_FORMS: dict[str, tuple[type[serializers.MessageInput], bool]] = {
    "/private/send": (serializers.PrivateInput, False),
    "/group/send": (serializers.GroupMessageInput, True),
}

_HEAD = [
    (b"content-type", b"application/json"),
    (b"x-content-type-options", b"nosniff"),
    (b"vary", b"Accept-Language, Cookie"),
]

_users = BatchLoader(accounts.users_for)


def posted(application: Application) -> Application:
    """`application`, for which plain sends are answered."""

    def posted_application(scope: Any, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["method"] == "POST" and scope["path"] in _FORMS and (token := _token(scope)):
            return _post(application, scope, receive, send, token)
        return application(scope, receive, send)

    return posted_application


def _token(scope: Any) -> str:
    """The token of a request that has all it takes; "" where it has not."""
    headers = dict(scope["headers"])
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    is_plain = (
        scheme.lower() == b"bearer"
        and headers.get(b"content-type", b"").partition(b";")[0] == b"application/json"
        and _is_our_host(headers.get(b"host", b""))
    )
    return token.strip().decode("latin-1") if is_plain else ""


@lru_cache(256)
def _is_our_host(host: bytes) -> bool:
    domain, _ = split_domain_port(host.decode("latin-1"))
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


async def _post(application: Application, scope: Any, receive: Receive, send: Send, token: str) -> None:
    given = [await receive()]
    while given[-1].get("more_body"):
        given.append(await receive())
    form, is_group = _FORMS[scope["path"]]
    plain = _plain(form, b"".join(message.get("body", b"") for message in given))
    sender = await _users(token) if plain is not None else None
    if plain is None or sender is None:
        await application(scope, _again(given, receive), send)
        return
    try:
        sent = await _sent(services.Draft(sender=sender, is_group=is_group, **plain))
    except ChatError as error:
        await send_error(error, dict(scope["headers"]), send)
    else:
        await send_response(201, _HEAD, sent.json, send)


def _plain(form: type[serializers.MessageInput], body: bytes) -> dict[str, Any] | None:
    try:
        return form.read_plain(orjson.loads(body))
    except ValueError:
        return None


def _again(given: list[Message], receive: Receive) -> Receive:
    """What was received, and then what comes."""
    left = iter(given)

    async def receive_again() -> Message:
        message = next(left, None)
        return await receive() if message is None else message

    return receive_again


async def _sent(draft: services.Draft) -> services.Sent:
    end: asyncio.Future[services.Sent] = asyncio.get_running_loop().create_future()

    def settle(outcome: services.Sent | Exception) -> None:
        if end.done():  # whoever asked is gone
            return
        if isinstance(outcome, Exception):
            end.set_exception(outcome)
        else:
            end.set_result(outcome)

    services.submit(draft, lambda outcome: hub.soon(lambda: settle(outcome)))
    return await end
