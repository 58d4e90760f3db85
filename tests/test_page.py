"""The chat page: the data it brings along for its user, and what it does not reveal."""

import html
import json
import re
from typing import Any

from chatproject.core.templatetags import assets


def boot(answer: Any) -> dict[str, Any]:
    """The data that the page's scripts start with."""
    found = re.search(r'<script id="boot" type="application/json">(.*?)</script>', answer.text, re.DOTALL)
    assert found, answer.text
    said: dict[str, Any] = json.loads(found[1])
    return said


def test_the_page_of_a_chat_brings_what_its_routes_would_have_said(person: Any, group: Any, browser: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    ann.post("/group/send", {"groupId": room["id"], "content": "hello"}, status=201)
    ann.post("/private/send", {"receiverId": bob.id, "content": "psst"}, status=201)
    bobs = browser().signed_in(bob)
    page = boot(bobs.get(f"/chat/group/{room['id']}/"))
    assert page["me"]["id"] == bob.id
    assert page["chats"] == bob.post("/chatList", {}) and page["hasAllChats"]
    assert page["open"] == {"id": room["id"], "messages": bob.get("/group/messages", groupId=room["id"])}
    page = boot(bobs.get(f"/chat/private/{ann.id}/"))
    assert page["open"]["messages"] == bob.get("/private/messages", senderId=ann.id)
    assert boot(bobs.get("/"))["open"] is None


def test_a_stranger_finds_nothing_at_the_address_of_a_chat(person: Any, group: Any, browser: Any) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    room = group(ann, bob, eve, name="the secret society")
    ann.post("/group/send", {"groupId": room["id"], "content": "the password is swordfish"}, status=201)
    ann.post("/private/send", {"receiverId": bob.id, "content": "the password is swordfish"}, status=201)
    ann.post("/group/kick", {"groupId": room["id"], "userId": eve.id})
    eves = browser().signed_in(eve)
    for path in (f"group/{room['id']}", f"private/{ann.id}", f"private/{bob.id}", f"private/{room['id']}"):
        answer = eves.get(f"/chat/{path}/")
        assert boot(answer)["open"] is None and boot(answer)["chats"] == []
        assert "swordfish" not in answer.text and "secret society" not in answer.text


def test_what_people_write_does_not_end_the_script_it_stands_in(person: Any, browser: Any) -> None:
    ann, bob = person("ann"), person("bob")
    attack = "</script><script>alert(1)</script><!--"
    ann.post("/private/send", {"receiverId": bob.id, "content": attack}, status=201)
    answer = browser().signed_in(bob).get(f"/chat/private/{ann.id}/")
    assert boot(answer)["open"]["messages"][0]["content"] == attack
    assert "alert(1)</script>" not in html.unescape(answer.text)


def test_a_chat_that_is_far_behind_opens_around_its_first_unread_message(person: Any, browser: Any) -> None:
    ann, bob = person("ann"), person("bob")
    for number in range(1, 101):
        ann.post("/private/send", {"receiverId": bob.id, "content": str(number)}, status=201)
    bob.post("/markPrivateRead", {"senderId": ann.id, "upTo": 30})
    bobs = browser().signed_in(bob)
    opened = boot(bobs.get(f"/chat/private/{ann.id}/"))["open"]["messages"]
    assert [one["seq"] for one in opened] == list(range(6, 56))
    bob.post("/markPrivateRead", {"senderId": ann.id, "upTo": 70})
    opened = boot(bobs.get(f"/chat/private/{ann.id}/"))["open"]["messages"]
    assert [one["seq"] for one in opened] == list(range(51, 101))


def test_of_many_chats_the_page_brings_the_first_and_the_opened_one(
    person: Any, group: Any, browser: Any, query_budget: Any
) -> None:
    ann = person("ann")
    for number in range(45):
        friend = person("friend")
        if number % 3:
            friend.post("/private/send", {"receiverId": ann.id, "content": "hello"}, status=201)
        else:
            group(friend, ann)
    everything = ann.post("/chatList", {})
    oldest = everything[-1]
    anns = browser().signed_in(ann)
    page = boot(anns.get("/"))
    assert page["chats"] == everything[:40] and not page["hasAllChats"]
    address = f"/chat/{oldest['type']}/{oldest['id']}/"
    with query_budget(8 + 1):  # the name of the installation is looked up once in five seconds
        page = boot(anns.get(address))
    assert page["chats"] == [*everything[:40], oldest]
    assert page["open"]["id"] == oldest["id"] and page["open"]["messages"]


def test_what_all_pages_have_in_common_is_made_before_the_first_one(person: Any, browser: Any) -> None:
    ann = person("ann")
    made = (assets._imports_once, assets._preloads_once, assets._rendered_once)
    before = [one.cache_info() for one in made]
    browser().signed_in(ann).get("/")
    after = [one.cache_info() for one in made]
    assert [one.misses for one in after] == [1, 1, 1]
    assert all(new.hits > old.hits for new, old in zip(after, before, strict=True))
