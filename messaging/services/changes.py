"""What follows the change of a stored message: Redis learns of it first, then everybody who sees the message."""

from typing import Any
from uuid import UUID

import orjson

from chatproject.core.db.transactions import on_commit
from groups import selectors as rooms
from messaging import cache, events, unread_push
from messaging.models import Message
from messaging.services import epochs, remembering


def tell_after_commit(
    event: str, message: Message, output: dict[str, Any], json: bytes = b"", *, is_erasing: bool = False
) -> None:
    """Tell of a message with a new version, whose room is loaded; `json` is its output.

    `is_erasing`: the pages that have the former message are deleted, instead of being brought up to date when they
    are read.
    """
    json = json or orjson.dumps(output)
    change = epochs.Change(message.room_id, message.seq, message.pk, message.version)
    on_commit(lambda: epochs.note(change))
    is_last = message.room.last_message_id == message.pk
    last = (message, output) if is_last else ()
    state = remembering.room_state(message.room, *last, is_recall=message.is_recalled, is_change=is_erasing)
    on_commit(lambda: remembering.keep([state]))
    if is_last:
        on_commit(lambda: _refresh_last(message, output, json))
    on_commit(lambda: events.message_changed(event, output, json, seen_by=_seen_by(message)))


def _seen_by(message: Message) -> list[UUID] | None:
    """Who sees a message that was said before some of the members joined; None where all of them do. Of one that was
    recalled nothing is left to be seen.
    """
    if message.is_recalled or message.seq > (message.room.floor_seq or 0):
        return None
    return rooms.present_readers(message.room_id, message.seq)


def _refresh_last(message: Message, output: dict[str, Any], json: bytes) -> None:
    """Update the copies of a room's last message in Redis."""
    if message.room.is_direct:
        unread_push.remember_private({message.room_id: (output, json)})
    else:
        cache.group(message.room_id, message.room.last_said, [], json, message.version)
