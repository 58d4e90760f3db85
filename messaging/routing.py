"""The one socket's address."""

from collections.abc import Awaitable
from typing import Any

from messaging.consumers import ChatConsumer

ADDRESS = "/ws/chat/"


def socket(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
    if scope["path"] == scope.get("root_path", "") + ADDRESS:
        return ChatConsumer()(scope, receive, send)
    return _nowhere(receive, send)


async def _nowhere(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.close"})
