"""Telling the other, or a group, that somebody types."""

import time
from uuid import UUID

from accounts.models import User
from chatproject.core import hub
from chatproject.core.db.transactions import in_thread
from chatproject.core.errors import NotFound
from groups import selectors as rooms
from messaging import events

#: Seconds in which one person is told to type in one chat once: who reads shows it for longer.
FOLD_SECONDS = 1.0
#: Typing that is remembered to be folded; past this it starts anew.
REMEMBERED_MAX = 10_000

#: By person and chat: when it was told last.
_told: dict[tuple[UUID, UUID | None], float] = {}


async def tell_typing(*, by: User, socket: hub.Socket, to: UUID | None = None, group_id: UUID | None = None) -> None:
    """Tell the members of a group who are there, or the other person of a private chat, but not `socket`.

    Within FOLD_SECONDS it is told once, whatever the client sends: a frame would become as many as there are members.

    Raises NotFound where `socket` does not hear the group, or nobody has written in the private chat yet.
    """
    if group_id and hub.room_topic(group_id) not in socket.topics:
        raise NotFound()
    if to == by.pk:
        return
    what = (by.pk, group_id or to)
    if to and what not in _told and await in_thread(rooms.direct_membership, by, to) is None:
        raise NotFound()
    now = time.monotonic()
    if now - _told.get(what, -FOLD_SECONDS) < FOLD_SECONDS:
        return
    if len(_told) >= REMEMBERED_MAX:
        _told.clear()
    _told[what] = now
    events.typing(by=by.pk, to=to, group_id=group_id, skip=socket.id)
