"""What is searched for: words in any order, phrases in quotes."""

from collections.abc import Iterable
from dataclasses import dataclass

import regex

from chatproject.core.text import fold, simplified
from messaging.search_index import grams

#: A phrase in quotes of any kind, which begin a word; or a word.
_TERMS = regex.compile(r'"([^"]*)"|＂([^＂]*)＂|“([^”]*)”|「([^」]*)」|『([^』]*)』|«([^»]*)»|(\S+)')


def searchable(text: str) -> str:
    """A text as search compares it: folded, with traditional characters as simplified ones."""
    return simplified(fold(text))


@dataclass(frozen=True, slots=True)
class Query:
    """All of it must hold. `words`: parts of a message, folded; a phrase is one of them."""

    words: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.words)

    @property
    def pieces(self) -> list[list[str]]:
        """Of each of these lists, what fits has at least one piece."""
        return [[gram] for gram in grams.needed(self.words)]

    def is_said_by(self, texts: Iterable[str]) -> bool:
        """Whether every word is in one of a message's texts."""
        left = self.words
        for text in texts:
            folded = searchable(text)
            left = tuple(word for word in left if word not in folded)
            if not left:
                return True
        return not left


def parse(text: str) -> Query:
    found = (searchable(next(filter(None, term.groups()), "")) for term in _TERMS.finditer(text))
    return Query(tuple(dict.fromkeys(word for word in found if word)))
