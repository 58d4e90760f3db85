"""All clients lose the net at the same moment, and reconnect."""

import asyncio
import time

from tests.faults.talk import Talk, assert_complete
from tests.faults.world import World, begun_together

#: Sockets, and how many of them are in one group.
CROWD, GROUP = 300, 50
#: Seconds over which clients spread their reconnects, and until all must be connected.
JITTER, BACK = 5.0, 20


@begun_together
async def test_hundreds_who_lost_the_net_at_once_are_back_in_time_and_miss_nothing(world: World) -> None:
    server = await world.serve()
    talkers = world.people(server, "ann", "bob")
    crowd = world.guests(server, CROWD)
    groups = {}
    for start in range(0, CROWD, GROUP):
        members = [*talkers, *crowd[start : start + GROUP]]
        body = {"name": f"group {start}", "memberIds": [one.id for one in members[1:]]}
        groups[talkers[0].post("/group/create", body, status=201)["id"]] = members
    talking = await world.phones(talkers, server)
    phones = []
    for start in range(0, CROWD, GROUP):
        some = crowd[start : start + GROUP]
        phones += await asyncio.gather(*(world.phone(one, server.url, retry=JITTER) for one in some))

    talk = Talk(talking, groups, at_once=2, pause=0.2)
    await talk.more(20)
    began = time.monotonic()
    for phone in phones:
        phone.lose_the_net()
    await asyncio.gather(*(phone.is_live.wait() for phone in phones))
    assert time.monotonic() - began < BACK
    await talk.more(20)
    await talk.end()
    for group in groups:
        await talking[0].say(f"last to {group}", group, "last", is_group=True, by_http=False)
    for phone in phones:
        await phone.hears("OnGroupMsg", content="last")
        assert len(phone.ends) == 1, "it was closed again"
    assert [phone.ends for phone in talking] == [[], []]
    assert_complete(server, *phones)
