"""Writes to presence.

The process that holds a socket keeps its user online; any process finds the expired.

Each function publishes to the watchers and returns the users whose state changed, for the apps
above.
"""

from collections.abc import Iterable
from uuid import UUID

from chatproject.core import times
from presence import cache, events

REFRESH_SECONDS = cache.REFRESH
TTL_SECONDS = cache.TTL
GRACE_SECONDS = cache.GRACE


def refresh(pairs: Iterable[tuple[UUID, str]], *, is_whole: bool = True) -> list[UUID]:
    """Keep (user id, socket id) pairs online; returns the users who came online.

    Raises redis.Unavailable.

    `is_whole` also refreshes the keys for outside readers, and is needed at least every other time.
    """
    came = cache.refresh(pairs, is_whole=is_whole)
    events.status(came, online=True, at=times.now())
    return came


def leave(pairs: Iterable[tuple[UUID, str]]) -> None:
    """Remove closed sockets; a user without another goes offline with a sweep.

    Raises redis.Unavailable.
    """
    cache.leave(pairs)


def hide(user_id: UUID) -> bool:
    """Let a user appear offline; returns whether they were online. Raises redis.Unavailable."""
    was_seen = cache.hide(user_id)
    if was_seen:
        events.status([user_id], online=False, at=times.now())
    return was_seen


def sweep() -> list[UUID]:
    """Take and announce a batch of expired users; call it until it is empty.

    Raises redis.Unavailable.
    """
    gone = cache.sweep()
    events.status(gone, online=False, at=times.now())
    return gone
