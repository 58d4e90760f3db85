"""Coming and going. The process that holds a socket keeps its person here; any process notices who is gone.

Each verb tells the watchers and answers whose state changed, so that those above can note it and tell more.
"""

from collections.abc import Iterable
from uuid import UUID

from chatproject.core import times
from presence import cache, events

REFRESH_SECONDS = cache.REFRESH
TTL_SECONDS = cache.TTL
GRACE_SECONDS = cache.GRACE


def refresh(pairs: Iterable[tuple[UUID, str]], *, is_whole: bool = True) -> list[UUID]:
    """Keep (user id, socket id) pairs here; the people who came. Raises redis.Unavailable.

    `is_whole` at least every other time: it keeps what others read of them in Redis, too.
    """
    came = cache.refresh(pairs, is_whole=is_whole)
    events.status(came, online=True, at=times.now())
    return came


def leave(pairs: Iterable[tuple[UUID, str]]) -> None:
    """These sockets closed; if one was its person's last, the sweep announces it. Raises redis.Unavailable."""
    cache.leave(pairs)


def hide(user_id: UUID) -> bool:
    """A person wants to appear offline from now on; whether he was seen before. Raises redis.Unavailable."""
    was_seen = cache.hide(user_id)
    if was_seen:
        events.status([user_id], online=False, at=times.now())
    return was_seen


def sweep() -> list[UUID]:
    """People who are gone since the last sweep of any process; until nobody is, ask again. Raises redis.Unavailable."""
    gone = cache.sweep()
    events.status(gone, online=False, at=times.now())
    return gone
