"""The disk is full, or the database goes away: clients are told in our form, the log stays short, nothing is lost."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests import databases
from tests.browser.server import Person, Server, prepared

#: Bytes of the disk: enough for the tables and some messages.
SIZE = 16 * 1024 * 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        os.getuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", folder], check=False).returncode
    ):
        pytest.skip("a disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path) -> Path:
    """Write until nothing fits any more; the file to delete again."""
    path = disk / "filler"
    with path.open("wb", buffering=0) as file:
        for size in (1024 * 1024, 4096):
            while True:
                try:
                    if file.write(bytes(size)) < size:
                        break
                except OSError:
                    break
    return path


def test_a_full_disk_is_told_in_our_form_and_the_log_stays_short(tmp_path: Path, disk: Path) -> None:
    if databases.is_postgresql():
        pytest.skip("its disk is not the chat's")
    database = disk / "chat.sqlite3"
    shutil.copy(prepared() / "chat.sqlite3", database)
    settings: dict[str, Any] = {
        "DATABASE_URL": f"sqlite:///{database}",
        "MEDIA_ROOT": str(disk / "media"),
        "DISK_RESERVE": "0",
    }
    # Bodies of requests are laid down in the system's folder, which is on the same disk as a rule.
    with Server(tmp_path, TMPDIR=str(disk), **settings) as server:
        ann, bob = Person(server, "ann"), Person(server, "bob")
        ann.say(bob, "before")
        server.http.post("/private/send?way=long", headers=ann._headers, json={"content": "x" * 200_000})
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # what comes needs room
        filler = fill(disk)
        said_before = server.log.read_text()

        def asked(path: str, **how: object) -> tuple[int, str]:
            answer = server.http.post(path, headers=ann._headers, **how)  # type: ignore[arg-type]
            assert answer.headers["Content-Type"] == "application/problem+json", answer.text
            return answer.status_code, answer.json()["code"]

        body = {"receiverId": bob.id, "type": "text"}
        sends = [
            asked("/private/send", json={**body, "content": f"in vain {n}", "clientId": str(n)}) for n in range(10)
        ]
        assert set(sends) == {(503, "busy")}
        groups = [asked("/group/create", json={"name": f"tea {n}", "memberIds": []}) for n in range(5)]
        assert set(groups) == {(503, "busy")}
        long = [asked("/private/send?way=long", json={**body, "content": "x" * 200_000}) for _ in range(5)]
        assert set(long) == {(507, "storage_full")}
        files = {"media": ("a.txt", b"x" * 500_000)}
        uploads = [asked("/upload", data={"mediaType": "file"}, files=files) for _ in range(5)]
        assert set(uploads) == {(507, "storage_full")}
        assert server.http.get("/healthz/ready").json()["storage"] == "down"
        said = server.log.read_text().removeprefix(said_before)
        assert "disk is full" in said and "Traceback" not in said, said
        assert len(said.splitlines()) < 60, said

        filler.unlink()
        for number in range(10):
            ann.say(bob, f"in vain {number}", clientId=str(number))
        history = server.http.get(f"/private/messages?senderId={ann.id}", headers=bob._headers).json()
        assert [one["content"] for one in history] == ["before", *(f"in vain {number}" for number in range(10))]
