"""What comes in, described once: for HTTP and the socket, for the checks and for both documents.

    class EditInput(MessageIdInput):
        content: Annotated[str, text(rules.TEXT_MAX, help="A caption may be empty")]

    form = EditInput.read(request.data)      # or a frame's data, or request.query_params
    services.edit(by=request.user, message_id=form.message_id, content=form.content)
    services.edit(by=request.user, **form.given())

- A field without a default is required; one whose default is `UNSET` (`X | UnsetType = UNSET`) may be missing, and then
  is not in `given()`. `X | None` takes null. The kinds of strings and numbers: `core.fields`.
- A field has its name in camelCase on the wire, or the one of `msgspec.field(name=…)`.
- Fields that must fit together: `check`. A `limit`: `PagedInput`.
- Unknown keys are ignored.

msgspec converts and checks in C what is right, in about two microseconds. What it refuses is read again by REST
framework's form, which is made of the same description: that one takes what clients were always allowed to write in
another way ("5" for 5, "true", an id in braces), and says in the reader's language what is wrong, for each field.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from functools import cache
from typing import Any, Self, TypeVar, get_args

import msgspec
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from msgspec import UNSET

from chatproject.core import errors
from chatproject.core.fields import Fields
from chatproject.core.http import forms


class Input(Fields, frozen=True, kw_only=True):
    """The base of every input."""

    @classmethod
    def read(cls, given: Any, *, language: str = "") -> Self:
        """The checked fields. Raises BadRequest where it is no object, and Invalid with the texts for wrong fields.

        The texts are in `language`, or in the active one: a request has one, a socket's frame has not.
        """
        form = _read(cls, given, language)
        form.check()
        return form

    def check(self) -> None:
        """Raise Invalid where right fields do not fit together."""

    def given(self) -> dict[str, Any]:
        """The fields by their Python names, without those that are UNSET: keyword arguments of a service."""
        return {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not UNSET}

    @classmethod
    def documented(cls) -> type[Fields]:
        """What the documents say that it takes."""
        return cls


class PagedInput(Input, frozen=True, kw_only=True):
    """The base of inputs with a `limit`: more than the most is the most, never an error."""

    def __post_init__(self) -> None:
        given, most = self.limit, _most(type(self))  # type: ignore[attr-defined]  # its kind is a subclass's
        if given is not UNSET and given > most:
            msgspec.structs.force_setattr(self, "limit", most)


@cache
def _most(shape: type[PagedInput]) -> int:
    """What the field of kind `core.fields.page_limit` allows."""
    kind = next(one.type for one in msgspec.structs.fields(shape) if one.name == "limit")
    extras = (one.extra for meta in (kind, *get_args(kind)) for one in getattr(meta, "__metadata__", ()))
    return next(int(extra["most"]) for extra in extras if extra)


_Shape = TypeVar("_Shape", bound=Input)


def _read(shape: type[_Shape], given: Any, language: str) -> _Shape:
    if type(given) is dict:
        try:
            return msgspec.convert(given, shape)
        except msgspec.ValidationError:
            pass
    if not isinstance(given, Mapping):
        raise errors.BadRequest(_("The body must be a JSON object."))
    with translation.override(language) if language else nullcontext():
        return shape(**forms.read(shape, given))
