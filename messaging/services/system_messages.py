"""System messages: what happened to a group, as data that each client shows in its reader's
language.
"""

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import orjson

from accounts.models import User
from chatproject.core.db.transactions import on_commit
from chatproject.core.models import uuid7
from groups.models import Room
from messaging import cache, events, types, unread_push
from messaging.models import Message
from messaging.serializers.output import message_output
from messaging.services import epochs, remembering
from messaging.services.remembering import room_state

#: The content, for clients that do not know `system`.
_ENGLISH = {
    "created": "{actor} created the group",
    "joined": "{actor} joined",
    "left": "{actor} left",
    "invited": "{actor} brought in {people}",
    "removed": "{actor} removed {people}",
    "renamed": "{actor} named the group {name}",
    "picture": "{actor} changed the picture of the group",
    "policy": "{actor} made the group {name}",
    "accepted": "{actor} let in {people}",
    "described": "{actor} changed what the group is about",
    "announced": "{actor} changed the announcement of the group",
    "unannounced": "{actor} ended the announcement of the group",
    "posting": "{actor} changed who may write: {name}",
    "history": "{actor} changed which messages new members see: {name}",
    "slowed": "{actor} set slow mode to {name} seconds",
    "role": "{actor} made {people} {role}",
    "offered": "{actor} offered the group to {people}",
    "transferred": "{actor} handed the group over to {people}",
    "inherited": "{people} is gone: {actor} owns the group now",
    "named_owner": "{actor}, who runs this chat, made {people} the owner",
    "pinned": "{actor} pinned a message",
    "opened": "{actor}, who runs this chat, opened it to read it",
}


def post_system_message(
    room: Room,
    *,
    by: User,
    action: str,
    people: Iterable[User] = (),
    name: str = "",
    role: str = "",
    about: UUID | None = None,
) -> None:
    """Post a system message to a locked room in the caller's transaction.

    It names the first of many people and counts the others: it is stored, pushed and part of chat
    lists, and `selectors.added_with` finds all of them. `about`: the message that it is about, as a reply names one.
    Its event follows the commit.
    """
    people = list(people)
    system: dict[str, Any] = {
        "action": action,
        "actor": _person(by),
        "people": [_person(user) for user in people[: types.NAMED_MAX]],
        "count": len(people),
        "name": name,
        "role": role,
    }
    sender: User = by
    receiver_id: UUID | None = None
    if room.is_direct:  # it stands between the two, whose chat it is
        one = room.memberships.select_related("user").order_by("pk")[0]
        sender, receiver_id = one.user, one.peer_id
    named = ", ".join(user.name for user in people[: types.NAMED_MAX])
    if len(people) > types.NAMED_MAX:
        named += f" and {len(people) - types.NAMED_MAX} more"
    content = _ENGLISH[action].format(actor=by.name, people=named, name=name, role=role)
    room.last_seq += 1
    room.system_lines += 1
    message_id = uuid7()
    message = Message.objects.create(
        pk=message_id,
        room=room,
        seq=room.last_seq,
        version=room.take_version(),
        sender=sender,
        client_id=str(message_id),
        type=types.SYSTEM,
        content=content,
        details_json=json.dumps(system, ensure_ascii=False),
        reply_to_id=about,
    )
    room.last_message_id, room.last_at = message.pk, message.sent_at
    room.save(update_fields=["last_seq", "system_lines", "last_version", "last_message_id", "last_at"])
    output = message_output(message, receiver_id=receiver_id)
    encoded = orjson.dumps(output)
    change = epochs.Change(room.pk, message.seq, message.pk, message.version)
    state = room_state(room, message, output)
    on_commit(lambda: remembering.keep([state]))
    on_commit(lambda: events.message_created(output, encoded))
    on_commit(lambda: epochs.note(change))
    if receiver_id is None:
        on_commit(lambda: cache.group(room.pk, room.last_said, [], encoded, output["version"]))
    else:
        on_commit(lambda: unread_push.remember_private({room.pk: (output, encoded)}))
    gone = {"left": [by], "removed": people}.get(action, [])
    on_commit(lambda: cache.forget_members((user.pk for user in gone), room.pk))


def _person(user: User) -> dict[str, str]:
    return {"id": str(user.pk), "name": user.name}
