"""Drafts that follow a person to their other devices, and nobody else."""

from typing import Any

import pytest
from django.db import connection

from messaging.models import Draft
from messaging.services import drafting
from tests.people import Person, Refused

NOTHING: dict[str, Any] = {"text": "", "mentions": [], "replyTo": None}


def words(draft: dict[str, Any]) -> dict[str, Any]:
    return {name: draft[name] for name in NOTHING}


def test_a_draft_is_told_to_ones_other_devices_and_to_nobody_else_and_the_last_one_is_kept(
    person: Any, group: Any
) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    said = bob.post("/group/send", {"groupId": room["id"], "content": "tea?"}, status=201)
    here = {"type": "group", "id": room["id"]}
    desk, phone, bobs = ann.connect(), ann.signed_in_again().connect(), bob.connect()
    mentions = [{"userId": bob.id, "start": 0, "length": 2}]
    first = desk.call("EmitDraft", {**here, "text": "@b  yes, ", "mentions": mentions, "replyTo": said["id"]})
    assert words(first) == {"text": "@b  yes, ", "mentions": mentions, "replyTo": said["id"]}
    assert phone.next("OnDraft") == first
    assert desk.silent("OnDraft") and bobs.silent("OnDraft")
    assert ann.get("/chat/drafts") == [first] and bob.get("/chat/drafts") == []
    second = ann.post("/chat/draft", {**here, "text": "or no"}, status=200)
    assert second["revision"] > first["revision"]
    assert desk.next("OnDraft") == phone.next("OnDraft") == second
    assert [one["text"] for one in ann.get("/chat/drafts")] == ["or no"]
    gone = phone.call("EmitDraft", {**here, "text": " \n"})
    assert words(gone) == NOTHING and gone["revision"] > second["revision"]
    assert desk.next("OnDraft") == gone
    assert ann.get("/chat/drafts") == []
    assert bobs.silent("OnDraft")


def test_a_draft_stays_in_its_chat_and_goes_with_the_membership(person: Any, group: Any) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    tea, milk = group(ann, bob, name="tea"), group(ann, bob, name="milk")
    bob.post("/private/send", {"receiverId": ann.id, "content": "hello"}, status=201)
    ann.post("/chat/draft", {"type": "group", "id": tea["id"], "text": "to tea"})
    ann.post("/chat/draft", {"type": "private", "id": bob.id, "text": "to bob"})
    drafts = {(one["type"], one["id"]): one["text"] for one in ann.get("/chat/drafts")}
    assert drafts == {("group", tea["id"]): "to tea", ("private", bob.id): "to bob"}
    for stranger, chat in ((eve, {"type": "group", "id": tea["id"]}), (ann, {"type": "private", "id": eve.id})):
        stranger.post("/chat/draft", {**chat, "text": "nowhere"}, status=404)
        with pytest.raises(Refused, match="not_found"):
            stranger.connect().call("EmitDraft", {**chat, "text": "nowhere"})
    bob.post("/chat/draft", {"type": "group", "id": milk["id"], "text": "to milk"})
    bob.post("/group/leave", {"groupId": milk["id"]})
    assert bob.get("/chat/drafts") == []
    bob.post("/group/join", {"groupId": milk["id"]})
    assert bob.get("/chat/drafts") == []


def test_drafts_are_encrypted_where_they_lie(person: Any, group: Any) -> None:
    ann = person("ann")
    ann.post("/chat/draft", {"type": "group", "id": group(ann)["id"], "text": "a secret"})
    assert Draft.objects.get(membership__user=ann.id).words_json.startswith('{"text":"a secret"')
    if connection.vendor != "mongodb":
        with connection.cursor() as cursor:
            cursor.execute("SELECT words_json FROM messaging_draft")
            assert all(text.startswith("enc1:") for (text,) in cursor.fetchall())


def test_a_person_has_only_so_many_drafts_and_none_is_longer_than_a_message(
    person: Any, group: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(drafting, "DRAFTS_MAX", 2)
    ann: Person = person("ann")
    chats = [{"type": "group", "id": group(ann)["id"]} for _ in range(3)]
    for number, chat in enumerate(chats):
        ann.post("/chat/draft", {**chat, "text": str(number)}, status=200)
    assert [one["text"] for one in ann.get("/chat/drafts")] == ["1", "2"]
    ann.post("/chat/draft", {**chats[0], "text": "x" * 8001}, status=400)
    many = [{"userId": None, "start": 0, "length": 2}] * 51
    ann.post("/chat/draft", {**chats[0], "text": "x", "mentions": many}, status=400)


def test_what_was_begun_costs_the_list_an_opening_and_a_message_no_query(
    person: Any, group: Any, query_budget: Any
) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    asked = (
        lambda: ann.post("/chatList"),
        lambda: ann.get("/group/messages", groupId=room["id"]),
        lambda: ann.post("/group/send", {"groupId": room["id"], "content": "hello"}, status=201),
    )
    for ask in asked:
        ask()
    spent = []
    for ask in asked:
        with query_budget(20) as heard:
            ask()
        spent.append(len(heard))
    ann.post("/chat/draft", {"type": "group", "id": room["id"], "text": "begun"})
    for ask, most in zip(asked, spent, strict=True):
        with query_budget(most):
            ask()
    with query_budget(5):  # who, the membership, the draft before, the new one
        ann.post("/chat/draft", {"type": "group", "id": room["id"], "text": "begun again"})
