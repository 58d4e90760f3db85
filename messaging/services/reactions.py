"""Reactions: an emoji of a person on a message.

One writer thread per process commits reactions that arrive together. Many on the same message are one change of it,
with one version and one event. While they keep coming, the writer gathers them for a twentieth of a second.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import orjson

from accounts.models import User
from accounts.rules import require_voice
from chatproject.core.batching.group_commit import GroupCommit
from chatproject.core.db.transactions import on_commit, release_connection, run_atomic
from chatproject.core.errors import ChatError, NotFound
from groups import selectors as rooms
from groups.models import Room
from groups.selectors import Readers
from messaging import events, rules, selectors
from messaging.models import Message, Reaction
from messaging.serializers.output import message_output, names_who_reacted, own_reactions_output, reactions_json
from messaging.services import changes
from messaging.services.send_batch import StoredMessage


@dataclass(frozen=True, slots=True)
class Reacting:
    """That a person reacts to a message with an emoji, or takes that back; checked but for the message."""

    by: User
    message_id: UUID
    emoji: str
    on: bool


def reacting(*, by: User, message_id: UUID, emoji: str, on: bool) -> Reacting:
    """A reaction to be submitted. Raises Invalid for what is not one emoji, and Silenced."""
    if on:
        require_voice(by)
    return Reacting(by, message_id, rules.require_emoji(emoji), on)


def react(*, by: User, message_id: UUID, emoji: str, on: bool) -> dict[str, object]:
    """React to a message, or take it back, and return the message's output. Idempotent. For threads."""
    reaction = reacting(by=by, message_id=message_id, emoji=emoji, on=on)
    release_connection()
    return _commits.commit(reaction).output


def submit_reaction(reaction: Reacting, done: Callable[[StoredMessage | Exception], None]) -> None:
    """Hand a reaction to the writer, for the event loop; `done` is called after the commit, on another thread."""
    _commits.submit_soon(reaction, done)


def _write(reactions: list[Reacting]) -> list[StoredMessage | ChatError]:
    return run_atomic(lambda: _commit(reactions))


_commits: GroupCommit[Reacting, StoredMessage] = GroupCommit(
    _write, name="reaction-writer", next_item_seconds=0.01, batch_seconds=0.05
)


class _Board:
    """The reactions on one message, while they change. Made anew for each attempt: a transaction may run twice."""

    def __init__(self, message: Message, readers: Readers, stored: dict[tuple[str, UUID], UUID]) -> None:
        """`readers` know the sender and those who react, if they are members."""
        self.message = message
        self._readers = readers
        self._stored = set(stored.values())
        #: The ids of all reactions by emoji and user, in the order in which they came, and the new ones by id.
        self._now = stored
        self._new: dict[UUID, Reaction] = {}
        self._changed_by: set[UUID] = set()

    def put(self, one: Reacting) -> None:
        """Raises what the person is told."""
        if not self._readers.knows(one.by.pk) or not self._is_seen_by(one.by):
            raise NotFound()
        rules.require_reactable(self.message)
        key = (one.emoji, one.by.pk)
        if one.on == (key in self._now):
            return
        if one.on:
            rules.require_place_for(one.emoji, one.by, self._now)
            new = Reaction(message=self.message, user=one.by, emoji=one.emoji)
            self._now[key] = new.pk
            self._new[new.pk] = new
        else:
            del self._now[key]
        self._changed_by.add(one.by.pk)

    def _is_seen_by(self, person: User) -> bool:
        message = self.message
        is_before_some = message.seq <= (message.room.floor_seq or 0)
        return not is_before_some or rooms.sees(person.pk, message.room_id, message.seq)

    @property
    def added(self) -> list[Reaction]:
        kept = set(self._now.values())
        return [reaction for pk, reaction in self._new.items() if pk in kept]

    @property
    def removed(self) -> set[UUID]:
        return self._stored - set(self._now.values())

    def settle(self) -> None:
        """Give the message its reactions and its next version."""
        self.message.reactions_json = reactions_json(self.message.reactions_json, self._now)
        self.message.version = self.message.room.take_version()

    def told_to_themselves(self) -> Iterator[tuple[UUID, dict[str, Any]]]:
        """What those who changed something have on the message now, where it names nobody."""
        if names_who_reacted(user_id for _emoji, user_id in self._now):
            return
        for user_id in self._changed_by:
            mine = [emoji for emoji, whose in self._now if whose == user_id]
            yield user_id, own_reactions_output(self.message.pk, self.message.version, mine)

    def shown(self) -> StoredMessage:
        message = self.message
        receiver_id = self._readers.receiver_of(message.sender_id)
        count = self._readers.count(message.seq, message.sender_id)
        output = message_output(message, receiver_id=receiver_id, read_count=count)
        return StoredMessage(output, orjson.dumps(output))


def _commit(reactions: list[Reacting]) -> list[StoredMessage | ChatError]:
    boards = _boards(reactions)
    refusals = [_refusal(one, boards) for one in reactions]
    changed = [board for board in boards.values() if board.added or board.removed]
    _store(changed)
    shown = {message_id: board.shown() for message_id, board in boards.items()}
    for board in changed:
        for user_id, told in board.told_to_themselves():
            on_commit(partial(events.own_reactions, user_id, told))
        stored = shown[board.message.pk]
        changes.tell_after_commit("OnReaction", board.message, stored.output, stored.json)
    return [refused or shown[one.message_id] for one, refused in zip(reactions, refusals, strict=True)]


def _refusal(one: Reacting, boards: dict[UUID, _Board]) -> ChatError | None:
    """Put a reaction on its board; returns why not, where it may not be."""
    if one.message_id not in boards:
        return NotFound()
    try:
        boards[one.message_id].put(one)
    except ChatError as refused:
        return refused
    return None


def _boards(reactions: list[Reacting]) -> dict[UUID, _Board]:
    """The boards of those messages that exist, read after their rooms were locked."""
    message_ids = {one.message_id for one in reactions}
    locked = rooms.locked_rooms(selectors.rooms_of(message_ids))
    messages = selectors.messages_with_senders(message_ids)
    people = [(one.message_id, one.by.pk) for one in reactions if one.message_id in messages]
    people += [(message.pk, message.sender_id) for message in messages.values()]
    readers = rooms.readers((messages[pk].room_id, messages[pk].seq, user_id) for pk, user_id in people)
    stored = selectors.reactions_of(messages)
    for message in messages.values():
        message.room = locked[message.room_id]
    return {pk: _Board(message, readers[message.room_id], stored[pk]) for pk, message in messages.items()}


def _store(boards: list[_Board]) -> None:
    if not boards:
        return
    for board in boards:
        board.settle()
    removed = {pk for board in boards for pk in board.removed}
    if removed:
        Reaction.objects.filter(pk__in=removed).delete()
    Reaction.objects.bulk_create([reaction for board in boards for reaction in board.added])
    messages = [board.message for board in boards]
    Message.objects.bulk_update(messages, ["reactions_json", "version"])
    Room.objects.bulk_update({message.room for message in messages}, ["last_version"])
