"""What was said."""

import json
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from chatproject.core.models import Model
from chatproject.core.times import now
from groups.models import Room


class Message(Model):
    """One entry of a conversation. `seq` is its place for ever; `version` moves with every change."""

    class Type(models.TextChoices):
        TEXT = "text", _("text")
        SYSTEM = "system", _("system line")

    #: No index of its own, nor has the sender: each is the first column of a constraint below. An index costs every
    #: message a page, and these would help nobody.
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
    #: Chosen by the sender's client: a repeated send gives this row back.
    client_id = models.CharField(max_length=64, editable=False)
    type = models.CharField(_("type"), max_length=8, choices=Type, default=Type.TEXT, editable=False)
    content = models.TextField(_("content"), blank=True, editable=False)
    #: What a system line tells, as JSON: its content is only a plain English rendering of it.
    system_json = models.TextField(blank=True, editable=False)
    reply_to_id = models.UUIDField(null=True, editable=False)
    sent_at = models.DateTimeField(_("sent"), default=now, editable=False)
    edited_at = models.DateTimeField(_("edited"), null=True, editable=False)
    recalled_at = models.DateTimeField(_("recalled"), null=True, editable=False)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints = [
            models.UniqueConstraint(fields=["room", "seq"], name="one_message_each_seq"),
            models.UniqueConstraint(fields=["sender", "client_id"], name="one_message_each_client_id"),
        ]
        indexes = [models.Index(fields=["room", "version"], name="message_changes")]

    def __str__(self) -> str:
        return f"{self.room_id} #{self.seq}"

    @property
    def system(self) -> dict[str, Any] | None:
        return json.loads(self.system_json) if self.system_json else None

    @property
    def is_recalled(self) -> bool:
        return self.recalled_at is not None

    def erase(self, *, version: int, at: datetime) -> None:
        """Take back all it said, and keep its place."""
        self.content, self.reply_to_id = "", None
        self.recalled_at, self.version = at, version
        self.save(update_fields=["content", "reply_to_id", "recalled_at", "version"])
