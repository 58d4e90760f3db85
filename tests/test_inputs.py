"""Every input of HTTP and the socket: which values are taken, and what is answered about the others.

The expected answers stand in tests/input_answers.json, by route, field and answer, with the kinds of values that get it.
`INPUT_ANSWERS=write pytest tests/test_inputs.py` writes them anew after an intended change.
"""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chatproject.core.http import forms
from chatproject.core.inputs import Input
from messaging.serializers import input as inputs

ANSWERS = Path(__file__).with_name("input_answers.json")
UNKNOWN = "01890000-0000-7000-8000-00000000abcd"
_MISSING = object()
#: Of each kind one value, as clients send them or might: for every field,
KINDS: dict[str, Any] = {
    "missing": _MISSING, "null": None, "true": True, "0": 0, "5": 5, "5.5": 5.5, "empty": "", "space": " ",
    "text": "x", "text with space": " 你好 ", "NUL": "a\0b", "9000 letters": "x" * 9000, "id": UNKNOWN,
    "[]": [], "['x']": ["x"], "[id]": [UNKNOWN], "{}": {}, "{'a': 1}": {"a": 1},
}  # fmt: skip
#: and beside these for fields whose names end with it.
KINDS_OF: dict[str, dict[str, Any]] = {
    "Id|toUid|replyTo|id|after|before": {
        "ID": UNKNOWN.upper(), "id without hyphens": UNKNOWN.replace("-", ""), "{id}": f"{{{UNKNOWN}}}",
        "urn of id": f"urn:uuid:{UNKNOWN}", "id with space": f" {UNKNOWN} ", "id as number": 2**120, "id cut": UNKNOWN[:-1],
    },
    "limit|before|after|upTo|seq|seconds|longitude": {
        "-1": -1, "1": 1, "5.0": 5.0, "201": 201, "2^53": 2**53, "2^53 + 1": 2**53 + 1, "2^63": 2**63, "1e30": 1e30,
        "'5'": "5", "' 5 '": " 5 ", "'5.0'": "5.0", "'-1'": "-1", "'5_0'": "5_0", "1001 digits": "1" * 1001,
    },
    "isGroup|muted|pinned|archived|online|renew|showContent": {
        "false": False, "1": 1, "'true'": "true", "'False'": "False", "'yes'": "yes", "'n'": "n", "'null'": "null",
    },
    "Ids|messageId": {
        "[id, ID]": [UNKNOWN, UNKNOWN.upper()], "[null]": [None], "[id, x, 5]": [UNKNOWN, "x", 5],
        "[501 ids]": [UNKNOWN] * 501,
    },
    "mentions": {
        "[mention]": [{"userId": UNKNOWN, "start": 0, "length": 2}],
        "[{userId: null, start: '0', length: 2}]": [{"userId": None, "start": "0", "length": 2}],
        "[mention cut]": [{"userId": UNKNOWN, "start": 0}],
    },
    "cursors": {
        "{id: 1}": {UNKNOWN: 1}, "{ID: '1.0'}": {UNKNOWN.upper(): "1.0"}, "{id: x}": {UNKNOWN: "x"},
        "{id: -1, x: true}": {UNKNOWN: -1, "x": True}, "{id: null}": {UNKNOWN: None},
        "1001 chats": {f"{UNKNOWN[:-4]}{n:04}": 1 for n in range(1001)},
    },
    "content|msg|clientId|name|address|inviteCode|q|search|p256dh": {
        "65 letters": "x" * 65, "101 letters": "x" * 101, "false": False, "2^63": 2**63, "1e30": 1e30, "emoji": "👋🏽",
    },
    "type": {one: one for one in ("image", "audio", "location", "file", "system", "private", "Text")},
    "day": {one: one for one in ("2026-05-01", "2026-5-1", "20260501", "2026-02-30", "0001-01-01", "9999-12-31")},
    "joinPolicy|role": {one: one for one in ("open", "invite", "owner", "member")},
}  # fmt: skip


