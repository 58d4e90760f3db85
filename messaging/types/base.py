"""What the types of messages have in common."""

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, ClassVar

from rest_framework.serializers import Field

from chatproject.core.errors import Text


class Type:
    """One type of message. Its details are what it says beside its content: JSON in its row, gone with a recall."""

    #: As messages name it: at most eight characters.
    name: ClassVar[str]
    label: ClassVar[Text]
    #: What a send of it may have beside its content: nothing of it is required by the form, `read` does that.
    inputs: ClassVar[Mapping[str, Field]] = {}
    #: The keys of a message that its details fill. They are null in messages of the other types.
    outputs: ClassVar[Mapping[str, Field]] = {}
    #: Whether clients send it, and whether it says nothing without words; elsewhere the content is a caption.
    is_sent = True
    needs_words = False
    #: Whether there are words in its details, see `words`.
    has_words = False

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The `details` of a draft, and the `upload_id` it carries, from its inputs. Raises Invalid."""
        return {}

    def lacks(self, details: Mapping[str, Any]) -> bool:
        """Whether there is something that somebody else may know, so that it is worth to ask with `completed`."""
        return False

    def completed(self, details: dict[str, Any], language: str) -> dict[str, Any]:
        """The same with what is known within two seconds, for which this blocks."""
        return details

    def shown(self, details: Mapping[str, Any]) -> Mapping[str, Any]:
        """The outputs of a message with these details."""
        return details

    def words(self, details: Mapping[str, Any]) -> Iterable[str]:
        """What it is found by beside its content, where it `has_words`."""
        return ()

    def preview(self, output: Mapping[str, Any]) -> str:
        """A line that says a message of it to who does not see it, in the language of the moment."""
        words = " ".join(output["content"].split())
        return words if self.needs_words else f"[{self.label}] {words}".rstrip()

    def key(self, details: Mapping[str, Any]) -> Hashable:
        """What two sends of the same message agree in."""
        return None
