"""A restored copy of the database is noticed, and everybody is told to start afresh."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction

from chatproject.core.hub import node
from messaging import background
from messaging.models import Message
from messaging.services import epochs
from tests.browser.server import Person as Visitor
from tests.browser.server import Server


def epoch_of(visitor: Visitor) -> str:
    return str(visitor.post("/sync", cursors={})["epoch"])


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path) as server:
        yield server


@pytest.mark.parametrize("what", ["a message", "an edit", "a recall", "a join"])
def test_a_copy_that_lacks_what_was_said_later_begins_a_new_epoch(site: Server, what: str) -> None:
    ann, bob = Visitor(site, "Ann"), Visitor(site, "Bob")
    said = ann.say(bob, "hello")
    group = ann.create_group("Tea", joinPolicy="open")
    before = epoch_of(ann)
    backup = site.database.save()
    if what == "a message":
        ann.say(bob, "this is lost")
    elif what == "an edit":
        ann.post("/message/edit", messageId=said["id"], content="hello!")
    elif what == "a recall":
        ann.post("/message/recall", messageId=said["id"])
    else:
        bob.post("/group/join", groupId=group)
    assert epoch_of(ann) == before
    site.kill()
    site.database.restore(backup)
    site.start()
    after = epoch_of(ann)
    assert after > before
    assert epoch_of(bob) == after


def test_a_restart_a_kill_and_a_copy_that_lacks_nothing_begin_none(site: Server) -> None:
    ann, bob = Visitor(site, "Ann"), Visitor(site, "Bob")
    ann.say(bob, "hello")
    before = epoch_of(ann)
    for end in (site.stop, site.kill):
        end()
        site.start()
        assert epoch_of(ann) == before
        ann.say(bob, "and again")
    backup = site.database.save()
    site.kill()
    site.database.restore(backup)
    site.start()
    assert epoch_of(ann) == before


def test_a_copy_from_before_an_earlier_restore_begins_one_too(site: Server) -> None:
    ann, bob = Visitor(site, "Ann"), Visitor(site, "Bob")
    ann.say(bob, "hello")
    backup = site.database.save()
    seen = [epoch_of(ann)]
    for _ in range(2):
        site.kill()
        site.database.restore(backup)
        site.start()
        seen.append(epoch_of(ann))
        ann.say(bob, "hello again")  # takes the number of a lost one
    assert seen == sorted(set(seen))


def test_without_a_witness_nobody_trusts_the_numbers(site: Server) -> None:
    ann = Visitor(site, "Ann")
    before = epoch_of(ann)
    site.stop()
    (site.data / "epoch").unlink()
    shutil.rmtree(site.data / "redis")
    site.start()
    assert epoch_of(ann) > before


def test_an_operator_begins_an_epoch_by_hand(site: Server) -> None:
    ann = Visitor(site, "Ann")
    before = epoch_of(ann)
    site.stop()
    done = site.manage("new_epoch")
    assert done.returncode == 0, done.stderr
    site.start()
    assert epoch_of(ann) == done.stdout.strip() > before


@pytest.fixture
def started() -> Iterator[Callable[[], str]]:
    """The check, as the server's job does it; it has been done once."""
    epochs.check()
    yield epochs.check
    epochs.check()


def test_a_copy_that_is_put_under_a_running_server_is_noticed_and_told(
    person: Any, group: Any, started: Callable[[], str]
) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    anns = ann.connect()
    anns.call("EmitUserConnect")
    before = anns.next("OnUserConnect")["epoch"]
    assert before == started()
    first, second = (ann.post("/group/send", {"groupId": room["id"], "content": text}, status=201) for text in "12")
    # The second is lost, and its number was given again before anybody looked.
    with transaction.atomic():
        Message.objects.filter(pk=second["id"]).delete()
        Message.objects.filter(pk=first["id"]).update(seq=second["seq"])
    loop = node._hub.loop
    assert loop is not None
    asyncio.run_coroutine_threadsafe(background.check_epoch(), loop).result(60)
    after = anns.next("SocketHeartBeat")["epoch"]
    assert after > before
    assert anns.call("SocketHeartBeat")["epoch"] == after
    assert anns.call("EmitSync", {"cursors": {}})["epoch"] == after
    ann.post("/group/dissolve", {"groupId": room["id"]})  # its numbers no longer fit its messages


def test_what_is_deleted_is_not_lost(person: Any, group: Any, started: Callable[[], str]) -> None:
    ann, bob = person("ann"), person("bob")
    room, other = group(ann, bob), group(ann, bob)
    before = started()
    said = ann.post("/group/send", {"groupId": room["id"], "content": "1"}, status=201)
    ann.post("/group/send", {"groupId": other["id"], "content": "2"}, status=201)
    Message.objects.filter(pk=said["id"]).delete()  # as an account's deletion does
    ann.post("/group/dissolve", {"groupId": other["id"]})
    assert started() == before
    ann.post("/group/dissolve", {"groupId": room["id"]})  # its numbers no longer fit its messages


def test_the_witness_is_for_its_owner_only() -> None:
    epochs.check()
    assert (settings.DATA_DIR / "epoch").stat().st_mode & 0o077 == 0


def test_a_line_that_is_just_written_is_read_again(
    person: Any, group: Any, started: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of it is from one message, half from another: together they say that a message is lost."""
    ann, bob = person("ann"), person("bob")
    tea, coffee = group(ann, bob), group(ann, bob)
    before, file = started(), settings.DATA_DIR / "epoch"
    lines = []
    for room, count in ((tea, 3), (coffee, 1)):
        for _ in range(count):
            ann.post("/group/send", {"groupId": room["id"], "content": "hello"}, status=201)
        lines.append(file.read_text())
    middle = lines[1].index(coffee["id"]) + len(coffee["id"])
    torn = lines[1][:middle] + lines[0][middle:]
    assert len(torn) == len(lines[0]) and torn not in lines
    file.write_text(torn)
    read_again: list[float] = []

    def written_meanwhile(seconds: float) -> None:
        read_again.append(seconds)
        file.write_text(lines[1])

    monkeypatch.setattr("messaging.services.epochs.sleep", written_meanwhile)
    epochs._recent.clear()
    assert epochs.check() == before
    assert read_again
