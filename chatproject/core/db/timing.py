"""The time of every statement, for /metrics."""

from collections.abc import Callable
from typing import Any

from chatproject.core import metrics


def time_statements(*, connection: Any, **_: Any) -> None:
    """Receiver of Django's signal for a connection that was made."""
    if _timed not in connection.execute_wrappers:  # it was made before, and lost
        connection.execute_wrappers.append(_timed)


def _timed(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    with metrics.timed(metrics.database_seconds):
        return execute(sql, params, many, context)
