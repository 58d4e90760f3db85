"""Messages and chats as every route and event shows them.

The functions make the output; the classes describe it for OpenAPI and AsyncAPI.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import orjson
from rest_framework import serializers

from accounts.serializers import StatusOutput, UserOutput, status_output, user_output
from chatproject.core.db import bulk
from chatproject.core.http.forms import fields_of
from chatproject.core.times import iso
from groups import selectors as rooms
from groups.models import Membership, Room
from groups.selectors import Readers
from groups.serializers import (
    CHAT_TYPES,
    GroupRulesOutput,
    OwnSettingsOutput,
    chat_reference,
    group_rules_output,
    own_settings_output,
)
from messaging import types
from messaging.chat_cache import Unread
from messaging.models import Draft, Message, Reaction, Upload
from messaging.search import Found
from messaging.search_index.marks import marks
from messaging.selectors import Changes, Chat, Page

PINS_HELP = "The pinned messages, the last pinned first: GET /message/quoted answers them"
FIRST_HELP = "What was said before it was said before I joined, and is not there for me"
READ_SEQ_HELP = "My cursor: what comes after it is unread"
TIMES_BACK_HELP = "How often I set my cursor back: of two cursors the one with more is newer, otherwise the greater one"
MARKED_HELP = "I set my cursor back, and have not read up to where it stood"
MENTION_HELP = "The first unread message that mentions me, or everybody; null without one"
#: A message names the people who react to it while they are so many at most: in a small team nobody has to ask. When
#: they are more, it names nobody: with 39 bytes for each, a page of a large group would be several times as long.
REACTED_MAX = 10


class Shown(Protocol):
    """What messages show of their sender: a user, or a row about one."""

    @property
    def pk(self) -> UUID | str: ...
    @property
    def name(self) -> str: ...
    @property
    def img(self) -> str: ...
    @property
    def is_guest(self) -> bool: ...
    @property
    def is_staff(self) -> bool: ...


class Stored(Protocol):
    """What is shown of a message: the model has it, and so have one that is about to be stored, and a row. A time that
    is a text is as it is shown.
    """

    @property
    def pk(self) -> UUID | str: ...
    @property
    def room_id(self) -> UUID | str: ...
    @property
    def sender(self) -> "Shown": ...
    @property
    def client_id(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def content(self) -> str: ...
    @property
    def details(self) -> dict[str, Any] | None: ...
    @property
    def reply_to_id(self) -> UUID | str | None: ...
    @property
    def seq(self) -> int: ...
    @property
    def version(self) -> int: ...
    @property
    def sent_at(self) -> datetime | str: ...
    @property
    def edited_at(self) -> datetime | str | None: ...
    @property
    def recalled_at(self) -> datetime | str | None: ...
    @property
    def reactions_json(self) -> str | None: ...


class ReactionOutput(serializers.Serializer[Any]):
    emoji = serializers.CharField()
    count = serializers.IntegerField()
    userIds = serializers.ListField(
        child=serializers.UUIDField(),
        help_text=f"All of them; none where more than {REACTED_MAX} people reacted to the message:"
        " GET /message/reactions has them, GET /message/reactions/mine my own",
    )


class AuthorOutput(serializers.Serializer[Any]):
    """Who wrote what another person forwarded; not where."""

    id = serializers.UUIDField()
    name = serializers.CharField(help_text="Theirs when it was forwarded")


class MessageOutput(serializers.Serializer[Any]):
    """Every key is always there; null where it does not apply, as the keys of other types are."""

    id = serializers.UUIDField()
    clientId = serializers.CharField()
    type = serializers.ChoiceField(choices=types.NAMES)
    content = serializers.CharField()
    senderId = serializers.UUIDField()
    senderName = serializers.CharField()
    senderImg = serializers.CharField()
    senderIsGuest = serializers.BooleanField()
    senderIsStaff = serializers.BooleanField()
    receiverId = serializers.UUIDField(allow_null=True)
    groupId = serializers.UUIDField(allow_null=True)
    seq = serializers.IntegerField()
    version = serializers.IntegerField()
    sentAt = serializers.DateTimeField()
    editedAt = serializers.DateTimeField(allow_null=True)
    recalledAt = serializers.DateTimeField(allow_null=True)
    replyTo = serializers.UUIDField(allow_null=True)
    forwardedFrom = AuthorOutput(allow_null=True, help_text="Who wrote what the sender forwarded with its author")
    isRead = serializers.BooleanField(allow_null=True, help_text="Private chats: the other side has read it")
    readCount = serializers.IntegerField()
    reactions = ReactionOutput(many=True, help_text="In the order of their first use")
    hidden = serializers.BooleanField(help_text="I deleted it for myself: only its place is left")

    def get_fields(self) -> dict[str, serializers.Field]:
        details = [fields_of(one.outputs) for one in types.TYPES.values()]
        return {**super().get_fields(), **{name: field for fields in details for name, field in fields.items()}}


class FoundMessageOutput(MessageOutput):
    marks = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField(), min_length=2, max_length=2),
        help_text="Where `content` says what was searched for: beginnings and ends in UTF-16 code units",
    )


def sender_output(sender: Shown) -> dict[str, Any]:
    """The sender, as each of their messages names them."""
    return {
        "senderId": str(sender.pk),
        "senderName": sender.name,
        "senderImg": sender.img,
        "senderIsGuest": sender.is_guest,
        "senderIsStaff": sender.is_staff,
    }


def read_by(count: int, *, is_private: bool) -> dict[str, Any]:
    """How many have read a message."""
    return {"isRead": count > 0 if is_private else None, "readCount": count}


def message_output(message: Stored, *, receiver_id: UUID | str | None, read_count: int = 0) -> dict[str, Any]:
    """One message; `receiver_id` on a private one, None in a group. `message.sender` must be loaded."""
    details = message.details
    return {
        **types.EMPTY_FIELDS,
        **(types.TYPES[message.type].shown(details) if details else {}),
        "id": str(message.pk),
        "clientId": message.client_id,
        "type": message.type,
        "content": message.content,
        **sender_output(message.sender),
        "receiverId": str(receiver_id) if receiver_id else None,
        "groupId": None if receiver_id else str(message.room_id),
        "seq": message.seq,
        "version": message.version,
        "sentAt": iso(message.sent_at),
        "editedAt": iso(message.edited_at),
        "recalledAt": iso(message.recalled_at),
        "replyTo": str(message.reply_to_id) if message.reply_to_id else None,
        "forwardedFrom": details.get("forwardedFrom") if details else None,
        **read_by(read_count, is_private=receiver_id is not None),
        "reactions": orjson.loads(message.reactions_json) if message.reactions_json else [],
        "hidden": False,
    }


def hidden_output(output: dict[str, Any]) -> dict[str, Any]:
    """A message as a member has it who deleted it for themselves: its place, who sent it, and when."""
    empty: dict[str, Any] = {"content": "", "replyTo": None, "forwardedFrom": None, "reactions": [], "hidden": True}
    return {**output, **types.EMPTY_FIELDS, **empty}


def _receiver(message: Stored, me: UUID, other: UUID | None) -> UUID | None:
    """Who received a private message between me and another; None in a group."""
    if other is None:
        return None
    return other if str(message.sender.pk) == str(me) else me


def reactions_json(before: str | None, reactions: Iterable[tuple[str, UUID]]) -> str | None:
    """What a message stores of its reactions, (emoji, user) in the order in which they came.

    An emoji keeps its place from `before`, also when the person who used it first takes theirs back.
    """
    people: dict[str, list[UUID]] = {one["emoji"]: [] for one in orjson.loads(before or "[]")}
    for emoji, user_id in reactions:
        people.setdefault(emoji, []).append(user_id)
    is_named = names_who_reacted(user_id for users in people.values() for user_id in users)
    shown = [
        {"emoji": emoji, "count": len(users), "userIds": users if is_named else []}
        for emoji, users in people.items()
        if users
    ]
    return orjson.dumps(shown).decode() if shown else None


def names_who_reacted(user_ids: Iterable[UUID]) -> bool:
    """Whether a message to which these people react names them."""
    return len(set(user_ids)) <= REACTED_MAX


class OwnReactionsOutput(serializers.Serializer[Any]):
    messageId = serializers.UUIDField()
    version = serializers.IntegerField(help_text="Of the message: of two answers the greater one is newer")
    emoji = serializers.ListField(child=serializers.CharField(), help_text="Those that I have put on it")


def own_reactions_output(message_id: UUID, version: int, emoji: Iterable[str]) -> dict[str, Any]:
    return {"messageId": str(message_id), "version": version, "emoji": list(emoji)}


class ReactedOutput(serializers.Serializer[Any]):
    emoji = serializers.CharField()
    reactedAt = serializers.DateTimeField()
    user = UserOutput()


def reacted_output(reaction: Reaction, *, online: bool) -> dict[str, Any]:
    """Who reacted with what; `reaction.user` must be loaded."""
    return {
        "emoji": reaction.emoji,
        "reactedAt": iso(reaction.reacted_at),
        "user": user_output(reaction.user, online=online),
    }


def page_output(page: Page) -> list[dict[str, Any]]:
    membership = page.membership
    return _of_chat(membership.user_id, membership.peer_id, page.messages, page.readers, page.hidden)


def _of_chat(
    me: UUID, other: UUID | None, messages: Iterable[Stored], readers: Readers, hidden: Collection[int]
) -> list[dict[str, Any]]:
    """Messages of my chat, in a private one with the other; of those `hidden` only their places."""
    outputs = []
    for message in messages:
        receiver_id = _receiver(message, me, other)
        count = readers.count(message.seq, message.sender.pk)
        output = message_output(message, receiver_id=receiver_id, read_count=count)
        outputs.append(hidden_output(output) if message.seq in hidden else output)
    return outputs


def last_output(chat: Chat) -> dict[str, Any] | None:
    if chat.last is None:
        return None
    receiver_id = _receiver(chat.last, chat.membership.user_id, chat.membership.peer_id)
    return message_output(chat.last, receiver_id=receiver_id, read_count=getattr(chat.last, "read_count", 0))


def found_output(me: UUID, found: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages of several rooms."""
    # Mine, too: in a private chat my membership says who the other one is.
    places = [(one.room_id, one.seq, user_id) for one in found for user_id in (one.sender_id, me)]
    readers = rooms.readers(places)
    outputs = []
    for message in found:
        of_room = readers[message.room_id]
        receiver_id = _receiver(message, me, of_room.receiver_of(me))
        read_count = of_room.count(message.seq, message.sender_id)
        outputs.append(message_output(message, receiver_id=receiver_id, read_count=read_count))
    return outputs


