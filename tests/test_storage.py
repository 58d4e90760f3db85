"""What files may take of the disk: for one picture, one person, everybody, and the machine."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests import hostile
from tests.browser.server import Person as Caller
from tests.browser.server import Server
from tests.people import Person
from tests.test_media import file, refusal, send, stored_files

MIB = 1024 * 1024


def noise(side: int) -> bytes:
    """A picture that cannot be compressed, as a PNG."""
    return hostile.encoded(Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)), "PNG")


def swelling(mode: str = "RGB", side: int = 5000) -> bytes:
    """A small PNG whose pixels no other format compresses: one row of noise, again and again."""
    row = os.urandom(side * len(mode))
    return hostile.encoded(Image.frombytes(mode, (side, side), row * side), "PNG")


def ask(person: Person, content: bytes, kind: str = "files") -> httpx.Response:
    return person.request("post", "/upload", files={"media": ("a", content)}, data={"mediaType": kind})


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(swelling, id="one row again and again"),
        pytest.param(lambda: swelling("RGBA", 2800), id="what one sees through"),
        pytest.param(lambda: hostile.encoded(Image.effect_noise((4900, 5000), 60).convert("1"), "PNG"), id="one bit"),
        pytest.param(
            lambda: hostile.encoded(Image.open(hostile_file(swelling(side=3000))), "WEBP", lossless=True),
            id="lossless WebP",
        ),
    ],
)
def test_a_small_picture_stays_small_on_the_disk(person: Any, content: Any) -> None:
    given = content()
    uploaded = person("ann").upload(given, "a.png", "images")
    assert uploaded["fileSize"] <= max(3 * len(given), MIB), len(given)
    assert uploaded["width"] > 500


def hostile_file(content: bytes) -> Any:
    import io

    return io.BytesIO(content)


def test_a_quota_counts_what_is_stored_and_not_what_was_sent(person: Any, settings: Any) -> None:
    settings.UPLOAD_QUOTA = 4 * MIB
    ann, picture = person("ann"), noise(1400)
    assert len(picture) > 4 * MIB
    first = ann.upload(picture, "a.png", "images")
    before = stored_files()
    answers = [ask(ann, picture, "images") for _ in range(3)]
    assert refusal(answers[-1]) == (413, "quota_exceeded")
    kept = [first["fileSize"], *(one.json()["fileSize"] for one in answers if one.status_code == 201)]
    assert sum(kept) <= 4 * MIB
    assert len(stored_files() - before) == 2 * (len(kept) - 1)


def test_many_uploads_at_once_do_not_get_past_a_quota_together(person: Any, settings: Any) -> None:
    settings.UPLOAD_QUOTA = 250_000
    ann = person("ann")
    with ThreadPoolExecutor(5) as threads:
        answers = list(threads.map(lambda _: ask(ann, file(100_000)), range(5)))
    assert sorted(one.status_code for one in answers) == [201, 201, 413, 413, 413]


def test_a_guest_has_little_and_more_with_a_password(person: Any, anonymous: Person, settings: Any) -> None:
    settings.UPLOAD_QUOTA_GUESTS = 150_000
    user = anonymous.post("/createUser", {"name": f"guest {os.urandom(4).hex()}", "img": ""}, status=201)
    guest = Person(anonymous._client, name=user["name"], token=user.pop("token"), user=user)
    guest.upload(file(100_000), "a", "files")
    assert refusal(ask(guest, file(100_000))) == (413, "quota_exceeded")
    guest.patch("/me", {"password": "correct horse battery"})
    guest.upload(file(100_000), "a", "files")


def test_all_together_may_store_so_much_and_messages_go_on(person: Any, settings: Any) -> None:
    ann, bob = person("ann"), person("bob")
    sent = send(ann, bob, ann.upload(file(100_000), "a", "files"))
    settings.UPLOAD_TOTAL = 1
    for kind, content in (("files", b"hello"), ("images", hostile.jpeg())):
        before = stored_files()
        answer = ask(bob, content, kind)
        assert refusal(answer) == (507, "storage_full")
        assert "room" in answer.json()["detail"]
        assert stored_files() == before
    ann.post("/private/send", {"receiverId": bob.id, "content": "still here"}, status=201)
    assert bob.request("get", sent["mediaUrl"]).status_code == 200


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose disk has less space than it keeps for messages."""
    with Server(tmp_path_factory.mktemp("full"), DISK_RESERVE=str(2**60)) as server:
        yield server


def test_a_full_disk_refuses_files_before_messages_fail(full: Server) -> None:
    ann, bob = Caller(full, "ann"), Caller(full, "bob")
    for size in (10, 5 * MIB):
        with pytest.raises(httpx.HTTPStatusError) as refused:
            ann.upload("files", "a", file(size))
        answer = refused.value.response
        assert refusal(answer) == (507, "storage_full")
    assert ann.say(bob, "still here")["seq"] == 1
    scratch = Path(full._environment["MEDIA_ROOT"])
    assert not [path for path in scratch.rglob("*") if path.is_file()]
