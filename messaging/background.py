"""Jobs that every process repeats while it holds sockets.

They keep the connected users online in Redis, announce who is gone, and check that each socket may
still hear what it hears. Events of the hub may be lost; these jobs correct what was lost with them.
"""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from django.conf import settings

from accounts import services as accounts
from chatproject.core import apart, hub, metrics, sealing
from chatproject.core.backup import schedule
from chatproject.core.db.transactions import in_thread, keep_connection, release_connection
from chatproject.core.redis import budget, rate_limits
from chatproject.core.times import iso, now
from messaging import events, services, unread_push
from messaging.services import sockets
from moderation import services as moderation
from presence import selectors as presence
from presence import services as presence_services

#: Seconds between two pushes of the list of everyone online.
ONLINE_LIST_SECONDS = 0.5
#: Seconds after which a socket whose close or unsubscription got lost is corrected at the latest.
RECHECK_SECONDS = 60
#: Seconds in which the devices of those who connect are noted together.
NOTE_SECONDS = 1
#: Seconds after which a restored copy of the database is noticed at the latest.
EPOCH_SECONDS = 5
#: Seconds between two questions whether the uploads are due for a sweep; one process of all gets
#: the answer yes.
SWEEP_UPLOADS_SECONDS = 600
#: Seconds after its end at which a ban is lifted at the latest; a sign-in lifts it at once.
END_BANS_SECONDS = 30
RATE_UPLOAD_SWEEPS = "1/h"
#: Seconds after which people who have their whole budget again are forgotten.
FORGET_BUDGETS_SECONDS = 60
#: Seconds between two looks whether erased text has to be removed from files.
SCRUB_SECONDS = 5

#: Seconds between two looks at what /metrics tells of now.
OBSERVE_SECONDS = 5

#: Seconds between two questions whether a comparison is due; one process of all gets the answer yes.
COMPARE_SECONDS = 30
RATE_COMPARISONS = "1/m"

#: Seconds between two questions whether the pages in Redis are to be put in order, and how often they are.
TIDY_SECONDS = 10
RATE_TIDYINGS = "6/m"
#: Seconds until every process knows of a change in the word lists.
WORD_LISTS_SECONDS = 2
FORGET_HITS_SECONDS = 3600

#: Seconds between two questions whether messages wait for the index of searches, and former words for being forgotten
#: by it; one process of all gets the answer yes.
INDEX_SECONDS = 5
RATE_INDEXING = "15/m"
#: The longest life of a process that writes the index: it ends by itself where nothing waits any more.
INDEXING_SECONDS = 3600

#: Seconds between two looks whether a backup is due.
BACKUP_SECONDS = 60

#: How often some users were refreshed.
_turns = 0
#: The turn in which every process has announced its own users again to a Redis that came back empty; 0 for none.
_restating_turn = 0


def start() -> None:
    """Register this process's jobs and listeners; called once, by the ASGI application."""
    unread_push.start()
    hub.when_seen(sockets.arrive)
    hub.in_turns(presence_services.REFRESH_SECONDS, refresh)
    hub.every(1, sweep)
    hub.every(0, sweep_departures)
    hub.every(ONLINE_LIST_SECONDS, push_online_list)
    hub.in_turns(RECHECK_SECONDS, recheck)
    hub.every(NOTE_SECONDS, note_devices)
    hub.every(OBSERVE_SECONDS, observe)
    hub.every(1, settle_budgets)
    hub.every(FORGET_BUDGETS_SECONDS, forget_budgets)
    hub.every(EPOCH_SECONDS, check_epoch)
    hub.every(END_BANS_SECONDS, end_bans)
    hub.every(SWEEP_UPLOADS_SECONDS, sweep_uploads)
    hub.every(SCRUB_SECONDS, scrub)
    hub.every(COMPARE_SECONDS, compare)
    hub.every(TIDY_SECONDS, tidy_pages)
    hub.every(WORD_LISTS_SECONDS, refresh_word_lists)
    hub.every(FORGET_HITS_SECONDS, forget_hits)
    hub.every(INDEX_SECONDS, index)
    hub.every(sealing.LEARNED_SECONDS, learn_keys)
    if settings.BACKUP_TO:
        hub.every(BACKUP_SECONDS, back_up)


# Presence -------------------------------------------------------------------------------------------------------------


