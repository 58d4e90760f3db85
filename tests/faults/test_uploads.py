"""Many uploads at once, and uploads while the server is killed."""

import asyncio
import itertools
import os
import random
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from PIL import Image

from tests import hostile
from tests.faults.phones import Gone, Phone, Refused
from tests.faults.server import ROOT, Server
from tests.faults.talk import until
from tests.faults.world import World, begun_together
from tests.people import Person

MIB = 1024 * 1024
#: Uploads at once, and how many of them are pictures, which take a second each to process.
UPLOADS, PICTURES = 50, 20
SIZE = 9 * MIB
#: Bytes by which the server may grow.
GROWTH = 200 * MIB
#: Seconds of nearly all text messages meanwhile, on a busy machine (below 0.3 on an idle one); or,
#: on a slow one, so many times the seconds before the uploads.
SLOW, SLOWER = 4.0, 20
#: Text messages of each phone that measure the machine first.
FIRST = 25


def picture_of(size: int) -> bytes:
    """A picture that cannot be compressed."""
    side = int((size / 3) ** 0.5)
    return hostile.encoded(Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)), "PNG", compress_level=0)


async def uploader(server: Server, path: Path, kind: str, people: list[Person]) -> list[tuple[int, float]]:
    """The answers of all uploads."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.uploader", str(server.port), str(path), kind),
        *(one.token for one in people),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return [(int(status), float(seconds)) for status, seconds in map(str.split, said.decode().splitlines())]


@begun_together
async def test_fifty_large_uploads_at_once_leave_the_chat_quick_and_the_server_small(world: World) -> None:
    server = await world.serve(RATE_UPLOADS="off")
    people = world.guests(server, UPLOADS)
    phones = await world.phones(people[:4], server)
    folder = server.data.parent
    (folder / "a file").write_bytes(os.urandom(SIZE))
    (folder / "a picture").write_bytes(picture_of(SIZE))
    numbers = itertools.count()

    async def talk(phone: Phone, is_over: Callable[[list[float]], bool]) -> list[float]:
        times: list[float] = []
        while not is_over(times):
            began, number = time.monotonic(), next(numbers)
            await phone.say(f"{number}", people[-1].id, f"number {number}", is_group=False, by_http=bool(number % 2))
            times.append(time.monotonic() - began)
            await asyncio.sleep(0.05)
        return times

    async def all_talk(is_over: Callable[[list[float]], bool]) -> list[float]:
        return sorted(itertools.chain(*await asyncio.gather(*(talk(one, is_over) for one in phones))))

    first = nearly_all_of(await all_talk(lambda times: len(times) == FIRST))
    before = peak = server.memory()
    uploads = asyncio.gather(
        uploader(server, folder / "a picture", "images", people[:PICTURES]),
        uploader(server, folder / "a file", "files", people[PICTURES:]),
    )

    async def watch() -> None:
        nonlocal peak
        while not uploads.done():
            peak = max(peak, server.memory())
            await asyncio.sleep(0.1)

    _, times, _ = await asyncio.gather(watch(), all_talk(lambda times: uploads.done() and len(times) > 0), uploads)
    answers = [answer for of_kind in uploads.result() for answer in of_kind]
    nearly_all = nearly_all_of(times)
    busy = sum(status == 503 for status, _ in answers)
    print(
        f"{UPLOADS} uploads, {busy} told to come again, slowest {max(seconds for _, seconds in answers):.1f} s; "
        f"{len(times)} texts, p99 {nearly_all * 1000:.0f} ms (before: {first * 1000:.0f} ms), slowest {times[-1] * 1000:.0f} ms; "
        f"memory +{(peak - before) / MIB:.0f} MiB"
    )
    assert sum(status == 201 for status, _ in answers) == UPLOADS
    assert peak - before < GROWTH
    assert nearly_all < max(SLOW, SLOWER * first)


def nearly_all_of(times: list[float]) -> float:
    return times[len(times) * 99 // 100]


SENDERS = 4
SENT_EACH = 12
KILLS = 3


@begun_together
async def test_no_message_lacks_its_file_and_none_is_left_over_when_the_server_is_killed_meanwhile(
    world: World,
) -> None:
    server = await world.serve(RATE_UPLOADS="off")
    people = world.guests(server, SENDERS + 1)
    phones = await world.phones(people[:SENDERS], server)
    reader = people[-1]
    sent: list[dict[str, Any]] = []
    uploaded = {"images": hostile.jpeg(), "files": os.urandom(2 * MIB)}

    async def send(phone: Phone) -> None:
        for number in range(SENT_EACH):
            kind, type_ = [("images", "image"), ("files", "file")][number % 2]
            sent.append(await insisted(phone, kind, type_, uploaded[kind], f"{number}"))

    async def insisted(phone: Phone, kind: str, type_: str, content: bytes, client_id: str) -> dict[str, Any]:
        while True:
            with suppress(httpx.TransportError, Gone):
                try:
                    answer = await phone.http.post(
                        "/upload", files={"media": ("a name", content)}, data={"mediaType": kind}
                    )
                    address = phone.took(answer)["mediaUrl"]
                    body = {"receiverId": reader.id, "type": type_, "mediaUrl": address, "clientId": client_id}
                    message: dict[str, Any] = phone.took(await phone.http.post("/private/send", json=body))
                except Refused as refused:
                    if refused.code == "client_id_conflict":  # an earlier try's message, with its own upload
                        return await known(phone, client_id)
                    if refused.code != "busy":
                        raise
                else:
                    return message
            await asyncio.sleep(0.1)

    async def known(phone: Phone, client_id: str) -> dict[str, Any]:
        history = await phone.history(reader.id, is_group=False)
        return next(one for one in history if one["clientId"] == client_id)

    def have_sent(count: int) -> Callable[[], bool]:
        return lambda: len(sent) >= count or senders.done()

    senders = asyncio.gather(*(send(one) for one in phones))
    for kill in range(1, KILLS + 1):
        await until(have_sent(kill * SENDERS * SENT_EACH // (KILLS + 1)), "they send", within=120)
        await asyncio.sleep(random.uniform(0, 0.3))
        server.kill()
        await asyncio.to_thread(server.start)
    await senders

    client = httpx.AsyncClient(
        base_url=server.url, headers={"Authorization": f"Bearer {reader.token}"}, timeout=60, trust_env=False
    )
    async with client:
        for message in sent:
            for address in filter(None, (message["mediaUrl"], message["thumbnailUrl"])):
                answer = await client.get(address)
                assert answer.status_code == 200 and answer.content
    await asyncio.to_thread(server.manage, "sweep_uploads", "--strays-now", "--unsent-now")
    media = server.data.parent / "media"
    left = {str(path.relative_to(media)) for path in media.rglob("*") if path.is_file()}
    said = {one[key] for one in sent for key in ("mediaUrl", "thumbnailUrl") if one[key]}
    assert left == {address.removeprefix("/uploads/") for address in said}
    rows = server.database.rows("SELECT _id, message_id FROM messaging_upload")
    assert {str(UUID(str(message))) for _, message in rows} == {one["id"] for one in sent}
    assert len(rows) == len(sent) == SENDERS * SENT_EACH
