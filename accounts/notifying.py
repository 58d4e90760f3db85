"""What notifies a person: the one rule, by which this server pushes and pages show and play something.

A chat's level says which of its messages do: all, mentions, or nothing. Without one of its own it is the person's
default for such chats. A mute, which ends by itself, leaves mentions at most. In quiet hours nothing notifies, unless
they let mentions through. What has one of the person's keywords counts as a mention.

Counts of unread messages know nothing of this.
"""

import zoneinfo
from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

ALL, MENTIONS, NOTHING = "all", "mentions", "nothing"
LEVELS = [ALL, MENTIONS, NOTHING]

EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
#: Days for which quiet times are told ahead.
DAYS_AHEAD = 8
#: A page's clock may be a little behind ours.
CLOCKS_APART = timedelta(minutes=1)


class Quiet(NamedTuple):
    """A time in which nothing notifies, unless it is a mention and `mentions` do."""

    start: datetime
    end: datetime
    mentions: bool


class QuietHours(Struct, frozen=True, kw_only=True):
    """From `start` to `end` by the clocks of `zone`, past midnight where `end` is not later."""

    start: time
    end: time
    #: The days on which they begin, as ISO numbers: Monday is 1.
    days: tuple[int, ...] = EVERY_DAY
    zone: str
    mentions: bool = False

    def times(self, at: datetime, *, days: int) -> Iterator[Quiet]:
        """Those that are not over, of so many coming days."""
        zone = zone_named(self.zone)
        if zone is None:  # the chat was moved here
            return
        today = at.astimezone(zone).date()
        for ahead in range(-1, days):
            day = today + timedelta(days=ahead)
            if day.isoweekday() in self.days and (found := self._on(day, zone)).end > at:
                yield found

    def _on(self, day: date, zone: ZoneInfo) -> Quiet:
        last = day if self.end > self.start else day + timedelta(days=1)
        (start, _), (_, end) = _instants(day, self.start, zone), _instants(last, self.end, zone)
        return Quiet(start, end, self.mentions)


class Notifying(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person has set for all of their chats."""

    private: str = ALL
    group: str = ALL
    quiet: QuietHours | None = None
    silent_until: datetime | None = None

    def level(self, *, is_group: bool) -> str:
        return self.group if is_group else self.private

    def silence(self, at: datetime) -> datetime | None:
        """The end of “do not disturb”, if it is on."""
        return self.silent_until if self.silent_until and self.silent_until > at else None

    def quiet_times(self, at: datetime, *, days: int = DAYS_AHEAD) -> list[Quiet]:
        """When nothing notifies, now and in the coming days."""
        silence = self.silence(at)
        silent = [Quiet(at - CLOCKS_APART, silence, mentions=False)] if silence else []
        return [*silent, *(self.quiet.times(at, days=days) if self.quiet else ())]

    def is_quiet(self, at: datetime, *, is_called: bool) -> bool:
        now = self.quiet_times(at, days=1)
        return any(one.start <= at < one.end and not (is_called and one.mentions) for one in now)


def notifies(hears: str, *, is_muted: bool, is_called: bool) -> bool:
    """Whether a message notifies a member out of quiet hours. `is_called`: it mentions them, or has a keyword of
    theirs. `static/js/actions/notifying.js` says the same of what it is told.
    """
    return (hears == ALL and not is_muted) or (is_called and hears != NOTHING)


def packed(notifying: Notifying) -> str | None:
    """As a person's row has it; None where nothing is set."""
    return None if notifying == Notifying() else msgspec.json.encode(notifying).decode()


@lru_cache(4096)
def unpacked(json: str | None) -> Notifying:
    return msgspec.json.decode(json, type=Notifying) if json else Notifying()


@cache
def time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _instants(day: date, clock: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When clocks show a time on a day: first and last, which differ where they are set back; where they are set
    forward over it, when that is.
    """
    wall = datetime.combine(day, clock, zone)
    first, last = wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)
    if first <= last:
        return first, last
    minutes = range(int((first - last) / timedelta(minutes=1)) + 1)
    before = last.astimezone(zone).utcoffset()
    gone = bisect_left(minutes, True, key=lambda one: _later(last, one).astimezone(zone).utcoffset() != before)
    return _later(last, gone), _later(last, gone)


def _later(moment: datetime, minutes: int) -> datetime:
    return moment + timedelta(minutes=minutes)


def zone_named(name: str) -> ZoneInfo | None:
    """None for a zone that this machine does not know."""
    return ZoneInfo(name) if name in time_zones() else None
