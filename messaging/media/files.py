"""Files of any type: stored unchanged, under a neutral name and type, and served only as
downloads.
"""

import mimetypes
import unicodedata

from chatproject.core.text import cut

#: Characters of a displayed name, and of its extension.
NAME = 120
ENDING = 20

#: How every file is stored and served.
EXTENSION = ".bin"
SERVED_AS = "application/octet-stream"

#: Removed from a line of text: control characters, unassigned, private use, surrogates, line
#: separators.
_REMOVED = {"Cc", "Cn", "Co", "Cs", "Zl", "Zp"}
#: Characters that change the direction of the text after them ("gpj.exe" shown as "exe.jpg"), and
#: invisible marks.
_INVISIBLE = {0x061C, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x2070), 0xFEFF}


def display_name(given: str, neutral: str = "file") -> str:
    """A file's name for display: one line of at most `NAME` characters, no folders, nothing
    invisible.
    """
    seen = unicodedata.normalize("NFC", "".join(map(_seen, given[: 16 * NAME])))
    name = " ".join(seen.replace("\\", "/").rpartition("/")[2].split()).strip(". ")
    if len(name) > NAME:
        stem, dot, ending = name.rpartition(".")
        ending = dot + ending if stem and 0 < len(ending) <= ENDING else ""
        name = name[: NAME - len(ending)].rstrip(". ") + ending
    return name or neutral


def one_line(given: str, most: int) -> str:
    """A text as one line of at most `most` characters, without invisible characters."""
    seen = unicodedata.normalize("NFC", "".join(map(_seen, given[: 16 * most])))
    return cut(" ".join(seen.split()), most).rstrip()


def _seen(character: str) -> str:
    if character in "\t\n\r\x0b\x0c":
        return " "
    is_seen = unicodedata.category(character) not in _REMOVED and ord(character) not in _INVISIBLE
    return character if is_seen else ""


def guessed_type(name: str) -> str:
    """The MIME type that a name suggests, for display; nothing is ever served as it."""
    return mimetypes.guess_type(f"/{name}")[0] or SERVED_AS
