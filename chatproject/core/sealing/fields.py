"""Fields whose values are sealed in the database, each bound to its row and column."""

import logging
from binascii import a2b_base64
from collections.abc import Iterable
from functools import cached_property
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Value, lookups
from django.db.models.expressions import Expression
from django.db.models.query_utils import DeferredAttribute

from chatproject.core.sealing.data_keys import opening_ring, ring
from chatproject.core.sealing.keyring import NotAuthentic
from chatproject.core.sealing.texts import SEALED, opened_text, sealed_text

log = logging.getLogger(__name__)


class Stored(str):
    """A value as the database has it. Queries for values return such; `SealedText.open` gives the text."""

    __slots__ = ()


_EMPTY = Stored("")


class _Opened(DeferredAttribute):
    """Opens what the database gave when it is asked for."""

    field: "SealedText"

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        value = super().__get__(instance, cls)
        if type(value) is Stored:
            value = instance.__dict__[self.field.attname] = self.field.open(value, instance.pk)
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class SealedText(models.TextField):
    """A text of a row with a UUID. Saving a row seals it, and its attribute is the text.

    Rows that are written or read otherwise use `seal` and `open`. A plain text in an update or a condition is refused
    where encryption is on: the one would lie there open, the other finds nothing.
    """

    descriptor_class = _Opened

    def deconstruct(self) -> Any:
        """For migrations this is the text that the database has: no table is written anew for it."""
        name, _path, arguments, options = super().deconstruct()
        return name, "django.db.models.TextField", arguments, options

    @cached_property
    def _place(self) -> bytes:
        return f"{self.model._meta.db_table}.{self.column}:".encode()

    def context(self, pk: UUID | str) -> bytes:
        """Of a row's value. An id may be a text, with hyphens or without."""
        return self._place + (pk.bytes if isinstance(pk, UUID) else bytes.fromhex(pk.replace("-", "")))

    def seal(self, text: str, pk: UUID | str) -> Stored:
        """What the row has instead of a text."""
        return Stored(sealed_text(text, self.context(pk))) if text else _EMPTY

    def open(self, stored: str, pk: UUID | str) -> str:
        """The text of a row; "" where somebody has put something else there, which is logged."""
        if not stored.startswith("enc"):
            return str(stored)
        try:
            return opened_text(str(stored), self.context(pk))
        except NotAuthentic:
            log.error("%s of %s does not open: it was sealed for another row, or is damaged", self, pk)
            return ""

    def open_each(self, values: Iterable[tuple[UUID | str, str]]) -> list[str]:
        """`open` for many rows, each given as its id and its value, at three quarters of the price."""
        ring, place = None, self._place
        opened = []
        for pk, stored in values:
            # Asked for when there is something to open: where nothing is sealed any more, the key may be gone.
            if stored.startswith(SEALED) and (ring := ring or opening_ring()) is not None:
                raw = pk.bytes if isinstance(pk, UUID) else bytes.fromhex(pk.replace("-", ""))
                try:
                    sealed = a2b_base64(stored[len(SEALED) :], strict_mode=True)
                    opened.append(ring.open(sealed, place + raw).decode())
                    continue
                except (NotAuthentic, ValueError):
                    pass  # `open` finds out what it is
            opened.append(self.open(stored, pk) if stored else "")
        return opened

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        value = model_instance.__dict__[self.attname]
        if value is None:
            return None
        if type(value) is not Stored:
            return self.seal(value, model_instance.pk)
        # A copy of a row with another id would be lost: this opens it, or tells.
        if add or (connection.vendor == "mongodb" and not self._is_of(model_instance, value)):
            opened_text(str(value), self.context(model_instance.pk))
        return value

    def _is_of(self, instance: Any, value: Stored) -> bool:
        """Whether a value is this row's, damaged or not: MongoDB's backend does not tell that it inserts a copy."""
        try:
            opened_text(str(value), self.context(instance.pk))
        except NotAuthentic:
            return bool(type(instance)._base_manager.filter(pk=instance.pk).exists())
        return True

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        # `bulk_update` writes an expression, whose values not every database prepares like those of a field.
        if isinstance(value, Expression):
            for part in value.flatten():
                if isinstance(part, Value) and getattr(part, "_output_field_or_none", None) is self:
                    self.get_db_prep_value(part.value, connection)
        return super().get_db_prep_save(value, connection)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        if value and isinstance(value, str) and type(value) is not Stored and ring() is not None:
            raise TypeError(f"{self} is sealed: save the row, or give what `seal` returns")
        found = super().get_db_prep_value(value, connection, prepared)
        return str(found) if isinstance(found, str) else found

    def from_db_value(self, value: Any, _expression: Any, _connection: BaseDatabaseWrapper) -> Any:
        return Stored(value) if isinstance(value, str) else value

    def to_python(self, value: Any) -> Any:
        return value if type(value) is Stored else super().to_python(value)

    def get_prep_value(self, value: Any) -> Any:
        return value if type(value) is Stored else super().get_prep_value(value)


class _OfPlainText:
    """A lookup that finds nothing where values are sealed, and is refused there."""

    lhs: Any

    def as_sql(self, *args: Any, **more: Any) -> Any:
        self._refuse()
        return super().as_sql(*args, **more)  # type: ignore[misc]

    def as_mql(self, *args: Any, **more: Any) -> Any:
        """As `as_sql`, for MongoDB."""
        self._refuse()
        return super().as_mql(*args, **more)  # type: ignore[misc]

    def _refuse(self) -> None:
        if ring() is not None:
            raise TypeError(f"{self.lhs.target} is sealed: no query finds its words")


for _lookup in (
    *(lookups.Contains, lookups.StartsWith, lookups.EndsWith, lookups.Regex),
    *(lookups.IContains, lookups.IStartsWith, lookups.IEndsWith, lookups.IRegex, lookups.IExact),
):
    SealedText.register_lookup(type(_lookup.__name__, (_OfPlainText, _lookup), {}))


class SealedJson(SealedText):
    """An object as JSON, or "". Where it is plain it is a document on MongoDB, within that of its row."""

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        text = super().get_db_prep_value(value, connection, prepared)
        return orjson.loads(text) if connection.vendor == "mongodb" and text and text.startswith("{") else text

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        """Rows of earlier versions have text there."""
        plain = orjson.dumps(value).decode() if isinstance(value, dict) else value
        return super().from_db_value(plain, expression, connection)
