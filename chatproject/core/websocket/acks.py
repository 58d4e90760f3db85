"""Finds the `ack` of a frame that is refused unread."""

import re
from itertools import islice

import orjson

#: Characters of an ack that is a text.
TEXT_MAX = 64
#: A string, brackets of one kind, a sign between members, or another value; in a broken frame, in any order.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[{]++|[\]}]++|[:,]|[^\s"\[\]{}:,]++', re.DOTALL)
#: Some milliseconds of work on the event loop: a frame of nothing but commas is not read to its end.
_TOKENS_MAX = 10_000


def find(text: str) -> int | str | None:
    """The value of `ack` among the members of the outermost object; None if it cannot be read.

    The rest of the frame may be anything: too long or too deep, cut off, no JSON at all.
    """
    depth, name, last, found = 0, "", "", None
    for token in islice(_TOKEN.finditer(text), _TOKENS_MAX):
        word = token[0]
        match word[0]:
            case "[" | "{":
                depth += len(word)
            case "]" | "}":
                depth -= len(word)
            case ":" if depth == 1:
                name = last
            case "," if depth == 1:
                name = ""
            case _ if depth == 1:
                last = word
                if name == '"ack"':
                    found = word
    if found is None:
        return None
    try:
        value = orjson.loads(found)
    except ValueError:
        return None
    return value if isinstance(value, int | str) and len(str(value)) <= TEXT_MAX else None
