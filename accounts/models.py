"""Users, and the devices on which they are signed in."""

import json
import uuid
from datetime import datetime, timedelta
from typing import ClassVar, NamedTuple

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models, transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.names import KEY_MAX, NAME_MAX, clean_name, skeletons
from accounts.names import name_key as fold
from accounts.notifying import Notifying, unpacked
from chatproject.core import times
from chatproject.core.models import Model
from chatproject.core.sealing.fields import SealedText


class Status(NamedTuple):
    """What a person says of themselves beside their name: an emoji, a short text, or both."""

    emoji: str
    text: str
    until: datetime | None


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(name_key=fold(username or ""))

    def create_superuser(self, name_key: str, password: str | None = None) -> "User":
        """Create a superuser for `manage.py createsuperuser`, which passes USERNAME_FIELD as the
        name.
        """
        user = self.model(name=clean_name(name_key), is_staff=True, is_superuser=True)
        user.name_key = fold(user.name)
        user.set_password(password)
        with transaction.atomic(using=self._db):
            user.save(using=self._db)
            for key in skeletons(user.name):
                NameSkeleton.objects.using(self._db).get_or_create(key=key, defaults={"user": user})
            Installation.objects.using(self._db).get_or_create(pk=Installation.ONLY, defaults={"owner": user})
        return user


class User(Model, AbstractBaseUser, PermissionsMixin):
    """A person, or a guest: without a password, and only as long as a device's token lives."""

    class AddableBy(models.TextChoices):
        """Who may put this user into a group without asking."""

        EVERYONE = "everyone", _("everyone")
        KNOWN = "known", _("people they have written to")
        NOBODY = "nobody", _("nobody")

    # Django's own costs one more write per sign-in; a device's created_at has the same information.
    last_login = None

    name = models.CharField(_("name"), max_length=NAME_MAX)
    name_key = models.CharField(_("sign-in name"), max_length=KEY_MAX, unique=True, editable=False)
    img = models.CharField(_("avatar"), max_length=500, blank=True, default="")
    language = models.CharField(
        _("language"), max_length=10, blank=True, default="", help_text=_("Empty: as the browser asks.")
    )
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("staff"), default=False, help_text=_("May enter the administration."))
    is_guest = models.BooleanField(_("guest"), default=False)
    #: When a person who is not active may come in again; null: when staff say so.
    banned_until = models.DateTimeField(_("shut out until"), null=True, editable=False)
    silenced_until = models.DateTimeField(_("may not write until"), null=True, editable=False)
    is_invisible = models.BooleanField(_("appears offline"), default=False)
    addable_by = models.CharField(
        _("may be added to groups by"), max_length=8, choices=AddableBy, default=AddableBy.EVERYONE
    )
    #: What notifies them, as `notifying` reads it; null where they have set nothing.
    notifying_json = models.TextField(null=True, editable=False)
    #: What they say of themselves, as JSON, and when that ends by itself; null where they say nothing, or for good.
    status_json = SealedText(null=True, editable=False)
    status_until = models.DateTimeField(null=True, editable=False)
    last_active = models.DateTimeField(_("last active"), default=times.now)
    created_at = models.DateTimeField(_("created"), default=times.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "name_key"  # the unique one
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        # Not every database uses a unique constraint's index for look-ups.
        indexes = (models.Index(fields=["name_key"], name="user_name_key"),)

    def __str__(self) -> str:
        return self.name

    @property
    def is_silenced(self) -> bool:
        """Whether staff keep the user from writing at the moment."""
        return self.silenced_until is not None and self.silenced_until > times.now()

    @property
    def status(self) -> Status | None:
        """What the user says of themselves at the moment."""
        if not self.status_json or (self.status_until is not None and self.status_until <= times.now()):
            return None
        said = json.loads(self.status_json)
        return Status(said["emoji"], said["text"], self.status_until)

    def say_status(self, emoji: str, text: str, until: datetime | None) -> None:
        """Not saved."""
        self.status_json = json.dumps({"emoji": emoji, "text": text}) if emoji or text else None
        self.status_until = until

    @property
    def notifying(self) -> Notifying:
        return unpacked(self.notifying_json)

    def get_short_name(self) -> str:
        """The name in the administration's greeting."""
        return self.name


class NameSkeleton(Model):
    """What a user's name looks like, so that nobody takes another one that looks the same: `names.skeletons`.

    Of users whose names looked alike before there was this table, the first one has the row.
    """

    key = models.CharField(max_length=64, unique=True, editable=False)  # SHA-256, hex
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")


class Device(Model):
    """A signed-in browser session, or a client with a token. Deleting the row signs out."""

    BROWSER, TOKEN = "browser", "token"
    #: The precision of `last_seen_at`: it is not written more often.
    SEEN_EVERY = timedelta(minutes=5)

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="devices", verbose_name=_("user"))
    kind = models.CharField(_("kind"), max_length=10, choices=((BROWSER, _("browser")), (TOKEN, _("token"))))
    token_hash = models.CharField(max_length=64, unique=True, null=True, editable=False)  # SHA-256, hex
    session_key = models.CharField(max_length=40, unique=True, null=True, editable=False)
    name = models.CharField(_("device"), max_length=120, blank=True, default="")
    created_at = models.DateTimeField(_("signed in"), default=times.now)
    last_seen_at = models.DateTimeField(_("last seen"), default=times.now)
    expires_at = models.DateTimeField(_("expires"))

    class Meta:
        verbose_name = _("device")
        verbose_name_plural = _("devices")
        indexes = (
            models.Index(fields=["token_hash"], name="device_token_hash"),
            models.Index(fields=["session_key"], name="device_session_key"),
        )

    def __str__(self) -> str:
        return self.name or str(self.id)

    def is_living(self, at: datetime) -> bool:
        """Whether the device is still signed in. Needs `user` to be loaded."""
        return self.expires_at > at and self.user.is_active

    @property
    def is_stale(self) -> bool:
        """Whether `last_seen_at` is due for an update."""
        return times.now() - self.last_seen_at >= self.SEEN_EVERY

    @staticmethod
    def lifetime() -> timedelta:
        """The time for which an unused device stays signed in."""
        return timedelta(days=settings.DEVICE_DAYS)


class Installation(Model):
    """The one row with the owner and the installation's name, created with the first account.

    Its fixed key lets only one account be first.
    """

    ONLY = uuid.UUID(int=1)

    NAME_MAX = 60

    owner = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+", editable=False)
    name = models.CharField(
        _("name"),
        max_length=NAME_MAX,
        blank=True,
        default="",
        help_text=_("Of a team, say. It stands where people sign in, in the window's title and on notifications."),
    )

    class Meta:
        verbose_name = _("this chat")
        verbose_name_plural = _("this chat")

    def __str__(self) -> str:
        return self.name or gettext("Chat")
