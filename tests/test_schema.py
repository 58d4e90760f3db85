"""The documents of HTTP and of the socket say what is."""

from collections.abc import Iterator
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from accounts.serializers import MeOutput, UserOutput
from groups.serializers import ChatSettingsOutput, GroupOutput, MemberOutput
from messaging.asyncapi import SENT
from messaging.consumers import ChatConsumer
from messaging.serializers.output import ChatOutput, MessageOutput, ReadOutput, SyncOutput, UnreadOutput, UploadOutput


def test_the_document_is_valid_and_complete(person: Any) -> None:
    document: Any = SchemaGenerator().get_schema(request=None, public=True)
    validate_schema(document)
    assert "/group/send" in document["paths"] and "/login" in document["paths"]
    assert person("ann").request("get", "/api/schema/").status_code == 200


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("GET /me", MeOutput),
        ("GET /userChatList", UserOutput),
        ("GET /group/list", GroupOutput),
        ("GET /group/members", MemberOutput),
        ("POST /chatList", ChatOutput),
        ("GET /group/messages", MessageOutput),
        ("GET /unread", UnreadOutput),
        ("POST /markPrivateRead", ReadOutput),
        ("POST /sync", SyncOutput),
        ("POST /chat/pin", ChatSettingsOutput),
    ],
)
def test_answers_have_exactly_the_documented_keys(person: Any, group: Any, path: str, shape: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    bob.post("/private/send", {"receiverId": ann.id, "content": "hello"}, status=201)
    place = {"latitude": 1, "longitude": 2, "name": "here"}
    ann.post("/group/send", {"groupId": room["id"], "type": "location", "locationData": place}, status=201)
    asked: dict[str, tuple[str, str, dict[str, Any]]] = {
        "GET /group/members": ("get", f"/group/members/{room['id']}", {}),
        "GET /group/messages": ("get", "/group/messages", {"query": {"groupId": room["id"]}}),
        "GET /userChatList": ("get", "/userChatList", {"query": {"search": bob.name}}),
        "POST /markPrivateRead": ("post", "/markPrivateRead", {"body": {"senderId": bob.id}}),
        "POST /sync": ("post", "/sync", {"body": {"cursors": {}}}),
        "POST /chat/pin": ("post", "/chat/pin", {"body": {"type": "private", "id": bob.id}}),
        "POST /chatList": ("post", "/chatList", {"body": {}}),
    }
    method, address, more = asked.get(path, ("get", path.removeprefix("GET "), {}))
    answer = ann.request(method, address, **more).json()
    for found in answer if isinstance(answer, list) else [answer]:
        assert _matches(found, shape()) == []


def test_an_upload_is_answered_with_exactly_the_documented_keys(person: Any) -> None:
    assert _matches(person("ann").upload(b"hello", "a", "files"), UploadOutput()) == []


def _matches(found: Any, shape: Any, at: str = "") -> list[str]:
    """Where an answer and its description differ, down to the last nested object."""
    wrong = [f"{at}.{name}" for name in set(found) ^ set(shape.fields)]
    for name, field in shape.fields.items():
        inner = getattr(field, "child", field)
        if not hasattr(inner, "fields") or not found.get(name):
            continue
        values = found[name] if isinstance(found[name], list) else [found[name]]
        wrong += [one for value in values for one in _matches(value, inner, f"{at}.{name}")]
    return wrong


# The socket. That every frame a test hears is as documented, tests/documented.py sees to. ------------------------------


def test_the_sockets_document_names_every_event_a_client_may_send() -> None:
    assert set(SENT) == set(ChatConsumer.handlers)


def test_the_sockets_document_is_open_and_its_references_lead_somewhere(anonymous: Any) -> None:
    said = anonymous.get("/api/socket/", status=200)
    assert said["asyncapi"] == "3.0.0" and said["channels"]["chat"]["address"] == "/ws/chat/"
    assert said["servers"]["this"]["host"] and said["servers"]["this"]["protocol"] == "ws"
    for reference in _references(said):
        place: Any = said
        for key in reference.removeprefix("#/").split("/"):
            place = place[key]


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from _references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _references(inner)
