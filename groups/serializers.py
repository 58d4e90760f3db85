"""Input and output of the groups API.

The functions build the output; the classes of the same name describe it for OpenAPI.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from rest_framework import serializers

from accounts.serializers import UserOutput, user_output
from chatproject.core.http.api import Id, Input
from chatproject.core.times import iso
from groups.models import Membership, Room
from groups.rules import MEMBERS_MAX
from presence.selectors import online_among


class MemberOutput(UserOutput):
    role = serializers.ChoiceField(choices=Membership.Role.choices)
    joinedAt = serializers.DateTimeField()
    away = serializers.BooleanField()


class GroupOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    avatar = serializers.CharField()
    creatorId = serializers.UUIDField(allow_null=True)
    joinPolicy = serializers.ChoiceField(choices=Room.JoinPolicy.choices)
    memberCount = serializers.IntegerField()
    createdAt = serializers.DateTimeField()
    role = serializers.ChoiceField(
        choices=Membership.Role.choices, allow_null=True, help_text="Mine; null for a stranger"
    )
    members = MemberOutput(many=True, allow_null=True, help_text="null in lists")
    inviteCode = serializers.CharField(allow_null=True, help_text="For those who may invite, when they ask for it")


def member_output(membership: Membership, *, online: bool) -> dict[str, Any]:
    return user_output(membership.user, online=online) | {
        "role": membership.role,
        "joinedAt": iso(membership.joined_at),
        "away": membership.away,
    }


def members_output(memberships: Iterable[Membership]) -> list[dict[str, Any]]:
    memberships = list(memberships)
    here = online_among(membership.user_id for membership in memberships)
    return [member_output(membership, online=membership.user_id in here) for membership in memberships]


def group_output(
    room: Room, *, role: str | None = None, members: Iterable[Membership] | None = None, invite_code: str | None = None
) -> dict[str, Any]:
    return {
        "id": str(room.pk),
        "name": room.name,
        "avatar": room.avatar,
        "creatorId": str(room.creator_id) if room.creator_id else None,
        "joinPolicy": room.join_policy,
        "memberCount": room.member_count,
        "createdAt": iso(room.created_at),
        "role": role,
        "members": None if members is None else members_output(members),
        "inviteCode": invite_code,
    }


CHAT_TYPES = ["private", "group"]


class OwnSettingsOutput(serializers.Serializer[Any]):
    muted = serializers.BooleanField()
    mutedUntil = serializers.DateTimeField(allow_null=True, help_text="When the mute ends by itself")
    pinned = serializers.BooleanField()


class ChatSettingsOutput(OwnSettingsOutput):
    type = serializers.ChoiceField(choices=CHAT_TYPES)
    id = serializers.UUIDField(help_text="The other person's, or the group's")


def own_settings_output(membership: Membership) -> dict[str, Any]:
    """A user's own settings of a chat, as the chat list has them."""
    return {"muted": membership.is_muted, "mutedUntil": iso(membership.muted_end), "pinned": membership.is_pinned}


def chat_settings_output(membership: Membership) -> dict[str, Any]:
    """`own_settings_output` with the chat's type and id."""
    return {
        "type": "private" if membership.peer_id else "group",
        "id": str(membership.peer_id or membership.room_id),
        **own_settings_output(membership),
    }


class GroupName(serializers.CharField):
    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=80, **options)


class ImageAddress(serializers.CharField):
    """The address of a picture, http(s) or site-relative; empty for none."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=500, allow_blank=True, **options)

    def to_internal_value(self, data: Any) -> str:
        address = super().to_internal_value(data)
        if (address and not address.startswith(("https://", "http://", "/"))) or address.startswith("//"):
            raise serializers.ValidationError(self.error_messages["invalid"])
        return address


class PeopleField(serializers.ListField):
    child = Id()

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=MEMBERS_MAX, **options)

    def to_internal_value(self, data: Any) -> list[UUID]:
        return list(dict.fromkeys(super().to_internal_value(data)))


class CreateInput(Input):
    name = GroupName()
    memberIds = PeopleField(source="member_ids", default=list)
    avatar = ImageAddress(default="")
    joinPolicy = serializers.ChoiceField(
        source="join_policy", choices=Room.JoinPolicy.choices, default=Room.JoinPolicy.OPEN
    )


class GroupInput(Input):
    groupId = Id(source="group_id")


class JoinInput(GroupInput):
    inviteCode = serializers.CharField(source="invite_code", max_length=64, default="", allow_blank=True)


class UpdateInput(GroupInput):
    name = GroupName(required=False)
    avatar = ImageAddress(required=False)
    joinPolicy = serializers.ChoiceField(source="join_policy", choices=Room.JoinPolicy.choices, required=False)


class MemberInput(GroupInput):
    userId = Id(source="user_id")


GIVEN_ROLES = [Membership.Role.ADMIN.value, Membership.Role.MEMBER.value]


class RoleInput(MemberInput):
    role = serializers.ChoiceField(choices=GIVEN_ROLES)


class _MuteInput(Input):
    muted = serializers.BooleanField(default=True)
    seconds = serializers.IntegerField(
        min_value=60, max_value=366 * 86400, required=False, help_text="For so long; without it, until I say otherwise"
    )


class MuteInput(_MuteInput):
    groupId = Id(source="chat_id")


class _ChatInput(Input):
    """A chat by its type and the id that clients use; read as `chat_id` and `is_group`."""

    type = serializers.ChoiceField(choices=CHAT_TYPES)
    id = Id(source="chat_id", help_text="The other person's, or the group's")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        is_group = attrs.pop("type") == "group"
        return {**attrs, "is_group": is_group}


class ChatMuteInput(_ChatInput, _MuteInput):
    pass


class ChatPinInput(_ChatInput):
    pinned = serializers.BooleanField(default=True)


class InviteInput(GroupInput):
    userIds = PeopleField(source="user_ids", default=list, help_text="People to bring in at once")
    renew = serializers.BooleanField(default=False, help_text="Make the old invitation code worthless")


class ListInput(Input):
    search = serializers.CharField(default="", allow_blank=True, max_length=80)
    limit = serializers.IntegerField(min_value=1, max_value=200, default=50)
    after = Id(required=False, default=None, allow_null=True)
