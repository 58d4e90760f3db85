"""The chat page, for the list and for every chat's own address."""

from base64 import b64encode
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.template.loader import get_template
from django.templatetags.static import static
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from accounts import rules as accounts
from accounts.models import User
from accounts.serializers import user_output
from chatproject.core import costs
from chatproject.core.errors import NotFound, RateLimited
from chatproject.core.files import avatars, storage
from chatproject.core.http.api import PAGE
from chatproject.core.http.error_views import as_response
from chatproject.core.redis import budget
from chatproject.core.templatetags import assets
from chatproject.core.text import initial
from groups import selectors as rooms
from messaging import selectors, services
from messaging.media.kinds import KINDS
from messaging.serializers.output import chat_output, page_output
from notifications.serializers import notifying_output
from presence.selectors import online_among

#: Chats included in the page, more than a window shows; the scripts fetch the others.
FIRST_CHATS = 40


@require_safe
@never_cache
def chat(request: HttpRequest, chat_id: UUID | None = None, is_group: bool = False) -> HttpResponse:
    """The page of the chat; at a group's address with an invitation code, what the invitation is for.

    `in`: the invitation was read and accepted; the scripts join the group.
    """
    code = request.GET.get("invite", "")
    if chat_id and is_group and code and "in" not in request.GET:
        user = request.user
        if not (user.is_authenticated and rooms.is_member(user, chat_id)):
            return _invitation(request, chat_id, code)
    return _chat(request, chat_id, is_group=is_group)


@require_safe
@never_cache
@login_required
def message(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """An address of a message for all who may see it: to its chat, which each of two people knows by the other's id."""
    assert request.user.is_authenticated
    try:
        budget.spend(request.user.pk, costs.READ)
        found, membership = selectors.message_for(request.user, message_id)
    except RateLimited as refused:
        return as_response(refused)
    except NotFound:
        raise Http404 from None
    kind, chat_id = ("private", membership.peer_id) if membership.peer_id else ("group", found.room_id)
    return redirect(f"/chat/{kind}/{chat_id}/#{found.seq}")


def _invitation(request: HttpRequest, group_id: UUID, code: str) -> HttpResponse:
    try:
        by = UUID(request.GET.get("by", ""))
    except ValueError:
        by = None
    found = rooms.invitation(group_id, code, by=by)
    next_page = f"{request.path}?{urlencode({'invite': code, 'in': 1})}"
    context = {
        "invitation": found,
        "initial": initial(found.room.name) if found else "",
        "picture": _picture(found.room.avatar) if found else "",
        "registration_open": accounts.registration_is_open(),
        "next": next_page,
        "key": f"group:{group_id} {code}",
    }
    return render(request, "messaging/invitation.html", context, status=200 if found else 404)


def _picture(address: str) -> str:
    """A group's picture within the page: who is not signed in may not load it from its address."""
    if not avatars.is_ours(address):
        return ""
    try:
        with storage.open_file(address.removeprefix(storage.ADDRESS)) as picture:
            return f"data:{avatars.TYPE};base64,{b64encode(picture.read()).decode()}"
    except (FileNotFoundError, storage.DamagedFile):
        return ""


@login_required
@ensure_csrf_cookie  # the scripts send the token back with every request
def _chat(request: HttpRequest, chat_id: UUID | None = None, is_group: bool = False) -> HttpResponse:
    """The page with the user, the settings for the scripts, and the data of the first view."""
    assert request.user.is_authenticated
    try:
        budget.spend(request.user.pk, costs.HEAVY)
    except RateLimited as refused:
        return as_response(refused)
    boot = {
        "me": user_output(request.user, online=True),
        "signUp": resolve_url("sign-up") if accounts.registration_is_open() else "",  # the address for invitations
        "admin": resolve_url("admin:index") if request.user.is_staff else "",
        "notifying": notifying_output(request.user),
        **first_look(request.user, chat_id, is_group=is_group),
        "epoch": services.current_epoch(),
        "recallWindow": settings.RECALL_WINDOW,
        "editWindow": settings.EDIT_WINDOW,
        "maxUpload": {one.folder: one.bytes_max for one in KINDS.values()},
        "map": {
            "style": static("js_lib_leaflet/leaflet.css"),
            "tiles": settings.TILE_URL,
            "attribution": settings.TILE_ATTRIBUTION,
            "datum": settings.TILE_DATUM,
            "findsPlaces": bool(settings.GEOCODER_SEARCH_URL),
            "knowsAddresses": bool(settings.GEOCODER_URL),
        },
    }
    return render(request, "messaging/chat.html", {"boot": boot, "pane": "chat" if chat_id else "list"})


def warm_up() -> None:
    """Read and make what all people's pages have in common, which the first of them would wait for."""
    for name in ("messaging/chat.html", "accounts/credentials.html"):
        get_template(name)
    assets.warm_up("main.js", "messaging/icons.html")


def first_look(user: User, chat_id: UUID | None, *, is_group: bool) -> dict[str, Any]:
    """The first chats of the list, and the first messages of the chat at this address.

    In the shapes of the API, so that the scripts treat them like fetched data. `open` is None when
    the user has no such chat.
    """
    page = _opening(user, chat_id, is_group=is_group) if chat_id else None
    opened = page.membership.room_id if page else None
    chats, is_whole = services.first_chats(user, FIRST_CHATS, also=opened)
    here = online_among(chat.id for chat in chats if chat.other)
    return {
        "chats": [chat_output(chat, online=chat.id in here) for chat in chats],
        "hasAllChats": is_whole,
        "open": page and {"id": str(chat_id), "messages": page_output(page)},
    }


def _opening(user: User, chat_id: UUID, *, is_group: bool) -> selectors.Page | None:
    try:
        return selectors.opening(user, chat_id, is_group=is_group, limit=PAGE)
    except NotFound:
        return None
