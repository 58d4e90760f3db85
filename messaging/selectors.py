"""Every query for messages and uploads. A user finds only those of their own rooms."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, reduce
from itertools import chain, groupby
from operator import attrgetter, itemgetter, or_
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db.models import BooleanField, Count, Exists, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce

from accounts import selectors as people
from accounts.models import User
from accounts.rules import sees_only_contacts
from chatproject.core.db import bulk
from chatproject.core.db.queries import locked, page
from chatproject.core.errors import NotFound
from chatproject.core.files import avatars
from chatproject.core.files.storage import StoredFile
from chatproject.core.times import iso
from groups import selectors as rooms
from groups.models import Membership, Room, direct_room_id
from groups.selectors import NO_READERS, Readers, SyncedChat
from messaging import types
from messaging.media import files
from messaging.media.kinds import KINDS
from messaging.models import SHELVED, CacheGeneration, HeldMessage, Message, Reaction, Upload

#: Changes of one chat in a sync, and of all chats; a client that missed more loads the history
#: again.
SYNC_MAX = 200
SYNC_MESSAGES = 1000
#: Messages of a private chat among which an answer is looked for: many messages without one are not
#: a correspondence.
CORRESPONDENCE_MAX = 1000


@dataclass(slots=True)
class Page:
    """A page of a conversation, oldest message first."""

    membership: Membership
    messages: list[Message]
    readers: Readers = NO_READERS
    has_older: bool = False
    #: Those that the member has deleted for themselves, by `seq`.
    hidden: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Chat:
    """An entry of the chat list."""

    membership: Membership
    last: Message | None
    other: Membership | None = None  # in a private chat, the other user's; of a chat with oneself, one's own
    last_json: bytes | None = None  # the last message's output, instead of `last`

    @property
    def id(self) -> UUID:
        return self.other.user_id if self.other else self.membership.room_id


@dataclass(slots=True)
class Changes:
    """The changes of one chat since a version."""

    chat_id: Any  # unconverted
    chat: SyncedChat | None  # None: the user is no longer a member
    limited: bool = False
    messages: "Sequence[MessageRow]" = ()
    readers: Readers = NO_READERS
    #: Those of the messages that the user has deleted for themselves, by `seq`; and all that they have so deleted
    #: since the number that they know.
    hidden: Collection[int] = ()
    newly_hidden: Sequence[UUID] = ()


def history(
    user: User, chat_id: UUID, *, is_group: bool, limit: int, before: int | None = None, after: int | None = None
) -> Page:
    """The newest page of a chat, or the one before or after a `seq`; of a private chat that has not
    begun, an empty one.
    """
    membership = rooms.membership(user, chat_id) if is_group else rooms.direct_membership(user, chat_id)
    if membership is None:
        other = people.get(chat_id)
        if not other.is_active:
            raise NotFound()
        if other != user and sees_only_contacts(user) and not rooms.sharing(user.pk, [other.pk]):
            raise NotFound()
        return Page(rooms.blank_membership(user, other), [])
    return _history(membership, limit=limit, before=before, after=after)


def opening(user: User, chat_id: UUID, *, is_group: bool, limit: int) -> Page:
    """The first page of an opened chat: its end, or around the first unread message if that is far
    from it.
    """
    membership = rooms.chat_membership(user, chat_id, is_group=is_group)
    is_far = membership.unread > 0 and membership.room.last_seq - membership.cursor > limit * 4 // 5
    return _history(membership, limit=limit, before=membership.cursor + 1 + limit // 2 if is_far else None)


def _history(membership: Membership, *, limit: int, before: int | None = None, after: int | None = None) -> Page:
    found = _messages(membership.room_id, limit=limit, before=before, after=after, floor=membership.floor)
    readers = readers_of(found).get(membership.room_id, NO_READERS)
    hidden = rooms.hidden_seqs(membership, first=found[0].seq, last=found[-1].seq) if found else set()
    has_older = bool(found) and found[0].seq > membership.floor + 1
    return Page(membership, found, readers, has_older=has_older, hidden=hidden)


def _messages(room_id: UUID, *, limit: int, before: int | None, after: int | None, floor: int = 0) -> list[Message]:
    """A page of a room's messages, oldest first: the newest ones, or those before or after a `seq`; those up to `floor`
    left out.
    """
    messages = Message.objects.filter(room_id=room_id)
    if floor:
        messages = messages.filter(seq__gt=floor)
    if after is not None:
        return page(messages.filter(seq__gt=after).order_by("seq")[:limit], "sender")
    if before is not None:
        messages = messages.filter(seq__lt=before)
    return page(messages.order_by("-seq")[:limit], "sender")[::-1]


#: Messages of a shelf that are read together, at least.
_SHELVED_AT_ONCE = 100
#: SQLite takes an index of some rows only where a query repeats its condition, word by word.
_IS_SHELVED = RawSQL(  # noqa: S611 -- names of types
    "messaging_message.type IN ({})".format(", ".join(f"'{name}'" for name in SHELVED)), (), BooleanField()
)


def shelved(
    membership: Membership, names: Collection[str] | None, *, limit: int, before: int | None = None
) -> list[Message]:
    """The newest messages of these types that the member sees, or those before a `seq`, newest first; without types
    those with a link.
    """
    # Without an end SQLite would go through all messages in their order.
    before = before or membership.room.last_seq + 1
    seqs: list[int] = []
    many = max(limit, _SHELVED_AT_ONCE)
    while len(seqs) < limit:
        some = _shelved_seqs(membership, names, many, before)
        hidden = rooms.hidden_seqs(membership, first=some[-1], last=some[0]) if some else set()
        seqs += [seq for seq in some if seq not in hidden]
        if len(some) < many:
            break
        before = some[-1]
    found = Message.objects.filter(room_id=membership.room_id, seq__in=seqs[:limit], recalled_at=None)
    return page(found.order_by("-seq")[:limit], "sender", "room") if seqs else []


def _shelved_seqs(membership: Membership, names: Collection[str] | None, limit: int, before: int) -> list[int]:
    messages = Message.objects.filter(room_id=membership.room_id, recalled_at=None, seq__lt=before)
    if membership.floor:
        messages = messages.filter(seq__gt=membership.floor)
    if names is not None and bulk.speaks_sql():
        messages = messages.filter(_IS_SHELVED)
    # One query for each type: together they would be sorted.
    each = [messages.filter(has_link=True)] if names is None else [messages.filter(type=name) for name in names]
    found = (one.order_by("-seq").values_list("seq", flat=True)[:limit] for one in each)
    return sorted(chain.from_iterable(found), reverse=True)[:limit]


def message_for(user: User, message_id: UUID) -> tuple[Message, Membership]:
    """A message in one of the user's chats that they see, with their membership. Raises NotFound."""
    message = Message.objects.select_related("room", "sender").filter(pk=message_id).first()
    membership = message and rooms.memberships_of(user.pk, [message.room_id]).get(message.room_id)
    if not message or not membership or message.seq <= membership.floor:
        raise NotFound()
    membership.room = message.room
    return message, membership


