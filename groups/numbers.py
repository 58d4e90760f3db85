"""Where conversations and their members stand, moved for many messages at once inside the caller's transaction.

Two statements, however many rooms and people: an UPDATE that joins what is given and answers what it wrote. Databases
that have none (MongoDB, an old SQLite) read the rows and write them back.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import reduce
from operator import or_
from typing import NamedTuple
from uuid import UUID

from django.db.models import Q

from chatproject.core.db import databases
from groups.models import Membership, Room


class Speaker(NamedTuple):
    """Somebody who says something in a room of this kind."""

    room_id: UUID
    user_id: UUID
    kind: str


class Step(NamedTuple):
    """What a room gets: so many messages, of which this is the last."""

    messages: int
    last_message_id: UUID
    last_at: datetime


class Stand(NamedTuple):
    """Where a room stands after its step."""

    last_seq: int
    last_version: int


def count_own(spoken: Mapping[Speaker, int]) -> dict[Speaker, int]:
    """Count so many messages of each speaker as his own: nobody has to read them himself.

    Answers up to where each has nothing to read (`read_seq + own_since_read`); who is missing has no seat there. Holds
    the rooms until the transaction's end.
    """
    if not databases.speaks_sql():
        return _count_own_by_row(spoken)
    word = databases.word()
    rows = [(word(one.room_id), word(one.user_id), one.kind, count) for one, count in spoken.items()]
    # The rooms first, in order, as every verb of groups does: in two orders two of us would wait for each other.
    databases.hold("groups_room", {speaker.room_id for speaker in spoken})
    answered = databases.update_joined(
        """
        UPDATE groups_membership SET own_since_read = own_since_read + given.count
        FROM given JOIN groups_room ON groups_room._id = given.room AND groups_room.kind = given.kind
        WHERE groups_membership.room_id = given.room AND groups_membership.user_id = given.member
        RETURNING groups_membership.room_id, groups_membership.user_id, read_seq + own_since_read
        """,
        ("room", "member", "kind", "count"),
        rows,
    )
    speakers = {row[:2]: speaker for row, speaker in zip(rows, spoken, strict=True)}
    return {speakers[room, user]: base for room, user, base in answered}


def move(steps: Mapping[UUID, Step]) -> dict[UUID, Stand]:
    """Give rooms their messages' numbers: the last `messages` up to where each stands then. The rooms are held."""
    if not databases.speaks_sql():
        return _move_by_row(steps)
    word = databases.word()
    rows = [
        (word(room_id), word(step.last_message_id), word(step.last_at), step.messages)
        for room_id, step in steps.items()
    ]
    answered = databases.update_joined(
        """
        UPDATE groups_room SET last_seq = last_seq + given.count, last_version = last_version + given.count,
            last_message_id = given.message, last_at = given.at
        FROM given WHERE groups_room._id = given.room
        RETURNING groups_room._id, last_seq, last_version
        """,
        ("room", "message", "at", "count"),
        rows,
    )
    rooms = {row[0]: room_id for row, room_id in zip(rows, steps, strict=True)}
    return {rooms[room]: Stand(last_seq, last_version) for room, last_seq, last_version in answered}


def _count_own_by_row(spoken: Mapping[Speaker, int]) -> dict[Speaker, int]:
    bases = {}
    seats = _seats(spoken)
    for seat in seats:
        speaker = Speaker(seat.room_id, seat.user_id, seat.room.kind)
        seat.own_since_read += spoken[speaker]
        bases[speaker] = seat.read_seq + seat.own_since_read
    Membership.objects.bulk_update(seats, ["own_since_read"])
    return bases


def _seats(speakers: Iterable[Speaker]) -> list[Membership]:
    wanted = reduce(or_, (Q(room=one.room_id, user=one.user_id, room__kind=one.kind) for one in speakers))
    held = Membership.objects.select_for_update(of=("room", "self")).select_related("room")
    return list(held.filter(wanted).order_by("room_id", "pk"))


def _move_by_row(steps: Mapping[UUID, Step]) -> dict[UUID, Stand]:
    rooms = list(Room.objects.filter(pk__in=list(steps)))
    for room in rooms:
        step = steps[room.pk]
        room.last_seq += step.messages
        room.last_version += step.messages
        room.last_message_id, room.last_at = step.last_message_id, step.last_at
    Room.objects.bulk_update(rooms, ["last_seq", "last_version", "last_message_id", "last_at"])
    return {room.pk: Stand(room.last_seq, room.last_version) for room in rooms}
