"""Names of what sockets hear: a topic per person, per room, per watched person, and one for everyone.

A topic is a group of the channel layer, so a name has the characters that Channels allows there.
"""

from uuid import UUID

from chatproject.core.hub.registry import plain


def user_topic(user_id: UUID | str) -> str:
    """What one person's sockets hear."""
    return f"user.{user_id}"


def room_topic(room_id: UUID | str) -> str:
    """What the members who are present in a group hear."""
    return f"room.{room_id}"


def status_topic(user_id: UUID | str) -> str:
    """What those who watch a person's presence hear."""
    return f"status.{user_id}"


def is_room(topic: str) -> bool:
    return plain(topic).startswith("room.")


#: What every socket hears.
EVERYONE = "everyone"