def locked_message_for(user: User, message_id: UUID) -> tuple[Message, Membership]:
    """Like `message_for`, read after its room was locked until the transaction ends."""
    found, _membership = message_for(user, message_id)
    rooms.locked_room(found.room_id)
    return message_for(user, message_id)


def receiver_of(message: Message) -> UUID | None:
    """The receiver of a private message; None in a group."""
    if not message.room.is_direct:
        return None
    others = (user_id for user_id, _ in rooms.cursors(message.room_id) if user_id != message.sender_id)
    return next(others, message.sender_id)


def last_messages(memberships: Iterable[Membership]) -> dict[UUID, Message]:
    """The last message of each membership's room, by room, with its `read_count`. One query."""
    ids = [membership.room.last_message_id for membership in memberships if membership.room.last_message_id]
    return {message.room_id: message for message in _with_read_count().filter(pk__in=ids)} if ids else {}


def shown_last(memberships: Iterable[Membership]) -> dict[UUID, Message]:
    """By room, the last message that each member still sees, where they have deleted the room's last one for
    themselves. A room in which the member sees no message is absent. Two queries for each such member, and none where
    nobody has deleted a last message.
    """
    found = {}
    for membership in memberships:
        if not membership.hides_last:
            continue
        hidden = rooms.hidden_seqs(membership)
        before = range(membership.room.last_seq - 1, membership.floor, -1)
        seq = next((seq for seq in before if seq not in hidden), 0)
        last = seq and _with_read_count().filter(room_id=membership.room_id, seq=seq).first()
        if last:
            found[membership.room_id] = last
    return found


def last_shown(membership: Membership, last: Message | None) -> Message | None:
    """The last message that a member still sees, of a room with this last one."""
    return shown_last([membership]).get(membership.room_id) if membership.hides_last else last


def show_last(chats: Iterable[Chat]) -> None:
    """Give each chat the last message that its member still sees."""
    hiding = [chat for chat in chats if chat.membership.hides_last]
    shown = shown_last(chat.membership for chat in hiding)
    for chat in hiding:
        chat.last, chat.last_json = shown.get(chat.membership.room_id), None


