"""The socket's document (AsyncAPI 3.0), made from the inputs that check frames and the serializers of outputs.

`SENT` lists what a client may send and the answer, `PUSHED` what the server sends. Tests compare `SENT`
with the consumer's handlers, and every frame that they hear with `PUSHED`.
"""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.hooks import postprocess_schema_enums
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers
from rest_framework.views import APIView

from accounts.serializers import MeOutput, StatusInput, UserOutput
from chatproject.core.inputs import Input
from groups.serializers import (
    CHAT_TYPES,
    TRANSFER_STATES,
    AskInput,
    ChatArchiveInput,
    ChatLevelInput,
    ChatMuteInput,
    ChatPinInput,
    ChatSettingsOutput,
    CloseAnnouncementInput,
    GroupInput,
    GroupOutput,
    JoinInput,
    ManyInput,
    ManyOutput,
    MemberInput,
    RequestOutput,
    UpdateInput,
)
from messaging.serializers.input import (
    DraftInput,
    EditInput,
    ForwardInput,
    GroupMessageInput,
    HideInput,
    HistoryInput,
    MarkUnreadInput,
    MessageIdInput,
    PinInput,
    ReactInput,
    ReadGroupInput,
    ReadPrivateInput,
    SearchInput,
    ShelfInput,
    SocketPrivateInput,
    SyncInput,
    TypingInput,
    WatchInput,
)
from messaging.serializers.output import (
    EPOCH_HELP,
    DraftOutput,
    ForwardedOutput,
    HiddenInChatsOutput,
    HiddenOutput,
    MarkedUnreadOutput,
    MessageOutput,
    OwnReactionsOutput,
    PinsOutput,
    ReadOutput,
    SearchedOutput,
    ShelfOutput,
    SyncOutput,
    UnreadOutput,
)
from notifications.serializers import NotifyingOutput, PreferencesInput, PreferencesOutput

Shape = type[serializers.Serializer[Any]] | type[Input]

VERSION = "3.0.0"
ADDRESS = "/ws/chat/"


# What has no counterpart in HTTP --------------------------------------------------------------------------------------


class Connected(serializers.Serializer[Any]):
    user = UserOutput()
    socketId = serializers.CharField()
    heartbeatInterval = serializers.IntegerField(help_text="Seconds between two SocketHeartBeat of yours")
    serverTime = serializers.DateTimeField()
    epoch = serializers.UUIDField(help_text=EPOCH_HELP)
    notifying = NotifyingOutput(help_text="What notifies you, beside the levels of your chats")


class OnlineUsers(serializers.Serializer[Any]):
    userList = UserOutput(many=True, help_text="Past 200 people online: your contacts among them")
    onlineUsersNum = serializers.IntegerField()


class Beat(serializers.Serializer[Any]):
    serverTime = serializers.DateTimeField()
    epoch = serializers.UUIDField(help_text=EPOCH_HELP)
    heads = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="By a chat's id, the versions of those that moved since your last beat; 0 for one you lost",
    )


class _Unread(serializers.Serializer[Any]):
    unreadCount = serializers.IntegerField()
    lastMessage = MessageOutput(allow_null=True)
    content = serializers.CharField()
    sentAt = serializers.DateTimeField(allow_null=True)


class PrivateUnread(_Unread):
    senderId = serializers.UUIDField()
    senderName = serializers.CharField()
    senderImg = serializers.CharField()


class GroupUnread(_Unread):
    groupId = serializers.UUIDField()
    groupName = serializers.CharField()
    groupImg = serializers.CharField()


class InGroup(serializers.Serializer[Any]):
    groupId = serializers.UUIDField()


class SomebodyInGroup(InGroup):
    userId = serializers.UUIDField()
    user = UserOutput()


class Kicked(InGroup):
    name = serializers.CharField()
    by = serializers.UUIDField(allow_null=True)
    reason = serializers.ChoiceField(choices=["removed", "dissolved"])


