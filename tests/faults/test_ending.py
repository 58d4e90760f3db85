"""The server is stopped while people talk, as for an update."""

import asyncio

from tests.faults.talk import Talk, assert_complete, assert_stored_once, groups_of, until
from tests.faults.world import World, begun_together


async def restart_while_people_talk(world: World, **environment: str) -> None:
    server = await world.serve(**environment)
    everyone = world.people(server, "ann", "bob", "cem", "dan")
    phones = await world.phones(everyone, server)
    talk = Talk(phones, groups_of(everyone), at_once=4)
    await talk.more(100)
    assert await asyncio.to_thread(server.stop) == 0
    await until(lambda: all(one.ends for one in phones), "each has read that it was closed")
    # They may come back at once, and then to a worker that ends a moment later.
    assert all(set(one.ends) == {1012} for one in phones), [one.ends for one in phones]
    await asyncio.to_thread(server.start)
    await talk.more(50)
    await talk.end()
    assert_stored_once(server, talk)
    for one in phones:
        await one.catch_up()
    assert_complete(server, *phones)


@begun_together
async def test_a_restart_is_told_to_every_socket_and_loses_nothing(world: World) -> None:
    await restart_while_people_talk(world)


@begun_together
async def test_a_restart_of_several_workers_is_told_to_every_socket_and_loses_nothing(world: World) -> None:
    await restart_while_people_talk(world, WORKERS="2")