def last_message(room_id: UUID) -> Message | None:
    """The last message of a room, with its `read_count`."""
    return _with_read_count().filter(room_id=room_id).order_by("-seq").first()


def _with_read_count() -> QuerySet[Message]:
    passed = Membership.objects.filter(room=OuterRef("room"), read_seq__gte=OuterRef("seq")).exclude(
        user=OuterRef("sender")
    )
    count = passed.order_by().values("room").annotate(n=Count("pk")).values("n")
    return Message.objects.select_related("sender").annotate(read_count=Coalesce(Subquery(count), 0))


def chats_without_last(user: User, room_ids: Collection[UUID] | None = None) -> list[Chat]:
    """Chats of a user, all or those of some rooms, the most recently active first, without their last messages. One
    query.
    """
    return [Chat(membership, None, other) for membership, other in rooms.listed(user, room_ids)]


def cache_generation() -> int:
    """The generation of what Redis may be believed. Own SQL: every page of a history asks."""
    if bulk.speaks_sql():
        query = "SELECT number FROM messaging_cachegeneration WHERE _id = %s"
        rows = bulk.select(query, [bulk.to_db_value(CacheGeneration.ID)])
        return int(rows[0][0]) if rows else 0
    return CacheGeneration.objects.filter(pk=CacheGeneration.ID).values_list("number", flat=True).first() or 0


def rooms_with_last_of(user_id: UUID) -> list[UUID]:
    """The rooms whose last message is this user's."""
    last = Room.objects.exclude(last_message_id=None).values("last_message_id")
    return list(Message.objects.filter(sender_id=user_id, pk__in=last).values_list("room_id", flat=True))


def chat_of(user: User, membership: Membership) -> Chat:
    """The chat list's entry for one membership. Two queries."""
    return _chats(user, [membership.room_id])[0]


def _chats(user: User, room_ids: Collection[UUID]) -> list[Chat]:
    chats = chats_without_last(user, room_ids)
    last = last_messages([chat.membership for chat in chats])
    for chat in chats:
        chat.last = last.get(chat.membership.room_id)
    show_last(chats)
    return chats


def changes(user: User, cursors: Mapping[UUID, int], hidden: Mapping[UUID, int] | None = None) -> list[Changes]:
    """The changes of a user's chats since the versions in `cursors`, with chats that are theirs no
    more; with `hidden`, also what they have deleted for themselves since these numbers.

    At most SYNC_MAX changes per chat and SYNC_MESSAGES in all; beyond that a chat is `limited`, and
    its history must be loaded.
    """
    known = {bulk.unconverted_id(chat_id): version for chat_id, version in cursors.items()}
    deleted = None if hidden is None else {bulk.unconverted_id(chat_id): count for chat_id, count in hidden.items()}
    found: dict[UUID, Changes] = {}
    wanted: dict[UUID, int] = {}
    left = SYNC_MESSAGES
    changed = []
    behind, gone = _behind(user, known, deleted)
    for chat in behind:
        since = known.get(chat.chat_id, 0)
        missed = chat.version - since
        one = Changes(chat.chat_id, chat, limited=missed > SYNC_MAX or missed > left)
        known_hidden = chat.hidden_count if deleted is None else deleted.get(chat.chat_id, 0)
        if chat.hidden_count > known_hidden:
            one.newly_hidden = [message_id for _seq, message_id in rooms.hidden_since(chat, known_hidden)]
            one.limited = one.limited or len(one.newly_hidden) > SYNC_MAX
        if not one.limited and missed > 0:
            left -= missed
            room_id = bulk.id_of(chat.room_id)
            found[room_id], wanted[room_id] = one, since
        changed.append(one)
    _fill(found, wanted)
    return [*changed, *(Changes(chat_id, None) for chat_id in gone)]


def _behind(
    user: User, known: Mapping[Any, int], deleted: Mapping[Any, int] | None
) -> tuple[list[SyncedChat], list[Any]]:
    """The chats of which a client that knows these numbers is to be told, and which of those that it knows are gone.

    Two queries, and one for a client that knows nothing.
    """
    if not known:
        return rooms.chats_to_sync(user.pk), []
    heads = rooms.chat_heads(user.pk)
    behind = [head.room_id for head in heads if _is_behind(head, known, deleted)]
    gone = known.keys() - {head.chat_id for head in heads}
    return rooms.chats_to_sync(user.pk, behind), [chat_id for chat_id in known if chat_id in gone] if gone else []


