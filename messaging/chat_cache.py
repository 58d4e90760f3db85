"""What Redis remembers of chats, so that unread counts and last messages are answered without the
database.

    unread:state                      "generation:token": what has another state is not believed
    unread:guard                      a token that changes whenever something is forgotten
    unread:room:{room}                hash: state; seq, said, version, at; recall, the version of the last recall; last,
                                      the last message as JSON, with last_seq, last_version and reads; changed, the
                                      version of the last edit or recall; moves, another number for each read cursor
                                      that moved (for messaging/history_cache.py)
    unread:user:{user}                hash: state; for each of the user's rooms "back version base peer"

unread = said - base, while version >= recall: a base is believed until the next recall in its room. Each key
expires after seven days without a write. `back` is how often the member has set their cursor back: of two entries
the one with more is right, whatever its base.

Why it is never wrong:
- Who commits a change writes the new numbers here before anybody is told of it. They only grow, and
  each is kept if it is greater, so writes may come late, twice or in any order. A base goes back only with a greater
  `back`.
- The writer of messages sends the numbers before anybody is told, and reads Redis's answer afterwards
  (`Keeper`): what is asked later, by anybody who was told, reaches Redis later. In this process, readers
  wait for the answer (`settled`).
- If Redis cannot be written, the database's generation is counted up (`models.CacheGeneration`), and
  what has another generation is not believed: a reader compares them.
- A server that was started again may have lost the last second. It does not know the script, and then
  everything is forgotten. For this the script is never sent in another way.
- What a reader fetched from the database is kept only if nothing was forgotten meanwhile (`guard`).
"""

import hashlib
import threading
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from redis.exceptions import NoScriptError

from chatproject.core import redis
from messaging.sealed import open_last, seal_last

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
    """A member's base, read at a version of the room; in a private chat, with the other user. `times_back` is how
    often they had set their cursor back.
    """

    user_id: UUID
    room_id: UUID
    version: int
    base: int
    peer_id: UUID | None
    times_back: int = 0


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
    run("keep", **_kept(rooms, members))


class Keeper(threading.local):
    """`keep` without waiting, on the calling thread's `line`."""

    def __init__(self, line: redis.Line) -> None:
        self._line = line
        self._sent = 0

    def send(self, rooms: Iterable[RoomState], members: Iterable[MemberState]) -> None:
        """Send what was just committed; `confirm` follows. Raises Unavailable."""
        _settled.clear()
        try:
            self._line.send(*_call("keep", **_kept(rooms, members)))
            self._sent += 1
        except redis.Unavailable:
            _settled.set()
            raise

    def confirm(self) -> None:
        """Wait until all that was sent is remembered. Raises Unavailable."""
        sent, self._sent = self._sent, 0
        if not sent:
            return
        try:
            answers = self._line.answers()
            errors = [answer for answer in answers if isinstance(answer, Exception)]
            if len(answers) < sent:
                raise redis.Unavailable("an answer is lost")
            if any(isinstance(error, NoScriptError) for error in errors):
                _start_afresh()
            elif errors:
                raise errors[0]
        finally:
            _settled.set()


#: Set while no `Keeper` of this process waits for Redis.
_settled = threading.Event()
_settled.set()


def settled() -> bool:
    """Wait until what this process sent is remembered; False if that takes too long."""
    return _settled.is_set() or _settled.wait(2 * redis.TIMEOUT_SECONDS)


def fill(
    seen: Seen,
    generation: int,
    rooms: Iterable[RoomState],
    members: Mapping[UUID, Iterable[MemberState]] | None = None,
) -> None:
    """Remember what was read from the database after `seen`; `members` are all of each of these users.

    Raises Unavailable.
    """
    state = {"guard": seen.guard, "generation": str(generation)}
    whole = [
        {"user": str(user_id), "members": [_member(one) for one in all_]} for user_id, all_ in (members or {}).items()
    ]
    _run(
        [
            _call("fill", **state, rooms=[room_fields(one) for one in rooms]),
            *(_call("fill", **state, rooms=[], **one) for one in whole),
        ]
    )


