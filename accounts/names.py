"""What a name is, and when two names are the same."""

import unicodedata

from django.utils.translation import gettext_lazy as _

from chatproject.core import errors

#: Characters of a name as it is shown, and folded: one Arabic ligature becomes eighteen letters when it is spelled out.
NAME_MAX = 40
KEY_MAX = 120

#: What a name may not hold: controls, surrogates, private use, line and paragraph separators. Unassigned ones it may:
#: they are the emoji of a year that this Python does not know.
_UNFIT = {"Cc", "Cs", "Co", "Zl", "Zp"}
#: Invisible, and yet part of emoji and of some scripts' spelling.
_JOINERS = {"\u200c", "\u200d"}
#: Invisible without being marked so: fillers, the blank braille cell, a joiner of graphemes.
_BLANK = {"\u034f", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u2800"}


def _is_invisible(character: str) -> bool:
    """Adds nothing to see, so it must not make two names differ."""
    return (
        unicodedata.category(character) == "Cf"
        or character in _BLANK
        or "\ufe00" <= character <= "\ufe0f"
        or "\u180b" <= character <= "\u180f"
        or "\U000e0100" <= character <= "\U000e01ef"
    )


def name_key(name: str) -> str:
    """What makes two names the same: compatibility forms, case, spaces and invisible characters do not count."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join("".join(c for c in folded if not _is_invisible(c)).split())


def clean_name(name: str) -> str:
    """The name as it is shown. Raises Invalid."""
    name = unicodedata.normalize("NFC", name.strip())
    if any(unicodedata.category(c) in _UNFIT or (unicodedata.category(c) == "Cf" and c not in _JOINERS) for c in name):
        raise errors.Invalid(errors={"name": [_("A name cannot contain control or invisible characters.")]})
    name = " ".join(name.split())
    key = name_key(name)
    if not key:
        raise errors.Invalid(errors={"name": [_("Choose a name.")]})
    if len(name) > NAME_MAX or len(key) > KEY_MAX:
        raise errors.Invalid(errors={"name": [_("A name has at most %d characters.") % NAME_MAX]})
    return name
