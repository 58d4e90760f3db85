"""Redis for what may be lost: counters, presence, limits, hints. The truth is in the database.

`client()` is for a caller that needs an answer, within `TIMEOUT` seconds or an exception; `later()` is for
writes that nobody waits for.
"""

import atexit
import functools
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis
from django.conf import settings

log = logging.getLogger(__name__)

#: Seconds a caller waits for Redis before doing without it.
TIMEOUT = 0.3
#: Seconds for which nobody asks a Redis that just failed: one slow answer, not one per request.
PAUSE = 1.0
#: Seconds a write waits: what changes twice meanwhile is written once, and those who wait for what caused it go first.
FOLD = 0.02
#: Pauses between writes are so many times as long as writing took: others ask Redis, too, and wait for the answer.
SHARE = 9
#: Folded writes kept while Redis is away; past this the newest are dropped, and read paths rebuild them.
PENDING = 20_000

Unavailable = redis.RedisError
NoScript = redis.exceptions.NoScriptError


@functools.cache
def _pool() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, health_check_interval=10
    )


_failed_at = 0.0


@contextmanager
def client() -> Iterator[redis.Redis]:
    """The shared client, for any thread. Raises `Unavailable`, at once while Redis is known to be away."""
    global _failed_at
    if time.monotonic() - _failed_at < PAUSE:
        raise redis.ConnectionError("Redis was away a moment ago")
    try:
        yield _pool()
    except (redis.ConnectionError, redis.TimeoutError):
        _failed_at = time.monotonic()
        raise


class _Line(threading.local):
    """A thread's own connection, for questions whose answers are read later."""

    connection: Any = None
    #: A question was asked whose answer nobody read.
    is_owed = False


_line = _Line()


def ask(*words: bytes) -> Callable[[], Any]:
    """Send a command now, and read the answer when what comes back is called: something else can be done meanwhile.

    The answer raises `Unavailable`; nothing else does. One question at a time and thread: the next drops the last.
    """
    try:
        _send(words)
    except Unavailable as away:
        return functools.partial(_raise, away)
    return _read


def _send(words: tuple[bytes, ...]) -> None:
    with client() as shared:
        wire = _line.connection
        if wire is None:
            wire = _line.connection = shared.connection_pool.make_connection()
        if _line.is_owed:
            wire.disconnect()
        wire.send_packed_command([packed(*words)], check_health=False)
        _line.is_owed = True


def _read() -> Any:
    with client():
        try:
            return _line.connection.read_response()  # it disconnects where that fails
        finally:
            _line.is_owed = False


def _raise(error: Exception) -> None:
    raise error


def packed(*words: bytes) -> bytes:
    """A command in RESP, Redis's protocol."""
    return b"*%d\r\n" % len(words) + b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words])


Commands = Sequence[tuple[Any, ...]]


class _Later:
    """Writes that may be lost, folded by key and sent by one thread in one pipeline."""

    def __init__(self) -> None:
        self._pending: dict[str, Callable[[], Commands]] = {}
        self._wake = threading.Condition()
        self._sending = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, key: str, commands: Callable[[], Commands]) -> None:
        with self._wake:
            if len(self._pending) >= PENDING and key not in self._pending:
                return
            self._pending.pop(key, None)  # what is written last goes out last
            self._pending[key] = commands
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="redis-later", daemon=True)
                self._thread.start()
                atexit.register(self.flush)
            self._wake.notify()

    def flush(self) -> None:
        """Send what is pending now, in the caller's thread; what another thread is sending has been sent, too."""
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
            # Not kept for later: a key that misses this write expires or is rebuilt by its owner's read.
            log.warning("redis: %d folded writes lost: %s", len(batch), type(error).__name__)

    def _run(self) -> None:
        pause = FOLD
        while True:
            with self._wake:
                while not self._pending:
                    self._wake.wait()
            time.sleep(pause)
            began = time.monotonic()
            self.flush()
            pause = min(max(FOLD, SHARE * (time.monotonic() - began)), PAUSE)


_later = _Later()


def later(key: str, *commands: tuple[Any, ...]) -> None:
    """Write soon, without waiting and without a promise. A later write under the same `key` replaces this one."""
    _later.put(key, lambda: commands)


def later_folded(key: str, commands: Callable[[], Commands]) -> None:
    """The same of commands that are made when their time has come, of all that was said under this `key` until then."""
    _later.put(key, commands)


def flush() -> None:
    """Send every folded write now; for commands that end, and for tests."""
    _later.flush()
