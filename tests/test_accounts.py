"""Sign-up and sign-in on several devices, what other users see, and who is refused."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts import services
from accounts.models import Device, Installation, User
from accounts.serializers import DeviceOutput, MeOutput, SignedInOutput, UserOutput
from chatproject.core import hub
from tests import hostile
from tests.people import PASSWORD, Person

WRONG = "not the password"


def try_(anonymous: Person, name: str, password: str = WRONG, address: str = "") -> Any:
    """POST /login as somebody at `address`, which counts only behind a trusted proxy."""
    headers = {"X-Forwarded-For": address} if address else {}
    return anonymous.request("post", "/login", body={"name": name, "password": password}, headers=headers)


# Signing up -----------------------------------------------------------------------------------------------------------


def test_an_unknown_name_signs_up_and_a_known_one_signs_in(person: Any, anonymous: Person) -> None:
    name = f"ann {person.unique()}"
    created = anonymous.post("/login", {"name": name, "password": PASSWORD, "img": "/a.png"}, status=201)
    again = anonymous.post("/login", {"name": name, "password": PASSWORD}, status=200)
    assert created["id"] == again["id"] and created["token"] != again["token"]
    assert {key: created[key] for key in ("name", "img", "online")} == {"name": name, "img": "", "online": False}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", created["lastActive"])


@pytest.mark.parametrize(
    "other",
    ["ANN {}", "  ann  {} ", "ann\u3000{}", "ａｎｎ {}", "a\u200dnn {}"],
    ids=["case", "spaces", "ideographic space", "full width", "invisible joiner"],
)
def test_names_that_look_the_same_are_the_same(person: Any, anonymous: Person, other: str) -> None:
    unique = person.unique()
    ann = person.remember(Person.signed_up(anonymous._client, f"ann {unique}"))
    user = anonymous.post("/login", {"name": other.format(unique), "password": PASSWORD}, status=200)
    assert user["id"] == ann.id


@pytest.mark.parametrize(
    "name", ["", "   ", "a\nb", "a\x00b", "a\u202eb", "\u200b\u200d", "\u2800", "\u3164", "x" * 41, "a\ufeffb"]
)
def test_a_name_that_cannot_be_seen_or_deceives_is_refused(anonymous: Person, name: str) -> None:
    problem = anonymous.post("/login", {"name": name, "password": PASSWORD}, status=400)
    assert problem["code"] == "invalid" and problem["errors"]["name"]


def test_names_of_all_scripts_and_emoji_are_welcome(person: Any, anonymous: Person) -> None:
    for name in ("李小龙", "Ærøskøbing", "عائشة", "👩‍👩‍👧‍👦 family", "नमस्ते"):
        name = f"{name} {person.unique()}"
        assert anonymous.post("/login", {"name": name, "password": PASSWORD}, status=201)["name"] == name


@pytest.mark.parametrize("password", ["short", "password1", "12345678901"])
def test_a_weak_password_is_refused_beside_its_field(person: Any, anonymous: Person, password: str) -> None:
    body = {"name": f"ann {person.unique()}", "password": password}
    problem = anonymous.post("/login", body, status=400)
    assert problem["code"] == "invalid" and list(problem["errors"]) == ["password"]
    assert anonymous.post("/login", {**body, "password": PASSWORD}, status=201)


@pytest.mark.parametrize(
    "img", ["javascript:alert(1)", "data:image/png;base64,AA", "//evil.example/a.png", "/\\evil", "a.png", "http://"]
)
def test_what_is_no_address_is_no_avatar(person: Any, anonymous: Person, img: str) -> None:
    body = {"name": f"ann {person.unique()}", "password": PASSWORD, "img": img}
    assert anonymous.post("/login", body, status=400)["errors"]["img"]


def test_one_name_for_many_at_one_moment_is_one_account(person: Any, anonymous: Person) -> None:
    name = f"ann {person.unique()}"

    def enter(_: int) -> Any:
        while (answer := try_(anonymous, name, PASSWORD)).status_code == 503:  # passwords are checked in turns
            assert answer.json()["code"] == "busy"
        return answer

    with ThreadPoolExecutor(10) as crowd:
        answers = list(crowd.map(enter, range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_only_the_first_account_owns_the_installation(person: Any, owner: Person) -> None:
    assert owner.get("/me")["isStaff"] is True
    assert User.objects.filter(is_superuser=True).count() == 1
    assert person("ann").get("/me")["isStaff"] is False


@pytest.fixture
def unowned(owner: Person) -> Iterator[None]:
    """Nobody owns the installation, until the test ends."""
    Installation.objects.all().delete()
    yield
    User.objects.exclude(pk=owner.id).filter(is_superuser=True).update(is_superuser=False, is_staff=False)
    Installation.objects.update_or_create(pk=Installation.ONLY, defaults={"owner_id": UUID(owner.id)})


def test_of_two_first_accounts_at_one_moment_one_is_the_owner(person: Any, anonymous: Person, unowned: None) -> None:
    names = [f"first {person.unique()}" for _ in range(8)]
    anonymous.post("/createUser", {"name": f"guest {person.unique()}", "img": ""}, status=201)
    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda name: try_(anonymous, name, PASSWORD), names))
    ids = [UUID(answer.json()["id"]) for answer in answers]
    assert User.objects.filter(pk__in=ids, is_superuser=True, is_staff=True).count() == 1
    assert User.objects.filter(is_superuser=True, is_guest=True).count() == 0


def test_where_registration_is_closed_there_is_a_first_account_and_at_one_moment_only_one(
    person: Any, anonymous: Person, unowned: None, settings: Any
) -> None:
    settings.REGISTRATION = "closed"
    assert anonymous.post("/createUser", {"name": f"guest {person.unique()}", "img": ""}, status=401)
    with ThreadPoolExecutor(6) as crowd:
        answers = list(
            crowd.map(lambda n: try_(anonymous, f"first {n}", PASSWORD), [person.unique() for _ in range(6)])
        )
    assert sorted(answer.status_code for answer in answers) == [201] + [401] * 5
    assert {answer.json()["code"] for answer in answers if answer.status_code == 401} == {"invalid_credentials"}
    assert try_(anonymous, f"late {person.unique()}", PASSWORD).status_code == 401


def test_the_person_who_was_promised_to_own_the_installation_does_or_is_told_why_not(
    person: Any, browser: Any, unowned: None
) -> None:
    pages = [(browser(), f"first {person.unique()}") for _ in range(6)]

    def sign_up(page: Any, name: str) -> Any:
        return page.submit("/sign-up/", name=name, password=PASSWORD, as_owner="1")

    with ThreadPoolExecutor(6) as crowd:
        answers = list(crowd.map(lambda pair: sign_up(*pair), pages))
    assert sorted(answer.status_code for answer in answers) == [302] + [409] * 5
    assert all("Somebody was quicker" in answer.text for answer in answers if answer.status_code == 409)
    made = User.objects.filter(name__in=[name for _, name in pages])
    assert [user.is_superuser for user in made] == [True], "nobody else got an account by accident"


def test_too_many_accounts_from_one_address_have_to_wait(person: Any, anonymous: Person, settings: Any) -> None:
    settings.RATE_SIGNUPS, settings.TRUSTED_PROXIES = "2/1h", ["127.0.0.1"]

    def sign_up(address: str) -> Any:
        return try_(anonymous, f"ann {person.unique()}", PASSWORD, address)

    here, there = f"2001:db8:{person.unique()[-4:]}::1", f"198.51.100.{person.number() % 250}"
    assert [sign_up(here).status_code for _ in range(3)] == [201, 201, 429]
    neighbour = here.replace("::1", "::ffff:2")
    assert sign_up(neighbour).headers["retry-after"], "the same network"
    assert sign_up(there).status_code == 201


def test_where_registration_is_closed_nobody_learns_which_names_there_are(
    person: Any, anonymous: Person, settings: Any
) -> None:
    ann = person("ann")
    settings.REGISTRATION = "closed"
    wrong, unknown = try_(anonymous, ann.name), try_(anonymous, f"nobody {person.unique()}")
    assert (wrong.status_code, wrong.json()) == (unknown.status_code, unknown.json())
    assert wrong.json()["code"] == "invalid_credentials"
    assert try_(anonymous, ann.name, PASSWORD).status_code == 200


# Guests ---------------------------------------------------------------------------------------------------------------


def test_a_guest_needs_no_password_and_becomes_a_person_by_setting_one(person: Any, anonymous: Person) -> None:
    user = anonymous.post("/createUser", {"name": f"guest {person.unique()}", "img": ""}, status=201)
    guest = Person(anonymous._client, name=user["name"], token=user["token"], user=user)
    assert guest.get("/me")["isGuest"] is True
    assert try_(anonymous, guest.name, PASSWORD).json()["code"] == "invalid_credentials"
    assert guest.patch("/me", {"password": PASSWORD})["isGuest"] is False
    assert try_(anonymous, guest.name, PASSWORD).status_code == 200


def test_guests_names_are_taken_like_all_others(person: Any, anonymous: Person) -> None:
    ann = person("ann")
    problem = anonymous.post("/createUser", {"name": ann.name.upper(), "img": ""}, status=409)
    assert problem["code"] == "name_taken"


def test_where_registration_is_closed_only_the_staff_creates_guests(
    person: Any, anonymous: Person, owner: Person, settings: Any
) -> None:
    ann = person("ann")
    settings.REGISTRATION = "closed"
    body = {"name": f"guest {person.unique()}", "img": ""}
    assert anonymous.post("/createUser", body, status=401)["code"] == "sign_in"
    assert ann.post("/createUser", body, status=403)["code"] == "forbidden"
    assert owner.post("/createUser", body, status=201)["token"]


# Guessing -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def guarded(settings: Any) -> None:
    settings.RATE_SIGNIN_FAILURES, settings.TRUSTED_PROXIES = "4/5m", ["127.0.0.1"]


@pytest.fixture
def addresses(person: Any) -> Any:
    """IP addresses that no other test has used."""
    return (f"10.{n // 250 % 250}.{n % 250}.{m}" for n in iter(person.number, -1) for m in range(1, 9))


@pytest.mark.usefixtures("guarded")
def test_an_address_that_guesses_has_to_wait_whatever_the_accounts(
    person: Any, anonymous: Person, addresses: Any
) -> None:
    here, people = next(addresses), [person(f"p{n}") for n in range(5)]
    assert [try_(anonymous, one.name, address=here).status_code for one in people] == [401, 401, 401, 401, 429]
    refused = try_(anonymous, people[0].name, PASSWORD, here)
    assert refused.json()["code"] == "rate_limited" and int(refused.headers["retry-after"]) > 0
    assert "ratelimit-policy" in refused.headers
    assert try_(anonymous, people[0].name, PASSWORD, next(addresses)).status_code == 200


@pytest.mark.usefixtures("guarded")
def test_an_account_that_is_guessed_at_is_not_locked_to_its_owner(
    person: Any, anonymous: Person, addresses: Any
) -> None:
    ann, attackers = person("ann"), [next(addresses) for _ in range(12)]
    answers = [try_(anonymous, ann.name, address=attackers[n]).status_code for n in range(12) for _ in range(2)]
    # Four guesses for the account; after that each address has one.
    assert answers.count(401) == 4 + 10 and answers.count(429) == 10
    assert try_(anonymous, ann.name, PASSWORD, next(addresses)).status_code == 200


@pytest.mark.usefixtures("guarded")
def test_only_failures_count(person: Any, anonymous: Person, addresses: Any) -> None:
    ann, here = person("ann"), next(addresses)
    for _ in range(8):
        assert try_(anonymous, ann.name, PASSWORD, here).status_code == 200


@pytest.mark.usefixtures("guarded")
def test_guesses_at_one_moment_are_counted_too(person: Any, anonymous: Person, addresses: Any) -> None:
    ann, here = person("ann"), next(addresses)
    with ThreadPoolExecutor(16) as crowd:
        answers = list(crowd.map(lambda _: try_(anonymous, ann.name, address=here).status_code, range(16)))
    assert answers.count(401) == 4


def test_nobody_invents_an_address(person: Any, anonymous: Person, settings: Any) -> None:
    settings.RATE_SIGNIN_FAILURES = "3/5m"  # and no proxy is trusted
    ann = person("ann")
    answers = [try_(anonymous, ann.name, address=f"203.0.113.{n}").status_code for n in range(5)]
    # Failures of other tests from this machine's address do not count: their rate was another.
    assert answers[-1] == 429


def test_wrong_old_passwords_are_counted_as_well(person: Any, settings: Any) -> None:
    ann = person("ann")
    settings.RATE_SIGNIN_FAILURES = "2/5m"
    answers = [
        ann.request("patch", "/me", body={"password": "another good one", "oldPassword": WRONG}).status_code
        for _ in range(4)
    ]
    assert answers[-1] == 429 and 200 not in answers


def test_right_passwords_have_a_limit_as_well_of_which_wrong_ones_take_nothing(
    person: Any, anonymous: Person, settings: Any
) -> None:
    settings.RATE_SIGNINS = "3/1h"
    ann, bob = person("ann"), person("bob")
    for _ in range(5):
        assert try_(anonymous, ann.name).status_code == 401
    answers = [try_(anonymous, ann.name, PASSWORD) for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert try_(anonymous, bob.name, PASSWORD).status_code == 200


def test_the_deactivated_are_refused_like_a_wrong_password(person: Any, anonymous: Person, owner: Person) -> None:
    ann = person("ann")
    anns = ann.connect()
    services.deactivate(user=User.objects.get(pk=ann.id), by=User.objects.get(pk=owner.id))
    assert anns.closed() == 4401
    ann.get("/me", status=401)
    assert try_(anonymous, ann.name, PASSWORD).json() == try_(anonymous, ann.name).json()
    assert owner.get("/userChatList", search=ann.name) == []
    services.activate(user=User.objects.get(pk=ann.id), by=User.objects.get(pk=owner.id))
    assert try_(anonymous, ann.name, PASSWORD).status_code == 200


# Devices --------------------------------------------------------------------------------------------------------------


def test_devices_are_listed_and_revoked_one_by_one(person: Any) -> None:
    ann = person("ann")
    phone = ann.signed_in_again()
    here, there = ann.connect(), phone.connect()
    devices = ann.get("/me/sessions")
    assert [one["current"] for one in devices].count(True) == 1 and len(devices) == 2
    other = next(one["id"] for one in devices if not one["current"])
    ann.delete(f"/me/sessions/{other}", status=204)
    assert there.next("OnLogout") and there.closed() == 4401
    phone.get("/me", status=401)
    assert here.call("SocketHeartBeat")
    assert here.silent("OnLogout")


def test_tokens_are_stored_as_hashes_only(person: Any) -> None:
    ann = person("ann")
    device = Device.objects.get(user=ann.id)
    assert ann.token not in str(vars(device)) and re.fullmatch(r"[0-9a-f]{64}", str(device.token_hash))


def test_a_device_expires_and_lives_on_while_it_is_used(person: Any) -> None:
    ann = person("ann")
    seen = timezone.now() - timedelta(days=30)
    Device.objects.filter(user=ann.id).update(last_seen_at=seen, expires_at=seen + timedelta(days=31))
    ann.get("/me")
    device = Device.objects.get(user=ann.id)
    assert device.last_seen_at - seen > timedelta(days=29) and device.expires_at - seen > timedelta(days=100)
    Device.objects.filter(user=ann.id).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert ann.get("/me", status=401)["code"] == "sign_in"
    assert ann.connect().closed() == 4401


def test_what_a_sign_in_leaves_behind_goes_with_its_device(person: Any, browser: Any) -> None:
    ann = person("ann")
    first, second = browser().signed_in(ann), browser().signed_in(ann)
    keys = {one: one.cookies["sessionid"] for one in (first, second)}
    sessions = Session.objects.filter(session_key__in=keys.values())
    ann.delete(f"/me/sessions/{Device.objects.get(session_key=keys[first]).pk}", status=204)
    assert [one.pk for one in sessions] == [keys[second]]
    services.forget_expired()
    assert second.get("/me").status_code == 200
    ended = timezone.now() - timedelta(seconds=1)
    sessions.update(expire_date=ended)
    Device.objects.filter(user=ann.id).update(expires_at=ended)
    services.forget_expired()
    assert not sessions.exists() and not Device.objects.filter(user=ann.id).exists()


def test_a_request_proves_who_asks_with_one_query(person: Any, browser: Any, query_budget: Any) -> None:
    ann = person("ann")
    visitor = browser().signed_in(ann)
    with query_budget(1):
        ann.get("/me")
    with query_budget(1):
        assert visitor.get("/me").status_code == 200


def test_the_oldest_of_too_many_devices_goes(person: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.services.DEVICES_MAX", 3)
    ann = person("ann")
    anns = ann.connect()
    others = [ann.signed_in_again() for _ in range(3)]
    assert anns.closed() == 4401
    ann.get("/me", status=401)
    assert len(others[0].get("/me/sessions")) == 3


def test_a_token_in_the_address_is_no_token(person: Any, anonymous: Person) -> None:
    ann = person("ann")
    anonymous.get("/me", status=401, token=ann.token)
    assert anonymous.request("get", "/me", headers={"Authorization": f"Token {ann.token}"}).status_code == 401


# Oneself --------------------------------------------------------------------------------------------------------------


def test_a_new_profile_is_seen_by_oneself_and_by_those_who_watch(person: Any) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    anns, bobs, eves = ann.connect(), bob.connect(), eve.connect()
    bobs.call("EmitWatchPresence", {"userIds": [ann.id]})
    name = f"anna {person.unique()}"
    picture = {"media": ("me.png", hostile.png())}
    image = ann.request("post", "/me/avatar", files=picture).json()["img"]
    for socket in (anns, bobs):
        assert socket.next("OnUserUpdate")["img"] == image
    me = ann.patch("/me", {"name": name, "img": image})
    assert (me["name"], me["img"]) == (name, image)
    for socket in (anns, bobs):
        heard = socket.next("OnUserUpdate")
        assert (heard["id"], heard["name"], heard["img"]) == (ann.id, name, image)
    assert eves.silent()
    assert [one["name"] for one in bob.get("/userChatList", search=name)] == [name]


def test_a_socket_says_the_name_its_person_has_now(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    anns = ann.connect()
    name = f"anna {person.unique()}"
    ann.patch("/me", {"name": name})
    assert anns.next("OnUserUpdate")["name"] == name
    assert anns.call("EmitPrivate", {"toUid": bob.id, "msg": "hello"})["senderName"] == name


def test_somebody_elses_name_is_taken_and_nothing_is_changed(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    change = {"name": bob.name, "language": "en", "password": "another good one", "oldPassword": PASSWORD}
    assert ann.patch("/me", change, status=409)["code"] == "name_taken"
    me = ann.get("/me")
    assert (me["name"], me["language"]) == (ann.name, "")
    assert ann.signed_in_again()
    assert ann.patch("/me", {"name": ann.name.upper()})["name"] == ann.name.upper(), "one's own name, in capitals"


def test_a_new_password_signs_out_everywhere_else(person: Any, anonymous: Person) -> None:
    ann = person("ann")
    phone = ann.signed_in_again()
    here, there = ann.connect(), phone.connect()
    new = "another good one"
    assert ann.patch("/me", {"password": new}, status=400)["errors"]["oldPassword"]
    assert ann.patch("/me", {"password": "short", "oldPassword": PASSWORD}, status=400)["errors"]["password"]
    ann.patch("/me", {"password": new, "oldPassword": PASSWORD}, status=200)
    assert there.closed() == 4401
    phone.get("/me", status=401)
    assert here.call("SocketHeartBeat") and ann.get("/me")
    assert try_(anonymous, ann.name, PASSWORD).status_code == 401
    assert try_(anonymous, ann.name, new).status_code == 200


def test_a_person_who_appears_offline_is_seen_by_nobody(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    anns, bobs = ann.connect(), bob.connect()
    bobs.call("EmitWatchPresence", {"userIds": [ann.id]})
    assert bobs.until("OnUserStatus", userId=ann.id, online=True)
    assert ann.patch("/me", {"online": False})["isInvisible"] is True
    assert bobs.until("OnUserStatus", userId=ann.id, online=False)
    assert anns.call("EmitPrivate", {"toUid": bob.id, "msg": "nobody saw me"})
    assert not any(one.is_visible for one in hub.local().users[UUID(ann.id)]), "open sockets bring nobody back"
    assert [one["online"] for one in bob.get("/userChatList", search=ann.name)] == [False]
    assert ann.signed_in_again().get("/me")["isInvisible"] is True, "until it is said otherwise"


def test_one_can_sign_in_unseen(person: Any, anonymous: Person) -> None:
    ann = person("ann", online=False)
    assert ann.connect().call("SocketHeartBeat")
    assert person("bob").get("/userChatList", search=ann.name)[0]["online"] is False
    again = anonymous.post("/login", {"name": ann.name, "password": PASSWORD, "online": True}, status=200)
    assert Person(anonymous._client, token=again["token"]).get("/me")["isInvisible"] is False


def test_a_language_is_one_of_ours_and_the_answers_are_in_it(person: Any) -> None:
    ann = person("ann")
    for language, ours in (("zh-TW", "zh-hant"), ("zh-Hant", "zh-hant"), ("zh-Hans", "zh-hans")):
        assert ann.patch("/me", {"language": language})["language"] == ours
    assert ann.patch("/me", {"language": "tlh"}, status=400)["errors"]["language"]
    answer = ann.request(
        "get", "/me/sessions/01890000-0000-7000-8000-000000000000", headers={"Accept-Language": "zh-Hans"}
    )
    assert answer.status_code == 405
    refused = ann.request("patch", "/me", body={"name": ""}, headers={"Accept-Language": "zh-CN"}).json()
    assert re.search(r"[\u4e00-\u9fff]", refused["title"])


# The others -----------------------------------------------------------------------------------------------------------


def test_people_come_in_pages_by_name_and_are_found_by_part_of_it(person: Any) -> None:
    unique = person.unique()
    people = [person(f"{letter}{unique} 张伟") for letter in "cabed"]
    me = people[0]
    names: list[str] = []
    answer = me.request("get", "/userChatList", query={"search": unique.upper(), "limit": 2})
    while True:
        names += [one["name"] for one in answer.json()]
        if "link" not in answer.headers:
            break
        answer = me.request("get", answer.headers["link"].partition(">")[0].lstrip("<"))
    assert names == sorted(one.name for one in people), "I am one of them"
    assert {one["id"] for one in me.get("/userChatList", search="张伟", limit=200)} >= {one.id for one in people}
    assert me.get("/userChatList", search="%_") == []


def test_what_is_told_of_people_is_what_the_document_says(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    assert set(ann.get("/userChatList", search=bob.name)[0]) == set(UserOutput().fields)
    assert set(ann.get("/me")) == set(MeOutput().fields)
    assert set(ann.get("/me/sessions")[0]) == set(DeviceOutput().fields)
    signed_in = ann._client.post("/login", json={"name": ann.name, "password": PASSWORD}).json()
    assert set(signed_in) == set(SignedInOutput().fields)


# Pages ----------------------------------------------------------------------------------------------------------------


def test_a_browser_signs_in_by_the_page_and_out_again(person: Any, browser: Any) -> None:
    ann, visitor = person("ann"), browser()
    answer = visitor.submit("/sign-in/?next=/chat/private/x/", name=ann.name, password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (302, "/chat/private/x/")
    cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("sessionid="))
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert visitor.get("/me").json()["id"] == ann.id
    assert [one["kind"] for one in ann.get("/me/sessions")].count("browser") == 1
    assert visitor.submit("/sign-out/").status_code == 302
    assert visitor.get("/me").status_code == 401
    assert [one["kind"] for one in ann.get("/me/sessions")].count("browser") == 0


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
def test_nobody_is_sent_to_another_site(person: Any, browser: Any, wanted: str) -> None:
    answer = browser().submit(f"/sign-in/?next={wanted}", name=person("ann").name, password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (302, "/")


def test_the_page_for_signing_up_makes_an_account_and_says_what_is_wrong(person: Any, browser: Any) -> None:
    visitor, name = browser(), f"ann {person.unique()}"
    weak = visitor.submit("/sign-up/", name=name, password="short")
    assert weak.status_code == 400 and 'id="password-error"' in weak.text
    assert visitor.submit("/sign-up/", name=name, password=PASSWORD).status_code == 302
    assert visitor.get("/me").json()["name"] == name
    taken = browser().submit("/sign-up/", name=name, password=PASSWORD)
    assert taken.status_code == 409 and "This name is taken." in taken.text


def test_a_wrong_password_on_the_page_says_no_more_than_a_wrong_name(person: Any, browser: Any) -> None:
    ann = person("ann")
    pages = [
        browser().submit("/sign-in/", name=name, password=WRONG) for name in (ann.name, f"nobody {person.unique()}")
    ]
    assert [page.status_code for page in pages] == [401, 401]
    texts = [re.findall(r'role="alert">([^<]+)', page.text) for page in pages]
    assert texts[0] == texts[1] == ["The name or the password is wrong."]


def test_the_page_says_how_long_to_wait(person: Any, browser: Any, settings: Any) -> None:
    settings.RATE_SIGNIN_FAILURES = "1/5m"
    ann = person("ann")
    pages = [browser().submit("/sign-in/", name=ann.name, password=WRONG) for _ in range(3)]
    assert pages[-1].status_code == 429 and re.search(r"Try again in \d+ seconds", pages[-1].text)


def test_a_cookie_alone_changes_nothing(person: Any, browser: Any) -> None:
    visitor = browser().signed_in(person("ann"))
    assert visitor.request("patch", "/me", body={"language": "en"}, csrf=False).status_code == 403
    assert visitor.request("patch", "/me", body={"language": "en"}).status_code == 200
    assert visitor.request("post", "/logout", csrf=False).status_code == 403
    assert visitor.request("post", "/logout").status_code == 204
    assert visitor.get("/me").status_code == 401


def test_a_session_that_was_there_before_is_not_taken_over(person: Any, browser: Any) -> None:
    ann, bob, visitor = person("ann"), person("bob"), browser()
    visitor.signed_in(bob)
    planted = visitor.cookies["sessionid"]
    visitor.get("/sign-out/")  # not by GET
    visitor.request("post", "/logout")
    visitor.cookies.set("sessionid", planted, domain="127.0.0.1")
    visitor.signed_in(ann)
    assert visitor.get("/me").json()["id"] == ann.id
    thief = browser()
    thief.cookies.set("sessionid", planted, domain="127.0.0.1")
    assert thief.get("/me").status_code == 401


def test_a_revoked_browser_is_out_at_once(person: Any, browser: Any) -> None:
    ann = person("ann")
    visitor = browser().signed_in(ann)
    device = next(one["id"] for one in ann.get("/me/sessions") if one["kind"] == "browser")
    ann.delete(f"/me/sessions/{device}", status=204)
    assert visitor.get("/me").status_code == 401


def test_where_registration_is_closed_there_is_no_page_for_it(browser: Any, settings: Any) -> None:
    assert "/sign-up/" in browser().get("/sign-in/").text
    settings.REGISTRATION = "closed"
    assert browser().get("/sign-up/").headers["location"] == "/sign-in/"
    assert "/sign-up/" not in browser().get("/sign-in/").text


# The administration ---------------------------------------------------------------------------------------------------


@pytest.fixture
def staff(owner: Person, browser: Any) -> Any:
    """The owner's browser."""
    return browser().signed_in(owner, "the owner of it all")


