"""Files of any type: stored unchanged, under a neutral name and type, and served only as
downloads.
"""

import mimetypes
import unicodedata

import regex

from chatproject.core.text import cut

#: Characters of a displayed name, and of its extension.
NAME = 120
ENDING = 20

#: How every file is stored and served.
EXTENSION = ".bin"
SERVED_AS = "application/octet-stream"

#: Removed from a line of text: control characters, private use, surrogates, line separators, what is
#: unassigned in Unicode's current data and no emoji of tomorrow, characters that change the direction
#: of the text after them ("gpj.exe" shown as "exe.jpg"), and what is invisible. Kept of that are
#: joiners and the selectors of variants within a text, and the tags of flags behind an emoji.
_UNSEEN = regex.compile(
    r"(?V1)[[\p{Cc}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}]"
    r"--[\p{Extended_Pictographic}\u200c\u200d\p{Variation_Selector}\U000e0020-\U000e007f]]"
    r"|(?<![\p{Extended_Pictographic}\ufe0f\U000e0020-\U000e007f])[\U000e0020-\U000e007f]+"
    r"|(?:\A|(?<=\s))[\u200c\u200d\p{Variation_Selector}]+"
    r"|[\u200c\u200d]+(?:\Z|(?=[\s.]))"
)
_BLANKS = str.maketrans("\t\n\r\x0b\x0c", "     ")


def display_name(given: str, neutral: str = "file") -> str:
    """A file's name for display: one line of at most `NAME` characters, no folders, nothing
    invisible.
    """
    name = _line(given[: 16 * NAME].replace("\\", "/").rpartition("/")[2])
    name = name.rstrip(". ")  # a name that consists of periods is a folder's
    if len(name) > NAME:
        stem, dot, ending = name.rpartition(".")
        ending = dot + ending if stem and 0 < len(ending) <= ENDING else ""
        name = cut(name.removesuffix(ending), NAME - len(ending)).rstrip(". ") + ending
    return name or neutral


def one_line(given: str, most: int) -> str:
    """A text as one line of at most `most` characters, without invisible characters."""
    return cut(_line(given[: 16 * most]), most).rstrip()


def _line(given: str) -> str:
    return unicodedata.normalize("NFC", " ".join(_UNSEEN.sub("", given.translate(_BLANKS)).split()))


def guessed_type(name: str) -> str:
    """The MIME type that a name suggests, for display; nothing is ever served as it."""
    return mimetypes.guess_type(f"/{name}")[0] or SERVED_AS
