"""Web push subscriptions, and the words that notify people."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Device
from chatproject.core.models import Model
from chatproject.core.sealing.fields import SealedText
from chatproject.core.times import now


class PushSubscription(Model):
    """The push subscription of a device's browser; deleted with the device."""

    device = models.OneToOneField(Device, models.CASCADE, related_name="+", verbose_name=_("device"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person"))
    endpoint = SealedText(editable=False)
    endpoint_hash = models.CharField(max_length=64, unique=True, editable=False)  # SHA-256, hex
    #: The browser's public key and secret, base64url.
    p256dh = SealedText(editable=False)
    auth = SealedText(editable=False)
    #: The page's language, used when the user has not chosen one.
    language = models.CharField(max_length=10, editable=False)
    shows_content = models.BooleanField(_("shows who and what"), default=True)
    failures = models.PositiveSmallIntegerField(default=0, editable=False)
    paused_until = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=now, editable=False)

    class Meta:
        verbose_name = _("push subscription")
        verbose_name_plural = _("push subscriptions")

    def __str__(self) -> str:
        return f"{self.user_id} at {self.device_id}"


class Keywords(Model):
    """The words whose messages notify a person as a mention does. Without words there is no row."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", editable=False)
    #: One each line.
    words_text = SealedText(editable=False)

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(self.words_text.splitlines())
