"""Input and output of the groups API.

The functions build the output; the classes of the same name describe it for OpenAPI.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Protocol
from uuid import UUID

from django.utils.translation import gettext as _
from msgspec import UNSET, Meta, UnsetType, field
from rest_framework import serializers

from accounts.models import User
from accounts.notifying import LEVELS
from accounts.serializers import UserOutput, user_output
from chatproject.core.errors import Invalid
from chatproject.core.fields import address, choice, helped, line, number, page_limit, text
from chatproject.core.http.api import PAGE_MAX
from chatproject.core.inputs import Input, PagedInput
from chatproject.core.times import iso
from groups.models import JoinRequest, Membership, Room
from groups.rules import ANNOUNCEMENT_MAX, DESCRIPTION_MAX, MANY_MAX, MEMBERS_MAX, NOTE_MAX, SLOW_MAX
from groups.selectors import Seat
from presence.selectors import online_among


class MemberOutput(UserOutput):
    role = serializers.ChoiceField(choices=Membership.Role.choices)
    joinedAt = serializers.DateTimeField()
    away = serializers.BooleanField()


class AnnouncementOutput(serializers.Serializer[Any]):
    text = serializers.CharField()
    version = serializers.IntegerField(help_text="Of the chat, since which it says so; what one closes it with")


class GroupRulesOutput(serializers.Serializer[Any]):
    """What holds in a group for all of its members."""

    announcement = AnnouncementOutput(allow_null=True, help_text="null for a stranger")
    postPolicy = serializers.ChoiceField(
        choices=Room.PostPolicy.choices, allow_null=True, help_text="Who may write; null in a private chat"
    )
    slowMode = serializers.IntegerField(help_text="Seconds between two messages of one member; 0 for none")


REQUEST_STATES = ["asked", "withdrawn", "accepted", "refused"]


class RequestOutput(serializers.Serializer[Any]):
    groupId = serializers.UUIDField()
    user = UserOutput()
    note = serializers.CharField(help_text="What they wrote; empty once they are answered")
    askedAt = serializers.DateTimeField()
    state = serializers.ChoiceField(choices=REQUEST_STATES)


class OwnRequestOutput(serializers.Serializer[Any]):
    note = serializers.CharField()
    askedAt = serializers.DateTimeField()
    state = serializers.ChoiceField(choices=["asked", "refused"])


class GroupOutput(GroupRulesOutput):
    id = serializers.UUIDField()
    name = serializers.CharField()
    avatar = serializers.CharField()
    creatorId = serializers.UUIDField(allow_null=True)
    joinPolicy = serializers.ChoiceField(choices=Room.JoinPolicy.choices)
    memberCount = serializers.IntegerField()
    createdAt = serializers.DateTimeField()
    description = serializers.CharField()
    historyPolicy = serializers.ChoiceField(
        choices=Room.HistoryPolicy.choices, help_text="What those see who join from now on"
    )
    offeredTo = serializers.UUIDField(
        allow_null=True, help_text="The member to whom the owner offers the group; null for a stranger"
    )
    role = serializers.ChoiceField(
        choices=Membership.Role.choices, allow_null=True, help_text="Mine; null for a stranger"
    )
    request = OwnRequestOutput(allow_null=True, help_text="Mine to join; in GET /group/allList")
    members = MemberOutput(many=True, allow_null=True, help_text="null in lists")
    inviteCode = serializers.CharField(allow_null=True, help_text="For those who may invite, when they ask for it")
    inviteExpiresAt = serializers.DateTimeField(allow_null=True, help_text="Beside the code: when it ends, if ever")
    inviteUsesLeft = serializers.IntegerField(
        allow_null=True, help_text="Beside the code: how many people it still lets in, if they are counted"
    )


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


class NotDoneOutput(serializers.Serializer[Any]):
    userId = serializers.UUIDField()
    code = serializers.CharField(
        help_text="`not_found`, `member`, `removed`, `not_addable`, `group_full`, `forbidden` or `conflict`"
    )


class ManyOutput(serializers.Serializer[Any]):
    groupId = serializers.UUIDField()
    userIds = serializers.ListField(child=serializers.UUIDField(), help_text="Who was added, or removed")
    refused = NotDoneOutput(many=True, help_text="Who was not, and why")
    memberCount = serializers.IntegerField()


def many_output(room: Room, done: Iterable[User], refused: Mapping[UUID, str]) -> dict[str, Any]:
    """What became of people who were to be added, or removed."""
    return {
        "groupId": str(room.pk),
        "userIds": [str(user.pk) for user in done],
        "refused": [{"userId": str(user_id), "code": code} for user_id, code in refused.items()],
        "memberCount": room.member_count,
    }


def request_output(request: JoinRequest, *, state: str, online: bool) -> dict[str, Any]:
    """That somebody asks to join a group, or asked."""
    return {
        "groupId": str(request.room_id),
        "user": user_output(request.user, online=online),
        "note": request.note,
        "askedAt": iso(request.asked_at),
        "state": state,
    }


def own_request_output(request: JoinRequest) -> dict[str, Any]:
    state = "asked" if request.is_waiting else "refused"
    return {"note": request.note, "askedAt": iso(request.asked_at), "state": state}


def requests_output(requests: Iterable[JoinRequest]) -> list[dict[str, Any]]:
    requests = list(requests)
    here = online_among(one.user_id for one in requests)
    return [request_output(one, state="asked", online=one.user_id in here) for one in requests]


class Ruled(Protocol):
    """What holds in a room."""

    @property
    def is_direct(self) -> bool: ...
    @property
    def announcement(self) -> str | None: ...
    @property
    def announcement_version(self) -> int | None: ...
    @property
    def post_policy(self) -> str | None: ...
    @property
    def slow_seconds(self) -> int | None: ...


def group_rules_output(room: Ruled, *, is_member: bool = True) -> dict[str, Any]:
    """What holds in a group, as the group, the chat list and a sync have it."""
    announcement = room.announcement if is_member else None
    return {
        "announcement": {"text": announcement, "version": room.announcement_version} if announcement else None,
        "postPolicy": None if room.is_direct else room.post_policy or Room.PostPolicy.EVERYONE.value,
        "slowMode": room.slow_seconds or 0,
    }


TRANSFER_STATES = ["offered", "accepted", "declined", "withdrawn"]


def group_output(
    room: Room,
    *,
    role: str | None = None,
    members: Iterable[Membership] | None = None,
    invite_code: str | None = None,
    is_member: bool = True,
    request: JoinRequest | None = None,
) -> dict[str, Any]:
    """A group; without `is_member` as a stranger sees it."""
    return {
        "id": str(room.pk),
        "name": room.name,
        "avatar": room.avatar,
        "creatorId": str(room.creator_id) if room.creator_id else None,
        "joinPolicy": room.join_policy,
        "memberCount": room.member_count,
        "createdAt": iso(room.created_at),
        "description": room.description or "",
        "historyPolicy": room.history_policy or Room.HistoryPolicy.WHOLE.value,
        **group_rules_output(room, is_member=is_member),
        "offeredTo": str(room.offered_to_id) if room.offered_to_id and is_member else None,
        "role": role,
        "request": request and own_request_output(request),
        "members": None if members is None else members_output(members),
        "inviteCode": invite_code,
        "inviteExpiresAt": iso(room.invite_expires_at) if invite_code else None,
        "inviteUsesLeft": room.invite_uses_left if invite_code else None,
    }


CHAT_TYPES = ["private", "group"]


class OwnSettingsOutput(serializers.Serializer[Any]):
    muted = serializers.BooleanField()
    mutedUntil = serializers.DateTimeField(allow_null=True, help_text="When the mute ends by itself")
    level = serializers.ChoiceField(
        choices=LEVELS,
        allow_null=True,
        help_text="Which messages notify me, as chosen for this chat; null: as for all",
    )
    hears = serializers.ChoiceField(choices=LEVELS, help_text="Which do while it is not muted: a mute leaves mentions")
    pinned = serializers.BooleanField()
    archived = serializers.BooleanField(help_text="Put away, until somebody says something; for as long as it is muted")
    closedAnnouncement = serializers.IntegerField(help_text="I have closed the announcements up to this version")


class ChatSettingsOutput(OwnSettingsOutput):
    type = serializers.ChoiceField(choices=CHAT_TYPES)
    id = serializers.UUIDField(help_text="The other person's, or the group's")


def own_settings_output(membership: Membership) -> dict[str, Any]:
    """A user's own settings of a chat, as the chat list has them."""
    return {
        "muted": membership.is_muted,
        "mutedUntil": iso(membership.muted_end),
        "level": membership.level,
        "hears": membership.hears,
        "pinned": membership.is_pinned,
        "archived": membership.is_archived,
        "closedAnnouncement": membership.closed_version or 0,
    }


