"""Another process locks the database: a backup that hangs, an operator's open transaction."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from tests import databases
from tests.faults.phones import Phone, Refused
from tests.faults.talk import Talk, assert_complete, assert_stored_once, groups_of
from tests.faults.world import World, begun_together

#: Seconds of the lock. A longer one repeats the same: writers get `busy` within TOLD, and try
#: again.
HELD = 12
#: Messages that one phone sends when its net is back: more than the refusals that close a socket.
KEPT = 120
#: Seconds for a writer's `busy` and for a reader's answer, which may wait behind the first writers.
TOLD = 5
#: Seconds more on a busy machine.
SLACK = 3


class Tries:
    """An action that is repeated while the database is locked."""

    def __init__(self, what: Callable[[], Awaitable[object]]) -> None:
        self.slowest = 0.0
        self.codes: list[str] = []
        self._what = what

    async def go_on(self, until: float) -> None:
        while (began := time.monotonic()) < until:
            try:
                await self._what()
            except Refused as refused:
                self.codes.append(refused.code)
            else:
                self.codes.append("done")
            self.slowest = max(self.slowest, time.monotonic() - began)
            await asyncio.sleep(0.5)


def writing(phone: Phone, group: str) -> list[Tries]:
    """Writes by HTTP and socket: a message, a read cursor, a group."""

    async def post(path: str, body: object) -> None:
        phone.took(await phone.http.post(path, json=body))

    def say(by_http: bool) -> Awaitable[object]:
        text = words(phone, by_http)
        return phone.say_once(text, group, text, is_group=True, by_http=by_http)

    return [
        Tries(lambda: say(by_http=False)),
        Tries(lambda: say(by_http=True)),
        Tries(lambda: phone.call("EmitMarkGroupRead", {"groupId": group})),
        Tries(lambda: post("/group/markGroupRead", {"groupId": group})),
        Tries(lambda: post("/group/create", {"name": "another", "memberIds": []})),
    ]


def words(phone: Phone, by_http: bool) -> str:
    return f"{phone.person.name} by {'HTTP' if by_http else 'socket'}"


def reading(phone: Phone, group: str) -> list[Tries]:
    """Reads by HTTP and socket."""
    return [
        Tries(phone.beat),
        Tries(phone.sync),
        Tries(lambda: phone.call("EmitGetUnreadCount")),
        Tries(lambda: phone.history(group, is_group=True)),
    ]


@begun_together
async def test_while_the_database_is_held_writers_are_told_and_readers_read_and_all_is_stored_once(
    world: World,
) -> None:
    if databases.is_postgresql():
        pytest.skip("there every writer waits for a lock of its own, and others for its thread: more than TOLD in all")
    server = await world.serve()
    everyone = world.people(server, *(f"person {letter}" for letter in "abcdef"))
    groups = groups_of(everyone)
    group = next(iter(groups))
    phones = await world.phones(everyone, server)
    talk = Talk(phones, groups, at_once=3, pause=0.1)
    await talk.more(50)
    # More sockets wait to write than a process has threads for sockets.
    writers = [one for phone in phones for one in writing(phone, group)]
    readers = reading(phones[0], group)
    texts = [f"kept {number}" for number in range(KEPT)]
    with server.locked():
        kept = asyncio.gather(*(phones[1].say(one, group, one, is_group=True, by_http=False) for one in texts))
        end = time.monotonic() + HELD
        await asyncio.gather(*(one.go_on(end) for one in writers + readers))
    await talk.more(50)
    await talk.end()
    await kept
    for phone in phones:
        for by_http in (False, True):
            texts.append(words(phone, by_http))
            await phone.say(texts[-1], group, texts[-1], is_group=True, by_http=by_http)

    for one in writers:
        assert set(one.codes[:-1]) == {"busy"}
        assert one.slowest < TOLD + SLACK
    for one in readers:
        assert set(one.codes) == {"done"}
        assert one.slowest < TOLD + SLACK
    for phone in phones:
        assert max(phone.told_busy) < TOLD + SLACK
        assert phone.ends == [], "its socket was closed"
    assert_stored_once(server, talk)
    stored = Counter(text for room in server.rows().values() for *_, text in room)
    assert [stored[text] for text in texts] == [1] * len(texts)
    for phone in phones:
        await phone.sync()
    assert_complete(server, *phones)
