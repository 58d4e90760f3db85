"""The socket's consumer: it decodes frames, calls services and answers with what they return.

Frames of one socket are handled in order. A send does not wait for its commit, so a client may have
many under way; each is acknowledged when it is stored.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, TypeVar

import orjson
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from accounts import selectors as people
from accounts import services as accounts
from accounts.models import User
from accounts.rules import sees_only_contacts
from accounts.serializers import StatusInput, me_output, user_output
from chatproject.core import costs, errors, hub, metrics, tracing
from chatproject.core.db.transactions import as_busy, in_thread, keep_connection, on_thread
from chatproject.core.errors import ChatError
from chatproject.core.http.credentials import socket_credentials
from chatproject.core.inputs import Input
from chatproject.core.redis import budget
from chatproject.core.times import iso, now
from chatproject.core.websocket import acks
from chatproject.core.websocket.consumer import SocketConsumer
from groups import asking
from groups import serializers as group_inputs
from groups import services as groups
from groups.models import Membership
from messaging import selectors, services
from messaging.serializers import input as inputs
from messaging.serializers import output as outputs
from messaging.services import sockets
from messaging.services.searching import THREADS as SEARCH_THREADS
from notifications import services as notifications
from notifications.serializers import PreferencesInput, notifying_output

log = logging.getLogger(__name__)

PROTOCOL = "chat.v1"
HEARTBEAT_SECONDS = 25
#: Bytes of one frame.
FRAME_MAX = 64 * 1024
#: Bytes that may come at once, and per second after that.
BURST, FLOW = 4 * 1024 * 1024, 1024 * 1024
#: Refusals and bad frames in a row that count as abuse.
STRIKES_MAX = 100
#: Seconds in which so many refusals for going too fast are too many, also with successes between them.
INSISTING_SECONDS = 60
#: Seconds that closing a socket may take.
CLOSE_TIMEOUT_SECONDS = 2
#: Sends of one socket that are not stored yet; further frames wait.
UNDER_WAY_MAX = 64

#: Searches wait for their turns on threads of their own.
_searches = ThreadPoolExecutor(max_workers=SEARCH_THREADS, thread_name_prefix="searches")

AnyInput = TypeVar("AnyInput", bound=Input)
Handler = Callable[["ChatConsumer", Any, "Answer"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Admitted:
    topics: list[str]
    subprotocol: str | None


class Answer:
    """Answers one frame: an ack if it asked for one, an error in any case."""

    __slots__ = ("_ack", "_consumer")

    def __init__(self, consumer: "ChatConsumer", ack: int | str | None) -> None:
        self._consumer, self._ack = consumer, ack

    @property
    def is_wanted(self) -> bool:
        return self._ack is not None

    def done(self, payload: Any = None) -> None:
        self.done_with(orjson.dumps(payload if payload is not None else {}, default=str))

    def done_with(self, json: bytes) -> None:
        """Like `done`, for a payload that is JSON already."""
        self._consumer.strikes = 0
        if self._ack is not None:
            self._consumer.socket.push(self._text(json))

    def stored(self, json: bytes) -> None:
        """Like `done_with`, in one write with the events that the socket is sent in this turn of the loop."""
        self._consumer.strikes = 0
        if self._ack is not None:
            hub.push_with_events(self._consumer.socket, self._text(json))

    def _text(self, json: bytes) -> bytes:
        return b'{"event":"ack","ack":%b,"data":%b}' % (orjson.dumps(self._ack), json)

    def error(self, error: ChatError, event: str = "error", **more: Any) -> None:
        with translation.override(self._consumer.language):
            metrics.refusals.labels(error.code).inc()
            payload: dict[str, Any] = {"code": error.code, "message": str(error.detail), **more}
            if error.retry_after is not None:
                payload["retryAfter"] = error.retry_after
            if error.errors is not None:
                payload["errors"] = {field: [str(text) for text in texts] for field, texts in error.errors.items()}
        ack = {} if self._ack is None else {"ack": self._ack}
        self._consumer.socket.push(hub.encode(event, payload, **ack))
        self._consumer.strike(error)


class ChatConsumer(SocketConsumer[_Admitted]):
    """One connection of one device."""

    handlers: ClassVar[dict[str, Handler]] = {}
    #: What each event costs of the user's budget.
    costs: ClassVar[dict[str, int]] = {}

    socket: hub.Socket
    user: User
    strikes = 0
    _flow = (float(BURST), 0.0)
    _insisted = (0.0, 0.0)
    _heads = b""  # versions of the user's chats at the last heartbeat

    # Phases -----------------------------------------------------------------------------------------------------------

    async def authenticate(self, scope: Any) -> _Admitted | None:
        """Find the device, and make its socket.

        Closes with 4401, or 1013 for too many connections.
        """
        subprotocol = PROTOCOL if PROTOCOL in scope["subprotocols"] else None
        admission = await sockets.admit(socket_credentials(scope))
        # Nothing is awaited between this and the registration, so that no two count as one.
        if not isinstance(admission, int) and hub.open_sockets(admission.user.pk) >= settings.SOCKETS_PER_PERSON:
            admission = sockets.TRY_LATER
        if isinstance(admission, int):
            # Accept and close: a browser shows its page no reason for a refused handshake.
            await self.send({"type": "websocket.accept", "subprotocol": subprotocol})
            await self.send({"type": "websocket.close", "code": admission})
            return None
        self.user = admission.user
        self.language = self.user.language or settings.LANGUAGE_CODE
        self._under_way = asyncio.Semaphore(UNDER_WAY_MAX)
        self.socket = hub.Socket(
            hub.wire_of(scope, self.base_send),
            user_id=self.user.pk,
            device_id=admission.device_id,
            batches=b"batch=1" in scope["query_string"].split(b"&"),
            is_visible=not self.user.is_invisible,
        )
        return _Admitted(admission.topics, subprotocol)

    async def connect(self, admission: _Admitted) -> None:
        """Subscribe, then accept: a connected client misses no event."""
        await hub.register(self.socket, admission.topics)
        if sees_only_contacts(self.user):
            hub.leave(self.socket, [hub.EVERYONE])
        await self.send({"type": "websocket.accept", "subprotocol": admission.subprotocol})
        self.socket.outbox.open()
        await sockets.arrive(self.socket)

    async def receive(self, message: Any) -> None:
        """Call the handler of a frame's event, and answer."""
        answer = Answer(self, None)
        try:
            try:
                frame = self._parse(message)
            except ChatError:
                text = _text_of(message)
                budget.charge(self.socket.user_id, costs.of_answer(text))
                answer = Answer(self, acks.find(text))
                raise
            ack = frame.get("ack")
            if ack is not None:
                if not isinstance(ack, int | str) or len(str(ack)) > acks.TEXT_MAX:
                    raise errors.BadRequest(_("ack must be a number or a short text."))
                answer = Answer(self, ack)
            event = frame["event"]
            handler = self.handlers.get(event)
            if handler is None:
                raise errors.BadRequest(_("There is no such event."), code="unknown_event")
            if cost := self.costs[event]:
                budget.spend(self.socket.user_id, cost)
            if self.socket.is_outdated:
                await self._reload_user()
            with tracing.span(f"socket {event}"):
                await handler(self, frame.get("data") if frame.get("data") is not None else {}, answer)
        except ChatError as error:
            answer.error(error)
        except Exception as error:
            if (busy := as_busy(error)) is not None:
                answer.error(busy)
                return
            log.exception("socket: an event failed", extra={"request_id": self.socket.id})
            answer.error(
                errors.ChatError(_("Something went wrong on our side."), code="internal"), requestId=self.socket.id
            )

    @property
    def close_code(self) -> int:
        return self.socket.code

    async def close(self, code: int) -> None:
        """Acknowledge what is being stored, send what waits, and close."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
                for _slot in range(UNDER_WAY_MAX):
                    await self._under_way.acquire()
                await self.socket.outbox.drained()
                await self.send({"type": "websocket.close", "code": code})
        except Exception as gone:  # each server has its own exception for a connection that is gone
            log.debug("socket: gone before it was closed: %r", gone)

    async def disconnect(self) -> None:
        hub.unregister(self.socket)
        await sockets.leave(self.socket)

    # Taking frames ----------------------------------------------------------------------------------------------------

    async def _reload_user(self) -> None:
        """Load the user again after a change: messages carry the sender's name."""
        self.socket.is_outdated = False
        self.user = await in_thread(people.get, self.socket.user_id)
        self.language = self.user.language or settings.LANGUAGE_CODE

    def _parse(self, message: Any) -> dict[str, Any]:
        text = message.get("text")
        self._count(len(text or message.get("bytes") or b""))
        if text is None:
            raise errors.BadRequest(_("Frames must be text."))
        if len(text) > FRAME_MAX:
            raise errors.TooLarge()
        try:
            frame = orjson.loads(text)  # refuses NaN, lone surrogates, great depth and numbers without end
        except ValueError as error:
            raise errors.BadRequest(_("The frame is not valid JSON.")) from error
        if not isinstance(frame, dict) or not isinstance(frame.get("event"), str):
            raise errors.BadRequest(_("A frame is an object with an event."))
        return frame

    def _count(self, size: int) -> None:
        left, at = self._flow
        moment = time.monotonic()
        left = min(BURST, left + (moment - at) * FLOW) - size
        self._flow = left, moment
        if left < 0:
            self.socket.close(hub.FLOODING)

    def strike(self, error: ChatError) -> None:
        """Count a refusal; a client that ignores STRIKES_MAX of them in a row is disconnected."""
        if error.status >= 500 or error.status < 400:
            return  # busy or broken, or taken for review: not the client's fault
        is_too_fast = error.status == 429
        if not is_too_fast:  # a frame that was refused is work, too
            try:
                budget.spend(self.socket.user_id, costs.LIGHT)
            except errors.RateLimited:
                is_too_fast = True
        self.strikes += 1
        if is_too_fast and self._insists():
            self.socket.close(hub.FLOODING)
        elif self.strikes >= STRIKES_MAX:
            self.socket.close(hub.NOT_OUR_PROTOCOL)

    def _insists(self) -> bool:
        """Count one more refusal for going too fast; whether there were STRIKES_MAX within INSISTING_SECONDS."""
        count, at = self._insisted
        moment = time.monotonic()
        count = max(0.0, count - (moment - at) * STRIKES_MAX / INSISTING_SECONDS) + 1
        self._insisted = count, moment
        return count >= STRIKES_MAX or self.strikes >= STRIKES_MAX

    # Events -----------------------------------------------------------------------------------------------------------

    async def user_connect(self, data: Any, answer: Answer) -> None:
        self._require_me(data, "_id")
        user = self.user
        connected = {
            "user": user_output(user, online=self.socket.is_visible),
            "socketId": self.socket.id,
            "heartbeatInterval": HEARTBEAT_SECONDS,
            "serverTime": iso(now()),
            "epoch": await self._epoch(),
            "notifying": notifying_output(user),
        }
        self.push("OnUserConnect", connected)
        online = await self._push_online_users()
        await self._push_unread()
        answer.done(online)

    async def online_users(self, data: Any, answer: Answer) -> None:
        answer.done(await self._push_online_users())

    async def _push_online_users(self) -> orjson.Fragment:
        payload = orjson.Fragment(await sockets.online_list(self.socket.user_id))
        self.push("OnlineUsersList", payload)
        return payload

    async def heartbeat(self, data: Any, answer: Answer) -> None:
        heads, self._heads = await sockets.moved(self.socket.user_id, self._heads)
        budget.charge(self.socket.user_id, costs.of_answer(self._heads))  # all were read, to see which moved
        payload = {"serverTime": iso(now()), "heads": heads, "epoch": await self._epoch()}
        self.push("SocketHeartBeat", payload)
        answer.done(payload)

    async def send_private(self, data: Any, answer: Answer) -> None:
        await self._send(self._read(inputs.SocketPrivateInput, data), answer, is_group=False)

    async def send_group(self, data: Any, answer: Answer) -> None:
        self._require_me(data, "senderId")
        await self._send(self._read(inputs.GroupMessageInput, data), answer, is_group=True)

    async def _send(self, form: inputs.MessageInput, answer: Answer, *, is_group: bool) -> None:
        # A sender who asks for an ack gets the message by it; one who does not hears it as everyone does.
        skip = self.socket.id if answer.is_wanted else ""
        message = services.outgoing(form, sender=self.user, is_group=is_group, socket_id=skip)
        async with self._submitting(answer) as done:
            await services.submit_message(message, done)

    @asynccontextmanager
    async def _submitting(self, answer: Answer) -> AsyncIterator[Callable[[services.StoredMessage | Exception], None]]:
        """What a writer calls with the outcome; until then one more is under way."""
        await self._under_way.acquire()
        try:
            yield lambda outcome: hub.soon(partial(self._sent, answer, outcome))
        except BaseException:
            self._under_way.release()
            raise

    def _sent(self, answer: Answer, outcome: services.StoredMessage | Exception) -> None:
        match outcome:
            case services.StoredMessage():
                answer.stored(outcome.json)
            case ChatError():
                answer.error(outcome)
            case _:  # the writer has logged it
                answer.error(errors.ChatError(_("Something went wrong on our side."), code="internal"))
        self._under_way.release()  # last: `close` waits for it, and closes what was answered

    async def join_group(self, data: Any, answer: Answer) -> None:
        await self._in_group(groups.join, self._read(group_inputs.JoinInput, data), answer)

    async def leave_group_for_a_while(self, data: Any, answer: Answer) -> None:
        await self._in_group(groups.leave_for_a_while, self._read(group_inputs.GroupInput, data), answer)

    async def ask_to_join(self, data: Any, answer: Answer) -> None:
        form = self._read(group_inputs.AskInput, data)
        asked = await in_thread(asking.ask, by=self.user, **form.given())
        answer.done(group_inputs.request_output(asked, state="asked", online=True))

    async def withdraw_request(self, data: Any, answer: Answer) -> None:
        await self._in_group(asking.withdraw, self._read(group_inputs.GroupInput, data), answer)

    async def accept_request(self, data: Any, answer: Answer) -> None:
        await self._in_group(asking.accept, self._read(group_inputs.MemberInput, data), answer)

    async def refuse_request(self, data: Any, answer: Answer) -> None:
        await self._in_group(asking.refuse, self._read(group_inputs.MemberInput, data), answer)

    async def add_many(self, data: Any, answer: Answer) -> None:
        await self._to_many(groups.add_many, data, answer)

    async def remove_many(self, data: Any, answer: Answer) -> None:
        await self._to_many(groups.remove_many, data, answer)

    async def _to_many(self, verb: Callable[..., groups.Many], data: Any, answer: Answer) -> None:
        form = self._read(group_inputs.ManyInput, data)
        budget.spend(self.socket.user_id, len(form.user_ids))
        membership, done, refused = await in_thread(verb, by=self.user, **form.given())
        answer.done(group_inputs.many_output(membership.room, done, refused))

    async def update_group(self, data: Any, answer: Answer) -> None:
        await self._in_group(groups.update, self._read(group_inputs.UpdateInput, data), answer)

    async def close_announcement(self, data: Any, answer: Answer) -> None:
        await self._for_me(groups.close_announcement, self._read(group_inputs.CloseAnnouncementInput, data), answer)

    async def mute_chat(self, data: Any, answer: Answer) -> None:
        await self._for_me(groups.mute, self._read(group_inputs.ChatMuteInput, data), answer)

    async def set_chat_level(self, data: Any, answer: Answer) -> None:
        await self._for_me(groups.set_level, self._read(group_inputs.ChatLevelInput, data), answer)

    async def pin_chat(self, data: Any, answer: Answer) -> None:
        await self._for_me(groups.pin, self._read(group_inputs.ChatPinInput, data), answer)

    async def archive_chat(self, data: Any, answer: Answer) -> None:
        await self._for_me(groups.archive, self._read(group_inputs.ChatArchiveInput, data), answer)

    async def _for_me(self, verb: Callable[..., Membership], form: Input, answer: Answer) -> None:
        """A setting of a chat that only its member sees."""
        answer.done(group_inputs.chat_settings_output(await in_thread(verb, by=self.user, **form.given())))

    async def set_status(self, data: Any, answer: Answer) -> None:
        given = self._read(StatusInput, data).given()
        await self._say_of_me(lambda user: accounts.set_status(user=user, **given), answer)

    async def clear_status(self, data: Any, answer: Answer) -> None:
        await self._say_of_me(lambda user: accounts.clear_status(user=user), answer)

    async def _say_of_me(self, verb: Callable[[User], User], answer: Answer) -> None:
        user = await in_thread(lambda: verb(self._fresh_user()))
        answer.done(me_output(user, online=self.socket.is_visible))

    async def set_preferences(self, data: Any, answer: Answer) -> None:
        form = self._read(PreferencesInput, data)
        answer.done(await in_thread(lambda: notifications.change_preferences(by=self._fresh_user(), form=form)))

    def _fresh_user(self) -> User:
        """The user for a service that changes them: what is not stored in the end must not stay in this socket's."""
        return people.get(self.socket.user_id)

    async def leave_group(self, data: Any, answer: Answer) -> None:
        await self._in_group(groups.leave, self._read(group_inputs.GroupInput, data), answer)

    async def transfer_group(self, data: Any, answer: Answer) -> None:
        await self._in_group(groups.transfer, self._read(group_inputs.MemberInput, data), answer)

    async def accept_group(self, data: Any, answer: Answer) -> None:
        await self._in_group(groups.accept_transfer, self._read(group_inputs.GroupInput, data), answer)

    async def decline_group(self, data: Any, answer: Answer) -> None:
        await self._in_group(groups.decline_transfer, self._read(group_inputs.GroupInput, data), answer)

    async def _in_group(self, verb: Callable[..., object], form: group_inputs.GroupInput, answer: Answer) -> None:
        await in_thread(verb, by=self.user, **form.given())
        answer.done({"groupId": str(form.group_id)})

    async def unread(self, data: Any, answer: Answer) -> None:
        answer.done(await self._push_unread())

    async def _push_unread(self) -> dict[str, Any]:
        payload = await sockets.unread(self.socket.user_id)
        self.push("OnUnreadCount", payload)
        return payload

    async def mark_private_read(self, data: Any, answer: Answer) -> None:
        await self._mark_read(self._read(inputs.ReadPrivateInput, data), answer, is_group=False)

    async def mark_group_read(self, data: Any, answer: Answer) -> None:
        await self._mark_read(self._read(inputs.ReadGroupInput, data), answer, is_group=True)

    async def _mark_read(self, form: inputs.ReadInput, answer: Answer, *, is_group: bool) -> None:
        chat_ids = form.chat_ids
        budget.spend(self.socket.user_id, costs.of_many(len(chat_ids)))
        read = await in_thread(
            services.mark_read,
            by=self.user,
            is_group=is_group,
            socket_id=self.socket.id,
            chat_ids=chat_ids,
            upto=form.upto,
        )
        answer.done(outputs.read_output(read, chat_ids))

    async def mark_unread(self, data: Any, answer: Answer) -> None:
        form = self._read(inputs.MarkUnreadInput, data)
        marked = await in_thread(services.mark_unread, by=self.user, socket_id=self.socket.id, **form.given())
        answer.done(marked)

    async def history(self, data: Any, answer: Answer) -> None:
        chat = {key: data.get(key) for key in ("chatId", "isGroup")} if isinstance(data, dict) else {}
        try:
            form = self._read(inputs.HistoryInput, data)
            page = await services.load_history(self.user, chat_id=form.chat_id, is_group=form.is_group, **form.cursor())
        except ChatError as error:
            answer.error(error, "MessageHistoryError", **chat)
            return
        payload = {**chat, "messages": orjson.Fragment(page.json)}
        self.push("MessageHistory", payload)
        answer.done(payload)

    async def search(self, data: Any, answer: Answer) -> None:
        form = self._read(inputs.SearchInput, data)

        def search() -> dict[str, Any]:
            keep_connection()
            return outputs.searched_output(self.user.pk, services.search(by=self.user, **form.given()))

        found = orjson.dumps(await on_thread(_searches, search), default=str)
        budget.charge(self.socket.user_id, costs.of_answer(found))
        answer.done_with(found)

    async def shelf(self, data: Any, answer: Answer) -> None:
        form = self._read(inputs.ShelfInput, data)

        def shelf() -> dict[str, Any]:
            found = services.shelf(by=self.user, **form.given())
            return {"messages": outputs.found_output(self.user.pk, found.messages), "next": found.next}

        found = orjson.dumps(await in_thread(shelf), default=str)
        budget.charge(self.socket.user_id, costs.of_answer(found))
        answer.done_with(found)

    async def sync(self, data: Any, answer: Answer) -> None:
        form = self._read(inputs.SyncInput, data)
        epoch = await self._epoch()

        def sync() -> bytes:
            changes = selectors.changes(self.user, form.versions(), form.hidden_counts())
            return orjson.dumps(outputs.sync_output(self.user.pk, changes, epoch=epoch))

        payload = orjson.Fragment(await in_thread(sync))
        self.push("OnSync", payload)
        answer.done(payload)

    async def draft(self, data: Any, answer: Answer) -> None:
        form = self._read(inputs.DraftInput, data)
        saved = await in_thread(partial(services.save_draft, by=self.user, socket_id=self.socket.id, **form.given()))
        answer.done(saved)

    async def typing(self, data: Any, answer: Answer) -> None:
        form = self._read(inputs.TypingInput, data)
        await services.tell_typing(by=self.user, socket=self.socket, **form.given())
        answer.done()

    async def recall(self, data: Any, answer: Answer) -> None:
        form = self._read(inputs.MessageIdInput, data)
        answer.done(await in_thread(services.recall, by=self.user, **form.given()))

    async def edit(self, data: Any, answer: Answer) -> None:
        form = self._read(inputs.EditInput, data)
        answer.done(await in_thread(services.edit, by=self.user, **form.given()))

    async def hide(self, data: Any, answer: Answer) -> None:
        form = self._read(inputs.HideInput, data)
        answer.done(await in_thread(services.hide, by=self.user, **form.given()))

    async def forward(self, data: Any, answer: Answer) -> None:
        form = self._read(inputs.ForwardInput, data)
        answer.done(await in_thread(partial(services.forward, by=self.user, **form.asked())))

    async def react(self, data: Any, answer: Answer) -> None:
        reaction = services.reacting(by=self.user, **self._read(inputs.ReactInput, data).given())
        async with self._submitting(answer) as done:
            services.submit_reaction(reaction, done)

    async def pin(self, data: Any, answer: Answer) -> None:
        form = self._read(inputs.PinInput, data)
        answer.done(await in_thread(services.pin, by=self.user, **form.given()))

    async def watch_presence(self, data: Any, answer: Answer) -> None:
        """Watch these people, instead of the ones before."""
        user_ids = self._read(inputs.WatchInput, data).user_ids
        budget.spend(self.socket.user_id, costs.of_many(len(user_ids)))
        if sees_only_contacts(self.user):
            user_ids = await in_thread(sockets.watchable, self.user, user_ids)
        watched = {hub.status_topic(user_id) for user_id in user_ids}
        before = {topic for topic in self.socket.topics if topic.startswith(hub.status_topic(""))}
        hub.leave(self.socket, before - watched)
        await hub.join(self.socket, watched - before)
        for payload in await in_thread(sockets.statuses, user_ids):
            self.push("OnUserStatus", payload)
        answer.done()

    def _read(self, shape: type[AnyInput], data: Any) -> AnyInput:
        return shape.read(data, language=self.language)

    async def _epoch(self) -> str:
        return services.known_epoch() or await in_thread(services.current_epoch)

    def push(self, event: str, payload: Any) -> None:
        frame = hub.encode(event, payload)
        budget.charge(self.socket.user_id, costs.of_answer(frame))
        self.socket.push(frame)

    def _require_me(self, data: Any, field: str) -> None:
        if isinstance(data, dict) and data.get(field) not in (None, "", str(self.socket.user_id)):
            raise errors.NotYou()


