"""Requests to push services: RFC 8030 (request), 8291 (encryption), 8292 (VAPID).

Clients choose the addresses. So the resolved IP address is checked, and the connection goes to that
very address, which cannot change in between; redirects are not followed; only the head of the
response is read; all within `TIMEOUT_SECONDS`.
"""

import asyncio
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from py_vapid import Vapid02

from chatproject.core import metrics
from notifications import rules

log = logging.getLogger(__name__)

#: Seconds for one push, name resolution and handshakes included.
TIMEOUT_SECONDS = 8.0
#: Pushes in flight, and pushes that may wait.
IN_FLIGHT_MAX, WAITING_MAX = 16, 1000
#: Bytes of a response's head.
HEAD_MAX = 16 * 1024
#: Seconds for which a push service keeps an undelivered push.
TTL_SECONDS = 24 * 3600
#: Seconds for which the VAPID token is valid.
VAPID_SECONDS = 12 * 3600

SENT, GONE, FAILED = "sent", "gone", "failed"


@dataclass(frozen=True, slots=True)
class PushRequest:
    """A push for a browser.

    Of two with the same topic that wait at the push service, the later is kept.
    """

    endpoint: str
    p256dh: str
    auth: str
    payload: bytes
    topic: str


Done = Callable[[str], None]


class Courier:
    """Sends pushes from one thread with an event loop of its own."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting = threading.Lock()
        self._waiting = 0

    def send(self, push: PushRequest, done: Done) -> bool:
        """Send, and call `done` with SENT, GONE or FAILED on the courier's thread.

        False when too many wait.
        """
        if self._waiting >= WAITING_MAX:
            return False
        self._waiting += 1
        asyncio.run_coroutine_threadsafe(self._send(push, done), self._running())
        return True

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._turns = asyncio.Semaphore(IN_FLIGHT_MAX)
                threading.Thread(target=self._loop.run_forever, name="push-courier", daemon=True).start()
            return self._loop

    async def _send(self, push: PushRequest, done: Done) -> None:
        try:
            async with self._turns:
                outcome = await _attempt(push)
        finally:
            self._waiting -= 1
        metrics.pushes.labels(outcome).inc()
        done(outcome)


async def _attempt(push: PushRequest) -> str:
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            status = await _post(push)
    except (OSError, EOFError, ValueError, LookupError, asyncio.LimitOverrunError) as failed:
        log.warning("push: %s was not reached: %s", urlsplit(push.endpoint).hostname, type(failed).__name__)
        return FAILED
    if status in (404, 410):
        return GONE
    if 200 <= status < 300:
        return SENT
    log.warning("push: %s answered %d", urlsplit(push.endpoint).hostname, status)
    return FAILED


async def _post(push: PushRequest) -> int:
    """POST the push and return the response's status. Raises OSError, EOFError, ValueError."""
    parts = urlsplit(push.endpoint)
    is_secure = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (443 if is_secure else 80)
    reader, writer = await asyncio.open_connection(
        await _resolve(host, port),
        port,
        limit=HEAD_MAX,
        ssl=_tls() if is_secure else None,
        server_hostname=host if is_secure else None,
    )
    try:
        writer.write(_request(push))
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        return int(head.split(maxsplit=2)[1])
    finally:
        writer.transport.abort()


async def _resolve(host: str, port: int) -> str:
    """Resolve a host. Raises PermissionError for an address inside our own network."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    if not settings.WEB_PUSH_LOCAL and not rules.are_public(addresses):
        raise PermissionError("inside of our own network")
    return addresses[0]


def _request(push: PushRequest) -> bytes:
    parts = urlsplit(push.endpoint)
    body = http_ece.encrypt(
        push.payload,
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=rules.decoded(push.p256dh),
        auth_secret=rules.decoded(push.auth),
        version="aes128gcm",
    )
    origin, expires_at = f"{parts.scheme}://{parts.netloc}", int(time.time()) + VAPID_SECONDS
    claims = {"aud": origin, "exp": expires_at, "sub": settings.VAPID_CONTACT}
    headers = {
        "Host": parts.netloc,
        "Connection": "close",
        "Content-Type": "application/octet-stream",
        "Content-Encoding": "aes128gcm",
        "Content-Length": str(len(body)),
        "TTL": str(TTL_SECONDS),
        "Urgency": "high",
        "Topic": push.topic,
        **_identity().sign(claims),
    }
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + bytes(body)


def public_key() -> str:
    """The VAPID public key, base64url, which browsers need to subscribe."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from py_vapid.utils import b64urlencode

    return str(b64urlencode(_identity().public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)))


@cache
def _identity() -> Any:
    return Vapid02.from_raw(settings.VAPID_PRIVATE_KEY.encode())


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
