"""Who may sign up and sign in, and how often a password may be tried.

Guessing is counted from two sides, and only failures count:

- by address: so many wrong passwords, whatever the accounts;
- by account: so many wrong passwords, whatever the addresses. An account that is being guessed at is not locked, or
  anybody could lock out its owner; but each address then has one attempt per window instead of the whole allowance.
  The owner gets in from anywhere with the right password, and a thousand addresses have a thousand guesses, not ten
  thousand.
"""

import hashlib
import ipaddress
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from django.conf import settings
from django.contrib.auth import password_validation
from django.contrib.auth.hashers import check_password, get_hasher, make_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import get_supported_language_variant
from django.utils.translation import gettext_lazy as _

from accounts import selectors
from accounts.models import User
from accounts.names import name_key
from chatproject.core import errors
from chatproject.core.files import avatars
from chatproject.core.redis import rate_limits

T = TypeVar("T")

IMG_MAX = 500
#: Longer than anyone types, short enough to hash.
PASSWORD_MAX = 256

# Profile --------------------------------------------------------------------------------------------------------------


def clean_img(img: str, *, shown: str = "") -> str:
    """An avatar's address: http, https or a path of this site; or "". One that was made here only who shows it gives
    again: it belongs to nobody else. Raises Invalid.
    """
    img = img.strip()
    is_ours = img.startswith("/") and not img.startswith(("//", "/\\"))
    is_web = img.lower().startswith(("http://", "https://")) and len(img.split("://", 1)[1]) > 0
    is_anothers = avatars.is_ours(img) and img != shown
    is_odd = len(img) > IMG_MAX or any(c.isspace() or ord(c) < 33 or c in '\\"<>' for c in img)
    if img and (is_anothers or is_odd or not (is_ours or is_web)):
        raise errors.Invalid(errors={"img": [_("This is not the address of a picture.")]})
    return img


def clean_language(language: str) -> str:
    """One of the languages we speak, or "": as the client asks. Raises Invalid."""
    try:
        return get_supported_language_variant(language.lower()) if language else ""
    except LookupError:
        raise errors.Invalid(errors={"language": [_("We do not speak this language.")]}) from None


# Passwords ------------------------------------------------------------------------------------------------------------


def require_good_password(password: str, user: User) -> None:
    """Raises Invalid with what the password policy of this installation finds wanting."""
    try:
        password_validation.validate_password(password, user)
    except ValidationError as wanting:
        raise errors.Invalid(errors={"password": list(wanting.messages)}) from None


#: Hashing takes 100 MB and a fifth of a second of a core, by intent. So half of the cores do it at a time and the queue
#: ends: a crowd of sign-ins costs neither the memory nor the threads that serve everybody else.
_hashing = ThreadPoolExecutor(max_workers=max(1, min(4, (os.cpu_count() or 1) // 2)), thread_name_prefix="password")
_room = threading.BoundedSemaphore(64)


def _hash_work(work: Callable[[], T]) -> T:
    if not _room.acquire(blocking=False):
        raise errors.Busy(retry_after=2)
    try:
        return _hashing.submit(work).result()
    finally:
        _room.release()


def hashed(password: str) -> str:
    """The password as it is stored. Raises Busy."""
    return _hash_work(lambda: make_password(password))


def password_fits(user: User | None, password: str) -> bool:
    """Whether it is this user's password. Nobody, a guest, and somebody else's take the same time. Raises Busy."""
    stored = user.password if user is not None else ""
    return _hash_work(lambda: check_password(password, stored))


def is_outdated(user: User) -> bool:
    """Whether the stored hash is weaker than what is made today."""
    return get_hasher().must_update(user.password)


def wrong_old_password() -> errors.Invalid:
    return errors.Invalid(errors={"oldPassword": [_("This is not your password.")]})


# Doors ----------------------------------------------------------------------------------------------------------------


class OwnerExists(errors.Conflict):
    """To whoever was to be the owner, and came second."""

    code = "owned"
    title = _("Somebody was quicker: this chat has an owner now.")


def registration_is_open() -> bool:
    return bool(settings.REGISTRATION == "open")


def may_sign_up() -> bool:
    """Anyone while registration is open; and whatever it says, the one who is to own the installation."""
    return registration_is_open() or not selectors.has_owner()


def require_sign_up() -> None:
    if not may_sign_up():
        raise errors.SignInRequired()


def require_no_owner() -> None:
    if selectors.has_owner():
        raise OwnerExists()


def require_registration(by: User | None = None) -> None:
    """Anyone while registration is open; else staff only."""
    if registration_is_open() or (by is not None and by.is_staff):
        return
    raise errors.Forbidden(_("New accounts are created by the staff here.")) if by else errors.SignInRequired()


def may_edit(by: User, user: User) -> bool:
    """Staff edit themselves and those who are not staff; the owner and his like edit everybody."""
    return by.is_staff and (by.is_superuser or by.pk == user.pk or not (user.is_staff or user.is_superuser))


def require_may_edit(by: User, user: User) -> None:
    """Raises Forbidden."""
    if not may_edit(by, user):
        raise errors.Forbidden()


def require_may_shut_out(by: User, user: User) -> None:
    """The same, but nobody takes his own way in. Raises Forbidden."""
    require_may_edit(by, user)
    if by.pk == user.pk:
        raise errors.Forbidden(_("You cannot do this to yourself."))


def require_may_give_rights(by: User, user: User) -> None:
    """Raises Forbidden."""
    if not by.is_superuser or by.pk == user.pk:
        raise errors.Forbidden()


def address_of(request: HttpRequest) -> str:
    """The client's address as far as it can be believed, for counting.

    It is the peer's, unless the peer is one of `TRUSTED_PROXIES`: then the last address in X-Forwarded-For that is not
    one. A network of IPv6 (/64) counts as one address: a single host has all of it.
    """
    trusted = {network for text in settings.TRUSTED_PROXIES for network in [ipaddress.ip_network(text, strict=False)]}
    address = str(request.META.get("REMOTE_ADDR") or "")
    for forwarded in reversed(str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")):
        if not _is_in(address, trusted):
            break
        address = forwarded.strip() or address
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"  # a unix socket, or nonsense from a proxy we trust
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _is_in(address: str, networks: set[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        return any(ipaddress.ip_address(address) in network for network in networks)
    except ValueError:
        return not address and bool(networks)  # a proxy on a unix socket has no address


# How often ------------------------------------------------------------------------------------------------------------


def count_sign_up(address: str) -> None:
    """Raises RateLimited."""
    rate_limits.take("signup", address, settings.RATE_SIGNUPS)


@contextmanager
def counted_attempt(name: str, address: str) -> Iterator[None]:
    """Around the check of a password: raises RateLimited before it, and counts it if it fails.

    The allowance is taken first and given back on success, so that a hundred guesses at one moment are counted too.
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


def _refund(taken: list[tuple[str, str, str]]) -> None:
    for bucket, who, rate in taken:
        rate_limits.refund(bucket, who, rate)
