"""Web push to users without an open page: once, only what they may read, and nobody waits
for it.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.exceptions import ImproperlyConfigured
from py_vapid import Vapid02

from accounts.models import User
from chatproject import environment
from chatproject.core.times import now
from groups.models import Membership
from notifications import push
from notifications.models import PushSubscription
from notifications.services import dispatching, subscriptions
from tests.people import Person
from tests.pushing import PushService, subscription


@pytest.fixture(scope="module")
def service() -> Iterator[PushService]:
    with PushService() as service:
        yield service


@pytest.fixture(autouse=True)
def _local(settings: Any, server: str) -> None:
    settings.WEB_PUSH_LOCAL = True


@pytest.fixture
def reachable(service: PushService) -> Callable[..., str]:
    """`path = reachable(ann)` subscribes ann's device with this path of the service."""

    def subscribe(person: Person, **more: Any) -> str:
        path = f"/{person.name.replace(' ', '-')}/{person.token[:8]}"
        person.post("/push/subscribe", subscription(service.url + path, **more), status=200)
        return path

    return subscribe


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> threading.Lock:
    """`with held:` nobody looks at what is said meanwhile before all of it is said."""
    held, check = threading.Lock(), dispatching.PushDispatcher._check

    def check_later(dispatcher: dispatching.PushDispatcher) -> None:
        with held:
            check(dispatcher)

    monkeypatch.setattr(dispatching.PushDispatcher, "_check", check_later)
    return held


