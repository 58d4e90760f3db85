"""Input and output of the accounts API.

The functions build the output; the serializers beside them describe the same shape for OpenAPI.
"""

from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, UnsetType
from rest_framework import serializers

from accounts.models import Device, User
from accounts.rules import PASSWORD_MAX
from chatproject.core.fields import choice, helped, line, number, page_limit, text
from chatproject.core.http.api import PAGE_MAX
from chatproject.core.inputs import Input, PagedInput
from chatproject.core.times import iso

Output = serializers.Serializer[Any]


class StatusOutput(Output):
    emoji = serializers.CharField(help_text="One, or empty")
    text = serializers.CharField(help_text="Short, or empty")
    until = serializers.DateTimeField(allow_null=True, help_text="When it ends by itself, without an event")


STATUS_HELP = "What they say of themselves at the moment"


def status_output(user: User) -> dict[str, Any] | None:
    status = user.status if user.is_active else None
    return status and {"emoji": status.emoji, "text": status.text, "until": iso(status.until)}


def user_output(user: User, *, online: bool) -> dict[str, Any]:
    """A user as others see them.

    `online` as presence has it, which is ignored for invisible users.
    """
    return {
        "id": str(user.pk),
        "name": user.name,
        "img": user.img,
        "online": online and not user.is_invisible,
        "isGuest": user.is_guest,
        "isStaff": user.is_staff,
        "isGone": not user.is_active,
        "status": status_output(user),
        "lastActive": iso(user.last_active),
    }


class UserOutput(Output):
    id = serializers.UUIDField()
    name = serializers.CharField()
    img = serializers.CharField(help_text="The avatar's URL, or empty.")
    online = serializers.BooleanField()
    isGuest = serializers.BooleanField(help_text="Has no password: anybody could have chosen this name.")
    isStaff = serializers.BooleanField(help_text="One of those who run this chat.")
    isGone = serializers.BooleanField(help_text="Deactivated: reads and answers nothing.")
    status = StatusOutput(allow_null=True, help_text=STATUS_HELP)
    lastActive = serializers.DateTimeField()


def signed_in_output(user: User, *, online: bool, token: str) -> dict[str, Any]:
    return {**user_output(user, online=online), "token": token}


class SignedInOutput(UserOutput):
    token = serializers.CharField(help_text="For `Authorization: Bearer`. It is shown only this once.")


def me_output(user: User, *, online: bool) -> dict[str, Any]:
    """A user as they see themselves."""
    return {
        **user_output(user, online=online),
        "language": user.language,
        "isInvisible": user.is_invisible,
        "addableBy": user.addable_by,
    }


class MeOutput(UserOutput):
    language = serializers.CharField(help_text="Empty: as `Accept-Language` asks.")
    isInvisible = serializers.BooleanField(help_text="Appears offline to everyone.")
    addableBy = serializers.ChoiceField(choices=User.AddableBy.choices, help_text="Who may put them into groups.")


def device_output(device: Device, *, current: UUID | None) -> dict[str, Any]:
    """A device; `current` is the id of the requesting one."""
    return {
        "id": str(device.pk),
        "kind": device.kind,
        "name": device.name,
        "createdAt": iso(device.created_at),
        "lastSeenAt": iso(device.last_seen_at),
        "expiresAt": iso(device.expires_at),
        "current": device.pk == current,
    }


class DeviceOutput(Output):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=[Device.BROWSER, Device.TOKEN])
    name = serializers.CharField(help_text="What the client called itself.")
    createdAt = serializers.DateTimeField()
    lastSeenAt = serializers.DateTimeField(help_text="To some minutes.")
    expiresAt = serializers.DateTimeField(help_text="Moves on while the device is used.")
    current = serializers.BooleanField(help_text="The one that asks.")


# Input: the shape only; the rules check the content ------------------------------------------------------------------

#: A name, longer than allowed: the rules refuse it with their own message.
Name = Annotated[str, line(200)]
#: An avatar's URL: http, https, or a path of this site. Empty removes it.
Img = Annotated[str, line(2000, blank=True)]


class LoginInput(Input, frozen=True, kw_only=True):
    name: Name
    password: Annotated[str, text(PASSWORD_MAX, blank=False, is_strict=False)]
    img: Annotated[str, line(2000, blank=True, help="For a new account.")] | None = None
    online: Annotated[bool, helped("false: appear offline, until true.")] | None = None


class GuestInput(Input, frozen=True, kw_only=True):
    name: Name
    img: Img = ""


class ProfileInput(Input, frozen=True, kw_only=True):
    name: Name | UnsetType = UNSET
    img: Img | UnsetType = UNSET
    language: (
        Annotated[str, line(20, blank=True, help="Such as `zh-Hant`, or empty: as `Accept-Language` asks.")] | UnsetType
    ) = UNSET
    online: Annotated[bool, helped("false: appear offline.")] | UnsetType = UNSET
    addable_by: (
        Annotated[str, choice(User.AddableBy.choices, help="Who may put me into groups without asking.")] | UnsetType
    ) = UNSET
    password: (
        Annotated[
            str,
            text(PASSWORD_MAX, blank=False, is_strict=False, help="A new one. It signs out every other device."),
        ]
        | UnsetType
    ) = UNSET
    old_password: Annotated[str, text(PASSWORD_MAX, is_strict=False, help="A guest has none.")] | UnsetType = UNSET


class StatusInput(Input, frozen=True, kw_only=True):
    emoji: Annotated[str, line(32, blank=True, help="Exactly one, or none.")] = ""
    text: Annotated[str, line(200, blank=True, help="At most 60 characters.")] = ""
    seconds: Annotated[int, number(60, 366 * 86400, help="After which it ends; without it, for good.")] | None = None


class PeopleInput(PagedInput, frozen=True, kw_only=True):
    search: Annotated[str, line(200, blank=True, help="Part of a name.")] = ""
    after: Annotated[str, line(200, blank=True, help="From the `Link` header: where to go on.")] = ""
    limit: Annotated[int, page_limit(PAGE_MAX)] | UnsetType = UNSET
