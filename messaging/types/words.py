"""Messages of words alone: texts, and the server's own lines about a group."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from chatproject.core.fields import Fields, helped
from messaging.types.base import Type

#: People whom a system line names; it counts the others.
NAMED_MAX = 3


class Words(Type):
    name, label = "text", _("text")
    needs_words = True


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
