"""Everything in which the databases differ: SQLite, PostgreSQL, MongoDB."""

import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from functools import cache, lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import F, Model, Q, QuerySet, prefetch_related_objects
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from environ import Env

T = TypeVar("T")
M = TypeVar("M", bound=Model)

#: Seconds for which a writer waits for the others before he is told that the database is busy.
PATIENCE = 3
#: And once it is known that somebody outside holds it and does not let go.
GLANCE = 0.25
#: Times a transaction is tried that PostgreSQL gave up so that another could finish.
TRIES = 5

SYNCHRONOUS = ("NORMAL", "FULL", "EXTRA")

#: The connection, by the names that only MongoDB's backend has.
_mongodb_connection: Any = connection

#: SQLite lets one writer in at a time and makes the others poll. Ours wait in line instead.
_sqlite_writer = threading.RLock()
#: Whether the last of ours who tried has given up: somebody outside does not let go.
_sqlite_is_taken = False

# Settings -------------------------------------------------------------------------------------------------------------

_MONGODB = "django_mongodb_backend"
#: MongoDB does not count: ids that no model of ours has are its own kind there.
MONGODB_AUTO_FIELD = f"{_MONGODB}.fields.ObjectIdAutoField"
#: Django's apps whose tables have such ids. Their own migrations count, so MongoDB has others.
_COUNTED_APPS = {"admin": "MongoAdminConfig", "auth": "MongoAuthConfig", "contenttypes": "MongoContentTypesConfig"}


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
        "CONN_MAX_AGE": None,  # the threads stay, and their connections with them
        "OPTIONS": {
            # A transaction that reads before it writes fails at once when another wrote in between: none begins so.
            "transaction_mode": "IMMEDIATE",
            "timeout": PATIENCE,
            # SQLite's own is a checkpoint every 4 MB, which a few batches of messages in many rooms write, and a
            # temporary file for whatever a statement of many rows would have to take back.
            "init_command": (
                f"PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous};"
                "PRAGMA wal_autocheckpoint=4000; PRAGMA temp_store=MEMORY;"
            ),
        },
        # A file, because sockets work on threads of their own: each needs a connection, and memory has only one.
        "TEST": {"NAME": path.with_suffix(".test.sqlite3")},
    }


def _postgresql(url: str) -> dict[str, Any]:
    settings: dict[str, Any] = Env.db_url_config(url)
    # A connection for each thread of each process would be too many: they share some, and have one while they work.
    settings["OPTIONS"] = {
        "pool": {"min_size": 1, "max_size": 24, "timeout": PATIENCE},
        "options": f"-c lock_timeout={PATIENCE}s",
        **settings.get("OPTIONS", {}),
    }
    # A server that was started anew is noticed before a request fails by it.
    settings["CONN_HEALTH_CHECKS"] = True
    return settings


def _mongodb(url: str) -> dict[str, Any]:
    name = urlsplit(url).path.strip("/") or "chat"
    # A server that is away is told within seconds, not after the driver's half minute.
    options = {} if "serverSelectionTimeoutMS" in url else {"serverSelectionTimeoutMS": 5000}
    return {"ENGINE": _MONGODB, "HOST": url, "NAME": name, "OPTIONS": options}


def auto_field(database: dict[str, Any]) -> str:
    """DEFAULT_AUTO_FIELD."""
    return MONGODB_AUTO_FIELD if database["ENGINE"] == _MONGODB else "django.db.models.BigAutoField"


def installed_apps(database: dict[str, Any], apps: list[str]) -> list[str]:
    """INSTALLED_APPS, with Django's own in the form that suits the database."""
    if database["ENGINE"] != _MONGODB:
        return apps
    ours = {
        f"django.contrib.{app}": f"chatproject.core.db.mongodb.apps.{config}" for app, config in _COUNTED_APPS.items()
    }
    return [ours.get(app, app) for app in apps]


def migration_modules(database: dict[str, Any]) -> dict[str, str]:
    """MIGRATION_MODULES."""
    if database["ENGINE"] != _MONGODB:
        return {}
    return {app: f"chatproject.core.db.mongodb.migrations.{app}" for app in _COUNTED_APPS}


# Transactions ---------------------------------------------------------------------------------------------------------


def atomically(body: Callable[[], T]) -> T:
    """Run `body` in a transaction, again where the database asks for it; so it must bear being run twice."""
    match connection.vendor:
        case "sqlite":
            return _on_sqlite(body)
        case "mongodb":
            return _on_mongodb(body)
    return _on_postgresql(body)


