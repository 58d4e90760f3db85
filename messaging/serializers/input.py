"""What clients send: the fields of every route and event of messaging."""

import builtins
from datetime import date
from functools import cache, lru_cache
from typing import Annotated, Any, Self
from uuid import UUID

import msgspec
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _
from msgspec import UNSET, Meta, UnsetType, field

from chatproject.core.errors import Invalid, Text
from chatproject.core.fields import Fields, choice, helped, line, number, page_limit, text
from chatproject.core.http.api import PAGE, PAGE_MAX
from chatproject.core.inputs import Input, PagedInput
from groups.selectors import ListPlace
from groups.serializers import ChatInput
from messaging import rules, types
from messaging.types.mentions import MentionInputs

#: The greatest number that every JSON reader keeps exactly.
NUMBER_MAX = 2**53

#: Characters of a place in the chat list: with all chats that somebody may pin.
LIST_PLACE_MAX = 600

Version = Annotated[int, number(0, NUMBER_MAX)]
ChatIds = Annotated[list[UUID], Meta(max_length=rules.CHATS_MAX)]


def _wrong(name: str, said: Text) -> Invalid:
    return Invalid(errors={name: [said]})


# Messages -------------------------------------------------------------------------------------------------------------


class MessageInput(Input, frozen=True, kw_only=True):
    """A message to be sent, by any door; `msg` is the original's other word for `content`.

    The fields of the types it is not, and what a client says of a file beside its address, are ignored.
    """

    #: The other person, or the group; each subclass names it as its clients do.
    to: UUID
    content: Annotated[str, text(rules.TEXT_MAX)] | UnsetType = UNSET
    msg: Annotated[str, text(rules.TEXT_MAX)] | UnsetType = UNSET
    type: Annotated[str, choice(types.SENT)] = types.TEXT
    client_id: Annotated[str, line(64)] | None = None
    reply_to_id: UUID | None = field(name="replyTo", default=None)

    @classmethod
    def read(cls, given: Any, *, language: str = "") -> Self:
        type_ = given.get("type", types.TEXT) if isinstance(given, dict) else types.TEXT
        shape = _of_type(cls, type_) if isinstance(type_, str) and type_ in types.TYPES else cls
        return super(MessageInput, shape).read(given, language=language)  # type: ignore[return-value]  # a subclass of cls

    @classmethod
    def documented(cls) -> builtins.type[Fields]:
        return _of_any_type(cls)

    def check(self) -> None:
        if types.TYPES[self.type].needs_words and not self.words.strip():
            is_missing = self.content is UNSET and self.msg is UNSET
            raise _wrong("content", _("This field is required.") if is_missing else _("This field may not be blank."))

    @property
    def words(self) -> str:
        """What it says, by either name; "" for a file without a caption."""
        if self.content is not UNSET:
            return self.content
        return "" if self.msg is UNSET else self.msg


@cache
def _of_type(shape: type[MessageInput], type_: str) -> type[MessageInput]:
    """An input with the fields of one type of message."""
    return _extended(shape, [types.TYPES[type_]])


@cache
def _of_any_type(shape: type[MessageInput]) -> type[MessageInput]:
    return _extended(shape, types.TYPES.values())


def _extended(shape: type[MessageInput], of: Any) -> type[MessageInput]:
    more = {one.name: one for type_ in of for one in msgspec.structs.fields(type_.inputs)}
    fields = [(one.name, one.type, field(name=one.encode_name, default=one.default)) for one in more.values()]
    return msgspec.defstruct(  # type: ignore[return-value]  # its bases say so
        shape.__name__, fields, bases=(shape,), namespace={"__doc__": MessageInput.__doc__}, frozen=True, kw_only=True
    )


class PrivateInput(MessageInput, frozen=True, kw_only=True):
    to: UUID = field(name="receiverId")


class SocketPrivateInput(MessageInput, frozen=True, kw_only=True):
    to: UUID = field(name="toUid")


