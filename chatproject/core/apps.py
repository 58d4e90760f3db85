from django.apps import AppConfig
from django.db.backends.signals import connection_created

from chatproject.core.db.timing import time_statements


class CoreConfig(AppConfig):
    name = "chatproject.core"
    label = "core"

    def ready(self) -> None:
        from chatproject.core import checks  # noqa: F401  (it registers them)

        connection_created.connect(time_statements)
