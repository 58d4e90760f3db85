"""What a process does for the sockets it holds: keeps their people here, notices who is gone, and checks that each may
still hear what it hears. The pushes of the hub are hints; these jobs are what makes them true in the end.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings

from accounts import selectors as people
from accounts import services as accounts
from accounts.models import Device, User
from accounts.serializers import user_output
from chatproject.core import hub, redis
from chatproject.core.batching.loader import BatchLoader
from chatproject.core.db.transactions import in_thread, keep_connection, release_connection
from chatproject.core.http.credentials import Credentials
from chatproject.core.redis import rate_limits
from chatproject.core.times import iso, now
from groups import selectors as rooms
from messaging import events, unread_push
from messaging.services import uploads
from presence import selectors as presence
from presence import services as presence_services

#: People online up to which everyone is sent the whole list on every change.
SMALL = 200
#: Seconds between two pushes of that list.
LIST_FOLD = 0.5
#: Seconds within which a socket that should have been closed or evicted is, though the hint was lost.
RECHECK = 60
#: Seconds between two looks whether uploads have to be swept, and how often they are, by whichever process comes first.
SWEEP_UPLOADS = 600
SWEEPS_OF_UPLOADS = "1/h"
#: Seconds within which those who leave are swept together.
SWEEP_FOLD = 0.05
#: The close code of whoever opens sockets too often.
TRY_LATER = 1013

_list_changed = asyncio.Event()
#: Whom this process keeps in Redis, and whether Redis had lost some of them at the last refresh: it came back empty.
_kept: set[UUID] = set()
_is_forgetful = False
_rounds = 0
#: When those who left here have been gone for long enough, in the loop's time.
_sweeps_due: deque[float] = deque()
_some_left = asyncio.Event()


def start() -> None:
    """Set this process's jobs up; called once, before the first socket."""
    unread_push.start()
    hub.every(presence_services.REFRESH_SECONDS, refresh)
    hub.every(1, sweep)
    hub.every(0, sweep_those_who_left)
    hub.every(LIST_FOLD, push_online_list)
    hub.every(RECHECK, recheck)
    hub.every(SWEEP_UPLOADS, sweep_uploads)


@dataclass(frozen=True, slots=True)
class Admission:
    """Who opens a socket, and what it hears."""

    user: User
    device_id: UUID
    topics: list[str]


async def admit(shown: Credentials) -> Admission | int:
    """Who may open a socket with this; or the close code of the refusal."""
    return await _admission(shown)


def _admissions(shown: list[Credentials]) -> list[Admission | int]:
    """Everyone who came at the same moment: two queries and one round trip to Redis, however many they are."""
    devices = accounts.devices_for(shown)
    comers = [str(device.user_id) for device in devices if device is not None]
    within = iter(rate_limits.within_each("connections", comers, settings.RATE_CONNECTIONS))
    answers: list[Device | int] = [
        hub.SIGN_IN if device is None else device if next(within) else TRY_LATER for device in devices
    ]
    topics = _topics_of({device.user_id for device in answers if isinstance(device, Device)})
    return [Admission(one.user, one.pk, topics[one.user_id]) if isinstance(one, Device) else one for one in answers]


def _topics_of(user_ids: Collection[UUID]) -> dict[UUID, list[str]]:
    """What these people's sockets hear, and the rooms they belong to without hearing them."""
    topics = {user_id: [hub.user_topic(user_id)] for user_id in user_ids}
    names: dict[tuple[UUID, bool], str] = {}
    for user_id, room_id, away in rooms.memberships_of_many(user_ids) if user_ids else ():
        if (room_id, away) not in names:
            name = hub.room_topic(room_id)
            names[room_id, away] = hub.paused(name) if away else name
        topics[user_id].append(names[room_id, away])
    return topics


async def arrive(socket: hub.Socket) -> None:
    """A socket opened. A person who wants to be seen is online from now on."""
    if socket.is_visible:
        try:
            if await _arrival((socket.user_id, socket.id)):
                _list_changed.set()
            _kept.add(socket.user_id)
        except redis.Unavailable:
            return  # the next refresh brings him


def _arrive(pairs: list[tuple[UUID, str]]) -> list[bool]:
    came = set(presence_services.refresh(pairs))
    return [user_id in came for user_id, _ in pairs]


async def leave(socket: hub.Socket) -> None:
    """A socket closed; the sweep tells the others, unless he is back before that."""
    if socket.is_visible:
        try:
            await _departure((socket.user_id, socket.id))
        except redis.Unavailable:
            return  # his keys expire
        gone_at = asyncio.get_running_loop().time() + presence_services.GRACE_SECONDS
        if not _sweeps_due or _sweeps_due[-1] < gone_at:
            _sweeps_due.append(gone_at + SWEEP_FOLD)
            _some_left.set()


def _leave(pairs: list[tuple[UUID, str]]) -> list[None]:
    presence_services.leave(pairs)
    return [None] * len(pairs)


