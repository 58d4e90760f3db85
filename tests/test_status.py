"""What people say of themselves beside their names, for a while: an emoji and a short text."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from chatproject.core.times import now
from moderation import services as moderation
from moderation.models import Hit, Place, WordList
from tests.people import Refused

HOLIDAY = {"emoji": "🏖️", "text": "On holiday", "until": None}


@pytest.fixture
def forbidden() -> Iterator[str]:
    """A word that a list rejects, in names too."""
    word_list = WordList(name="status", words="敏感词", action="reject")
    moderation.save_list(word_list)
    yield "敏感词"
    moderation.delete_list(word_list)


def test_a_status_is_told_to_those_who_watch_and_to_nobody_else_and_shown_wherever_people_are(
    person: Any, group: Any
) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    room = group(ann, bob)
    bob.post("/private/send", {"receiverId": ann.id, "content": "hello"}, status=201)
    anns, bobs, eves = ann.connect(), bob.connect(), eve.connect()
    bobs.call("EmitWatchPresence", {"userIds": [ann.id]})
    said = ann.post("/me/status", {"emoji": "🏖", "text": "  On\u202e  holiday "}, status=200)
    assert said["status"] == HOLIDAY
    assert anns.next("OnUserUpdate")["status"] == bobs.next("OnUserUpdate")["status"] == HOLIDAY
    assert eves.silent("OnUserUpdate")
    assert bob.get(f"/user/{ann.id}")["status"] == HOLIDAY
    assert [one["status"] for one in bob.get("/userChatList", search=ann.name)] == [HOLIDAY]
    assert {one["name"]: one["status"] for one in bob.get(f"/group/members/{room['id']}")}[ann.name] == HOLIDAY
    listed = {one["id"]: one["status"] for one in bob.post("/chatList")}
    assert listed == {ann.id: HOLIDAY, room["id"]: None}
    anns.emit("EmitUserConnect")
    assert anns.next("OnUserConnect")["user"]["status"] == HOLIDAY
    if connection.vendor != "mongodb":
        with connection.cursor() as cursor:
            cursor.execute("SELECT status_json FROM accounts_user WHERE status_json IS NOT NULL")
            assert all(text.startswith("enc1:") for (text,) in cursor.fetchall())
    assert ann.delete("/me/status")["status"] is None
    assert bobs.next("OnUserUpdate")["status"] is None
    assert eves.silent("OnUserUpdate")


def test_a_status_is_said_and_ended_by_the_socket_too(person: Any, forbidden: str) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    anns, bobs, eves = ann.connect(), bob.connect(), eve.connect()
    bobs.call("EmitWatchPresence", {"userIds": [ann.id]})
    said = anns.call("EmitStatus", {"emoji": "🏖", "text": "On holiday"})
    assert said == ann.get("/me") and said["status"] == HOLIDAY
    assert anns.next("OnUserUpdate")["status"] == bobs.next("OnUserUpdate")["status"] == HOLIDAY
    for wrong, field in (({}, "text"), ({"emoji": "ab"}, "emoji"), ({"text": f"x{forbidden}"}, "text")):
        with pytest.raises(Refused, match=r"invalid|content_refused") as refused:
            anns.call("EmitStatus", wrong)
        assert list(refused.value.error["errors"]) == [field]
    anns.emit("EmitUserConnect")
    assert anns.next("OnUserConnect")["user"]["status"] == bob.get(f"/user/{ann.id}")["status"] == HOLIDAY
    assert anns.call("EmitStatusEnd")["status"] is None
    assert bobs.next("OnUserUpdate")["status"] is None
    assert eves.silent("OnUserUpdate")


def test_a_status_ends_by_itself(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    at = now()
    until = ann.post("/me/status", {"text": "In a meeting", "seconds": 1800}, status=200)["status"]["until"]
    stored = User.objects.get(pk=ann.id).status_until
    assert stored is not None and timedelta(seconds=1795) < stored - at < timedelta(seconds=1860)
    assert bob.get(f"/user/{ann.id}")["status"] == {"emoji": "", "text": "In a meeting", "until": until}
    User.objects.filter(pk=ann.id).update(status_until=at)
    assert bob.get(f"/user/{ann.id}")["status"] is None
    assert ann.get("/me")["status"] is None


def test_a_status_goes_through_the_word_lists(person: Any, forbidden: str) -> None:
    ann = person("ann")
    refused = ann.post("/me/status", {"text": f"x{forbidden}x"}, status=400)
    assert (refused["code"], list(refused["errors"])) == ("content_refused", ["text"])
    assert ann.get("/me")["status"] is None
    moderation._writer.submit(lambda: None).result()
    assert Hit.objects.get(user_id=ann.id).place == Place.STATUS


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"emoji": "ab"}, "emoji"),
        ({"emoji": "👍👍"}, "emoji"),
        ({"text": "x" * 61}, "text"),
        ({"text": "\u200b\u202e"}, "text"),
        ({"text": "x", "seconds": 5}, "seconds"),
        ({"text": "x", "seconds": 10**9}, "seconds"),
    ],
)
def test_a_status_is_short(person: Any, body: dict[str, Any], field: str) -> None:
    ann = person("ann")
    refused = ann.post("/me/status", body, status=400)
    assert list(refused["errors"]) == [field]
    assert ann.get("/me")["status"] is None
