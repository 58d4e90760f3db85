"""Writes to users and their devices.

The first account with a password becomes the owner of the installation: staff, with every right. A
guest never does.
"""

import hashlib
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.contrib.auth.tokens import default_token_generator
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db import DatabaseError, IntegrityError
from django.utils.http import urlsafe_base64_encode
from msgspec.structs import replace

from accounts import events, passwords, rules, selectors
from accounts.models import Device, Installation, NameSkeleton, User
from accounts.names import clean_name, name_key, require_not_reserved, skeletons
from accounts.notifying import packed, unpacked
from chatproject.core import errors, redis, times
from chatproject.core.db.queries import locked
from chatproject.core.db.transactions import on_commit, run_atomic
from chatproject.core.files import avatars
from chatproject.core.http.credentials import Credentials, accepted
from chatproject.core.text import cut
from moderation.models import Place
from moderation.services import require_decent_name, require_decent_text
from presence import services as presence

log = logging.getLogger(__name__)


def _not_connected(user: User) -> None:
    raise RuntimeError("groups has not set accounts.services.pass_on_groups yet")


#: Gives the groups of a user who is gone to others, in the caller's transaction. Accounts may not import groups, whose
#: AppConfig sets this.
pass_on_groups: Callable[[User], None] = _not_connected


def _forget_nothing(user_id: UUID) -> None:
    """Nothing above keeps what a person looks like."""


#: Hears of each change of what is shown of a person, after its commit. Messaging's AppConfig sets it.
appearance_changed: Callable[[UUID], None] = _forget_nothing

#: The fields that other users see.
_SEEN = {"name", "img", "is_invisible"}
#: Signed-in devices of a user; one more signs out the least recently used.
DEVICES_MAX = 50

# Signing up and in ----------------------------------------------------------------------------------------------------


def enter(*, name: str, password: str, address: str, img: str = "", online: bool | None = None) -> tuple[User, bool]:
    """Sign in, or sign up when the name is new and registration open; returns whether the account
    is new.

    Raises InvalidCredentials, RateLimited, Invalid, Busy.
    """
    if rules.may_sign_up() and selectors.by_name(name) is None:
        try:
            return sign_up(name=name, password=password, address=address, img=img, online=online), True
        except (errors.NameTaken, errors.SignInRequired):
            pass  # another request, perhaps of the same person, was quicker
    return sign_in(name=name, password=password, address=address, online=online), False


def sign_up(
    *,
    name: str,
    password: str,
    address: str,
    img: str = "",
    online: bool | None = None,
    as_owner: bool = False,
    installation: str = "",
) -> User:
    """Create an account. The first becomes the owner, and names the `installation`; `as_owner` fails
    unless it is the first.

    Raises SignInRequired where registration is closed, OwnerExists, Invalid, NameTaken,
    RateLimited, Busy.
    """
    require = rules.require_no_owner if as_owner else rules.require_sign_up
    require()
    user = _new_user(name, img, is_invisible=online is False)
    rules.require_good_password(password, user)
    rules.count_sign_up(address)
    _require_decent(user)
    try:
        user.password = passwords.hashed(password, address=address)
    except errors.Busy:
        rules.refund_sign_up(address)
        raise
    return _store(user, require, installation=clean_installation_name(installation))


def sign_in(*, name: str, password: str, address: str, online: bool | None = None) -> User:
    """Check name and password and return the user; `open_browser` or `open_token` comes next.

    Raises InvalidCredentials for a wrong password, an unknown name and a deactivated user alike;
    RateLimited; Busy.
    """
    with rules.counted_attempt(name, address):
        user = selectors.by_name(name)
        if user is not None and rules.ban_is_over(user):
            user = _activate(user)
        with rules.counted_sign_in(user):
            fits = passwords.fits(user.password if user is not None else "", password, address=address)
            if not fits or user is None or not user.is_active:
                raise errors.InvalidCredentials()
    if passwords.is_outdated(user.password):
        with suppress(errors.Busy):  # then at another sign-in
            outdated, user.password = user.password, passwords.hashed(password, address=address)
            User.objects.filter(pk=user.pk, password=outdated).update(password=user.password)
    if online is not None and online == user.is_invisible:
        change_profile(user=user, online=online)
    return user


