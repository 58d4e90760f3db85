"""The page itself: one shell for the list and for every chat's own address."""

from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.templatetags.static import static
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from accounts import rules as accounts
from accounts.serializers import user_output


@require_safe
@login_required
@ensure_csrf_cookie  # the page's scripts send it back with what they post
@never_cache
def chat(request: HttpRequest, chat_id: UUID | None = None) -> HttpResponse:
    """Who I am and what the scripts must know; the conversations themselves they fetch."""
    assert request.user.is_authenticated
    boot = {
        "me": user_output(request.user, online=True),
        "signUp": resolve_url("sign-up") if accounts.registration_is_open() else "",  # for whom one invites
        "admin": resolve_url("admin:index") if request.user.is_staff else "",
        "recallWindow": settings.RECALL_WINDOW,
        "maxUpload": settings.MAX_UPLOAD_BYTES,
        "map": {
            "style": static("js_lib_leaflet/leaflet.css"),
            "tiles": settings.TILE_URL,
            "attribution": settings.TILE_ATTRIBUTION,
            "datum": settings.TILE_DATUM,
        },
    }
    return render(request, "messaging/chat.html", {"boot": boot, "pane": "chat" if chat_id else "list"})
