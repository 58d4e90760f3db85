"""Redis for what may be lost: counters, presence, limits, hints. The truth is in the database.

`client()` is for a caller that needs an answer, `write_behind()` for writes that nobody waits for.
"""

from chatproject.core.redis.client import TIMEOUT_SECONDS, Unavailable, client, documented_key, key, script
from chatproject.core.redis.line import Line
from chatproject.core.redis.write_behind import Commands, flush, write_behind, write_behind_folded

__all__ = [
    "TIMEOUT_SECONDS",
    "Commands",
    "Line",
    "Unavailable",
    "client",
    "documented_key",
    "flush",
    "key",
    "script",
    "write_behind",
    "write_behind_folded",
]  # fmt: skip
