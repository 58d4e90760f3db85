"""Rooms and their members.

A private chat is a room with two members, so that permissions, cursors, unread counts and fan-out
exist once.
"""

import json
import uuid
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from hmac import compare_digest
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts.names import skeletons
from chatproject.core.models import Model
from chatproject.core.sealing.fields import SealedText
from chatproject.core.times import now

#: Means "until further notice", and ends at a date that every database can store.
FOREVER = timedelta(days=100 * 365)

#: The UUIDv5 namespace of private chats' ids.
_DIRECT = UUID("6f1c0a52-0c5e-5b5a-9d38-3f0f6d2f9f11")


@lru_cache(10_000)
def direct_room_id(one: UUID, other: UUID) -> UUID:
    """The id of two users' private chat, in either order: the pair is unique without a lookup."""
    return uuid.uuid5(_DIRECT, "|".join(sorted((str(one), str(other)))))


def name_skeletons(name: str) -> dict[str, str]:
    """The keys that a group's name shares with those that look like it, by their fields."""
    shown, folded = skeletons(name)
    return {"shown_skeleton": shown, "folded_skeleton": folded}


class Room(Model):
    """A conversation with its counters and the time of its last message."""

    class Kind(models.TextChoices):
        DIRECT = "direct", _("private")
        GROUP = "group", _("group")

    class JoinPolicy(models.TextChoices):
        OPEN = "open", _("open to everyone")
        APPROVAL = "approval", _("by approval")
        CLOSED = "closed", _("by invitation")

    class PostPolicy(models.TextChoices):
        EVERYONE = "everyone", _("everybody in it")
        ADMINS = "admins", _("owner and administrators")

    class HistoryPolicy(models.TextChoices):
        WHOLE = "whole", _("all messages")
        JOINED = "joined", _("messages since they joined")

    kind = models.CharField(_("kind"), max_length=8, choices=Kind, editable=False)
    name = models.CharField(_("name"), max_length=80, blank=True)
    #: What the name looks like, as it is written and in small letters: `accounts.names.skeletons`.
    shown_skeleton = models.CharField(max_length=64, blank=True, default="", db_index=True, editable=False)
    folded_skeleton = models.CharField(max_length=64, blank=True, default="", db_index=True, editable=False)
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
    invite_code = SealedText(blank=True, editable=False)
    #: Without them the code lasts, and lets in any number of people.
    invite_expires_at = models.DateTimeField(null=True, editable=False)
    invite_uses_left = models.PositiveIntegerField(null=True, editable=False)
    member_count = models.PositiveIntegerField(_("members"), default=0, editable=False)
    #: The number of the last message: 1, 2, 3 … without gaps.
    last_seq = models.PositiveBigIntegerField(_("messages"), default=0, editable=False)
    #: The number of system lines among the messages: nobody said them, so they are never unread.
    system_lines = models.PositiveBigIntegerField(default=0, editable=False)
    #: Counts every change: messages, edits, recalls, memberships.
    last_version = models.PositiveBigIntegerField(default=0, editable=False)
    #: An id, not a foreign key: groups may not import messaging.
    last_message_id = models.UUIDField(null=True, editable=False)
    last_at = models.DateTimeField(_("last message"), default=now, editable=False)
    created_at = models.DateTimeField(_("created"), default=now, editable=False)
    #: The member to whom the owner offers the group, until they accept or decline.
    offered_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("ownership offered to"),
        editable=False,
        db_index=False,
    )
    #: The pinned messages as JSON, the last pinned first, as `pins` reads them. With the room, so that chats cost no
    #: query for it; null where there are none.
    pins_json = models.TextField(null=True, editable=False)
    #: How many people ask to join, where the group decides whom it takes.
    join_requests = models.PositiveIntegerField(null=True, editable=False)
    #: What the group is about, and what all of its members are told above its messages until they close it; null where
    #: there is none, as the columns below: they are added without a rewriting of the table.
    description = SealedText(null=True, editable=False)
    announcement = SealedText(null=True, editable=False)
    #: The version that the room had when it was announced: of two announcements the newer one has the greater.
    announcement_version = models.PositiveBigIntegerField(null=True, editable=False)
    #: Null for everybody in it.
    post_policy = models.CharField(_("who may write"), max_length=8, choices=PostPolicy, null=True, editable=False)
    #: Seconds between two messages of one member, without owner and administrators; null for none.
    slow_seconds = models.PositiveIntegerField(_("slow mode"), null=True, editable=False)
    #: What those see who join from now on; null for all of it.
    history_policy = models.CharField(
        _("what new members see"), max_length=8, choices=HistoryPolicy, null=True, editable=False
    )
    #: The greatest `from_seq` that a member was given: a message after it is seen by all members. Null for none.
    floor_seq = models.PositiveBigIntegerField(null=True, editable=False)
    #: Only operators still see a dissolved group.
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

    @property
    def is_findable(self) -> bool:
        """Whether everybody may know that there is this group."""
        return self.join_policy in (self.JoinPolicy.OPEN, self.JoinPolicy.APPROVAL)

    @property
    def is_for_admins_to_write(self) -> bool:
        return self.post_policy == self.PostPolicy.ADMINS

    def accepts_code(self, code: str) -> bool:
        """Whether this is the invitation code, and still lets somebody in."""
        is_over = self.invite_expires_at is not None and self.invite_expires_at <= now()
        is_it = bool(code) and compare_digest(code.encode(), self.invite_code.encode())
        return is_it and not is_over and self.invite_uses_left != 0

    @staticmethod
    def opened_announcement(pk: UUID, stored: str) -> str:
        """The announcement of a row that was read without a model."""
        return _ANNOUNCEMENT.open(stored, pk)

    @property
    def last_said(self) -> int:
        """The number of messages that people said, the recalled ones included."""
        return self.last_seq - self.system_lines

    @property
    def pins(self) -> list[dict[str, Any]]:
        """The pinned messages, the last pinned first: `messageId` and `seq` of each."""
        return json.loads(self.pins_json) if self.pins_json else []

    @pins.setter
    def pins(self, pins: list[dict[str, Any]]) -> None:
        self.pins_json = json.dumps(pins) if pins else None

    def take_version(self) -> int:
        """Increment and return `last_version`; the caller has locked the room and saves it."""
        self.last_version += 1
        return self.last_version


