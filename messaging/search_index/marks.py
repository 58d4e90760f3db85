"""Where a found message says what was searched for."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import regex

from messaging.search_index.query import searchable

#: Characters of a text that are looked at, and places that are told.
LOOKED_AT, MARKS_MAX = 4000, 20

_GRAPHEME = regex.compile(r"\X")
#: Characters of ASCII, ideographs and their punctuation, with single blanks between them.
_LETTER = r"[!-~\u4e00-\u9fff\u3001\u3002\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f]"
_PLAIN = re.compile(f"{_LETTER}+(?: {_LETTER}+)*")


def marks(words: Iterable[str], text: str) -> list[tuple[int, int]]:
    """The beginnings and ends of what these words found in a text, in its order; words next to each other are one.

    They are counted in UTF-16 code units, as JavaScript does, and never part what readers see as one character.
    """
    written, folded, owner, places = _plain(text[:LOOKED_AT]) or _parted(text)
    found = sorted((owner[at], owner[at + len(word) - 1] + 1) for word in words for at in _all(word, folded))
    apart: list[tuple[int, int]] = []
    for begin, end in found:
        if apart and (begin <= apart[-1][1] or "".join(written[apart[-1][1] : begin]).isspace()):
            apart[-1] = apart[-1][0], max(end, apart[-1][1])
        else:
            apart.append((begin, end))
    return [(places[begin], places[end]) for begin, end in apart[:MARKS_MAX]]


#: The characters of a text as readers see them; the text as search compares it; the number of the character of each of
#: its letters; where each character begins, and the last one ends.
_Parts = tuple[Sequence[str], str, Sequence[int], Sequence[int]]


def _plain(text: str) -> _Parts | None:
    """A text of which each character is one letter, as most are; None for any other."""
    if not _PLAIN.fullmatch(text):
        return None
    return text, searchable(text), range(len(text)), range(len(text) + 1)


def _parted(text: str) -> _Parts:
    folded, place = "", 0
    owner: list[int] = []
    places = [0]
    written = _GRAPHEME.findall(text, 0, LOOKED_AT)
    for number, one in enumerate(written):
        said = _folded(one)
        if said != " " or not folded.endswith(" "):
            folded += said
            owner += [number] * len(said)
        place += 1 if len(one) == 1 and one < "\U00010000" else len(one.encode("utf-16-le", "surrogatepass")) // 2
        places.append(place)
    return written, folded, owner, places


def _all(word: str, text: str) -> Iterable[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + len(word))


@lru_cache(20_000)
def _folded(grapheme: str) -> str:
    return " " if grapheme.isspace() else searchable(grapheme)
