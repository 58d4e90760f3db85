"""What does not go through Django's requests, or not at once: the one socket, plain sends, and uploads."""

from collections.abc import Awaitable
from typing import Any

from messaging.consumers import ChatConsumer
from messaging.fast_send import FastSendMiddleware
from messaging.upload_gate import UPLOADS, UploadGate

__all__ = ["UPLOADS", "FastSendMiddleware", "UploadGate", "socket"]

ADDRESS = "/ws/chat/"


def socket(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
    if scope["path"] == scope.get("root_path", "") + ADDRESS:
        return ChatConsumer()(scope, receive, send)
    return _nowhere(receive, send)


async def _nowhere(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.close"})
