"""Finding messages: by the index, and by reading those that it does not have yet.

Every message that was acknowledged before is found. What the index tells are candidates; whether a message may be
seen, and says what is wanted, is read from the message itself. So nothing that was recalled, edited away or left is
ever found, however far the index is behind.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from itertools import islice
from typing import Any, NamedTuple
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
from messaging import sealed, types
from messaging.models import Message, SearchBlock, SearchChange, SearchedRoom, SearchRow
from messaging.search_index import grams, postings
from messaging.search_index.postings import Place
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
#: Blocks that are looked at together: few first, where the newest hits are.
FIRST_BLOCKS, BLOCKS_MAX = 4, 256

#: What is read of a message to search it.
_COLUMNS = ("pk", "room_id", "seq", "type", "content", "details_json")


@dataclass(slots=True)
class Found:
    """A page of search results, newest first; the search goes on before message `next`.

    There may be more even if this page is short or empty.
    """

    messages: list[Message]
    next: UUID | None
    #: What the messages contain, to mark it.
    words: tuple[str, ...] = ()


class _Block(NamedTuple):
    id: int
    size: int
    last: bytes  # the greatest id of its messages
    key: int | None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is searched for, in which rooms, and said by which senders. `senders` is None for those of anybody."""

    query: Query
    places: Mapping[UUID, int]
    senders: set[UUID] | None
    #: What the user has deleted for themselves.
    hidden: Collection[UUID] = ()
    #: By room, the `seq` up to which the user sees nothing, where there is one.
    floors: Mapping[UUID, int] = field(default_factory=dict)

    def places_of(self, key: int | None) -> list[list[Place]]:
        """Of each of these lists, what fits has at least one token, in blocks of this data key."""
        pieces = self.query.pieces
        if self.senders is not None:
            pieces.append([grams.said_by(one) for one in self.senders])
        if self.is_by_pieces:
            pieces.append([grams.in_room(room_id) for room_id in self.places])
        secret = sealed.token_key(key)
        return [[postings.place(grams.token(gram, secret)) for gram in one] for one in pieces]

    @property
    def is_by_pieces(self) -> bool:
        return len(self.places) <= ROOMS_BY_PIECES


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
    places = {one.room_id: one.last_seq for one in mine}
    if query.chats:
        places = _named(user, query.chats, places)
    senders = _senders(user, query.senders) if query.senders else None
    if not query or not places or senders == set():
        return Found([], None)
    among: Any = rooms.rooms_of(user.pk) if len(places) == len(mine) > 1 else list(places)
    floors = {one.room_id: one.floor for one in mine if one.floor}
    wanted = _Wanted(query, places, senders, rooms.hidden_of(mine), floors)
    lacking = missing(places, among)
    if sum(upto - since for since, upto in lacking.values()) > READ_MAX:
        return _without_index(wanted, before, limit)
    messages = Message.objects.all() if before is None else Message.objects.filter(pk__lt=before)
    tail = _fitting(wanted, in_ranges(messages, lacking)).order_by()
    hits = set(_saying(wanted, tail.values_list(*_COLUMNS)))
    changed = list(SearchChange.objects.filter(room_id__in=among).values_list("pk", flat=True))
    if changed:
        hits.update(_saying_of(wanted, messages, changed))
    floor = None
    looked = 0
    candidates = _candidates(wanted, before)
    while ids := [UUID(bytes=one) for one in islice(candidates, max(2 * limit, 100))]:
        hits.update(_saying_of(wanted, messages, ids))
        looked += len(ids)
        if looked >= CANDIDATES_MAX or sum(one >= ids[-1] for one in hits) >= limit:
            floor = ids[-1]
            break
    found = sorted((one for one in hits if floor is None or one >= floor), reverse=True)[:limit]
    return Found(_page(found), found[-1] if len(found) == limit else floor, query.words)


def in_ranges(messages: QuerySet[Message], ranges: Mapping[UUID, tuple[int, int]]) -> QuerySet[Message]:
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


def missing(upto: Mapping[UUID, int], among: Any = None) -> dict[UUID, tuple[int, int]]:
    """For those rooms of which the index does not have the messages up to a `seq`: which ones it lacks. One query.

    `among`: the rooms once more, as a query where there is one.
    """
    searched = SearchedRoom.objects.filter(pk__in=list(upto) if among is None else among)
    reached = dict(searched.values_list("pk", "seq"))
    return {room_id: (since, seq) for room_id, seq in upto.items() if (since := reached.get(room_id, 0)) < seq}


