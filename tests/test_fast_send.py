"""`POST /private/send` and `/group/send` have a short way and the one through Django: nobody can tell them apart."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from messaging.api import SendView
from tests import hostile

#: What sends a request through Django and changes nothing else: the short way takes plain `Accept`s only.
THROUGH_DJANGO = {"Accept": "application/json, */*"}
#: The length of what is packed varies at random.
AS_IT_IS = {"Accept-Encoding": "identity"}
#: A date differs by the second in which it was written, and every request has an id.
_ITS_OWN = {"date", "x-request-id"}

UNKNOWN = "01890000-0000-7000-8000-00000000abcd"


@pytest.fixture
def views(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths for which Django's view was asked."""
    asked: list[str] = []
    send = SendView.send

    def counted(view: SendView, request: Any) -> Any:
        asked.append(request.path)
        return send(view, request)

    monkeypatch.setattr(SendView, "send", counted)
    return asked


@pytest.fixture
def talk(person: Any, group: Any) -> dict[str, Any]:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    room = group(ann, bob)
    first = ann.post("/private/send", {"receiverId": bob.id, "content": "first"}, status=201)
    return {"ann": ann, "bob": bob, "eve": eve, "room": room["id"], "first": first["id"]}


def _both(sender: Any, path: str, body: Any, **headers: str) -> tuple[httpx.Response, httpx.Response]:
    """The answers by the short way and through Django."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    short, long = (
        sender.request("post", path, content=content, headers={**AS_IT_IS, **headers, **more})
        for more in ({}, THROUGH_DJANGO)
    )
    return short, long


def _same(short: httpx.Response, long: httpx.Response) -> dict[str, Any]:
    """What both say, after a look at everything: status, body and every header."""
    assert short.status_code == long.status_code
    assert short.content == long.content
    assert short.headers["X-Request-ID"] != long.headers["X-Request-ID"]
    kept = [
        sorted((name, value) for name, value in one.headers.multi_items() if name not in _ITS_OWN)
        for one in (short, long)
    ]
    assert kept[0] == kept[1]
    said: dict[str, Any] = short.json()
    return said


def _image(talk: Any) -> dict[str, Any]:
    upload = talk["ann"].upload(hostile.jpeg(), "a.jpg", "images")
    return {"type": "image", "mediaUrl": upload["mediaUrl"], "thumbnailUrl": "/anything", "content": "look"}


#: Every documented body, without its receiver.
BODIES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "a text": lambda talk: {"content": "hello"},
    "as our page sends it": lambda talk: {"content": "hello", "type": "text", "senderId": talk["ann"].id},
    "the original's word": lambda talk: {"msg": "hello", "type": "text"},
    "a reply": lambda talk: {"content": "hello", "type": "text", "replyTo": talk["first"]},
    "a mention": lambda talk: {"content": "@bob", "mentions": [{"userId": talk["bob"].id, "start": 0, "length": 4}]},
    "nulls": lambda talk: {"content": "hello", "replyTo": None, "mediaUrl": None, "locationData": None},
    "unknown keys": lambda talk: {"content": "hello", "mediaDuration": 3.5, "unheardOf": {"a": [1]}},
    "Chinese and emoji": lambda talk: {"content": " 明天去 👋🏽\n", "type": "text"},
    "a place": lambda talk: {
        "type": "location",
        "locationData": {"latitude": 39.9, "longitude": "116.4", "name": "天安门", "address": None},
    },
    "an image": _image,
    "a file": lambda talk: {
        "type": "file",
        "mediaUrl": talk["ann"].upload(b"hello", "a.txt", "files")["mediaUrl"],
    },
}


@pytest.mark.usefixtures("quiet_log")
@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("path", ["/private/send", "/group/send"])
def test_every_documented_body_is_answered_alike_on_both_roads(
    talk: Any, views: list[str], path: str, kind: str
) -> None:
    to = {"receiverId": talk["bob"].id} if path == "/private/send" else {"groupId": talk["room"]}
    body = {**BODIES[kind](talk), **to, "clientId": uuid4().hex}
    said = _same(*_both(talk["ann"], path, body))
    assert views == [path], "the first took the short way, the second the long one"
    assert said["clientId"] == body["clientId"] and said["type"] == body.get("type", "text")
    # The other way round: what Django's view stored, the short way gives back.
    content = json.dumps({**body, "clientId": uuid4().hex} if "mediaUrl" not in body else body).encode()
    long, short = (
        talk["ann"].request("post", path, content=content, headers=AS_IT_IS | more) for more in (THROUGH_DJANGO, {})
    )
    assert _same(short, long)["id"]


REFUSED: dict[str, tuple[int, Callable[[Any], Any]]] = {
    "not JSON": (400, lambda talk: b"hello"),
    "nothing": (400, lambda talk: b""),
    "a list": (400, lambda talk: [1]),
    "a lone surrogate": (400, lambda talk: b'{"content": "\\ud800"}'),
    "missing fields": (400, lambda talk: {}),
    "wrong fields": (400, lambda talk: {"receiverId": 5, "groupId": 5, "content": ["x"], "type": "system", "clientId": {}}),
    "a blank text": (400, lambda talk: {"receiverId": talk["bob"].id, "groupId": talk["room"], "content": " "}),
    "a NUL": (400, lambda talk: {"receiverId": talk["bob"].id, "groupId": talk["room"], "content": "a\0b"}),
    "a mention that is none": (
        400,
        lambda talk: {
            "receiverId": talk["bob"].id,
            "groupId": talk["room"],
            "content": "bob",
            "mentions": [{"userId": talk["bob"].id, "start": 0, "length": 3}],
        },
    ),
    "a place that is none": (
        400,
        lambda talk: {
            "receiverId": talk["bob"].id,
            "groupId": talk["room"],
            "type": "location",
            "locationData": {"latitude": 91, "longitude": "x"},
        },
    ),
    "an image that nobody uploaded": (
        400,
        lambda talk: {
            "receiverId": talk["bob"].id,
            "groupId": talk["room"],
            "type": "image",
            "mediaUrl": f"/uploads/images/{uuid4().hex}.jpg",
        },
    ),
    "somebody else's name": (
        403,
        lambda talk: {"receiverId": talk["bob"].id, "groupId": talk["room"], "content": "a", "senderId": talk["bob"].id},
    ),
    "an unknown chat": (404, lambda talk: {"receiverId": UNKNOWN, "groupId": UNKNOWN, "content": "a", "type": "text"}),
    "a used clientId": (
        409,
        lambda talk: {"receiverId": talk["bob"].id, "groupId": talk["room"], "content": "b", "clientId": "used"},
    ),
}  # fmt: skip


@pytest.mark.usefixtures("quiet_log")
@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("path", ["/private/send", "/group/send"])
def test_every_refusal_is_alike_on_both_roads_and_in_every_language(talk: Any, path: str, kind: str) -> None:
    status, body = REFUSED[kind]
    ann = talk["ann"]
    ann.post("/private/send", {"receiverId": talk["bob"].id, "content": "a", "clientId": "used"}, status=201)
    details = set()
    for language in ("", "en", "zh-hans", "zh-CN,zh;q=0.9", "fr"):
        short, long = _both(ann, path, body(talk), **{"Accept-Language": language} if language else {})
        details.add(_same(short, long)["detail"])
        assert short.status_code == status
    assert len(details) == 2, "English and Chinese"


@pytest.mark.usefixtures("quiet_log")
def test_a_wrong_token_is_refused_alike_on_both_roads(talk: Any) -> None:
    body = {"groupId": talk["room"], "content": "a", "type": "text"}
    for shown in (
        "Bearer wrong",
        "Bearer",
        "bearer " + talk["eve"].token[:-1],
        "Basic YTpi",
    ):
        short, long = _both(talk["eve"], "/group/send", body, Authorization=shown)
        assert _same(short, long)["code"] == "sign_in"
    anonymous = type(talk["ann"])(talk["ann"]._client)
    assert _same(*_both(anonymous, "/group/send", body))["code"] == "sign_in"
    assert _same(*_both(talk["eve"], "/group/send", body))["code"] == "not_found"


@pytest.mark.usefixtures("quiet_log")
def test_a_sender_over_the_limit_is_told_so_alike_on_both_roads(talk: Any, settings: Any) -> None:
    settings.RATE_MESSAGES = "1/1h"
    body = {"groupId": talk["room"], "content": "a", "type": "text"}
    talk["bob"].post("/group/send", body, status=201)
    short, long = _both(talk["bob"], "/group/send", body)
    waits = [int(one.headers["Retry-After"]) for one in (short, long)]
    assert abs(waits[0] - waits[1]) <= 1
    for one, wait in zip((short, long), waits, strict=True):
        assert one.headers["RateLimit"] == f'"default";r=0;t={wait}'
        del one.headers["Retry-After"], one.headers["RateLimit"]
    assert _same(short, long)["code"] == "rate_limited"


def test_requests_that_are_unusual_go_through_django(talk: Any, views: list[str]) -> None:
    body = {"groupId": talk["room"], "content": "a"}
    for more in (
        {"headers": {"Cookie": "a=b"}},
        {"headers": {"Accept": "application/json;q=0.5"}},
        {"query": {"senderId": talk["ann"].id}},
    ):
        assert talk["ann"].request("post", "/group/send", body=body, **more).status_code == 201
    assert views == ["/group/send"] * 3
    answer = talk["ann"].request("post", "/group/send", body=body, query={"senderId": talk["bob"].id})
    assert answer.json()["code"] == "not_you"
