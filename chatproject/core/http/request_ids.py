"""An id for each request: in its response's header, in what it logs, and in what a client is told when we fail."""

import secrets
from typing import Any

from chatproject.core.http.asgi import Application, Message, Receive, Send
from chatproject.core.logs import name_request

HEADER = b"x-request-id"


class RequestIds:
    """ASGI middleware for HTTP. The ids are ours: a client that could choose one could imitate another's lines."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        request_id = secrets.token_hex(8)
        name_request(request_id)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (HEADER, request_id.encode())]}
            await send(message)

        await self._application(scope, receive, send_with_id)