class GroupMessageInput(MessageInput, frozen=True, kw_only=True):
    to: UUID = field(name="groupId")


class MessageIdInput(Input, frozen=True, kw_only=True):
    message_id: UUID


class EditInput(MessageIdInput, frozen=True, kw_only=True):
    content: Annotated[str, text(rules.TEXT_MAX, help="A caption may be empty")]
    mentions: MentionInputs | None = None


class ReactInput(MessageIdInput, frozen=True, kw_only=True):
    emoji: Annotated[str, line(64, help="One emoji; with or without variation selectors it is the same")]
    on: Annotated[bool, helped("False takes it away")] = True


class DraftInput(ChatInput, frozen=True, kw_only=True):
    content: Annotated[str, text(rules.TEXT_MAX, help="Without text and `replyTo` there is no draft any more")] = field(
        name="text", default=""
    )
    mentions: MentionInputs = []
    reply_to_id: UUID | None = field(name="replyTo", default=None)


class PinInput(MessageIdInput, frozen=True, kw_only=True):
    pinned: Annotated[bool, helped("False unpins it")] = True


class HideInput(Input, frozen=True, kw_only=True):
    message_ids: Annotated[list[UUID], Meta(min_length=1, max_length=PAGE_MAX, description="In one chat or several")]


class ForwardTarget(Fields, frozen=True, kw_only=True):
    """A chat: that with a person, or a group."""

    to: UUID | UnsetType = field(name="toUid", default=UNSET)
    group_id: UUID | UnsetType = UNSET


class ForwardInput(Input, frozen=True, kw_only=True):
    message_ids: Annotated[
        list[UUID], Meta(min_length=1, max_length=rules.FORWARDED_MAX, description="In the order that they shall have")
    ]
    to: Annotated[list[ForwardTarget], Meta(min_length=1, max_length=rules.FORWARDED_MAX)]
    with_author: Annotated[bool, helped("Whether the messages name who wrote them")] = True
    client_id: Annotated[str, line(64, help="Yours: the same once more stores nothing new")] | None = None

    def check(self) -> None:
        if any((one.to is UNSET) == (one.group_id is UNSET) for one in self.to):
            raise _wrong("to", _("Give toUid or groupId."))
        if len(set(self.message_ids)) * len(set(self.chats)) > rules.FORWARDED_MAX:
            raise _wrong("to", _("That is too much at once."))

    def asked(self) -> dict[str, Any]:
        return {
            "message_ids": self.message_ids,
            "chats": self.chats,
            "with_author": self.with_author,
            "client_id": self.client_id,
        }

    @property
    def chats(self) -> list[tuple[UUID, bool]]:
        """The id of each chat, the other person's or the group's, and whether it is a group."""
        return [(one.group_id, True) if one.group_id is not UNSET else (one.to, False) for one in self.to]  # type: ignore[misc]  # `check`


class TypingInput(Input, frozen=True, kw_only=True):
    """That somebody types, to one person or in one group."""

    to: UUID | UnsetType = field(name="toUid", default=UNSET)
    group_id: UUID | UnsetType = UNSET

    def check(self) -> None:
        if (self.to is UNSET) == (self.group_id is UNSET):
            raise _wrong("toUid", _("Give this field or groupId."))


# Reading --------------------------------------------------------------------------------------------------------------


class PageInput(PagedInput, frozen=True, kw_only=True):
    """A page of a history: `before` and `after` are exclusive."""

    limit: Annotated[int, page_limit(PAGE_MAX)] = PAGE
    before: Annotated[int, number(1, NUMBER_MAX)] | None = None
    after: Version | None = None

    def cursor(self) -> dict[str, Any]:
        return {"limit": self.limit, "before": self.before, "after": self.after}


