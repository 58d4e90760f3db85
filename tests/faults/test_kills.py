"""The server is killed while people talk."""

import asyncio
import random

from tests.faults.talk import Talk, assert_complete, assert_histories_agree, assert_stored_once, groups_of
from tests.faults.world import World, begun_together

SENDS = 2000
KILLS = 3


@begun_together
async def test_nothing_acked_is_lost_or_doubled_when_the_server_is_killed_again_and_again(world: World) -> None:
    server = await world.serve()
    *talkers, sleeper = everyone = world.people(server, *(f"person {letter}" for letter in "abcdefghijk"))
    groups = groups_of(everyone)
    sleepers = await world.phone(sleeper, server.url)
    await sleepers.switch_off()  # it reconnects at the end, and has much to sync
    phones = await world.phones(talkers, server)

    talk = Talk(phones, groups, sends=SENDS)
    for _ in range(KILLS):
        await talk.more(random.randrange(50, SENDS // KILLS))
        server.kill()
        await asyncio.to_thread(server.start)
    await talk.end()

    assert len(talk.acked) == SENDS
    assert_stored_once(server, talk)
    await sleepers.switch_on()
    phones += [sleepers, await world.phone(sleeper.signed_in_again(), server.url)]
    for one in phones:
        await one.catch_up()
    assert_complete(server, *phones)
    for one in phones[-3:]:
        await assert_histories_agree(one)