def chat_reference(membership: Membership) -> dict[str, str]:
    """A member's chat by its type and the id that clients use: the group's, or the other person's."""
    return {
        "type": "private" if membership.peer_id else "group",
        "id": str(membership.peer_id or membership.room_id),
    }


def chat_settings_output(membership: Membership) -> dict[str, Any]:
    """`own_settings_output` with the chat's type and id."""
    return {
        **chat_reference(membership),
        **own_settings_output(membership),
    }


# Input ----------------------------------------------------------------------------------------------------------------

GroupName = Annotated[str, line(80)]
ImageAddress = Annotated[str, address(500)]
JoinPolicy = Annotated[str, choice(Room.JoinPolicy.choices)]
GIVEN_ROLES = [Membership.Role.ADMIN.value, Membership.Role.MEMBER.value]

Seconds = Annotated[int, number(60, 366 * 86400, help="For so long; without it, until I say otherwise")]


class CreateInput(Input, frozen=True, kw_only=True):
    name: GroupName
    member_ids: Annotated[list[UUID], Meta(max_length=MEMBERS_MAX)] = []
    avatar: ImageAddress = ""
    join_policy: (
        Annotated[
            str, choice(Room.JoinPolicy.choices, help="Without it, what the installation says: `open`, as a rule")
        ]
        | UnsetType
    ) = UNSET


