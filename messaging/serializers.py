"""Messages and chats as every route and event shows them, and what they take.

The functions make the output; the classes describe the same for OpenAPI.
"""

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.models import User
from chatproject.core.http.api import PAGE_MAX, Id, Input, PageInput
from chatproject.core.times import iso
from groups.models import Membership
from groups.serializers import CHAT_TYPES, OwnSettingsOutput, own_settings_output
from messaging import rules, types
from messaging.models import Message, Upload
from messaging.selectors import Changes, Chat, Page, readers_of


class Stored(Protocol):
    """What is shown of a message: the model has it, and so has one that is about to be stored."""

    @property
    def pk(self) -> UUID: ...
    @property
    def room_id(self) -> UUID: ...
    @property
    def sender(self) -> User: ...
    @property
    def details(self) -> dict[str, Any] | None: ...

    client_id: str
    type: str
    content: str
    reply_to_id: UUID | None
    sent_at: datetime
    seq: int
    version: int

    @property
    def edited_at(self) -> datetime | None: ...
    @property
    def recalled_at(self) -> datetime | None: ...


class MessageOutput(serializers.Serializer[Any]):
    """Every key is always there; null where it does not apply, as those of the types that a message is not."""

    id = serializers.UUIDField()
    clientId = serializers.CharField()
    type = serializers.ChoiceField(choices=types.NAMES)
    content = serializers.CharField()
    senderId = serializers.UUIDField()
    senderName = serializers.CharField()
    senderImg = serializers.CharField()
    receiverId = serializers.UUIDField(allow_null=True)
    groupId = serializers.UUIDField(allow_null=True)
    seq = serializers.IntegerField()
    version = serializers.IntegerField()
    sentAt = serializers.DateTimeField()
    editedAt = serializers.DateTimeField(allow_null=True)
    recalledAt = serializers.DateTimeField(allow_null=True)
    replyTo = serializers.UUIDField(allow_null=True)
    isRead = serializers.BooleanField(allow_null=True, help_text="Private chats: the other side has read it")
    readCount = serializers.IntegerField()

    def get_fields(self) -> dict[str, serializers.Field]:
        return {**super().get_fields(), **copy.deepcopy(types.OUTPUTS)}


def sender_output(sender: User) -> dict[str, str]:
    """Whoever says something, as each of his messages names him."""
    return {"senderId": str(sender.pk), "senderName": sender.name, "senderImg": sender.img}


def message_output(message: Stored, *, receiver_id: UUID | None, read_count: int = 0) -> dict[str, Any]:
    """One message; `receiver_id` on a private one, None in a group. `message.sender` must be loaded."""
    details = message.details
    return {
        **types.NOTHING,
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
        "isRead": read_count > 0 if receiver_id else None,
        "readCount": read_count,
    }


def _receiver(message: Message, me: UUID, other: UUID | None) -> UUID | None:
    """Who received a private message between me and another; None in a group."""
    if other is None:
        return None
    return other if message.sender_id == me else me


def page_output(page: Page) -> list[dict[str, Any]]:
    return [
        message_output(
            message,
            receiver_id=_receiver(message, page.membership.user_id, page.membership.peer_id),
            read_count=page.readers.count(message),
        )
        for message in page.messages
    ]


def last_output(chat: Chat) -> dict[str, Any] | None:
    if chat.last is None:
        return None
    receiver_id = _receiver(chat.last, chat.membership.user_id, chat.membership.peer_id)
    return message_output(chat.last, receiver_id=receiver_id, read_count=getattr(chat.last, "read_count", 0))


