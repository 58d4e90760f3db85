"""Uploaded files are encrypted where they are stored, and nobody who may read them notices."""

import io
import logging
import os
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings as configured
from django.core.files.storage import InMemoryStorage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from chatproject.core.files import sealed, storage
from chatproject.core.files.sealed import CHUNK_BYTES, HEAD_BYTES, Damaged, NotSealed, Reader, Writer
from messaging import services
from messaging.models import Upload
from tests import hostile
from tests.browser.server import Person as Caller
from tests.browser.server import Server
from tests.people import Person
from tests.test_media import refusal, send
from tests.test_upload_door import head

KEY, NAME = os.urandom(32), b"files/a"
_QUIET = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def path_of(upload: dict[str, Any], which: str = "mediaUrl") -> Path:
    """Where an upload is on the disk."""
    return Path(configured.MEDIA_ROOT, upload[which].removeprefix("/uploads/"))


def upload(person: Person, content: bytes) -> dict[str, Any]:
    made: dict[str, Any] = person.upload(content, "a", "files")
    return made


def got(person: Person, upload: dict[str, Any], range_: str = "") -> httpx.Response:
    return person.request("get", upload["mediaUrl"], headers={"Range": range_} if range_ else {})


# The format -----------------------------------------------------------------------------------------------------------


def written(content: bytes, *pieces: int, name: bytes = NAME) -> bytes:
    below = io.BytesIO()
    writer = Writer(below, 7, KEY, name)
    start = 0
    for size in (*pieces, len(content)):
        writer.write(content[start : start + size])
        start += size
    writer.close()
    assert writer.size == len(content)
    return below.getvalue()


def reader(stored: bytes, name: bytes = NAME) -> Reader:
    return Reader(io.BytesIO(stored), len(stored), {7: KEY}.__getitem__, name)


#: Sizes around the borders of chunks, and of what is read at once.
SIZES = st.builds(
    lambda chunks, more: max(0, chunks * CHUNK_BYTES + more), st.sampled_from([0, 1, 2, 16, 17]), st.integers(-2, 2)
)


@_QUIET
@given(SIZES, st.lists(st.integers(0, 3 * CHUNK_BYTES), max_size=4), st.data())
def test_what_is_written_in_any_pieces_is_read_from_any_place(
    size: int, pieces: list[int], data: st.DataObject
) -> None:
    content = os.urandom(size)
    stored = written(content, *pieces)
    assert len(stored) == sealed.sealed_size(size) and (size < 16 or content[:16] not in stored)
    opened = reader(stored)
    assert opened.size == size
    for _ in range(4):
        start = data.draw(st.integers(0, size + 2))
        length = data.draw(st.one_of(st.integers(-1, 3), st.integers(0, size + 2)))
        opened.seek(start)
        assert opened.read(length) == content[start : None if length < 0 else start + length]


@_QUIET
@given(SIZES, st.integers(0, 2**32), st.integers(1, 255))
def test_no_byte_of_it_can_be_another(size: int, at: int, by: int) -> None:
    stored = bytearray(written(bytes(size)))
    stored[at % len(stored)] ^= by
    with pytest.raises((Damaged, NotSealed)):
        reader(bytes(stored)).read()


def test_nothing_can_be_cut_off_added_exchanged_or_renamed() -> None:
    stored, other = written(bytes(3 * CHUNK_BYTES)), written(bytes(3 * CHUNK_BYTES))
    chunk = CHUNK_BYTES + 16
    first, second, last = (stored[HEAD_BYTES + at * chunk : HEAD_BYTES + (at + 1) * chunk] for at in range(3))
    head = stored[:HEAD_BYTES]
    for wrong in (
        head,
        head + first,
        head + first + second,
        head + second + first + last,
        head + first + second + second + last,
        head + first + last,
        head + first + other[HEAD_BYTES + chunk : HEAD_BYTES + 2 * chunk] + last,
        other[:HEAD_BYTES] + stored[HEAD_BYTES:],
        stored[:-1],
        stored + b"x",
        stored + last,
    ):
        with pytest.raises((Damaged, NotSealed)):
            reader(wrong).read()
    with pytest.raises(NotSealed):
        reader(stored, b"files/b")
    with pytest.raises(NotSealed):
        Reader(io.BytesIO(stored), len(stored), {8: KEY}.__getitem__, NAME)
    assert reader(stored).read() == bytes(3 * CHUNK_BYTES)


