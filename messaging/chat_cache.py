"""What Redis remembers of chats, so that unread counts and last messages are answered without the
database.

    unread:state                      "generation:token": what has another state is not believed
    unread:guard                      a token that changes whenever something is forgotten
    unread:room:{room}                hash: state; seq, said, version, at; recall, the version of the last recall; last,
                                      the last message as JSON, with last_seq, last_version and reads; changed, the
                                      version of the last edit or recall; moves, another number for each read cursor
                                      that moved (for messaging/history_cache.py)
    unread:user:{user}                hash: state; for each of the user's rooms "version base peer"

unread = said - base, while version >= recall: a base is believed until the next recall in its room. Each key
expires after seven days without a write.

Why it is never wrong:
- Who commits a change writes the new numbers here before anybody is told of it. They only grow, and
  each is kept if it is greater, so writes may come late, twice or in any order.
- If Redis cannot be written, the database's generation is counted up (`models.CacheGeneration`), and
  what has another generation is not believed: a reader compares them.
- A server that was started again may have lost the last second. It does not know the script, and then
  everything is forgotten. For this the script is never sent in another way.
- What a reader fetched from the database is kept only if nothing was forgotten meanwhile (`guard`).
"""

import hashlib
import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from redis.exceptions import NoScriptError

from chatproject.core import redis

WEEK = 7 * 86400


class RoomState(NamedTuple):
    """A room's numbers at a version; `last`, its last message as JSON, "" if that is not known."""

    room_id: UUID
    seq: int
    said: int
    version: int
    at: datetime
    last: bytes = b""
    last_version: int = 0
    reads: int = 0
    is_recall: bool = False
    is_change: bool = False  # an edit or a recall
    is_read: bool = False  # a read cursor moved


class MemberState(NamedTuple):
    """A member's base, read at a version of the room; in a private chat, with the other user."""

    user_id: UUID
    room_id: UUID
    version: int
    base: int
    peer_id: UUID | None


class Unread(NamedTuple):
    """A chat with unread messages."""

    room_id: UUID
    peer_id: UUID | None
    unread: int
    at: int  # microseconds
    last: bytes


class Seen(NamedTuple):
    """What Redis said: its generation, None if it has none, and the guard for `fill`."""

    guard: str
    generation: int | None


def keep(rooms: Iterable[RoomState], members: Iterable[MemberState] = ()) -> None:
    """Remember what was just committed. Raises Unavailable."""
    run(
        "keep",
        rooms=[room_fields(one) for one in rooms],
        members=[[str(one.user_id), *_member(one)] for one in members],
    )


def fill(
    seen: Seen,
    generation: int,
    rooms: Iterable[RoomState],
    user_id: UUID | None = None,
    members: Iterable[MemberState] = (),
) -> None:
    """Remember what was read from the database after `seen`; `members` are all of a user's.

    Raises Unavailable.
    """
    whole = {} if user_id is None else {"user": str(user_id), "members": [_member(one) for one in members]}
    run("fill", guard=seen.guard, generation=str(generation), rooms=[room_fields(one) for one in rooms], **whole)


def unread(user_id: UUID) -> tuple[Seen, list[Unread] | None]:
    """A user's chats with unread messages, None if something is missing or in doubt. Raises Unavailable."""
    guard, generation, is_whole, *rows = run("unread", user=str(user_id))
    seen = _seen(guard, generation)
    if not is_whole:
        return seen, None
    found = [
        Unread(UUID(room.decode()), UUID(peer.decode()) if peer else None, count, int(at), last)
        for room, peer, count, at, last in rows[0]
    ]
    return seen, found


def lasts(rooms: Sequence[tuple[UUID, int, int]]) -> tuple[Seen, list[bytes | None]]:
    """The last messages of rooms, given with their seq and version, as JSON. Raises Unavailable."""
    guard, generation, found = run("lasts", rooms=[[str(room_id), seq, version] for room_id, seq, version in rooms])
    return _seen(guard, generation), found


def remembered(chats: Sequence[tuple[UUID, UUID]]) -> list[tuple[dict[str, bytes], bytes | None]]:
    """What is known of chats, given by user and room, to compare it: the fields of the room, and the
    member's entry. Each is empty where nothing is believed. Raises Unavailable.
    """
    with redis.client() as connection, connection.pipeline(transaction=False) as pipeline:
        pipeline.get(redis.key("unread:state"))
        for user_id, room_id in chats:
            pipeline.hgetall(redis.key(f"unread:room:{room_id}"))
            pipeline.hmget(redis.key(f"unread:user:{user_id}"), ["state", str(room_id)])
        state, *answers = pipeline.execute(raise_on_error=False)
    found = []
    for room, entry in zip(answers[::2], answers[1::2], strict=True):
        known = room if isinstance(room, dict) and state and room.get(b"state") == state else {}
        mine = entry[1] if isinstance(entry, list) and state and entry[0] == state else None
        found.append(({name.decode(): value for name, value in known.items()}, mine))
    return found


def forget_users(user_ids: Collection[UUID]) -> None:
    """Forget which rooms these users have. Raises Unavailable."""
    run("forget_users", users=[str(user_id) for user_id in user_ids])


def forget_rooms(room_ids: Collection[UUID]) -> None:
    """Forget the numbers and last messages of these rooms. Raises Unavailable."""
    run("forget_rooms", rooms=[str(room_id) for room_id in room_ids])


def forget_everything() -> None:
    """Believe nothing from before: numbers went back. Raises Unavailable."""
    with redis.client() as connection:
        connection.set(redis.key("unread:state"), _nobodys())


def _nobodys() -> str:
    """A state whose generation the database never has."""
    return f"-1:{uuid.uuid4()}"


def room_fields(room: RoomState) -> dict[str, Any]:
    """A room as the script takes it."""
    flags = {"is_change": True} if room.is_change else {"is_read": True} if room.is_read else {}
    return {
        **flags,
        "id": str(room.room_id),
        "seq": room.seq,
        "said": room.said,
        "version": room.version,
        "at": str(int(room.at.timestamp() * 1_000_000)),
        "last": room.last.decode(),
        "last_version": room.last_version,
        "reads": room.reads,
        "is_recall": room.is_recall,
    }


def _member(member: MemberState) -> list[Any]:
    return [str(member.room_id), member.version, member.base, str(member.peer_id or "")]


def _seen(guard: bytes, generation: bytes) -> Seen:
    return Seen(guard.decode(), int(generation) if generation else None)


def run(operation: str, *values: bytes, **given: Any) -> Any:
    """Ask Redis for an operation of the script, with data, and with values that are no JSON. Raises Unavailable."""
    source, digest = _script()
    arguments: list[Any] = [digest, 0, operation, orjson.dumps({**given, "week": WEEK}), *values]
    with redis.client() as connection:
        try:
            return connection.evalsha(*arguments)
        except NoScriptError:
            with connection.pipeline(transaction=False) as pipeline:
                pipeline.set(redis.key("unread:state"), _nobodys())
                pipeline.script_load(source)
                pipeline.execute()
            return connection.evalsha(*arguments)


@cache
def _script() -> tuple[str, str]:
    parts = [Path(__file__).with_name(f"{name}.lua").read_text() for name in ("chat_cache", "history_cache")]
    source = redis.script("".join([*parts, "return run[ARGV[1]]()\n"]))
    return source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
