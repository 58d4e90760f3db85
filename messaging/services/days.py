"""The way to a day in a chat."""

from datetime import UTC, date, datetime, time, tzinfo
from uuid import UUID
from zoneinfo import ZoneInfo

from accounts.models import User
from groups import selectors as rooms
from messaging import selectors


def first_since(*, by: User, chat_id: UUID, day: str, is_group: bool = False, time_zone: str = "UTC") -> int | None:
    """The `seq` of a chat's first message on a day (`2026-05-01`) or since. Raises NotFound."""
    membership = rooms.chat_membership(by, chat_id, is_group=is_group)
    begins = datetime.combine(date.fromisoformat(day), time.min, tzinfo=zone(time_zone))
    try:
        moment = begins.astimezone(UTC)
    except OverflowError:  # the first day of all, east of Greenwich
        return membership.floor + 1 if membership.room.last_seq > membership.floor else None
    return selectors.first_since(membership, moment)


def zone(name: str) -> tzinfo:
    """A browser may know other zones than we do, and shall find its messages all the same."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC
