"""The ASGI application: HTTP to Django, the socket, plain sends and the door for uploads to messaging."""

import os
from collections.abc import Awaitable
from typing import Any

import django
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatproject.settings")
django.setup()

from chatproject.core import hub  # noqa: E402  (needs Django to be set up,
from chatproject.core.http.body_limit import BodyLimit  # noqa: E402
from chatproject.core.http.handler import Handler, StaticHandler  # noqa: E402
from chatproject.core.http.uploads import UploadHandler  # noqa: E402
from messaging import background, routing  # noqa: E402  as do its models)

background.start()

_static = StaticHandler()
_http = BodyLimit(routing.FastSendMiddleware(Handler()))
_upload = BodyLimit(routing.UploadGate(UploadHandler()), has_files=True)


def application(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
    """Hands the scope on and keeps nothing: a coroutine of its own would hold it for as long as a socket lives."""
    match scope["type"]:
        case "http" if scope["path"].startswith(settings.STATIC_URL):
            return _static(scope, receive, send)
        case "http" if scope["path"] in routing.UPLOADS and scope["method"] == "POST":
            return _upload(scope, receive, send)
        case "http":
            return _http(scope, receive, send)
        case "websocket":
            return routing.socket(scope, receive, send)
        case "lifespan":
            return hub.lifespan(scope, receive, send)
    raise ValueError(f"no application for {scope['type']}")