async def refresh(some: Sequence[hub.Socket]) -> None:
    """Keep the users online whose sockets these are."""
    global _turns, _restating_turn
    _turns += 1
    if _restating_turn and _turns >= _restating_turn:
        _restating_turn = 0
        await _restate()
    half = _turns // presence_services.REFRESH_SECONDS % 2  # all keys of each socket every other time
    shares: tuple[list[tuple[UUID, str]], list[tuple[UUID, str]]] = [], []
    for socket in some:
        if socket.is_visible:
            shares[int(socket.id[-1], 16) % 2 == half].append((socket.user_id, socket.id))
    came = await in_thread(_refresh, *shares) if any(shares) else set()
    if came:
        sockets.online_list_changed.set()
    if not _restating_turn and any(map(_is_announced, came)):  # Redis had lost them
        _restating_turn = _turns + presence_services.REFRESH_SECONDS + 1
    for socket in some:
        socket.is_announced = socket.is_visible


def _is_announced(user_id: UUID) -> bool:
    return any(socket.is_announced for socket in hub.local().users.get(user_id, ()))


def _refresh(in_part: list[tuple[UUID, str]], whole: list[tuple[UUID, str]]) -> set[UUID]:
    """Those who came online."""
    return {*presence_services.refresh(in_part, is_whole=False), *presence_services.refresh(whole)}


async def _restate() -> None:
    """Send the watchers here the status of the users they watch.

    After Redis lost its data, no expiry is announced.
    """
    prefix = hub.status_topic("")
    watched = [UUID(topic.removeprefix(prefix)) for topic in hub.local().topics if topic.startswith(prefix)]
    for payload in await in_thread(sockets.statuses, watched):
        frame = hub.encode("OnUserStatus", payload)
        for socket in hub.local().topics.get(hub.status_topic(str(payload["userId"])), ()):
            socket.push(frame)


async def sweep() -> None:
    """Announce the users who went offline: they closed their last socket, or their process was
    killed.
    """
    while gone := await in_thread(presence_services.sweep):
        await in_thread(accounts.note_active, gone, now())
        sockets.online_list_changed.set()


async def end_bans() -> None:
    """Let those in again whose ban is over."""
    await in_thread(accounts.end_bans)


async def sweep_departures() -> None:
    """Sweep as soon as a user who left here counts as gone, earlier than the next regular sweep."""
    await sockets.departed.wait()
    while sockets.departures:
        await asyncio.sleep(sockets.departures.popleft() - asyncio.get_running_loop().time())
        await sweep()
    sockets.departed.clear()


async def push_online_list() -> None:
    """Send everyone the list of who is online after a change, in a small installation."""
    if not sockets.online_list_changed.is_set():
        return
    sockets.online_list_changed.clear()
    if await in_thread(presence.count) <= sockets.SMALL:
        events.online_list(await in_thread(sockets.everyone_online))


# Sockets --------------------------------------------------------------------------------------------------------------


async def recheck(some: Sequence[hub.Socket]) -> None:
    """Close those of some sockets whose device was revoked, and correct the rooms that the others hear."""
    if not some:
        return
    heard = [socket.topics for socket in some]
    living, seats = await in_thread(_found, {socket.device_id for socket in some}, {socket.user_id for socket in some})
    for socket, topics in zip(some, heard, strict=True):
        if socket.id not in hub.local().sockets:
            continue  # closed meanwhile
        if socket.device_id not in living:
            socket.close(hub.SIGN_IN)
        elif socket.topics is topics:  # else an event changed them meanwhile, and knows better
            seated = seats.get(socket.user_id, "")
            if socket.proof != hash((seated, topics)):  # the rows or the topics are others than at the last look
                await _correct_rooms(socket, seated)


def _found(device_ids: set[UUID], user_ids: set[UUID]) -> tuple[set[UUID], dict[UUID, str]]:
    """The devices that are still signed in, and the groups of these users."""
    living = accounts.keep_signed_in(device_ids)  # a socket alone keeps its device signed in, too
    return living, sockets.seats_of(user_ids)


async def _correct_rooms(socket: hub.Socket, seats: str) -> None:
    right = set(sockets.rooms_heard(seats))
    heard = {topic for topic in socket.topics if hub.is_room(topic)}
    if right != heard:
        hub.leave(socket, heard - right)
        await hub.join(socket, right - heard)
    socket.proof = hash((seats, socket.topics))