def marked_output(me: UUID, found: Found) -> list[dict[str, Any]]:
    """What a search found."""
    outputs = found_output(me, found.messages)
    return [{**one, "marks": marks(found.words, one["content"])} for one in outputs]


class SearchedOutput(serializers.Serializer[Any]):
    messages = FoundMessageOutput(many=True)
    next = serializers.UUIDField(allow_null=True, help_text="`before` of the next page; null after the last")


def searched_output(me: UUID, found: Found) -> dict[str, Any]:
    return {"messages": marked_output(me, found), "next": found.next and str(found.next)}


class ShelfOutput(serializers.Serializer[Any]):
    messages = MessageOutput(many=True)
    next = serializers.IntegerField(allow_null=True, help_text="`before` of the next page; null after the last")


class PinOutput(serializers.Serializer[Any]):
    messageId = serializers.UUIDField()
    seq = serializers.IntegerField()


class PinsOutput(serializers.Serializer[Any]):
    type = serializers.ChoiceField(choices=CHAT_TYPES)
    id = serializers.UUIDField(help_text="The other person's, or the group's")
    version = serializers.IntegerField(help_text="Of the chat, since which these messages are pinned")
    pins = PinOutput(many=True, help_text=PINS_HELP)


def pins_output(room: Room, version: int, *, other: UUID | None) -> dict[str, Any]:
    """The pinned messages of a chat; `other` is the other person of a private one."""
    chat_id = str(other or room.pk)
    return {"type": "private" if other else "group", "id": chat_id, "version": version, "pins": room.pins}


