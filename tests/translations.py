"""What the code says to people, and what the catalogues of translations make of it."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import polib
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(settings.BASE_DIR)
#: The catalogues of a language: for the server and for the browser's scripts.
DOMAINS = ("django", "djangojs")
#: By the name that `locale` has for them.
LOCALES = sorted(one.parent.name for one in (ROOT / "locale").glob("*/LC_MESSAGES"))
#: Where the pages are written, which none of the apps' folders has.
_TEMPLATES, _SCRIPTS = ROOT / "templates", (ROOT / "static" / "js", ROOT / "static" / "worker")
_NOT_SHOWN = {"tests", "bench", "scripts", "static", "node_modules", "var", "media"}

#: Context, text and its plural.
Message = tuple[str, str, str]
#: The arguments of each function that are texts: of `npgettext` context, singular and plural.
_ROLES = {"gettext": "s", "gettext_noop": "s", "ngettext": "sp", "pgettext": "cs", "npgettext": "csp"}
_STRING = r"""(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
_CALL = re.compile(rf"(?<![\w.])(n?p?gettext|gettext_noop|_)\(\s*(u?{_STRING}(?:\s*,\s*u?{_STRING})*)")


@cache
def catalogue(locale: str, domain: str) -> polib.POFile:
    return polib.pofile(str(ROOT / "locale" / locale / "LC_MESSAGES" / f"{domain}.po"))


def messages(locale: str, domain: str) -> set[Message]:
    """What a catalogue translates."""
    return {(one.msgctxt or "", one.msgid, one.msgid_plural) for one in catalogue(locale, domain)}


@cache
def said(domain: str) -> set[Message]:
    """Every text of the code that is marked as translatable."""
    if domain == "djangojs":
        return {one for folder in _SCRIPTS for path in folder.rglob("*.js") for one in _in_text(path.read_text())}
    pages = (_in_text(templatize(path.read_text())) for path in _TEMPLATES.rglob("*.*"))
    return {one for found in (*pages, *(_in_module(path) for path in _modules())) for one in found}


def _modules() -> Iterator[Path]:
    for folder in ROOT.iterdir():
        if folder.is_dir() and folder.name not in _NOT_SHOWN and not folder.name.startswith("."):
            yield from folder.rglob("*.py")


def _in_text(text: str) -> Iterator[Message]:
    for name, words in _CALL.findall(text):
        yield _message(name, list(ast.literal_eval(f"[{words}]")))


def _in_module(path: Path) -> Iterator[Message]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            words = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            name = node.func.id.removesuffix("_lazy")
            if words and (name in _ROLES or name == "_"):
                yield _message(name, words)


def _message(name: str, words: list[str]) -> Message:
    given = dict(zip(_ROLES.get(name, "s"), words, strict=False))
    return given.get("c", ""), given["s"], given.get("p", "")
