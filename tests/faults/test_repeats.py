"""A phone does not know whether a message was received, and sends it again and again."""

import asyncio
from collections import Counter

from tests.faults.phones import MESSAGES, Message
from tests.faults.world import World, begun_together

#: Copies of each clientId at once, by sockets and HTTP in turn; and the number of clientIds.
TIMES, SOCKETS, ROUNDS = 50, 4, 4


@begun_together
async def test_what_is_said_fifty_times_at_once_by_every_door_is_one_message_and_heard_once(world: World) -> None:
    first = await world.serve()
    second = await world.serve(DATABASE_URL=first.database_url, REDIS_URL=first.redis_url)
    ann, bob, cem = world.people(first, "ann", "bob", "cem")
    group = ann.post("/group/create", {"name": "all", "memberIds": [bob.id, cem.id]}, status=201)["id"]
    anns = [await world.phone(ann, server.url) for server in (first, second) * (SOCKETS // 2)]
    bobs = [await world.phone(bob, server.url) for server in (first, second)]
    cems = await world.phone(cem, second.url)

    async def say_at_once(number: int, times: int) -> list[Message]:
        to, is_group = (group, True) if number % 2 else (bob.id, False)
        turns = [(anns[turn % SOCKETS], turn // SOCKETS % 2 == 0) for turn in range(times)]
        return await asyncio.gather(
            *(one.say(f"{number}", to, f"text {number}", is_group=is_group, by_http=by_http) for one, by_http in turns)
        )

    said = []
    for number in range(ROUNDS):
        answers = await say_at_once(number, TIMES)
        assert len(answers) == TIMES
        assert all(one == answers[0] for one in answers)
        said.append(answers[0])
    for number in range(ROUNDS):  # and again long after
        assert all(one == said[number] for one in await say_at_once(number, SOCKETS))
    await anns[0].say("last to all", group, "last", is_group=True, by_http=False)
    await anns[0].say("last to bob", bob.id, "last", is_group=False, by_http=False)

    rows = [row for room in first.rows().values() for row in room if row[3].startswith("text")]
    assert sorted((client_id, pk) for _, pk, client_id, _ in rows) == [(one["clientId"], one["id"]) for one in said]
    for phone in (*bobs, cems, *anns[1:]):
        frames = await phone.hears_until("OnGroupMsg", content="last")
        if phone is not cems:
            frames += await phone.hears_until("OnPrivate", content="last")
        heard = Counter(frame["data"]["id"] for frame in frames if frame["event"] in MESSAGES)
        assert set(heard.values()) == {1}
        if phone in bobs:
            assert {one["id"] for one in said} < set(heard)
