"""Large groups: what they are about, what they announce, who writes in them and how often."""

from collections.abc import Callable
from typing import Any

import pytest

from chatproject.core.times import now
from groups.models import Membership, Room
from tests.people import Person, Refused


@pytest.fixture
def three(person: Any, group: Any) -> tuple[Person, Person, Person, dict[str, str]]:
    """The owner of a group, an administrator and a member, and how requests name the group."""
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    here = {"groupId": group(ann, bob, cem)["id"]}
    ann.post("/group/setRole", {**here, "userId": bob.id, "role": "admin"})
    return ann, bob, cem, here


def chat(someone: Person, here: dict[str, str]) -> dict[str, Any]:
    """A group as a person's chat list has it."""
    return next(one for one in someone.post("/chatList", {}) if one["id"] == here["groupId"])


def lines(someone: Person, here: dict[str, str]) -> list[str]:
    """The system lines of a group, by their action."""
    return [one["system"]["action"] for one in someone.get("/group/messages", groupId=here["groupId"]) if one["system"]]


def changes_since(someone: Person, here: dict[str, str], version: int) -> dict[str, Any]:
    (found,) = someone.post("/sync", {"cursors": {here["groupId"]: version}})["chats"]
    return dict(found)


def by_both_doors(someone: Person) -> list[Callable[[dict[str, str], str, str], Any]]:
    """How a person writes in a group, by HTTP and by the socket: `say(here, text, client_id)`."""
    socket = someone.connect()

    def by_http(here: dict[str, str], text: str, client_id: str) -> Any:
        answer = someone.request("post", "/group/send", body={**here, "content": text, "clientId": client_id})
        if not answer.is_success:
            raise Refused({**answer.json(), "retryAfter": answer.headers.get("Retry-After")})
        return answer.json()

    def by_socket(here: dict[str, str], text: str, client_id: str) -> Any:
        return socket.call("EmitGroupMsg", {**here, "content": text, "clientId": client_id})

    return [by_http, by_socket]


# Description and announcement -----------------------------------------------------------------------------------------


def test_what_a_group_is_about_is_told_to_its_members_and_to_who_may_join(three: Any, person: Any) -> None:
    ann, bob, cem, here = three
    eve, cems = person("eve"), cem.connect()
    text = "Tea, and nothing else.\nhttps://tea.example.org"
    bob.post("/group/update", {**here, "description": f"  {text}\r\n"})
    assert cems.next("OnGroupUpdate")["description"] == text
    assert cems.next("OnGroupMsg")["system"]["action"] == "described"
    assert cem.get("/group/list")[0]["description"] == text
    (listed,) = [one for one in eve.get("/group/allList", limit=200) if one["id"] == here["groupId"]]
    assert listed["description"] == text and listed["announcement"] is None
    cem.post("/group/update", {**here, "description": "Coffee"}, status=403)
    refused = ann.post("/group/update", {**here, "description": "x" * 1001}, status=400)
    assert refused["errors"].keys() == {"description"}
    with pytest.raises(Refused, match="forbidden"):
        cems.call("EmitGroupUpdate", {**here, "description": "Coffee"})
    ann.connect().call("EmitGroupUpdate", {**here, "description": ""})
    assert cems.next("OnGroupUpdate")["description"] == ""
    ann.post("/group/update", {**here, "description": ""})
    assert lines(ann, here).count("described") == 2, "what is so already is no change"