def create_guest(*, name: str, address: str, img: str = "", by: User | None = None) -> User:
    """Create a user without a password: anyone may while registration is open, else only staff.

    Raises SignInRequired or Forbidden, Invalid, NameTaken, RateLimited.
    """
    rules.require_registration(by)
    user = _new_user(name, img, is_guest=True, password=make_password(None))
    if by is None or not by.is_staff:
        rules.count_sign_up(address)
    _require_decent(user)
    return _store(user)


def create_user(*, name: str, password: str, img: str = "", language: str = "") -> User:
    """Create an account as staff, also while registration is closed.

    Raises Invalid, NameTaken, Busy.
    """
    user = _new_user(name, img, language=rules.clean_language(language))
    rules.require_good_password(password, user)
    user.password = passwords.hashed(password)
    return _store(user, may_be_reserved=True)


def _require_decent(user: User) -> None:
    """Refuse a new person's name for its words. After the sign-up was counted: each refusal writes a row."""
    require_decent_name(user.name, by=None, place=Place.NAME)


def _new_user(name: str, img: str, **fields: Any) -> User:
    name = clean_name(name)
    return User(name=name, name_key=name_key(name), img=rules.clean_new_img(img), **fields)


def name_installation(name: str) -> None:
    Installation.objects.filter(pk=Installation.ONLY).update(name=clean_installation_name(name))
    on_commit(selectors.forget_installation_name)


def clean_installation_name(name: str) -> str:
    """One line without control characters, of a length that a title can show."""
    seen = "".join(character if character.isprintable() else " " for character in name)
    return cut(" ".join(seen.split()), Installation.NAME_MAX)


def _store(
    user: User,
    require: Callable[[], None] = lambda: None,
    *,
    may_be_reserved: bool = False,
    installation: str = "",
) -> User:
    """Insert a new user.

    `require` is checked again: another account may have become the first meanwhile. The owner may take a reserved name,
    others where `may_be_reserved`.
    """

    def body() -> User:
        is_owner = not user.is_guest and not selectors.has_owner()
        require()  # after `has_owner`: an account that is not the first must not pass by an earlier check
        if User.objects.filter(name_key=user.name_key).exists():
            raise errors.NameTaken()
        if not (is_owner or may_be_reserved):
            require_not_reserved(user.name)
        if selectors.looks_taken(user.name):
            raise errors.NameLooksTaken()
        user.is_staff = user.is_superuser = is_owner
        user.save(force_insert=True)
        _store_skeletons(user)
        if is_owner:
            Installation(pk=Installation.ONLY, owner=user, name=installation).save(force_insert=True)
            on_commit(selectors.forget_installation_name)
        return user

    try:
        return run_atomic(body)
    except IntegrityError:  # the same name, or another first account, was stored meanwhile: check again
        return run_atomic(body)


def _store_skeletons(user: User) -> None:
    NameSkeleton.objects.bulk_create([NameSkeleton(key=key, user=user) for key in skeletons(user.name)])


# Devices --------------------------------------------------------------------------------------------------------------


def open_token(*, user: User, name: str = "") -> str:
    """Sign a client in and return its token, which is stored only as a hash.

    Raises InvalidCredentials if the password was changed meanwhile.
    """
    token = secrets.token_urlsafe(32)
    _open(Device(user=user, kind=Device.TOKEN, token_hash=_hash(token), name=name))
    return token


