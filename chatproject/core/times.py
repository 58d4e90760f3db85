"""Times as the API writes them: UTC, ISO 8601, milliseconds, Z."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import overload

from django.utils import timezone


def now() -> datetime:
    """This moment, to the millisecond: what every database of ours keeps."""
    moment = timezone.now()
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@overload
def iso(moment: datetime) -> str: ...
@overload
def iso(moment: None) -> None: ...
def iso(moment: datetime | None) -> str | None:
    """`2026-01-31T08:15:30.123Z`"""
    return None if moment is None else _iso(moment)


@lru_cache(1024)  # what was sent together has the same time, and each is shown more than once
def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
