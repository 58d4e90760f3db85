"""Presence, stored only in Redis: lost keys come back with the next refresh.

    user:heartbeat:{socketId}   the user's id; expires TTL seconds after the last refresh
    user:online:{userId}        "1" while the user has an open socket; expires likewise
    presence:open:{userId}      set of the user's socket ids, so that closing one of several keeps the user online.
                                Expires likewise; a socket without its heartbeat does not count
    presence:online             sorted set, user id → expiry: one command counts, lists, or finds the expired

All times are Redis's own, in milliseconds, because clocks of hosts differ. Closing the last socket
shortens the user's expiry to GRACE, so that one sweep announces closed sockets, lost connections
and killed processes alike.
"""

from collections.abc import Iterable, Iterator
from uuid import UUID

from chatproject.core import redis

#: Seconds without a refresh after which a socket counts as gone, and between two refreshes.
TTL = 30
REFRESH = 10
#: Seconds between the last socket's end and offline, which hide a page's reload.
GRACE = 3
#: Users or sockets per script call: Redis serves nobody else while a script runs.
BATCH = 500

#: Replicated, but not written to the append-only file: rewriting everything every ten seconds would
#: cost too much.
_VOLATILE = redis.script("""
redis.set_repl(redis.REPL_SLAVE)
local present = own .. 'presence:online'
""")
_NOW = (
    _VOLATILE
    + """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
)

#: ARGV ttl in ms, 1 for all keys, then pairs of user, socket → the users who were not online before
_REFRESH = (
    _NOW
    + """
local ttl, is_whole, users, ends, new = ARGV[1], ARGV[2] == '1', {}, {}, {}
local till = string.format('%.0f', now + ttl)
for i = 3, #ARGV, 2 do
  users[(i - 1) / 2], ends[i - 2], ends[i - 1] = ARGV[i], till, ARGV[i]
end
for i, score in ipairs(redis.call('ZMSCORE', present, unpack(users))) do
  if not score then new[#new + 1] = users[i] end
  if is_whole or not score then
    local user, socket = users[i], ARGV[2 * i + 2]
    local beats, open = documented .. 'user:heartbeat:' .. socket, own .. 'presence:open:' .. user
    local online = documented .. 'user:online:' .. user
    if redis.call('PEXPIRE', beats, ttl) == 0 then
      redis.call('SET', beats, user, 'PX', ttl)
      redis.call('SADD', open, socket)
    end
    if redis.call('PEXPIRE', online, ttl) == 0 then redis.call('SET', online, '1', 'PX', ttl) end
    if redis.call('PEXPIRE', open, ttl) == 0 then
      redis.call('SADD', open, socket)
      redis.call('PEXPIRE', open, ttl)
    end
  end
end
redis.call('ZADD', present, unpack(ends))
return new
"""
)

#: ARGV grace in ms, then pairs of user, socket
_LEAVE = (
    _NOW
    + """
local grace = tonumber(ARGV[1])
for i = 2, #ARGV, 2 do
  local user, socket = ARGV[i], ARGV[i + 1]
  local open = own .. 'presence:open:' .. user
  redis.call('DEL', documented .. 'user:heartbeat:' .. socket)
  for _, other in ipairs(redis.call('SMEMBERS', open)) do
    if redis.call('EXISTS', documented .. 'user:heartbeat:' .. other) == 0 then redis.call('SREM', open, other) end
  end
  if redis.call('EXISTS', open) == 0 and redis.call('ZSCORE', present, user) then
    redis.call('ZADD', present, now + grace, user)
    redis.call('PEXPIRE', documented .. 'user:online:' .. user, grace)
  end
end
"""
)

#: ARGV limit → expired users, each returned to one caller only. Their own keys have expired before.
_SWEEP = (
    _NOW
    + """
local gone = redis.call('ZRANGEBYSCORE', present, '-inf', now, 'LIMIT', 0, ARGV[1])
if #gone > 0 then redis.call('ZREMRANGEBYRANK', present, 0, #gone - 1) end
return gone
"""
)

#: ARGV user: offline at once, despite open sockets → 1 if they were online
_HIDE = (
    _VOLATILE
    + """
redis.call('DEL', documented .. 'user:online:' .. ARGV[1])
return redis.call('ZREM', present, ARGV[1])
"""
)


def _present() -> str:
    return redis.key("presence:online")


def _ids(answer: object) -> list[UUID]:
    assert isinstance(answer, list)
    return [UUID(name.decode()) for name in answer]


def _batches(pairs: Iterable[tuple[UUID, str]]) -> Iterator[list[str]]:
    words = [str(word) for pair in pairs for word in pair]
    for start in range(0, len(words), 2 * BATCH):
        yield words[start : start + 2 * BATCH]


def refresh(pairs: Iterable[tuple[UUID, str]], *, is_whole: bool = True) -> list[UUID]:
    """Keep (user, socket) pairs alive for TTL seconds; returns the users who were not online
    before.

    Without `is_whole` only `presence:online` is refreshed for the others: their own keys last for
    two refreshes.
    """
    new: list[UUID] = []
    options = str(TTL * 1000), str(int(is_whole))
    with redis.client() as connection:
        for words in _batches(pairs):
            new += _ids(connection.eval(_REFRESH, 0, *options, *words))
    return new


def leave(pairs: Iterable[tuple[UUID, str]]) -> None:
    with redis.client() as connection:
        for words in _batches(pairs):
            connection.eval(_LEAVE, 0, str(GRACE * 1000), *words)


def sweep(limit: int = BATCH) -> list[UUID]:
    """Remove and return expired users."""
    with redis.client() as connection:
        return _ids(connection.eval(_SWEEP, 0, str(limit)))


def hide(user_id: UUID) -> bool:
    """Remove a user at once; returns whether they were online."""
    with redis.client() as connection:
        return bool(connection.eval(_HIDE, 0, str(user_id)))


def online_among(user_ids: Iterable[UUID]) -> set[UUID]:
    ids = list(user_ids)
    if not ids:
        return set()
    with redis.client() as connection:
        scores = connection.zmscore(_present(), [str(user_id) for user_id in ids])
    assert isinstance(scores, list)
    return {user_id for user_id, score in zip(ids, scores, strict=True) if score is not None}


def online(limit: int) -> list[UUID]:
    """Up to `limit` users who are online."""
    with redis.client() as connection:
        return _ids(connection.zrange(_present(), 0, limit - 1))


def count() -> int:
    with redis.client() as connection:
        return int(connection.zcard(_present()))  # type: ignore[arg-type]