def test_an_announcement_is_shown_to_each_member_until_they_close_it_on_all_devices(three: Any) -> None:
    ann, _bob, cem, here = three
    cems, elsewhere, anns = cem.connect(), cem.connect(), ann.connect()
    ann.post("/group/update", {**here, "announcement": "We move on Friday."})
    first = cems.next("OnGroupUpdate")["announcement"]
    assert first["text"] == "We move on Friday." == chat(cem, here)["announcement"]["text"]
    assert cems.next("OnGroupMsg")["system"]["action"] == "announced"
    closed = cems.call("EmitCloseAnnouncement", {**here, "version": first["version"]})
    assert closed["closedAnnouncement"] == first["version"]
    assert elsewhere.next("OnChatUpdate") == closed
    assert anns.silent("OnChatUpdate")
    cem.post("/group/closeAnnouncement", {**here, "version": first["version"]})
    assert elsewhere.silent("OnChatUpdate"), "closing twice is closing once"
    assert chat(cem, here)["closedAnnouncement"] == first["version"] and not chat(ann, here)["closedAnnouncement"]
    ann.post("/group/update", {**here, "announcement": "We move on Monday."})
    second = chat(cem, here)
    assert second["announcement"]["version"] > second["closedAnnouncement"], "a new one is shown again"
    # Somebody who closes what they saw does not close what came meanwhile.
    cem.post("/group/closeAnnouncement", {**here, "version": first["version"]})
    assert chat(cem, here)["closedAnnouncement"] == first["version"]
    cem.post("/group/closeAnnouncement", {**here, "version": 2**53})
    assert chat(cem, here)["closedAnnouncement"] == second["announcement"]["version"], (
        "none is closed before it is made"
    )
    ann.post("/group/update", {**here, "announcement": " "})
    assert chat(cem, here)["announcement"] is None and lines(cem, here)[-1] == "unannounced"


def test_who_was_away_learns_what_holds_in_a_group_by_sync(three: Any, query_budget: Any) -> None:
    ann, _bob, cem, here = three
    known = chat(cem, here)["version"]
    told = {"announcement": "We move.", "postPolicy": "admins", "slowMode": 60, "description": "Tea"}
    ann.post("/group/update", {**here, **told})
    with query_budget(6):
        found = changes_since(cem, here, known)
    assert found["version"] == known + 4, "each takes the next version"
    assert (found["announcement"]["text"], found["postPolicy"], found["slowMode"]) == ("We move.", "admins", 60)
    assert [one["system"]["action"] for one in found["messages"]] == ["described", "announced", "posting", "slowed"]


def test_texts_about_a_group_end_with_it(three: Any) -> None:
    ann, _bob, _cem, here = three
    ann.post("/group/update", {**here, "description": "Tea", "announcement": "We move."})
    ann.post("/group/dissolve", here)
    room = Room.objects.get(pk=here["groupId"])
    assert (room.description, room.announcement) == (None, None)


# Who writes -----------------------------------------------------------------------------------------------------------


def test_where_only_administrators_write_members_read_react_and_recall(three: Any, person: Any) -> None:
    ann, bob, cem, here = three
    old = cem.post("/group/send", {**here, "content": "before", "clientId": "old"}, status=201)
    cems = cem.connect()
    ann.post("/group/update", {**here, "postPolicy": "admins"})
    assert cems.next("OnGroupUpdate")["postPolicy"] == "admins" == chat(cem, here)["postPolicy"]
    for say in by_both_doors(cem):
        with pytest.raises(Refused, match="posting_closed"):
            say(here, "psst", "new")
        assert say(here, "before", "old")["id"] == old["id"], "what was taken before is answered as before"
    file = cem.upload(b"hello", "tea", "files")["mediaUrl"]
    refused = cem.post("/group/send", {**here, "type": "file", "mediaUrl": file}, status=403)
    assert refused["code"] == "posting_closed"
    private = cem.post("/private/send", {"receiverId": bob.id, "content": "psst"}, status=201)
    forward = {"messageIds": [private["id"]], "to": [{"groupId": here["groupId"]}, {"toUid": ann.id}]}
    assert cem.post("/message/forward", forward, status=403)["code"] == "posting_closed"
    assert ann.get("/private/messages", senderId=cem.id) == [], "all are checked before the first is sent"
    edit = {"messageId": old["id"], "content": "after"}
    assert cem.post("/message/edit", edit, status=403)["code"] == "posting_closed"
    with pytest.raises(Refused, match="posting_closed"):
        cems.call("EmitEdit", edit)
    for one in (ann, bob):
        said = one.post("/group/send", {**here, "content": "news"}, status=201)
        assert cems.next("OnGroupMsg")["type"] in ("system", "text")
        cem.post("/message/react", {"messageId": said["id"], "emoji": "👍"})
    assert cem.post("/message/recall", {"messageId": old["id"]})["recalledAt"]
    person("eve").post("/group/join", here)
    assert lines(cem, here)[-1] == "joined", "system lines go on"
    stranger = person("stranger")
    assert stranger.post("/group/send", {**here, "content": "x"}, status=404)["code"] == "not_found"
    ann.post("/group/update", {**here, "postPolicy": "everyone"})
    assert all(say(here, "again", f"again {number}")["seq"] for number, say in enumerate(by_both_doors(cem)))


