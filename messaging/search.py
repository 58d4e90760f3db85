"""Finding messages: by the index, and by reading those that it does not have yet.

Every message that was acknowledged before is found. What the index tells are candidates; whether a message may be
seen, and says what is wanted, is read from the message itself. So nothing that was recalled, edited away or left is
ever found, however far the index is behind.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from itertools import islice
from typing import Any
from uuid import UUID

import orjson
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from accounts import selectors as people
from accounts.models import User
from accounts.rules import sees_only_contacts
from chatproject.core.db import bulk
from chatproject.core.db.queries import page, streamed, without_index
from groups import selectors as rooms
from groups.models import Room
from messaging import types
from messaging.candidates import candidates, settled
from messaging.models import Message, SearchChange, SearchedRoom
from messaging.search_index import grams
from messaging.search_index.query import Query, parse, searchable

#: Messages without the index that a search reads at most beside it. Of more, those of LOOKED_AT in one request: the
#: index is being built.
READ_MAX = 16_000
#: Messages that one search reads at most where it cannot use the index: those of the user's rooms, room by room; or
#: those of all rooms in the order of their ids, which is three times as fast.
LOOKED_AT_IN_ROOMS = 25_000
LOOKED_AT = 50_000
#: Candidates that one search reads at most; of usual words nearly every one is a hit.
CANDIDATES_MAX = 4000
#: Rooms whose messages the index finds by the rooms' own pieces.
ROOMS_BY_PIECES = 16
#: People whose names fit a sender's.
SENDERS_MAX = 50
#: Candidates that are read together at least, where there are so many.
TOGETHER = 50
#: What is shown of a message that was found. Of people and rooms it is a quarter of what there is.
_SHOWN = (
    *(field.name for field in Message._meta.concrete_fields),
    *(f"sender__{name}" for name in ("name", "img", "is_guest", "is_staff")),
    "room__kind",
)


@dataclass(slots=True)
class Found:
    """A page of search results, newest first; the search goes on before message `next`.

    There may be more even if this page is short or empty.
    """

    messages: list[Message]
    next: UUID | None
    #: What the messages contain, to mark it.
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is searched for, in which rooms, and said by which senders. `senders` is None for those of anybody.

    Ids of rooms and messages are unconverted: `bulk.unconverted`.
    """

    query: Query
    #: The rooms, and the `seq` up to which the user sees nothing of each.
    floors: Mapping[Any, int]
    senders: set[UUID] | None
    #: What the user has deleted for themselves.
    hidden: Collection[Any] = ()

    @property
    def pieces(self) -> list[list[str]]:
        """Of each of these lists, what fits has at least one piece."""
        pieces = self.query.pieces
        if self.senders is not None:
            pieces.append([grams.said_by(one) for one in self.senders])
        if self.is_by_pieces:
            pieces.append([grams.in_room(bulk.id_of(room_id)) for room_id in self.floors])
        return pieces

    @property
    def is_by_pieces(self) -> bool:
        return len(self.floors) <= ROOMS_BY_PIECES

    def candidates(self, before: UUID | None, limit: int) -> Iterator[list[UUID]]:
        among = None if self.is_by_pieces else set(map(bulk.bytes_of, self.floors))
        days = {"since": self.query.since, "until": self.query.until}
        return candidates(self.pieces, rooms=among, before=before, enough=max(limit, TOGETHER), **days)


def search(
    user: User,
    text: str,
    *,
    chat_id: UUID | None = None,
    is_group: bool = False,
    before: UUID | None = None,
    zone: tzinfo = UTC,
    limit: int,
) -> Found:
    """The user's messages that say what `text` wants, newest first; in one chat or in all. Raises NotFound.

    `zone`: whose days the query names.
    """
    query = parse(text, zone)
    if chat_id is None:
        mine = rooms.seen_rooms(user.pk)
    else:
        mine = [rooms.seen_room_of(rooms.chat_membership(user, chat_id, is_group=is_group))]
    floors = {one.room_id: one.floor for one in mine}
    if query.chats:
        floors = _named(user, query.chats, floors)
    senders = _senders(user, query.senders) if query.senders else None
    if not query or not floors or senders == set():
        return Found([], None)
    hidden = set(map(bulk.unconverted_id, rooms.hidden_of(mine)))
    wanted = _Wanted(query, floors, senders, hidden)
    return settled(lambda: _search(user, wanted, before, limit))


