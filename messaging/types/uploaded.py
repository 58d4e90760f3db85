"""Messages that carry a file: what is said of it was found out when it was uploaded, whatever the client says."""

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from chatproject.core.errors import Invalid
from chatproject.core.fields import Fields, helped, line
from chatproject.core.files.storage import ADDRESS
from messaging.media.kinds import KINDS
from messaging.types.base import Type

_ADDRESS = re.compile(rf"{ADDRESS}(?:{'|'.join(KINDS)})/([0-9a-f]{{32}})\.[a-z0-9]+")


_ADDRESS_HELP = "image, audio, video, file: where POST /upload put it; it is yours, and in no other message"


class UploadedInputs(Fields, frozen=True, kw_only=True):
    media_url: Annotated[str, line(200, help=_ADDRESS_HELP)] | None = None


class UploadedOutputs(Fields, frozen=True, kw_only=True):
    media_url: str | None
    thumbnail_url: str | None
    media_duration: Annotated[float, helped("Seconds")] | None
    file_name: str | None
    file_size: Annotated[int, helped("Bytes")] | None
    mime_type: str | None
    width: int | None
    height: int | None
    waveform: Annotated[list[int], helped("Loudness over time, 0 to 100")] | None


class Uploaded(Type):
    inputs = UploadedInputs
    outputs = UploadedOutputs

    def read(self, given: UploadedInputs) -> dict[str, Any]:
        address = given.media_url or ""
        found = _ADDRESS.fullmatch(address)
        if not found:
            raise Invalid(errors={"mediaUrl": [_("This is not the address of an upload.")]})
        return {"details": {"mediaUrl": address}, "upload_id": UUID(found[1])}

    def key(self, details: Mapping[str, Any]) -> Hashable:
        return str(details["mediaUrl"])


class Image(Uploaded):
    name, label = "image", _("picture")
    shelf = "media"


class Audio(Uploaded):
    name, label = "audio", _("recording")
    shelf = "voice"


class File(Uploaded):
    name, label = "file", _("file")
    has_words = True
    shelf = "files"

    def words(self, details: Mapping[str, Any]) -> Iterable[str]:
        return (details["fileName"],)

    def with_words(self, details: dict[str, Any], words: Sequence[str]) -> dict[str, Any]:
        return {**details, "fileName": words[0]}


def upload_id_of(details: Mapping[str, Any] | None) -> UUID | None:
    """The upload that a message with these details carries."""
    found = _ADDRESS.fullmatch((details or {}).get("mediaUrl") or "")
    return UUID(found[1]) if found else None
