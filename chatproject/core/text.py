"""Texts as their readers see them: where one may be cut, and when two say the same."""

import re
import unicodedata
from collections import defaultdict
from functools import cache

import opencc
import regex

from chatproject.core import pinyin

#: What nobody sees, Unicode's Default_Ignorable_Code_Point, and the dot that a Turkish İ leaves
#: behind in lower case. `re` asks for it ten times as fast as `regex`, which knows it by its name.
_UNSEEN = re.compile(
    r"[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
    r"|(?<=i)\u0307"
)

_GRAPHEME = regex.compile(r"\X")

#: One emoji without its variation selectors, by Unicode's grammar (UTS 51): a keycap, a flag, a flag of England,
#: Scotland or Wales, or up to four emoji with their skins, joined to one. `regex` knows the properties.
_SKIN = r"(?:(?<=\p{Emoji_Modifier_Base})\p{Emoji_Modifier})?"
_PICTURE = rf"[\p{{Emoji}}--[0-9#*\p{{Regional_Indicator}}]]{_SKIN}"
_TAGS = "|".join("".join(chr(0xE0000 + ord(letter)) for letter in one) for one in ("gbeng", "gbsct", "gbwls"))
_EMOJI = regex.compile(
    rf"[0-9#*]\u20E3|\p{{Regional_Indicator}}{{2}}|\U0001F3F4(?:{_TAGS})\U000E007F|{_PICTURE}(?:\u200D{_PICTURE}){{0,3}}",
    regex.V1,
)
_SELECTORS = regex.compile(r"[\uFE0E\uFE0F]")
#: What is a picture only with a selector behind it, unless a skin follows.
_PLAIN = regex.compile(
    r"([0-9#*](?=\u20E3)|[\p{Emoji}--[0-9#*\p{Emoji_Presentation}]](?!\p{Emoji_Modifier}))", regex.V1
)


def cut(text: str, most: int, *, end: str = "") -> str:
    """The beginning of a text, of at most `most` code points with `end`, which is appended if anything
    was left out.

    It never ends within what a reader sees as one character: a family of emoji, a letter with its
    marks.
    """
    if len(text) <= most:
        return text
    room = most - len(end)
    at = 0
    # A character that begins within the room may go on far behind it; so far we need not look.
    for found in _GRAPHEME.finditer(text, 0, most + 1):
        if found.end() > room:
            break
        at = found.end()
    # One character that fills all the room is not writing: cut anywhere, it is still not more.
    return text[: at or room] + end


def one_emoji(text: str) -> str | None:
    """The emoji that a text is, written as Unicode recommends (❤ and ❤️ are one); None for anything else."""
    plain = _SELECTORS.sub("", text)
    return _PLAIN.sub("\\1\ufe0f", plain) if _EMOJI.fullmatch(plain) else None


def initial(name: str) -> str:
    """The first character of a name, as readers see it."""
    found = _GRAPHEME.match(name.strip())
    return found[0] if found else "?"


