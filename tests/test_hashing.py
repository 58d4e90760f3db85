"""Hashing passwords takes the time of nobody who does something else, and a password is set once."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from accounts import passwords
from chatproject import asgi
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


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's time in a line is over before the test's, however busy the machine is."""
    for line in (asgi.sign_ins._application, passwords._sign_ins, passwords._others):
        monkeypatch.setattr(line, "_timeout_seconds", 60.0)


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


def sign_up(anonymous: Person, person: Any, address: str) -> Any:
    """The answer to a sign-up from this address."""
    body = {"name": f"x {person.unique()}", "password": PASSWORD}
    return anonymous.request("post", "/login", body=body, headers={"X-Forwarded-For": address})


#: Places of one address: those on threads, and those in the line of `short_line`.
IN_LINE, IN_LINE_EACH = 10, 8
PLACES_EACH = passwords.SIGN_INS_EACH + IN_LINE_EACH


@pytest.fixture
def short_line(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """A line that is full soon; addresses are those that X-Forwarded-For says."""
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    handler: Any = asgi.sign_ins._application
    monkeypatch.setattr(handler, "_length", IN_LINE)
    monkeypatch.setattr(handler, "_length_each", IN_LINE_EACH)


def test_an_office_that_signs_up_at_once_gets_in_and_keeps_nobody_else_waiting(
    person: Any, anonymous: Person, held: Held, crowd: ThreadPoolExecutor, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    held.go.set()
    ann = person("ann")
    held.go.clear()
    asked = [crowd.submit(sign_up, anonymous, person, "203.0.113.9") for _ in range(40)]
    for _ in range(20):
        ann.get("/me", status=200)
    assert ann.connect().call("SocketHeartBeat")["serverTime"]
    assert not any(one.done() for one in asked)
    held.go.set()
    assert statuses(asked) == [201] * 40


def test_a_flood_of_sign_ups_has_an_end_and_another_address_gets_in_before_it(
    person: Any, anonymous: Person, held: Held, crowd: ThreadPoolExecutor, short_line: None
) -> None:
    flood = [crowd.submit(sign_up, anonymous, person, "203.0.113.1") for _ in range(40)]
    until(flood, 40 - PLACES_EACH)  # refused at once, while nothing is hashed
    refused = [one.result() for one in flood if one.done()]
    assert {(one.status_code, one.json()["code"]) for one in refused} == {(503, "busy")}
    assert all(int(one.headers["Retry-After"]) > 0 for one in refused)
    in_before: list[int] = []
    other = crowd.submit(sign_up, anonymous, person, "203.0.113.2")
    other.add_done_callback(lambda _: in_before.append(sum(one.done() for one in flood) - len(refused)))
    while passwords._sign_ins.present <= passwords.SIGN_INS_EACH:
        time.sleep(0.005)
    held.go.set()
    assert other.result().status_code == 201
    assert in_before[0] < PLACES_EACH / 2
    assert statuses(flood) == [201] * PLACES_EACH + [503] * (40 - PLACES_EACH)


def test_a_full_line_has_a_place_for_an_address_with_nobody_in_it(
    person: Any, anonymous: Person, held: Held, crowd: ThreadPoolExecutor, short_line: None
) -> None:
    greedy = [crowd.submit(sign_up, anonymous, person, f"203.0.113.{10 + number % 2}") for number in range(48)]
    most = passwords.SIGN_INS_MAX + IN_LINE
    until(greedy, len(greedy) - most)
    late = [crowd.submit(sign_up, anonymous, person, f"203.0.113.{20 + number}") for number in range(3)]
    until(greedy, len(greedy) - most + len(late))
    assert not any(one.done() for one in late)
    held.go.set()
    assert statuses(late) == [201] * 3
    assert statuses(greedy).count(201) == most - len(late)


def test_a_page_says_that_the_line_is_full(
    person: Any, anonymous: Person, held: Held, crowd: ThreadPoolExecutor, short_line: None, browser: Any
) -> None:
    address = "203.0.113.3"
    flood = [crowd.submit(sign_up, anonymous, person, address) for _ in range(40)]
    until(flood, 40 - PLACES_EACH)
    name = f"x {person.unique()}"
    page = browser(**{"X-Forwarded-For": address, "Accept-Language": "en"})
    answer = page.submit("/sign-up/", name=name, password=PASSWORD)
    assert answer.status_code == 503 and answer.headers["content-type"].startswith("text/html")
    assert "busy" in answer.text and f'value="{name}"' in answer.text
    held.go.set()
    statuses(flood)
    assert page.submit("/sign-up/", name=name, password=PASSWORD).status_code == 302


def test_a_sign_up_that_the_server_was_too_busy_for_counts_against_nobody(
    person: Any, anonymous: Person, held: Held, crowd: ThreadPoolExecutor, settings: Any, monkeypatch: Any
) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    settings.RATE_SIGNUPS = "8/1h"
    monkeypatch.setattr(passwords._sign_ins, "_timeout_seconds", 0.01)
    asked = [crowd.submit(sign_up, anonymous, person, "203.0.113.7") for _ in range(8)]
    until(asked, 8 - passwords.WORKERS)
    monkeypatch.setattr(passwords._sign_ins, "_timeout_seconds", 60.0)
    held.go.set()
    assert statuses(asked) == [201] * passwords.WORKERS + [503] * (8 - passwords.WORKERS)
    said = [sign_up(anonymous, person, "203.0.113.7").status_code for _ in range(9 - passwords.WORKERS)]
    assert said == [201] * (8 - passwords.WORKERS) + [429]


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
