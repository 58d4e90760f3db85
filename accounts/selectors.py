"""Every query for users and their devices."""

import time
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache, reduce
from itertools import chain
from operator import or_
from typing import NamedTuple
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext

from accounts.models import Device, Installation, NameSkeleton, User
from accounts.names import name_key, skeletons
from chatproject.core import errors, times
from chatproject.core.db import bulk
from chatproject.core.db.queries import containing, first_containing, page
from chatproject.core.db.rows import Columns, every_column, parts
from chatproject.core.files.avatars import ADDRESS
from chatproject.core.text import Wanted

#: Seconds for which a process remembers the installation's name, which every page shows.
NAME_SECONDS = 5

#: The fields of a connected user that stay in memory.
CONNECTED = (
    "name",
    "img",
    "language",
    "is_active",
    "is_guest",
    "is_staff",
    "is_invisible",
    "last_active",
    "silenced_until",
    "notifying_json",
    "status_json",
    "status_until",
)

#: What is read of devices and their users: everything, or of connected users what stays in memory.
_WHOLE = (every_column(Device), every_column(User))
_OF_CONNECTED = (
    Columns(Device, "id", "user", "token_hash", "session_key", "last_seen_at", "expires_at"),
    Columns(User, "id", *CONNECTED),
)


def get(user_id: UUID | str) -> User:
    """One user, also a deactivated one: their messages stay readable. Raises NotFound."""
    try:
        return User.objects.get(pk=UUID(str(user_id)))
    except (User.DoesNotExist, ValueError):
        raise errors.NotFound() from None


def by_ids(ids: Iterable[UUID]) -> dict[UUID, User]:
    """The existing users among these ids, by id. One query."""
    return User.objects.in_bulk(list(set(ids)))


def by_name(name: str) -> User | None:
    return User.objects.filter(name_key=name_key(name)).first()


def banned_until(at: datetime) -> list[User]:
    """Those whose ban has ended by then, and who are still shut out."""
    return list(User.objects.filter(is_active=False, banned_until__lte=at))


def looks_taken(name: str, *, but: UUID | None = None) -> bool:
    """Whether the name of another user looks like this one."""
    alike = NameSkeleton.objects.filter(key__in=skeletons(name))
    return (alike.exclude(user_id=but) if but else alike).exists()


def avatars() -> set[str]:
    """The addresses of all generated avatars in use by users."""
    return set(User.objects.filter(img__startswith=ADDRESS).values_list("img", flat=True))


def has_owner() -> bool:
    """Whether the first account exists, which owns the installation."""
    return Installation.objects.exists()


def installation_name() -> str:
    """The name of the installation, or what every unnamed one is called, in the active language."""
    return _stored_name(int(time.monotonic() / NAME_SECONDS)) or gettext("Chat")


@lru_cache(1)
def _stored_name(period: int) -> str:
    return Installation.objects.values_list("name", flat=True).first() or ""


def forget_installation_name() -> None:
    """It was changed. Other processes see it within NAME_SECONDS."""
    _stored_name.cache_clear()


def people(*, by: User, search: str = "", after: str = "", limit: int, only_contacts: bool = False) -> list[User]:
    """A page of the active users, by name; `by` and those who share a chat with them, if `only_contacts`.

    `after`: the last `name_key` of the page before.
    """
    return list(_people(by, search, after, only_contacts)[:limit])


def named(part: str, *, by: User, limit: int, only_contacts: bool = False) -> list[UUID]:
    """The ids of people whose name contains this, also of those who are gone."""
    found = _people(by, "", "", only_contacts, are_active=None)
    wanted = Wanted(part, by_sound=True)
    return (
        first_containing(found, "name", wanted, limit) if wanted else list(found.values_list("pk", flat=True)[:limit])
    )


def person(user_id: UUID, *, by: User, only_contacts: bool = False) -> User:
    """One of `people`. Raises NotFound."""
    found = _people(by, "", "", only_contacts).filter(pk=user_id).first()
    if found is None:
        raise errors.NotFound()
    return found


def end_of_people(
    count: int, *, by: User, search: str = "", after: str = "", only_contacts: bool = False
) -> str | None:
    """The `name_key` of the last of `count` people; None if there are no more than these."""
    keys = list(_people(by, search, after, only_contacts).values_list("name_key", flat=True)[count - 1 : count + 1])
    return keys[0] if len(keys) == 2 else None


def _people(
    by: User, search: str, after: str, only_contacts: bool, *, are_active: bool | None = True
) -> QuerySet[User]:
    found = User.objects.filter(name_key__gt=after)
    if are_active is not None:
        found = found.filter(is_active=are_active)
    if only_contacts:
        # By the names of the relations: accounts know no groups.
        found = found.filter(Q(memberships__room__memberships__user=by) | Q(pk=by.pk)).distinct()
    if wanted := Wanted(search, by_sound=True):
        found = containing(found, "name", wanted)
    return found.order_by("name_key")


