"""Read cursors and the unread counts that follow from them.

What others see of a cursor only moves forward. A member may set back what they have themselves: see `Membership`.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import orjson

from accounts.models import User
from chatproject.core.db.transactions import on_commit, run_atomic
from chatproject.core.errors import NotFound
from groups import selectors as rooms
from groups.models import Membership, direct_room_id
from messaging import cache, events, rules, selectors
from messaging.serializers.output import last_output, marked_unread_output, sender_output
from messaging.services import remembering
from messaging.services.remembering import member_state, room_state

#: Messages at a chat's end among which the last of somebody else is looked for.
LOOKED_AT_MAX = 200


def mark_read(
    *, by: User, chat_ids: Iterable[UUID], is_group: bool, upto: int | None = None, socket_id: str = ""
) -> list[Membership]:
    """Move the user's cursor in each chat to `upto`, or to its end, and return the memberships.

    Raises NotFound, without moving any cursor, when the user is not a member of one of the groups.
    A private chat without messages is absent from the result.
    """
    chat_ids = list(chat_ids)

    def body() -> list[Membership]:
        room_ids = [chat_id if is_group else direct_room_id(by.pk, chat_id) for chat_id in chat_ids]
        memberships = rooms.memberships_to_read(by.pk, room_ids, is_group=is_group)
        if is_group and len(memberships) != len(room_ids):
            raise NotFound()
        for membership in memberships:
            _move(membership, upto, socket_id)
        return memberships

    return run_atomic(body)


def mark_unread(
    *, by: User, chat_id: UUID, is_group: bool, seq: int | None = None, socket_id: str = ""
) -> dict[str, Any]:
    """Make a message and those after it unread again for the user alone; without `seq`, the last that somebody else
    said. A chat in which nobody else has said anything is only marked. Returns what is unread in the chat now.

    Raises NotFound; a private chat begins with its first message.
    """

    def body() -> dict[str, Any]:
        room_id = chat_id if is_group else direct_room_id(by.pk, chat_id)
        memberships = rooms.memberships_to_read(by.pk, [room_id], is_group=is_group)
        if not memberships:
            raise NotFound()
        (membership,) = memberships
        first = seq or selectors.last_of_others(membership, among=LOOKED_AT_MAX)
        back = membership.cursor if first is None else max(membership.floor, min(first - 1, membership.cursor))
        rules.require_back(membership, back)
        is_new = back < membership.cursor or not (membership.is_marked_unread or membership.unread)
        if is_new:
            again = selectors.others_between(membership, after=back, upto=membership.read_seq)
            membership.set_back(back, again=again)
        output = marked_unread_output(membership, mention_seq=rooms.first_mention(membership))
        if is_new:
            on_commit(lambda: _tell_own(membership, socket_id))
            on_commit(lambda: events.marked_unread(by.pk, output, skip=socket_id))
        return output

    return run_atomic(body)


def _move(membership: Membership, upto: int | None, socket_id: str) -> None:
    was, told = membership.cursor, membership.read_seq
    reached = membership.room.last_seq if upto is None else min(upto, membership.room.last_seq)
    if was < reached < told:
        _move_again(membership, reached)
        if not membership.unread:  # what is left was recalled, or is the member's own
            reached = told
    if reached > told or (reached == told and membership.is_marked_unread):
        own = membership.own_since_read
        if own:  # recounted even at the room's end: `last_seq` may lack the user's own last messages
            own = selectors.own_after(membership, reached)
        membership.read_up_to(reached, system_lines=selectors.system_lines_up_to(membership, reached), own=own)
    elif reached <= was:
        return
    on_commit(lambda: _tell(membership, told, socket_id))


def _move_again(membership: Membership, reached: int) -> None:
    """Through what the member has read before, and marked unread."""
    read = selectors.others_between(membership, after=membership.cursor, upto=reached)
    membership.set_back(reached, again=membership.unread_again - read)


def _tell(membership: Membership, told: int, socket_id: str) -> None:
    """The cursor moved forward; the senders were told that it stood at `told`."""
    _tell_own(membership, socket_id)
    if membership.read_seq > told:
        ends = {"after": told, "upto": membership.read_seq}
        senders = selectors.senders_between(membership.room_id, **ends, but=membership.user_id)
        events.read(membership, senders, since=told)


def _tell_own(membership: Membership, socket_id: str) -> None:
    """What is unread now: to Redis, then to the member's own sockets."""
    newest = selectors.last_messages([membership]).get(membership.room_id)
    chat = selectors.Chat(membership, newest)
    state = room_state(membership.room, newest, last_output(chat), is_read=True)
    remembering.keep([state], [member_state(membership)])
    said, base = membership.room.last_said, membership.base
    selectors.show_last([chat])
    last = last_output(chat)
    if membership.is_marked_unread and not membership.unread:
        return
    if membership.is_marked_unread:
        cache.set_back(membership.user_id, membership.peer_id, membership.room_id, said, base)
    if membership.peer is not None:
        cache.private(membership.user_id, membership.peer.pk, said, base)
        events.private_unread(
            membership.user_id, sender_output(membership.peer), membership.unread, last, skip=socket_id
        )
    else:
        cache.group(membership.room_id, said, [(membership.user_id, base)])
        events.group_unread(membership, last, skip=socket_id)


