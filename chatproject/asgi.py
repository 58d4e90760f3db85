"""The ASGI application: HTTP to Django, the socket to messaging."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatproject.settings")
http = get_asgi_application()

from messaging.routing import websocket_urlpatterns  # noqa: E402  (its models need Django to be set up)

application = ProtocolTypeRouter({"http": http, "websocket": URLRouter(websocket_urlpatterns)})
