"""Rules for sign-up, sign-in and profiles, and limits for password guessing.

Only wrong passwords count, in two ways:

- by address, for all accounts together;
- by account, for all addresses together. An account over this limit is not locked, or anybody could
  lock out its owner. Instead each address has one attempt per window: the owner gets in from
  anywhere with the right password, and a thousand addresses get a thousand guesses, not ten thousand.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import get_supported_language_variant, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from accounts import selectors
from accounts.models import User
from accounts.names import name_key
from chatproject.core import errors, times
from chatproject.core.files import avatars
from chatproject.core.http import addresses
from chatproject.core.redis import rate_limits
from chatproject.core.text import one_emoji

#: Characters: longer than anyone types, short enough to hash.
PASSWORD_MAX = 256
#: What Django says of a short password and has not in every language of ours. Our catalogues come first.
SAID_FOR_DJANGO = ngettext_lazy(
    "This password is too short. It must contain at least %d character.",
    "This password is too short. It must contain at least %d characters.",
)

# Profile --------------------------------------------------------------------------------------------------------------


def clean_img(img: str, *, shown: str) -> str:
    """Check an avatar's address: "" or `shown`, the user's present one. Raises Invalid."""
    return avatars.checked(img, shown=shown, field="img")


def clean_new_img(img: str) -> str:
    """Check the avatar's address of a new user, who has none yet. Raises Invalid."""
    return avatars.checked_for_new(img, field="img")


def clean_language(language: str) -> str:
    """Check a language: one of LANGUAGES, or "" for Accept-Language. Raises Invalid."""
    try:
        return get_supported_language_variant(language.lower()) if language else ""
    except LookupError:
        raise errors.Invalid(errors={"language": [_("We do not speak this language.")]}) from None


#: Characters of what a person says of themselves.
STATUS_MAX = 60


def clean_status(emoji: str, text: str) -> tuple[str, str]:
    """An emoji and a line without what is not printed; one of them may be empty. Raises Invalid."""
    found = one_emoji(emoji) if emoji else ""
    if found is None:
        raise errors.Invalid(errors={"emoji": [_("This is not one emoji.")]})
    seen = "".join(character if character.isprintable() or character == "\u200d" else " " for character in text)
    line = " ".join(seen.split())
    if len(line) > STATUS_MAX:
        raise errors.Invalid(errors={"text": [_("A status has at most %(count)d characters.") % {"count": STATUS_MAX}]})
    if not (found or line):
        raise errors.Invalid(errors={"text": [_("A status is an emoji, a text, or both.")]})
    return found, line


# Passwords ------------------------------------------------------------------------------------------------------------


def require_good_password(password: str, user: User) -> None:
    """Check a new password against AUTH_PASSWORD_VALIDATORS. Raises Invalid."""
    try:
        password_validation.validate_password(password, user)
    except ValidationError as wanting:
        raise errors.Invalid(errors={"password": list(wanting.messages)}) from None


def wrong_old_password() -> errors.Invalid:
    return errors.Invalid(errors={"oldPassword": [_("This is not your password.")]})


# Sign-up and rights ---------------------------------------------------------------------------------------------------


class OwnerExists(errors.Conflict):
    """The first account, and so the owner, already exists."""

    code = "owned"
    title = _("Somebody was quicker: this chat has an owner now.")


def registration_is_open() -> bool:
    return bool(settings.REGISTRATION == "open")


def may_sign_up() -> bool:
    """Whether an account may be created: registration is open, or this would be the first
    account.
    """
    return registration_is_open() or not selectors.has_owner()


def require_sign_up() -> None:
    if not may_sign_up():
        raise errors.SignInRequired()


def require_no_owner() -> None:
    if selectors.has_owner():
        raise OwnerExists()


def ban_is_over(user: User) -> bool:
    return not user.is_active and user.banned_until is not None and user.banned_until <= times.now()


class Silenced(errors.Forbidden):
    """Staff keep the user from writing."""

    code = "silenced"
    title = _("You may read, but not write at the moment.")


def require_voice(user: User) -> None:
    """Raise Silenced while staff keep this user from writing."""
    if user.is_silenced:
        raise Silenced()