def _kinds(field: str) -> dict[str, Any]:
    """What is tried of a field."""
    more = [kinds for names, kinds in KINDS_OF.items() if re.search(rf"(?:{names})$", field)]
    return KINDS | {kind: value for kinds in more for kind, value in kinds.items()}


_LOCATION = {"receiverId": UNKNOWN, "type": "location", "locationData": {"latitude": 1, "longitude": 2}}
_IMAGE = {"receiverId": UNKNOWN, "type": "image", "mediaUrl": f"/uploads/images/{UNKNOWN.replace('-', '')}.jpg"}
#: Route or event: what is right, and the fields whose values are tried; "a.b" is b within a.
INPUTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "POST /private/send": (
        {"receiverId": UNKNOWN, "content": "hello"},
        ["receiverId", "content", "msg", "type", "clientId", "replyTo", "senderId", "mediaUrl", "locationData", "mentions"],
    ),
    "POST /private/send msg": ({"receiverId": UNKNOWN, "msg": "hello"}, ["msg", "content"]),
    "POST /private/send image": (_IMAGE, ["mediaUrl", "content", "locationData"]),
    "POST /private/send location": (
        _LOCATION,
        ["locationData", "locationData.latitude", "locationData.longitude", "locationData.address", "locationData.name"],
    ),
    "POST /group/send": ({"groupId": UNKNOWN, "content": "hello"}, ["groupId", "type"]),
    "POST /markPrivateRead": ({"senderId": UNKNOWN}, ["senderId", "senderIds", "upTo", "userId"]),
    "POST /markPrivateRead many": ({"senderIds": [UNKNOWN]}, ["senderIds"]),
    "POST /group/markGroupRead": ({"groupId": UNKNOWN}, ["groupId", "groupIds", "upTo"]),
    "POST /group/markGroupRead many": ({"groupIds": [UNKNOWN]}, ["groupIds"]),
    "POST /message/recall": ({"messageId": UNKNOWN}, ["messageId"]),
    "POST /message/react": ({"messageId": UNKNOWN, "emoji": "👍"}, ["messageId", "emoji", "on"]),
    "POST /message/pin": ({"messageId": UNKNOWN}, ["messageId", "pinned"]),
    "POST /chat/archive": ({"type": "group", "id": UNKNOWN}, ["type", "id", "archived"]),
    "POST /chat/markUnread": ({"type": "group", "id": UNKNOWN}, ["type", "id", "seq"]),
    "POST /message/hide": ({"messageIds": [UNKNOWN]}, ["messageIds"]),
    "POST /message/forward": (
        {"messageIds": [UNKNOWN], "to": [{"toUid": UNKNOWN}], "withAuthor": True, "clientId": "f1"},
        ["messageIds", "to", "withAuthor", "clientId"],
    ),
    "GET /message/reactions": ({"messageId": UNKNOWN}, ["messageId", "limit", "after"]),
    "GET /message/reactions/mine": ({"messageId": UNKNOWN}, ["messageId"]),
    "POST /message/edit": ({"messageId": UNKNOWN, "content": "hello"}, ["messageId", "content", "mentions"]),
    "POST /chatList": ({"limit": 5}, ["limit", "before", "chatIds"]),
    "POST /sync": ({"cursors": {}, "hidden": {}}, ["cursors", "hidden"]),
    "GET /private/messages": ({"senderId": UNKNOWN}, ["senderId", "receiverId", "limit", "before", "after"]),
    "GET /group/messages": ({"groupId": UNKNOWN}, ["groupId", "limit"]),
    "GET /message/people": ({"messageId": UNKNOWN}, ["messageId"]),
    "GET /message/readers": ({"messageId": UNKNOWN}, ["messageId", "read", "limit", "after"]),
    "GET /message/day": (
        {"chatId": UNKNOWN, "isGroup": True, "day": "2026-05-01"}, ["chatId", "isGroup", "day", "timeZone"],
    ),
    "GET /chat/shelf": (
        {"chatId": UNKNOWN, "isGroup": True, "kind": "media"}, ["chatId", "isGroup", "kind", "limit", "before"],
    ),
    "GET /message/search": ({"q": "nothing like it"}, ["q", "chatId", "isGroup", "limit", "before"]),
    "GET /message/quoted": ({"messageId": UNKNOWN}, ["messageId"]),
    "POST /message/highlight": ({"code": "x = 1", "language": "nothing like it"}, ["code", "language"]),
    "GET /place/search": ({"q": "tea house"}, ["q"]),
    "GET /place/address": ({"latitude": "1", "longitude": "2"}, ["latitude", "longitude"]),
    "POST /group/create": (
        {"name": "tea", "memberIds": [UNKNOWN]},
        ["name", "memberIds", "avatar", "joinPolicy", "creatorId"],
    ),
    "POST /group/join": ({"groupId": UNKNOWN}, ["groupId", "inviteCode"]),
    "POST /group/leave": ({"groupId": UNKNOWN}, ["groupId", "userId"]),
    "POST /group/update": (
        {"groupId": UNKNOWN, "name": "tea"},
        ["groupId", "name", "avatar", "joinPolicy", "description", "announcement", "postPolicy", "slowMode", "historyPolicy"],
    ),
    "POST /group/add": ({"groupId": UNKNOWN, "userIds": [UNKNOWN]}, ["userIds"]),
    "POST /group/remove": ({"groupId": UNKNOWN, "userIds": [UNKNOWN]}, ["userIds"]),
    "POST /group/request": ({"groupId": UNKNOWN}, ["groupId", "note"]),
    "POST /group/closeAnnouncement": ({"groupId": UNKNOWN, "version": 1}, ["version"]),
    "POST /group/setRole": ({"groupId": UNKNOWN, "userId": UNKNOWN, "role": "admin"}, ["userId", "role"]),
    "POST /group/mute": ({"groupId": UNKNOWN}, ["groupId", "muted", "seconds"]),
    "POST /chat/mute": ({"type": "group", "id": UNKNOWN}, ["type", "id", "muted", "seconds"]),
    "POST /chat/level": ({"type": "private", "id": UNKNOWN, "level": "all"}, ["type", "id", "level"]),
    "PATCH /me/notifications": (
        {"privateLevel": "all", "groupLevel": "all", "keywords": ["tea"], "silentFor": None,
         "quietHours": {"from": "22:00", "until": "07:00", "days": [1, 2], "timeZone": "Europe/Berlin", "mentions": False}},
        ["privateLevel", "groupLevel", "keywords", "silentFor", "quietHours", "quietHours.from", "quietHours.until",
         "quietHours.days", "quietHours.timeZone", "quietHours.mentions"],
    ),
    "POST /chat/draft": (
        {"type": "group", "id": UNKNOWN, "text": "begun", "mentions": [], "replyTo": None},
        ["type", "id", "text", "mentions", "replyTo"],
    ),
    "POST /me/status": ({"emoji": "🍵", "text": "at tea", "seconds": None}, ["emoji", "text", "seconds"]),
    "POST /chat/pin": ({"type": "private", "id": UNKNOWN}, ["type", "id", "pinned"]),
    "POST /group/invite": ({"groupId": UNKNOWN, "userIds": []}, ["userIds", "renew"]),
    "GET /group/allList": ({"search": "nothing like it"}, ["limit", "after"]),
    "POST /login": ({"name": "nobody like it", "password": "1"}, ["name", "password", "img", "online"]),
    "PATCH /me": ({"oldPassword": "wrong", "password": "1"}, ["name", "img", "language", "online", "oldPassword"]),
    "GET /userChatList": ({"search": "nothing like it"}, ["search", "after", "limit"]),
    "POST /push/subscribe": (
        {"endpoint": "x", "keys": {"p256dh": "x", "auth": "x"}},
        ["endpoint", "keys", "keys.p256dh", "keys.auth", "showContent"],
    ),
    "EmitPrivate": (
        {"toUid": UNKNOWN, "msg": "hello", "type": "text", "clientId": "a1"},
        ["toUid", "msg", "content", "type", "clientId", "replyTo", "mediaUrl", "thumbnailUrl", "mediaDuration", "mentions"],
    ),
    "EmitPrivate location": (_LOCATION | {"toUid": UNKNOWN}, ["locationData", "locationData.longitude"]),
    "EmitGroupMsg": (
        {"groupId": UNKNOWN, "content": "hello", "type": "text", "clientId": "a1"},
        ["groupId", "senderId", "content", "type", "clientId"],
    ),
    "EmitGroupMsg image": (_IMAGE | {"groupId": UNKNOWN}, ["mediaUrl"]),
    "EmitGroupJoin": ({"groupId": UNKNOWN}, ["groupId", "inviteCode"]),
    "EmitGroupUpdate": ({"groupId": UNKNOWN}, ["description", "slowMode"]),
    "EmitCloseAnnouncement": ({"groupId": UNKNOWN, "version": 1}, ["groupId", "version"]),
    "EmitChatMute": ({"type": "group", "id": UNKNOWN}, ["type", "id", "muted", "seconds"]),
    "EmitChatLevel": ({"type": "group", "id": UNKNOWN, "level": "all"}, ["level"]),
    "EmitChatPin": ({"type": "group", "id": UNKNOWN}, ["pinned"]),
    "EmitChatArchive": ({"type": "group", "id": UNKNOWN}, ["archived"]),
    "EmitPreferences": ({"groupLevel": "all", "keywords": ["tea"]}, ["groupLevel", "keywords", "silentFor", "quietHours"]),
    "EmitStatus": ({"emoji": "🍵", "text": "at tea"}, ["emoji", "text", "seconds"]),
    "EmitTempLeaveGroup": ({"groupId": UNKNOWN}, ["groupId"]),
    "EmitMarkPrivateRead": ({"senderId": UNKNOWN}, ["senderId", "senderIds", "upTo"]),
    "EmitMarkGroupRead": ({"groupId": UNKNOWN}, ["groupId", "upTo"]),
    "GetMessageHistory": ({"chatId": UNKNOWN, "isGroup": True}, ["chatId", "isGroup", "limit", "before"]),
    "EmitSync": ({"cursors": {}}, ["cursors"]),
    "EmitTyping": ({"toUid": UNKNOWN}, ["toUid", "groupId"]),
    "EmitDraft": ({"type": "group", "id": UNKNOWN, "text": "begun"}, ["type", "id", "text"]),
    "EmitRecall": ({"messageId": UNKNOWN}, ["messageId"]),
    "EmitEdit": ({"messageId": UNKNOWN, "content": "hello"}, ["messageId", "content"]),
    "EmitPin": ({"messageId": UNKNOWN}, ["messageId", "pinned"]),
    "EmitMarkUnread": ({"type": "group", "id": UNKNOWN}, ["type", "id", "seq"]),
    "EmitHide": ({"messageIds": [UNKNOWN]}, ["messageIds"]),
    "EmitForward": (
        {"messageIds": [UNKNOWN], "to": [{"groupId": UNKNOWN}], "withAuthor": True, "clientId": "f1"},
        ["messageIds", "to", "withAuthor", "clientId"],
    ),
    "EmitReact": ({"messageId": UNKNOWN, "emoji": "👍"}, ["messageId", "emoji", "on"]),
    "EmitWatchPresence": ({"userIds": []}, ["userIds"]),
}  # fmt: skip
#: All fields of an input are of this kind at once, and answered in both languages.
TOGETHER = ["missing", "null", "5.5", "NUL", "9000 letters", "{'a': 1}", "['x']"]


