"""Rules for names, and the key by which two names are equal."""

import unicodedata

from django.utils.translation import gettext_lazy as _

from chatproject.core import errors

#: Characters of a displayed name, and of its key: NFKC turns one Arabic ligature into eighteen
#: letters.
NAME_MAX = 40
KEY_MAX = 120

#: Forbidden in names: controls, surrogates, private use, line and paragraph separators. Unassigned
#: characters are allowed: they may be emoji that are newer than this Python.
_UNFIT = {"Cc", "Cs", "Co", "Zl", "Zp"}
#: Invisible, but part of emoji and of the spelling of some scripts.
_JOINERS = {"\u200c", "\u200d"}
#: Invisible, but not in category Cf: fillers, the blank braille cell, the combining grapheme
#: joiner.
_BLANK = {"\u034f", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u2800"}


def _is_invisible(character: str) -> bool:
    """Whether a character shows nothing, so that it must not make two names differ."""
    return (
        unicodedata.category(character) == "Cf"
        or character in _BLANK
        or "\ufe00" <= character <= "\ufe0f"
        or "\u180b" <= character <= "\u180f"
        or "\U000e0100" <= character <= "\U000e01ef"
    )


def name_key(name: str) -> str:
    """The key of a name: two names are equal but for compatibility forms, case, spaces and
    invisible characters.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join("".join(c for c in folded if not _is_invisible(c)).split())


def clean_name(name: str) -> str:
    """Normalise a name for display. Raises Invalid."""
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
