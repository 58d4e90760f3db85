"""Deleting messages for oneself: they stay what they are for everybody else, and no one else is told."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import orjson

from accounts.models import User
from chatproject.core.db.transactions import on_commit, run_atomic
from chatproject.core.errors import NotFound
from groups import selectors as rooms
from groups import services as groups
from groups.models import Membership
from messaging import cache, events, selectors
from messaging.models import Message
from messaging.serializers.output import hiding_output, sender_output
from messaging.services import remembering


def hide(*, by: User, message_ids: Collection[UUID]) -> dict[str, Any]:
    """Delete messages for the user alone; returns each chat as it is shown to them now. Idempotent.

    Raises NotFound, and deletes nothing, if one of the messages is not in the user's chats.
    """
    message_ids = set(message_ids)

    def body() -> dict[str, Any]:
        found, _mine = selectors.messages_of(by, message_ids)
        if len(found) != len(message_ids):
            raise NotFound()
        memberships = rooms.locked_memberships(by, {message.room_id for message in found})
        of_room = {one.room_id: [message for message in found if message.room_id == one.room_id] for one in memberships}
        return {"chats": [_hide(by, one, of_room[one.room_id]) for one in memberships]}

    return run_atomic(body)


def _hide(by: User, membership: Membership, messages: list[Message]) -> dict[str, Any]:
    known = rooms.hidden_seqs(membership)
    new = sorted((message.seq, message.pk) for message in messages if message.seq not in known)
    if new:
        unread = selectors.unread_among(membership, [seq for seq, _ in new if seq > membership.cursor])
        groups.note_hidden(membership, new, unread=unread)
        on_commit(lambda: remembering.forget_users([membership.user_id]))
    chat = selectors.chat_of(by, membership)
    output = hiding_output(chat, [message.pk for message in messages])
    if new:
        on_commit(lambda: _tell(chat, output, is_read=bool(unread)))
    return output


def _tell(chat: selectors.Chat, output: dict[str, Any], *, is_read: bool) -> None:
    membership, room = chat.membership, chat.membership.room
    events.hidden(membership.user_id, output)
    if is_read:
        _tell_unread(chat, output)
    if membership.hides_last:  # after the counts, which may write the room's last message
        last = orjson.dumps(output["lastMessage"]) if chat.last else b""
        cache.overwrite_last(membership.user_id, membership.peer_id, room.pk, last)


def _tell_unread(chat: selectors.Chat, output: dict[str, Any]) -> None:
    membership, room = chat.membership, chat.membership.room
    if chat.other is not None:
        cache.private(membership.user_id, chat.other.user_id, room.last_said, membership.base)
        events.private_unread(
            membership.user_id, sender_output(chat.other.user), membership.unread, output["lastMessage"]
        )
    else:
        cache.group(room.pk, room.last_said, [(membership.user_id, membership.base)])
        events.group_unread(membership, output["lastMessage"])
