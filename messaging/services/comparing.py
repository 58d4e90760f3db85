"""The scheduled comparison of Redis with the database: unread counts, last messages and pages of histories."""

import logging
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from chatproject.core import metrics, redis
from groups import selectors as rooms
from groups.models import Membership
from messaging import cache, chat_cache, selectors
from messaging.selectors import Chat
from messaging.serializers.output import last_output
from messaging.services import histories, remembering

log = logging.getLogger(__name__)

#: Memberships in one round, and of those in one query.
ROUND_MAX, PAGE = 5000, 500
#: Seconds after which a difference is looked at again: writes may be on their way.
SETTLE_SECONDS = 2.5

#: Fields of a last message that its documented copies may be behind in: who has read it, who said it.
_LOOSE = {"isRead", "readCount", "senderName", "senderImg", "senderIsGuest", "senderIsStaff"}

_looked_up_to: UUID | None = None


class Compared(NamedTuple):
    """The number of memberships looked at, of those for which Redis was put right, and of conversations whose pages
    were wrong.
    """

    looked: int
    repaired: int
    pages: int = 0


def compare_some(limit: int = ROUND_MAX) -> Compared:
    """Compare the next memberships, beginning anew after the last one, and repair what differs.

    Blocks for seconds, on a thread of its own; outside of transactions.
    """
    global _looked_up_to
    looked, suspects = 0, []
    try:
        while looked < limit:
            memberships = rooms.some_memberships(after=_looked_up_to, limit=min(PAGE, limit - looked))
            looked += len(memberships)
            suspects += [membership.pk for membership in _different(memberships)]
            _looked_up_to = memberships[-1].pk if memberships else None
            if not memberships:
                break
        repaired = _repair(suspects) if suspects else 0
        pages = histories.compare_pages()
    except redis.Unavailable as away:
        log.info("unread: not compared, because Redis said: %s", away)
        return Compared(looked, 0)
    if pages:
        metrics.page_repairs.inc(pages)
        log.warning("history: Redis had wrong pages of %d conversations and has forgotten them", pages)
    if repaired:
        metrics.repairs.inc(repaired)
        log.warning("unread: Redis was wrong about %d of %d memberships and is right again", repaired, looked)
    return Compared(looked, repaired, pages)


def _repair(suspects: list[UUID]) -> int:
    time.sleep(SETTLE_SECONDS)
    redis.flush()
    wrong = _different(rooms.fresh_memberships(suspects))
    if not wrong:
        return 0
    last = selectors.last_messages(wrong)
    for membership in wrong:
        output = last_output(Chat(membership, selectors.last_shown(membership, last.get(membership.room_id))))
        if membership.peer_id:
            cache.overwrite_private(membership.user_id, membership.peer_id, membership.unread)
        else:
            cache.overwrite_group(membership.user_id, membership.room_id, membership.unread)
        json = orjson.dumps(output) if output else b""
        cache.overwrite_last(membership.user_id, membership.peer_id, membership.room_id, json)
        remembering.forget_room(membership.room_id)
    remembering.forget_users({membership.user_id for membership in wrong})
    redis.flush()
    return len(wrong)


def _different(memberships: list[Membership]) -> list[Membership]:
    """Those of whom Redis says something else."""
    last = selectors.last_messages(memberships)
    documented = cache.documented([(one.user_id, one.peer_id, one.room_id) for one in memberships])
    known = chat_cache.remembered([(one.user_id, one.room_id) for one in memberships])
    found = []
    for membership, (count, copy), (room, entry) in zip(memberships, documented, known, strict=True):
        output = last_output(Chat(membership, last.get(membership.room_id)))
        shown = output
        if membership.hides_last:
            shown = last_output(Chat(membership, selectors.last_shown(membership, None)))
        is_right = (
            (count is None or count == str(membership.unread).encode())
            and (copy is None or _is_copy(copy, shown))
            and (not room or _is_right(room, entry, membership, output))
        )
        if not is_right:
            found.append(membership)
    return found


def _is_copy(copy: bytes, output: dict[str, Any] | None) -> bool:
    try:
        said = orjson.loads(copy)
    except ValueError:
        return False
    return output is not None and _strict(said) == _strict(output)


def _strict(said: Any) -> Any:
    return {name: value for name, value in said.items() if name not in _LOOSE} if isinstance(said, Mapping) else said


def _is_right(
    room: dict[str, bytes], entry: bytes | None, membership: Membership, output: dict[str, Any] | None
) -> bool:
    try:
        numbers = {name: int(room[name]) for name in ("seq", "said", "version", "recall")}
        is_right = (numbers["seq"], numbers["said"], numbers["version"]) == (
            membership.room.last_seq,
            membership.room.last_said,
            membership.room.last_version,
        )
        if "last" in room and int(room["last_seq"]) == numbers["seq"]:
            is_right = is_right and orjson.loads(room["last"]) == output
        if entry is not None:
            times_back, version, base, peer_id = entry.decode().split(" ")
            is_right = is_right and (int(times_back), peer_id) == (
                membership.times_back,
                str(membership.peer_id or ""),
            )
            if int(version) >= numbers["recall"]:
                is_right = is_right and max(0, numbers["said"] - int(base)) == membership.unread
    except (KeyError, ValueError):
        return False
    return is_right
