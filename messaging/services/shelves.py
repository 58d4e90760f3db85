"""What a chat has of one kind: pictures and videos, files, voice, places, links."""

from typing import NamedTuple
from uuid import UUID

from accounts.models import User
from groups import selectors as rooms
from messaging import selectors, types
from messaging.models import Message


class Shelf(NamedTuple):
    """A page, newest first; it goes on before the `seq` `next`."""

    messages: list[Message]
    next: int | None


def shelf(
    *, by: User, chat_id: UUID, kind: str, is_group: bool = False, limit: int, before: int | None = None
) -> Shelf:
    """The newest messages of a kind in a chat, without what was recalled or deleted for the user. Raises NotFound."""
    membership = rooms.chat_membership(by, chat_id, is_group=is_group)
    names = None if kind == types.LINKS else types.SHELVES[kind]
    found = selectors.shelved(membership, names, limit=limit, before=before)
    return Shelf(found, found[-1].seq if len(found) == limit else None)