class Transfer(InGroup):
    name = serializers.CharField()
    by = serializers.UUIDField(help_text="The owner who offers the group")
    byName = serializers.CharField()
    userId = serializers.UUIDField(help_text="The member to whom it is offered")
    state = serializers.ChoiceField(choices=TRANSFER_STATES)


class Request(RequestOutput):
    name = serializers.CharField(help_text="The group's")
    waiting = serializers.IntegerField(
        allow_null=True, help_text="How many ask to join now, for its owner and administrators; null for who asked"
    )


class _InChat(serializers.Serializer[Any]):
    type = serializers.ChoiceField(choices=CHAT_TYPES)
    id = serializers.UUIDField()


class Read(_InChat):
    userId = serializers.UUIDField(help_text="Who read")
    previousSeq = serializers.IntegerField()
    readSeq = serializers.IntegerField()


class Typing(_InChat):
    userId = serializers.UUIDField(help_text="Who types")


class HeldRefused(_InChat):
    clientId = serializers.CharField()
    messageId = serializers.UUIDField(allow_null=True, help_text="Of an edit, the message that stays as it is")


class Status(serializers.Serializer[Any]):
    userId = serializers.UUIDField()
    online = serializers.BooleanField()
    lastActive = serializers.DateTimeField()


class SignedOut(serializers.Serializer[Any]):
    reason = serializers.ChoiceField(choices=["signed_out", "password_changed", "deactivated"])


class History(serializers.Serializer[Any]):
    chatId = serializers.UUIDField()
    isGroup = serializers.BooleanField()
    messages = MessageOutput(many=True)


class Refusal(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="A stable word")
    message = serializers.CharField(help_text="The same for people, in their language")
    retryAfter = serializers.FloatField(required=False, help_text="Seconds after which it may work")
    errors = serializers.DictField(child=serializers.ListField(child=serializers.CharField()), required=False)  # type: ignore[assignment]  # the name of the field, by contract


class HistoryRefusal(Refusal):
    chatId = serializers.JSONField(required=False, help_text="As you gave it")
    isGroup = serializers.JSONField(required=False, help_text="As you gave it")


# The events -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sending:
    """What a client sends: its data, what its ack carries (None: an empty object), and what it does."""

    data: Shape | None
    ack: Shape | None
    does: str


