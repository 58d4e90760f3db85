from collections.abc import Callable
from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from chatproject.core import metrics


class CoreConfig(AppConfig):
    name = "chatproject.core"
    label = "core"

    def ready(self) -> None:
        from chatproject.core import checks  # noqa: F401  (it registers them)

        connection_created.connect(_time_statements, dispatch_uid="chatproject.core.metrics")


def _time_statements(*, connection: Any, **_: Any) -> None:
    if _timed not in connection.execute_wrappers:  # the connection may have been made before, and lost
        connection.execute_wrappers.append(_timed)


def _timed(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    with metrics.timed(metrics.database_seconds):
        return execute(sql, params, many, context)
