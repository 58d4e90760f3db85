"""Messages that carry a file: what is said of it was found out when it was uploaded, whatever the client says."""

import re
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from chatproject.core.errors import Invalid
from chatproject.core.files.storage import ADDRESS
from messaging.media.kinds import KINDS
from messaging.types.base import Type

_ADDRESS = re.compile(rf"{ADDRESS}(?:{'|'.join(KINDS)})/([0-9a-f]{{32}})\.[a-z0-9]+")


class _Uploaded(Type):
    inputs = {
        "mediaUrl": serializers.CharField(
            max_length=200,
            required=False,
            allow_null=True,
            help_text="image, audio, file: where POST /upload put it; it is yours, and in no other message",
        )
    }
    outputs: ClassVar[Mapping[str, serializers.Field]] = {
        "mediaUrl": serializers.CharField(allow_null=True),
        "thumbnailUrl": serializers.CharField(allow_null=True),
        "mediaDuration": serializers.FloatField(allow_null=True, help_text="Seconds"),
        "fileName": serializers.CharField(allow_null=True),
        "fileSize": serializers.IntegerField(allow_null=True, help_text="Bytes"),
        "mimeType": serializers.CharField(allow_null=True),
        "width": serializers.IntegerField(allow_null=True),
        "height": serializers.IntegerField(allow_null=True),
        "waveform": serializers.ListField(
            child=serializers.IntegerField(), allow_null=True, help_text="Loudness over time, 0 to 100"
        ),
    }

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        address = given.get("mediaUrl") or ""
        found = _ADDRESS.fullmatch(address)
        if not found:
            raise Invalid(errors={"mediaUrl": [_("This is not the address of an upload.")]})
        return {"details": {"mediaUrl": address}, "upload_id": UUID(found[1])}

    def key(self, details: Mapping[str, Any]) -> Hashable:
        return str(details["mediaUrl"])


class Image(_Uploaded):
    name, label = "image", _("picture")


class Audio(_Uploaded):
    name, label = "audio", _("recording")


class File(_Uploaded):
    name, label = "file", _("file")
    has_words = True

    def words(self, details: Mapping[str, Any]) -> Iterable[str]:
        return (details["fileName"],)


def upload_id_of(details: Mapping[str, Any] | None) -> UUID | None:
    """The upload that a message with these details carries."""
    found = _ADDRESS.fullmatch((details or {}).get("mediaUrl") or "")
    return UUID(found[1]) if found else None
