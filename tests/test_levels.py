"""What notifies a person: levels of chats and their defaults, keywords, quiet hours, and a pause."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.notifying import ALL, DAYS_AHEAD, Notifying, QuietHours, notifies
from chatproject.core import sealing
from chatproject.core.times import now
from notifications import rules
from notifications.models import Keywords
from tests.levels import CASES, QUIET_CASES
from tests.people import Person, Refused
from tests.pushing import PushService, subscription


@pytest.fixture(scope="module")
def service() -> Iterator[PushService]:
    with PushService() as service:
        yield service


@pytest.fixture
def reachable(service: PushService, settings: Any, server: str) -> Callable[[Person], str]:
    settings.WEB_PUSH_LOCAL = True

    def subscribe(person: Person) -> str:
        path = f"/{person.id}"
        person.post("/push/subscribe", subscription(service.url + path), status=200)
        return path

    return subscribe


def set_level(person: Person, room: dict[str, Any], level: str | None) -> Any:
    return person.post("/chat/level", {"type": "group", "id": room["id"], "level": level}, status=200)


def chat(person: Person, chat_id: str) -> Any:
    (found,) = [one for one in person.post("/chatList") if one["id"] == chat_id]
    return found


def say(sender: Person, room: dict[str, Any], content: str, *user_ids: str | None) -> Any:
    mentions = [{"userId": one, "start": 0, "length": 2} for one in user_ids]
    body = {"groupId": room["id"], "content": content, "mentions": mentions}
    return sender.post("/group/send", body, status=201)


# The rule -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_what_notifies_is_one_rule(case: Any) -> None:
    assert notifies(case.hears, is_muted=case.is_muted, is_called=case.is_called) == case.notifies


@pytest.mark.parametrize("case", QUIET_CASES)
def test_what_is_quiet_is_one_rule(case: Any) -> None:
    begin = datetime(2026, 5, 4, 22, 0, tzinfo=UTC)
    hours = QuietHours(start=time(22), end=time(22, 0, 10), zone="UTC", mentions=bool(case.lets_mentions_through))
    notifying = Notifying(quiet=None if case.lets_mentions_through is None else hours)
    assert notifying.is_quiet(begin + timedelta(seconds=case.at), is_called=case.is_called) == case.is_quiet


# Levels ---------------------------------------------------------------------------------------------------------------


def test_a_level_is_told_to_ones_own_devices_and_to_nobody_else(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    anns, bobs = ann.connect(), bob.connect()
    assert (chat(ann, room["id"])["level"], chat(ann, room["id"])["hears"]) == (None, "all")
    changed = set_level(ann, room, "nothing")
    assert changed == anns.next("OnChatUpdate")
    assert (changed["level"], changed["hears"], changed["muted"]) == ("nothing", "nothing", False)
    set_level(ann, room, "nothing")
    assert anns.silent("OnChatUpdate") and bobs.silent("OnChatUpdate")
    assert chat(ann, room["id"]) == {**chat(ann, room["id"]), "level": "nothing", "hears": "nothing"}
    assert chat(bob, room["id"])["level"] is None
    ann.post("/chat/mute", {"type": "group", "id": room["id"]})
    assert anns.next("OnChatUpdate")["level"] == "nothing", "a mute is beside it"
    assert set_level(ann, room, None)["hears"] == "all"


def test_without_a_level_the_default_for_such_chats_counts(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    bob.post("/private/send", {"receiverId": ann.id, "content": "hello"}, status=201)
    anns, bobs = ann.connect(), bob.connect()
    before = ann.get("/me/notifications")
    assert before == {
        "privateLevel": "all",
        "groupLevel": "all",
        "keywords": [],
        "quietHours": None,
        "silentUntil": None,
        "quiet": [],
    }
    changed = ann.patch("/me/notifications", {"groupLevel": "mentions"}, status=200)
    assert changed == anns.next("OnPreferences") == {**before, "groupLevel": "mentions"}
    assert bobs.silent("OnPreferences")
    assert (chat(ann, room["id"])["hears"], chat(ann, bob.id)["hears"]) == ("mentions", "all")
    assert set_level(ann, room, "all")["hears"] == "all"
    assert set_level(ann, room, None)["hears"] == "mentions"
    ann.patch("/me/notifications", {"privateLevel": "nothing"})
    assert (chat(ann, room["id"])["hears"], chat(ann, bob.id)["hears"]) == ("mentions", "nothing")
    anns.emit("EmitUserConnect")
    greeted = anns.next("OnUserConnect")["notifying"]
    assert (greeted["privateLevel"], greeted["groupLevel"]) == ("nothing", "mentions")


def test_pushes_follow_levels_mutes_quiet_hours_and_pauses_and_counts_do_not(
    person: Any, group: Any, service: PushService, reachable: Any
) -> None:
    names = ("everything", "mentions", "nothing", "muted", "as everywhere", "quiet", "called", "paused")
    ann, people = person("ann"), {name: person(name) for name in names}
    room = group(ann, *people.values())
    for name in ("everything", "mentions", "nothing"):
        set_level(people[name], room, ALL if name == "everything" else name)
    people["muted"].post("/group/mute", {"groupId": room["id"]})
    people["as everywhere"].patch("/me/notifications", {"groupLevel": "mentions"})
    at = now()
    always = {
        "from": (at - timedelta(hours=1)).strftime("%H:%M"),
        "until": (at + timedelta(hours=1)).strftime("%H:%M"),
        "timeZone": "UTC",
    }
    people["quiet"].patch("/me/notifications", {"quietHours": always})
    people["called"].patch("/me/notifications", {"quietHours": {**always, "mentions": True}})
    people["paused"].patch("/me/notifications", {"silentFor": 3600})
    paths = {name: reachable(one) for name, one in people.items()}

    said = say(ann, room, "hello")
    assert service.next(paths["everything"])["id"] == said["id"]
    assert [name for name, path in paths.items() if not service.is_silent(path)] == []
    called = say(ann, room, "@* all", None)
    hearing = ("everything", "mentions", "muted", "as everywhere", "called")
    assert [service.next(paths[name])["id"] for name in hearing] == [called["id"]] * len(hearing)
    assert [name for name, path in paths.items() if not service.is_silent(path)] == []
    assert {chat(one, room["id"])["unreadCount"] for one in people.values()} == {2}
    people["paused"].patch("/me/notifications", {"silentFor": None})
    again = say(ann, room, "hello again")
    assert service.next(paths["paused"])["id"] == again["id"]


@pytest.mark.parametrize("body", [{}, {"level": "some"}, {"level": 5}])
def test_a_level_is_one_of_three_or_none(person: Any, group: Any, body: dict[str, Any]) -> None:
    ann = person("ann")
    refused = ann.post("/chat/level", {"type": "group", "id": group(ann)["id"], **body}, status=400)
    assert list(refused["errors"]) == ["level"]


def test_the_socket_sets_what_http_sets_and_tells_the_same_devices(person: Any, group: Any) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    room = group(ann, bob)
    bob.post("/private/send", {"receiverId": ann.id, "content": "hello"}, status=201)
    here = {"type": "group", "id": room["id"]}
    desk, phone, bobs = ann.connect(), ann.signed_in_again().connect(), bob.connect()
    for event, given, expected in (
        ("EmitChatLevel", {**here, "level": "nothing"}, {"level": "nothing", "hears": "nothing"}),
        ("EmitChatLevel", {"type": "private", "id": bob.id, "level": "mentions"}, {"hears": "mentions", "id": bob.id}),
        ("EmitChatMute", {**here, "seconds": 3600}, {"muted": True, "level": "nothing"}),
        ("EmitChatPin", here, {"pinned": True}),
        ("EmitChatArchive", here, {"archived": True, "pinned": False}),
        ("EmitChatArchive", {**here, "archived": False}, {"archived": False}),
        ("EmitChatMute", {**here, "muted": False}, {"muted": False, "mutedUntil": None}),
        ("EmitChatLevel", {**here, "level": None}, {"level": None, "hears": "all"}),
    ):
        changed = desk.call(event, given)
        assert changed == phone.next("OnChatUpdate") == desk.next("OnChatUpdate"), event
        assert {name: changed[name] for name in expected} == expected, event
        listed = chat(ann, changed["id"])
        assert {name: listed[name] for name in expected} == expected, event
    for someone, wrong in ((desk, {**here, "level": "loud"}), (eve.connect(), {**here, "level": "all"})):
        with pytest.raises(Refused, match=r"invalid|not_found"):
            someone.call("EmitChatLevel", wrong)
    assert bobs.silent("OnChatUpdate") and phone.silent("OnChatUpdate")


def test_preferences_are_set_by_the_socket_and_a_wrong_one_changes_nothing(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    desk, phone, bobs = ann.connect(), ann.signed_in_again().connect(), bob.connect()
    hours = {"from": "22:00", "until": "07:00", "days": [1, 5], "timeZone": "Asia/Shanghai", "mentions": True}
    changed = desk.call("EmitPreferences", {"groupLevel": "mentions", "keywords": ["tea"], "quietHours": hours})
    assert (changed["groupLevel"], changed["keywords"], changed["quietHours"]) == ("mentions", ["tea"], hours)
    assert phone.next("OnPreferences") == changed == ann.get("/me/notifications")
    paused = desk.call("EmitPreferences", {"silentFor": 3600})
    assert paused["silentUntil"] and phone.next("OnPreferences") == paused
    for wrong, field in (({"keywords": ["!?"]}, "keywords"), ({"groupLevel": "loud"}, "groupLevel")):
        with pytest.raises(Refused, match="invalid") as refused:
            desk.call("EmitPreferences", {"silentFor": None, **wrong})
        assert list(refused.value.error["errors"]) == [field]
    desk.emit("EmitUserConnect")
    assert desk.next("OnUserConnect")["notifying"]["silentUntil"] == paused["silentUntil"]
    kept = ann.get("/me/notifications")
    assert [kept[name] for name in ("silentUntil", "keywords", "quietHours")] == [paused["silentUntil"], ["tea"], hours]
    assert phone.silent("OnPreferences") and bobs.silent("OnPreferences")


def test_a_request_to_join_calls_those_who_decide_it_and_many_are_one_push(
    person: Any, group: Any, service: PushService, reachable: Any
) -> None:
    names = ("owner", "admin", "nothing", "paused", "here", "member")
    ann = person("ann")
    people = {name: person(name) for name in names}
    owner, here = people["owner"], people["here"]
    room = group(*people.values(), name=f"tea {person.unique()}", joinPolicy="approval")
    for name in ("admin", "nothing", "paused", "here"):
        owner.post("/group/setRole", {"groupId": room["id"], "userId": people[name].id, "role": "admin"})
    owner.post("/group/mute", {"groupId": room["id"]})
    set_level(people["admin"], room, "mentions")
    set_level(people["nothing"], room, "nothing")
    people["paused"].patch("/me/notifications", {"silentFor": 3600})
    paths = {name: reachable(one) for name, one in people.items()}
    heres = here.connect()
    some = [person("asking") for _ in range(3)]
    for one in some:
        one.post("/group/request", {"groupId": room["id"]})
    told = service.next(paths["owner"])
    while "2 others" not in told["body"]:
        told = service.next(paths["owner"])
    told.pop("headers")
    assert told == {
        "id": some[2].id,
        "title": room["name"],
        "body": f"{some[2].name} and 2 others ask to join",
        "tag": f"requests:{room['id']}",
        "url": f"/chat/group/{room['id']}/",
        "unread": 0,
    }
    assert service.next(paths["admin"])["title"] == room["name"]
    owner.post("/private/send", {"receiverId": people["member"].id, "content": "hello"}, status=201)
    assert service.next(paths["member"])["body"] == "hello"
    assert all(service.is_silent(paths[name]) for name in ("nothing", "paused", "here"))
    assert len(heres.heard("OnGroupRequest")) == 3
    assert not any(path.startswith(f"/{one.id}") for one in (ann, *some) for path in paths.values())


def test_a_flood_of_requests_is_a_few_pushes(
    person: Any, group: Any, service: PushService, reachable: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(rules, "RATE_REQUESTS", "1/10m")
    ann, bob, cem = person("ann"), person("bob"), person("cem")
    room = {"groupId": group(ann, bob, joinPolicy="approval")["id"]}
    path = reachable(ann)
    cem.post("/group/request", room)
    assert service.next(path)["body"] == f"{cem.name} asks to join"
    person("dan").post("/group/request", room)
    cem.post("/group/request/withdraw", room)
    bob.post("/private/send", {"receiverId": ann.id, "content": "hello"}, status=201)
    assert service.next(path)["body"] == "hello"
    assert service.is_silent(path)


# Keywords -------------------------------------------------------------------------------------------------------------


def test_a_message_with_a_keyword_calls_those_who_have_it(
    person: Any, group: Any, service: PushService, reachable: Any
) -> None:
    ann, bob, cem, dan, eve, fay = (person(name) for name in ("ann", "bob", "cem", "dan", "eve", "fay"))
    room = group(ann, bob, cem, dan, fay)
    for one in (ann, bob, cem, dan, eve, fay):
        one.patch("/me/notifications", {"keywords": ["Tea Pot", "龍井"], "groupLevel": "mentions"})
    set_level(cem, room, "all")
    set_level(dan, room, "nothing")
    bobs, cems, others = bob.connect(), cem.connect(), [one.connect() for one in (ann, dan, eve)]
    said = say(ann, room, "the ＴＥＡ pot is hot")
    assert bobs.next("OnKeyword") == said
    assert all(one.silent("OnKeyword") for one in others)
    assert cems.silent("OnKeyword"), "the message itself notifies"
    path = reachable(fay)
    say(ann, room, "the teapots are hot, and the steam pot")
    wanted = say(bob, room, "有没有龙井茶")
    assert service.next(path)["id"] == wanted["id"]
    assert service.is_silent(path)


def test_keywords_are_some_short_words_told_to_ones_devices_and_encrypted(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    anns, bobs = ann.connect(), bob.connect()
    changed = ann.patch("/me/notifications", {"keywords": ["  tea   pot ", "TEA POT", "龍井", "龙井"]}, status=200)
    assert changed["keywords"] == ["tea pot", "龍井"]
    assert anns.next("OnPreferences") == changed == ann.get("/me/notifications")
    assert bobs.silent("OnPreferences")
    assert sealing.ring() is not None
    row = Keywords.objects.get(user=ann.id)
    if connection.vendor != "mongodb":
        with connection.cursor() as cursor:
            cursor.execute("SELECT words_text FROM notifications_keywords")
            assert all(text.startswith("enc1:") for (text,) in cursor.fetchall())
    assert row.words == ("tea pot", "龍井")
    for wrong in (["!?"], ["x" * 61], ["word"] * 51, [""], "tea", [5.5]):
        ann.patch("/me/notifications", {"keywords": wrong}, status=200 if wrong == [5.5] else 400)
    assert ann.patch("/me/notifications", {"keywords": []})["keywords"] == []
    assert not Keywords.objects.filter(user=ann.id).exists()


# Quiet hours ----------------------------------------------------------------------------------------------------------


def times(hours: QuietHours, at: datetime) -> list[tuple[str, str]]:
    return [(one.start.strftime("%d %H:%M"), one.end.strftime("%d %H:%M")) for one in hours.times(at, days=DAYS_AHEAD)]


def test_quiet_hours_pass_midnight_on_their_days_by_the_clocks_of_their_zone() -> None:
    monday = datetime(2026, 5, 4, 16, 0, tzinfo=UTC)  # midnight in Shanghai: Tuesday
    nights = QuietHours(start=time(22), end=time(7), days=(1, 5), zone="Asia/Shanghai")
    assert times(nights, monday) == [("04 14:00", "04 23:00"), ("08 14:00", "08 23:00"), ("11 14:00", "11 23:00")]
    assert times(nights, monday + timedelta(hours=7))[0] == ("08 14:00", "08 23:00"), "Monday's is over"
    whole = QuietHours(start=time(0), end=time(0), days=(6,), zone="UTC")
    assert times(whole, monday) == [("09 00:00", "10 00:00")]
    noon = QuietHours(start=time(12), end=time(13), zone="UTC")
    assert len(times(noon, monday)) == 7 and times(noon, monday)[0] == ("05 12:00", "05 13:00")


def test_quiet_hours_keep_to_the_clocks_when_those_are_changed() -> None:
    nights = QuietHours(start=time(22), end=time(7), days=(6,), zone="Europe/Berlin")
    assert times(nights, datetime(2026, 3, 27, tzinfo=UTC))[0] == ("28 21:00", "29 05:00"), "an hour shorter"
    assert times(nights, datetime(2026, 10, 23, tzinfo=UTC))[0] == ("24 20:00", "25 06:00"), "an hour longer"
    twice = QuietHours(start=time(1), end=time(2, 30), days=(7,), zone="Europe/Berlin")
    assert times(twice, datetime(2026, 10, 24, tzinfo=UTC))[0] == ("24 23:00", "25 01:30"), "until the second half past"
    assert times(twice, datetime(2026, 3, 28, tzinfo=UTC))[0] == ("29 00:00", "29 01:00"), "there is no half past two"


def test_quiet_hours_are_told_with_their_coming_times(person: Any) -> None:
    ann = person("ann")
    anns = ann.connect()
    hours = {"from": "22:00", "until": "07:00", "days": [5, 1, 1], "timeZone": "Asia/Shanghai", "mentions": True}
    changed = ann.patch("/me/notifications", {"quietHours": hours}, status=200)
    assert changed["quietHours"] == {**hours, "days": [1, 5]}
    assert len(changed["quiet"]) in (2, 3) and all(one["mentions"] for one in changed["quiet"])
    assert anns.next("OnPreferences") == changed
    paused = ann.patch("/me/notifications", {"silentFor": 3600}, status=200)
    assert paused["quietHours"] == changed["quietHours"], "what is not given stays"
    assert paused["quiet"][0]["until"] == paused["silentUntil"] and not paused["quiet"][0]["mentions"]
    assert ann.patch("/me/notifications", {"quietHours": None, "silentFor": None})["quiet"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeZone": "Mars/Olympus"},
        {"timeZone": "../../etc/passwd"},
        {"from": "25:00"},
        {"until": "7"},
        {"days": []},
        {"days": [8]},
        {"days": [1] * 8},
    ],
)
def test_quiet_hours_that_no_clock_has_are_refused(person: Any, wrong: dict[str, Any]) -> None:
    ann = person("ann")
    hours = {"from": "22:00", "until": "07:00", "timeZone": "UTC"}
    refused = ann.patch("/me/notifications", {"quietHours": hours | wrong}, status=400)
    assert {field.partition(".")[0] for field in refused["errors"]} == {"quietHours"}
    assert ann.get("/me/notifications")["quietHours"] is None
