"""How often somebody may do something: token buckets in Redis, and in this process while Redis is away.

A rate reads "30/10s", "60/h", "10/5m" or "off". A bucket holds the whole allowance and refills evenly.
"""

import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import cast

from chatproject.core import redis
from chatproject.core.errors import RateLimited

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_FORM = re.compile(r"(\d+)/(\d*)([smhd])")

#: Takes `cost` tokens from each bucket in turn, or says how long to wait. The clock is Redis's own: hosts disagree.
#: KEYS buckets; ARGV limit, window in seconds, cost → for each, milliseconds to wait, 0 when taken.
_TAKE = """
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local limit, window, cost = tonumber(ARGV[1]), tonumber(ARGV[2]) * 1000, tonumber(ARGV[3])
local waits = {}
for place, key in ipairs(KEYS) do
  local bucket = redis.call('HMGET', key, 'tokens', 'at')
  local tokens = math.min(limit, (tonumber(bucket[1]) or limit) + (now - (tonumber(bucket[2]) or now)) * limit / window)
  if tokens < cost then
    waits[place] = math.ceil((cost - tokens) * window / limit)
  else
    redis.call('HSET', key, 'tokens', tokens - cost, 'at', now)
    redis.call('PEXPIRE', key, window)
    waits[place] = 0
  end
end
return waits
"""


@dataclass(frozen=True, slots=True)
class Rate:
    limit: int
    window: int  # seconds


@cache
def parse(text: str) -> Rate | None:
    """A rate from its text; None for "off". ValueError when it is neither."""
    if text == "off":
        return None
    form = _FORM.fullmatch(text)
    if not form or int(form[1]) < 1:
        raise ValueError(f"not a rate: {text!r} (like 30/10s, 60/h, or off)")
    return Rate(int(form[1]), int(form[2] or 1) * _SECONDS[form[3]])


class _Local:
    """The same buckets in this process's memory: a fallback, forgotten when it grows."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def wait(self, key: str, rate: Rate, cost: int) -> float:
        now = time.monotonic()
        with self._lock:
            if len(self._buckets) > 10_000:
                self._buckets.clear()
            tokens, at = self._buckets.get(key, (float(rate.limit), now))
            tokens = min(rate.limit, tokens + (now - at) * rate.limit / rate.window)
            if tokens < cost:
                return (cost - tokens) * rate.window / rate.limit
            self._buckets[key] = (tokens - cost, now)
            return 0.0


_local = _Local()


def wait_each(name: str, whos: Sequence[str], rate: str, *, cost: int = 1) -> list[float]:
    """For each of `whos` in turn, take `cost` of his tokens and answer 0, or take none and answer the seconds left."""
    parsed = parse(rate)
    if parsed is None:
        return [0.0] * len(whos)
    keys = [f"limit:{name}:{who}" for who in whos]
    try:
        with redis.client() as connection:
            waits = connection.eval(_TAKE, len(keys), *keys, str(parsed.limit), str(parsed.window), str(cost))
        return [int(milliseconds) / 1000 for milliseconds in cast(list[int], waits)]
    except redis.Unavailable:
        return [_local.wait(key, parsed, cost) for key in keys]


def refusal(seconds: float, rate: str) -> RateLimited:
    """What to tell somebody who has to wait."""
    parsed = parse(rate)
    return RateLimited(retry_after=seconds, limit=parsed.limit if parsed else 0, window=parsed.window if parsed else 0)


def take(name: str, who: str, rate: str) -> None:
    """Count one use by `who` of what `name` limits. Raises RateLimited when there is no allowance left."""
    (seconds,) = wait_each(name, [who], rate)
    if seconds:
        raise refusal(seconds, rate)


def give_back(name: str, who: str, rate: str) -> None:
    """Return one token: what it was taken for did not count after all (a sign-in that succeeded)."""
    wait_each(name, [who], rate, cost=-1)
