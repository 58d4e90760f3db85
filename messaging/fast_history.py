"""A short way for `GET /private/messages` and `/group/messages` with a bearer token: past Django's request.

Django's request costs more than a page that Redis has. Whatever is unusual or refused (cookies, another `Accept`, a
wrong token or cursor, a chat that is not the user's, a budget that is spent) goes on to Django, whose view answers.
"""

import logging
import time
from collections.abc import Awaitable, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from django.db import DatabaseError

from accounts import services as accounts
from accounts.models import User
from chatproject.core import costs, metrics
from chatproject.core.batching.loader import BatchLoader
from chatproject.core.errors import ChatError
from chatproject.core.http.api import next_link
from chatproject.core.http.asgi import Application, Receive, Send, send_response
from chatproject.core.redis import budget
from messaging import services
from messaging.api import GroupMessagesView, HistoryView, PrivateMessagesView
from messaging.fast_send import Answers, bearer_token

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
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        page = await _page(_VIEWS[scope["path"]], query, token)
        if page is None:
            await self._application(scope, receive, send)
            return
        head = self._answers.head(scope)
        if page.has_older:
            head = [*head, (b"link", next_link(scope["path"], query, before=page.first).encode())]
        metrics.answered("GET", scope["path"].removeprefix("/"), 200, since)
        await send_response(200, head, page.json, send)


async def _page(view: type[HistoryView], query: dict[str, str], token: str) -> services.HistoryPage | None:
    """The page that a request asks for; None where Django's view is to answer."""
    numbers = {name: int(query[name]) for name in _NUMBERS if _is_number(query.get(name, ""))}
    try:
        return await _pages(_Question(token, view, view.form.read({**query, **numbers})))
    except ChatError:
        return None
    except DatabaseError:  # Django's view answers that, too
        log.warning("history: not read by the short way", exc_info=True)
        return None


class _Question(NamedTuple):
    """A request for a page, whose form is right."""

    token: str
    view: type[HistoryView]
    form: Any

    def ask(self, user: User | None) -> services.HistoryAsk | None:
        """What its user asks for, who is charged for it; None where Django's view is to refuse it."""
        if user is None:
            return None
        try:
            asked = services.HistoryAsk(user.pk, **self.view.chat(self.form, user.pk), **self.form.cursor())
            budget.spend(user.pk, costs.READ)
        except ChatError:
            return None
        return asked


def _answers(questions: Sequence[_Question]) -> list[services.HistoryPage | None]:
    """The page of each; None where Django's view is to answer. One visit of a thread for those that come together."""
    users = accounts.users_for([one.token for one in questions])
    asked = {
        place: ask
        for place, (one, user) in enumerate(zip(questions, users, strict=True))
        if (ask := one.ask(user)) is not None
    }
    found: dict[int, services.HistoryPage | None] = {}
    try:
        found.update(zip(asked, services.history_pages(list(asked.values())), strict=True))
    finally:
        for place, ask in asked.items():
            page = found.get(place)
            # What Django's view answers is charged there.
            budget.charge(ask.user_id, costs.of_answer(page.json) if page else -costs.READ)
    return [found.get(place) for place in range(len(questions))]


_pages: BatchLoader[_Question, services.HistoryPage | None] = BatchLoader(
    _answers, batch_max=services.PAGES_TOGETHER_MAX, pause=services.PAGES_TOGETHER_SECONDS
)


def _asks_plainly(scope: Any) -> bool:
    """Whether this asks for a page, and brings no body that would have to be read."""
    if scope["method"] != "GET" or scope["path"] not in _VIEWS:
        return False
    return all(name not in (b"content-length", b"transfer-encoding") for name, _value in scope["headers"])


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 16
