"""One walk through the whole API, which every database must pass.

`scripts/test --postgresql` and `scripts/test --mongodb` run it there. Counts, orders and pages are
compared with what the walk itself has done, because a query that is slightly wrong on one of them
answers without an error.
"""

from collections.abc import Callable
from typing import Any

import pytest

from groups.models import Membership
from tests.conftest import OWNER
from tests.people import PASSWORD, Browser, Person

pytestmark = pytest.mark.usefixtures("quiet_log")


@pytest.fixture
def three(person: Any, group: Any) -> tuple[Person, Person, Person, dict[str, Any]]:
    """Three people, and their group in which nothing is unread."""
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    room = group(ann, bob, cem)
    for one in (ann, bob, cem):
        one.post("/group/markGroupRead", {"groupId": room["id"]})
    return ann, bob, cem, room


def lines(someone: Person) -> dict[str, dict[str, Any]]:
    """A person's chat list by chat id; /unread must be its unread part."""
    chats = {chat["id"]: chat for chat in someone.post("/chatList", {})}
    told = someone.get("/unread")
    unread = {one.get("senderId") or one["groupId"]: one for one in [*told["private"], *told["group"]]}
    assert {one: chat["unreadCount"] for one, chat in chats.items() if chat["unreadCount"]} == {
        one: line["unreadCount"] for one, line in unread.items()
    }
    assert all(line["lastMessage"] == chats[one]["lastMessage"] for one, line in unread.items())
    assert told["total"] == sum(line["unreadCount"] for line in unread.values())
    return chats


# People ---------------------------------------------------------------------------------------------------------------


def test_people_sign_up_by_page_and_by_route_and_find_each_other(person: Any, browser: Any, anonymous: Person) -> None:
    ann, page, name = person("ann"), browser(), f"Bob {person.unique()}"
    assert page.submit("/sign-up/", name=name, password=PASSWORD).status_code == 302
    me = page.request("get", "/me").json()
    assert me["name"] == name and page.get("/").status_code == 200
    guest = anonymous.post("/createUser", {"name": f"Guest {person.unique()}", "img": ""}, status=201)
    found = ann.get("/userChatList", search=name.lower())
    assert [one["id"] for one in found] == [me["id"]]
    names = (name, guest["name"], ann.name)
    everybody = [one["name"] for wanted in names for one in ann.get("/userChatList", search=wanted)]
    assert everybody == list(names), "the others, and oneself"
    assert anonymous.post("/login", {"name": name.upper(), "password": PASSWORD}, status=200)["id"] == me["id"]
    assert anonymous.post("/login", {"name": name, "password": "wrong"}, status=401)["code"] == "invalid_credentials"
    assert ann.patch("/me", {"name": name}, status=409)["code"] == "name_taken"


def test_devices_are_listed_signed_out_and_gone_with_the_old_password(person: Any, browser: Any) -> None:
    ann = person("ann")
    phone, page = ann.signed_in_again(), browser().signed_in(ann)
    known = ann.get("/me/sessions")
    assert len(known) == 3 and sum(one["current"] for one in known) == 1
    ann.delete(f"/me/sessions/{next(one['id'] for one in phone.get('/me/sessions') if one['current'])}")
    phone.get("/me", status=401)
    ann.patch("/me", {"password": "another horse battery", "oldPassword": PASSWORD})
    assert page.request("get", "/me").status_code == 401
    assert len(ann.get("/me/sessions")) == 1
    ann.signed_in_again("another horse battery").get("/me", status=200)


# Groups ---------------------------------------------------------------------------------------------------------------


