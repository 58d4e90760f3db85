"""Writing the index of searches, off the way of messages: by one process at a time, a block in one short transaction.

A search reads what the index does not have yet. So nothing waits for it, and it is written only when there are enough
messages: for a whole block, or for a part of one, which is written anew with the next messages until it is whole. New
rows lie behind the old ones.
"""

import logging
import os
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db.models import Sum

from chatproject.core import metrics
from chatproject.core.db import bulk
from chatproject.core.db.queries import locked
from chatproject.core.db.transactions import run_atomic
from chatproject.core.times import now
from groups.models import Room
from messaging import sealed, types
from messaging.models import Message, SearchBlock, SearchChange, SearchedRoom, SearchRow, SearchState
from messaging.search import in_ranges, missing, texts_of
from messaging.search_index import grams, postings
from messaging.search_index.query import has_link, searchable
from messaging.services import erasures

log = logging.getLogger(__name__)

#: Messages of a block: of smaller ones, searches look into more.
BLOCK = 4096
#: Messages of a part of a block, and of what it grows by: a search reads so many that wait. In quiet times a message is
#: written two or three times; where many come at once, once.
PART = 1024
#: Messages for which a part is written anew at least, and which are written before a process ends.
LEAST = 64
#: Seconds for which a whole block is waited for.
PART_SECONDS = 10
#: Messages that are written together at most, where they do not come in the order of their ids.
TOGETHER_MAX = 4 * BLOCK
#: Seconds between two looks whether another process still writes.
BUSY_SECONDS = 1
#: Seconds without work after which a process of its own ends. Its start costs as much as a block.
IDLE_SECONDS = 20
#: Seconds for which a process may write the index without saying again that it does.
HELD_SECONDS = 120
#: Changed messages that are cleared together.
CHANGES_TOGETHER = 500

_writing = threading.Lock()
_ME = f"{os.getpid()}-{secrets.token_hex(8)}"


@dataclass(frozen=True, slots=True)
class Indexed:
    """What was done: blocks written, messages cleared; and how many messages there are, and wait."""

    blocks: int
    cleared: int
    messages: int
    waiting: int


class _Entry(NamedTuple):
    room_id: UUID
    id: UUID
    sent_at: datetime
    grams: set[str]


class _Lost(Exception):
    """Another process writes the index."""


def index_some(
    *, at_least: int = PART, seconds: float = 20.0, tell: Callable[[Indexed], None] | None = None
) -> Indexed:
    """Write the blocks for which at least so many messages wait, and forget what changed, for so many seconds.

    Blocks; outside of transactions. Does nothing while another thread or process is at it.
    """
    done = _look(0, 0)
    if not _is_due(at_least, done):
        return done
    with _held() as is_mine:
        return _index(at_least, time.monotonic() + seconds, tell) if is_mine else done


def index_while_due(tell: Callable[[Indexed], None]) -> None:
    """Write the blocks for which there are messages, until there were none for `IDLE_SECONDS`; then what is left."""
    with _held() as is_mine:
        since = time.monotonic()
        while is_mine and time.monotonic() - since < IDLE_SECONDS:
            least = BLOCK if time.monotonic() - since < PART_SECONDS else PART
            if _is_due(least, _look(0, 0)):
                _index(least, time.monotonic() + HELD_SECONDS, tell)
                since = time.monotonic()
            time.sleep(BUSY_SECONDS)
        if is_mine and _is_due(LEAST, _look(0, 0)):
            _index(LEAST, time.monotonic() + HELD_SECONDS, tell)


def clear_changes(seconds: float = 20.0) -> bool:
    """Forget what changed, and write no block. Returns whether there are messages for one, and nobody writes it."""
    if not _is_due(PART, _look(0, 0)):
        return False
    with _held() as is_mine:
        if is_mine:
            _clear_changes(time.monotonic() + seconds)
        return is_mine and _is_due(PART, _look(0, 0))


