"""Script modules without a build: bare names in the source, hashed addresses in the page."""

import json
from functools import lru_cache
from pathlib import Path

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

PREFIX = "chat/"
# Inside a script element only these could end it or begin a comment.
ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


@register.simple_tag(takes_context=True)
def importmap(context: template.Context) -> SafeString:
    """The import map that turns `chat/store.js` into the address of `static/js/store.js`; before the first module."""
    modules = _modules() if settings.DEBUG else _modules_once()
    # Reading the nonce is what puts it into the policy's header.
    nonce = str(getattr(context.get("request"), "csp_nonce", ""))
    imports = json.dumps({"imports": modules}).translate(ESCAPES)
    return format_html('<script type="importmap" nonce="{}">{}</script>', nonce, mark_safe(imports))  # noqa: S308


def _modules() -> dict[str, str]:
    folders = [Path(folder) / "js" for folder in settings.STATICFILES_DIRS]
    return {
        PREFIX + (name := path.relative_to(folder).as_posix()): static(f"js/{name}")
        for folder in folders
        for path in sorted(folder.rglob("*.js"))
    }


_modules_once = lru_cache(maxsize=1)(_modules)
