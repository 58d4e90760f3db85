"""The chat of Channels' tutorial: its consumer, a group in the Redis channel layer, nothing stored.

python tutorial.py PORT REDIS_PORT
"""

import json
import sys
from typing import Any

import django
import uvicorn
from django.conf import settings

port, redis_port = map(int, sys.argv[1:])
settings.configure(
    INSTALLED_APPS=["channels"],
    # With redis-py's own timeout a connection ends that is idle for as long as the layer waits.
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [{"address": f"redis://127.0.0.1:{redis_port}", "socket_timeout": None}]},
        }
    },
)
django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402  (need settings)
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import re_path  # noqa: E402


class ChatConsumer(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        self.room_group_name = f"chat_{self.scope['url_route']['kwargs']['room_name']}"
        await self.channel_layer.group_add(self.room_group_name, self.channel_name)
        await self.accept()
        await self.send(text_data='{"joined": true}')

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.room_group_name, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        message = json.loads(text_data or "")["message"]
        await self.channel_layer.group_send(self.room_group_name, {"type": "chat.message", "message": message})

    async def chat_message(self, event: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps({"message": event["message"]}))


application = ProtocolTypeRouter(
    {"websocket": URLRouter([re_path(r"ws/chat/(?P<room_name>\w+)/$", ChatConsumer.as_asgi())])}
)
uvicorn.run(
    application, host="127.0.0.1", port=port, log_level="error", loop="uvloop", ws="websockets-sansio",
    ws_per_message_deflate=False, backlog=4096, lifespan="off",
)  # fmt: skip
