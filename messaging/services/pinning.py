"""Pinned messages of a chat, which all of its members see."""

from typing import Any
from uuid import UUID

from accounts.models import User
from chatproject.core.db.transactions import on_commit, run_atomic
from groups import selectors as rooms
from messaging import events, rules, selectors
from messaging.models import Message
from messaging.serializers.output import pins_output
from messaging.services import epochs, remembering
from messaging.services.system_messages import post_system_message


def pin(*, by: User, message_id: UUID, pinned: bool) -> dict[str, Any]:
    """Pin a message for everybody in its chat, or unpin it; returns what is pinned there. Idempotent."""

    def body() -> dict[str, Any]:
        message, membership = selectors.locked_message_for(by, message_id)
        rules.require_pin(by, message, membership)
        room = message.room
        others = [one for one in room.pins if one["messageId"] != str(message.pk)]
        is_new = (len(others) < len(room.pins)) != pinned
        if is_new and pinned:
            rules.require_pinnable(message)
            others.insert(0, {"messageId": str(message.pk), "seq": message.seq})
        if is_new:
            _change(message, others)
        output = pins_output(room, room.last_version, other=membership.peer_id)
        if is_new and pinned:
            post_system_message(room, by=by, action="pinned", about=message.pk)
        return output

    return run_atomic(body)


def _change(message: Message, pins: list[dict[str, Any]]) -> None:
    """The message takes the version, so that a restored copy of the data from before is told apart."""
    room = message.room
    room.pins = pins
    message.version = version = room.take_version()
    message.save(update_fields=["version"])
    room.save(update_fields=["last_version", "pins_json"])
    change = epochs.Change(room.pk, message.seq, message.pk, version)
    state = remembering.room_state(room)
    members = [user_id for user_id, _ in rooms.cursors(room.pk)] if room.is_direct else []
    on_commit(lambda: epochs.note(change))
    on_commit(lambda: remembering.keep([state]))
    on_commit(lambda: events.pins_changed(room, version, members))
