"""How a message gets into a conversation: validated, numbered and committed together with what arrived beside it.

Every send, from HTTP or a socket, goes through one writer thread of its process. Per batch that is one statement each
for the senders' memberships, the rooms' numbers and the new rows, however many members a group has; and two more where
somebody sends what he uploaded. A repeated `clientId` is found when the insert says so: those batches are redone one by
one, with a look first. That of a message with an upload is found by the upload, which is no longer free.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache as once
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import IntegrityError

from accounts import selectors as people
from accounts.models import User
from chatproject.core.batching.group_commit import GroupCommit
from chatproject.core.db import bulk
from chatproject.core.db.transactions import on_commit, release_connection, run_atomic
from chatproject.core.errors import Busy, ChatError, ClientIdConflict, NotFound, RateLimited
from chatproject.core.models import uuid7
from chatproject.core.redis import rate_limits
from chatproject.core.times import now
from groups import sequences
from groups import services as groups
from groups.models import Room, direct_room_id
from groups.rules import require_other
from groups.sequences import Append, Author
from messaging import cache, events, rules, selectors, types, unread_push
from messaging.models import Message, Upload
from messaging.serializers import message_output
from notifications import services as notifications

_GROUP, _DIRECT = Room.Kind.GROUP.value, Room.Kind.DIRECT.value


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to say."""

    sender: User
    to: UUID  # the other person, or the group
    is_group: bool
    content: str
    type: str = types.TEXT
    client_id: str | None = None
    reply_to_id: UUID | None = None
    socket_id: str = ""  # has the message as its ack, and needs no push
    details: dict[str, Any] | None = None  # what it says beside its content; of an upload, only where it is
    upload_id: UUID | None = None

    @property
    def room_id(self) -> UUID:
        return self.to if self.is_group else direct_room_id(self.sender.pk, self.to)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as its sender gets it back, and the same as JSON; the same object again for the same clientId."""

    output: dict[str, Any]
    json: bytes


def send(draft: Draft) -> Sent:
    """Say it, and return after the commit. Raises what the sender is told."""
    _check(draft)
    if is_incomplete(draft):
        draft = completed(draft)
    release_connection()
    return _commits.commit(draft)


def submit(draft: Draft, done: Callable[[Sent | Exception], None]) -> None:
    """The same without waiting: `done` is called after the commit, on another thread. Raises what is known at once."""
    _check(draft)
    _commits.submit(draft, done)


def _check(draft: Draft) -> None:
    if not draft.is_group:
        require_other(draft.sender.pk, draft.to)


def is_incomplete(draft: Draft) -> bool:
    """Whether there is somebody to ask for what it does not say; `completed` does."""
    return draft.details is not None and types.TYPES[draft.type].lacks(draft.details)


def completed(draft: Draft) -> Draft:
    """With what is known within two seconds, for which this blocks."""
    language = draft.sender.language or settings.LANGUAGE_CODE
    return replace(draft, details=types.TYPES[draft.type].completed(draft.details or {}, language))


class _TooFast(Exception):
    """Some of a batch are over their limits: it is written without them."""

    def __init__(self, refusals: list[RateLimited | None]) -> None:
        self.refusals = refusals


Refusals = Callable[[], list[RateLimited | None]]


def _write(drafts: list[Draft]) -> list[Sent | ChatError]:
    # Redis looks at the limits while the database looks at the memberships.
    limits_of = [("messages", settings.RATE_MESSAGES), ("chat", settings.RATE_CHAT_MESSAGES)]
    refusals = rate_limits.acquire_many(limits_of, [(str(draft.sender.pk), str(draft.room_id)) for draft in drafts])
    try:
        return _store(drafts, once(refusals))
    except _TooFast as some:
        allowed = [draft for draft, refused in zip(drafts, some.refusals, strict=True) if refused is None]
        written = iter(_store(allowed, _nobody(allowed)) if allowed else [])
        return [next(written) if refused is None else refused for refused in some.refusals]


def _nobody(drafts: list[Draft]) -> Refusals:
    return lambda: [None] * len(drafts)


def _store(drafts: list[Draft], refusals: Refusals) -> list[Sent | ChatError]:
    try:
        return run_atomic(lambda: _commit(drafts, refusals))
    except IntegrityError:
        # Somebody sent a clientId again, or two processes made the same private room.
        return [_store_alone(draft) for draft in drafts]


def _store_alone(draft: Draft) -> Sent | ChatError:
    for _attempt in range(3):
        known = _known(draft)
        if known is not None:
            return _again(draft, known)
        try:
            (answer,) = run_atomic(lambda: _commit([draft], _nobody([draft])))
            return answer
        except IntegrityError:
            continue
    return Busy()


def _known(draft: Draft) -> Message | None:
    """What was stored under its clientId."""
    mine = Message.objects.select_related("sender", "room").filter(sender=draft.sender, client_id=draft.client_id)
    return mine.first()


def _commit(drafts: list[Draft], refusals: Refusals) -> list[Sent | ChatError]:
    wanted = [draft.upload_id for draft in drafts if draft.upload_id is not None]
    if not wanted:
        return _Batch(drafts, refusals).run()
    if any(refused := refusals()):
        raise _TooFast(refused)
    uploads = selectors.locked_uploads(wanted)
    found = _found_wrong(drafts, uploads)
    right = [draft for draft, wrong in zip(drafts, found, strict=True) if wrong is None]
    answers = iter(_Batch(right, _nobody(right), uploads).run() if right else [])
    return [
        next(answers) if wrong is None else _again_or(wrong, draft) for draft, wrong in zip(drafts, found, strict=True)
    ]


def _again_or(wrong: ChatError, draft: Draft) -> Sent | ChatError:
    """What is wrong with it; but who sends again what he sent gets it back, whatever became of its upload."""
    known = _known(draft) if draft.client_id is not None else None
    return wrong if known is None else _again(draft, known)


def _found_wrong(drafts: Sequence[Draft], uploads: Mapping[UUID, Upload]) -> list[ChatError | None]:
    """For each draft why it cannot carry what it says, if it cannot."""
    found: list[ChatError | None] = []
    taken: set[UUID] = set()
    for draft in drafts:
        wrong: ChatError | None = None
        if draft.upload_id is not None:
            address = (draft.details or {})["mediaUrl"]
            wrong = rules.refusal_to_carry(uploads.get(draft.upload_id), address, draft.type, draft.sender)
            if wrong is None and draft.upload_id in taken:
                wrong = rules.UploadSent()
            taken.add(draft.upload_id)
        found.append(wrong)
    return found


def _again(draft: Draft, known: Message) -> Sent | ChatError:
    """The answer to a repeated clientId. What an edited or recalled message once said is not compared: it is gone."""
    is_same = known.room_id == draft.room_id and (
        known.edited_at is not None
        or known.is_recalled
        or (
            (known.content, known.type, known.reply_to_id) == (draft.content, draft.type, draft.reply_to_id)
            and _key(known) == _key(draft)
        )
    )
    if not is_same:
        return ClientIdConflict()
    return _sent(message_output(known, receiver_id=None if draft.is_group else draft.to))


def _key(said: Message | Draft) -> Hashable:
    return types.TYPES[said.type].key(said.details) if said.details else None


def _sent(output: dict[str, Any]) -> Sent:
    return Sent(output, orjson.dumps(output))


@dataclass(slots=True)
class _New:
    """A message that is about to be stored: what `message_output` and the table want to know of it."""

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

    COLUMNS = (
        "id", "room_id", "seq", "version", "sender_id", "client_id", "type", "content", "details_json", "reply_to_id",
        "sent_at",
    )  # fmt: skip

    def row(self) -> tuple[Any, ...]:
        return (
            self.pk, self.room_id, self.seq, self.version, self.sender.pk, self.client_id, self.type, self.content,
            orjson.dumps(self.details).decode() if self.details else "", self.reply_to_id, self.sent_at,
        )  # fmt: skip


class _Turn:
    """What one person says in one room within a batch."""

    __slots__ = ("author", "base", "messages")

    def __init__(self, author: Author) -> None:
        self.author = author
        self.messages = 0
        #: Up to where he has nothing to read when it is said; None while it is not known that he has a membership.
        self.base: int | None = None


class _Batch:
    """Drafts that are committed together. Made anew for each attempt: a transaction may run twice.

    `uploads` are what they carry, held and free.
    """

    def __init__(self, drafts: list[Draft], refusals: Refusals, uploads: Mapping[UUID, Upload] | None = None) -> None:
        self.drafts = drafts
        self.refusals = refusals
        self.uploads = uploads or {}
        self.turns: dict[Author, _Turn] = {}
        self.turn_of = [self._turn(draft) for draft in drafts]
        self.said: list[tuple[Draft, _New, Sent]] = []

    def _turn(self, draft: Draft) -> _Turn:
        author = Author(draft.room_id, draft.sender.pk, _GROUP if draft.is_group else _DIRECT)
        turn = self.turns.get(author)
        if turn is None:
            turn = self.turns[author] = _Turn(author)
        turn.messages += 1
        return turn

    def run(self) -> list[Sent | ChatError]:
        self._count_own(self.turns.values())
        for draft, turn in zip(self.drafts, self.turn_of, strict=True):
            if turn.base is None and not draft.is_group and self._open(draft):
                self._count_own([turn])
        refused = self.refusals()
        if any(refused):
            raise _TooFast(refused)
        messages = self._messages()
        rooms: dict[UUID, list[_New]] = {}
        for message in messages:
            if message is not None:
                rooms.setdefault(message.room_id, []).append(message)
        if rooms:
            self._allocate(rooms)
            bulk.insert(Message, _New.COLUMNS, [one.row() for of_room in rooms.values() for one in of_room])
            if self.uploads:
                self._hang_up(messages)
            on_commit(self._tell)
        return list(self._answers(messages))

    def _count_own(self, turns: Iterable[_Turn]) -> None:
        for author, base in sequences.count_own({turn.author: turn.messages for turn in turns}).items():
            self.turns[author].base = base

    def _open(self, draft: Draft) -> bool:
        """The first words between two people make their room."""
        other = people.by_ids([draft.to]).get(draft.to)
        if other is None or not other.is_active:
            return False
        groups.open_direct(draft.sender, other)
        return True

    def _messages(self) -> list[_New | None]:
        """What each draft becomes; None where its sender has no membership."""
        at = now()
        messages: list[_New | None] = []
        for draft, turn in zip(self.drafts, self.turn_of, strict=True):
            if turn.base is None:
                messages.append(None)
                continue
            pk = uuid7()
            client_id = draft.client_id or str(pk)
            new = _New(pk, turn.author.room_id, draft.sender, client_id, draft.type, draft.content, at)
            new.reply_to_id = draft.reply_to_id
            if draft.details is not None:
                new.details = draft.details if draft.upload_id is None else self.uploads[draft.upload_id].details
            messages.append(new)
        return messages

    def _hang_up(self, messages: list[_New | None]) -> None:
        """From now on each upload belongs to the message that carries it."""
        carried = []
        for draft, message in zip(self.drafts, messages, strict=True):
            if draft.upload_id is not None and message is not None:
                upload = self.uploads[draft.upload_id]
                upload.message_id = message.pk
                carried.append(upload)
        Upload.objects.bulk_update(carried, ["message"])

    def _allocate(self, rooms: dict[UUID, list[_New]]) -> None:
        appends = {room_id: Append(len(said), said[-1].pk, said[-1].sent_at) for room_id, said in rooms.items()}
        for room_id, head in sequences.allocate_seqs(appends).items():
            for back, message in enumerate(reversed(rooms[room_id])):
                message.seq, message.version = head.last_seq - back, head.last_version - back

    def _answers(self, messages: list[_New | None]) -> Iterator[Sent | ChatError]:
        for draft, message in zip(self.drafts, messages, strict=True):
            if message is None:
                yield NotFound()
                continue
            sent = _sent(message_output(message, receiver_id=None if draft.is_group else draft.to))
            self.said.append((draft, message, sent))
            yield sent

    def _tell(self) -> None:
        """The messages in order, then what is unread now: once for each receiver and chat, not for each message."""
        last: dict[tuple[UUID, UUID], tuple[Draft, _New, Sent]] = {}
        for draft, message, sent in self.said:
            events.message_created(sent.output, sent.json, skip=draft.socket_id)
            last[message.room_id, draft.to] = draft, message, sent
        for (room_id, _), (draft, message, sent) in last.items():
            notifications.message_said(room_id, sent.output, types.preview)
            if draft.is_group:
                # The others' counts are told by the processes that hold their sockets.
                cache.group(room_id, message.seq, self._bases(room_id), sent.json)
            else:
                unread_push.private(room_id, sent.output, sent.json)

    def _bases(self, room_id: UUID) -> list[tuple[UUID, int]]:
        return [
            (turn.author.user_id, turn.base)
            for turn in self.turns.values()
            if turn.base is not None and turn.author.room_id == room_id
        ]


_commits: GroupCommit[Draft, Sent] = GroupCommit(_write, name="message-writer")
