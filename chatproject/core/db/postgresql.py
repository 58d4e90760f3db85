"""PostgreSQL: transactions that lost a race are tried again, rows are locked in one order."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from uuid import UUID

from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import Model, QuerySet

from chatproject.core.db.config import LOCK_TIMEOUT_SECONDS
from chatproject.core.db.dialect import Dialect

T = TypeVar("T")
M = TypeVar("M", bound=Model)

#: How often a transaction is tried that PostgreSQL aborts so that another can finish.
ATTEMPTS = 5

#: SQLSTATE of a deadlock and of a serialization failure: when they are reported, the other has
#: finished.
LOST_RACES = {"40P01", "40001"}
#: SQLSTATE when `lock_timeout` has passed.
LOCK_TIMEOUT = "55P03"
#: SQLSTATE of a full disk, and the beginnings of those with which a connection ends: its own failure, and a server that
#: is stopped.
DISK_FULL = "53100"
LOST_CONNECTION = ("08", "57P0")


class PostgreSQL(Dialect):
    """PostgreSQL through psycopg's pool."""

    def speaks_sql(self) -> bool:
        return True

    def run_atomic(self, body: Callable[[], T]) -> T:
        attempts = 1 if connection.in_atomic_block else ATTEMPTS
        for attempt in range(1, attempts + 1):
            try:
                with transaction.atomic():
                    return body()
            except OperationalError as error:
                if attempt == attempts or _sqlstate(error) not in LOST_RACES:
                    raise
        raise AssertionError("unreachable")

    def is_contended(self, error: Exception) -> bool:
        return (
            _sqlstate(error) in LOST_RACES | {LOCK_TIMEOUT}
            or "couldn't get a connection" in str(error).lower()  # the pool
        )

    def passing(self, error: Exception) -> str:
        if _sqlstate(error) == DISK_FULL:
            return "its disk is full"
        return "its connection broke" if self.is_lost(error) else ""

    def is_lost(self, error: Exception) -> bool:
        # The driver itself gives no state to an error that no server told it.
        state = _sqlstate(error)
        return (error.__cause__ is not None and state is None) or (state or "").startswith(LOST_CONNECTION)

    def bytes(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])

    @contextmanager
    def alone(self, name: str) -> Iterator[bool]:
        # A connection of its own, to which nothing happens meanwhile. The lock ends with its transaction, however that
        # ends: through a pooler the next transaction may be another server connection's, but this one stays. It holds
        # no snapshot, and keeps nobody from anything.
        other = connection.copy()
        key = int.from_bytes(hashlib.sha256(f"chat {name}".encode()).digest()[:8], signed=True)
        try:
            other.set_autocommit(False)
            with other.cursor() as cursor:
                cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [key])
                is_alone = bool(cursor.fetchone()[0])
            yield is_alone
        finally:
            with suppress(DatabaseError):  # it broke
                other.rollback()
                other.set_autocommit(True)  # it goes back to the pool
            other.close()

    @contextmanager
    def streamed(self, rows: QuerySet[M, Any], chunk_size: int) -> Iterator[Iterator[Any]]:
        # In a transaction, with which the cursor ends. One without would have the server read and keep everything
        # first, and through a pooler belong to another connection than the next question.
        with transaction.atomic():
            yield rows.iterator(chunk_size=chunk_size)

    def objection(self) -> str:
        user = connection.settings_dict["USER"] or "chat"
        as_role = f"ALTER ROLE {user} SET lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'"
        # Not by the pool, which tries for seconds and does not tell what it was told.
        backend: Any = connection  # its type has no driver
        with connection.wrap_database_errors:
            try:
                tried = backend.Database.connect(**connection.get_connection_params())
            except backend.Database.OperationalError as error:
                if "unsupported startup parameter" not in str(error):
                    raise
                return (
                    "DATABASE_URL leads to a PgBouncer that refuses what the chat asks for. Set "
                    f"ignore_startup_parameters = options there, and say in PostgreSQL: {as_role}."
                )
            with tried:
                waits = str(tried.execute("SHOW lock_timeout").fetchone()[0])
        if waits != "0":
            return ""
        return f"DATABASE_URL leads through a pooler that drops lock_timeout. Say in PostgreSQL: {as_role}."

    def joined(self, expression: str) -> str:
        return f"string_agg({expression}, ' ' ORDER BY {expression})"

    def release_connection(self) -> None:
        if not connection.in_atomic_block:
            connection.close()

    def lock_rows(self, table: str, ids: Iterable[UUID]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT 1 FROM {table} WHERE _id = ANY(%s) ORDER BY _id FOR UPDATE",  # noqa: S608
                [list(ids)],
            )


def _sqlstate(error: BaseException) -> str | None:
    return getattr(error.__cause__, "sqlstate", None)
