"""How a message gets into a conversation: validated, numbered and committed together with what arrived beside it.

Every send, from HTTP or a socket, goes through one writer thread of its process. Per batch that is one query each for
the seats, the new rows, the rooms' numbers and the senders' own counts, however many members a group has. A repeated
`clientId` is found when the insert says so: those batches are redone one by one, with a look first.
"""

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError
from django.db.models import Q

from accounts import selectors as people
from accounts.models import User
from chatproject.core import limits
from chatproject.core.commits import GroupCommit
from chatproject.core.db import on_commit, run_atomic
from chatproject.core.errors import Busy, ChatError, ClientIdConflict, NotFound
from chatproject.core.models import uuid7
from chatproject.core.times import now
from chatproject.databases import let_go
from groups import services as groups
from groups.models import Membership, Room, direct_room_id
from groups.rules import require_other
from messaging import cache, events
from messaging.models import Message
from messaging.serializers import message_output

#: Seconds a sender waits before he is told that we are busy. His clientId makes trying again safe.
PATIENCE = 15.0


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to say."""

    sender: User
    to: UUID  # the other person, or the group
    is_group: bool
    content: str
    type: str = Message.Type.TEXT
    client_id: str | None = None
    reply_to_id: UUID | None = None
    socket_id: str = ""  # has the message as its ack, and needs no push

    @property
    def room_id(self) -> UUID:
        return self.to if self.is_group else direct_room_id(self.sender.pk, self.to)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as its sender gets it back; the same object again for the same clientId."""

    output: dict[str, Any]
    is_new: bool


def send(draft: Draft) -> Sent:
    """Say it, and return after the commit. Raises what the sender is told."""
    future = submit(draft)
    let_go()
    try:
        return future.result(PATIENCE)
    except TimeoutError as late:
        future.cancel()
        raise Busy() from late


def submit(draft: Draft) -> "Future[Sent]":
    """The same without waiting: the future is done after the commit."""
    if not draft.is_group:
        require_other(draft.sender.pk, draft.to)
    return _commits.submit(draft)


def _write(drafts: list[Draft]) -> list[Sent | ChatError]:
    waits = limits.wait_each("messages", [str(draft.sender.pk) for draft in drafts], settings.RATE_MESSAGES)
    allowed = [draft for draft, seconds in zip(drafts, waits, strict=True) if not seconds]
    written = iter(_store(allowed) if allowed else [])
    return [limits.refusal(seconds, settings.RATE_MESSAGES) if seconds else next(written) for seconds in waits]


def _store(drafts: list[Draft]) -> list[Sent | ChatError]:
    try:
        return run_atomic(lambda: _Batch(drafts).run())
    except IntegrityError:
        # Somebody sent a clientId again, or two processes made the same private room.
        return [_store_alone(draft) for draft in drafts]


def _store_alone(draft: Draft) -> Sent | ChatError:
    for _attempt in range(3):
        known = (
            Message.objects.select_related("sender", "room")
            .filter(sender=draft.sender, client_id=draft.client_id)
            .first()
        )
        if known is not None:
            return _again(draft, known)
        try:
            (answer,) = run_atomic(lambda: _Batch([draft]).run())
            return answer
        except IntegrityError:
            continue
    return Busy()


def _again(draft: Draft, known: Message) -> Sent | ChatError:
    """The answer to a repeated clientId. What an edited or recalled message once said is not compared: it is gone."""
    is_same = known.room_id == draft.room_id and (
        known.edited_at is not None
        or known.is_recalled
        or (known.content, known.type, known.reply_to_id) == (draft.content, draft.type, draft.reply_to_id)
    )
    if not is_same:
        return ClientIdConflict()
    return Sent(message_output(known, receiver_id=None if draft.is_group else draft.to), is_new=False)