def open_browser(*, user: User, session: SessionBase, name: str = "") -> Device:
    """Sign a browser in under a new session key.

    Raises InvalidCredentials if the password was changed meanwhile.
    """
    session.flush()  # drops the data of the user before, and a session key that was planted (fixation)
    session.set_expiry(int(Device.lifetime().total_seconds()))
    session.save()
    return _open(Device(user=user, kind=Device.BROWSER, session_key=session.session_key, name=name))


def _open(device: Device) -> Device:
    user = device.user
    device.name = cut(" ".join(device.name.split()), 120)

    def body() -> Device:
        # The password may have been changed since it was checked, which signs all devices out.
        if not locked(User.objects.filter(pk=user.pk, password=user.password, is_active=True)).exists():
            raise errors.InvalidCredentials()
        now = times.now()
        device.created_at = device.last_seen_at = now
        device.expires_at = now + Device.lifetime()
        device.save(force_insert=True)
        mine = Device.objects.filter(user=user).exclude(pk=device.pk).order_by("-last_seen_at", "-id")
        known = list(mine.values_list("pk", "expires_at"))
        _revoke(user.pk, [pk for place, (pk, end) in enumerate(known, 2) if place > DEVICES_MAX or end <= now])
        return device

    return run_atomic(body)


def _revoke(user_id: UUID, device_ids: list[UUID]) -> None:
    if not device_ids:
        return
    devices = Device.objects.filter(pk__in=device_ids)
    keys = devices.filter(kind=Device.BROWSER).values_list("session_key", flat=True)
    Session.objects.filter(session_key__in=list(keys)).delete()
    devices.delete()

    def tell() -> None:
        for device_id in device_ids:
            events.device_revoked(user_id, device_id)

    on_commit(tell)


def sign_out(*, device: Device) -> None:
    """Sign one device out and close its sockets."""
    run_atomic(lambda: _revoke(device.user_id, [device.pk]))


def revoke_device(*, by: User, device_id: UUID) -> None:
    """Sign one of one's own devices out. Raises NotFound."""
    sign_out(device=selectors.device(by, device_id))


def revoke_others(*, by: User, but: Device) -> None:
    """Sign all of one's own devices out except one."""
    run_atomic(lambda: _revoke(by.pk, selectors.other_devices(by, but)))


def device_for_token(token: str) -> Device | None:
    """The signed-in device with this token, with its user.

    One query, and every few minutes an UPDATE.
    """
    device = _seen(selectors.device_by(token_hash=_hash(token)))
    if device is not None:
        accepted(token=token)
    return device


def device_for_session(session_key: str) -> Device | None:
    """The signed-in device with this session cookie, with its user."""
    device = _seen(selectors.device_by(session_key=session_key)) if session_key else None
    if device is not None:
        accepted(session_key=session_key)
    return device


def devices_for(shown: Sequence[Credentials], *, is_noted: bool = True) -> list[Device | None]:
    """The signed-in device for each of these credentials.

    One query, and every few minutes an UPDATE; none where what is stale is not noted here.
    """
    keys = [(_hash(one.token), "") if one.token else ("", one.session_key) for one in shown]
    found: dict[tuple[str, str], Device] = {}
    for device in selectors.devices_by(
        token_hashes={token_hash for token_hash, _ in keys if token_hash},
        session_keys={session_key for _, session_key in keys if session_key},
    ):
        found[device.token_hash or "", ""] = found["", device.session_key or ""] = device
    found.pop(("", ""), None)
    if is_noted and (stale := [device.pk for device in found.values() if device.is_stale]):
        note_devices(stale)
    for one, key in zip(shown, keys, strict=True):
        if key in found:
            accepted(one.token, one.session_key)
    return [found.get(key) for key in keys]


def users_for(tokens: Sequence[str]) -> list[User | None]:
    """The owner of each of these tokens, with the fields that messages show.

    One query, sometimes an UPDATE.
    """
    hashes = [_hash(token) for token in tokens]
    found = selectors.posters(set(hashes))
    if stale := [poster.device_id for poster in found.values() if poster.is_stale]:
        note_devices(stale)
    for token, token_hash in zip(tokens, hashes, strict=True):
        if token_hash in found:
            accepted(token)
    return [found[token_hash].user if token_hash in found else None for token_hash in hashes]


