"""Events about groups and their members."""

from typing import Any
from uuid import UUID

from accounts.models import User
from accounts.serializers import user_output
from chatproject.core import hub
from groups.models import JoinRequest, Membership, Room
from groups.serializers import chat_settings_output, group_output, request_output
from presence.selectors import online_among


def _person(room: Room, user: User) -> dict[str, Any]:
    return {"groupId": str(room.pk), "userId": str(user.pk), "user": user_output(user, online=True)}


def welcomed(room: Room, *users: User) -> None:
    """Users joined, or came back after an absence."""
    for user in users:
        hub.subscribe_user(user.pk, room.pk, "OnGroupUpdate", group_output(room))
        hub.publish(hub.room_topic(room.pk), "OnGroupWelcomeJoin", _person(room, user))


def left_for_a_while(room: Room, user: User) -> None:
    hub.unsubscribe_user(user.pk, room.pk, "OnTempLeaveGroup", _person(room, user), stays=True)


def left(room: Room, user: User) -> None:
    hub.unsubscribe_user(user.pk, room.pk, "OnGroupLeave", _person(room, user))


def removed(room: Room, user: User, *, by: User) -> None:
    """A member was removed: the event for that user; the others see the system message."""
    hub.unsubscribe_user(user.pk, room.pk, "OnGroupLeave", _person(room, user))
    kicked = {"groupId": str(room.pk), "name": room.name, "by": str(by.pk), "reason": "removed"}
    hub.publish(hub.user_topic(user.pk), "OnKicked", kicked)


def updated(room: Room) -> None:
    hub.publish(hub.room_topic(room.pk), "OnGroupUpdate", group_output(room))


def transfer(room: Room, owner: User, offered_to: UUID, state: str) -> None:
    """The ownership of a group was offered, or an offer ended: to the owner and to the member who has it."""
    payload = {
        "groupId": str(room.pk),
        "name": room.name,
        "by": str(owner.pk),
        "byName": owner.name,
        "userId": str(offered_to),
        "state": state,
    }
    for user_id in (owner.pk, offered_to):
        hub.publish(hub.user_topic(user_id), "OnGroupTransfer", payload)


def request_changed(room: Room, request: JoinRequest, state: str, admins: list[UUID]) -> None:
    """Somebody asks to join a group, took that back, or was answered: to its owner and administrators, and to them."""
    is_online = request.user_id in online_among([request.user_id])
    told = {**request_output(request, state=state, online=is_online), "name": room.name}
    hub.publish(hub.user_topic(request.user_id), "OnGroupRequest", {**told, "waiting": None})
    for user_id in admins:
        hub.publish(hub.user_topic(user_id), "OnGroupRequest", {**told, "waiting": room.join_requests or 0})


def settings_changed(membership: Membership) -> None:
    """A user's own settings of a chat changed: to their own sockets."""
    hub.publish(hub.user_topic(membership.user_id), "OnChatUpdate", chat_settings_output(membership))


def dissolved(room: Room, user_ids: list[UUID]) -> None:
    kicked = {"groupId": str(room.pk), "name": room.name, "by": None, "reason": "dissolved"}
    for user_id in user_ids:
        hub.unsubscribe_user(user_id, room.pk)
        hub.publish(hub.user_topic(user_id), "OnKicked", kicked)
