"""Decide who is told after a message: by a push, members with a subscription, with the message unread, without an open
page; and, in open pages, members one of whose keywords it has. `rules.is_told` says whether it notifies them. A request
to join a group is pushed to the people who decide it, by the same rule, as if it mentioned them.

An open page notifies its user itself, so a push as well would be the second notification.

The process that committed a message pushes it. Sending only marks the room and waits for nothing; a
moment later a thread checks all marked rooms together. Presence is late: a user who closed the page
counts as online for some seconds, one who lost the network for half a minute. Members who seem
online are therefore checked again after those times, until they have read the message.
"""

import base64
import hashlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.conf import settings
from django.db import DatabaseError
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.selectors import installation_name
from chatproject.core import hub
from chatproject.core.db.transactions import keep_connection, release_connection
from chatproject.core.redis import rate_limits
from chatproject.core.text import cut
from chatproject.core.times import now
from groups import selectors as rooms
from groups.models import JoinRequest, Membership, Room
from notifications import rules, selectors
from notifications.models import PushSubscription
from notifications.services import keywords
from notifications.services.said import Asked, Said
from presence import selectors as presence
from presence.services import GRACE_SECONDS, TTL_SECONDS

log = logging.getLogger(__name__)

#: Seconds in which messages of one chat become one push.
FOLD_SECONDS = 1.0
#: Seconds after which members who seemed online are checked a second and a third time.
RECHECK_SECONDS = (GRACE_SECONDS + 2.0, TTL_SECONDS + 0.0)
#: Rooms waiting for their first check, messages of one of them, and members waiting for another.
ROOMS_MAX, SAID_MAX, PEOPLE_MAX = 2000, 100, 5000
#: Characters of a title and of a text: a push has at most 4 KB.
TITLE_MAX, TEXT_MAX = 80, 300
#: The pause of a failing subscription, doubled up to PAUSE_MAX, and the failures after which it is
#: deleted.
PAUSE, PAUSE_MAX, FAILURES_MAX = timedelta(minutes=1), timedelta(hours=6), 20


class _Key(NamedTuple):
    """A member of a room, who is told of its messages, or of those who ask to join it."""

    room_id: UUID
    user_id: UUID
    is_request: bool


@dataclass(slots=True)
class _Recheck:
    """A member who seemed online at the last check; `due` in `time.monotonic` seconds."""

    said: Said | Asked
    is_called: bool
    due: float
    checks: int


@dataclass(frozen=True, slots=True)
class _Told:
    """What a member is told of a room, and whether it calls them."""

    membership: Membership
    said: Said | Asked
    is_called: bool

    @property
    def key(self) -> "_Key":
        return _Key(self.membership.room_id, self.membership.user_id, isinstance(self.said, Asked))


def message_said(room_id: UUID, output: Mapping[str, Any], preview: Callable[[Mapping[str, Any]], str]) -> None:
    """Tell the members of a message soon: by a push where they are not online, of a keyword where they are.

    Any thread; never fails, never waits.
    """
    _dispatcher.mark(room_id, Said(output, preview, is_pushed=settings.WEB_PUSH))


def join_requested(room_id: UUID) -> None:
    """Tell those who decide it, by a push where they are not online, that somebody asks to join a group.

    Any thread; never fails, never waits.
    """
    if settings.WEB_PUSH:
        _dispatcher.mark_request(room_id)


