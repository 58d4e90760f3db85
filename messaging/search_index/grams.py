"""The pieces of a text by which the index knows it, so that every part of a word finds it.

A piece is a single character, two letters or digits that follow each other, or three of a script that writes spaces.
Whether there is one depends on its own characters only. So the pieces of a part of a text are pieces of the text, and
what has all of them may contain it; whether it does, the text itself tells.
"""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from uuid import UUID

import regex

#: Pieces of one query at most: each costs a look into every block.
GRAMS_MAX = 24
#: Characters of a word, whose pieces are kept in memory.
WORD_MAX = 16
#: Bits of a token.
TOKEN_BITS = 40

_RUNS = regex.compile(r"[\p{L}\p{M}\p{N}]+")
#: Scripts that write no spaces, or whose letters say a syllable or a word: two of them are rare enough.
_DENSE = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Bopomofo}\p{Yi}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
)


def grams(folded: str) -> set[str]:
    """All pieces of a text that `core.text` has folded."""
    found = set(folded)
    found.discard(" ")
    for run in _RUNS.findall(folded):
        found.update(_grams_of_word(run) if len(run) <= WORD_MAX else _grams_of(run))
    return found


def _grams_of(run: str) -> list[str]:
    """The pairs and triples of characters that follow each other without a blank or a sign."""
    pairs = [run[at : at + 2] for at in range(len(run) - 1)]
    triples = [run[at : at + 3] for at in range(len(run) - 2)]
    return pairs + (triples if not _DENSE.search(run) else [one for one in triples if not _DENSE.search(one)])


#: Most words were met before.
_grams_of_word = lru_cache(20_000)(_grams_of)


def needed(words: Iterable[str]) -> list[str]:
    """The pieces of which a text that contains all these words has every one: the rarest kind at each place."""
    found: dict[str, None] = {}
    for word in words:
        for run in _RUNS.findall(word):
            found.update(dict.fromkeys(_covering(run)))
        found.update(dict.fromkeys(one for one in _RUNS.sub("", word) if one != " "))
    pieces = list(found)
    # Of a long query some are enough, from all over it.
    return pieces if len(pieces) <= GRAMS_MAX else pieces[:: -(-len(pieces) // GRAMS_MAX)]


def _covering(run: str) -> list[str]:
    if len(run) == 1:
        return [run]
    covered: set[int] = set()
    found = []
    for at in range(len(run) - 2):
        triple = run[at : at + 3]
        if not _DENSE.search(triple):
            found.append(triple)
            covered.update((at, at + 1))  # the pairs that it contains
    return found + [run[at : at + 2] for at in range(len(run) - 1) if at not in covered]


# Pieces that no text has: they begin with a character that no folded text contains.


def in_room(room_id: UUID) -> str:
    return f"\0in {room_id.hex}"


def said_by(sender_id: UUID) -> str:
    return f"\0from {sender_id.hex}"


def has(kind: str) -> str:
    return f"\0has {kind}"


# Tokens ---------------------------------------------------------------------------------------------------------------


@lru_cache(50_000)
def token(gram: str, key: bytes) -> int:
    """What the index has instead of a piece: a number of TOKEN_BITS. Without a key it hides nothing."""
    digest = hashlib.blake2b(gram.encode("utf-8", "surrogatepass"), key=key, digest_size=TOKEN_BITS // 8)
    return int.from_bytes(digest.digest(), "big")
