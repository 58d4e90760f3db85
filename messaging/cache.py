"""Unread counts and last messages in Redis, under the names the original's operators know. Seven days each.

    user:unread:{userId}:{senderId}    count                    user:lastmsg:{userId}:{senderId}    message, JSON
    group:unread:{userId}:{groupId}    count                    group:lastmsg:{userId}:{groupId}    message, JSON
    group:bases:{groupId}              hash, user id → read_seq + own_since_read of those who have the keys above;
                                       and the group's last number, as "seq"

The database is the truth: nothing here is read to answer anybody, and a key that is missing is written by its owner's
next read. Private keys are written whole, so a lost or repeated write does no harm. In a group a key per member would
cost a message O(members) commands: instead the members who looked in the last week have their base kept in a hash, and
one script call, folded over the messages of a moment, derives all their keys from it and the group's last number.
"""

import threading
from collections.abc import Iterable
from uuid import UUID

from chatproject.core import redis
from chatproject.core.redis import later

WEEK = 7 * 86400

#: ARGV group id, last seq, last message JSON, week in s, then user, base pairs to remember first.
#: A base only grows, and so does a last seq, so writes may come in any order: what is older than that is left.
_GROUP = """
local group, seq, last, week = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local bases = 'group:bases:' .. group
local newest = tonumber(redis.call('HGET', bases, 'seq') or '0')
if newest > seq then seq, last = newest, '' else redis.call('HSET', bases, 'seq', seq) end
for i = 5, #ARGV, 2 do
  local known = tonumber(redis.call('HGET', bases, ARGV[i]) or '-1')
  if tonumber(ARGV[i + 1]) > known then redis.call('HSET', bases, ARGV[i], ARGV[i + 1]) end
end
redis.call('EXPIRE', bases, week)
local all = redis.call('HGETALL', bases)
for i = 1, #all, 2 do
  if all[i] ~= 'seq' then
    local tail = all[i] .. ':' .. group
    redis.call('SET', 'group:unread:' .. tail, math.max(0, seq - tonumber(all[i + 1])), 'EX', week)
    if last ~= '' then redis.call('SET', 'group:lastmsg:' .. tail, last, 'EX', week) end
  end
end
"""


def private_unread(user_id: UUID, sender_id: UUID) -> str:
    return f"user:unread:{user_id}:{sender_id}"


def group_unread(user_id: UUID, group_id: UUID) -> str:
    return f"group:unread:{user_id}:{group_id}"


def _set(key: str, value: bytes | str | int) -> None:
    later(key, ("SET", key, value, "EX", WEEK))


def private(user_id: UUID, sender_id: UUID, count: int, last: bytes = b"") -> None:
    """One person's unread from another, and what was said last, as JSON."""
    _set(private_unread(user_id, sender_id), count)
    if last:
        _set(f"user:lastmsg:{user_id}:{sender_id}", last)


def group(group_id: UUID, last_seq: int, bases: Iterable[tuple[UUID, int]], last: bytes = b"") -> None:
    """A group's counts for everyone who looked lately; `bases` are cursors that are known to be true now."""
    pairs = [str(word) for pair in bases for word in pair]
    # Folded by what it says and who says it: two messages in a row are one write, but no cursor is lost to another's,
    # nor to an older one of the same, because what one thread says only grows.
    later(
        f"group:{group_id}:{threading.get_ident()}:{','.join(pairs[::2])}",
        ("EVAL", _GROUP, 0, str(group_id), last_seq, last, WEEK, *pairs),
    )


def forget_members(user_ids: Iterable[UUID], group_id: UUID) -> None:
    """They left: their keys go."""
    for user_id in user_ids:
        later(
            f"group:{group_id}:gone:{user_id}",
            ("HDEL", f"group:bases:{group_id}", str(user_id)),
            ("DEL", group_unread(user_id, group_id), f"group:lastmsg:{user_id}:{group_id}"),
        )


def overwrite(key: str, count: int) -> None:
    """Put a count right."""
    _set(key, count)


def stored(keys: list[str]) -> list[int | None]:
    """What Redis holds under unread keys; for the command that compares."""
    if not keys:
        return []
    with redis.client() as connection:
        values = connection.mget(keys)
    assert isinstance(values, list)
    return [None if value is None else int(value) for value in values]