def _changed(right: dict[str, Any], field: str, value: Any) -> dict[str, Any]:
    outer, _, inner = field.partition(".")
    if inner:
        value = _changed(right.get(outer) or {}, inner, value)
    return {name: one for name, one in (right | {outer: value}).items() if one is not _MISSING}


def _by_http(client: Any, route: str, data: dict[str, Any], language: str) -> str:
    method, path, *_ = route.split()
    more = {"query": data} if method == "GET" else {"body": data}
    answer = client.request(method, path, headers={"Accept-Language": language}, **more)
    said = answer.json()
    if isinstance(said, dict) and answer.status_code >= 400:
        return _brief(answer.status_code, said)
    return f"{answer.status_code}"


def _by_socket(socket: Any, event: str, data: dict[str, Any]) -> str:
    socket.strikes = getattr(socket, "strikes", 0) + 1
    socket.send(event.split(maxsplit=1)[0], data, ack=socket.strikes)
    answer = socket.answer(socket.strikes)
    if answer["event"] == "ack":
        return "ack"
    error = dict(answer["data"])
    if answer["event"] == "MessageHistoryError":
        assert error.pop("chatId", None) == data.get("chatId") and error.pop("isGroup", None) == data.get("isGroup")
    return _brief(answer["event"], error)


def _brief(status: Any, said: dict[str, Any]) -> str:
    errors = json.dumps(said["errors"], ensure_ascii=False, sort_keys=True) if "errors" in said else ""
    # DRF names what was given instead of a choice, in \"…\" or “…”.
    errors = re.sub(r"(\\\"|“).*?(\\\"|”)(?= (?:is not|不是))", r"\1…\2", errors)
    return f"{status} {said['code']} {errors}".rstrip()