def _search(user: User, wanted: _Wanted, before: UUID | None, limit: int) -> Found:
    lacking = _lacking(user, wanted.floors)
    if sum(upto - since for since, upto in lacking.values()) > READ_MAX:
        return _without_index(user, wanted, before, limit)
    messages = Message.objects.all() if before is None else Message.objects.filter(pk__lt=before)
    hits = set(_saying_of(wanted, in_ranges(messages, lacking))) if lacking else set()
    if changed := _changed(user, wanted.floors):
        hits.update(_saying_of(wanted, messages.filter(pk__in=changed)))
    floor = None
    looked = 0
    for ids in wanted.candidates(before, limit):
        hits.update(_saying_of(wanted, messages.filter(pk__in=ids)))
        looked += len(ids)
        last = bulk.unconverted_id(ids[-1])
        if looked >= CANDIDATES_MAX or sum(one >= last for one in hits) >= limit:
            floor = last
            break
    found = sorted((one for one in hits if floor is None or one >= floor), reverse=True)[:limit]
    following = found[-1] if len(found) == limit else floor
    return Found(_page(found), following and bulk.id_of(following), wanted.query.words)


def in_ranges(messages: QuerySet[Message], ranges: Mapping[Any, tuple[int, int]]) -> QuerySet[Message]:
    """Those of the messages that are in these ranges of their rooms: after a `seq`, up to another."""
    if not ranges:
        return messages.none()
    if bulk.speaks_sql():
        given = ", ".join(["(%s, %s, %s)"] * len(ranges))
        values = [bulk.to_db_value(value) for room_id, range_ in ranges.items() for value in (room_id, *range_)]
        ids = (
            f"WITH given (room_id, since, upto) AS (VALUES {given}) "  # noqa: S608
            "SELECT m._id FROM given CROSS JOIN messaging_message m "
            "WHERE m.room_id = given.room_id AND m.seq > given.since AND m.seq <= given.upto"
        )
        return messages.filter(pk__in=RawSQL(ids, values))  # noqa: S611 -- the values are parameters
    wanted = Q()
    for room_id, (since, upto) in ranges.items():
        wanted |= Q(room_id=room_id, seq__gt=since, seq__lte=upto)
    return messages.filter(wanted)


def texts_of(type_: str, content: str, details: str) -> Iterator[str]:
    """What a message says, in its columns."""
    yield content
    if details:
        yield from types.TYPES[type_].words(orjson.loads(details))


def missing(upto: Mapping[UUID, int]) -> dict[UUID, tuple[int, int]]:
    """For those rooms of which the index does not have the messages up to a `seq`: which ones it lacks. One query."""
    reached = dict(SearchedRoom.objects.filter(pk__in=list(upto)).values_list("pk", "seq"))
    return {room_id: (since, seq) for room_id, seq in upto.items() if (since := reached.get(room_id, 0)) < seq}


def _lacking(user: User, floors: Collection[Any]) -> dict[Any, tuple[int, int]]:
    """Of those of the user's rooms of which the index lacks messages: which ones. One query.

    Own SQL: of a thousand rooms it tells those few only, and every search asks.
    """
    if not bulk.speaks_sql():
        return missing(dict(Room.objects.filter(pk__in=list(floors)).values_list("pk", "last_seq")))
    query = """
        SELECT room_id, COALESCE(seq, 0), last_seq FROM groups_membership
        JOIN groups_room ON groups_room._id = room_id
        LEFT JOIN messaging_searchedroom ON messaging_searchedroom._id = room_id
        WHERE user_id = %s AND last_seq > COALESCE(seq, 0)
    """
    values = [bulk.to_db_value(user.pk)]
    if len(floors) <= ROOMS_BY_PIECES:
        found = bulk.select_among(f"{query} AND room_id IN", values, list(floors))
    else:
        found = bulk.select(query, values)
    return {room_id: (since, upto) for room_id, since, upto in found if room_id in floors}


def _changed(user: User, floors: Collection[Any]) -> list[Any]:
    """The messages of these rooms of the user of whose words the index knows former ones. One query."""
    if bulk.speaks_sql():
        # In this order for SQLite: there are few, but many where much was deleted at once.
        query = """
            SELECT changed._id, changed.room_id FROM messaging_searchchange AS changed
            CROSS JOIN groups_membership AS own WHERE own.room_id = changed.room_id AND own.user_id = %s
        """
        changes = bulk.select(query, [bulk.to_db_value(user.pk)])
    else:
        changes = list(SearchChange.objects.filter(room_id__in=list(floors)).values_list("pk", "room_id"))
    return [pk for pk, room_id in changes if room_id in floors]