class ChatOutput(OwnSettingsOutput, GroupRulesOutput):
    type = serializers.ChoiceField(choices=CHAT_TYPES)
    id = serializers.UUIDField(help_text="The other person's, or the group's")
    name = serializers.CharField()
    img = serializers.CharField()
    isGuest = serializers.BooleanField(allow_null=True, help_text="Private chats: the other person")
    isStaff = serializers.BooleanField(allow_null=True, help_text="Private chats: the other person")
    isGone = serializers.BooleanField(allow_null=True, help_text="Private chats: the other person is deactivated")
    status = StatusOutput(allow_null=True, help_text="Private chats: what the other person says of themselves")
    online = serializers.BooleanField(allow_null=True)
    lastActive = serializers.DateTimeField(allow_null=True)
    memberCount = serializers.IntegerField()
    unreadCount = serializers.IntegerField()
    lastMessage = MessageOutput(allow_null=True)
    seq = serializers.IntegerField()
    version = serializers.IntegerField()
    readSeq = serializers.IntegerField(help_text=READ_SEQ_HELP)
    timesBack = serializers.IntegerField(help_text=TIMES_BACK_HELP)
    markedUnread = serializers.BooleanField(help_text=MARKED_HELP)
    mentionSeq = serializers.IntegerField(allow_null=True, help_text=MENTION_HELP)
    peerReadSeq = serializers.IntegerField(allow_null=True, help_text="Private chats: how far the other has read")
    away = serializers.BooleanField()
    role = serializers.CharField(allow_null=True, help_text="Groups: my role")
    joinRequests = serializers.IntegerField(help_text="How many people ask to join, for owner and administrators")
    lastSaidAt = serializers.DateTimeField(allow_null=True, help_text="When I last said something here, if it is known")
    pins = PinOutput(many=True, help_text=PINS_HELP)
    firstSeq = serializers.IntegerField(help_text=FIRST_HELP)
    hiddenCount = serializers.IntegerField(help_text="Messages of it that I deleted for myself")


