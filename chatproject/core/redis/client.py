"""The synchronous Redis client: an answer within TIMEOUT_SECONDS, or an exception."""

import functools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from django.conf import settings
from django_redis.pool import ConnectionFactory
from redis.client import Pipeline

from chatproject.core import metrics, tracing
from chatproject.core.redis.address import connection_pool

#: Seconds a caller waits for Redis before doing without it.
TIMEOUT_SECONDS = 0.3
#: Seconds without attempts after a failure, so that one request is slow and not every one.
AWAY_SECONDS = 1.0

Unavailable = redis.RedisError


@functools.cache
def _pool() -> redis.ConnectionPool:
    return connection_pool(
        settings.REDIS_URL,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        health_check_interval=10,
    )


_PIPELINE = {"db.system.name": "redis", "db.operation.name": "PIPELINE"}


class _TimedPipeline(Pipeline):
    def execute(self, raise_on_error: bool = True) -> Any:
        with metrics.timed(metrics.redis_seconds), tracing.span_within("redis", **_PIPELINE):
            return super().execute(raise_on_error)


class _TimedRedis(redis.Redis):
    def execute_command(self, *args: Any, **options: Any) -> Any:
        with metrics.timed(metrics.redis_seconds):
            if not tracing.is_on():
                return super().execute_command(*args, **options)
            # The name alone: keys have ids, and values texts.
            with tracing.span_within("redis", **{"db.system.name": "redis", "db.operation.name": str(args[0])}):
                return super().execute_command(*args, **options)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        return _TimedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


@functools.cache
def _client() -> redis.Redis:
    return _TimedRedis(connection_pool=_pool())


class SharedConnections(ConnectionFactory):
    """Gives django-redis the connections of this module, so that the cache uses Sentinels, too."""

    def get_or_create_connection_pool(self, params: dict[str, Any]) -> redis.ConnectionPool:
        return _pool()


_failed_at = 0.0


@contextmanager
def client() -> Iterator[redis.Redis]:
    """The shared client, for any thread. Raises `Unavailable`, at once after a recent failure."""
    with guarded():
        yield _client()


def connection() -> Any:
    """A connection that its caller keeps. Raises `Unavailable`."""
    return _pool().get_connection()


@contextmanager
def guarded() -> Iterator[None]:
    """Around what speaks to Redis: after a failure nothing is tried for a while. Raises `Unavailable`."""
    global _failed_at
    if time.monotonic() - _failed_at < AWAY_SECONDS:
        raise redis.ConnectionError("Redis was away a moment ago")
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError):
        _failed_at = time.monotonic()
        raise


def key(name: str) -> str:
    """A key that only this application reads: it carries the installation's prefix."""
    return settings.REDIS_KEY_PREFIX + name


def documented_key(name: str) -> str:
    """A key that operators know by name: it carries a prefix only if REDIS_PREFIX is set."""
    return settings.REDIS_DOCUMENTED_KEY_PREFIX + name


def script(source: str) -> str:
    """A Lua script with `own` and `documented`, the prefixes of `key` and `documented_key`."""
    return f"local own, documented = '{key('')}', '{documented_key('')}'\n{source}"
