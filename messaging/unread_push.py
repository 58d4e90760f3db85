"""Live unread counts: pushed at once after a quiet time, then at most every `FOLD_SECONDS` while
messages keep coming.

The counts come from the database, so they are exact. In a group each member has a different count,
so a message to N members would cost N frames. Instead each process that hears a message marks its
room, and reads the cursors of its own connected members there in one query. In a private chat there
is one receiver, connected anywhere: the process that stored the message publishes the count, for
all its private chats in one query.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

import orjson
from django.db import DatabaseError

from chatproject.core import hub
from chatproject.core.db.transactions import in_thread
from groups import selectors as rooms
from messaging import cache, selectors
from messaging.events import group_unread_payload, private_unread
from messaging.serializers.output import message_output

log = logging.getLogger(__name__)

#: Seconds between two rounds of a coalescer.
FOLD_SECONDS = 0.25
#: Seconds to wait after a database error.
RETRY_SECONDS = 1.0
#: Private chats in one query.
CHATS_MAX = 500

#: Counts that are pushed in a row, and the seconds of the pause after them, in which messages go
#: first.
BURST, PAUSE_SECONDS = 25, 0.001

_MESSAGE = b'{"event":"OnGroupMsg"'
_RECALL = b'{"event":"OnRecall"'
_COUNT = b'{"event":"groupUnreadUpdate"'
_PLACEHOLDER = b"\0"

Key = TypeVar("Key")
Last = TypeVar("Last")
Prepared = TypeVar("Prepared")
Counts = TypeVar("Counts")


class _Coalescer(Generic[Key, Last, Prepared, Counts]):
    """Chats to recount, each with its last message, handled in rounds.

    A round calls `prepare` on the event loop, `query` on a thread, and `push` on the loop again.
    """

    def __init__(
        self,
        prepare: Callable[[dict[Key, Last]], Prepared],
        query: Callable[[Prepared], Counts],
        push: Callable[[Counts], Coroutine[Any, Any, None]],
    ) -> None:
        self._prepare, self._query, self._push = prepare, query, push
        self._marked: dict[Key, Last] = {}
        self._round: asyncio.Task[None] | None = None

    def mark(self, key: Key, last: Last) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # in a management command: nothing to coalesce, and the database can be queried here
            asyncio.run(self._push(self._query(self._prepare({key: last}))))
            return
        self._marked[key] = last
        if self._round is None or self._round.get_loop() is not loop:
            self._round = loop.create_task(self._rounds())

    async def _rounds(self) -> None:
        try:
            while self._marked:
                marked, self._marked = self._marked, {}
                try:
                    await self._push(await in_thread(self._query, self._prepare(marked)))
                except DatabaseError as error:
                    log.warning("unread: pushed later, because the database said: %s", error)
                    self._marked = marked | self._marked
                    await asyncio.sleep(RETRY_SECONDS)
                await asyncio.sleep(FOLD_SECONDS)
        finally:
            self._round = None


# Groups ---------------------------------------------------------------------------------------------------------------


#: (user's topic, group id) of counts that arrived since the cursors were read: those users have
#: read meanwhile.
_overtaken: set[tuple[str, str]] = set()


class _Count(NamedTuple):
    """A count to push to one member; `cause`, a recall or not and its text, is for a recount."""

    user_id: UUID
    frame: bytes
    group_id: str
    cause: tuple[bool, bytes]


def _hear(topic: str, text: bytes) -> None:
    if text.startswith(_MESSAGE):
        _groups.mark((topic, False), text)
    elif text.startswith(_RECALL) and hub.is_room(topic):
        _groups.mark((topic, True), text)
    elif text.startswith(_COUNT):
        _overtaken.add((topic, orjson.loads(text)["data"]["groupId"]))


def _connected_members(marked: dict[tuple[str, bool], bytes]) -> list[tuple[bool, bytes, set[UUID]]]:
    _overtaken.clear()
    return [
        (is_recall, text, {socket.user_id for socket in hub.local().members(topic)})
        for (topic, is_recall), text in marked.items()
    ]


def _group_counts(heard: list[tuple[bool, bytes, set[UUID]]]) -> list[_Count]:
    counts: list[_Count] = []
    for is_recall, text, user_ids in heard:
        last = orjson.loads(text)["data"]
        group_id = last["groupId"]
        members = rooms.unread_of(UUID(group_id), user_ids)
        if is_recall:  # those who had it unread, perhaps as the only one
            members = [member for member in members if member.cursor < last["seq"]]
            newest = selectors.last_message(UUID(group_id)) if members else None
            last = newest and message_output(newest, receiver_id=None, read_count=getattr(newest, "read_count", 0))
        else:
            members = [member for member in members if member.unread]
        if members and last:
            # Encoded once for all members, around a placeholder for the count that JSON cannot
            # contain.
            count: Any = orjson.Fragment(_PLACEHOLDER)
            room = members[0]
            payload = group_unread_payload(
                group_id, room.name, room.avatar, count, last, last["content"], last["sentAt"]
            )
            without = group_unread_payload(group_id, room.name, room.avatar, count, None, "", None)
            frames = [hub.encode("groupUnreadUpdate", one).split(_PLACEHOLDER) for one in (payload, without)]
            for member in members:
                before, after = frames[member.hidden_seq == last["seq"]]  # deleted by them: only the count
                frame = b"%b%d%b" % (before, member.unread, after)
                counts.append(_Count(member.user_id, frame, group_id, (is_recall, text)))
    return counts


async def _push_group_counts(counts: list[_Count]) -> None:
    for place, one in enumerate(counts, 1):
        if _overtaken and (hub.user_topic(one.user_id), one.group_id) in _overtaken:
            is_recall, text = one.cause
            _groups.mark((hub.room_topic(one.group_id), is_recall), text)
            continue
        for socket in hub.local().users.get(one.user_id, ()):
            socket.push(one.frame)
        if place % BURST == 0:
            await asyncio.sleep(PAUSE_SECONDS)


_groups = _Coalescer(_connected_members, _group_counts, _push_group_counts)


# Private chats --------------------------------------------------------------------------------------------------------


def private(room_id: UUID, last: dict[str, Any], json: bytes) -> None:
    """Publish the receiver's count soon after a private message. Any thread."""
    hub.soon(partial(_private.mark, (room_id, last["receiverId"]), (last, json)))


