"""An installation of an earlier version is started with this one."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import httpx
import pytest

from chatproject.core.db.current import dialect
from tests.browser.server import ROOT, Person, Server
from tests.test_serving import soon

#: The tables of an earlier version, by their last migrations.
EARLIER = {"messaging": "0010_search_index", "groups": "0010_departures"}


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Person, Person]]:
    """A chat of an earlier version that was backed up and ended, with two people who have talked."""
    folder = tmp_path_factory.mktemp("earlier")
    server = Server(folder)
    server.start()
    ann, bob = Person(server, "ann"), Person(server, "bob")
    for number in range(3):
        ann.say(bob, f"message {number}")
    ann.say_in(ann.create_group("tea", bob), "in the group, see https://example.org")
    server.stop()
    assert server.manage("backup", str(folder / "chat.backup")).returncode == 0
    for app, name in EARLIER.items():
        done = server.manage("migrate", app, name)
        assert done.returncode == 0, done.stderr
    yield server, ann, bob
    server.stop()
    server.http.close()


def refused(server: Server, *words: str, **environment: str) -> str:
    command = [sys.executable, "manage.py", "serve", *words]
    environment = server._environment | environment
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode != 0 and "Traceback" not in done.stderr, done.stderr
    return done.stderr


def test_an_upgrade_is_checked_done_by_one_and_loses_nothing(earlier: tuple[Server, Person, Person]) -> None:
    server, ann, bob = earlier
    stamp = server.data / "backed_up"
    long_ago = stamp.stat().st_mtime - 2 * 24 * 3600
    os.utime(stamp, (long_ago, long_ago))
    assert "no `manage.py backup` within a day" in refused(server, UPGRADE_BACKUP_BYTES="1")
    assert "changes the tables" in refused(server, "--prepare")
    os.utime(stamp)

    # Another host changes the tables: this one waits.
    with server.database.alone("upgrade"):
        server._environment["UPGRADE_BACKUP_BYTES"] = "1"
        starting = threading.Thread(target=server.start)
        starting.start()
        soon(lambda: "this one waits until that is done" in server.log.read_text())
        assert "upgrade: 1 of" not in server.log.read_text()
    starting.join()
    said = server.log.read_text()
    assert f"upgrade: 1 of {said.count(' took ')}: " in said and "upgrade: done, in" in said

    read = httpx.get(f"{server.url}/private/messages?senderId={ann.id}", headers=bob._headers).json()
    assert [one["content"] for one in read] == ["message 0", "message 1", "message 2"]
    unread = httpx.get(f"{server.url}/unread", headers=bob._headers).json()
    assert [one["unreadCount"] for one in unread["private"] + unread["group"]] == [3, 1]
    group = next(one["groupId"] for one in unread["group"])
    found = httpx.get(f"{server.url}/chat/shelf?chatId={group}&isGroup=true&kind=links", headers=bob._headers).json()
    assert [one["content"] for one in found] == ["in the group, see https://example.org"]
    ann.say(bob, "after it")
    server.stop()


def test_tables_of_a_newer_version_are_refused_and_left_alone(earlier: tuple[Server, Person, Person]) -> None:
    server, *_ = earlier
    made = "INSERT INTO django_migrations (app, name, applied) VALUES ('messaging', '9999_later', '2099-01-01')"
    server.database.change(made)
    said = refused(server)
    assert "migrations that this version does not know (messaging.9999_later)" in said
    assert "messaging.9999_later" in refused(server, "--prepare")
    server.database.change("DELETE FROM django_migrations WHERE name = '9999_later'")


def test_one_process_at_a_time_changes_the_tables(server: str) -> None:
    first, second = [], []

    def beside() -> None:
        with dialect().alone("a test") as is_alone:
            second.append(is_alone)

    for _ in range(2):
        with dialect().alone("a test") as is_alone:
            first.append(is_alone)
            thread = threading.Thread(target=beside)
            thread.start()
            thread.join()
    beside()
    assert first == [True, True] and second == [False, False, True]
    assert dialect().bytes() > 100_000