async def note_devices() -> None:
    """Note the use of devices whose sockets opened a moment ago: one UPDATE for a crowd."""
    if sockets.unnoted:
        noted = frozenset(sockets.unnoted)
        sockets.unnoted.clear()
        await in_thread(accounts.note_devices, noted)


async def observe() -> None:
    """Note who is here, and what waits, for /metrics."""
    metrics.sockets.set(len(hub.local().sockets))
    metrics.messages_waiting.set(services.waiting())
    metrics.people_online.set(await in_thread(presence.count))


# Budgets ------------------------------------------------------------------------------------------------------------


async def settle_budgets() -> None:
    """Share what people spent here with the other processes."""
    if budget.is_settlement_due():
        await in_thread(budget.settle)


async def forget_budgets() -> None:
    await in_thread(budget.forget_full)


# What is erased -------------------------------------------------------------------------------------------------------


async def scrub() -> None:
    """Remove erased text from the files of the database and of Redis."""
    await asyncio.to_thread(_scrub)


def _scrub() -> None:
    keep_connection()
    services.scrub()
    release_connection()


# Epochs -------------------------------------------------------------------------------------------------------------


async def check_epoch() -> None:
    """Tell everybody here when a new epoch begins: an older copy of the database was restored."""
    before = services.known_epoch()
    epoch = await in_thread(services.check_epoch)
    if before and epoch != before:
        frame = hub.encode("SocketHeartBeat", {"serverTime": iso(now()), "heads": {}, "epoch": epoch})
        for socket in tuple(hub.local().sockets.values()):
            socket.push(frame)


def _is_due(job: str, rate: str) -> bool:
    """Whether this process is the one that does a job of all processes now."""
    (is_due,) = rate_limits.within_each(job, ["all"], rate)
    return is_due


# Unread counts --------------------------------------------------------------------------------------------------------


async def compare() -> None:
    """Compare what Redis remembers of unread counts and last messages with the database."""
    await asyncio.to_thread(_compare)


def _compare() -> None:
    if _is_due("unread-comparisons", RATE_COMPARISONS):
        keep_connection()
        services.compare_some()
        release_connection()


# Pages of histories ---------------------------------------------------------------------------------------------------


async def tidy_pages() -> None:
    """Move the kept pages down whose time in a tier is over."""
    await in_thread(_tidy_pages)


def _tidy_pages() -> None:
    if _is_due("history-tidyings", RATE_TIDYINGS):
        services.tidy_pages()


# Word lists -----------------------------------------------------------------------------------------------------------


async def refresh_word_lists() -> None:
    await in_thread(moderation.refresh)


async def forget_hits() -> None:
    await in_thread(moderation.forget_old_hits)


# Searches -------------------------------------------------------------------------------------------------------------


async def index() -> None:
    """Take out of the index of searches what was recalled or edited, and have new messages written into it.

    A message costs there as much as its sending. So another process does it, once there are thousands.
    """
    if await asyncio.to_thread(_is_block_due):
        await apart.run("index", "--background", seconds=INDEXING_SECONDS)


def _is_block_due() -> bool:
    if not _is_due("indexing", RATE_INDEXING):
        return False
    keep_connection()
    is_due = services.clear_changes()
    release_connection()
    return is_due


# Encryption -----------------------------------------------------------------------------------------------------------


async def learn_keys() -> None:
    """Seal with a new data key that another process has made."""
    await in_thread(sealing.refresh)


# Uploads --------------------------------------------------------------------------------------------------------------


async def sweep_uploads() -> None:
    """Remove uploads that nobody sent, files without a row, dissolved groups, and devices that have expired."""
    await asyncio.to_thread(_sweep_uploads)  # minutes, perhaps, and the sockets' threads are few


def _sweep_uploads() -> None:
    (is_due,) = rate_limits.within_each("upload-sweeps", ["all"], RATE_UPLOAD_SWEEPS)
    if is_due:
        keep_connection()
        services.sweep()
        services.purge()
        accounts.forget_expired()
        release_connection()


# Backups --------------------------------------------------------------------------------------------------------------


async def back_up() -> None:
    """Make an archive if it is time; of all processes one does."""
    await schedule.run_if_due()