def test_sending_costs_no_query_more_where_few_may_write_or_slowly(three: Any, query_budget: Any) -> None:
    from tests.test_budgets import HOLD

    ann, _bob, cem, here = three
    ann.post("/group/update", {**here, "slowMode": 10})
    with query_budget(4 + HOLD):
        cem.post("/group/send", {**here, "content": "hello"}, status=201)
    ann.post("/group/update", {**here, "postPolicy": "admins"})
    with query_budget(4 + HOLD):
        ann.post("/group/send", {**here, "content": "hello"}, status=201)


# Slow mode ------------------------------------------------------------------------------------------------------------


def said_before(someone: Person, here: dict[str, str], seconds: float) -> None:
    """As if the person's last message was so long ago."""
    at = int((now().timestamp() - seconds) * 1000)
    Membership.objects.filter(room_id=here["groupId"], user_id=someone.id).update(said_ms=at)


def test_in_slow_mode_a_member_waits_by_either_door_and_is_told_how_long(three: Any) -> None:
    ann, bob, cem, here = three
    ann.post("/group/update", {**here, "slowMode": 60})
    by_http, by_socket = by_both_doors(cem)
    first = by_http(here, "one", "1")
    assert chat(cem, here)["slowMode"] == 60 and chat(cem, here)["lastSaidAt"][:19] == first["sentAt"][:19]
    for say in (by_http, by_socket):
        with pytest.raises(Refused, match="slow_mode") as refused:
            say(here, "two", "2")
        assert 0 < float(refused.value.error["retryAfter"]) <= 60
        assert say(here, "one", "1")["id"] == first["id"], "a repeat is no second message"
    for one in (ann, bob):
        for _ in range(2):
            one.post("/group/send", {**here, "content": "I run this"}, status=201)
    cem.post("/private/send", {"receiverId": ann.id, "content": "elsewhere"}, status=201)
    edited = cem.post("/message/edit", {"messageId": first["id"], "content": "uno"})
    assert edited["content"] == "uno", "an edit is no message"
    said_before(cem, here, 61)
    assert by_socket(here, "two", "2")["seq"] > first["seq"]
    with pytest.raises(Refused, match="slow_mode"):
        by_http(here, "three", "3")
    ann.post("/group/update", {**here, "slowMode": 0})
    assert by_http(here, "three", "3")["seq"], "it ends at once"


def test_of_messages_that_arrive_together_slow_mode_takes_one(three: Any) -> None:
    ann, _bob, cem, here = three
    ann.post("/group/update", {**here, "slowMode": 60})
    cems = cem.connect()
    unread = chat(ann, here)["unreadCount"]
    for number in range(10):
        cems.send("EmitGroupMsg", {**here, "content": str(number), "clientId": str(number)}, ack=number)
    answers = [cems.answer(number) for number in range(10)]
    assert [one["event"] for one in answers] == ["ack"] + ["error"] * 9
    assert {one["data"]["code"] for one in answers[1:]} == {"slow_mode"}
    assert chat(ann, here)["unreadCount"] == unread + 1 and chat(cem, here)["unreadCount"] == 0
    said = [one["content"] for one in ann.get("/group/messages", **here) if one["type"] == "text"]
    assert said == ["0"]