class PushDispatcher:
    """A thread that checks marked rooms and waiting members, and pushes."""

    def __init__(self) -> None:
        #: What was said in them since the last check, in order.
        self._rooms: dict[UUID, list[Said]] = {}
        #: Groups that somebody has asked to join since.
        self._asked: dict[UUID, Asked] = {}
        self._waiting: dict[_Key, _Recheck] = {}
        self._outcomes: deque[tuple[UUID, str]] = deque()
        self._changing = threading.Lock()
        self._woken = threading.Event()
        self._is_running = False

    def mark(self, room_id: UUID, said: Said) -> None:
        with self._changing:
            if len(self._rooms) < ROOMS_MAX or room_id in self._rooms:
                waiting = self._rooms.setdefault(room_id, [])
                if len(waiting) == SAID_MAX:  # rather what calls nobody
                    waiting.remove(next((one for one in waiting if not one.mentions_any), waiting[0]))
                waiting.append(said)
        self._wake()

    def mark_request(self, room_id: UUID) -> None:
        with self._changing:
            if len(self._asked) < ROOMS_MAX:
                self._asked[room_id] = Asked()
        self._wake()

    def note(self, subscription_id: UUID, outcome: str) -> None:
        """Record how a push ended. Any thread."""
        self._outcomes.append((subscription_id, outcome))
        self._wake()

    def _wake(self) -> None:
        if not self._woken.is_set():
            self._woken.set()
        if not self._is_running:
            with self._changing:
                if not self._is_running:
                    threading.Thread(target=self._run, name="push-dispatcher", daemon=True).start()
                    self._is_running = True

    def _run(self) -> None:
        while True:
            self._woken.wait(FOLD_SECONDS if self._waiting else None)
            time.sleep(FOLD_SECONDS)
            self._woken.clear()
            try:
                keep_connection()
                self._note_outcomes()
                self._check()
            except DatabaseError as away:
                log.warning("push: some messages were not pushed, because the database said: %s", away)
            except Exception:  # those pushes are lost; the thread must go on
                log.exception("push: some messages were not pushed")
            finally:
                release_connection()

    # Checking ---------------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        with self._changing:
            said, self._rooms = self._rooms, {}
            asked, self._asked = self._asked, {}
        if said:
            called = keywords.calls(said)
            keywords.tell(called)
            self._split(_first_told(said, called))
        if asked:
            self._split(_told_of_requests(asked))
        moment = time.monotonic()
        due = {key: one for key, one in self._waiting.items() if one.due <= moment}
        if due:
            still = {}
            for key, membership in _still_concerned(due):
                one = due.get(key)
                if one is not None and rules.is_told(membership, now(), is_called=one.is_called):
                    told = _Told(membership, one.said, one.is_called)
                    still[told.key] = told
            for key in due.keys() - still.keys():
                del self._waiting[key]  # read meanwhile, or no longer to be notified
            self._split(list(still.values()))

    def _split(self, told: list[_Told]) -> None:
        """Push to the members who are offline, and schedule another check of the others.

        A message that was recalled meanwhile is not pushed.
        """
        recalled = _recalled(told)
        for key in recalled:
            self._waiting.pop(key, None)
        told = [one for one in told if one.key not in recalled]
        here = presence.online_among({one.membership.user_id for one in told})
        absent = []
        for one in told:
            # A user who appears offline is known as connected only to the process with their
            # sockets.
            if one.membership.user_id in here or hub.local().users.get(one.membership.user_id):
                self._check_later(one)
            else:
                self._waiting.pop(one.key, None)
                absent.append(one)
        if absent:
            self._push(absent)

    def _check_later(self, one: _Told) -> None:
        before = self._waiting.pop(one.key, None)
        checks = before.checks + 1 if before is not None and before.said is one.said else 0
        if checks < len(RECHECK_SECONDS) and len(self._waiting) < PEOPLE_MAX:
            due = time.monotonic() + RECHECK_SECONDS[checks]
            self._waiting[one.key] = _Recheck(one.said, one.is_called, due, checks)

    def _push(self, told: list[_Told]) -> None:
        told = _without_too_many_requests(told)
        within = rate_limits.within_each("pushes", [str(one.membership.user_id) for one in told], settings.RATE_PUSHES)
        told = [one for one, is_within in zip(told, within, strict=True) if is_within]
        users = {one.membership.user_id for one in told}
        totals = selectors.unread_totals(users)
        reached: dict[UUID, list[PushSubscription]] = {}
        for subscription in selectors.subscriptions(users):
            reached.setdefault(subscription.user_id, []).append(subscription)
        newest = {room_id: rooms.newest_request(room_id) for room_id in _asked_rooms(told)}
        for one in told:
            membership, said = one.membership, one.said
            for subscription in reached.get(membership.user_id, ()):
                with language_of(subscription):
                    if isinstance(said, Said):
                        note = _note(membership, said, shows_content=subscription.shows_content)
                        unread = totals.get(membership.user_id, membership.unread)
                    elif request := newest[membership.room_id]:
                        note = _request_note(membership.room, request, shows_content=subscription.shows_content)
                        unread = totals.get(membership.user_id, 0)
                    else:  # answered, or taken back, at this moment
                        continue
                post(subscription, {**note, "unread": unread})

    # Outcomes ---------------------------------------------------------------------------------------------------------

    def _note_outcomes(self) -> None:
        if not self._outcomes:
            return
        from notifications import push  # its cryptography takes megabytes, and is loaded once something was pushed

        while self._outcomes:
            subscription_id, outcome = self._outcomes.popleft()
            rows = PushSubscription.objects.filter(pk=subscription_id)
            if outcome == push.SENT:
                rows.update(failures=0, paused_until=None)
                continue
            failures = (rows.values_list("failures", flat=True).first() or 0) + 1
            if outcome == push.GONE or failures >= FAILURES_MAX:
                rows.delete()
            else:
                pause = min(PAUSE * 2 ** (failures - 1), PAUSE_MAX)
                rows.update(failures=failures, paused_until=now() + pause)


def _first_told(said: Mapping[UUID, Sequence[Said]], called: Sequence[keywords.Call]) -> list[_Told]:
    """What members are told of these rooms: the last message that notifies each of them."""
    pushed = {room_id: [one for one in of_room if one.is_pushed] for room_id, of_room in said.items()}
    pushed = {room_id: of_room for room_id, of_room in pushed.items() if of_room}
    by_keyword = {(call.membership.user_id, call.said.output["id"]) for call in called}
    at, found = now(), []
    for membership in selectors.listeners(pushed) if pushed else ():
        user_id = membership.user_id
        for one in reversed(pushed[membership.room_id]):
            is_called = one.mentions(user_id) or (user_id, one.output["id"]) in by_keyword
            if not one.is_by(user_id) and rules.is_told(membership, at, is_called=is_called):
                found.append(_Told(membership, one, is_called))
                break
    return found