@pytest.fixture
def rechecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who seems to be here is looked at again until they are gone, however long a busy machine takes for that."""
    monkeypatch.setattr(dispatching, "RECHECK_SECONDS", (1.0,) * 60)


def say(sender: Person, to: Person, content: str) -> Any:
    return sender.post("/private/send", {"receiverId": to.id, "content": content}, status=201)


def mute(person: Person, room: dict[str, Any]) -> None:
    person.post("/group/mute", {"groupId": room["id"], "muted": True})


def eventually(is_so: Callable[[], Any]) -> bool:
    end = time.monotonic() + 60
    while not is_so() and time.monotonic() < end:
        time.sleep(0.05)
    return bool(is_so())


def rows(person: Person) -> Any:
    return PushSubscription.objects.filter(user_id=person.id)


# What is pushed -------------------------------------------------------------------------------------------------------


def test_who_is_not_here_is_told_who_wrote_what(person: Any, service: PushService, reachable: Any) -> None:
    ann, bob = person("ann"), person("bob")
    path = reachable(bob)
    message = say(ann, bob, "hello  bob")
    told = service.next(path)
    headers = told.pop("headers")
    assert told == {
        "id": message["id"],
        "title": ann.name,
        "body": "hello bob",
        "tag": f"private:{ann.id}",
        "url": f"/chat/private/{ann.id}/",
        "unread": 1,
    }
    assert (headers["Content-Encoding"], headers["Urgency"]) == ("aes128gcm", "high")
    assert int(headers["TTL"]) > 0
    assert len(headers["Topic"]) <= 32 and ann.id not in headers["Topic"]
    assert Vapid02.verify(headers["Authorization"])
    assert headers["Authorization"].endswith(f"k={bob.get('/push')['key']}")


def test_a_group_is_named_beside_the_sender_who_hears_nothing(
    person: Any, group: Any, service: PushService, reachable: Any
) -> None:
    ann, bob = person("ann"), person("bob")
    anns, bobs = reachable(ann), reachable(bob)
    room = group(ann, bob, name="tea")
    ann.post("/group/send", {"groupId": room["id"], "content": "kettle is on"}, status=201)
    told = service.next(bobs)
    assert (told["title"], told["body"]) == ("tea", f"{ann.name}: kettle is on")
    assert (told["tag"], told["url"]) == (f"group:{room['id']}", f"/chat/group/{room['id']}/")
    assert service.is_silent(anns)


def test_it_is_said_in_the_language_of_who_is_told(person: Any, service: PushService, reachable: Any) -> None:
    ann, bob, cid = person("ann"), person("bob"), person("cid")
    bob.patch("/me", {"language": "zh-hans"})
    cid.patch("/me", {"language": "zh-TW"})
    bobs, cids = reachable(bob), reachable(cid, showContent=False)
    place = {"latitude": 39.9, "longitude": 116.4}
    for other in (bob, cid):
        ann.post("/private/send", {"receiverId": other.id, "type": "location", "locationData": place}, status=201)
    assert service.next(bobs)["body"] == "[位置]"
    assert service.next(cids)["body"] == "新訊息"


def test_who_wants_it_is_told_only_that_there_is_something(person: Any, service: PushService, reachable: Any) -> None:
    ann, bob = person("ann"), person("bob")
    path = reachable(bob, showContent=False)
    say(ann, bob, "a secret")
    told = service.next(path)
    assert (told["title"], told["body"]) == ("Chat", "New message")
    assert "secret" not in str(told) and ann.name not in str(told)


def test_who_is_mentioned_is_told_although_the_chat_is_muted(
    person: Any, group: Any, service: PushService, reachable: Any
) -> None:
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    anns, bobs, cems = reachable(ann), reachable(bob), reachable(cem)
    room = group(ann, bob, cem)
    mute(bob, room)
    mute(cem, room)

    def say_in(content: str, *user_ids: str | None) -> Any:
        mentions = [{"userId": one, "start": 0, "length": 2} for one in user_ids]
        body = {"groupId": room["id"], "content": content, "mentions": mentions}
        return ann.post("/group/send", body, status=201)

    said = say_in("@b look", bob.id)
    say_in("at nothing")
    told = service.next(bobs)
    assert (told["id"], told["body"]) == (said["id"], f"{ann.name}: @b look")
    called = say_in("@* all", None)
    assert [service.next(path)["id"] for path in (bobs, cems)] == [called["id"]] * 2
    assert all(service.is_silent(path) for path in (anns, bobs, cems))


def test_a_burst_in_one_chat_is_one_push_with_the_last_word_and_the_count(
    person: Any, service: PushService, reachable: Any, held: threading.Lock
) -> None:
    ann, bob, cid = person("ann"), person("bob"), person("cid")
    path = reachable(bob)
    say(cid, bob, "from another")
    assert service.next(path)["unread"] == 1
    with held:
        for number in range(5):
            say(ann, bob, f"word {number}")
    told = service.next(path)
    assert (told["body"], told["unread"]) == ("word 4", 6)


def test_the_longest_names_and_words_fit_into_a_push(person: Any, service: PushService, reachable: Any) -> None:
    ann, bob = person("安" * 25), person("bob")
    path = reachable(bob)
    say(ann, bob, "喝茶" * 2000)
    told = service.next(path)
    assert told["body"].startswith("喝茶") and len(told["body"]) == dispatching.TEXT_MAX


def test_a_long_text_is_cut_between_two_characters_that_a_reader_sees(
    person: Any, service: PushService, reachable: Any
) -> None:
    ann, bob = person("ann"), person("bob")
    path = reachable(bob)
    family = "👨‍👩‍👧‍👦"
    say(ann, bob, "x" + family * 100)
    assert service.next(path)["body"] == "x" + family * ((dispatching.TEXT_MAX - 1) // len(family))


# Who gets no push -----------------------------------------------------------------------------------------------------


def test_nobody_is_told_who_is_here_has_muted_it_is_away_is_a_stranger_or_has_read_it(
    person: Any, group: Any, service: PushService, reachable: Any
) -> None:
    ann, here, muted, away, eve, absent = (person(name) for name in ("ann", "here", "muted", "away", "eve", "absent"))
    room = group(ann, here, muted, away, absent)
    paths = [reachable(one) for one in (ann, here, muted, away, eve)]
    end = reachable(absent)
    sockets = here.connect()
    mute(muted, room)
    away.post("/group/tempLeave", {"groupId": room["id"]})
    ann.post("/group/send", {"groupId": room["id"], "content": "psst"}, status=201)
    assert service.next(end)["body"].endswith("psst")
    assert [path for path in paths if not service.is_silent(path)] == []
    assert sockets.next("OnGroupMsg")["content"] == "psst"


def test_who_appears_offline_and_has_a_page_open_is_not_told(person: Any, service: PushService, reachable: Any) -> None:
    ann, bob, cid = person("ann"), person("bob", online=False), person("cid")
    path, end = reachable(bob), reachable(cid)
    bobs = bob.connect()
    say(ann, bob, "hello")
    say(ann, cid, "and you")
    service.next(end)
    assert service.is_silent(path)
    assert bobs.next("OnPrivate")


def test_a_person_who_closes_the_page_just_then_is_told_a_little_later(
    person: Any, service: PushService, reachable: Any, rechecked: None
) -> None:
    ann, bob = person("ann"), person("bob")
    path = reachable(bob)
    bobs = bob.connect()
    say(ann, bob, "are you there?")
    bobs.close()
    assert service.next(path)["body"] == "are you there?"
    say(ann, bob, "and now?")
    assert service.next(path)["body"] == "and now?"


def test_two_who_write_and_go_are_both_told(person: Any, service: PushService, reachable: Any, rechecked: None) -> None:
    ann, bob = person("ann"), person("bob")
    anns, bobs = reachable(ann), reachable(bob)
    sockets = ann.connect(), bob.connect()
    say(ann, bob, "from ann")
    sockets[1].next("OnPrivate")
    time.sleep(dispatching.FOLD_SECONDS * 1.5)  # or it would be one push with the next
    say(bob, ann, "from bob")
    for one in sockets:
        one.close()
    assert service.next(anns)["body"] == "from bob"
    assert service.next(bobs)["body"] == "from ann"


def test_what_was_read_on_another_device_is_not_told_later(
    person: Any, service: PushService, reachable: Any, rechecked: None
) -> None:
    ann, bob, cid = person("ann"), person("bob"), person("cid")
    path, end = reachable(bob), reachable(cid)
    bobs = bob.connect()
    say(ann, bob, "hello")
    bobs.next("OnPrivate")
    bobs.call("EmitMarkPrivateRead", {"senderId": ann.id})
    bobs.close()
    cids = cid.connect()
    say(ann, cid, "hello")
    cids.close()
    service.next(end)
    assert service.is_silent(path)


def test_what_was_recalled_meanwhile_is_not_told_nor_counted(
    person: Any, service: PushService, reachable: Any, held: threading.Lock
) -> None:
    ann, bob, cid = person("ann"), person("bob"), person("cid")
    path, end = reachable(bob), reachable(cid)
    say(ann, bob, "first")
    assert service.next(path)["unread"] == 1
    with held:
        ann.post("/message/recall", {"messageId": say(ann, bob, "a secret")["id"]})
        say(ann, cid, "the end of the round")
    service.next(end)
    assert service.is_silent(path)
    say(ann, bob, "third")
    assert service.next(path)["unread"] == 2


def test_a_muted_chat_is_told_again_when_its_time_is_over(
    person: Any, group: Any, service: PushService, reachable: Any
) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    path = reachable(bob)
    Membership.objects.filter(room_id=room["id"], user_id=bob.id).update(muted_until=now() - timedelta(seconds=1))
    ann.post("/group/send", {"groupId": room["id"], "content": "again"}, status=201)
    assert service.next(path)["body"].endswith("again")


def test_a_device_that_was_signed_out_is_told_nothing(person: Any, service: PushService, reachable: Any) -> None:
    ann, bob = person("ann"), person("bob")
    phone = bob.signed_in_again()
    gone, left = reachable(phone), reachable(bob)
    phone.post("/logout", status=204)
    assert rows(bob).count() == 1
    say(ann, bob, "hello")
    service.next(left)
    assert service.is_silent(gone)


def test_the_next_person_to_sign_in_at_a_browser_takes_it_over(person: Any, service: PushService) -> None:
    ann, bob = person("ann"), person("bob")
    same = subscription(f"{service.url}/shared-{ann.id}")
    ann.post("/push/subscribe", same, status=200)
    bob.post("/push/subscribe", same, status=200)
    assert not ann.get("/push")["isOn"] and bob.get("/push")["isOn"]


def test_nobody_is_told_more_often_than_the_rate_allows(
    person: Any, service: PushService, reachable: Any, settings: Any
) -> None:
    settings.RATE_PUSHES = "1/h"
    ann, bob, cid = person("ann"), person("bob"), person("cid")
    path, end = reachable(bob), reachable(cid)
    say(ann, bob, "one")
    assert service.next(path)["body"] == "one"
    say(ann, bob, "two")
    say(ann, cid, "end")
    service.next(end)
    assert service.is_silent(path)


# Push services --------------------------------------------------------------------------------------------------------


def test_a_subscription_that_is_gone_is_deleted(person: Any, service: PushService, reachable: Any) -> None:
    for status in (404, 410):
        ann, bob = person("ann"), person("bob")
        path = reachable(bob)
        service.statuses[path] = status
        say(ann, bob, "hello")
        service.next(path)
        assert eventually(lambda: not rows(bob).exists())  # noqa: B023


def test_a_service_that_fails_is_left_alone_for_longer_and_longer_and_then_for_good(
    person: Any, service: PushService, reachable: Any
) -> None:
    ann, bob = person("ann"), person("bob")
    path = reachable(bob)
    service.statuses[path] = 500
    say(ann, bob, "hello")
    service.next(path)
    assert eventually(lambda: rows(bob).get().failures == 1)
    assert timedelta(0) < rows(bob).get().paused_until - now() <= dispatching.PAUSE
    rows(bob).update(paused_until=None, failures=5)
    say(ann, bob, "hello again")
    service.next(path)
    assert eventually(lambda: rows(bob).get().failures == 6)
    assert rows(bob).get().paused_until - now() > 20 * dispatching.PAUSE
    service.statuses[path] = 201
    rows(bob).update(paused_until=None)
    say(ann, bob, "better?")
    service.next(path)
    assert eventually(lambda: rows(bob).get().failures == 0)
    service.statuses[path] = 500
    rows(bob).update(failures=dispatching.FAILURES_MAX - 1)
    say(ann, bob, "once more")
    service.next(path)
    assert eventually(lambda: not rows(bob).exists())


def test_a_redirect_is_not_followed(person: Any, service: PushService, reachable: Any) -> None:
    ann, bob = person("ann"), person("bob")
    path = reachable(bob)
    service.statuses[path] = 302
    say(ann, bob, "hello")
    service.next(path)
    assert eventually(lambda: rows(bob).get().failures == 1)
    assert service.is_silent("/elsewhere")


def test_a_slow_service_delays_neither_messages_nor_other_pushes(
    person: Any, service: PushService, reachable: Any
) -> None:
    ann, bob, cid = person("ann"), person("bob"), person("cid")
    slow, quick = reachable(bob), reachable(cid)
    service.slow[slow] = threading.Event()
    say(ann, bob, "hello")
    service.next(slow)
    began = time.monotonic()
    say(ann, bob, "still there?")
    say(ann, cid, "hello")
    assert time.monotonic() - began < push.TIMEOUT_SECONDS, "nobody waits until the slow one is given up"
    assert service.next(quick)["body"] == "hello"
    service.slow[slow].set()


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example.org/x",
        "https://127.0.0.1/x",
        "https://10.1.2.3/x",
        "https://[::1]/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://[64:ff9b::a00:1]/x",
        "https://[64:ff9b::808:808]/x",
        "https://[64:ff9b:1::1]/x",
        "https://[::ffff:8.8.8.8]/x",
        "https://[::10.0.0.1]/x",
        "https://[::8.8.8.8]/x",
        "https://[::ffff:0:10.0.0.1]/x",
        "https://[fec0::1]/x",
        "https://[fd00::1]/x",
        "https://[fe80::1]/x",
        "https://[ff0e::1]/x",
        "https://[2002:a00:1::1]/x",
        "https://[2001:0:a00:1::1]/x",
        "https://[2001:db8::1]/x",
        "https://100.64.0.1/x",
        "https://198.18.0.1/x",
        "https://240.0.0.1/x",
        "https://0.0.0.0/x",
        "https://127.1/x",
        "https://0x7f.0.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/x",
        "https://localhost./x",
        "https://intranet/x",
        "https://printer.local/x",
        "https://ann@push.example.org/x",
        "https://push.example.org:22/x",
        "https://push.example.org/x y",
        "https://push.example.org/x\r\nX-Evil: 1",
        "file:///etc/passwd",
        "https://push.example.org/" + "x" * 2000,
        "",
    ],
)
def test_what_is_no_push_service_is_refused(person: Any, settings: Any, endpoint: str) -> None:
    settings.WEB_PUSH_LOCAL = False
    ann = person("ann")
    assert "endpoint" in ann.post("/push/subscribe", subscription(endpoint), status=400)["errors"]
    assert not ann.get("/push")["isOn"]


def test_a_name_that_leads_into_our_own_network_is_not_asked(
    person: Any, service: PushService, reachable: Any, settings: Any
) -> None:
    ann, bob = person("ann"), person("bob")
    path = reachable(bob)
    settings.WEB_PUSH_LOCAL = False
    say(ann, bob, "hello")
    assert eventually(lambda: rows(bob).get().failures == 1)
    assert service.is_silent(path)


@pytest.mark.parametrize("address", ["10.0.0.1", "::1", "fec0::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"])
def test_a_name_that_leads_into_our_own_network_is_refused_at_once_also_beside_a_public_one(
    person: Any, settings: Any, monkeypatch: Any, address: str
) -> None:
    settings.WEB_PUSH_LOCAL = False
    resolved = ["93.184.215.14", address]
    monkeypatch.setattr(socket, "getaddrinfo", names({"push.example.org": lambda: resolved}))
    ann = person("ann")
    ann.post("/push/subscribe", subscription("https://push.example.org/x"), status=400)
    resolved.pop()
    ann.post("/push/subscribe", subscription("https://push.example.org/x"))


def test_a_name_that_leads_elsewhere_when_it_is_used_is_not_asked(
    person: Any, settings: Any, monkeypatch: Any, caplog: Any
) -> None:
    settings.WEB_PUSH_LOCAL = False
    leads = ["93.184.215.14"]
    monkeypatch.setattr(socket, "getaddrinfo", names({"rebinding.example.org": lambda: leads}))
    ann, bob = person("ann"), person("bob")
    bob.post("/push/subscribe", subscription("https://rebinding.example.org/x"))
    with socket.create_server(("127.0.0.1", 0)) as inside:
        leads[:] = ["127.0.0.1"]
        say(ann, bob, "hello")
        assert eventually(lambda: rows(bob).get().failures == 1)
        inside.setblocking(False)
        with pytest.raises(BlockingIOError):
            inside.accept()
    assert "rebinding.example.org was not reached: PermissionError" in caplog.text


def names(known: dict[str, Any]) -> Any:
    """`getaddrinfo` that resolves these names, and leaves others to the system."""
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *more: Any, **options: Any) -> Any:
        if host not in known:
            return real(host, port, *more, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in known[host]()]

    return resolve


@pytest.mark.parametrize(
    "keys",
    [{}, {"p256dh": "AAAA", "auth": "AAAA"}, {"p256dh": "!", "auth": "!"}, {"p256dh": 7, "auth": None}, "keys", None],
)
def test_keys_that_no_browser_has_are_refused(person: Any, service: PushService, keys: Any) -> None:
    ann = person("ann")
    ann.post("/push/subscribe", {"endpoint": f"{service.url}/x", "keys": keys}, status=400)
    assert not rows(ann).exists()


# Devices --------------------------------------------------------------------------------------------------------------


def test_a_device_can_be_told_no_longer_and_knows_how_many_others_are(person: Any, reachable: Any) -> None:
    ann = person("ann")
    phone = ann.signed_in_again()
    assert ann.get("/push") | {"key": ""} == {"key": "", "isOn": False, "showContent": True, "otherDevices": 0}
    reachable(phone, showContent=False)
    reachable(ann)
    assert ann.get("/push")["otherDevices"] == 1
    assert phone.get("/push")["showContent"] is False
    assert ann.post("/push/unsubscribe")["isOn"] is False
    assert phone.get("/push") | {"key": ""} == {"key": "", "isOn": True, "showContent": False, "otherDevices": 0}


def test_one_person_has_only_so_many(person: Any, reachable: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(subscriptions, "DEVICES_MAX", 2)
    ann = person("ann")
    devices = [ann, ann.signed_in_again(), ann.signed_in_again()]
    for device in devices:
        reachable(device)
    assert [device.get("/push")["isOn"] for device in devices] == [False, True, True]


def test_a_test_is_pushed_to_this_device_alone(person: Any, service: PushService, reachable: Any) -> None:
    ann = person("ann")
    phone = ann.signed_in_again()
    phones, mine = reachable(phone), reachable(ann)
    ann.post("/push/test", status=202)
    assert service.next(mine)["tag"] == "test"
    assert service.is_silent(phones)
    ann.post("/push/unsubscribe")
    ann.post("/push/test", status=404)


def test_nobody_asks_for_tests_without_end(person: Any, service: PushService, reachable: Any) -> None:
    ann = person("ann")
    reachable(ann)
    statuses = [ann.request("post", "/push/test", body={}).status_code for _ in range(8)]
    assert 429 in statuses


def test_push_can_be_turned_off(person: Any, service: PushService, reachable: Any, settings: Any) -> None:
    ann, bob, cid = person("ann"), person("bob"), person("cid")
    path = reachable(bob)
    settings.WEB_PUSH = False
    assert bob.get("/push")["key"] is None
    refused = cid.post("/push/subscribe", subscription(f"{service.url}/cid"), status=409)
    assert refused["code"] == "push_off"
    bob.post("/push/test", status=409)
    say(ann, bob, "hello")
    settings.WEB_PUSH = True
    end = reachable(cid)
    say(ann, cid, "end")
    service.next(end)
    assert service.is_silent(path)
    assert bob.post("/push/unsubscribe")["isOn"] is False


def test_a_person_who_is_deleted_leaves_no_subscription(person: Any, reachable: Any) -> None:
    ann = person("ann")
    reachable(ann)
    User.objects.get(pk=ann.id).delete()
    assert not rows(ann).exists()


# The key --------------------------------------------------------------------------------------------------------------


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Any) -> None:
    key = environment.vapid_key("", tmp_path)
    assert environment.vapid_key("", tmp_path) == key
    assert (tmp_path / "vapid_key").stat().st_mode & 0o777 == 0o600
    assert (configured.DATA_DIR / "vapid_key").stat().st_mode & 0o777 == 0o600
    assert environment.vapid_key(key, tmp_path / "elsewhere") == key
    assert push.public_key() != key
    with pytest.raises(ImproperlyConfigured):
        environment.vapid_key("too short", tmp_path)


def test_push_services_are_told_where_we_are() -> None:
    assert environment.vapid_contact("", ["https://chat.example.org"]) == "https://chat.example.org"
    assert environment.vapid_contact("", ["http://localhost:8000"]) == "mailto:chat@localhost"
    assert environment.vapid_contact("mailto:a@b.org", []) == "mailto:a@b.org"
    with pytest.raises(ImproperlyConfigured):
        environment.vapid_contact("a@b.org", [])