def test_a_group_lives_from_its_creation_to_its_end(person: Any, group: Any) -> None:
    ann, bob, cem, eve = person("ann"), person("bob"), person("cem"), person("eve")
    room = group(ann, bob, name=f"tea {person.unique()}")
    here, coffee = {"groupId": room["id"]}, f"coffee {person.unique()}"
    assert [one["id"] for one in cem.get("/group/allList", search=room["name"])] == [room["id"]]
    cem.post("/group/join", here)
    ann.post("/group/setRole", {**here, "userId": bob.id, "role": "admin"})
    bob.post("/group/update", {**here, "name": coffee, "joinPolicy": "closed"})
    eve.post("/group/join", here, status=404)
    code = bob.post("/group/invite", here)["inviteCode"]
    eve.post("/group/join", {**here, "inviteCode": code})
    bob.post("/group/kick", {**here, "userId": cem.id})
    ann.post("/group/invite", {**here, "userIds": [cem.id], "renew": True})
    ann.post("/group/transfer", {**here, "userId": bob.id})
    bob.post("/group/transfer/accept", here)
    ann.post("/group/leave", here)
    cem.post("/group/tempLeave", here)
    members = {one["id"]: (one["role"], one["away"]) for one in eve.get(f"/group/members/{room['id']}")}
    assert members == {bob.id: ("owner", False), cem.id: ("member", True), eve.id: ("member", False)}
    told = [one["system"]["action"] for one in eve.get("/group/messages", **here)]
    assert told == [
        *(
            "created",
            "joined",
            "role",
            "renamed",
            "policy",
            "joined",
            "removed",
            "invited",
            "offered",
            "transferred",
            "left",
        )
    ]
    bob.post("/group/dissolve", here)
    assert eve.get("/group/list") == [] and not eve.get("/group/allList", search=coffee)
    eve.get("/group/messages", status=404, **here)


# Messages -------------------------------------------------------------------------------------------------------------


def test_words_said_by_both_doors_are_counted_for_each_and_read_by_each(three: Any) -> None:
    ann, bob, cem, room = three
    anns, bobs = ann.connect(), bob.connect()
    private = anns.call("EmitPrivate", {"toUid": bob.id, "msg": "psst", "clientId": "once"})
    assert (
        ann.post("/private/send", {"receiverId": bob.id, "content": "psst", "clientId": "once"}, status=201) == private
    )
    one = anns.call("EmitGroupMsg", {"groupId": room["id"], "content": "one"})
    two = ann.post("/group/send", {"groupId": room["id"], "content": "two", "replyTo": one["id"]}, status=201)
    assert bobs.next("OnPrivate") == private and [bobs.next("OnGroupMsg") for _ in range(2)] == [one, two]
    assert (two["seq"], two["replyTo"]) == (one["seq"] + 1, one["id"])
    mine, theirs = lines(ann), lines(bob)
    assert (mine[room["id"]]["unreadCount"], mine[bob.id]["unreadCount"]) == (0, 0)
    assert (theirs[room["id"]]["unreadCount"], theirs[ann.id]["unreadCount"]) == (2, 1)
    assert list(theirs) == [room["id"], ann.id], "the last moved first"
    assert theirs[ann.id]["lastMessage"] == private and theirs[room["id"]]["lastMessage"] == two
    # Read up to the first, then to the end; the sender is told each time.
    bobs.call("EmitMarkGroupRead", {"groupId": room["id"], "upTo": one["seq"]})
    assert anns.next("OnRead")["readSeq"] == one["seq"]
    assert lines(bob)[room["id"]]["unreadCount"] == 1
    for reader in (bob, cem):
        assert reader.post("/group/markGroupRead", {"groupIds": [room["id"]]})["unreadCount"] == 0
    bob.post("/markPrivateRead", {"senderIds": [ann.id, cem.id]})
    mine = lines(ann)
    assert mine[room["id"]]["lastMessage"]["readCount"] == 2
    assert (mine[bob.id]["lastMessage"]["isRead"], mine[bob.id]["peerReadSeq"]) == (True, 1)
    assert {one["id"] for one in ann.get("/message/readers", messageId=two["id"])} == {bob.id, cem.id}
    assert [one["readCount"] for one in cem.get("/group/messages", groupId=room["id"], limit=2)] == [2, 2]


def test_my_own_words_are_never_unread_wherever_my_cursor_stands(three: Any) -> None:
    ann, bob, _cem, room = three
    here = {"groupId": room["id"]}
    said = [who.post("/group/send", {**here, "content": "x"}, status=201) for who in (bob, ann, bob, ann, ann, bob)]
    assert [lines(who)[room["id"]]["unreadCount"] for who in (ann, bob)] == [3, 3]
    for message, left in zip(said, (2, 2, 1, 1, 1, 0), strict=True):
        assert ann.post("/group/markGroupRead", {**here, "upTo": message["seq"]})["unreadCount"] == left
        assert lines(ann).get(room["id"], {})["unreadCount"] == left


