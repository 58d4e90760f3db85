"""ASGI middleware in front of the upload routes: authentication and rate limit, before the body is
read to disk.
"""

from typing import Any

from django.conf import settings

from accounts import services as accounts
from chatproject.core.batching.loader import BatchLoader
from chatproject.core.db.transactions import in_thread
from chatproject.core.errors import ChatError, SignInRequired
from chatproject.core.http.asgi import Application, Receive, Send, send_error
from chatproject.core.http.credentials import Credentials, request_credentials
from chatproject.core.redis import rate_limits

#: The paths that it guards.
UPLOADS = frozenset(("/upload", "/me/avatar", "/group/avatar"))

_devices = BatchLoader(accounts.devices_for)


class UploadGate:
    """Passes on uploads of signed-in users within RATE_UPLOADS, and refuses the others."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        try:
            await _require_admission(request_credentials(scope))
        except ChatError as error:
            await _drain(receive)
            await send_error(error, dict(scope["headers"]), send)
        else:
            await self._application(scope, receive, send)


async def _require_admission(shown: Credentials) -> None:
    """Raises SignInRequired, RateLimited."""
    device = await _devices(shown) if shown != Credentials() else None
    if device is None:
        raise SignInRequired()
    await in_thread(rate_limits.take, "uploads", str(device.user_id), settings.RATE_UPLOADS)


async def _drain(receive: Receive) -> None:
    """Read the body to its end: a client that is cut off while it sends never sees the refusal."""
    while (await receive()).get("more_body"):
        continue
