"""Asking to join a group that decides whom it takes."""

from datetime import timedelta
from typing import Any

import pytest

from chatproject.core.times import now
from groups import rules
from groups.models import JoinRequest
from tests.people import Person, Refused


@pytest.fixture
def four(person: Any, group: Any) -> tuple[Person, Person, Person, Person, dict[str, str]]:
    """The owner, an administrator and a member of such a group, somebody who is not in it, and how requests name it."""
    ann, bob, cem, eve = person("ann"), person("bob"), person("cem"), person("eve")
    here = {"groupId": group(ann, bob, cem, name=f"tea {person.unique()}", joinPolicy="approval")["id"]}
    ann.post("/group/setRole", {**here, "userId": bob.id, "role": "admin"})
    return ann, bob, cem, eve, here


def chat(someone: Person, here: dict[str, str]) -> dict[str, Any]:
    return next(one for one in someone.post("/chatList", {}) if one["id"] == here["groupId"])


def listed(someone: Person, here: dict[str, str]) -> dict[str, Any]:
    (found,) = [one for one in someone.get("/group/allList", limit=200) if one["id"] == here["groupId"]]
    return dict(found)


def test_somebody_asks_to_join_and_is_let_in_and_only_who_decides_hears_of_it(four: Any) -> None:
    ann, bob, cem, eve, here = four
    anns, bobs, cems, eves = (one.connect() for one in (ann, bob, cem, eve))
    assert eve.post("/group/join", here, status=403)["code"] == "approval_needed"
    eve.get(f"/group/members/{here['groupId']}", status=404)
    eve.get("/group/messages", groupId=here["groupId"], status=404)
    asked = eve.post("/group/request", {**here, "note": "I like tea."})
    assert (asked["state"], asked["note"], asked["user"]["id"]) == ("asked", "I like tea.", eve.id)
    for socket in (anns, bobs):
        told = socket.next("OnGroupRequest")
        assert (told["state"], told["note"], told["user"]["id"], told["waiting"]) == ("asked", "I like tea.", eve.id, 1)
    assert eves.next("OnGroupRequest")["waiting"] is None
    assert cems.silent("OnGroupRequest")
    assert [chat(one, here)["joinRequests"] for one in (ann, bob, cem)] == [1, 1, 0]
    assert listed(eve, here)["request"]["state"] == "asked" and listed(cem, here)["request"] is None
    again = eves.call("EmitGroupRequest", {**here, "note": "Green tea."})
    assert again["askedAt"] == asked["askedAt"] and anns.silent("OnGroupRequest"), "asking twice is asking once"
    assert [one["note"] for one in bob.get(f"/group/requests/{here['groupId']}")] == ["Green tea."]
    cem.get(f"/group/requests/{here['groupId']}", status=403)
    cem.post("/group/request/accept", {**here, "userId": eve.id}, status=403)
    bobs.call("EmitGroupRequestAccept", {**here, "userId": eve.id})
    assert [eves.next("OnGroupRequest")["state"], anns.next("OnGroupRequest")["state"]] == ["accepted", "accepted"]
    line = cems.next("OnGroupMsg")
    assert (line["system"]["action"], line["system"]["people"][0]["id"]) == ("accepted", eve.id)
    assert eves.next("OnGroupUpdate")["id"] == here["groupId"]
    assert eve.post("/group/send", {**here, "content": "hello"}, status=201)
    assert [chat(one, here)["joinRequests"] for one in (ann, eve)] == [0, 0]
    bob.post("/group/request/accept", {**here, "userId": eve.id}, status=404)
    assert eve.post("/group/request", here, status=409)["code"] == "member"


def test_a_request_is_taken_back_or_refused_and_made_again_after_a_day(four: Any) -> None:
    ann, _bob, _cem, eve, here = four
    anns, eves = ann.connect(), eve.connect()
    eve.post("/group/request", here)
    eve.post("/group/request/withdraw", here)
    assert [anns.next("OnGroupRequest")["state"] for _ in range(2)] == ["asked", "withdrawn"]
    eve.post("/group/request/withdraw", here, status=404)
    assert listed(eve, here)["request"] is None and chat(ann, here)["joinRequests"] == 0
    eves.call("EmitGroupRequest", {**here, "note": "Please."})
    ann.post("/group/request/refuse", {**here, "userId": eve.id})
    assert [eves.next("OnGroupRequest")["state"] for _ in range(4)] == ["asked", "withdrawn", "asked", "refused"]
    mine = listed(eve, here)["request"]
    assert (mine["state"], mine["note"]) == ("refused", "")
    assert eve.post("/group/request", here, status=403)["code"] == "request_refused"
    JoinRequest.objects.filter(user_id=eve.id).update(refused_at=now() - timedelta(days=1, seconds=1))
    assert eve.post("/group/request", here)["state"] == "asked"


