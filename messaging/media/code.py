"""Which parts of a code block are keywords, texts, comments. Runs only in the sandbox: the lexers' regular expressions
may take any time on a text that is made for it.

All lexers are made when the module is imported: in the sandbox nothing more can be loaded.
"""

from collections import deque
from functools import cache
from itertools import accumulate
from typing import Any, BinaryIO

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Generic, Keyword, Literal, Name, Operator, _TokenType

__all__ = ["highlight"]

LANGUAGES = """
    bash c console cpp csharp css dart diff docker go groovy html http ini java javascript json kotlin lua make markdown
    nginx objective-c perl php powershell python r ruby rust scala sql swift toml tsx typescript vue xml yaml
"""
#: The letter for each kind of token, for those below it too unless they have their own; others have none.
KINDS = {
    Comment: "c",
    Comment.Preproc: "a",
    Keyword: "k",
    Keyword.Constant: "n",
    Keyword.Type: "t",
    Literal.Number: "n",
    Literal.String: "s",
    Name.Attribute: "a",
    Name.Builtin: "t",
    Name.Class: "f",
    Name.Decorator: "a",
    Name.Function: "f",
    Name.Tag: "k",
    Operator.Word: "k",
    Generic.Deleted: "d",
    Generic.Heading: "k",
    Generic.Inserted: "i",
    Generic.Subheading: "k",
}
PLAIN = " "


def _lexers() -> dict[str, Lexer]:
    # Blocks of other languages in Markdown would need lexers that are not here.
    lexers = [get_lexer_by_name(language, handlecodeblocks=False) for language in LANGUAGES.split()]
    for lexer in lexers:
        # Some import what they know when they begin to read.
        deque(lexer.get_tokens_unprocessed("a"), maxlen=0)
    return {alias: lexer for lexer in lexers for alias in lexer.aliases}


_LEXERS = _lexers()


def highlight(_nothing: BinaryIO, *, code: str, language: str) -> dict[str, Any]:
    """A letter of `KINDS` or `PLAIN` for each UTF-16 code unit; none if the language is not known."""
    lexer = _LEXERS.get(language.lower())
    if lexer is None:
        return {"kinds": ""}
    widths = [2 if character > "\uffff" else 1 for character in code]
    begins = list(accumulate(widths, initial=0))
    kinds = [PLAIN] * begins[-1]
    for index, token, value in lexer.get_tokens_unprocessed(code):
        begin, end = begins[index], begins[min(index + len(value), len(code))]
        kinds[begin:end] = _kind_of(token) * (end - begin)
    return {"kinds": "".join(kinds)}


@cache
def _kind_of(token: _TokenType) -> str:
    while token.parent is not None:
        if token in KINDS:
            return KINDS[token]
        token = token.parent
    return PLAIN
