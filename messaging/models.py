"""Messages and uploads."""

import json
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from chatproject.core.files.storage import ADDRESS
from chatproject.core.models import Model
from chatproject.core.sealing.fields import SealedJson, SealedText, Stored
from chatproject.core.times import now
from groups.models import Membership, Room
from messaging.media.kinds import KINDS

#: The types of messages that stand on a chat's shelves (`messaging.types`), of which there is an index: most messages
#: are texts.
SHELVED = ("audio", "file", "image", "location", "video")


class Message(Model):
    """A message of a room. `seq` is its permanent place, `version` increases with every change."""

    #: Without an index of its own, like `sender`: each is the first column of a constraint below,
    #: and every index costs a page per message.
    room = models.ForeignKey(
        Room, models.CASCADE, related_name="+", verbose_name=_("conversation"), editable=False, db_index=False
    )
    seq = models.PositiveBigIntegerField(_("number"), editable=False)
    version = models.PositiveBigIntegerField(editable=False)
    sender = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="+",
        verbose_name=_("sender"),
        editable=False,
        db_index=False,
    )
    #: Chosen by the client: repeating a send returns the existing message.
    client_id = models.CharField(max_length=64, editable=False)
    #: The name of a type in `messaging.types`, which this module does not know.
    type = models.CharField(_("type"), max_length=8, default="text", editable=False)
    content = SealedText(_("content"), blank=True, editable=False)
    #: Data of the message's type as JSON: a place, a file, a system message.
    details_json = SealedJson(blank=True, editable=False)
    reply_to_id = models.UUIDField(null=True, editable=False)
    sent_at = models.DateTimeField(_("sent"), default=now, editable=False)
    edited_at = models.DateTimeField(_("edited"), null=True, editable=False)
    recalled_at = models.DateTimeField(_("recalled"), null=True, editable=False)
    #: What its `Reaction` rows say, as `reactions` of its output: lists and histories need no query for them. Null
    #: where there are none: the column is added without a rewriting of the table, and a send does not name it.
    reactions_json = models.TextField(null=True, editable=False)
    #: True where its content has a link (`messaging.search_index.query`), for the shelf of links: the content may be
    #: encrypted. Otherwise null, so that the index has few rows.
    has_link = models.BooleanField(null=True, editable=False)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints = [
            models.UniqueConstraint(fields=["room", "seq"], name="one_message_each_seq"),
            models.UniqueConstraint(fields=["sender", "client_id"], name="one_message_each_client_id"),
        ]
        indexes = [
            models.Index(fields=["room", "version"], name="message_changes"),
            models.Index(fields=["room", "type", "seq"], name="message_shelves", condition=models.Q(type__in=SHELVED)),
            models.Index(fields=["room", "seq"], name="message_links", condition=models.Q(has_link=True)),
        ]

    def __str__(self) -> str:
        return f"{self.room_id} #{self.seq}"

    @staticmethod
    def sealed(pk: UUID, content: str, details_json: str) -> tuple[Stored, Stored]:
        """Content and details as a row has them, for rows that are written without a model."""
        return _CONTENT.seal(content, pk), _DETAILS.seal(details_json, pk)

    @staticmethod
    def opened(pk: UUID | str, content: str, details_json: str) -> tuple[str, str]:
        """Content and details of a row that was read without a model."""
        return _CONTENT.open(content, pk), _DETAILS.open(details_json, pk)

    @staticmethod
    def opened_each(rows: Sequence[tuple[UUID | str, str, str]]) -> list[tuple[str, str]]:
        """`opened` for many rows, each given as its id, content and details."""
        contents = _CONTENT.open_each((pk, content) for pk, content, _ in rows)
        return list(zip(contents, _DETAILS.open_each((pk, details) for pk, _, details in rows), strict=True))

    @property
    def details(self) -> dict[str, Any] | None:
        return json.loads(self.details_json) if self.details_json else None

    @property
    def is_recalled(self) -> bool:
        return self.recalled_at is not None

    def erase(self, *, version: int, at: datetime) -> None:
        """Delete the content of a recalled message, and keep its place."""
        self.content, self.details_json, self.reply_to_id, self.reactions_json = "", "", None, None
        self.has_link, self.recalled_at, self.version = None, at, version
        self.save(
            update_fields=[
                *("content", "details_json", "reply_to_id", "reactions_json", "has_link", "recalled_at", "version")
            ]
        )


_CONTENT: Any = Message._meta.get_field("content")
_DETAILS: Any = Message._meta.get_field("details_json")


