"""Every route and every event of the socket, asked in every role: the permissions, and nothing is forgotten."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from accounts import services as accounts
from accounts.models import User
from messaging.consumers import ChatConsumer
from tests.conftest import People
from tests.people import Person, Refused
from tests.pushing import subscription

ROLES = ("anonymous", "stranger", "member", "kicked", "admin")
#: Further roles, and the one whose answers they get where a row does not say otherwise.
LIKE = {
    "guest": "stranger",
    "guest in the group": "member",
    "invited": "stranger",  # has the code, and has not come
    "left": "stranger",
    "away": "member",
    "offered": "member",  # the ownership is offered to them
    "blocked": "anonymous",  # deactivated: their token is worth nothing
}


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
    #: The statuses of further roles that are not those of the role they are like.
    but: dict[str, int] = field(default_factory=dict)

    def expected(self) -> dict[str, int]:
        """The status for each role."""
        found = dict(zip(ROLES, self.statuses, strict=True))
        return found | {role: found[like] for role, like in LIKE.items()} | self.but


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
NOT_THE_TWO = dict.fromkeys(("guest in the group", "away", "offered"), 404)

ROWS: dict[str, Row | list[Row]] = {
    "login": Row("post", (401,) * 5, lambda world, me: {"name": world.owner.name, "password": "not the password"}),
    "createUser": Row(
        "post", (201,) * 5, lambda world, me: {"name": world.unused_name(), "img": ""}, but={"blocked": 401}
    ),
    "logout": Row("post", (401, 204, 204, 204, 204)),
    "me": [Row("get", SIGNED_IN), Row("patch", SIGNED_IN, lambda world, me: {"language": "en"})],
    "me/sessions": [Row("get", SIGNED_IN), Row("delete", (401, 204, 204, 204, 204))],
    "me/notifications": [Row("get", SIGNED_IN), Row("patch", SIGNED_IN, lambda world, me: {"groupLevel": "mentions"})],
    "me/status": [Row("post", SIGNED_IN, lambda world, me: {"text": "at tea"}), Row("delete", SIGNED_IN)],
    # Somebody else's device is not there for anyone.
    "me/sessions/<uuid>": Row(
        "delete", (401, 404, 404, 404, 404), path=lambda world: f"/me/sessions/{world.device_id}"
    ),
    "userChatList": Row("get", SIGNED_IN),
    "user/<uuid>": Row("get", SIGNED_IN, path=lambda world: f"/user/{world.owner.id}"),
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
    "group/join": [
        Row("post", MEMBERS, in_group()),
        # With the code everybody comes in who was not removed.
        Row("post", (401, 200, 200, 403, 200), in_group(inviteCode=lambda world: world.code)),
        # The code before the removal is worth nothing.
        Row("post", MEMBERS, in_group(inviteCode=lambda world: world.old_code)),
    ],
    # A closed group asks nobody who wants to join, and is not there for them.
    "group/request": Row("post", (401, 404, 409, 404, 409), in_group(note="tea"), but={"away": 409}),
    "group/request/withdraw": Row("post", (401, 404, 404, 404, 404), in_group()),
    "group/request/accept": Row("post", (401, 404, 403, 404, 404), in_group(userId=lambda world: world.stranger.id)),
    "group/request/refuse": Row("post", (401, 404, 403, 404, 404), in_group(userId=lambda world: world.stranger.id)),
    "group/requests/<uuid>": Row("get", ADMINS, path=lambda world: f"/group/requests/{world.group['id']}"),
    "group/list": Row("get", SIGNED_IN),
    "group/allList": Row("get", SIGNED_IN),
    "group/members/<uuid>": Row("get", MEMBERS, path=lambda world: f"/group/members/{world.group['id']}"),
    "group/send": Row("post", (401, 404, 201, 404, 201), in_group(content="hello")),
    "group/messages": Row("get", MEMBERS, in_group(), query=True),
    "group/markGroupRead": Row("post", MEMBERS, in_group()),
    "group/leave": Row("post", MEMBERS, in_group()),
    "group/tempLeave": Row("post", MEMBERS, in_group()),
    "group/return": Row("post", MEMBERS, in_group()),
    "group/update": [
        Row("post", ADMINS, in_group(name="renamed")),
        Row("post", ADMINS, in_group(description="tea", announcement="tea", postPolicy="admins", slowMode=60)),
    ],
    "group/closeAnnouncement": Row("post", MEMBERS, in_group(version=1)),
    "group/kick": Row("post", ADMINS, in_group(userId=lambda world: world.other.id)),
    "group/add": Row("post", ADMINS, in_group(userIds=lambda world: [world.shy.id, world.stranger.id])),
    "group/remove": Row("post", ADMINS, in_group(userIds=lambda world: [world.other.id, world.owner.id])),
    "group/setRole": Row("post", OWNERS, in_group(userId=lambda world: world.other.id, role="admin")),
    "group/mute": Row("post", MEMBERS, in_group()),
    "group/transfer": Row("post", OWNERS, in_group(userId=lambda world: world.other.id)),
    "group/transfer/accept": Row("post", (401, 404, 404, 404, 404), in_group(), but={"offered": 200}),
    "group/transfer/decline": Row("post", (401, 404, 404, 404, 404), in_group(), but={"offered": 200}),
    "group/dissolve": Row("post", OWNERS, in_group()),
    "group/invite": [
        Row("post", ADMINS, in_group()),
        Row("post", ADMINS, in_group(userIds=lambda world: [world.kicked.id])),
        Row("post", ADMINS, in_group(renew=True)),
        # Who lets nobody add them.
        Row("post", (401, 404, 403, 404, 403), in_group(userIds=lambda world: [world.shy.id])),
    ],
    "chat/mute": [
        Row("post", MEMBERS, lambda world, me: {"type": "group", "id": world.group["id"]}),
        Row("post", MEMBERS_OF_TWO, lambda world, me: {"type": "private", "id": world.owner.id}, but=NOT_THE_TWO),
    ],
    "chat/level": [
        Row("post", MEMBERS, lambda world, me: {"type": "group", "id": world.group["id"], "level": "mentions"}),
        Row(
            "post",
            MEMBERS_OF_TWO,
            lambda world, me: {"type": "private", "id": world.owner.id, "level": None},
            but=NOT_THE_TWO,
        ),
    ],
    "chat/draft": [
        Row("post", MEMBERS, lambda world, me: {"type": "group", "id": world.group["id"], "text": "begun"}),
        Row("post", MEMBERS_OF_TWO, lambda world, me: {"type": "private", "id": world.owner.id}, but=NOT_THE_TWO),
    ],
    "chat/drafts": Row("get", SIGNED_IN),
    "chat/pin": [
        Row("post", MEMBERS, lambda world, me: {"type": "group", "id": world.group["id"]}),
        Row("post", MEMBERS_OF_TWO, lambda world, me: {"type": "private", "id": world.owner.id}, but=NOT_THE_TWO),
    ],
    "chat/archive": [
        Row("post", MEMBERS, lambda world, me: {"type": "group", "id": world.group["id"]}),
        Row("post", MEMBERS_OF_TWO, lambda world, me: {"type": "private", "id": world.owner.id}, but=NOT_THE_TWO),
    ],
    "chat/markUnread": [
        Row("post", MEMBERS, lambda world, me: {"type": "group", "id": world.group["id"]}),
        Row("post", MEMBERS_OF_TWO, lambda world, me: {"type": "private", "id": world.owner.id}, but=NOT_THE_TWO),
    ],
    # The message is the owner's: a member may not take it back, an administrator may; nobody may
    # reword it.
    "message/recall": Row("post", ADMINS, lambda world, me: {"messageId": world.message["id"]}),
    "message/edit": Row("post", OWNERS, lambda world, me: {"messageId": world.message["id"], "content": "other words"}),
    "message/hide": Row("post", MEMBERS, lambda world, me: {"messageIds": [world.message["id"]]}),
    # To whom everybody may write.
    "message/forward": [
        Row(
            "post",
            (401, 404, 201, 404, 201),
            lambda world, me: {"messageIds": [world.message["id"]], "to": [{"toUid": world.other.id}]},
        ),
        Row(
            "post",
            (401, 404, 201, 404, 201),
            lambda world, me: {"messageIds": [world.message["id"]], "to": [{"groupId": world.group["id"]}]},
        ),
    ],
    "message/react": Row("post", MEMBERS, lambda world, me: {"messageId": world.message["id"], "emoji": "👍"}),
    "message/pin": Row("post", ADMINS, lambda world, me: {"messageId": world.message["id"]}),
    "message/reactions": Row("get", MEMBERS, lambda world, me: {"messageId": world.message["id"]}, query=True),
    "message/reactions/mine": Row("get", SIGNED_IN, lambda world, me: {"messageId": world.message["id"]}, query=True),
    "message/readers": Row("get", MEMBERS, lambda world, me: {"messageId": world.message["id"]}, query=True),
    "message/day": Row(
        "get",
        MEMBERS,
        lambda world, me: {"chatId": world.group["id"], "isGroup": True, "day": "2026-05-01"},
        query=True,
    ),
    "chat/shelf": Row(
        "get",
        MEMBERS,
        lambda world, me: {"chatId": world.group["id"], "isGroup": True, "kind": "media"},
        query=True,
    ),
    "message/people": Row("get", MEMBERS, lambda world, me: {"messageId": world.message["id"]}, query=True),
    "message/quoted": Row("get", SIGNED_IN, lambda world, me: {"messageId": world.message["id"]}, query=True),
    "message/search": Row(
        "get", MEMBERS, lambda world, me: {"q": "hello", "chatId": world.group["id"], "isGroup": True}, query=True
    ),
    "message/highlight": Row("post", SIGNED_IN, lambda world, me: {"code": "x = 1", "language": "python"}),
    "place/search": Row("get", SIGNED_IN, lambda world, me: {"q": "tea house"}, query=True),
    "place/address": Row("get", SIGNED_IN, lambda world, me: {"latitude": "1", "longitude": "2"}, query=True),
    "sync": Row("post", SIGNED_IN, lambda world, me: {"cursors": {}}),
    # Without a file there is nothing to upload. The file there is was sent to the group by its
    # owner.
    "upload": Row("post", (401, 400, 400, 400, 400)),
    "me/avatar": Row("post", (401, 400, 400, 400, 400)),
    "group/avatar": Row("post", (401, 400, 400, 400, 400), in_group()),
    "uploads/<path:path>": Row("get", (404, 404, 200, 404, 200), path=lambda world: world.file, but={"blocked": 401}),
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
    "chat/message/",
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
    names = ("owner", "admin", "member", "other", "kicked", "stranger", "invited", "left", "away", "offered", "shy")

    def guest() -> Person:
        made = Person(api).post("/createUser", {"name": f"guest {person.unique()}", "img": ""}, status=201)
        return person.remember(Person(api, name=made["name"], token=made.pop("token"), user=made))

    people = {name: person(name) for name in names} | {"guest": guest(), "guest in the group": guest()}
    people["shy"].patch("/me", {"addableBy": "nobody"})
    people["blocked"] = blocked = person("blocked")
    boss = User.objects.filter(is_superuser=True).first()
    assert boss is not None
    yield SimpleNamespace(
        **people,
        unused_name=lambda: f"guest {person.unique()}",
        block=lambda: accounts.deactivate(user=User.objects.get(pk=blocked.id), by=boss),
        unblock=lambda: accounts.activate(user=User.objects.get(pk=blocked.id), by=boss),
    )
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
    world.unblock()
    inside = ("admin", "member", "other", "kicked", "left", "away", "offered", "guest in the group", "blocked")
    memberships = [getattr(world, name) for name in inside]
    world.group = world.owner.post(
        "/group/create",
        {"name": "tea", "joinPolicy": "closed", "memberIds": [one.id for one in memberships]},
        status=201,
    )
    world.file = world.owner.upload(b"hello", "tea", "files")["mediaUrl"]
    world.owner.post("/group/send", {"groupId": world.group["id"], "type": "file", "mediaUrl": world.file}, status=201)
    said = {
        "groupId": world.group["id"],
        "content": f"hello from {world.unused_name()}!",
    }  # no beginning of another one
    world.message = world.owner.post("/group/send", said, status=201)
    world.owner.post("/group/setRole", {"groupId": world.group["id"], "userId": world.admin.id, "role": "admin"})
    world.owner.post("/private/send", {"receiverId": world.member.id, "content": "psst"}, status=201)
    here = {"groupId": world.group["id"]}
    world.old_code = world.owner.post("/group/invite", here)["inviteCode"]
    world.owner.post("/group/kick", {**here, "userId": world.kicked.id})
    world.code = world.owner.post("/group/invite", here)["inviteCode"]
    world.left.post("/group/leave", here)
    world.away.post("/group/tempLeave", here)
    world.owner.post("/group/transfer", {**here, "userId": world.offered.id})
    world.block()
    world.device_id = world.owner.get("/me/sessions")[0]["id"]
    return world


def another_device(me: Person) -> Person:
    token = accounts.open_token(user=User.objects.get(pk=me.id))
    return Person(me._client, name=me.name, token=token, user=me.user)


CASES = [
    pytest.param(route, row, role, status, id=f"{row.method} {route}{number or ''} by {role}")
    for route, rows in ROWS.items()
    for number, row in enumerate(rows if isinstance(rows, list) else [rows])
    for role, status in row.expected().items()
]


@pytest.mark.parametrize(("route", "row", "role", "status"), CASES)
def test_everyone_gets_their_part_and_no_more(
    world: SimpleNamespace, anonymous: Person, route: str, row: Row, role: str, status: int
) -> None:
    me = None if role == "anonymous" else getattr(world, role)
    if me and route == "logout" and status == 204:
        me = another_device(me)
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


# The socket -----------------------------------------------------------------------------------------------------------

OK = "ok"
ALL = (OK, OK, OK, OK)
IN_IT = ("not_found", OK, "not_found", OK)
OF_ADMINS = ("not_found", "forbidden", "not_found", OK)
OF_OWNERS = ("not_found", "forbidden", "not_found", "forbidden")
NOBODY = ("not_found",) * 4


@dataclass
class Event:
    """An event's data in a world, and the code that each role gets: stranger, member, kicked, admin."""

    codes: tuple[str, str, str, str]
    data: Callable[[Any, Person], dict[str, Any]] = lambda world, me: {}
    but: dict[str, str] = field(default_factory=dict)
    #: Whether it leaves the world as it is.
    is_harmless: bool = False

    def expected(self) -> dict[str, str]:
        found = dict(zip(ROLES[1:], self.codes, strict=True))
        return found | {role: found[like] for role, like in LIKE.items() if like in found} | self.but


