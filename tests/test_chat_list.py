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


# Pages ----------------------------------------------------------------------------------------------------------------


def pages(someone: Any, limit: int, *, between: dict[int, Any] | None = None) -> list[list[str]]:
    """The ids of all chats, page by page. `between` does something after a page, by its number."""
    found, path = [], "/chatList"
    while path:
        answer = someone.request("post", path, body={"limit": limit})
        assert answer.status_code == 200, answer.text
        found.append([one["id"] for one in answer.json()])
        path = answer.links["next"]["url"] if answer.links else ""
        (between or {}).get(len(found), lambda: None)()
    return found


@pytest.fixture
def many(person: Any, group: Any) -> Any:
    """Ann, who has nine groups with Bob and a private chat with him; the chats, the last one first."""
    ann, bob = person("ann"), person("bob")
    rooms = [group(bob, ann, name=f"room {number}") for number in range(9)]
    bob.post("/private/send", {"receiverId": ann.id, "content": "hello"}, status=201)
    return ann, bob, [bob.id, *(room["id"] for room in reversed(rooms))]


def test_pages_have_each_chat_once_as_the_whole_list_has_it_the_pinned_ones_first(many: Any) -> None:
    ann, _bob, ids = many
    for pinned in (ids[8], ids[3]):
        ann.post("/chat/pin", {"type": "group", "id": pinned})
    whole = {one["id"]: one for one in ann.post("/chatList", {})}
    assert list(whole) == ids, "without a limit the order is what it always was"
    order = [ids[3], ids[8], *(one for one in ids if one not in (ids[3], ids[8]))]
    for limit in (1, 2, 3, 9, 10, 200, 1000):
        found = pages(ann, limit)
        assert [one for page in found for one in page] == order
        assert all(len(page) == limit for page in found[:-1])
    answer = ann.request("post", "/chatList", body={"limit": 4})
    assert answer.json() == [whole[one] for one in order[:4]]
    assert ann.request("post", answer.links["next"]["url"]).json() == [whole[one] for one in order[4:8]]
    assert "next" not in ann.request("post", "/chatList", body={"limit": 10}).links


def test_of_chats_that_move_between_pages_none_comes_twice_and_the_others_all_come(many: Any, group: Any) -> None:
    ann, bob, ids = many
    group(ann)
    (new,) = set(chats(ann)) - set(ids)
    ann.post("/chat/pin", {"type": "group", "id": ids[5]})
    ann.post("/chat/pin", {"type": "private", "id": bob.id})

    def say(chat: str) -> None:
        bob.post("/group/send", {"groupId": chat, "content": "news"}, status=201)

    def move() -> None:  # the first page had Bob, ids[5] and the new one
        say(ids[5])
        say(ids[8])
        ann.post("/chat/pin", {"type": "group", "id": ids[5], "pinned": False})
        ann.post("/chat/pin", {"type": "group", "id": ids[6]})
        ann.post("/chat/archive", {"type": "group", "id": ids[2]})
        ann.post("/group/leave", {"groupId": ids[3]})
        ann.post("/message/hide", {"messageIds": [chats(ann)[ids[4]]["lastMessage"]["id"]]})

    found = pages(ann, 3, between={1: move})
    assert found[0] == [bob.id, ids[5], new]
    seen = [one for page in found for one in page]
    assert len(seen) == len(set(seen)), "one that was unpinned comes no second time"
    assert set(seen) == {*ids, new} - {ids[3], ids[8]}, (
        "one was left, one went to the top; one that was pinned is there"
    )
    assert pages(ann, 3)[0] == [bob.id, ids[6], ids[8]]


def test_a_private_chat_that_has_not_begun_is_on_no_page(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    assert pages(ann, 2) == [[]]
    ann.post("/private/send", {"receiverId": ann.id, "content": "a note"}, status=201)
    bob.post("/private/send", {"receiverId": ann.id, "content": "hello"}, status=201)
    assert pages(ann, 1) == [[bob.id], [ann.id]]
    assert ann.post("/chatList", {"limit": 2}) == ann.post("/chatList", {})


def test_chats_are_asked_for_by_name_and_others_are_not_there(many: Any, person: Any, group: Any) -> None:
    ann, bob, ids = many
    eve = person("eve")
    theirs = group(bob, eve)
    eve.post("/private/send", {"receiverId": bob.id, "content": "psst"}, status=201)
    whole = chats(ann)
    wanted = [ids[7], bob.id, ids[2], theirs["id"], eve.id, NOBODY, ids[2]]
    assert ann.post("/chatList", {"chatIds": wanted}) == [whole[bob.id], whole[ids[2]], whole[ids[7]]]
    assert ann.post("/chatList", {"chatIds": []}) == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 2, "before": "nowhere"}, "before"),
        ({"limit": 2, "before": "A" * 601}, "before"),
        ({"limit": 2, "before": "Ä" * 40}, "before"),
        ({"limit": 2, "before": "A" * 40}, "before"),
        ({"chatIds": "all"}, "chatIds"),
        ({"chatIds": [NOBODY] * 201}, "chatIds"),
    ],
)
def test_what_is_wrong_in_asking_for_a_page_is_named(person: Any, body: dict[str, Any], field: str) -> None:
    refused = person("ann").post("/chatList", body, status=400)
    assert refused["code"] == "invalid" and list(refused["errors"]) == [field]


def test_a_page_takes_four_queries_whatever_its_length(many: Any, query_budget: Any) -> None:
    ann, _bob, ids = many
    ann.post("/chatList", {})
    for limit in (2, 10):
        with query_budget(4):  # the user, the order, the chats, whether Redis may be believed
            ann.post("/chatList", {"limit": limit})
    with query_budget(3):
        ann.post("/chatList", {"chatIds": ids})
