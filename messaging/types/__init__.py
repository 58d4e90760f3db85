"""What a message can be. A new type is a file here with its `Type`, and a line in `TYPES`: the forms and answers of
both doors, the OpenAPI document, sending, recall, sync and history take it from there.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from rest_framework.serializers import Field

from chatproject.core.errors import Text as Label
from chatproject.core.files.storage import ADDRESS
from messaging.types.base import Type
from messaging.types.location import Location
from messaging.types.uploaded import Audio, File, Image, upload_id_of
from messaging.types.words import System, Text

__all__ = [
    "ADDRESS", "INPUTS", "NAMES", "NOTHING", "OUTPUTS", "SENT", "SYSTEM", "TEXT", "TYPES", "WITH_WORDS", "Type",
    "choices", "preview", "upload_id_of",
]  # fmt: skip

TYPES: Mapping[str, Type] = {
    one.name: one
    for one in (
        Text(),
        Image(),
        Audio(),
        Location(),
        File(),
        System(),
    )
}

TEXT, SYSTEM = Text.name, System.name
NAMES = list(TYPES)
#: Those that clients may send.
SENT = [name for name, one in TYPES.items() if one.is_sent]
#: Those that are found by what their details say.
WITH_WORDS = [name for name, one in TYPES.items() if one.has_words]


def _together(parts: Iterable[Mapping[str, Field]]) -> dict[str, Field]:
    return {name: field for part in parts for name, field in part.items()}


INPUTS = _together(one.inputs for one in TYPES.values())
OUTPUTS = _together(one.outputs for one in TYPES.values())
#: The keys of a message that say nothing in a text.
NOTHING: dict[str, Any] = dict.fromkeys(OUTPUTS)


def preview(output: Mapping[str, Any]) -> str:
    """A message, as clients get it, in one line."""
    return TYPES[output["type"]].preview(output)


def choices() -> list[tuple[str, Label]]:
    """Name and label of each type, for a choice."""
    return [(name, one.label) for name, one in TYPES.items()]
