"""What a process does for the sockets it holds: keeps their people here, notices who is gone, and checks that each may
still hear what it hears. The pushes of the hub are hints; these jobs are what makes them true in the end.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, TypedDict
from uuid import UUID

from accounts import selectors as people
from accounts import services as accounts
from accounts.serializers import user_output
from chatproject.core import hub, redis
from chatproject.core.db import in_thread
from chatproject.core.times import iso, now
from groups import selectors as rooms
from messaging import events
from messaging.events import unread
from presence import selectors as presence
from presence import services as presence_services

#: People online up to which everyone is sent the whole list on every change.
SMALL = 200
#: Seconds between two pushes of that list.
LIST_FOLD = 0.5
#: Seconds within which a socket that should have been closed or evicted is, though the hint was lost.
RECHECK = 60

_list_changed = asyncio.Event()
#: Whom this process keeps in Redis, and whether Redis had lost some of them at the last refresh: it came back empty.
_kept: set[UUID] = set()
_is_forgetful = False


def start() -> None:
    """Set this process's jobs up; called once, before the first socket."""
    unread.start()
    hub.every(presence_services.REFRESH_SECONDS, refresh)
    hub.every(1, sweep)
    hub.every(LIST_FOLD, push_online_list)
    hub.every(RECHECK, recheck)


def topics_of(user_id: UUID) -> list[str]:
    """What somebody's socket hears, and the rooms it belongs to without hearing them."""
    topics = [hub.user_topic(user_id)]
    for room_id, away in rooms.groups_of(user_id):
        topic = hub.room_topic(room_id)
        topics.append(hub.muffled(topic) if away else topic)
    return topics


async def arrive(socket: hub.Socket) -> None:
    """A socket opened. A person who wants to be seen is online from now on."""
    if socket.is_visible:
        try:
            if await in_thread(presence_services.refresh, [(socket.user_id, socket.id)]):
                _list_changed.set()
            _kept.add(socket.user_id)
        except redis.Unavailable:
            return  # the next refresh brings him


async def leave(socket: hub.Socket) -> None:
    """A socket closed; the sweep tells the others, unless he is back before that."""
    if socket.is_visible:
        try:
            await in_thread(presence_services.leave, socket.user_id, socket.id)
        except redis.Unavailable:
            return  # his keys expire


async def refresh() -> None:
    """Keep everyone here whose socket this process holds."""
    global _kept, _is_forgetful
    pairs = [(socket.user_id, socket.id) for socket in hub.local().sockets.values() if socket.is_visible]
    came = set(await in_thread(presence_services.refresh, pairs)) if pairs else set()
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
    gone = await in_thread(presence_services.sweep)
    if gone:
        await in_thread(accounts.note_active, gone, now())
        _list_changed.set()


async def push_online_list() -> None:
    """The whole list to everyone, while everyone is few."""
    if not _list_changed.is_set():
        return
    _list_changed.clear()
    if await in_thread(presence.count) <= SMALL:
        events.online_list(**await in_thread(_everyone))


class Online(TypedDict):
    """Who is online, as far as one is told, and how many there are in all."""

    people: list[dict[str, Any]]
    count: int


def online_list(user_id: UUID) -> Online:
    """Who is online: everyone, or in a large installation his contacts, and how many there are in all."""
    count = presence.count()
    if count <= SMALL:
        return _everyone()
    here = presence.online_among(rooms.contacts(user_id))
    return {"people": _outputs(here), "count": count}


def _everyone() -> Online:
    outputs = _outputs(presence.online(SMALL))
    return {"people": outputs, "count": len(outputs)}


def _outputs(user_ids: Iterable[UUID]) -> list[dict[str, Any]]:
    return [user_output(user, online=True) for user in people.by_ids(user_ids).values()]


def statuses(user_ids: list[UUID]) -> list[dict[str, object]]:
    """How these people stand now, as OnUserStatus tells it."""
    here = presence.online_among(user_ids)
    found = people.by_ids(user_ids).values()
    return [{"userId": str(one.pk), "online": one.pk in here, "lastActive": iso(one.last_active)} for one in found]


async def recheck() -> None:
    """Close sockets whose device was revoked, and put every socket into the rooms it belongs to."""
    sockets = tuple(hub.local().sockets.values())
    if not sockets:
        return
    living = await in_thread(people.living, {socket.device_id for socket in sockets})
    await in_thread(accounts.note_devices, living)  # a socket alone keeps its device signed in, too
    seats = await in_thread(rooms.seats_of_many, {socket.user_id for socket in sockets})
    topics: dict[UUID, set[str]] = {}
    for user_id, room_id, away in seats:
        topic = hub.room_topic(room_id)
        topics.setdefault(user_id, set()).add(hub.muffled(topic) if away else topic)
    for socket in sockets:
        if socket.device_id not in living:
            socket.close(hub.SIGN_IN)
            continue
        right = topics.get(socket.user_id, set())
        heard = {topic for topic in socket.topics if hub.is_room(topic)}
        if right != heard:
            hub.leave(socket, heard - right)
            await hub.join(socket, right - heard)
