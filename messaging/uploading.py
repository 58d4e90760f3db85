"""The door of uploads: who comes and how often, asked before what he brings is on our disk."""

from collections.abc import Awaitable
from typing import Any

from django.conf import settings

from accounts import services as accounts
from chatproject.core.batching.loader import Together
from chatproject.core.db.transactions import in_thread
from chatproject.core.errors import ChatError, SignInRequired
from chatproject.core.http.body_limit import Application, Receive, Send, refuse
from chatproject.core.http.credentials import Credentials, request_credentials
from chatproject.core.redis import rate_limits

#: The paths where it stands.
UPLOADS = frozenset(("/upload", "/me/avatar", "/group/avatar"))

_devices = Together(accounts.devices_for)


def admitted(application: Application) -> Application:
    """`application`, which gets the uploads of those who are signed in, each as often as he may."""

    def admitted_application(scope: Any, receive: Receive, send: Send) -> Awaitable[None]:
        return _admit(application, scope, receive, send)

    return admitted_application


async def _admit(application: Application, scope: Any, receive: Receive, send: Send) -> None:
    try:
        await _require_admission(request_credentials(scope))
    except ChatError as error:
        await _let_pass(receive)
        await refuse(error, dict(scope["headers"]), send)
    else:
        await application(scope, receive, send)


async def _require_admission(shown: Credentials) -> None:
    device = await _devices(shown) if shown != Credentials() else None
    if device is None:
        raise SignInRequired()
    await in_thread(rate_limits.take, "uploads", str(device.user_id), settings.RATE_UPLOADS)


async def _let_pass(receive: Receive) -> None:
    """A client that is still sending does not listen, and one that is cut off never hears why."""
    while (await receive()).get("more_body"):
        continue
