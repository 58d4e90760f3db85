"""What the index of searches tells: messages that may say what is wanted, newest first, as far as they are needed."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from chatproject.core.db import bulk
from chatproject.core.errors import Busy
from messaging import sealed
from messaging.models import SearchBlock, SearchRow
from messaging.search_index import grams, postings
from messaging.search_index.postings import Place

T = TypeVar("T")

#: How often a search begins again: a block is written anew every few seconds at most, and a search takes less.
ATTEMPTS = 5
#: Blocks that are looked at together: first the newest, where the newest hits are; each time so many times more.
FIRST_BLOCKS, MORE_BLOCKS, BLOCKS_MAX = 1, 16, 256
#: Candidates that are given more than asked for: now and then one is none. And at most, together.
SPARE, TOGETHER_MAX = 10, 1000
#: Of so few candidates of a block each is asked for its room; of more, each room for its candidates.
FEW = 32

#: For each data key the places of each list of pieces.
_Places = Mapping[int | None, Sequence[Sequence[Place]]]


class Rewritten(Exception):
    """Meanwhile a block was written anew, with other messages."""


class _Block(NamedTuple):
    id: int
    size: int
    last_id: Any  # the greatest one of its messages, unconverted
    key: int | None


def settled(find: Callable[[], T]) -> T:
    """What `find` finds while no block is written anew. Raises Busy."""
    for _ in range(ATTEMPTS):
        try:
            return find()
        except Rewritten:
            continue
    raise Busy()


def candidates(
    pieces: Sequence[Sequence[str]],
    *,
    rooms: Collection[bytes] | None = None,
    before: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    enough: int,
) -> Iterator[list[UUID]]:
    """Messages of the index that have at least one piece of each list, newest first: about `enough` at first, then more
    at a time.

    `rooms`: only theirs, by the bytes of their ids. `since` and `until` leave out whole blocks only. Raises Rewritten.
    """
    end = before.bytes if before else b"\xff" * 16
    blocks = [_Block(*row) for row in _blocks(before, since, until)]
    last_written = max((block.id for block in blocks), default=0)
    look = _Look(_places(pieces, {block.key for block in blocks}), len(pieces), rooms)
    waiting: list[bytes] = []  # may be older than what the next blocks have
    ready: list[bytes] = []
    at, step = 0, FIRST_BLOCKS
    while at < len(blocks):
        looked_into, at = blocks[at : at + step], at + step
        found = [one for one in look.into(looked_into) if one < end]
        waiting += found
        if any(block.id == last_written for block in looked_into):
            _require(last_written)
        newest_left = bulk.bytes_of(blocks[at].last_id) if at < len(blocks) else b""
        ready += sorted((one for one in waiting if one > newest_left), reverse=True)
        waiting = [one for one in waiting if one <= newest_left]
        while len(ready) >= enough:
            some_ready, ready = ready[: enough + SPARE], ready[enough + SPARE :]
            yield [UUID(bytes=one) for one in some_ready]
            enough = min(2 * enough, TOGETHER_MAX)  # these were not enough
        # Not many more than it takes, where each block has some.
        needed = -(-step * (enough - len(ready)) // len(found)) if found else BLOCKS_MAX
        step = max(1, min(needed, MORE_BLOCKS * step, BLOCKS_MAX))
    if ready:
        yield [UUID(bytes=one) for one in ready]


def _require(block: int) -> None:
    """Raise Rewritten if a block that was read is gone: it is the only one that may be."""
    if not SearchBlock.objects.filter(pk=block).exists():
        raise Rewritten()


def _blocks(before: UUID | None, since: datetime | None, until: datetime | None) -> Iterable[Any]:
    """The newest first. One query, which an index answers: the blocks themselves are large."""
    if bulk.speaks_sql() and since is None and until is None:
        query = "SELECT _id, size, last_id, key FROM messaging_searchblock"
        if before is None:
            return bulk.select(f"{query} ORDER BY last_id DESC", [])
        return bulk.select(f"{query} WHERE first_id < %s ORDER BY last_id DESC", [bulk.to_db_value(before)])
    blocks = SearchBlock.objects.order_by("-last_id")
    if before is not None:
        blocks = blocks.filter(first_id__lt=before)
    if since is not None:
        blocks = blocks.filter(last_at__gte=since)
    if until is not None:
        blocks = blocks.filter(first_at__lt=until)
    return blocks.values_list("pk", "size", bulk.unconverted("last_id"), "key")


def _places(pieces: Sequence[Sequence[str]], keys: Collection[int | None]) -> _Places:
    found = {}
    for key in keys:
        secret = sealed.token_key(key)
        found[key] = [[postings.place(grams.token(gram, secret)) for gram in one] for one in pieces]
    return found


@dataclass(slots=True)
class _Look:
    """One search's look into blocks."""

    places: _Places
    lists: int
    rooms: Collection[bytes] | None
    #: How often each list was met in the first blocks: the rarest is asked first.
    met: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.met = [0] * self.lists

    def into(self, blocks: Sequence[_Block]) -> Iterator[bytes]:
        """The ids of the messages of these blocks that have a piece of each list. Three queries at most."""
        sets = self._sets(blocks)
        if not sets:
            return
        columns = ("pk", "message_ids") if self.rooms is None else ("pk", "message_ids", "rooms")
        found: Any = SearchBlock.objects.filter(pk__in=list(sets)).order_by().values_list(*columns)
        for pk, message_ids, *of_rooms in found:
            ids = bytes(message_ids)
            numbers = self._numbers(sets[pk], *map(bytes, of_rooms))
            yield from (ids[16 * number : 16 * number + 16] for number in numbers)

    def _numbers(self, bits: int, of_rooms: bytes = b"") -> list[int]:
        """The numbers in a set whose messages are in the rooms."""
        if self.rooms is None:
            return postings.numbers(bits)
        if bits.bit_count() > FEW:
            return postings.numbers(bits & postings.within(of_rooms, self.rooms))
        return [one for one in postings.numbers(bits) if postings.room_of(of_rooms, one) in self.rooms]

    def _sets(self, blocks: Sequence[_Block]) -> dict[int, int]:
        """For each block the messages that have a piece of each list, where there are any. Two queries at most."""
        sets = {block: (1 << block.size) - 1 for block in blocks}
        order = sorted(range(self.lists), key=self.met.__getitem__)
        # Most blocks do not have the rarest, and need not be asked for the others.
        for lists in (order[:1], order[1:]) if len(blocks) > 1 else (order,):
            rows = self._rows(sets, lists)
            for number in lists:
                for block in sets:
                    either = self._either(block, number, rows)
                    sets[block] &= either
                    if len(blocks) == 1:
                        self.met[number] += either.bit_count()
            sets = {block: bits for block, bits in sets.items() if bits}
        return {block.id: bits for block, bits in sets.items()}

    def _rows(self, blocks: Iterable[_Block], lists: Sequence[int]) -> dict[int, Any]:
        shards = {
            key: {place.shard for number in lists for place in of_key[number]} for key, of_key in self.places.items()
        }
        keys = [postings.row_id(block.id, shard) for block in blocks for shard in shards[block.key]]
        if not bulk.speaks_sql():
            return dict(SearchRow.objects.filter(pk__in=keys).order_by().values_list("pk", "entries"))
        return dict(bulk.select_among("SELECT _id, entries FROM messaging_searchrow WHERE _id IN", [], keys))

    def _either(self, block: _Block, number: int, rows: Mapping[int, Any]) -> int:
        """The messages of a block that have a piece of a list."""
        bits = 0
        for place in self.places[block.key][number]:
            if row := rows.get(postings.row_id(block.id, place.shard)):
                bits |= postings.found(bytes(row), place.rest, block.size)
        return bits
