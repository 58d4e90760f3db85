"""Rooms and who belongs to them.

A private chat is a room of two, so that permission, cursors, unread and fan-out exist once.
"""

import uuid
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from chatproject.core.models import Model
from chatproject.core.times import now

#: Far enough away to mean "until I say otherwise", and a date that every database can hold.
FOREVER = timedelta(days=100 * 365)

#: Where the ids of private chats come from.
_DIRECT = UUID("6f1c0a52-0c5e-5b5a-9d38-3f0f6d2f9f11")


@lru_cache(10_000)
def direct_room_id(one: UUID, other: UUID) -> UUID:
    """The id of the private chat of two people: the same from both sides, so the pair is unique without a lookup."""
    return uuid.uuid5(_DIRECT, "|".join(sorted((str(one), str(other)))))


class Room(Model):
    """A conversation: who may post, where its numbers stand, and when it last moved."""

    class Kind(models.TextChoices):
        DIRECT = "direct", _("private")
        GROUP = "group", _("group")

    class JoinPolicy(models.TextChoices):
        OPEN = "open", _("open to everyone")
        CLOSED = "closed", _("by invitation")

    kind = models.CharField(_("kind"), max_length=8, choices=Kind, editable=False)
    name = models.CharField(_("name"), max_length=80, blank=True)
    avatar = models.CharField(_("picture"), max_length=500, blank=True)
    creator = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("created by"),
        editable=False,
    )
    join_policy = models.CharField(_("who may join"), max_length=8, choices=JoinPolicy, default=JoinPolicy.OPEN)
    invite_code = models.CharField(max_length=32, blank=True, editable=False)
    member_count = models.PositiveIntegerField(_("members"), default=0, editable=False)
    #: The last message's number: 1, 2, 3 … without gaps.
    last_seq = models.PositiveBigIntegerField(_("messages"), default=0, editable=False)
    #: Counts every change: messages, edits, recalls, membership.
    last_version = models.PositiveBigIntegerField(default=0, editable=False)
    #: An id, not a foreign key: messages stand above rooms.
    last_message_id = models.UUIDField(null=True, editable=False)
    last_at = models.DateTimeField(_("last message"), default=now, editable=False)
    created_at = models.DateTimeField(_("created"), default=now, editable=False)
    #: A dissolved group is gone for everyone but the operators.
    dissolved_at = models.DateTimeField(_("dissolved"), null=True, editable=False)

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        indexes = [models.Index(fields=["kind", "join_policy", "name"], name="room_listed")]

    def __str__(self) -> str:
        return self.name or f"{self.get_kind_display()} {str(self.pk)[:8]}"

    @property
    def is_direct(self) -> bool:
        return self.kind == self.Kind.DIRECT

    def take_version(self) -> int:
        """The next version; the caller holds the room's lock and saves it."""
        self.last_version += 1
        return self.last_version


class Membership(Model):
    """One person's membership in a room: his role and his cursor.

    unread = room.last_seq - read_seq - own_since_read: exact, without a row per reader and message.
    """

    class Role(models.TextChoices):
        OWNER = "owner", _("owner")
        ADMIN = "admin", _("administrator")
        MEMBER = "member", _("member")

    room = models.ForeignKey(
        Room, models.CASCADE, related_name="memberships", verbose_name=_("conversation"), db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships", verbose_name=_("person")
    )
    #: In a private chat, the other one: both memberships of all my private chats are found by (user = me or peer = me).
    peer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+", editable=False)
    role = models.CharField(_("role"), max_length=8, choices=Role, default=Role.MEMBER)
    read_seq = models.PositiveBigIntegerField(_("read up to"), default=0, editable=False)
    #: How many of his own messages stand after `read_seq`.
    own_since_read = models.PositiveBigIntegerField(default=0, editable=False)
    away = models.BooleanField(_("away"), default=False)
    muted_until = models.DateTimeField(_("muted until"), null=True, blank=True)
    pinned_at = models.DateTimeField(_("pinned"), null=True, editable=False)
    joined_at = models.DateTimeField(_("joined"), default=now, editable=False)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [models.UniqueConstraint(fields=["room", "user"], name="one_seat_each")]
        indexes = [models.Index(fields=["room", "read_seq"], name="seat_read")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.room_id}"

    @property
    def base(self) -> int:
        """As many messages as have been said when he has nothing to read: what he read, and his own after that."""
        return self.read_seq + self.own_since_read

    @property
    def unread(self) -> int:
        return max(0, self.room.last_seq - self.base)

    @property
    def is_muted(self) -> bool:
        return self.muted_until is not None and self.muted_until > now()

    @property
    def muted_end(self) -> datetime | None:
        """When the mute ends by itself. None where it does not, and where there is none."""
        if self.muted_until is None or not now() < self.muted_until < now() + FOREVER / 2:
            return None
        return self.muted_until

    @property
    def is_pinned(self) -> bool:
        return self.pinned_at is not None

    @property
    def is_owner(self) -> bool:
        return self.role == self.Role.OWNER

    @property
    def is_admin(self) -> bool:
        """Owners are admins, too."""
        return self.role in (self.Role.OWNER, self.Role.ADMIN)


class Removal(Model):
    """Somebody who was removed from an open group: he comes back only by invitation."""

    room = models.ForeignKey(Room, models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["room", "user"], name="one_removal_each")]
