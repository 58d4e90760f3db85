"""Unread counts and last messages in Redis, under the original system's key names.

Each expires after seven days. Messages are sealed where encryption is on: `messaging.sealed`.

    user:unread:{userId}:{senderId}    count                    user:lastmsg:{userId}:{senderId}    message, JSON
    group:unread:{userId}:{groupId}    count                    group:lastmsg:{userId}:{groupId}    message, JSON
    user:bases:{userId}:{senderId}     hash: "said", the number of the chat's messages, "base", at which of them
                                       nothing is unread, and "version", that of the last message
    group:bases:{groupId}              hash: "said", "version", and user id → base of the members who have the keys

The last message is the chat's, as `lastMessage` in GET /unread, not only what the others said: a private one is
written for both. Of two, the one with the greater version is newer: a message that was edited or recalled meanwhile
is not written over by the words that it had.

The database is the truth, and clients are answered from `chat_cache`; these keys are for outside
readers. A user's request for unread counts puts a spoiled count right, and so does a comparison once
a minute. A missing key is written when the database is asked for the user's counts. Bases and
numbers only grow, and a count is derived from the highest of both, so writes may come late, twice or
in any order. Only a member who marks something unread sets a base back; a write from before that
comes after it is put right as a spoiled count is.

In a group a key per member would cost O(members) commands per message. Instead the
bases of the members who asked in the last week are in one hash, and one script call, coalesced over
several messages, derives all their keys.
"""

import threading
from collections.abc import Iterable
from functools import partial
from itertools import islice
from typing import Any
from uuid import UUID

from chatproject.core import redis
from chatproject.core.redis import write_behind, write_behind_folded
from groups.models import direct_room_id
from messaging.sealed import open_last, seal_last

WEEK = 7 * 86400

#: ARGV user id:sender id, messages said, last message JSON, its version, week in s, base.
_PRIVATE = redis.script("""
local tail, said, last, version, week, base =
  ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local bases = own .. 'user:bases:' .. tail
local known = redis.call('HMGET', bases, 'said', 'base', 'version')
said = math.max(said, tonumber(known[1] or '0'))
base = math.max(base, tonumber(known[2] or '0'))
if tonumber(known[3] or '0') > version then version, last = tonumber(known[3]), '' end
redis.call('HSET', bases, 'said', said, 'base', base, 'version', version)
redis.call('EXPIRE', bases, week)
redis.call('SET', documented .. 'user:unread:' .. tail, math.max(0, said - base), 'EX', week)
if last ~= '' then redis.call('SET', documented .. 'user:lastmsg:' .. tail, last, 'EX', week) end
""")

#: ARGV group id, messages said, last message JSON, its version, week in s, then for each base to
#: remember first: user, base, "1" only where the user has keys.
_GROUP = redis.script("""
local group, said, last, version, week = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local bases = own .. 'group:bases:' .. group
local newest = redis.call('HMGET', bases, 'said', 'version')
said = math.max(said, tonumber(newest[1] or '0'))
if tonumber(newest[2] or '0') > version then version, last = tonumber(newest[2]), '' end
redis.call('HDEL', bases, 'seq')  -- as it was kept before
redis.call('HSET', bases, 'said', said, 'version', version)
for i = 6, #ARGV, 3 do
  local known = redis.call('HGET', bases, ARGV[i])
  if (known or ARGV[i + 2] == '0') and tonumber(ARGV[i + 1]) > tonumber(known or '-1') then
    redis.call('HSET', bases, ARGV[i], ARGV[i + 1])
  end
end
redis.call('EXPIRE', bases, week)
local all = redis.call('HGETALL', bases)
for i = 1, #all, 2 do
  if all[i] ~= 'version' and all[i] ~= 'said' then
    local tail = all[i] .. ':' .. group
    redis.call('SET', documented .. 'group:unread:' .. tail, math.max(0, said - tonumber(all[i + 1])), 'EX', week)
    if last ~= '' then redis.call('SET', documented .. 'group:lastmsg:' .. tail, last, 'EX', week) end
  end
end
""")


def private_unread(user_id: UUID, sender_id: UUID) -> str:
    return redis.documented_key(f"user:unread:{user_id}:{sender_id}")


def group_unread(user_id: UUID, group_id: UUID) -> str:
    return redis.documented_key(f"group:unread:{user_id}:{group_id}")


def private(user_id: UUID, sender_id: UUID, said: int, base: int, last: bytes = b"", version: int = 0) -> None:
    """Write a user's count of a private chat, and its last message as JSON with its `version`."""
    sealed = seal_last(direct_room_id(user_id, sender_id), last)
    # Coalesced per thread: what one thread writes only grows.
    write_behind(
        f"private:{user_id}:{sender_id}:{threading.get_ident()}:{bool(last)}",
        ("EVAL", _PRIVATE, 0, f"{user_id}:{sender_id}", said, sealed, version, WEEK, base),
    )


def group(
    group_id: UUID,
    said: int,
    bases: Iterable[tuple[UUID, int]],
    last: bytes = b"",
    version: int = 0,
    *,
    adds: bool = True,
) -> None:
    """Write a group's counts of the members who have keys, and the last message with its `version`.

    `bases` are current bases to add, or, if not `adds`, of members who may have no keys.
    """
    with _moving:
        moved = _moved.setdefault(group_id, _Moved())
        moved.said = max(moved.said, said)
        if last and version >= moved.version:
            moved.last, moved.version = last, version
        for user_id, base in bases:
            before, added = moved.bases.get(user_id, (0, False))
            moved.bases[user_id] = max(base, before), adds or added
    write_behind_folded(f"group:{group_id}", partial(_group_commands, group_id))


