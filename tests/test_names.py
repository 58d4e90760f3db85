"""Names: those that show nothing, look like another one or speak for the chat are refused; all others are welcome."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from accounts.models import NameSkeleton, User
from accounts.names import name_key
from tests.people import PASSWORD, Person

#: No glyph in any font: format characters, unassigned ones, fillers, tags, selectors and joiners where they change nothing.
INVISIBLE = [
    *"\u2065\ufff0\U000e0080\ufffc\u00ad\u061c\u200b\u200e\u202e\u2060\u2064\ufeff\U000e0041\U000e0fff",
    *"\u034f\u115f\u1160\u3164\uffa0\u17b4\u180e\u2800\U0001d159\u200c\u200d\ufe0f\U000e0100\u0378\ue000\uffff",
]
#: {} is new in every test. The letters before it are spelt in another script, or by letters of other shapes.
LOOK_ALIKES = [
    ("Anna {}", "Аnna {}"),  # Cyrillic
    ("Tea {}", "Теа {}"),
    ("paypal {}", "раураl {}"),
    ("Alice {}", "AIice {}"),
    ("Arnold {}", "Amold {}"),
    ("coco {}", "сосо {}"),
    ("Kopa {}", "Κορα {}"),  # Greek
    ("Lisa {}", "ꓡisa {}"),  # Lisu
    ("Oskar {}", "0skar {}"),
    ("二 {}", "ニ {}"),  # Katakana
    ("口 {}", "ロ {}"),
    ("José {}", "Jose\u0301\u0301 {}"),
    ("a-b {}", "a‐b {}"),
    ("Anna {}", "ᴀnna {}"),  # a small capital
    ("Bea {}", "🅱ea {}"),
]
RESERVED = [
    *("ᴀdmin", "ᴀᴅᴍɪɴ", "🅰🅳🅼🅸🅽", "🇦🇩🇲🇮🇳", "Sʏꜱᴛᴇᴍ"),
    *("admin", "Admin", "ADMIN", "аdmin", "ADMlN", "adm1n", "admin 2", "_admin_", "A d m i n", "ａｄｍｉｎ", "𝐚𝐝𝐦𝐢𝐧"),
    *("Administrator", "System", "sуstem", "moderator", "系统", "系統", "管理员", "官方", "官方客服", "系统管理员"),
    *(
        "【官方】",
        "系统消息",
        "Official Support",
        "The Admin Team",
        "админ",
        "administrateur",
        "관리자",
        "公式",
        "مدير",
    ),
    *("ADMİN", "àdmin", "a\u0335dmin", "Ad\u0307min", "admin™", "Ⓐdmin®", "Sýstem", "ÀDMINISTRATEUR", "官⽅", "官 方"),
]
ORDINARY = [
    *(
        "李小龙 {}",
        "官官",
        "王小明 Wang {}",
        "王Wang {}",
        "エリ子 {}",
        "東京タワーの猫 {}",
        "김철수 {}",
        "金kim {}",
        "Дмитрий {}",
        "Ёлка 2 {}",
    ),
    *("Дима Dima {}", "عائشة {}", "می‌خواهم {}", "מיכל {}", "नमस्ते {}", "শ্রী র‍্যাব {}", "ශ්‍රී {}", "ക്‍ {}", "ผู้ใหญ่ {}"),
    *(
        "Ελένη {}",
        "µTorrent {}",
        "Ærøskøbing {}",
        "Hàn Quốc {}",
        "Łukasz {}",
        "Işıl {}",
        "O'Brien-Smith {}",
        "ᠮᠣᠩᠭᠣᠯ {}",
    ),
    *("👩‍👩‍👧‍👦 family {}", "❤️‍🔥 {}", "🏴󠁧󠁢󠁥󠁮󠁧󠁿 {}", "🧑🏽‍💻 {}", "🇨🇳 {}", "1️⃣ {}", "葛󠄀城 {}", "ⴰⵎⴰⵣⵉⵖ {}", "Аҧсуа {}"),
    *(
        "Support {}",
        "Rooter {}",
        "System design {}",
        "系统架构组 {}",
        "Adminah {}",
        "客服 {}",
        "李官方 {}",
        "Ann 🇩🇪 {}",
    ),
]


def sign_up(anonymous: Person, name: str, *, status: int) -> Any:
    return anonymous.post("/login", {"name": name, "password": PASSWORD}, status=status)


@pytest.mark.parametrize("character", INVISIBLE, ids=[f"U+{ord(one):04X}" for one in INVISIBLE])
def test_a_name_with_an_invisible_character_is_refused_everywhere(
    person: Any, anonymous: Person, group: Any, character: str
) -> None:
    name = f"x{character}x {person.unique()}"
    ann = person("ann")
    for problem in (
        sign_up(anonymous, name, status=400),
        anonymous.post("/createUser", {"name": name, "img": ""}, status=400),
        ann.patch("/me", {"name": name}, status=400),
        ann.post("/group/create", {"name": name, "memberIds": []}, status=400),
        ann.post("/group/update", {"groupId": group(ann)["id"], "name": name}, status=400),
    ):
        assert problem["code"] == "invalid" and problem["errors"]["name"]


@pytest.mark.parametrize(("name", "alike"), LOOK_ALIKES)
def test_a_name_that_looks_like_another_person_s_is_refused_everywhere(
    person: Any, anonymous: Person, name: str, alike: str
) -> None:
    unique = person.unique()
    person.remember(Person.signed_up(anonymous._client, name.format(unique)))
    alike, ann = alike.format(unique), person("ann")
    answers = [
        anonymous.request("post", "/login", body={"name": alike, "password": PASSWORD}),
        anonymous.request("post", "/createUser", body={"name": alike, "img": ""}),
        ann.request("patch", "/me", body={"name": alike}),
    ]
    for answer in answers:
        assert answer.status_code in (400, 409) and answer.json()["code"] in ("invalid", "name_taken"), answer.text
    assert ann.get("/userChatList", search=alike) == []


@pytest.mark.parametrize(("name", "alike"), LOOK_ALIKES)
def test_a_group_cannot_look_like_another_one_that_may_be_seen(person: Any, group: Any, name: str, alike: str) -> None:
    unique = person.unique()
    ann, bob = person("ann"), person("bob")
    group(ann, name=name.format(unique))
    group(bob, name=name.format(unique)), "the same name is no disguise"
    for path, body in (
        ("/group/create", {"memberIds": []}),
        ("/group/update", {"groupId": group(bob)["id"]}),
    ):
        problem = bob.request("post", path, body={**body, "name": alike.format(unique)})
        assert problem.status_code in (400, 409) and problem.json()["code"] in ("invalid", "name_taken")


def test_a_closed_group_that_one_does_not_know_is_not_given_away_by_its_name(person: Any, group: Any) -> None:
    unique = person.unique()
    ann, bob = person("ann"), person("bob")
    group(ann, name=f"Tea {unique}", joinPolicy="closed")
    assert group(bob, name=f"Теа {unique}")


@pytest.mark.parametrize("name", RESERVED)
def test_names_that_speak_for_the_chat_are_reserved(person: Any, anonymous: Person, group: Any, name: str) -> None:
    ann = person("ann")
    for problem in (
        sign_up(anonymous, name, status=400),
        anonymous.post("/createUser", {"name": name, "img": ""}, status=400),
        ann.patch("/me", {"name": name}, status=400),
        ann.post("/group/create", {"name": name, "memberIds": []}, status=400),
        ann.post("/group/update", {"groupId": group(ann)["id"], "name": name}, status=400),
    ):
        assert problem["code"] == "invalid" and problem["errors"]["name"]


def test_an_installation_reserves_more_names(person: Any, anonymous: Person, settings: Any) -> None:
    settings.RESERVED_NAMES = ["Contoso", "人事部"]
    for name in ("contoso", "Contoso Support", "人事部", "CONTOS0"):
        sign_up(anonymous, name, status=400)
    sign_up(anonymous, f"Contoso fan {person.unique()}", status=201)


def test_staff_may_speak_for_the_chat(owner: Person, group: Any) -> None:
    assert group(owner, name="官方公告")["name"] == "官方公告"


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_names_of_all_scripts_are_welcome(person: Any, anonymous: Person, group: Any, name: str) -> None:
    name = name.format(person.unique())
    ann = person.remember(Person.signed_up(anonymous._client, name))
    assert ann.get("/me")["name"] == name
    assert group(ann, name=name)["name"] == name


def test_of_two_look_alikes_at_one_moment_one_gets_the_name(person: Any, anonymous: Person) -> None:
    unique = person.unique()
    names = [f"coco {unique}", f"сосо {unique}"] * 4
    with ThreadPoolExecutor(8) as crowd:
        answers = list(
            crowd.map(lambda name: anonymous.request("post", "/createUser", body={"name": name, "img": ""}), names)
        )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7


def test_a_name_that_was_given_up_is_free_for_those_that_look_like_it(person: Any) -> None:
    ann, bob, unique = person("ann"), person("bob"), person.unique()
    ann.patch("/me", {"name": f"coco {unique}"})
    bob.patch("/me", {"name": f"сосо {unique}"}, status=409)
    ann.patch("/me", {"name": f"milk {unique}"})
    assert bob.patch("/me", {"name": f"сосо {unique}"})["name"] == f"сосо {unique}"


@pytest.mark.parametrize("name", ["Аnna\u2065 {}", "admin\ufff0{}"])
def test_a_name_from_before_the_rules_stays_usable(person: Any, anonymous: Person, name: str) -> None:
    ann, name = person("ann"), name.format(person.unique())
    User.objects.filter(pk=ann.id).update(name=name, name_key=name_key(name))
    assert anonymous.post("/login", {"name": name, "password": PASSWORD}, status=200)["id"] == ann.id
    assert ann.patch("/me", {"name": name, "language": "en"})["name"] == name


def test_names_from_before_the_rules_are_protected_from_look_alikes(person: Any) -> None:
    ann, bob, unique = person("ann"), person("bob"), person.unique()
    User.objects.filter(pk=ann.id).update(name=f"coco {unique}", name_key=f"coco {unique}")
    NameSkeleton.objects.all().delete()
    migration = __import__("importlib").import_module("accounts.migrations.0003_name_skeletons")
    migration.fill(apps, connection.schema_editor)
    assert bob.patch("/me", {"name": f"сосо {unique}"}, status=409)["code"] == "name_taken"


# Who is marked --------------------------------------------------------------------------------------------------------


def test_guests_and_staff_are_marked_wherever_a_name_stands(
    person: Any, anonymous: Person, owner: Person, group: Any
) -> None:
    made = anonymous.post("/createUser", {"name": f"guest {person.unique()}", "img": ""}, status=201)
    guest = person.remember(Person(anonymous._client, name=made["name"], token=made["token"], user=made))
    ann = person("ann")
    marks = {guest.id: (True, False), owner.id: (False, True), ann.id: (False, False)}

    def mark(one: dict[str, Any]) -> tuple[bool, bool]:
        return one["isGuest"], one["isStaff"]

    def sender_mark(one: dict[str, Any]) -> tuple[bool, bool]:
        return one["senderIsGuest"], one["senderIsStaff"]

    anns = ann.connect()
    room = group(ann, guest, owner)
    for one in (guest, owner):
        assert mark(ann.get("/userChatList", search=one.name)[0]) == marks[one.id]
        assert mark(one.get("/me")) == marks[one.id]
        sent = one.post("/group/send", {"groupId": room["id"], "content": "hello"}, status=201)
        assert sender_mark(sent) == marks[one.id]
        assert (
            sender_mark(one.connect().call("EmitGroupMsg", {"groupId": room["id"], "content": "hi"})) == marks[one.id]
        )
        one.post("/private/send", {"receiverId": ann.id, "content": "psst"}, status=201)
        assert sender_mark(anns.next("OnPrivate")) == marks[one.id]
        assert sender_mark(ann.get("/private/messages", senderId=ann.id, receiverId=one.id)[0]) == marks[one.id]
        assert sender_mark(ann.get("/message/search", q="psst", chatId=one.id, type="private")[0]) == marks[one.id]
    assert {one["id"]: mark(one) for one in room["members"]} == marks
    chats = {one["id"]: mark(one) for one in ann.post("/chatList", {}) if one["type"] == "private"}
    assert {one: chats[one] for one in (guest.id, owner.id)} == {one: marks[one] for one in (guest.id, owner.id)}
    guest.patch("/me", {"password": PASSWORD})
    assert mark(ann.get("/userChatList", search=guest.name)[0]) == (False, False)
