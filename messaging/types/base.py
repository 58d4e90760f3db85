"""What the types of messages have in common."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from chatproject.core.errors import Text
from chatproject.core.fields import Fields


class Type:
    """One type of message.

    Its details are what it says beside its content: JSON in its row, gone with a recall.
    """

    #: As messages name it: at most eight characters.
    name: ClassVar[str]
    label: ClassVar[Text]
    #: What a send of it may have beside its content. All of it is optional for the form: `read` requires.
    inputs: ClassVar[type[Fields]] = Fields
    #: The keys of a message that its details fill. They are null in messages of the other types.
    outputs: ClassVar[type[Fields]] = Fields
    #: Whether clients send it, and whether its content is required; otherwise the content is a caption.
    is_sent = True
    needs_words = False
    #: Whether there are words in its details, see `words`.
    has_words = False
    #: Where a chat shows it among its like; "" for nowhere. `messaging.models.SHELVED` names those that have one.
    shelf = ""

    def read(self, given: Any) -> dict[str, Any]:
        """The `details` of a message, and the `upload_id` it carries, from its `inputs`. Raises Invalid."""
        return {}

    def needs_geocoding(self, details: Mapping[str, Any]) -> bool:
        """Whether `geocoded` may find an address for these details."""
        return False

    def geocoded(self, details: dict[str, Any], language: str) -> dict[str, Any]:
        """The details with an address, if one is found. Blocks for two seconds at most."""
        return details

    def shown(self, details: Mapping[str, Any]) -> Mapping[str, Any]:
        """The outputs of a message with these details."""
        return details

    def words(self, details: Mapping[str, Any]) -> Iterable[str]:
        """The words of its details that a search finds, where it `has_words`."""
        return ()

    def with_words(self, details: dict[str, Any], words: Sequence[str]) -> dict[str, Any]:
        """The details with other words, in the order of `words`."""
        return details

    def preview(self, output: Mapping[str, Any]) -> str:
        """One-line preview, in the active language."""
        words = " ".join(output["content"].split())
        return words if self.needs_words else f"[{self.label}] {words}".rstrip()

    def key(self, details: Mapping[str, Any]) -> Hashable:
        """The part of the details that two sends under one `clientId` must have in common."""
        return None