def _named(user: User, names: Iterable[str], places: Mapping[UUID, int]) -> dict[UUID, int]:
    """Those of the user's rooms whose name, or whose other person's, contains one of these. One query."""
    wanted = [searchable(name) for name in names]
    named = rooms.names_of(user.pk)
    return {
        room_id: seq
        for room_id, seq in places.items()
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


def _saying(wanted: _Wanted, rows: Iterable[Any]) -> Iterator[UUID]:
    """The ids of those messages in the wanted rooms that say it and that the user sees. `rows`: their _COLUMNS."""
    for pk, room_id, seq, type_, *stored in rows:
        if room_id not in wanted.places or pk in wanted.hidden or seq <= wanted.floors.get(room_id, 0):
            continue
        content, details = Message.opened(pk, *stored)
        if wanted.query.is_said_by(content, texts_of(type_, content, details)):
            yield pk


def _saying_of(wanted: _Wanted, messages: QuerySet[Message], ids: list[UUID]) -> Iterator[UUID]:
    """Those of some messages that are in the rooms, and say it."""
    return _saying(wanted, _fitting(wanted, messages.filter(pk__in=ids)).order_by().values_list(*_COLUMNS))


def _fitting(wanted: _Wanted, messages: QuerySet[Message]) -> QuerySet[Message]:
    """Those of the messages that fit but for their words."""
    fitting = messages.filter(recalled_at=None).exclude(type=types.SYSTEM)
    query = wanted.query
    if wanted.senders is not None:
        fitting = fitting.filter(sender_id__in=list(wanted.senders))
    for type_ in query.types:
        fitting = fitting.filter(type=type_)
    if query.since is not None:
        fitting = fitting.filter(sent_at__gte=query.since)
    if query.until is not None:
        fitting = fitting.filter(sent_at__lt=query.until)
    return fitting


def _page(ids: list[UUID]) -> list[Message]:
    return page(Message.objects.filter(pk__in=ids, recalled_at=None).order_by("-pk"), "sender", "room") if ids else []


# By the index ---------------------------------------------------------------------------------------------------------


def _candidates(wanted: _Wanted, before: UUID | None) -> Iterator[bytes]:
    """The ids of messages in the index that may say it, newest first; read as far as they are asked for."""
    rooms_wanted = None if wanted.is_by_pieces else {room_id.bytes for room_id in wanted.places}
    end = before.bytes if before else b"\xff" * 16
    blocks = [_Block(pk, size, last.bytes, key) for pk, size, last, key in _blocks(wanted.query, before)]
    places = {key: wanted.places_of(key) for key in {block.key for block in blocks}}
    waiting: list[bytes] = []
    at, step = 0, FIRST_BLOCKS
    while at < len(blocks):
        some, at = blocks[at : at + step], at + step
        step = min(4 * step, BLOCKS_MAX)
        waiting += [one for one in _in_blocks(some, places, rooms_wanted) if one < end]
        newest_left = blocks[at].last if at < len(blocks) else b""
        ready = sorted((one for one in waiting if one > newest_left), reverse=True)
        waiting = [one for one in waiting if one <= newest_left]
        yield from ready


def _blocks(query: Query, before: UUID | None) -> Iterable[tuple[int, int, UUID, int | None]]:
    blocks = SearchBlock.objects.order_by("-last_id")
    if before is not None:
        blocks = blocks.filter(first_id__lt=before)
    if query.since is not None:
        blocks = blocks.filter(last_at__gte=query.since)
    if query.until is not None:
        blocks = blocks.filter(first_at__lt=query.until)
    return blocks.values_list("pk", "size", "last_id", "key")


def _in_blocks(
    blocks: list[_Block], places: Mapping[int | None, list[list[Place]]], rooms_wanted: Collection[bytes] | None
) -> Iterator[bytes]:
    sets = _sets(blocks, places)
    if not sets:
        return
    found = SearchBlock.objects.filter(pk__in=list(sets)).order_by()
    for pk, in_rooms, message_ids in found.values_list("pk", "rooms", "message_ids"):
        bits = sets[pk]
        if rooms_wanted is not None:
            bits &= postings.within(bytes(in_rooms), rooms_wanted)
        ids = bytes(message_ids)
        yield from (ids[16 * number : 16 * number + 16] for number in postings.numbers(bits))


def _sets(blocks: list[_Block], places: Mapping[int | None, list[list[Place]]]) -> dict[int, int]:
    """For each block the messages that have one token of each list, where there are any."""
    shards = {key: {place.shard for one in of_key for place in one} for key, of_key in places.items()}
    keys = [postings.row_id(block.id, shard) for block in blocks for shard in shards[block.key]]
    rows = dict(SearchRow.objects.filter(pk__in=keys).order_by().values_list("pk", "entries"))
    found = {}
    for block in blocks:
        bits = (1 << block.size) - 1
        for one in places[block.key]:
            either = 0
            for place in one:
                if row := rows.get(postings.row_id(block.id, place.shard)):
                    either |= postings.found(bytes(row), place.rest, block.size)
            bits &= either
            if not bits:
                break
        if bits:
            found[block.id] = bits
    return found


# Without it -----------------------------------------------------------------------------------------------------------


def _without_index(wanted: _Wanted, before: UUID | None, limit: int) -> Found:
    """By reading a limited number of messages, so that it takes a fraction of a second, and can be continued."""
    messages = Message.objects.order_by("-pk")
    if before is not None:
        messages = messages.filter(pk__lt=before)
    oldest = None
    if sum(wanted.places.values()) <= LOOKED_AT_IN_ROOMS:
        messages = messages.filter(room_id__in=list(wanted.places))
    else:
        oldest = messages.values_list("pk", flat=True)[LOOKED_AT - 1 : LOOKED_AT].first()
        if oldest is not None:
            messages = messages.filter(pk__gte=oldest)
        messages = messages.alias(place=without_index("room_id")).filter(place__in=list(wanted.places))
    with streamed(_fitting(wanted, messages).values_list(*_COLUMNS), chunk_size=500) as rows:
        ids = list(islice(_saying(wanted, rows), limit))
    return Found(_page(ids), ids[-1] if len(ids) == limit else oldest, wanted.query.words)
