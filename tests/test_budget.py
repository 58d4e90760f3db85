"""One budget per person for everything that costs: both doors, all devices, and who goes on regardless."""

import json
import re
import time
from contextlib import suppress
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.views import APIView
from websockets.exceptions import ConnectionClosed

from chatproject.core import costs
from chatproject.core.http import api
from chatproject.core.redis import budget
from messaging.consumers import ChatConsumer
from messaging.services import typing
from tests.people import Refused

SOMEBODY = "01890000-0000-7000-8000-000000000000"


@pytest.fixture
def little(settings: Any) -> None:
    """Points for a few actions, which do not come back while a test runs."""
    settings.RATE_ACTIONS = "60/1h"


def use_up(someone: Any) -> None:
    while someone.request("get", "/me").status_code == 200:
        continue


def until_refused(socket: Any, event: str, data: Any = None) -> int:
    """How often an event is answered before it is refused for the budget."""
    for answered in range(100):
        try:
            socket.call(event, data)
        except Refused as refused:
            assert refused.code == "rate_limited"
            return answered
    raise AssertionError(f"{event} is never refused")


# What is charged ------------------------------------------------------------------------------------------------------


#: In both of their names.
MESSAGES = {"EmitPrivate", "EmitGroupMsg", "SocketEmitPrivate", "SocketEmitGroupMsg"}


def test_every_event_has_its_cost_and_only_messages_are_free() -> None:
    assert set(ChatConsumer.costs) == set(ChatConsumer.handlers)
    assert {event for event, cost in ChatConsumer.costs.items() if not cost} == MESSAGES


def test_every_route_has_its_cost_and_only_messages_and_the_sign_in_are_free() -> None:
    def views(patterns: Any, prefix: str = "") -> Any:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                yield from views(pattern.url_patterns, prefix + str(pattern.pattern))
            elif isinstance(pattern, URLPattern) and (view := getattr(pattern.callback, "view_class", None)):
                yield prefix + str(pattern.pattern), view

    ours = {
        route: view
        for route, view in views(get_resolver().url_patterns)
        if issubclass(view, APIView) and not route.startswith("api/")
    }
    assert [route for route, view in ours.items() if not hasattr(view, "cost")] == []
    free = {route for route, view in ours.items() if view.cost == costs.FREE}
    assert free == {"login", "private/send", "group/send"}


#: Each event with data that is answered, or refused for another reason than the budget.
EVENTS: dict[str, Any] = {
    "EmitUserConnect": {},
    "GetEmitOnlineUsers": {},
    "SocketHeartBeat": {},
    "EmitGroupJoin": {"groupId": SOMEBODY},
    "EmitTempLeaveGroup": {"groupId": SOMEBODY},
    "EmitSearch": {"q": "a"},
    "EmitShelf": {"chatId": SOMEBODY, "kind": "media"},
    "EmitGroupLeave": {"groupId": SOMEBODY},
    "EmitGroupRequest": {"groupId": SOMEBODY},
    "EmitGroupRequestWithdraw": {"groupId": SOMEBODY},
    "EmitGroupRequestAccept": {"groupId": SOMEBODY, "userId": SOMEBODY},
    "EmitGroupRequestRefuse": {"groupId": SOMEBODY, "userId": SOMEBODY},
    "EmitGroupAdd": {"groupId": SOMEBODY, "userIds": [SOMEBODY]},
    "EmitGroupRemove": {"groupId": SOMEBODY, "userIds": [SOMEBODY]},
    "EmitGroupUpdate": {"groupId": SOMEBODY},
    "EmitCloseAnnouncement": {"groupId": SOMEBODY, "version": 1},
    "EmitChatMute": {"type": "group", "id": SOMEBODY},
    "EmitChatLevel": {"type": "group", "id": SOMEBODY, "level": None},
    "EmitChatPin": {"type": "group", "id": SOMEBODY},
    "EmitChatArchive": {"type": "group", "id": SOMEBODY},
    "EmitPreferences": {},
    "EmitStatus": {"text": "x"},
    "EmitStatusEnd": {},
    "EmitGroupTransfer": {"groupId": SOMEBODY, "userId": SOMEBODY},
    "EmitGroupTransferAccept": {"groupId": SOMEBODY},
    "EmitGroupTransferDecline": {"groupId": SOMEBODY},
    "EmitGetUnreadCount": {},
    "EmitMarkPrivateRead": {"senderId": SOMEBODY},
    "EmitMarkGroupRead": {"groupId": SOMEBODY},
    "GetMessageHistory": {"chatId": SOMEBODY, "isGroup": False},
    "EmitSync": {"cursors": {}},
    "EmitTyping": {"toUid": SOMEBODY},
    "EmitDraft": {"type": "group", "id": SOMEBODY},
    "EmitRecall": {"messageId": SOMEBODY},
    "EmitEdit": {"messageId": SOMEBODY, "content": "x"},
    "EmitHide": {"messageIds": [SOMEBODY]},
    "EmitForward": {"messageIds": [SOMEBODY], "to": [{"toUid": SOMEBODY}]},
    "EmitReact": {"messageId": SOMEBODY, "emoji": "👍"},
    "EmitPin": {"messageId": SOMEBODY},
    "EmitMarkUnread": {"type": "group", "id": SOMEBODY},
    "EmitWatchPresence": {"userIds": []},
}