def fold(text: str) -> str:
    """A text for comparison: equal for what differs only in case, width, normal form, invisible
    characters, and in the kind and number of blanks. `static/js/text.js` folds alike.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    normal = unicodedata.normalize("NFKC", text)
    folded = normal.casefold()
    if folded != normal:
        folded = unicodedata.normalize("NFKC", folded)
    if _UNSEEN.search(folded):
        folded = unicodedata.normalize("NFKC", _UNSEEN.sub("", folded))
    return " ".join(folded.replace("ı", "i").split())


def simplified(text: str) -> str:
    """A text with every traditional character as its simplified one, for comparison: 繁體 and 繁体 become equal.

    One character for each, whatever stands around it, so that places in the text stay the same. Where
    several traditional ones share a simplified one (發, 髮: 发) all of them become it.
    """
    if text.isascii():
        return text
    to = _simplified_characters()
    if _RARE.search(text):
        return "".join([to.get(one, one) for one in text])
    return _traditional_characters().sub(lambda found: to[found[0]], text)


#: Ideographs beyond the first 65,536 characters, of which `re` makes no quick class.
_RARE = re.compile("[\U00020000-\U000323af]")


@cache
def _traditional_characters() -> re.Pattern[str]:
    """Finds what is simplified, without what `_RARE` finds: that a text has none of it, ten times as fast as a loop."""
    return re.compile(f"[{''.join(re.escape(one) for one in _simplified_characters() if not _RARE.match(one))}]")


#: The blocks of unified ideographs; compatibility ones become unified by NFKC.
_IDEOGRAPHS = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0x20000, 0x32400))
#: OpenCC's tables: of China first, then for the forms of Hong Kong and Taiwan that it does not know.
_TO_SIMPLIFIED = ("t2s", "hk2s", "tw2s")


@cache
def _simplified_characters() -> dict[str, str]:
    """What each traditional character, and each regional form, is simplified to. Made once, in a fifth of a second."""
    found: dict[str, str] = {}
    for name in _TO_SIMPLIFIED:
        converter = opencc.OpenCC(name)
        for begin, end in _IDEOGRAPHS:
            for low in range(begin, end, 4096):  # some at a time: OpenCC copies what it is given
                written = [chr(code) for code in range(low, min(low + 4096, end))]
                simple = converter.convert("\n".join(written)).split("\n")
                pairs = zip(written, simple, strict=True)
                found |= {one: to for one, to in pairs if to != one and len(to) == 1 and one not in found}
    for one, to in found.items():  # what is simplified in two steps, such as 薴, 苧, 苎
        while (to := found.get(to, to)) != found[one]:
            found[one] = to
    return found


class Wanted:
    """What is searched for: whether the `fold` of a text contains the one of `wanted`.

    With `by_sound`, for names: or whether its Chinese is typed so (`core.pinyin`).

    `pattern` is a class of characters: a regular expression which every database knows, and which
    every such text matches. Few others do, unless all that is wanted is usual letters.
    """

    def __init__(self, wanted: str, *, by_sound: bool = False) -> None:
        self.folded = fold(wanted)
        self.by_sound = by_sound
        typed = self.folded.replace(" ", "")
        self._typed = typed if by_sound and typed.isascii() and typed.isalnum() else ""
        rarest = min(set(self.folded) - {" "}, key=_commonness, default="")
        self._needed = _sources(rarest) if rarest else frozenset[str]()
        more = pinyin.HAN_CLASS if self._typed else ""
        self.pattern = f"[{''.join(map(re.escape, sorted(self._needed)))}{more}]"

    def __bool__(self) -> bool:
        return bool(self.folded)

    def is_in(self, text: str) -> bool:
        # Folding takes a few microseconds; most texts of another script are told apart without it.
        if not self._needed.isdisjoint(text) and self.folded in fold(text):
            return True
        return bool(self._typed) and not text.isascii() and pinyin.is_typed_as(fold(text), self._typed)


#: Letters from the rarest to the most common one, in English. Other characters are rarer.
_COMMON = "zqxjkvbpygfwmucldrhsnioate"


def _commonness(character: str) -> tuple[int, str]:
    return _COMMON.find(character), character


def _sources(character: str) -> frozenset[str]:
    """The characters of which a text must have one so that its `fold` contains `character`."""
    parts = unicodedata.normalize("NFD", character)
    # A text may have a composed letter in any state of its composition.
    begun = {unicodedata.normalize("NFC", parts[:end]) for end in range(1, len(parts) + 1)} | {character}
    return frozenset(begun.union(*(_foldings().get(one, ()) for one in begun)))


def _is_folded(character: str) -> bool:
    """Whether `fold` leaves a character as it is, as most are: five times as fast as to fold it. False if in doubt."""
    return (
        unicodedata.is_normalized("NFKC", character)
        and character.casefold() == character
        and not (character.isspace() or character == "ı" or _UNSEEN.match(character))
    )


@cache
def _foldings() -> dict[str, list[str]]:
    """For each character those whose `fold` contains it, without itself. Made once, in a tenth of a second."""
    found: dict[str, list[str]] = defaultdict(list)
    for code in (*range(0x80, 0xD800), *range(0xE000, 0x20000), *range(0x2F800, 0x2FA20)):
        character = chr(code)
        if not _is_folded(character):
            for folded in set(fold(f".{character}.")[1:-1]) - {character}:
                found[folded].append(character)
    for code in range(ord("A"), ord("Z") + 1):
        found[chr(code).lower()].append(chr(code))
    return found