def test_forwarding_into_slow_mode_is_one_message_or_none(three: Any) -> None:
    ann, bob, cem, here = three
    ann.post("/group/update", {**here, "slowMode": 60})
    told = [cem.post("/private/send", {"receiverId": bob.id, "content": one}, status=201)["id"] for one in "ab"]
    to = [{"groupId": here["groupId"]}]
    assert cem.post("/message/forward", {"messageIds": told, "to": to}, status=429)["code"] == "slow_mode"
    cem.post("/message/forward", {"messageIds": told[:1], "to": to}, status=201)
    assert cem.post("/message/forward", {"messageIds": told[1:], "to": to}, status=429)["code"] == "slow_mode"


# Many at once ---------------------------------------------------------------------------------------------------------


def test_many_are_added_at_once_and_each_who_was_not_has_a_reason(three: Any, person: Any) -> None:
    ann, bob, cem, here = three
    new, shy, left, removed = [person("new") for _ in range(5)], person("shy"), person("left"), person("removed")
    for one in (left, removed):
        one.post("/group/join", here)
    left.post("/group/leave", here)
    ann.post("/group/kick", {**here, "userId": removed.id})
    shy.patch("/me", {"addableBy": "nobody"})
    nobody = "01890000-0000-7000-8000-000000000000"
    ids = [one.id for one in (*new, shy, left, removed, bob)]
    bobs, cems, news = bob.connect(), cem.connect(), new[0].connect()
    seen = cem.get("/group/messages", groupId=here["groupId"])[-1]["seq"]
    told = cems.call("EmitGroupAdd", {**here, "userIds": [*ids, nobody]})
    assert told["userIds"] == [one.id for one in new] and told["memberCount"] == 8
    refused = {one["userId"]: one["code"] for one in told["refused"]}
    assert refused == dict.fromkeys((shy.id, left.id), "not_addable") | {
        removed.id: "removed",
        bob.id: "member",
        nobody: "not_found",
    }
    assert news.next("OnGroupUpdate")["id"] == here["groupId"]
    line = bobs.next("OnGroupMsg")
    assert (line["system"]["action"], line["system"]["count"], line["seq"]) == ("invited", 5, seen + 1)
    again = ann.post("/group/add", {**here, "userIds": [removed.id, shy.id]})
    assert (again["userIds"], [one["code"] for one in again["refused"]]) == ([removed.id], ["not_addable"])
    assert ann.post("/group/add", {**here, "userIds": [nobody] * 101}, status=400)["errors"].keys() == {"userIds"}


def test_many_are_removed_at_once_in_one_line_and_hear_nothing_more(three: Any, person: Any) -> None:
    ann, bob, cem, here = three
    more = [person("more") for _ in range(4)]
    ann.post("/group/add", {**here, "userIds": [one.id for one in more]})
    sockets = [one.connect() for one in more]
    cems = cem.connect()
    version = chat(cem, here)["version"]
    told = bob.post("/group/remove", {**here, "userIds": [*(one.id for one in more), ann.id, bob.id, person("x").id]})
    assert told["userIds"] == [one.id for one in more] and told["memberCount"] == 3
    assert [one["code"] for one in told["refused"]] == ["not_found", "forbidden", "conflict"]
    assert [one.next("OnKicked")["reason"] for one in sockets] == ["removed"] * 4
    line = cems.next("OnGroupMsg")
    assert (line["system"]["action"], line["system"]["count"], line["version"]) == ("removed", 4, version + 1)
    assert more[0].post("/group/join", here, status=403)["code"] == "removed"
    ann.post("/group/send", {**here, "content": "without them"}, status=201)
    assert all(one.silent("OnGroupMsg") for one in sockets)
    cem.post("/group/remove", {**here, "userIds": [bob.id]}, status=403)


