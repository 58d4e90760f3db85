"""Finds listed words in a text, however they are written there.

Of a text only its letters and digits count, after NFKC, case folding and the simplification of Han
characters: this is its key. All words are looked for in the key at once (Aho-Corasick). What is found
there is then judged by how it stands in the text:

- In scripts that put blanks between words, a word has to begin and end where a word of the text does: "ass" is not
  in "class". Scripts that write without blanks have no such places, nor has Korean, which appends to its words.
- Signs between the letters do not hide a word: 敏·感*词, b.a.d, 敏 感 词.
- A blank between two letters of such scripts, and any sign between two digits, ends a word there: "plan b ad" does
  not say "bad", nor 6.4 64. Unless they stand between all letters of the word: "b a d".
- The end of a clause or of a line does so within words of two characters: 学习，近来 does not say 习近.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

import ahocorasick
import regex

from chatproject.core.text import simplified

#: Not part of a key: signs and blanks, what is invisible, and marks of any script that remain after
#: composition, such as a line through a letter; and what stretches Arabic and N'Ko words.
_NOT_KEPT = regex.compile(
    r"(?V1)[[^\p{L}\p{M}\p{N}]\p{Default_Ignorable_Code_Point}[\p{M}&&\p{Script=Inherited}]\u0640\u07fa]+"
)
#: Characters that compose with the one before them, or that NFC would compose: they need to be folded with it.
_COMPOSING = regex.compile(r"[\u1100-\u11ff\uff9e\uff9f\uffa0-\uffdc]")
_GRAPHEME = regex.compile(r"\X")
#: Nothing is seen of it: no sign between two letters.
_INVISIBLE = regex.compile(r"(?V1)[\p{Default_Ignorable_Code_Point}\p{M}]*")
_BLANK = regex.compile(r"\s")
_LINE_END = regex.compile(r"[\n\r\v\f\x85\u2028\u2029]")
#: Ends a sentence or a clause where words are written without blanks.
_CLAUSE_END = regex.compile(r"(?V1)[[\p{Sentence_Terminal}\p{Terminal_Punctuation}\p{Ps}\p{Pe}\p{Pi}\p{Pf}…]--[.]]")
#: The scripts that do not put blanks between words; and Hangul, which appends to its words.
_WITHOUT_BLANKS = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Hangul}\p{Yi}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
    r"\p{New_Tai_Lue}\p{Tai_Le}\p{Tai_Tham}\p{Tai_Viet}\p{Javanese}\p{Balinese}々〇ー]"
)
#: Characters whose folding is remembered at most; more are in no chat.
_REMEMBERED_MAX = 20_000


def _folded(grapheme: str) -> str:
    once = unicodedata.normalize("NFKC", grapheme).casefold()
    again = unicodedata.normalize("NFKC", once).replace("ı", "i")
    return str(_NOT_KEPT.sub("", simplified(again)))


#: What each character is folded to that was met so far.
_foldings: dict[str, str] = {}


def _each_folded(text: str) -> list[str]:
    """The folding of each character."""
    try:
        return list(map(_foldings.__getitem__, text))
    except KeyError:
        if len(_foldings) > _REMEMBERED_MAX:
            _foldings.clear()
        for character in set(text):
            _foldings[character] = _folded(character)
        return [_foldings[character] for character in text]


def _is_plain(text: str) -> bool:
    """Whether each of its characters can be folded for itself."""
    return text.isascii() or (unicodedata.is_normalized("NFC", text) and not _COMPOSING.search(text))


def key(text: str) -> str:
    """Of a text what is compared."""
    if _is_plain(text) or _is_plain(text := unicodedata.normalize("NFC", text)):
        return "".join(_each_folded(text))
    return "".join(map(_folded, _GRAPHEME.findall(text)))


@dataclass(frozen=True, slots=True)
class Word:
    """A listed word as it is looked for."""

    written: str
    list_id: UUID
    action: str
    #: Places in its key between which it has blanks or signs itself.
    gaps: frozenset[int]


@dataclass(frozen=True, slots=True)
class Found:
    """A word, and where in the text it stands."""

    word: Word
    start: int
    end: int


def _bytes(text: str) -> str:
    """The bytes of a text as characters: an automaton looks through the followers of a letter one by one, and so there
    are few of them.
    """
    return text.encode(errors="surrogatepass").decode("latin-1")


class Matcher:
    """All words of all lists."""

    def __init__(self, words: Iterable[tuple[str, UUID, str]]) -> None:
        """`words`: each with its list and action. What has no letters or digits is left out."""
        by_key: dict[str, list[Word]] = {}
        for written, list_id, action in words:
            text = _Text(written)
            if text.key:
                gaps = frozenset(place for place in range(1, len(text.key)) if text.between(place))
                by_key.setdefault(text.key, []).append(Word(written, list_id, action, gaps))
        self._automaton = ahocorasick.Automaton()
        for one, entries in by_key.items():
            self._automaton.add_word(_bytes(one), (len(one), entries))
        if by_key:
            self._automaton.make_automaton()
        self.count = len(by_key)

    def is_in(self, text: str) -> bool:
        """Whether a word is in a text. In a usual message it takes some ten microseconds to see that none is."""
        return (
            bool(self.count)
            and next(self._automaton.iter(_bytes(key(text))), None) is not None
            and next(self.find(text), None) is not None
        )

    def find(self, text: str) -> Iterator[Found]:
        """Every word that is in a text."""
        if not self.count:
            return
        whole = _Text(text)
        written = _bytes(whole.key)
        end = counted = 0  # characters of the key, in so many bytes
        for last, (length, entries) in self._automaton.iter(written):
            end += len(written[counted : last + 1].encode("latin-1").decode(errors="surrogatepass"))
            counted = last + 1
            begin = end - length
            for word in entries:
                if whole.says(begin, end, word.gaps):
                    yield Found(word, *whole.span(begin, end))


class _Text:
    """A text with its key, and where each character of the key stands in it."""

    def __init__(self, text: str) -> None:
        self._text = text
        if _is_plain(text):
            self._parts, self._folded = list(text), _each_folded(text)
        else:
            self._parts = _GRAPHEME.findall(text)
            self._folded = list(map(_folded, self._parts))
        self.key = "".join(self._folded)

    @cached_property
    def _spans(self) -> Sequence[tuple[int, int]]:
        """For each character of the key the beginning and the end of what it was written with."""
        spans, at = [], 0
        for part, folded in zip(self._parts, self._folded, strict=True):
            spans.extend([(at, at + len(part))] * len(folded))
            at += len(part)
        return spans

    def span(self, begin: int, end: int) -> tuple[int, int]:
        return self._spans[begin][0], self._spans[end - 1][1]

    def between(self, place: int) -> str:
        """What is seen in the text between two neighbours of the key; "" where they touch."""
        if place in (0, len(self.key)):
            return " "
        said = self._text[self._spans[place - 1][1] : self._spans[place][0]]
        return "" if _INVISIBLE.fullmatch(said) else said

    def says(self, begin: int, end: int, gaps: frozenset[int]) -> bool:
        """Whether this part of the key is a word in the text. `gaps`: places where the word itself has signs."""
        if self._is_within_word(begin) or self._is_within_word(end):
            return False
        if end - begin == 1:
            return True
        said = {place: self.between(place) for place in range(begin + 1, end) if place - begin not in gaps}
        is_short = end - begin == 2
        if not any(self._ends(place, signs, is_short=is_short) for place, signs in said.items() if signs):
            return True
        if is_short:  # it has one gap only: then it has to stand alone
            return not self.key[begin:end].isnumeric() and bool(self.between(begin) and self.between(end))
        return all(said.values())

    def _is_within_word(self, place: int) -> bool:
        """Whether both neighbours belong to one word: two letters or two digits that touch."""
        if place in (0, len(self.key)) or self.between(place):
            return False
        one, other = self.key[place - 1], self.key[place]
        if _WITHOUT_BLANKS.match(one) or _WITHOUT_BLANKS.match(other):
            return False
        return one.isnumeric() == other.isnumeric()

    def _ends(self, place: int, signs: str, *, is_short: bool) -> bool:
        """Whether what stands between two letters usually ends a word, or between two digits a number."""
        one, other = self.key[place - 1], self.key[place]
        if one.isnumeric() and other.isnumeric():
            return True
        if _WITHOUT_BLANKS.match(one) or _WITHOUT_BLANKS.match(other):
            # Longer words do not come about by chance where two clauses meet.
            return is_short and bool(_CLAUSE_END.search(signs) or _LINE_END.search(signs))
        return bool(_BLANK.search(signs))