def _index(at_least: int, give_up: float, tell: Callable[[Indexed], None] | None) -> Indexed:
    done = _look(0, _clear_changes(give_up))
    while _is_due(at_least, done) and time.monotonic() < give_up and _write_block():
        done = _look(done.blocks + 1, done.cleared)
        if tell is not None:
            tell(done)
    return done


def index_all(*, tell: Callable[[Indexed], None] | None = None) -> Indexed:
    """Write everything that is there, also what makes no whole block; what another process writes is waited for."""
    while True:
        done = index_some(at_least=1, tell=tell)
        if not _is_due(1, done):
            return done
        # Where nothing was done another process is at it.
        if not done.blocks and not done.cleared:
            time.sleep(BUSY_SECONDS)


def forget_index() -> None:
    """Empty the index: it is written anew, and meanwhile searches read the messages."""
    with _writing:
        while not _hold():
            time.sleep(BUSY_SECONDS)
        _forget_all()
        _release()


def _forget_all() -> None:
    while ids := list(SearchBlock.objects.order_by("pk").values_list("pk", flat=True)[:10]):

        def delete(ids: list[int] = ids) -> None:
            _still_hold()
            SearchRow.objects.filter(pk__range=_rows_of(ids[0], ids[-1])).delete()
            SearchBlock.objects.filter(pk__in=ids).delete()
            # A search that finds nothing in the index has to read everything.
            SearchedRoom.objects.all().delete()

        run_atomic(delete)
    SearchState.objects.filter(pk=SearchState.ID).update(reached=UUID(int=0))


def index_state() -> Indexed:
    """How far the index is."""
    return _look(0, 0)


def _rows_of(first: int, last: int) -> tuple[int, int]:
    return postings.row_id(first, 0), postings.row_id(last + 1, 0) - 1


def _look(blocks: int, cleared: int) -> Indexed:
    messages = Room.objects.aggregate(n=Sum("last_seq"))["n"] or 0
    reached = SearchedRoom.objects.aggregate(n=Sum("seq"))["n"] or 0
    waiting = max(0, messages - reached)
    metrics.search_waiting.set(waiting)
    return Indexed(blocks, cleared, messages, waiting)


def _is_due(at_least: int, done: Indexed) -> bool:
    if SearchChange.objects.filter(is_cleared=False).exists():
        return True
    return done.waiting + SearchChange.objects.count() >= at_least


# One process at a time ------------------------------------------------------------------------------------------------


@contextmanager
def _held() -> Iterator[bool]:
    """Whether this thread may write the index until the end, and no other thread or process does."""
    if not _writing.acquire(blocking=False):
        yield False
        return
    try:
        is_mine = _hold()
        yield is_mine
        if is_mine:
            _release()
    except _Lost:
        log.info("search: another process writes the index")
    finally:
        _writing.release()


def _hold() -> bool:
    SearchState.objects.get_or_create(pk=SearchState.ID)

    def body() -> bool:
        (state,) = locked(SearchState.objects.filter(pk=SearchState.ID))
        if state.holder not in ("", _ME) and state.held_until > now():
            return False
        state.holder, state.held_until = _ME, now() + timedelta(seconds=HELD_SECONDS)
        state.save(update_fields=["holder", "held_until"])
        return True

    return run_atomic(body)


def _still_hold() -> None:
    """In the transaction of what is written, so that no two write at once."""
    mine = SearchState.objects.filter(pk=SearchState.ID, holder=_ME)
    if not mine.update(held_until=now() + timedelta(seconds=HELD_SECONDS)):
        raise _Lost


def _release() -> None:
    SearchState.objects.filter(pk=SearchState.ID, holder=_ME).update(holder="")


# Blocks ---------------------------------------------------------------------------------------------------------------