EVENTS: dict[str, Event | list[Event]] = {
    "EmitUserConnect": Event(ALL, is_harmless=True),
    "GetEmitOnlineUsers": Event(ALL, is_harmless=True),
    "SocketHeartBeat": Event(ALL, is_harmless=True),
    "EmitPrivate": Event(ALL, lambda world, me: {"toUid": world.other.id, "msg": "hey"}, is_harmless=True),
    "EmitGroupMsg": Event(IN_IT, in_group(content="hey"), is_harmless=True),
    "SocketEmitPrivate": Event(ALL, lambda world, me: {"toUid": world.other.id, "msg": "hey"}, is_harmless=True),
    "SocketEmitGroupMsg": Event(IN_IT, in_group(content="hey"), is_harmless=True),
    "EmitGroupJoin": [
        Event(IN_IT, in_group()),
        Event((OK, OK, "removed", OK), in_group(inviteCode=lambda world: world.code)),
        Event(IN_IT, in_group(inviteCode=lambda world: world.old_code)),
    ],
    "EmitTempLeaveGroup": Event(IN_IT, in_group()),
    "EmitGroupLeave": Event(IN_IT, in_group()),
    "EmitGroupRequest": Event(("not_found", "member", "not_found", "member"), in_group(note="tea")),
    "EmitGroupRequestWithdraw": Event(NOBODY, in_group()),
    "EmitGroupRequestAccept": Event(
        ("not_found", "forbidden", "not_found", "not_found"), in_group(userId=lambda world: world.stranger.id)
    ),
    "EmitGroupRequestRefuse": Event(
        ("not_found", "forbidden", "not_found", "not_found"), in_group(userId=lambda world: world.stranger.id)
    ),
    "EmitGroupAdd": Event(OF_ADMINS, in_group(userIds=lambda world: [world.shy.id])),
    "EmitGroupRemove": Event(OF_ADMINS, in_group(userIds=lambda world: [world.other.id])),
    "EmitGroupUpdate": Event(OF_ADMINS, in_group(announcement="news")),
    "EmitCloseAnnouncement": Event(IN_IT, in_group(version=1)),
    "EmitChatMute": Event(IN_IT, lambda world, me: {"type": "group", "id": world.group["id"]}),
    "EmitChatLevel": Event(IN_IT, lambda world, me: {"type": "group", "id": world.group["id"], "level": "mentions"}),
    "EmitChatPin": Event(IN_IT, lambda world, me: {"type": "group", "id": world.group["id"]}),
    "EmitChatArchive": Event(IN_IT, lambda world, me: {"type": "group", "id": world.group["id"]}),
    "EmitPreferences": Event(ALL, lambda world, me: {"groupLevel": "mentions"}, is_harmless=True),
    "EmitStatus": Event(ALL, lambda world, me: {"text": "at tea"}, is_harmless=True),
    "EmitStatusEnd": Event(ALL, is_harmless=True),
    "EmitGroupTransfer": Event(OF_OWNERS, in_group(userId=lambda world: world.other.id)),
    "EmitGroupTransferAccept": Event(NOBODY, in_group(), but={"offered": OK}),
    "EmitGroupTransferDecline": Event(NOBODY, in_group(), but={"offered": OK}),
    "EmitGetUnreadCount": Event(ALL, is_harmless=True),
    "EmitMarkPrivateRead": Event(ALL, lambda world, me: {"senderId": world.owner.id}, is_harmless=True),
    "EmitMarkGroupRead": Event(IN_IT, in_group(), is_harmless=True),
    "EmitMarkUnread": Event(IN_IT, lambda world, me: {"type": "group", "id": world.group["id"]}),
    "GetMessageHistory": [
        Event(IN_IT, lambda world, me: {"chatId": world.group["id"], "isGroup": True}, is_harmless=True),
        # A chat that has not begun has an empty history.
        Event(ALL, lambda world, me: {"chatId": world.owner.id, "isGroup": False}, is_harmless=True),
    ],
    "EmitSearch": Event(
        IN_IT, lambda world, me: {"q": "hello", "chatId": world.group["id"], "isGroup": True}, is_harmless=True
    ),
    "EmitShelf": Event(
        IN_IT, lambda world, me: {"chatId": world.group["id"], "isGroup": True, "kind": "links"}, is_harmless=True
    ),
    "EmitSync": Event(ALL, lambda world, me: {"cursors": {world.group["id"]: 0}}, is_harmless=True),
    # Who is away hears nothing of the group, and is not seen in it.
    "EmitTyping": Event(IN_IT, in_group(), but={"away": "not_found"}, is_harmless=True),
    "EmitDraft": Event(IN_IT, lambda world, me: {"type": "group", "id": world.group["id"], "text": "begun"}),
    "EmitRecall": Event(OF_ADMINS, lambda world, me: {"messageId": world.message["id"]}),
    "EmitEdit": Event(OF_OWNERS, lambda world, me: {"messageId": world.message["id"], "content": "other words"}),
    "EmitHide": Event(IN_IT, lambda world, me: {"messageIds": [world.message["id"]]}),
    "EmitForward": Event(
        IN_IT, lambda world, me: {"messageIds": [world.message["id"]], "to": [{"groupId": world.group["id"]}]}
    ),
    "EmitReact": Event(IN_IT, lambda world, me: {"messageId": world.message["id"], "emoji": "👍"}),
    "EmitPin": Event(OF_ADMINS, lambda world, me: {"messageId": world.message["id"]}),
    "EmitWatchPresence": Event(ALL, lambda world, me: {"userIds": [world.owner.id]}, is_harmless=True),
}

