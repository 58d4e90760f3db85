"""How the index is written: for each piece, in which messages of a block it occurs.

A block is some thousand messages, each with a number in it, in the order of their rooms. For each token there is a
set of such numbers, as a bitmap or, of few, as a list. All sets of a block lie in SHARDS rows, sorted by tokens; a
search reads of each block the row of each token. Sets are integers here, whose bits are messages' numbers.
"""

import struct
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from messaging.search_index.grams import TOKEN_BITS

#: Rows of a block: about one kilobyte each, which every database keeps within a page.
SHARD_BITS = 8
SHARDS = 1 << SHARD_BITS
_REST_BITS = TOKEN_BITS - SHARD_BITS
_REST = (1 << _REST_BITS) - 1
#: Messages of a block at most: their numbers have 16 bits.
MESSAGES_MAX = 1 << 16

_COUNT = struct.Struct("<I")
_ROOM = struct.Struct("<16sII")
_START = struct.Struct("<I")


class Place(NamedTuple):
    """Where the set of a token is: in which row of its block, and under which number there."""

    shard: int
    rest: int


def place(token: int) -> Place:
    return Place(token >> _REST_BITS, token & _REST)


def row_id(block: int, shard: int) -> int:
    """The key of a block's row. Blocks are written one after the other, so a table of them grows at its end."""
    return block << SHARD_BITS | shard


def block_of(row: int) -> int:
    return row >> SHARD_BITS


# Sets of messages -----------------------------------------------------------------------------------------------------


def numbers(bits: int) -> list[int]:
    """The numbers in a set."""
    digits = bin(bits)[:1:-1]
    found = []
    at = digits.find("1")
    while at >= 0:
        found.append(at)
        at = digits.find("1", at + 1)
    return found


def _packed(members: Sequence[int], size: int) -> bytes:
    """A set of a block of `size` messages. `members` are sorted."""
    whole = -(-size // 8)
    if 2 * len(members) < whole:
        return struct.pack(f"<{len(members)}H", *members)
    bits = bytearray(whole)
    for one in members:
        bits[one >> 3] |= 1 << (one & 7)
    return bytes(bits)


def _unpacked(packed: bytes, size: int) -> int:
    if len(packed) == -(-size // 8):
        return int.from_bytes(packed, "little")
    bits = bytearray(-(-size // 8))
    for one in struct.unpack(f"<{len(packed) // 2}H", packed):
        bits[one >> 3] |= 1 << (one & 7)
    return int.from_bytes(bits, "little")


def _without(packed: bytes, gone: Collection[int], size: int) -> bytes:
    if len(packed) == -(-size // 8):
        bits = bytearray(packed)
        for one in gone:
            bits[one >> 3] &= ~(1 << (one & 7))
        return bytes(bits) if any(bits) else b""
    members = struct.unpack(f"<{len(packed) // 2}H", packed)
    left = [one for one in members if one not in gone]
    return packed if len(left) == len(members) else struct.pack(f"<{len(left)}H", *left)


# Rows -----------------------------------------------------------------------------------------------------------------


def rows(occurrences: Mapping[int, Sequence[int]], size: int) -> dict[int, bytes]:
    """The rows of a block by their shards, from the messages of each token."""
    shards: dict[int, list[tuple[int, bytes]]] = {}
    for token, members in occurrences.items():
        where = place(token)
        shards.setdefault(where.shard, []).append((where.rest, _packed(members, size)))
    return {shard: _row(sorted(entries)) for shard, entries in shards.items()}


def found(row: bytes, rest: int, size: int) -> int:
    """The set of a token in its row; 0 where it has none."""
    (count,) = _COUNT.unpack_from(row)
    rests = struct.unpack_from(f"<{count}I", row, 4)
    at = bisect_left(rests, rest)
    if at == count or rests[at] != rest:
        return 0
    return _unpacked(_entry(row, count, at), size)


def without(row: bytes, gone: Collection[int], size: int) -> bytes:
    """A row in which these messages occur nowhere; the same one if nothing changed, b"" if nothing is left."""
    (count,) = _COUNT.unpack_from(row)
    rests = struct.unpack_from(f"<{count}I", row, 4)
    before = [_entry(row, count, at) for at in range(count)]
    after = [_without(entry, gone, size) for entry in before]
    if before == after:
        return row
    entries = [(rest, entry) for rest, entry in zip(rests, after, strict=True) if entry]
    return _row(entries) if entries else b""


def _row(entries: Sequence[tuple[int, bytes]]) -> bytes:
    ends, end = [], 0
    for _rest, packed in entries:
        end += len(packed)
        ends.append(end)
    count = len(entries)
    head = struct.pack(f"<I{count}I{count}I", count, *(rest for rest, _packed in entries), *ends)
    return head + b"".join(packed for _rest, packed in entries)


def _entry(row: bytes, count: int, at: int) -> bytes:
    ends, data = 4 + 4 * count, 4 + 8 * count
    start = _COUNT.unpack_from(row, ends + 4 * (at - 1))[0] if at else 0
    return row[data + start : data + _COUNT.unpack_from(row, ends + 4 * at)[0]]


# Who is in a block ----------------------------------------------------------------------------------------------------


def packed_ids(ids: Iterable[UUID]) -> bytes:
    return b"".join(one.bytes for one in ids)


def id_at(ids: bytes, number: int) -> UUID:
    return UUID(bytes=ids[16 * number : 16 * number + 16])


def numbers_of(ids: bytes, wanted: Iterable[UUID]) -> dict[UUID, int]:
    """The numbers of those messages that are in the block."""
    found = {}
    for one in wanted:
        at = ids.find(one.bytes)
        while at >= 0 and at % 16:
            at = ids.find(one.bytes, at + 1)
        if at >= 0:
            found[one] = at // 16
    return found


def without_ids(ids: bytes, gone: Iterable[int]) -> bytes:
    left = bytearray(ids)
    for number in gone:
        left[16 * number : 16 * number + 16] = bytes(16)
    return bytes(left)


def packed_rooms(room_ids: Sequence[UUID]) -> bytes:
    """The stretch of each room, from the rooms of the messages in their order."""
    packed, start = [], 0
    for number, room_id in enumerate(room_ids):
        if number + 1 == len(room_ids) or room_ids[number + 1] != room_id:
            packed.append(_ROOM.pack(room_id.bytes, start, number + 1))
            start = number + 1
    return b"".join(packed)


def within(rooms: bytes, wanted: Collection[bytes]) -> int:
    """The set of the messages in these rooms, which are given as bytes."""
    bits = 0
    for room_id, start, end in _ROOM.iter_unpack(rooms):
        if room_id in wanted:
            bits |= (1 << end) - (1 << start)
    return bits


def room_of(rooms: bytes, number: int) -> bytes:
    """The room of a message, as bytes; b"" where there is none."""
    at = bisect_right(
        range(len(rooms) // _ROOM.size), number, key=lambda one: _START.unpack_from(rooms, _start(one))[0]
    )
    return rooms[_ROOM.size * (at - 1) : _ROOM.size * (at - 1) + 16] if at else b""


def _start(stretch: int) -> int:
    return _ROOM.size * stretch + 16
