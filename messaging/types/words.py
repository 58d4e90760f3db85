"""Messages of words alone: texts, and the server's own lines about a group."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from chatproject.core.fields import Fields, helped
from messaging.types.base import Type
from messaging.types.mentions import MentionInputs, MentionOutput, checked, with_mentions

#: People whom a system line names; it counts the others.
NAMED_MAX = 3


class WordsInputs(Fields, frozen=True, kw_only=True):
    mentions: MentionInputs | None = None


class WordsOutputs(Fields, frozen=True, kw_only=True):
    mentions: Annotated[list[MentionOutput], helped("Whom a text names, and where; null without any")] | None


class Words(Type):
    name, label = "text", _("text")
    needs_words = True
    inputs = WordsInputs
    outputs = WordsOutputs

    def read(self, given: Any) -> dict[str, Any]:
        return {"details": with_mentions(checked(given.mentions, given.words))} if given.mentions else {}


class PersonOutput(Fields, frozen=True, kw_only=True):
    id: UUID
    name: str


class SystemOutput(Fields, frozen=True, kw_only=True):
    action: str
    actor: PersonOutput
    people: Annotated[list[PersonOutput], helped(f"The first of them, at most {NAMED_MAX}")]
    count: Annotated[int, helped("How many people it is about")]
    name: str
    role: str


class SystemOutputs(Fields, frozen=True, kw_only=True):
    system: Annotated[SystemOutput, helped("What a system line tells, for each reader's language")] | None


class System(Type):
    """What happened to a group."""

    name, label = "system", _("system line")
    is_sent = False
    outputs = SystemOutputs

    def shown(self, details: Mapping[str, Any]) -> Mapping[str, Any]:
        people = details["people"]
        return {"system": {**details, "people": people[:NAMED_MAX], "count": details.get("count", len(people))}}
