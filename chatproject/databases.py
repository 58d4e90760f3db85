"""Everything in which the databases differ: SQLite, PostgreSQL, MongoDB."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environ import Env

T = TypeVar("T")

#: Seconds for which a writer waits for the others before he is told that the database is busy.
PATIENCE = 20
#: Times a transaction is tried that PostgreSQL gave up so that another could finish.
TRIES = 3

SYNCHRONOUS = ("NORMAL", "FULL", "EXTRA")

#: SQLite lets one writer in at a time and makes the others poll. Ours wait in line instead.
_sqlite_writer = threading.RLock()


def configure(url: str, *, default_path: Path, synchronous: str) -> dict[str, Any]:
    """Django's settings for a DATABASE_URL; "" is SQLite at `default_path`."""
    scheme = urlsplit(url).scheme
    match scheme:
        case "":
            return _sqlite(default_path, synchronous)
        case "sqlite" | "sqlite3":
            return _sqlite(Path(Env.db_url_config(url)["NAME"]), synchronous)
        case "postgres" | "postgresql":
            return _postgresql(url)
        case "mongodb" | "mongodb+srv":
            return _mongodb(url)
    raise ImproperlyConfigured(f"DATABASE_URL: {scheme}:// is not one of sqlite://, postgres:// and mongodb://.")


def _sqlite(path: Path, synchronous: str) -> dict[str, Any]:
    if synchronous not in SYNCHRONOUS:
        raise ImproperlyConfigured(f"SQLITE_SYNCHRONOUS: {synchronous!r} is not one of {', '.join(SYNCHRONOUS)}.")
    if not path.exists() and path.parent.is_dir():
        # SQLite's own files take over this mode: what people write is for the owner's eyes.
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            # A transaction that reads before it writes fails at once if another wrote in between: none begins so.
            "transaction_mode": "IMMEDIATE",
            "timeout": PATIENCE,
            "init_command": f"PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous};",
        },
        # A file, because sockets work on threads of their own: each needs a connection, and memory has only one.
        "TEST": {"NAME": path.with_suffix(".test.sqlite3")},
    }


def _postgresql(url: str) -> dict[str, Any]:
    settings: dict[str, Any] = Env.db_url_config(url)
    # Requests end with their threads, so a connection kept by a thread would never be used again: a pool keeps them.
    settings["OPTIONS"] = {
        "pool": {"min_size": 1, "max_size": 20, "timeout": PATIENCE},
        "options": f"-c lock_timeout={PATIENCE}s",
        **settings.get("OPTIONS", {}),
    }
    return settings


def _mongodb(url: str) -> dict[str, Any]:
    name = urlsplit(url).path.strip("/") or "chat"
    return {"ENGINE": "django_mongodb_backend", "HOST": url, "NAME": name}


def atomically(body: Callable[[], T]) -> T:
    """Run `body` in a transaction, again where the database asks for it; so it must bear being run twice."""
    from django.db import OperationalError, connection, transaction

    if connection.in_atomic_block:
        with transaction.atomic():
            return body()
    if connection.vendor == "sqlite":
        if not _sqlite_writer.acquire(timeout=PATIENCE):
            raise OperationalError("database is locked by another thread")
        try:
            with transaction.atomic():
                return body()
        finally:
            _sqlite_writer.release()
    for attempt in range(1, TRIES + 1):
        try:
            with transaction.atomic():
                return body()
        except OperationalError as error:
            if attempt == TRIES or not _is_worth_another_try(error):
                raise
    raise AssertionError("unreachable")


def _is_worth_another_try(error: Exception) -> bool:
    """A deadlock or a lost race: gone by itself when the other has finished. A lock that was waited for is not."""
    text = str(error).lower()
    return "deadlock" in text or "could not serialize" in text


def is_contended(error: Exception) -> bool:
    """Whether the database says that others hold what we need, rather than that something is wrong."""
    text = str(error).lower()
    return _is_worth_another_try(error) or "locked" in text or "busy" in text or "lock timeout" in text