def _answers(ask: Callable[[dict[str, Any], str], str], route: str) -> dict[str, dict[str, str]]:
    """By field and answer, the kinds of values that get it."""
    right, fields = INPUTS[route]
    found: dict[str, dict[str, list[str]]] = {"": {ask(right | {"unheardOf": {"a": [1]}}, "en"): ["as it is"]}}
    for field in fields:
        for kind, value in _kinds(field).items():
            if not route.startswith("GET ") or isinstance(value, str) or value is _MISSING or kind.startswith("[id"):
                answer = ask(_changed(right, field, value), "en")
                found.setdefault(field, {}).setdefault(answer, []).append(kind)
    for kind in (
        TOGETHER if " /" in route else [kind for kind in TOGETHER if kind != "9000 letters"]
    ):  # a frame has 64 KiB at most
        wrong = right
        for field in fields:
            wrong = _changed(wrong, field, KINDS[kind]) if "." not in field else wrong
        for language in ("en", "zh-hans"):
            if not route.startswith("GET ") or isinstance(KINDS[kind], str) or kind == "missing":
                found.setdefault("*", {}).setdefault(ask(wrong, language), []).append(f"{kind} {language}")
    return {field: {answer: " | ".join(kinds) for answer, kinds in of.items()} for field, of in found.items()}