SENT = {
    "EmitUserConnect": Sending(None, OnlineUsers, "Say hello: OnUserConnect, OnlineUsersList, OnUnreadCount answer."),
    "GetEmitOnlineUsers": Sending(None, OnlineUsers, "Ask who is online: OnlineUsersList answers."),
    "SocketHeartBeat": Sending(None, Beat, "Stay online, and learn which chats moved."),
    "EmitPrivate": Sending(SocketPrivateInput, MessageOutput, "Say something to somebody."),
    "EmitGroupMsg": Sending(GroupMessageInput, MessageOutput, "Say something in a group."),
    "SocketEmitPrivate": Sending(SocketPrivateInput, MessageOutput, "Another name of EmitPrivate."),
    "SocketEmitGroupMsg": Sending(GroupMessageInput, MessageOutput, "Another name of EmitGroupMsg."),
    "EmitGroupJoin": Sending(JoinInput, InGroup, "Join a group, or come back to it after an absence."),
    "EmitTempLeaveGroup": Sending(GroupInput, InGroup, "Leave a group for a while: no OnGroupMsg, still counted."),
    "EmitGroupLeave": Sending(GroupInput, InGroup, "Leave a group."),
    "EmitGroupRequest": Sending(AskInput, RequestOutput, "Ask to join a group that decides whom it takes."),
    "EmitGroupRequestWithdraw": Sending(GroupInput, InGroup, "Take such a request back."),
    "EmitGroupRequestAccept": Sending(MemberInput, InGroup, "Let somebody in who asked to join."),
    "EmitGroupRequestRefuse": Sending(MemberInput, InGroup, "Refuse somebody who asked to join."),
    "EmitGroupAdd": Sending(ManyInput, ManyOutput, "Add those of some people who may be added."),
    "EmitGroupRemove": Sending(ManyInput, ManyOutput, "Remove those of some members who may be removed."),
    "EmitGroupUpdate": Sending(
        UpdateInput, InGroup, "Change a group: its name, announcement, who may write, and so on."
    ),
    "EmitCloseAnnouncement": Sending(
        CloseAnnouncementInput, ChatSettingsOutput, "Close a group's announcement, for you and on all your devices."
    ),
    "EmitChatMute": Sending(ChatMuteInput, ChatSettingsOutput, "Mute a chat for yourself, or no more."),
    "EmitChatLevel": Sending(ChatLevelInput, ChatSettingsOutput, "Choose which messages of a chat notify you."),
    "EmitChatPin": Sending(ChatPinInput, ChatSettingsOutput, "Keep a chat above your others, or no more."),
    "EmitChatArchive": Sending(
        ChatArchiveInput, ChatSettingsOutput, "Put a chat away until it moves, or bring it back."
    ),
    "EmitPreferences": Sending(
        PreferencesInput, PreferencesOutput, "Change what notifies you: levels, keywords, quiet hours, a pause."
    ),
    "EmitStatus": Sending(StatusInput, MeOutput, "Say something beside your name."),
    "EmitStatusEnd": Sending(None, MeOutput, "Say nothing beside your name."),
    "EmitGroupTransfer": Sending(MemberInput, InGroup, "Offer a group of yours to another member."),
    "EmitGroupTransferAccept": Sending(GroupInput, InGroup, "Become the owner of a group that was offered to you."),
    "EmitGroupTransferDecline": Sending(GroupInput, InGroup, "Decline such an offer; as the owner, take it back."),
    "EmitGetUnreadCount": Sending(None, UnreadOutput, "Ask what is unread: OnUnreadCount answers."),
    "EmitMarkPrivateRead": Sending(ReadPrivateInput, ReadOutput, "Mark read what one or several people said."),
    "EmitMarkGroupRead": Sending(ReadGroupInput, ReadOutput, "Mark read what was said in one or several groups."),
    "EmitMarkUnread": Sending(MarkUnreadInput, MarkedUnreadOutput, "Mark a message and what follows unread, for you."),
    "GetMessageHistory": Sending(HistoryInput, History, "A page of history: MessageHistory or MessageHistoryError."),
    "EmitSearch": Sending(SearchInput, SearchedOutput, "Find messages."),
    "EmitShelf": Sending(
        ShelfInput, ShelfOutput, "Ask what a chat has of one kind: pictures and videos, files, links."
    ),
    "EmitSync": Sending(SyncInput, SyncOutput, "Ask for all that changed above the given versions: OnSync answers."),
    "EmitTyping": Sending(TypingInput, None, "Tell the other, or the group, that you type."),
    "EmitDraft": Sending(DraftInput, DraftOutput, "Keep what you have begun to write, for your other devices."),
    "EmitRecall": Sending(MessageIdInput, MessageOutput, "Take a message back, for everybody."),
    "EmitEdit": Sending(EditInput, MessageOutput, "Change what a message says."),
    "EmitHide": Sending(HideInput, HiddenInChatsOutput, "Delete messages for yourself: for all others they stay."),
    "EmitForward": Sending(ForwardInput, ForwardedOutput, "Send messages that you see to chats of yours, as yours."),
    "EmitReact": Sending(ReactInput, MessageOutput, "React to a message with an emoji, or take that back."),
    "EmitPin": Sending(PinInput, PinsOutput, "Pin a message for everybody in its chat, or unpin it."),
    "EmitWatchPresence": Sending(WatchInput, None, "Hear OnUserStatus of these people, instead of those before."),
}