def _publish_private_counts(marked: dict[tuple[UUID, str], tuple[dict[str, Any], bytes]]) -> None:
    newest: dict[UUID, tuple[dict[str, Any], bytes]] = {}
    for (room_id, _), said in marked.items():
        if room_id not in newest or newest[room_id][0]["version"] < said[0]["version"]:
            newest[room_id] = said
    for room_id, user_id, count in remember_private(newest):
        if count > 0 and (said_to := marked.get((room_id, str(user_id)))):
            private_unread(user_id, said_to[0], count, said_to[0])


def remember_private(newest: dict[UUID, tuple[dict[str, Any], bytes]]) -> list[tuple[UUID, UUID, int]]:
    """Write the documented keys of both people of some private chats, given with their last messages.

    Returns (room, user, unread) of each.
    """
    found = []
    room_ids = list(newest)
    for start in range(0, len(room_ids), CHATS_MAX):
        for room_id, user_id, said, base in rooms.unread_bases(room_ids[start : start + CHATS_MAX]):
            last, json = newest[room_id]
            other = last["receiverId"] if last["senderId"] == str(user_id) else last["senderId"]
            cache.private(user_id, UUID(other), said, base, json, last["version"])
            found.append((room_id, user_id, said - base))
    return found


async def _published(nothing: None) -> None:
    """Nothing to push here: `_publish_private_counts` has published to all processes."""


_private = _Coalescer(lambda marked: marked, _publish_private_counts, _published)


def start() -> None:
    """Listen to the hub; called once per process."""
    hub.listen(_hear)
