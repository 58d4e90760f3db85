"""The live sockets of this process, and which of them hears which topic.

Most sockets of a chat are idle, so what one costs here is counted in bytes: names are shared, and whoever is alone
needs no table.
"""

import asyncio
import sys
import uuid
from collections.abc import Iterable
from uuid import UUID

from chatproject.core.hub.frames import Parcel, Wire
from chatproject.core.hub.outbox import Outbox

#: What a socket is told when it is closed by us: the contract's codes.
NOT_OUR_PROTOCOL, SIGN_IN, TOO_SLOW, FLOODING = 4400, 4401, 4408, 4429


class Socket:
    """One live connection of one signed-in device, held by the task that makes it."""

    __slots__ = ("_task", "code", "device_id", "id", "is_outdated", "is_visible", "outbox", "topics", "user_id")

    def __init__(self, wire: Wire, *, user_id: UUID, device_id: UUID, batches: bool, is_visible: bool) -> None:
        self.id = uuid.uuid4().hex
        self.user_id = user_id
        self.device_id = device_id
        self.is_visible = is_visible  # others may see that this person is here
        self.is_outdated = False  # what the consumer knows of the person: he changed something since
        self.topics: tuple[str, ...] = ()
        #: The close code, once this socket must end.
        self.code = 0
        self._task = asyncio.current_task()
        self.outbox = Outbox(wire, batches=batches, too_slow=self._too_slow)

    def push(self, text: bytes) -> None:
        """Send one event."""
        self.outbox.push(Parcel([text]))

    def close(self, code: int) -> None:
        """End this connection: its task is cancelled, and does the rest."""
        if not self.code:
            self.code = code
            if self._task is not None:
                self._task.cancel()

    def _too_slow(self) -> None:
        self.close(TOO_SLOW)


def paused(topic: str) -> str:
    """Where those are kept who are in a room but hear nothing of it: the process still listens for them."""
    return f"~{topic}"


def plain(topic: str) -> str:
    return topic.removeprefix("~")


class Registry:
    """Who hears what, here. It belongs to one event loop and is touched from nowhere else."""

    def __init__(self) -> None:
        self.sockets: dict[str, Socket] = {}
        self.users: dict[UUID, tuple[Socket, ...]] = {}
        self.topics: dict[str, list[Socket]] = {}

    def add(self, socket: Socket) -> None:
        self.sockets[socket.id] = socket
        self.users[socket.user_id] = (*self.users.get(socket.user_id, ()), socket)

    def remove(self, socket: Socket) -> list[str]:
        """Forget a socket; answers the topics to stop listening to."""
        self.sockets.pop(socket.id, None)
        if others := tuple(other for other in self.users.pop(socket.user_id, ()) if other is not socket):
            self.users[socket.user_id] = others
        return self.leave(socket, socket.topics)

    def join(self, socket: Socket, topics: Iterable[str]) -> list[str]:
        """Let a socket hear topics; answers what the process must listen to for it."""
        topics = [sys.intern(topic) for topic in topics]  # each of a room's sockets has its name
        heard = set(socket.topics)
        new = [topic for topic in dict.fromkeys(topics) if topic not in heard]
        for topic in new:
            hearers = self.topics.get(topic)
            if hearers is None:
                self.topics[topic] = [socket]
            else:
                hearers.append(socket)
        socket.topics += tuple(new)
        return [plain(topic) for topic in topics]

    def members(self, topic: str) -> set[Socket]:
        """Everyone here who belongs to a topic, those included who are in the room but hear nothing of it."""
        return {*self.topics.get(topic, ()), *self.topics.get(paused(topic), ())}

    def is_wanted(self, topic: str) -> bool:
        """Whether this process must still listen to a topic."""
        return topic in self.topics or paused(topic) in self.topics

    def leave(self, socket: Socket, topics: Iterable[str]) -> list[str]:
        """Let a socket hear topics no more; answers those to stop listening to."""
        left = set(topics).intersection(socket.topics)
        socket.topics = tuple(topic for topic in socket.topics if topic not in left)
        unwanted = []
        for topic in left:
            hearers = self.topics[topic]
            hearers.remove(socket)
            if not hearers:
                del self.topics[topic]
                if not self.is_wanted(plain(topic)):
                    unwanted.append(plain(topic))
        return unwanted