def _text_of(message: Any) -> str:
    """A frame as a text, whatever it is."""
    text: str | None = message.get("text")
    return (message.get("bytes") or b"").decode(errors="replace") if text is None else text


ChatConsumer.handlers = {
    "EmitUserConnect": ChatConsumer.user_connect,
    "GetEmitOnlineUsers": ChatConsumer.online_users,
    "SocketHeartBeat": ChatConsumer.heartbeat,
    "EmitPrivate": ChatConsumer.send_private,
    "EmitGroupMsg": ChatConsumer.send_group,
    # The original's document also writes them so.
    "SocketEmitPrivate": ChatConsumer.send_private,
    "SocketEmitGroupMsg": ChatConsumer.send_group,
    "EmitGroupJoin": ChatConsumer.join_group,
    "EmitTempLeaveGroup": ChatConsumer.leave_group_for_a_while,
    "EmitGroupLeave": ChatConsumer.leave_group,
    "EmitGroupRequest": ChatConsumer.ask_to_join,
    "EmitGroupRequestWithdraw": ChatConsumer.withdraw_request,
    "EmitGroupRequestAccept": ChatConsumer.accept_request,
    "EmitGroupRequestRefuse": ChatConsumer.refuse_request,
    "EmitGroupAdd": ChatConsumer.add_many,
    "EmitGroupRemove": ChatConsumer.remove_many,
    "EmitGroupUpdate": ChatConsumer.update_group,
    "EmitCloseAnnouncement": ChatConsumer.close_announcement,
    "EmitChatMute": ChatConsumer.mute_chat,
    "EmitChatLevel": ChatConsumer.set_chat_level,
    "EmitChatPin": ChatConsumer.pin_chat,
    "EmitChatArchive": ChatConsumer.archive_chat,
    "EmitPreferences": ChatConsumer.set_preferences,
    "EmitStatus": ChatConsumer.set_status,
    "EmitStatusEnd": ChatConsumer.clear_status,
    "EmitGroupTransfer": ChatConsumer.transfer_group,
    "EmitGroupTransferAccept": ChatConsumer.accept_group,
    "EmitGroupTransferDecline": ChatConsumer.decline_group,
    "EmitGetUnreadCount": ChatConsumer.unread,
    "EmitMarkPrivateRead": ChatConsumer.mark_private_read,
    "EmitMarkGroupRead": ChatConsumer.mark_group_read,
    "EmitMarkUnread": ChatConsumer.mark_unread,
    "GetMessageHistory": ChatConsumer.history,
    "EmitSearch": ChatConsumer.search,
    "EmitShelf": ChatConsumer.shelf,
    "EmitSync": ChatConsumer.sync,
    "EmitTyping": ChatConsumer.typing,
    "EmitDraft": ChatConsumer.draft,
    "EmitRecall": ChatConsumer.recall,
    "EmitEdit": ChatConsumer.edit,
    "EmitHide": ChatConsumer.hide,
    "EmitForward": ChatConsumer.forward,
    "EmitReact": ChatConsumer.react,
    "EmitPin": ChatConsumer.pin,
    "EmitWatchPresence": ChatConsumer.watch_presence,
}