def _is_behind(head: rooms.ChatHead, known: Mapping[Any, int], deleted: Mapping[Any, int] | None) -> bool:
    """Whether a client that knows these numbers is to be told of a chat."""
    is_hiding = deleted is not None and head.hidden_count > deleted.get(head.chat_id, 0)
    # A request to join takes no version: who may answer it is told of those that wait each time.
    return head.version > known.get(head.chat_id, -1) or is_hiding or head.asking > 0


def _fill(found: dict[UUID, Changes], wanted: Mapping[UUID, int]) -> None:
    """Give these rooms' changes the messages whose version is above a number, and their readers."""
    rows = changed_since(wanted)
    readers = rooms.readers((room_id, row.seq, row.sender_id) for room_id, of in rows.items() for row in of)
    for room_id, of in rows.items():
        one = found[room_id]
        assert one.chat is not None
        one.readers = readers[room_id]
        one.messages = [row for row in of if row.seq > one.chat.floor]
        if one.messages:
            first, last = one.messages[0].seq, one.messages[-1].seq
            one.hidden = rooms.hidden_seqs(one.chat, first=first, last=last)


def senders_between(room_id: UUID, *, after: int, upto: int, but: UUID, limit: int = 50) -> set[UUID]:
    """The senders of the last messages in a range, to tell them that these were read."""
    stretch = Message.objects.filter(room_id=room_id, seq__gt=max(after, upto - limit), seq__lte=upto).exclude(
        sender=but
    )
    return set(stretch.values_list("sender_id", flat=True))


def own_after(membership: Membership, seq: int) -> int:
    """What `Membership.own_since_read` counts, by counting messages: after `seq`, the member's own and those that they
    have deleted for themselves.
    """
    own = Message.objects.filter(room_id=membership.room_id, sender_id=membership.user_id, seq__gt=seq)
    return own.exclude(type=types.SYSTEM).count() + _hidden_unread(membership, seq)


def _hidden_unread(membership: Membership, seq: int, upto: int | None = None) -> int:
    """How many messages after `seq` only a deletion for themselves keeps from being unread by a member."""
    hidden = rooms.hidden_seqs(membership, first=seq + 1, last=upto)
    return len(unread_among(membership, hidden)) if hidden else 0


def unread_among(membership: Membership, seqs: Collection[int]) -> list[int]:
    """Those of the messages that count as unread by a member who has not read them."""
    said = Message.objects.filter(room_id=membership.room_id, seq__in=list(seqs), recalled_at=None)
    return list(said.exclude(sender=membership.user_id).exclude(type=types.SYSTEM).values_list("seq", flat=True))


def others_between(membership: Membership, *, after: int, upto: int) -> int:
    """The number of messages that others said in a range, recalled ones included, those left out that the member has
    deleted for themselves.
    """
    stretch = Message.objects.filter(room_id=membership.room_id, seq__gt=after, seq__lte=upto)
    said = stretch.exclude(sender=membership.user_id).exclude(type=types.SYSTEM).count()
    return said - _hidden_unread(membership, after, upto)


def last_of_others(membership: Membership, *, among: int) -> int | None:
    """The `seq` of the last message that somebody else said and has not recalled, among the last so many of a room."""
    newest = Message.objects.filter(room_id=membership.room_id, seq__gt=membership.floor).order_by("-seq")[:among]
    hidden = rooms.hidden_seqs(membership)
    for seq, sender_id, type_, recalled_at in newest.values_list("seq", "sender_id", "type", "recalled_at"):
        if sender_id != membership.user_id and type_ != types.SYSTEM and recalled_at is None and seq not in hidden:
            return int(seq)
    return None


def system_lines_up_to(membership: Membership, seq: int) -> int:
    """The number of system lines up to `seq`, which is not before the cursor; counted from the
    nearer of the cursor and the end.
    """
    room = membership.room
    unread, left = room.system_lines - membership.system_lines_read, room.last_seq - seq
    if not unread or not left:
        return room.system_lines
    lines = Message.objects.filter(room_id=room.pk, type=types.SYSTEM)
    if left < seq - membership.read_seq:
        return room.system_lines - lines.filter(seq__gt=seq, seq__lte=room.last_seq).count()
    return membership.system_lines_read + lines.filter(seq__gt=membership.read_seq, seq__lte=seq).count()


def readers(
    user: User, message_id: UUID, *, has_read: bool = True, limit: int | None = None, after: UUID | None = None
) -> list[Membership]:
    """The memberships, with their users, who have read a message or have not, without its sender: all by their names,
    or at most `limit` after the membership `after` in the order in which they joined.
    """
    message, _membership = message_for(user, message_id)
    found = Membership.objects.filter(room_id=message.room_id).exclude(user_id=message.sender_id)
    found = found.filter(read_seq__gte=message.seq) if has_read else found.filter(read_seq__lt=message.seq)
    if limit is None:
        return list(found.select_related("user").order_by("user__name"))
    if after is not None:
        found = found.filter(pk__gt=after)
    return page(found.order_by("pk")[:limit], "user")