def _seen(device: Device | None) -> Device | None:
    if device is not None and device.is_stale:
        note_devices([device.pk])
    return device


def keep_signed_in(device_ids: Iterable[UUID]) -> set[UUID]:
    """Those of these devices that are still signed in; they stay so, because they are in use.

    One query, and every few minutes of a device an UPDATE.
    """
    living = selectors.living(device_ids)
    due = times.now() - Device.SEEN_EVERY
    if stale := [device_id for device_id, seen_at in living.items() if seen_at <= due]:
        note_devices(stale)
    return set(living)


def note_devices(device_ids: Iterable[UUID]) -> None:
    """Extend the sign-in of devices in use.

    One UPDATE; after a failure their next use tries again.
    """
    now = times.now()
    try:
        Device.objects.filter(pk__in=list(device_ids), last_seen_at__lte=now - Device.SEEN_EVERY).update(
            last_seen_at=now, expires_at=now + Device.lifetime()
        )
    except DatabaseError as error:
        log.warning("accounts: devices not noted: %s", error)


def forget_expired() -> None:
    """Delete the devices and sessions that have ended by themselves: every sign-in leaves a row."""
    now = times.now()
    Device.objects.filter(expires_at__lte=now).delete()
    Session.objects.filter(expire_date__lte=now).delete()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


# Profile --------------------------------------------------------------------------------------------------------------


def change_profile(
    *,
    user: User,
    name: str | None = None,
    img: str | None = None,
    language: str | None = None,
    online: bool | None = None,
    addable_by: str | None = None,
    may_be_reserved: bool = False,
) -> User:
    """Change the given fields of a profile. Raises Invalid, NameTaken, NameLooksTaken.

    The name that the user has stays good, whatever is refused by now. `may_be_reserved`: staff give the name.
    """
    changes: dict[str, Any] = {}
    if name is not None and name.strip() != user.name:
        name = clean_name(name)
        if not (user.is_staff or may_be_reserved):
            require_not_reserved(name)
        if not may_be_reserved:
            require_decent_name(name, by=user, place=Place.NAME)
        changes |= {"name": name, "name_key": name_key(name)}
    if img is not None:
        changes["img"] = rules.clean_img(img, shown=user.img)
    if language is not None:
        changes["language"] = rules.clean_language(language)
    if online is not None:
        changes["is_invisible"] = not online
    if addable_by is not None:
        changes["addable_by"] = addable_by
    return _change(user, changes)


def _tell_appearance(user: User) -> None:
    """Name, picture or marks changed, which every message of the user shows."""
    appearance_changed(user.pk)
    events.profile_changed(user)


def set_avatar(*, user: User, address: str) -> User:
    """Set the user's picture to one that was just made, and delete the one before."""
    return _change(user, {"img": address})


def _change(user: User, changes: Mapping[str, Any]) -> User:
    key, is_hidden = changes.get("name_key"), changes.get("is_invisible")

    def body() -> User:
        if key is not None and User.objects.filter(name_key=key).exclude(pk=user.pk).exists():
            raise errors.NameTaken()
        if key is not None:
            if selectors.looks_taken(changes["name"], but=user.pk):
                raise errors.NameLooksTaken()
            NameSkeleton.objects.filter(user=user).delete()
        if "img" in changes:
            # As stored now, not as loaded: two requests may change it at the same time.
            shown = locked(User.objects.filter(pk=user.pk)).values_list("img", flat=True).get()
            if shown != changes["img"]:
                avatars.delete_unused(shown)
        for field, value in changes.items():
            setattr(user, field, value)
        user.save(update_fields=list(changes))
        if key is not None:
            _store_skeletons(user)
        on_commit(lambda: events.person_changed(user))
        if changes.keys() & _SEEN:
            on_commit(lambda: _tell_appearance(user))
        if is_hidden:
            on_commit(lambda: _hide(user.pk))
        return user

    try:
        return run_atomic(body)
    except IntegrityError:
        raise errors.NameTaken() from None


