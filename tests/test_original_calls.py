"""The ordinary calls of the original's clients, in its words, in an installation of some size.

None of them knows of paging, `clientId`, `ack`, or of kinds of files in the plural.
"""

import itertools
from typing import Any

import pytest

from chatproject.core.http import api as lists
from tests import hostile
from tests.people import Person

NOBODY = "01890000-0000-7000-8000-000000000000"
PEOPLE, GROUPS = 300, 60


@pytest.fixture(scope="module")
def town(api: Any) -> list[Person]:
    """Three hundred people, the first of whom have sixty groups."""
    found = []
    for number in range(PEOPLE):
        user = Person(api).post("/createUser", {"name": f"Townsfolk {number}", "img": ""}, status=201)
        found.append(Person(api, name=user["name"], token=user.pop("token"), user=user))
    for number in range(GROUPS):
        owner = found[number % 3]
        body = {"name": f"Club {number}", "creatorId": owner.id, "memberIds": [found[3].id], "avatar": ""}
        owner.post("/group/create", body, status=201)
    return found


def test_everybody_is_listed_and_the_caller_too(town: list[Person]) -> None:
    listed = [one["id"] for one in town[0].get("/userChatList")]
    assert len(listed) == len(set(listed)) and {one.id for one in town} <= set(listed)
    assert listed == [one["id"] for one in town[-1].get("/userChatList")], "to everybody alike, in order"


def test_every_group_is_listed_that_one_may_see(town: list[Person]) -> None:
    closed = town[1].post("/group/create", {"name": "Closed", "memberIds": [], "joinPolicy": "closed"}, status=201)
    mine = [one["id"] for one in town[1].get("/group/allList")]
    others = [one["id"] for one in town[200].get("/group/allList")]
    assert len(set(mine)) == len(mine) > GROUPS and closed["id"] in mine
    assert set(mine) - set(others) == {closed["id"]}
    assert len(town[3].get("/group/list", userId=town[3].id)) == GROUPS


def test_with_a_limit_the_same_lists_come_in_pages(town: list[Person]) -> None:
    for path in ("/userChatList", "/group/allList"):
        whole = [one["id"] for one in town[0].get(path)]
        answer = town[0].request("get", path, query={"limit": 100})
        paged = answer.json()
        while "link" in answer.headers:
            answer = town[0].request("get", answer.headers["link"].partition(">")[0].lstrip("<"))
            paged += answer.json()
            assert len(answer.json()) <= 100
        assert [one["id"] for one in paged] == whole


def test_a_list_that_is_cut_says_where_it_goes_on(town: list[Person], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {path: [one["id"] for one in town[0].get(path)] for path in ("/userChatList", "/group/allList")}
    monkeypatch.setattr(lists, "WHOLE_MAX", 40)
    monkeypatch.setattr(lists, "CHUNK", 20)
    for path, ids in whole.items():
        answer = town[0].request("get", path)
        found = answer.json()
        assert [one["id"] for one in found] == ids[:40]
        while "link" in answer.headers:
            answer = town[0].request("get", answer.headers["link"].partition(">")[0].lstrip("<"))
            found += answer.json()
        assert [one["id"] for one in found] == ids


def test_a_history_that_has_not_begun_is_empty_by_both_doors(town: list[Person]) -> None:
    ann, bob = town[10], town[11]
    assert ann.get("/private/messages", senderId=ann.id, receiverId=bob.id) == []
    assert ann.get("/private/messages", senderId=bob.id, receiverId=ann.id) == []
    socket = ann.connect()
    socket.emit("GetMessageHistory", {"chatId": bob.id, "isGroup": False})
    assert socket.next("MessageHistory") == {"chatId": bob.id, "isGroup": False, "messages": []}
    ann.get("/private/messages", senderId=ann.id, receiverId=NOBODY, status=404)
    ann.get("/group/messages", groupId=NOBODY, status=404)
    bob.post("/private/send", {"receiverId": ann.id, "content": "hello", "type": "text"}, status=201)
    assert [one["content"] for one in ann.get("/private/messages", senderId=ann.id, receiverId=bob.id)] == ["hello"]
    socket.close()


@pytest.mark.parametrize("kind", [None, "", "misc", "file", "files"])
def test_any_file_is_uploaded_as_it_is_without_a_kind_or_with_the_originals(
    town: list[Person], kind: str | None
) -> None:
    ann, bob = town[12], town[13]
    data = {} if kind is None else {"mediaType": kind}
    answer = ann.request("post", "/upload", files={"media": ("list.txt", b"tea, coffee")}, data=data)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["type"], made["fileName"]) == ("file", "list.txt")
    body = {"receiverId": bob.id, "type": made["type"], "content": "", "mediaUrl": made["mediaUrl"]}
    assert ann.post("/private/send", body, status=201)["fileName"] == "list.txt"