class Reaction(Model):
    """An emoji that a person put on a message; gone with a recall. Its id says when."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="+", editable=False, db_index=False)
    #: Without an index: people are never deleted.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", editable=False, db_index=False)
    emoji = models.CharField(max_length=64, editable=False)
    reacted_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["message", "user", "emoji"], name="one_reaction_each_emoji"),
        ]

    def __str__(self) -> str:
        return self.emoji


class Draft(Model):
    """What a member has begun to write in a chat, for their other devices; gone with the membership.

    It is made anew whenever it is saved: its id is its revision, and a later one is greater.
    """

    membership = models.OneToOneField(Membership, models.CASCADE, related_name="+", editable=False)
    #: The text, its mentions and the message that it replies to, as JSON.
    words_json = SealedText(editable=False)
    saved_at = models.DateTimeField(default=now, editable=False)

    def __str__(self) -> str:
        return str(self.membership_id)


class FormerWords(Model):
    """What a message said before an edit, for admins; gone with a recall."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="+", editable=False)
    content = SealedText(_("content"), editable=False)
    replaced_at = models.DateTimeField(_("replaced"), default=now, editable=False)

    class Meta:
        verbose_name = _("former words")
        verbose_name_plural = _("former words")
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.replaced_at:%Y-%m-%d %H:%M}"


class HeldMessage(Model):
    """A message, or an edit of one, that waits for a moderator: only its sender knows of it.

    Once decided it has no words any more, and answers the repeats of its send.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RELEASED = "released", _("released")
        REFUSED = "refused", _("refused")

    sender = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("sender"), editable=False
    )
    #: The other person, or the group, as the send names it.
    to = models.UUIDField(editable=False)
    is_group = models.BooleanField(editable=False)
    client_id = models.CharField(max_length=64, editable=False)
    type = models.CharField(_("type"), max_length=8, default="text", editable=False)
    content = SealedText(_("content"), blank=True, editable=False)
    details_json = SealedJson(blank=True, editable=False)
    reply_to_id = models.UUIDField(null=True, editable=False)
    #: Kept from the sweep of unsent uploads while the message waits.
    upload = models.ForeignKey("Upload", models.SET_NULL, null=True, related_name="+", editable=False)
    #: Of an edit: the message, whose words stay what they are until then.
    edited = models.ForeignKey(Message, models.CASCADE, null=True, related_name="+", editable=False)
    words = SealedText(_("words"), blank=True, editable=False)
    held_at = models.DateTimeField(_("held since"), default=now, editable=False)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.WAITING, editable=False)
    decided_at = models.DateTimeField(_("decided"), null=True, editable=False)

    class Meta:
        verbose_name = _("held message")
        verbose_name_plural = _("held messages")
        constraints = [models.UniqueConstraint(fields=["sender", "client_id"], name="one_held_each_client_id")]
        indexes = [models.Index(fields=["state", "held_at"], name="held_waiting")]

    def __str__(self) -> str:
        return f"{self.held_at:%Y-%m-%d %H:%M}"

    @property
    def details(self) -> dict[str, Any] | None:
        return json.loads(self.details_json) if self.details_json else None


class Epoch(Model):
    """The data since a first start or a restore; the row with the greatest id counts. See `services.epochs`."""

    begun_at = models.DateTimeField(default=now, editable=False)


class CacheGeneration(Model):
    """One row: how often Redis has missed a change of what it remembers (`messaging.chat_cache`)."""

    ID = UUID(int=1)

    number = models.PositiveBigIntegerField(default=0)

    @classmethod
    def advance(cls) -> None:
        """Count one up, in the caller's transaction."""
        cls.objects.get_or_create(pk=cls.ID)
        cls.objects.filter(pk=cls.ID).update(number=models.F("number") + 1)


class Upload(Model):
    """A processed and stored file.

    Its owner may see it until it is sent, then everyone who may see the message.

    The message has a copy of all its details, so this row is read only to serve the file.
    """

    #: Random, because it is also the file's name: unguessable.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_column="_id", editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("uploaded by"), editable=False
    )
    message = models.ForeignKey(
        Message,
        models.CASCADE,
        null=True,
        related_name="+",
        verbose_name=_("message"),
        editable=False,
        db_index=False,
    )
    folder = models.CharField(_("kind"), max_length=16, editable=False)
    extension = models.CharField(max_length=8, editable=False)
    thumbnail_extension = models.CharField(max_length=8, blank=True, editable=False)
    name = SealedText(_("name"), editable=False)
    mime_type = models.CharField(_("type"), max_length=100, editable=False)
    size = models.PositiveBigIntegerField(_("bytes"), editable=False)
    thumbnail_size = models.PositiveBigIntegerField(default=0, editable=False)
    width = models.PositiveIntegerField(null=True, editable=False)
    height = models.PositiveIntegerField(null=True, editable=False)
    duration = models.FloatField(null=True, editable=False)  # seconds
    waveform_json = models.TextField(blank=True, editable=False)
    #: Of a forwarded file: the upload under whose name it is stored, which may be gone meanwhile. Every message has a
    #: row of its own and so its own address and rights; the file is deleted with the last of them.
    file_id = models.UUIDField(null=True, db_index=True, editable=False)
    created_at = models.DateTimeField(_("uploaded"), default=now, editable=False)

    #: Whether it was an animation and lost its movement. Told once, and not kept.
    is_still = False

    class Meta:
        verbose_name = _("upload")
        verbose_name_plural = _("uploads")
        indexes = [models.Index(fields=["message", "created_at"], name="upload_unsent")]

    def __str__(self) -> str:
        return (
            self.path
        )  # not its name, which is for those who may see the file: the administration shows this anywhere

    @property
    def type(self) -> str:
        """The type of the message that can carry it."""
        return KINDS[self.folder].type

    @property
    def path(self) -> str:
        """With `ADDRESS` before it the file's URL."""
        return self._path(self.pk)

    @property
    def thumbnail_path(self) -> str:
        """The same of the thumbnail; "" without one."""
        return self._thumbnail_path(self.pk)

    @property
    def stored_as(self) -> uuid.UUID:
        """What all uploads that share one file have in common."""
        return self.file_id or self.pk

    @property
    def stored_path(self) -> str:
        """The path in the storage."""
        return self._path(self.stored_as)

    @property
    def stored_thumbnail_path(self) -> str:
        """The path of the thumbnail in the storage; "" without one."""
        return self._thumbnail_path(self.stored_as)

    def _path(self, name: uuid.UUID) -> str:
        return f"{self.folder}/{name.hex}{self.extension}"

    def _thumbnail_path(self, name: uuid.UUID) -> str:
        return f"{self.folder}/thumbnails/{name.hex}{self.thumbnail_extension}" if self.thumbnail_extension else ""

    def shared_with(self, owner: Any, *, name: str) -> "Upload":
        """An upload of another person that has the same file; not stored yet."""
        copied = (
            "folder", "extension", "thumbnail_extension", "mime_type", "size", "thumbnail_size", "width", "height",
            "duration", "waveform_json",
        )  # fmt: skip
        same = {field: getattr(self, field) for field in copied}
        return Upload(owner=owner, name=name, file_id=self.stored_as, **same)

    @property
    def details(self) -> dict[str, Any]:
        """The details of a message that carries it."""
        thumbnail = self.thumbnail_path
        return {
            "mediaUrl": ADDRESS + self.path,
            "thumbnailUrl": ADDRESS + thumbnail if thumbnail else None,
            "mediaDuration": self.duration,
            "fileName": self.name,
            "fileSize": self.size,
            "mimeType": self.mime_type,
            "width": self.width,
            "height": self.height,
            "waveform": json.loads(self.waveform_json) if self.waveform_json else None,
        }


