"""What our log lines look like."""

import logging
import re

from django.core.exceptions import SuspiciousOperation

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class OneLine(logging.Formatter):
    """A message is one line, whatever a client put into it: nobody can add one of his own. A traceback follows it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (its name there)
        return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), super().formatMessage(record))


class TheirFault(logging.Filter):
    """A request that is wrong is worth a line, not the traceback of a bug of ours."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], SuspiciousOperation):
            record.exc_info = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True
