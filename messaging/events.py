"""Events about messages, unread counts and read cursors.

A payload is what HTTP returns for the same thing.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

from chatproject.core import hub
from groups.models import Membership, Room
from messaging.models import HeldMessage
from messaging.serializers.output import pins_output


def message_created(output: dict[str, Any], json: bytes, *, skip: str = "") -> None:
    """A new message, as output and as JSON; the socket `skip` gets it as its ack instead."""
    event = "OnGroupMsg" if output["groupId"] else "OnPrivate"
    hub.publish_to(_topics(output), event, json, skip=skip)


def message_changed(
    event: str, output: dict[str, Any], json: bytes, *, seen_by: Collection[UUID] | None = None
) -> None:
    """A message that was edited or recalled, or whose reactions changed, as output and as JSON.

    `seen_by`: the members who hear of it, where not all of a group's do.
    """
    topics = _topics(output) if seen_by is None else [hub.user_topic(user_id) for user_id in seen_by]
    hub.publish_to(topics, event, json)


def own_reactions(user_id: UUID, output: dict[str, Any]) -> None:
    """What a user has put on a message that names nobody: to their own sockets."""
    hub.publish(hub.user_topic(user_id), "OnOwnReactions", output)


def pins_changed(room: Room, version: int, members: Collection[UUID]) -> None:
    """Other messages of a chat are pinned; of a private one, `members` are the two people."""
    if not room.is_direct:
        hub.publish(hub.room_topic(room.pk), "OnPin", pins_output(room, version, other=None))
        return
    for user_id in members:
        other = next((one for one in members if one != user_id), user_id)
        hub.publish(hub.user_topic(user_id), "OnPin", pins_output(room, version, other=other))


def _topics(output: dict[str, Any]) -> list[str]:
    if output["groupId"]:
        return [hub.room_topic(output["groupId"])]
    return [hub.user_topic(user_id) for user_id in dict.fromkeys((output["receiverId"], output["senderId"]))]


def held_refused(held: HeldMessage) -> None:
    """A moderator refused what was held, to its sender's own sockets."""
    payload = {
        "type": "group" if held.is_group else "private",
        "id": str(held.to),
        "clientId": held.client_id,
        "messageId": str(held.edited_id) if held.edited_id else None,
    }
    hub.publish(hub.user_topic(held.sender_id), "OnHeldRefused", payload)


def hidden(user_id: UUID, output: dict[str, Any]) -> None:
    """A user deleted messages for themselves: to their own sockets."""
    hub.publish(hub.user_topic(user_id), "OnHide", output)


def private_unread(
    user_id: UUID, sender: Mapping[str, Any], count: int, last: dict[str, Any] | None, *, skip: str = ""
) -> None:
    """A user's unread count of a private chat, to their own sockets.

    `sender` has the sender's keys of a message.
    """
    payload = {
        "senderId": sender["senderId"],
        "senderName": sender["senderName"],
        "senderImg": sender["senderImg"],
        "unreadCount": count,
        "lastMessage": last,
        "content": last["content"] if last else "",
        "sentAt": last["sentAt"] if last else None,
    }
    hub.publish(hub.user_topic(user_id), "unreadCountUpdate", payload, skip=skip)


def group_unread_payload(
    group_id: str, name: str, avatar: str, count: int, last: Any, content: str, sent_at: str | None
) -> dict[str, Any]:
    return {
        "groupId": group_id,
        "groupName": name,
        "groupImg": avatar,
        "unreadCount": count,
        "lastMessage": last,
        "content": content,
        "sentAt": sent_at,
    }


def group_unread(membership: Membership, last: dict[str, Any] | None, *, skip: str = "") -> None:
    """A user's unread count of a group, to their own sockets."""
    content, sent_at = (last["content"], last["sentAt"]) if last else ("", None)
    room = membership.room
    payload = group_unread_payload(str(room.pk), room.name, room.avatar, membership.unread, last, content, sent_at)
    hub.publish(hub.user_topic(membership.user_id), "groupUnreadUpdate", payload, skip=skip)


def read(membership: Membership, senders: Iterable[UUID], *, since: int) -> None:
    """A read cursor moved on from `since`, to the senders of the messages read.

    `id` is the chat's id for them.
    """
    is_private = bool(membership.peer_id)
    payload = {
        "type": "private" if is_private else "group",
        "id": str(membership.user_id if is_private else membership.room_id),
        "userId": str(membership.user_id),
        "previousSeq": since,
        "readSeq": membership.read_seq,
    }
    for sender_id in senders:
        hub.publish(hub.user_topic(sender_id), "OnRead", payload)


def marked_unread(user_id: UUID, payload: dict[str, Any], *, skip: str = "") -> None:
    """A user marked a chat unread for themselves: to their own sockets."""
    hub.publish(hub.user_topic(user_id), "OnMarkUnread", payload, skip=skip)


def draft_changed(user_id: UUID, output: dict[str, Any], *, skip: str = "") -> None:
    """A user began to write something, or did so no more: to their own sockets."""
    hub.publish(hub.user_topic(user_id), "OnDraft", output, skip=skip)


def typing(*, by: UUID, to: UUID | None, group_id: UUID | None, skip: str) -> None:
    """A user is typing, to the others in a chat; delivered at most once."""
    topic = hub.room_topic(group_id) if group_id else hub.user_topic(to or by)
    payload = {
        "type": "group" if group_id else "private",
        "id": str(group_id or by),
        "userId": str(by),
    }
    hub.publish(topic, "OnTyping", payload, skip=skip)


def online_list(json: bytes) -> None:
    """The list of everyone online, to every socket."""
    hub.publish_to([hub.EVERYONE], "OnlineUsersList", json)
