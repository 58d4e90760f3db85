"""What a chat has of one kind: pictures and videos, files, voice, places, links."""

from typing import NamedTuple
from uuid import UUID

from accounts.models import User
from groups import selectors as rooms
from messaging import selectors, types
from messaging.models import Message
from messaging.services.searching import search


class Shelf(NamedTuple):
    """A page, newest first; it goes on before the `seq` `next`. Of links it may be short, or empty, and yet go on."""

    messages: list[Message]
    next: int | None


def shelf(
    *, by: User, chat_id: UUID, kind: str, is_group: bool = False, limit: int, before: int | None = None
) -> Shelf:
    """The newest messages of a kind in a chat, without what was recalled or deleted for the user. Raises NotFound."""
    membership = rooms.chat_membership(by, chat_id, is_group=is_group)
    if kind == types.LINKS:
        return _links(by, chat_id, membership.room_id, is_group=is_group, limit=limit, before=before)
    found = selectors.shelved(membership, types.SHELVES[kind], limit=limit, before=before)
    return Shelf(found, found[-1].seq if len(found) == limit else None)


def _links(by: User, chat_id: UUID, room_id: UUID, *, is_group: bool, limit: int, before: int | None) -> Shelf:
    """As the search finds them, which goes by the messages' ids."""
    start = selectors.id_at(room_id, before) if before is not None else None
    found = search(by=by, text="has:link", chat_id=chat_id, is_group=is_group, limit=limit, before=start)
    return Shelf(found.messages, selectors.seq_at(room_id, found.next) if found.next else None)