def chat_output(chat: Chat, *, online: bool) -> dict[str, Any]:
    """A line of the chat list. In a private chat `chat.other.user` must be loaded."""
    membership, room, other = chat.membership, chat.membership.room, chat.other
    return {
        "type": "private" if other else "group",
        "id": str(chat.id),
        "name": other.user.name if other else room.name,
        "img": other.user.img if other else room.avatar,
        "isGuest": other.user.is_guest if other else None,
        "isStaff": other.user.is_staff if other else None,
        "isGone": not other.user.is_active if other else None,
        "status": status_output(other.user) if other and other.user_id != membership.user_id else None,
        "online": online if other else None,
        "lastActive": iso(other.user.last_active) if other else None,
        "memberCount": room.member_count,
        "unreadCount": membership.unread,
        "lastMessage": orjson.Fragment(chat.last_json) if chat.last_json else last_output(chat),
        "seq": room.last_seq,
        "version": room.last_version,
        "readSeq": membership.cursor,
        "timesBack": membership.times_back,
        "markedUnread": membership.is_marked_unread,
        "mentionSeq": membership.mention_seq,
        "peerReadSeq": other.read_seq if other else None,
        **own_settings_output(membership),
        "away": membership.away,
        "role": None if other else membership.role,
        "joinRequests": membership.asking,
        "lastSaidAt": iso(membership.said_at),
        **group_rules_output(room),
        "pins": membership.pins,
        "firstSeq": membership.floor + 1,
        "hiddenCount": membership.hidden_count or 0,
    }


class UnreadPrivateOutput(serializers.Serializer[Any]):
    senderId = serializers.UUIDField()
    unreadCount = serializers.IntegerField()
    lastMessage = MessageOutput(allow_null=True)


class UnreadGroupOutput(serializers.Serializer[Any]):
    groupId = serializers.UUIDField()
    unreadCount = serializers.IntegerField()
    lastMessage = MessageOutput(allow_null=True)


