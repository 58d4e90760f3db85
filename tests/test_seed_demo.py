"""`manage.py seed_demo`: a chat full of people, as others would have filled it."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from demo.cast import ME, PEOPLE
from demo.story import GROUPS, PAIRS
from messaging.models import Message
from tests.browser.server import PASSWORD, Person, Server

#: It draws, and has every picture and recording judged: half a minute of work, twice.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ALL_CHATS = {group.name for group in GROUPS} | {PEOPLE[pair.other].name for pair in PAIRS if pair.one == ME}


class Guest:
    """One of the cast, signed in."""

    def __init__(self, server: Server, name: str, password: str) -> None:
        self._http = server.http
        answer = self._http.post("/login", json={"name": name, "password": password})
        assert answer.status_code == 200, answer.text
        self.id: str = answer.json()["id"]
        self._headers = {"Authorization": f"Bearer {answer.json()['token']}"}

    def fetch(self, path: str) -> httpx.Response:
        return self._http.get(path, headers=self._headers)

    @property
    def me(self) -> Any:
        return self.fetch("/me").json()

    @property
    def chats(self) -> list[Any]:
        answer: list[Any] = self._http.post("/chatList", json={}, headers=self._headers).json()
        return answer

    def history(self, chat: Any) -> list[Any]:
        path = "group/messages" if chat["type"] == "group" else "private/messages"
        key = "groupId" if chat["type"] == "group" else "senderId"
        answer = self._http.get(f"/{path}", params={key: chat["id"], "limit": 100}, headers=self._headers)
        assert answer.status_code == 200, answer.text
        said: list[Any] = answer.json()
        return said


class Demo:
    def __init__(self, server: Server) -> None:
        seeded = server.manage("seed_demo")
        assert seeded.returncode == 0 and not seeded.stderr, seeded.stderr
        self.server, self.told = server, seeded.stdout
        found = re.search(r"with the password (\S+),", self.told)
        assert found
        self.password = found[1]
        server.start()

    def sign_in(self, name: str) -> Guest:
        return Guest(self.server, name, self.password)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Seeded on an empty DATA_DIR, and served."""
    server = Server(tmp_path_factory.mktemp("demo"), RATE_MESSAGES="30/10s", RATE_SIGNIN_FAILURES="off")
    try:
        yield Demo(server)
    finally:
        server.stop()
        server.http.close()


@pytest.fixture(scope="module")
def lin(demo: Demo) -> Guest:
    return demo.sign_in(PEOPLE[ME].name)


def test_everybody_it_names_signs_in_with_the_one_password_and_the_first_owns_it(demo: Demo, lin: Guest) -> None:
    assert [line.strip() for line in demo.told.splitlines() if line.startswith("  ")] == [
        person.name for person in PEOPLE.values()
    ]
    assert lin.me["isStaff"] is True
    for person in PEOPLE.values():
        if person.name != PEOPLE[ME].name:
            assert demo.sign_in(person.name).me["isStaff"] is False


def test_its_chats_stand_in_order_over_two_weeks_and_nothing_is_said_in_the_future(lin: Guest) -> None:
    now = datetime.now(UTC)
    chats = lin.chats
    assert {chat["name"] for chat in chats} == {
        name.replace("Friday Dinner", "Dumpling Friday 🥟") for name in ALL_CHATS
    }
    lasts = [datetime.fromisoformat(chat["lastMessage"]["sentAt"]) for chat in chats]
    assert lasts == sorted(lasts, reverse=True)
    assert now - lasts[0] < timedelta(hours=1)
    for chat in chats:
        said = lin.history(chat)
        moments = [datetime.fromisoformat(message["sentAt"]) for message in said]
        assert moments == sorted(moments) and moments[-1] < now
        assert [message["seq"] for message in said] == list(range(1, chat["seq"] + 1))
        assert all(message["editedAt"] is None or message["editedAt"] > message["sentAt"] for message in said)
    assert now - min(lasts) > timedelta(days=3)


def test_what_is_unread_is_what_others_said_after_where_one_has_read(demo: Demo, lin: Guest) -> None:
    for name in (PEOPLE[ME].name, PEOPLE["wang"].name):
        guest = demo.sign_in(name)
        for chat in guest.chats:
            after = [one for one in guest.history(chat) if one["seq"] > chat["readSeq"] and one["senderId"] != guest.id]
            assert chat["unreadCount"] == len(after), chat["name"]
    counts = {chat["name"]: chat["unreadCount"] for chat in lin.chats}
    planned = {chat.name: chat.behind.get(ME, 0) for chat in GROUPS}
    planned |= {PEOPLE[pair.other].name: pair.behind.get(ME, 0) for pair in PAIRS if pair.one == ME}
    assert sum(counts.values()) == sum(planned.values()) > 0
    assert {name for name, count in counts.items() if count} == {name for name, count in planned.items() if count}


def test_every_kind_of_message_is_there_and_every_file_can_be_fetched_by_those_who_see_it(
    demo: Demo, lin: Guest
) -> None:
    said = [message for chat in lin.chats for message in lin.history(chat)]
    kinds = Counter(message["type"] for message in said)
    assert kinds.keys() == {"text", "image", "audio", "location", "file", "system"}
    assert min(kinds.values()) >= 3
    assert any(message["recalledAt"] for message in said) and any(message["editedAt"] for message in said)
    assert any(message["replyTo"] for message in said)
    stranger = httpx.Client(base_url=demo.server.url)
    for message in said:
        for address in filter(None, (message["mediaUrl"], message["thumbnailUrl"])):
            answer = lin.fetch(address)
            assert answer.status_code == 200 and answer.content
            assert stranger.get(address).status_code in (401, 404)
        if message["type"] == "audio":
            assert message["mimeType"] == "audio/mp4" and len(set(message["waveform"])) > 15
    stranger.close()


def test_a_second_run_does_nothing(demo: Demo, lin: Guest) -> None:
    before = [(chat["id"], chat["version"]) for chat in lin.chats]
    again = demo.server.manage("seed_demo", "--yes")
    assert again.returncode == 1 and "here already" in again.stderr
    assert [(chat["id"], chat["version"]) for chat in lin.chats] == before


def test_the_arithmetic_of_every_membership_is_right(demo: Demo) -> None:
    counted = demo.server.manage("unread")
    assert counted.returncode == 0 and ", 0 wrong in the database, 0 wrong in Redis" in counted.stdout, counted.stdout


def test_beside_a_chat_that_is_served_it_takes_an_owner_into_its_middle(tmp_path: Any) -> None:
    with Server(tmp_path) as server:
        Person(server, "Ann")
        seeded = server.manage("seed_demo", "--as", "Ann", "--password", "a tall and narrow teapot")
        assert seeded.returncode == 0, seeded.stderr
        assert "Ann  (your account, with its own password)" in seeded.stdout and "Ann owns" in seeded.stdout
        ann = Guest(server, "Ann", PASSWORD)
        assert len(ann.chats) == len(ALL_CHATS) and ann.me["isStaff"] is True
        Guest(server, "Maya Chen", "a tall and narrow teapot")


def test_where_people_are_already_nothing_happens_without_being_told_so(person: Any) -> None:
    person("ann")
    before = User.objects.count(), Message.objects.count()
    with pytest.raises(CommandError, match="There are people here"):
        call_command("seed_demo")
    with pytest.raises(CommandError, match="too short"):
        call_command("seed_demo", "--yes", "--password", "short")
    assert (User.objects.count(), Message.objects.count()) == before