def devices(user: User) -> list[Device]:
    """A user's signed-in devices, the most recently used first."""
    return list(Device.objects.filter(user=user, expires_at__gt=times.now()).order_by("-last_seen_at", "-id"))


def other_devices(user: User, but: Device) -> list[UUID]:
    """The ids of a user's devices except one, expired ones included."""
    return list(Device.objects.filter(user=user).exclude(pk=but.pk).values_list("pk", flat=True))


def device(user: User, device_id: UUID) -> Device:
    """One of the user's own devices. Raises NotFound."""
    try:
        return Device.objects.get(pk=device_id, user=user)
    except Device.DoesNotExist:
        raise errors.NotFound() from None


def device_by(**key: str) -> Device | None:
    """The signed-in device with this `token_hash` or `session_key`, with its user. One query."""
    ((name, value),) = key.items()
    found = _with_users(_WHOLE, {name: [value]})
    return found[0] if found else None


def devices_by(*, token_hashes: Collection[str], session_keys: Collection[str]) -> list[Device]:
    """The signed-in devices with any of these keys, with the CONNECTED fields of their users.

    One query.
    """
    return _with_users(_OF_CONNECTED, {"token_hash": token_hashes, "session_key": session_keys})


def _with_users(columns: tuple[Columns[Device], Columns[User]], keys: Mapping[str, Collection[str]]) -> list[Device]:
    """The signed-in devices that have one of these values in a column, with their users.

    Own SQL: every request costs it.
    """
    wanted = {name: list(values) for name, values in keys.items() if values}
    if not wanted:
        return []
    found = (_by_rows if bulk.speaks_sql() else _by_models)(columns, wanted)
    now = times.now()
    return [device for device in found if device.is_living(now)]


def _by_rows(columns: tuple[Columns[Device], Columns[User]], wanted: Mapping[str, list[str]]) -> list[Device]:
    of_device, of_user = columns
    shown = " OR ".join(f"device.{name} IN {bulk.marks(len(values))}" for name, values in wanted.items())
    query = f"""
        SELECT {of_device.of("device")}, {of_user.of("person")}
        FROM accounts_device device JOIN accounts_user person ON person._id = device.user_id WHERE {shown}
    """  # noqa: S608
    device, user = parts(of_device, of_user)
    return [
        of_device.made(row[device], related={"user": of_user.made(row[user], related={})})
        for row in bulk.select(query, list(chain.from_iterable(wanted.values())))
    ]


def _by_models(columns: tuple[Columns[Device], Columns[User]], wanted: Mapping[str, list[str]]) -> list[Device]:
    of_device, of_user = columns
    shown = reduce(or_, (Q(**{f"{name}__in": values}) for name, values in wanted.items()))
    needed = (*of_device.names, *(f"user__{name}" for name in of_user.names))
    return page(Device.objects.filter(shown).only(*needed)[: sum(map(len, wanted.values()))], "user")


class Poster(NamedTuple):
    """The owner of a valid token, with the fields that messages show of a sender."""

    device_id: UUID
    is_stale: bool
    user: User


def posters(token_hashes: Collection[str]) -> dict[str, Poster]:
    """The owners of the valid tokens among these, by hash.

    One query, in own SQL: every fast send costs it.
    """
    if not bulk.speaks_sql():
        found = devices_by(token_hashes=token_hashes, session_keys=())
        return {device.token_hash or "": Poster(device.pk, device.is_stale, device.user) for device in found}
    now = times.now()
    query = f"""
        SELECT token_hash, device._id, last_seen_at <= %s, person._id, person.name, img, language, is_staff, is_guest,
            silenced_until > %s
        FROM accounts_device device JOIN accounts_user person ON person._id = user_id
        WHERE token_hash IN {bulk.marks(len(token_hashes))} AND expires_at > %s AND is_active
    """  # noqa: S608
    rows = bulk.select(
        query, [bulk.to_db_value(now - Device.SEEN_EVERY), bulk.to_db_value(now), *token_hashes, bulk.to_db_value(now)]
    )
    return {
        token_hash: Poster(
            bulk.id_of(device_id),
            bool(is_stale),
            User.from_db(
                None,
                _SHOWN,
                (
                    bulk.id_of(user_id),
                    name,
                    img,
                    language,
                    bool(is_staff),
                    bool(is_guest),
                    _LATER if is_silent else None,
                ),
            ),
        )
        for token_hash, device_id, is_stale, user_id, name, img, language, is_staff, is_guest, is_silent in rows
    }


#: In the order of the model: `from_db` takes the values in that.
_SHOWN = ("id", "name", "img", "language", "is_staff", "is_guest", "silenced_until")
#: Of a user who is silenced at the moment: until when, this query does not tell.
_LATER = datetime.max.replace(tzinfo=UTC)


def living(device_ids: Iterable[UUID]) -> dict[UUID, datetime]:
    """When each of these devices was last seen that is still signed in. One query."""
    alive = Device.objects.filter(
        pk__in=list(device_ids), expires_at__gt=times.now()
    )  # deactivated users have no devices
    return dict(alive.values_list("pk", "last_seen_at"))
