"""Unread counts and last messages: answered by Redis where what it remembers is whole, by the
database where something is missing or in doubt, which then fills it.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from accounts.models import User
from chatproject.core import metrics, redis
from chatproject.core.db.transactions import run_atomic
from groups import selectors as rooms
from groups.models import Membership, Room, direct_room_id
from groups.selectors import ListPlace
from messaging import chat_cache, history_cache, selectors, types
from messaging.chat_cache import MemberState, RoomState, Seen
from messaging.models import CacheGeneration, Message
from messaging.selectors import Chat
from messaging.serializers.output import last_output, remembered_unread_output, unread_output

log = logging.getLogger(__name__)


# Answers --------------------------------------------------------------------------------------------------------------


class Unread(NamedTuple):
    """The object of GET /unread, and the chats in it if they were read from the database."""

    output: dict[str, Any]
    chats: list[Chat]


def unread(user_ids: Sequence[UUID]) -> list[Unread]:
    """What each of these users has not read: one round trip and one query where Redis remembers it, three
    queries and two round trips for all others.
    """
    answers: list[tuple[Seen, list[chat_cache.Unread] | None]] = []
    if chat_cache.settled():
        with suppress(redis.Unavailable):
            answers = chat_cache.unread(user_ids)
    seen = answers[0][0] if answers else None
    generation = seen.generation if seen else None
    known: dict[UUID, Unread] = {}
    if any(remembered is not None for _, remembered in answers):
        generation = selectors.cache_generation()
        for user_id, (at, remembered) in zip(user_ids, answers, strict=True):
            if remembered is not None and at.generation == generation:
                known[user_id] = Unread(remembered_unread_output(remembered), [])
    metrics.remembered.labels("redis").inc(len(known))
    missing = [user_id for user_id in dict.fromkeys(user_ids) if user_id not in known]
    if missing:
        metrics.remembered.labels("database").inc(len(missing))
        known |= _unread_in_database(missing, seen, generation)
    return [known[user_id] for user_id in user_ids]


def _unread_in_database(user_ids: list[UUID], seen: Seen | None, generation: int | None) -> dict[UUID, Unread]:
    memberships: dict[UUID, list[Membership]] = {user_id: [] for user_id in user_ids}
    for membership in rooms.memberships_of_users(user_ids):
        memberships[membership.user_id].append(membership)
    behind = [membership for own in memberships.values() for membership in own if membership.unread]
    last = selectors.last_messages(behind)
    chats = {membership: Chat(membership, last.get(membership.room_id)) for membership in behind}
    # Redis has the last message of the room, not that which one member sees.
    whole = {user_id: own for user_id, own in memberships.items() if not any(one.hides_last for one in own)}
    _fill(seen, generation, whole, chats)
    selectors.show_last(chats.values())
    own_chats = {
        user_id: [chats[membership] for membership in own if membership in chats]
        for user_id, own in memberships.items()
    }
    return {user_id: Unread(unread_output(own), own) for user_id, own in own_chats.items()}


class ChatPage(NamedTuple):
    """Some entries of a chat list, and where the page ends; None for the last one."""

    chats: list[Chat]
    end: ListPlace | None


def chat_list(user: User) -> list[Chat]:
    """All chats of a user, the most recently active first, with their last messages."""
    return _with_last(selectors.chats_without_last(user))


def chat_page(user: User, *, limit: int, after: ListPlace | None = None) -> ChatPage:
    """A page of a user's chats, the pinned ones first, then the most recently active: the first, or the one after a
    place.
    """
    room_ids, end = rooms.list_page(user.pk, limit=limit, after=after)
    chats = {chat.membership.room_id: chat for chat in selectors.chats_without_last(user, room_ids)}
    return ChatPage(_with_last([chats[room_id] for room_id in room_ids if room_id in chats]), end)


def first_chats(user: User, count: int, *, also: UUID | None = None) -> tuple[list[Chat], bool]:
    """The most recently active chats, the pinned ones and that of the room `also`, and whether these are all."""
    shown, are_all = rooms.first_listed(user.pk, count, also=also)
    return _with_last(selectors.chats_without_last(user, shown)), are_all


def chats_named(user: User, chat_ids: Collection[UUID]) -> list[Chat]:
    """Those of these chats that the user has, by the ids that clients use: the group's, or the other person's."""
    named = {*chat_ids, *(direct_room_id(user.pk, one) for one in chat_ids)}
    return _with_last(selectors.chats_without_last(user, named))


def _with_last(chats: list[Chat]) -> list[Chat]:
    """Give each chat its last message: from the database those that Redis does not have as their rooms are now."""
    states = [(room.pk, room.last_seq, room.last_version) for chat in chats if (room := chat.membership.room)]
    seen, found = None, list[bytes | None]()
    if states and chat_cache.settled():
        with suppress(redis.Unavailable):
            seen, found = chat_cache.lasts(states)
    generation = seen.generation if seen else None
    if any(found):
        generation = selectors.cache_generation()
        if seen and seen.generation == generation:
            for chat, last in zip(chats, found, strict=True):
                chat.last_json = last
    missing = {
        chat.membership: chat for chat in chats if chat.last_json is None and chat.membership.room.last_message_id
    }
    metrics.remembered.labels("database" if missing else "redis").inc()
    if missing:
        messages = selectors.last_messages(missing)
        for chat in missing.values():
            chat.last = messages.get(chat.membership.room_id)
        _fill(seen, generation, {}, missing)
    selectors.show_last(chats)
    return chats


def _fill(
    seen: Seen | None,
    generation: int | None,
    memberships: dict[UUID, list[Membership]],
    chats: dict[Membership, Chat],
) -> None:
    """Remember `memberships`, all of each of these users, and the rooms of these and of `chats`."""
    if seen is None:
        return
    states: dict[UUID, RoomState] = {}
    for membership, chat in chats.items():
        if membership.room_id not in states:
            states[membership.room_id] = room_state(membership.room, chat.last, last_output(chat))
    for own in memberships.values():
        for membership in own:
            if membership.room_id not in states:
                states[membership.room_id] = room_state(membership.room)
    members = {user_id: list(map(member_state, own)) for user_id, own in memberships.items()}
    with suppress(redis.Unavailable):  # then the next reader fills it
        chat_cache.fill(seen, max(0, generation or 0), states.values(), members)


# Remembering ----------------------------------------------------------------------------------------------------------


def room_state(
    room: Room,
    last: Message | None = None,
    output: dict[str, Any] | None = None,
    *,
    is_recall: bool = False,
    is_change: bool = False,
    is_read: bool = False,
) -> RoomState:
    """A room as it was read or written, with its last message and the output of that, if they are
    known.
    """
    numbers = (room.pk, room.last_seq, room.last_said, room.last_version, room.last_at)
    state = RoomState(*numbers, is_recall=is_recall, is_change=is_change, is_read=is_read)
    if last is None or output is None or last.seq != room.last_seq:
        return state
    if room.is_direct and last.type == types.SYSTEM:  # each of the two is its receiver
        return state
    return state._replace(last=orjson.dumps(output), last_version=last.version, reads=output["readCount"])


def member_state(membership: Membership) -> MemberState:
    return MemberState(
        membership.user_id,
        membership.room_id,
        membership.room.last_version,
        membership.base,
        membership.peer_id,
        membership.times_back,
    )


def keep(states: Iterable[RoomState], members: Iterable[MemberState] = ()) -> None:
    """Remember what was committed, before anybody is told of it."""
    with _or_disbelieve():
        chat_cache.keep(states, members)


class Keeper:
    """`keep` for the thread of `line`, which tells first and waits for Redis afterwards: `confirm`."""

    def __init__(self, line: redis.Line) -> None:
        self._keeper = chat_cache.Keeper(line)

    def send(self, states: Iterable[RoomState], members: Iterable[MemberState]) -> None:
        with _or_disbelieve():
            self._keeper.send(states, members)

    def confirm(self) -> None:
        with _or_disbelieve():
            self._keeper.confirm()


def forget_users(user_ids: Collection[UUID]) -> None:
    """The rooms of these users changed."""
    with _or_disbelieve():
        chat_cache.forget_users(user_ids)


def forget_room(room_id: UUID) -> None:
    """The room's messages are gone."""
    with _or_disbelieve():
        chat_cache.forget_rooms([room_id])


def forget_sender(user_id: UUID) -> None:
    """What messages show of their sender changed."""
    with _or_disbelieve():
        history_cache.change_profile(user_id, selectors.rooms_with_last_of(user_id))


@contextmanager
def _or_disbelieve() -> Iterator[None]:
    """If Redis misses a change, nothing that it remembers is believed from now on."""
    try:
        yield
    except redis.Unavailable:
        run_atomic(CacheGeneration.advance)
