"""What was erased is in no file of this machine, and files are for nobody else to read."""

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest

from tests import databases
from tests.browser.server import Person, Server

#: Seconds until former values are gone from every file.
GONE_SECONDS = 60.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    # What is encrypted would not be seen in the files to begin with.
    with Server(tmp_path_factory.mktemp("erasing"), DISSOLVED_DAYS="1000", ENCRYPTION="off") as server:
        yield server


def folders(server: Server) -> list[Path]:
    return [Path(server._environment[name]) for name in ("DATA_DIR", "MEDIA_ROOT")]


def files_with(server: Server, text: str) -> set[str]:
    """The names of files that contain a text."""
    found = set()
    for path in (path for folder in folders(server) for path in folder.rglob("*")):
        try:
            if stat.S_ISREG(path.lstat().st_mode) and text.encode() in path.read_bytes():
                found.add(path.name)
        except FileNotFoundError:
            continue
    return found


def secret() -> str:
    return f"secret-{os.urandom(8).hex()}"


def until(is_so: Callable[[], bool], seconds: float = GONE_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_recalled_text_is_gone_from_every_file_within_a_minute(server: Server) -> None:
    ann, bob = Person(server, "ann"), Person(server, "bob")
    group_id = ann.create_group("tea", bob)
    text = secret()
    sent = [ann.say(bob, text), ann.say_in(group_id, f"{text} in the group")]
    assert server.http.get("/unread", headers=bob._headers).json()["total"] >= 2  # writes the previews to Redis
    until(lambda: any(name.endswith(".aof") for name in files_with(server, text)))
    assert databases.is_postgresql() or any("sqlite3" in name for name in files_with(server, text))
    for message in sent:
        ann.post("/message/recall", messageId=message["id"])
    until(lambda: not files_with(server, text))


def test_text_that_was_written_over_is_gone_from_redis_and_from_the_log(server: Server) -> None:
    ann, bob = Person(server, "carl"), Person(server, "dora")
    text = secret()
    sent = ann.say(bob, text)
    server.http.get("/unread", headers=bob._headers).raise_for_status()
    until(lambda: any(name.endswith(".aof") for name in files_with(server, text)))
    ann.post("/message/edit", messageId=sent["id"], content="nothing")
    # What admins may look up is in the database itself, and nowhere else.
    until(lambda: files_with(server, text) <= {"chat.sqlite3"})


def test_a_dissolved_group_is_purged_with_its_files_and_not_before_its_time(server: Server) -> None:
    ann, bob = Person(server, "emma"), Person(server, "fred")
    group_id, other = ann.create_group("short"), ann.create_group("long", bob)
    text, content = secret(), secret().encode()
    ann.say_in(group_id, text)
    kept = ann.say_in(other, "stays")
    upload = ann.upload("files", "a.txt", content)
    ann.post("/group/send", groupId=group_id, type="file", mediaUrl=upload["mediaUrl"])
    ann.post("/group/dissolve", groupId=group_id)
    stored = Path(server._environment["MEDIA_ROOT"], upload["mediaUrl"].removeprefix("/uploads/"))
    assert "0 groups" in server.manage("purge_groups").stdout
    assert stored.exists()
    assert "1 groups" in server.manage("purge_groups", "--now").stdout
    until(lambda: not files_with(server, text) and not files_with(server, content.decode()) and not stored.exists())
    for table, column in (("groups_room", "_id"), ("messaging_message", "room_id"), ("groups_membership", "room_id")):
        asked = f"SELECT count(*) FROM {table} WHERE {column} = %s"
        assert server.database.rows(asked, UUID(group_id)) == [(0,)]
    page = server.http.get("/group/messages", params={"groupId": other}, headers=bob._headers).json()
    assert kept["id"] in [message["id"] for message in page]


def modes(server: Server) -> set[int]:
    """The rights of everybody else, and of the group, to anything."""
    found = set()
    for path in [path for folder in folders(server) for path in [folder, *folder.rglob("*")]]:
        with suppress(FileNotFoundError):  # a draft, or a journal, that was there a moment ago
            found.add(path.lstat().st_mode)
    return {stat.S_IMODE(mode) & 0o077 for mode in found if not stat.S_ISLNK(mode)}


def test_nobody_else_on_the_machine_reads_the_data_or_the_files(tmp_path: Path) -> None:
    for name in ("data", "media", "media/images"):
        (tmp_path / name).mkdir(mode=0o755)
    (tmp_path / "media" / "images" / "old.jpg").write_bytes(b"from before")
    (tmp_path / "media" / "images" / "old.jpg").chmod(0o644)
    before = os.umask(0o022)
    try:
        with Server(tmp_path, is_first=True) as server:
            ann = Person(server, "ann")
            ann.upload("files", "a.txt", b"hello")
            assert modes(server) == {0}
            server.kill()  # and what a start makes anew
            server.start()
            assert modes(server) == {0}
    finally:
        os.umask(before)


def test_the_web_servers_group_reads_the_files_and_nothing_else(tmp_path: Path) -> None:
    others = [group for group in os.getgroups() if group != os.getegid()]
    group = str(others[0] if others else 33 if os.geteuid() == 0 else os.getegid())
    with Server(tmp_path, MEDIA_GROUP=group) as server:
        Person(server, "ann").upload("files", "a.txt", b"hello")
        data, media = folders(server)
        stored = next((media / "files").glob("*.bin"))
        assert (stat.S_IMODE(stored.stat().st_mode), stored.stat().st_gid) == (0o640, int(group))
        assert stat.S_IMODE(media.stat().st_mode) & 0o777 == 0o750
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
