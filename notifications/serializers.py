"""Input and output of the push routes."""

from typing import Any

from rest_framework import serializers

from chatproject.core.http.api import Input
from notifications.rules import ENDPOINT_MAX


class KeysInput(Input):
    p256dh = serializers.CharField(max_length=100)
    auth = serializers.CharField(max_length=40)


class SubscribeInput(Input):
    """A browser's `PushSubscription.toJSON()`, and whether its notifications say who wrote what."""

    endpoint = serializers.CharField(max_length=ENDPOINT_MAX)
    keys = KeysInput()
    showContent = serializers.BooleanField(source="shows_content", default=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        keys = attrs.pop("keys")
        return {**attrs, **keys}


class PushOutput(serializers.Serializer[Any]):
    key = serializers.CharField(allow_null=True, help_text="For `pushManager.subscribe`; null where push is turned off")
    isOn = serializers.BooleanField(help_text="This device is told")
    showContent = serializers.BooleanField(help_text="It is told who wrote what")
    otherDevices = serializers.IntegerField(help_text="How many others of mine are told")
