"""The installable app: web manifest, service worker, and the offline page.

The worker caches the offline page and every file that it names, so that the chat opens without the
server. The offline page contains no user data: the scripts take it from their own copy.
"""

import hashlib
import json
import re
from contextlib import nullcontext
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils import translation
from django.utils.translation import get_language, gettext
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_safe

from accounts.selectors import installation_name

PAGE = "messaging/chat.html"
#: The colours of base.html and tokens.css: the light theme's canvas, and the logo's green.
GROUND, GREEN = "#ffffff", "#0a7367"


@require_safe
@cache_control(max_age=3600, private=True)  # in the reader's language
def manifest(request: HttpRequest) -> JsonResponse:
    """The web app manifest."""
    described = {
        "id": "/",
        "name": installation_name(),
        "short_name": installation_name(),
        "description": gettext("Private and group conversations"),
        "lang": get_language(),
        "dir": "auto",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": GROUND,
        "theme_color": GREEN,
        "categories": ["social", "communication"],
        "icons": [
            {"src": static("img/logo.svg"), "sizes": "any", "type": "image/svg+xml", "purpose": "any"},
            *(_icon(purpose, name, size) for purpose, name in _PURPOSES for size in (192, 512)),
        ],
    }
    return JsonResponse(described, content_type="application/manifest+json")


_PURPOSES = [("any", "icon"), ("maskable", "maskable")]


def _icon(purpose: str, name: str, size: int) -> dict[str, str]:
    address = static(f"img/icons/{name}-{size}.png")
    return {"src": address, "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}


@require_safe
@never_cache  # browsers check for a new one whenever a page is opened
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker: the list of this version's files, and the script that caches them.

    Its address may name the language, because browsers ask for it without the page's headers.
    """
    language = request.GET.get("l", "")
    with translation.override(language) if language in dict(settings.LANGUAGES) else nullcontext():
        build = _build()
    own = urlsplit(static("worker/worker.js")).path  # not from a CDN: it may answer for the whole site
    script = f"self.BUILD = {json.dumps(build, indent=1)};\nimportScripts({json.dumps(own)});\n"
    return HttpResponse(script, content_type="text/javascript; charset=utf-8")


@require_safe
@never_cache
def shell(request: HttpRequest) -> HttpResponse:
    """The offline page, for the worker to cache; 404 for another version than this one.

    Its address names the language: a worker may be installed while the user changes theirs, and some
    browsers' workers do not send the languages that their pages send.
    """
    language = request.GET.get("l", "")
    if language not in dict(settings.LANGUAGES):
        raise Http404
    with translation.override(language):
        if request.GET.get("v") != _build()["version"]:
            raise Http404
        return render(request, PAGE, {"boot": None, "pane": "list"})


def _build() -> dict[str, Any]:
    language = get_language() or settings.LANGUAGE_CODE
    return (_made if settings.DEBUG else _made_once)(language, installation_name())


def _made(language: str, name: str) -> dict[str, Any]:
    page = render_to_string(PAGE, {"boot": None, "pane": "list", "chat_name": name})
    named = set(re.findall(rf'"({re.escape(settings.STATIC_URL)}[^"]+)"', page))
    files = sorted(named | {static("js_lib_leaflet/leaflet.css")})
    version = hashlib.sha256(f"{language} {page} {static('worker/worker.js')}".encode()).hexdigest()[:16]
    return {
        "version": version,
        "shell": f"{reverse('shell')}?v={version}&l={language}",
        "files": [*files, f"{reverse('jsi18n')}?{language}"],
        "icon": static("img/icons/icon-192.png"),
        "badge": static("img/icons/badge-96.png"),
        "title": name,
        "body": gettext("New message"),
        "language": language,
    }


_made_once = lru_cache(maxsize=8)(_made)
