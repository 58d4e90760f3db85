"""The keys of stored files: of the installation's key ring, for files alone."""

from django.conf import settings

from chatproject.core import sealing
from chatproject.core.files import elsewhere

_PURPOSE = b"files"


def are_in_use() -> bool:
    """Whether new files are encrypted: not where another server hands them out as they are stored."""
    return not (elsewhere.hands_out() or settings.X_ACCEL_REDIRECT) and sealing.ring() is not None


def current() -> tuple[int, bytes] | None:
    """The number and the key that new files are sealed with; None where they are not encrypted."""
    ring = sealing.ring() if are_in_use() else None
    return ring.derive(_PURPOSE) if ring else None


def of(number: int) -> bytes:
    """The key of a number. Raises LookupError where it is not on the ring."""
    ring = sealing.opening_ring()
    if ring is None:
        raise LookupError(number)
    try:
        return ring.derived(number, _PURPOSE)
    except sealing.NotAuthentic:
        raise LookupError(number) from None
