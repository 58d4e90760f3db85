"""A lively conversation, and assertions that must hold whatever was broken meanwhile."""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterable
from typing import Any

from tests.faults.phones import Message, Phone
from tests.faults.server import Row, Server
from tests.people import TIMEOUT_SECONDS, Person

SAID = "number "


def groups_of(everyone: list[Person]) -> dict[str, list[Person]]:
    """Create a group of all phones and one of every second; return the members by group id."""
    groups = {}
    for name, members in (("all", everyone), ("half", everyone[::2])):
        body = {"name": name, "memberIds": [one.id for one in members[1:]]}
        groups[members[0].post("/group/create", body, status=201)["id"]] = members
    return groups


class Talk:
    """Each phone writes to its groups and to two neighbours in turn, every third time by HTTP.

    `sends` counts the messages of all phones together; without it they talk until they are stopped.
    Phones send each message until it is acknowledged, so a talk that ends has lost none.
    """

    def __init__(
        self,
        phones: list[Phone],
        groups: dict[str, list[Person]],
        *,
        sends: int | None = None,
        at_once: int = 8,
        pause: float = 0,
    ) -> None:
        self.acked: dict[str, Message] = {}
        self.slowest = 0.0
        self._pause = pause
        self._is_endless, self._is_stopped = sends is None, False
        self._moments: dict[int, asyncio.Event] = {}
        works = []
        for place, phone in enumerate(phones):
            me = phone.person
            mine = [(group, True) for group, members in groups.items() if me in members]
            beside = [(phones[place - 1].person.id, False), (phones[(place + 1) % len(phones)].person.id, False)]
            numbers = iter(range(sends // len(phones))) if sends else itertools.count()
            works += [self._go_on(phone, [*mine, *beside], numbers) for _ in range(at_once)]
        self._work = asyncio.gather(*works)

    async def _go_on(self, phone: Phone, chats: list[tuple[str, bool]], numbers: Iterable[int]) -> None:
        for number in numbers:
            to, is_group = chats[number % len(chats)]
            client_id = f"{phone.person.name} {number}"
            began = time.monotonic()
            message = await phone.say(client_id, to, f"{SAID}{number}", is_group=is_group, by_http=number % 3 == 0)
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.acked[message["id"]] = message
            if len(self.acked) in self._moments:
                self._moments[len(self.acked)].set()
            if self._is_stopped:
                return
            await asyncio.sleep(self._pause)

    async def more(self, count: int) -> None:
        """Wait until so many more messages were acknowledged, or all."""
        moment: asyncio.Future[Any] = asyncio.ensure_future(
            self._moments.setdefault(len(self.acked) + count, asyncio.Event()).wait()
        )
        await asyncio.wait([moment, self._work], return_when=asyncio.FIRST_COMPLETED)
        moment.cancel()
        if self._work.done():
            self._work.result()

    async def end(self) -> None:
        """Wait until all messages are sent; without `sends`, stop."""
        self._is_stopped = self._is_endless
        await self._work


async def until(is_so: Callable[[], Any], what: str, *, within: float = TIMEOUT_SECONDS) -> float:
    """Wait until a claim is true; return the seconds it took. `within` says something only where it is short."""
    began = time.monotonic()
    while not await asyncio.to_thread(is_so):
        assert time.monotonic() - began < within, f"{what}: not within {within} seconds"
        await asyncio.sleep(0.05)
    return time.monotonic() - began


def told(messages: Iterable[dict[str, Any]]) -> list[Row]:
    return [(one["seq"], one["id"], one["clientId"], one["content"]) for one in messages]


def assert_stored_once(server: Server, talk: Talk) -> None:
    """Acknowledged messages are stored as acknowledged, none twice, and no seq is missing."""
    rooms = server.rows()
    for room in rooms.values():
        assert [seq for seq, *_ in room] == list(range(1, len(room) + 1))
    rows = [row for room in rooms.values() for row in room if row[3].startswith(SAID)]
    assert sorted(rows) == sorted(told(talk.acked.values()))


def assert_complete(server: Server, *phones: Phone) -> None:
    """Each phone has exactly the database's messages."""
    rooms = {room[0][1]: room for room in server.rows().values()}
    for phone in phones:
        for kept in phone.chats.values():
            messages = told(kept[seq] for seq in sorted(kept))
            assert messages == rooms[messages[0][1]]


async def assert_histories_agree(phone: Phone) -> None:
    """A phone has exactly the messages of the histories."""
    for chat, kept in phone.chats.items():
        history = await phone.history(chat, is_group=next(iter(kept.values()))["groupId"] is not None)
        assert told(history) == told(kept[seq] for seq in sorted(kept))
