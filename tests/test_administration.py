"""The administration, as its pages: what a moderator finds, does and may not see."""

import re
from collections.abc import Callable
from html import unescape
from io import StringIO
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection

from accounts.models import User
from groups.models import Room, StaffAccess
from tests import hostile
from tests.conftest import OWNER
from tests.people import PASSWORD, Browser, Person

LISTS = [
    *("accounts/user", "accounts/device", "groups/room", "groups/membership", "groups/staffaccess"),
    *("messaging/message", "messaging/upload", "admin/logentry"),
]


@pytest.fixture
def moderator(person: Any, browser: Any, api: Any) -> Browser:
    """A browser of somebody with the ready-made role, and with no other right."""
    mia = person("mia")
    user = User.objects.get(pk=mia.id)
    user.is_staff = True
    user.save(update_fields=["is_staff"])
    user.groups.add(Group.objects.get(name__contains="Moderators"))
    page: Browser = browser(**{"Accept-Language": "zh-CN"})
    page.me = mia  # type: ignore[attr-defined]
    return page.signed_in(mia)


def text(page: Browser, path: str, **query: Any) -> str:
    answer = page.get(path, **query)
    assert answer.status_code == 200, answer.status_code
    return unescape(answer.text)


def act(page: Browser, listed: str, name: str, ids: list[str]) -> str:
    """Choose rows and an action, confirm it, and return the list that follows."""
    path = f"/admin/{listed}/"
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.get(path).text)
    assert token
    fields = {"csrfmiddlewaretoken": token[1], "action": name, "_selected_action": ids, "index": "0"}
    asked = page._client.post(path, data=fields)
    assert 'name="confirmed"' in asked.text, asked.text[:500]
    return unescape(page._client.post(path, data={**fields, "confirmed": "yes"}, follow_redirects=True).text)


@pytest.fixture
def private(person: Any) -> tuple[Person, Person, str, str]:
    """Two people, what one said to the other, and the id of their chat."""
    ann, bob = person("ann"), person("bob")
    words = f"between us {person.unique()}"
    ann.post("/private/send", {"receiverId": bob.id, "content": words}, status=201)
    return ann, bob, words, str(Room.objects.get(memberships__user=ann.id).pk)


def test_the_role_reaches_every_list_and_no_settings(moderator: Browser, private: Any) -> None:
    for path in LISTS:
        shown = text(moderator, f"/admin/{path}/")
        assert "UTC" in shown and "版主" not in shown
    assert moderator.get("/admin/auth/group/").status_code == 403
    assert moderator.get("/admin/accounts/installation/").status_code in (302, 403)


def test_the_first_page_counts_and_names_groups_and_roles_apart(
    moderator: Browser, owner: Person, browser: Any, private: Any
) -> None:
    counts = text(moderator, "/admin/")
    for what in ("用户", "访客", "在线", "群聊", "私聊", "消息"):
        assert what in counts
    owners = browser(**{"Accept-Language": "zh-CN"}).signed_in(owner, OWNER["password"])
    assert "管理角色" in text(owners, "/admin/")


def test_times_are_those_of_the_browser_and_say_so(moderator: Browser, private: Any) -> None:
    moderator.cookies.set("time_zone", "Asia/Shanghai")
    here = text(moderator, "/admin/messaging/message/")
    assert "Asia/Shanghai" in here
    moderator.cookies.set("time_zone", "America/Lima")
    there = text(moderator, "/admin/messaging/message/")
    assert "America/Lima" in there
    times = [re.findall(r"field-sent_at[^>]*>(?:<a[^>]*>)?([^<]+)", page)[0] for page in (here, there)]
    assert times[0] != times[1]
    moderator.cookies.set("time_zone", "../../etc/passwd")
    assert "UTC" in text(moderator, "/admin/")


