"""Template tags for script modules without a build: bare names in the source, hashed addresses in
the page.
"""

import re
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import orjson
from django import template
from django.conf import settings
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

PREFIX = "chat/"
#: Modules of installed packages, by the names that ours import.
PACKAGED = {"leaflet": "js_lib_leaflet/leaflet-src.esm.js"}
IMPORT = re.compile(rf'^(?:import|}}) .*?from "({PREFIX}[^"]+)";$', re.MULTILINE)
# Only these characters could end a script element or begin a comment in it.
ESCAPES = {b"<": rb"\u003c", b">": rb"\u003e", b"&": rb"\u0026"}


@register.simple_tag(takes_context=True)
def importmap(context: template.Context) -> SafeString:
    """The import map: `chat/main.js` to the address of `static/js/main.js`, and so on.

    It precedes all modules.
    """
    imports = _imports() if settings.DEBUG else _imports_once()
    # Reading the nonce adds it to the policy's header.
    nonce = str(getattr(context.get("request"), "csp_nonce", ""))
    return format_html('<script type="importmap" nonce="{}">{}</script>', nonce, imports)


@register.simple_tag
def modulepreload(entry: str) -> SafeString:
    """Links for every module that `entry` needs, so that the browser fetches all at once, not
    import by import.
    """
    return _preloads(entry) if settings.DEBUG else _preloads_once(entry)


@register.simple_tag
def icon(name: str) -> SafeString:
    """One of Lucide's icons, inline. The package's own tag opens the archive of all 1,700 anew for each: half a second
    of the first page of a process.
    """
    picture = " ".join(_archive().read(f"{name}.svg").decode().split())
    return mark_safe(picture.replace(' xmlns="http://www.w3.org/2000/svg"', ""))  # noqa: S308 -- the package's


@lru_cache(maxsize=1)
def _archive() -> ZipFile:
    return ZipFile(str(files("lucide") / "lucide.zip"))


@register.simple_tag
def same_for_all(name: str) -> SafeString:
    """A template that says the same on every page and in every language, made once: a hundred icons take longer than
    the rest of a page.
    """
    return render_to_string(name) if settings.DEBUG else _rendered_once(name)


@register.simple_tag
def json(value: Any, element_id: str) -> SafeString:
    """Data for the scripts, like Django's `json_script`; also what is JSON already: `orjson.Fragment`."""
    return format_html('<script id="{}" type="application/json">{}</script>', element_id, _in_script(value))


def _in_script(value: Any) -> SafeString:
    """JSON that may stand in a script element."""
    data = orjson.dumps(value, default=str)
    for one, escaped in ESCAPES.items():
        data = data.replace(one, escaped)
    return mark_safe(data.decode())  # noqa: S308 -- nothing in it ends the element


def _imports() -> SafeString:
    return _in_script({"imports": _modules()})


def _preloads(entry: str) -> SafeString:
    modules = _modules()
    links = ((modules[name],) for name in _needed(entry))
    return format_html_join("\n", '<link rel="modulepreload" href="{}">', links)


def _folders() -> list[Path]:
    return [Path(folder) / "js" for folder in settings.STATICFILES_DIRS]


def _modules() -> dict[str, str]:
    return {name: static(path) for name, path in PACKAGED.items()} | {
        PREFIX + (name := path.relative_to(folder).as_posix()): static(f"js/{name}")
        for folder in _folders()
        for path in sorted(folder.rglob("*.js"))
    }


def _needed(entry: str) -> list[str]:
    sources = {
        PREFIX + path.relative_to(folder).as_posix(): path for folder in _folders() for path in folder.rglob("*.js")
    }
    found, waiting = set(), [PREFIX + entry]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += IMPORT.findall(sources[name].read_text(encoding="utf-8"))
    return sorted(found)


_imports_once = lru_cache(maxsize=1)(_imports)
_preloads_once = lru_cache(maxsize=8)(_preloads)
_rendered_once = lru_cache(maxsize=8)(render_to_string)


def warm_up(entry: str, *names: str) -> None:
    """Make what the pages with these scripts and these templates, the same for all, have in common."""
    if not settings.DEBUG:
        _imports_once()
        _preloads_once(SafeString(entry))  # as a template gives its words
        for name in names:
            _rendered_once(SafeString(name))