def sees_only_contacts(user: User) -> bool:
    """Whether a user finds and writes to nobody but people with whom they share a chat."""
    return user.is_guest and settings.GUESTS_SEE == "contacts"


def require_registration(by: User | None = None) -> None:
    """Create a guest: anyone while registration is open, else only staff.

    Raises SignInRequired, Forbidden.
    """
    if registration_is_open() or (by is not None and by.is_staff):
        return
    raise errors.Forbidden(_("New accounts are created by the staff here.")) if by else errors.SignInRequired()


def may_edit(by: User, user: User) -> bool:
    """Whether `by` may edit `user`: superusers everybody, staff themselves and those who are not
    staff.
    """
    return by.is_staff and (by.is_superuser or by.pk == user.pk or not (user.is_staff or user.is_superuser))


def may_give_passwords(by: User) -> bool:
    """Whether `by` may give passwords to others: who has a person's password reads their chats, without a reason that
    is logged.
    """
    return by.is_staff and by.is_superuser


def require_may_edit(by: User, user: User) -> None:
    """Raise Forbidden unless `by` may edit `user`."""
    if not may_edit(by, user):
        raise errors.Forbidden()


def require_may_shut_out(by: User, user: User) -> None:
    """Raise Forbidden unless `by` may deactivate or activate `user`.

    Nobody may do it to themselves.
    """
    require_may_edit(by, user)
    if by.pk == user.pk:
        raise errors.Forbidden(_("You cannot do this to yourself."))


def require_may_give_rights(by: User, user: User) -> None:
    """Raise Forbidden unless `by` is another superuser than `user`."""
    if not by.is_superuser or by.pk == user.pk:
        raise errors.Forbidden()


def address_of(request: HttpRequest) -> str:
    """The client's address, for rate limits. An IPv6 network (/64) counts as one."""
    peer, forwarded_for = request.META.get("REMOTE_ADDR") or "", request.META.get("HTTP_X_FORWARDED_FOR", "")
    trusted = addresses.networks(tuple(settings.TRUSTED_PROXIES))
    return addresses.of_client(str(peer), [str(forwarded_for)], trusted)


# How often ------------------------------------------------------------------------------------------------------------


def count_sign_up(address: str) -> None:
    """Count a sign-up. Raises RateLimited."""
    rate_limits.take("signup", address, settings.RATE_SIGNUPS)


def refund_sign_up(address: str) -> None:
    """Take back the count of a sign-up that the server was too busy for."""
    rate_limits.refund("signup", address, settings.RATE_SIGNUPS)


@contextmanager
def counted_attempt(name: str, address: str) -> Iterator[None]:
    """Context manager around a password check: raises RateLimited before it, and counts
    InvalidCredentials.

    The attempt is counted first and refunded on success, so that simultaneous guesses count, too.
    """
    rate = settings.RATE_SIGNIN_FAILURES
    taken: list[tuple[str, str, str]] = []

    def take(bucket: str, who: str, allowed: str) -> None:
        rate_limits.take(bucket, who, allowed)
        taken.append((bucket, who, allowed))

    account = hashlib.sha256(name_key(name).encode()).hexdigest()[:32]
    try:
        take("signin.address", address, rate)
        try:
            take("signin.account", account, rate)
        except errors.RateLimited as guessed_at:
            take("signin.careful", f"{account}:{address}", f"1/{guessed_at.window}s")
        yield
    except errors.InvalidCredentials:
        raise
    except BaseException:
        _refund(taken)
        raise
    else:
        _refund(taken)


@contextmanager
def counted_sign_in(user: User | None) -> Iterator[None]:
    """Context manager around a password check: a right password costs a hash as well.

    Raises RateLimited before it, and counts only where nothing is raised.
    """
    if user is None:
        yield
        return
    rate_limits.take("signin", str(user.pk), settings.RATE_SIGNINS)
    try:
        yield
    except BaseException:
        rate_limits.refund("signin", str(user.pk), settings.RATE_SIGNINS)
        raise


def _refund(taken: list[tuple[str, str, str]]) -> None:
    for bucket, who, rate in taken:
        rate_limits.refund(bucket, who, rate)
