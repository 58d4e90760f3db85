"""What Redis and the index of searches keep of messages.

In Redis it is sealed where encryption is on, each value for its place. One that is not, or does not open, is taken for
a missing one: the database is the truth.
"""

from functools import lru_cache
from hashlib import blake2b
from uuid import UUID

from chatproject.core import sealing
from chatproject.core.sealing.keyring import VERSION
from chatproject.core.sealing.texts import SEALED, opened_bytes, sealed_bytes

_SEALED = SEALED.encode()


def seal_last(room_id: UUID, json: bytes) -> bytes:
    """A room's last message as Redis keeps it, in whichever of its keys."""
    ring = sealing.ring() if json else None
    return json if ring is None else _sealed_last(room_id, json, ring.current)


@lru_cache(64)  # the same one goes into several keys
def _sealed_last(room_id: UUID, json: bytes, _number: int) -> bytes:
    return sealed_bytes(json, _last(room_id))


def open_last(room_id: UUID, kept: bytes) -> bytes:
    """The message as JSON; b"" where it cannot be believed."""
    if not kept.startswith(_SEALED) and sealing.ring() is not None:
        return b""
    try:
        return opened_bytes(kept, _last(room_id))
    except sealing.NotAuthentic:
        return b""


def _last(room_id: UUID) -> bytes:
    return b"redis last message:" + room_id.bytes


def seal_page(room_id: UUID, name: str, head: bytes, json: bytes) -> bytes:
    """A page of a history: its bytes, which begin as no JSON does. It belongs to its `head`."""
    ring = sealing.ring()
    return json if ring is None else ring.seal(json, _page(room_id, name, head))


def open_page(room_id: UUID, name: str, head: bytes, kept: bytes) -> bytes:
    """The page as JSON; b"" where it cannot be believed."""
    if not kept or kept[0] != VERSION:
        return b"" if sealing.ring() is not None else kept
    ring = sealing.opening_ring()
    try:
        return b"" if ring is None else ring.open(kept, _page(room_id, name, head))
    except sealing.NotAuthentic:
        return b""


def _page(room_id: UUID, name: str, head: bytes) -> bytes:
    return b"redis page:%b:%b:%b" % (room_id.bytes, name.encode(), head)


def token_key(number: int | None) -> bytes:
    """The key by which a block of the index of searches knows its pieces, from that data key; none for None."""
    ring = sealing.opening_ring() if number is not None else None
    if ring is None or number is None:
        return b""
    try:
        return ring.derived(number, b"search tokens")
    except sealing.NotAuthentic:
        return b"lost"


def token_key_number() -> int | None:
    """The data key for new blocks of the index; None where encryption is off."""
    ring = sealing.ring()
    return None if ring is None else ring.current


def digest(purpose: bytes, text: str) -> str:
    """A name for a text, from which nobody without the key learns what it says."""
    ring = sealing.ring()
    key = b"" if ring is None else ring.derive(purpose)[1]
    return blake2b(text.encode("utf-8", "surrogatepass"), key=key, digest_size=32).hexdigest()