_ANNOUNCEMENT = cast(SealedText, Room._meta.get_field("announcement"))


class MembershipQuerySet(models.QuerySet["Membership"]):
    def with_recalled(self) -> "MembershipQuerySet":
        """With `recalled_since_read` counted in the same query."""
        above = Recall.objects.filter(room=models.OuterRef("room"), seq__gt=_outer_cursor())
        others = above.exclude(sender_id=models.OuterRef("user")).order_by().values("room")
        count = models.Subquery(others.annotate(n=models.Count("pk")).values("n"))
        return self.annotate(recalled_since_read=Coalesce(count, 0))

    def with_mentions(self) -> "MembershipQuerySet":
        """With `mention_seq`, the `seq` of the first unread message that mentions the member, in the same query."""
        me = models.Q(whom=models.OuterRef("user")) | models.Q(whom=models.OuterRef("room"))
        unread = Mention.objects.filter(me, room=models.OuterRef("room"), seq__gt=_outer_cursor())
        others = unread.exclude(sender_id=models.OuterRef("user")).order_by().values("room")
        return self.annotate(mention_seq=models.Subquery(others.annotate(first=models.Min("seq")).values("first")))


def _outer_cursor() -> Coalesce:
    """`Membership.cursor`, in a subquery of memberships."""
    return Coalesce(models.OuterRef("back_seq"), models.OuterRef("read_seq"))