class _Moved:
    """The state of a group to write, merged from all calls since the last write."""

    __slots__ = ("bases", "last", "said", "version")

    def __init__(self) -> None:
        self.version = self.said = 0
        self.last = b""
        self.bases: dict[UUID, tuple[int, bool]] = {}


_moved: dict[UUID, _Moved] = {}
_moving = threading.Lock()


def _group_commands(group_id: UUID) -> redis.Commands:
    with _moving:
        moved = _moved.pop(group_id, None)
    if moved is None:
        return ()
    bases = [word for user_id, (base, adds) in moved.bases.items() for word in (str(user_id), base, 0 if adds else 1)]
    last = seal_last(group_id, moved.last)
    return [("EVAL", _GROUP, 0, str(group_id), moved.said, last, moved.version, WEEK, *bases)]


def forget_members(user_ids: Iterable[UUID], group_id: UUID) -> None:
    """Delete the keys of members who left."""
    for user_id in user_ids:
        with _moving:
            if moved := _moved.get(group_id):
                moved.bases.pop(user_id, None)
        write_behind(
            f"group:{group_id}:gone:{user_id}",
            ("HDEL", redis.key(f"group:bases:{group_id}"), str(user_id)),
            ("DEL", group_unread(user_id, group_id), redis.documented_key(f"group:lastmsg:{user_id}:{group_id}")),
        )


#: ARGV group id.
_FORGET_GROUP = redis.script("""
local group = ARGV[1]
local bases = own .. 'group:bases:' .. group
for _, user in ipairs(redis.call('HKEYS', bases)) do
  local tail = user .. ':' .. group
  redis.call('DEL', documented .. 'group:unread:' .. tail, documented .. 'group:lastmsg:' .. tail)
end
redis.call('DEL', bases)
""")


def forget_group(group_id: UUID) -> None:
    """Delete the keys of a group that no longer exists."""
    write_behind(f"group:{group_id}:over", ("EVAL", _FORGET_GROUP, 0, str(group_id)))


def set_back(user_id: UUID, peer_id: UUID | None, room_id: UUID, said: int, base: int) -> None:
    """Write a member's count, and a base that may be less than the one before: they set their cursor back."""
    key = private_unread(user_id, peer_id) if peer_id else group_unread(user_id, room_id)
    bases = redis.key(f"user:bases:{user_id}:{peer_id}" if peer_id else f"group:bases:{room_id}")
    with _moving:
        if moved := _moved.get(room_id):
            moved.bases.pop(user_id, None)
    write_behind(
        key,
        ("HSET", bases, "base" if peer_id else str(user_id), base),
        ("EXPIRE", bases, WEEK),
        ("SET", key, max(0, said - base), "EX", WEEK),
    )


def overwrite_private(user_id: UUID, sender_id: UUID, count: int) -> None:
    """Correct a private chat's count, and delete the base it was derived from."""
    key = private_unread(user_id, sender_id)
    write_behind(key, ("DEL", redis.key(f"user:bases:{user_id}:{sender_id}")), ("SET", key, count, "EX", WEEK))


def overwrite_group(user_id: UUID, group_id: UUID, count: int) -> None:
    key = group_unread(user_id, group_id)
    write_behind(key, ("HDEL", redis.key(f"group:bases:{group_id}"), str(user_id)), ("SET", key, count, "EX", WEEK))


def forget_everything() -> None:
    """Delete what all users have here: numbers went back, and these only grow. Reads every name in Redis."""
    with redis.client() as connection:
        for kind in ("user", "group"):
            for pattern in (
                redis.documented_key(f"{kind}:unread:*"),
                redis.documented_key(f"{kind}:lastmsg:*"),
                redis.key(f"{kind}:bases:*"),
            ):
                found = connection.scan_iter(pattern, count=1000)
                while names := list(islice(found, 1000)):
                    connection.unlink(*names)


def overwrite_last(user_id: UUID, peer_id: UUID | None, room_id: UUID, last: bytes) -> None:
    """Correct the last message of a chat."""
    key = _last(user_id, peer_id, room_id)
    write_behind(key, ("SET", key, seal_last(room_id, last), "EX", WEEK) if last else ("DEL", key))


def documented(chats: Iterable[tuple[UUID, UUID | None, UUID]]) -> list[tuple[bytes | None, bytes | None]]:
    """What outside readers find: count and last message of chats, given by user, peer and room."""
    keys, room_ids = list[str](), list[UUID]()
    for user_id, peer_id, room_id in chats:
        room_ids.append(room_id)
        keys.append(private_unread(user_id, peer_id) if peer_id else group_unread(user_id, room_id))
        keys.append(_last(user_id, peer_id, room_id))
    if not keys:
        return []
    with redis.client() as connection:
        found: Any = connection.mget(keys)
    lasts = [
        None if kept is None else open_last(room_id, kept) for room_id, kept in zip(room_ids, found[1::2], strict=True)
    ]
    return list(zip(found[::2], lasts, strict=True))


def _last(user_id: UUID, peer_id: UUID | None, room_id: UUID) -> str:
    tail = f"user:lastmsg:{user_id}:{peer_id}" if peer_id else f"group:lastmsg:{user_id}:{room_id}"
    return redis.documented_key(tail)


def stored(keys: list[str]) -> list[int | None]:
    """The values of unread keys, None for a missing one."""
    if not keys:
        return []
    with redis.client() as connection:
        values = connection.mget(keys)
    assert isinstance(values, list)
    return [None if value is None else int(value) if value.isdigit() else -1 for value in values]
