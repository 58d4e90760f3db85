"""What our log lines look like."""

import logging
import re

from django.core.exceptions import SuspiciousOperation
from redis import RedisError

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class OneLine(logging.Formatter):
    """A message is one line, whatever a client put into it: nobody can add one of his own. A traceback follows it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (its name there)
        return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), super().formatMessage(record))


class Foreseen(logging.Filter):
    """A wrong request, or a Redis that is away, is worth a line: a traceback is for a bug of ours."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, SuspiciousOperation | RedisError):
            record.msg, record.args = f"{record.getMessage()} ({type(error).__name__})", ()
            record.exc_info = record.exc_text = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True