async def moved(user_id: UUID, known: bytes) -> tuple[dict[str, int], bytes]:
    """Which of somebody's chats moved since he knew `known`, and where they stand; 0 for one that is his no more.

    And what he knows now: a few bytes for each chat, because every idle socket keeps it.
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


_admission = BatchLoader(_admissions)
_arrival = BatchLoader(_arrive)
_departure = BatchLoader(_leave)
_versions = BatchLoader(_versions_of)


async def refresh() -> None:
    """Keep everyone here whose socket this process holds."""
    global _kept, _is_forgetful, _rounds
    _rounds += 1
    pairs = [(socket.user_id, socket.id) for socket in hub.local().sockets.values() if socket.is_visible]
    came: set[UUID] = set()
    for remainder in (0, 1):  # each socket wholly every other time
        share = [(user_id, socket_id) for user_id, socket_id in pairs if int(socket_id[-1], 16) % 2 == remainder]
        if share:
            is_whole = _rounds % 2 == remainder
            came.update(await in_thread(presence_services.refresh, share, is_whole=is_whole))
    if came:
        _list_changed.set()
    if _is_forgetful:  # since the last time; by now every process has brought its own people back
        await _restate()
    _is_forgetful = bool(came & _kept)
    _kept = {user_id for user_id, _ in pairs}


async def _restate() -> None:
    """Tell the watchers here how those stand whom they watch: of whom Redis forgot, nobody is told that he is gone."""
    prefix = hub.status_topic("")
    watched = [UUID(topic.removeprefix(prefix)) for topic in hub.local().topics if topic.startswith(prefix)]
    for payload in await in_thread(statuses, watched):
        frame = hub.encode("OnUserStatus", payload)
        for socket in hub.local().topics.get(hub.status_topic(str(payload["userId"])), ()):
            socket.push(frame)


async def sweep() -> None:
    """Announce who is gone: who closed his last socket, and whose process was killed."""
    while gone := await in_thread(presence_services.sweep):
        await in_thread(accounts.note_active, gone, now())
        _list_changed.set()


async def sweep_those_who_left() -> None:
    """Announce who left here as soon as he counts as gone, and not only with the next sweep."""
    await _some_left.wait()
    while _sweeps_due:
        await asyncio.sleep(_sweeps_due.popleft() - asyncio.get_running_loop().time())
        await sweep()
    _some_left.clear()


async def push_online_list() -> None:
    """The whole list to everyone, while everyone is few."""
    if not _list_changed.is_set():
        return
    _list_changed.clear()
    if await in_thread(presence.count) <= SMALL:
        events.online_list(await in_thread(_everyone))


async def online_list(user_id: UUID) -> bytes:
    """Who is online, as OnlineUsersList tells it: everyone, or in a large installation his contacts, and how many in
    all. JSON, because those who come at once get the same.
    """
    return await _online_list(user_id)


def _online_lists(user_ids: list[UUID]) -> list[bytes]:
    count = presence.count()
    if count <= SMALL:
        return [_everyone()] * len(user_ids)
    return [_encoded(presence.online_among(rooms.contacts(user_id)), count) for user_id in user_ids]


def _everyone() -> bytes:
    here = presence.online(SMALL)
    return _encoded(here, len(here))


def _encoded(user_ids: Iterable[UUID], count: int) -> bytes:
    return orjson.dumps({"userList": _outputs(user_ids), "onlineUsersNum": count})


_online_list = BatchLoader(_online_lists)


def _outputs(user_ids: Iterable[UUID]) -> list[dict[str, Any]]:
    return [user_output(user, online=True) for user in people.by_ids(user_ids).values()]


def statuses(user_ids: list[UUID]) -> list[dict[str, object]]:
    """How these people stand now, as OnUserStatus tells it."""
    here = presence.online_among(user_ids)
    found = people.by_ids(user_ids).values()
    return [{"userId": str(one.pk), "online": one.pk in here, "lastActive": iso(one.last_active)} for one in found]


async def sweep_uploads() -> None:
    """Remove uploads that nobody sent, and files that are nobody's."""
    await asyncio.to_thread(_sweep_uploads)  # it may take minutes, and the threads of sockets are few


def _sweep_uploads() -> None:
    (is_due,) = rate_limits.within_each("upload-sweeps", ["all"], SWEEPS_OF_UPLOADS)
    if is_due:
        keep_connection()
        uploads.sweep()
        release_connection()


async def recheck() -> None:
    """Close sockets whose device was revoked, and put every socket into the rooms it belongs to."""
    sockets = tuple(hub.local().sockets.values())
    if not sockets:
        return
    living = await in_thread(people.living, {socket.device_id for socket in sockets})
    await in_thread(accounts.note_devices, living)  # a socket alone keeps its device signed in, too
    topics = await in_thread(_topics_of, {socket.user_id for socket in sockets})
    for socket in sockets:
        if socket.device_id not in living:
            socket.close(hub.SIGN_IN)
            continue
        right = {topic for topic in topics[socket.user_id] if hub.is_room(topic)}
        heard = {topic for topic in socket.topics if hub.is_room(topic)}
        if right != heard:
            hub.leave(socket, heard - right)
            await hub.join(socket, right - heard)
