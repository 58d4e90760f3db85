"""Redis for what may be lost: counters, presence, limits, hints. The truth is in the database.

`client()` is for a caller that needs an answer, `write_behind()` for writes that nobody waits for.
"""

from chatproject.core.redis.client import Unavailable, client, documented_key, key, script
from chatproject.core.redis.write_behind import Commands, flush, write_behind, write_behind_folded

__all__ = [
    "Commands",
    "Unavailable",
    "client",
    "documented_key",
    "flush",
    "key",
    "script",
    "write_behind",
    "write_behind_folded",
]  # fmt: skip
