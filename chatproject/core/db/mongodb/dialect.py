"""MongoDB: a writer never waits for another; of two that write a row at once one is refused and
tries again.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from bson import ObjectId
from django.db import DatabaseError, OperationalError, connection
from django.db.models import F, Model, QuerySet, prefetch_related_objects
from django.db.models.expressions import Combinable
from django_mongodb_backend.transaction import atomic
from pymongo.errors import DuplicateKeyError, PyMongoError

from chatproject.core.db.config import LOCK_TIMEOUT_SECONDS
from chatproject.core.db.dialect import Dialect

T = TypeVar("T")
M = TypeVar("M", bound=Model)

#: Seconds between two attempts at most: the first pause, which doubles, and its maximum.
FIRST_PAUSE_SECONDS, PAUSE_SECONDS_MAX = 0.004, 0.25

#: Seconds after which the lock of a process counts as left behind by one that was killed.
LOCK_SECONDS = 3600

#: The connection, under a type that has the attributes of MongoDB's backend.
_connection: Any = connection


class MongoDB(Dialect):
    """MongoDB through its own Django backend, whose `transaction.atomic` does nothing."""

    failures = (DatabaseError, PyMongoError)

    def run_atomic(self, body: Callable[[], T]) -> T:
        if _connection.in_atomic_block_mongo:
            return body()
        refusal: Exception | None = None
        # Django's admin puts `transaction.atomic` around what it saves. That protects nothing on
        # MongoDB, and must not delay what follows our commit.
        around, connection.in_atomic_block = connection.in_atomic_block, False
        try:
            for _ in _attempts():
                try:
                    return _transaction(body)
                except (DatabaseError, PyMongoError) as error:
                    if not _has_label(error, "TransientTransactionError"):
                        raise
                    refusal = error
        finally:
            connection.in_atomic_block = around
        raise OperationalError("database is busy: the transaction was refused again and again") from refusal

    def bytes(self) -> int:
        return int(_connection.database.command("dbStats")["dataSize"])

    @contextmanager
    def alone(self, name: str) -> Iterator[bool]:
        # A row that its owner deletes; that of an owner that was killed counts for an hour.
        locks = _connection.database["chat_locks"]
        locks.delete_one({"_id": name, "at": {"$lt": time.time() - LOCK_SECONDS}})
        try:
            locks.insert_one({"_id": name, "at": time.time()})
        except DuplicateKeyError:
            yield False
            return
        try:
            yield True
        finally:
            locks.delete_one({"_id": name})

    def is_contended(self, error: Exception) -> bool:
        return "busy" in str(error).lower()

    def locked(self, rows: QuerySet[M]) -> QuerySet[M]:
        # Only writers conflict here, so each writes a mark that differs from the one before.
        key = rows.model._meta.pk
        ids = [key.get_db_prep_value(pk, connection) for pk in rows.values_list("pk", flat=True)]
        collection = _connection.get_collection(rows.model._meta.db_table)
        collection.update_many({"_id": {"$in": ids}}, {"$set": {"held": ObjectId()}}, session=_connection.session)
        return super().locked(rows)

    def page(self, rows: QuerySet[M], *related: str) -> list[M]:
        # A join would join every row before the limit takes the first few.
        found = list(rows)
        prefetch_related_objects(found, *related)
        return found

    def without_index(self, field: str) -> Combinable:
        return F(field)


def _transaction(body: Callable[[], T]) -> T:
    """Run `body` once in a transaction of the backend."""
    try:
        with atomic():
            answer = body()
    except PyMongoError as error:
        try:
            _commit_again(error)
        except Exception:
            # The backend keeps the session of a failed commit, and would use it for the next
            # transaction.
            connection.run_on_commit = []
            if _connection.session:
                _connection.session.end_session()
                _connection.session = None
            raise
    return answer


def _commit_again(error: Exception) -> None:
    """Repeat a commit until its outcome is known. Raises the error if nothing was committed."""
    for _ in _attempts():
        if not _has_label(error, "UnknownTransactionCommitResult"):
            raise error
        try:
            _connection.commit_mongo()
        except PyMongoError as again:
            error = again
        else:
            return
    raise OperationalError("database is busy: it does not say whether it committed") from error


def _has_label(error: BaseException, label: str) -> bool:
    """Whether the driver put this label on its error, or on the error that Django's wraps."""
    origin: Any = error.__cause__ if isinstance(error, DatabaseError) else error
    return hasattr(origin, "has_error_label") and bool(origin.has_error_label(label))


def _attempts() -> Iterator[None]:
    """Yield for LOCK_TIMEOUT_SECONDS, with random pauses of growing length in between."""
    give_up, pause = time.monotonic() + LOCK_TIMEOUT_SECONDS, FIRST_PAUSE_SECONDS
    while time.monotonic() < give_up:
        yield
        time.sleep(random.uniform(0, pause))  # noqa: S311
        pause = min(2 * pause, PAUSE_SECONDS_MAX)
