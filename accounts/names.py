"""Rules for names, and the key by which two names are equal."""

import hashlib
import unicodedata
from functools import cache
from pathlib import Path

import regex
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from chatproject.core import confusables, errors

#: Characters of a displayed name, and of its key: NFKC turns one Arabic ligature into eighteen
#: letters.
NAME_MAX = 40
KEY_MAX = 120

#: Invisible, but not in category Cf: fillers, the blank braille cell, the combining grapheme
#: joiner. Keys are stored, so these stay the same; new names are judged by `core.confusables`.
_BLANK = {"\u034f", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u2800"}

#: What a name is made of where case, spaces, digits and signs do not count. Radicals are signs, by their category, and
#: the prototypes of characters such as 方.
_NO_LETTERS = regex.compile(r"[^\p{L}\p{M}\p{Script=Han}]+")
_NO_LETTERS_OR_DIGITS = regex.compile(r"[^\p{L}\p{M}\p{N}\p{Script=Han}]+")
#: What stands at a letter without being one: accents, strokes through it. The vowels of an Indic script are its own.
_MARKS = regex.compile(r"(?V1)[\p{Mn}&&\p{Script=Inherited}]+")
#: Signs that NFKC would turn into letters: ™ into TM.
_SIGNS = regex.compile(r"\p{S}+")
_RESERVED = Path(__file__).with_name("reserved_names.txt")


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


def clean_name(name: str, *, field: str = "name") -> str:
    """Normalise the name of a person for display. Raises Invalid."""
    name = clean_title(name, field=field)
    key = name_key(name)
    if not key:
        raise errors.Invalid(errors={field: [_("Choose a name.")]})
    if len(name) > NAME_MAX or len(key) > KEY_MAX:
        raise errors.Invalid(errors={field: [_("A name has at most %d characters.") % NAME_MAX]})
    return name


def clean_title(name: str, *, field: str = "name") -> str:
    """Normalise the name of a person or a group. Raises Invalid where it deceives the eye."""
    name = unicodedata.normalize("NFC", name.strip())
    if confusables.has_unfit(name):
        raise errors.Invalid(errors={field: [_("A name cannot contain control or invisible characters.")]})
    if confusables.is_disguised(name):
        raise errors.Invalid(errors={field: [_("This name mixes letters of several scripts that look alike.")]})
    return " ".join(name.split())


def skeletons(name: str) -> list[str]:
    """The keys that a name shares with those that look like it, as it is written and in small letters.

    Hashes: a skeleton can be many times as long as its name.
    """
    name = confusables.with_capitals(name)
    return [
        hashlib.sha256(f"{kind} {confusables.skeleton(text)}".encode(errors="replace")).hexdigest()
        for kind, text in (("shown", _shown(name)), ("folded", name_key(name)))
    ]


def _shown(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).split())


# Reserved names -------------------------------------------------------------------------------------------------------


def require_not_reserved(name: str, *, field: str = "name") -> None:
    """Raise Invalid for a name that speaks for the installation: admin, 系统, 官方客服, or what looks like one."""
    if is_reserved(name):
        raise errors.Invalid(errors={field: [_("This name is reserved for those who run this chat.")]})


def is_reserved(name: str) -> bool:
    """Whether a name consists of reserved words, or looks so."""
    alone, beside = _reserved_words(tuple(settings.RESERVED_NAMES))
    return any(_consists_of(look, alone, beside) for look in _looks(name))


def _consists_of(text: str, alone: frozenset[str], beside: frozenset[str]) -> bool:
    """Whether a text is a row of words, at least one of which is reserved alone."""
    longest = max(map(len, alone | beside))
    #: For each place that a row of words can reach: whether one of them was reserved alone.
    reached: dict[int, bool] = {0: False}
    for start in range(len(text)):
        if start not in reached:
            continue
        for end in range(start + 1, min(len(text), start + longest) + 1):
            word = text[start:end]
            if word in alone:
                reached[end] = True
            elif word in beside:
                reached[end] = reached.get(end, False) or reached[start]
    return reached.get(len(text), False)


def _looks(name: str) -> set[str]:
    """What a name looks like, only its letters: with digits as the letters that they look like, and without them;
    with and without its marks.
    """
    name = confusables.with_capitals(name)
    looks = set()
    for written in {name, _SIGNS.sub("", name)}:
        for text in (_shown(written), name_key(written)):
            for kept in (_NO_LETTERS.sub("", text), _NO_LETTERS_OR_DIGITS.sub("", text)):
                small = confusables.skeleton(confusables.skeleton(kept).casefold())  # 1 as l, M as rn
                look = _NO_LETTERS.sub("", small)
                looks |= {look, _MARKS.sub("", unicodedata.normalize("NFD", look))}
    return looks - {""}


@cache
def _reserved_words(more: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """The looks of the words that are reserved alone, and of those that are so beside one of them."""
    alone, beside = set(more), set[str]()
    for line in _RESERVED.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            first, _bar, second = line.partition(":")[2].partition("|")
            alone |= set(first.split())
            beside |= set(second.split())
    looks = [
        frozenset(look for word in words for form in (word, word.upper(), word.title()) for look in _looks(form))
        for words in (alone, beside)
    ]
    return looks[0], looks[1]
