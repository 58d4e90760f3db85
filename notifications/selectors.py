"""Every query for push subscriptions and for who gets a push."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Q

from accounts.models import Device
from chatproject.core.times import now
from groups import selectors as rooms
from groups.models import Membership
from notifications.models import PushSubscription


def of_device(device: Device) -> PushSubscription | None:
    return PushSubscription.objects.select_related("user").filter(device=device).first()


def count_others(device: Device) -> int:
    """The number of subscriptions on other devices of the same user."""
    return PushSubscription.objects.filter(user_id=device.user_id).exclude(device=device).count()


def listeners(room_ids: Collection[UUID], *, even_muted: Collection[UUID] = ()) -> list[Membership]:
    """Memberships to notify in some rooms: unread messages, a subscription, neither muted
    nor away. Of the rooms `even_muted` also those who have muted them.
    """
    wants = Q(muted_until=None) | Q(muted_until__lte=now()) | Q(room_id__in=even_muted)
    memberships = (
        Membership.objects.with_recalled()
        .select_related("room")
        .filter(wants, room_id__in=room_ids, away=False, user__in=PushSubscription.objects.values("user"))
    )
    return [membership for membership in memberships if membership.unread]


def subscriptions(user_ids: Collection[UUID]) -> list[PushSubscription]:
    """The subscriptions of users that are not paused."""
    ready = Q(paused_until=None) | Q(paused_until__lte=now())
    return list(PushSubscription.objects.select_related("user").filter(ready, user_id__in=user_ids))


def unread_totals(user_ids: Collection[UUID]) -> dict[UUID, int]:
    """The unread messages of each user in all chats that are not muted."""
    audible = Q(muted_until=None) | Q(muted_until__lte=now())
    return rooms.unread_totals(user_ids, audible)
