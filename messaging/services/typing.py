"""Telling the other, or a group, that somebody types."""

from uuid import UUID

from accounts.models import User
from chatproject.core import hub
from chatproject.core.db.transactions import in_thread
from chatproject.core.errors import NotFound
from groups import selectors as rooms
from messaging import events


async def tell_typing(*, by: User, socket: hub.Socket, to: UUID | None = None, group_id: UUID | None = None) -> None:
    """Tell the members of a group who are there, or the other person of a private chat, but not `socket`.

    Raises NotFound where `socket` does not hear the group, or nobody has written in the private chat yet.
    """
    if group_id and hub.room_topic(group_id) not in socket.topics:
        raise NotFound()
    if to and await in_thread(rooms.direct_membership, by, to) is None:
        raise NotFound()
    events.typing(by=by.pk, to=to, group_id=group_id, skip=socket.id)
