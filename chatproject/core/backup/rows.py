"""Rows as lines of JSON that every database writes alike and takes back.

A line is a list of a row's values in the order of its columns. Keys that a database counts by itself (permissions,
content types, the admin's log) are other numbers elsewhere: their rows are named by what is unique about them. Times
have milliseconds, as MongoDB keeps no more.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

import orjson
from django.apps.registry import Apps
from django.db import models

from chatproject.core.db.queries import streamed

#: By what rows are named whose key the database counts.
_NAMES = {
    "contenttypes.contenttype": ("app_label", "model"),
    "auth.permission": ("content_type__app_label", "content_type__model", "codename"),
    "auth.group": ("name",),
}
#: Made by the migrations of each database, not copied.
_MADE = {"contenttypes.contenttype", "auth.permission"}

#: Rows in memory at once.
CHUNK = 2000
_DIGEST_BYTES = 16


class Digest:
    """A checksum of a table's lines in whatever order they come, and their number."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, line: bytes) -> None:
        self.rows += 1
        self._sum += int.from_bytes(blake2b(line, digest_size=_DIGEST_BYTES).digest())

    def told(self) -> dict[str, Any]:
        return {"rows": self.rows, "digest": f"{self._sum % 256**_DIGEST_BYTES:032x}"}


class Names:
    """The numbered rows of a database, by number and by name; each table is read when it is first asked for."""

    def __init__(self) -> None:
        self._of: dict[str, dict[Any, list[Any]]] = {}
        self._numbers: dict[str, dict[tuple[Any, ...], Any]] = {}

    def name(self, model: type[models.Model], number: Any) -> list[Any] | None:
        label = model._meta.label_lower
        if label not in self._of:
            found = model._base_manager.values_list("pk", *_NAMES[label])
            self._of[label] = {pk: list(name) for pk, *name in found}
        return self._of[label].get(number)

    def number(self, model: type[models.Model], name: Sequence[Any]) -> Any:
        """None where this database has no such row."""
        label = model._meta.label_lower
        if label not in self._numbers:
            found = model._base_manager.values_list("pk", *_NAMES[label])
            self._numbers[label] = {tuple(name): pk for pk, *name in found}
        return self._numbers[label].get(tuple(name))


class Table:
    """A model's table and its columns that are copied."""

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        self.label = model._meta.label_lower
        self.fields = [field for field in model._meta.concrete_fields if not _is_counted(field)]
        #: The models whose numbered rows a column names, by the column's place.
        self._named = {
            at: field.related_model
            for at, field in enumerate(self.fields)
            if isinstance(field, models.ForeignKey) and _is_counted(field.target_field)
        }

    @property
    def columns(self) -> list[str]:
        return [field.attname for field in self.fields]

    def lines(self, columns: Sequence[str], names: Names) -> Iterator[bytes]:
        """The table's rows with their values in the order of `columns`."""
        places = [columns.index(field.attname) for field in self.fields]
        named = {places[at]: model for at, model in self._named.items()}
        with streamed(self.model._base_manager.order_by("pk").values_list(*columns), chunk_size=CHUNK) as rows:
            for row in rows:
                values = [_plain(value) for value in row]
                for at, model in named.items():
                    values[at] = None if values[at] is None else names.name(model, values[at])
                yield orjson.dumps(values, default=_bytes_as_text)

    def digest(self, columns: Sequence[str]) -> dict[str, Any]:
        """The checksum of the table as it is in the database now."""
        digest = Digest()
        for line in self.lines(columns, Names()):
            digest.add(line)
        return digest.told()

    def clear(self) -> None:
        """Delete every row, with no regard to what refers to it until the transaction ends."""
        rows = self.model._base_manager.all()
        rows._raw_delete(rows.db)

    def store(self, lines: Iterable[bytes], columns: Sequence[str], names: Names) -> int:
        """Insert rows whose values are in the order of `columns`.

        Rows about something that is not here are left out; returns how many.
        """
        reads = [self._reader(column, names) for column in columns]
        rows, left_out = [], 0
        for line in lines:
            try:
                values = [read(value) for read, value in zip(reads, orjson.loads(line), strict=True)]
            except LookupError:
                left_out += 1
                continue
            rows.append(self.model(**dict(zip(columns, values, strict=True))))
        self.model._base_manager.bulk_create(rows)
        return left_out

    def _reader(self, column: str, names: Names) -> Callable[[Any], Any]:
        """What makes a column's value of what a line says. Raises LookupError where that is about nothing here."""
        try:
            at = self.columns.index(column)
        except ValueError:
            raise Unreadable(f"The table {self.label} has no column {column} here.") from None
        field = self.fields[at]
        model = self._named.get(at)
        if model is None:
            target = field.target_field if isinstance(field, models.ForeignKey) else field
            return target.to_python

        def read(name: Any) -> Any:
            if name is None:
                return None
            number = names.number(model, name)
            if number is None:
                raise LookupError(name)
            return number

        return read


class Unreadable(Exception):
    """This is not an archive that can be restored here; the text says why in one sentence."""


def tables(apps: Apps) -> list[Table]:
    """What is copied of an installation; first what rows of others name."""
    found = [Table(model) for model in apps.get_models(include_auto_created=True) if model._meta.managed]
    return sorted((table for table in found if table.label not in _MADE), key=lambda table: table.label not in _NAMES)


def _is_counted(field: "models.Field[Any, Any]") -> bool:
    """Whether the database gives this key's values: numbers of its own, or MongoDB's ids."""
    return field.primary_key and isinstance(field, models.AutoField)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime) and value.microsecond % 1000:
        return value.replace(microsecond=value.microsecond // 1000 * 1000)
    return value


def _bytes_as_text(value: Any) -> str:
    return b64encode(value).decode()
