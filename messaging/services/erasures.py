"""What was recalled, edited or purged is also removed from the files that keep former values: the
write-ahead log of SQLite, and the append-only file of Redis.
"""

import threading
import time

from chatproject.core.db.transactions import scrub_files
from chatproject.core.redis import append_only, flush

#: Seconds between two rewritings of Redis' file, which cost as much as it holds.
REWRITE_SECONDS = 20.0


class _Due:
    """What is to be done in this process. True at its start: the one before may have been killed."""

    def __init__(self) -> None:
        self.database = self.redis = True
        self.is_rewriting = False
        self.rewritten_at = -REWRITE_SECONDS


_due = _Due()
_scrubbing = threading.Lock()


def note() -> None:
    """Text was erased from the database and from Redis: call it after the commit."""
    _due.database = _due.redis = True


def note_database() -> None:
    """The same of what Redis never had."""
    _due.database = True


def scrub() -> None:
    """Do what is due, or leave it to the next time. Blocks for a moment; outside of transactions."""
    with _scrubbing:
        if _due.database:
            _due.database = False
            _due.database = not scrub_files() or _due.database
        _scrub_redis()


def scrub_until_done(seconds: float) -> bool:
    """Do all of it now; False if it takes longer than that. Blocks; outside of transactions."""
    give_up = time.monotonic() + seconds
    note()
    while _due.database or _due.redis or _due.is_rewriting:
        if time.monotonic() > give_up:
            return False
        scrub()
        time.sleep(0.1)
    return True


def _scrub_redis() -> None:
    if _due.is_rewriting:
        is_done = append_only.is_rewritten()
        if is_done is None:
            return
        _due.is_rewriting = False
        _due.redis = _due.redis or not is_done
    if _due.redis and time.monotonic() - _due.rewritten_at >= REWRITE_SECONDS:
        _due.redis = False
        flush()  # the new values of the same keys
        _due.is_rewriting = append_only.rewrite()
        _due.redis = _due.redis or not _due.is_rewriting
        _due.rewritten_at = time.monotonic()
