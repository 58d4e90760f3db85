"""Unread counts and last messages: answered by Redis where what it remembers is whole, by the
database where something is missing or in doubt, which then fills it.
"""

import logging
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

import orjson

from accounts.models import User
from chatproject.core import metrics, redis
from chatproject.core.db.transactions import run_atomic
from groups import selectors as rooms
from groups.models import Membership, Room
from messaging import chat_cache, history_cache, selectors, types
from messaging.chat_cache import MemberState, RoomState, Seen
from messaging.models import CacheGeneration, Message
from messaging.selectors import Chat
from messaging.serializers.output import last_output, remembered_unread_output, unread_output

log = logging.getLogger(__name__)


# Answers --------------------------------------------------------------------------------------------------------------


def unread(user: User) -> tuple[dict[str, Any], list[Chat]]:
    """The object of GET /unread, and the chats in it if they were read from the database."""
    seen, remembered = None, None
    with suppress(redis.Unavailable):
        seen, remembered = chat_cache.unread(user.pk)
    generation = seen.generation if seen else None
    if remembered is not None:
        generation = selectors.cache_generation()
        if seen and seen.generation == generation:
            metrics.remembered.labels("redis").inc()
            return remembered_unread_output(remembered), []
    metrics.remembered.labels("database").inc()
    memberships = rooms.own_memberships(user.pk)
    behind = [membership for membership in memberships if membership.unread]
    last = selectors.last_messages(behind)
    chats = [Chat(membership, last.get(membership.room_id)) for membership in behind]
    _fill(seen, generation, memberships, {chat.membership.room_id: chat for chat in chats}, user.pk)
    return unread_output(chats), chats


def chat_list(user: User) -> list[Chat]:
    """All chats of a user, the most recently active first, with their last messages."""
    chats = selectors.chats_without_last(user)
    states = [(room.pk, room.last_seq, room.last_version) for chat in chats if (room := chat.membership.room)]
    seen, found = None, list[bytes | None]()
    with suppress(redis.Unavailable):
        seen, found = chat_cache.lasts(states)
    generation = seen.generation if seen else None
    if seen and all(found):
        generation = selectors.cache_generation()
        if seen.generation == generation:
            for chat, last in zip(chats, found, strict=True):
                chat.last_json = last
            metrics.remembered.labels("redis").inc()
            return chats
    metrics.remembered.labels("database").inc()
    messages = selectors.last_messages([chat.membership for chat in chats])
    for chat in chats:
        chat.last = messages.get(chat.membership.room_id)
    by_room = {chat.membership.room_id: chat for chat in chats}
    _fill(seen, generation, [chat.membership for chat in chats], by_room)
    return chats


def _fill(
    seen: Seen | None,
    generation: int | None,
    memberships: Iterable[Membership],
    chats: dict[UUID, Chat],
    user_id: UUID | None = None,
) -> None:
    if seen is None:
        return
    states = []
    for membership in memberships:
        chat = chats.get(membership.room_id)
        last = (chat.last, last_output(chat)) if chat else ()
        states.append(room_state(membership.room, *last))
    members = [member_state(membership) for membership in memberships] if user_id else []
    with suppress(redis.Unavailable):  # then the next reader fills it
        chat_cache.fill(seen, max(0, generation or 0), states, user_id, members)


# Remembering ----------------------------------------------------------------------------------------------------------


def room_state(
    room: Room, last: Message | None = None, output: dict[str, Any] | None = None, *, is_recall: bool = False
) -> RoomState:
    """A room as it was read or written, with its last message and the output of that, if they are
    known.
    """
    state = RoomState(room.pk, room.last_seq, room.last_said, room.last_version, room.last_at, is_recall=is_recall)
    if last is None or output is None or last.seq != room.last_seq:
        return state
    if room.is_direct and last.type == types.SYSTEM:  # each of the two is its receiver
        return state
    return state._replace(last=orjson.dumps(output), last_version=last.version, reads=output["readCount"])


def member_state(membership: Membership) -> MemberState:
    return MemberState(
        membership.user_id, membership.room_id, membership.room.last_version, membership.base, membership.peer_id
    )


def keep(states: Iterable[RoomState], members: Iterable[MemberState] = ()) -> None:
    """Remember what was committed, before anybody is told of it."""
    with _or_disbelieve():
        chat_cache.keep(states, members)


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