class Membership(Model):
    """A user's role and read cursor in a room.

    unread = room.last_said - read_said - own_since_read + unread_again - recalled_since_read: exact, without a row
    per reader and message. What others see of the cursor, `read_seq`, only grows; a member who marks something unread
    sets back their own, `cursor`.
    A message that the member deleted for themselves is not unread: `own_since_read` counts it after `read_seq`, and
    `unread_again` leaves it out before.
    """

    class Role(models.TextChoices):
        OWNER = "owner", _("owner")
        ADMIN = "admin", _("administrator")
        MEMBER = "member", _("member")

    room = models.ForeignKey(
        Room, models.CASCADE, related_name="memberships", verbose_name=_("conversation"), db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships", verbose_name=_("person"), db_index=False
    )
    #: In a private chat, the other user: (user = me or peer = me) finds both memberships of all my
    #: private chats.
    peer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+", editable=False)
    role = models.CharField(_("role"), max_length=8, choices=Role, default=Role.MEMBER)
    #: Who put the member into the group; null for one who came by themselves, or owns it.
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", editable=False)
    read_seq = models.PositiveBigIntegerField(_("read up to"), default=0, editable=False)
    #: The number of system lines up to `read_seq`.
    system_lines_read = models.PositiveBigIntegerField(default=0, editable=False)
    #: The number of messages after `read_seq` that the member wrote, or deleted for themselves; without system lines,
    #: and without others' recalled messages.
    own_since_read = models.PositiveBigIntegerField(default=0, editable=False)
    #: The cursor that the member has set back, behind `read_seq`: what comes after it is unread again for them, and
    #: stays read for everybody else. Null where nothing is marked unread.
    back_seq = models.PositiveBigIntegerField(null=True, editable=False)
    #: What others said after `back_seq` and up to `read_seq`, recalled messages included, and without what the member
    #: deleted for themselves.
    unread_again = models.PositiveBigIntegerField(default=0, editable=False)
    #: How often the cursor was set back: of two numbers for what is unread, those with more are newer.
    times_back = models.PositiveIntegerField(default=0, editable=False)
    away = models.BooleanField(_("away"), default=False)
    muted_until = models.DateTimeField(_("muted until"), null=True, blank=True)
    #: Which messages notify the member: `accounts.notifying`. Null: as they have said for all such chats.
    level = models.CharField(max_length=8, null=True, editable=False)
    pinned_at = models.DateTimeField(_("pinned"), null=True, editable=False)
    #: The room's `last_said` when the member archived it: the chat comes back by what is said after it.
    archived_said = models.PositiveBigIntegerField(null=True, editable=False)
    joined_at = models.DateTimeField(_("joined"), default=now, editable=False)
    #: How many messages the member has deleted for themselves, and the last of them in the room: what has none needs no
    #: question for `Hidden`. Null where there are none: the columns are added without a rewriting of the table.
    hidden_count = models.PositiveIntegerField(null=True, editable=False)
    hidden_seq = models.PositiveBigIntegerField(null=True, editable=False)
    #: The member sees what was said after this `seq`: it was the room's last one when they joined. Null for all of it.
    from_seq = models.PositiveBigIntegerField(null=True, editable=False)
    #: The greatest `announcement_version` that the member has closed.
    closed_version = models.PositiveBigIntegerField(null=True, editable=False)
    #: When the member last said something here, in milliseconds since 1970: our own SQL counts with it.
    said_ms = models.PositiveBigIntegerField(null=True, editable=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [models.UniqueConstraint(fields=["room", "user"], name="one_seat_each")]
        indexes = [
            models.Index(fields=["room", "read_seq"], name="seat_read"),
            # All that is asked of a user who connects: the rows themselves are spread over the whole table.
            models.Index(fields=["user", "room", "away", "peer"], name="seats_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.room_id}"

    @property
    def read_said(self) -> int:
        """The number of messages up to `read_seq` that people said."""
        return self.read_seq - self.system_lines_read

    @property
    def cursor(self) -> int:
        """The `seq` up to which nothing is unread for the member."""
        return self.read_seq if self.back_seq is None else self.back_seq

    @property
    def is_marked_unread(self) -> bool:
        return self.back_seq is not None

    @property
    def base(self) -> int:
        """The `last_said` at which nothing is unread. It grows with what the member reads and
        says, and with what others recall, until they set their cursor back: `times_back`.
        """
        return self.read_said + self.own_since_read - self.unread_again + self.recalled_since_read

    @cached_property
    def recalled_since_read(self) -> int:
        """The number of others' recalled messages after the cursor; `with_recalled` has counted them."""
        recalls = Recall.objects.filter(room_id=self.room_id, seq__gt=self.cursor)
        return recalls.exclude(sender_id=self.user_id).count()

    #: Of those that `with_mentions` has read.
    mention_seq: int | None

    @property
    def unread(self) -> int:
        said = self.room.last_said - self.read_said - self.own_since_read + self.unread_again
        return max(0, said - self.recalled_since_read) if said > 0 else 0

    def read_up_to(self, seq: int, *, system_lines: int, own: int) -> None:
        """Move the cursor to `seq`, not behind `read_seq`: so many system lines stand before it, and so many messages
        of the member after it.
        """
        self.read_seq, self.system_lines_read, self.own_since_read = seq, system_lines, own
        self.back_seq, self.unread_again = None, 0
        self._save_cursor("read_seq", "system_lines_read", "own_since_read")

    def set_back(self, seq: int, *, again: int) -> None:
        """Set the member's own cursor to `seq`, behind `read_seq`: so much that others said is unread again."""
        self.times_back += seq < self.cursor or self.back_seq is None
        self.back_seq, self.unread_again = seq, again
        self._save_cursor()

    def _save_cursor(self, *fields: str) -> None:
        self.__dict__.pop("recalled_since_read", None)
        self.save(update_fields=[*fields, "back_seq", "unread_again", "times_back"])

    @property
    def hides_last(self) -> bool:
        """Whether the member has deleted the room's last message for themselves."""
        return bool(self.hidden_seq) and self.hidden_seq == self.room.last_seq

    @property
    def is_muted(self) -> bool:
        return self.muted_until is not None and self.muted_until > now()

    @property
    def muted_end(self) -> datetime | None:
        """When the mute ends by itself; None without a mute, and for one until further notice."""
        if self.muted_until is None or not now() < self.muted_until < now() + FOREVER / 2:
            return None
        return self.muted_until

    @property
    def hears(self) -> str:
        """Which messages notify the member while the chat is not muted: its level, or their default."""
        return self.level or self.user.notifying.level(is_group=self.peer_id is None)

    @property
    def is_pinned(self) -> bool:
        return self.pinned_at is not None

    @property
    def is_archived(self) -> bool:
        """Whether the chat is put away: until somebody says something, or for as long as it is muted."""
        return self.archived_said is not None and (self.is_muted or self.room.last_said <= self.archived_said)

    @property
    def floor(self) -> int:
        """The `seq` up to which the member sees nothing."""
        return self.from_seq or 0

    @property
    def pins(self) -> list[dict[str, Any]]:
        """The pinned messages of the room that the member sees."""
        return [one for one in self.room.pins if one["seq"] > self.floor]

    @property
    def said_at(self) -> datetime | None:
        """When the member last said something here."""
        return None if self.said_ms is None else datetime.fromtimestamp(self.said_ms / 1000, UTC)

    @property
    def may_write(self) -> bool:
        return self.is_admin or not self.room.is_for_admins_to_write

    @property
    def slow_seconds(self) -> int:
        """Seconds that the member has to wait between two messages."""
        return 0 if self.is_admin else self.room.slow_seconds or 0

    @property
    def is_owner(self) -> bool:
        return self.role == self.Role.OWNER

    @property
    def asking(self) -> int:
        """How many people ask to join the group, for its owner and administrators; for others none."""
        return (self.room.join_requests or 0) if self.is_admin else 0

    @property
    def is_admin(self) -> bool:
        """Whether the member has an admin's rights: an owner has them, too."""
        return self.role in (self.Role.OWNER, self.Role.ADMIN)


class Removal(Model):
    """A user who was removed from a group: only its admins can bring them back."""

    room = models.ForeignKey(Room, models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["room", "user"], name="one_removal_each")]


class Departure(Model):
    """A user who left a group by themselves: nobody puts them back, and they join again if they like."""

    room = models.ForeignKey(Room, models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["room", "user"], name="one_departure_each")]


class JoinRequest(Model):
    """A user who asks to join a group that decides whom it takes, or was refused a while ago."""

    room = models.ForeignKey(Room, models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    note = SealedText(blank=True, editable=False)
    asked_at = models.DateTimeField(default=now)
    refused_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["room", "user"], name="one_request_each")]

    @property
    def is_waiting(self) -> bool:
        return self.refused_at is None


