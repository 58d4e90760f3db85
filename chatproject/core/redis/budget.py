"""One budget per person for everything that costs the server something: points of RATE_ACTIONS.

A use is charged in this process, without a question to anybody: a microsecond. What a person spent here is
settled with the other processes through Redis when it is a part of the budget worth mentioning, so that
all doors and processes share one bucket. Until then each process may let through SHARE of it beyond.
While Redis is away each process has its own.
"""

import threading
import time
from collections.abc import Hashable
from functools import cache
from typing import Any

from django.conf import settings

from chatproject.core import redis
from chatproject.core.errors import RateLimited
from chatproject.core.redis.rate_limits import Rate, parse

#: The part of the budget that a process spends before it settles.
SHARE = 0.05

#: Takes what was spent from each bucket, which may then owe at most a whole budget.
#: KEYS: the buckets. ARGV: limit, window (ms), then what was spent of each. Returns what each holds, as texts.
_SETTLE = """
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local left = {}
for place, key in ipairs(KEYS) do
  local bucket = redis.call('HMGET', key, 'tokens', 'at')
  local since = now - (tonumber(bucket[2]) or now)
  local tokens = math.min(limit, (tonumber(bucket[1]) or limit) + since * limit / window)
  tokens = math.max(-limit, tokens - tonumber(ARGV[place + 2]))
  redis.call('HSET', key, 'tokens', tokens, 'at', now)
  redis.call('PEXPIRE', key, 2 * window)
  left[place] = tostring(tokens)
end
return left
"""


class _Purse:
    """What one person has left, as this process knows it."""

    __slots__ = ("at", "left", "unsettled")

    def __init__(self, left: float, at: float) -> None:
        self.left = left
        self.at = at
        self.unsettled = 0.0

    def refill(self, rate: Rate, now: float) -> None:
        self.left = min(rate.limit, self.left + (now - self.at) * rate.limit / rate.window)
        self.at = now

    def take(self, cost: float, rate: Rate) -> None:
        self.left = max(-rate.limit, self.left - cost)
        self.unsettled += cost


_purses: dict[Hashable, _Purse] = {}
_due: set[Hashable] = set()
_lock = threading.Lock()


def spend(who: Hashable, cost: float) -> None:
    """Charge `cost` points to `who`. Raises RateLimited, and charges nothing, if they are not left."""
    _spend(who, cost, is_refusable=True)


def charge(who: Hashable, cost: float) -> None:
    """Charge what an action turned out to cost, after it: the person may owe it."""
    _spend(who, cost, is_refusable=False)


def _spend(who: Hashable, cost: float, *, is_refusable: bool) -> None:
    rate = parse(settings.RATE_ACTIONS)
    if rate is None or not cost:
        return
    now = time.monotonic()
    with _lock:
        purse = _purses.get(who)
        if purse is None:
            purse = _purses[who] = _Purse(rate.limit, now)
        purse.refill(rate, now)
        # An action that costs more than anybody ever has is for a full purse.
        missing = min(cost, rate.limit) - purse.left if is_refusable else 0
        if missing > 0:
            raise RateLimited(retry_after=missing * rate.window / rate.limit, limit=rate.limit, window=rate.window)
        purse.take(cost, rate)
        if purse.unsettled >= rate.limit * SHARE:
            _due.add(who)


def is_settlement_due() -> bool:
    """Whether somebody spent so much here that the other processes should know."""
    return bool(_due)


def settle() -> None:
    """Tell the other processes what was spent here, and learn what was spent there. One round trip."""
    rate = parse(settings.RATE_ACTIONS)
    with _lock:
        told = {who: _purses[who].unsettled for who in _due if who in _purses}
        _due.clear()
    if rate is None or not told:
        return
    keys = [redis.key(f"limit:actions:{who}") for who in told]
    try:
        with redis.client() as connection:
            left = _settle_script()(keys, [rate.limit, rate.window * 1000, *told.values()], client=connection)
    except redis.Unavailable:
        return  # what was not told stays unsettled, and is told with the next use
    now = time.monotonic()
    with _lock:
        for (who, spent), shared in zip(told.items(), left, strict=True):
            purse = _purses.get(who)
            if purse is not None:
                purse.unsettled -= spent
                purse.left, purse.at = float(shared) - purse.unsettled, now


@cache
def _settle_script() -> Any:
    with redis.client() as connection:
        return connection.register_script(_SETTLE)


def forget_full() -> None:
    """Forget people who have their whole budget again: a new purse is the same."""
    rate = parse(settings.RATE_ACTIONS)
    now = time.monotonic()
    with _lock:
        for who, purse in list(_purses.items()):
            if rate is not None:
                purse.refill(rate, now)
            if rate is None or purse.left >= rate.limit:
                del _purses[who]
