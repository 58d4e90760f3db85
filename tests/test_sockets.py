"""The socket itself: admission, end, and heartbeat."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from django.conf import settings as project
from websockets.exceptions import ConnectionClosed

from chatproject.core import hub
from tests.people import Refused


def test_nobody_without_proof_gets_in(anonymous: Any) -> None:
    assert anonymous.connect().closed() == 4401
    assert anonymous.connect(Authorization="Bearer nonsense").closed() == 4401
    assert anonymous.connect(subprotocols=["chat.v1", "token.nonsense"]).closed() == 4401


def test_a_token_may_come_as_a_subprotocol_and_is_not_echoed(person: Any) -> None:
    ann = person("ann")
    socket = ann.connect(bearer=False, subprotocols=["chat.v1", f"token.{ann.token}"])
    assert socket.subprotocol == "chat.v1"
    assert socket.call("SocketHeartBeat")["serverTime"]


def test_a_cookie_counts_only_with_our_exact_origin(person: Any, browser: Any, anonymous: Any) -> None:
    ann = person("ann")
    cookie = "; ".join(f"{name}={value}" for name, value in browser().signed_in(ann).cookies.items())
    ours = project.ALLOWED_ORIGINS[0]
    assert anonymous.connect(Cookie=cookie, Origin=ours).call("EmitUserConnect")
    for origin in ("http://evil.example", "null", ours.replace("http://", "https://"), ours + "0", ours + "/", ""):
        assert anonymous.connect(Cookie=cookie, Origin=origin).closed() == 4401, origin
    assert anonymous.connect(Cookie=cookie).closed() == 4401, "no Origin"


def test_signing_out_closes_this_devices_sockets_and_no_others(person: Any) -> None:
    ann = person("ann")
    elsewhere = ann.signed_in_again()
    here, there = ann.connect(), elsewhere.connect()
    ann.post("/logout", status=204)
    assert here.next("OnLogout")
    assert here.closed() == 4401
    assert there.call("SocketHeartBeat")
    ann.get("/me", status=401)
    assert ann.connect().closed() == 4401


def test_batches_are_arrays_only_where_they_were_asked_for(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    plain, batched, anns = bob.connect(), bob.connect(batch=True), ann.connect()
    for number in range(20):
        anns.send("EmitGroupMsg", {"groupId": room["id"], "content": str(number)}, ack=number)
    for socket in (plain, batched):
        assert [socket.next("OnGroupMsg")["content"] for _ in range(20)] == [str(number) for number in range(20)]


def test_too_many_connections_are_sent_away_for_a_while(person: Any, settings: Any) -> None:
    settings.RATE_CONNECTIONS = "3/1h"
    ann = person("ann")
    for _ in range(3):
        assert ann.connect().call("SocketHeartBeat")
    assert ann.connect().closed() == 1013
    assert person("bob").connect().call("SocketHeartBeat")


def test_a_person_has_a_number_of_sockets_and_a_closed_one_makes_place(person: Any, settings: Any) -> None:
    settings.SOCKETS_PER_PERSON = 3
    ann = person("ann")
    anns = [ann.connect() for _ in range(3)]
    assert all(one.call("SocketHeartBeat") for one in anns)
    assert ann.connect().closed() == 1013
    assert person("bob").connect().call("SocketHeartBeat")
    anns.pop().close()
    give_up = time.monotonic() + 30
    while not ann.connect().is_open():
        assert time.monotonic() < give_up, "the socket that was closed is still counted"
    assert all(one.call("SocketHeartBeat") for one in anns)


def test_sockets_that_connect_at_the_same_moment_are_counted_one_by_one(person: Any, settings: Any) -> None:
    settings.SOCKETS_PER_PERSON = 5
    ann = person("ann")
    with ThreadPoolExecutor(20) as threads:
        anns = list(threads.map(lambda _: ann.connect(), range(20)))
    assert sum(one.is_open() for one in anns) == 5


def test_a_client_that_goes_on_against_refusals_is_closed(person: Any, settings: Any) -> None:
    settings.RATE_MESSAGES = "1/1h"
    ann, bob = person("ann"), person("bob")
    anns, bobs = ann.connect(), bob.connect()
    with suppress(ConnectionClosed):
        for number in range(110):
            anns.send("EmitPrivate", {"toUid": bob.id, "msg": "a"}, ack=number)
    assert anns.closed() == 4429
    assert bobs.call("SocketHeartBeat")


def test_a_flood_of_bytes_is_closed_and_strangers_are_unharmed(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    anns, bobs = ann.connect(), bob.connect()
    with suppress(ConnectionClosed):
        for _ in range(200):
            anns.send_raw('{"event": "SocketHeartBeat", "data": "' + "x" * 60_000 + '"}')
    assert anns.closed() == 4429
    assert bobs.call("SocketHeartBeat")


def test_errors_are_told_in_the_readers_language(person: Any) -> None:
    for language, missing in (("zh-CN", "这里没有你要找的内容。"), ("zh-HK", "這裡沒有你要找的內容。")):
        ann = person("ann")
        ann.patch("/me", {"language": language})
        with pytest.raises(Refused) as refused:
            ann.connect().call("EmitPrivate", {"toUid": "01890000-0000-7000-8000-000000000000", "msg": "a"})
        assert refused.value.error["message"] == missing


def test_what_everyone_is_told_during_a_handshake_is_heard_after_it(person: Any) -> None:
    people, stop = [person("ann") for _ in range(25)], threading.Event()
    first = person("bob").connect()

    def talk() -> None:
        while not stop.wait(0.0002):
            hub.publish(hub.EVERYONE, "chatter", {})

    talker = threading.Thread(target=talk)
    talker.start()
    try:
        sockets = [one.connect(batch=number % 2 == 0) for number, one in enumerate(people)]
    finally:
        stop.set()
        talker.join()
    for socket in (first, *sockets):
        assert socket.call("SocketHeartBeat")["serverTime"]
