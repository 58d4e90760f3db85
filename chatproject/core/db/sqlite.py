"""SQLite: one writer at a time, which our threads wait for in line."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from sqlite3 import sqlite_version_info
from typing import Any, TypeVar
from uuid import UUID

from django.db import OperationalError, connection, transaction
from django.db.models import BooleanField, F, Func, Q, Value

from chatproject.core import locks
from chatproject.core.db.config import LOCK_TIMEOUT_SECONDS
from chatproject.core.db.dialect import Dialect
from chatproject.core.text import Wanted

T = TypeVar("T")

#: Seconds that a writer waits once another process is known to keep the database locked.
KNOWN_LOCK_TIMEOUT_SECONDS = 0.25
#: Kilobytes of pages that a thread which writes in batches keeps in memory.
PAGE_CACHE_KILOBYTES = 16_000

#: Whether it has JSON however it was built.
_HAS_JSON = sqlite_version_info >= (3, 38)

#: SQLite lets one writer in at a time and makes the others poll. Ours wait for this lock instead.
_writer = threading.RLock()
#: Whether our last writer gave up, because another process keeps the database locked.
_is_locked_by_others = False


class SQLite(Dialect):
    """SQLite, since it has RETURNING (3.35) with SQL of our own."""

    folds = True

    def speaks_sql(self) -> bool:
        return bool(connection.features.can_return_columns_from_insert)

    def run_atomic(self, body: Callable[[], T]) -> T:
        if connection.in_atomic_block:
            with transaction.atomic():
                return body()
        global _is_locked_by_others
        # Our writers wait once for a process that keeps the lock. After that, one of our writers at
        # a time tries for a moment and the others fail at once: waiting, they would occupy the
        # threads that readers need, and delay the next frames of their sockets.
        was_locked = _is_locked_by_others
        if not _writer.acquire(timeout=0 if was_locked else LOCK_TIMEOUT_SECONDS):
            raise OperationalError("database is locked by another thread")
        try:
            if _is_locked_by_others and not was_locked:
                raise OperationalError("database is locked by another process")
            with _busy_timeout(KNOWN_LOCK_TIMEOUT_SECONDS) if was_locked else nullcontext(), transaction.atomic():
                _is_locked_by_others = False
                return body()
        except OperationalError as error:
            _is_locked_by_others = self.is_contended(error)
            raise
        finally:
            _writer.release()

    def is_contended(self, error: Exception) -> bool:
        text = str(error).lower()
        return "locked" in text or "busy" in text

    def passing(self, error: Exception) -> str:
        # The second is what a full disk makes of the index of the log.
        text = str(error).lower()
        return "its disk is full" if "disk is full" in text or "disk i/o error" in text else ""

    def may_contain(self, field: str, wanted: Wanted) -> Q:
        # Here a function in Python costs less than a row that is read in vain.
        connection.ensure_connection()
        connection.connection.create_function("chat_holds", 3, _holds, deterministic=True)
        return Q(_Holds(F(field), Value(wanted.folded), Value(wanted.by_sound)))

    def scrub_files(self) -> bool:
        # `secure_delete` overwrites what is deleted in a page. The former page is in the database
        # file until the log is copied there, and its new versions stay in the log until that is cut.
        if not _writer.acquire(timeout=KNOWN_LOCK_TIMEOUT_SECONDS):
            return False
        try:
            with _busy_timeout(KNOWN_LOCK_TIMEOUT_SECONDS), connection.cursor() as cursor:
                cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")  # most of the work, and nobody waits for it
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                is_busy, *_pages = cursor.fetchone()
                return not is_busy
        except OperationalError as error:
            if self.is_contended(error):
                return False
            raise
        finally:
            _writer.release()

    def bytes(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
            return int(cursor.fetchone()[0])

    def folder(self) -> Path:
        return Path(connection.settings_dict["NAME"]).parent

    def alone(self, name: str) -> AbstractContextManager[bool]:
        # Not the database itself: closing it a second time would end SQLite's own locks of this process.
        return locks.alone(Path(f"{connection.settings_dict['NAME']}.{name}"))

    def joined(self, expression: str) -> str:
        return f"group_concat({expression}, ' ')"

    def at_once(self, columns: str, rest: str) -> str:
        # For each row our driver lets other threads run, and then waits for them.
        query = f"SELECT '[' || group_concat(cells) || ']' FROM (SELECT json_array({columns}) AS cells {rest})"  # noqa: S608
        return query if _HAS_JSON else ""

    def unconverted_time(self, column: str) -> str:
        return f"{column} || ''"  # what is calculated has no type, by which our driver would convert it

    def enlarge_page_cache(self) -> None:
        if connection.connection is None:
            with connection.cursor() as cursor:
                cursor.execute(f"PRAGMA cache_size=-{PAGE_CACHE_KILOBYTES}")


class _Holds(Func):
    function = "chat_holds"
    output_field = BooleanField()


def _holds(text: str, folded: str, by_sound: int) -> bool:
    return _wanted(folded, bool(by_sound)).is_in(text)


@lru_cache(16)
def _wanted(folded: str, by_sound: bool) -> Wanted:
    return Wanted(folded, by_sound=by_sound)


@contextmanager
def _busy_timeout(seconds: float) -> Iterator[None]:
    """Let this thread's connection wait so long for a lock, instead of LOCK_TIMEOUT_SECONDS."""
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout={1000 * seconds:.0f}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA busy_timeout={1000 * LOCK_TIMEOUT_SECONDS:.0f}")


@lru_cache(16)  # messages that are stored together have one time
def _time(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


SQLite.converters = {UUID: attrgetter("hex"), datetime: _time}
