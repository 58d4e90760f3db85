"""Chinese names as they are typed without Chinese: by their pinyin, or by the beginning of each syllable."""

import os
from functools import lru_cache
from typing import Any

import regex

_HAN = regex.compile(r"\p{Script=Han}")
#: Han characters of the basic plane as a class that every database knows: nearly all that names are made of.
HAN_CLASS = "\u3007\u3400-\u9fff\uf900-\ufaff"


def is_typed_as(text: str, typed: str) -> bool:
    """Whether some characters in a row are typed so, each by its whole syllable or by any beginning of it.

    李小明 is lixiaoming, lxm, lixm, and xiaom. What is no Chinese stands for itself, and blanks for nothing. Both are
    folded, `typed` without blanks.
    """
    if not typed or not _HAN.search(text):
        return False
    syllables = [_syllables(character) for character in text if character != " "]
    first = typed[0]
    return any(
        any(reading[0] == first for reading in readings) and _begins(syllables[start:], typed)
        for start, readings in enumerate(syllables)
    )


def _begins(syllables: list[tuple[str, ...]], typed: str) -> bool:
    size, reached = len(typed), {0}
    for readings in syllables:
        following = set()
        for place in reached:
            for reading in readings:
                for end, letter in enumerate(reading, place + 1):
                    if end > size or typed[end - 1] != letter:
                        break
                    following.add(end)
        if size in following:
            return True
        reached = following
    return False


@lru_cache(8192)
def _syllables(character: str) -> tuple[str, ...]:
    """All readings of a character, without tones; ü is typed as v or u."""
    if not _HAN.match(character):
        return (character,)
    read: Any = _read(character)
    return tuple(dict.fromkeys(spelt for one in read for spelt in (one, one.replace("v", "u"))))


def _read(character: str) -> list[str]:
    # Loaded when somebody searches for a name in Latin letters; without the readings of phrases, which take 40 MB.
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")
    from pypinyin import Style, pinyin

    (read,) = pinyin(character, style=Style.NORMAL, heteronym=True, errors="default")
    return list(read)