def test_who_has_used_up_the_budget_by_one_door_is_refused_at_the_other(person: Any, group: Any, little: None) -> None:
    assert set(EVENTS) == {event for event, cost in ChatConsumer.costs.items() if cost}
    ann, bob = person("ann"), person("bob")
    room = group(bob, ann)
    anns = ann.connect()
    use_up(ann)
    for event, data in EVENTS.items():
        with pytest.raises(Refused, match="rate_limited") as refused:
            anns.call(event, data)
        assert refused.value.error["retryAfter"] > 0, event
    here = {"groupId": room["id"]}
    routes: list[tuple[str, str, dict[str, Any]]] = [
        ("post", "/chatList", {}),
        ("post", "/sync", {"body": {"cursors": {}}}),
        ("get", "/group/messages", {"query": here}),
        ("get", "/unread", {}),
        ("get", "/message/search", {"query": {"q": "a"}}),
        ("post", "/group/create", {"body": {"name": "x"}}),
        ("post", "/group/leave", {"body": here}),
        ("post", "/group/invite", {"body": here}),
        ("patch", "/me", {"body": {"language": "en"}}),
        ("get", "/uploads/images/x.jpg", {}),
    ]
    for method, path, more in routes:
        answer = ann.request(method, path, **more)
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited"), path
        assert int(answer.headers["Retry-After"]) > 0
    assert bob.get("/group/list"), "somebody else's budget is another one"
    sent = ann.post("/group/send", {**here, "content": "messages have their own limit"}, status=201)
    assert anns.call("EmitGroupMsg", {**here, "content": "by both doors"})["seq"] == sent["seq"] + 1


def test_a_new_device_has_no_new_budget(person: Any, little: None) -> None:
    ann = person("ann")
    again = ann.signed_in_again()
    socket = ann.connect()
    until_refused(socket, "SocketHeartBeat")
    for other in (again, ann.signed_in_again()):
        other.get("/me", status=429)
        with pytest.raises(Refused, match="rate_limited"):
            other.connect().call("SocketHeartBeat")


