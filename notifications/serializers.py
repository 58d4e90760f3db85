"""Input and output of the push routes."""

from typing import Annotated, Any

from msgspec import field
from rest_framework import serializers

from chatproject.core.fields import Fields, line
from chatproject.core.inputs import Input
from notifications.rules import ENDPOINT_MAX


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
