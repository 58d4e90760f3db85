"""Pages of histories in Redis, in three tiers. What is kept is what is sent: JSON, encoded once.

    history:hot:{room}         the newest page of a conversation that moved within a day, until a day after
    history:frequent:{room}    the newest page of one that moved within seven days, until seven days after
    history:cold:{room}        ten minutes: older pages that were asked for twice, and the newest one of a conversation
                               that rests for longer
    history:index:{tier}       sorted set: room → when its pages leave the tier, in ms
    history:bytes[:{tier}]     hash: bytes of each tier; of each of its rooms
    history:profiles           hash: user → the number of their last change of name or picture; last; begun

Each of the first three is a hash: the newest page is the field "", older ones are "before:limit". A page begins with a
line "state version moves profile first senders": the state of `chat_cache`, the room's version at which it was read,
the room's `moves`, the last number in `history:profiles`, the `seq` of its first message, and who wrote on it. What
follows is sealed where encryption is on.

Why it is never wrong: the reader asks the database who is a member, which it does anyway, and learns the room's
version. Of a page with another version the changes since are read. One with other `moves` gets new read counts, as a
read cursor moved. If a sender changed their name, or the state is another one, the page is read again. So sending
writes nothing here; an edit or a recall deletes all pages of its room, and a page that was read before is not kept.

All pages have at most HISTORY_CACHE_BYTES; beyond, and where the server's memory is nearly full, cold pages go first,
frequent ones then, and hot ones last. Nothing else is touched for it.
"""

import time
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.conf import settings

from messaging.chat_cache import RoomState, room_fields, run
from messaging.sealed import open_page, seal_page

TIERS = ("hot", "frequent", "cold")
DAY_MS = 86_400_000
#: Milliseconds after a conversation's last message until which its newest page is in a tier.
HOT_MS, FREQUENT_MS = DAY_MS, 7 * DAY_MS
#: Milliseconds that a cold page is kept.
COLD_MS = 600_000
#: Milliseconds that a hot page waits for being moved down.
DEMOTION_MS = 3_600_000
#: The part of the server's `maxmemory` from which on pages are given up.
FULL = 0.9
#: The name of the newest page.
NEWEST = ""


class Kept(NamedTuple):
    """A page in Redis. `moves`: of its room at that time; `senders`: of its messages."""

    state: str
    version: int
    moves: str
    profile: str
    first: int
    senders: str
    json: bytes


class Found(NamedTuple):
    """What Redis has of a page: the room's `moves` now, and the page with its tier."""

    moves: str
    tier: str
    kept: Kept | None


class Moment(NamedTuple):
    """When pages were asked for: nothing is kept that was read before something was forgotten."""

    state: str
    profile: str


class Tidied(NamedTuple):
    """The bytes of each tier, and how many conversations were moved down or given up."""

    bytes: dict[str, int]
    demoted: int
    dropped: int


def pages(generation: int, wanted: Sequence[tuple[RoomState, str]]) -> tuple[Moment, list[Found]]:
    """Pages by room and name, of rooms as the database knows them. Raises Unavailable."""
    rooms = [{**room_fields(room), "page": name} for room, name in wanted]
    state, profile, found = run("pages", generation=str(generation), rooms=rooms)
    answers = [
        Found(moves.decode(), tier.decode(), _parsed(room.room_id, name, value))
        for (room, name), (moves, tier, value) in zip(wanted, found, strict=True)
    ]
    return Moment(state.decode(), profile.decode()), answers


def keep_page(
    moment: Moment, room: RoomState, name: str, moves: str, *, first: int, senders: Collection[str], json: bytes
) -> None:
    """Keep a page that was read from the database after `moment`, at the room's version. Raises Unavailable."""
    now = _now()
    tier, leaves_at = _tier(room.at, now) if name == NEWEST else ("cold", now + COLD_MS)
    head = f"{moment.state} {room.version} {moves} {moment.profile} {first} {','.join(senders)}".encode()
    run(
        "keep_page",
        head + b"\n" + seal_page(room.room_id, name, head, json),
        room=str(room.room_id),
        page=name,
        moves=moves,
        version=room.version,
        state=moment.state,
        profile=moment.profile,
        tier=tier,
        leaves_at=leaves_at,
        expires_at=leaves_at + (DEMOTION_MS if tier == "hot" else 0),
        full=FULL,
        budget=settings.HISTORY_CACHE_BYTES,
    )


def _tier(at: datetime, now: int) -> tuple[str, int]:
    moved = int(at.timestamp() * 1000)
    if now < moved + HOT_MS:
        return "hot", moved + HOT_MS
    if now < moved + FREQUENT_MS:
        return "frequent", moved + FREQUENT_MS
    return "cold", now + COLD_MS


def tidy(offset: int) -> Tidied:
    """Move pages down whose time in their tier is over; forget those that the server gave up, from a place on.

    Raises Unavailable.
    """
    found, demoted, dropped = run(
        "tidy",
        now=_now(),
        frequent_for=FREQUENT_MS - HOT_MS,
        offset=offset,
        full=FULL,
        budget=settings.HISTORY_CACHE_BYTES,
    )
    return Tidied(dict(zip(("cold", "frequent", "hot"), found, strict=True)), demoted, dropped)


def change_profile(user_id: UUID, last_of: Iterable[UUID]) -> None:
    """A user looks different; `last_of`: the rooms whose last message is theirs. Raises Unavailable."""
    run("change_profile", user=str(user_id), rooms=[str(room_id) for room_id in last_of])


def some_pages(
    tier: str, *, offset: int = 0, count: int = 0, among: Iterable[UUID] = ()
) -> list[tuple[UUID, str, str, Kept]]:
    """Pages of a tier that are believed, to compare them, from a place on or those of some rooms.

    Returns room, name, the room's `moves` now, and the page. Raises Unavailable.
    """
    rooms = [str(room_id) for room_id in among]
    state, found = run("some_pages", tier=tier, offset=offset, count=count, among=rooms)
    parsed = []
    for room, name, moves, page in found:
        room_id, its_name = UUID(room.decode()), name.decode()
        parsed.append((room_id, its_name, moves.decode(), _parsed(room_id, its_name, page)))
    return [
        (room_id, name, moves, kept)
        for room_id, name, moves, kept in parsed
        if kept is not None and kept.state == state.decode()
    ]


def drop(room_ids: Iterable[UUID]) -> None:
    """Delete all pages of some rooms. Raises Unavailable."""
    run("drop_pages", drop=[str(room_id) for room_id in room_ids])


def _now() -> int:
    return int(time.time() * 1000)


def _parsed(room_id: UUID, page: str, value: bytes | None) -> Kept | None:
    """A page; None where there is none, or something that is none."""
    head, _, kept = (value or b"").partition(b"\n")
    json = open_page(room_id, page, head, kept)
    if not json:
        return None
    try:
        state, version, moves, profile, first, senders = head.decode().split(" ")
        return Kept(state, int(version), moves, profile, int(first), senders, json)
    except ValueError:
        return None
