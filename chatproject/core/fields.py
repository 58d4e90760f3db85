"""The kinds of fields that inputs are made of, for msgspec: it checks them in C, and knows nothing of HTTP.

Each says by `Meta` what it takes. What `extra` says beside that is for the slow reader, see `core.http.forms`.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Meta, Struct

#: Neither NUL, which PostgreSQL does not store, nor space at the ends, which is cut off.
_TRIMMED = r"[^\s\0](?:[^\0]*[^\s\0])?"
_WITHOUT_NUL = r"[^\0]*"


class Fields(Struct, frozen=True, kw_only=True, rename="camel"):
    """Fields by their Python names; on the wire they are in camelCase."""


def line(max_length: int | None, *, blank: bool = False, help: str = "") -> Meta:  # noqa: A002
    """A `str` of at most `max_length` characters, without the spaces at its ends. A number is taken for one."""
    pattern = rf"\A(?:{_TRIMMED})?\Z" if blank else rf"\A{_TRIMMED}\Z"
    return Meta(max_length=max_length, pattern=pattern, description=help or None, extra={"allow_blank": blank})


def address(max_length: int, *, help: str = "") -> Meta:  # noqa: A002
    """A `str` that is an http(s) or site-relative address, or empty; without the spaces at its ends."""
    pattern = rf"\A(?:(?=https?://|/(?!/)){_TRIMMED})?\Z"
    extra = {"allow_blank": True, "is_address": True}
    return Meta(max_length=max_length, pattern=pattern, description=help or None, extra=extra)


def text(max_length: int, *, blank: bool = True, is_strict: bool = True, help: str = "") -> Meta:  # noqa: A002
    """A `str` that is kept as it is. `is_strict`: a number is not one."""
    extra = {"allow_blank": blank, "trim_whitespace": False, "is_strict": is_strict}
    return Meta(
        min_length=0 if blank else 1,
        max_length=max_length,
        pattern=rf"\A{_WITHOUT_NUL}\Z",
        description=help or None,
        extra=extra,
    )


def choice(choices: Sequence[str] | Sequence[tuple[str, Any]], *, help: str = "") -> Meta:  # noqa: A002
    """A `str` that is one of these, or of the values of these pairs of a value and a label."""
    names = [one if isinstance(one, str) else one[0] for one in choices]
    return Meta(pattern=rf"\A(?:{'|'.join(names)})\Z", description=help or None, extra={"choices": choices})


def number(ge: int, le: int, *, help: str = "") -> Meta:  # noqa: A002
    """An `int` from `ge` to `le`."""
    return Meta(ge=ge, le=le, description=help or None)


def page_limit(most: int) -> Meta:
    """An `int`: how many items a page has. `PagedInput` takes more than `most` for `most`."""
    return Meta(ge=1, description=f"More than {most} is taken for {most}.", extra={"most": most})


def helped(help: str) -> Meta:  # noqa: A002
    """Any other field, with what the document says of it."""
    return Meta(description=help)


def unchecked(help: str, schema: dict[str, Any]) -> Meta:  # noqa: A002
    """A value of any kind, judged elsewhere and documented as `schema`."""
    return Meta(description=help, extra_json_schema=schema)
