"""Finding messages for the administration, by their words: by the index, and by reading those that it does not have
yet.
"""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from chatproject.core.db import bulk
from groups.models import Room
from messaging import search
from messaging.candidates import candidates, settled
from messaging.models import Message, SearchChange
from messaging.search_index import grams
from messaging.search_index.query import searchable

#: Texts that one search opens at most, and candidates at which it looks: the staff may not read each of them.
OPENED_MAX, LOOKED_AT = 5000, 50_000


def found_by_staff(messages: QuerySet[Message], words: str, *, room_id: UUID | None, limit: int) -> list[UUID] | None:
    """The newest of these messages that contain some words: so many, and perhaps others that are older. `messages` are
    those that may be read, and of one room if there is one.

    None while the index is built.
    """
    return settled(lambda: _found(messages, searchable(words), room_id, limit))


def _found(messages: QuerySet[Message], wanted: str, room_id: UUID | None, limit: int) -> list[UUID] | None:
    lacking = _lacking(room_id)
    if sum(upto - since for since, upto in lacking.values()) > search.READ_MAX:
        return None
    if not wanted:
        return []
    found = set(_saying(wanted, search.in_ranges(messages, lacking)))
    changes = SearchChange.objects.all() if room_id is None else SearchChange.objects.filter(room_id=room_id)
    if changed := list(changes.values_list("pk", flat=True)):
        found.update(_saying(wanted, messages.filter(pk__in=changed)))
    pieces = [[gram] for gram in grams.needed([wanted])]
    if room_id is not None:
        pieces.append([grams.in_room(room_id)])
    looked = opened = 0
    for ids in candidates(pieces, enough=limit):
        rows = list(_rows(messages.filter(pk__in=ids)))
        found.update(_those_saying(wanted, rows))
        looked, opened = looked + len(ids), opened + len(rows)
        if looked >= LOOKED_AT or opened >= OPENED_MAX or sum(one >= ids[-1] for one in found) >= limit:
            break
    return sorted(found, reverse=True)[:limit]


def _saying(wanted: str, messages: QuerySet[Message]) -> Iterator[UUID]:
    return _those_saying(wanted, _rows(messages))


def _rows(messages: QuerySet[Message]) -> Any:
    return messages.order_by().values_list("pk", "content")


def _those_saying(wanted: str, rows: Iterable[Any]) -> Iterator[UUID]:
    for pk, content in rows:
        if wanted in searchable(Message.opened(pk, content, "")[0]):
            yield pk


def _lacking(room_id: UUID | None) -> dict[Any, tuple[int, int]]:
    """Of which rooms the index lacks which messages. One query, which asks every room once: 1 µs each."""
    if room_id is not None:
        return search.missing(dict(Room.objects.filter(pk=room_id).values_list("pk", "last_seq")))
    if not bulk.speaks_sql():
        return search.missing(dict(Room.objects.filter(last_seq__gt=0).values_list("pk", "last_seq")))
    query = """
        SELECT groups_room._id, COALESCE(seq, 0), last_seq FROM groups_room
        LEFT JOIN messaging_searchedroom ON messaging_searchedroom._id = groups_room._id
        WHERE last_seq > COALESCE(seq, 0)
    """
    return {one: (since, upto) for one, since, upto in bulk.select(query, [])}
