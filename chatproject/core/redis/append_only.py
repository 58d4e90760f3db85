"""The append-only file of Redis, which keeps every former value until it is rewritten."""

import logging
from typing import Any

import redis

from chatproject.core.redis.client import Unavailable, client

log = logging.getLogger(__name__)


def _persistence(connection: redis.Redis) -> dict[str, Any]:
    found: Any = connection.info("persistence")  # redis-py's type is also that of its asynchronous client
    return dict(found)


def rewrite() -> bool:
    """Begin to rewrite the file from what Redis holds now, without former values.

    Returns false if that has to be tried again; true also where there is no such file, or where we may not.
    """
    try:
        with client() as connection:
            if not _persistence(connection).get("aof_enabled"):
                return True
            connection.execute_command("BGREWRITEAOF")
    except redis.exceptions.NoPermissionError:
        log.warning("redis: not allowed to rewrite the append-only file; recalled messages stay in it for a while")
        return True
    except Unavailable:  # also: one is being rewritten, from what Redis held earlier
        return False
    return True


def is_rewritten() -> bool | None:
    """Whether the rewriting succeeded; None while it goes on, or while Redis is away."""
    try:
        with client() as connection:
            state = _persistence(connection)
    except Unavailable:
        return None
    if state.get("aof_rewrite_in_progress") or state.get("aof_rewrite_scheduled"):
        return None
    return bool(state.get("aof_last_bgrewrite_status", "ok") == "ok")
