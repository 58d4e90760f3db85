"""What staff do to people and groups, and what becomes of the groups of a person who is gone."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.utils import timezone

from accounts import services as accounts
from accounts.models import User
from chatproject.core import errors
from groups import services as groups
from groups.models import Room, StaffAccess
from tests.people import PASSWORD, Person, Refused


def row(someone: Person) -> User:
    return User.objects.get(pk=someone.id)


def roles(someone: Any, room: dict[str, Any]) -> dict[str, str]:
    return {one["id"]: one["role"] for one in someone.get(f"/group/members/{room['id']}")}


def lines(someone: Any, room: dict[str, Any]) -> list[str]:
    return [one["system"]["action"] for one in someone.get("/group/messages", groupId=room["id"]) if one["system"]]


# Who is gone ----------------------------------------------------------------------------------------------------------


def test_the_eldest_admin_inherits_and_without_one_the_eldest_member(person: Any, owner: Person, group: Any) -> None:
    ann, bob, cem, dan = person("ann"), person("bob"), person("cem"), person("dan")
    with_admin, without = (group(ann, bob, cem, dan, joinPolicy="closed") for _ in range(2))
    ann.post("/group/setRole", {"groupId": with_admin["id"], "userId": dan.id, "role": "admin"})
    dans = dan.connect()
    accounts.deactivate(user=row(ann), by=row(owner))
    assert roles(dan, with_admin) == {dan.id: "owner", ann.id: "member", bob.id: "member", cem.id: "member"}
    told = [dans.next("OnGroupMsg")["system"] for _ in range(2)]
    assert {(one["action"], one["actor"]["id"], one["people"][0]["id"]) for one in told} == {
        ("inherited", dan.id, ann.id),
        ("inherited", bob.id, ann.id),
    }
    assert roles(bob, without)[bob.id] == "owner", "bob was the first to join"
    dan.post("/group/update", {"groupId": with_admin["id"], "name": "goes on"})
    assert dan.post("/group/invite", {"groupId": with_admin["id"]})["inviteCode"]


def test_who_comes_back_is_a_member_and_a_group_without_others_waits(person: Any, owner: Person, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    shared, alone = group(ann, bob), group(ann)
    accounts.deactivate(user=row(ann), by=row(owner))
    accounts.activate(user=row(ann), by=row(owner))
    again = ann.signed_in_again()
    assert roles(again, shared) == {bob.id: "owner", ann.id: "member"}
    assert roles(again, alone) == {ann.id: "owner"}


def test_a_gone_member_inherits_nothing(person: Any, owner: Person, group: Any) -> None:
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    room = group(ann, bob, cem)
    accounts.deactivate(user=row(bob), by=row(owner))
    accounts.deactivate(user=row(ann), by=row(owner))
    assert roles(cem, room)[cem.id] == "owner"


def test_the_groups_of_an_erased_person_go_on(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    row(ann).delete()
    assert roles(bob, room)[bob.id] == "owner"


def test_others_see_that_a_person_is_gone(person: Any, owner: Person, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(bob, ann)
    ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    bobs = bob.connect()
    bobs.call("EmitWatchPresence", {"userIds": [ann.id]})
    accounts.deactivate(user=row(ann), by=row(owner))
    assert bobs.next("OnUserUpdate")["isGone"] is True
    members = {one["id"]: one["isGone"] for one in bob.get(f"/group/members/{room['id']}")}
    assert members == {ann.id: True, bob.id: False}
    assert [one["isGone"] for one in bob.post("/chatList", {}) if one["id"] == ann.id] == [True]
    accounts.activate(user=row(ann), by=row(owner))
    assert bobs.next("OnUserUpdate")["isGone"] is False


# For a time -----------------------------------------------------------------------------------------------------------


def test_a_ban_ends_by_itself(person: Any, anonymous: Person, owner: Person) -> None:
    ann, now = person("ann"), timezone.now()
    accounts.deactivate(user=row(ann), by=row(owner), until=now + timedelta(hours=1))
    body = {"name": ann.name, "password": PASSWORD}
    assert anonymous.post("/login", body, status=401)["code"] == "invalid_credentials"
    accounts.end_bans()
    assert not row(ann).is_active, "it is not over"
    User.objects.filter(pk=ann.id).update(banned_until=now - timedelta(seconds=1))
    assert anonymous.post("/login", body, status=200)["id"] == ann.id
    bob = person("bob")
    accounts.deactivate(user=row(bob), by=row(owner), until=now - timedelta(seconds=1))
    accounts.end_bans()
    assert row(bob).is_active


def test_who_is_silenced_reads_and_does_not_write_by_any_door(person: Any, owner: Person, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(bob, ann)
    said = ann.post("/group/send", {"groupId": room["id"], "content": "before"}, status=201)
    anns, bobs = ann.connect(), bob.connect()
    accounts.silence(user=row(ann), by=row(owner), until=timezone.now() + timedelta(hours=1))
    for path, body in (
        ("/group/send", {"groupId": room["id"], "content": "x"}),
        ("/group/send", {"groupId": room["id"], "content": "x", "type": "text", "senderId": ann.id}),
        ("/private/send", {"receiverId": bob.id, "content": "x"}),
        ("/message/edit", {"messageId": said["id"], "content": "x"}),
    ):
        assert ann.post(path, body, status=403)["code"] == "silenced"
    with pytest.raises(Refused, match="silenced"):
        anns.call("EmitGroupMsg", {"groupId": room["id"], "content": "x"})
    assert bobs.silent("OnGroupMsg", "OnPrivate", "OnEdit")
    assert bob.post("/group/send", {"groupId": room["id"], "content": "after"}, status=201) == anns.next("OnGroupMsg")
    User.objects.filter(pk=ann.id).update(silenced_until=timezone.now() - timedelta(seconds=1))
    assert ann.post("/group/send", {"groupId": room["id"], "content": "y"}, status=201)


# Reading private chats ------------------------------------------------------------------------------------------------


def test_staff_open_a_private_chat_with_a_reason_for_a_while_and_the_two_see_it(person: Any, owner: Person) -> None:
    ann, bob = person("ann"), person("bob")
    sent = ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    anns, bobs = ann.connect(), bob.connect()
    room = Room.objects.get(memberships__user=ann.id)
    for nothing in (
        "  ?  ",
        "?!?!?!",
        "\u200b" * 9,
        "\u3164" * 9,
        "a\u2060\u2060\u2060\u2060b",
        "\u3000\u3000\u3000\u3000x",
    ):
        with pytest.raises(errors.Invalid):
            groups.open_for_staff(by=row(owner), room_id=room.pk, reason=nothing)
    with pytest.raises(errors.Forbidden):
        groups.open_for_staff(by=row(ann), room_id=room.pk, reason="curiosity")
    access = groups.open_for_staff(by=row(owner), room_id=room.pk, reason="Bob reported threats")
    assert timedelta(minutes=59) < access.until - timezone.now() <= timedelta(minutes=60)
    for one, other, socket in ((ann, bob, anns), (bob, ann, bobs)):
        line = socket.next("OnPrivate")
        assert (line["type"], line["system"]["action"], line["system"]["actor"]["id"]) == ("system", "opened", owner.id)
        assert {line["senderId"], line["receiverId"]} == {ann.id, bob.id}
        history = one.get("/private/messages", senderId=one.id, receiverId=other.id)
        assert [message["id"] for message in history] == [sent["id"], line["id"]]
        chat = next(chat for chat in one.post("/chatList", {}) if chat["id"] == other.id)
        assert chat["lastMessage"]["id"] == line["id"]
    assert "threats" not in str(line), "who reported is not given away"
    assert StaffAccess.objects.get(room=room).reason == "Bob reported threats"


def test_the_log_of_openings_cannot_be_changed(person: Any, owner: Person) -> None:
    ann, bob = person("ann"), person("bob")
    ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    access = groups.open_for_staff(
        by=row(owner), room_id=Room.objects.get(memberships__user=ann.id).pk, reason="reported"
    )
    access.reason = "nothing"
    with pytest.raises(TypeError):
        access.save()
    with pytest.raises(TypeError):
        access.delete()


def test_an_opening_ends(person: Any, owner: Person, group: Any) -> None:
    from groups.selectors import readable_by_staff

    ann, bob = person("ann"), person("bob")
    closed, is_open = group(ann, bob, joinPolicy="closed"), group(ann, bob)
    ids = {UUID(closed["id"]), UUID(is_open["id"])}
    staff = row(owner)
    assert readable_by_staff(staff, ids) == {UUID(is_open["id"])}
    groups.open_for_staff(by=staff, room_id=UUID(closed["id"]), reason="reported")
    assert lines(bob, closed)[-1] == "opened"
    assert readable_by_staff(staff, ids) == ids
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert readable_by_staff(staff, ids) == {UUID(is_open["id"])}
