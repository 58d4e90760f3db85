"""What clients are told of messages. Each push carries exactly what HTTP returns for the same thing."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import orjson

from chatproject.core import hub
from groups.models import Membership


def message_created(output: dict[str, Any], json: bytes, *, skip: str = "") -> None:
    """A new message, and the same as JSON, to those who hear it; `skip` is the socket that has it as its ack."""
    event = "OnGroupMsg" if output["groupId"] else "OnPrivate"
    hub.publish_to(_hearers(output), event, json, skip=skip)


def message_changed(event: str, output: dict[str, Any]) -> None:
    """An edit or a recall, to everyone who has the message."""
    hub.publish_to(_hearers(output), event, orjson.dumps(output))


def _hearers(output: dict[str, Any]) -> list[str]:
    if output["groupId"]:
        return [hub.room_topic(output["groupId"])]
    return [hub.user_topic(output["receiverId"]), hub.user_topic(output["senderId"])]


def private_unread(
    user_id: UUID, sender: Mapping[str, Any], count: int, last: dict[str, Any] | None, *, skip: str = ""
) -> None:
    """One person's unread from another, to his own sockets. `sender` is named as a message names him."""
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
    """One person's unread in a group, to his own sockets."""
    content, sent_at = (last["content"], last["sentAt"]) if last else ("", None)
    room = membership.room
    payload = group_unread_payload(str(room.pk), room.name, room.avatar, membership.unread, last, content, sent_at)
    hub.publish(hub.user_topic(membership.user_id), "groupUnreadUpdate", payload, skip=skip)


def read(membership: Membership, senders: Iterable[UUID], *, since: int) -> None:
    """Somebody's cursor moved from `since` over what these people sent: `id` is the chat as they know it."""
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


def typing(*, by: UUID, to: UUID | None, group_id: UUID | None, skip: str) -> None:
    """At most once, and to nobody who was not there."""
    topic = hub.room_topic(group_id) if group_id else hub.user_topic(to or by)
    payload = {
        "type": "group" if group_id else "private",
        "id": str(group_id or by),
        "userId": str(by),
    }
    hub.publish(topic, "OnTyping", payload, skip=skip)


def online_list(json: bytes) -> None:
    """Who is online, to everyone; for small installations."""
    hub.publish_to([hub.EVERYONE], "OnlineUsersList", json)
