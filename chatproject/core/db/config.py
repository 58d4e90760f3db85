"""DATABASE_URL as Django's settings: SQLite, PostgreSQL or MongoDB."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environ import Env

#: Seconds that a writer waits for others' locks before the caller is told that the database is
#: busy.
LOCK_TIMEOUT_SECONDS = 3

SYNCHRONOUS = ("NORMAL", "FULL", "EXTRA")

_MONGODB = "django_mongodb_backend"
#: MongoDB does not count rows: ids that none of our models defines are ObjectIds there.
MONGODB_AUTO_FIELD = f"{_MONGODB}.fields.ObjectIdAutoField"
#: Django's apps whose tables have such ids. Their own migrations use integers, so MongoDB has
#: others.
_COUNTED_APPS = {"admin": "MongoAdminConfig", "auth": "MongoAuthConfig", "contenttypes": "MongoContentTypesConfig"}


def configure(url: str, *, default_path: Path, synchronous: str) -> dict[str, Any]:
    """An entry of DATABASES for a DATABASE_URL; "" is SQLite at `default_path`."""
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
        # Only the owner may read what people write. SQLite gives its other files the same mode.
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "CONN_MAX_AGE": None,  # our threads stay, and each keeps its connection
        "OPTIONS": {
            # A deferred transaction that reads before it writes fails at once if another wrote in
            # between.
            "transaction_mode": "IMMEDIATE",
            "timeout": LOCK_TIMEOUT_SECONDS,
            # By default SQLite checkpoints every 4 MB, which a few batches of messages in many
            # rooms write, and makes a temporary file for the undo data of a statement over many
            # rows. Deleted text is overwritten: see `SQLite.scrub_files`.
            "init_command": (
                f"PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous};"
                "PRAGMA wal_autocheckpoint=4000; PRAGMA temp_store=MEMORY; PRAGMA secure_delete=ON;"
            ),
        },
        # A file: sockets use threads of their own, each needs a connection, and memory allows only
        # one.
        "TEST": {"NAME": path.with_suffix(".test.sqlite3")},
    }


def _postgresql(url: str) -> dict[str, Any]:
    settings: dict[str, Any] = Env.db_url_config(url)
    # A connection for each thread of each process would be too many: threads share a pool, and hold
    # a connection only while they work.
    settings["OPTIONS"] = {
        "pool": {"min_size": 1, "max_size": 24, "timeout": LOCK_TIMEOUT_SECONDS},
        "options": f"-c lock_timeout={LOCK_TIMEOUT_SECONDS}s",
        **settings.get("OPTIONS", {}),
    }
    # A restarted server is noticed before a request fails because of it.
    settings["CONN_HEALTH_CHECKS"] = True
    return settings


def _mongodb(url: str) -> dict[str, Any]:
    name = urlsplit(url).path.strip("/") or "chat"
    # An absent server is reported within seconds, not after the driver's half minute.
    options = {} if "serverSelectionTimeoutMS" in url else {"serverSelectionTimeoutMS": 5000}
    return {"ENGINE": _MONGODB, "HOST": url, "NAME": name, "OPTIONS": options}


def auto_field(database: dict[str, Any]) -> str:
    """DEFAULT_AUTO_FIELD for a database."""
    return MONGODB_AUTO_FIELD if database["ENGINE"] == _MONGODB else "django.db.models.BigAutoField"


def installed_apps(database: dict[str, Any], apps: list[str]) -> list[str]:
    """INSTALLED_APPS, with Django's own apps in the form that suits the database."""
    if database["ENGINE"] != _MONGODB:
        return apps
    ours = {
        f"django.contrib.{app}": f"chatproject.core.db.mongodb.apps.{config}" for app, config in _COUNTED_APPS.items()
    }
    return [ours.get(app, app) for app in apps]


def migration_modules(database: dict[str, Any]) -> dict[str, str]:
    """MIGRATION_MODULES for a database."""
    if database["ENGINE"] != _MONGODB:
        return {}
    return {app: f"chatproject.core.db.mongodb.migrations.{app}" for app in _COUNTED_APPS}
