"""A short way for `GET /private/messages` and `/group/messages` with a bearer token: past Django's request.

Django's request costs more than a page that Redis has. Whatever is unusual or refused (cookies, another `Accept`, a
wrong token or cursor, a chat that is not the user's, a budget that is spent) goes on to Django, whose view answers.
"""

import logging
import time
from collections.abc import Awaitable
from typing import Any
from urllib.parse import parse_qsl

from django.db import DatabaseError

from accounts.models import User
from chatproject.core import costs, metrics
from chatproject.core.errors import ChatError
from chatproject.core.http.api import next_link
from chatproject.core.http.asgi import Application, Receive, Send, send_response
from chatproject.core.redis import budget
from messaging import services
from messaging.api import GroupMessagesView, HistoryView, PrivateMessagesView
from messaging.fast_send import Answers, bearer_token, users

log = logging.getLogger(__name__)

_VIEWS: dict[str, type[HistoryView]] = {
    "/private/messages": PrivateMessagesView,
    "/group/messages": GroupMessagesView,
}
_NUMBERS = ("limit", "before", "after")


class FastHistoryMiddleware:
    """`application`, before which plain questions for a page are answered."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._answers = Answers("GET", _VIEWS, 200)

    def __call__(self, scope: Any, receive: Receive, send: Send) -> Awaitable[None]:
        if _asks_plainly(scope) and (token := bearer_token(scope)):
            return self._get(scope, receive, send, token)
        return self._application(scope, receive, send)

    async def _get(self, scope: Any, receive: Receive, send: Send, token: str) -> None:
        since = time.perf_counter()
        query = scope["query_string"].decode("latin-1")
        page = await _page(_VIEWS[scope["path"]], query, token)
        if page is None:
            await self._application(scope, receive, send)
            return
        head = self._answers.head(scope)
        if page.has_older:
            link = next_link(scope["path"], dict(parse_qsl(query)), before=page.first)
            head = [*head, (b"link", link.encode())]
        metrics.answered("GET", scope["path"].removeprefix("/"), 200, since)
        await send_response(200, head, page.json, send)


async def _page(view: type[HistoryView], query: str, token: str) -> services.HistoryPage | None:
    """The page that a request asks for; None where Django's view is to answer."""
    given: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True))
    given |= {name: int(given[name]) for name in _NUMBERS if _is_number(given.get(name, ""))}
    try:
        form = view.form.read(given)
        user = await users(token)
        if user is None:
            return None
        chat = view.chat(form, user.pk)
        budget.spend(user.pk, costs.READ)
    except ChatError:
        return None
    return await _charged(user, services.known_history(user, **chat, **form.cursor()))


async def _charged(user: User, asked: Awaitable[services.HistoryPage | None]) -> services.HistoryPage | None:
    page = None
    try:
        page = await asked
    except DatabaseError:  # Django's view answers that, too
        log.warning("history: not read by the short way", exc_info=True)
    finally:
        # What Django's view answers is charged there.
        budget.charge(user.pk, costs.of_answer(page.json) if page else -costs.READ)
    return page


def _asks_plainly(scope: Any) -> bool:
    """Whether this asks for a page, and brings no body that would have to be read."""
    if scope["method"] != "GET" or scope["path"] not in _VIEWS:
        return False
    return all(name not in (b"content-length", b"transfer-encoding") for name, _value in scope["headers"])


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 16