def test_what_costs_more_is_over_sooner(person: Any, settings: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(costs, "POINTS_PER_SECOND", 0)
    settings.RATE_ACTIONS = "100/1h"
    done = {}
    for route in ("/me", "/unread", "/message/search"):
        ann = person("ann")
        done[route] = 0
        while ann.request("get", route, query={"q": "a"}).status_code == 200:
            done[route] += 1
    assert done == {"/me": 100, "/unread": 20, "/message/search": 5}


def test_many_in_one_request_cost_more_than_one(person: Any, settings: Any) -> None:
    settings.RATE_ACTIONS = "70/1h"
    ann, others = person("ann"), [person("x") for _ in range(30)]
    ann.post("/group/create", {"name": "x", "memberIds": [one.id for one in others]}, status=201)
    ann.post("/group/create", {"name": "x", "memberIds": [one.id for one in others]}, status=429)
    assert len(others[0].get("/group/list")) == 1


def test_a_long_answer_is_charged_when_its_length_is_known(person: Any, settings: Any) -> None:
    ann, bob = person("ann"), person("bob")
    for _ in range(20):
        bob.post("/private/send", {"receiverId": ann.id, "content": "x" * 8000}, status=201)
    settings.RATE_ACTIONS = "60/1h"
    socket = ann.connect()
    history = {"chatId": bob.id, "isGroup": False}
    assert until_refused(socket, "GetMessageHistory", history) <= 4, "160 kB cost 20 points beside the 5 of any page"
    ann.get("/private/messages", senderId=bob.id, status=429)


def test_a_list_without_end_and_a_file_are_charged_as_they_are_sent(
    person: Any, settings: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(api, "CHUNK", 2)
    monkeypatch.setattr(costs, "BYTES_PER_POINT", 100)
    monkeypatch.setattr(costs, "FILE_BYTES_PER_POINT", 1000)
    people = [person("ann") for _ in range(5)]
    names = [one.name for one in people]
    for path in ("/userChatList", "/group/allList"):
        settings.RATE_ACTIONS = "100000/s"
        if path == "/group/allList":
            for name in names:
                people[0].post("/group/create", {"name": name, "joinPolicy": "open"}, status=201)
        settings.RATE_ACTIONS = "16/1h"
        reader = person("reader")
        assert len(reader.get(path, search="ann", status=200)) >= len(people), path
        reader.get("/me", status=429)
    settings.RATE_ACTIONS = "40/1h"
    reader = person("reader")
    file = reader.upload(b"x" * 60_000, "a.bin", "files")
    assert reader.request("get", file["mediaUrl"]).status_code == 200
    reader.get("/me", status=429)


def test_a_request_that_takes_longer_than_its_price_says_is_charged_for_the_rest(
    person: Any, settings: Any, monkeypatch: Any
) -> None:
    settings.RATE_ACTIONS = "1000/1h"
    ann = person("ann")
    ann.get("/userChatList", search="nobody has this name", status=200)
    ann.get("/me", status=200)
    monkeypatch.setattr(costs, "POINTS_PER_SECOND", 10**9)
    ann.get("/userChatList", search="nobody has this name", status=200)
    ann.get("/me", status=429)


def test_several_processes_share_the_budget_through_redis(person: Any, settings: Any, monkeypatch: Any) -> None:
    settings.RATE_ACTIONS = "200/1h"
    ann = person("ann")
    here, there = {}, {}  # type: ignore[var-annotated]  # the purses of two processes
    for purses, spent in ((here, 150), (there, 30)):
        monkeypatch.setattr(budget, "_purses", purses)
        budget.spend(ann.id, spent)
        budget.settle()
    assert there[ann.id].left == pytest.approx(20, abs=1), "this one spent 30, and knows of the other's 150"
    with pytest.raises(Exception, match="rate_limited"):
        budget.spend(ann.id, 30)
    budget.spend(ann.id, 15)
    monkeypatch.setattr(budget, "_purses", here)
    budget.charge(ann.id, 10)
    budget.settle()
    assert here[ann.id].left < 20


def test_the_budget_comes_back_and_full_ones_are_forgotten(person: Any, settings: Any) -> None:
    settings.RATE_ACTIONS = "20/5s"
    ann = person("ann")
    assert [ann.request("get", "/message/search", query={"q": "a"}).status_code for _ in range(2)] == [200, 429]
    end = time.monotonic() + 60
    while ann.request("get", "/message/search", query={"q": "a"}).status_code != 200:
        assert time.monotonic() < end
    while any(str(who) == ann.id for who in budget._purses):
        assert time.monotonic() < end
        budget.forget_full()


# Who goes on ----------------------------------------------------------------------------------------------------------


def test_a_client_that_goes_on_without_a_budget_is_closed_and_others_are_unharmed(person: Any, settings: Any) -> None:
    settings.RATE_ACTIONS = "60/10s"  # six a second succeed between the refusals
    ann, bob = person("ann"), person("bob")
    anns, bobs = ann.connect(), bob.connect()
    with suppress(ConnectionClosed):
        for _ in range(5000):
            anns.send("SocketHeartBeat")
    assert anns.closed() == 4429
    assert bobs.call("SocketHeartBeat")["serverTime"]


def test_rubbish_between_good_frames_is_charged_too(person: Any, settings: Any) -> None:
    settings.RATE_ACTIONS = "60/1h"
    ann, bob = person("ann"), person("bob")
    anns = ann.connect()
    with suppress(ConnectionClosed):
        for number in range(400):
            anns.send_raw(json.dumps({"event": "EmitPrivate", "data": {"toUid": "nobody"}}))
            if number % 50 == 0:
                anns.send("EmitPrivate", {"toUid": bob.id, "msg": "a"}, ack=number)
    assert anns.closed() == 4429


def test_long_rubbish_is_charged_for_its_length(person: Any, settings: Any) -> None:
    settings.RATE_ACTIONS = "60/1h"
    anns = person("ann").connect()
    for _ in range(8):
        anns.send_raw("{" + "[,]" * 20_000)
        assert anns.next("error")["code"] == "bad_request"
    with pytest.raises(Refused, match="rate_limited"):
        anns.call("SocketHeartBeat")


# Typing ---------------------------------------------------------------------------------------------------------------


def test_typing_is_told_once_however_often_it_is_said(person: Any, group: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(typing, "FOLD_SECONDS", 3600)
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    room, other = group(ann, bob, cem), group(ann, bob)
    anns, twin, bobs = ann.connect(), ann.connect(), bob.connect()
    for _ in range(50):
        anns.call("EmitTyping", {"groupId": room["id"]})
        twin.call("EmitTyping", {"groupId": room["id"]})
    anns.call("EmitTyping", {"groupId": other["id"]})
    assert [one["id"] for one in bobs.heard("OnTyping")] == [room["id"], other["id"]]
    cem.connect().call("EmitTyping", {"groupId": room["id"]})
    assert bobs.next("OnTyping")["userId"] == cem.id


def test_typing_is_told_again_after_a_while(person: Any, group: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(typing, "FOLD_SECONDS", 0)
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    anns, bobs = ann.connect(), bob.connect()
    for _ in range(3):
        anns.call("EmitTyping", {"groupId": room["id"]})
    assert len(bobs.heard("OnTyping")) == 3


# Who never meets it ---------------------------------------------------------------------------------------------------


def test_a_busy_client_with_two_hundred_chats_never_meets_the_default(person: Any, group: Any, settings: Any) -> None:
    from groups.models import Membership, Room
    from messaging.models import Message

    ann, bob = person("ann"), person("bob")
    rooms = [
        Room(kind="group", name=f"room {number}", member_count=2, last_seq=1, last_version=1) for number in range(200)
    ]
    said = [
        Message(room=room, seq=1, version=1, sender_id=ann.id, client_id=str(room.pk), content="hello")
        for room in rooms
    ]
    for room, message in zip(rooms, said, strict=True):
        room.last_message_id, room.last_at = message.pk, message.sent_at
    Room.objects.bulk_create(rooms)
    Message.objects.bulk_create(said)
    Membership.objects.bulk_create(
        [
            Membership(room=room, user_id=one.id, role=role, own_since_read=own)
            for room in rooms
            for one, role, own in ((ann, "owner", 1), (bob, "member", 0))
        ]
    )
    settings.RATE_ACTIONS = _default()
    for _ in range(4):  # reconnections within a minute
        ann.post("/chatList", {}, status=200)
        socket = ann.connect(batch=True)
        socket.call("EmitUserConnect")
        socket.call("EmitSync", {"cursors": {str(room.pk): 1 for room in rooms}})
        socket.call("EmitGetUnreadCount")
        socket.call("EmitWatchPresence", {"userIds": [bob.id] * 200})
        for room in rooms[:10]:  # and some work
            ann.get("/group/messages", groupId=str(room.pk), status=200)
            socket.call("EmitMarkGroupRead", {"groupId": str(room.pk)})
            socket.call("EmitTyping", {"groupId": str(room.pk)})
            ann.get("/uploads/images/none.jpg", status=404)


def _default() -> str:
    import inspect

    from chatproject import settings

    (default,) = re.findall(r'"RATE_ACTIONS", default="(.+?)"', inspect.getsource(settings))
    return str(default)
