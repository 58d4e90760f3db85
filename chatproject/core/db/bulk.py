"""Many rows in one statement: our own SQL for PostgreSQL and SQLite, which costs a third of what
the ORM does.

Callers ask `speaks_sql()` first, and use the ORM where the answer is no.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from django.db import connection
from django.db.models import CharField, ExpressionWrapper, F, Model
from django.db.models.expressions import Combinable

from chatproject.core.db.current import dialect
from chatproject.core.times import iso

#: Characters of a time as SQLite keeps it: 2026-01-31 08:15:30.123000, in UTC. Without the fraction where it is 0.
_WITH_FRACTION = 26


@cache
def speaks_sql() -> bool:
    """Whether the database takes our own SQL: PostgreSQL, and SQLite since it has RETURNING."""
    return dialect().speaks_sql()


@cache
def _converters() -> Mapping[type, Callable[[Any], Any]]:
    return dialect().converters


def to_db_value(value: Any) -> Any:
    """An id, a time or any other value as a parameter of our own SQL; ids come back in the same
    form.
    """
    convert = _converters().get(type(value))
    return value if convert is None else convert(value)


def unconverted(field: str) -> str | Combinable:
    """A column of ids for `values_list`, as the database has them: making a UUID costs more than fetching a row."""
    return ExpressionWrapper(F(field), CharField()) if speaks_sql() else field


def unconverted_id(id_: UUID) -> Any:
    """An id in the form in which `unconverted` gives it. Ids of one form have the order of the ids."""
    return to_db_value(id_) if speaks_sql() else id_


def id_of(given: Any) -> UUID:
    """An id that our own SQL returned, or `unconverted`."""
    return UUID(given) if isinstance(given, str) else given


def bytes_of(given: Any) -> bytes:
    """The bytes of an id that our own SQL returned, or `unconverted`."""
    return bytes.fromhex(given) if isinstance(given, str) else given.bytes


def text_of(given: Any) -> str:
    """The text of an id that our own SQL returned."""
    if not isinstance(given, str):
        return str(given)
    if len(given) != 32:
        return given
    return f"{given[:8]}-{given[8:12]}-{given[12:16]}-{given[16:20]}-{given[20:]}"


def time_of(given: datetime | str) -> datetime:
    """A time that our own SQL returned."""
    moment = datetime.fromisoformat(given) if isinstance(given, str) else given
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def unconverted_time(column: str) -> str:
    """SQL for a column of times as the database has them, for `iso_of`: a datetime costs more than fetching it."""
    return dialect().unconverted_time(column)


def iso_of(given: datetime | str) -> str:
    """A time that our own SQL returned, or of an `unconverted_time`, as the API writes it."""
    if isinstance(given, str) and len(given) == _WITH_FRACTION:
        return f"{given[:10]}T{given[11:23]}Z"
    return iso(time_of(given))


def select(query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def select_at_once(columns: str, rest: str, values: Sequence[Any]) -> list[Sequence[Any]]:
    """`select` for many rows of texts and numbers, where yes and no may be numbers: they come in one piece, in any
    order.
    """
    query = dialect().at_once(columns, rest)
    if not query:
        return [*select(f"SELECT {columns} {rest}", values)]
    ((found,),) = select(query, values)
    rows: list[Sequence[Any]] = orjson.loads(found or "[]")
    return rows


def marks(count: int) -> str:
    """`(%s, %s)`: the places of so many values, as after IN."""
    return f"({', '.join(['%s'] * count)})"


def select_among(query: str, values: Sequence[Any], among: Sequence[Any]) -> list[tuple[Any, ...]]:
    """`select` for a query that ends in IN; returns [] when `among` is empty."""
    if not among:
        return []
    return select(f"{query} {marks(len(among))}", [*values, *among])


def update_joined(update: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Run an UPDATE that joins `given`, a table of `rows` with these columns; return what it
    RETURNS.
    """
    marks, values = _marks(rows)
    return select(f"WITH given ({', '.join(columns)}) AS (VALUES {marks}) {update}", values)


def joined(expression: str) -> str:
    """SQL for the texts of a group's rows as one, with spaces between them; null for none. The same rows mostly give
    the same text.
    """
    return dialect().joined(expression)


def lock_rows(table: str, ids: Iterable[UUID]) -> None:
    """Lock these rows, in the order of their ids, until the transaction's end."""
    dialect().lock_rows(table, ids)


def insert(model: type[Model], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Store complete rows in one statement, without a model instance for each."""
    if not speaks_sql():
        model._default_manager.bulk_create([model(**dict(zip(columns, row, strict=True))) for row in rows])
        return
    names = _column_names(model, tuple(columns))
    marks, values = _marks([[to_db_value(value) for value in row] for row in rows])
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {model._meta.db_table} ({names}) VALUES {marks}", values)  # noqa: S608


def enlarge_page_cache() -> None:
    """Let this thread, which writes in batches, keep up to 16 MB of an SQLite database in memory.

    A new connection has to be told again, so call it before every batch.
    """
    dialect().enlarge_page_cache()


@cache
def _column_names(model: type[Model], fields: tuple[str, ...]) -> str:
    stored = {field.attname: field.column for field in model._meta.concrete_fields}
    return ", ".join(str(stored[name]) for name in fields)


def _marks(rows: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
    return ", ".join([marks(len(rows[0]))] * len(rows)), [value for row in rows for value in row]