PUSHED: dict[str, tuple[Shape, str]] = {
    "OnUserConnect": (Connected, "The answer to EmitUserConnect."),
    "OnlineUsersList": (OnlineUsers, "Who is online; in a small installation also on each change."),
    "SocketHeartBeat": (Beat, "The answer to a beat."),
    "OnPrivate": (MessageOutput, "A private message to you, or from another of your sockets."),
    "OnGroupMsg": (MessageOutput, "A message in a group you are present in."),
    "OnRecall": (MessageOutput, "A message was taken back; this is what is left of it."),
    "OnEdit": (MessageOutput, "A message as it is now."),
    "OnReaction": (MessageOutput, "A message as it is now: reactions on it changed."),
    "OnOwnReactions": (
        OwnReactionsOutput,
        "What you have put on a message that names nobody, after you changed it, on another device perhaps.",
    ),
    "OnPin": (PinsOutput, "Other messages of a chat are pinned. A message that is recalled is pinned no more."),
    "OnHide": (HiddenOutput, "You deleted messages for yourself, on another device perhaps."),
    "OnHeldRefused": (HeldRefused, "A moderator did not release what you sent: it waited for review."),
    "unreadCountUpdate": (PrivateUnread, "What is unread from somebody; several may be folded into the last."),
    "groupUnreadUpdate": (GroupUnread, "What is unread in a group; several may be folded into the last."),
    "OnUnreadCount": (UnreadOutput, "What is unread, in answer to EmitUserConnect and EmitGetUnreadCount."),
    "OnRead": (Read, "Somebody read what you sent."),
    "OnMarkUnread": (MarkedUnreadOutput, "You marked a chat unread, on another device perhaps."),
    "OnDraft": (DraftOutput, "You began to write something on another device, or did so no more: sent, or given up."),
    "OnTyping": (Typing, "Somebody types. At most once, and perhaps not at all."),
    "OnUserStatus": (Status, "Somebody you watch came or went."),
    "OnUserUpdate": (UserOutput, "You, or somebody you watch, changed name, picture or status."),
    "OnGroupWelcomeJoin": (SomebodyInGroup, "Somebody joined, or came back."),
    "OnTempLeaveGroup": (SomebodyInGroup, "Somebody left for a while."),
    "OnGroupLeave": (SomebodyInGroup, "Somebody left, or was removed."),
    "OnGroupUpdate": (GroupOutput, "A group changed, or is new to you."),
    "OnGroupTransfer": (Transfer, "A group is offered to you or by you, or such an offer ended."),
    "OnGroupRequest": (Request, "Somebody asks to join a group of yours, or you were answered; or it was taken back."),
    "OnChatUpdate": (
        ChatSettingsOutput,
        "You pinned, muted or archived a chat, or closed its announcement, on another device perhaps.",
    ),
    "OnPreferences": (PreferencesOutput, "You changed what notifies you, on another device perhaps."),
    "OnKeyword": (
        MessageOutput,
        "A message that notifies you for one of your keywords alone. It comes once more, a moment after it was said.",
    ),
    "OnKicked": (Kicked, "You were removed from a group, or it was dissolved."),
    "MessageHistory": (History, "The answer to GetMessageHistory."),
    "MessageHistoryError": (HistoryRefusal, "Or why there is none."),
    "OnSync": (SyncOutput, "The answer to EmitSync."),
    "OnLogout": (SignedOut, "This socket is closed, because its device was signed out."),
    "error": (Refusal, "A frame was refused. The socket stays open."),
}

#: How a connection ends.
CLOSE_CODES = {
    1012: "the server starts anew: come back at once",
    1013: "come back later",
    4400: "not our protocol: a hundred bad frames in a row",
    4401: "sign in first",
    4408: "too slow to read",
    4429: "flooding",
}

_ACK = {"type": ["integer", "string"], "maxLength": 64, "description": "Yours; the answer carries it"}


@require_safe
def asyncapi(request: HttpRequest) -> HttpResponse:
    """GET /api/socket/: no secret is in it, so it is open, as the OpenAPI document is."""
    server = {"host": request.get_host(), "protocol": "wss" if request.is_secure() else "ws"}
    servers = json.dumps({"servers": {"this": {**server, "security": _SECURITY}}})
    return HttpResponse(f"{servers[:-1]}, {_encoded()[1:]}", content_type="application/json")


