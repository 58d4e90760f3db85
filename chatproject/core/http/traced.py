"""A span for each HTTP request. `metrics.answered` gives it the route's name: the path may have somebody's."""

from typing import Any

from chatproject.core import tracing
from chatproject.core.http.asgi import Application, Receive, Send


class Traced:
    """ASGI middleware for HTTP."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        with tracing.span("HTTP"):
            await self._application(scope, receive, send)
