"""The time of every statement, for /metrics and traces."""

from collections.abc import Callable
from typing import Any

from chatproject.core import metrics, tracing

#: Characters of the first word of a statement.
_WORD_MAX = 10


def time_statements(*, connection: Any, **_: Any) -> None:
    """Receiver of Django's signal for a connection that was made."""
    if _timed not in connection.execute_wrappers:  # it was made before, and lost
        connection.execute_wrappers.append(_timed)


def _timed(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    with metrics.timed(metrics.database_seconds):
        if not tracing.is_on():
            return execute(sql, params, many, context)
        with tracing.span_within("database", **{"db.system.name": context["connection"].vendor, **_operation(sql)}):
            return execute(sql, params, many, context)


def _operation(sql: Any) -> dict[str, str]:
    """The kind of a statement, such as SELECT: the rest of it may have what somebody wrote."""
    word = str(sql).lstrip().partition(" ")[0].upper()
    return {"db.operation.name": word} if word.isalpha() and len(word) <= _WORD_MAX else {}
