"""What an operator asks where something does not work: each part is tried as the chat uses it, and what is wrong comes
with what to do about it.
"""

import json
import os
import resource
import secrets
import ssl
import stat
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from chatproject.core import redis, sealing
from chatproject.core.db.current import dialect
from chatproject.core.db.transactions import failures
from chatproject.core.files import space
from chatproject.core.redis import memory
from chatproject.core.server import trial

#: Seconds for an address to answer; until a certificate ends, of which somebody should know; between two clocks.
ANSWER_SECONDS, CERTIFICATE_SECONDS, CLOCK_SECONDS = 5.0, 14 * 24 * 3600, 2.0
#: Open files of a process: a socket of a reader is one.
FILES_MIN = 4096


class Finding(NamedTuple):
    """What was seen of a part, and what to do about it; "" where it is well."""

    part: str
    seen: str
    advice: str = ""


def findings() -> Iterator[Finding]:
    """All parts, one after the other; some take seconds."""
    for part in (_settings, _folders, _files, _database, _key, _redis, _push, _addresses):
        yield from part()


def _settings() -> Iterator[Finding]:
    wrong = [one for one in checks.run_checks(include_deployment_checks=True) if not one.is_silenced()]
    for one in wrong:
        yield Finding("settings", str(one.msg), one.hint or "See docs/operating.md.")
    if not wrong:
        yield Finding("settings", "nothing contradicts")


def _folders() -> Iterator[Finding]:
    for name in ("DATA_DIR", "MEDIA_ROOT"):
        folder = Path(getattr(settings, name))
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"written")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            yield Finding(name, f"{folder}: {error.strerror}", "Let the user that runs the chat write there.")
            continue
        free = space.free(folder)
        if free < settings.DISK_RESERVE:
            advice = "Uploads are refused. Make room, or lower DISK_RESERVE."
        elif name == "DATA_DIR" and stat.S_IMODE(folder.stat().st_mode) & 0o077:
            advice = "Others on this computer may look into it: chmod 700."
        else:
            advice = ""
        yield Finding(name, f"{folder} is written to, {free // 2**20} MiB are free", advice)


def _files() -> Iterator[Finding]:
    _now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    is_few = 0 <= most < FILES_MIN
    advice = "Each reader's socket is an open file. Raise it: LimitNOFILE of systemd, or ulimit -Hn." if is_few else ""
    yield Finding("open files", f"at most {most} of a process", advice)


def _database() -> Iterator[Finding]:
    try:
        objection = dialect().objection()
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        unknown = executor.loader.applied_migrations.keys() - executor.loader.disk_migrations.keys()
    except failures() as error:
        yield Finding("database", str(error).strip().splitlines()[0], "Look at DATABASE_URL, and whether it runs.")
        return
    if unknown:
        advice = "A newer version of the chat made these tables: run that one."
    elif missing:
        advice = "The next start makes them; or manage.py migrate."
    else:
        advice = objection
    seen = f"{connection.vendor}, {len(missing)} migrations are missing, {len(unknown)} are not known here"
    yield Finding("database", seen, advice)


def _key() -> Iterator[Finding]:
    try:
        found = sealing.status()
    except sealing.KeyUnavailable as reason:
        yield Finding("encryption", str(reason), "Without the key nothing that people wrote can be read.")
        return
    except failures() as error:
        yield Finding("encryption", str(error).strip().splitlines()[0], "Look at the database first.")
        return
    seen = (
        f"the key of {found.source} opens {len(found.numbers)} data keys" if found.numbers else "nothing is encrypted"
    )
    yield Finding("encryption", f"{'on' if found.is_on else 'off'}, {seen}")


# Redis ----------------------------------------------------------------------------------------------------------------


