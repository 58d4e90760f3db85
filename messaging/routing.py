"""Where sockets connect, and the middleware in front of Django: plain sends and pages, and the gate of
uploads.
"""

from django.urls import path

from messaging.consumers import ChatConsumer
from messaging.fast_history import FastHistoryMiddleware
from messaging.fast_send import FastSendMiddleware
from messaging.services.highlighting import THREADS as HIGHLIGHT_THREADS
from messaging.services.placing import THREADS as PLACE_THREADS
from messaging.services.searching import THREADS as SEARCH_THREADS
from messaging.upload_gate import UPLOADS, UploadGate

__all__ = [
    "HIGHLIGHT",
    "HIGHLIGHT_THREADS",
    "PLACES",
    "PLACE_THREADS",
    "SEARCH",
    "SEARCH_THREADS",
    "UPLOADS",
    "FastHistoryMiddleware",
    "FastSendMiddleware",
    "UploadGate",
    "websocket_urlpatterns",
]

#: The path of code blocks, whose requests wait for the sandbox on threads of their own.
HIGHLIGHT = "/message/highlight"
#: The beginning of the paths of places, whose requests wait for somebody else on threads of their own.
PLACES = "/place/"
#: The path of searches, whose requests wait on threads of their own.
SEARCH = "/message/search"

websocket_urlpatterns = [path("ws/chat/", ChatConsumer.as_asgi())]
