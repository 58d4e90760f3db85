"""Redis writes that nobody waits for, sent by one thread in pipelines; lost while Redis is away."""

import atexit
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from chatproject.core.redis.client import Unavailable, client

log = logging.getLogger(__name__)

#: Seconds a write waits: a key that changes twice meanwhile is written once.
FOLD_SECONDS = 0.02
#: A pause between batches lasts so many times as long as the last batch, for other users of Redis.
PAUSE_FACTOR = 9
#: Seconds that such a pause lasts at most.
PAUSE_MAX_SECONDS = 1.0
#: Writes kept while Redis is away; past this, new ones are dropped, and read paths rebuild them.
PENDING_MAX = 20_000

Commands = Sequence[tuple[Any, ...]]


class _WriteBehind:
    """The pending writes of this process, by key, and the thread that sends them."""

    def __init__(self) -> None:
        self._pending: dict[str, Callable[[], Commands]] = {}
        self._wake = threading.Condition()
        self._sending = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, key: str, commands: Callable[[], Commands]) -> None:
        with self._wake:
            if len(self._pending) >= PENDING_MAX and key not in self._pending:
                return
            self._pending.pop(key, None)  # the order is that of the last writes
            self._pending[key] = commands
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="redis-write-behind", daemon=True)
                self._thread.start()
                atexit.register(self.flush)
            self._wake.notify()

    def flush(self) -> None:
        """Send all pending writes in the caller's thread, after the batch that is being sent."""
        with self._sending:
            self._flush()

    def _flush(self) -> None:
        with self._wake:
            batch, self._pending = self._pending, {}
        if not batch:
            return
        try:
            with client() as connection, connection.pipeline(transaction=False) as pipeline:
                for commands in batch.values():
                    for command in commands():
                        pipeline.execute_command(*command)
                pipeline.execute()
        except Unavailable as error:
            # Not kept: a key that misses this write expires, or its owner's next read rebuilds it.
            log.warning("redis: %d folded writes lost: %s", len(batch), type(error).__name__)

    def _run(self) -> None:
        pause = FOLD_SECONDS
        while True:
            with self._wake:
                while not self._pending:
                    self._wake.wait()
            time.sleep(pause)
            began = time.monotonic()
            self.flush()
            pause = min(max(FOLD_SECONDS, PAUSE_FACTOR * (time.monotonic() - began)), PAUSE_MAX_SECONDS)


_write_behind = _WriteBehind()


def write_behind(key: str, *commands: tuple[Any, ...]) -> None:
    """Write soon, without waiting or a guarantee; a later write under `key` replaces this one."""
    _write_behind.put(key, lambda: commands)


def write_behind_folded(key: str, commands: Callable[[], Commands]) -> None:
    """Like `write_behind`, but `commands()` runs at flush time, for all writes under `key`."""
    _write_behind.put(key, commands)


def flush() -> None:
    """Send every folded write now; for commands that end, and for tests."""
    _write_behind.flush()