def _on_sqlite(body: Callable[[], T]) -> T:
    if connection.in_atomic_block:
        with transaction.atomic():
            return body()
    global _sqlite_is_taken
    # Whoever does not let go is waited for once. Then one of ours at a time has a look, and the rest are told at once:
    # they would hold the threads of those who read, and the frames of a socket that come after theirs.
    was_taken = _sqlite_is_taken
    if not _sqlite_writer.acquire(timeout=0 if was_taken else PATIENCE):
        raise OperationalError("database is locked by another thread")
    try:
        if _sqlite_is_taken and not was_taken:
            raise OperationalError("database is locked by another process")
        with _sqlite_waits(GLANCE) if was_taken else nullcontext(), transaction.atomic():
            _sqlite_is_taken = False
            return body()
    except OperationalError as error:
        _sqlite_is_taken = is_contended(error)
        raise
    finally:
        _sqlite_writer.release()


@contextmanager
def _sqlite_waits(seconds: float) -> Iterator[None]:
    """This thread's connection waits for so long, where it would for PATIENCE."""
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout={1000 * seconds:.0f}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA busy_timeout={1000 * PATIENCE:.0f}")


def _on_postgresql(body: Callable[[], T]) -> T:
    tries = 1 if connection.in_atomic_block else TRIES
    for attempt in range(1, tries + 1):
        try:
            with transaction.atomic():
                return body()
        except OperationalError as error:
            if attempt == tries or _sqlstate(error) not in _LOST_RACES:
                raise
    raise AssertionError("unreachable")


#: PostgreSQL's words. A deadlock or a lost race is over when the other has finished; a lock was waited for long enough.
_LOST_RACES = {"40P01", "40001"}
_LOCK_TIMEOUT = "55P03"


def _sqlstate(error: BaseException) -> str | None:
    return getattr(error.__cause__, "sqlstate", None)


def _on_mongodb(body: Callable[[], T]) -> T:
    """MongoDB lets nobody wait for a row: of two that write it at once one is refused, and comes again."""
    from pymongo.errors import PyMongoError

    if _mongodb_connection.in_atomic_block_mongo:
        return body()
    refusal: Exception | None = None
    # Django's block, which its administration puts around what it saves, holds nothing here, and must not hold up what
    # follows our commit.
    around, connection.in_atomic_block = connection.in_atomic_block, False
    try:
        for _ in _attempts():
            try:
                return _mongodb_transaction(body)
            except (DatabaseError, PyMongoError) as error:
                if not _says(error, "TransientTransactionError"):
                    raise
                refusal = error
    finally:
        connection.in_atomic_block = around
    raise OperationalError("database is busy: the transaction was refused again and again") from refusal


def _mongodb_transaction(body: Callable[[], T]) -> T:
    """The backend's own, once: Django's does nothing there."""
    from django_mongodb_backend.transaction import atomic
    from pymongo.errors import PyMongoError

    try:
        with atomic():
            answer = body()
    except PyMongoError as error:
        try:
            _commit_again(error)
        except Exception:
            # The backend keeps the session of a commit that failed, and would take it for the next transaction's.
            connection.run_on_commit = []
            if _mongodb_connection.session:
                _mongodb_connection.session.end_session()
                _mongodb_connection.session = None
            raise
    return answer


def _commit_again(error: Exception) -> None:
    """Ask until it is known whether what was to be committed is. Raises the error if it is not."""
    from pymongo.errors import PyMongoError

    for _ in _attempts():
        if not _says(error, "UnknownTransactionCommitResult"):
            raise error
        try:
            _mongodb_connection.commit_mongo()
        except PyMongoError as again:
            error = again
        else:
            return
    raise OperationalError("database is busy: it does not say whether it committed") from error


def _says(error: BaseException, label: str) -> bool:
    """Whether the driver put this label on its error, or on the one that Django's stands for."""
    origin: Any = error.__cause__ if isinstance(error, DatabaseError) else error
    return hasattr(origin, "has_error_label") and bool(origin.has_error_label(label))


def _attempts() -> Iterator[None]:
    """Again and again for as long as a writer waits, after pauses of growing and uneven length."""
    give_up, pause = time.monotonic() + PATIENCE, 0.004
    while time.monotonic() < give_up:
        yield
        time.sleep(random.uniform(0, pause))  # noqa: S311
        pause = min(2 * pause, 0.25)


def locked(rows: QuerySet[M]) -> QuerySet[M]:
    """Rows that nobody else changes before this transaction ends, though it only reads them."""
    if connection.vendor == "mongodb":
        from bson import ObjectId

        # Only writers get in each other's way there, so each leaves a mark that differs from the last.
        key = rows.model._meta.pk
        ids = [key.get_db_prep_value(pk, connection) for pk in rows.values_list("pk", flat=True)]
        collection = _mongodb_connection.get_collection(rows.model._meta.db_table)
        collection.update_many(
            {"_id": {"$in": ids}}, {"$set": {"held": ObjectId()}}, session=_mongodb_connection.session
        )
    return rows.select_for_update()