@pytest.mark.usefixtures("quiet_log")
@pytest.mark.parametrize("route", INPUTS)
def test_an_input_is_answered_as_it_always_was(person: Any, route: str) -> None:
    ann = person("ann")
    if " /" in route:
        found = _answers(lambda data, language: _by_http(ann, route, data, language), route)
    else:
        li = person("li")
        li.patch("/me", {"language": "zh-Hans"})
        sockets = {"en": ann.connect(), "zh-hans": li.connect()}

        def ask(data: dict[str, Any], language: str) -> str:
            if getattr(sockets[language], "strikes", 0) % 50 == 49:  # a hundred refusals in a row end a socket
                sockets[language].call("SocketHeartBeat")
            return _by_socket(sockets[language], route, data)

        found = _answers(ask, route)
    if os.environ.get("INPUT_ANSWERS") == "write":
        _write(route, found)
    assert found == json.loads(ANSWERS.read_text())[route]


def _write(route: str, found: dict[str, Any]) -> None:
    known = json.loads(ANSWERS.read_text()) if ANSWERS.exists() else {}
    known[route] = found
    ordered = {name: known[name] for name in INPUTS if name in known}
    ANSWERS.write_text(json.dumps(ordered, ensure_ascii=False, indent=1) + "\n")


SHAPES: dict[str, type[Input]] = {
    "POST /private/send": inputs.PrivateInput,
    "POST /private/send msg": inputs.PrivateInput,
    "POST /private/send image": inputs.PrivateInput,
    "POST /private/send location": inputs.PrivateInput,
    "POST /group/send": inputs.GroupMessageInput,
    "POST /markPrivateRead": inputs.ReadPrivateInput,
    "POST /group/markGroupRead": inputs.ReadGroupInput,
    "POST /message/edit": inputs.EditInput,
    "POST /message/react": inputs.ReactInput,
    "POST /message/pin": inputs.PinInput,
    "POST /chat/markUnread": inputs.MarkUnreadInput,
    "POST /message/hide": inputs.HideInput,
    "POST /message/forward": inputs.ForwardInput,
    "GET /message/reactions": inputs.ReactionsInput,
    "POST /sync": inputs.SyncInput,
    "GET /private/messages": inputs.PrivatePageInput,
    "GET /message/search": inputs.SearchInput,
    "EmitPrivate": inputs.SocketPrivateInput,
    "EmitPrivate location": inputs.SocketPrivateInput,
    "GetMessageHistory": inputs.HistoryInput,
    "EmitTyping": inputs.TypingInput,
    "EmitWatchPresence": inputs.WatchInput,
}