def first_since(membership: Membership, moment: datetime) -> int | None:
    """The `seq` of a room's first message at or after a moment that a member sees, None if there is none.

    Times follow `seq` closely, so it is looked for by halves: some twenty questions for a million messages.
    """
    room = membership.room
    low, high = membership.floor + 1, room.last_seq + 1
    while low < high:
        middle = (low + high) // 2
        sent_at = Message.objects.filter(room=room, seq=middle).values_list("sent_at", flat=True).first()
        if sent_at is not None and sent_at >= moment:
            high = middle
        else:
            low = middle + 1
    return low if low <= room.last_seq else None


def reactions(user: User, message_id: UUID, *, limit: int, after: UUID | None = None) -> list[Reaction]:
    """Who reacted to a message: the user's own first, then a page of the others, in the order in which they came."""
    message, _membership = message_for(user, message_id)
    found = Reaction.objects.select_related("user").filter(message=message).order_by("pk")
    others = found.exclude(user=user)
    if after is not None:
        return list(others.filter(pk__gt=after)[:limit])
    return [*found.filter(user=user), *others[:limit]]


def own_reactions(user: User, message_ids: Collection[UUID]) -> list[tuple[UUID, int, list[str]]]:
    """The (id, version, emoji) of those of the messages that the user sees, with what they have put on each. Three
    queries.
    """
    found, _mine = messages_of(user, message_ids)
    # After the versions: a reaction that comes between is told once more, by its event.
    emoji: dict[UUID, list[str]] = {message.pk: [] for message in found}
    mine = Reaction.objects.filter(message_id__in=list(emoji), user=user).order_by("pk")
    for message_id, one in mine.values_list("message_id", "emoji"):
        emoji[message_id].append(one)
    return [(message.pk, message.version, emoji[message.pk]) for message in found]


def reactions_of(messages: Collection[UUID]) -> dict[UUID, dict[tuple[str, UUID], UUID]]:
    """The ids of all reactions on some messages, by emoji and user, in the order in which they came. One query."""
    found: dict[UUID, dict[tuple[str, UUID], UUID]] = {message_id: {} for message_id in messages}
    rows = Reaction.objects.filter(message_id__in=messages).order_by("pk")
    for pk, message_id, emoji, user_id in rows.values_list("pk", "message_id", "emoji", "user_id"):
        found[message_id][emoji, user_id] = pk
    return found


def rooms_of(messages: Collection[UUID]) -> set[UUID]:
    """The rooms of those of the messages that exist."""
    return set(Message.objects.filter(pk__in=messages).values_list("room_id", flat=True))


def sent_as(user: User, client_ids: Iterable[str]) -> list[Message]:
    """A user's messages with these `clientId`s, with their rooms. One query."""
    return list(Message.objects.select_related("sender", "room").filter(sender=user, client_id__in=list(client_ids)))


def messages_with_senders(ids: Collection[UUID]) -> dict[UUID, Message]:
    """Messages by id, whoever may see them, with their senders."""
    return Message.objects.select_related("sender").in_bulk(list(ids))


def correspondents(user: User, among: Collection[UUID]) -> set[UUID]:
    """Those among these people who have written to the user, among the last messages of their chat. One query."""
    others = {direct_room_id(user.pk, one): one for one in among}
    theirs = Message.objects.filter(room=OuterRef("pk"), seq__gt=OuterRef("last_seq") - CORRESPONDENCE_MAX)
    rooms = Room.objects.filter(pk__in=list(others)).filter(Exists(theirs.exclude(sender=user)))
    return {others[room_id] for room_id in rooms.values_list("pk", flat=True)}


def added_with(user: User, message_id: UUID) -> list[User]:
    """The people whom a system line tells to have been added, as far as they are still members."""
    message, _membership = message_for(user, message_id)
    added = Membership.objects.filter(
        room_id=message.room_id, added_by_id=message.sender_id, joined_at__lte=message.sent_at
    )
    # The room was locked meanwhile: between its last two messages nothing else was done.
    before = Message.objects.filter(room_id=message.room_id, seq=message.seq - 1).values_list("sent_at", flat=True)
    if message.type != types.SYSTEM or message.details is None:
        return []
    if since := before.first():
        added = added.filter(joined_at__gt=since)
    return [membership.user for membership in added.select_related("user").order_by("user__name_key")]


