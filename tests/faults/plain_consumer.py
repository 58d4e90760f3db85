"""Another ASGI application of the installation: a consumer as Channels' documentation has it, that
hears a room.

It trusts everyone who connects, because only tests do.
"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatproject.settings")
django.setup()

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

from chatproject.core import hub


class RoomConsumer(AsyncJsonWebsocketConsumer):
    async def connect(self):
        self.group = hub.room_topic(self.scope["url_route"]["kwargs"]["room_id"])
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code):
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def chat_event(self, message):
        await self.send_json({"event": message["event"], "data": message["data"]})


application = ProtocolTypeRouter({"websocket": URLRouter([path("rooms/<uuid:room_id>/", RoomConsumer.as_asgi())])})
