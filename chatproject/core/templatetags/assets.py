"""Template tags for script modules without a build: bare names in the source, hashed addresses in
the page.
"""

import json
import re
from functools import lru_cache
from pathlib import Path

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

PREFIX = "chat/"
#: Modules of installed packages, by the names that ours import.
PACKAGED = {"leaflet": "js_lib_leaflet/leaflet-src.esm.js"}
IMPORT = re.compile(rf'^(?:import|}}) .*?from "({PREFIX}[^"]+)";$', re.MULTILINE)
# Only these characters could end a script element or begin a comment in it.
ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


@register.simple_tag(takes_context=True)
def importmap(context: template.Context) -> SafeString:
    """The import map: `chat/main.js` to the address of `static/js/main.js`, and so on.

    It precedes all modules.
    """
    modules = _modules() if settings.DEBUG else _modules_once()
    # Reading the nonce adds it to the policy's header.
    nonce = str(getattr(context.get("request"), "csp_nonce", ""))
    imports = json.dumps({"imports": modules}).translate(ESCAPES)
    return format_html('<script type="importmap" nonce="{}">{}</script>', nonce, mark_safe(imports))  # noqa: S308


@register.simple_tag
def modulepreload(entry: str) -> SafeString:
    """Links for every module that `entry` needs, so that the browser fetches all at once, not
    import by import.
    """
    modules = _modules() if settings.DEBUG else _modules_once()
    needed = _needed(entry) if settings.DEBUG else _needed_once(entry)
    return format_html_join("\n", '<link rel="modulepreload" href="{}">', ((modules[name],) for name in needed))


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


_modules_once = lru_cache(maxsize=1)(_modules)
_needed_once = lru_cache(maxsize=8)(_needed)
