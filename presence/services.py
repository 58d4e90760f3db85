"""Coming and going. The process that holds a socket keeps its person here; any process notices who is gone.

Each verb tells the watchers and answers whose state changed, so that those above can note it and tell more.
"""

from collections.abc import Iterable
from uuid import UUID

from chatproject.core import times
from presence import cache, events

REFRESH_SECONDS = cache.REFRESH
TTL_SECONDS = cache.TTL


def refresh(pairs: Iterable[tuple[UUID, str]]) -> list[UUID]:
    """Keep (user id, socket id) pairs here; the people who came. Raises redis.Unavailable."""
    came = cache.refresh(pairs)
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
    """The people who are gone since the last sweep of any process. Raises redis.Unavailable."""
    gone = cache.sweep()
    events.status(gone, online=False, at=times.now())
    return gone
