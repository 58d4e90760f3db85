"""A user's own settings of a chat, pinned and muted, which no other user learns of."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from groups.rules import PINS_MAX

NOBODY = "01890000-0000-7000-8000-000000000000"


def chats(someone: Any) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in someone.post("/chatList", {})}


@pytest.fixture
def pair(person: Any) -> Any:
    """Two people with a private chat."""
    ann, bob = person("ann"), person("bob")
    ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    return ann, bob


def test_a_pin_is_mine_alone_and_the_order_stays_newest_first(pair: Any, person: Any, group: Any) -> None:
    ann, bob = pair
    room = group(ann, bob)
    answer = ann.post("/chat/pin", {"type": "private", "id": bob.id})
    assert answer == {
        "type": "private",
        "id": bob.id,
        "muted": False,
        "mutedUntil": None,
        "level": None,
        "hears": "all",
        "pinned": True,
        "archived": False,
        "closedAnnouncement": 0,
    }
    assert list(chats(ann)) == [room["id"], bob.id], "who shows the list puts pinned chats on top"
    assert [one["pinned"] for one in chats(ann).values()] == [False, True]
    assert not any(one["pinned"] for one in chats(bob).values())
    assert ann.post("/chat/pin", {"type": "private", "id": bob.id, "pinned": False})["pinned"] is False
    assert not any(one["pinned"] for one in chats(ann).values())


def test_a_group_is_pinned_and_loses_its_pin_with_the_membership(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    assert bob.post("/chat/pin", {"type": "group", "id": room["id"]})["pinned"] is True
    bob.post("/group/leave", {"groupId": room["id"]})
    bob.post("/chat/pin", {"type": "group", "id": room["id"]}, status=404)
    bob.post("/group/join", {"groupId": room["id"]})
    assert chats(bob)[room["id"]]["pinned"] is False


def test_pins_have_an_end_and_an_error_that_says_so(person: Any, group: Any) -> None:
    ann = person("ann")
    rooms = [group(ann, name=f"room {number}") for number in range(PINS_MAX + 1)]
    for room in rooms[:-1]:
        ann.post("/chat/pin", {"type": "group", "id": room["id"]})
    ann.post("/chat/pin", {"type": "group", "id": rooms[0]["id"]}), "pinning twice is pinning once"
    refused = ann.post("/chat/pin", {"type": "group", "id": rooms[-1]["id"]}, status=409)
    assert refused["code"] == "too_many_pins" and str(PINS_MAX) in refused["detail"]
    ann.post("/chat/pin", {"type": "group", "id": rooms[0]["id"], "pinned": False})
    ann.post("/chat/pin", {"type": "group", "id": rooms[-1]["id"]})


def test_a_private_chat_is_muted_for_a_time_or_for_good(pair: Any) -> None:
    ann, bob = pair
    body = {"type": "private", "id": bob.id}
    before = datetime.now(UTC)
    hour = ann.post("/chat/mute", {**body, "seconds": 3600})
    assert hour["muted"] is True
    assert timedelta(0) <= datetime.fromisoformat(hour["mutedUntil"]) - before - timedelta(hours=1) < timedelta(0, 60)
    assert chats(ann)[bob.id]["mutedUntil"] == hour["mutedUntil"]
    always = ann.post("/chat/mute", body)
    assert (always["muted"], always["mutedUntil"]) == (True, None)
    bob.post("/private/send", {"receiverId": ann.id, "content": "psst"}, status=201)
    assert (chats(ann)[bob.id]["muted"], chats(ann)[bob.id]["unreadCount"]) == (True, 1), "it is counted all the same"
    assert ann.post("/chat/mute", {**body, "muted": False})["muted"] is False
    assert chats(bob)[ann.id]["muted"] is False


def test_both_doors_mute_the_same_group(person: Any, group: Any) -> None:
    ann = person("ann")
    room = group(ann)
    ann.post("/group/mute", {"groupId": room["id"], "seconds": 60})
    assert chats(ann)[room["id"]]["muted"] is True
    ann.post("/chat/mute", {"type": "group", "id": room["id"], "muted": False})
    assert chats(ann)[room["id"]]["muted"] is False


def test_my_other_sockets_are_told_and_nobody_elses(pair: Any, group: Any) -> None:
    ann, bob = pair
    room = group(ann, bob)
    anns, bobs = ann.signed_in_again().connect(), bob.connect()
    for path, body in (
        ("/chat/pin", {"type": "private", "id": bob.id}),
        ("/chat/mute", {"type": "private", "id": bob.id, "seconds": 600}),
        ("/chat/pin", {"type": "group", "id": room["id"]}),
    ):
        assert ann.post(path, body) == anns.next("OnChatUpdate")
    ann.post("/group/mute", {"groupId": room["id"]})
    told = anns.next("OnChatUpdate")
    assert (told["type"], told["id"], told["muted"], told["pinned"]) == ("group", room["id"], True, True)
    assert bobs.silent("OnChatUpdate")


def test_a_private_chat_begins_with_its_first_message(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    for path in ("/chat/pin", "/chat/mute"):
        for stranger in (bob.id, ann.id, NOBODY):
            ann.post(path, {"type": "private", "id": stranger}, status=404)
    assert chats(ann) == chats(bob) == {}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/chat/pin", {"type": "private"}, "id"),
        ("/chat/pin", {"id": NOBODY}, "type"),
        ("/chat/pin", {"type": "room", "id": NOBODY}, "type"),
        ("/chat/pin", {"type": "group", "id": "tea"}, "id"),
        ("/chat/pin", {"type": "group", "id": NOBODY, "pinned": "perhaps"}, "pinned"),
        ("/chat/mute", {"type": "group", "id": NOBODY, "seconds": 1}, "seconds"),
        ("/chat/mute", {"type": "group", "id": NOBODY, "seconds": 10**12}, "seconds"),
    ],
)
def test_what_is_wrong_is_named(person: Any, path: str, body: dict[str, Any], field: str) -> None:
    refused = person("ann").post(path, body, status=400)
    assert refused["code"] == "invalid" and list(refused["errors"]) == [field]


def test_pinning_and_muting_take_four_queries(pair: Any, query_budget: Any) -> None:
    ann, bob = pair
    with query_budget(4):  # the user, the membership, the number of pins, the pin
        ann.post("/chat/pin", {"type": "private", "id": bob.id})
    with query_budget(3):
        ann.post("/chat/mute", {"type": "private", "id": bob.id})