def set_status(*, user: User, emoji: str, text: str, seconds: int | None = None) -> User:
    """Say something of oneself beside one's name, for a while or for good. Raises Invalid."""
    emoji, text = rules.clean_status(emoji, text)
    require_decent_text(text, by=user, place=Place.STATUS, field="text")
    return _say_status(user, emoji, text, times.now() + timedelta(seconds=seconds) if seconds else None)


def clear_status(*, user: User) -> User:
    return _say_status(user, "", "", None)


def _say_status(user: User, emoji: str, text: str, until: datetime | None) -> User:
    def body() -> User:
        user.say_status(emoji, text, until)
        user.save(update_fields=["status_json", "status_until"])
        on_commit(lambda: events.person_changed(user))
        on_commit(lambda: events.profile_changed(user))
        return user

    return run_atomic(body)


def set_notifying(*, user: User, **changes: Any) -> User:
    """Change what notifies a user: fields of `notifying.Notifying`."""

    def body() -> User:
        # As stored now, not as loaded: two requests may change it at the same time.
        stored = locked(User.objects.filter(pk=user.pk)).values_list("notifying_json", flat=True).get()
        user.notifying_json = packed(replace(unpacked(stored), **changes))
        user.save(update_fields=["notifying_json"])
        on_commit(lambda: events.person_changed(user))
        return user

    return run_atomic(body)


def change_password(*, user: User, old: str, new: str, address: str, device: Device | None) -> User:
    """Set a new password and sign out everywhere but on `device`; a guest's first makes a full
    account.

    Raises Invalid when the old one is wrong or the new one bad, RateLimited, Busy.
    """
    before = user.password
    return _store_password(user, _checked_password(user, old, new, address), device, before=before)


def _checked_password(user: User, old: str, new: str, address: str) -> str:
    """Check the old password, and return the hash of the new one."""
    rules.require_good_password(new, user)
    if user.has_usable_password():
        try:
            with rules.counted_attempt(user.name, address):
                if not passwords.fits(user.password, old):
                    raise errors.InvalidCredentials()
        except errors.InvalidCredentials:
            raise rules.wrong_old_password() from None
    return passwords.hashed(new)


def set_password(*, user: User, new: str) -> User:
    """Set a user's password as staff; the user is signed out everywhere. Raises Invalid, Busy."""
    rules.require_good_password(new, user)
    return _store_password(user, passwords.hashed(new), None)


def _store_password(user: User, password: str, device: Device | None, *, before: str | None = None) -> User:
    """Store a hash.

    `before`: what was stored when the old password was checked. Where it changed meanwhile, that check is
    worth nothing: Invalid.
    """
    was_guest, user.password, user.is_guest = user.is_guest, password, False
    kept = device.pk if device is not None else None

    def body() -> User:
        if before is not None and not locked(User.objects.filter(pk=user.pk, password=before)).exists():
            raise rules.wrong_old_password()
        user.save(update_fields=["password", "is_guest"])
        others = Device.objects.filter(user=user)
        (others.exclude(pk=kept) if kept else others).delete()
        on_commit(lambda: events.other_devices_revoked(user.pk, kept))
        if was_guest:
            on_commit(lambda: events.person_changed(user))
            on_commit(lambda: _tell_appearance(user))
        return user

    return run_atomic(body)


