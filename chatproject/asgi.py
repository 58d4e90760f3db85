"""The ASGI application: HTTP to Django, WebSockets to the chat's consumer.

Any ASGI server can run it.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable
from typing import Any

import django
from django.conf import settings
from django.urls import reverse
from django.utils import translation

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatproject.settings")
django.setup()

from accounts import routing as accounts  # noqa: E402
from chatproject.core import hub, tracing  # noqa: E402  (needs Django to be set up,
from chatproject.core.http.body_limit import BodyLimit  # noqa: E402
from chatproject.core.http.compression import Compressed  # noqa: E402
from chatproject.core.http.handler import Handler, StaticHandler  # noqa: E402
from chatproject.core.http.last_resort import LastResort  # noqa: E402
from chatproject.core.http.probes import LIVE, READY  # noqa: E402
from chatproject.core.http.queued import FairHandler  # noqa: E402
from chatproject.core.http.request_ids import RequestIds  # noqa: E402
from chatproject.core.http.traced import Traced  # noqa: E402
from chatproject.core.http.uploads import UploadHandler  # noqa: E402
from chatproject.core.server.bootstrap import Bootstrap  # noqa: E402
from chatproject.core.websocket.routing import HostCheck, OriginCheck, ProtocolTypeRouter, URLRouter  # noqa: E402
from messaging import background, routing, views  # noqa: E402  as do its models)

log = logging.getLogger(__name__)

tracing.start()
background.start()

static = StaticHandler()
uploads = BodyLimit(routing.UploadGate(UploadHandler()), has_files=True)
sign_ins = BodyLimit(accounts.sign_ins())
searches = BodyLimit(Handler(threads=routing.SEARCH_THREADS))
highlights = BodyLimit(Handler(threads=routing.HIGHLIGHT_THREADS))
places = BodyLimit(Handler(threads=routing.PLACE_THREADS))
#: Each on a thread of its own: they are asked when all others wait for something.
probes = {LIVE: BodyLimit(Handler(threads=1)), READY: BodyLimit(Handler(threads=1))}
site = BodyLimit(routing.FastSendMiddleware(FairHandler()))


def _http(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
    """Static files, probes, uploads, searches, code blocks, places, sign-ins, all else to Django."""
    if scope["path"].startswith(settings.STATIC_PATH):
        return static(scope, receive, send)
    if scope["path"] in probes:
        return probes[scope["path"]](scope, receive, send)
    if scope["path"] in routing.UPLOADS and scope["method"] == "POST":
        return uploads(scope, receive, send)
    if scope["path"] == routing.SEARCH:
        return searches(scope, receive, send)
    if scope["path"] == routing.HIGHLIGHT:
        return highlights(scope, receive, send)
    if scope["path"].startswith(routing.PLACES):
        return places(scope, receive, send)
    if scope["path"] in accounts.SIGN_INS and scope["method"] == "POST":
        return sign_ins(scope, receive, send)
    return site(scope, receive, send)


async def _lifespan(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.to_thread(_warm_up)
    await hub.lifespan(scope, receive, send)


def _warm_up() -> None:
    """Do before the process serves what its first requests would wait for: a quarter of a second's work."""
    try:
        reverse("sign-in")  # imports the views of all apps
        for language, _name in settings.LANGUAGES:
            with translation.override(language):
                translation.gettext("Message")  # reads the language's words
        views.warm_up()
        static.load_middleware()
    except Exception:  # the requests find out what it is
        log.exception("Not everything is made yet that the first requests need")


application = Bootstrap(
    ProtocolTypeRouter(
        {
            "http": RequestIds(Traced(LastResort(Compressed(routing.FastHistoryMiddleware(_http))))),
            "websocket": HostCheck(OriginCheck(URLRouter(routing.websocket_urlpatterns))),
            "lifespan": _lifespan,
        }
    )
)