def _named(user: User, names: Iterable[str], floors: Mapping[Any, int]) -> dict[Any, int]:
    """Those of the user's rooms whose name, or whose other person's, contains one of these. One query."""
    wanted = [searchable(name) for name in names]
    named = rooms.names_of(user.pk)
    return {
        room_id: floor
        for room_id, floor in floors.items()
        if any(one in searchable(named.get(room_id, "")) for one in wanted)
    }


def _senders(user: User, names: Iterable[str]) -> set[UUID]:
    """The people whose names contain one of these, or the user."""
    found: set[UUID] = set()
    for name in names:
        if name.lower() in ("me", "我"):
            found.add(user.pk)
        else:
            found.update(people.named(name, by=user, limit=SENDERS_MAX, only_contacts=sees_only_contacts(user)))
    return found


def _read(messages: QuerySet[Message]) -> Any:
    """What is read of messages to search them."""
    columns = (bulk.unconverted("pk"), bulk.unconverted("room_id"), "seq", "type", "content", "details_json")
    return messages.values_list(*columns)


def _saying(wanted: _Wanted, rows: Iterable[Any]) -> Iterator[Any]:
    """The ids of those messages in the wanted rooms that say it and that the user sees. `rows`: what `_read` reads."""
    for pk, room_id, seq, type_, content, details in rows:
        floor = wanted.floors.get(room_id)
        if floor is None or seq <= floor or pk in wanted.hidden:
            continue
        words = Message.opened(pk, content, details)
        if wanted.query.is_said_by(words[0], texts_of(type_, *words)):
            yield pk


def _saying_of(wanted: _Wanted, messages: QuerySet[Message]) -> Iterator[Any]:
    return _saying(wanted, _read(_fitting(wanted, messages).order_by()))


def _fitting(wanted: _Wanted, messages: QuerySet[Message]) -> QuerySet[Message]:
    """Those of the messages that fit but for their words."""
    fitting = messages.filter(recalled_at=None).exclude(type=types.SYSTEM)
    query = wanted.query
    if wanted.senders is not None:
        # Not by their index: of few candidates or of many messages of theirs, it would read the many.
        fitting = fitting.alias(by=without_index("sender_id")).filter(by__in=list(wanted.senders))
    for type_ in query.types:
        fitting = fitting.filter(type=type_)
    if query.since is not None:
        fitting = fitting.filter(sent_at__gte=query.since)
    if query.until is not None:
        fitting = fitting.filter(sent_at__lt=query.until)
    return fitting


def _page(ids: list[Any]) -> list[Message]:
    messages = Message.objects.filter(pk__in=ids, recalled_at=None).order_by("-pk")
    return page(messages.only(*_SHOWN), "sender", "room") if ids else []


# Without it -----------------------------------------------------------------------------------------------------------


def _without_index(user: User, wanted: _Wanted, before: UUID | None, limit: int) -> Found:
    """By reading a limited number of messages, so that it takes a fraction of a second, and can be continued."""
    messages = Message.objects.order_by("-pk")
    if before is not None:
        messages = messages.filter(pk__lt=before)
    oldest = None
    seqs = {bulk.unconverted_id(room_id): seq for room_id, seq in rooms.own_rooms(user.pk).items()}
    if sum(seqs.get(room_id, 0) for room_id in wanted.floors) <= LOOKED_AT_IN_ROOMS:
        messages = messages.filter(room_id__in=list(wanted.floors))
    else:
        oldest = messages.values_list("pk", flat=True)[LOOKED_AT - 1 : LOOKED_AT].first()
        if oldest is not None:
            messages = messages.filter(pk__gte=oldest)
        messages = messages.alias(place=without_index("room_id")).filter(place__in=list(wanted.floors))
    with streamed(_read(_fitting(wanted, messages)), chunk_size=500) as rows:
        ids = [bulk.id_of(one) for one in islice(_saying(wanted, rows), limit)]
    return Found(_page(ids), ids[-1] if len(ids) == limit else oldest, wanted.query.words)
