"""The base class of our models."""

import uuid

import uuid_utils.compat
from django.db import models


def uuid7() -> uuid.UUID:
    """A new id that sorts by its creation time, so that indexes grow at their end."""
    return uuid_utils.compat.uuid7()


class Model(models.Model):
    """A row with a UUIDv7 id. The column is `_id`, so that the same migration runs on MongoDB."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_column="_id", editable=False)

    class Meta:
        abstract = True
