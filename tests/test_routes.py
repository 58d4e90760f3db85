"""Every route of the API, requested in every role: the permissions, and no route is forgotten."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from tests.conftest import People
from tests.people import Person
from tests.pushing import subscription

ROLES = ("anonymous", "stranger", "member", "kicked", "admin")


@dataclass
class Row:
    """How to ask a route in a world, and the status each role gets: anonymous, stranger,
    member, kicked, admin.
    """

    method: str
    statuses: tuple[int, int, int, int, int]
    body: Callable[[Any, Person | None], dict[str, Any]] = lambda world, me: {}
    path: Callable[[Any], str] | None = None
    query: bool = field(default=False)


def in_group(**more: Any) -> Callable[[Any, Person | None], dict[str, Any]]:
    return lambda world, me: {
        "groupId": world.group["id"],
        **{k: v(world) if callable(v) else v for k, v in more.items()},
    }


SIGNED_IN = (401, 200, 200, 200, 200)
MEMBERS = (401, 404, 200, 404, 200)
ADMINS = (401, 404, 403, 404, 200)
OWNERS = (401, 404, 403, 404, 403)
#: The private chat is between the owner and the member.
MEMBERS_OF_TWO = (401, 404, 200, 404, 404)

ROWS: dict[str, Row | list[Row]] = {
    "login": Row("post", (401,) * 5, lambda world, me: {"name": world.owner.name, "password": "not the password"}),
    "createUser": Row("post", (201,) * 5, lambda world, me: {"name": world.unused_name(), "img": ""}),
    "logout": Row("post", (401, 204, 204, 204, 204)),
    "me": [Row("get", SIGNED_IN), Row("patch", SIGNED_IN, lambda world, me: {"language": "en"})],
    "me/sessions": [Row("get", SIGNED_IN), Row("delete", (401, 204, 204, 204, 204))],
    # Somebody else's device is not there for anyone.
    "me/sessions/<uuid>": Row(
        "delete", (401, 404, 404, 404, 404), path=lambda world: f"/me/sessions/{world.device_id}"
    ),
    "userChatList": Row("get", SIGNED_IN),
    "chatList": Row("post", SIGNED_IN),
    "unread": Row("get", SIGNED_IN),
    # A chat that has not begun has an empty history.
    "private/messages": Row(
        "get",
        SIGNED_IN,
        lambda world, me: {"senderId": world.owner.id, "receiverId": me.id if me else world.owner.id},
        query=True,
    ),
    "private/send": Row(
        "post", (401, 201, 201, 201, 201), lambda world, me: {"receiverId": world.other.id, "content": "hello"}
    ),
    "markPrivateRead": Row("post", SIGNED_IN, lambda world, me: {"senderId": world.owner.id}),
    "group/create": Row("post", (401, 201, 201, 201, 201), lambda world, me: {"name": "another"}),
    # A closed group is not there without its invitation; who sits in it already has joined.
    "group/join": Row("post", MEMBERS, in_group()),
    "group/list": Row("get", SIGNED_IN),
    "group/allList": Row("get", SIGNED_IN),
    "group/members/<uuid>": Row("get", MEMBERS, path=lambda world: f"/group/members/{world.group['id']}"),
    "group/send": Row("post", (401, 404, 201, 404, 201), in_group(content="hello")),
    "group/messages": Row("get", MEMBERS, in_group(), query=True),
    "group/markGroupRead": Row("post", MEMBERS, in_group()),
    "group/leave": Row("post", MEMBERS, in_group()),
    "group/tempLeave": Row("post", MEMBERS, in_group()),
    "group/return": Row("post", MEMBERS, in_group()),
    "group/update": Row("post", ADMINS, in_group(name="renamed")),
    "group/kick": Row("post", ADMINS, in_group(userId=lambda world: world.other.id)),
    "group/setRole": Row("post", OWNERS, in_group(userId=lambda world: world.other.id, role="admin")),
    "group/mute": Row("post", MEMBERS, in_group()),
    "group/transfer": Row("post", OWNERS, in_group(userId=lambda world: world.other.id)),
    # Nobody here has an offer.
    "group/transfer/accept": Row("post", (401, 404, 404, 404, 404), in_group()),
    "group/transfer/decline": Row("post", (401, 404, 404, 404, 404), in_group()),
    "group/dissolve": Row("post", OWNERS, in_group()),
    "group/invite": Row("post", ADMINS, in_group()),
    "chat/mute": [
        Row("post", MEMBERS, lambda world, me: {"type": "group", "id": world.group["id"]}),
        Row("post", MEMBERS_OF_TWO, lambda world, me: {"type": "private", "id": world.owner.id}),
    ],
    "chat/pin": [
        Row("post", MEMBERS, lambda world, me: {"type": "group", "id": world.group["id"]}),
        Row("post", MEMBERS_OF_TWO, lambda world, me: {"type": "private", "id": world.owner.id}),
    ],
    # The message is the owner's: a member may not take it back, an administrator may; nobody may
    # reword it.
    "message/recall": Row("post", ADMINS, lambda world, me: {"messageId": world.message["id"]}),
    "message/edit": Row("post", OWNERS, lambda world, me: {"messageId": world.message["id"], "content": "other words"}),
    "message/readers": Row("get", MEMBERS, lambda world, me: {"messageId": world.message["id"]}, query=True),
    "message/people": Row("get", MEMBERS, lambda world, me: {"messageId": world.message["id"]}, query=True),
    "message/quoted": Row("get", SIGNED_IN, lambda world, me: {"messageId": world.message["id"]}, query=True),
    "message/search": Row(
        "get", MEMBERS, lambda world, me: {"q": "hello", "chatId": world.group["id"], "isGroup": True}, query=True
    ),
    "sync": Row("post", SIGNED_IN, lambda world, me: {"cursors": {}}),
    # Without a file there is nothing to upload. The file there is was sent to the group by its
    # owner.
    "upload": Row("post", (401, 400, 400, 400, 400)),
    "me/avatar": Row("post", (401, 400, 400, 400, 400)),
    "group/avatar": Row("post", (401, 400, 400, 400, 400), in_group()),
    "uploads/<path:path>": Row("get", (404, 404, 200, 404, 200), path=lambda world: world.file),
    "push": Row("get", SIGNED_IN),
    "push/subscribe": Row(
        "post", SIGNED_IN, lambda world, me: subscription(f"https://push.example.org/{me and me.id}")
    ),
    "push/unsubscribe": Row("post", SIGNED_IN),
    "push/test": Row("post", (401, 404, 404, 404, 404)),
    "healthz": Row("get", (200,) * 5),
    "healthz/ready": Row("get", (200,) * 5),
    "healthz/live": Row("get", (200,) * 5),
    # There is no token, so nobody has the right one.
    "metrics": Row("get", (404,) * 5),
}

#: Pages for people and documents for machines: not the API.
NOT_API = (
    "",
    "admin/",
    "api/",
    "chat/private/",
    "chat/group/",
    "sign-",
    "new-password/",
    "jsi18n",
    "i18n/",
    "static/",
    "sw.js",
    "manifest",
    "shell/",
)


def routes() -> set[str]:
    """The API's routes as the URLconf has them, `<uuid>` for any id."""

    def walk(patterns: Any, prefix: str = "") -> Any:
        for pattern in patterns:
            here = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, here)
            elif isinstance(pattern, URLPattern):
                yield "/".join("<uuid>" if part.startswith("<uuid:") else part for part in here.split("/"))

    found = set(walk(get_resolver().url_patterns))
    return {one for one in found if one and not one.startswith(tuple(part for part in NOT_API if part))}