def test_a_message_is_edited_and_recalled_everywhere_and_a_sync_tells_it(three: Any) -> None:
    ann, bob, _cem, room = three
    first, second = (ann.post("/group/send", {"groupId": room["id"], "content": one}, status=201) for one in "ab")
    psst = ann.post("/private/send", {"receiverId": bob.id, "content": "psst"}, status=201)
    cursors = {chat["id"]: chat["version"] for chat in bob.post("/sync", {"cursors": {}})["chats"]}
    assert bob.post("/sync", {"cursors": cursors})["chats"] == []
    assert ann.connect().call("EmitEdit", {"messageId": first["id"], "content": "A"})["content"] == "A"
    gone = ann.post("/message/recall", {"messageId": second["id"]})
    assert (gone["seq"], gone["content"]) == (second["seq"], "") and gone["recalledAt"]
    bob.post("/message/recall", {"messageId": psst["id"]}, status=403)
    (change,) = bob.post("/sync", {"cursors": cursors})["chats"]
    assert (change["type"], change["id"], change["limited"]) == ("group", room["id"], False)
    assert [one["content"] for one in change["messages"]] == ["A", ""]
    assert change["messages"] == bob.get("/group/messages", groupId=room["id"], limit=2)
    assert lines(bob)[room["id"]]["lastMessage"] == gone


def test_history_comes_in_pages_that_meet_without_gap_or_repetition(three: Any) -> None:
    ann, bob, _cem, room = three
    anns = ann.connect()
    for number in range(20):
        anns.send("EmitGroupMsg", {"groupId": room["id"], "content": str(number)}, ack=number)
    said = [anns.answer(number)["data"]["seq"] for number in range(20)]
    assert said == list(range(said[0], said[0] + 20))
    pages: list[list[int]] = []
    before: dict[str, int] = {}
    while True:
        page = [one["seq"] for one in bob.get("/group/messages", groupId=room["id"], limit=7, **before)]
        pages.append(page)
        if page[0] == 1:
            break
        before = {"before": page[0]}
    assert [seq for page in reversed(pages) for seq in page] == list(range(1, said[-1] + 1))
    after = bob.get("/group/messages", groupId=room["id"], limit=7, after=said[4])
    assert [one["seq"] for one in after] == said[5:12] and all(one["senderName"] == ann.name for one in after)


def test_search_finds_words_in_my_chats_only_newest_first(three: Any, person: Any) -> None:
    ann, bob, cem, room = three
    word = f"茶{person.unique()}"
    public = ann.post("/group/send", {"groupId": room["id"], "content": f"喝{word}吗 100% [a].*"}, status=201)
    private = ann.post("/private/send", {"receiverId": bob.id, "content": f"{word.upper()}!"}, status=201)
    assert [one["id"] for one in bob.get("/message/search", q=word)] == [private["id"], public["id"]]
    assert [one["id"] for one in cem.get("/message/search", q=word)] == [public["id"]]
    assert [one["id"] for one in bob.get("/message/search", q=word, limit=1, before=private["id"])] == [public["id"]]
    assert [one["id"] for one in bob.get("/message/search", q=word, chatId=ann.id)] == [private["id"]]
    assert [one["id"] for one in cem.get("/message/search", q="0% [a].*")] == [public["id"]], "no pattern, but words"
    assert person("eve").get("/message/search", q=word) == []


