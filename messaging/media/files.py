"""Files of any type: kept as they came, under a name and a type that mean nothing, only ever handed out to be saved."""

import mimetypes
import unicodedata

#: Characters of a name that is shown, and those of them an ending may have.
NAME = 120
ENDING = 20

#: What every file is stored and served as, whatever is in it.
EXTENSION = ".bin"
SERVED_AS = "application/octet-stream"

#: What has no place in a line of text: control characters, separators of lines, halves of characters, private ones.
_UNSEEN = {"Cc", "Cn", "Co", "Cs", "Zl", "Zp"}
#: What turns the text after it around ("gpj.exe" seen as "exe.jpg"), and marks that nobody sees.
_TURNING = {0x061C, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x2070), 0xFEFF}


def display_name(given: str, neutral: str = "file") -> str:
    """What a file is called where people see it: one line of at most `NAME` characters, no folder, no trick."""
    seen = unicodedata.normalize("NFC", "".join(map(_seen, given[: 16 * NAME])))
    name = " ".join(seen.replace("\\", "/").rpartition("/")[2].split()).strip(". ")
    if len(name) > NAME:
        stem, dot, ending = name.rpartition(".")
        ending = dot + ending if stem and 0 < len(ending) <= ENDING else ""
        name = name[: NAME - len(ending)].rstrip(". ") + ending
    return name or neutral


def one_line(given: str, most: int) -> str:
    """What somebody wrote as one line of at most so many characters, without what nobody sees."""
    seen = unicodedata.normalize("NFC", "".join(map(_seen, given[: 16 * most])))
    return " ".join(seen.split())[:most].rstrip()


def _seen(character: str) -> str:
    if character in "\t\n\r\x0b\x0c":
        return " "
    is_seen = unicodedata.category(character) not in _UNSEEN and ord(character) not in _TURNING
    return character if is_seen else ""


def guessed_type(name: str) -> str:
    """The MIME type its name suggests, for people to read; nothing is ever served as it."""
    return mimetypes.guess_type(f"/{name}")[0] or SERVED_AS
