"""Commits messages that arrive together: limits, numbers, rows, and then the telling, once for all.

A batch takes one statement each for the senders' memberships, the rooms' numbers and the new rows,
however many members a group has, two more where a message carries an upload, one more where one mentions
somebody, and another where one mentions everybody. A repeated `clientId` is found when the insert fails:
the messages of that batch are then written one by one, each after a look for the stored one. A repeated
message with an upload is found because the upload is already attached.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import orjson
from django.conf import settings
from django.db import IntegrityError

from accounts import selectors as people
from accounts.models import User
from accounts.rules import sees_only_contacts
from chatproject.core import metrics, redis
from chatproject.core.batching.group_commit import GroupCommit
from chatproject.core.db import bulk
from chatproject.core.db.transactions import on_commit, run_atomic
from chatproject.core.errors import Busy, ChatError, ClientIdConflict, NotFound, RateLimited
from chatproject.core.models import uuid7
from chatproject.core.redis import rate_limits
from chatproject.core.times import now
from groups import selectors as rooms
from groups import sequences
from groups import services as groups
from groups.models import Room, direct_room_id
from groups.rules import refusal_to_write
from groups.sequences import Append, Author, Mentioning, RoomHead
from messaging import cache, events, rules, selectors, types, unread_push
from messaging.chat_cache import MemberState, RoomState
from messaging.models import Message, Upload
from messaging.search_index.query import has_link
from messaging.serializers.output import message_output
from messaging.services import epochs, remembering
from notifications import services as notifications

#: The writer's own connection to Redis.
_line = redis.Line()
_keeper = remembering.Keeper(_line)

_GROUP, _DIRECT = Room.Kind.GROUP.value, Room.Kind.DIRECT.value


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message that a sender wants to send, checked field by field."""

    sender: User
    to: UUID  # the other person, or the group
    is_group: bool
    content: str
    type: str = types.TEXT
    client_id: str | None = None
    reply_to_id: UUID | None = None
    socket_id: str = ""  # has the message as its ack, and needs no push
    details: dict[str, Any] | None = None  # beside its content; of an upload, only the address
    upload_id: UUID | None = None
    forwards: UUID | None = None  # the upload of another message, whose file it shares; its details are in `details`
    is_counted: bool = False  # against the rate limits
    is_released: bool = False  # by a moderator, and need not wait for a group's slow mode

    @property
    def room_id(self) -> UUID:
        return self.to if self.is_group else direct_room_id(self.sender.pk, self.to)


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as its sender gets it back, as an object and as JSON; the same for every repeat of a clientId."""

    output: dict[str, Any]
    json: bytes


def _write(messages: list[OutgoingMessage]) -> list[StoredMessage | ChatError]:
    refusals = _over_limits_of_uncounted(messages)
    allowed = [message for message, refused in zip(messages, refusals, strict=True) if refused is None]
    written = iter(_store(allowed) if allowed else [])
    return [next(written) if refused is None else refused for refused in refusals]


def _over_limits_of_uncounted(messages: list[OutgoingMessage]) -> list[RateLimited | None]:
    refusals = iter(over_limits([message for message in messages if not message.is_counted], line=_line))
    return [None if message.is_counted else next(refusals) for message in messages]


def count_all(messages: list[OutgoingMessage]) -> None:
    """Count messages against the limits, all or none of them. Raises RateLimited."""
    refusals = over_limits(messages)
    refused = next(filter(None, refusals), None)
    if refused is not None:
        uses = [_use(message) for message, wrong in zip(messages, refusals, strict=True) if wrong is None]
        rate_limits.acquire_many(_limits(), uses, cost=-1)
        raise refused


def over_limits(messages: Iterable[OutgoingMessage], *, line: redis.Line | None = None) -> list[RateLimited | None]:
    """Count messages against the limits of their senders and of their chats; for each the refusal, if any."""
    uses = [_use(message) for message in messages]
    return rate_limits.acquire_many(_limits(), uses, line=line) if uses else []


def _limits() -> list[tuple[str, str]]:
    return [("messages", settings.RATE_MESSAGES), ("chat", settings.RATE_CHAT_MESSAGES)]


def _use(message: OutgoingMessage) -> tuple[str, str]:
    return str(message.sender.pk), str(message.room_id)


def _store(messages: list[OutgoingMessage]) -> list[StoredMessage | ChatError]:
    try:
        with metrics.timed(metrics.commit_seconds):
            answers = run_atomic(lambda: _commit(messages))
        metrics.batch_messages.observe(len(messages))
        metrics.messages_stored.inc(len(messages))
        return answers
    except IntegrityError:
        # A clientId was sent again, or two processes created the same private room.
        return [_store_alone(message) for message in messages]


def _store_alone(message: OutgoingMessage) -> StoredMessage | ChatError:
    for _attempt in range(3):
        known = _known(message)
        if known is not None:
            return _again(message, known)
        try:
            (answer,) = run_atomic(lambda: _commit([message]))
            return answer
        except IntegrityError:
            continue
    return Busy()


def _known(message: OutgoingMessage) -> Message | None:
    """The message stored under its `clientId`."""
    mine = Message.objects.select_related("sender", "room").filter(sender=message.sender, client_id=message.client_id)
    return mine.first()


def _commit(messages: list[OutgoingMessage]) -> list[StoredMessage | ChatError]:
    wanted = [message.upload_id for message in messages if message.upload_id is not None]
    to_all = [message for message in messages if types.mentions.names_all(message.details)]
    sources = {message.forwards for message in messages if message.forwards is not None}
    if not wanted and not to_all and not sources:
        return _Batch(messages).run()
    uploads = selectors.locked_uploads(wanted) if wanted else {}
    found = _upload_errors(messages, uploads)
    forwarded = selectors.locked_sources(sources) if sources else {}
    for place, message in enumerate(messages):
        if message.forwards is not None and message.forwards not in forwarded:
            found[place] = NotFound()  # it was recalled a moment ago
    without_right = _without_right_to_all(to_all)
    for place, message in enumerate(messages):
        if (message.sender.pk, message.room_id) in without_right and types.mentions.names_all(message.details):
            found[place] = rules.MentionOfAll()
    right = [message for message, wrong in zip(messages, found, strict=True) if wrong is None]
    answers = iter(_Batch(right, uploads, forwarded).run() if right else [])
    return [
        next(answers) if wrong is None else _again_or(wrong, message)
        for message, wrong in zip(messages, found, strict=True)
    ]


def _again_or(wrong: ChatError, message: OutgoingMessage) -> StoredMessage | ChatError:
    """The stored message where this is a repeat, whatever became of its upload; else `wrong`."""
    known = _known(message) if message.client_id is not None else None
    return wrong if known is None else _again(message, known)


def _without_right_to_all(messages: list[OutgoingMessage]) -> set[tuple[UUID, UUID]]:
    """The senders, with their rooms, who may not mention everybody. One query for each sender: there are few."""
    found = set()
    for sender_id in {message.sender.pk for message in messages}:
        wanted = [message.room_id for message in messages if message.sender.pk == sender_id]
        memberships = rooms.memberships_of(sender_id, wanted)
        found |= {(sender_id, room_id) for room_id, mine in memberships.items() if not mine.is_admin}
    return found


def _refused(message: OutgoingMessage) -> StoredMessage | ChatError:
    """Why a message is not taken; what it asks, nobody asks for those that are. A repeat is answered as before."""
    membership = rooms.memberships_of(message.sender.pk, [message.to]).get(message.to) if message.is_group else None
    if membership is None or membership.room.is_direct:
        return NotFound()
    return _again_or(refusal_to_write(membership), message)


def _upload_errors(messages: Sequence[OutgoingMessage], uploads: Mapping[UUID, Upload]) -> list[ChatError | None]:
    """For each message the reason why it cannot carry its upload, or None."""
    found: list[ChatError | None] = []
    taken: set[UUID] = set()
    for message in messages:
        wrong: ChatError | None = None
        if message.upload_id is not None:
            address = (message.details or {})["mediaUrl"]
            wrong = rules.refusal_to_carry(uploads.get(message.upload_id), address, message.type, message.sender)
            if wrong is None and message.upload_id in taken:
                wrong = rules.UploadSent()
            taken.add(message.upload_id)
        found.append(wrong)
    return found


def _again(message: OutgoingMessage, known: Message) -> StoredMessage | ChatError:
    """The answer to a repeated clientId: the stored message, if it is the same.

    An edited or recalled message always is: its first words are gone.
    """
    is_same = known.room_id == message.room_id and (
        known.edited_at is not None
        or known.is_recalled
        or (
            (known.content, known.type, known.reply_to_id) == (message.content, message.type, message.reply_to_id)
            and (message.forwards is not None or _key(known) == _key(message))  # a file's address is new each time
        )
    )
    if not is_same:
        return ClientIdConflict()
    return _stored(message_output(known, receiver_id=None if message.is_group else message.to))


def _key(said: Message | OutgoingMessage) -> Hashable:
    return types.TYPES[said.type].key(said.details) if said.details else None


def _stored(output: dict[str, Any]) -> StoredMessage:
    return StoredMessage(output, orjson.dumps(output))


@dataclass(slots=True)
class _NewRow:
    """A message about to be stored, with the attributes that `message_output` and the table need."""

    pk: UUID
    room_id: UUID
    sender: User
    client_id: str
    type: str
    content: str
    sent_at: datetime
    reply_to_id: UUID | None = None
    details: dict[str, Any] | None = None
    seq: int = 0
    version: int = 0
    edited_at: None = None
    recalled_at: None = None
    reactions_json: None = None

    COLUMNS = (
        "id", "room_id", "seq", "version", "sender_id", "client_id", "type", "content", "details_json", "reply_to_id",
        "sent_at", "has_link",
    )  # fmt: skip

    def row(self) -> tuple[Any, ...]:
        sealed = Message.sealed(self.pk, self.content, orjson.dumps(self.details).decode() if self.details else "")
        return (
            self.pk, self.room_id, self.seq, self.version, self.sender.pk, self.client_id, self.type, *sealed,
            self.reply_to_id, self.sent_at, has_link(self.content) or None,
        )  # fmt: skip


class _Mentioning(Protocol):
    @property
    def room_id(self) -> UUID: ...
    @property
    def seq(self) -> int: ...
    @property
    def sender(self) -> User: ...
    @property
    def details(self) -> dict[str, Any] | None: ...


def mentioning(message: _Mentioning) -> Mentioning:
    """A message and whom it mentions, its sender left out."""
    named = {one["userId"] for one in types.mentions.mentions_of(message.details)}
    whom = {message.room_id if user_id is None else UUID(user_id) for user_id in named}
    return Mentioning(message.room_id, message.seq, message.sender.pk, whom - {message.sender.pk})


class _Turn:
    """The messages of one sender in one room within a batch."""

    __slots__ = ("author", "base", "count", "is_slowed", "may_write", "times_back")

    def __init__(self, author: Author) -> None:
        self.author = author
        self.count = 0
        self.is_slowed = False
        #: How many of them are taken; the others are too many in a group with slow mode.
        self.may_write = 0
        #: The `seq` up to which the sender has nothing unread; None until their membership is found.
        self.base: int | None = None
        self.times_back = 0


class _Batch:
    """Messages that are committed together. Made anew for each attempt: a transaction may run twice.

    `uploads` are the ones the messages carry: locked, and not attached yet. `forwarded` are those whose files some of
    the messages share, locked too.
    """

    def __init__(
        self,
        messages: list[OutgoingMessage],
        uploads: Mapping[UUID, Upload] | None = None,
        forwarded: Mapping[UUID, Upload] | None = None,
    ) -> None:
        self.messages = messages
        self.uploads = uploads or {}
        self.forwarded = forwarded or {}
        self.shares: list[Upload] = []
        self.turns: dict[Author, _Turn] = {}
        self.turn_of = [self._turn(message) for message in messages]
        self.heads: dict[UUID, RoomHead] = {}
        self.stored: list[tuple[OutgoingMessage, _NewRow, StoredMessage]] = []

    def _turn(self, message: OutgoingMessage) -> _Turn:
        author = Author(message.room_id, message.sender.pk, _GROUP if message.is_group else _DIRECT)
        turn = self.turns.get(author)
        if turn is None:
            turn = self.turns[author] = _Turn(author)
        turn.count += 1
        turn.is_slowed |= not message.is_released
        return turn

    def run(self) -> list[StoredMessage | ChatError]:
        self._count_own(self.turns.values())
        for message, turn in zip(self.messages, self.turn_of, strict=True):
            if turn.base is None and not message.is_group and self._open(message):
                self._count_own([turn])
        rows = self._rows()
        rooms: dict[UUID, list[_NewRow]] = {}
        for row in rows:
            if row is not None:
                rooms.setdefault(row.room_id, []).append(row)
        if rooms:
            self._allocate(rooms)
            bulk.insert(Message, _NewRow.COLUMNS, [one.row() for of_room in rooms.values() for one in of_room])
            sequences.note_mentions(mentioning(one) for of_room in rooms.values() for one in of_room if one.details)
            if self.uploads:
                self._attach_uploads(rows)
            if self.shares:
                Upload.objects.bulk_create(self.shares)
            on_commit(self._tell)
        return list(self._answers(rows))

    def _count_own(self, turns: Iterable[_Turn]) -> None:
        wanted = {turn.author: sequences.Turn(turn.count, turn.is_slowed) for turn in turns}
        for author, found in sequences.count_own(wanted, at=now()).items():
            turn = self.turns[author]
            turn.base, turn.times_back, turn.may_write = found

    def _open(self, message: OutgoingMessage) -> bool:
        """Create the private room for the first message between two, or to oneself; False if there is no other."""
        if message.to == message.sender.pk:
            groups.open_direct(message.sender, message.sender)
            return True
        other = people.by_ids([message.to]).get(message.to)
        if other is None or not other.is_active:
            return False
        if sees_only_contacts(message.sender) and other.pk not in rooms.sharing(message.sender.pk, [other.pk]):
            return False
        groups.open_direct(message.sender, other)
        return True

    def _rows(self) -> list[_NewRow | None]:
        """The row of each message; None where its sender is no member, may not write, or has to wait."""
        at = now()
        rows: list[_NewRow | None] = []
        left = {turn.author: turn.may_write for turn in self.turns.values()}
        for message, turn in zip(self.messages, self.turn_of, strict=True):
            if not left[turn.author]:
                rows.append(None)
                continue
            left[turn.author] -= 1
            pk = uuid7()
            client_id = message.client_id or str(pk)
            new = _NewRow(pk, turn.author.room_id, message.sender, client_id, message.type, message.content, at)
            new.reply_to_id = message.reply_to_id
            new.details = self._details(message, new)
            rows.append(new)
        return rows

    def _details(self, message: OutgoingMessage, new: _NewRow) -> dict[str, Any] | None:
        """What a message says beside its content: of a file, what was found out when it was uploaded."""
        said = message.details
        if said is None:
            return None
        if message.upload_id is not None:
            upload = self.uploads[message.upload_id]
        elif message.forwards is not None:
            upload = self.forwarded[message.forwards].shared_with(message.sender, name=said["fileName"])
            upload.message_id = new.pk
            self.shares.append(upload)
        else:
            return said
        return {**upload.details, **types.author_of(said)}

    def _attach_uploads(self, rows: list[_NewRow | None]) -> None:
        """From now on each upload belongs to the message that carries it."""
        carried = []
        for message, row in zip(self.messages, rows, strict=True):
            if message.upload_id is not None and row is not None:
                upload = self.uploads[message.upload_id]
                upload.message_id = row.pk
                carried.append(upload)
        Upload.objects.bulk_update(carried, ["message"])

    def _allocate(self, rooms: dict[UUID, list[_NewRow]]) -> None:
        appends = {
            room_id: Append(len(of_room), of_room[-1].pk, of_room[-1].sent_at) for room_id, of_room in rooms.items()
        }
        self.heads = sequences.allocate_seqs(appends)
        for room_id, head in self.heads.items():
            for back, row in enumerate(reversed(rooms[room_id])):
                row.seq, row.version = head.last_seq - back, head.last_version - back

    def _answers(self, rows: list[_NewRow | None]) -> Iterator[StoredMessage | ChatError]:
        for message, row in zip(self.messages, rows, strict=True):
            if row is None:
                yield _refused(message)
                continue
            stored = _stored(message_output(row, receiver_id=None if message.is_group else message.to))
            self.stored.append((message, row, stored))
            yield stored

    def _tell(self) -> None:
        """Tell the messages in order, then the unread counts: once for each receiver and chat."""
        self._remember()
        last: dict[tuple[UUID, UUID], tuple[OutgoingMessage, _NewRow, StoredMessage]] = {}
        for message, row, stored in self.stored:
            events.message_created(stored.output, stored.json, skip=message.socket_id)
            last[row.room_id, message.to] = message, row, stored
        newest = self.stored[-1][1]
        epochs.note(epochs.Change(newest.room_id, newest.seq, newest.pk, newest.version))
        for (room_id, _), (message, row, stored) in last.items():
            notifications.message_said(room_id, stored.output, types.preview)
            if message.is_group:
                # The others' counts are told by the processes that hold their sockets.
                cache.group(room_id, self.heads[room_id].last_said, self._bases(room_id), stored.json, row.version)
            else:
                unread_push.private(room_id, stored.output, stored.json)

    def _remember(self) -> None:
        """What Redis has to know before anybody hears of the messages, in one call for all."""
        newest = {row.room_id: (row, stored.json) for _, row, stored in self.stored}
        states = [
            RoomState(room_id, row.seq, self.heads[room_id].last_said, row.version, row.sent_at, json, row.version)
            for room_id, (row, json) in newest.items()
        ]
        peers = {(one.room_id, one.sender.pk): one.to for one in self.messages if not one.is_group}
        members = [
            MemberState(
                user_id,
                room_id,
                self.heads[room_id].last_version,
                turn.base,
                peers.get((room_id, user_id)),
                turn.times_back,
            )
            for (room_id, user_id, _kind), turn in self.turns.items()
            if turn.base is not None
        ]
        _keeper.send(states, members)

    def _bases(self, room_id: UUID) -> list[tuple[UUID, int]]:
        return [
            (turn.author.user_id, turn.base)
            for turn in self.turns.values()
            if turn.base is not None and turn.author.room_id == room_id
        ]


def writer(name: str, timeout_seconds: float = 4.0) -> GroupCommit[OutgoingMessage, StoredMessage]:
    """A thread that writes messages."""
    return GroupCommit(_write, name=name, after=_keeper.confirm, timeout_seconds=timeout_seconds)


commits = writer("row-writer")
