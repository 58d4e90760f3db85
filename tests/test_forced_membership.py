"""Nobody is made a member or an owner against their will, or at their cost."""

from typing import Any

import pytest

from groups import rules
from tests.people import Refused


def roles(someone: Any, room: dict[str, Any]) -> dict[str, str]:
    return {one["id"]: one["role"] for one in someone.get(f"/group/members/{room['id']}")}


@pytest.fixture
def few_groups(monkeypatch: pytest.MonkeyPatch) -> int:
    """A limit of groups that a test can reach."""
    monkeypatch.setattr(rules, "GROUPS_MAX", 3)
    return rules.GROUPS_MAX


# At whose cost --------------------------------------------------------------------------------------------------------


def test_being_put_into_groups_uses_up_nothing_of_the_victims(person: Any, group: Any, few_groups: int) -> None:
    victim = person("victim")
    for _ in range(2):
        eve = person("eve")
        for _ in range(few_groups):
            group(eve, victim)
        assert eve.post("/group/create", {"name": "x"}, status=409)["code"] == "too_many_groups"
    assert len(victim.get("/group/list")) == 2 * few_groups
    for _ in range(few_groups):
        group(victim)
    assert victim.post("/group/create", {"name": "x"}, status=409)["code"] == "too_many_groups"


def test_groups_that_were_filled_and_left_still_count_against_who_filled_them(
    person: Any, group: Any, few_groups: int
) -> None:
    eve, friend, victim = person("eve"), person("friend"), person("victim")
    for _ in range(few_groups):
        room = group(eve, friend, victim)
        eve.post("/group/transfer", {"groupId": room["id"], "userId": friend.id})
        friend.post("/group/transfer/accept", {"groupId": room["id"]})
        eve.post("/group/leave", {"groupId": room["id"]})
    assert eve.get("/group/list") == []
    assert eve.post("/group/create", {"name": "x", "memberIds": [victim.id]}, status=409)["code"] == "too_many_groups"


def test_adding_somebody_to_anothers_group_counts_against_who_adds(person: Any, group: Any, few_groups: int) -> None:
    ann, eve, victim = person("ann"), person("eve"), person("victim")
    for _ in range(few_groups):
        group(eve)
    room = group(ann, eve)
    into = {"groupId": room["id"], "userIds": [victim.id]}
    assert eve.post("/group/invite", into, status=409)["code"] == "too_many_groups"
    eve.post("/group/invite", {"groupId": room["id"]}, status=200), "the code alone costs nothing"
    ann.post("/group/invite", into, status=200)


def test_joining_counts_against_who_joins(person: Any, group: Any, few_groups: int) -> None:
    ann, eve = person("ann"), person("eve")
    for _ in range(few_groups):
        group(eve)
    room = group(ann)
    assert eve.post("/group/join", {"groupId": room["id"]}, status=409)["code"] == "too_many_groups"


# Ownership ------------------------------------------------------------------------------------------------------------


def test_an_owner_stays_the_owner_until_the_offer_is_accepted(person: Any, group: Any) -> None:
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    room = group(ann, bob, cem)
    anns, bobs, cems = ann.connect(), bob.connect(), cem.connect()
    assert ann.post("/group/transfer", {"groupId": room["id"], "userId": bob.id})["offeredTo"] == bob.id
    for one in (anns, bobs):
        told = one.next("OnGroupTransfer")
        assert (told["state"], told["by"], told["byName"], told["userId"]) == ("offered", ann.id, ann.name, bob.id)
    assert cems.silent("OnGroupTransfer")
    assert roles(ann, room) == {ann.id: "owner", bob.id: "member", cem.id: "member"}
    assert ann.post("/group/leave", {"groupId": room["id"]}, status=409)["code"] == "last_owner"
    cem.post("/group/transfer/accept", {"groupId": room["id"]}, status=404)
    cem.post("/group/transfer/decline", {"groupId": room["id"]}, status=404)
    assert bob.post("/group/transfer/accept", {"groupId": room["id"]})["role"] == "owner"
    assert [one.next("OnGroupTransfer")["state"] for one in (anns, bobs)] == ["accepted", "accepted"]
    assert roles(ann, room) == {bob.id: "owner", ann.id: "admin", cem.id: "member"}
    bob.post("/group/transfer/accept", {"groupId": room["id"]}, status=404), "an offer is accepted once"