def test_every_route_has_a_row() -> None:
    assert routes() == set(ROWS)


@pytest.fixture(scope="module")
def people(api: Any) -> Iterator[SimpleNamespace]:
    person = People(api)
    names = ("owner", "admin", "member", "other", "kicked", "stranger")
    yield SimpleNamespace(**{name: person(name) for name in names}, unused_name=lambda: f"guest {person.unique()}")
    person.close()


@pytest.fixture(scope="module")
def kept_world(people: SimpleNamespace) -> SimpleNamespace:
    """For requests that change nothing."""
    return new_world(people)


@pytest.fixture
def world(request: pytest.FixtureRequest, people: SimpleNamespace, row: Row, status: int) -> SimpleNamespace:
    """One of its own for each request that is to change something."""
    if row.method == "get" or status >= 400:
        kept: SimpleNamespace = request.getfixturevalue("kept_world")
        return kept
    return new_world(people)


def new_world(people: SimpleNamespace) -> SimpleNamespace:
    """A new closed group with an owner, an admin, members, one who was removed, and a
    stranger outside.
    """
    world = SimpleNamespace(**vars(people))
    memberships = [world.admin, world.member, world.other, world.kicked]
    world.group = world.owner.post(
        "/group/create",
        {"name": "tea", "joinPolicy": "closed", "memberIds": [one.id for one in memberships]},
        status=201,
    )
    world.file = world.owner.upload(b"hello", "tea", "files")["mediaUrl"]
    world.owner.post("/group/send", {"groupId": world.group["id"], "type": "file", "mediaUrl": world.file}, status=201)
    world.message = world.owner.post("/group/send", {"groupId": world.group["id"], "content": "hello"}, status=201)
    world.owner.post("/group/setRole", {"groupId": world.group["id"], "userId": world.admin.id, "role": "admin"})
    world.owner.post("/private/send", {"receiverId": world.member.id, "content": "psst"}, status=201)
    world.owner.post("/group/kick", {"groupId": world.group["id"], "userId": world.kicked.id})
    world.device_id = world.owner.get("/me/sessions")[0]["id"]
    return world


CASES = [
    pytest.param(route, row, role, status, id=f"{row.method} {route} by {role}")
    for route, rows in ROWS.items()
    for row in (rows if isinstance(rows, list) else [rows])
    for role, status in zip(ROLES, row.statuses, strict=True)
]


@pytest.mark.parametrize(("route", "row", "role", "status"), CASES)
def test_everyone_gets_their_part_and_no_more(
    world: SimpleNamespace, anonymous: Person, route: str, row: Row, role: str, status: int
) -> None:
    me = None if role == "anonymous" else getattr(world, role)
    if me and route == "logout":
        me = me.signed_in_again()
    path = row.path(world) if row.path else f"/{route}"
    body = row.body(world, me)
    answer = (me or anonymous).request(
        row.method, path, query=body if row.query else None, body=None if row.query else body
    )
    assert answer.status_code == status, answer.text
    if status >= 400:
        assert answer.headers["content-type"].startswith("application/problem+json")
        problem = answer.json()
        assert problem["status"] == status
        assert {"type", "title", "detail", "code"} <= set(problem)
    if status in (401, 404):
        assert "hello" not in answer.text and "tea" not in answer.text