def quoted(user: User, message_ids: Collection[UUID]) -> list[Message]:
    """Those of the messages that are in the user's chats, and not deleted by them. Two queries."""
    found, mine = messages_of(user, message_ids)
    hidden = rooms.hidden_of(mine.values())
    return [message for message in found if message.pk not in hidden]


def messages_of(user: User, message_ids: Collection[UUID]) -> tuple[list[Message], dict[UUID, Membership]]:
    """Those of the messages that the user sees in their chats, and the memberships by room. Two queries."""
    found = list(Message.objects.select_related("sender", "room").filter(pk__in=message_ids))
    mine = rooms.memberships_of(user.pk, list({message.room_id for message in found}))
    return [one for one in found if one.room_id in mine and one.seq > mine[one.room_id].floor], mine


def readers_of(messages: Iterable[Message]) -> dict[UUID, Readers]:
    """The readers of the rooms of some messages, by room. One query."""
    return rooms.readers((message.room_id, message.seq, message.sender_id) for message in messages)


def counted_system_lines(room_id: UUID, seq: int) -> int:
    """The number of system lines up to `seq` by counting messages, to repair the counters."""
    return Message.objects.filter(room_id=room_id, seq__lte=seq, type=types.SYSTEM).count()


def counted_unread(membership: Membership) -> int:
    """The unread count by counting messages, to check `Membership.unread`."""
    return counted_unread_of([membership])[membership.pk]


def counted_unread_of(memberships: Iterable[Membership]) -> dict[UUID, int]:
    """The unread counts of memberships as the database has them now, by counting messages. One query."""
    cursor = Coalesce(OuterRef("back_seq"), OuterRef("read_seq"))
    after = Message.objects.filter(room=OuterRef("room"), seq__gt=cursor, recalled_at=None)
    unread = after.exclude(sender_id=OuterRef("user")).exclude(type=types.SYSTEM).order_by().values("room")
    count = Subquery(unread.annotate(n=Count("pk")).values("n"))
    memberships = list(memberships)
    found = Membership.objects.filter(pk__in=[membership.pk for membership in memberships])
    counted = dict(found.annotate(counted=Coalesce(count, 0)).values_list("pk", "counted"))
    for membership in memberships:
        if membership.pk in counted and membership.hidden_count:
            counted[membership.pk] -= _hidden_unread(membership, membership.cursor)
    return counted


# Uploads --------------------------------------------------------------------------------------------------------------

_STORED = re.compile(r"[a-z]+/(?:thumbnails/)?([0-9a-f]{32})\.[a-z0-9]+")


def stored_file(user: User, path: str) -> StoredFile:
    """The file at a path: for its owner before it is sent, then for everyone who may see the
    message; avatars for all.

    Raises NotFound for everything else.
    """
    if avatars.is_ours(avatars.address(path)):
        return avatars.file(avatars.address(path))
    found = _STORED.fullmatch(path)
    upload = found and Upload.objects.filter(pk=UUID(found[1])).first()
    if not upload or path not in (upload.path, upload.thumbnail_path) or not _may_see(user, upload):
        raise NotFound()
    if path == upload.thumbnail_path:
        type_ = _TYPES_BY_EXTENSION[upload.thumbnail_extension]
        return StoredFile(upload.stored_thumbnail_path, upload.thumbnail_size, type_, "")
    served_as = _TYPES_BY_EXTENSION.get(upload.extension, files.SERVED_AS)
    return StoredFile(upload.stored_path, upload.size, served_as, upload.name if served_as == files.SERVED_AS else "")


#: The types of files that were converted here; others have none.
_TYPES_BY_EXTENSION = {extension: type_ for one in KINDS.values() for type_, extension in one.makes.items()}


def _may_see(user: User, upload: Upload) -> bool:
    if upload.message_id is None:
        return upload.owner_id == user.pk
    said = Message.objects.filter(pk=upload.message_id, recalled_at=None).values_list("room_id", "seq").first()
    if said is None:
        return False
    room_id, seq = said
    membership = rooms.memberships_of(user.pk, [room_id]).get(room_id)
    if membership is not None and seq > membership.floor:
        return True
    return (
        user.is_staff and user.has_perm("messaging.view_upload") and room_id in rooms.readable_by_staff(user, [room_id])
    )


def locked_uploads(ids: Iterable[UUID]) -> dict[UUID, Upload]:
    """Uploads by id, locked until the transaction ends."""
    return {one.pk: one for one in Upload.objects.select_for_update().filter(pk__in=set(ids)).order_by("pk")}


