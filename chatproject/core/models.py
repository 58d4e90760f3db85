"""The base class of our models, a field of theirs, and the one table of the core."""

import uuid
from typing import Any

import orjson
import uuid_utils.compat
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from chatproject.core.times import now


def uuid7() -> uuid.UUID:
    """A new id that sorts by its creation time, so that indexes grow at their end."""
    return uuid_utils.compat.uuid7()


class Model(models.Model):
    """A row with a UUIDv7 id. The column is `_id`, so that the same migration runs on MongoDB."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_column="_id", editable=False)

    class Meta:
        abstract = True


class JsonText(models.TextField):
    """An object as JSON, or "". On MongoDB it is a document within that of its row, so that queries find its fields."""

    def deconstruct(self) -> Any:
        """For migrations this is the text that it is on every other database: no table is written anew for it."""
        name, _path, arguments, options = super().deconstruct()
        return name, "django.db.models.TextField", arguments, options

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        text = super().get_db_prep_value(value, connection, prepared)
        return orjson.loads(text) if text and connection.vendor == "mongodb" else text

    def from_db_value(self, value: Any, _expression: Any, _connection: BaseDatabaseWrapper) -> Any:
        """Rows of earlier versions have text there."""
        return orjson.dumps(value).decode() if isinstance(value, dict) else value


class DataKey(models.Model):
    """A key that seals what people write, wrapped by a key that is not in the database: see `core.sealing`.

    The id is its number: of processes that start at once, one makes the first.
    """

    id = models.BigIntegerField(primary_key=True, db_column="_id", editable=False)
    wrapped = models.BinaryField(editable=False)
    made_at = models.DateTimeField(default=now, editable=False)

    def __str__(self) -> str:
        return str(self.pk)