_FREE = (
    "EmitPrivate",
    "EmitGroupMsg",
    "SocketEmitPrivate",
    "SocketEmitGroupMsg",
)  # RATE_MESSAGES limits them, where they are stored
ChatConsumer.costs = {
    **dict.fromkeys(_FREE, costs.FREE),
    "EmitUserConnect": costs.READ,
    "GetEmitOnlineUsers": costs.READ,
    "SocketHeartBeat": costs.LIGHT,
    "EmitGroupJoin": costs.HEAVY,
    "EmitTempLeaveGroup": costs.CHANGE,
    "EmitGroupLeave": costs.HEAVY,
    "EmitGroupRequest": costs.HEAVY,
    "EmitGroupRequestWithdraw": costs.HEAVY,
    "EmitGroupRequestAccept": costs.HEAVY,
    "EmitGroupRequestRefuse": costs.HEAVY,
    "EmitGroupAdd": costs.HEAVY,
    "EmitGroupRemove": costs.HEAVY,
    "EmitGroupUpdate": costs.HEAVY,
    "EmitCloseAnnouncement": costs.CHANGE,
    "EmitChatMute": costs.CHANGE,
    "EmitChatLevel": costs.CHANGE,
    "EmitChatPin": costs.CHANGE,
    "EmitChatArchive": costs.CHANGE,
    "EmitPreferences": costs.CHANGE,
    "EmitStatus": costs.CHANGE,
    "EmitStatusEnd": costs.CHANGE,
    "EmitGroupTransfer": costs.HEAVY,
    "EmitGroupTransferAccept": costs.HEAVY,
    "EmitGroupTransferDecline": costs.HEAVY,
    "EmitGetUnreadCount": costs.READ,
    "EmitMarkPrivateRead": costs.READ,
    "EmitMarkGroupRead": costs.READ,
    "EmitMarkUnread": costs.HEAVY,
    "GetMessageHistory": costs.READ,
    "EmitSearch": costs.HEAVY,
    "EmitShelf": costs.READ,
    "EmitSync": costs.READ,
    "EmitTyping": costs.LIGHT,
    "EmitDraft": costs.CHANGE,
    "EmitRecall": costs.CHANGE,
    "EmitEdit": costs.CHANGE,
    "EmitHide": costs.CHANGE,
    "EmitForward": costs.READ,
    "EmitReact": costs.CHANGE,
    "EmitPin": costs.HEAVY,
    "EmitWatchPresence": costs.READ,
}
