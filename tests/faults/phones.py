"""Clients that keep their side of the contract.

They send a message again, with the same clientId, until it is acknowledged. They keep received
messages by chat and seq. After a gap they sync, and read the history where the sync says so.
"""

import asyncio
import itertools
import json
import random
import time
from contextlib import suppress
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.people import Person

#: Seconds at most between two attempts to reach an absent server.
RETRY = 0.05
#: Seconds between two attempts at a server that answered `busy`.
RETRY_BUSY = 1.0
#: Seconds for an answer, and for the start of a server, on a busy machine.
TIMEOUT_SECONDS = 20.0
START = 240.0
#: Events that carry a message.
MESSAGES = {"OnPrivate", "OnGroupMsg", "OnEdit", "OnRecall", "OnReaction"}

Message = dict[str, Any]


class Gone(Exception):
    """The connection ended before the answer arrived."""


class Refused(Exception):
    """The server refused; `code` says why."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error)
        self.code: str = error["code"]
        self.error = error


class Phone:
    """One device of a person, which reconnects while it is on, within `retry` seconds after each
    try.
    """

    def __init__(self, person: Person, address: str, *, retry: float = RETRY) -> None:
        self.person = person
        self.address = address
        self._retry = retry
        self.chats: dict[str, dict[int, Message]] = {}
        self.versions: dict[str, int] = {}
        self.acked: dict[str, Message] = {}
        #: The close codes of its connections, None for a connection without one.
        self.ends: list[int | None] = []
        #: Seconds from each request to its answer `busy`.
        self.told_busy: list[float] = []
        self.heard: list[dict[str, Any]] = []
        self.is_live = asyncio.Event()
        self._something_heard = asyncio.Condition()
        self._address = f"ws://{urlsplit(address).netloc}/ws/chat/"
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._socket: ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Phone":
        return await self.switch_on()

    async def __aexit__(self, *_: object) -> None:
        await self.switch_off()
        if "http" in self.__dict__:
            await self.http.aclose()

    @cached_property
    def http(self) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.person.token}"}
        return httpx.AsyncClient(base_url=self.address, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False)

    @property
    def port(self) -> int:
        """The local port of its connection."""
        assert self._socket is not None
        return int(self._socket.local_address[1])

    async def switch_on(self) -> "Phone":
        """Wait until it is connected and has synced."""
        self._task = asyncio.create_task(self._keep_connected())
        await asyncio.wait_for(self.is_live.wait(), START)
        return self

    async def switch_off(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def lose_the_net(self) -> None:
        """Abort its connection without a close frame; the phone reconnects."""
        assert self._socket is not None
        self.is_live.clear()
        self._socket.transport.abort()

    # The connection ---------------------------------------------------------------------------------------------------

    async def _keep_connected(self) -> None:
        while True:
            with suppress(OSError, WebSocketException, Gone, TimeoutError):
                await self._connect()
            await asyncio.sleep(random.uniform(0, self._retry))

    async def _connect(self) -> None:
        async with connect(
            self._address,
            additional_headers={"Authorization": f"Bearer {self.person.token}"},
            compression=None,
            proxy=None,
            ping_interval=None,
            max_queue=None,
        ) as socket:
            self._socket = socket
            reading = asyncio.create_task(self._read(socket))
            try:
                await self.sync()
                self.is_live.set()
                await reading
            finally:
                self.is_live.clear()
                reading.cancel()
                for answer in self._answers.values():
                    if not answer.done():
                        answer.set_exception(Gone())
                        answer.exception()  # retrieved, because the caller may be gone
                self._answers.clear()

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                await self._hear(json.loads(text))
        except ConnectionClosed:
            pass
        self.ends.append(socket.close_code if socket.protocol.close_rcvd else None)
        raise Gone

    async def _hear(self, frame: dict[str, Any]) -> None:
        if "ack" in frame:
            answer = self._answers.pop(frame["ack"], None)
            if answer is not None and not answer.done():
                answer.set_result(frame)
            return
        if frame["event"] in MESSAGES:
            self.keep(frame["data"])
        self.heard.append(frame)
        async with self._something_heard:
            self._something_heard.notify_all()

    async def call(self, event: str, data: Any = None) -> Any:
        """The acknowledgement's data. Raises Gone, Refused."""
        if self._socket is None:
            raise Gone
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send(json.dumps({"event": event, "data": data or {}, "ack": number}))
        except ConnectionClosed as closed:
            raise Gone from closed
        frame = await asyncio.wait_for(answer, TIMEOUT_SECONDS)
        if frame["event"] != "ack":
            raise Refused(frame["data"])
        return frame["data"]

    async def hears(self, event: str, *, within: float = TIMEOUT_SECONDS, **having: Any) -> dict[str, Any]:
        """The data of the next `event` with these values, after the last one that was read."""
        return dict((await self.hears_until(event, within=within, **having))[-1]["data"])

    async def hears_until(self, event: str, *, within: float = TIMEOUT_SECONDS, **having: Any) -> list[dict[str, Any]]:
        """Like `hears`, but all frames up to and including that event's."""

        def found() -> list[dict[str, Any]]:
            for place, frame in enumerate(self.heard, 1):
                data = frame["data"]
                if frame["event"] == event and all(data.get(key) == value for key, value in having.items()):
                    frames, self.heard[:place] = self.heard[:place], []
                    return frames
            return []

        async with self._something_heard:
            try:
                async with asyncio.timeout(within):
                    while not (frames := found()):
                        await self._something_heard.wait()
            except TimeoutError:
                ends = f"; its connections ended with {self.ends}" if self.ends else ""
                raise AssertionError(f"{self.person} heard no {event} {having} within {within} seconds{ends}") from None
            return frames

    # Messages ---------------------------------------------------------------------------------------------------------

    async def say(self, client_id: str, to: str, text: str, *, is_group: bool, by_http: bool) -> Message:
        """Send a message until it is acknowledged."""
        while True:
            began = time.monotonic()
            try:
                message = await self.say_once(client_id, to, text, is_group=is_group, by_http=by_http)
            except (Gone, httpx.TransportError):
                await asyncio.sleep(RETRY)
                continue
            except Refused as refused:
                if refused.code not in ("busy", "too_slow"):
                    raise
                self.told_busy.append(time.monotonic() - began)
                await asyncio.sleep(RETRY_BUSY)
                continue
            return message

    async def say_once(self, client_id: str, to: str, text: str, *, is_group: bool, by_http: bool) -> Message:
        """Send a message once. Raises Gone, Refused, or a transport's error."""
        message = await (self._post if by_http else self._emit)(client_id, to, text, is_group)
        self.acked[client_id] = message
        self.keep(message)
        return message

    async def _emit(self, client_id: str, to: str, text: str, is_group: bool) -> Message:
        await asyncio.wait_for(self.is_live.wait(), START)
        event, key = ("EmitGroupMsg", "groupId") if is_group else ("EmitPrivate", "toUid")
        message: Message = await self.call(event, {key: to, "content": text, "clientId": client_id})
        return message

    async def _post(self, client_id: str, to: str, text: str, is_group: bool) -> Message:
        path, key = ("/group/send", "groupId") if is_group else ("/private/send", "receiverId")
        answer = await self.http.post(path, json={key: to, "content": text, "clientId": client_id})
        message: Message = self.took(answer)
        return message

    @staticmethod
    def took(answer: httpx.Response) -> Any:
        """The data of an answer. Raises Refused, or a transport's error where a proxy answers that it reached nobody."""
        if answer.status_code in (502, 504):
            raise httpx.RemoteProtocolError(f"the proxy answers {answer.status_code}")
        if not answer.is_success:
            raise Refused(answer.json())
        return answer.json()

    def chat_of(self, message: Message) -> str:
        """The id by which this phone knows a message's chat."""
        if message["groupId"]:
            return str(message["groupId"])
        return str(message["receiverId"] if message["senderId"] == self.person.id else message["senderId"])

    def keep(self, message: Message) -> None:
        chat = self.chat_of(message)
        known = self.chats.setdefault(chat, {}).setdefault(message["seq"], message)
        assert known["id"] == message["id"], f"two messages are number {message['seq']} of {chat}"
        if message["version"] == self.versions.get(chat, 0) + 1:  # otherwise there is a gap, which the next sync fills
            self.versions[chat] = message["version"]

    async def sync(self) -> None:
        """Sync everything that changed since the last time."""
        for chat in (await self.call("EmitSync", {"cursors": self.versions}))["chats"]:
            self.chats.setdefault(chat["id"], {})
            if chat["limited"]:
                chat["messages"] = await self.history(chat["id"], is_group=chat["type"] == "group")
            for message in chat["messages"]:
                self.keep(message)
            self.versions[chat["id"]] = max(chat["version"], self.versions.get(chat["id"], 0))

    async def catch_up(self) -> None:
        """Sync as soon as it is connected again."""
        await asyncio.wait_for(self.is_live.wait(), START)
        await self.sync()

    async def beat(self) -> dict[str, int]:
        """Send a heartbeat; return the chats with changes that this phone has missed."""
        heads = (await self.call("SocketHeartBeat"))["heads"]
        return {chat: version for chat, version in heads.items() if version > self.versions.get(chat, 0)}

    async def history(self, chat: str, *, is_group: bool) -> list[Message]:
        """Read a whole chat by HTTP, page by page from its end."""
        path, query = ("/group/messages", {"groupId": chat}) if is_group else ("/private/messages", {"senderId": chat})
        address: str | None = f"{path}?{httpx.QueryParams({**query, 'limit': 200})}"
        messages: list[Message] = []
        while address:
            answer = (await self.http.get(address)).raise_for_status()
            messages = answer.json() + messages
            address = answer.links.get("next", {}).get("url")
        return messages
