"""Rate limits: token buckets in Redis, and in this process while Redis is away.

A rate reads "30/10s", "60/h", "10/5m" or "off". A bucket holds the whole allowance and refills evenly.
"""

import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from chatproject.core import redis
from chatproject.core.errors import RateLimited

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_FORM = re.compile(r"(\d+)/(\d*)([smhd])")

#: For each use in turn, takes `cost` tokens from all of its buckets, or from none.
#: The clock is Redis's own, because hosts disagree.
#: KEYS: the buckets, use by use. ARGV: cost, then limit and window (ms) of each bucket of a use.
#: Returns, per use, the milliseconds to wait, 0 if taken; and the index of the empty bucket.
_TAKE = """
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local cost, width = tonumber(ARGV[1]), (#ARGV - 1) / 2
local waits, which = {}, {}
for use = 1, #KEYS / width do
  local tokens, wait, empty = {}, 0, 0
  for place = 1, width do
    local limit, window = tonumber(ARGV[2 * place]), tonumber(ARGV[2 * place + 1])
    local bucket = redis.call('HMGET', KEYS[(use - 1) * width + place], 'tokens', 'at')
    local since = now - (tonumber(bucket[2]) or now)
    tokens[place] = math.min(limit, (tonumber(bucket[1]) or limit) + since * limit / window)
    local needed = math.ceil((cost - tokens[place]) * window / limit)
    if needed > wait then wait, empty = needed, place - 1 end
  end
  if wait == 0 then
    for place = 1, width do
      local key = KEYS[(use - 1) * width + place]
      redis.call('HSET', key, 'tokens', tokens[place] - cost, 'at', now)
      redis.call('PEXPIRE', key, ARGV[2 * place + 1])
    end
  end
  waits[use], which[use] = wait, empty
end
return {waits, which}
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
    """Buckets in this process, used while Redis is away; cleared when there are too many."""

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


def acquire_many(
    rates: Sequence[tuple[str, str]], uses: Sequence[Sequence[str]], *, cost: int = 1, line: redis.Line | None = None
) -> list[RateLimited | None]:
    """Take `cost` tokens for each use, from all of its buckets or from none.

    `rates`: (name, rate) pairs. `uses`: per use, the key charged against each rate. Returns, per use,
    None if the tokens were taken, else the error to raise. `line`: the calling thread's own connection.
    """
    limits = [(name, parsed, place) for place, (name, rate) in enumerate(rates) if (parsed := parse(rate))]
    if not limits:
        return [None] * len(uses)
    keys = [redis.key(f"limit:{name}:{use[place]}") for use in uses for name, _, place in limits]
    numbers = [number for _, rate, _ in limits for number in (rate.limit, rate.window * 1000)]
    try:
        if line is None:
            with redis.client() as connection:
                waits, which = _take_script()(keys, [cost, *numbers], client=connection)
        else:
            waits, which = line.run(_take_script(), keys, [cost, *numbers])
    except redis.Unavailable:
        return [_acquire_here(limits, use, cost) for use in uses]
    return [_refusal(wait / 1000, limits[place][1]) for wait, place in zip(waits, which, strict=True)]


@cache
def _take_script() -> Any:
    """The script, sent by its hash, and in full once if Redis does not know it."""
    with redis.client() as connection:
        return connection.register_script(_TAKE)


def _acquire_here(limits: Sequence[tuple[str, Rate, int]], use: Sequence[str], cost: int) -> RateLimited | None:
    """Take from this process's buckets; if one refuses, tokens of those before it are lost."""
    for name, rate, place in limits:
        if wait := _local.wait(f"limit:{name}:{use[place]}", rate, cost):
            return _refusal(wait, rate)
    return None


def _refusal(seconds: float, rate: Rate) -> RateLimited | None:
    return RateLimited(retry_after=seconds, limit=rate.limit, window=rate.window) if seconds else None


def within_each(name: str, whos: Sequence[str], rate: str) -> list[bool]:
    """Count one use by each of `whos`; for each in turn, whether it was within the limit."""
    return [refused is None for refused in acquire_many([(name, rate)], [(who,) for who in whos])]


def take(name: str, who: str, rate: str) -> None:
    """Count one use by `who` of what `name` limits. Raises RateLimited if none is left."""
    (refused,) = acquire_many([(name, rate)], [(who,)])
    if refused is not None:
        raise refused


def refund(name: str, who: str, rate: str) -> None:
    """Return one token whose use does not count after all, like a sign-in that succeeded."""
    acquire_many([(name, rate)], [(who,)], cost=-1)