# The index of searches ------------------------------------------------------------------------------------------------


class RowKey(models.BigIntegerField):
    """A key of 64 bits in whose order the rows lie."""

    def db_type(self, connection: Any) -> str | None:
        # Only a key of just this type is SQLite's own number of the row, instead of a second tree beside them.
        return "integer" if connection.vendor == "sqlite" else super().db_type(connection)


class SearchBlock(models.Model):
    """Some thousand messages in the index, which are written together and then only lose messages.

    A message's number in its block is its place in `message_ids`; `rooms` has the stretch of each room. See
    `messaging.search_index.postings`.
    """

    id = RowKey(primary_key=True, db_column="_id", editable=False)
    size = models.PositiveIntegerField(editable=False)
    first_id = models.UUIDField(editable=False)
    last_id = models.UUIDField(editable=False)
    first_at = models.DateTimeField(editable=False)
    last_at = models.DateTimeField(editable=False)
    rooms = models.BinaryField(editable=False)
    message_ids = models.BinaryField(editable=False)
    #: The number of the data key that its tokens are made with; null where encryption was off.
    key = models.PositiveIntegerField(null=True, editable=False)

    class Meta:
        # All that a search reads of every block: behind the two large columns, SQLite would walk through these for it.
        indexes = [
            models.Index(fields=["last_id", "first_id", "first_at", "last_at", "size", "key"], name="block_newest")
        ]

    def __str__(self) -> str:
        return str(self.pk)


class SearchRow(models.Model):
    """The messages of some tokens of a block; the key is of both: `postings.row_id`."""

    id = RowKey(primary_key=True, db_column="_id", editable=False)
    entries = models.BinaryField(editable=False)

    def __str__(self) -> str:
        return str(self.pk)


class SearchedRoom(Model):
    """Up to which `seq` a room's messages are in the index; the id is the room's."""

    seq = models.PositiveBigIntegerField(editable=False)


class SearchChange(Model):
    """A message whose words are others than the index was told; the id is the message's.

    Search reads these messages themselves. `is_cleared`: the index has forgotten the former words, and the message
    waits for its place in a new block.
    """

    room_id = models.UUIDField(editable=False)
    #: Of the message at its last change, so that one that comes meanwhile is not forgotten.
    version = models.PositiveBigIntegerField(editable=False)
    is_cleared = models.BooleanField(default=False, editable=False)

    @staticmethod
    def note(messages: "list[Message]") -> None:
        """In the transaction of the change."""
        SearchChange.objects.filter(pk__in=[message.pk for message in messages]).delete()
        SearchChange.objects.bulk_create(
            SearchChange(id=message.pk, room_id=message.room_id, version=message.version) for message in messages
        )


class SearchState(Model):
    """One row: who writes the index, how far they came, and the number of the next block."""

    ID = UUID(int=1)

    holder = models.CharField(max_length=64, blank=True, editable=False)
    held_until = models.DateTimeField(default=now, editable=False)
    #: Messages up to this id were looked at one after the other.
    reached = models.UUIDField(default=UUID(int=0), editable=False)
    next_block = models.PositiveBigIntegerField(default=1, editable=False)
