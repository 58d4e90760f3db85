"""Where sockets connect, and the middleware in front of Django: plain sends, and the gate of
uploads.
"""

from django.urls import path

from messaging.consumers import ChatConsumer
from messaging.fast_send import FastSendMiddleware
from messaging.upload_gate import UPLOADS, UploadGate

__all__ = ["UPLOADS", "FastSendMiddleware", "UploadGate", "websocket_urlpatterns"]

websocket_urlpatterns = [path("ws/chat/", ChatConsumer.as_asgi())]
