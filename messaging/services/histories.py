"""Pages of histories: from Redis where it has them whole, from the database otherwise, which then fills it.

Who asks is authorised by the database every time. Pages that are asked for together cost one query for
that and one question to Redis. See `messaging.history_cache` for what makes a kept page right.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from accounts.models import User
from chatproject.core import metrics, redis
from chatproject.core.batching.loader import BatchLoader
from chatproject.core.db.transactions import in_thread
from chatproject.core.http.api import PAGE
from groups import selectors as rooms
from groups.models import direct_room_id
from groups.selectors import Cursors, OpenRoom
from messaging import history_cache, selectors
from messaging.chat_cache import RoomState
from messaging.history_cache import NEWEST, TIERS, Found, Kept, Moment
from messaging.serializers.output import hidden_output, message_output, page_output, read_by

log = logging.getLogger(__name__)

#: Changes since a kept page that are read into it; after more, it is read anew.
CHANGES_MAX = PAGE
#: Older pages that are remembered to have been asked for.
MISSED_MAX = 5000
#: Large rooms whose cursors are remembered.
CURSORS_KEPT = 16
#: Pages that are asked for in one question, and seconds after one for several people until the next: those who have
#: their answers ask again at the same moment.
TOGETHER_MAX, TOGETHER_SECONDS = 16, 0.001
#: Pages of each tier in one round of the comparison, and seconds after which a difference is looked at again.
COMPARED_MAX, SETTLE_SECONDS = 100, 2.5


class Ask(NamedTuple):
    """A page that a user asks for: the newest one, or the one before or after a `seq`."""

    user_id: UUID
    chat_id: UUID
    is_group: bool
    limit: int
    before: int | None = None
    after: int | None = None

    @property
    def room_id(self) -> UUID:
        return self.chat_id if self.is_group else direct_room_id(self.user_id, self.chat_id)

    @property
    def kept_as(self) -> str | None:
        """The name of the page that answers this; None for one that is not kept."""
        if self.after is not None:
            return None
        if self.before is None:
            return NEWEST if self.limit <= PAGE else None
        return f"{self.before}:{self.limit}"


class HistoryPage(NamedTuple):
    """A page as JSON, oldest message first, and the `seq` of its first message; 0 where it is empty."""

    json: bytes
    first: int
    #: The `seq` up to which the reader sees nothing.
    floor: int = 0

    @property
    def has_older(self) -> bool:
        return self.first > self.floor + 1


async def load_history(user: User, **asked: Any) -> HistoryPage:
    """`history`, for callers on the event loop: those of one moment are answered together."""
    ask = Ask(user.pk, **asked)
    page = await _pages(ask)
    return await in_thread(_beginning, user, ask) if page is None else page


def history(user: User, **asked: Any) -> HistoryPage:
    """A page of a chat. Raises NotFound; a private chat that has not begun has an empty page."""
    ask = Ask(user.pk, **asked)
    (page,) = pages([ask])
    return page or _beginning(user, ask)


def _beginning(user: User, ask: Ask) -> HistoryPage:
    """The page of a chat in which the user is no member: an empty one, or NotFound."""
    page = selectors.history(
        user, ask.chat_id, is_group=ask.is_group, limit=ask.limit, before=ask.before, after=ask.after
    )
    return HistoryPage(orjson.dumps(page_output(page)), page.messages[0].seq if page.messages else 0)


def pages(asks: Sequence[Ask]) -> list[HistoryPage | None]:
    """The pages of chats, None for one in which the user is no member."""
    if not asks:
        return []
    mine = rooms.open_rooms({(ask.room_id, ask.user_id): ask.is_group for ask in asks})
    books = {(ask.room_id, ask.kept_as): mine[key] for ask in asks if (key := (ask.room_id, ask.user_id)) in mine}
    made = _kept_pages({(room.id, name): room for (_, name), room in books.items() if name is not None})
    found: list[HistoryPage | None] = []
    for ask in asks:
        room = mine.get((ask.room_id, ask.user_id))
        if room is None:
            found.append(None)
        elif ask.kept_as is None:
            metrics.history_pages.labels("none", "miss").inc()
            after = None if ask.after is None else max(ask.after, room.floor)
            found.append(_shown(_page(_read(room, limit=ask.limit, before=ask.before, after=after)), room))
        else:
            found.append(_shown(_first(made[room.id, ask.kept_as], ask.limit), room))
    return found


def _shown(page: HistoryPage, room: OpenRoom) -> HistoryPage:
    """The page without what was said before the member who asks may look, and what they have deleted for themselves."""
    is_whole = not room.floor or page.first > room.floor
    if (room.hiding_id is None and is_whole) or not page.first:
        return page._replace(floor=room.floor)
    hidden = rooms.hidden_in(room.hiding_id, first=page.first) if room.hiding_id is not None else set()
    seen = [one for one in orjson.loads(page.json) if one["seq"] > room.floor]
    messages = [hidden_output(one) if one["seq"] in hidden else one for one in seen]
    return HistoryPage(orjson.dumps(messages), messages[0]["seq"] if messages else 0, room.floor)


_pages: BatchLoader[Ask, HistoryPage | None] = BatchLoader(pages, batch_max=TOGETHER_MAX, pause=TOGETHER_SECONDS)


def _first(page: HistoryPage, limit: int) -> HistoryPage:
    """The last `limit` messages of the newest page."""
    if limit >= PAGE:
        return page
    messages = orjson.loads(page.json)
    return page if len(messages) <= limit else _page(messages[-limit:])


def _page(messages: list[dict[str, Any]]) -> HistoryPage:
    return HistoryPage(orjson.dumps(messages), messages[0]["seq"] if messages else 0)


def _kept_pages(wanted: dict[tuple[UUID, str], OpenRoom]) -> dict[tuple[UUID, str], HistoryPage]:
    """Pages by room and name, of rooms as the database knows them."""
    if not wanted:
        return {}
    states = [(_state(room), name) for (_, name), room in wanted.items()]
    moment, found = Moment("", ""), [Found("", "", None)] * len(states)
    with suppress(redis.Unavailable):
        moment, found = history_cache.pages(selectors.cache_generation(), states)
    made = {}
    for (key, room), (state, name), one in zip(wanted.items(), states, found, strict=True):
        kept = one.kept if one.kept and one.kept.state == moment.state else None
        if kept and kept.moves == one.moves and kept.version >= room.last_version:
            metrics.history_pages.labels(one.tier, "hit").inc()
            made[key] = HistoryPage(kept.json, kept.first)
            continue
        cursors = _cursors(room, moment.state, one.moves)
        messages = kept and _brought_up(room, name, kept, cursors)
        metrics.history_pages.labels(one.tier or "none", "partly" if messages else "miss").inc()
        if messages is None:
            messages = _read(room, **_cursor(name), cursors=cursors)
        page = made[key] = _page(messages)
        if moment.state and _is_worth_keeping(key):
            senders = dict.fromkeys(message["senderId"] for message in messages)
            with suppress(redis.Unavailable):  # then the next reader keeps it
                history_cache.keep_page(
                    moment, state, name, one.moves, first=page.first, senders=[*senders], json=page.json
                )
    return made


def _cursors(room: OpenRoom, state: str, moves: str) -> Cursors | None:
    """The cursors of a large room as they were at its `moves` or later; None where Redis does not say, or of few."""
    is_known = bool(state) and rooms.are_counted(room.member_count)
    return _cursors_at(room.id, room.last_version, state, moves) if is_known else None


@lru_cache(CURSORS_KEPT)
def _cursors_at(room_id: UUID, _version: int, _state: str, _moves: str) -> Cursors:
    return rooms.counted_cursors(room_id)


_missed: OrderedDict[tuple[UUID, str], None] = OrderedDict()


def _is_worth_keeping(page: tuple[UUID, str]) -> bool:
    """An older page only when it is asked for again: a person who reads a whole history is alone with most of it."""
    if page[1] == NEWEST or _missed.pop(page, ...) is None:
        return True
    _missed[page] = None
    while len(_missed) > MISSED_MAX:
        with suppress(KeyError):  # another thread was quicker
            _missed.popitem(last=False)
    return False


def _state(room: OpenRoom) -> RoomState:
    return RoomState(room.id, room.last_seq, room.last_said, room.last_version, room.last_at)


def _cursor(name: str) -> dict[str, Any]:
    """The cursor of a page by its name."""
    if name == NEWEST:
        return {"limit": PAGE}
    before, limit = name.split(":")
    return {"limit": int(limit), "before": int(before)}


def _read(
    room: OpenRoom,
    *,
    limit: int,
    before: int | None = None,
    after: int | None = None,
    cursors: Cursors | None = None,
) -> list[dict[str, Any]]:
    """A page from the database."""
    rows = selectors.message_rows(room.id, limit=limit, before=before, after=after)
    counts = rooms.read_counts(room.id, room.member_count, [(row.seq, row.sender_id) for row in rows], cursors)
    return [
        message_output(row, receiver_id=room.receiver_of(row.sender_id), read_count=count)
        for row, count in zip(rows, counts, strict=True)
    ]


def _brought_up(room: OpenRoom, name: str, kept: Kept, cursors: Cursors | None) -> list[dict[str, Any]] | None:
    """A kept page with the changes since and with the read counts of now; None if it has to be read anew."""
    try:
        messages = {message["seq"]: message for message in orjson.loads(kept.json)}
        if kept.version < room.last_version:
            rows = selectors.changed_rows(room.id, above=kept.version, limit=CHANGES_MAX + 1)
            if len(rows) > CHANGES_MAX:
                return None
            before = _cursor(name).get("before")
            for row in rows:
                if row.seq >= kept.first and (before is None or row.seq < before):
                    messages[row.seq] = message_output(row, receiver_id=room.receiver_of(row.sender_id))
        shown = [messages[seq] for seq in sorted(messages)][-_cursor(name)["limit"] :]
        senders = [(message["seq"], message["senderId"]) for message in shown]
        counts = rooms.read_counts(room.id, room.member_count, senders, cursors)
        for message, count in zip(shown, counts, strict=True):
            message.update(read_by(count, is_private=message["receiverId"] is not None))
    except (AttributeError, KeyError, TypeError, ValueError):  # somebody spoiled it
        return None
    return shown


# Keeping them in order ------------------------------------------------------------------------------------------------

_place = 0


def tidy_pages() -> None:
    """Move kept pages down whose time in their tier is over. One question to Redis."""
    global _place
    try:
        tidied = history_cache.tidy(_place)
    except redis.Unavailable:
        return
    for tier, size in tidied.bytes.items():
        metrics.history_bytes.labels(tier).set(size)
    _place = 0 if _place > 50_000 else _place + 500


_compared: dict[str, int] = dict.fromkeys(TIERS, 0)


def compare_pages() -> int:
    """Compare some kept pages of each tier with the database, and delete the wrong ones. Returns how many.

    Blocks for seconds if one seems wrong. Raises Unavailable.
    """
    suspects = set()
    for tier in TIERS:
        some = history_cache.some_pages(tier, offset=_compared[tier], count=COMPARED_MAX)
        _compared[tier] = _compared[tier] + COMPARED_MAX if some else 0
        suspects |= {(tier, room_id) for room_id in _wrong(some)}
    if not suspects:
        return 0
    time.sleep(SETTLE_SECONDS)  # a read cursor may have moved that Redis is about to learn of
    wrong = set()
    for tier in TIERS:
        among = {room_id for its_tier, room_id in suspects if its_tier == tier}
        if among:
            wrong |= among & _wrong(history_cache.some_pages(tier, among=among))
    history_cache.drop(wrong)
    return len(wrong)


def _wrong(kept_pages: Sequence[tuple[UUID, str, str, Kept]]) -> set[UUID]:
    """The rooms of those pages that would be sent, and say something else than the database."""
    known = rooms.rooms_to_compare({room_id for room_id, *_ in kept_pages})
    return {
        room_id
        for room_id, name, moves, kept in kept_pages
        if (room := known.get(room_id))
        and (kept.version, kept.moves) == (room.last_version, moves)
        and not _is_page(kept, _page(_read(room, **_cursor(name))))
    }


def _is_page(kept: Kept, page: HistoryPage) -> bool:
    return (kept.json, kept.first) == (page.json, page.first)
