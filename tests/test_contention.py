"""Concurrent writes: each takes effect once and in order, and no client sees a lost race.

Several writers in one process are to the database what the writers of several processes are.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from accounts import selectors as people
from accounts import services as accounts
from accounts.models import Device
from chatproject.core.batching.group_commit import GroupCommit
from chatproject.core.db import postgresql, sqlite
from chatproject.core.db.transactions import on_commit, release_connection, run_atomic
from chatproject.core.errors import ChatError, InvalidCredentials
from groups import services as groups
from groups.models import Membership, Room
from messaging import selectors, services
from messaging.models import Message
from messaging.services import send_batch
from tests.people import PASSWORD

pytestmark = pytest.mark.usefixtures("quiet_log")

WRITERS = 8


#: Seconds. Who waits for their turn waits here as long as a busy machine needs; tests/faults has those who are told.
PATIENCE = 60.0


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "LOCK_TIMEOUT_SECONDS", PATIENCE)
    monkeypatch.setattr(send_batch.commits, "_timeout_seconds", PATIENCE)


@pytest.fixture
def no_deadlocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction that PostgreSQL gives up to end a deadlock fails instead of being tried
    again.
    """
    monkeypatch.setattr(postgresql, "LOST_RACES", set())


@pytest.fixture
def threads() -> Callable[[list[Callable[[], Any]]], list[Any]]:
    """Run functions at the same time, on threads that leave no database connection behind."""

    def all_at_once(doings: list[Callable[[], Any]]) -> list[Any]:
        start = threading.Barrier(len(doings))

        def run(doing: Callable[[], Any]) -> Any:
            start.wait()
            try:
                return doing()
            finally:
                release_connection()

        with ThreadPoolExecutor(len(doings)) as pool:
            return [one.result() for one in [pool.submit(run, doing) for doing in doings]]

    return all_at_once


def require_whole(room_id: str) -> None:
    """Check that the numbers have no gap and every unread count equals the counted messages."""
    room = Room.objects.get(pk=room_id)
    seqs = sorted(Message.objects.filter(room_id=room.pk).values_list("seq", flat=True))
    assert seqs == list(range(1, room.last_seq + 1))
    versions = sorted(Message.objects.filter(room_id=room.pk).values_list("version", flat=True))
    assert len(set(versions)) == len(versions) and versions[-1] <= room.last_version
    memberships = list(Membership.objects.select_related("room").filter(room_id=room.pk))
    assert room.member_count == len(memberships)
    assert {one.user_id: one.unread for one in memberships} == {
        one.user_id: selectors.counted_unread(one) for one in memberships
    }


def test_twenty_people_send_and_read_in_one_group_at_once(
    person: Any, group: Any, threads: Any, no_deadlocks: None
) -> None:
    crowd = [person("member") for _ in range(20)]
    room = group(*crowd)

    def talk(one: Any) -> list[int]:
        said = []
        for number in range(5):
            message = one.post("/group/send", {"groupId": room["id"], "content": str(number)}, status=201)
            said.append(message["seq"])
            one.post("/group/markGroupRead", {"groupId": room["id"], **({"upTo": said[0]} if number % 2 else {})})
        return said

    said = threads([lambda one=one: talk(one) for one in crowd])
    assert all(mine == sorted(mine) for mine in said)
    assert sorted(seq for mine in said for seq in mine) == list(range(2, 102))
    require_whole(room["id"])


