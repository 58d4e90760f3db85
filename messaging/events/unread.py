"""A group's unread counts, told live to the members whose sockets this process holds.

Each member has his own number, so a message to a group of N would cost N frames. Instead the process that hears a
message marks its room, and a moment later reads the cursors of its own people there in one query and tells each where
he stands: at once after a quiet time, folded while messages keep coming, and exact because the database says so.
"""

import asyncio
from uuid import UUID

import orjson

from chatproject.core import hub
from chatproject.core.db import in_thread
from groups import selectors as rooms
from messaging.events import group_unread_payload

#: Seconds between two rounds for one room.
FOLD = 0.25

_PREFIX = '{"event":"OnGroupMsg"'


class _Fold:
    def __init__(self) -> None:
        self._marked: dict[str, str] = {}  # room topic → the last message heard there
        self._round: asyncio.Task[None] | None = None

    def hear(self, topic: str, text: str) -> None:
        if text.startswith(_PREFIX):
            self._marked[topic] = text
            if self._round is None:
                self._round = asyncio.get_running_loop().create_task(self._rounds())

    async def _rounds(self) -> None:
        try:
            while self._marked:
                marked, self._marked = self._marked, {}
                for topic, text in marked.items():
                    await self._tell(topic, text)
                await asyncio.sleep(FOLD)
        finally:
            self._round = None

    async def _tell(self, topic: str, text: str) -> None:
        sockets = hub.local().members(topic)
        if not sockets:
            return
        last = orjson.loads(text)["data"]
        seats = await in_thread(rooms.unread_of, UUID(last["groupId"]), {socket.user_id for socket in sockets})
        fragment = orjson.Fragment(orjson.dumps(last))
        for seat in seats:
            if seat.unread:
                payload = group_unread_payload(seat.room, seat.unread, fragment, last["content"], last["sentAt"])
                frame = hub.encode("groupUnreadUpdate", payload)
                for socket in hub.local().users.get(seat.user_id, ()):
                    socket.push(frame)


def start() -> None:
    """Listen in this process; called once."""
    hub.listen(_Fold().hear)