def test_the_administration_is_for_the_staff(person: Any, browser: Any, staff: Any) -> None:
    assert browser().get("/admin/", follow=True).url.path == "/sign-in/"
    assert browser().signed_in(person("ann")).get("/admin/", follow=True).status_code == 403
    assert staff.get("/admin/accounts/user/").status_code == 200


def test_the_staff_deactivates_after_asking_and_it_is_logged(person: Any, staff: Any, anonymous: Person) -> None:
    ann = person("ann")
    anns = ann.connect()
    listed = "/admin/accounts/user/"
    chosen = {"action": "deactivate", "_selected_action": ann.id, "select_across": "0"}
    asked = staff.submit(listed, **chosen)
    assert asked.status_code == 200 and ann.name in asked.text and 'name="confirmed"' in asked.text
    assert ann.get("/me"), "nothing yet"
    assert staff.submit(listed, confirmed="yes", **chosen).status_code == 302
    assert anns.closed() == 4401
    assert try_(anonymous, ann.name, PASSWORD).status_code == 401
    assert LogEntry.objects.filter(object_id=ann.id).count() == 1
    staff.submit(listed, confirmed="yes", **{**chosen, "action": "activate"})
    assert try_(anonymous, ann.name, PASSWORD).status_code == 200


def test_nobody_shuts_themselves_out(staff: Any, owner: Person) -> None:
    body = {"action": "deactivate", "_selected_action": owner.id, "select_across": "0", "confirmed": "yes"}
    staff.submit("/admin/accounts/user/", **body)
    assert owner.get("/me")["isStaff"] is True