def test_private_words_are_read_only_after_a_reason_and_the_two_are_told(moderator: Browser, private: Any) -> None:
    ann, bob, words, room = private
    bobs = bob.connect()
    for path in ("/admin/messaging/message/", f"/admin/messaging/message/?room__id__exact={room}"):
        assert words not in text(moderator, path)
    assert words not in text(moderator, "/admin/messaging/message/", q=words).replace(f'value="{words}"', "")
    assert "result_list" not in text(moderator, "/admin/messaging/message/", q=words), "a search does not tell either"
    message = ann.get("/private/messages", senderId=ann.id, receiverId=bob.id)[0]
    assert words not in text(moderator, f"/admin/messaging/message/{message['id']}/change/")
    page = text(moderator, f"/admin/groups/room/{room}/change/")
    assert f"{ann.name} – {bob.name}" in page and 'name="reason"' in page
    moderator.submit(f"/admin/groups/room/{room}/change/", act="open", reason="x")
    assert not StaffAccess.objects.filter(room=room).exists(), "no reason, no reading"
    moderator.submit(f"/admin/groups/room/{room}/change/", act="open", reason="Bob reported a threat")
    assert words in text(moderator, f"/admin/messaging/message/?room__id__exact={room}")
    assert words in text(moderator, f"/admin/messaging/message/{message['id']}/change/")
    assert "result_list" in text(moderator, "/admin/messaging/message/", q=words)
    line = bobs.next("OnPrivate")
    assert line["system"]["action"] == "opened"
    log = text(moderator, "/admin/groups/staffaccess/")
    assert "Bob reported a threat" in log and ann.name in log
    opening = StaffAccess.objects.get(room=room)
    for change in ("change", "delete"):
        assert (
            moderator.submit(f"/admin/groups/staffaccess/{opening.pk}/{change}/", reason="nothing").status_code == 403
        )
    StaffAccess.objects.filter(room=room).update(until=opening.opened_at)
    assert words not in text(moderator, f"/admin/messaging/message/?room__id__exact={room}"), "it is over"


def test_a_group_s_page_has_its_members_and_what_can_be_done(moderator: Browser, person: Any, group: Any) -> None:
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    room = group(ann, bob, cem, name=f"Tea {person.unique()}")
    path = f"/admin/groups/room/{room['id']}/change/"
    page = text(moderator, path)
    assert all(f'data-member="{one.id}"' in page for one in (ann, bob, cem))
    cems = cem.connect()

    def roles() -> dict[str, str]:
        return {one["id"]: one["role"] for one in bob.get(f"/group/members/{room['id']}")}

    moderator.submit(path, act="role", user=bob.id, role="owner")
    assert roles() == {ann.id: "admin", bob.id: "owner", cem.id: "member"}
    moderator.submit(path, act="role", user=ann.id, role="member")
    for wrong in ({"user": cem.id, "role": "king"}, {"user": "nobody", "role": "admin"}, {"user": cem.id}):
        assert moderator.submit(path, act="role", **wrong).status_code == 404
    bob.post("/group/update", {"groupId": room["id"], "description": "Buy tea", "announcement": "Cheap tea"})
    page = text(moderator, path)
    assert "Buy tea" in page and "Cheap tea" in page
    moderator.submit(path, act="clear")
    assert bob.get("/group/list")[0]["description"] == "" and bob.get("/group/list")[0]["announcement"] is None
    moderator.submit(path, act="rename", name="Coffee of all")
    moderator.submit(path, act="close")
    moderator.submit(path, act="remove", user=cem.id)
    assert cems.next("OnKicked")["reason"] == "removed"
    moderator.submit(path, act="remove", user=bob.id)
    assert roles() == {ann.id: "member", bob.id: "owner"}, "an owner is not removed before there is another"
    (mine,) = bob.get("/group/list")
    assert (mine["name"], mine["joinPolicy"]) == ("Coffee of all", "closed")
    told = [one["system"]["action"] for one in bob.get("/group/messages", groupId=room["id"]) if one["system"]]
    said = ["described", "announced", "described", "unannounced"]
    assert told == ["created", "named_owner", "role", *said, "renamed", "policy", "removed"]
    assert LogEntry.objects.filter(object_id=room["id"]).count() == 6
    act(moderator, "groups/room", "dissolve", [room["id"]])
    assert bob.get("/group/list") == []


