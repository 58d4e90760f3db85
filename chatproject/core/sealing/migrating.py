"""For migrations: a limited text becomes one that has room for sealed values."""

from typing import Any

from django.db import migrations


class Unlimit(migrations.AlterField):
    """A CharField becomes a TextField. Only PostgreSQL has to be told, which rewrites no row for it; SQLite would copy
    the whole table.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
