"""ASGI middleware in front of the upload routes: authentication and rate limit, before the body is
read to disk.
"""

import asyncio
from typing import Any

from django.conf import settings

from accounts import services as accounts
from chatproject.core.batching.loader import BatchLoader
from chatproject.core.db.transactions import in_thread
from chatproject.core.errors import ChatError, SignInRequired
from chatproject.core.http import addresses
from chatproject.core.http.asgi import Application, Receive, Send, send_error
from chatproject.core.http.credentials import Credentials, request_credentials
from chatproject.core.redis import rate_limits

#: The paths that it guards.
UPLOADS = frozenset(("/upload", "/me/avatar", "/group/avatar"))
#: Bytes of a refused body that are read, and the seconds it may take: a client that is cut off while
#: it sends never sees the refusal.
DRAINED_BYTES_MAX = 16 * 1024 * 1024
DRAIN_TIMEOUT_SECONDS = 10.0

_devices = BatchLoader(accounts.devices_for)


class UploadGate:
    """Passes on uploads of signed-in users within RATE_UPLOADS, and refuses the others."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        try:
            user = await _require_admission(request_credentials(scope))
        except ChatError as error:
            is_read = await _drain(receive)
            await send_error(error, dict(scope["headers"]), send, closes=not is_read)
        else:
            trusted = addresses.networks(tuple(settings.TRUSTED_PROXIES))
            whose = {"chat.user": user, "chat.address": addresses.of_scope(scope, trusted)}
            await self._application({**scope, **whose}, receive, send)


async def _require_admission(shown: Credentials) -> str:
    """The id of the user who shows these. Raises SignInRequired, RateLimited."""
    device = await _devices(shown) if shown != Credentials() else None
    if device is None:
        raise SignInRequired()
    await in_thread(rate_limits.take, "uploads", str(device.user_id), settings.RATE_UPLOADS)
    return str(device.user_id)


async def _drain(receive: Receive) -> bool:
    """Read the body to its end; whether it had one within the limits."""
    size = 0
    try:
        async with asyncio.timeout(DRAIN_TIMEOUT_SECONDS):
            while (message := await receive()).get("more_body"):
                size += len(message.get("body", b""))
                if size > DRAINED_BYTES_MAX:
                    return False
    except TimeoutError:
        return False
    return True