def test_what_a_person_or_a_group_shows_of_itself_is_taken_away_and_told_as_if_they_had_done_it(
    moderator: Browser, person: Any, group: Any, owner: Person
) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    room = group(ann, bob)
    for path, files in (("/me/avatar", {}), ("/group/avatar", {"groupId": room["id"]})):
        shown = ann.request("post", path, files={"media": ("a.jpg", hostile.jpeg())}, data=files)
        assert shown.status_code == 200, shown.text
    ann.post("/group/send", {"groupId": room["id"], "content": "hello"}, status=201)
    ann.post("/me/status", {"emoji": "🍵", "text": "cheap tea here"})
    anns, bobs, eves = ann.connect(), bob.connect(), eve.connect()
    bobs.call("EmitWatchPresence", {"userIds": [ann.id]})
    assert "cheap tea here" in text(moderator, f"/admin/accounts/user/{ann.id}/change/")
    act(moderator, "accounts/user", "take_status", [ann.id])
    assert anns.next("OnUserUpdate")["status"] is bobs.next("OnUserUpdate")["status"] is None
    act(moderator, "accounts/user", "take_picture", [ann.id])
    assert anns.next("OnUserUpdate")["img"] == bobs.next("OnUserUpdate")["img"] == ann.get("/me")["img"] == ""
    assert LogEntry.objects.filter(object_id=ann.id).count() == 2
    path = f"/admin/groups/room/{room['id']}/change/"
    assert 'value="picture"' in text(moderator, path)
    moderator.submit(path, act="picture")
    assert bobs.next("OnGroupUpdate")["avatar"] == "" and 'value="picture"' not in text(moderator, path)
    assert bobs.next("OnGroupMsg")["system"]["action"] == "picture"
    assert LogEntry.objects.filter(object_id=room["id"]).count() == 1
    assert eves.silent("OnUserUpdate", "OnGroupUpdate")
    owner.post("/me/status", {"text": "of the owner"})
    act(moderator, "accounts/user", "take_status", [owner.id])
    assert owner.get("/me")["status"] is not None, "staff above the moderator are out of reach"
    owner.delete("/me/status")


