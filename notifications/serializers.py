"""Input and output of push, and of what notifies a person."""

from collections.abc import Sequence
from datetime import time
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType, field
from rest_framework import serializers

from accounts.models import User
from accounts.notifying import EVERY_DAY, LEVELS, QuietHours
from chatproject.core.fields import Fields, choice, helped, line, number
from chatproject.core.inputs import Input
from chatproject.core.times import iso, now
from notifications.rules import ENDPOINT_MAX, KEYWORD_MAX, KEYWORDS_MAX


class KeysInput(Fields, frozen=True, kw_only=True):
    p256dh: Annotated[str, line(100)]
    auth: Annotated[str, line(40)]


class SubscribeInput(Input, frozen=True, kw_only=True):
    """A browser's `PushSubscription.toJSON()`, and whether its notifications say who wrote what."""

    endpoint: Annotated[str, line(ENDPOINT_MAX)]
    keys: KeysInput
    shows_content: bool = field(name="showContent", default=True)


class PushOutput(serializers.Serializer[Any]):
    key = serializers.CharField(allow_null=True, help_text="For `pushManager.subscribe`; null where push is turned off")
    isOn = serializers.BooleanField(help_text="This device is told")
    showContent = serializers.BooleanField(help_text="It is told who wrote what")
    otherDevices = serializers.IntegerField(help_text="How many others of mine are told")


# What notifies a person -----------------------------------------------------------------------------------------------

_FROM_HELP = "When they begin, as 22:00"
_UNTIL_HELP = "When they end: on the next day, where it is not later"
_DAYS_HELP = "The days on which they begin: Monday is 1"
_ZONE_HELP = "By whose clocks, as Asia/Shanghai"
_CALLED_HELP = "Mentions and keywords notify nevertheless"


class QuietHoursInput(Fields, frozen=True, kw_only=True):
    start: Annotated[str, line(5, help=_FROM_HELP)] = field(name="from")
    end: Annotated[str, line(5, help=_UNTIL_HELP)] = field(name="until")
    days: Annotated[list[Annotated[int, number(1, 7)]], Meta(min_length=1, max_length=7, description=_DAYS_HELP)] = (
        field(default_factory=lambda: list(EVERY_DAY))
    )
    time_zone: Annotated[str, line(64, help=_ZONE_HELP)]
    mentions: Annotated[bool, helped(_CALLED_HELP)] = False


class PreferencesInput(Input, frozen=True, kw_only=True):
    """What is not given stays as it is."""

    private_level: Annotated[str, choice(LEVELS, help="Which private messages notify me")] | UnsetType = UNSET
    group_level: Annotated[str, choice(LEVELS, help="Which messages of groups notify me")] | UnsetType = UNSET
    keywords: (
        Annotated[
            list[Annotated[str, line(KEYWORD_MAX)]],
            Meta(max_length=KEYWORDS_MAX, description="A message that has one notifies as a mention does"),
        ]
        | UnsetType
    ) = UNSET
    quiet_hours: QuietHoursInput | UnsetType | None = UNSET
    silent_for: (
        Annotated[int, number(60, 366 * 86400, help="Do not disturb for so many seconds; null ends it")]
        | UnsetType
        | None
    ) = UNSET


class QuietHoursOutput(serializers.Serializer[Any]):
    until = serializers.CharField(help_text=_UNTIL_HELP)
    days = serializers.ListField(child=serializers.IntegerField(), help_text=_DAYS_HELP)
    timeZone = serializers.CharField(help_text=_ZONE_HELP)
    mentions = serializers.BooleanField(help_text=_CALLED_HELP)

    def get_fields(self) -> dict[str, serializers.Field]:
        return {"from": serializers.CharField(help_text=_FROM_HELP), **super().get_fields()}


class QuietOutput(serializers.Serializer[Any]):
    until = serializers.DateTimeField()
    mentions = serializers.BooleanField(help_text=_CALLED_HELP)

    def get_fields(self) -> dict[str, serializers.Field]:
        return {"from": serializers.DateTimeField(), **super().get_fields()}


class NotifyingOutput(serializers.Serializer[Any]):
    privateLevel = serializers.ChoiceField(choices=LEVELS, help_text="Which private messages notify me")
    groupLevel = serializers.ChoiceField(choices=LEVELS, help_text="Which messages of groups notify me")
    quietHours = QuietHoursOutput(allow_null=True)
    silentUntil = serializers.DateTimeField(allow_null=True, help_text="The end of “do not disturb”")
    quiet = QuietOutput(many=True, help_text="When nothing notifies, now and in the coming days")


class PreferencesOutput(NotifyingOutput):
    keywords = serializers.ListField(child=serializers.CharField())


def notifying_output(user: User) -> dict[str, Any]:
    """What notifies a user, but for their keywords: no query."""
    at, notifying = now(), user.notifying
    silence = notifying.silence(at)
    return {
        "privateLevel": notifying.private,
        "groupLevel": notifying.group,
        "quietHours": _quiet_hours_output(notifying.quiet) if notifying.quiet else None,
        "silentUntil": iso(silence),
        "quiet": [
            {"from": iso(one.start), "until": iso(one.end), "mentions": one.mentions}
            for one in notifying.quiet_times(at)
        ],
    }


def preferences_output(user: User, keywords: Sequence[str]) -> dict[str, Any]:
    return {**notifying_output(user), "keywords": list(keywords)}


def _quiet_hours_output(quiet: QuietHours) -> dict[str, Any]:
    return {
        "from": _clock(quiet.start),
        "until": _clock(quiet.end),
        "days": list(quiet.days),
        "timeZone": quiet.zone,
        "mentions": quiet.mentions,
    }


def _clock(at: time) -> str:
    return at.strftime("%H:%M")
