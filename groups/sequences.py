"""Message numbers of rooms, members' own counts, and whom messages mention, for many messages at once
inside the caller's transaction.

Two statements, whatever the number of rooms and people: an UPDATE that joins the given rows and
returns what it wrote. Databases without such an UPDATE (MongoDB, an old SQLite) read the rows and
write them back.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import reduce
from operator import or_
from typing import NamedTuple
from uuid import UUID

from django.db.models import Q

from chatproject.core.db import bulk
from chatproject.core.db.bulk import to_db_value
from chatproject.core.models import uuid7
from groups.models import Membership, Mention, Room


class Author(NamedTuple):
    """A sender in a room of this kind."""

    room_id: UUID
    user_id: UUID
    kind: str


class Append(NamedTuple):
    """What is appended to a room: the number of messages, and the last one."""

    messages: int
    last_message_id: UUID
    last_at: datetime


class Mentioning(NamedTuple):
    """A message that mentions these people; the room's own id stands for everybody in it."""

    room_id: UUID
    seq: int
    sender_id: UUID
    whom: Collection[UUID]


class RoomHead(NamedTuple):
    """A room's last numbers after an append."""

    last_seq: int
    last_version: int
    last_said: int


class Turn(NamedTuple):
    """How many messages an author wants to write, and whether slow mode holds for them."""

    messages: int
    is_slowed: bool


class Base(NamedTuple):
    """A member's `Membership.base`, `times_back`, by which newer ones are known, and how many messages they may write
    now.
    """

    base: int
    times_back: int
    may_write: int


def count_own(wanted: Mapping[Author, Turn], *, at: datetime) -> dict[Author, Base]:
    """Add the number of messages that each author may write to their `own_since_read`: nobody has their own messages
    unread. In a group with slow mode that is one message.

    Returns each author's `Membership.base`. Absent from the result are those who may write nothing: who is no member,
    or writes to a group in which only its administrators do, or has to wait.
    Locks the rooms until the transaction ends.
    """
    if not bulk.speaks_sql():
        return _count_own_by_row(wanted, _ms(at))
    rows = [
        (to_db_value(one.room_id), to_db_value(one.user_id), one.kind, turn.messages, int(turn.is_slowed), _ms(at))
        for one, turn in wanted.items()
    ]
    # The rooms first, in one order, as every verb of groups does: two orders could deadlock.
    bulk.lock_rows("groups_room", {author.room_id for author in wanted})
    # RETURNING of SQLite knows the table that is written, and no other: the group's slow mode is asked for once more.
    answered = bulk.update_joined(
        """
        UPDATE groups_membership SET said_ms = given.at, own_since_read = own_since_read + CASE
            WHEN given.slowed = 1 AND role = 'member' AND slow_seconds > 0 THEN 1 ELSE given.count END
        FROM given JOIN groups_room ON groups_room._id = given.room AND groups_room.kind = given.kind
        WHERE groups_membership.room_id = given.room AND groups_membership.user_id = given.member
            AND (role <> 'member' OR ((post_policy IS NULL OR post_policy <> 'admins') AND (given.slowed = 0
                OR slow_seconds IS NULL OR said_ms IS NULL OR said_ms + slow_seconds * 1000 <= given.at)))
        RETURNING groups_membership.room_id, groups_membership.user_id,
            read_seq - system_lines_read + own_since_read - unread_again
            + (SELECT COUNT(*) FROM groups_recall AS recall
                WHERE recall.room_id = groups_membership.room_id AND recall.seq > COALESCE(back_seq, read_seq)
                    AND recall.sender_id <> groups_membership.user_id),
            times_back,
            role = 'member' AND (SELECT COALESCE(slow_seconds, 0) > 0 FROM groups_room AS slow
                WHERE slow._id = groups_membership.room_id)
        """,
        ("room", "member", "kind", "count", "slowed", "at"),
        rows,
    )
    authors = {row[:2]: author for row, author in zip(rows, wanted, strict=True)}
    found = {}
    for room, user, base, times_back, is_slow in answered:
        author = authors[room, user]
        found[author] = Base(base, times_back, _granted(wanted[author], is_slow=bool(is_slow)))
    return found


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _granted(turn: Turn, *, is_slow: bool) -> int:
    return 1 if is_slow and turn.is_slowed else turn.messages


