"""Sending messages by HTTP and socket: once, in order, to their receivers and nobody else."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from chatproject.core.times import now
from messaging.models import FormerWords, Message
from tests.conftest import OWNER
from tests.people import Refused


def test_a_private_message_reaches_the_other_once_and_nobody_else(person: Any) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    anns, bobs, eves = ann.connect(), bob.connect(), eve.connect()
    sent = anns.call("EmitPrivate", {"toUid": bob.id, "msg": "hello", "clientId": "a1"})
    assert bobs.next("OnPrivate") == sent
    assert (sent["senderId"], sent["receiverId"], sent["groupId"]) == (ann.id, bob.id, None)
    assert (sent["content"], sent["seq"], sent["clientId"], sent["isRead"], sent["readCount"]) == (
        "hello",
        1,
        "a1",
        False,
        0,
    )
    assert bobs.silent("OnPrivate")
    assert eves.silent()
    assert anns.silent("OnPrivate"), "a sender who has the ack needs no push"


def test_my_other_sockets_hear_what_i_send(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    phone, desk = ann.connect(), ann.connect()
    sent = phone.call("EmitPrivate", {"toUid": bob.id, "msg": "hello"})
    assert desk.next("OnPrivate") == sent


def test_a_sender_who_asks_for_no_ack_hears_the_message_as_an_event(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    anns = ann.connect()
    anns.emit("EmitPrivate", {"toUid": bob.id, "content": "hello"})
    assert anns.next("OnPrivate")["content"] == "hello"


def test_a_group_message_reaches_every_member_once_and_nobody_else(person: Any, group: Any) -> None:
    ann, bob, cem, eve = person("ann"), person("bob"), person("cem"), person("eve")
    room = group(ann, bob, cem)
    bobs, cems, eves = bob.connect(), cem.connect(), eve.connect()
    sent = ann.post("/group/send", {"groupId": room["id"], "content": "hello"}, status=201)
    for members in (bobs, cems):
        assert members.next("OnGroupMsg") == sent
        assert members.silent("OnGroupMsg")
    assert eves.silent()


def test_both_doors_give_the_same_object(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    by_http = ann.post("/private/send", {"receiverId": bob.id, "content": "one"}, status=201)
    by_socket = ann.connect().call("EmitPrivate", {"toUid": bob.id, "msg": "two"})
    assert by_http.keys() == by_socket.keys()
    assert bob.get("/private/messages", senderId=ann.id, receiverId=bob.id) == [by_http, by_socket]


def test_a_text_comes_out_as_it_went_in(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    text = " <script>alert(1)</script> 你好 👋🏽\n\tعربى ‮x "
    assert ann.post("/private/send", {"receiverId": bob.id, "content": text}, status=201)["content"] == text


def test_a_repeated_client_id_is_one_message_by_either_door(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    bobs, anns = bob.connect(), ann.connect()
    first = ann.post("/private/send", {"receiverId": bob.id, "content": "hello", "clientId": "x"}, status=201)
    again = anns.call("EmitPrivate", {"toUid": bob.id, "msg": "hello", "clientId": "x"})
    assert again == first
    assert bobs.next("OnPrivate") == first
    assert bobs.silent("OnPrivate")
    assert [one["seq"] for one in bob.get("/private/messages", senderId=ann.id)] == [1]


def test_fifty_sends_of_one_client_id_at_once_are_one_message(person: Any, settings: Any) -> None:
    settings.RATE_MESSAGES = "off"
    ann, bob = person("ann"), person("bob")
    sockets = [ann.connect() for _ in range(5)]
    for number in range(50):
        sockets[number % 5].send("EmitPrivate", {"toUid": bob.id, "msg": "hello", "clientId": "x"}, ack=number)
    answers = [sockets[number % 5].answer(number) for number in range(50)]
    assert {answer["data"]["id"] for answer in answers} == {answers[0]["data"]["id"]}
    assert len(bob.get("/private/messages", senderId=ann.id)) == 1


def test_another_body_under_the_same_client_id_is_a_conflict(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    ann.post("/private/send", {"receiverId": bob.id, "content": "hello", "clientId": "x"}, status=201)
    problem = ann.post("/private/send", {"receiverId": bob.id, "content": "other", "clientId": "x"}, status=409)
    assert problem["code"] == "client_id_conflict"
    with pytest.raises(Refused, match="client_id_conflict"):
        ann.connect().call("EmitPrivate", {"toUid": person("cem").id, "msg": "hello", "clientId": "x"})


def test_two_people_may_use_the_same_client_id(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    one = ann.post("/private/send", {"receiverId": bob.id, "content": "a", "clientId": "x"}, status=201)
    other = bob.post("/private/send", {"receiverId": ann.id, "content": "b", "clientId": "x"}, status=201)
    assert (one["seq"], other["seq"]) == (1, 2)


def test_numbers_have_no_gaps_however_messages_are_sent(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    before = ann.get("/group/messages", groupId=room["id"])[-1]["seq"]
    anns, bobs = ann.connect(), bob.connect()
    for number in range(20):
        anns.send("EmitGroupMsg", {"groupId": room["id"], "content": f"a{number}"}, ack=number)
        bobs.send("EmitGroupMsg", {"groupId": room["id"], "content": f"b{number}"}, ack=number)
    got = sorted(one.answer(number)["data"]["seq"] for one in (anns, bobs) for number in range(20))
    assert got == list(range(before + 1, before + 41))


def test_a_bad_send_leaves_no_gap(person: Any, group: Any) -> None:
    ann = person("ann")
    room = group(ann)
    anns = ann.connect()
    first = anns.call("EmitGroupMsg", {"groupId": room["id"], "content": "one"})
    with pytest.raises(Refused, match="not_found"):
        anns.call("EmitGroupMsg", {"groupId": str(uuid4()), "content": "lost"})
    second = anns.call("EmitGroupMsg", {"groupId": room["id"], "content": "two"})
    assert second["seq"] == first["seq"] + 1


def test_nobody_can_write_to_nobody(person: Any) -> None:
    ann = person("ann")
    assert ann.post("/private/send", {"receiverId": str(uuid4()), "content": "a"}, status=404)["code"] == "not_found"


def test_a_private_chats_hidden_room_is_no_group(person: Any) -> None:
    from uuid import UUID

    from groups.models import direct_room_id

    ann, bob = person("ann"), person("bob")
    ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    hidden = str(direct_room_id(UUID(ann.id), UUID(bob.id)))
    assert ann.post("/group/send", {"groupId": hidden, "content": "a"}, status=404)["code"] == "not_found"
    ann.get(f"/group/members/{hidden}", status=404)
    ann.post("/group/invite", {"groupId": hidden, "userIds": [person("eve").id]}, status=404)


def test_history_comes_in_pages_oldest_first_with_the_way_to_older_ones(person: Any, group: Any) -> None:
    ann = person("ann")
    room = group(ann)
    anns = ann.connect()
    for number in range(25):
        anns.call("EmitGroupMsg", {"groupId": room["id"], "content": str(number)})
    answer = ann.request("get", "/group/messages", query={"groupId": room["id"], "limit": 10})
    seqs = [one["seq"] for one in answer.json()]
    while "link" in answer.headers:
        answer = ann.request("get", answer.headers["link"].partition(">")[0].lstrip("<"))
        page = [one["seq"] for one in answer.json()]
        assert page == sorted(page) and page[-1] == seqs[0] - 1
        seqs = page + seqs
    assert seqs == list(range(1, 27))
    assert [one["seq"] for one in ann.get("/group/messages", groupId=room["id"], after=20, limit=3)] == [21, 22, 23]


def test_the_socket_gives_the_same_history(person: Any, group: Any) -> None:
    ann, eve = person("ann"), person("eve")
    room = group(ann)
    asked = {"chatId": room["id"], "isGroup": True, "limit": 5}
    got = ann.connect().call("GetMessageHistory", asked)
    assert got == {
        "chatId": room["id"],
        "isGroup": True,
        "messages": ann.get("/group/messages", groupId=room["id"], limit=5),
    }
    eves = eve.connect()
    eves.emit("GetMessageHistory", asked)
    assert eves.next("MessageHistoryError")["code"] == "not_found"


def test_a_person_who_floods_is_told_to_wait_and_others_are_unharmed(person: Any, settings: Any) -> None:
    settings.RATE_MESSAGES = "5/1h"
    ann, bob = person("ann"), person("bob")
    for _ in range(5):
        ann.post("/private/send", {"receiverId": bob.id, "content": "a"}, status=201)
    answer = ann.request("post", "/private/send", body={"receiverId": bob.id, "content": "a"})
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert int(answer.headers["retry-after"]) > 0 and "ratelimit-policy" in answer.headers
    anns = ann.connect()
    anns.send("EmitPrivate", {"toUid": bob.id, "msg": "a"}, ack=1)
    assert anns.answer(1)["data"]["retryAfter"] > 0
    bob.post("/private/send", {"receiverId": ann.id, "content": "a"}, status=201)


def test_a_reply_names_its_message(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    first = ann.post("/private/send", {"receiverId": bob.id, "content": "a"}, status=201)
    reply = bob.post("/private/send", {"receiverId": ann.id, "content": "b", "replyTo": first["id"]}, status=201)
    assert reply["replyTo"] == first["id"]


def test_a_recalled_message_says_nothing_any_more_anywhere(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    bobs = bob.connect()
    sent = ann.post("/group/send", {"groupId": room["id"], "content": "xyzzy-secret"}, status=201)
    bobs.next("OnGroupMsg")
    recalled = ann.post("/message/recall", {"messageId": sent["id"]})
    assert bobs.next("OnRecall") == recalled
    assert recalled["recalledAt"] and recalled["content"] == ""
    assert {key: recalled[key] for key in ("id", "seq", "sentAt", "senderId")} == {
        key: sent[key] for key in ("id", "seq", "sentAt", "senderId")
    }
    assert recalled["version"] > sent["version"]
    for answer in (
        bob.request("get", "/group/messages", query={"groupId": room["id"]}),
        bob.request("post", "/chatList", body={}),
        bob.request("get", "/unread"),
        bob.request("post", "/sync", body={"cursors": {}}),
        bob.request("get", "/message/search", query={"q": "xyzzy"}),
    ):
        assert answer.status_code == 200 and "xyzzy" not in answer.text
    assert bob.get("/message/search", q="xyzzy") == []


def test_a_recall_comes_too_late_for_the_sender_but_not_for_an_admin(person: Any, group: Any, settings: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    sent = bob.post("/group/send", {"groupId": room["id"], "content": "hello"}, status=201)
    settings.RECALL_WINDOW = 0
    assert bob.post("/message/recall", {"messageId": sent["id"]}, status=403)["code"] == "recall_too_late"
    assert ann.post("/message/recall", {"messageId": sent["id"]})["recalledAt"]


def test_in_a_private_chat_nobody_recalls_the_others_words(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    sent = ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    bob.post("/message/recall", {"messageId": sent["id"]}, status=403)
    bob.post("/message/edit", {"messageId": sent["id"], "content": "other"}, status=403)


def test_an_edit_is_told_and_kept(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    bobs = bob.connect()
    sent = ann.post("/private/send", {"receiverId": bob.id, "content": "helo"}, status=201)
    edited = ann.connect().call("EmitEdit", {"messageId": sent["id"], "content": "hello"})
    assert bobs.next("OnEdit") == edited
    assert (edited["content"], edited["seq"]) == ("hello", sent["seq"]) and edited["editedAt"]
    assert bob.get("/private/messages", senderId=ann.id) == [edited]


def test_an_edit_comes_too_late_after_its_window(person: Any, settings: Any) -> None:
    ann, bob = person("ann"), person("bob")
    sent = ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    bobs = bob.connect()
    Message.objects.filter(pk=sent["id"]).update(sent_at=now() - timedelta(seconds=86_410))
    settings.RECALL_WINDOW = 10**9  # even where it could be recalled
    late = {"messageId": sent["id"], "content": "nothing"}
    assert ann.post("/message/edit", late, status=403)["code"] == "edit_too_late"
    with pytest.raises(Refused) as refused:
        ann.connect().call("EmitEdit", late)
    assert refused.value.code == "edit_too_late"
    assert bobs.silent("OnEdit")
    assert bob.get("/private/messages", senderId=ann.id)[0]["content"] == "hello"
    settings.EDIT_WINDOW = 0
    assert ann.post("/message/edit", late)["content"] == "nothing"


def test_former_words_are_kept_for_admins_until_a_recall_and_only_where_that_is_wanted(
    person: Any, owner: Any, browser: Any, settings: Any, group: Any
) -> None:
    office = browser().signed_in(owner, OWNER["password"])
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    sent = ann.post("/group/send", {"groupId": room["id"], "content": "the first words"}, status=201)
    for content in ("the second words", "the third words"):
        ann.post("/message/edit", {"messageId": sent["id"], "content": content})
    kept = FormerWords.objects.filter(message_id=sent["id"])
    assert [one.content for one in kept] == ["the first words", "the second words"]
    page = office.get(f"/admin/messaging/message/{sent['id']}/change/").text
    assert "the first words" in page and "the second words" in page
    assert not [one for one in bob.get("/message/search", q="first words") if one["id"] == sent["id"]]
    ann.post("/message/recall", {"messageId": sent["id"]})
    assert not kept.all()
    settings.EDIT_HISTORY = False
    other = ann.post("/private/send", {"receiverId": bob.id, "content": "helo"}, status=201)
    ann.post("/message/edit", {"messageId": other["id"], "content": "hello"})
    assert not FormerWords.objects.filter(message_id=other["id"])


def test_search_finds_two_chinese_characters_in_my_chats_only(person: Any, group: Any) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    room = group(ann, bob)
    sent = ann.post("/group/send", {"groupId": room["id"], "content": "明天去天安门广场吧"}, status=201)
    assert [one["id"] for one in bob.get("/message/search", q="天安")] == [sent["id"]]
    assert eve.get("/message/search", q="天安") == []


def test_typing_is_heard_by_the_other_and_by_members_only(person: Any, group: Any) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    room = group(ann, bob)
    ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    anns, bobs, eves = ann.connect(), bob.connect(), eve.connect()
    anns.call("EmitTyping", {"toUid": bob.id})
    assert bobs.next("OnTyping") == {"type": "private", "id": ann.id, "userId": ann.id}
    anns.call("EmitTyping", {"groupId": room["id"]})
    assert bobs.next("OnTyping") == {"type": "group", "id": room["id"], "userId": ann.id}
    for target in ({"groupId": room["id"]}, {"toUid": bob.id}):
        with pytest.raises(Refused, match="not_found"):
            eves.call("EmitTyping", target)
    assert bobs.silent("OnTyping")