class GroupInput(Input, frozen=True, kw_only=True):
    group_id: UUID


class JoinInput(GroupInput, frozen=True, kw_only=True):
    invite_code: Annotated[str, line(64, blank=True)] = ""


class AskInput(GroupInput, frozen=True, kw_only=True):
    note: Annotated[str, text(NOTE_MAX, help="To the owner and administrators")] = ""


class RequestsInput(PagedInput, frozen=True, kw_only=True):
    after: UUID | None = None
    limit: Annotated[int, page_limit(PAGE_MAX)] = 50


class UpdateInput(GroupInput, frozen=True, kw_only=True):
    name: GroupName | UnsetType = UNSET
    avatar: ImageAddress | UnsetType = UNSET
    join_policy: JoinPolicy | UnsetType = UNSET
    description: Annotated[str, text(DESCRIPTION_MAX, help="What the group is about")] | UnsetType = UNSET
    announcement: (
        Annotated[str, text(ANNOUNCEMENT_MAX, help="What all members see until they close it; empty ends it")]
        | UnsetType
    ) = UNSET
    history_policy: (
        Annotated[str, choice(Room.HistoryPolicy.choices, help="What those see who join from now on")] | UnsetType
    ) = UNSET
    post_policy: Annotated[str, choice(Room.PostPolicy.choices, help="Who may write")] | UnsetType = UNSET
    slow_seconds: (
        Annotated[int, number(0, SLOW_MAX, help="Seconds between two messages of one member; 0 for none")] | UnsetType
    ) = field(name="slowMode", default=UNSET)


class CloseAnnouncementInput(GroupInput, frozen=True, kw_only=True):
    version: Annotated[int, number(0, 2**53, help="That of the announcement")]


class MemberInput(GroupInput, frozen=True, kw_only=True):
    user_id: UUID


class RoleInput(MemberInput, frozen=True, kw_only=True):
    role: Annotated[str, choice(GIVEN_ROLES)]


class MuteInput(Input, frozen=True, kw_only=True):
    chat_id: UUID = field(name="groupId")
    muted: bool = True
    seconds: Seconds | UnsetType = UNSET


class ChatInput(Input, frozen=True, kw_only=True):
    """A chat by its type and the id that clients use."""

    type: Annotated[str, choice(CHAT_TYPES)]
    chat_id: Annotated[UUID, helped("The other person's, or the group's")] = field(name="id")

    def given(self) -> dict[str, Any]:
        """The fields, with `is_group` in place of `type`."""
        given = super().given()
        return {"is_group": given.pop("type") == "group", **given}


class ChatMuteInput(ChatInput, frozen=True, kw_only=True):
    muted: bool = True
    seconds: Seconds | UnsetType = UNSET


class ChatLevelInput(ChatInput, frozen=True, kw_only=True):
    level: Annotated[str, choice(LEVELS, help="Which messages notify me; null: as for all such chats")] | None


class ChatPinInput(ChatInput, frozen=True, kw_only=True):
    pinned: bool = True


class ChatArchiveInput(ChatInput, frozen=True, kw_only=True):
    archived: bool = True


class InviteInput(GroupInput, frozen=True, kw_only=True):
    user_ids: Annotated[list[UUID], Meta(max_length=MEMBERS_MAX, description="People to bring in at once")] = []
    renew: Annotated[bool, helped("Make the old invitation code worthless")] = False
    expires_in: (
        Annotated[int, number(60, 366 * 86400, help="A new code that ends after so many seconds")] | UnsetType
    ) = UNSET
    max_uses: Annotated[int, number(1, MEMBERS_MAX, help="A new code that lets in so many people")] | UnsetType = UNSET


class ManyInput(GroupInput, frozen=True, kw_only=True):
    user_ids: Annotated[list[UUID], Meta(min_length=1, max_length=MANY_MAX)]


class ListInput(PagedInput, frozen=True, kw_only=True):
    search: Annotated[str, line(80, blank=True)] = ""
    limit: Annotated[int, page_limit(PAGE_MAX)] | UnsetType = UNSET
    after: UUID | None = None


class MembersInput(PagedInput, frozen=True, kw_only=True):
    search: Annotated[str, line(80, blank=True, help="Part of a name.")] = ""
    after: Annotated[str, line(50, blank=True, help="From the `Link` header: where to go on.")] = ""
    limit: Annotated[int, page_limit(PAGE_MAX)] | UnsetType = UNSET

    def seat(self) -> Seat | None:
        """The place after which the page begins. Raises Invalid."""
        try:
            return Seat.read(self.after) if self.after else None
        except ValueError:
            wrong = _("The “Link” header of the page before says where to go on.")
            raise Invalid(errors={"after": [wrong]}) from None