def _write_block() -> bool:
    """Write the next messages into the index. Returns whether there were any."""
    state = SearchState.objects.get(pk=SearchState.ID)
    ranges, reached = _next_in_order(state.reached)
    if not ranges and reached == state.reached:
        ranges, reached = _next_of_rooms(reached)
    ids = set(in_ranges(Message.objects.order_by(), ranges).values_list("pk", flat=True))
    changes = dict(SearchChange.objects.filter(is_cleared=True).values_list("pk", "version")[:BLOCK])
    if not ranges and not changes and reached == state.reached:
        return False
    part = _part(state.next_block - 1, len(ids) + len(changes))
    block, rows = _made(state.next_block, _read(ids.union(changes, part)))

    def body() -> None:
        _still_hold()
        if part:
            _delete(state.next_block - 1)
        SearchState.objects.filter(pk=SearchState.ID).update(reached=reached, next_block=state.next_block + 1)
        if block is not None:
            block.save(force_insert=True)
            bulk.insert(SearchRow, ["id", "entries"], rows)
        SearchedRoom.objects.filter(pk__in=list(ranges)).delete()
        SearchedRoom.objects.bulk_create(SearchedRoom(id=room_id, seq=upto) for room_id, (_, upto) in ranges.items())
        _drop_changes(changes.items())

    run_atomic(body)
    return True


def _part(number: int, more: int) -> list[UUID]:
    """The messages of the last block, if it can be written anew with so many more."""
    block = SearchBlock.objects.filter(pk=number, key=sealed.token_key_number()).first() if more >= LEAST else None
    if block is None or block.size + more > BLOCK:
        return []
    ids = bytes(block.message_ids)
    return [one for one in (postings.id_at(ids, at) for at in range(block.size)) if one.int]


def _delete(block: int) -> None:
    SearchRow.objects.filter(pk__range=_rows_of(block, block)).delete()
    SearchBlock.objects.filter(pk=block).delete()


def _next_in_order(reached: UUID) -> tuple[dict[UUID, tuple[int, int]], UUID]:
    """What the next block of messages, in the order of their ids, has of each room; and the last of these ids."""
    while True:
        following = Message.objects.filter(pk__gt=reached).order_by("pk").values_list("pk", "room_id", "seq")
        some = list(following[:BLOCK])
        if len(some) < PART:
            return {}, reached
        upto: dict[UUID, int] = {}
        for _, room_id, seq in some:
            upto[room_id] = max(seq, upto.get(room_id, 0))
        reached = some[-1][0]
        # In the order of ids a message may be before one that its room has before it. Those come along.
        if ranges := {room_id: (since, min(last, since + BLOCK)) for room_id, (since, last) in missing(upto).items()}:
            return ranges, reached


def _next_of_rooms(reached: UUID) -> tuple[dict[UUID, tuple[int, int]], UUID]:
    """The same for those that were not met in the order of their ids, and for the last ones: room by room."""
    ranges: dict[UUID, tuple[int, int]] = {}
    count = 0
    rooms = dict(Room.objects.filter(last_seq__gt=0).order_by("last_at").values_list("pk", "last_seq"))
    indexed = dict(SearchedRoom.objects.values_list("pk", "seq"))
    for room_id, seq in rooms.items():
        since = indexed.get(room_id, 0)
        if since < seq and count < TOGETHER_MAX and len(ranges) < BLOCK:
            upto = min(seq, since + TOGETHER_MAX - count)
            ranges[room_id] = since, upto
            count += upto - since
    newest = Message.objects.order_by("-pk").values_list("pk", flat=True).first()
    return ranges, max(reached, newest) if newest else reached


def _read(ids: Iterable[UUID]) -> list[_Entry]:
    """What the index has to know of these messages, in the order of their numbers."""
    entries: list[_Entry] = []
    wanted = sorted(ids)
    for at in range(0, len(wanted), 500):
        messages = Message.objects.filter(pk__in=wanted[at : at + 500], recalled_at=None).exclude(type=types.SYSTEM)
        columns = ("room_id", "pk", "sent_at", "sender_id", "type", "content", "details_json")
        for room_id, pk, sent_at, sender_id, type_, *stored in messages.order_by().values_list(*columns):
            words = Message.opened(pk, *stored)
            entries.append(_Entry(room_id, pk, sent_at, _pieces(room_id, sender_id, type_, *words)))
    return sorted(entries, key=lambda entry: entry[:2])