def test_the_staff_creates_people_where_registration_is_closed(
    person: Any, staff: Any, anonymous: Person, settings: Any
) -> None:
    settings.REGISTRATION = "closed"
    name = f"ann {person.unique()}"
    page = staff.submit("/admin/accounts/user/add/", name=name, img="", language="", new_password="short")
    assert page.status_code == 200 and "too short" in page.text
    made = staff.submit("/admin/accounts/user/add/", name=name, img="", language="", new_password=PASSWORD)
    assert made.status_code == 302, made.text
    assert try_(anonymous, name, PASSWORD).status_code == 200


def test_the_staff_changes_people_through_the_same_rules(person: Any, staff: Any, anonymous: Person) -> None:
    ann, bob = person("ann"), person("bob")
    anns = ann.connect()
    page = f"/admin/accounts/user/{ann.id}/change/"
    assert "argon2" not in staff.get(page).text
    fields = {"img": "", "language": "", "new_password": ""}
    assert staff.submit(page, name=bob.name.upper(), **fields).status_code == 200, "taken"
    name = f"anna {person.unique()}"
    assert staff.submit(page, name=name, **fields).status_code == 302
    assert anns.next("OnUserUpdate")["name"] == name
    assert staff.submit(page, name=name, **{**fields, "new_password": "another good one"}).status_code == 302
    assert anns.closed() == 4401
    assert try_(anonymous, name, "another good one").status_code == 200


