"""The way to a push service: RFC 8030 (the request), 8291 (what only the browser can read), 8292 (who we are).

Addresses were given by clients. Whatever a name leads to is looked at before it is asked, and that very address is
asked, so that it cannot change in between; redirects are not followed; of the answer the first lines are read, and
within `TIMEOUT_SECONDS` in all.
"""

import asyncio
import ipaddress
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

from notifications import rules

log = logging.getLogger(__name__)

#: Seconds for one push, its name's look-up and handshakes included.
TIMEOUT_SECONDS = 8.0
#: Pushes under way at a time, and those that may wait.
AT_ONCE, BACKLOG = 16, 1000
#: Bytes of an answer's head.
HEAD = 16 * 1024
#: Seconds for which a push service keeps what it cannot deliver: a day.
LIFETIME = 24 * 3600
#: Seconds for which we vouch for a push.
VOUCHED = 12 * 3600

SENT, GONE, FAILED = "sent", "gone", "failed"


@dataclass(frozen=True, slots=True)
class PushRequest:
    """What a browser is to be told. Of two with the same topic that wait there, the later is kept."""

    endpoint: str
    p256dh: str
    auth: str
    payload: bytes
    topic: str


Done = Callable[[str], None]


class Courier:
    """One thread with an event loop of its own, on which pushes wait for their answers."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting = threading.Lock()
        self._waiting = 0

    def send(self, push: PushRequest, done: Done) -> bool:
        """Send it, and call `done` with SENT, GONE or FAILED, on that thread. False where too many wait."""
        if self._waiting >= BACKLOG:
            return False
        self._waiting += 1
        asyncio.run_coroutine_threadsafe(self._send(push, done), self._running())
        return True

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._turns = asyncio.Semaphore(AT_ONCE)
                threading.Thread(target=self._loop.run_forever, name="push-courier", daemon=True).start()
            return self._loop

    async def _send(self, push: PushRequest, done: Done) -> None:
        try:
            async with self._turns:
                outcome = await _outcome(push)
        finally:
            self._waiting -= 1
        done(outcome)


async def _outcome(push: PushRequest) -> str:
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            status = await _posted(push)
    except (OSError, EOFError, ValueError, LookupError, asyncio.LimitOverrunError) as failed:
        log.warning("push: %s was not reached: %s", urlsplit(push.endpoint).hostname, type(failed).__name__)
        return FAILED
    if status in (404, 410):
        return GONE
    if 200 <= status < 300:
        return SENT
    log.warning("push: %s answered %d", urlsplit(push.endpoint).hostname, status)
    return FAILED


async def _posted(push: PushRequest) -> int:
    """The status of the answer. Raises OSError and its like where there is none."""
    parts = urlsplit(push.endpoint)
    is_secure = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (443 if is_secure else 80)
    reader, writer = await asyncio.open_connection(
        await _address(host, port),
        port,
        limit=HEAD,
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


async def _address(host: str, port: int) -> str:
    """An address of a host that may be asked."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    if not settings.WEB_PUSH_LOCAL and not all(rules.is_public(ipaddress.ip_address(one)) for one in addresses):
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
    origin, vouched_until = f"{parts.scheme}://{parts.netloc}", int(time.time()) + VOUCHED
    claims = {"aud": origin, "exp": vouched_until, "sub": settings.VAPID_CONTACT}
    headers = {
        "Host": parts.netloc,
        "Connection": "close",
        "Content-Type": "application/octet-stream",
        "Content-Encoding": "aes128gcm",
        "Content-Length": str(len(body)),
        "TTL": str(LIFETIME),
        "Urgency": "high",
        "Topic": push.topic,
        **_identity().sign(claims),
    }
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + bytes(body)


def public_key() -> str:
    """What browsers want to know of us before they subscribe."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from py_vapid.utils import b64urlencode

    return str(b64urlencode(_identity().public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)))


@cache
def _identity() -> Any:
    return Vapid02.from_raw(settings.VAPID_PRIVATE_KEY.encode())


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