def _pieces(room_id: UUID, sender_id: UUID, type_: str, content: str, details: str) -> set[str]:
    found = {grams.in_room(room_id), grams.said_by(sender_id), grams.has(type_)}
    if has_link(content):
        found.add(grams.has("link"))
    for text in texts_of(type_, content, details):
        found |= grams.grams(searchable(text))
    return found


def _made(number: int, entries: list[_Entry]) -> tuple[SearchBlock | None, list[tuple[int, bytes]]]:
    """A block with its rows, which are not stored yet."""
    if not entries:
        return None, []
    occurrences: dict[str, list[int]] = defaultdict(list)
    for at, entry in enumerate(entries):
        for gram in entry.grams:
            occurrences[gram].append(at)
    ids, times = [entry.id for entry in entries], [entry.sent_at for entry in entries]
    block = SearchBlock(
        id=number,
        size=len(entries),
        first_id=min(ids),
        last_id=max(ids),
        first_at=min(times),
        last_at=max(times),
        rooms=postings.packed_rooms([entry.room_id for entry in entries]),
        message_ids=postings.packed_ids(ids),
        key=sealed.token_key_number(),
    )
    key = sealed.token_key(block.key)
    rows = postings.rows({grams.token(gram, key): members for gram, members in occurrences.items()}, len(entries))
    return block, [(postings.row_id(number, shard), row) for shard, row in sorted(rows.items())]


# Changes --------------------------------------------------------------------------------------------------------------


def _clear_changes(give_up: float) -> int:
    """Take the changed messages out of the blocks in which they are. Returns how many these were."""
    cleared = 0
    while time.monotonic() < give_up:
        changes = list(SearchChange.objects.filter(is_cleared=False).values_list("pk", "version")[:CHANGES_TOGETHER])
        if not changes:
            break
        ids = sorted(pk for pk, _version in changes)
        blocks = SearchBlock.objects.filter(first_id__lte=ids[-1], last_id__gte=ids[0]).order_by("pk")
        for pk in list(blocks.values_list("pk", flat=True)):
            _clear(pk, ids)
        run_atomic(lambda: _note_cleared(changes, ids))  # noqa: B023 -- called before the next round
        cleared += len(changes)
    if cleared:
        erasures.note_database()
    return cleared


def _clear(number: int, ids: list[UUID]) -> None:
    block = SearchBlock.objects.get(pk=number)
    gone = set(postings.numbers_of(bytes(block.message_ids), ids).values())
    if not gone:
        return
    rows = SearchRow.objects.filter(pk__range=_rows_of(number, number))
    changed: dict[int, bytes] = {}
    for pk, entries in rows.order_by("pk").values_list("pk", "entries"):
        left = postings.without(bytes(entries), gone, block.size)
        if left != bytes(entries):
            changed[pk] = left

    def body() -> None:
        _still_hold()
        left = postings.without_ids(bytes(block.message_ids), gone)
        if not any(left):
            _delete(number)
            return
        SearchBlock.objects.filter(pk=number).update(message_ids=left)
        SearchRow.objects.bulk_update(
            [SearchRow(id=pk, entries=one) for pk, one in changed.items() if one], ["entries"]
        )
        SearchRow.objects.filter(pk__in=[pk for pk, one in changed.items() if not one]).delete()

    run_atomic(body)


def _note_cleared(changes: list[tuple[UUID, int]], ids: list[UUID]) -> None:
    _still_hold()
    living = set(Message.objects.filter(pk__in=ids, recalled_at=None).values_list("pk", flat=True))
    _drop_changes((pk, version) for pk, version in changes if pk not in living)
    for pk, version in changes:
        if pk in living:
            SearchChange.objects.filter(pk=pk, version=version).update(is_cleared=True)


def _drop_changes(changes: Iterable[tuple[UUID, int]]) -> None:
    """Forget those that have not changed again meanwhile."""
    for pk, version in changes:
        SearchChange.objects.filter(pk=pk, version=version).delete()
