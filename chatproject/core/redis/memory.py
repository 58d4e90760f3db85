"""What a Redis server of one's own does when its memory is full, asked once at the start."""

import logging
from typing import Any

from django.conf import settings

from chatproject.core.redis.client import Unavailable, client

log = logging.getLogger(__name__)


def check() -> None:
    """Log a warning if the server would give up presence and limits, or has no limit of its own."""
    if settings.REDIS_EMBEDDED:
        return
    try:
        with client() as connection:
            memory: Any = connection.info("memory")
    except Unavailable as away:
        log.info("redis: its memory was not looked at: %s", away)
        return
    if warning := concern(memory):
        log.warning("redis: %s", warning)


def concern(memory: Any) -> str:
    """What is wrong with the limits in this answer of `INFO memory`; "" if nothing is."""
    most, policy = memory.get("maxmemory", 0), memory.get("maxmemory_policy", "")
    if not most:
        return "it has no `maxmemory`: set one, beyond HISTORY_CACHE_BYTES, and the chat keeps below nine tenths of it."
    if policy.startswith("allkeys"):
        return (
            f"`maxmemory-policy {policy}` gives up what holds limits and what the chat remembers while pages of "
            "histories are kept. Set `volatile-lru` or `noeviction`: the chat gives up pages before memory is full."
        )
    if most < settings.HISTORY_CACHE_BYTES:
        return f"`maxmemory` {most} is less than HISTORY_CACHE_BYTES, {settings.HISTORY_CACHE_BYTES}: few pages stay."
    return ""
