"""What a message can be.

A new type is a file here with its `Type`, and a line in `TYPES`: the inputs and answers of HTTP and the
socket, both documents, sending, recall, sync and history take it from there.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from chatproject.core.errors import Text as Label
from chatproject.core.files.storage import ADDRESS
from messaging.types import mentions
from messaging.types.base import Type
from messaging.types.location import Location
from messaging.types.uploaded import Audio, File, Image, upload_id_of
from messaging.types.video import Video
from messaging.types.words import NAMED_MAX, System, Words

__all__ = [
    "ADDRESS", "EMPTY_FIELDS", "LINKS", "NAMED_MAX", "NAMES", "SENT", "SHELVES", "SYSTEM", "TEXT", "TYPES",
    "WITH_WORDS", "Type", "author_of", "choices", "mentions", "preview", "upload_id_of",
]  # fmt: skip

TYPES: Mapping[str, Type] = {
    one.name: one
    for one in (
        Words(),
        Image(),
        Audio(),
        Video(),
        Location(),
        File(),
        System(),
    )
}

TEXT, SYSTEM = Words.name, System.name
NAMES = list(TYPES)
#: Those that clients may send.
SENT = [name for name, one in TYPES.items() if one.is_sent]
#: The shelves of a chat, and what stands on each; on that of links, messages of every type with one in their words.
LINKS = "links"
SHELVES = {
    shelf: [name for name, one in TYPES.items() if one.shelf == shelf]
    for shelf in dict.fromkeys(one.shelf for one in TYPES.values() if one.shelf)
}
#: Those that are found by what their details say.
WITH_WORDS = [name for name, one in TYPES.items() if one.has_words]


#: The keys of a message's details, as a text has them: null.
EMPTY_FIELDS: dict[str, Any] = {
    field.encode_name: None for one in TYPES.values() for field in msgspec.structs.fields(one.outputs)
}


def author_of(details: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a message's details say of the author of what it forwards: nothing, or `forwardedFrom`."""
    return {name: value for name, value in (details or {}).items() if name == "forwardedFrom"}


def preview(output: Mapping[str, Any]) -> str:
    """One-line preview of a message as clients get it, in the active language."""
    return TYPES[output["type"]].preview(output)


def choices() -> list[tuple[str, Label]]:
    """The names and labels of all types, for a model's field."""
    return [(name, one.label) for name, one in TYPES.items()]
