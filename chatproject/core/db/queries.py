"""What the ORM leaves to us where the databases differ: locks, pages and searches."""

from typing import TypeVar

from django.db.models import Model, Q, QuerySet
from django.db.models.expressions import Combinable

from chatproject.core.db.current import dialect

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


def contains(field: str, text: str) -> Q:
    """Rows whose `field` contains `text`, ignoring case in any script."""
    return dialect().contains(field, text)


def without_index(field: str) -> Combinable:
    """A field to filter by without its index, where the query shall use another one."""
    return dialect().without_index(field)
