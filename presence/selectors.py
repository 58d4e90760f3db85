"""Who is online, as user ids. Without Redis nobody is."""

from collections.abc import Iterable
from uuid import UUID

from chatproject.core import redis
from presence import cache


def online_among(user_ids: Iterable[UUID]) -> set[UUID]:
    try:
        return cache.online_among(user_ids)
    except redis.Unavailable:
        return set()


def online(limit: int) -> list[UUID]:
    try:
        return cache.online(limit)
    except redis.Unavailable:
        return []


def count() -> int:
    try:
        return cache.count()
    except redis.Unavailable:
        return 0
