"""Who is pushed to when something was said: whoever can be reached, wants to hear of it, has not read it, and has no
page open. An open page tells its person itself, so that one thing does not ring twice.

The process that committed a message pushes it. It only marks the room; a thread looks a moment later, for all rooms
at once, so that sending a message waits for nothing here. Presence lags behind: who closed his page is there for
some seconds more, and who lost the network for half a minute. Those who seem to be there are looked at again after
that, until they have read it.
"""

import base64
import hashlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import DatabaseError
from django.utils import translation
from django.utils.translation import gettext as _

from chatproject.core import hub
from chatproject.core.db.transactions import keep_connection, release_connection
from chatproject.core.redis import rate_limits
from chatproject.core.times import now
from groups.models import Membership
from notifications import selectors
from notifications.models import PushSubscription
from presence import selectors as presence
from presence.services import GRACE_SECONDS, TTL_SECONDS

log = logging.getLogger(__name__)

#: Seconds in which what is said in one chat is folded into one push.
FOLD = 1.0
#: Seconds after which those who seemed to be there are looked at again, and then once more.
AGAIN = (GRACE_SECONDS + 2.0, TTL_SECONDS + 0.0)
#: Rooms that wait for a look, and people who wait for another.
ROOMS_MAX, PEOPLE_MAX = 2000, 5000
#: Characters of a title and of a text: all of it has to fit into the four kilobytes of a push.
TITLE, TEXT = 80, 300
#: What a subscription is given that fails: a minute, then two, then four …, and how often.
PAUSE, PAUSE_MAX, FAILURES_MAX = timedelta(minutes=1), timedelta(hours=6), 20


@dataclass(frozen=True, slots=True)
class Said:
    """A message as its clients get it; `preview` says it in a line, in the language of the moment."""

    output: Mapping[str, Any]
    preview: Callable[[Mapping[str, Any]], str]


@dataclass(slots=True)
class _Waiting:
    """Somebody who seemed to be there when something was said."""

    said: Said
    due: float
    looks: int


def message_said(room_id: UUID, output: Mapping[str, Any], preview: Callable[[Mapping[str, Any]], str]) -> None:
    """Whoever of the room is not here is told, soon. Any thread; never fails, never waits."""
    if settings.WEB_PUSH:
        _dispatcher.mark(room_id, Said(output, preview))


class PushDispatcher:
    """A thread that looks, and what it will look at."""

    def __init__(self) -> None:
        self._rooms: dict[UUID, Said] = {}
        self._people: dict[tuple[UUID, UUID], _Waiting] = {}
        self._outcomes: deque[tuple[UUID, str]] = deque()
        self._changing = threading.Lock()
        self._woken = threading.Event()
        self._is_running = False

    def mark(self, room_id: UUID, said: Said) -> None:
        with self._changing:
            if len(self._rooms) < ROOMS_MAX or room_id in self._rooms:
                self._rooms[room_id] = said
        self._wake()

    def note(self, subscription_id: UUID, outcome: str) -> None:
        """How a push ended."""
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
            self._woken.wait(FOLD if self._people else None)
            time.sleep(FOLD)
            self._woken.clear()
            try:
                keep_connection()
                self._note_outcomes()
                self._look()
            except DatabaseError as away:
                log.warning("push: nobody was told of some messages, because the database said: %s", away)
            except Exception:  # a hint less; the next look is at something else
                log.exception("push: nobody was told of some messages")
            finally:
                release_connection()

    # Looking ----------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        with self._changing:
            rooms, self._rooms = self._rooms, {}
        if rooms:
            memberships = selectors.listeners(rooms)
            said = ((membership, rooms[membership.room_id]) for membership in memberships)
            self._tell(
                [(membership, one) for membership, one in said if str(membership.user_id) != one.output["senderId"]]
            )
        moment = time.monotonic()
        due = {key: one.said for key, one in self._people.items() if one.due <= moment}
        if due:
            memberships = selectors.listeners({room_id for room_id, _ in due})
            still = {
                key: membership
                for membership in memberships
                if (key := (membership.room_id, membership.user_id)) in due
            }
            for key in due.keys() - still.keys():
                del self._people[key]  # he has read it
            self._tell([(membership, due[key]) for key, membership in still.items()])

    def _tell(self, told: list[tuple[Membership, Said]]) -> None:
        """Push to those who are not here, and look again at the others."""
        here = presence.online_among({membership.user_id for membership, _ in told})
        absent = []
        for membership, said in told:
            # Who appears offline is known only to the process that has his sockets.
            if membership.user_id in here or hub.local().users.get(membership.user_id):
                self._look_again(membership, said)
            else:
                self._people.pop((membership.room_id, membership.user_id), None)
                absent.append((membership, said))
        if absent:
            self._push(absent)

    def _look_again(self, membership: Membership, said: Said) -> None:
        key = membership.room_id, membership.user_id
        before = self._people.pop(key, None)
        looks = before.looks + 1 if before is not None and before.said is said else 0
        if looks < len(AGAIN) and len(self._people) < PEOPLE_MAX:
            self._people[key] = _Waiting(said, time.monotonic() + AGAIN[looks], looks)

    def _push(self, told: list[tuple[Membership, Said]]) -> None:
        within = rate_limits.within_each(
            "pushes", [str(membership.user_id) for membership, _ in told], settings.RATE_PUSHES
        )
        told = [one for one, is_within in zip(told, within, strict=True) if is_within]
        users = {membership.user_id for membership, _ in told}
        totals = selectors.unread_totals(users)
        reached: dict[UUID, list[PushSubscription]] = {}
        for subscription in selectors.subscriptions(users):
            reached.setdefault(subscription.user_id, []).append(subscription)
        for membership, said in told:
            for subscription in reached.get(membership.user_id, ()):
                with language_of(subscription):
                    note = _note(membership, said, shows_content=subscription.shows_content)
                post(subscription, {**note, "unread": totals.get(membership.user_id, membership.unread)})

    # What became of it ------------------------------------------------------------------------------------------------

    def _note_outcomes(self) -> None:
        if not self._outcomes:
            return
        from notifications import push  # its cryptography weighs megabytes, and is there when something was pushed

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


def _note(membership: Membership, said: Said, *, shows_content: bool) -> dict[str, Any]:
    """What is shown: who and what, or only that there is something; one for each chat."""
    output = said.output
    kind = "group" if output["groupId"] else "private"
    chat_id = output["groupId"] or output["senderId"]
    where = {"id": output["id"], "tag": f"{kind}:{chat_id}", "url": f"/chat/{kind}/{chat_id}/"}
    if not shows_content:
        return {"title": _("Chat"), "body": _("New message"), **where}
    words = said.preview(output)[:TEXT]
    if kind == "private":
        return {"title": output["senderName"][:TITLE], "body": words, **where}
    body = _("%(name)s: %(words)s") % {"name": output["senderName"][:TITLE], "words": words}
    return {"title": membership.room.name[:TITLE], "body": body, **where}


def language_of(subscription: PushSubscription) -> AbstractContextManager[None]:
    return translation.override(subscription.user.language or subscription.language)


def post(subscription: PushSubscription, note: Mapping[str, Any]) -> None:
    """Push it, and take note later of what became of it."""
    from notifications.push import SENT, PushRequest

    # Says which pushes replace each other, and nothing else.
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
