"""Two servers with wrong clocks share a database and a Redis; nothing important depends on a clock."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from presence import cache as presence
from tests.faults.phones import Phone, Refused
from tests.faults.talk import Talk, assert_complete, assert_stored_once, groups_of, until
from tests.faults.world import World, begun_together

#: Seconds by which the clocks are wrong: a little behind, far ahead.
WRONG = (-2, 61)
#: Seconds for what should happen at once, on a busy machine.
SLACK = 10
#: Messages that a user may send, within so many seconds.
LIMIT, WINDOW = 200, 3600


def clock_that_is_wrong_by(seconds: int) -> dict[str, str]:
    """The environment of a server with a wrong clock."""
    return {"PYTHONPATH": str(Path(__file__).parent / "clock"), "CLOCK_IS_WRONG_BY": str(seconds)}


async def assert_wrong_by(seconds: int, phone: Phone) -> None:
    """The server's clock differs as intended."""
    wrong, began = timedelta(seconds=seconds), datetime.now(UTC) - timedelta(milliseconds=1)
    told = datetime.fromisoformat((await phone.call("SocketHeartBeat"))["serverTime"])
    assert began < told - wrong < datetime.now(UTC) + timedelta(seconds=1)


@begun_together
async def test_servers_whose_clocks_disagree_are_one_chat_in_one_order(world: World) -> None:
    limits = {"RATE_MESSAGES": f"{LIMIT}/{WINDOW}s"}
    shared: dict[str, str] = {}
    servers = []
    for seconds in WRONG:
        servers.append(await world.serve(**clock_that_is_wrong_by(seconds), **limits, **shared))
        shared = {"DATABASE_URL": servers[0].database_url, "REDIS_URL": servers[0].redis_url}
    first, second = servers
    *everyone, gus = world.people(first, *(f"person {letter}" for letter in "abcdefg"))
    ann, _bob, cem, dan, *_ = everyone
    phones = [await world.phone(one, servers[place % len(servers)].url) for place, one in enumerate(everyone)]
    anns, bobs, _, dans, *_ = phones
    for phone, seconds in zip(phones, WRONG, strict=False):
        await assert_wrong_by(seconds, phone)

    groups = groups_of(everyone)
    talk = Talk(phones, groups, sends=300, at_once=4)
    await talk.end()
    assert_stored_once(first, talk)
    for phone in phones:
        if await phone.beat():
            await phone.sync()
    assert_complete(first, *phones)
    kept = anns.chats[next(iter(groups))]
    when = [kept[seq]["sentAt"] for seq in sorted(kept) if kept[seq]["type"] == "text"]
    assert any(earlier > later for earlier, later in pairwise(when)), "the order is not that of the clocks"

    for phone in (anns, bobs):  # each by the clock of its own server, not the sender's
        own = await phone.say("a slip", cem.id, "a slip", is_group=False, by_http=False)
        others = second if phone is anns else first
        there = await world.phone(phone.person, others.url)
        assert (await there.call("EmitRecall", {"messageId": own["id"]}))["recalledAt"]

    def seen() -> list[set[str]]:
        lists = [world.at(server, ann).get("/userChatList") for server in servers]
        return [{one["id"] for one in users if one["online"]} - {ann.id} for users in lists]

    ids = {one.id for one in everyone} - {ann.id}
    assert seen() == [ids] * len(servers), "all are seen everywhere"
    await anns.call("EmitWatchPresence", {"userIds": [dan.id]})
    await dans.switch_off()  # at the server whose clock is ahead
    await anns.hears("OnUserStatus", userId=dan.id, online=False, within=presence.GRACE + SLACK)
    await until(lambda: seen() == [ids - {dan.id}] * len(servers), "dan is gone everywhere", within=SLACK)

    guss = [await world.phone(gus, server.url) for server in servers]

    async def chatter(number: int) -> str:
        try:
            await guss[number % len(guss)].say_once(f"{number}", ann.id, "chatter", is_group=False, by_http=False)
        except Refused as refused:
            assert 0 < refused.error["retryAfter"] <= WINDOW / LIMIT
            return refused.code
        return "done"

    answers = Counter(await asyncio.gather(*(chatter(number) for number in range(LIMIT + 30))))
    assert set(answers) == {"done", "rate_limited"}
    assert LIMIT <= answers["done"] <= LIMIT + 1, "nobody's allowance is filled by another's clock"

    for phone in (*phones, *guss):
        assert phone.ends == [], "its socket was closed"
    for server in servers:
        for one in everyone:
            world.at(server, one).get("/me", status=200)