def test_rights_are_given_by_the_owner_only(person: Any, staff: Any, browser: Any, owner: Person) -> None:
    ann, bob = person("ann"), person("bob")
    fields = {"img": "", "language": "", "new_password": ""}
    change = staff.submit(f"/admin/accounts/user/{ann.id}/change/", name=ann.name, is_staff="on", **fields)
    assert change.status_code == 302 and ann.get("/me")["isStaff"] is True
    User.objects.get(pk=ann.id).user_permissions.set(Permission.objects.filter(content_type__app_label="accounts"))
    anns = browser().signed_in(ann)
    assert anns.get(f"/admin/accounts/user/{bob.id}/change/").status_code == 200
    anns.submit(f"/admin/accounts/user/{bob.id}/change/", name=bob.name, is_staff="on", is_superuser="on", **fields)
    anns.submit(f"/admin/accounts/user/{ann.id}/change/", name=ann.name, is_superuser="on", **fields)
    assert not User.objects.filter(pk__in=[ann.id, bob.id], is_superuser=True).exists()
    assert bob.get("/me")["isStaff"] is False
    page = anns.submit(f"/admin/accounts/user/{owner.id}/change/", name="hijacked", new_password=PASSWORD, img="")
    assert page.status_code == 403 and owner.get("/me")["name"] == owner.name
    body = {"action": "deactivate", "_selected_action": owner.id, "select_across": "0", "confirmed": "yes"}
    anns.submit("/admin/accounts/user/", **body)
    assert owner.get("/me")


