"""The base class of our models, and the one table of the core."""

import uuid

import uuid_utils.compat
from django.db import models

from chatproject.core.times import now


def uuid7() -> uuid.UUID:
    """A new id that sorts by its creation time, so that indexes grow at their end."""
    return uuid_utils.compat.uuid7()


class Model(models.Model):
    """A row with a UUIDv7 id. The column is `_id`, so that the same migration runs on MongoDB."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_column="_id", editable=False)

    class Meta:
        abstract = True


class DataKey(models.Model):
    """A key that seals what people write, wrapped by a key that is not in the database: see `core.sealing`.

    The id is its number: of processes that start at once, one makes the first.
    """

    id = models.BigIntegerField(primary_key=True, db_column="_id", editable=False)
    wrapped = models.BinaryField(editable=False)
    made_at = models.DateTimeField(default=now, editable=False)

    def __str__(self) -> str:
        return str(self.pk)