def locked_sources(ids: Collection[UUID]) -> dict[UUID, Upload]:
    """Uploads that messages carry, by id, which nobody deletes before the transaction ends."""
    return {one.pk: one for one in locked(Upload.objects.filter(pk__in=ids, message__isnull=False).order_by("pk"))}


def some_messages(room_id: UUID, limit: int) -> list[UUID]:
    """The ids of some messages of a room, whoever may see it."""
    return list(Message.objects.filter(room_id=room_id).values_list("pk", flat=True)[:limit])


def used_bytes(user: User) -> int:
    """The bytes of a user's uploads, sent or not: of a file that they have several times, once."""
    return _bytes_of(Upload.objects.filter(owner=user))


def stored_bytes() -> int:
    """The bytes of everybody's uploads."""
    return _bytes_of(Upload.objects.all())


def _bytes_of(uploads: QuerySet[Upload]) -> int:
    sums = uploads.aggregate(files=Sum("size"), thumbnails=Sum("thumbnail_size"), shared=Count("file_id"))
    again = _bytes_counted_again(uploads) if sums["shared"] else 0
    return (sums["files"] or 0) + (sums["thumbnails"] or 0) - again


def _bytes_counted_again(uploads: QuerySet[Upload]) -> int:
    """The bytes of those uploads whose file another one of them has, too."""
    rows = list(uploads.filter(file_id__isnull=False).values_list("file_id", "size", "thumbnail_size"))
    sizes = {file_id: size + small for file_id, size, small in rows}
    has_first = set(uploads.filter(pk__in=list(sizes)).values_list("pk", flat=True))
    once = sum(size for file_id, size in sizes.items() if file_id not in has_first)
    return sum(size + small for _, size, small in rows) - once


def bytes_new_to(user: User, upload_ids: Collection[UUID]) -> int:
    """The bytes of those uploads' files that do not count among the user's already."""
    if not upload_ids:
        return 0
    files_ = {one.stored_as: one.size + one.thumbnail_size for one in Upload.objects.filter(pk__in=upload_ids)}
    own = Upload.objects.filter(Q(pk__in=list(files_)) | Q(file_id__in=list(files_)), owner=user)
    has = {file_id or pk for pk, file_id in own.values_list("pk", "file_id")}
    return sum(size for stored_as, size in files_.items() if stored_as not in has)


def unsent_uploads(before: datetime, limit: int = 500) -> list[Upload]:
    """Uploads from before a time that no message carries."""
    held = HeldMessage.objects.filter(state=HeldMessage.State.WAITING, upload__isnull=False)
    kept = list(held.values_list("upload_id", flat=True))
    unsent = Upload.objects.filter(message=None, created_at__lt=before).exclude(pk__in=kept)
    return list(unsent.order_by("created_at")[:limit])


def uploads_after(upload_id: UUID | None, limit: int) -> list[Upload]:
    """Some uploads in the order of their ids: the first ones, or those after an id."""
    rows = Upload.objects.order_by("pk")
    return list((rows if upload_id is None else rows.filter(pk__gt=upload_id))[:limit])


def files_in_use(ids: Iterable[UUID]) -> set[UUID]:
    """Those of the stored files, named by ids, that an upload still has."""
    ids = list(ids)
    shared = Upload.objects.filter(file_id__in=ids).values_list("file_id", flat=True)
    return {*Upload.objects.filter(pk__in=ids).values_list("pk", flat=True), *filter(None, shared)}


# Rows of histories ----------------------------------------------------------------------------------------------------


class _Sender:
    """Who sent a message, with what is shown of them."""

    __slots__ = ("img", "is_guest", "is_staff", "name", "pk")

    def __init__(self, pk: str, name: str, img: str, is_guest: bool, is_staff: bool) -> None:
        self.pk, self.name, self.img, self.is_guest, self.is_staff = pk, name, img, bool(is_guest), bool(is_staff)


class MessageRow(NamedTuple):
    """A stored message with its sender, as it is shown: its ids and times are texts already, and it is no model."""

    room_id: str
    sender: Any
    sender_id: str
    pk: str
    seq: int
    version: int
    client_id: str
    type: str
    content: str
    details: dict[str, Any] | None
    reply_to_id: str | None
    reactions_json: str | None
    sent_at: str
    edited_at: str | None
    recalled_at: str | None


@cache
def _columns() -> str:
    """What `_rows` reads of messages and people."""
    times = ", ".join(map(bulk.unconverted_time, ("sent_at", "edited_at", "recalled_at")))
    return f"""
        sender_id, person.name, person.img, person.is_guest, person.is_staff, message._id, content, details_json, seq,
        version, client_id, type, reply_to_id, reactions_json, {times}
    """


