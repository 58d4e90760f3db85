"""Unread counts, told live and folded: at once after a quiet time, then every moment while messages keep coming, and
exact because the database says so.

In a group each member has his own number, so a message to a group of N would cost N frames. Instead the process that
hears a message marks its room, and reads the cursors of its own people there in one query. In a private chat there is
one to tell, wherever he is connected: the process that stored the message does it, for all such chats in one query.
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
from messaging import cache
from messaging.events import group_unread_payload, private_unread

log = logging.getLogger(__name__)

#: Seconds between two rounds.
FOLD = 0.25
#: Seconds before a database that failed is asked again.
PAUSE = 1.0
#: Private chats in one query.
MOST = 500

#: Counts that are pushed without a pause, and its seconds.
AT_ONCE, BREATH = 25, 0.001

_MESSAGE = b'{"event":"OnGroupMsg"'
_COUNT = b'{"event":"groupUnreadUpdate"'
_SIGN = b"\0"

Key = TypeVar("Key")
Last = TypeVar("Last")
Taken = TypeVar("Taken")
Told = TypeVar("Told")


class _Fold(Generic[Key, Last, Taken, Told]):
    """Chats that moved, each with its last message. `ask` looks them up on a thread; `take` before it and `tell` after
    it are on the loop.
    """

    def __init__(
        self,
        take: Callable[[dict[Key, Last]], Taken],
        ask: Callable[[Taken], Told],
        tell: Callable[[Told], Coroutine[Any, Any, None]],
    ) -> None:
        self._take, self._ask, self._tell = take, ask, tell
        self._marked: dict[Key, Last] = {}
        self._round: asyncio.Task[None] | None = None

    def mark(self, key: Key, last: Last) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # a command: there is nothing to fold, and it asks the database here
            asyncio.run(self._tell(self._ask(self._take({key: last}))))
            return
        self._marked[key] = last
        if self._round is None or self._round.get_loop() is not loop:
            self._round = loop.create_task(self._rounds())

    async def _rounds(self) -> None:
        try:
            while self._marked:
                marked, self._marked = self._marked, {}
                try:
                    await self._tell(await in_thread(self._ask, self._take(marked)))
                except DatabaseError as error:
                    log.warning("unread: told later, because the database said: %s", error)
                    self._marked = marked | self._marked
                    await asyncio.sleep(PAUSE)
                await asyncio.sleep(FOLD)
        finally:
            self._round = None


# Groups ---------------------------------------------------------------------------------------------------------------


#: (user's topic, group id) of those who were told otherwise since the cursors were read: they have read meanwhile.
_overtaken: set[tuple[str, str]] = set()


class _Count(NamedTuple):
    """What one member is to be told; the group's topic and last message, to look again."""

    user_id: UUID
    frame: bytes
    group_id: str
    text: bytes


def _hear(topic: str, text: bytes) -> None:
    if text.startswith(_MESSAGE):
        _groups.mark(topic, text)
    elif text.startswith(_COUNT):
        _overtaken.add((topic, orjson.loads(text)["data"]["groupId"]))


def _people_here(marked: dict[str, bytes]) -> list[tuple[bytes, set[UUID]]]:
    _overtaken.clear()
    return [(text, {socket.user_id for socket in hub.local().members(topic)}) for topic, text in marked.items()]


def _ask_groups(heard: list[tuple[bytes, set[UUID]]]) -> list[_Count]:
    told: list[_Count] = []
    for text, people in heard:
        last = orjson.loads(text)["data"]
        group_id = last["groupId"]
        memberships = [membership for membership in rooms.unread_of(UUID(group_id), people) if membership.unread]
        if memberships:
            # The same for everyone but for the number: it is encoded once, around a sign that JSON cannot have.
            count: Any = orjson.Fragment(_SIGN)
            room = memberships[0]
            payload = group_unread_payload(
                group_id, room.name, room.avatar, count, last, last["content"], last["sentAt"]
            )
            before, after = hub.encode("groupUnreadUpdate", payload).split(_SIGN)
            told += [
                _Count(membership.user_id, b"%b%d%b" % (before, membership.unread, after), group_id, text)
                for membership in memberships
            ]
    return told


async def _tell_groups(told: list[_Count]) -> None:
    for place, one in enumerate(told, 1):
        if _overtaken and (hub.user_topic(one.user_id), one.group_id) in _overtaken:
            _groups.mark(hub.room_topic(one.group_id), one.text)
            continue
        for socket in hub.local().users.get(one.user_id, ()):
            socket.push(one.frame)
        if place % AT_ONCE == 0:
            await asyncio.sleep(BREATH)  # messages go first


_groups = _Fold(_people_here, _ask_groups, _tell_groups)


# Private chats --------------------------------------------------------------------------------------------------------


def private(room_id: UUID, last: dict[str, Any], json: bytes) -> None:
    """Something was said in a private chat: tell the receiver where he stands, soon. Any thread."""
    hub.soon(partial(_private.mark, (room_id, last["receiverId"]), (last, json)))


def _ask_private(marked: dict[tuple[UUID, str], tuple[dict[str, Any], bytes]]) -> None:
    chats = list({room_id for room_id, _ in marked})
    for start in range(0, len(chats), MOST):
        for room_id, user_id, last_seq, base in rooms.unread_bases(chats[start : start + MOST]):
            if (room_id, str(user_id)) in marked:
                last, json = marked[room_id, str(user_id)]
                cache.private(user_id, UUID(last["senderId"]), last_seq, base, json)
                if last_seq > base:
                    private_unread(user_id, last, last_seq - base, last)


async def _was_told(nothing: None) -> None:
    """`_ask_private` publishes, wherever the receivers are connected."""


_private = _Fold(lambda marked: marked, _ask_private, _was_told)


def start() -> None:
    """Listen in this process; called once."""
    hub.listen(_hear)