def _told_of_requests(asked: Mapping[UUID, Asked]) -> list[_Told]:
    at, deciding = now(), selectors.deciders(asked)
    return [_Told(one, asked[one.room_id], True) for one in deciding if rules.is_told(one, at, is_called=True)]


def _still_concerned(keys: Iterable[_Key]) -> Iterator[tuple[_Key, Membership]]:
    """The members of these who still have something unread, or requests to answer."""
    said_in = {key.room_id for key in keys if not key.is_request}
    asked_in = {key.room_id for key in keys if key.is_request}
    for one in selectors.listeners(said_in) if said_in else ():
        yield _Key(one.room_id, one.user_id, is_request=False), one
    for one in selectors.deciders(asked_in) if asked_in else ():
        yield _Key(one.room_id, one.user_id, is_request=True), one


def _recalled(told: Sequence[_Told]) -> set[_Key]:
    """Those who would be told of a message that was recalled meanwhile."""
    seqs = {one.key: one.said.seq for one in told if isinstance(one.said, Said)}
    if not seqs:
        return set()
    recalled = rooms.recalled({key.room_id for key in seqs}, min(seqs.values()) - 1)
    return {key for key, seq in seqs.items() if (key.room_id, seq) in recalled}


def _asked_rooms(told: Iterable[_Told]) -> set[UUID]:
    return {one.key.room_id for one in told if one.key.is_request}


def _without_too_many_requests(told: Sequence[_Told]) -> list[_Told]:
    """Of those who ask to join a group, a flood is a few pushes."""
    asked = [one.key for one in told if one.key.is_request]
    within = rules.within_requests([(key.room_id, key.user_id) for key in asked]) if asked else []
    too_many = {key for key, is_within in zip(asked, within, strict=True) if not is_within}
    return [one for one in told if one.key not in too_many]


def _request_note(room: Room, request: JoinRequest, *, shows_content: bool) -> dict[str, Any]:
    """The notification that people ask to join a group: the last of them, and how many others do."""
    where = {"id": str(request.user_id), "tag": f"requests:{room.pk}", "url": f"/chat/group/{room.pk}/"}
    if not shows_content:
        return {"title": installation_name(), "body": _("Somebody asks to join a group"), **where}
    others, name = (room.join_requests or 1) - 1, cut(request.user.name, TITLE_MAX)
    body = _("%(name)s asks to join") % {"name": name}
    if others > 0:
        body = ngettext(
            "%(name)s and %(count)d other ask to join", "%(name)s and %(count)d others ask to join", others
        ) % {"name": name, "count": others}
    return {"title": cut(room.name, TITLE_MAX), "body": body, **where}


def _note(membership: Membership, said: Said, *, shows_content: bool) -> dict[str, Any]:
    """The notification of a chat: sender and preview, or only that there is a new message."""
    output = said.output
    kind = "group" if output["groupId"] else "private"
    chat_id = output["groupId"] or output["senderId"]
    where = {"id": output["id"], "tag": f"{kind}:{chat_id}", "url": f"/chat/{kind}/{chat_id}/"}
    if not shows_content:
        return {"title": installation_name(), "body": _("New message"), **where}
    words = cut(said.preview(output), TEXT_MAX)
    if kind == "private":
        return {"title": cut(output["senderName"], TITLE_MAX), "body": words, **where}
    body = _("%(name)s: %(words)s") % {"name": cut(output["senderName"], TITLE_MAX), "words": words}
    return {"title": cut(membership.room.name, TITLE_MAX), "body": body, **where}


def language_of(subscription: PushSubscription) -> AbstractContextManager[None]:
    return translation.override(subscription.user.language or subscription.language)


def post(subscription: PushSubscription, note: Mapping[str, Any]) -> None:
    """Send a notification to a subscription, and record a failure later."""
    from notifications.push import SENT, PushRequest

    # Only identifies which pushes replace each other; a hash, because push services see it.
    topic = hashlib.sha256(f"{subscription.pk} {note['tag']}".encode()).digest()[:18]
    request = PushRequest(
        subscription.endpoint,
        subscription.p256dh,
        subscription.auth,
        orjson.dumps(note),
        base64.urlsafe_b64encode(topic).decode(),
    )

    def done(outcome: str) -> None:
        if outcome != SENT or subscription.failures:
            _dispatcher.note(subscription.pk, outcome)

    _courier().send(request, done)


@cache
def _courier() -> Any:
    from notifications.push import Courier

    return Courier()


_dispatcher = PushDispatcher()