def test_an_offer_is_made_and_answered_by_the_socket_too(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    here = {"groupId": room["id"]}
    anns, bobs = ann.connect(), bob.connect()
    assert anns.call("EmitGroupTransfer", {**here, "userId": bob.id}) == here
    assert bobs.call("EmitGroupTransferDecline", here) == here
    assert [anns.next("OnGroupTransfer")["state"] for _ in range(2)] == ["offered", "declined"]
    with pytest.raises(Refused, match="not_found"):
        bobs.call("EmitGroupTransferAccept", here)
    anns.call("EmitGroupTransfer", {**here, "userId": bob.id})
    bobs.call("EmitGroupTransferAccept", here)
    assert roles(ann, room) == {bob.id: "owner", ann.id: "admin"}
    with pytest.raises(Refused, match="forbidden"):
        anns.call("EmitGroupTransfer", {**here, "userId": bob.id})


def test_an_offer_that_was_taken_back_replaced_or_outlived_is_worth_nothing(person: Any, group: Any) -> None:
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    room = group(ann, bob, cem)
    here = {"groupId": room["id"]}
    ann.post("/group/transfer", {**here, "userId": bob.id})
    assert ann.post("/group/transfer/decline", here)["offeredTo"] is None
    bob.post("/group/transfer/accept", here, status=404)
    bobs = bob.connect()
    ann.post("/group/transfer", {**here, "userId": bob.id})
    ann.post("/group/transfer", {**here, "userId": cem.id})
    assert [bobs.next("OnGroupTransfer")["state"] for _ in range(2)] == ["offered", "withdrawn"]
    bob.post("/group/transfer/accept", here, status=404)
    cem.post("/group/leave", here)
    cem.post("/group/join", here)
    cem.post("/group/transfer/accept", here, status=404), "who left and came back has no offer left"
    assert roles(ann, room)[ann.id] == "owner"


def test_a_stranger_does_not_see_to_whom_an_open_group_is_offered(person: Any, group: Any) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    room = group(ann, bob, name=f"tea {person.unique()}")
    ann.post("/group/transfer", {"groupId": room["id"], "userId": bob.id})
    for one, shown in ((bob, bob.id), (eve, None)):
        (listed,) = one.get("/group/allList", search=room["name"])
        assert listed["offeredTo"] == shown


# Who may add me -------------------------------------------------------------------------------------------------------


def test_everybody_may_add_me_until_i_say_otherwise(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    assert bob.get("/me")["addableBy"] == "everyone"
    assert {one["id"] for one in group(ann, bob)["members"]} == {ann.id, bob.id}
    assert bob.patch("/me", {"addableBy": "somebody"}, status=400)["errors"].keys() == {"addableBy"}


@pytest.mark.parametrize("route", ["create", "invite"])
def test_who_lets_nobody_add_them_is_added_by_nobody_and_may_still_join(person: Any, group: Any, route: str) -> None:
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    bob.patch("/me", {"addableBy": "nobody"})
    bob.post("/private/send", {"receiverId": ann.id, "content": "hello"}, status=201)
    room = group(ann)
    both = [cem.id, bob.id]
    if route == "create":
        refused = ann.post("/group/create", {"name": "x", "memberIds": both}, status=403)
    else:
        refused = ann.post("/group/invite", {"groupId": room["id"], "userIds": both}, status=403)
    assert refused["code"] == "not_addable" and bob.name in refused["detail"] and cem.name not in refused["detail"]
    assert bob.get("/group/list") == [] == cem.get("/group/list"), "nobody was added at all"
    code = ann.post("/group/invite", {"groupId": room["id"]})["inviteCode"]
    bob.post("/group/join", {"groupId": room["id"], "inviteCode": code})


def test_who_lets_those_add_them_to_whom_they_wrote_is_added_by_no_others(person: Any, group: Any) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    bob.patch("/me", {"addableBy": "known"})
    eve.post("/private/send", {"receiverId": bob.id, "content": "let me add you"}, status=201)
    eve.post("/group/create", {"name": "x", "memberIds": [bob.id]}, status=403)
    bob.post("/private/send", {"receiverId": ann.id, "content": "hello"}, status=201)
    group(ann, bob)
    bob.post("/private/send", {"receiverId": eve.id, "content": "all right"}, status=201)
    group(eve, bob)


def test_who_left_is_put_back_by_nobody_and_joins_again_if_they_like(person: Any, group: Any) -> None:
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    room = group(ann, bob, joinPolicy="closed")
    here = {"groupId": room["id"]}
    bob.post("/private/send", {"receiverId": ann.id, "content": "hello"}, status=201)
    bobs = bob.connect()
    bobs.call("EmitGroupLeave", here)
    refused = ann.post("/group/invite", {**here, "userIds": [cem.id, bob.id]}, status=403)
    assert refused["code"] == "not_addable" and bob.name in refused["detail"] and cem.name not in refused["detail"]
    assert bob.get("/group/list") == [] == cem.get("/group/list")
    code = ann.post("/group/invite", here)["inviteCode"]
    bob.post("/group/join", {**here, "inviteCode": code}, status=200)
    ann.post("/group/kick", {**here, "userId": bob.id})
    ann.post("/group/invite", {**here, "userIds": [bob.id]}, status=200)
    assert [one["id"] for one in bob.get("/group/list")] == [room["id"]]
    again = group(ann, bob)
    assert again["id"] in {one["id"] for one in bob.get("/group/list")}, "another group is another question"


def test_a_group_is_not_made_larger_than_a_group_may_be(
    person: Any, group: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MEMBERS_MAX", 2)
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    body = {"name": "tea", "memberIds": [bob.id, cem.id]}
    assert ann.post("/group/create", body, status=409)["code"] == "group_full"
    assert ann.get("/group/list") == []
    group(ann, bob)
