"""Which texts look alike, and which characters show nothing: by Unicode's data, not by lists of ours.

The look-alikes are those of Unicode Technical Standard 39 ("Unicode Security Mechanisms"): its table `confusables.txt`
comes with the package confusable-homoglyphs, scripts and other properties of characters with regex.
"""

import string
import unicodedata
from collections import defaultdict
from contextlib import suppress
from functools import cache, lru_cache

import regex
from confusable_homoglyphs.utils import load

#: Default ignorable: no glyph, whatever the font. Unassigned ones too, as U+2065 and U+FFF0.
_IGNORABLE = regex.compile(r"\p{Default_Ignorable_Code_Point}+")
#: Default ignorable, and yet a part of what is seen before or after them.
_FITTING = regex.compile(
    r"""(?xV1)
    # The flags of regions such as Scotland: a black flag, the region in tag characters, the end.
    (?<=\U0001F3F4) [\U000E0030-\U000E0039\U000E0061-\U000E007A]{3,6} \U000E007F
    # A joiner in an emoji, beside a virama, and in the scripts whose letters join.
    | (?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Variation_Selector}]) \u200D
    | (?<=[\p{InSC=Virama}\p{InSC=Invisible_Stacker}]) \p{Join_Control}
    | \p{Join_Control} (?=[\p{InSC=Virama}])
    | (?<=[\p{scx=Arab}\p{scx=Syrc}\p{scx=Mong}\p{scx=Nkoo}\p{scx=Adlm}\p{scx=Phag}\p{scx=Mand}]) \p{Join_Control}
    # A selector of a variant that there may be: of a symbol, an ideograph, and letters of some scripts.
    | (?<=[\p{S}\p{P}\p{Nd}\p{Emoji}\p{sc=Han}\p{sc=Mong}\p{sc=Mymr}\p{sc=Phag}\p{sc=Mani}]) \p{Variation_Selector}
    """
)
_UNFIT = regex.compile(
    "(?V1)["
    r"\p{Cc}\p{Cs}\p{Co}\p{Zl}\p{Zp}"  # controls, surrogates, private use, separators of lines and paragraphs
    r"\p{Line_Break=Contingent_Break}"  # U+FFFC stands for an object that is not there
    r"\p{Cf}\p{Default_Ignorable_Code_Point}"
    # Unassigned, but for the places that are kept for emoji: those may be newer than this table.
    r"[\p{Cn}--\p{Extended_Pictographic}]"
    "]"
)
#: Characters that are no control and not ignorable, and whose Unicode name says that they show nothing.
_EMPTY_NAMES = (" BLANK", " FILLER", " NULL NOTEHEAD")
#: Characters that are drawn as a Latin capital, as their names say; neither NFKC nor the table of look-alikes does.
_DRAWN_AS_CAPITALS = (
    "LATIN LETTER SMALL CAPITAL {}",
    "NEGATIVE CIRCLED LATIN CAPITAL LETTER {}",
    "NEGATIVE SQUARED LATIN CAPITAL LETTER {}",
    "REGIONAL INDICATOR SYMBOL LETTER {}",
)
#: Of a text with words in several scripts, each word is judged for itself.
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}\p{Join_Control}]+")
_ANY_SCRIPT = r"\p{Script_Extensions=Common}\p{Script_Extensions=Inherited}"
#: The scripts that Chinese, Japanese and Korean mix in one word (UTS 39, 5.1: augmented script sets).
_MIXED_BY_CUSTOM = (("Han", "Hiragana", "Katakana"), ("Han", "Bopomofo"), ("Han", "Hangul"))


def has_unfit(text: str) -> bool:
    """Whether a text contains characters that are no text: invisible, unassigned, control, private use."""
    text = _FITTING.sub("", text)
    return bool(_UNFIT.search(text)) or any(
        unicodedata.name(character, "").endswith(_EMPTY_NAMES) for character in text if not character.isascii()
    )


def skeleton(text: str) -> str:
    """The skeleton of UTS 39: two texts that look the same have the same one. It is not for showing.

    A mark that is repeated on one letter is drawn over itself, and counts once.
    """
    prototypes, before = _prototypes(), ""
    text = _IGNORABLE.sub("", unicodedata.normalize("NFD", text))
    while text != before:  # once, as a rule: a prototype is its own
        before = text
        text = unicodedata.normalize("NFD", "".join([prototypes.get(one, one) for one in text]))
    return str(regex.sub(r"(\p{Mn})\1+", r"\1", text))


def with_capitals(text: str) -> str:
    """The text with Latin capitals in the place of characters that are only drawn as some: ᴀ, 🅰, 🇦."""
    return text if text.isascii() else text.translate(_capitals())


def is_disguised(text: str) -> bool:
    """Whether a word in it mixes scripts, and looks like one that does not: Latin with a Cyrillic а in it.

    UTS 39 calls such words mixed-script confusable. 李Li, エリ子 and µTorrent are none: they look like nothing else.
    """
    return any(
        not word.isascii() and not _has_one_script(word) and _has_one_script(skeleton(word))
        for word in _WORD.findall(text)
    )


@cache
def _prototypes() -> dict[str, str]:
    """The prototype of each character of the table that is not its own.

    The package has each line of Unicode's table in both directions, which makes a star around each prototype: the
    prototype is the one that has several others, or several characters.
    """
    table = load("confusables.json")
    neighbours: dict[str, set[str]] = defaultdict(set)
    for one, others in table.items():
        # The names of right-to-left characters come between two marks, which are not part of them.
        neighbours[_bare(one)] |= {_bare(other["c"]) for other in others}
    found: dict[str, str] = {}
    for one, others in neighbours.items():
        if len(one) > 1 or len(others) > 1:
            continue  # a sequence, or a prototype
        (other,) = others
        is_pair = len(other) == 1 and len(neighbours[other]) == 1
        if is_pair and one < other:
            continue  # of two that know only each other the first one is the prototype
        found[one] = other
    return found


@cache
def _capitals() -> dict[int, str]:
    found = {}
    for letter in string.ascii_uppercase:
        for name in _DRAWN_AS_CAPITALS:
            with suppress(KeyError):  # there is no small capital X
                found[ord(unicodedata.lookup(name.format(letter)))] = letter
    return found


def _bare(text: str) -> str:
    return text.strip("\u200e") or text


@cache
def _scripts() -> list[regex.Pattern[str]]:
    aliases = [name for name in load("categories.json")["iso_15924_aliases"] if name not in ("COMMON", "INHERITED")]
    sets = [(name,) for name in aliases]
    return [_all_of(names) for names in (*_MIXED_BY_CUSTOM, *sets)]


def _all_of(scripts: tuple[str, ...]) -> regex.Pattern[str]:
    return regex.compile(
        "[" + _ANY_SCRIPT + "".join([r"\p{Script_Extensions=" + name + "}" for name in scripts]) + "]*"
    )


@lru_cache(1000)
def _has_one_script(word: str) -> bool:
    return any(script.fullmatch(word) for script in _scripts())