_OF_ROOM = "FROM messaging_message message JOIN accounts_user person ON person._id = sender_id WHERE room_id = %s"


def message_rows(room_id: UUID, *, limit: int, before: int | None = None, after: int | None = None) -> list[MessageRow]:
    """Like `_messages`, but rows, in one query."""
    if not bulk.speaks_sql():
        return [_as_row(message) for message in _messages(room_id, limit=limit, before=before, after=after)]
    end, values = "ORDER BY seq DESC", list[int]()
    if after is not None:
        end, values = "AND seq > %s ORDER BY seq", [after]
    elif before is not None:
        end, values = "AND seq < %s ORDER BY seq DESC", [before]
    found = bulk.select_at_once(_columns(), f"{_OF_ROOM} {end} LIMIT %s", [bulk.to_db_value(room_id), *values, limit])
    return sorted(_rows(room_id, found), key=attrgetter("seq"))


def changed_rows(room_id: UUID, *, above: int, limit: int) -> list[MessageRow]:
    """A room's messages whose version is above a number, `limit` at most, in any order. One query."""
    if not bulk.speaks_sql():
        messages = Message.objects.filter(room_id=room_id, version__gt=above).order_by("version")
        return [_as_row(message) for message in page(messages[:limit], "sender")]
    values = [bulk.to_db_value(room_id), above, limit]
    found = bulk.select_at_once(_columns(), f"{_OF_ROOM} AND version > %s ORDER BY version LIMIT %s", values)
    return sorted(_rows(room_id, found), key=attrgetter("version"))


def changed_since(wanted: Mapping[UUID, int]) -> dict[UUID, list[MessageRow]]:
    """The messages of rooms whose version is above the given number, by room and in their order. One query."""
    if not wanted:
        return {}
    changed: dict[UUID, list[MessageRow]] = {}
    if not bulk.speaks_sql():
        any_of = reduce(or_, (Q(room_id=room_id, version__gt=since) for room_id, since in wanted.items()))
        for message in Message.objects.select_related("sender").filter(any_of).order_by("room_id", "seq"):
            changed.setdefault(message.room_id, []).append(_as_row(message))
        return changed
    ids = {bulk.to_db_value(room_id): room_id for room_id in wanted}
    # Tables that are crossed are read in this order: SQLite, which counts no rows, might begin with the messages.
    found = bulk.update_joined(
        f"""
        SELECT message.room_id, {_columns()}
        FROM given CROSS JOIN messaging_message message CROSS JOIN accounts_user person
        WHERE message.room_id = given.room AND version > given.since AND person._id = sender_id
        ORDER BY message.room_id, seq
        """,  # noqa: S608 -- our own columns
        ("room", "since"),
        [(raw, wanted[room_id]) for raw, room_id in ids.items()],
    )
    for raw, rows in groupby(found, key=itemgetter(0)):
        changed[ids[raw]] = _rows(ids[raw], (row[1:] for row in rows))
    return changed


def _rows(room_id: UUID, found: Iterable[Sequence[Any]]) -> list[MessageRow]:
    room, senders = str(room_id), dict[Any, _Sender]()
    found = list(found)
    opened = Message.opened_each([(pk, content, details) for _, _, _, _, _, pk, content, details, *_ in found])
    rows = []
    for row, (content, details) in zip(found, opened, strict=True):
        sender_id, name, img, is_guest, is_staff, pk, _, _, seq, version, client_id, type_, reply_to, *more = row
        reactions, sent_at, edited_at, recalled_at = more
        sender = senders.get(sender_id)
        if sender is None:
            sender = senders[sender_id] = _Sender(bulk.text_of(sender_id), name, img, is_guest, is_staff)
        rows.append(
            MessageRow(
                room, sender, sender.pk, bulk.text_of(pk), seq, version, client_id, type_, content,
                orjson.loads(details) if details else None, bulk.text_of(reply_to) if reply_to else None, reactions,
                bulk.iso_of(sent_at), edited_at and bulk.iso_of(edited_at), recalled_at and bulk.iso_of(recalled_at),
            )
        )  # fmt: skip
    return rows


def _as_row(message: Message) -> MessageRow:
    return MessageRow(
        str(message.room_id), message.sender, str(message.sender_id), str(message.pk), message.seq, message.version,
        message.client_id, message.type, message.content, message.details,
        str(message.reply_to_id) if message.reply_to_id else None, message.reactions_json, iso(message.sent_at),
        iso(message.edited_at), iso(message.recalled_at),
    )  # fmt: skip
