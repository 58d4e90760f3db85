"""Forwarding: copies that are messages of their own, with or without the author, and files that are stored once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as chat_settings
from django.core.management import call_command

from accounts.models import User
from messaging import rules, selectors
from messaging.models import Message, Upload
from tests import hostile
from tests.people import Person, Refused


def say(someone: Person, room: dict[str, Any], text: str = "hello", **more: Any) -> dict[str, Any]:
    sent: dict[str, Any] = someone.post("/group/send", {"groupId": room["id"], "content": text, **more}, status=201)
    return sent


def write(someone: Person, other: Person, text: str = "hello", **more: Any) -> dict[str, Any]:
    sent: dict[str, Any] = someone.post("/private/send", {"receiverId": other.id, "content": text, **more}, status=201)
    return sent


def asked(messages: list[dict[str, Any]], to: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"messageIds": [one["id"] for one in messages], "to": to, **more}


def forward(someone: Person, messages: list[dict[str, Any]], *to: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    answer = someone.post("/message/forward", asked(messages, list(to), **more), status=201)
    assert answer["held"] == 0
    copies: list[dict[str, Any]] = answer["messages"]
    return copies


def carried(someone: Person, other: Person, upload: dict[str, Any]) -> dict[str, Any]:
    return write(someone, other, "see", type=upload["type"], mediaUrl=upload["mediaUrl"])


def stored(upload: dict[str, Any]) -> list[bool]:
    """Whether the file of an upload, and its thumbnail, are in the storage."""
    addresses = [one for one in (upload["mediaUrl"], upload["thumbnailUrl"]) if one]
    return [(Path(chat_settings.MEDIA_ROOT) / one.removeprefix("/uploads/")).exists() for one in addresses]


def may_see(someone: Person, message: dict[str, Any]) -> list[bool]:
    addresses = [one for one in (message["mediaUrl"], message["thumbnailUrl"]) if one]
    return [someone.request("get", one).status_code == 200 for one in addresses]


def test_several_messages_go_to_several_chats_in_their_order_by_either_door(person: Any, group: Any) -> None:
    ann, bob, cem, eve = person("ann"), person("bob"), person("cem"), person("eve")
    room, other_room = group(ann, bob), group(bob, cem)
    place = {"type": "location", "locationData": {"latitude": 31.2, "longitude": 121.5, "name": "Here", "address": "A"}}
    said = [say(ann, room, "one"), say(bob, room, "two"), write(ann, bob, "", **place)]
    cems, anns, eves = cem.connect(), ann.connect(), eve.connect()
    copies = forward(bob, said, {"groupId": other_room["id"]}, {"toUid": cem.id})
    assert [(one["content"], one["groupId"], one["receiverId"]) for one in copies] == [
        ("one", other_room["id"], None), ("two", other_room["id"], None), ("", other_room["id"], None),
        ("one", None, cem.id), ("two", None, cem.id), ("", None, cem.id),
    ]  # fmt: skip
    assert copies[2]["locationData"] == said[2]["locationData"]
    assert {one["senderId"] for one in copies} == {bob.id}
    authors = [{"id": one.id, "name": one.name} for one in (ann, bob, ann)]
    assert [one["forwardedFrom"] for one in copies] == [*authors, *authors]
    heard = [cems.next("OnGroupMsg") for _ in range(3)], [cems.next("OnPrivate") for _ in range(3)]
    assert [one["id"] for some in heard for one in some] == [one["id"] for one in copies]
    assert [one["seq"] for one in heard[0]] == sorted(one["seq"] for one in heard[0])
    assert anns.silent() and eves.silent(), "who wrote it is not told where it went"
    assert cem.get("/unread")["total"] == 6
    bobs = bob.connect()
    answer = bobs.call("EmitForward", asked(said[:1], [{"toUid": cem.id}], withAuthor=False))
    assert answer["messages"][0]["forwardedFrom"] is None
    assert bobs.next("OnPrivate")["id"] == cems.next("OnPrivate")["id"] == answer["messages"][0]["id"]


def test_a_copy_keeps_the_words_and_the_first_author_and_nothing_else(person: Any, group: Any) -> None:
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    room = group(ann, bob)
    before = say(bob, room, "why?")
    named = [{"userId": bob.id, "start": 0, "length": 4}]
    message = say(ann, room, "@bob because", replyTo=before["id"], mentions=named)
    bob.post("/message/react", {"messageId": message["id"], "emoji": "👍"})
    (copy,) = forward(bob, [message], {"toUid": cem.id})
    assert (copy["content"], copy["mentions"], copy["replyTo"], copy["reactions"]) == ("@bob because", None, None, [])
    assert room["id"] not in str(copy) and room["name"] not in str(copy), "where it was said is not told"
    (again,) = forward(cem, [copy], {"toUid": ann.id})
    assert again["forwardedFrom"] == {"id": ann.id, "name": ann.name}, "the author of a chain is the first one"
    (without,) = forward(ann, [again], {"toUid": bob.id}, withAuthor=False)
    assert without["forwardedFrom"] is None
    # Nobody puts words into an author's mouth.
    refused = bob.post("/message/edit", {"messageId": copy["id"], "content": "no"}, status=403)
    assert refused["code"] == "forbidden"
    assert ann.post("/message/edit", {"messageId": without["id"], "content": "mine"})["content"] == "mine"
    ann.post("/message/recall", {"messageId": message["id"]})
    assert cem.get("/private/messages", senderId=bob.id)[-1]["content"] == "@bob because", "it lives by itself"
    recalled = bob.post("/message/recall", {"messageId": copy["id"]})
    assert (recalled["content"], recalled["forwardedFrom"]) == ("", None)


def test_the_same_forward_again_stores_only_what_is_missing(person: Any, group: Any) -> None:
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    room = group(ann, bob)
    picture = ann.upload(hostile.encoded(hostile.photo(300, 200), "JPEG"), "p.jpg", "images")
    said = [say(ann, room, "one"), say(ann, room, "", type="image", mediaUrl=picture["mediaUrl"])]
    body = asked(said, [{"toUid": cem.id}], clientId="once")
    with ThreadPoolExecutor(4) as together:
        answers = [one.result() for one in [together.submit(bob.post, "/message/forward", body) for _ in range(4)]]
    ids = [[one["id"] for one in answer["messages"]] for answer in answers]
    assert all(one == ids[0] for one in ids)
    assert Message.objects.filter(sender=bob.id).count() == 2
    assert Upload.objects.filter(owner=bob.id).count() == 1
    # Also when the first ones are gone meanwhile; to one chat more, it is that chat's alone.
    for message in said:
        ann.post("/message/recall", {"messageId": message["id"]})
    assert [one["id"] for one in bob.post("/message/forward", body)["messages"]] == ids[0]
    bob.post("/message/forward", {**body, "clientId": "twice"}, status=409)


def test_only_what_one_sees_is_forwarded_and_only_to_where_one_may_write(person: Any, group: Any) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    room, secret_room = group(ann, bob), group(ann)
    message, secret = say(ann, room), say(ann, secret_room)
    gone = say(ann, room)
    ann.post("/message/recall", {"messageId": gone["id"]})
    (line,) = [one for one in bob.get("/group/messages", groupId=room["id"]) if one["type"] == "system"][:1]
    hidden = say(ann, room)
    bob.post("/message/hide", {"messageIds": [hidden["id"]]})
    to_ann = [{"toUid": ann.id}]
    refusals: list[tuple[list[Any], list[Any], int]] = [
        ([secret], to_ann, 404),
        ([message, secret], to_ann, 404),
        ([hidden], to_ann, 404),
        ([gone], to_ann, 409),
        ([line], to_ann, 403),
        ([message], [{"groupId": secret_room["id"]}], 404),
        ([message], [*to_ann, {"groupId": secret_room["id"]}], 404),
        ([message], [{"groupId": str(uuid4())}], 404),
        ([message], [{"toUid": str(uuid4())}], 404),
        ([message], [{}], 400),
        ([message], [{"toUid": ann.id, "groupId": room["id"]}], 400),
        ([message], [], 400),
        ([], to_ann, 400),
    ]
    for messages, to, status in refusals:
        bob.post("/message/forward", asked(messages, to), status=status)
    assert not Message.objects.filter(sender=bob.id).exclude(type="system").exists(), "all or nothing"
    with pytest.raises(Refused, match="not_found"):
        eve.connect().call("EmitForward", asked([message], to_ann))


def test_every_copy_counts_against_the_limits_and_all_or_none_are_sent(person: Any, group: Any, settings: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    said = [say(ann, room, str(number)) for number in range(6)]
    rooms = [{"groupId": group(bob)["id"]} for _ in range(6)]
    refused = bob.post("/message/forward", asked(said, rooms), status=400)
    assert "to" in refused["errors"] and len(said) * len(rooms) > rules.FORWARDED_MAX
    settings.RATE_MESSAGES = "4/h"
    assert bob.post("/message/forward", asked(said, rooms[:1]), status=429)["code"] == "rate_limited"
    assert not Message.objects.filter(sender=bob.id).exclude(type="system").exists()
    forward(bob, said[:4], rooms[0])  # what was refused has used up nothing
    bob.post("/message/forward", asked(said[:1], rooms[:1]), status=429)


def test_a_forwarded_file_is_stored_once_and_each_message_has_rights_of_its_own(person: Any) -> None:
    ann, bob, cem, eve = person("ann"), person("bob"), person("cem"), person("eve")
    picture = ann.upload(hostile.encoded(hostile.photo(900, 600), "JPEG"), "holiday.jpg", "images")
    message = carried(ann, bob, picture)
    files = sum(1 for one in Path(chat_settings.MEDIA_ROOT).rglob("*") if one.is_file())
    (to_cem,) = forward(bob, [message], {"toUid": cem.id})
    (to_eve,) = forward(cem, [to_cem], {"toUid": eve.id})
    assert sum(1 for one in Path(chat_settings.MEDIA_ROOT).rglob("*") if one.is_file()) == files
    assert len({one["mediaUrl"] for one in (message, to_cem, to_eve)}) == 3, "each has an address of its own"
    said = ("content", "type", "fileName", "fileSize", "mimeType", "width", "height")
    assert [to_eve[key] for key in said] == [message[key] for key in said]
    assert may_see(cem, to_cem) == may_see(bob, to_cem) == may_see(eve, to_eve) == [True, True]
    assert may_see(cem, message) == may_see(ann, to_cem) == may_see(bob, to_eve) == [False, False]
    # Each of them has the file among theirs, once however often they forward it.
    size = selectors.used_bytes(_user(ann))
    forward(bob, [message], {"toUid": eve.id})
    assert size and selectors.used_bytes(_user(bob)) == selectors.used_bytes(_user(cem)) == size
    assert selectors.used_bytes(_user(ann)) == size
    # A recall takes one away, and the file goes with the last.
    ann.post("/message/recall", {"messageId": message["id"]})
    assert may_see(bob, message) == [False, False] and may_see(cem, to_cem) == may_see(eve, to_eve) == [True, True]
    call_command("sweep_uploads")
    assert stored(picture) == [True, True] and selectors.used_bytes(_user(ann)) == 0
    with ThreadPoolExecutor(3) as together:
        copies = Message.objects.filter(sender__in=[bob.id, cem.id], recalled_at=None)
        senders = {bob.id: bob, cem.id: cem}
        jobs = [
            together.submit(senders[str(one.sender_id)].post, "/message/recall", {"messageId": str(one.pk)})
            for one in copies
        ]
        assert len([job.result() for job in jobs]) == 3
    assert stored(picture) == [False, False]
    assert not Upload.objects.filter(owner__in=[ann.id, bob.id, cem.id]).exists()


def _user(someone: Person) -> User:
    return User.objects.get(pk=someone.id)


def test_a_file_is_forwarded_only_by_those_who_have_the_space(person: Any, settings: Any) -> None:
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    message = carried(ann, bob, ann.upload(b"x" * 3000, "a.bin", "files"))
    before = selectors.stored_bytes()
    settings.UPLOAD_QUOTA = 2000
    assert bob.post("/message/forward", asked([message], [{"toUid": cem.id}]), status=413)["code"] == "quota_exceeded"
    settings.UPLOAD_QUOTA = 3000
    forward(bob, [message], {"toUid": cem.id})
    (copy,) = forward(bob, [message], {"toUid": cem.id})
    assert selectors.stored_bytes() == before, "no byte more is stored"
    assert cem.request("get", copy["mediaUrl"]).content == b"x" * 3000
    assert 'filename="a.bin"' in cem.request("get", copy["mediaUrl"]).headers["content-disposition"]
