"""Query budgets: a fixed number of queries, however many rows there are."""

import asyncio
import time
from typing import Any

import pytest
from django.db import connection
from websockets.asyncio.client import connect

from messaging.services import sockets
from tests import hostile

#: PostgreSQL, which has many writers, needs one more query to lock the rooms.
HOLD = connection.vendor == "postgresql"


@pytest.fixture
def crowd(person: Any, group: Any) -> Any:
    """A group of fifty members, and its first two members."""
    people = [person("member") for _ in range(50)]
    return people[0], people[1], group(*people) | {"people": people}


def test_sending_to_a_group_of_fifty_takes_four_queries_by_http(crowd: Any, query_budget: Any) -> None:
    ann, _bob, room = crowd
    ann.post("/group/send", {"groupId": room["id"], "content": "warm"}, status=201)
    with query_budget(4 + HOLD):
        ann.post("/group/send", {"groupId": room["id"], "content": "hello", "clientId": "x"}, status=201)


def test_sending_to_a_group_of_fifty_takes_four_queries_by_socket_with_one_listening(
    crowd: Any, query_budget: Any
) -> None:
    ann, bob, room = crowd
    anns, bobs = ann.connect(), bob.connect()
    with query_budget(4 + HOLD):
        anns.call("EmitGroupMsg", {"groupId": room["id"], "content": "hello"})
        bobs.next("groupUnreadUpdate")


def test_many_messages_at_once_take_no_more_queries_than_one_each(crowd: Any, query_budget: Any) -> None:
    ann, _bob, room = crowd
    anns = ann.connect()
    with query_budget(5 * 25):
        for number in range(25):
            anns.send("EmitGroupMsg", {"groupId": room["id"], "content": "hello"}, ack=number)
        for number in range(25):
            anns.answer(number)


def test_a_private_message_takes_five_queries(person: Any, query_budget: Any) -> None:
    ann, bob = person("ann"), person("bob")
    ann.post("/private/send", {"receiverId": bob.id, "content": "first"}, status=201)
    with query_budget(5 + HOLD):
        ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)


@pytest.fixture
def busy(person: Any, group: Any) -> Any:
    """A person with twenty private chats and twenty groups, all unread."""
    ann, talker = person("ann"), person("talker")
    for number in range(20):
        person("friend").post("/private/send", {"receiverId": ann.id, "content": "hello"}, status=201)
        room = group(talker, ann)
        talker.post("/group/send", {"groupId": room["id"], "content": "hello"}, status=201)
        if number % 2:
            recalled = talker.post("/group/send", {"groupId": room["id"], "content": "oh"}, status=201)
            talker.post("/message/recall", {"messageId": recalled["id"]})
    talker.get("/unread")  # the first reader after Redis was empty asks once more
    return ann


def test_the_chat_list_takes_three_queries_whatever_its_length(busy: Any, query_budget: Any) -> None:
    with query_budget(3):
        chats = busy.post("/chatList", {})
    assert len(chats) == 40


def test_unread_takes_three_queries_whatever_its_length(busy: Any, query_budget: Any) -> None:
    with query_budget(3):
        unread = busy.get("/unread")
    assert (len(unread["private"]), len(unread["group"])) == (20, 20)


def test_a_reconnect_takes_two_queries_however_many_chats(busy: Any, query_budget: Any) -> None:
    with query_budget(2):
        socket = busy.connect()
        socket.send_raw("x")
        socket.next("error")


def test_those_who_connect_at_once_share_their_queries(
    crowd: Any, server: str, query_budget: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    everyone = crowd[2]["people"]
    admission, come = sockets._admission, 0
    admit = admission._load

    def when_all_have_come(shown: list[Any]) -> Any:
        nonlocal come
        come += len(shown)
        give_up = time.monotonic() + 60
        while come + len(admission._waiting) < len(everyone) and time.monotonic() < give_up:
            time.sleep(0.005)
        return admit(shown)

    monkeypatch.setattr(admission, "_load", when_all_have_come)

    async def all_connect() -> None:
        address = f"ws{server.removeprefix('http')}/ws/chat/"
        opening = [connect(address, additional_headers={"Authorization": f"Bearer {one.token}"}) for one in everyone]
        for socket in await asyncio.gather(*opening):
            await socket.close()

    with query_budget(2 * 2):  # of the first, and of all others
        asyncio.run(all_connect())


def test_a_page_of_history_takes_five_queries(crowd: Any, query_budget: Any) -> None:
    ann, _bob, room = crowd
    with query_budget(5):
        ann.get("/group/messages", groupId=room["id"])


def test_a_page_of_fifty_pictures_takes_no_more(crowd: Any, query_budget: Any) -> None:
    ann, bob, room = crowd
    for number in range(50):
        uploaded = ann.upload(hostile.png(), f"{number}.png", "images")
        body = {"groupId": room["id"], "type": "image", "mediaUrl": uploaded["mediaUrl"]}
        ann.post("/group/send", body, status=201)
    with query_budget(5):
        page = bob.get("/group/messages", groupId=room["id"])
    assert [one["type"] for one in page] == ["image"] * 50 and all(one["width"] for one in page)


def test_sending_what_was_uploaded_takes_two_queries_more(person: Any, query_budget: Any) -> None:
    ann, bob = person("ann"), person("bob")
    ann.post("/private/send", {"receiverId": bob.id, "content": "first"}, status=201)
    uploaded = ann.upload(b"hello", "a", "files")
    body = {"receiverId": bob.id, "type": "file", "mediaUrl": uploaded["mediaUrl"]}
    with query_budget(7 + HOLD):
        ann.post("/private/send", body, status=201)


def test_a_file_takes_four_queries(person: Any, query_budget: Any) -> None:
    ann, bob = person("ann"), person("bob")
    uploaded = ann.upload(b"hello", "a", "files")
    body = {"receiverId": bob.id, "type": "file", "mediaUrl": uploaded["mediaUrl"]}
    ann.post("/private/send", body, status=201)
    with query_budget(4):
        assert bob.request("get", uploaded["mediaUrl"]).status_code == 200
