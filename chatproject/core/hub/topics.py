"""Topics that sockets subscribe to: per person, per room, per watched person, and one for everyone.

A topic is the name of a group in the channel layer, in the characters that Channels allows there.
"""

from uuid import UUID

from chatproject.core.hub.registry import paused


def user_topic(user_id: UUID | str) -> str:
    """Events for one person's sockets."""
    return f"user.{user_id}"


def room_topic(room_id: UUID | str) -> str:
    """Events for the members of a room who are not away."""
    return f"room.{room_id}"


def status_topic(user_id: UUID | str) -> str:
    """Events for those who watch a person's presence."""
    return f"status.{user_id}"


def is_room(topic: str) -> bool:
    return topic.startswith(_ROOMS)


_ROOMS = (room_topic(""), paused(room_topic("")))

#: Events for every socket.
EVERYONE = "everyone"
