"""The live sockets of this process, and which of them hears which topic."""

import asyncio
import uuid
from collections.abc import Iterable
from uuid import UUID

from chatproject.core.hub.outbox import Outbox, Send

#: What a socket is told when it is closed by us: the contract's codes.
NOT_OUR_PROTOCOL, SIGN_IN, TOO_SLOW, FLOODING = 4400, 4401, 4408, 4429


class Socket:
    """One live connection of one signed-in device."""

    __slots__ = ("closing", "device_id", "id", "is_outdated", "is_visible", "outbox", "topics", "user_id")

    def __init__(self, send: Send, *, user_id: UUID, device_id: UUID, batches: bool, is_visible: bool) -> None:
        self.id = uuid.uuid4().hex
        self.user_id = user_id
        self.device_id = device_id
        self.is_visible = is_visible  # others may see that this person is here
        self.is_outdated = False  # what the consumer knows of the person: he changed something since
        self.topics: set[str] = set()
        #: Done with a close code as soon as this socket must end.
        self.closing: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.outbox = Outbox(send, batches=batches, too_slow=lambda: self.close(TOO_SLOW))

    def push(self, text: str) -> None:
        self.outbox.push(text)

    def close(self, code: int) -> None:
        """End this connection; its consumer does the rest."""
        if not self.closing.done():
            self.closing.set_result(code)


def muffled(topic: str) -> str:
    """Where those are kept who are in a room but hear nothing of it: the process still listens for them."""
    return f"~{topic}"


def plain(topic: str) -> str:
    return topic.removeprefix("~")


class Registry:
    """Who hears what, here. It belongs to one event loop and is touched from nowhere else."""

    def __init__(self) -> None:
        self.sockets: dict[str, Socket] = {}
        self.users: dict[UUID, set[Socket]] = {}
        self.topics: dict[str, set[Socket]] = {}

    def add(self, socket: Socket) -> None:
        self.sockets[socket.id] = socket
        self.users.setdefault(socket.user_id, set()).add(socket)

    def remove(self, socket: Socket) -> list[str]:
        """Forget a socket; answers the topics to stop listening to."""
        self.sockets.pop(socket.id, None)
        others = self.users.get(socket.user_id)
        if others is not None:
            others.discard(socket)
            if not others:
                del self.users[socket.user_id]
        return self.leave(socket, tuple(socket.topics))

    def join(self, socket: Socket, topics: Iterable[str]) -> list[str]:
        """Let a socket hear topics; answers what the process must listen to for it."""
        listened = []
        for topic in topics:
            self.topics.setdefault(topic, set()).add(socket)
            socket.topics.add(topic)
            listened.append(plain(topic))
        return listened

    def members(self, topic: str) -> set[Socket]:
        """Everyone here who belongs to a topic, those included who are in the room but hear nothing of it."""
        return self.topics.get(topic, set()) | self.topics.get(muffled(topic), set())

    def is_wanted(self, topic: str) -> bool:
        """Whether this process must still listen to a topic."""
        return topic in self.topics or muffled(topic) in self.topics

    def leave(self, socket: Socket, topics: Iterable[str]) -> list[str]:
        """Let a socket hear topics no more; answers those to stop listening to."""
        unwanted = []
        for topic in topics:
            socket.topics.discard(topic)
            heard = self.topics.get(topic)
            if heard is not None:
                heard.discard(socket)
                if not heard:
                    del self.topics[topic]
                    if not self.is_wanted(plain(topic)):
                        unwanted.append(plain(topic))
        return unwanted
