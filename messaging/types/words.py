"""What is told by words alone: texts, and the lines that we write ourselves."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from messaging.types.base import Type


class Text(Type):
    name, label = "text", _("text")
    needs_words = True


class PersonOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


class SystemOutput(serializers.Serializer[Any]):
    action = serializers.CharField()
    actor = PersonOutput()
    people = PersonOutput(many=True)
    name = serializers.CharField()
    role = serializers.CharField()


class System(Type):
    """What happened to a group."""

    name, label = "system", _("system line")
    is_sent = False
    outputs = {
        "system": SystemOutput(allow_null=True, help_text="What a system line tells, for each reader's language")
    }

    def shown(self, details: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"system": details}
