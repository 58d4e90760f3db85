"""Where a found message says what was searched for."""

from collections.abc import Iterable
from functools import lru_cache

import regex

from messaging.search_index.query import searchable

#: Characters of a text that are looked at, and places that are told.
LOOKED_AT, MARKS_MAX = 4000, 20

_GRAPHEME = regex.compile(r"\X")


def marks(words: Iterable[str], text: str) -> list[tuple[int, int]]:
    """The beginnings and ends of what these words found in a text, in its order; words next to each other are one.

    They are counted in UTF-16 code units, as JavaScript does, and never part what readers see as one character.
    """
    folded, place = "", 0
    owner: list[int] = []  # the number of the written character of each folded one
    places = [0]
    written = _GRAPHEME.findall(text, 0, LOOKED_AT)
    for number, one in enumerate(written):
        said = _folded(one)
        if said != " " or not folded.endswith(" "):
            folded += said
            owner += [number] * len(said)
        place += 1 if len(one) == 1 and one < "\U00010000" else len(one.encode("utf-16-le", "surrogatepass")) // 2
        places.append(place)
    found = sorted((owner[at], owner[at + len(word) - 1] + 1) for word in words for at in _all(word, folded))
    apart: list[tuple[int, int]] = []
    for begin, end in found:
        if apart and (begin <= apart[-1][1] or "".join(written[apart[-1][1] : begin]).isspace()):
            apart[-1] = apart[-1][0], max(end, apart[-1][1])
        else:
            apart.append((begin, end))
    return [(places[begin], places[end]) for begin, end in apart[:MARKS_MAX]]


def _all(word: str, text: str) -> Iterable[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + len(word))


@lru_cache(20_000)
def _folded(grapheme: str) -> str:
    return " " if grapheme.isspace() else searchable(grapheme)