def test_nothing_is_done_to_a_group_without_the_right(moderator: Browser, person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    mia = User.objects.get(pk=moderator.me.id)  # type: ignore[attr-defined]
    role = mia.groups.get()
    mia.groups.clear()
    mia.user_permissions.add(role.permissions.get(codename="view_room"))
    path = f"/admin/groups/room/{room['id']}/change/"
    assert 'name="act"' not in text(moderator, path)
    for fields in (
        {"act": "remove", "user": bob.id},
        {"act": "rename", "name": "x"},
        {"act": "close"},
        {"act": "clear"},
        {"act": "picture"},
    ):
        assert moderator.submit(path, **fields).status_code == 403
    moderator.submit(path, act="open", reason="curiosity")
    assert not StaffAccess.objects.filter(room=room["id"]).exists()
    assert len(ann.get(f"/group/members/{room['id']}")) == 2


def test_a_ban_and_a_silence_have_an_end(moderator: Browser, person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    act(moderator, "accounts/user", "ban_day", [ann.id])
    user = User.objects.get(pk=ann.id)
    assert not user.is_active and user.banned_until is not None
    ann.get("/me", status=401)
    act(moderator, "accounts/user", "silence_hour", [bob.id])
    group = bob.post("/group/create", {"name": "x", "memberIds": []}, status=201)
    assert bob.post("/group/send", {"groupId": group["id"], "content": "x"}, status=403)["code"] == "silenced"
    act(moderator, "accounts/user", "unsilence", [bob.id])
    bob.post("/group/send", {"groupId": group["id"], "content": "x"}, status=201)
    act(moderator, "accounts/user", "activate", [ann.id])
    assert User.objects.get(pk=ann.id).banned_until is None


def test_a_link_sets_a_new_password_once(
    owner: Person, person: Any, browser: Callable[..., Browser], anonymous: Person
) -> None:
    ann = person("ann")
    shown = act(browser().signed_in(owner, OWNER["password"]), "accounts/user", "new_link", [ann.id])
    link = re.search(r"https?://[^\s<]*(/new-password/[^\s<]+)", shown)
    assert link, shown
    assert not LogEntry.objects.filter(change_message__contains=link[1]).exists(), "the link is not written down"
    visitor = browser()
    form = visitor.get(link[1], follow=True)
    assert link[1] not in str(form.url), "it is not kept in the address"
    assert visitor.submit(str(form.url.path), new_password="short").status_code == 200
    assert visitor.submit(str(form.url.path), new_password="another good one").status_code == 302
    ann.get("/me", status=401)
    assert anonymous.post("/login", {"name": ann.name, "password": "another good one"}, status=200)["id"] == ann.id
    assert anonymous.post("/login", {"name": ann.name, "password": PASSWORD}, status=401)
    assert 'type="password"' not in browser().get(link[1], follow=True).text, "once"


def test_a_moderator_does_not_become_somebody_else(moderator: Browser, person: Any, anonymous: Person) -> None:
    ann = person("ann")
    path = f"/admin/accounts/user/{ann.id}/change/"
    assert "new_password" not in text(moderator, path)
    moderator.submit(path, name=ann.name, img="", language="", new_password="another good one")
    assert anonymous.post("/login", {"name": ann.name, "password": "another good one"}, status=401)
    chosen = {"action": "new_link", "_selected_action": ann.id, "index": "0", "confirmed": "yes"}
    moderator.submit("/admin/accounts/user/", **chosen)
    assert "/new-password/" not in text(moderator, "/admin/accounts/user/")
    ann.get("/me", status=200)


def test_what_may_not_be_read_is_neither_named_nor_guessed(moderator: Browser, person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob, joinPolicy="closed")
    code = ann.post("/group/invite", {"groupId": room["id"]})["inviteCode"]
    secret = f"secret-{person.unique()}"
    upload = ann.upload(b"hello", f"{secret}.txt", "files")
    unsent = ann.upload(b"hello", f"{secret}.txt", "files")
    ann.post("/group/send", {"groupId": room["id"], "type": "file", "mediaUrl": upload["mediaUrl"]}, status=201)
    for one in (upload, unsent):
        pk = UUID(one["mediaUrl"].rpartition("/")[2].partition(".")[0])
        for page in ("change", "history"):
            assert secret not in text(moderator, f"/admin/messaging/upload/{pk}/{page}/")
    completed = {"app_label": "messaging", "model_name": "heldmessage", "field_name": "upload", "term": ann.name}
    assert secret not in moderator.get("/admin/autocomplete/", **completed).text
    guesses = {
        "groups/room": {
            "invite_code__startswith": code[0],
            "invite_code": code,
            "memberships__room__invite_code": code,
        },
        "groups/membership": {"room__invite_code__startswith": code[0]},
        "messaging/message": {"content__startswith": "a", "room__invite_code": code, "room__id__startswith": "0"},
        "messaging/upload": {"name__startswith": "s", "message__content": "a", "mime_type__startswith": "text"},
        "accounts/user": {"password__startswith": "a", "is_staff__startswith": "1", "addable_by": "nobody"},
        "accounts/device": {"token_hash__startswith": "a", "user__password__startswith": "a", "session_key": "a"},
        "admin/logentry": {"user__password__startswith": "a"},
        "groups/staffaccess": {"room__invite_code": code},
        "moderation/hit": {"user__password__startswith": "a", "client_id__startswith": "a"},
        "messaging/heldmessage": {"sender__password__startswith": "a", "edited__content__startswith": "a"},
    }
    for path, queries in guesses.items():
        for lookup, value in queries.items():
            assert moderator.get(f"/admin/{path}/", **{lookup: value}).status_code == 400, (path, lookup)


def test_every_filter_that_a_list_offers_works(moderator: Browser, private: Any) -> None:
    ann, _bob, _words, room_id = private
    linked = {
        "groups/membership": f"user__id__exact={ann.id}",
        "messaging/message": f"room__id__exact={room_id}",
        "messaging/upload": f"owner__id__exact={ann.id}",
        "accounts/device": f"user__id__exact={ann.id}",
    }
    for path in [*LISTS, "moderation/hit", "messaging/heldmessage"]:
        links = re.findall(r'href="\?([^"]+)"', text(moderator, f"/admin/{path}/"))
        offered = {re.sub("=[^&]*", "", query): query for query in [*links, *filter(None, [linked.get(path)])]}
        for query in offered.values():
            answer = moderator.get(f"/admin/{path}/?{query}", follow=True)
            assert (answer.status_code, "e=1" in str(answer.url)) == (200, False), (path, query)
        assert offered or path == "groups/staffaccess", path


def asked_of_messages(page: Browser, path: str) -> list[str]:
    """What the database is asked about messages for a page of the administration."""
    from tests.conftest import _statements

    _statements.counting = []
    try:
        text(page, path)
        return [sql for sql in _statements.counting if 'FROM "messaging_message"' in sql]
    finally:
        _statements.counting = None


def test_no_list_counts_all_messages(moderator: Browser, private: Any, query_budget: Any) -> None:
    for path in ("/admin/", *(f"/admin/{one}/" for one in LISTS), "/admin/messaging/message/?_facets=True"):
        asked = asked_of_messages(moderator, path)
        counts = [sql for sql in asked if "COUNT(" in sql]
        assert all("LIMIT" in sql for sql in counts), counts


@pytest.mark.parametrize(
    "query",
    [
        "",
        "q=words",
        "type=image",
        "recalled=no",
        "kind=group",
        "kind=group&q=words",
        "o=4",
        "sent",
        "room",
        "room&q=words",
    ],
)
def test_a_list_of_messages_reads_a_bounded_part_of_them_once_and_in_the_order_of_an_index(
    moderator: Browser, private: Any, query_budget: Any, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    ann, bob, words, room = private
    for number in range(4):
        ann.post("/private/send", {"receiverId": bob.id, "content": f"more {number}"}, status=201)
    monkeypatch.setattr("messaging.admin.SEARCHED_MAX", 2)
    monkeypatch.setattr("messaging.search.READ_MAX", -1)  # as while the index is built
    day = "sent_at__gte=2026-01-01 00:00:00%2B00:00&sent_at__lt=2026-01-02 00:00:00%2B00:00"
    query = query.replace("words", words).replace("room", f"room__id__exact={room}").replace("sent", day)
    asked = asked_of_messages(moderator, f"/admin/messaging/message/?{query}")
    floors = [sql for sql in asked if "OFFSET" in sql]
    lists = [sql for sql in asked if "LIMIT 2000" in sql]
    opened = [sql for sql in asked if '"content" AS "content" FROM' in sql]
    rows = [sql for sql in asked if sql not in floors and sql not in lists and sql not in opened]
    assert len(opened) == ("q=" in query), "where words are searched, each text is opened once"
    assert len(lists) == 1 and len(rows) <= 1, "the rows that were found are read by their ids"
    assert all('"_id" IN (' in sql and "LIKE" not in sql for sql in rows), rows
    if connection.vendor != "sqlite":
        return
    for asked_for in (*lists, *opened):
        with connection.cursor() as cursor:
            sql = asked_for.partition(": ")[2].replace("%s", "''")  # the plan does not depend on the values
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            plan = [row[3] for row in cursor.fetchall()]
        assert not any("TEMP B-TREE" in step for step in plan), plan
        assert "messaging_message" in plan[0], plan
        if query and "o=4" not in query and "room" not in query:
            assert "_id" in plan[0] and (">" in plan[0] or "<" in plan[0]), plan


def test_the_words_of_any_message_that_may_be_read_are_found_with_the_index_and_before_it_has_them(
    moderator: Browser, private: Any, group: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("messaging.admin.SEARCHED_MAX", 2)
    ann, bob, words, room = private
    opened, closed = group(ann, bob), group(ann, bob)
    ann.post("/group/update", {"groupId": opened["id"], "joinPolicy": "open"})
    ann.post("/group/update", {"groupId": closed["id"], "joinPolicy": "closed"})

    def say(here: dict[str, Any], content: str = words) -> str:
        return str(ann.post("/group/send", {"groupId": here["id"], "content": content}, status=201)["id"])

    said, recalled, edited = say(opened, f"“{words.upper()}”"), say(opened), say(opened)
    unread = say(closed)
    for number in range(4):
        say(opened, f"more {number}")

    def found(**query: Any) -> set[str]:
        page = text(moderator, "/admin/messaging/message/", q=words, **query)
        return set(re.findall(r"/admin/messaging/message/([0-9a-f-]{36})/change/", page))

    for _ in ("as they came", "from the index"):
        assert found() == found(room__id__exact=opened["id"]) == {said, recalled, edited}
        assert found(room__id__exact=closed["id"]) == found(room__id__exact=room) == found(type="image") == set()
        call_command("index", stdout=StringIO())
    row = re.search(rf'href="(/admin/[^"]*{said}/change/[^"]*)"', text(moderator, "/admin/messaging/message/", q=words))
    assert row and f"/admin/messaging/message/?{urlencode({'q': words})}" in text(moderator, row[1]), (
        "back to the search"
    )
    ann.post("/message/recall", {"messageId": recalled})
    ann.post("/message/edit", {"messageId": edited, "content": "something else"})
    ann.post("/message/edit", {"messageId": unread, "content": "something else"})
    again = say(opened)
    asked = asked_of_messages(moderator, f"/admin/messaging/message/?q={words}")
    assert found() == {said, again}
    assert len(asked) <= 6, asked


def test_staff_above_the_moderator_are_out_of_reach(moderator: Browser, owner: Person) -> None:
    act(moderator, "accounts/user", "ban_day", [owner.id])
    assert User.objects.get(pk=UUID(owner.id)).is_active