class ChatListInput(PagedInput, frozen=True, kw_only=True):
    """The whole chat list, a page of it, or some chats."""

    limit: Annotated[int, page_limit(PAGE_MAX)] | UnsetType = UNSET
    before: Annotated[str, line(LIST_PLACE_MAX, blank=True, help="From the `Link` header: where to go on")] = ""
    chat_ids: (
        Annotated[
            list[UUID],
            Meta(
                max_length=PAGE_MAX, description="Only these: people and groups. Those that are no chats are left out"
            ),
        ]
        | UnsetType
    ) = UNSET

    def place(self) -> ListPlace | None:
        """The place after which the page begins. Raises Invalid."""
        try:
            return ListPlace.read(self.before) if self.before else None
        except ValueError:
            raise _wrong("before", _("The “Link” header of the page before says where to go on.")) from None


class PrivatePageInput(PageInput, frozen=True, kw_only=True):
    sender_id: UUID
    receiver_id: UUID | UnsetType = UNSET


class GroupPageInput(PageInput, frozen=True, kw_only=True):
    group_id: UUID


class HistoryInput(PageInput, frozen=True, kw_only=True):
    chat_id: UUID
    is_group: bool


class ReadInput(Input, frozen=True, kw_only=True):
    """That somebody has read what is said in one chat, or in several, up to a message or the last."""

    upto: Version | None = field(name="upTo", default=None)

    @property
    def chat_ids(self) -> list[UUID]:
        """Each once, as the first naming orders them."""
        raise NotImplementedError


class ReadPrivateInput(ReadInput, frozen=True, kw_only=True):
    sender_id: UUID | UnsetType = UNSET
    sender_ids: ChatIds | UnsetType = UNSET

    def check(self) -> None:
        _require_one("senderId", self.sender_id, self.sender_ids)

    @property
    def chat_ids(self) -> list[UUID]:
        return _one_or_many(self.sender_id, self.sender_ids)


class ReadGroupInput(ReadInput, frozen=True, kw_only=True):
    group_id: UUID | UnsetType = UNSET
    group_ids: ChatIds | UnsetType = UNSET

    def check(self) -> None:
        _require_one("groupId", self.group_id, self.group_ids)

    @property
    def chat_ids(self) -> list[UUID]:
        return _one_or_many(self.group_id, self.group_ids)


class MarkUnreadInput(ChatInput, frozen=True, kw_only=True):
    seq: (
        Annotated[int, number(1, NUMBER_MAX, help="The first that is unread; else the last that somebody else said")]
        | UnsetType
    ) = UNSET


def _require_one(name: str, one: object, many: object) -> None:
    if (one is UNSET) == (many is UNSET):
        raise _wrong(name, _("Give this field or its plural."))


def _one_or_many(one: UUID | UnsetType, many: list[UUID] | UnsetType) -> list[UUID]:
    if one is not UNSET:
        return [one]
    return list(dict.fromkeys(many or []))


class SyncInput(Input, frozen=True, kw_only=True):
    cursors: Annotated[dict[str, Version], Meta(max_length=rules.SYNCED_MAX)]
    hidden: (
        Annotated[
            dict[str, Version],
            Meta(max_length=rules.SYNCED_MAX, description="`hiddenCount` as the client has it, where it is not 0"),
        ]
        | None
    ) = None

    def check(self) -> None:
        self.versions()
        self.hidden_counts()

    def versions(self) -> dict[UUID, int]:
        """The version that the client has of each chat."""
        return _by_chat("cursors", self.cursors)

    def hidden_counts(self) -> dict[UUID, int] | None:
        """How many messages of each chat the client knows to be deleted for the user; None if it keeps none."""
        return None if self.hidden is None else _by_chat("hidden", self.hidden)


#: They are read twice, by the check and by the service.
_chat_id = lru_cache(20_000)(UUID)


def _by_chat(name: str, numbers: dict[str, int]) -> dict[UUID, int]:
    try:
        return {_chat_id(chat_id): number for chat_id, number in numbers.items()}
    except ValueError:
        raise _wrong(name, _("A chat's id is a UUID.")) from None