def page(rows: QuerySet[M], *related: str) -> list[M]:
    """The rows of a query that ends with a limit, and with each the rows it refers to."""
    if connection.vendor != "mongodb":
        return list(rows.select_related(*related))
    # It would join every row there is before it takes the first few.
    found = list(rows)
    prefetch_related_objects(found, *related)
    return found


def contains(field: str, text: str) -> Q:
    """That a field holds this text, whatever its case."""
    if connection.vendor == "sqlite" and not text.isascii() and text.lower() != text.upper():
        # Its LIKE knows the case of A to Z; asking Python for each row takes three times as long.
        return Q(**{f"{field}__iregex": re.escape(text)})
    return Q(**{f"{field}__icontains": text})


def row_by_row(field: str) -> Combinable:
    """A field to filter by without its index, where the query is to go by another."""
    return F(field) if connection.vendor == "mongodb" else Coalesce(field, field)


def is_contended(error: Exception) -> bool:
    """Whether the database says that others hold what we need, rather than that something is wrong."""
    text = str(error).lower()
    return (
        _sqlstate(error) in _LOST_RACES | {_LOCK_TIMEOUT}
        or "locked" in text  # SQLite
        or "busy" in text  # SQLite, MongoDB
        or "couldn't get a connection" in text  # PostgreSQL's pool
    )


def release_connection() -> None:
    """Give this thread's connection back before it waits for another thread's work.

    Otherwise as many waiting requests as the pool has connections would keep the one they wait for from having one.
    """
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        connection.close()


# Many rows at once ----------------------------------------------------------------------------------------------------


def keep_pages() -> None:
    """This thread writes in batches: what it needs of an SQLite database stays in its memory, up to 16 MB.

    Each new connection is told, so it is called before every batch.
    """
    if connection.connection is None and connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA cache_size=-16000")


@cache
def speaks_sql() -> bool:
    """Whether the database takes statements of our own: PostgreSQL, and SQLite since it has RETURNING."""
    return connection.vendor == "postgresql" or (
        connection.vendor == "sqlite" and connection.features.can_return_columns_from_insert
    )


@cache
def word() -> Callable[[Any], Any]:
    """How a statement of our own gives ids and times to this database, and gets them back."""
    return _sqlite_word if connection.vendor == "sqlite" else _as_it_is


def id_of(given: Any) -> UUID:
    """An id as a statement of our own gets it back."""
    return UUID(given) if isinstance(given, str) else given


def select(query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run a statement of our own that answers rows."""
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def select_among(query: str, values: Sequence[Any], among: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The same of a query that ends with IN: of these. Nobody is asked about nothing."""
    if not among:
        return []
    return select(f"{query} ({', '.join(['%s'] * len(among))})", [*values, *among])


def _as_it_is(value: Any) -> Any:
    return value


def _sqlite_word(value: Any) -> Any:
    write = _SQLITE_WORDS.get(type(value))
    return value if write is None else write(value)


@lru_cache(16)  # what is stored together has one time
def _sqlite_time(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


_SQLITE_WORDS: dict[type, Callable[[Any], Any]] = {UUID: attrgetter("hex"), datetime: _sqlite_time}


def update_joined(update: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Run an UPDATE that joins `given`, a table of `rows` with these columns; what it RETURNS."""
    marks, values = _marks(rows)
    return select(f"WITH given ({', '.join(columns)}) AS (VALUES {marks}) {update}", values)


def lock_rows(table: str, ids: Iterable[UUID]) -> None:
    """Let nobody else change these rows before the transaction's end, taken in one order. SQLite has one writer."""
    if word() is not _sqlite_word:
        select(f"SELECT 1 FROM {table} WHERE _id = ANY(%s) ORDER BY _id FOR UPDATE", [list(ids)])  # noqa: S608


def insert(model: type[Model], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Store rows that are complete, in one statement and without a model's object for each."""
    if not speaks_sql():
        model._default_manager.bulk_create([model(**dict(zip(columns, row, strict=True))) for row in rows])
        return
    names = _column_names(model, tuple(columns))
    write = word()
    marks, values = _marks([[write(value) for value in row] for row in rows])
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {model._meta.db_table} ({names}) VALUES {marks}", values)  # noqa: S608


@cache
def _column_names(model: type[Model], fields: tuple[str, ...]) -> str:
    stored = {field.attname: field.column for field in model._meta.concrete_fields}
    return ", ".join(str(stored[name]) for name in fields)


def _marks(rows: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
    mark = f"({', '.join(['%s'] * len(rows[0]))})"
    return ", ".join([mark] * len(rows)), [value for row in rows for value in row]
