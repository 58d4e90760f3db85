"""Lists of words that are not to be said, and what they found."""

from collections.abc import Iterator

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from chatproject.core.models import Model
from chatproject.core.sealing.fields import SealedText
from chatproject.core.times import now


class Action(models.TextChoices):
    """What becomes of a text with a listed word, the mildest first."""

    MASK = "mask", _("mask the word")
    HOLD = "hold", _("hold for review")
    REJECT = "reject", _("reject")


class Place(models.TextChoices):
    """What was written."""

    MESSAGE = "message", _("message")
    EDIT = "edit", _("edit")
    NAME = "name", _("name of a person")
    GROUP_NAME = "group", _("name of a group")
    GROUP_TEXT = "about", _("description or announcement of a group")
    STATUS = "status", _("status of a person")


class WordList(Model):
    """Words, one each line. A line may end with ` | mask`, ` | hold` or ` | reject`, which then counts for its word;
    one that begins with # is a comment.
    """

    name = models.CharField(_("name"), max_length=80)
    is_active = models.BooleanField(_("in use"), default=True)
    action = models.CharField(_("action"), max_length=8, choices=Action.choices, default=Action.HOLD)
    in_groups = models.BooleanField(_("in groups"), default=True)
    in_private = models.BooleanField(_("in private chats"), default=False)
    in_names = models.BooleanField(_("in names of people and groups"), default=True)
    exempts_staff = models.BooleanField(_("staff is exempt"), default=True)
    exempts_admins = models.BooleanField(_("owners and administrators of a group are exempt in it"), default=False)
    words = models.TextField(_("words"), blank=True)
    changed_at = models.DateTimeField(_("changed"), default=now, editable=False)

    class Meta:
        verbose_name = _("word list")
        verbose_name_plural = _("word lists")

    def __str__(self) -> str:
        return self.name

    def entries(self) -> Iterator[tuple[str, str]]:
        """Each word with its action."""
        for line in self.words.splitlines():
            word, _bar, action = line.rpartition("|")
            if (action := action.strip().lower()) not in Action.values or not word.strip():
                word, action = line, self.action
            if (word := word.strip()) and not word.startswith("#"):
                yield word, action


class Hit(Model):
    """A text in which listed words were found, for moderators."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+", verbose_name=_("by"), editable=False
    )
    place = models.CharField(_("where"), max_length=8, choices=Place.choices, editable=False)
    #: The strictest of the words that were found.
    action = models.CharField(_("action"), max_length=8, choices=Action.choices, editable=False)
    #: As they stand in their lists.
    words = SealedText(_("words"), editable=False)
    lists = models.TextField(_("word lists"), editable=False)
    text = SealedText(_("text"), editable=False)
    room_id = models.UUIDField(null=True, editable=False)
    #: Of a message: the same send again is the same hit.
    client_id = models.CharField(max_length=64, editable=False)
    at = models.DateTimeField(_("at"), default=now, editable=False)
    seen_at = models.DateTimeField(_("seen"), null=True, editable=False)

    class Meta:
        verbose_name = _("hit of a word list")
        verbose_name_plural = _("hits of word lists")
        indexes = [models.Index(fields=["user", "client_id"], name="hit_of_send")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.words}"