@pytest.mark.parametrize("route", SHAPES)
def test_what_is_read_fast_is_read_alike_by_the_form(route: str) -> None:
    """msgspec takes nothing that REST framework's form would refuse, and nothing in another way."""
    right, fields = INPUTS[route]
    shape = type(SHAPES[route].read(right))
    read_fast = 0
    for field in fields:
        for value in _kinds(field).values():
            given = _changed(right, field, value)
            try:
                fast = msgspec.convert(given, shape)
            except msgspec.ValidationError:
                continue
            assert fast == shape(**forms.read(shape, given)), given
            read_fast += 1
    assert read_fast


@pytest.mark.usefixtures("quiet_log")
def test_what_was_taken_is_what_was_sent(person: Any, group: Any) -> None:
    """What of a tolerated value is kept, by either door."""
    ann, bob = person("ann"), person("bob")
    anns = ann.connect()
    first = anns.call("EmitPrivate", {"toUid": bob.id, "msg": "first"})
    for more, kept in (
        ({"content": " a ", "type": "text"}, {"content": " a ", "type": "text"}),
        ({"msg": "a"}, {"content": "a"}),
        ({"msg": "a", "content": "b"}, {"content": "b"}),
        ({"content": "a", "clientId": " c1 "}, {"clientId": "c1"}),
        ({"content": "a", "clientId": 17}, {"clientId": "17"}),
        ({"content": "a", "replyTo": first["id"].upper()}, {"replyTo": first["id"]}),
        ({"content": "a", "replyTo": None, "clientId": None, "mediaUrl": None}, {"replyTo": None, "mediaUrl": None}),
        ({"content": "a", "type": "text", "mediaUrl": 5, "locationData": "x", "waveform": {}}, {"mediaUrl": None}),
        ({"type": "location", "locationData": {"latitude": "1.5", "longitude": 2}}, {"content": "", "mediaUrl": None}),
    ):  # fmt: skip
        sent = ann.post("/private/send", {"receiverId": bob.id.replace("-", ""), **more}, status=201)
        again = anns.call("EmitPrivate", {"toUid": f"{{{bob.id}}}", **more})
        for message in (sent, again):
            assert {name: message[name] for name in kept} == kept
            assert message["receiverId"] == bob.id
        if "clientId" in kept:
            assert sent == again
    place = anns.call(
        "EmitPrivate",
        {
            "toUid": bob.id,
            "type": "location",
            "locationData": {"latitude": "1.5", "longitude": 2, "name": " a\nb ", "address": None},
        },
    )["locationData"]
    assert (place["latitude"], place["longitude"], place["name"], place["address"]) == (1.5, 2, "a b", "")
    assert len(ann.get("/private/messages", senderId=bob.id, limit=" 3.0 ")) == 3
    assert [one["seq"] for one in ann.get("/private/messages", senderId=bob.id, before="4", limit="2")] == [2, 3]
    assert ann.post("/markPrivateRead", {"senderId": bob.id, "upTo": "3"})["readSeq"] is not None
    assert ann.get("/message/search", q=" first ", chatId=bob.id, isGroup="no")[0]["id"] == first["id"]
