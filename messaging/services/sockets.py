"""What the one socket asks for: admission, presence, chat heads, who is online.

Users connect, disconnect and send heartbeats in crowds, so each question goes to a `BatchLoader`:
those asked in the same moment share their queries and their round trips to Redis.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import OperationalError

from accounts import selectors as people
from accounts import services as accounts
from accounts.models import Device, User
from accounts.rules import sees_only_contacts
from accounts.serializers import user_output
from chatproject.core import hub, redis
from chatproject.core.batching.loader import BatchLoader
from chatproject.core.db import bulk
from chatproject.core.db.transactions import as_busy
from chatproject.core.http.credentials import Credentials
from chatproject.core.redis import rate_limits
from chatproject.core.times import iso
from groups import selectors as rooms
from messaging.services import read_cursors
from presence import selectors as presence
from presence import services as presence_services

#: With at most so many people online, everyone gets the whole list of them on every change.
SMALL = 200
#: Seconds within which those who left are swept together.
SWEEP_FOLD_SECONDS = 0.05
#: Seconds in which those of a crowd who connect or leave are handled together.
CROWD_SECONDS = 0.03
#: Names of topics that are not made again.
TOPICS_REMEMBERED = 16_384
#: The close code for a user who opens sockets too often, or has too many.
TRY_LATER = 1013

# What `messaging.background` works on ---------------------------------------------------------------------------------

#: Set when somebody came or went.
online_list_changed = asyncio.Event()
#: Devices whose sockets opened here, and whose use is to be noted.
unnoted: set[UUID] = set()
#: When the sockets that closed here stop counting as online, in the event loop's time, ascending.
departures: deque[float] = deque()
departed = asyncio.Event()


# Opening and closing --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Admission:
    """The user and device of a new socket, and the topics it hears."""

    user: User
    device_id: UUID
    is_stale: bool
    topics: list[str]


async def admit(shown: Credentials) -> Admission | int:
    """Authenticate a handshake; returns the close code where it is refused, or the database is away."""
    try:
        admission = await _admission(shown)
    except OperationalError as error:
        if as_busy(error) is None:
            raise
        return TRY_LATER
    if isinstance(admission, Admission) and admission.is_stale:
        unnoted.add(admission.device_id)
    return admission


def _admissions(shown: list[Credentials]) -> list[Admission | int]:
    """Two queries and one round trip to Redis for any number of handshakes."""
    devices = accounts.devices_for(shown, is_noted=False)
    user_ids = [str(device.user_id) for device in devices if device is not None]
    within = iter(rate_limits.within_each("connections", user_ids, settings.RATE_CONNECTIONS))
    answers: list[Device | int] = [
        hub.SIGN_IN if device is None else device if next(within) else TRY_LATER for device in devices
    ]
    seats = seats_of({device.user_id for device in answers if isinstance(device, Device)})
    return [_admission_of(one, seats) if isinstance(one, Device) else one for one in answers]


def _admission_of(device: Device, seats: Mapping[UUID, str]) -> Admission:
    topics = [hub.user_topic(device.user_id), *rooms_heard(seats.get(device.user_id, ""))]
    return Admission(device.user, device.pk, device.is_stale, topics)


def seats_of(user_ids: Collection[UUID]) -> dict[UUID, str]:
    """The groups of these users, to be made topics of by `rooms_heard`."""
    return rooms.seats_of_many(user_ids) if user_ids else {}


def rooms_heard(seats: str) -> list[str]:
    """The topics of a user's groups; those that they are away from are paused topics."""
    return list(map(_room_topic, seats.split()))


@lru_cache(TOPICS_REMEMBERED)
def _room_topic(seat: str) -> str:
    name = hub.room_topic(bulk.text_of(seat.removeprefix(rooms.AWAY)))
    return hub.paused(name) if seat.startswith(rooms.AWAY) else name


async def arrive(socket: hub.Socket) -> None:
    """A socket opened: its user is online, unless they appear offline."""
    if socket.is_visible:
        try:
            if await _arrival((socket.user_id, socket.id)):
                online_list_changed.set()
            socket.is_announced = True
        except redis.Unavailable:
            return  # the next refresh brings them


def _arrivals(pairs: list[tuple[UUID, str]]) -> list[bool]:
    came = set(presence_services.refresh(pairs))
    return [user_id in came for user_id, _ in pairs]