def unread(user_ids: Iterable[UUID]) -> list[tuple[Seen, list[Unread] | None]]:
    """The chats with unread messages of each of these users, None if something is missing or in doubt.

    Raises Unavailable.
    """
    return [_unread(*answer) for answer in _run([_call("unread", user=str(user_id)) for user_id in user_ids])]


def _unread(guard: bytes, generation: bytes, is_whole: int, *rows: Any) -> tuple[Seen, list[Unread] | None]:
    seen = _seen(guard, generation)
    if not is_whole:
        return seen, None
    found = []
    for room, peer, count, at, kept in rows[0]:
        room_id = UUID(room.decode())
        last = open_last(room_id, kept)
        if not last:
            return seen, None
        found.append(Unread(room_id, UUID(peer.decode()) if peer else None, count, int(at), last))
    return seen, found


def lasts(rooms: Sequence[tuple[UUID, int, int]]) -> tuple[Seen, list[bytes | None]]:
    """The last messages of rooms, given with their seq and version, as JSON. Raises Unavailable."""
    guard, generation, found = run("lasts", rooms=[[str(room_id), seq, version] for room_id, seq, version in rooms])
    lasts = [(kept and open_last(room[0], kept)) or None for room, kept in zip(rooms, found, strict=True)]
    return _seen(guard, generation), lasts


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
    for (_, room_id), room, entry in zip(chats, answers[::2], answers[1::2], strict=True):
        known = room if isinstance(room, dict) and state and room.get(b"state") == state else {}
        mine = entry[1] if isinstance(entry, list) and state and entry[0] == state else None
        if b"last" in known:
            known = {**known, b"last": open_last(room_id, known[b"last"])}
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
        "last": seal_last(room.room_id, room.last).decode(),
        "last_version": room.last_version,
        "reads": room.reads,
        "is_recall": room.is_recall,
    }


def _member(member: MemberState) -> list[Any]:
    return [str(member.room_id), member.times_back, member.version, member.base, str(member.peer_id or "")]


def _seen(guard: bytes, generation: bytes) -> Seen:
    return Seen(guard.decode(), int(generation) if generation else None)


def _kept(rooms: Iterable[RoomState], members: Iterable[MemberState]) -> dict[str, Any]:
    return {
        "rooms": [room_fields(one) for one in rooms],
        "members": [[str(one.user_id), *_member(one)] for one in members],
    }


def _call(operation: str, *values: bytes, **given: Any) -> tuple[Any, ...]:
    return "EVALSHA", _script()[1], 0, operation, orjson.dumps({**given, "week": WEEK}), *values


def run(operation: str, *values: bytes, **given: Any) -> Any:
    """Ask Redis for an operation of the script, with data, and with values that are no JSON. Raises Unavailable."""
    (answer,) = _run([_call(operation, *values, **given)])
    return answer


def _run(commands: list[tuple[Any, ...]]) -> list[Any]:
    """The answers to several operations, in one round trip. Raises Unavailable."""
    try:
        return _execute(commands)
    except NoScriptError:
        _start_afresh()
        return _execute(commands)


def _execute(commands: list[tuple[Any, ...]]) -> list[Any]:
    with redis.client() as connection:
        if len(commands) == 1:
            return [connection.execute_command(*commands[0])]
        with connection.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            return pipeline.execute()


def _start_afresh() -> None:
    """Redis does not know the script: it was started again, and may have lost something."""
    with redis.client() as connection, connection.pipeline(transaction=False) as pipeline:
        pipeline.set(redis.key("unread:state"), _nobodys())
        pipeline.script_load(_script()[0])
        pipeline.execute()


@cache
def _script() -> tuple[str, str]:
    parts = [Path(__file__).with_name(f"{name}.lua").read_text() for name in ("chat_cache", "history_cache")]
    source = redis.script("".join([*parts, "return run[ARGV[1]]()\n"]))
    return source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
