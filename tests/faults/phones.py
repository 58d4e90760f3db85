"""Clients that keep their side of the contract: what they want to say is said again until it is acked, under the same
clientId; what they hear is kept by chat and number; what they missed is synced, and read from the history where that is told.
"""

import asyncio
import itertools
import json
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.people import Person

#: Seconds between two attempts to reach a server that is not there.
RETRY = 0.05
#: Seconds for an answer, and for a server that starts on a busy machine.
PATIENCE = 20.0
START = 60.0
#: Pushes that carry a message.
MESSAGES = {"OnPrivate", "OnGroupMsg", "OnEdit", "OnRecall"}

Message = dict[str, Any]


class Gone(Exception):
    """The connection ended before the answer came."""


class Refused(Exception):
    """The server said no."""


class Phone:
    """One device of a person; it reconnects by itself for as long as it is on."""

    def __init__(self, person: Person, address: str) -> None:
        self.person = person
        self.http = httpx.AsyncClient(
            base_url=address, headers={"Authorization": f"Bearer {person.token}"}, timeout=PATIENCE, trust_env=False
        )
        self.chats: dict[str, dict[int, Message]] = {}
        self.versions: dict[str, int] = {}
        self.acked: dict[str, Message] = {}
        #: How its connections ended: the server's close codes, None where there was none.
        self.ends: list[int | None] = []
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
        await self.http.aclose()

    async def switch_on(self) -> "Phone":
        """Returns when it is connected and has synced."""
        self._task = asyncio.create_task(self._keep_connected())
        await asyncio.wait_for(self.is_live.wait(), START)
        return self

    async def switch_off(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    # The connection ---------------------------------------------------------------------------------------------------

    async def _keep_connected(self) -> None:
        while True:
            with suppress(OSError, WebSocketException, Gone, TimeoutError):
                await self._connect()
            await asyncio.sleep(RETRY)

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
                        answer.exception()  # perhaps nobody waits any more
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
        """What the ack says. Raises Gone, and Refused."""
        if self._socket is None:
            raise Gone
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send(json.dumps({"event": event, "data": data or {}, "ack": number}))
        except ConnectionClosed as closed:
            raise Gone from closed
        frame = await asyncio.wait_for(answer, PATIENCE)
        if frame["event"] != "ack":
            raise Refused(frame["data"])
        return frame["data"]

    async def hears(self, event: str, *, within: float = PATIENCE, **having: Any) -> dict[str, Any]:
        """The data of the first push of this kind since the last that was asked for, with these values in it."""

        def found() -> dict[str, Any] | None:
            for place, frame in enumerate(self.heard):
                data = frame["data"]
                if frame["event"] == event and all(data.get(key) == value for key, value in having.items()):
                    del self.heard[: place + 1]
                    return dict(data)
            return None

        async with self._something_heard:
            try:
                async with asyncio.timeout(within):
                    while (data := found()) is None:
                        await self._something_heard.wait()
            except TimeoutError:
                ends = f"; its connections ended with {self.ends}" if self.ends else ""
                raise AssertionError(f"{self.person} heard no {event} {having} within {within} seconds{ends}") from None
            return data

    # Messages ---------------------------------------------------------------------------------------------------------

    async def say(self, client_id: str, to: str, text: str, *, is_group: bool, by_http: bool) -> Message:
        """Say it until it is acked."""
        while True:
            try:
                message = await (self._post if by_http else self._emit)(client_id, to, text, is_group)
            except (Gone, httpx.TransportError):
                await asyncio.sleep(RETRY)
                continue
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
        if answer.status_code != 201:
            raise Refused(answer.text)
        message: Message = answer.json()
        return message

    def chat_of(self, message: Message) -> str:
        """The chat a message belongs to, by the id I know it by."""
        if message["groupId"]:
            return str(message["groupId"])
        return str(message["receiverId"] if message["senderId"] == self.person.id else message["senderId"])

    def keep(self, message: Message) -> None:
        chat = self.chat_of(message)
        known = self.chats.setdefault(chat, {}).setdefault(message["seq"], message)
        assert known["id"] == message["id"], f"two messages are number {message['seq']} of {chat}"
        if (
            message["version"] == self.versions.get(chat, 0) + 1
        ):  # else something is missing, and the next sync brings it
            self.versions[chat] = message["version"]

    async def sync(self) -> None:
        """Everything that changed since."""
        for chat in (await self.call("EmitSync", {"cursors": self.versions}))["chats"]:
            self.chats.setdefault(chat["id"], {})
            if chat["limited"]:
                chat["messages"] = await self.history(chat["id"], is_group=chat["type"] == "group")
            for message in chat["messages"]:
                self.keep(message)
            self.versions[chat["id"]] = max(chat["version"], self.versions.get(chat["id"], 0))

    async def beat(self) -> dict[str, int]:
        """A heartbeat: the chats in which something happened that this phone did not hear of."""
        heads = (await self.call("SocketHeartBeat"))["heads"]
        return {chat: version for chat, version in heads.items() if version > self.versions.get(chat, 0)}

    async def history(self, chat: str, *, is_group: bool) -> list[Message]:
        """A whole chat by HTTP, page by page from its end."""
        path, query = ("/group/messages", {"groupId": chat}) if is_group else ("/private/messages", {"senderId": chat})
        address: str | None = f"{path}?{httpx.QueryParams({**query, 'limit': 200})}"
        messages: list[Message] = []
        while address:
            answer = (await self.http.get(address)).raise_for_status()
            messages = answer.json() + messages
            address = answer.links.get("next", {}).get("url")
        return messages
