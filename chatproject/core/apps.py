from contextlib import suppress
from typing import Any

from django.apps import AppConfig
from django.db import connection
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate

from chatproject.core.db.timing import time_statements


class CoreConfig(AppConfig):
    name = "chatproject.core"
    label = "core"

    def ready(self) -> None:
        from chatproject.core import checks  # noqa: F401  (it registers them)

        connection_created.connect(time_statements)
        post_migrate.connect(_make_data_key, sender=self)


def _make_data_key(**_: Any) -> None:
    """The first data key is there before anybody writes: made within a transaction, it might be undone with it."""
    from chatproject.core import sealing
    from chatproject.core.models import DataKey

    if DataKey._meta.db_table in connection.introspection.table_names():
        with suppress(sealing.KeyUnavailable):  # the start of the chat says so
            sealing.ring()
