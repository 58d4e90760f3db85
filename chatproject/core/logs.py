"""The format of our log lines, how many there are, and the request to which a line belongs."""

import errno
import json
import logging
import re
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import orjson
from django.core.exceptions import SuspiciousOperation
from django.db import OperationalError
from redis import RedisError

#: Characters of a line, and lines of a traceback: the first and the last ones.
LINE_MAX = 2000
FIRST_LINES, LAST_LINES = 20, 100
#: Warnings of one logger in so many seconds: clients cause them.
WARNINGS_MAX, WARNINGS_SECONDS = 100, 60.0
#: Tracebacks of one logger and one kind of error in that time; the others are a line.
TRACEBACKS_MAX = 5

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


_request_id: ContextVar[str] = ContextVar("request_id", default="")


def name_request(name: str) -> None:
    """Give what this task, and the threads that work for it, log from now on the id of a request."""
    _request_id.set(name)


def request_id() -> str:
    """The id of the request that is being processed; "" outside of any."""
    return _request_id.get()


def _request_of(record: logging.LogRecord) -> str:
    """A line of a socket carries the socket's id in its `extra`."""
    return getattr(record, "request_id", "") or request_id()


class OneLine(logging.Formatter):
    """Escape control characters, so that a client cannot add log lines, and cut long lines.

    The id of the request follows in brackets. A traceback follows on lines of its own, which are
    indented: the text of an error may come from a client.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (the base class names it so)
        request = _request_of(record)
        return _bounded(super().formatMessage(record)) + (f" [{request}]" if request else "")

    def format(self, record: logging.LogRecord) -> str:
        message, *others = super().format(record).split("\n")
        return "\n".join([message, *(f"  {_bounded(line)}" for line in _fewer_lines(others))])


class JsonLine(logging.Formatter):
    """A JSON object on a line: `time` (UTC), `level`, `logger`, `message`, and `request` and `traceback` if any."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _bounded(record.getMessage()),
        }
        if request := _request_of(record):
            line["request"] = request
        if record.exc_info:
            lines = _fewer_lines(self.formatException(record.exc_info).split("\n"))
            line["traceback"] = "\n".join(_bounded(one) for one in lines)
        try:
            return orjson.dumps(line).decode()
        except orjson.JSONEncodeError:  # a lone surrogate
            return json.dumps(line)


def _fewer_lines(lines: list[str]) -> list[str]:
    left_out = len(lines) - FIRST_LINES - LAST_LINES
    if left_out <= 0:
        return lines
    return [*lines[:FIRST_LINES], f"({left_out} more lines)", *lines[-LAST_LINES:]]


def _bounded(line: str) -> str:
    more = len(line) - LINE_MAX
    line = _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), line[:LINE_MAX])
    # A character that is escaped takes up to six.
    return line if more <= 0 and len(line) <= LINE_MAX else f"{line[:LINE_MAX]} ({max(0, more)} more)"


class Foreseen(logging.Filter):
    """Log wrong requests, an absent Redis and a full disk as warnings without a traceback: they are no bugs."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, SuspiciousOperation | RedisError) or _is_full_disk(error):
            record.msg, record.args = f"{record.getMessage()} ({type(error).__name__})", ()
            record.exc_info = record.exc_text = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def _is_full_disk(error: BaseException | None) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return isinstance(error, OperationalError) and "disk is full" in str(error)


class Fewer(logging.Filter):
    """Let through only some warnings of each logger, and say how many were left out. Of errors of one kind only the
    first ones keep their tracebacks.
    """

    def __init__(self) -> None:
        super().__init__()
        self._counted: dict[str, tuple[float, int]] = {}
        self._traced: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno > logging.WARNING:
            self._shorten(record)
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

    def _shorten(self, record: logging.LogRecord) -> None:
        if not record.exc_info or record.exc_info[0] is None:
            return
        kind = record.exc_info[0].__name__
        now = time.monotonic()
        began, count = self._traced.get((record.name, kind), (now, 0))
        if now - began >= WARNINGS_SECONDS:
            began, count = now, 0
        self._traced[record.name, kind] = began, count + 1
        if count >= TRACEBACKS_MAX:
            record.msg, record.args = f"{record.getMessage()} ({kind}, as before)", ()
            record.exc_info = record.exc_text = None
