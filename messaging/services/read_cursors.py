"""Read cursors: they only move forward, and unread follows from where they stand."""

from collections.abc import Iterable
from uuid import UUID

import orjson

from accounts.models import User
from chatproject.core.db.transactions import on_commit, run_atomic
from chatproject.core.errors import NotFound
from groups import selectors as rooms
from groups.models import Membership, direct_room_id
from messaging import cache, events, selectors
from messaging.serializers import last_output, sender_output


def mark_read(
    *, by: User, chat_ids: Iterable[UUID], is_group: bool, upto: int | None = None, socket_id: str = ""
) -> list[Membership]:
    """Move his cursor in each chat to `upto`, or to its end; his seats as they stand then.

    Raises NotFound when one of the chats is not his; then none has moved. A private chat in which nothing was said yet
    has nothing to read: it is answered by no seat.
    """
    chat_ids = list(chat_ids)

    def body() -> list[Membership]:
        room_ids = [chat_id if is_group else direct_room_id(by.pk, chat_id) for chat_id in chat_ids]
        seats = rooms.seats_to_read(by.pk, room_ids, is_group=is_group)
        if is_group and len(seats) != len(room_ids):
            raise NotFound()
        for seat in seats:
            _move(seat, upto, socket_id)
        return seats

    return run_atomic(body)


def _move(seat: Membership, upto: int | None, socket_id: str) -> None:
    was = seat.read_seq
    reached = seat.room.last_seq if upto is None else min(upto, seat.room.last_seq)
    if reached <= was:
        return
    seat.read_seq = reached
    if seat.own_since_read:  # counted even at the room's end, which may be behind his own last words
        seat.own_since_read = selectors.own_after(seat.room_id, seat.user_id, reached)
    seat.save(update_fields=["read_seq", "own_since_read"])
    on_commit(lambda: _tell(seat, was, socket_id))


def _tell(seat: Membership, was: int, socket_id: str) -> None:
    senders = selectors.senders_between(seat.room_id, after=was, upto=seat.read_seq, but=seat.user_id)
    events.read(seat, senders, since=was)
    last = last_output(selectors.Chat(seat, selectors.last_messages([seat]).get(seat.room_id)))
    if seat.peer is not None:
        cache.private(seat.user_id, seat.peer.pk, seat.room.last_seq, seat.base)
        events.private_unread(seat.user_id, sender_output(seat.peer), seat.unread, last, skip=socket_id)
    else:
        cache.group(seat.room_id, seat.room.last_seq, [(seat.user_id, seat.base)])
        events.group_unread(seat, last, skip=socket_id)


def remember_unread(user: User, chats: Iterable[selectors.Chat]) -> None:
    """Write what was just read from the database under the keys that Redis may have lost."""
    for chat in chats:
        last = orjson.dumps(last_output(chat)) if chat.last else b""
        if chat.seat.peer_id:
            cache.private(user.pk, chat.seat.peer_id, chat.seat.room.last_seq, chat.seat.base, last)
        else:
            cache.group(chat.seat.room_id, chat.seat.room.last_seq, [(user.pk, chat.seat.base)], last)


def compare_unread(*, rebuild: bool) -> tuple[int, int, int]:
    """Hold every seat's arithmetic and its Redis key against the messages.

    Answers (seats looked at, cursors that were wrong, keys that were wrong). A key that is missing is not wrong. With
    `rebuild`, both are put right.
    """
    looked = wrong_cursors = wrong_keys = 0
    for seats in rooms.seats_in_pages():
        keys = [_key(seat) for seat in seats]
        for seat, stored in zip(seats, cache.stored(keys), strict=True):
            looked += 1
            counted = selectors.counted_unread(seat)
            if counted != seat.unread:
                wrong_cursors += 1
                if rebuild:
                    _repair(seat)
            if stored is not None and stored != counted:
                wrong_keys += 1
                if rebuild:
                    _overwrite(seat, counted)
    return looked, wrong_cursors, wrong_keys


def _key(seat: Membership) -> str:
    if seat.peer_id:
        return cache.private_unread(seat.user_id, seat.peer_id)
    return cache.group_unread(seat.user_id, seat.room_id)


def _overwrite(seat: Membership, count: int) -> None:
    if seat.peer_id:
        cache.overwrite_private(seat.user_id, seat.peer_id, count)
    else:
        cache.overwrite_group(seat.user_id, seat.room_id, count)


def _repair(seat: Membership) -> None:
    def body() -> None:
        room = rooms.locked_room(seat.room_id)
        fresh = rooms.seats_to_read(seat.user_id, [room.pk], is_group=not room.is_direct)
        for one in fresh:
            one.own_since_read = selectors.own_after(room.pk, one.user_id, one.read_seq)
            one.save(update_fields=["own_since_read"])

    run_atomic(body)
