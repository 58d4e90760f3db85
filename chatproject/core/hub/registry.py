"""The live sockets of this process, and the topics of each.

Most sockets of a chat are idle, so the memory of one is counted in bytes: topic names are shared, and
a person's sockets are a tuple, not a table.
"""

import asyncio
import sys
import uuid
from collections.abc import Iterable
from uuid import UUID

from chatproject.core.hub.frames import FramedEvents, Wire
from chatproject.core.hub.outbox import Outbox

#: The sockets are in so many parts, for jobs that see to one part after the other.
PARTS = 60
#: Close codes: docs/api.md.
NOT_OUR_PROTOCOL, SIGN_IN, TOO_SLOW, FLOODING = 4400, 4401, 4408, 4429


class Socket:
    """One live connection of one signed-in device. Made in the task that serves it."""

    __slots__ = (
        "_task", "code", "device_id", "id", "is_announced", "is_outdated", "is_visible", "outbox", "proof", "topics",
        "user_id",
    )  # fmt: skip

    def __init__(self, wire: Wire, *, user_id: UUID, device_id: UUID, batches: bool, is_visible: bool) -> None:
        self.id = uuid.uuid4().hex
        self.user_id = user_id
        self.device_id = device_id
        self.is_visible = is_visible  # others may see that this person is here
        self.is_announced = False  # this process keeps the person online
        self.is_outdated = False  # the person changed since the consumer read their row
        self.topics: tuple[str, ...] = ()
        #: A hash of what the topics were last found to be right by, and of themselves.
        self.proof = 0
        #: The close code, once this socket must end.
        self.code = 0
        self._task = asyncio.current_task()
        self.outbox = Outbox(wire, batches=batches, too_slow=self._too_slow)

    def push(self, text: bytes) -> None:
        """Send one event."""
        self.outbox.push(FramedEvents([text]))

    def close(self, code: int) -> None:
        """End this connection by cancelling its task, which sends the close frame."""
        if not self.code:
            self.code = code
            if self._task is not None:
                self._task.cancel()

    def _too_slow(self) -> None:
        self.close(TOO_SLOW)


def paused(topic: str) -> str:
    """The registry's name for a topic's sockets that are paused: members who are away.

    They receive nothing, and are still found among the topic's `members`.
    """
    return f"~{topic}"


def plain(topic: str) -> str:
    return topic.removeprefix("~")


class Registry:
    """Sockets by id, by user and by topic. Belongs to one event loop."""

    def __init__(self) -> None:
        self.sockets: dict[str, Socket] = {}
        self.users: dict[UUID, tuple[Socket, ...]] = {}
        self.topics: dict[str, list[Socket]] = {}
        self._parts: tuple[set[Socket], ...] = tuple(set() for _ in range(PARTS))

    def part(self, turn: int, of: int) -> list[Socket]:
        """The sockets whose turn it is, where each has one in `of`, a divisor of PARTS."""
        return [socket for part in self._parts[turn % of :: of] for socket in part]

    def _part_of(self, socket: Socket) -> set[Socket]:
        return self._parts[hash(socket.id) % PARTS]

    def add(self, socket: Socket) -> None:
        self.sockets[socket.id] = socket
        self._part_of(socket).add(socket)
        self.users[socket.user_id] = (*self.users.get(socket.user_id, ()), socket)

    def remove(self, socket: Socket) -> list[str]:
        """Forget a socket; returns the topics that no socket here needs any more."""
        self.sockets.pop(socket.id, None)
        self._part_of(socket).discard(socket)
        if others := tuple(other for other in self.users.pop(socket.user_id, ()) if other is not socket):
            self.users[socket.user_id] = others
        return self.leave(socket, socket.topics)

    def join(self, socket: Socket, topics: Iterable[str]) -> list[str]:
        """Add topics to a socket; returns those that no socket here needed before."""
        heard, needed = set(socket.topics), []
        new = [topic for topic in dict.fromkeys(map(sys.intern, topics)) if topic not in heard]  # all share one text
        for topic in new:
            hearers = self.topics.get(topic)
            if hearers is None:
                if not self.is_wanted(plain(topic)):
                    needed.append(plain(topic))
                self.topics[topic] = [socket]
            else:
                hearers.append(socket)
        socket.topics += tuple(new)
        return needed

    def members(self, topic: str) -> set[Socket]:
        """All sockets here that belong to a topic, paused ones included."""
        return {*self.topics.get(topic, ()), *self.topics.get(paused(topic), ())}

    def is_wanted(self, topic: str) -> bool:
        """Whether this process must stay subscribed to a topic."""
        return topic in self.topics or paused(topic) in self.topics

    def leave(self, socket: Socket, topics: Iterable[str]) -> list[str]:
        """Take topics from a socket; returns those that no socket here needs any more."""
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
