"""PostgreSQL: transactions that lost a race are tried again, rows are locked in one order."""

from collections.abc import Callable, Iterable
from typing import TypeVar
from uuid import UUID

from django.db import OperationalError, connection, transaction

from chatproject.core.db.dialect import Dialect

T = TypeVar("T")

#: How often a transaction is tried that PostgreSQL aborts so that another can finish.
ATTEMPTS = 5

#: SQLSTATE of a deadlock and of a serialization failure: when they are reported, the other has
#: finished.
LOST_RACES = {"40P01", "40001"}
#: SQLSTATE when `lock_timeout` has passed.
LOCK_TIMEOUT = "55P03"


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
