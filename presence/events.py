"""Events for those who watch a user's presence."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from chatproject.core import hub, redis
from chatproject.core.times import iso

#: Up to so many changes are published without asking first whether anybody watches.
FEW = 20


def status(user_ids: Iterable[UUID], *, online: bool, at: datetime) -> None:
    for user_id in _watched(list(user_ids)):
        payload = {"userId": str(user_id), "online": online, "lastActive": iso(at)}
        hub.publish(hub.status_topic(user_id), "OnUserStatus", payload)


def _watched(user_ids: list[UUID]) -> list[UUID]:
    """Those of many users who have watchers.

    A client that starts watching now reads the stored status.
    """
    if len(user_ids) <= FEW:
        return user_ids
    try:
        watched = hub.subscribed([hub.status_topic(user_id) for user_id in user_ids])
    except redis.Unavailable:
        return user_ids
    return [user_id for user_id, is_watched in zip(user_ids, watched, strict=True) if is_watched]