async def leave(socket: hub.Socket) -> None:
    """A socket closed: its user goes offline with the sweep, unless another socket opens before."""
    if socket.is_visible:
        try:
            await _departure((socket.user_id, socket.id))
        except redis.Unavailable:
            return  # the user's keys expire
        gone_at = asyncio.get_running_loop().time() + presence_services.GRACE_SECONDS
        if not departures or departures[-1] < gone_at:
            departures.append(gone_at + SWEEP_FOLD_SECONDS)
            departed.set()


def _departures(pairs: list[tuple[UUID, str]]) -> list[None]:
    presence_services.leave(pairs)
    return [None] * len(pairs)


# Heartbeats -----------------------------------------------------------------------------------------------------------


async def moved(user_id: UUID, known: bytes) -> tuple[dict[str, int], bytes]:
    """The versions of the user's chats that changed since `known`, 0 for one they no longer have;
    the new `known`.

    `known` is packed, 24 bytes a chat, because every idle socket keeps it.
    """
    versions = await _versions(user_id)
    now_known = b"".join(sorted(chat_id.bytes + version.to_bytes(8) for chat_id, version in versions.items()))
    if now_known == known:
        return {}, known
    before = {known[at : at + 16]: known[at + 16 : at + 24] for at in range(0, len(known), 24)}
    heads = {str(one): new for one, new in versions.items() if before.pop(one.bytes, b"") != new.to_bytes(8)}
    return heads | {str(UUID(bytes=one)): 0 for one in before}, now_known


def _versions_of(user_ids: list[UUID]) -> list[dict[UUID, int]]:
    found = rooms.versions(user_ids)
    return [found[user_id] for user_id in user_ids]


# Who is online --------------------------------------------------------------------------------------------------------


async def online_list(user_id: UUID) -> bytes:
    """The data of OnlineUsersList for one user, as JSON: everyone online, or in a large
    installation their contacts.
    """
    return await _online_list(user_id)


def _online_lists(user_ids: list[UUID]) -> list[bytes]:
    count = presence.count()
    limited = _limited(user_ids)
    if count <= SMALL:
        everyone = everyone_online()
        online = presence.online(SMALL) if limited else []
        return [_encoded(rooms.sharing(user_id, online)) if user_id in limited else everyone for user_id in user_ids]
    return [_encoded(presence.online_among(rooms.contacts(user_id)), count) for user_id in user_ids]


def _limited(user_ids: list[UUID]) -> set[UUID]:
    """Those of these users who see only people with whom they share a chat."""
    if settings.GUESTS_SEE == "everyone":
        return set()
    return {user.pk for user in people.by_ids(user_ids).values() if sees_only_contacts(user)}


def everyone_online() -> bytes:
    """The data of OnlineUsersList with everyone in it, as JSON."""
    return _encoded(presence.online(SMALL))


def _encoded(user_ids: Iterable[UUID], count: int | None = None) -> bytes:
    """These users, and how many there are: who was erased a moment ago is still online in Redis."""
    listed = _outputs(user_ids)
    return orjson.dumps({"userList": listed, "onlineUsersNum": len(listed) if count is None else count})


def _outputs(user_ids: Iterable[UUID]) -> list[dict[str, Any]]:
    return [user_output(user, online=True) for user in people.by_ids(user_ids).values()]


def watchable(user: User, user_ids: list[UUID]) -> list[UUID]:
    """Those of these users whose presence the user may watch."""
    if not sees_only_contacts(user):
        return user_ids
    contacts = rooms.sharing(user.pk, user_ids)
    return [one for one in user_ids if one in contacts]


def statuses(user_ids: list[UUID]) -> list[dict[str, object]]:
    """The data of an OnUserStatus for each of these users that exists."""
    online = presence.online_among(user_ids)
    found = people.by_ids(user_ids).values()
    return [{"userId": str(one.pk), "online": one.pk in online, "lastActive": iso(one.last_active)} for one in found]


async def unread(user_id: UUID) -> dict[str, Any]:
    """The data of OnUnreadCount."""
    return await _unread(user_id)


_admission = BatchLoader(_admissions, pause=CROWD_SECONDS)
_arrival = BatchLoader(_arrivals, pause=CROWD_SECONDS)
_departure = BatchLoader(_departures, pause=CROWD_SECONDS)
_versions = BatchLoader(_versions_of)
_online_list = BatchLoader(_online_lists)
_unread = BatchLoader(read_cursors.unread_of_many, batch_max=50)
