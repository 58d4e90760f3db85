"""Hashing passwords takes the time of nobody who does something else, and a password is set once."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from accounts import passwords
from tests.people import PASSWORD, Person

OTHER = "another horse battery"


class Held:
    """Hashing stands still until `go`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go = threading.Event()
        for name in ("make_password", "check_password"):
            monkeypatch.setattr(passwords, name, self._after(getattr(passwords, name)))

    def _after(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def held(*args: Any) -> Any:
            assert self.go.wait(60)
            return work(*args)

        return held


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    held = Held(monkeypatch)
    yield held
    held.go.set()


@pytest.fixture
def crowd() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(64) as threads:
        yield threads


def statuses(asked: list[Future[Any]]) -> list[int]:
    return sorted(one.result().status_code for one in asked)


def until(asked: list[Future[Any]], count: int) -> None:
    """Wait until so many requests are answered."""
    done = threading.Semaphore(0)
    for one in asked:
        one.add_done_callback(lambda _: done.release())
    for _ in range(count):
        assert done.acquire(timeout=60)


def until_all_wait(count: int) -> None:
    """Wait until so many requests have checked what they must before they hash."""
    end = time.monotonic() + 60
    while passwords._others.present < count:
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_crowd_of_sign_ups_keeps_nobody_else_waiting_and_has_an_end(
    person: Any, anonymous: Person, held: Held, crowd: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    held.go.set()
    ann = person("ann")
    held.go.clear()
    names = [f"x {person.unique()}" for _ in range(40)]
    sign_up = lambda name: anonymous.request("post", "/login", body={"name": name, "password": PASSWORD})  # noqa: E731
    asked = [crowd.submit(sign_up, name) for name in names]
    until(asked, 40 - passwords.SIGN_INS_EACH)  # refused at once, while nothing is hashed
    refused = [one.result() for one in asked if one.done()]
    assert {(one.status_code, one.json()["code"]) for one in refused} == {(503, "busy")}
    assert all(int(one.headers["Retry-After"]) > 0 for one in refused)
    for _ in range(20):
        ann.get("/me", status=200)
    assert ann.connect().call("SocketHeartBeat")["serverTime"]
    held.go.set()
    assert statuses(asked) == [201] * passwords.SIGN_INS_EACH + [503] * (40 - passwords.SIGN_INS_EACH)


def test_another_address_gets_in_while_one_takes_all_its_places(
    person: Any, anonymous: Person, held: Held, crowd: ThreadPoolExecutor, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    sign_up = lambda name, at: anonymous.request(  # noqa: E731
        "post", "/login", body={"name": name, "password": PASSWORD}, headers={"X-Forwarded-For": at}
    )
    flood = [crowd.submit(sign_up, f"x {person.unique()}", "203.0.113.1") for _ in range(30)]
    until(flood, 30 - passwords.SIGN_INS_EACH)
    other = crowd.submit(sign_up, f"y {person.unique()}", "203.0.113.2")
    held.go.set()
    assert other.result().status_code == 201
    assert statuses(flood).count(201) == passwords.SIGN_INS_EACH


def test_a_sign_up_that_the_server_was_too_busy_for_counts_against_nobody(
    person: Any, anonymous: Person, held: Held, crowd: ThreadPoolExecutor, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    settings.RATE_SIGNUPS = "16/1h"
    address = {"X-Forwarded-For": "203.0.113.7"}
    sign_up = lambda: anonymous.request(  # noqa: E731
        "post", "/login", body={"name": f"x {person.unique()}", "password": PASSWORD}, headers=address
    )
    asked = [crowd.submit(sign_up) for _ in range(16)]
    until(asked, 16 - passwords.SIGN_INS_EACH)
    held.go.set()
    assert statuses(asked) == [201] * passwords.SIGN_INS_EACH + [503] * (16 - passwords.SIGN_INS_EACH)
    assert [sign_up().status_code for _ in range(5)] == [201] * 4 + [429]


def guests(anonymous: Person, person: Any, count: int) -> list[Person]:
    made = [anonymous.post("/createUser", {"name": f"guest {person.unique()}", "img": ""}) for _ in range(count)]
    return [Person(anonymous._client, name=user["name"], token=user.pop("token"), user=user) for user in made]


def test_sixteen_guests_who_set_a_password_at_once_leave_threads_for_everybody_else(
    person: Any, anonymous: Person, held: Held, crowd: ThreadPoolExecutor
) -> None:
    asked = [
        crowd.submit(guest.request, "patch", "/me", body={"password": PASSWORD})
        for guest in guests(anonymous, person, 16)
    ]
    until(asked, 16 - passwords.OTHERS_MAX)
    (stranger,) = guests(anonymous, person, 1)
    for _ in range(20):
        stranger.get("/me", status=200)
    held.go.set()
    assert statuses(asked) == [200] * passwords.OTHERS_MAX + [503] * (16 - passwords.OTHERS_MAX)


def test_of_passwords_that_one_guest_sets_at_once_one_holds_and_the_others_are_told(
    person: Any, anonymous: Person, held: Held, crowd: ThreadPoolExecutor
) -> None:
    (guest,) = guests(anonymous, person, 1)
    wanted = [f"{PASSWORD} {number}" for number in range(passwords.OTHERS_MAX)]
    asked = [crowd.submit(guest.request, "patch", "/me", body={"password": one}) for one in wanted]
    until_all_wait(len(wanted))
    held.go.set()
    answers = [one.result() for one in asked]
    assert sorted(one.status_code for one in answers) == [200] + [400] * (len(wanted) - 1)
    (holds,) = (word for word, answer in zip(wanted, answers, strict=True) if answer.status_code == 200)
    for answer in answers:
        assert answer.status_code == 200 or answer.json()["errors"].keys() == {"oldPassword"}
    for word in wanted:
        body = {"name": guest.name, "password": word}
        anonymous.post("/login", body, status=200 if word == holds else 401)


def test_an_old_password_that_was_changed_meanwhile_changes_nothing(
    person: Any, held: Held, crowd: ThreadPoolExecutor
) -> None:
    held.go.set()
    ann = person("ann")
    held.go.clear()
    asked = [
        crowd.submit(ann.request, "patch", "/me", body={"oldPassword": PASSWORD, "password": f"{OTHER} {number}"})
        for number in range(2)
    ]
    until_all_wait(2)
    held.go.set()
    assert statuses(asked) == [200, 400]


def test_a_new_password_costs_much_of_a_budget(person: Any, settings: Any) -> None:
    settings.RATE_ACTIONS = "450/1h"
    ann = person("ann")
    words = [PASSWORD, f"{OTHER} 1", f"{OTHER} 2", f"{OTHER} 3"]
    said = [
        ann.request("patch", "/me", body={"oldPassword": old, "password": new}).status_code
        for old, new in itertools.pairwise(words)
    ]
    assert said == [200, 200, 429]
