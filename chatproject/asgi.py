"""The ASGI application: HTTP to Django, the socket to messaging."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatproject.settings")
http = get_asgi_application()

from chatproject.core import hub  # noqa: E402  (needs Django to be set up,
from chatproject.core.bodies import limited  # noqa: E402
from messaging.routing import websocket_urlpatterns  # noqa: E402  as do its models)

application = ProtocolTypeRouter(
    {"http": limited(http), "websocket": URLRouter(websocket_urlpatterns), "lifespan": hub.lifespan}
)