def test_who_was_away_learns_how_many_ask_by_sync(four: Any) -> None:
    ann, _bob, cem, eve, here = four
    cursors = {here["groupId"]: chat(ann, here)["version"]}
    assert ann.post("/sync", {"cursors": cursors})["chats"] == []
    eve.post("/group/request", here)
    (found,) = ann.post("/sync", {"cursors": cursors})["chats"]
    assert (found["joinRequests"], found["messages"], found["version"]) == (1, [], cursors[here["groupId"]])
    assert cem.post("/sync", {"cursors": cursors})["chats"] == [], (
        "it takes no version, and is no other member's matter"
    )


def test_a_code_or_an_administrator_leads_in_without_a_question_and_ends_it(four: Any, person: Any) -> None:
    ann, _bob, cem, eve, here = four
    fay = person("fay")
    for one in (eve, fay):
        one.post("/group/request", here)
    cem.post("/group/invite", here, status=403)
    code = ann.post("/group/invite", here)["inviteCode"]
    assert eve.post("/group/join", {**here, "inviteCode": code})["role"] == "member"
    ann.post("/group/invite", {**here, "userIds": [fay.id]})
    assert chat(ann, here)["joinRequests"] == 0 and ann.get(f"/group/requests/{here['groupId']}") == []


def test_who_was_removed_or_banned_is_not_let_in(four: Any, owner: Person) -> None:
    from accounts import services as accounts
    from accounts.models import User

    ann, _bob, cem, eve, here = four
    ann.post("/group/kick", {**here, "userId": cem.id})
    assert cem.post("/group/request", here, status=403)["code"] == "removed"
    eve.post("/group/request", here)
    boss, banned = User.objects.get(pk=owner.id), User.objects.get(pk=eve.id)
    accounts.deactivate(user=banned, by=boss)
    ann.post("/group/request/accept", {**here, "userId": eve.id}, status=404)
    accounts.activate(user=banned, by=boss)


def test_requests_are_bounded_for_a_group_and_for_a_person(
    four: Any, group: Any, monkeypatch: Any, person: Any
) -> None:
    ann, _bob, _cem, eve, here = four
    other = {"groupId": group(ann, joinPolicy="approval")["id"]}
    monkeypatch.setattr(rules, "REQUESTS_EACH", 1)
    eve.post("/group/request", here)
    assert eve.post("/group/request", other, status=409)["code"] == "too_many_requests"
    monkeypatch.setattr(rules, "REQUESTS_MAX", 1)
    assert person("fay").post("/group/request", here, status=409)["code"] == "requests_full"
    assert eve.post("/group/request", {**other, "note": "x" * 301}, status=400)["errors"].keys() == {"note"}


def test_requests_end_where_nobody_is_asked_any_more(four: Any, group: Any) -> None:
    ann, _bob, _cem, eve, here = four
    eves = eve.connect()
    eve.post("/group/request", here)
    ann.post("/group/update", {**here, "joinPolicy": "open"})
    assert [eves.next("OnGroupRequest")["state"] for _ in range(2)] == ["asked", "withdrawn"]
    assert chat(ann, here)["joinRequests"] == 0
    assert eve.post("/group/request", here, status=409)["code"] == "open"
    ann.post("/group/update", {**here, "joinPolicy": "closed"})
    eve.post("/group/request", here, status=404)
    closed = {"groupId": group(ann, joinPolicy="closed")["id"]}
    assert eve.post("/group/request", closed, status=404)["code"] == "not_found"


def test_the_code_that_all_members_of_an_open_group_knew_leads_nowhere_when_it_decides_whom_it_takes(
    person: Any, group: Any
) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    here = {"groupId": group(ann, bob)["id"]}
    code = bob.post("/group/invite", here)["inviteCode"]
    ann.post("/group/update", {**here, "joinPolicy": "approval"})
    assert eve.post("/group/join", {**here, "inviteCode": code}, status=403)["code"] == "invite_invalid"


def test_who_asks_by_the_socket_and_may_not_is_told_why(four: Any, person: Any) -> None:
    ann, _bob, cem, eve, here = four
    with pytest.raises(Refused, match="member"):
        cem.connect().call("EmitGroupRequest", here)
    with pytest.raises(Refused, match="not_found"):
        eve.connect().call("EmitGroupRequestWithdraw", here)
    with pytest.raises(Refused, match="not_found"):
        eve.connect().call("EmitGroupRequestRefuse", {**here, "userId": person("fay").id})
    with pytest.raises(Refused, match="not_found"):
        ann.connect().call("EmitGroupRequestRefuse", {**here, "userId": person("gus").id})
