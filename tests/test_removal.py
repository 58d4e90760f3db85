"""Who was removed from a group stays outside, and an invitation lets in whom it is meant for."""

from datetime import timedelta
from typing import Any

import pytest

from chatproject.core.times import now
from groups.models import Room


def invite(someone: Any, room: dict[str, Any], **more: Any) -> Any:
    return someone.post("/group/invite", {"groupId": room["id"], **more})


def join(someone: Any, room: dict[str, Any], code: str = "", *, status: int = 200) -> Any:
    return someone.post("/group/join", {"groupId": room["id"], "inviteCode": code}, status=status)


def kick(someone: Any, room: dict[str, Any], other: Any) -> None:
    someone.post("/group/kick", {"groupId": room["id"], "userId": other.id}, status=200)


# Removed --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["open", "closed"])
def test_a_removed_person_is_let_in_by_no_code_old_or_new(person: Any, group: Any, policy: str) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob, joinPolicy=policy)
    old = invite(ann, room)["inviteCode"]
    kick(ann, room, bob)
    new = invite(ann, room)["inviteCode"]
    assert new != old
    assert join(bob, room, new, status=403)["code"] == "removed"
    assert join(bob, room, old, status=403 if policy == "open" else 404)["code"] in ("invite_invalid", "not_found")
    assert join(bob, room, status=403 if policy == "open" else 404)["code"] in ("removed", "not_found")
    assert room["id"] not in {one["id"] for one in bob.get("/group/allList", limit=200)}
    assert bob.get("/group/list") == []


def test_a_member_does_not_bring_a_removed_person_back_and_an_administrator_does(person: Any, group: Any) -> None:
    ann, bob, cem, dan = person("ann"), person("bob"), person("cem"), person("dan")
    room = group(ann, bob, cem)
    kick(ann, room, bob)
    cem.post("/group/invite", {"groupId": room["id"], "userIds": [dan.id, bob.id]}, status=403)
    assert bob.get("/group/list") == [] == dan.get("/group/list")
    cem.post("/group/invite", {"groupId": room["id"], "userIds": [dan.id]}, status=200)
    ann.post("/group/setRole", {"groupId": room["id"], "userId": cem.id, "role": "admin"})
    invite(cem, room, userIds=[bob.id])
    assert [one["id"] for one in bob.get("/group/list")] == [room["id"]]
    bob.post("/group/leave", {"groupId": room["id"]})
    join(bob, room), "the removal is over"


def test_who_lets_nobody_add_them_joins_by_themselves_after_an_administrator_forgave_them(
    person: Any, group: Any
) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    kick(ann, room, bob)
    bob.patch("/me", {"addableBy": "nobody"})
    assert bob.id not in {one["id"] for one in invite(ann, room, userIds=[bob.id])["members"]}
    join(bob, room)


# Codes ----------------------------------------------------------------------------------------------------------------


def test_closing_a_group_renews_its_code_and_opening_it_does_not(person: Any, group: Any) -> None:
    ann, eve = person("ann"), person("eve")
    room = group(ann)
    old = invite(ann, room)["inviteCode"]
    ann.post("/group/update", {"groupId": room["id"], "joinPolicy": "closed"})
    join(eve, room, old, status=404)
    new = invite(ann, room)["inviteCode"]
    assert new != old
    ann.post("/group/update", {"groupId": room["id"], "joinPolicy": "open"})
    assert invite(ann, room)["inviteCode"] == new
    join(eve, room, new)


def test_a_code_lets_in_as_many_as_it_says(person: Any, group: Any) -> None:
    ann, bob, cem, dan = person("ann"), person("bob"), person("cem"), person("dan")
    room = group(ann, joinPolicy="closed")
    made = invite(ann, room, maxUses=2)
    code = made["inviteCode"]
    assert (made["inviteUsesLeft"], made["inviteExpiresAt"]) == (2, None)
    join(bob, room, code)
    join(bob, room, code), "who is inside uses up nothing"
    assert invite(ann, room)["inviteUsesLeft"] == 1
    join(cem, room, code)
    join(dan, room, code, status=404)
    again = invite(ann, room)
    assert again["inviteCode"] != code and again["inviteUsesLeft"] is None, "one that is used up is replaced"
    join(dan, room, again["inviteCode"])


def test_a_code_ends_when_it_says(person: Any, group: Any) -> None:
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    room = group(ann)
    made = invite(ann, room, expiresIn=3600)
    ends = Room.objects.get(pk=room["id"]).invite_expires_at
    assert ends is not None and now() < ends < now() + timedelta(hours=2)
    join(bob, room, made["inviteCode"])
    Room.objects.filter(pk=room["id"]).update(invite_expires_at=now())
    assert join(cem, room, made["inviteCode"], status=403)["code"] == "invite_invalid"
    assert invite(ann, room)["inviteCode"] != made["inviteCode"]


def test_removing_somebody_does_not_widen_a_code(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob, joinPolicy="closed")
    invite(ann, room, maxUses=1, expiresIn=3600)
    kick(ann, room, bob)
    made = invite(ann, room)
    assert made["inviteUsesLeft"] == 1 and made["inviteExpiresAt"] is not None


def test_only_administrators_limit_or_renew_a_code(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    for wish in ({"renew": True}, {"maxUses": 1}, {"expiresIn": 60}):
        bob.post("/group/invite", {"groupId": room["id"], **wish}, status=403)
    for wrong in ({"maxUses": 0}, {"expiresIn": 5}, {"maxUses": "many"}):
        ann.post("/group/invite", {"groupId": room["id"], **wrong}, status=400)
