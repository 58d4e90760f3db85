"""What the ORM leaves to us where the databases differ: locks, pages and searches."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from django.db.models.expressions import Combinable

from chatproject.core.db.current import dialect
from chatproject.core.text import Wanted

M = TypeVar("M", bound=Model)


def locked(rows: QuerySet[M]) -> QuerySet[M]:
    """These rows, which no other transaction can change before this one ends, even if this one only
    reads them.
    """
    return dialect().locked(rows)


def page(rows: QuerySet[M], *related: str) -> list[M]:
    """The rows of a query that ends with a limit, each with the rows it refers to by the fields
    `related`.
    """
    return dialect().page(rows, *related)


def streamed(rows: QuerySet[M, Any], *, chunk_size: int) -> AbstractContextManager[Iterator[Any]]:
    """The rows of a query as the database finds them, so many at a time: they need not fit into memory."""
    return dialect().streamed(rows, chunk_size)


def may_contain(field: str, wanted: Wanted) -> Q:
    """All rows whose `field` contains what is wanted, and perhaps others: `wanted.is_in` tells."""
    return dialect().may_contain(field, wanted)


def containing(rows: QuerySet[M], field: str, wanted: Wanted) -> QuerySet[M]:
    """Those of some few rows whose `field` contains what is wanted."""
    holding = rows.filter(may_contain(field, wanted))
    if dialect().folds:
        return holding
    candidates = holding.values_list("pk", field)
    return rows.filter(pk__in=[pk for pk, text in candidates if wanted.is_in(text)])


#: Rows that are looked at first for those that contain something, for each that is wanted; then so many times more.
_LOOKED_AT, _MORE = 2, 10


def first_containing(rows: QuerySet[M], field: str, wanted: Wanted, limit: int) -> list[Any]:
    """The ids of the first `limit` of ordered rows whose `field` contains what is wanted.

    Of many rows with a usual word few are read: their ids as parameters of another query would take longer than both.
    """
    holding = rows.filter(may_contain(field, wanted))
    if dialect().folds:
        return list(holding.values_list("pk", flat=True)[:limit])
    found: list[Any] = []
    at, size = 0, _LOOKED_AT * limit
    while len(found) < limit:
        some = list(holding.values_list("pk", field)[at : at + size])
        found += [pk for pk, text in some if wanted.is_in(text)]
        if len(some) < size:
            break
        at, size = at + size, size * _MORE
    return found[:limit]


def without_index(field: str) -> Combinable:
    """A field to filter by without its index, where the query shall use another one."""
    return dialect().without_index(field)
