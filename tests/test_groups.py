"""Groups: members, permissions and events."""

import json
from typing import Any

import pytest
from django.db import connection

from tests.people import Refused


def lines(someone: Any, room: dict[str, Any]) -> list[str]:
    """The system messages of a group, by their action."""
    return [one["system"]["action"] for one in someone.get("/group/messages", groupId=room["id"]) if one["system"]]


def roles(someone: Any, room: dict[str, Any]) -> dict[str, str]:
    return {one["id"]: one["role"] for one in someone.get(f"/group/members/{room['id']}")}


def test_a_created_group_is_there_for_its_members_at_once(person: Any, group: Any) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    bobs, eves = bob.connect(), eve.connect()
    room = group(ann, bob, name="茶话会")
    assert bobs.next("OnGroupUpdate")["id"] == room["id"]
    sent = ann.post("/group/send", {"groupId": room["id"], "content": "hello"}, status=201)
    heard = bobs.next("OnGroupMsg")
    if heard["type"] == "system":  # the line about its creation, if the socket was quick enough for it
        heard = bobs.next("OnGroupMsg")
    assert heard == sent, "an open socket hears the new group"
    assert (room["name"], room["role"], room["memberCount"], room["creatorId"]) == ("茶话会", "owner", 2, ann.id)
    assert roles(bob, room) == {ann.id: "owner", bob.id: "member"}
    assert [one["id"] for one in bob.get("/group/list")] == [room["id"]]
    assert lines(bob, room) == ["created"]
    assert eves.silent()


def test_an_open_group_is_listed_and_joined_by_anyone_and_everyone_is_told(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann)
    anns, bobs = ann.connect(), bob.connect()
    listed = {one["id"]: one["role"] for one in bob.get("/group/allList", search=room["name"], limit=200)}
    assert listed[room["id"]] is None
    assert bobs.call("EmitGroupJoin", {"groupId": room["id"]}) == {"groupId": room["id"]}
    assert anns.next("OnGroupWelcomeJoin")["userId"] == bob.id
    line = anns.next("OnGroupMsg")
    assert line["type"] == "system" and line["system"]["action"] == "joined"
    assert line["system"]["actor"] == {"id": bob.id, "name": bob.name}
    bob.post("/group/join", {"groupId": room["id"]}), "joining twice is joining once"
    assert lines(ann, room) == ["created", "joined"]
    sent = ann.post("/group/send", {"groupId": room["id"], "content": "welcome"}, status=201)
    bobs.next("OnGroupUpdate")
    assert bobs.next("OnGroupMsg")["id"] in (sent["id"], line["id"])


def test_a_closed_group_is_not_there_for_strangers_and_opens_to_its_invitation(person: Any, group: Any) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    room = group(ann, bob, joinPolicy="closed")
    assert room["id"] not in {one["id"] for one in eve.get("/group/allList", limit=200)}
    eve.post("/group/join", {"groupId": room["id"]}, status=404)
    eve.post("/group/join", {"groupId": room["id"], "inviteCode": "guess"}, status=404)
    bob.post("/group/invite", {"groupId": room["id"]}, status=403)
    code = ann.post("/group/invite", {"groupId": room["id"]})["inviteCode"]
    assert eve.post("/group/join", {"groupId": room["id"], "inviteCode": code})["role"] == "member"
    renewed = ann.post("/group/invite", {"groupId": room["id"], "renew": True})["inviteCode"]
    assert renewed != code
    person("late").post("/group/join", {"groupId": room["id"], "inviteCode": code}, status=404)


def test_newcomers_have_nothing_unread_and_read_what_was_said(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann)
    ann.post("/group/send", {"groupId": room["id"], "content": "before"}, status=201)
    ann.post("/group/invite", {"groupId": room["id"], "userIds": [bob.id]})
    assert [one["unreadCount"] for one in bob.post("/chatList", {})] == [0]
    assert "before" in [one["content"] for one in bob.get("/group/messages", groupId=room["id"])]


def test_a_removed_member_hears_nothing_more_and_finds_nothing(
    person: Any, group: Any, unread_counts_are_pushed: Any
) -> None:
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    room = group(ann, bob, cem)
    unread_counts_are_pushed()  # the system message about the creation counts, too
    bobs, cems = bob.connect(), cem.connect()
    ann.post("/group/kick", {"groupId": room["id"], "userId": bob.id})
    kicked = bobs.next("OnKicked")
    assert (kicked["groupId"], kicked["reason"]) == (room["id"], "removed")
    assert bobs.next("OnGroupLeave")["userId"] == bob.id
    sent = ann.post("/group/send", {"groupId": room["id"], "content": "without bob"}, status=201)
    assert [cems.next("OnGroupMsg")["type"] for _ in range(2)] == ["system", "text"]
    assert bobs.silent("OnGroupMsg", "groupUnreadUpdate")
    bob.get("/group/messages", groupId=room["id"], status=404)
    assert bob.post("/sync", {"cursors": {room["id"]: 1}})["chats"][0]["gone"] is True
    with pytest.raises(Refused, match="not_found"):
        bobs.call("EmitGroupMsg", {"groupId": room["id"], "content": "still here?"})
    assert bob.post("/group/join", {"groupId": room["id"]}, status=403)["code"] == "removed"
    ann.post("/group/invite", {"groupId": room["id"], "userIds": [bob.id]})
    assert sent["id"] in [one["id"] for one in bob.get("/group/messages", groupId=room["id"])]


