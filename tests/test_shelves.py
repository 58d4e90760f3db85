"""What a chat has of one kind: pictures and videos, files, links, voice, places."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from httpx import Response

from chatproject.core.times import now
from groups.models import Membership
from messaging import selectors, types
from messaging.models import SHELVED, Message
from tests import hostile
from tests.people import Person, Refused
from tests.test_media import TIANANMEN, file


def shelf(someone: Person, room: dict[str, Any], kind: str, **more: Any) -> list[int]:
    """The `seq` of what stands there."""
    found = someone.get("/chat/shelf", chatId=room["id"], isGroup=True, kind=kind, **more)
    return [one["seq"] for one in found]


def say(someone: Person, room: dict[str, Any], content: str = "", **more: Any) -> dict[str, Any]:
    said: dict[str, Any] = someone.post("/group/send", {"groupId": room["id"], "content": content, **more}, status=201)
    return said


def carry(someone: Person, room: dict[str, Any], upload: dict[str, Any], content: str = "") -> dict[str, Any]:
    return say(someone, room, content, type=upload["type"], mediaUrl=upload["mediaUrl"])


def test_each_kind_stands_on_its_shelf_newest_first_and_for_members_alone(person: Any, group: Any) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    room = group(ann, bob)
    say(ann, room, "hello")
    first = carry(ann, room, ann.upload(hostile.jpeg(), "a.jpg", "images"), "a cup, see https://example.org")
    voice = carry(bob, room, bob.upload(hostile.webm(), "a.webm", "audio"))
    paper = carry(bob, room, bob.upload(file(), "a.txt", "files"))
    place = say(ann, room, type="location", locationData=TIANANMEN)
    link = say(bob, room, "read https://example.org/tea")
    second = carry(bob, room, bob.upload(hostile.jpeg(), "b.jpg", "images"))
    expected = {
        "media": [second, first], "voice": [voice], "files": [paper], "places": [place], "links": [link, first],
    }  # fmt: skip
    anns = ann.connect()
    for kind, messages in expected.items():
        found = ann.get("/chat/shelf", chatId=room["id"], isGroup=True, kind=kind)
        assert found == messages, kind
        asked = {"chatId": room["id"], "isGroup": True, "kind": kind}
        assert anns.call("EmitShelf", asked) == {"messages": messages, "next": None}
        eve.get("/chat/shelf", status=404, **asked)
        with pytest.raises(Refused):
            eve.connect().call("EmitShelf", asked)
    assert ann.get("/chat/shelf", status=400, chatId=room["id"], isGroup=True, kind="tea")["errors"].keys() == {"kind"}


def test_what_is_recalled_deleted_for_me_or_edited_away_stands_nowhere(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    pictures = [carry(ann, room, ann.upload(hostile.jpeg(), "a.jpg", "images")) for _ in range(3)]
    link, later = say(ann, room, "https://example.org"), say(ann, room, "no link yet")
    ann.post("/message/recall", {"messageId": pictures[0]["id"]})
    bob.post("/message/hide", {"messageIds": [pictures[1]["id"]]})
    assert shelf(ann, room, "media") == [pictures[2]["seq"], pictures[1]["seq"]]
    assert shelf(bob, room, "media") == [pictures[2]["seq"]]
    assert shelf(bob, room, "links") == [link["seq"]]
    ann.post("/message/edit", {"messageId": link["id"], "content": "no link any more"})
    assert shelf(bob, room, "links") == []
    ann.post("/message/edit", {"messageId": later["id"], "content": "WWW.example.org"})
    forwarded = {"messageIds": [later["id"]], "to": [{"groupId": room["id"]}]}
    (copy,) = bob.post("/message/forward", forwarded, status=201)["messages"]
    bob.post("/message/hide", {"messageIds": [later["id"]]})
    assert (shelf(ann, room, "links"), shelf(bob, room, "links")) == ([copy["seq"], later["seq"]], [copy["seq"]])
    bob.post("/message/recall", {"messageId": copy["id"]})
    assert shelf(ann, room, "links") == [later["seq"]]


def test_a_private_chat_has_shelves_for_both(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    sent = ann.post("/private/send", {"receiverId": bob.id, "content": "www.example.org"}, status=201)
    assert [one["id"] for one in bob.get("/chat/shelf", chatId=ann.id, kind="links")] == [sent["id"]]
    assert ann.get("/chat/shelf", chatId=bob.id, kind="links")[0] == sent
    ann.get("/chat/shelf", status=404, chatId=person("eve").id, kind="links")
    kept = ann.post("/private/send", {"receiverId": ann.id, "content": "https://example.org/kept"}, status=201)
    assert ann.get("/chat/shelf", chatId=ann.id, kind="links") == [kept], "in a chat with oneself, too"


def filled(ann: Person, room: dict[str, Any], count: int) -> None:
    """Messages behind those that are there: of each ten, one is a picture, one a video and one a link."""
    room_id, first = room["id"], Message.objects.filter(room_id=room["id"]).count() + 1
    kinds = {0: ("image", ""), 3: ("video", ""), 6: ("text", "https://example.org")}
    Message.objects.bulk_create(
        Message(
            room_id=room_id, sender_id=ann.id, seq=seq, version=seq, client_id=f"shelf {room_id} {seq}",
            type=kinds.get(seq % 10, ("text", "tea"))[0], content=kinds.get(seq % 10, ("text", "tea"))[1],
            details_json='{"mediaUrl": "", "fileName": ""}' if seq % 10 in (0, 3) else "",
            has_link=seq % 10 == 6 or None,
            sent_at=now() - timedelta(seconds=count - seq),
        )
        for seq in range(first, first + count)
    )  # fmt: skip
    membership = Membership.objects.select_related("room").get(room_id=room_id, user_id=ann.id)
    type(membership.room).objects.filter(pk=room_id).update(last_seq=first + count - 1, last_version=first + count - 1)


@pytest.mark.parametrize(("kind", "remainders"), [("media", (0, 3)), ("links", (6,))])
def test_a_shelf_comes_in_pages_of_which_none_lacks_or_repeats_anything(
    person: Any, group: Any, kind: str, remainders: tuple[int, ...]
) -> None:
    ann = person("ann")
    room = group(ann)
    filled(ann, room, 300)
    expected = [seq for seq in range(300, 0, -1) if seq % 10 in remainders]
    pages, address = [], f"/chat/shelf?chatId={room['id']}&isGroup=true&kind={kind}&limit=7"
    while address:
        answer: Response = ann.request("get", address)
        pages.append([one["seq"] for one in answer.json()])
        address = answer.links.get("next", {}).get("url", "")
    assert [seq for page in pages for seq in page if seq > 2] == [seq for seq in expected if seq > 2]
    assert all(len(page) == 7 for page in pages[:-1])
    socket, before, found = ann.connect(), None, []
    while True:
        asked = {"chatId": room["id"], "isGroup": True, "kind": kind, "limit": 11}
        page = socket.call("EmitShelf", {**asked, "before": before} if before else asked)
        found += [one["seq"] for one in page["messages"]]
        before = page["next"]
        if before is None:
            break
    assert found == [seq for page in pages for seq in page]


def test_a_shelf_costs_few_queries_and_reads_by_its_index(person: Any, group: Any, query_budget: Any) -> None:
    ann = person("ann")
    room = group(ann)
    filled(ann, room, 50)
    with query_budget(8):
        assert len(shelf(ann, room, "links")) == 5
    with query_budget(8) as queries:
        assert len(shelf(ann, room, "media")) == 10
    reading = [query for query in queries if "IN ('audio'" in query]
    if connection.vendor == "sqlite":
        assert len(reading) == 2 and all('"seq" < ' in query for query in reading)
        membership = Membership.objects.select_related("room").get(room_id=room["id"], user_id=ann.id)
        messages = Message.objects.filter(selectors._IS_SHELVED, room_id=membership.room_id, type="image", seq__lt=40)
        plan = messages.order_by("-seq").values_list("seq")[:10].explain()
        assert "message_shelves" in plan and "TEMP B-TREE" not in plan, plan
        links = Message.objects.filter(room_id=membership.room_id, recalled_at=None, seq__lt=40, has_link=True)
        plan = links.order_by("-seq").values_list("seq")[:10].explain()
        assert "message_links" in plan and "TEMP B-TREE" not in plan, plan


def test_the_index_has_the_types_that_have_a_shelf() -> None:
    assert set(SHELVED) == {name for name, one in types.TYPES.items() if one.shelf}
    assert {name for names in types.SHELVES.values() for name in names} == set(SHELVED)