def test_secrets_cannot_be_guessed_by_the_lists_filters(staff: Any) -> None:
    for address in ("user/?password__startswith=a", "device/?token_hash__startswith=a", "device/?user__password__gt=a"):
        assert staff.get(f"/admin/accounts/{address}").status_code in (302, 400), address


def test_the_staff_signs_a_device_out(person: Any, staff: Any) -> None:
    ann = person("ann")
    anns = ann.connect()
    device = ann.get("/me/sessions")[0]["id"]
    body = {"action": "sign_out", "_selected_action": device, "select_across": "0", "confirmed": "yes"}
    assert staff.submit("/admin/accounts/device/", **body).status_code == 302
    assert anns.closed() == 4401


@pytest.mark.parametrize(
    "typed", ["lixiaoming", "LXM", "lixm", "xiaom", "li xiao ming", "李小", "lxming", "xmwang", "xiaomingwang"]
)
def test_chinese_names_are_found_as_they_are_typed(person: Any, typed: str) -> None:
    ann = person("ann")
    unique = person.unique()
    bob = person.remember(Person.signed_up(ann._client, f"李小明 Wang {unique}"))
    assert bob.id in {one["id"] for one in ann.get("/userChatList", search=typed, limit=200)}


@pytest.mark.parametrize("typed", ["lxz", "mxl", "ixm", "lixiaominga", "xl", "wangxm"])
def test_what_is_typed_for_another_name_finds_none(person: Any, typed: str) -> None:
    ann = person("ann")
    bob = person.remember(Person.signed_up(ann._client, f"李小明 {person.unique()}"))
    assert bob.id not in {one["id"] for one in ann.get("/userChatList", search=typed, limit=200)}


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("曾文", "zengw"),
        ("曾文", "cengwen"),
        ("吕布", "lvbu"),
        ("吕布", "lubu"),
        ("重庆的茶", "cqdc"),
        ("張偉", "zhangwei"),
    ],
)
def test_every_reading_of_a_character_finds_it_among_people_members_and_groups(
    person: Any, group: Any, name: str, typed: str
) -> None:
    ann, unique = person("ann"), person.unique()
    bob = person.remember(Person.signed_up(ann._client, f"{name}{unique}"))
    room = group(ann, bob, name=f"{name}{unique}")
    wanted = f"{typed}{unique}"
    assert [one["id"] for one in ann.get("/userChatList", search=wanted)] == [bob.id]
    assert [one["id"] for one in ann.get(f"/group/members/{room['id']}", search=wanted)] == [bob.id]
    assert [one["id"] for one in ann.get("/group/allList", search=wanted)] == [room["id"]]
