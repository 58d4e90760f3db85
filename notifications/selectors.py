"""Every query for push subscriptions, for keywords, and for who is told of a message."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Q

from accounts.models import Device, User
from chatproject.core.times import now
from groups import selectors as rooms
from groups.models import Membership, MembershipQuerySet
from notifications.models import Keywords, PushSubscription


def of_device(device: Device) -> PushSubscription | None:
    return PushSubscription.objects.select_related("user").filter(device=device).first()


def count_others(device: Device) -> int:
    """The number of subscriptions on other devices of the same user."""
    return PushSubscription.objects.filter(user_id=device.user_id).exclude(device=device).count()


def listeners(room_ids: Collection[UUID]) -> list[Membership]:
    """Memberships in some rooms of those who may be pushed something: unread messages, a subscription, not away.
    Each with its room and its user.
    """
    memberships = _present(room_ids).with_recalled().filter(user__in=PushSubscription.objects.values("user"))
    return [membership for membership in memberships if membership.unread]


def deciders(room_ids: Collection[UUID]) -> list[Membership]:
    """Memberships of those who may be pushed that somebody asks to join a group, and who decide it. Each with its room
    and its user.
    """
    admins = _present(room_ids).filter(role__in=[Membership.Role.OWNER, Membership.Role.ADMIN])
    return list(admins.filter(room__join_requests__gt=0, user__in=PushSubscription.objects.values("user")))


def called_by_words(room_ids: Collection[UUID]) -> list[tuple[Membership, tuple[str, ...]]]:
    """Those who are in some rooms and not away, and have keywords, with these. One query where nobody has any."""
    memberships = list(_present(room_ids).filter(user__in=Keywords.objects.values("user")))
    words = {one.user_id: one.words for one in _keywords({membership.user_id for membership in memberships})}
    return [(one, words[one.user_id]) for one in memberships if one.user_id in words]


def _present(room_ids: Collection[UUID]) -> MembershipQuerySet:
    memberships = Membership.objects.filter(room_id__in=room_ids, away=False, user__is_active=True)
    return memberships.select_related("room", "user")


def _keywords(user_ids: Collection[UUID]) -> list[Keywords]:
    return list(Keywords.objects.filter(user_id__in=user_ids)) if user_ids else []


def keywords(user: User) -> tuple[str, ...]:
    found = Keywords.objects.filter(user=user).first()
    return found.words if found else ()


def subscriptions(user_ids: Collection[UUID]) -> list[PushSubscription]:
    """The subscriptions of users that are not paused."""
    ready = Q(paused_until=None) | Q(paused_until__lte=now())
    return list(PushSubscription.objects.select_related("user").filter(ready, user_id__in=user_ids))


def unread_totals(user_ids: Collection[UUID]) -> dict[UUID, int]:
    """The unread messages of each user in all chats that are not muted."""
    audible = Q(muted_until=None) | Q(muted_until__lte=now())
    return rooms.unread_totals(user_ids, audible)
