"""A phone reads nothing of what is sent to it."""

import socket
import time

from websockets.asyncio.client import connect

from chatproject.core.hub.outbox import WRITE_TIMEOUT_SECONDS
from tests.faults.talk import until
from tests.faults.world import World, begun_together

#: Together more than the kernel and the server buffer for one connection.
TEXTS, LENGTH = 1000, 8000


@begun_together
async def test_a_client_that_reads_nothing_delays_nobody_and_is_given_up(world: World) -> None:
    server = await world.serve()
    ann, bob, cem = world.people(server, "ann", "bob", "cem")
    anns, bobs = await world.phones([ann, bob], server)
    await anns.call("EmitWatchPresence", {"userIds": [cem.id]})
    room = ann.post("/group/create", {"name": "all", "memberIds": [bob.id, cem.id]}, status=201)["id"]
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect(("127.0.0.1", server.port))
    port = narrow.getsockname()[1]
    async with connect(
        f"ws://127.0.0.1:{server.port}/ws/chat/", sock=narrow, additional_headers={"Authorization": f"Bearer {cem.token}"},
        compression=None, proxy=None, ping_interval=None, max_queue=1, close_timeout=0.1,
    ):  # fmt: skip
        await anns.hears("OnUserStatus", userId=cem.id, online=True)
        memory, slowest = server.memory(), 0.0
        for number in range(TEXTS):
            began = time.monotonic()
            await anns.say(f"text {number}", room, f"{number} ".ljust(LENGTH, "x"), is_group=True, by_http=False)
            await bobs.hears("OnGroupMsg", clientId=f"text {number}")
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < WRITE_TIMEOUT_SECONDS / 2, "nobody waits until it is given up"
        assert server.memory() - memory < 64 * 1024**2
        await anns.hears("OnUserStatus", userId=cem.id, online=False)
        await until(lambda: port not in server.connected_ports(), "the connection is closed")
