"""The format of our log lines, and how many there are."""

import logging
import re
import time

from django.core.exceptions import SuspiciousOperation
from redis import RedisError

#: Characters of a line, and lines of a traceback: the first and the last ones.
LINE_MAX = 2000
FIRST_LINES, LAST_LINES = 20, 100
#: Warnings of one logger in so many seconds: clients cause them.
WARNINGS_MAX, WARNINGS_SECONDS = 100, 60.0

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class OneLine(logging.Formatter):
    """Escape control characters, so that a client cannot add log lines, and cut long lines.

    A traceback follows on lines of its own, which are indented: the text of an error may come from a
    client.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (the base class names it so)
        return _bounded(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        message, *others = super().format(record).split("\n")
        if (left_out := len(others) - FIRST_LINES - LAST_LINES) > 0:
            others[FIRST_LINES:-LAST_LINES] = [f"({left_out} more lines)"]
        return "\n".join([message, *(f"  {_bounded(line)}" for line in others)])


def _bounded(line: str) -> str:
    more = len(line) - LINE_MAX
    line = _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), line[:LINE_MAX])
    # A character that is escaped takes up to six.
    return line if more <= 0 and len(line) <= LINE_MAX else f"{line[:LINE_MAX]} ({max(0, more)} more)"


class Foreseen(logging.Filter):
    """Log wrong requests and an absent Redis as warnings without a traceback: they are no bugs."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, SuspiciousOperation | RedisError):
            record.msg, record.args = f"{record.getMessage()} ({type(error).__name__})", ()
            record.exc_info = record.exc_text = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


class Fewer(logging.Filter):
    """Let through only some warnings of each logger, and say how many were left out."""

    def __init__(self) -> None:
        super().__init__()
        self._counted: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING:
            return True
        now = time.monotonic()
        began, count = self._counted.get(record.name, (now, 0))
        if now - began >= WARNINGS_SECONDS:
            if (left_out := count - WARNINGS_MAX) > 0:
                record.msg, record.args = f"{record.getMessage()} ({left_out} more before)", ()
            began, count = now, 0
        self._counted[record.name] = began, count + 1
        return count < WARNINGS_MAX
