"""Times as the API writes them: UTC, ISO 8601, milliseconds, Z."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import overload

from django.utils import timezone


def now() -> datetime:
    """The current time in whole milliseconds, which every supported database stores exactly."""
    moment = timezone.now()
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@overload
def iso(moment: datetime | str) -> str: ...
@overload
def iso(moment: datetime | str | None) -> str | None: ...
def iso(moment: datetime | str | None) -> str | None:
    """`2026-01-31T08:15:30.123Z`; what is written so already stays as it is."""
    return moment if moment is None or isinstance(moment, str) else _iso(moment)


@lru_cache(1024)  # messages stored together share a time, and each is shown several times
def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
