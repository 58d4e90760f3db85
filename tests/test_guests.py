"""Guests where GUESTS_SEE is `contacts`: they know those with whom they share a chat, and nobody else."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.people import Person, Refused


@pytest.fixture
def guest(person: Any, anonymous: Person) -> Callable[[], Person]:
    def arrive() -> Person:
        made = anonymous.post("/createUser", {"name": f"guest {person.unique()}", "img": ""}, status=201)
        guest: Person = person.remember(Person(anonymous._client, name=made["name"], token=made["token"], user=made))
        return guest

    return arrive


@pytest.fixture
def limited(settings: Any) -> None:
    settings.GUESTS_SEE = "contacts"


def seen(someone: Person, *others: Person) -> list[str]:
    """Which of the others somebody finds in the list, each by their name, and among those who are online."""
    online = {one["id"] for one in someone.connect().call("GetEmitOnlineUsers")["userList"]}
    found = [
        one for one in others if [user["id"] for user in someone.get("/userChatList", search=one.name)] == [one.id]
    ]
    assert [one for one in others if one.id in online] == found
    assert {one["id"] for one in someone.get("/userChatList")} >= {one.id for one in found}
    return [one.id for one in found]


def test_a_guest_sees_everybody_unless_the_installation_says_otherwise(person: Any, guest: Any) -> None:
    bob, gil = person("bob"), guest()
    bob.connect()
    assert seen(gil, bob) == [bob.id]
    gil.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)


@pytest.mark.usefixtures("limited")
def test_a_limited_guest_finds_and_writes_to_nobody_with_whom_they_share_no_chat(
    person: Any, guest: Any, group: Any
) -> None:
    ann, bob, cem, gil = person("ann"), person("bob"), person("cem"), guest()
    for one in (ann, bob, cem):
        one.connect()
    group(ann, gil, cem)
    assert seen(gil, ann, bob, cem) == [ann.id, cem.id]
    assert seen(ann, bob, cem) == [bob.id, cem.id], "others see whom they saw"
    everybody = gil.get("/userChatList")
    assert {one["id"] for one in everybody} == {ann.id, cem.id, gil.id}
    gils, bobs = gil.connect(), bob.connect()
    to_bob = {"receiverId": bob.id, "content": "hello"}
    assert gil.post("/private/send", to_bob, status=404)["code"] == "not_found"
    assert gil.post("/private/send", {**to_bob, "type": "text", "clientId": "1"}, status=404)
    with pytest.raises(Refused, match="not_found"):
        gils.call("EmitPrivate", {"toUid": bob.id, "msg": "hello"})
    assert bobs.silent("OnPrivate", "unreadCountUpdate")
    assert gil.post("/private/send", {"receiverId": cem.id, "content": "hello"}, status=201)


@pytest.mark.usefixtures("limited")
def test_who_writes_to_a_limited_guest_is_answered(person: Any, guest: Any) -> None:
    bob, gil = person("bob"), guest()
    bob.post("/private/send", {"receiverId": gil.id, "content": "hello"}, status=201)
    assert gil.post("/private/send", {"receiverId": bob.id, "content": "hi"}, status=201)
    bob.connect()
    assert seen(gil, bob) == [bob.id]


@pytest.mark.usefixtures("limited")
def test_a_limited_guest_enters_groups_by_invitation_and_brings_in_only_those_they_know(
    person: Any, guest: Any, group: Any
) -> None:
    ann, bob, gil = person("ann"), person("bob"), guest()
    room = group(ann)
    assert gil.get("/group/allList", search=room["name"], limit=200) == []
    gil.post("/group/join", {"groupId": room["id"]}, status=404)
    code = ann.post("/group/invite", {"groupId": room["id"]})["inviteCode"]
    assert gil.post("/group/join", {"groupId": room["id"], "inviteCode": code})["role"] == "member"
    assert [one["id"] for one in gil.get("/group/allList", limit=200)] == [room["id"]]
    assert gil.post("/group/create", {"name": "x", "memberIds": [bob.id]}, status=404)
    assert gil.post("/group/invite", {"groupId": room["id"], "userIds": [bob.id]}, status=404)
    assert gil.post("/group/create", {"name": "x", "memberIds": [ann.id]}, status=201)


@pytest.mark.usefixtures("limited")
def test_a_limited_guest_hears_nothing_of_strangers_coming_and_going(person: Any, guest: Any) -> None:
    bob, gil = person("bob"), guest()
    gils = gil.connect()
    gils.call("EmitWatchPresence", {"userIds": [bob.id]})
    bob.connect()
    bob.patch("/me", {"name": f"bobby {person.unique()}"})
    assert gils.silent("OnUserStatus", "OnUserUpdate")
    assert gils.heard("OnlineUsersList") == []


@pytest.mark.usefixtures("limited")
def test_a_guest_who_sets_a_password_sees_like_everybody(person: Any, guest: Any) -> None:
    bob, gil = person("bob"), guest()
    bob.connect()
    gil.patch("/me", {"password": "correct horse battery"})
    assert seen(gil, bob) == [bob.id]


def test_a_bare_call_makes_an_open_group_unless_the_installation_says_closed(
    person: Any, group: Any, settings: Any
) -> None:
    ann = person("ann")
    assert group(ann)["joinPolicy"] == "open"
    assert group(ann, joinPolicy="closed")["joinPolicy"] == "closed"
    settings.NEW_GROUPS = "closed"
    assert group(ann)["joinPolicy"] == "closed"
    assert group(ann, joinPolicy="open")["joinPolicy"] == "open"