def unread(user: User) -> dict[str, Any]:
    """The object of GET /unread."""
    (output,) = unread_of_many([user.pk])
    return output


def unread_of_many(user_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """The object of GET /unread for each of these users."""
    found = remembering.unread(user_ids)
    for user_id, (_, chats) in zip(user_ids, found, strict=True):
        _write_documented(user_id, chats)
    return [output for output, _ in found]


def _write_documented(user_id: UUID, chats: Iterable[selectors.Chat]) -> None:
    """Write counts that were just read to the keys that Redis may have lost."""
    for chat in chats:
        is_shared = chat.last is not None and not chat.membership.hides_last
        last, version = (orjson.dumps(last_output(chat)), chat.last.version) if chat.last and is_shared else (b"", 0)
        room, base = chat.membership.room, chat.membership.base
        if chat.membership.peer_id:
            cache.private(user_id, chat.membership.peer_id, room.last_said, base, last, version)
        else:
            cache.group(room.pk, room.last_said, [(user_id, base)], last, version)


def compare_unread(*, rebuild: bool) -> tuple[int, int, int]:
    """Compare every membership's unread count and its Redis key with the messages; `rebuild`
    corrects both.

    Returns (memberships checked, wrong cursors, wrong keys). A missing key is not wrong.
    """
    looked = wrong_cursors = wrong_keys = 0
    for memberships in rooms.memberships_in_pages():
        keys = [_key(membership) for membership in memberships]
        counts = selectors.counted_unread_of(memberships)
        for membership, stored in zip(memberships, cache.stored(keys), strict=True):
            looked += 1
            counted = counts.get(membership.pk, membership.unread)  # of one that has just ended
            if counted != membership.unread:
                wrong_cursors += 1
                if rebuild:
                    _repair(membership)
            if stored is not None and stored != counted:
                wrong_keys += 1
                if rebuild:
                    _overwrite(membership, counted)
    return looked, wrong_cursors, wrong_keys


def _key(membership: Membership) -> str:
    if membership.peer_id:
        return cache.private_unread(membership.user_id, membership.peer_id)
    return cache.group_unread(membership.user_id, membership.room_id)


def _overwrite(membership: Membership, count: int) -> None:
    remembering.forget_users([membership.user_id])
    if membership.peer_id:
        cache.overwrite_private(membership.user_id, membership.peer_id, count)
    else:
        cache.overwrite_group(membership.user_id, membership.room_id, count)


def _repair(membership: Membership) -> None:
    def body() -> None:
        room = rooms.locked_room(membership.room_id)
        room.system_lines = selectors.counted_system_lines(room.pk, room.last_seq)
        room.save(update_fields=["system_lines"])
        fresh = rooms.memberships_to_read(membership.user_id, [room.pk], is_group=not room.is_direct)
        for one in fresh:
            back = one.back_seq
            own = selectors.own_after(one, one.read_seq)
            one.read_up_to(one.read_seq, system_lines=selectors.counted_system_lines(room.pk, one.read_seq), own=own)
            if back is not None:
                again = selectors.others_between(one, after=back, upto=one.read_seq)
                one.set_back(back, again=again)
        on_commit(lambda: remembering.forget_users([membership.user_id]))
        on_commit(lambda: remembering.forget_room(room.pk))

    run_atomic(body)