class _Batch:
    """Drafts that are committed together. Made anew for each attempt: a transaction may run twice."""

    def __init__(self, drafts: list[Draft]) -> None:
        self.drafts = drafts
        self.seats: dict[tuple[UUID, UUID], Membership] = {}
        self.rooms: dict[UUID, Room] = {}
        self.messages: list[Message] = []
        self.sent: list[tuple[Draft, Sent]] = []

    def run(self) -> list[Sent | ChatError]:
        self._load()
        answers = [self._number(draft) for draft in self.drafts]
        if self.messages:
            Message.objects.bulk_create(self.messages)
            moved = {message.room_id: message.room for message in self.messages}
            Room.objects.bulk_update(moved.values(), ["last_seq", "last_version", "last_message_id", "last_at"])
            spoke = {(message.room_id, message.sender_id) for message in self.messages}
            Membership.objects.bulk_update([self.seats[key] for key in spoke], ["own_since_read"])
            on_commit(self._tell)
        return answers

    def _load(self) -> None:
        """The senders' seats, and in private chats the others', with their rooms, locked; private rooms as needed."""
        groups_wanted = {draft.room_id for draft in self.drafts if draft.is_group}
        direct_wanted = {draft.room_id for draft in self.drafts if not draft.is_group}
        senders = {draft.sender.pk for draft in self.drafts}
        wanted = Q()
        if direct_wanted:
            wanted |= Q(room_id__in=direct_wanted)
        if groups_wanted:
            wanted |= Q(room_id__in=groups_wanted, user_id__in=senders)
        self._lock(wanted)

    def _lock(self, wanted: Q) -> None:
        # The room first, as every verb of groups does: in two orders they would wait for each other for ever.
        seats = Membership.objects.select_for_update(of=("room", "self")).select_related("room").filter(wanted)
        for seat in seats.order_by("room_id", "pk"):
            # One Room object per room, so that every draft of the batch moves the same numbers.
            seat.room = self.rooms.setdefault(seat.room_id, seat.room)
            self.seats[seat.room_id, seat.user_id] = seat

    def _number(self, draft: Draft) -> Sent | ChatError:
        seat = self.seats.get((draft.room_id, draft.sender.pk))
        if seat is None and not draft.is_group:
            seat = self._open(draft)
        if seat is None or seat.room.is_direct == draft.is_group:
            return NotFound()
        room = seat.room
        room.last_seq += 1
        message_id = uuid7()
        message = Message(
            pk=message_id,
            room=room,
            seq=room.last_seq,
            version=room.take_version(),
            sender=draft.sender,
            client_id=draft.client_id or str(message_id),
            type=draft.type,
            content=draft.content,
            reply_to_id=draft.reply_to_id,
            sent_at=now(),
        )
        room.last_message_id, room.last_at = message.pk, message.sent_at
        seat.own_since_read += 1
        self.messages.append(message)
        sent = Sent(message_output(message, receiver_id=None if draft.is_group else draft.to), is_new=True)
        self.sent.append((draft, sent))
        return sent

    def _open(self, draft: Draft) -> Membership | None:
        """The first words between two people make their room."""
        other = people.by_ids([draft.to]).get(draft.to)
        if other is None or not other.is_active:
            return None
        room = groups.open_direct(draft.sender, other)
        self._lock(Q(room=room))  # made by the other at this moment, it is not ours alone
        return self.seats[room.pk, draft.sender.pk]

    def _tell(self) -> None:
        """The messages in order, then what is unread now: once for each receiver and chat, not for each message."""
        last: dict[tuple[UUID, UUID], tuple[Draft, Sent]] = {}
        for draft, sent in self.sent:
            events.message_created(sent.output, skip=draft.socket_id)
            last[draft.sender.pk, draft.to] = draft, sent
        for draft, sent in last.values():
            room = self.rooms[draft.room_id]
            if draft.is_group:
                # The others' counts are told by the processes that hold their sockets: events.unread.
                seat = self.seats[room.pk, draft.sender.pk]
                cache.group(room.pk, room.last_seq, [(seat.user_id, seat.read_seq + seat.own_since_read)], sent.output)
            else:
                count = self.seats[room.pk, draft.to].unread
                cache.private(draft.to, draft.sender.pk, count, sent.output)
                events.private_unread(draft.to, draft.sender, count, sent.output)


_commits: GroupCommit[Draft, Sent] = GroupCommit(_write, name="message-writer")
