"""Input and output of the accounts API.

The functions build the output; the serializers beside them describe the same shape for OpenAPI.
"""

from typing import Any
from uuid import UUID

from rest_framework import serializers

from accounts.models import Device, User
from accounts.rules import PASSWORD_MAX
from chatproject.core.http.api import PAGE, PAGE_MAX, Input
from chatproject.core.times import iso

Output = serializers.Serializer[Any]


def user_output(user: User, *, online: bool) -> dict[str, Any]:
    """A user as others see them; `online` as presence has it, which is ignored for invisible users."""
    return {
        "id": str(user.pk),
        "name": user.name,
        "img": user.img,
        "online": online and not user.is_invisible,
        "lastActive": iso(user.last_active),
    }


class UserOutput(Output):
    id = serializers.UUIDField()
    name = serializers.CharField()
    img = serializers.CharField(help_text="The avatar's URL, or empty.")
    online = serializers.BooleanField()
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
        "isGuest": user.is_guest,
        "isStaff": user.is_staff,
    }


class MeOutput(UserOutput):
    language = serializers.CharField(help_text="Empty: as `Accept-Language` asks.")
    isInvisible = serializers.BooleanField(help_text="Appears offline to everyone.")
    isGuest = serializers.BooleanField(help_text="Has no password yet.")
    isStaff = serializers.BooleanField()


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


class Name(serializers.CharField):
    """A name, longer than allowed: the rules refuse it with their own message."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=200, **options)


class Password(serializers.CharField):
    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=PASSWORD_MAX, trim_whitespace=False, **options)


class Img(serializers.CharField):
    """An avatar's URL: http, https, or a path of this site. Empty removes it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_blank=True, max_length=2000, **options)


class LoginInput(Input):
    name = Name()
    password = Password()
    img = Img(required=False, allow_null=True, help_text="For a new account.")
    online = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="false: appear offline, until true."
    )

    def validate_img(self, img: str | None) -> str:
        return img or ""


class GuestInput(Input):
    name = Name()
    img = Img(required=False, default="")


class ProfileInput(Input):
    name = Name(required=False)
    img = Img(required=False)
    language = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=20,
        help_text="`en`, `zh-Hans`, or empty: as `Accept-Language` asks.",
    )
    online = serializers.BooleanField(required=False, help_text="false: appear offline.")
    password = Password(required=False, help_text="A new one. It signs out every other device.")
    oldPassword = Password(required=False, allow_blank=True, source="old_password", help_text="A guest has none.")


class PeopleInput(Input):
    search = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=200, help_text="Part of a name."
    )
    after = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=200,
        help_text="From the `Link` header: where to go on.",
    )
    limit = serializers.IntegerField(min_value=1, max_value=PAGE_MAX, default=PAGE)