def change_me(
    *, user: User, device: Device, address: str, password: str | None = None, old_password: str = "", **profile: Any
) -> User:
    """`change_profile` and `change_password` in one transaction."""
    new, before = None, user.password
    if password is not None:
        new = _checked_password(user, old_password, password, address)

    def body() -> User:
        if profile:
            change_profile(user=user, **profile)
        if new is not None:
            _store_password(user, new, device, before=before)
        return user

    return run_atomic(body)


def password_link(user: User) -> tuple[str, str]:
    """The two parts of an address at which the user sets a new password: once, within PASSWORD_RESET_TIMEOUT."""
    return urlsafe_base64_encode(str(user.pk).encode()), default_token_generator.make_token(user)


def note_active(user_ids: Iterable[UUID], at: datetime) -> None:
    """Set `last_active` of users, except invisible ones. One UPDATE."""
    User.objects.filter(pk__in=list(user_ids), is_invisible=False).update(last_active=at)


# Staff ----------------------------------------------------------------------------------------------------------------


def deactivate(*, user: User, by: User, until: datetime | None = None) -> User:
    """Sign a user out everywhere and refuse them until then, or until `activate`; their messages stay.

    The groups that they own go to others. Raises Forbidden.
    """
    rules.require_may_shut_out(by, user)
    user.is_active, user.banned_until = False, until

    def body() -> User:
        user.save(update_fields=["is_active", "banned_until"])
        Device.objects.filter(user=user).delete()
        pass_on_groups(user)
        on_commit(lambda: events.deactivated(user.pk))
        on_commit(lambda: events.profile_changed(user))
        on_commit(lambda: _hide(user.pk))
        return user

    return run_atomic(body)


def activate(*, user: User, by: User) -> User:
    """End a deactivation. Raises Forbidden."""
    rules.require_may_shut_out(by, user)
    return _activate(user)


def _activate(user: User) -> User:
    user.is_active, user.banned_until = True, None

    def body() -> User:
        user.save(update_fields=["is_active", "banned_until"])
        on_commit(lambda: events.profile_changed(user))
        return user

    return run_atomic(body)


def end_bans() -> None:
    """Let those in again whose ban is over. One query, as a rule."""
    for user in selectors.banned_until(times.now()):
        _activate(user)


def silence(*, user: User, by: User, until: datetime | None) -> User:
    """Let a user read but not write until then; None ends it. Raises Forbidden."""
    rules.require_may_shut_out(by, user)
    user.silenced_until = until

    def body() -> User:
        user.save(update_fields=["silenced_until"])
        on_commit(lambda: events.person_changed(user))
        return user

    return run_atomic(body)


def take_status(*, user: User, by: User) -> User:
    """End what a user says of themselves, as staff; it is told as if they had ended it. Raises Forbidden."""
    rules.require_may_edit(by, user)
    return clear_status(user=user)


def take_picture(*, user: User, by: User) -> User:
    """Take a user's picture away, as staff; it is told as if they had taken it away. Raises Forbidden."""
    rules.require_may_edit(by, user)
    return _change(user, {"img": ""})


def set_rights(*, user: User, by: User, is_staff: bool, is_superuser: bool) -> User:
    """Grant or revoke a user's access to the administration. Raises Forbidden."""
    if (is_staff, is_superuser) == (user.is_staff, user.is_superuser):
        return user
    rules.require_may_give_rights(by, user)
    user.is_staff, user.is_superuser = is_staff, is_superuser

    def body() -> User:
        user.save(update_fields=["is_staff", "is_superuser"])
        on_commit(lambda: events.person_changed(user))
        on_commit(lambda: _tell_appearance(user))
        return user

    return run_atomic(body)


def end_device(*, device: Device, by: User) -> None:
    """Sign any user's device out, as staff. Raises Forbidden."""
    rules.require_may_edit(by, device.user)
    sign_out(device=device)


def _hide(user_id: UUID) -> None:
    try:
        presence.hide(user_id)
    except redis.Unavailable as away:
        log.warning("accounts: %s is seen until presence expires: %s", user_id, type(away).__name__)