@cache
def _encoded() -> str:
    return json.dumps(document(), cls=DjangoJSONEncoder)


_SECURITY = [{"$ref": f"#/components/securitySchemes/{name}"} for name in ("bearer", "session")]


@cache
def document() -> dict[str, Any]:
    """The document, without the server that it is asked of."""
    schemas = _Schemas()
    messages: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for event, sending in SENT.items():
        messages[f"send.{event}"] = _message(event, schemas.given(sending.data), sending.does, ack=_ACK)
        messages[f"ack.{event}"] = _message(
            "ack", schemas.said(sending.ack), f"{event} is done.", ack=_ACK, is_answer=True
        )
        operations[event] = {
            "action": "receive",
            "channel": {"$ref": "#/channels/chat"},
            "summary": sending.does,
            "messages": [_of_channel(f"send.{event}")],
            "reply": {
                "channel": {"$ref": "#/channels/chat"},
                "messages": [_of_channel(f"ack.{event}"), _of_channel("push.error")],
            },
        }
    for event, (shape, says) in PUSHED.items():
        messages[f"push.{event}"] = _message(event, schemas.said(shape), says)
    operations["push"] = {
        "action": "send",
        "channel": {"$ref": "#/channels/chat"},
        "summary": "What the server says by itself, or beside an ack.",
        "messages": [_of_channel(f"push.{event}") for event in PUSHED],
    }
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "Chat",
            "version": "1.0.0",
            "description": "The socket of the chat. Frames are JSON in text, of at most 64 KiB. It ends with one of: "
            + "; ".join(f"{code} {meaning}" for code, meaning in CLOSE_CODES.items()) + ".",
        },
        "defaultContentType": "application/json",
        "channels": {"chat": _channel(messages)},
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": schemas.components,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Or, where headers cannot be set, the subprotocols `chat.v1, token.<token>`.",
                },
                "session": {
                    "type": "httpApiKey",
                    "in": "cookie",
                    "name": "sessionid",
                    "description": "A browser's, from exactly one of the allowed origins.",
                },
            },
        },
    }  # fmt: skip


def _channel(messages: dict[str, Any]) -> dict[str, Any]:
    batch = {"type": "string", "enum": ["1"], "description": "Frames of the server may be arrays of events"}
    return {
        "address": ADDRESS,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"ws": {"method": "GET", "query": {"type": "object", "properties": {"batch": batch}}}},
    }


def _of_channel(name: str) -> dict[str, str]:
    return {"$ref": f"#/channels/chat/messages/{name}"}


def _message(event: str, data: Any, says: str, *, ack: Any = None, is_answer: bool = False) -> dict[str, Any]:
    properties = {"event": {"const": event}, "data": data} | ({"ack": ack} if ack else {})
    required = ["event", "data", *(["ack"] if is_answer else [])]
    return {
        "name": event,
        "summary": says,
        "payload": {"type": "object", "properties": properties, "required": required},
    }


class _Schemas:
    """JSON Schemas of serializers, by drf-spectacular, collected for the document."""

    def __init__(self) -> None:
        self._auto = AutoSchema()
        self._generator = SchemaGenerator()
        self._auto.registry = self._generator.registry
        self._auto.method, self._auto.path = "POST", ADDRESS
        self._auto.view = APIView(request=None)

    def given(self, shape: Shape | None) -> Any:
        return self._resolved(shape, "request")

    def said(self, shape: Shape | None) -> Any:
        return self._resolved(shape, "response")

    def _resolved(self, shape: Any, direction: Literal["request", "response"]) -> Any:
        return {"type": "object"} if shape is None else self._auto.resolve_serializer(shape, direction).ref

    @property
    def components(self) -> Any:
        # The hook names what is chosen from, as it does for the OpenAPI document.
        found = {"components": self._generator.registry.build({})}
        return postprocess_schema_enums(found, self._generator)["components"]["schemas"]
