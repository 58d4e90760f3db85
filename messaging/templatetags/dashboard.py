"""What the administration's first page counts. Nothing here reads the messages: rooms know how many they have."""

from typing import Any

from django import template
from django.db.models import F, Sum
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from chatproject.core import redis
from groups.models import Room
from presence import selectors as presence

register = template.Library()


@register.simple_tag
def dashboard_counts() -> list[tuple[str, Any, str]]:
    """(what, how many, where they are listed)."""
    people, rooms = reverse("admin:accounts_user_changelist"), reverse("admin:groups_room_changelist")
    groups = Room.objects.filter(kind=Room.Kind.GROUP, dissolved_at=None)
    said = Room.objects.aggregate(said=Sum(F("last_seq") - F("system_lines")))["said"] or 0
    return [
        (_("People"), User.objects.filter(is_active=True, is_guest=False).count(), f"{people}?is_guest__exact=0"),
        (_("Guests"), User.objects.filter(is_active=True, is_guest=True).count(), f"{people}?is_guest__exact=1"),
        (_("Online now"), _online(), people),
        (_("Shut out"), User.objects.filter(is_active=False).count(), f"{people}?is_active__exact=0"),
        (_("Chat groups"), groups.count(), f"{rooms}?kind__exact=group"),
        (_("Private chats"), Room.objects.filter(kind=Room.Kind.DIRECT).count(), f"{rooms}?kind__exact=direct"),
        (_("Messages"), said, reverse("admin:messaging_message_changelist")),
    ]


def _online() -> Any:
    try:
        return presence.count()
    except redis.Unavailable:
        return "–"
