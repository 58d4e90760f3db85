"""Which parts of a code block are keywords, texts, comments: read in the sandbox, once for each block.

A few at a time, in turns, on threads of their own; past them the answer is `busy`.
"""

import io
from contextlib import suppress

from accounts.models import User
from chatproject.core import redis
from chatproject.core.db.transactions import release_connection
from chatproject.core.sandbox import pool
from chatproject.core.sandbox.turns import Turns, WaitingRoom
from chatproject.core.sealing import NotAuthentic
from chatproject.core.sealing.texts import opened_bytes, sealed_bytes
from messaging import sealed

#: 8,000 characters of any language take a tenth of a second.
LIMITS = pool.Limits(cpu=1, seconds=5, memory=128 * 1024 * 1024)
#: Blocks at the same time, and of one person.
RUNNING_MAX, RUNNING_EACH = 2, 1
#: Those that are read or wait, and of one person.
PRESENT_MAX, PRESENT_EACH = 12, 3
#: Threads for their requests, more than there are places: the next one is refused at once.
THREADS = 16
#: Seconds that a block waits for its turn.
TURN_TIMEOUT_SECONDS = 5.0
#: Seconds that Redis keeps an answer: all members of a group read the same block.
KEPT_SECONDS = 86_400

_room = WaitingRoom(Turns(RUNNING_MAX, RUNNING_EACH), PRESENT_MAX, PRESENT_EACH, TURN_TIMEOUT_SECONDS)


def highlight(*, by: User, code: str, language: str) -> str:
    """A letter for each UTF-16 code unit of `code` (see `messaging.media.code.KINDS`), or "". Blocks. Raises Busy."""
    release_connection()
    key = redis.key(f"code:{sealed.digest(b'code blocks', f'{language} {code}')}")
    with suppress(redis.Unavailable), redis.client() as connection:
        known = connection.get(key)
        if isinstance(known, bytes):
            with suppress(NotAuthentic):
                return opened_bytes(known, key.encode()).decode()
    with _room.turn(str(by.pk)):
        kinds = _read(code, language, str(by.pk))
    with suppress(redis.Unavailable), redis.client() as connection:
        connection.set(key, sealed_bytes(kinds.encode(), key.encode()), ex=KEPT_SECONDS)
    return kinds


def _read(code: str, language: str, by: str) -> str:
    try:
        answer = pool.run(
            "messaging.media.code:highlight",
            reads=io.BytesIO(),
            limits=LIMITS,
            by=by,
            is_quick=True,
            wait=TURN_TIMEOUT_SECONDS,
            code=code,
            language=language,
        )
    except pool.Refused:
        # It took too long, or the lexer cannot read it: the block stays as it is.
        return ""
    kinds = answer.get("kinds")
    return kinds if isinstance(kinds, str) and kinds.isascii() and len(kinds) <= 2 * len(code) else ""