# By HTTP --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 17 * CHUNK_BYTES + 5])
def test_every_part_of_a_sealed_file_is_what_was_uploaded(person: Any, size: int) -> None:
    ann = person("ann")
    content = os.urandom(size)
    made = upload(ann, content)
    stored = path_of(made)
    assert made["fileSize"] == size and stored.stat().st_size == sealed.sealed_size(size)
    assert size < 16 or content[:16] not in stored.read_bytes()
    whole = got(ann, made)
    assert whole.content == content and whole.headers["content-length"] == str(size)
    looked = ann.request("head", made["mediaUrl"])
    assert (looked.headers["content-length"], looked.headers["etag"]) == (str(size), whole.headers["etag"])
    places = {0, 1, size // 2, size - 1, CHUNK_BYTES - 1, CHUNK_BYTES, 16 * CHUNK_BYTES - 1, 16 * CHUNK_BYTES}
    for start in sorted(place for place in places if place < size):
        for length in (1, 2, CHUNK_BYTES + 2):
            end = min(size, start + length)
            part = got(ann, made, f"bytes={start}-{start + length - 1}")
            assert (part.status_code, part.content) == (206, content[start:end])
            assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
    for suffix in {1, size, CHUNK_BYTES + 1}:
        assert got(ann, made, f"bytes=-{suffix}").content == content[-suffix:]
    assert got(ann, made, f"bytes={size}-").headers["content-range"] == f"bytes */{size}"
    again = ann.request("get", made["mediaUrl"], headers={"If-None-Match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_pictures_thumbnails_recordings_and_avatars_are_sealed_and_shown(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    picture = send(ann, bob, ann.upload(hostile.jpeg(), "a.jpg", "images"))
    voice = send(ann, bob, ann.upload(hostile.webm(), "a.webm", "audio"))
    img = ann.request("post", "/me/avatar", files={"media": ("a.jpg", hostile.jpeg())}).json()["img"]
    addresses = {
        picture["mediaUrl"]: b"\xff\xd8\xff",
        picture["thumbnailUrl"]: b"\xff\xd8\xff",
        voice["mediaUrl"]: b"ftyp",
        img: b"WEBP",
    }
    for address, mark in addresses.items():
        stored = path_of({"mediaUrl": address}).read_bytes()
        answer = bob.request("get", address)
        assert mark in answer.content[:16] and answer.headers["content-length"] == str(len(answer.content))
        assert mark not in stored[HEAD_BYTES : HEAD_BYTES + 16] and len(stored) == sealed.sealed_size(
            len(answer.content)
        )
    assert Image.open(io.BytesIO(bob.request("get", picture["thumbnailUrl"]).content)).size == (480, 360)


def test_what_looks_sealed_and_is_not_is_served_as_it_is(person: Any, settings: Any) -> None:
    ann = person("ann")
    likes = [sealed.MAGIC, sealed.MAGIC + bytes(200), path_of(upload(ann, b"one")).read_bytes()]
    for is_on in (True, False):
        settings.ENCRYPTION = is_on
        for content in likes:
            made = upload(ann, content)
            assert (path_of(made).read_bytes() == content) is not is_on
            settings.ENCRYPTION = True
            assert got(ann, made).content == content and got(ann, made, "bytes=2-4").content == content[2:5]
            settings.ENCRYPTION = is_on


def broken(path: Path, change: Callable[[bytearray], object]) -> bytes:
    """Change a stored file; returns what it was."""
    before = path.read_bytes()
    content = bytearray(before)
    change(content)
    path.write_bytes(content)
    return before


def test_a_damaged_or_exchanged_file_is_an_error_and_one_line_in_the_log(
    person: Any, caplog: pytest.LogCaptureFixture
) -> None:
    ann = person("ann")
    content = os.urandom(3 * CHUNK_BYTES)
    first, second = upload(ann, content), upload(ann, content[::-1])
    path, other = path_of(first), path_of(second)
    caplog.set_level(logging.INFO)

    def flip(at: int) -> Callable[[bytearray], object]:
        return lambda stored: stored.__setitem__(at, stored[at] ^ 1)

    for change in (flip(0), flip(20), flip(HEAD_BYTES + 5), lambda stored: stored.__delitem__(slice(-100, None))):
        before = broken(path, change)
        storage._reported.clear()
        caplog.clear()
        for _ in range(3):
            answer = got(ann, first)
            assert refusal(answer) == (500, "damaged_file") and "etag" not in answer.headers
        lines = [one.getMessage() for one in caplog.records if path.name in one.getMessage()]
        assert len([one for one in lines if "cannot be read" in one]) == 1, lines
        path.write_bytes(before)
    taken = path.read_bytes()
    path.write_bytes(other.read_bytes())
    assert refusal(got(ann, first)) == (500, "damaged_file")
    path.write_bytes(taken)
    assert got(ann, first).content == content


def test_what_breaks_in_the_middle_ends_the_connection_and_never_looks_whole(person: Any) -> None:
    ann = person("ann")
    content = os.urandom(40 * CHUNK_BYTES)
    made = upload(ann, content)
    at = HEAD_BYTES + 30 * (CHUNK_BYTES + 16) + 100
    broken(path_of(made), lambda stored: stored.__setitem__(at, stored[at] ^ 1))
    with pytest.raises(httpx.RemoteProtocolError):
        got(ann, made)
    assert got(ann, made, f"bytes=0-{29 * CHUNK_BYTES}").content == content[: 29 * CHUNK_BYTES + 1]
    assert got(ann, made, f"bytes={31 * CHUNK_BYTES}-").content == content[31 * CHUNK_BYTES :]
    assert refusal(got(ann, made, f"bytes={30 * CHUNK_BYTES}-")) == (500, "damaged_file")


def test_what_others_hand_out_is_stored_plain_and_what_was_sealed_comes_from_the_chat(
    person: Any, settings: Any
) -> None:
    ann, bob = person("ann"), person("bob")
    settings.MEDIA_URL_KEY = "a key of sixteen letters or more"
    before = send(ann, bob, ann.upload(hostile.jpeg(), "a.jpg", "images"))
    for name, value, header in (
        ("MEDIA_URL_BASE", "https://media.example.org/media/", "location"),
        ("X_ACCEL_REDIRECT", "/stored/", "x-accel-redirect"),
    ):
        setattr(settings, name, value)
        after = send(ann, bob, ann.upload(hostile.jpeg(), "a.jpg", "images"))
        assert path_of(after).read_bytes().startswith(b"\xff\xd8\xff")
        for which in ("mediaUrl", "thumbnailUrl"):
            assert header in bob.request("get", after[which]).headers
            answer = bob.request("get", before[which])
            assert answer.status_code == 200 and answer.content.startswith(b"\xff\xd8\xff")
        setattr(settings, name, "")
        assert bob.request("get", after["mediaUrl"]).content.startswith(b"\xff\xd8\xff")


# Storing them anew ----------------------------------------------------------------------------------------------------


def reseal() -> services.Resealed:
    (*_, last) = services.reseal_files()
    return last


def test_files_are_sealed_and_opened_again_while_they_are_read(person: Any, settings: Any) -> None:
    ann, bob = person("ann"), person("bob")
    settings.ENCRYPTION = False
    content = os.urandom(30 * CHUNK_BYTES)
    large = send(ann, bob, upload(ann, content))
    picture = send(ann, bob, ann.upload(hostile.jpeg(), "a.jpg", "images"))
    img = ann.request("post", "/me/avatar", files={"media": ("a.jpg", hostile.jpeg())}).json()["img"]
    recalled, lost = upload(ann, b"recalled"), upload(ann, b"lost")
    paths = [path_of(large), path_of(picture), path_of(picture, "thumbnailUrl"), path_of({"mediaUrl": img})]
    plain = [path.read_bytes() for path in paths]
    assert content == plain[0]
    path_of(lost).unlink()
    Upload.objects.filter(
        pk=path_of(recalled).stem
    ).delete()  # as a recall does, in the moment before it deletes the file
    for is_on in (True, False, True):
        settings.ENCRYPTION = is_on
        with ThreadPoolExecutor(2) as threads:
            readings = [threads.submit(got, bob, large) for _ in range(20)]
            seen = reseal()
            assert seen.changed >= 4 and all(one.result().content == content for one in readings)
        assert [path.read_bytes() == before for path, before in zip(paths, plain, strict=True)] == [not is_on] * 4
        assert [bob.request("get", one["mediaUrl"]).content for one in (large, picture)] == plain[:2]
        assert bob.request("get", picture["thumbnailUrl"]).content == plain[2]
        assert bob.request("get", img).content == plain[3]
        assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in paths)
        again = reseal()
        assert again.changed == 0 and again.seen == seen.seen
    assert not list(Path(configured.FILE_UPLOAD_TEMP_DIR).glob("*.made"))
    assert path_of(recalled).read_bytes() == b"recalled", "it is nobody's: the sweep deletes it"


def test_a_file_that_is_recalled_while_it_is_sealed_stays_gone(
    person: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = person("ann"), person("bob")
    settings.ENCRYPTION = False
    sent = send(ann, bob, upload(ann, b"a secret"))
    settings.ENCRYPTION = True
    replace = storage.replace_as_it_is

    def replace_late(finished: Path, path: str) -> None:
        if path == str(path_of(sent).relative_to(configured.MEDIA_ROOT)):
            ann.post("/message/recall", {"messageId": sent["id"]})
        replace(finished, path)

    monkeypatch.setattr(storage, "replace_as_it_is", replace_late)
    reseal()
    assert not path_of(sent).exists()


def test_a_damaged_file_is_counted_and_left_as_it_is(person: Any, settings: Any) -> None:
    ann = person("ann")
    made = upload(ann, b"hello")
    broken(path_of(made), lambda stored: stored.__setitem__(-1, stored[-1] ^ 1))
    before = path_of(made).read_bytes()
    settings.ENCRYPTION = False
    seen = reseal()
    assert seen.damaged >= 1 and path_of(made).read_bytes() == before
    path_of(made).unlink()
    settings.ENCRYPTION = True
    reseal()


class Bucket(InMemoryStorage):
    """A storage elsewhere, in which another object takes the place of one."""

    def _save(self, name: str, content: Any) -> str:
        if self.exists(name):
            self.delete(name)
        saved: str = super()._save(name, content)  # type: ignore[misc]
        return saved


def test_another_storage_does_the_same(person: Any, settings: Any) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "tests.test_sealed_files.Bucket"},
    }
    settings.ENCRYPTION = False
    ann = person("ann")
    made = upload(ann, b"hello" * 30_000)
    path = made["mediaUrl"].removeprefix("/uploads/")
    settings.ENCRYPTION = True
    for is_sealed in (True, False):
        settings.ENCRYPTION = is_sealed
        assert storage.seal_anew(path, 150_000) and not storage.seal_anew(path, 150_000)
        assert storage.is_sealed(path, 150_000) is is_sealed
        assert got(ann, made, "bytes=65534-65540").content == (b"hello" * 30_000)[65534:65541]


# Nothing is left ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("sealed")) as server:
        yield server


def nameless(server: Server) -> list[Path]:
    """The files without a name that the server has open on the disk."""
    assert server.process is not None
    found = []
    for path in Path(f"/proc/{server.process.pid}/fd").glob("*"):
        with suppress(OSError):
            if ".scratch" in str(path.readlink()) and stat.S_ISREG(path.stat().st_mode):
                found.append(path)
    return found


def files_with(server: Server, text: bytes) -> set[str]:
    """The files of the chat that contain a text, those without a name among them."""
    found = set()
    folders = [Path(server._environment[name]) for name in ("DATA_DIR", "MEDIA_ROOT")]
    for path in [*(path for folder in folders for path in folder.rglob("*")), *nameless(server)]:
        with suppress(OSError):
            if stat.S_ISREG(path.stat().st_mode) and text in path.read_bytes():
                found.add(str(path))
    return found


@contextmanager
def half_sent(server: Server, caller: Caller, content: bytes) -> Iterator[None]:
    """An upload of which a half has come, and is on the disk."""
    body = b'--b\r\nContent-Disposition: form-data; name="media"; filename="a"\r\n\r\n' + content
    token = caller._headers["Authorization"].removeprefix("Bearer ")
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head(server.port, token, 2 * len(body)) + body)
        end = time.monotonic() + 60
        while not any(path.stat().st_size > len(content) // 2 for path in nameless(server)):
            assert time.monotonic() < end
            time.sleep(0.01)
        yield


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not show files without a name")
def test_what_is_uploaded_is_in_no_file_before_in_or_after_it(served: Server) -> None:
    server = served
    ann, bob = Caller(server, "ann"), Caller(server, "bob")
    canary = f"canary-{os.urandom(16).hex()}".encode()
    content = (canary + os.urandom(1000)) * 2000
    made = ann.upload("files", "a", content)
    assert not files_with(server, canary)
    sent = ann.post("/private/send", receiverId=bob.id, type="file", mediaUrl=made["mediaUrl"])
    assert server.http.get(sent["mediaUrl"], headers=bob._headers).content == content
    ann.post("/message/recall", messageId=sent["id"])
    assert not files_with(server, canary) and not list(Path(server._environment["MEDIA_ROOT"]).glob("files/*"))

    with half_sent(server, ann, content):
        assert not files_with(server, canary)
        server.kill()
    server.start()
    assert not files_with(server, canary)
