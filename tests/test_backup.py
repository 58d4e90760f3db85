"""`manage.py backup`, `restore` and `move`: an installation as one archive, and in another database."""

import gzip
import io
import json
import os
import shutil
import stat
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import pytest
from django.apps.registry import Apps
from django.db.migrations.loader import MigrationLoader

from chatproject.core.backup.rows import Digest, tables
from tests import databases
from tests.browser import media
from tests.browser.server import PASSWORD, Person, Server, prepared

Made = Callable[..., Server]
SEALED = {"BACKUP_PASSPHRASE": "correct horse"}


def members(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {one.name: file.read() for one in tar if (file := tar.extractfile(one))}


def rewritten(archive: Path, to: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """An archive with other members, which are in the same order."""
    found = members(archive)
    change(found)
    with tarfile.open(to, "w") as tar:
        for name, data in found.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return to


def run(server: Server, *words: str) -> str:
    done = server.manage(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refusal(server: Server, *words: str) -> str:
    """The one sentence with which a command ends that does not do it."""
    done = server.manage(*words)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    return done.stderr.strip().splitlines()[-1]


@pytest.fixture
def site(tmp_path: Path) -> Made:
    """`site("one")`: a server that does not run yet, with a folder of its own."""

    def made(name: str, **environment: str) -> Server:
        data = tmp_path / name / "data"
        data.mkdir(parents=True)
        # Collected files take longest of all, and are not what these tests are about.
        shutil.copytree(prepared() / "static", data / "static")
        return Server(tmp_path / name, is_first=True, **environment)

    return made


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """An archive of a chat with two people and a picture; and Ann's id."""
    folder = tmp_path_factory.mktemp("saved")
    with Server(folder) as server:
        ann, bob = Person(server, "Ann"), Person(server, "Bob")
        ann.say(bob, "a word")
        sent = bob.upload("image", "a.jpg", media.jpeg((64, 48)))
        group = ann.create_group("Tea", bob)
        bob.post("/group/send", groupId=group, type="image", mediaUrl=sent["mediaUrl"], content="look")
        run(server, "backup", str(folder / "chat.backup"))
    return folder / "chat.backup", ann.id


def test_a_copy_that_was_made_while_people_talk_becomes_a_chat_like_theirs(site: Made, tmp_path: Path) -> None:
    archive = tmp_path / "chat.backup"
    is_over = threading.Event()
    with site("one", **SEALED) as one:
        ann, bob = Person(one, "Ann"), Person(one, "Bob")
        group = ann.create_group("Tea", bob)
        pictured = bob.upload("image", "a.jpg", media.jpeg((64, 48)))
        bob.post("/group/send", groupId=group, type="image", mediaUrl=pictured["mediaUrl"], content="first")

        def talk() -> None:
            number = 0
            while not is_over.is_set():
                number += 1
                bob.say_in(group, f"word {number}")

        talking = threading.Thread(target=talk)
        talking.start()
        run(one, "backup", str(archive))
        is_over.set()
        talking.join()
        after = said(one, group, bob._headers)[-1]["seq"]

    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert b"word 1" not in archive.read_bytes() and not tarfile.is_tarfile(archive)
    assert "passphrase is wrong" in refusal(site("wrong", BACKUP_PASSPHRASE="wrong horse"), "restore", str(archive))
    assert "BACKUP_PASSPHRASE is needed" in refusal(site("none"), "restore", str(archive))

    two = site("two", **SEALED)
    run(two, "restore", str(archive))
    with two:
        # Their devices stay signed in.
        headers = bob._headers
        chats = two.http.post("/chatList", json={}, headers=headers).json()
        (chat,) = (chat for chat in chats if chat["id"] == group)
        history = said(two, group, headers)
        assert [message["seq"] for message in history] == list(range(1, chat["seq"] + 1))
        words = [message["content"] for message in history if message["type"] == "text"]
        assert words == [f"word {number}" for number in range(1, len(words) + 1)]
        assert 2 < chat["seq"] <= after
        assert chat["unreadCount"] == 0 and chat["lastMessage"] == history[-1]
        assert two.http.get(pictured["mediaUrl"], headers=headers).status_code == 200
        assert httpx.get(two.url + pictured["mediaUrl"]).status_code == 404


def said(server: Server, group: str, headers: dict[str, str]) -> list[Any]:
    """All that was said in a group."""
    history: list[Any] = []
    while not history or history[0]["seq"] > 1:
        page: dict[str, Any] = {"groupId": group, "limit": 100} | ({"before": history[0]["seq"]} if history else {})
        answer = server.http.get("/group/messages", params=page, headers=headers)
        assert answer.status_code == 200, answer.text
        history = [*answer.json(), *history]
    return history


def test_an_archive_that_is_not_whole_changes_nothing(site: Made, saved: tuple[Path, str], tmp_path: Path) -> None:
    archive, _ = saved
    whole = archive.read_bytes()
    with site("one") as one:
        Person(one, "Somebody")
        assert "end it first" in refusal(one, "restore", "--replace", str(archive))
        one.stop()
        before = checksums(one)
        assert "people in this chat already" in refusal(one, "restore", str(archive))
        for name, data in {
            "half": whole[: len(whole) // 2],
            "without its end": whole[: whole.rindex(b"end.json")],
            "no archive": b"hello",
            "empty": b"",
        }.items():
            (tmp_path / name).write_bytes(data)
            assert refusal(one, "restore", "--check", str(tmp_path / name)), name
        for number, (name, change) in enumerate(
            {
                "other rows": swap_rows,
                "a newer chat": add_migration,
                "a way out": lambda found: found.update({"files/../../evil": b"", "end.json": found.pop("end.json")}),
            }.items()
        ):
            spoiled = rewritten(archive, tmp_path / f"spoiled{number}", change)
            two = site(f"two{number}")
            assert refusal(two, "restore", str(spoiled)), name
            assert not (tmp_path / "evil").exists()
        assert checksums(one) == before
        assert "No such file" in refusal(one, "restore", str(tmp_path / "nowhere"))


def checksums(server: Server) -> Any:
    """The checksums of a chat's tables."""
    archive = server.data.parent / f"{time.monotonic_ns()}.backup"
    run(server, "backup", "--without-files", str(archive))
    return json.loads(members(archive)["tables.json"])


def swap_rows(found: dict[str, bytes]) -> None:
    """One file of rows says what another one does not."""
    tables = json.loads(found["tables.json"])
    tables["messaging.message"]["digest"] = "0" * 32
    found["tables.json"] = json.dumps(tables).encode()


def add_migration(found: dict[str, bytes]) -> None:
    chat = json.loads(found["chat.json"])
    chat["migrations"].append(["messaging", "9999_of_tomorrow"])
    found["chat.json"] = json.dumps(chat).encode()


def apps_before(number: str) -> Apps:
    """The models before a migration of messaging."""
    loader = MigrationLoader(None)
    last = max(name for app, name in loader.disk_migrations if app == "messaging" and name < number)
    others = [node for node in loader.graph.leaf_nodes() if node[0] != "messaging"]
    found: Apps = loader.project_state([("messaging", last), *others]).apps
    return found


def test_an_archive_of_an_older_version_is_taken_and_brought_up_to_date(
    site: Made, saved: tuple[Path, str], tmp_path: Path
) -> None:
    archive, _ = saved

    def older(found: dict[str, bytes]) -> None:
        """As it was before searches had an index, with the columns of that time."""
        chat, told = json.loads(found["chat.json"]), json.loads(found["tables.json"])
        chat["migrations"] = [one for one in chat["migrations"] if one[0] != "messaging" or one[1] < "0010"]
        then = {table.label: table.columns for table in tables(apps_before("0010"))}
        for name in [name for name in found if name.startswith("rows/")]:
            label = name.split("/")[1]
            if label not in then:
                del found[name], told[label]
                continue
            columns, *rows = [json.loads(line) for line in gzip.decompress(found[name]).splitlines()]
            kept = [at for at, column in enumerate(columns) if column in then[label]]
            lines = [orjson.dumps([row[at] for at in kept]) for row in (columns, *rows)]
            found[name] = gzip.compress(b"\n".join(lines))
            digest = Digest()
            for line in lines[1:]:
                digest.add(line)
            told[label] = digest.told()
        found["chat.json"], found["tables.json"] = json.dumps(chat).encode(), json.dumps(told).encode()

    one = site("one")
    run(one, "restore", str(rewritten(archive, tmp_path / "older", older)))
    with one:
        ann = one.http.post("/login", json={"name": "Ann", "password": PASSWORD}).json()
        found = one.http.get(
            "/message/search", params={"q": "a word"}, headers={"Authorization": f"Bearer {ann['token']}"}
        )
        assert [message["content"] for message in found.json()] == ["a word"]


def test_another_chat_makes_room_only_where_that_is_said_and_is_kept(site: Made, saved: tuple[Path, str]) -> None:
    archive, ann_id = saved
    with site("one") as one:
        Person(one, "Somebody")
        one.stop()
        if databases.is_postgresql():
            assert "Create an empty one, and name it in DATABASE_URL" in refusal(
                one, "restore", "--replace", str(archive)
            )
            return
        run(one, "restore", "--replace", str(archive))
        assert (one.data / "chat.sqlite3.before-restore").exists()
        one.start()
        answer = one.http.post("/login", json={"name": "Ann", "password": PASSWORD})
        assert answer.json()["id"] == ann_id
        # A first sign-in makes an account: nobody has this name any more.
        assert one.http.post("/login", json={"name": "Somebody", "password": "another " + PASSWORD}).status_code == 201


def test_archives_are_made_when_it_is_time_and_the_oldest_go(site: Made, tmp_path: Path) -> None:
    one = site("one", BACKUP_TO=str(tmp_path / "kept"), BACKUP_HOURS="5", BACKUP_KEEP="2")
    run(one, "migrate")

    def kept() -> list[Path]:
        return sorted((tmp_path / "kept").glob("*.backup"))

    seen = []
    for hours in (6, 1, 6, 6):
        for path in kept():
            made = path.stat().st_mtime - hours * 3600
            os.utime(path, (made, made))
        run(one, "backup", "--scheduled")
        seen.append(len(kept()))
    assert seen == [1, 1, 2, 2]
    assert "The archive is whole." in run(one, "restore", "--check", str(kept()[-1]))
    assert "BACKUP_KEEP" in refusal(site("two", BACKUP_KEEP="0"), "check")


def another_database(folder: Path) -> str:
    """An empty database, of the kind that these tests run on."""
    ours = urlsplit(os.environ.get("DATABASE_URL", ""))
    name = f"moved_{time.monotonic_ns()}"
    if ours.scheme.startswith("postgres"):
        psycopg = pytest.importorskip("psycopg")
        with psycopg.connect(ours.geturl(), autocommit=True) as database:
            database.execute(f"CREATE DATABASE {name}")
    elif ours.scheme != "mongodb":
        return f"sqlite:///{folder}/there.sqlite3"
    return ours._replace(path=f"/{name}").geturl()


def with_key_of(one: Server, other: Server) -> Server:
    """Another folder of the same chat."""
    shutil.copy(one.data / "encryption_key", other.data / "encryption_key")
    return other


def test_rows_that_are_moved_there_and_back_are_the_same(site: Made, saved: tuple[Path, str], tmp_path: Path) -> None:
    archive, _ = saved
    there = another_database(tmp_path)
    one = site("one")
    run(one, "restore", str(archive))
    before = checksums(one)
    run(one, "move", "--to", there)
    other = with_key_of(one, site("other", DATABASE_URL=there))
    moved = checksums(other)
    run(other, "move", "--to", f"sqlite:///{tmp_path}/back.sqlite3")
    last = with_key_of(one, site("last", DATABASE_URL=f"sqlite:///{tmp_path}/back.sqlite3"))
    back = checksums(last)
    for told in (before, moved, back):
        del told["messaging.epoch"]  # each database has begun one of its own
    assert before == moved == back
    assert "were not moved" in refusal(one, "move", "--to", there)
    with last:
        assert last.http.post("/login", json={"name": "Ann", "password": PASSWORD}).status_code == 200


@pytest.mark.parametrize("named", ["own", "given"])
def test_a_copy_opens_where_another_key_encrypts(site: Made, saved: tuple[Path, str], named: str) -> None:
    archive, ann_id = saved
    given = {} if named == "own" else {"ENCRYPTION_KEY": "0123456789abcdef0123456789abcdef"}
    two = site("two", **given)
    key = two.data / "encryption_key"
    if named == "own":
        key.write_text("fedcba9876543210fedcba9876543210")
    run(two, "restore", str(archive))
    if named == "own":
        assert key.read_text() == "fedcba9876543210fedcba9876543210"
    with two:
        assert heard(two, ann_id) == ["a word"]


def heard(server: Server, ann_id: str) -> list[str]:
    """What Bob reads of Ann's messages to him."""
    bob = Person(server, "Bob")
    answer = server.http.get(
        "/private/messages", params={"senderId": ann_id, "receiverId": bob.id}, headers=bob._headers
    )
    assert answer.status_code == 200, answer.text
    return [message["content"] for message in answer.json()]


def test_without_the_key_that_encrypted_it_a_copy_is_refused(site: Made, tmp_path: Path) -> None:
    key, archive = "0123456789abcdef0123456789abcdef", tmp_path / "chat.backup"
    with site("one", ENCRYPTION_KEY=key) as one:
        ann, bob = Person(one, "Ann"), Person(one, "Bob")
        ann.say(bob, "a word")
        run(one, "backup", str(archive))
    assert all(key.encode() not in data for data in members(archive).values())
    assert "keys/encryption_key" not in members(archive)
    two = site("two")
    assert "ENCRYPTION_KEY_FALLBACKS" in refusal(two, "restore", str(archive))
    two._environment["ENCRYPTION_KEY_FALLBACKS"] = key
    run(two, "restore", str(archive))
    del two._environment["ENCRYPTION_KEY_FALLBACKS"]
    with two:
        assert heard(two, ann.id) == ["a word"]
