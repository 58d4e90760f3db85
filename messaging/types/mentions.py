"""Mentions: ranges of a text that name somebody, by id, so that a new name changes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from msgspec import Meta

from chatproject.core.errors import Invalid
from chatproject.core.fields import Fields, helped, number

MENTIONS_MAX = 50
#: Code units: no text is longer.
LENGTH_MAX = 2**14

_USER_HELP = "Whom it names; null for everybody in the group, which its owner and administrators may"
_START_HELP = "Where it begins in `content`, in UTF-16 code units"
_LENGTH_HELP = "Its length in UTF-16 code units, with the `@` or `＠` that it begins with"


class MentionInput(Fields, frozen=True, kw_only=True):
    user_id: Annotated[UUID | None, helped(_USER_HELP)]
    start: Annotated[int, number(0, LENGTH_MAX, help=_START_HELP)]
    length: Annotated[int, number(2, LENGTH_MAX, help=_LENGTH_HELP)]


class MentionOutput(Fields, frozen=True, kw_only=True):
    user_id: Annotated[UUID | None, helped(_USER_HELP)]
    start: Annotated[int, helped(_START_HELP)]
    length: Annotated[int, helped(_LENGTH_HELP)]


MentionInputs = Annotated[
    list[MentionInput], Meta(max_length=MENTIONS_MAX, description="text: whom it names, and where")
]


#: Mentions as a message's details have them.
Mentions = list[dict[str, Any]]


def checked(given: Iterable[MentionInput], content: str) -> Mentions:
    """Mentions as a message's details have them, in the order of the text. Raises Invalid."""
    units = _units(content)
    found = sorted(given, key=lambda one: one.start)
    end = 0
    for one in found:
        if one.start + one.length > len(units) // 2:
            raise _wrong(_("A mention goes beyond the end of the text."))
        if one.start < end:
            raise _wrong(_("Two mentions overlap."))
        end = one.start + one.length
        if not _is_mention(_said(units, one.start, one.length)):
            raise _wrong(_("A mention begins with @ in the text."))
    return [
        {"userId": str(one.user_id) if one.user_id else None, "start": one.start, "length": one.length} for one in found
    ]


def kept(mentions: Iterable[Mapping[str, Any]], before: str, after: str) -> Mentions:
    """The mentions whose text stands in the new content where it stood in the one before."""
    old, new = _units(before), _units(after)
    return [
        dict(one)
        for one in mentions
        if _said(old, one["start"], one["length"]) == _said(new, one["start"], one["length"])
    ]


def moved(mentions: Iterable[Mapping[str, Any]], before: str, after: str) -> Mentions:
    """The mentions of a text some of whose characters became others, each one for one."""
    old = _units(before)
    found = []
    for one in mentions:
        first = len(_text(old[: 2 * one["start"]]))
        last = first + len(_text(_said(old, one["start"], one["length"])))
        start, end = len(_units(after[:first])) // 2, len(_units(after[:last])) // 2
        found.append({**one, "start": start, "length": end - start})
    return found


def mentions_of(details: Mapping[str, Any] | None) -> Sequence[Mapping[str, Any]]:
    """The mentions in a message's details."""
    return (details or {}).get("mentions") or ()


def names_all(details: Mapping[str, Any] | None) -> bool:
    """Whether everybody in the group is mentioned."""
    return any(one["userId"] is None for one in mentions_of(details))


def with_mentions(mentions: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The details of a text with these mentions."""
    return {"mentions": mentions} if mentions else None


def _wrong(text: Any) -> Invalid:
    return Invalid(errors={"mentions": [text]})


def _units(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def _text(units: bytes) -> str:
    return units.decode("utf-16-le", "surrogatepass")


def _said(units: bytes, start: int, length: int) -> bytes:
    return units[2 * start : 2 * (start + length)]


def _is_mention(said: bytes) -> bool:
    """Whether it begins with the sign, goes on, and parts no character."""
    try:
        text = said.decode("utf-16-le")
    except UnicodeDecodeError:
        return False
    return text[0] in "@＠" and bool(text[1:].strip())