@pytest.mark.parametrize("kind", ["image", "images"])
def test_a_picture_is_uploaded_under_both_of_its_words(town: list[Person], kind: str) -> None:
    answer = (
        town[12].request("post", "/upload", files={"media": ("a.png", hostile.png())}, data={"mediaType": kind}).json()
    )
    assert answer["type"] == "image" and answer["thumbnailUrl"]


def test_messages_are_sent_by_both_names_of_an_event(town: list[Person]) -> None:
    ann, bob = town[0], town[3]
    bobs, anns = bob.connect(), ann.connect()
    anns.emit("EmitUserConnect", {"_id": ann.id, "name": ann.name, "img": ""})
    anns.next("OnUserConnect")
    anns.emit("SocketEmitPrivate", {"toUid": bob.id, "msg": "hello", "type": "text"})
    private = bobs.next("OnPrivate")
    assert (private["content"], private["senderId"]) == ("hello", ann.id)
    room = ann.get("/group/list", userId=ann.id)[0]["id"]
    anns.emit("SocketEmitGroupMsg", {"groupId": room, "senderId": ann.id, "content": "to all", "type": "text"})
    assert bobs.next("OnGroupMsg")["content"] == "to all"
    assert anns.call("SocketEmitPrivate", {"toUid": bob.id, "content": "again"})["receiverId"] == bob.id
    anns.close()
    bobs.close()


def test_who_may_join_an_open_group_sees_who_is_in_it(town: list[Person]) -> None:
    ann, bob, eve = town[20], town[21], town[22]
    room = ann.post("/group/create", {"name": "Open", "creatorId": ann.id, "memberIds": [bob.id]}, status=201)["id"]
    assert [one["id"] for one in eve.get(f"/group/members/{room}")] == [ann.id, bob.id]
    ann.post("/group/kick", {"groupId": room, "userId": bob.id})
    bob.get(f"/group/members/{room}", status=404)
    eve.post("/group/join", {"groupId": room, "userId": eve.id})
    ann.post("/group/update", {"groupId": room, "joinPolicy": "closed"})
    assert len(eve.get(f"/group/members/{room}")) == 2
    town[23].get(f"/group/members/{room}", status=404)
    eve.get(f"/group/members/{NOBODY}", status=404)


def test_a_limit_above_the_most_is_the_most_everywhere(town: list[Person]) -> None:
    ann, bob = town[30], town[31]
    ann.post("/private/send", {"receiverId": bob.id, "content": "needle", "type": "text"}, status=201)
    room = town[3].get("/group/list", userId=town[3].id)[0]["id"]
    for huge in (201, 10_000, 2**31, 2**63, 10**40):
        assert len(ann.get("/userChatList", limit=huge)) == lists.PAGE_MAX
        assert GROUPS <= len(ann.get("/group/allList", limit=huge)) <= lists.PAGE_MAX
        assert len(bob.get("/private/messages", senderId=ann.id, receiverId=bob.id, limit=huge)) == 1
        assert town[3].get("/group/messages", groupId=room, limit=huge)
        assert len(bob.get("/message/search", q="needle", chatId=ann.id, limit=huge)) == 1
    socket = bob.connect()
    for huge in (201, 2**63, 10**18):
        asked = {"chatId": ann.id, "isGroup": False, "limit": huge}
        assert len(socket.call("GetMessageHistory", asked)["messages"]) == 1
    for path, wrong in itertools.product(("/userChatList", "/group/allList", "/message/search?q=x"), (0, -1, "many")):
        path, _, query = path.partition("?")
        refused = ann.request(
            "get", path, query={"limit": wrong, **dict(one.split("=") for one in query.split("&") if one)}
        )
        assert refused.status_code == 400 and "limit" in refused.json()["errors"]
    socket.close()


def test_unread_and_last_words_come_with_the_greeting(town: list[Person]) -> None:
    ann, bob = town[40], town[41]
    said = ann.post(
        "/private/send", {"receiverId": bob.id, "content": "while you were away", "type": "text"}, status=201
    )
    socket = bob.connect()
    socket.emit("EmitUserConnect", {"_id": bob.id, "name": bob.name, "img": ""})
    for event in ("OnUserConnect", "OnlineUsersList"):
        socket.next(event)
    told = socket.next("OnUnreadCount")
    assert told["private"] == [{"senderId": ann.id, "unreadCount": 1, "lastMessage": said}]
    assert told == bob.get("/unread", userId=bob.id)
    socket.close()