def allocate_seqs(appends: Mapping[UUID, Append]) -> dict[UUID, RoomHead]:
    """Move each room's `last_seq` and `last_version` on by its number of messages; the rooms must
    be locked.

    The messages of an append get the numbers up to and including those returned for their room.
    """
    if not bulk.speaks_sql():
        return _allocate_by_row(appends)
    rows = [
        (
            to_db_value(room_id),
            to_db_value(append.last_message_id),
            to_db_value(append.last_at),
            append.messages,
        )
        for room_id, append in appends.items()
    ]
    answered = bulk.update_joined(
        """
        UPDATE groups_room SET last_seq = last_seq + given.count, last_version = last_version + given.count,
            last_message_id = given.message, last_at = given.at
        FROM given WHERE groups_room._id = given.room
        RETURNING groups_room._id, last_seq, last_version, last_seq - system_lines
        """,
        ("room", "message", "at", "count"),
        rows,
    )
    rooms = {row[0]: room_id for row, room_id in zip(rows, appends, strict=True)}
    return {rooms[room]: RoomHead(*head) for room, *head in answered}


def note_mentions(messages: Iterable[Mentioning]) -> None:
    """Remember whom messages mention, one row for each. One statement, and none where nobody is mentioned."""
    rows = [
        (uuid7(), one.room_id, whom, one.seq, one.sender_id) for one in messages for whom in sorted(one.whom, key=str)
    ]
    if rows:
        bulk.insert(Mention, ("id", "room_id", "whom", "seq", "sender_id"), rows)


def forget_mentions(message: Mentioning) -> None:
    """The message was recalled, or mentions others now."""
    if message.whom:
        Mention.objects.filter(room_id=message.room_id, whom__in=list(message.whom), seq=message.seq).delete()


def _count_own_by_row(wanted: Mapping[Author, Turn], at: int) -> dict[Author, Base]:
    bases, writing = {}, []
    for membership in _locked_memberships(wanted):
        author = Author(membership.room_id, membership.user_id, membership.room.kind)
        turn, slow = wanted[author], membership.slow_seconds
        is_early = turn.is_slowed and membership.said_ms is not None and membership.said_ms + slow * 1000 > at
        if not membership.may_write or (slow and is_early):
            continue
        granted = _granted(turn, is_slow=slow > 0)
        membership.own_since_read += granted
        membership.said_ms = at
        writing.append(membership)
        bases[author] = Base(membership.base, membership.times_back, granted)
    Membership.objects.bulk_update(writing, ["own_since_read", "said_ms"])
    return bases


def _locked_memberships(authors: Iterable[Author]) -> list[Membership]:
    wanted = reduce(or_, (Q(room=one.room_id, user=one.user_id, room__kind=one.kind) for one in authors))
    locked = Membership.objects.select_for_update(of=("room", "self")).select_related("room")
    return list(locked.filter(wanted).order_by("room_id", "pk"))


def _allocate_by_row(appends: Mapping[UUID, Append]) -> dict[UUID, RoomHead]:
    rooms = list(Room.objects.filter(pk__in=list(appends)))
    for room in rooms:
        append = appends[room.pk]
        room.last_seq += append.messages
        room.last_version += append.messages
        room.last_message_id, room.last_at = append.last_message_id, append.last_at
    Room.objects.bulk_update(rooms, ["last_seq", "last_version", "last_message_id", "last_at"])
    return {room.pk: RoomHead(room.last_seq, room.last_version, room.last_said) for room in rooms}
