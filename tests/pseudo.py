"""A language that nobody speaks, made of the English texts while tests run.

⟦Šéttííñgš ẋẋẋ⟧: what is not in brackets was not translatable, and what does not fit will not fit in German either.
"""

import re
from itertools import cycle
from math import ceil
from pathlib import Path

import polib

from tests import translations

CODE = "en-xa"
#: What most languages need more than English does.
LONGER = 0.4
#: What a translation keeps as it is.
_KEPT = re.compile(r"(%(?:\(\w+\))?[sd]|\{\w+\}|<[^>]+>|&\w+;|\n)")
_ACCENTS = str.maketrans("aceinosuyzACEINOSUYZ", "áçéíñóšúýžÁÇÉÍÑÓŠÚÝŽ")
#: The letters of the words by which a text is lengthened.
_WORDS = (3, 5, 7)


def translated(text: str) -> str:
    """The text in this language: accented, longer, in brackets; with its placeholders and the spaces at its ends."""
    parts = [part if _KEPT.fullmatch(part) else part.translate(_ACCENTS) for part in _KEPT.split(text)]
    missing = ceil(LONGER * len(_KEPT.sub("", text)))
    more = []
    for length in cycle(_WORDS):
        if missing <= 0:
            break
        more.append("ẋ" * min(length, missing))
        missing -= length + 1
    return f"⟦{''.join(parts)} {' '.join(more)}⟧"


def write(folder: Path) -> None:
    """Write the catalogues of this language, as a folder for LOCALE_PATHS."""
    target = folder / "en_XA" / "LC_MESSAGES"
    target.mkdir(parents=True)
    for domain in translations.DOMAINS:
        catalogue = polib.POFile()
        catalogue.metadata = {
            "Content-Type": "text/plain; charset=UTF-8",
            "Plural-Forms": "nplurals=2; plural=(n != 1);",
        }
        for context, text, plural in sorted(translations.said(domain)):
            if plural:
                forms = {0: translated(text), 1: translated(plural)}
                entry = polib.POEntry(msgid=text, msgid_plural=plural, msgstr_plural=forms)
            else:
                entry = polib.POEntry(msgid=text, msgstr=translated(text))
            if context:
                entry.msgctxt = context
            catalogue.append(entry)
        catalogue.save(str(target / f"{domain}.po"))