OUTSIDE = {role for role in (*ROLES, *LIKE) if role in ("stranger", "kicked") or LIKE.get(role) == "stranger"}

EVENT_CASES = [
    pytest.param(event, row, role, code, id=f"{event}{number or ''} by {role}")
    for event, rows in EVENTS.items()
    for number, row in enumerate(rows if isinstance(rows, list) else [rows])
    for role, code in row.expected().items()
]


def test_every_event_has_a_row() -> None:
    assert set(EVENTS) == set(ChatConsumer.handlers)


@pytest.mark.parametrize("role", ["anonymous", "blocked"])
def test_who_is_not_signed_in_has_no_socket(kept_world: SimpleNamespace, anonymous: Person, role: str) -> None:
    me = anonymous if role == "anonymous" else kept_world.blocked
    assert me.connect().closed() == 4401


@pytest.mark.parametrize(("event", "row", "role", "code"), EVENT_CASES)
def test_everyone_does_their_part_by_the_socket_and_no_more(
    request: pytest.FixtureRequest, people: SimpleNamespace, event: str, row: Event, role: str, code: str
) -> None:
    changes = code == OK and not row.is_harmless
    world = new_world(people) if changes else request.getfixturevalue("kept_world")
    me = getattr(world, role)
    socket = me.connect()
    try:
        answer = socket.call(event, row.data(world, me))
    except Refused as refused:
        assert refused.code == code
        answer = refused.error
    else:
        assert code == OK
    if role in OUTSIDE and not changes:  # who joins reads
        assert world.message["content"] not in str(answer)
        assert all(world.message["id"] not in str(frame) for frame in socket.heard(f"On{event.removeprefix('Emit')}"))
    socket.close()