def test_several_processes_send_read_and_change_one_group_at_once(
    person: Any, group: Any, threads: Any, no_deadlocks: None
) -> None:
    names = [person("member") for _ in range(WRITERS)]
    room, other = group(*names), group(*names)
    crowd = [people.get(one.id) for one in names]
    room_ids = [UUID(one["id"]) for one in (room, other)]

    def send(writer: GroupCommit[Any, Any], turn: int) -> None:
        # Every writer sends as everybody to both groups, so that each batch locks many memberships
        # and both rooms.
        drafts = [
            services.OutgoingMessage(sender=sender, to=to, is_group=True, content=f"{turn}", client_id=f"{turn} {to}")
            for to in room_ids[:: 1 if turn % 2 else -1]
            for sender in (*crowd[turn:], *crowd[:turn])
        ]
        with ThreadPoolExecutor(len(drafts)) as waiting:
            list(waiting.map(writer.commit, drafts))

    def read(one: Any) -> None:
        for _ in range(4):
            services.mark_read(by=one, chat_ids=room_ids, is_group=True)

    def change(one: Any) -> None:
        for number in range(2):
            groups.leave_for_a_while(by=one, group_id=room_ids[0])
            groups.come_back(by=one, group_id=room_ids[0])
            groups.invite(by=one, group_id=room_ids[1])
            if one == crowd[0]:
                groups.update(by=one, group_id=room_ids[1], name=f"{number}")

    writers = [send_batch.writer(f"writer {number}", timeout_seconds=PATIENCE) for number in range(WRITERS // 2)]
    threads(
        [lambda turn=turn: send(writers[turn], turn) for turn in range(len(writers))]
        + [lambda one=one: read(one) for one in crowd]
        + [lambda one=one: change(one) for one in crowd[:3]]
    )
    for one in (room, other):
        assert Message.objects.filter(room_id=one["id"], type="text").count() == WRITERS * len(writers)
        require_whole(one["id"])


def test_two_people_who_write_to_each_other_first_at_once_have_one_chat(person: Any, threads: Any) -> None:
    writers = [send_batch.writer(f"writer {number}", timeout_seconds=PATIENCE) for number in range(2)]
    for _ in range(5):
        ann, bob = (people.get(person(name).id) for name in ("ann", "bob"))
        drafts = [
            services.OutgoingMessage(sender=one, to=other.pk, is_group=False, content="hello")
            for one, other in ((ann, bob), (bob, ann))
        ]
        sent = threads(
            [
                lambda writer=writer, draft=draft: writer.commit(draft)
                for writer, draft in zip(writers, drafts, strict=True)
            ]
        )
        assert sorted(one.output["seq"] for one in sent) == [1, 2]
        require_whole(str(drafts[0].room_id))


def test_a_sign_in_that_meets_a_change_of_the_password_does_not_outlive_it(
    person: Any, threads: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = person("ann")
    checked, save = threading.Event(), Device.save

    def save_slowly(device: Device, **options: Any) -> None:
        checked.set()
        time.sleep(0.3)  # the old password was accepted, and is changed now
        save(device, **options)

    def sign_in() -> str:
        try:
            return accounts.open_token(user=people.get(ann.id))
        except InvalidCredentials:
            return "none"

    def change_password() -> None:
        assert checked.wait(60)
        ann.patch("/me", {"password": "another horse battery", "oldPassword": PASSWORD})

    monkeypatch.setattr(Device, "save", save_slowly)
    token, _ = threads([sign_in, change_password])
    assert accounts.device_for_token(token) is None
    assert len(ann.get("/me/sessions")) == 1


def test_of_equal_names_taken_at_once_one_exists(person: Any, threads: Any) -> None:
    name = f"twin {person.unique()}"

    def sign_up() -> bool:
        try:
            accounts.sign_up(name=name, password=PASSWORD, address="127.0.0.1")
        except ChatError as taken:
            assert taken.code == "name_taken"
            return False
        return True

    assert sorted(threads([sign_up] * 6)) == [False] * 5 + [True]


# MongoDB's transactions -----------------------------------------------------------------------------------------------


@pytest.mark.skipif("connection.vendor != 'mongodb'", reason="about MongoDB")
class TestMongoDB:
    @pytest.fixture
    def failing(self, server: str) -> Iterator[Callable[..., None]]:
        """Let the server refuse a command so many times."""
        connection.ensure_connection()

        def refuse(command: str, times: int, **how: Any) -> None:
            data = {"failCommands": [command], **how}
            connection.connection.admin.command("configureFailPoint", "failCommand", mode={"times": times}, data=data)

        yield refuse
        connection.connection.admin.command("configureFailPoint", "failCommand", mode="off")

    def rename(self, user_id: str, img: str, done: list[str]) -> None:
        def body() -> None:
            user = people.get(user_id)
            user.img = img
            user.save(update_fields=["img"])
            on_commit(lambda: done.append(img))

        run_atomic(body)

    @pytest.mark.parametrize(
        ("command", "how"),
        [
            ("update", {"errorCode": 112, "errorLabels": ["TransientTransactionError"]}),
            ("commitTransaction", {"errorCode": 112, "errorLabels": ["TransientTransactionError"]}),
            ("commitTransaction", {"errorCode": 50, "errorLabels": ["UnknownTransactionCommitResult"]}),
        ],
    )
    def test_a_refused_transaction_is_tried_again_and_told_once(
        self, person: Any, failing: Any, command: str, how: dict[str, Any]
    ) -> None:
        ann = person("ann")
        done: list[str] = []
        failing(command, 4, **how)
        self.rename(ann.id, "/a.png", done)
        assert (done, people.get(ann.id).img) == (["/a.png"], "/a.png")
        self.rename(ann.id, "/b.png", done)
        assert (done[-1], people.get(ann.id).img) == ("/b.png", "/b.png")

    def test_a_commit_that_fails_for_good_leaves_nothing_for_the_next_transaction(
        self, person: Any, failing: Any
    ) -> None:
        ann = person("ann")
        done: list[str] = []
        failing("commitTransaction", 1, errorCode=2)
        with pytest.raises(Exception, match="failpoint"):
            self.rename(ann.id, "/lost.png", done)
        self.rename(ann.id, "/b.png", done)
        assert (done, people.get(ann.id).img) == (["/b.png"], "/b.png")