# Every verb in every kind of chat -------------------------------------------------------------------------------------

ALLOWED = {
    "send": 201,
    "socket": "ack",
    "forward": 201,
    "edit": 200,
    "react": 200,
    "read": 200,
    "pin": 200,
    "recall": 200,
}
OF_MEMBERS = ALLOWED | {"pin": 403}
CLOSED = OF_MEMBERS | {"send": 403, "socket": "posting_closed", "forward": 403, "edit": 403}
NOTHING: dict[str, int | str] = dict.fromkeys(ALLOWED, 404) | {"socket": "not_found"}
#: By kind of chat, what each role may do in it.
MATRIX: dict[str, dict[str, dict[str, Any]]] = {
    "private": {"one": ALLOWED, "other": ALLOWED},
    "group": {"owner": ALLOWED, "admin": ALLOWED, "member": OF_MEMBERS, "removed": NOTHING},
    "announcement": {"owner": ALLOWED, "admin": ALLOWED, "member": CLOSED, "removed": NOTHING},
    "archived": {"owner": ALLOWED, "admin": ALLOWED, "member": OF_MEMBERS, "removed": NOTHING},
}


@pytest.mark.parametrize("kind", MATRIX)
def test_each_role_does_its_part_in_each_kind_of_chat(person: Any, group: Any, kind: str) -> None:
    people = {role: person(role) for role in MATRIX[kind]}
    first, *others = people.values()
    elsewhere = first.post(
        "/private/send", {"receiverId": person("friend").id, "content": "from elsewhere"}, status=201
    )
    if kind == "private":
        to = {first: {"receiverId": others[0].id}, others[0]: {"receiverId": first.id}}
        path, event = "/private/send", "EmitPrivate"
    else:
        here = {"groupId": group(first, *others)["id"]}
        first.post("/group/setRole", {**here, "userId": people["admin"].id, "role": "admin"})
        to, path, event = dict.fromkeys(people.values(), here), "/group/send", "EmitGroupMsg"
    said = {one: one.post(path, {**to[one], "content": "mine"}, status=201) for one in people.values()}
    theirs = first.post(path, {**to[first], "content": "for all"}, status=201)["id"]
    if kind == "announcement":
        first.post("/group/update", {**here, "postPolicy": "admins"})
    for one in people.values():
        if kind == "archived":
            one.post("/chat/archive", {"type": "group", "id": here["groupId"]})
    if "removed" in people:
        first.post("/group/kick", {**here, "userId": people["removed"].id})
    for role, one in people.items():
        mine = said[one]["id"]
        target = {"toUid": to[one]["receiverId"]} if kind == "private" else here
        copied = elsewhere["id"] if one is first else mine
        requests: dict[str, tuple[str, str, dict[str, Any]]] = {
            "send": ("post", path, {**to[one], "content": "more"}),
            "forward": ("post", "/message/forward", {"messageIds": [copied], "to": [target]}),
            "edit": ("post", "/message/edit", {"messageId": mine, "content": "edited"}),
            "react": ("post", "/message/react", {"messageId": theirs, "emoji": "👍"}),
            "read": ("get", "/message/readers", {"messageId": theirs}),
            "pin": ("post", "/message/pin", {"messageId": theirs}),
        }
        found: dict[str, int | str] = {}
        for verb, (method, address, data) in requests.items():
            more = {"query": data} if method == "get" else {"body": data}
            found[verb] = one.request(method, address, **more).status_code
        try:
            one.connect().call(event, {**({"toUid": to[one]["receiverId"]} if kind == "private" else here), "msg": "x"})
            found["socket"] = "ack"
        except Refused as refused:
            found["socket"] = refused.code
        found["recall"] = one.request("post", "/message/recall", body={"messageId": mine}).status_code
        assert found == MATRIX[kind][role], role