class StaffAccess(Model):
    """A member of the staff opened a chat that is not theirs, for a while and with a reason.

    A log: rows are neither changed nor deleted, and keep their names when room and people are gone.
    """

    room = models.ForeignKey(Room, models.SET_NULL, null=True, related_name="+", verbose_name=_("conversation"))
    chat = models.CharField(_("conversation"), max_length=200)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("opened by")
    )
    by_name = models.CharField(_("opened by"), max_length=80)
    reason = models.CharField(_("reason"), max_length=500)
    opened_at = models.DateTimeField(_("opened"), default=now)
    until = models.DateTimeField(_("until"))

    class Meta:
        verbose_name = _("opening of a private chat")
        verbose_name_plural = _("openings of private chats")
        default_permissions = ("add", "view")

    def __str__(self) -> str:
        return self.chat

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("the log of openings is only added to")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("the log of openings is only added to")


class Recall(Model):
    """A recalled message, which nobody has unread any more.

    Few rows beside many messages: those after a cursor are counted when the unread ones are asked
    for, so that a recall writes one row, however many members have not read the message.
    """

    room = models.ForeignKey(Room, models.CASCADE, related_name="+", db_index=False)
    seq = models.PositiveBigIntegerField()
    #: An id, not a foreign key: the counters of a room outlive its people.
    sender_id = models.UUIDField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["room", "seq"], name="one_recall_each")]


class Mention(Model):
    """A message that mentions somebody, who may have it unread.

    Beside the message itself, so that the first unread one is found by an index, and a reader's cursor alone says which
    are unread: as with `Recall`, nothing is written for the readers.
    """

    room = models.ForeignKey(Room, models.CASCADE, related_name="+", db_index=False)
    #: A person's id, or the room's own for everybody in it.
    whom = models.UUIDField()
    seq = models.PositiveBigIntegerField()
    sender_id = models.UUIDField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["room", "whom", "seq"], name="one_mention_each")]


class Hidden(Model):
    """A message that a member deleted for themselves; the row is gone when they leave the group."""

    membership = models.ForeignKey(Membership, models.CASCADE, related_name="+", db_index=False)
    seq = models.PositiveBigIntegerField()
    #: 1, 2, 3 … in the order in which the member deleted them: what a device has not heard of yet.
    number = models.PositiveIntegerField()
    #: An id, not a foreign key: groups may not import messaging.
    message_id = models.UUIDField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["membership", "seq"], name="one_hidden_each")]