def _redis() -> Iterator[Finding]:
    try:
        with redis.client() as server:
            server.ping()
    except redis.Unavailable as error:
        is_ours = settings.REDIS_EMBEDDED
        advice = (
            "It runs while the chat runs: start that first." if is_ours else "Look at REDIS_URL, and whether it runs."
        )
        yield Finding("redis", str(error), advice)
        return
    yield from _redis_rights()
    with redis.client() as server:
        seconds, micros = server.time()  # type: ignore[misc]
        apart = abs(seconds + micros / 1e6 - time.time())
        found: Any = server.info("memory")
    advice = "Presence and limits go by both clocks: run NTP on both computers." if apart > CLOCK_SECONDS else ""
    yield Finding("clock", f"{apart:.1f} s apart from that of Redis", advice)
    if not settings.REDIS_EMBEDDED:
        yield Finding("redis's memory", f"policy {found.get('maxmemory_policy')}", memory.concern(found))


def _redis_rights() -> Iterator[Finding]:
    """What kind of server it is, and whether the user of REDIS_URL may do what the chat does with keys and channels."""
    try:
        with redis.client() as server:
            trial.require_kind(server)
    except trial.Refused as refused:
        yield Finding("redis", str(refused), "Set another REDIS_URL.")
        return
    for what, use in trial.USES.items():
        try:
            with redis.client() as server:
                use(server)
        except (redis.Unavailable, trial.Refused) as error:
            yield Finding(f"redis's {what}", str(error), trial.rights())
        else:
            yield Finding(f"redis's {what}", "may be used")


def _push() -> Iterator[Finding]:
    if not settings.WEB_PUSH:
        yield Finding("push", "off")
        return
    hosts = [urlsplit(origin) for origin in settings.ALLOWED_ORIGINS]
    is_possible = any(one.scheme == "https" or one.hostname in ("localhost", "127.0.0.1") for one in hosts)
    yield Finding(
        "push",
        "on",
        "" if is_possible else "Browsers take notifications from https alone: set up TLS, or WEB_PUSH=off.",
    )


# Addresses ------------------------------------------------------------------------------------------------------------


def _addresses() -> Iterator[Finding]:
    for origin in settings.ALLOWED_ORIGINS:
        try:
            yield from _address(origin)
        except (OSError, HTTPException, ValueError) as error:
            yield Finding(origin, _said(error), "People cannot reach it from here: is the chat, or the proxy, running?")


def _said(error: Exception) -> str:
    return getattr(error, "verify_message", "") or getattr(error, "strerror", "") or str(error)


def _address(origin: str) -> Iterator[Finding]:
    with_server = _connected(origin)
    try:
        with_server.request("GET", "/healthz/live")
        answer = with_server.getresponse()
        body = answer.read(1000)
        is_ours = answer.status == 200 and json.loads(body) == {"status": "ok"}
    except json.JSONDecodeError:
        is_ours = False
    yield Finding(
        origin,
        "answers" if is_ours else f"answers {answer.status}, which is not the chat",
        "" if is_ours else "Another program serves there, or the proxy leads elsewhere.",
    )
    if is_ours:
        if urlsplit(origin).scheme == "https":
            yield _certificate(origin)
        yield _socket(origin)


def _connected(origin: str) -> HTTPConnection:
    address = urlsplit(origin)
    if address.scheme == "https":
        return HTTPSConnection(address.netloc, timeout=ANSWER_SECONDS, context=ssl.create_default_context())
    return HTTPConnection(address.netloc, timeout=ANSWER_SECONDS)


def _certificate(origin: str) -> Finding:
    server: Any = _connected(origin)
    server.connect()
    certificate = server.sock.getpeercert()
    server.close()
    left = ssl.cert_time_to_seconds(certificate["notAfter"]) - time.time()
    advice = "Renew it, and see why that did not happen by itself." if left < CERTIFICATE_SECONDS else ""
    return Finding(f"{origin} certificate", f"good for {left / 86400:.0f} days", advice)


def _socket(origin: str) -> Finding:
    """Whether a WebSocket comes through whatever stands in front: without a session the chat refuses it with 401."""
    server = _connected(origin)
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": b64encode(secrets.token_bytes(16)).decode(),
        "Origin": origin,
    }
    server.request("GET", "/ws/chat/", headers=headers)
    status = server.getresponse().status
    server.close()
    is_well = status in (101, 401)
    return Finding(
        f"{origin} WebSocket",
        "comes through" if is_well else f"is answered {status}",
        "" if is_well else "The proxy has to pass on Upgrade and Connection: see deploy/nginx.conf.",
    )
