"""The content filter: what a word list finds, by every door, and what becomes of it."""

import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command

from chatproject.core import times
from messaging.models import HeldMessage, Message
from messaging.services import filtering, reviewing
from moderation import services as moderation
from moderation.matching import Matcher
from moderation.models import Hit, WordList
from moderation.selectors import current
from tests.conftest import OWNER
from tests.people import Person, Refused
from tests.test_administration import act, moderator, text  # noqa: F401

Lists = Callable[..., WordList]


@pytest.fixture
def word_list() -> Iterator[Lists]:
    """`word_list("敏感词", action="reject")` is in use until the test ends."""
    made: list[WordList] = []

    def make(*words: str, **fields: Any) -> WordList:
        one = WordList(name=f"list {len(made)}", words="\n".join(words), **fields)
        moderation.save_list(one)
        made.append(one)
        return one

    yield make
    for one in made:
        moderation.delete_list(one)
    assert current.filter is None


def hits(someone: Person, count: int = 1) -> list[Hit]:
    give_up = time.monotonic() + 30
    while True:
        found = list(Hit.objects.filter(user_id=someone.id).order_by("pk"))
        if len(found) >= count or time.monotonic() > give_up:
            return found
        time.sleep(0.02)


def refused(someone: Person, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = someone.request("post", path, body=body)
    return {"status": answer.status_code, **answer.json()}


# The truth table ------------------------------------------------------------------------------------------------------

WORDS = (
    *(
        "敏感词",
        "习近",
        "bad",
        "ass",
        "buy now",
        "加vx",
        "64",
        "ガガ",
        "ﬁsh",
        "straße",
        "привет",
        "f-word",
        "a",
        "바보",
    ),
    *("發財", "كلب"),
)
FOUND = [
    *(
        "这是敏感词吗",
        "敏感詞",
        "敏·感*词",
        "敏 感 词",
        "敏，感，词",
        "敏，感词",
        "敏\n感词",
        "敏\u200b感\u200d词",
        "敏😀感😀词",
        "敏\ufe0f感词",
    ),
    *("学习近来", "习·近", "发财", "發财", "加VX吧", "加 vx123", "바보야", "ｶﾞｶﾞ", "ガガ"),
    *(
        "bad",
        "BAD!",
        "ｂａｄ",
        "ⓑⓐⓓ",
        "b.a.d",
        "b-a-d",
        "b a d",
        "b\u0336a\u0336d\u0336",
        "so bad1",
        "(b)(a)(d)",
        "你bad吗",
        "_bad_",
    ),
    *("a\u200bss", "buy now", "BUY  NOW", "buy-now", "buynow", "STRASSE", "fish", "FISH", "Привет!", "fword", "f word"),
    *("in 64", "a", "كلب", "كـلـب"),
]
NOT_FOUND = [
    *(
        "class",
        "cl\u200bass",
        "passage",
        "assist",
        "badly",
        "Badminton",
        "bäd",
        "ba\u0308d",
        "plan b ad",
        "приветы",
        "mvx",
    ),
    *(
        "bu ynow",
        "我在学习，近来很忙",
        "学习\n近来",
        "1964",
        "640",
        "6.4",
        "ca",
        "敏感",
        "词",
        "",
        "…",
        "。" * 50,
        "goldfishes",
    ),
]


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher((word, uuid4(), "mask") for word in WORDS)


@pytest.mark.parametrize("said", FOUND)
def test_a_word_is_found_however_it_is_written(matcher: Matcher, said: str) -> None:
    assert matcher.is_in(said)
    for found in matcher.find(f"早 {said} 晚"):
        assert 2 <= found.start < found.end <= len(said) + 2


@pytest.mark.parametrize("said", NOT_FOUND)
def test_a_word_is_not_found_in_others(matcher: Matcher, said: str) -> None:
    assert not [one.word.written for one in matcher.find(said)]
    assert not matcher.is_in(said)


def test_looking_for_ten_thousand_words_takes_less_than_fifty_microseconds_of_a_message() -> None:
    chosen = [chr(0x4E00 + place * 7 % 5000) + chr(0x4E00 + place * 13 % 4999) + str(place) for place in range(10_000)]
    many = Matcher((word, uuid4(), "mask") for word in chosen)
    said = "我们明天早上九点半在老地方见面，記得帶上合同和樣品 and the keys"
    assert not many.is_in(said)
    best = min(_seconds(lambda: many.is_in(said)) for _ in range(20))
    assert best < 50e-6


def _seconds(work: Callable[[], object]) -> float:
    since = time.thread_time()
    for _ in range(100):
        work()
    return (time.thread_time() - since) / 100


# Rejected and masked --------------------------------------------------------------------------------------------------


def test_what_is_rejected_reaches_nobody_by_either_door(person: Any, group: Any, word_list: Lists) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    anns, bobs = ann.connect(), bob.connect()
    word_list("敏感词", action="reject", in_private=True)
    for path, to in (("/group/send", {"groupId": room["id"]}), ("/private/send", {"receiverId": bob.id})):
        said = refused(ann, path, {**to, "content": "說敏·感*詞"})
        assert (said["status"], said["code"]) == (403, "content_refused") and said["detail"]
    for event, to in (("EmitGroupMsg", {"groupId": room["id"]}), ("EmitPrivate", {"toUid": bob.id})):
        with pytest.raises(Refused, match="content_refused"):
            anns.call(event, {**to, "content": "敏感词"})
    assert bobs.silent()
    assert [one for one in bob.get("/group/messages", groupId=room["id"]) if one["type"] != "system"] == []
    noted = hits(ann, 4)
    assert [(one.place, one.action, one.words) for one in noted] == [("message", "reject", "敏感词")] * 4
    assert noted[0].text == "說敏·感*詞"
    assert ann.post("/group/send", {"groupId": room["id"], "content": "class"}, status=201)


def test_what_is_masked_arrives_masked_and_a_repeat_is_the_same(person: Any, group: Any, word_list: Lists) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    bobs = bob.connect()
    word_list("敏感词", "bad | reject", action="mask")
    body = {"groupId": room["id"], "content": "说敏·感*詞呢", "clientId": "m1"}
    sent = ann.post("/group/send", body, status=201)
    assert sent["content"] == "说＊＊＊＊＊呢"
    assert bobs.next("OnGroupMsg") == sent
    assert ann.post("/group/send", body, status=201) == sent
    assert [(one.action, one.text) for one in hits(ann)] == [("mask", "说敏·感*詞呢")]
    assert refused(ann, "/group/send", {**body, "clientId": "m2", "content": "敏感词 bad"})["code"] == "content_refused"
    assert all("敏" not in one.content for one in Message.objects.filter(room_id=room["id"]))


def test_an_edit_is_judged_as_a_send_is(person: Any, group: Any, word_list: Lists) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    sent = ann.post("/group/send", {"groupId": room["id"], "content": "good"}, status=201)
    word_list("bad", "so-so | mask", action="reject")
    assert refused(ann, "/group/edit", {"messageId": sent["id"], "content": "b.a.d"})["code"] in (
        "content_refused",
        "not_found",
    )
    anns = ann.connect()
    with pytest.raises(Refused, match="content_refused"):
        anns.call("EmitEdit", {"messageId": sent["id"], "content": "bad"})
    assert anns.call("EmitEdit", {"messageId": sent["id"], "content": "it is so-so"})["content"] == "it is ＊＊＊＊＊"
    assert {one.place for one in hits(ann)} == {"edit"}


def test_places_files_and_captions_are_judged(person: Any, group: Any, word_list: Lists) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    word_list("敏感词", action="mask")
    place = {"latitude": 1, "longitude": 2, "name": "敏感词广场", "address": "x"}
    sent = ann.post("/group/send", {"groupId": room["id"], "type": "location", "locationData": place}, status=201)
    assert (sent["locationData"]["name"], sent["locationData"]["address"]) == ("＊＊＊广场", "x")
    address = ann.upload(b"hello", "敏感词.txt", "files")["mediaUrl"]
    body = {"groupId": room["id"], "type": "file", "mediaUrl": address, "content": "看敏感词"}
    sent = ann.post("/group/send", body, status=201)
    assert (sent["fileName"], sent["content"]) == ("＊＊＊.txt", "看＊＊＊")
    word_list("very bad", action="reject")
    address = ann.upload(b"hello", "very_bad.txt", "files")["mediaUrl"]
    assert refused(ann, "/group/send", {**body, "mediaUrl": address, "content": ""})["code"] == "content_refused"


def test_mentions_stay_where_they_are_when_what_is_around_them_is_masked(
    person: Any, group: Any, word_list: Lists
) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    word_list("𠮷𠮷", action="mask")
    text = "𠮷𠮷 @bob"
    body = {"content": text, "mentions": [{"userId": bob.id, "start": 5, "length": 4}]}
    sent = ann.post("/group/send", {"groupId": room["id"], **body}, status=201)
    assert (sent["content"], sent["mentions"]) == ("＊＊ @bob", [{"userId": bob.id, "start": 3, "length": 4}])
    edited = ann.post("/message/edit", {"messageId": sent["id"], **body})
    assert (edited["content"], edited["mentions"]) == (sent["content"], sent["mentions"])
    word_list("hush", action="hold")
    held = {"messageId": sent["id"], **body, "content": text + " hush"}
    assert ann.request("post", "/message/edit", body=held).status_code == 202
    (waiting,) = HeldMessage.objects.filter(edited=sent["id"])
    reviewing.release(held=waiting)
    (released,) = [one for one in bob.get("/group/messages", groupId=room["id"]) if one["id"] == sent["id"]]
    assert released["content"].endswith("hush") and released["mentions"] == body["mentions"]


def test_names_are_refused_whatever_the_action(
    person: Any, anonymous: Person, group: Any, word_list: Lists, settings: Any
) -> None:
    ann = person("ann")
    room = group(ann)
    word_list("敏感词", action="mask")
    for path, body in (
        ("/group/create", {"name": "敏感詞群"}),
        ("/group/update", {"groupId": room["id"], "name": "敏感词"}),
    ):
        said = refused(ann, path, body)
        assert (said["status"], said["code"], list(said["errors"])) == (400, "content_refused", ["name"])
    for field in ("description", "announcement"):
        said = refused(ann, "/group/update", {"groupId": room["id"], field: "Here are 敏感词."})
        assert (said["status"], said["code"], list(said["errors"])) == (400, "content_refused", [field])
    assert ann.request("patch", "/me", body={"name": f"敏-感-词{person.unique()}"}).json()["code"] == "content_refused"
    signing_up = {"name": f"敏感词{person.unique()}", "password": "correct horse battery"}
    assert refused(anonymous, "/login", signing_up)["code"] == "content_refused"
    settings.RATE_SIGNUPS = "3/2h"  # each of them writes a row, for which nobody signed in
    answers = [
        anonymous.request("post", "/createUser", body={"name": f"敏感词{person.unique()}"}).json()["code"]
        for _ in range(4)
    ]
    assert answers == ["content_refused"] * 3 + ["rate_limited"]
    assert {one.place for one in hits(ann, 5)} == {"group", "about", "name"}
    assert ann.get("/me")["name"] == ann.name


def test_lists_say_where_they_count_and_who_is_exempt(person: Any, owner: Person, group: Any, word_list: Lists) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    one = word_list("bad", action="reject", in_private=False, exempts_admins=True, in_names=False)
    assert ann.post("/private/send", {"receiverId": bob.id, "content": "bad"}, status=201)["content"] == "bad"
    assert ann.post("/group/send", {"groupId": room["id"], "content": "bad"}, status=201), "the group's owner"
    assert refused(bob, "/group/send", {"groupId": room["id"], "content": "bad"})["code"] == "content_refused"
    group(bob, name=f"bad {person.unique()}")
    one.in_private, one.in_groups, one.exempts_admins = True, False, False
    moderation.save_list(one)
    assert refused(ann, "/private/send", {"receiverId": bob.id, "content": "bad"})["code"] == "content_refused"
    assert bob.post("/group/send", {"groupId": room["id"], "content": "bad"}, status=201)
    assert owner.post("/private/send", {"receiverId": bob.id, "content": "bad"}, status=201), "staff"
    one.exempts_staff = False
    moderation.save_list(one)
    assert refused(owner, "/private/send", {"receiverId": bob.id, "content": "bad"})["code"] == "content_refused"


# Held -----------------------------------------------------------------------------------------------------------------


def test_what_is_held_is_nowhere_until_a_moderator_releases_it(
    person: Any,
    group: Any,
    word_list: Lists,
    moderator: Any,  # noqa: F811
) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    anns, bobs = ann.connect(), bob.connect()
    word_list("敏感词", action="hold")
    body = {"groupId": room["id"], "content": "说敏感词", "clientId": "h1"}
    said = refused(ann, "/group/send", body)
    assert (said["status"], said["code"]) == (202, "held_for_review")
    with pytest.raises(Refused, match="held_for_review"):
        anns.call("EmitGroupMsg", body)
    assert HeldMessage.objects.filter(sender_id=ann.id).count() == len(hits(ann)) == 1, "a repeat is the same"
    before = bob.get("/group/messages", groupId=room["id"])
    assert bobs.silent() and [one["type"] for one in before] == ["system"]
    assert bob.get("/message/search", q="敏感词") == []
    held = HeldMessage.objects.get(sender_id=ann.id)
    assert "说敏感词" in text(moderator, "/admin/messaging/heldmessage/")
    act(moderator, "messaging/heldmessage", "release", [str(held.pk)])
    heard = bobs.next("OnGroupMsg")
    assert (heard["content"], heard["clientId"], heard["senderId"]) == ("说敏感词", "h1", ann.id)
    assert heard["sentAt"] > before[0]["sentAt"] and heard["seq"] == before[0]["seq"] + 1
    assert ann.post("/group/send", body, status=201) == heard, "a repeat is answered with the message"
    held.refresh_from_db()
    assert (held.state, held.content) == ("released", "")


def test_what_is_refused_is_told_to_its_sender_and_to_nobody_else(
    person: Any,
    word_list: Lists,
    moderator: Any,  # noqa: F811
) -> None:
    ann, bob = person("ann"), person("bob")
    anns, bobs = ann.connect(), bob.connect()
    word_list("敏感词", action="hold", in_private=True)
    body = {"receiverId": bob.id, "content": "敏感词", "clientId": "h2"}
    assert refused(ann, "/private/send", body)["code"] == "held_for_review"
    assert ann.post("/chatList") == [], "not even a chat begins"
    act(moderator, "messaging/heldmessage", "refuse", [str(HeldMessage.objects.get(sender_id=ann.id).pk)])
    assert anns.next("OnHeldRefused") == {"type": "private", "id": bob.id, "clientId": "h2", "messageId": None}
    assert refused(ann, "/private/send", body)["code"] == "content_refused"
    assert bobs.silent() and bob.post("/chatList") == []


def test_a_held_edit_leaves_the_message_as_it_is_until_it_is_released(
    person: Any,
    group: Any,
    word_list: Lists,
    moderator: Any,  # noqa: F811
) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    sent = ann.post("/group/send", {"groupId": room["id"], "content": "good"}, status=201)
    word_list("bad", action="hold")
    anns, bobs = ann.connect(), bob.connect()
    for content in ("bad 1", "bad 2"):
        with pytest.raises(Refused, match="held_for_review"):
            anns.call("EmitEdit", {"messageId": sent["id"], "content": content})
    assert bob.get("/group/messages", groupId=room["id"])[-1]["content"] == "good"
    (held,) = HeldMessage.objects.filter(sender_id=ann.id)
    act(moderator, "messaging/heldmessage", "release", [str(held.pk)])
    assert bobs.next("OnEdit")["content"] == "bad 2"


def test_a_recall_takes_back_the_edit_that_waits(person: Any, group: Any, word_list: Lists) -> None:
    ann = person("ann")
    room = group(ann)
    sent = ann.post("/group/send", {"groupId": room["id"], "content": "good"}, status=201)
    word_list("bad", action="hold")
    anns = ann.connect()
    with pytest.raises(Refused, match="held_for_review"):
        anns.call("EmitEdit", {"messageId": sent["id"], "content": "bad"})
    anns.call("EmitRecall", {"messageId": sent["id"]})
    assert not HeldMessage.objects.filter(sender_id=ann.id).exists()


def test_a_stranger_to_a_group_holds_and_rejects_nothing_there(person: Any, group: Any, word_list: Lists) -> None:
    ann, eve = person("ann"), person("eve")
    room = group(ann, joinPolicy="closed")
    word_list("bad", "worse | reject", action="hold")
    for content in ("bad", "worse"):
        assert refused(eve, "/group/send", {"groupId": room["id"], "content": content})["code"] == "not_found"
    assert not HeldMessage.objects.filter(sender_id=eve.id).exists() and not Hit.objects.filter(user_id=eve.id).exists()


# Lists ----------------------------------------------------------------------------------------------------------------


def test_staff_write_lists_in_the_administration_and_load_files_there(
    person: Any, owner: Person, browser: Any, group: Any
) -> None:
    ann = person("ann")
    room = group(ann)
    page = browser().signed_in(owner, OWNER["password"])
    fields = {"name": "bad things", "is_active": "on", "action": "reject", "in_groups": "on", "words": "worst\n# bad"}
    form = page.get("/admin/moderation/wordlist/add/").text
    token = form.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    page._client.post(
        "/admin/moderation/wordlist/add/",
        data={**fields, "csrfmiddlewaretoken": token},
        files={"file": ("words.txt", "壞話\nworst\n还行 | mask\n".encode("gb18030"))},
    )
    try:
        one = WordList.objects.get(name="bad things")
        assert list(one.entries()) == [("worst", "reject"), ("壞話", "reject"), ("还行", "mask")]
        assert refused(ann, "/group/send", {"groupId": room["id"], "content": "说坏话"})["code"] == "content_refused"
        assert ann.post("/group/send", {"groupId": room["id"], "content": "還行"}, status=201)["content"] == "＊＊"
        assert ann.post("/group/send", {"groupId": room["id"], "content": "bad"}, status=201), "a comment"
        assert "说坏话" in text(page, "/admin/moderation/hit/")
    finally:
        moderation.delete_list(WordList.objects.get(name="bad things"))


def test_a_command_loads_a_file_and_processes_hear_of_changes_within_seconds(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("from a file\n")
    call_command("load_words", str(words), "--list", "of a command", "--action", "reject", stdout=StringIO())
    try:
        call_command("load_words", str(words), "--list", "of a command", "--add", stdout=StringIO())
        assert current.filter is not None and current.filter.concerns(["FROM a file"])
        # As another process changes it.
        WordList.objects.filter(name="of a command").update(words="from elsewhere", changed_at=times.now())
        give_up = time.monotonic() + 60
        while not current.filter.concerns(["from elsewhere"]):
            assert time.monotonic() < give_up, "nobody looked"
            time.sleep(0.05)
        assert not current.filter.concerns(["from a file"])
    finally:
        moderation.delete_list(WordList.objects.get(name="of a command"))


def test_without_a_list_a_message_is_not_looked_at() -> None:
    assert current.filter is None

    class Nothing:
        """A message of which nothing may be asked."""

    assert not filtering.concerns(Nothing())  # type: ignore[arg-type]


def test_with_a_list_a_usual_message_costs_no_query_more(
    person: Any, group: Any, word_list: Lists, query_budget: Any
) -> None:
    ann = person("ann")
    room = group(ann)
    say = {"groupId": room["id"], "content": "hello"}
    ann.post("/group/send", say, status=201)
    with query_budget(20) as without:
        ann.post("/group/send", say, status=201)
    word_list("敏感词", action="reject")
    ann.post("/group/send", say, status=201)
    with query_budget(len(without)):
        ann.post("/group/send", say, status=201)


def test_what_is_forwarded_is_judged_like_what_is_sent(person: Any, word_list: Lists) -> None:
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    address = ann.upload(b"hello", "敏感词.txt", "files")["mediaUrl"]
    to_bob = {"receiverId": bob.id}
    file = ann.post("/private/send", {**to_bob, "type": "file", "mediaUrl": address, "content": "看敏感词"}, status=201)
    text = ann.post("/private/send", {**to_bob, "content": "worse"}, status=201)
    body = {"messageIds": [file["id"], text["id"]], "to": [{"toUid": cem.id}], "clientId": "f1"}
    mask = word_list("敏感词", action="mask", in_private=True)
    reject = word_list("worse", action="reject", in_private=True)
    assert refused(bob, "/message/forward", body)["code"] == "content_refused"
    assert not Message.objects.filter(sender=bob.id).exists()
    reject.words = "nothing of it"
    moderation.save_list(reject)
    answer = bob.post("/message/forward", {**body, "clientId": "f2"}, status=201)
    assert [(one["content"], one["fileName"]) for one in answer["messages"]] == [
        ("看＊＊＊", "＊＊＊.txt"),
        ("worse", None),
    ]
    mask.action = "hold"
    moderation.save_list(mask)
    answer = bob.post("/message/forward", {**body, "clientId": "f3"}, status=201)
    assert ([one["content"] for one in answer["messages"]], answer["held"]) == (["worse"], 1)
    again = bob.post("/message/forward", {**body, "clientId": "f3"}, status=201)
    assert again == answer and HeldMessage.objects.filter(sender=bob.id).count() == 1
    ann.post("/message/recall", {"messageId": file["id"]})
    cems = cem.connect()
    reviewing.release(held=HeldMessage.objects.get(sender=bob.id))
    released = cems.next("OnPrivate")
    assert (released["content"], released["fileName"]) == ("看敏感词", "敏感词.txt")
    assert released["forwardedFrom"] == {"id": ann.id, "name": ann.name}
    assert cem.request("get", released["mediaUrl"]).content == b"hello", "it has waited with a file of its own"