def test_presence_is_told_and_last_active_kept(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    anns = ann.connect()
    anns.call("EmitWatchPresence", {"userIds": [bob.id]})
    before = anns.next("OnUserStatus")
    assert before["online"] is False
    bobs = bob.connect()
    assert anns.until("OnUserStatus", userId=bob.id, online=True)
    assert {ann.id, bob.id} <= {one["id"] for one in bobs.call("GetEmitOnlineUsers")["userList"]}
    bobs.close()
    assert anns.until("OnUserStatus", userId=bob.id, online=False)
    (found,) = ann.get("/userChatList", search=bob.name)
    assert found["online"] is False
    while found["lastActive"] <= before["lastActive"]:  # written after it was told
        (found,) = ann.get("/userChatList", search=bob.name)


# The operators --------------------------------------------------------------------------------------------------------


@pytest.fixture
def office(browser: Callable[[], Browser], owner: Person) -> Browser:
    """The owner's browser."""
    return browser().signed_in(owner, OWNER["password"])


def choose(office: Browser, path: str, action: str, *ids: str) -> None:
    """Run an admin action on some rows, and confirm it."""
    fields: dict[str, Any] = {"action": action, "_selected_action": list(ids), "confirmed": "yes"}
    answer = office.submit(path, **fields)
    assert answer.status_code == 302, answer.text


LISTS: dict[str, dict[str, Any]] = {
    "accounts/user": {"q": "a", "is_active__exact": "1", "last_active__gte": "2020-01-01 00:00:00+00:00"},
    "accounts/device": {"q": "a", "kind__exact": "token"},
    "groups/room": {"q": "tea", "kind__exact": "group", "dissolved_at__isempty": "1"},
    "groups/membership": {"q": "a", "role__exact": "owner", "room__kind__exact": "group"},
    "messaging/message": {"q": "tea", "type__exact": "text", "kind": "group"},
    "auth/group": {"q": "a"},
}


@pytest.mark.parametrize("name", LISTS)
def test_every_list_of_the_administration_is_searched_filtered_and_paged(
    three: Any, office: Browser, name: str
) -> None:
    ann, _bob, _cem, room = three
    ann.post("/group/send", {"groupId": room["id"], "content": "a tea of a"}, status=201)
    queries: list[dict[str, Any]] = [{}, LISTS[name], {"o": "1"}, {"p": "1"}]
    for query in queries:
        answer = office.get(f"/admin/{name}/", **query)
        assert answer.status_code == 200, f"{name} {query}: {answer.status_code} {answer.headers.get('location')}"


def test_the_actions_of_the_administration_do_what_they_say(three: Any, office: Browser) -> None:
    ann, bob, cem, room = three
    said = ann.post("/group/send", {"groupId": room["id"], "content": "rude"}, status=201)
    choose(office, "/admin/messaging/message/", "erase", said["id"])
    (erased,) = bob.get("/group/messages", groupId=room["id"], limit=1)
    assert (erased["id"], erased["content"]) == (said["id"], "") and erased["recalledAt"]
    choose(office, "/admin/accounts/user/", "deactivate", cem.id)
    cem.get("/me", status=401)
    choose(office, "/admin/accounts/user/", "activate", cem.id)
    assert cem.signed_in_again().get("/me")["id"] == cem.id
    choose(office, "/admin/accounts/device/", "sign_out", next(iter(bob.get("/me/sessions")))["id"])
    bob.get("/me", status=401)
    choose(office, "/admin/groups/room/", "dissolve", room["id"])
    assert ann.get("/group/list") == []
    assert room["name"] in office.get("/admin/").text, "and the log says so"


def test_rights_are_given_in_the_administration_and_used_there(person: Any, browser: Any, office: Browser) -> None:
    from django.contrib.auth.models import Permission

    ann, bob = person("ann"), person("bob")
    said = bob.post("/private/send", {"receiverId": ann.id, "content": "rude"}, status=201)
    rights = Permission.objects.filter(codename__in=["view_message", "delete_message"])
    fields = {"name": ann.name, "img": "", "is_staff": "on", "user_permissions": [str(one.pk) for one in rights]}
    answer = office.submit(f"/admin/accounts/user/{ann.id}/change/", **fields)
    assert answer.status_code == 302, answer.text
    page = browser().signed_in(ann)
    assert page.get("/admin/messaging/message/").status_code == 200
    assert page.get("/admin/accounts/user/").status_code == 403
    choose(page, "/admin/messaging/message/", "erase", said["id"])
    assert ann.get("/private/messages", senderId=bob.id)[-1]["content"] == ""


def test_the_command_rebuilds_unread_counts_from_the_messages(three: Any, unread_command: Any) -> None:
    ann, bob, _cem, room = three
    ann.post("/group/send", {"groupId": room["id"], "content": "one"}, status=201)
    rows, _keys = unread_command()
    Membership.objects.filter(user_id=ann.id, room_id=room["id"]).update(own_since_read=0)
    assert lines(ann)[room["id"]]["unreadCount"] == 1
    assert unread_command(rebuild=True)[0] == rows + 1
    assert [lines(one)[room["id"]]["unreadCount"] for one in (ann, bob)] == [0, 1]