def test_a_member_who_leaves_hears_nothing_more_and_may_come_back(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    anns, bobs = ann.connect(), bob.connect()
    bobs.call("EmitGroupLeave", {"groupId": room["id"]})
    assert anns.next("OnGroupLeave")["userId"] == bob.id
    bobs.next("OnGroupLeave")
    ann.post("/group/send", {"groupId": room["id"], "content": "gone?"}, status=201)
    assert bobs.silent("OnGroupMsg")
    bob.post("/group/join", {"groupId": room["id"]})
    assert lines(ann, room) == ["created", "left", "joined"]


def test_an_absent_member_hears_no_messages_but_is_still_counted_for(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    bob.post("/group/markGroupRead", {"groupId": room["id"]})
    anns, bobs = ann.connect(), bob.connect()
    bobs.call("EmitTempLeaveGroup", {"groupId": room["id"]})
    assert anns.next("OnTempLeaveGroup")["userId"] == bob.id
    ann.post("/group/send", {"groupId": room["id"], "content": "psst"}, status=201)
    assert bobs.next("groupUnreadUpdate")["unreadCount"] == 1
    assert bobs.silent("OnGroupMsg")
    late = bob.connect()
    ann.post("/group/send", {"groupId": room["id"], "content": "psst"}, status=201)
    assert late.next("groupUnreadUpdate")["unreadCount"] == 2
    assert late.silent("OnGroupMsg"), "a new socket of an absent member hears nothing, too"
    assert {one["id"]: one["away"] for one in ann.get(f"/group/members/{room['id']}")} == {ann.id: False, bob.id: True}
    bobs.call("EmitGroupJoin", {"groupId": room["id"]})
    assert anns.next("OnGroupWelcomeJoin")["userId"] == bob.id
    bobs.next("OnGroupUpdate")
    sent = ann.post("/group/send", {"groupId": room["id"], "content": "back"}, status=201)
    assert bobs.next("OnGroupMsg") == sent


def test_joining_by_http_ends_an_absence_as_it_does_by_socket(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob, joinPolicy="closed")
    anns, bobs = ann.connect(), bob.connect()
    bob.post("/group/tempLeave", {"groupId": room["id"]})
    joined = bob.post("/group/join", {"groupId": room["id"]})
    assert [one["away"] for one in joined["members"]] == [False, False]
    assert anns.next("OnGroupWelcomeJoin")["userId"] == bob.id
    bobs.next("OnGroupUpdate")
    sent = ann.post("/group/send", {"groupId": room["id"], "content": "back"}, status=201)
    assert bobs.next("OnGroupMsg") == sent
    assert lines(ann, room) == ["created"], "who was a member all along is not announced as new"


def test_the_last_owner_cannot_vanish(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    assert ann.post("/group/leave", {"groupId": room["id"]}, status=409)["code"] == "last_owner"
    ann.post("/group/setRole", {"groupId": room["id"], "userId": ann.id, "role": "member"}, status=409)
    ann.post("/group/transfer", {"groupId": room["id"], "userId": bob.id})
    assert roles(ann, room) == {ann.id: "owner", bob.id: "member"}, "an offer hands nothing over"
    assert ann.post("/group/leave", {"groupId": room["id"]}, status=409)["code"] == "last_owner"
    bob.post("/group/transfer/accept", {"groupId": room["id"]})
    assert roles(ann, room) == {bob.id: "owner", ann.id: "admin"}
    ann.post("/group/leave", {"groupId": room["id"]})
    bob.post("/group/leave", {"groupId": room["id"]})
    assert room["id"] not in {one["id"] for one in ann.get("/group/allList", limit=200)}, "nobody left: dissolved"


def test_administrators_remove_members_but_not_each_other(person: Any, group: Any) -> None:
    ann, bob, cem, dan = person("ann"), person("bob"), person("cem"), person("dan")
    room = group(ann, bob, cem, dan)
    for one in (bob, cem):
        ann.post("/group/setRole", {"groupId": room["id"], "userId": one.id, "role": "admin"})
    bob.post("/group/kick", {"groupId": room["id"], "userId": cem.id}, status=403)
    bob.post("/group/kick", {"groupId": room["id"], "userId": ann.id}, status=403)
    bob.post("/group/kick", {"groupId": room["id"], "userId": dan.id})
    assert set(roles(ann, room)) == {ann.id, bob.id, cem.id}


def test_a_new_name_is_told_and_written_down(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    bobs = bob.connect()
    ann.post("/group/update", {"groupId": room["id"], "name": "coffee"})
    line = bobs.next("OnGroupMsg")
    assert (line["system"]["action"], line["system"]["name"]) == ("renamed", "coffee")
    assert bobs.next("OnGroupUpdate")["name"] == "coffee"
    assert bob.get("/group/list")[0]["name"] == "coffee"


def test_a_dissolved_group_is_gone_for_everyone(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    bobs = bob.connect()
    ann.post("/group/dissolve", {"groupId": room["id"]})
    assert bobs.next("OnKicked")["reason"] == "dissolved"
    for one in (ann, bob):
        one.get("/group/messages", groupId=room["id"], status=404)
        assert one.post("/chatList", {}) == []


def test_a_muted_group_says_so_in_the_chat_list(person: Any, group: Any) -> None:
    ann = person("ann")
    room = group(ann)
    ann.post("/group/mute", {"groupId": room["id"], "muted": True})
    assert ann.post("/chatList", {})[0]["muted"] is True
    ann.post("/group/mute", {"groupId": room["id"], "muted": False})
    assert ann.post("/chatList", {})[0]["muted"] is False


def test_nobody_brings_in_somebody_who_does_not_exist(person: Any) -> None:
    ann = person("ann")
    nobody = "01890000-0000-7000-8000-000000000000"
    ann.post("/group/create", {"name": "x", "memberIds": [nobody]}, status=404)
    assert ann.get("/group/list") == []


def test_a_line_about_many_people_names_three_counts_all_and_tells_the_rest_on_asking(person: Any, group: Any) -> None:
    ann, eve = person("ann"), person("eve")
    first, second = [person("first") for _ in range(4)], [person("second") for _ in range(30)]
    room = group(ann, *first)
    ann.post("/group/invite", {"groupId": room["id"], "userIds": [one.id for one in second]})
    created, invited = ann.get("/group/messages", groupId=room["id"])
    assert [one["name"] for one in invited["system"]["people"]] == [one.name for one in second[:3]]
    assert (created["system"]["count"], invited["system"]["count"]) == (4, 30)
    names = ", ".join(one.name for one in second[:3])
    assert invited["content"] == f"{ann.name} brought in {names} and 27 more"
    (chat,) = (one for one in ann.post("/chatList") if one["id"] == room["id"])
    assert len(json.dumps(chat["lastMessage"])) < 2000

    def told(line: Any) -> set[str]:
        return {one["id"] for one in second[0].get("/message/people", messageId=line["id"])}

    assert told(invited) == {one.id for one in second}
    assert told(created) == {one.id for one in first}
    second[1].post("/group/leave", {"groupId": room["id"]})
    assert told(invited) == {one.id for one in second} - {second[1].id}
    said = ann.post("/group/send", {"groupId": room["id"], "content": "welcome", "type": "text"}, status=201)
    assert told(said) == set()
    eve.get("/message/people", messageId=invited["id"], status=404)


def test_members_come_in_pages_owner_and_admins_first_and_a_leaver_ends_no_list(person: Any, group: Any) -> None:
    ann, *others = (person(f"member {number}") for number in range(6))
    room = group(ann, *others)
    admin = others[-1]
    ann.post("/group/setRole", {"groupId": room["id"], "userId": admin.id, "role": "admin"})
    whole = [one["id"] for one in others[0].get(f"/group/members/{room['id']}")]
    assert whole == [ann.id, admin.id, *(one.id for one in others[:-1])]
    path, seen = f"/group/members/{room['id']}?limit=2", []
    while path:
        answer = others[0].request("get", path)
        seen += [one["id"] for one in answer.json()]
        if len(seen) == 4:
            others[1].post("/group/leave", {"groupId": room["id"]}), "the last one of the page that is shown"
        path = answer.links.get("next", {}).get("url", "")
    assert seen == whole
    assert ann.get(f"/group/members/{room['id']}", after="nowhere", status=400)["errors"].keys() == {"after"}


def test_members_are_searched_among_all_of_a_group_and_by_nobody_else(
    person: Any, group: Any, query_budget: Any
) -> None:
    ann, eve = person("ann"), person("eve")
    wanted = [person("Zoë Ｗang"), person("zoë wang")]
    bystander = person("zoë wang elsewhere")
    room = group(ann, *(person("member") for _ in range(4)), *wanted, joinPolicy="closed")
    path = f"/group/members/{room['id']}"
    with query_budget(4 + (connection.vendor != "sqlite")):  # with the two of the sign-in
        first = ann.request("get", path, query={"search": "ZOE\u0308 W", "limit": 1})
    found = first.json() + ann.request("get", first.links["next"]["url"]).json()
    assert [one["id"] for one in found] == [one.id for one in wanted]
    assert bystander.id not in {one["id"] for one in ann.get(path, search="zo")}
    assert ann.get(path, search="%_") == []
    eve.get(path, search="zo", status=404)
