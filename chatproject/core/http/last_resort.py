"""The answer to a request for which nothing else has one."""

import logging
from typing import Any

from chatproject.core.db.transactions import as_busy
from chatproject.core.errors import ChatError
from chatproject.core.files import space
from chatproject.core.http.asgi import Application, Message, Receive, Send, send_error
from chatproject.core.http.error_views import Failed

log = logging.getLogger(__name__)


class LastResort:
    """ASGI middleware for HTTP: what `application` raises before it answers is logged and answered as problem+json. A
    full disk, on which no body can be laid down, is one line in the log, and so is a database that is away.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        has_begun = False

        async def noting(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._application(scope, receive, noting)
        except Exception as error:
            if has_begun:
                raise
            told: ChatError = Failed()
            if space.is_full(error):
                log.warning("http: the disk is full")
                told = space.StorageFull()
            elif (busy := as_busy(error)) is not None:
                told = busy
            else:
                log.exception("http: a request failed")
            await send_error(told, dict(scope["headers"]), send, closes=True)