_SEARCHED = (
    'Words, `"phrases"`, `from:name`, `in:chat`, `has:image` (`audio`, `file`, `location`, `link`), '
    "`before:2026-05-01`, `after:2026-05`"
)


class SearchInput(PagedInput, frozen=True, kw_only=True):
    text: Annotated[str, line(200, help=_SEARCHED)] = field(name="q")
    time_zone: Annotated[str, line(64, help="Whose days `q` names, as `Asia/Shanghai`; an unknown one is UTC")] = "UTC"
    chat_id: UUID | UnsetType = UNSET
    is_group: bool = False
    limit: Annotated[int, page_limit(PAGE_MAX)] = PAGE
    before: Annotated[UUID, helped("As the page before names it in its `Link`")] | UnsetType = UNSET


class ShelfInput(PagedInput, frozen=True, kw_only=True):
    chat_id: UUID
    is_group: bool = False
    kind: Annotated[str, choice([*types.SHELVES, types.LINKS])]
    limit: Annotated[int, page_limit(PAGE_MAX)] = PAGE
    before: Annotated[int, number(1, NUMBER_MAX)] | None = None


class QuotedInput(Input, frozen=True, kw_only=True):
    message_ids: Annotated[list[UUID], Meta(min_length=1, max_length=PAGE_MAX, description="Once for each")] = field(
        name="messageId"
    )


class ReadersInput(PagedInput, frozen=True, kw_only=True):
    message_id: UUID
    has_read: Annotated[bool, helped("False for those who have not read it yet")] = field(name="read", default=True)
    limit: Annotated[int, page_limit(PAGE_MAX)] | UnsetType = UNSET
    after: Annotated[UUID, helped("From the `Link` header: where to go on.")] | UnsetType = UNSET


class DayInput(Input, frozen=True, kw_only=True):
    chat_id: UUID
    is_group: bool = False
    day: Annotated[str, line(10, help="`2026-05-01`")]
    time_zone: Annotated[str, line(64, help="Whose day it is, as `Asia/Shanghai`; an unknown one is UTC")] = "UTC"

    def check(self) -> None:
        try:
            date.fromisoformat(self.day)
        except ValueError:
            raise _wrong("day", _("A day is written as 2026-05-01.")) from None


class ReactionsInput(PagedInput, frozen=True, kw_only=True):
    message_id: UUID
    limit: Annotated[int, page_limit(PAGE_MAX)] = PAGE
    after: Annotated[UUID, helped("From the `Link` header: where to go on.")] | None = None


class HighlightInput(Input, frozen=True, kw_only=True):
    code: Annotated[str, text(rules.TEXT_MAX, blank=False)]
    language: Annotated[str, line(30, help="As it stands behind the beginning of a code block")]


class PlaceSearchInput(Input, frozen=True, kw_only=True):
    text: Annotated[str, line(120, help="A name, or an address")] = field(name="q")


class PlaceAddressInput(Input, frozen=True, kw_only=True):
    #: Judged by `places.point`, both together.
    latitude: Annotated[str, line(32, help="WGS-84, degrees north")]
    longitude: Annotated[str, line(32, help="WGS-84, degrees east")]


class WatchInput(Input, frozen=True, kw_only=True):
    user_ids: Annotated[list[UUID], Meta(max_length=500)]


# Uploads --------------------------------------------------------------------------------------------------------------


_MEDIA_TYPES = (
    "`images` or `image`; `audio`; `video` or `videos`; `files`, `file`, `misc` or nothing, for a file as it is"
)


class UploadInput(Input, frozen=True, kw_only=True):
    media: UploadedFile
    media_type: Annotated[str, line(None, blank=True, help=_MEDIA_TYPES)] = ""


class AvatarInput(Input, frozen=True, kw_only=True):
    media: UploadedFile


class GroupAvatarInput(AvatarInput, frozen=True, kw_only=True):
    group_id: UUID