def found_output(me: UUID, found: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages of several rooms, with `room` loaded."""
    readers = readers_of(found)
    outputs = []
    for message in found:
        room_readers = readers[message.room_id]
        other = next((one for one in room_readers.cursors if one != me), None) if message.room.is_direct else None
        count = room_readers.count(message)
        outputs.append(message_output(message, receiver_id=_receiver(message, me, other), read_count=count))
    return outputs


class ChatOutput(OwnSettingsOutput):
    type = serializers.ChoiceField(choices=CHAT_TYPES)
    id = serializers.UUIDField(help_text="The other person's, or the group's")
    name = serializers.CharField()
    img = serializers.CharField()
    online = serializers.BooleanField(allow_null=True)
    lastActive = serializers.DateTimeField(allow_null=True)
    memberCount = serializers.IntegerField()
    unreadCount = serializers.IntegerField()
    lastMessage = MessageOutput(allow_null=True)
    seq = serializers.IntegerField()
    version = serializers.IntegerField()
    readSeq = serializers.IntegerField()
    peerReadSeq = serializers.IntegerField(allow_null=True, help_text="Private chats: how far the other has read")
    away = serializers.BooleanField()
    role = serializers.CharField(allow_null=True, help_text="Groups: my role")


def chat_output(chat: Chat, *, online: bool) -> dict[str, Any]:
    """A line of the chat list. In a private chat `chat.other.user` must be loaded."""
    membership, room, other = chat.membership, chat.membership.room, chat.other
    return {
        "type": "private" if other else "group",
        "id": str(chat.id),
        "name": other.user.name if other else room.name,
        "img": other.user.img if other else room.avatar,
        "online": online if other else None,
        "lastActive": iso(other.user.last_active) if other else None,
        "memberCount": room.member_count,
        "unreadCount": membership.unread,
        "lastMessage": last_output(chat),
        "seq": room.last_seq,
        "version": room.last_version,
        "readSeq": membership.read_seq,
        "peerReadSeq": other.read_seq if other else None,
        **own_settings_output(membership),
        "away": membership.away,
        "role": None if other else membership.role,
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
        "readSeq": (memberships[0].read_seq if memberships else 0) if len(chat_ids) == 1 else None,
    }


class ChangesOutput(serializers.Serializer[Any]):
    type = serializers.ChoiceField(choices=CHAT_TYPES)
    id = serializers.UUIDField()
    version = serializers.IntegerField()
    limited = serializers.BooleanField(help_text="Too much was missed: read the history anew")
    gone = serializers.BooleanField(help_text="Not a chat of mine any more")
    messages = MessageOutput(many=True)


class SyncOutput(serializers.Serializer[Any]):
    chats = ChangesOutput(many=True)


def sync_output(changes: Iterable[Changes]) -> dict[str, Any]:
    """The object of POST /sync."""
    return {"chats": [_changes_output(one) for one in changes]}


def _changes_output(one: Changes) -> dict[str, Any]:
    if one.membership is None:
        return {"type": None, "id": str(one.chat_id), "version": 0, "limited": False, "gone": True, "messages": []}
    return {
        "type": "private" if one.membership.peer_id else "group",
        "id": str(one.chat_id),
        "version": one.membership.room.last_version,
        "limited": one.limited,
        "gone": False,
        "messages": page_output(Page(one.membership, one.messages, one.readers)),
    }


# What is taken --------------------------------------------------------------------------------------------------------


class Text(serializers.CharField):
    """What somebody wrote: kept as it is."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=rules.TEXT_MAX, trim_whitespace=False, allow_blank=True, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):  # a number is not a text that somebody wrote
            self.fail("invalid")
        return super().to_internal_value(data)


def _require_words(text: str | None) -> None:
    if text is None or not text.strip():
        said = _("This field is required.") if text is None else _("This field may not be blank.")
        raise serializers.ValidationError({"content": [said]})


#: A clientId as clients make them: a UUID, or another short word.
_PLAIN_ID = re.compile(r"[\w-]{1,64}", re.ASCII)


class MessageInput(Input):
    """The fields of a send by either door; `msg` is the original's other word for `content`.

    Those of the types it is not, and what a client says of a file beside its address, are ignored.
    """

    content = Text(required=False)
    msg = Text(required=False, write_only=True)
    type = serializers.ChoiceField(choices=types.SENT, default=types.TEXT)
    clientId = serializers.CharField(source="client_id", max_length=64, required=False, allow_null=True)
    replyTo = Id(source="reply_to_id", required=False, allow_null=True)

    #: The field that says to whom.
    target = ""

    @classmethod
    def read(cls, given: Any) -> dict[str, Any]:
        return cls.read_plain(given) or super().read(given)

    @classmethod
    def read_plain(cls, given: Any) -> dict[str, Any] | None:
        """What nearly every client sends, without DRF's hundred microseconds. None where anything is unusual."""
        if type(given) is not dict or not given.keys() <= {cls.target, "content", "clientId"}:
            return None
        to, content, client_id = given.get(cls.target), given.get("content"), given.get("clientId")
        if type(content) is not str or len(content) > rules.TEXT_MAX or not content.strip() or "\0" in content:
            return None
        if client_id is not None and (type(client_id) is not str or not _PLAIN_ID.fullmatch(client_id)):
            return None
        try:
            form = {"to": UUID(to), "content": content}
        except (ValueError, TypeError, AttributeError):
            return None
        return form if client_id is None else {**form, "client_id": client_id}

    def get_fields(self) -> dict[str, serializers.Field]:
        return {**super().get_fields(), **copy.deepcopy(types.INPUTS)}

    def to_internal_value(self, data: Any) -> Any:
        given = data.get("type", types.TEXT)
        mine = types.TYPES[given].inputs if isinstance(given, str) and given in types.TYPES else {}
        return super().to_internal_value(
            {name: data[name] for name in data if name in mine or name not in types.INPUTS}
        )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        inputs = {name: attrs.pop(name, None) for name in types.INPUTS}
        type_ = types.TYPES[attrs["type"]]
        other = attrs.pop("msg", None)
        content = attrs.get("content", other)
        if type_.needs_words:
            _require_words(content)
        return {**attrs, "content": content or "", **type_.read(inputs)}


class PrivateInput(MessageInput):
    target = "receiverId"
    receiverId = Id(source="to")


class SocketPrivateInput(MessageInput):
    target = "toUid"
    toUid = Id(source="to")


class GroupMessageInput(MessageInput):
    target = "groupId"
    groupId = Id(source="to")


class PrivatePageInput(PageInput):
    senderId = Id()
    receiverId = Id(required=False)


class GroupPageInput(PageInput):
    groupId = Id()


class HistoryInput(PageInput):
    chatId = Id(source="chat_id")
    isGroup = serializers.BooleanField(source="is_group")


class _UpTo(Input):
    upTo = serializers.IntegerField(source="upto", min_value=0, max_value=2**53, required=False, allow_null=True)


class ReadPrivateInput(_UpTo):
    senderId = Id(required=False)
    senderIds = serializers.ListField(child=Id(), max_length=rules.CHATS_MAX, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return _one_or_many(attrs, "senderId", "senderIds")


class ReadGroupInput(_UpTo):
    groupId = Id(required=False)
    groupIds = serializers.ListField(child=Id(), max_length=rules.CHATS_MAX, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return _one_or_many(attrs, "groupId", "groupIds")


def _one_or_many(attrs: Mapping[str, Any], one: str, many: str) -> dict[str, Any]:
    if (one in attrs) == (many in attrs):
        raise serializers.ValidationError({one: [_("Give this field or its plural.")]})
    ids = [attrs[one]] if one in attrs else list(dict.fromkeys(attrs[many]))
    return {"chat_ids": ids, "upto": attrs.get("upto")}


class SyncInput(Input):
    cursors = serializers.DictField(child=serializers.IntegerField(min_value=0, max_value=2**53))

    def validate_cursors(self, given: dict[str, int]) -> dict[UUID, int]:
        if len(given) > rules.CHATS_MAX * 2:
            raise serializers.ValidationError(_("Too many chats at once."))
        try:
            return {UUID(chat_id): version for chat_id, version in given.items()}
        except ValueError as error:
            raise serializers.ValidationError(_("A chat's id is a UUID.")) from error


class MessageIdInput(Input):
    messageId = Id(source="message_id")


class EditInput(MessageIdInput):
    content = Text(help_text="A caption may be empty")


class SearchInput(Input):
    q = serializers.CharField(source="text", max_length=100)
    chatId = Id(source="chat_id", required=False)
    isGroup = serializers.BooleanField(source="is_group", default=False)
    limit = serializers.IntegerField(min_value=1, max_value=200, default=50)
    before = Id(required=False, help_text="As the page before names it in its `Link`")


class QuotedInput(Input):
    messageId = serializers.ListField(
        source="message_ids", child=Id(), min_length=1, max_length=PAGE_MAX, help_text="Once for each"
    )


class TypingInput(Input):
    toUid = Id(required=False)
    groupId = Id(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError({"toUid": [_("Give this field or groupId.")]})
        return attrs


class WatchInput(Input):
    userIds = serializers.ListField(child=Id(), max_length=500)


# Uploads --------------------------------------------------------------------------------------------------------------


class UploadInput(Input):
    media = serializers.FileField(allow_empty_file=True, max_length=None)
    mediaType = serializers.CharField(help_text="`images`, `audio` or `files`")


class AvatarInput(Input):
    media = serializers.FileField(allow_empty_file=True)


class GroupAvatarInput(AvatarInput):
    groupId = Id(source="group_id")


class UploadOutput(serializers.Serializer[Any]):
    """What a message that carries it will say of it; `mediaUrl` is what is given with the message."""

    type = serializers.ChoiceField(choices=types.NAMES, help_text="Of the message that can carry it")

    def get_fields(self) -> dict[str, serializers.Field]:
        return {**super().get_fields(), **copy.deepcopy(types.TYPES["file"].outputs)}


def upload_output(upload: Upload) -> dict[str, Any]:
    return {**upload.details, "type": upload.type}
