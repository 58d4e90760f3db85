"""In what our databases differ: plain Django here, what SQLite, PostgreSQL and MongoDB do otherwise
in subclasses.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import Model, Q, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from chatproject.core.text import Wanted

T = TypeVar("T")
M = TypeVar("M", bound=Model)


class Dialect:
    """One database's way of what `transactions`, `queries` and `bulk` offer; they document each
    method.
    """

    #: How values of these types are written in our own SQL; values of other types are passed as
    #: they are.
    converters: Mapping[type, Callable[[Any], Any]] = {}
    #: What a database raises that cannot be used.
    failures: tuple[type[Exception], ...] = (DatabaseError,)
    #: Whether `may_contain` is exact.
    folds = False

    def speaks_sql(self) -> bool:
        return False

    def run_atomic(self, body: Callable[[], T]) -> T:
        with transaction.atomic():
            return body()

    def is_contended(self, error: Exception) -> bool:
        raise NotImplementedError

    def passing(self, error: Exception) -> str:
        """Why what failed may succeed later, beside contention: words for the log; "" if it will not."""
        return ""

    def is_lost(self, error: Exception) -> bool:
        """Whether the connection broke."""
        return False

    def release_connection(self) -> None:
        """A connection of one thread alone keeps no other thread from working."""

    def locked(self, rows: QuerySet[M]) -> QuerySet[M]:
        return rows.select_for_update()

    def lock_rows(self, table: str, ids: Iterable[UUID]) -> None:
        """One writer at a time: every row is locked already."""

    def page(self, rows: QuerySet[M], *related: str) -> list[M]:
        return list(rows.select_related(*related))

    def streamed(self, rows: QuerySet[M, Any], chunk_size: int) -> AbstractContextManager[Iterator[Any]]:
        return nullcontext(rows.iterator(chunk_size=chunk_size))

    def objection(self) -> str:
        """Why the chat cannot use it as it is set up, and what to set; "" if it can."""
        return ""

    def may_contain(self, field: str, wanted: Wanted) -> Q:
        return Q(**{f"{field}__regex": wanted.pattern})

    def without_index(self, field: str) -> Combinable:
        return Coalesce(field, field)

    def scrub_files(self) -> bool:
        """Its files belong to another program."""
        return True

    def bytes(self) -> int:
        """How large the database is."""
        raise NotImplementedError

    def folder(self) -> Path | None:
        """Where its files are, if they are ours."""
        return None

    def alone(self, name: str) -> AbstractContextManager[bool]:
        """Whether no process of any host does what has this name; if so, until the end no other does."""
        raise NotImplementedError

    def joined(self, expression: str) -> str:
        raise NotImplementedError

    def at_once(self, columns: str, rest: str) -> str:
        """A query for the rows of another one as one JSON text; "" where they come in one piece anyway."""
        return ""

    def unconverted_time(self, column: str) -> str:
        return column

    def enlarge_page_cache(self) -> None:
        """Its pages are not in our process."""