class UnreadOutput(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    private = UnreadPrivateOutput(many=True)
    group = UnreadGroupOutput(many=True)


def unread_output(chats: Iterable[Chat]) -> dict[str, Any]:
    """The object of GET /unread."""
    private: list[dict[str, Any]] = []
    group: list[dict[str, Any]] = []
    for chat in chats:
        line = {"unreadCount": chat.membership.unread, "lastMessage": last_output(chat)}
        if chat.membership.peer_id:
            private.append({"senderId": str(chat.membership.peer_id), **line})
        else:
            group.append({"groupId": str(chat.membership.room_id), **line})
    return _unread_output(private, group)


def remembered_unread_output(remembered: Iterable[Unread]) -> dict[str, Any]:
    """The object of GET /unread from what Redis remembers."""
    private: list[dict[str, Any]] = []
    group: list[dict[str, Any]] = []
    for one in sorted(remembered, key=lambda one: (-one.at, str(one.room_id))):
        line = {"unreadCount": one.unread, "lastMessage": orjson.Fragment(one.last)}
        if one.peer_id:
            private.append({"senderId": str(one.peer_id), **line})
        else:
            group.append({"groupId": str(one.room_id), **line})
    return _unread_output(private, group)


def _unread_output(private: list[dict[str, Any]], group: list[dict[str, Any]]) -> dict[str, Any]:
    total = sum(line["unreadCount"] for line in [*private, *group])
    return {"total": total, "private": private, "group": group}


class ReadOutput(serializers.Serializer[Any]):
    status = serializers.CharField(help_text="Always `ok`")
    unreadCount = serializers.IntegerField(help_text="What is left unread, of the one chat or of all that were named")
    readSeq = serializers.IntegerField(allow_null=True, help_text="The cursor; null where several chats were named")


def read_output(memberships: Sequence[Membership], chat_ids: Sequence[UUID]) -> dict[str, Any]:
    """The answer to marking read, whichever door it came by."""
    return {
        "status": "ok",
        "unreadCount": sum(membership.unread for membership in memberships),
        "readSeq": (memberships[0].cursor if memberships else 0) if len(chat_ids) == 1 else None,
    }


class MarkedUnreadOutput(serializers.Serializer[Any]):
    type = serializers.ChoiceField(choices=CHAT_TYPES)
    id = serializers.UUIDField(help_text="The other person's, or the group's")
    unreadCount = serializers.IntegerField()
    readSeq = serializers.IntegerField(help_text=READ_SEQ_HELP)
    timesBack = serializers.IntegerField(help_text=TIMES_BACK_HELP)
    markedUnread = serializers.BooleanField(help_text=MARKED_HELP)
    mentionSeq = serializers.IntegerField(allow_null=True, help_text=MENTION_HELP)


def marked_unread_output(membership: Membership, *, mention_seq: int | None) -> dict[str, Any]:
    """The answer to marking unread, whichever door it came by."""
    return {
        **chat_reference(membership),
        "unreadCount": membership.unread,
        "readSeq": membership.cursor,
        "timesBack": membership.times_back,
        "markedUnread": membership.is_marked_unread,
        "mentionSeq": mention_seq,
    }


class DraftMentionOutput(serializers.Serializer[Any]):
    userId = serializers.UUIDField(allow_null=True)
    start = serializers.IntegerField()
    length = serializers.IntegerField()


class DraftOutput(serializers.Serializer[Any]):
    type = serializers.ChoiceField(choices=CHAT_TYPES)
    id = serializers.UUIDField(help_text="The other person's, or the group's")
    text = serializers.CharField(help_text="Empty, and without `replyTo`: there is no draft any more")
    mentions = DraftMentionOutput(many=True, help_text="As they will be sent")
    replyTo = serializers.UUIDField(allow_null=True)
    revision = serializers.UUIDField(help_text="Of two of one chat the greater one is the later one")
    savedAt = serializers.DateTimeField()


def draft_output(draft: Draft) -> dict[str, Any]:
    """What was begun to be written. `draft.membership` must be loaded."""
    membership = draft.membership
    return {
        **chat_reference(membership),
        **orjson.loads(draft.words_json or _NO_WORDS),
        "revision": str(draft.pk),
        "savedAt": iso(draft.saved_at),
    }


#: Of a draft that somebody has put something else into the place of.
_NO_WORDS = '{"text": "", "mentions": [], "replyTo": null}'


class ChangesOutput(GroupRulesOutput):
    type = serializers.ChoiceField(choices=CHAT_TYPES, allow_null=True, help_text="null where the chat is gone")
    id = serializers.UUIDField()
    version = serializers.IntegerField()
    limited = serializers.BooleanField(help_text="Too much was missed: read the history anew")
    gone = serializers.BooleanField(help_text="Not a chat of mine any more")
    messages = MessageOutput(many=True)
    pins = PinOutput(many=True, help_text=PINS_HELP)
    firstSeq = serializers.IntegerField(help_text=FIRST_HELP)
    hiddenCount = serializers.IntegerField(help_text="Messages of it that I deleted for myself")
    joinRequests = serializers.IntegerField(help_text="As in the chat list")
    hiddenIds = serializers.ListField(
        child=serializers.UUIDField(), help_text="Those of them since the number in `hidden`; none without `hidden`"
    )


EPOCH_HELP = "Of the installation's data. With another one than before, forget every number and load all again"


class SyncOutput(serializers.Serializer[Any]):
    epoch = serializers.UUIDField(help_text=EPOCH_HELP)
    chats = ChangesOutput(many=True)


def sync_output(me: UUID, changes: Iterable[Changes], *, epoch: str) -> dict[str, Any]:
    """The object of POST /sync, for this user."""
    return {"epoch": epoch, "chats": [_changes_output(me, one) for one in changes]}


def _changes_output(me: UUID, one: Changes) -> dict[str, Any]:
    if one.chat is None:
        nothing: dict[str, Any] = {"messages": [], "pins": [], "hiddenCount": 0, "hiddenIds": []}
        no_rules: dict[str, Any] = {"announcement": None, "postPolicy": None, "slowMode": 0}
        no_rules |= {"joinRequests": 0, "firstSeq": 1}
        gone = {"type": None, "id": bulk.text_of(one.chat_id), "version": 0, "limited": False, "gone": True}
        return {**gone, **nothing, **no_rules}
    chat = one.chat
    peer_id = bulk.id_of(chat.peer_id) if chat.peer_id else None
    return {
        "type": "private" if chat.is_direct else "group",
        "id": bulk.text_of(chat.chat_id),
        "version": chat.version,
        "limited": one.limited,
        "gone": False,
        "pins": chat.pins,
        "firstSeq": chat.floor + 1,
        **group_rules_output(chat),
        "joinRequests": chat.asking,
        "messages": _of_chat(me, peer_id, one.messages, one.readers, one.hidden) if one.messages else [],
        "hiddenCount": chat.hidden_count,
        "hiddenIds": [str(message_id) for message_id in one.newly_hidden],
    }


class ForwardedOutput(serializers.Serializer[Any]):
    messages = MessageOutput(many=True, help_text="The new ones, chat after chat, in the order that was given")
    held = serializers.IntegerField(help_text="How many more wait for a moderator; nobody sees them until then")


class HiddenOutput(serializers.Serializer[Any]):
    """What I deleted for myself in one chat, and how the chat is shown now."""

    type = serializers.ChoiceField(choices=CHAT_TYPES)
    id = serializers.UUIDField()
    messageIds = serializers.ListField(child=serializers.UUIDField())
    hiddenCount = serializers.IntegerField(help_text="Messages of it that I deleted for myself, with these")
    unreadCount = serializers.IntegerField()
    mentionSeq = serializers.IntegerField(allow_null=True, help_text="As in the chat list")
    lastMessage = MessageOutput(allow_null=True, help_text="The last one that is left")


class HiddenInChatsOutput(serializers.Serializer[Any]):
    chats = HiddenOutput(many=True)


def hiding_output(chat: Chat, message_ids: Iterable[UUID]) -> dict[str, Any]:
    """These messages of a chat were deleted by its member for themselves."""
    membership = chat.membership
    return {
        **chat_reference(membership),
        "messageIds": [str(message_id) for message_id in message_ids],
        "hiddenCount": membership.hidden_count or 0,
        "unreadCount": membership.unread,
        "mentionSeq": membership.mention_seq,
        "lastMessage": last_output(chat),
    }


class FirstOfDayOutput(serializers.Serializer[Any]):
    seq = serializers.IntegerField(allow_null=True, help_text="null if nothing was said on that day or since")


class HighlightOutput(serializers.Serializer[Any]):
    kinds = serializers.CharField(
        help_text="A letter for each UTF-16 code unit of the code: k keyword, s string, c comment, n number, f name of"
        " a function or class, t type or built-in, a attribute, i inserted, d deleted, blank for others. Empty if the"
        " language is not known"
    )


class PlaceOutput(serializers.Serializer[Any]):
    latitude = serializers.FloatField(help_text="WGS-84")
    longitude = serializers.FloatField(help_text="WGS-84")
    name = serializers.CharField()
    address = serializers.CharField()


class AddressOutput(serializers.Serializer[Any]):
    address = serializers.CharField(help_text="Empty where it is not known")


class UploadOutput(serializers.Serializer[Any]):
    """What a message that carries it will say of it; `mediaUrl` is what is given with the message."""

    type = serializers.ChoiceField(choices=types.NAMES, help_text="Of the message that can carry it")
    isStill = serializers.BooleanField(help_text="An animation that was too costly: only its first frame is kept")

    def get_fields(self) -> dict[str, serializers.Field]:
        return {**super().get_fields(), **fields_of(types.TYPES["file"].outputs)}


def upload_output(upload: Upload) -> dict[str, Any]:
    return {**upload.details, "type": upload.type, "isStill": upload.is_still}
