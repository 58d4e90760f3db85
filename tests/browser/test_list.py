"""The chat list: its rows, pins and mutes, the menu of a chat, search for people and messages."""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect

from tests import hostile
from tests.browser.conftest import WATCH_FLASHES, Someone, Watch, answered, box_of, hear_until, reload
from tests.browser.line import Line
from tests.browser.server import Person

DANGER = "rgb(179, 38, 30)"


def names(someone: Someone) -> Any:
    return someone.page.locator(".rows .chat-name")


def preview(someone: Someone, name: str) -> Any:
    return someone.row(name).locator(".chat-preview")


def choose(someone: Someone, item: str) -> None:
    someone.page.get_by_role("menuitem", name=item).click()


def talk(person: Person, to: Person, count: int, text: str = "message") -> list[Any]:
    return [person.say(to, f"{text} {number}") for number in range(count)]


def in_sight(page: Page, text: str) -> Any:
    """Waits until the message with this text is visible in the message list."""
    bubble = page.locator(".message").filter(has=page.locator(".text", has_text=re.compile(f"^{text}$")))
    expect(bubble).to_be_in_viewport()
    return bubble


# What a row says ------------------------------------------------------------------------------------------------------


def test_a_row_has_face_name_last_words_and_time(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), person("王小明"), person("Cem")
    group = cem.create_group("Tea", ann)
    said = bob.say(ann, "first\nsecond line")
    sent = cem.say_in(group, "hello all")
    expect(names(ann)).to_have_text(["Tea", bob.name])
    row = ann.row(bob.name)
    expect(row.locator(".avatar")).to_have_text("明")
    expect(preview(ann, bob.name)).to_have_text("first second line")
    expect(row.locator("time")).to_have_attribute("datetime", said["sentAt"])
    expect(row.locator("time")).to_have_text(re.compile(r"^\d\d:\d\d$"))
    expect(ann.row("Tea").locator(".avatar")).to_have_class(re.compile(r"\bgroup\b"))
    expect(preview(ann, "Tea")).to_have_text(f"{cem.name}: hello all")
    expect(ann.row("Tea").locator("time")).to_have_attribute("datetime", sent["sentAt"])


def test_every_type_has_its_preview_in_chinese(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("小红", locale="zh-CN"), person("Bob")
    bob.say(ann, "在吗")
    line = preview(ann, bob.name)
    expect(line).to_have_text("在吗")

    def send(kind: str, uploaded: Any, content: str = "") -> None:
        bob.post("/private/send", receiverId=ann.id, type=kind, mediaUrl=uploaded["mediaUrl"], content=content)

    send("image", bob.upload("images", "a.png", hostile.png()))
    expect(line).to_have_text("[图片]")
    send("image", bob.upload("images", "b.png", hostile.png()), "看这里")
    expect(line).to_have_text("[图片] 看这里")
    send("audio", bob.upload("audio", "a.wav", hostile.wav(body=hostile.wave(15, rate=8_000).tobytes())))
    expect(line).to_have_text("[语音] 15″")
    send("file", bob.upload("files", "报告.pdf", b"hello"))
    expect(line).to_have_text("[文件] 报告.pdf")
    place = {"latitude": 39.9, "longitude": 116.4, "name": "天安门", "address": ""}
    bob.post("/private/send", receiverId=ann.id, type="location", content="", locationData=place)
    expect(line).to_have_text("[位置] 天安门")
    last = bob.say(ann, "说错了")
    bob.post("/message/recall", messageId=last["id"])
    expect(line).to_have_text(f"{bob.name}撤回了一条消息")
    ann.open(bob)
    ann.page.fill("#text", "还没写完")
    ann.page.goto("/")
    expect(line).to_have_text("[草稿] 还没写完")
    expect(line.locator(".draft")).to_have_css("color", DANGER)


@pytest.mark.parametrize(("locale", "yesterday"), [("en-GB", "Yesterday"), ("zh-CN", "昨天")])
def test_times_are_told_as_one_says_them(
    someone: Callable[..., Someone], person: Callable[[str], Person], locale: str, yesterday: str
) -> None:
    ann, bob = someone("Ann", locale=locale, timezone_id="UTC"), person("Bob")
    sent = bob.say(ann, "hello")
    at = datetime.fromisoformat(sent["sentAt"])
    time = ann.row(bob.name).locator("time")
    expect(time).to_have_text(f"{at:%H:%M}")

    def after(days: int) -> None:
        ann.page.clock.set_fixed_time(at + timedelta(days=days))
        reload(ann.page)

    after(1)
    expect(time).to_have_text(yesterday)
    after(6)
    expect(time).to_have_text(f"{at:%a}" if locale == "en-GB" else re.compile("^周[一二三四五六日]$"))
    after(7)
    expect(time).to_have_text(re.compile(rf"^(?=.*\b0?{at.day}\b)(?!.*:)") if locale == "en-GB" else re.compile("月|/"))
    after(400)
    expect(time).to_have_text(re.compile(str(at.year)))
    expect(time).to_have_attribute("datetime", sent["sentAt"])


def test_an_empty_list_shows_one_way_to_begin(someone: Callable[..., Someone]) -> None:
    ann = someone("Ann")
    expect(ann.page.locator(".sidebar .empty h2")).to_be_visible()
    expect(ann.page.locator(".sidebar .empty .button.primary")).to_have_count(1)
    ann.page.locator(".sidebar .empty .button.primary").click()
    expect(ann.page.locator("dialog input").first).to_be_focused()


def test_a_list_that_is_late_takes_nothing_back(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    bob.say(ann, "first")
    expect(preview(ann, bob.name)).to_have_text("first")
    ann.post("/chat/archive", type="private", id=bob.id)
    expect(ann.row(bob.name)).to_have_count(0)
    held: list[tuple[Route, Any]] = []
    ann.page.route("**/chatList", lambda route: held.append((route, route.fetch())))
    with ann.page.expect_request("**/chatList"):
        cem.say(ann, "hello")  # a new chat: the page requests the list
    hear_until(ann.page, lambda: bool(held))
    bob.say(ann, "second")
    expect(preview(ann, bob.name)).to_have_text("second")
    with ann.page.expect_response("**/chatList"):
        for route, answer in held:
            route.fulfill(response=answer)
    ann.page.unroute("**/chatList")
    cem.say(ann, "again")
    expect(preview(ann, cem.name)).to_have_text("again")
    expect(preview(ann, bob.name)).to_have_text("second")
    expect(ann.badge(bob.name)).to_have_text("2")


def test_a_long_list_comes_in_pages_and_what_happens_meanwhile_is_neither_lost_nor_taken_back(
    someone: Callable[..., Someone], person: Callable[[str], Person], watch: Watch
) -> None:
    ann, creators = someone("Ann"), [person("Bob"), person("Cem")]  # so many groups are above one person's budget
    rooms = [creators[number % 2].create_group(f"Room {number:02}", ann) for number in range(50)]
    held: list[Route] = []

    def in_tens(route: Route) -> None:
        if "before=" in route.request.url:
            held.append(route)
        elif "limit" in (route.request.post_data or ""):
            route.continue_(post_data=json.dumps({"limit": 10}))
        else:
            route.continue_()

    ann.page.route("**/chatList*", in_tens)
    ann.page.goto("/")
    rows = ann.page.locator(".rows .chat-row")
    hear_until(ann.page, lambda: bool(held))  # the page after 49 to 40
    expect(rows).to_have_count(40)
    ann.page.click("[data-filter=people]")
    expect(ann.page.locator(".rows .no-result")).to_have_text("Loading…")
    ann.page.click("[data-filter=all]")
    # One goes from a later page to the top, the page has heard of it; another is gone; and one is new.
    creators[0].say_in(rooms[30], "up I go")
    creators[1].post("/group/kick", groupId=rooms[31], userId=ann.id)
    creators[0].create_group("Room new", ann)
    expect(ann.badge("Room 30")).to_have_text("1")
    expect(ann.row("Room new")).to_be_visible()
    expect(ann.row("Room 31")).to_have_count(0)
    for count in range(1, 5):
        hear_until(ann.page, lambda count=count: len(held) >= count)  # type: ignore[misc]
        held[count - 1].continue_()
    ann.page.fill("#search", "Room 0")  # on the last page
    expect(names(ann)).to_have_text([f"Room {number:02}" for number in range(9, -1, -1)])
    ann.page.fill("#search", "Room")
    for _ in range(2):
        rows.last.scroll_into_view_if_needed()
    expect(rows).to_have_count(50)
    expect(names(ann).nth(0)).to_have_text("Room new")
    expect(names(ann).nth(1)).to_have_text("Room 30")
    expect(ann.row("Room 31")).to_have_count(0)
    expect(ann.page).to_have_title(re.compile(r"^\(1\)"))
    # What could not be answered is asked for again: more often than there are events of a new group.
    busy = {"type": "about:blank", "title": "Busy", "status": 503, "detail": "Busy", "code": "busy"}
    refused: list[Route] = []

    def refuse(route: Route) -> None:
        refused.append(route)
        route.fulfill(status=503, json=busy, headers={"Content-Type": "application/problem+json"})

    watch.allow("503")
    ann.page.route("**/chatList", refuse, times=3)
    ann.page.fill("#search", "")
    creators[0].create_group("Room later", ann)
    hear_until(ann.page, lambda: len(refused) == 3)
    expect(ann.row("Room later")).to_be_visible()
    # What a thousand chats and more have is too much for a frame of the socket.
    entry = ann.post("/chatList", limit=1)[0]
    entries = [entry | {"id": str(UUID(int=number)), "name": "Ghost"} for number in range(1001)]
    ann.page.unroute("**/chatList*")
    ann.page.goto("about:blank")  # whatever the page before it asks for again is not the list of the next one
    ann.page.route("**/chatList", lambda route: route.fulfill(json=entries), times=1)
    with ann.page.expect_response("**/sync") as synced:
        ann.page.goto("/")
    assert synced.value.ok
    ann.page.fill("#search", "Ghost")
    expect(rows).to_have_count(0)


# Pins, mutes, and the menu --------------------------------------------------------------------------------------------


def test_a_pinned_chat_stays_on_top_in_every_tab_and_after_a_reload(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    bob.say(ann, "old")
    cem.say(ann, "new")
    twin = ann.another_tab()
    expect(names(ann)).to_have_text([cem.name, bob.name])
    ann.row(bob.name).click(button="right")
    choose(ann, "Pin to the top")
    for tab in (ann, twin):
        expect(names(tab)).to_have_text([bob.name, cem.name])
        expect(tab.row(bob.name).locator("[data-icon=pin]")).to_be_visible()
    cem.say(ann, "newer")
    expect(ann.badge(cem.name)).to_have_text("2")
    expect(names(ann)).to_have_text([bob.name, cem.name])
    reload(ann.page)
    expect(names(ann)).to_have_text([bob.name, cem.name])
    ann.row(bob.name).click(button="right")
    choose(ann, "Unpin")
    for tab in (ann, twin):
        expect(names(tab)).to_have_text([cem.name, bob.name])


def test_a_muted_chat_counts_in_grey_and_not_in_the_title(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    talk(bob, ann, 2)
    cem.say(ann, "psst")
    expect(ann.page).to_have_title("(3) Chat")
    ann.row(bob.name).click(button="right")
    choose(ann, "Mute…")
    choose(ann, "For an hour")
    expect(ann.row(bob.name).locator("[data-icon=bell-off]")).to_be_visible()
    expect(ann.badge(bob.name)).to_have_class("badge quiet")
    expect(ann.page).to_have_title("(1) Chat")
    bob.say(ann, "are you there?")
    expect(ann.badge(bob.name)).to_have_text("3")
    expect(ann.page).to_have_title("(1) Chat")
    ann.row(bob.name).click(button="right")
    choose(ann, "Unmute")
    expect(ann.badge(bob.name)).to_have_class("badge")
    expect(ann.page).to_have_title("(4) Chat")


def test_a_mute_for_a_time_ends_by_itself(someone: Callable[..., Someone], person: Callable[[str], Person]) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "hello")
    ann.page.clock.install()
    line = Line(ann.page)
    reload(ann.page)
    ann.row(bob.name).click(button="right")
    choose(ann, "Mute…")
    choose(ann, "For an hour")
    expect(ann.page).to_have_title("Chat")
    # The server, whose hour does not pass, would tell its time.
    line.cut()
    ann.page.clock.fast_forward("59:00")
    ann.page.clock.run_for(1000)  # what the end of a mute would change is drawn in it
    expect(ann.page).to_have_title("Chat")
    ann.page.clock.fast_forward("02:00")
    expect(ann.page).to_have_title("(1) Chat")
    expect(ann.row(bob.name).locator("[data-icon=bell-off]")).to_have_count(0)


def test_the_menu_comes_by_keyboard_and_gives_the_focus_back(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    bob.say(ann, "old")
    cem.say(ann, "new")
    for key in ("Shift+F10", "ContextMenu"):
        ann.row(bob.name).press(key)
        expect(ann.page.locator(".menu")).to_have_count(1)
        expect(ann.page.locator(".menu button").first).to_be_focused()
        ann.page.keyboard.press("Escape")
        expect(ann.page.locator(".menu")).to_have_count(0)
        expect(ann.row(bob.name)).to_be_focused()
    ann.row(bob.name).press("Shift+F10")
    ann.page.keyboard.press("Enter")
    expect(names(ann)).to_have_text([bob.name, cem.name])
    expect(ann.row(bob.name)).to_be_focused()
    ann.row(bob.name).press("Shift+F10")
    for key in ("ArrowDown", "Enter", "ArrowDown", "ArrowDown", "Enter"):
        ann.page.keyboard.press(key)
    expect(ann.row(bob.name).locator("[data-icon=bell-off]")).to_be_visible()


def test_the_menu_gives_the_focus_back_to_a_row_that_was_drawn_anew(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "hello")
    ann.row(bob.name).press("Shift+F10")
    expect(ann.page.locator(".menu button").first).to_be_focused()
    bob.say(ann, "are you there?")
    expect(preview(ann, bob.name)).to_have_text("are you there?")
    ann.page.keyboard.press("Escape")
    expect(ann.page.locator(".menu")).to_have_count(0)
    expect(ann.row(bob.name)).to_be_focused()


def test_the_menu_comes_by_a_long_press_and_opens_nothing_else(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann = someone("Ann", viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    bob = person("Bob")
    bob.say(ann, "hello")
    box = box_of(ann.row(bob.name))
    finger = ann.page.context.new_cdp_session(ann.page)
    point = {"x": box["x"] + 100, "y": box["y"] + 30}
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    expect(ann.page.locator(".menu")).to_be_visible()
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(ann.page.locator(".menu")).to_have_count(1)
    expect(ann.page.locator("#shell")).to_have_attribute("data-pane", "list")
    ann.page.get_by_role("menuitem", name="Pin to the top").tap()
    expect(ann.row(bob.name).locator("[data-icon=pin]")).to_be_visible()
    ann.row(bob.name).tap()
    expect(ann.page.locator(".conversation-head h2 bdi")).to_have_text(bob.name)


def test_the_menu_comes_by_the_button_on_a_row_and_in_the_head(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "hello")
    ann.row(bob.name).hover()
    ann.page.locator(".row-menu").click()
    choose(ann, "Pin to the top")
    expect(ann.row(bob.name).locator("[data-icon=pin]")).to_be_visible()
    expect(ann.page.locator("#conversation")).to_have_count(0)
    ann.open(bob)
    ann.page.click("#chat-menu")
    choose(ann, "Unpin")
    expect(ann.row(bob.name).locator("[data-icon=pin]")).to_have_count(0)


def test_the_menu_marks_as_read_and_leaves_a_group_for_a_while(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    group = bob.create_group("Tea", ann)
    bob.say_in(group, "hello")
    twin = ann.another_tab()
    for tab in (ann, twin):
        expect(tab.badge("Tea")).to_have_text("1")
    ann.row("Tea").click(button="right")
    choose(ann, "Mark as read")
    for tab in (ann, twin):
        expect(tab.badge("Tea")).to_have_count(0)
    ann.row("Tea").click(button="right")
    expect(ann.page.get_by_role("menuitem", name="Mark as read")).to_have_count(0)
    choose(ann, "Leave for a while")
    expect(ann.row("Tea").locator("[data-icon=coffee]")).to_be_visible()
    ann.row("Tea").click(button="right")
    choose(ann, "Return")
    expect(ann.row("Tea").locator("[data-icon=coffee]")).to_have_count(0)


def test_a_chat_opens_in_a_tab_of_its_own(someone: Callable[..., Someone], person: Callable[[str], Person]) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "hello")
    ann.row(bob.name).click(button="right")
    with ann.page.context.expect_page() as opened:
        choose(ann, "Open in a new tab")
    expect(opened.value.locator(".conversation-head h2 bdi")).to_have_text(bob.name)
    expect(ann.page.locator("#conversation")).to_have_count(0)


# Finding --------------------------------------------------------------------------------------------------------------


def test_two_chinese_characters_find_people_and_messages_and_escape_clears(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann", locale="zh-CN"), person("Bob"), person("欧阳建国")
    group = bob.create_group("建国路群", ann)
    bob.say(ann, "明天去建国门见吧")
    bob.say_in(group, "什么也没有")
    ann.page.fill("#search", "建国")
    expect(ann.page.locator(".rows .chat-name")).to_have_text(["建国路群"])
    expect(ann.page.locator(".found .chat-name", has_text=cem.name)).to_have_count(1)
    hit = ann.page.locator(".hits .chat-row")
    expect(hit).to_have_count(1)
    expect(hit.locator(".chat-name")).to_have_text(bob.name)
    expect(hit.locator("mark")).to_have_text("建国")
    expect(hit.locator(".chat-preview")).to_have_text("明天去建国门见吧")
    expect(hit.locator("time")).to_have_text(re.compile(r"^\d\d:\d\d$"))
    ann.page.locator("#search").press("Escape")
    expect(ann.page.locator("#search")).to_have_value("")
    for part in (".found", ".hits", ".no-result"):
        expect(ann.page.locator(part)).to_be_hidden()
    expect(names(ann)).to_have_count(2)


def test_one_character_of_any_script_is_searched_for_and_the_hit_is_marked_as_it_was_written(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    said = {
        "국": ("대한민국 만세", "국"),
        "を": ("お茶を飲む", "を"),
        "म": ("नमस्ते", "म"),
        "🎉": ("cheers 🎉!", "🎉"),
        "q": ("tranquil", "q"),
        "strasse": ("Große Straße 7", "Straße"),
        "ABC １": ("ａｂｃ\n1", "ａｂｃ 1"),
        "re\u0301": ("Une réponse", "ré"),
        "istan": ("İstanbul", "İstan"),
    }
    for text, _ in said.values():
        bob.say(ann, text)
    for asked, (text, marked) in said.items():
        ann.page.fill("#search", asked)
        hit = ann.page.locator(".hits .hit", has_text=text.replace("\n", " "))
        expect(hit).to_have_count(1)
        expect(hit.locator("mark")).to_have_text(marked)
    ann.page.fill("#search", "🦄")
    expect(ann.page.locator(".no-result")).to_have_text("Nothing found for “🦄”.")
    ann.page.fill("#search", bob.name.upper().replace("B", "Ｂ"))
    expect(ann.page.locator(".rows .chat-name")).to_have_text([bob.name])


def test_what_nobody_said_is_not_found_and_what_strangers_said_neither(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    bob.say(cem, "the password is xyzzy")
    bob.say(ann, "hello")
    ann.page.fill("#search", "xyzzy")
    expect(ann.page.locator(".no-result")).to_have_text("Nothing found for “xyzzy”.")
    expect(ann.page.locator(".hits")).to_be_hidden()
    ann.page.fill("#search", "hell")
    expect(ann.page.locator(".hits .chat-row")).to_have_count(1)
    expect(ann.page.locator(".no-result")).to_be_hidden()


def test_found_messages_come_in_pages_and_are_walked_by_arrows(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    talk(bob, ann, 25, "needle <b>&amp;")
    hits = ann.page.locator(".hits .chat-row")
    ann.page.fill("#search", "NEEDLE <b>&amp;")
    expect(hits).to_have_count(20)
    expect(hits.first.locator("mark")).to_have_text("needle <b>&amp;")
    expect(hits.first).to_contain_text("24")
    ann.page.get_by_role("button", name="More messages").click()
    expect(hits).to_have_count(25)
    expect(hits.nth(20)).to_be_focused()
    expect(ann.page.get_by_role("button", name="More messages")).to_be_hidden()
    ann.page.locator("#search").press("ArrowDown")
    expect(hits.first).to_be_focused()
    ann.page.keyboard.press("ArrowDown")
    ann.page.keyboard.press("Enter")
    in_sight(ann.page, "needle <b>&amp; 23")
    expect(hits.nth(1)).to_be_focused()
    expect(hits.nth(1)).to_have_attribute("aria-current", "true")
    ann.page.keyboard.press("Escape")
    expect(ann.page.locator("#search")).to_be_focused()
    expect(ann.page.locator("#search")).to_have_value("")


def test_a_file_is_found_by_its_name(someone: Callable[..., Someone], person: Callable[[str], Person]) -> None:
    ann, bob = someone("Ann"), person("Bob")
    uploaded = bob.upload("files", "quarterly report.pdf", b"hello")
    bob.post("/private/send", receiverId=ann.id, type="file", mediaUrl=uploaded["mediaUrl"], content="")
    ann.page.fill("#search", "REPORT")
    hit = ann.page.locator(".hits .chat-row")
    expect(hit.locator(".chat-preview")).to_have_text("[File] quarterly report.pdf")
    expect(hit.locator("mark")).to_have_text("report")


def test_a_found_message_far_away_is_shown_and_flashes_and_the_end_is_one_click_away(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "where it began")
    talk(bob, ann, 230)
    bob.post("/markPrivateRead", senderId=ann.id)
    ann.open(bob)
    ann.page.evaluate(WATCH_FLASHES)
    ann.page.fill("#search", "it began")
    ann.page.locator(".hits .chat-row").click()
    in_sight(ann.page, "where it began")
    assert "where it began" in ann.page.evaluate("() => window.flashed")
    expect(ann.page.locator(".flash")).to_have_count(1)
    ann.page.locator("#log").hover()
    ann.page.mouse.wheel(0, 40)
    expect(ann.page.locator(".flash")).to_have_count(0)
    ann.page.fill("#search", "message 120")
    ann.page.locator(".hits .chat-row", has_text="message 120").click()
    in_sight(ann.page, "message 120")
    ann.page.get_by_role("button", name="Back to where you were").click()
    in_sight(ann.page, "where it began")
    expect(ann.page.locator(".way-back")).to_be_hidden()
    ann.page.locator(".pill.to-end").click()
    in_sight(ann.page, "message 229")
    bob.say(ann, "the newest")
    in_sight(ann.page, "the newest")


def test_found_messages_are_not_pushed_away_by_people_who_are_found_later(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, stranger = someone("Ann"), person("Bob"), person("Turnip")
    bob.say(ann, f"who is {stranger.name}?")
    held: list[Route] = []
    ann.page.route("**/userChatList*", lambda route: held.append(route))
    with answered(ann.page, "/message/search"):
        ann.page.fill("#search", stranger.name)
    hear_until(ann.page, lambda: bool(held))
    # Two frames, in which the page would draw what came.
    ann.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(ann.page.locator(".hits .chat-row")).to_have_count(0)
    for route in held:
        route.continue_()
    expect(ann.page.get_by_role("button", name=stranger.name)).to_be_visible()
    expect(ann.page.locator(".hits .chat-row")).to_have_count(1)


def test_a_found_message_is_shown_though_other_messages_come_before_those_around_it(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "where it began")
    talk(bob, ann, 230)
    ann.post("/markPrivateRead", senderId=bob.id)
    reload(ann.page)
    ann.open(bob)
    in_sight(ann.page, "message 229")
    held: list[Route] = []

    def hold(route: Route) -> None:
        if "before=" in route.request.url:
            held.append(route)
        else:  # the last page, for the archive
            route.continue_()

    def asks_for_the_target() -> bool:
        return any("before=26&" in f"{route.request.url}&" for route in held)

    ann.page.route("**/private/messages*", hold)
    ann.page.evaluate("document.getElementById('log').scrollTop = 0")
    hear_until(ann.page, lambda: bool(held))
    assert not asks_for_the_target()
    ann.page.fill("#search", "it began")
    ann.page.locator(".hits .chat-row").click()
    hear_until(ann.page, asks_for_the_target)
    for route in sorted(held, key=lambda route: "before=26&" in f"{route.request.url}&"):
        with ann.page.expect_response(route.request.url):
            route.continue_()
        # Two frames, in which the page draws what came.
        ann.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    in_sight(ann.page, "where it began")


def test_a_list_that_was_on_its_way_takes_nothing_away_that_came_since_and_brings_nothing_back_that_went(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem, dot = someone("Ann"), person("Bob"), person("Cem"), person("Dot")
    group = cem.create_group("Tea", ann)
    expect(ann.row("Tea")).to_be_visible()
    ann.is_connected()
    held: list[tuple[Route, APIResponse]] = []
    ann.page.route("**/chatList", lambda route: held.append((route, route.fetch())))
    with ann.page.expect_request("**/chatList"):
        bob.say(ann, "hello")  # a chat that the page does not know
    expect(ann.row(bob.name)).to_be_visible()
    hear_until(ann.page, lambda: bool(held))
    # The list was read; then:
    dot.say(ann, "hello")
    cem.post("/group/kick", groupId=group, userId=ann.id)
    expect(ann.row(dot.name)).to_be_visible()
    expect(ann.row("Tea")).to_have_count(0)
    (route, answer), *_ = held
    with answered(ann.page, "/chatList$"):
        route.fulfill(response=answer)
    # Two frames, in which the page draws what came.
    ann.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert ann.row(dot.name).count() == 1 and ann.row("Tea").count() == 0


def test_the_address_of_a_found_message_leads_to_it_in_another_tab(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "where it began")
    talk(bob, ann, 120)
    ann.page.fill("#search", "it began")
    address = ann.page.locator(".hits .chat-row").get_attribute("href")
    assert address and address.endswith("/#1")
    page = ann.page.context.new_page()
    page.goto(address)
    in_sight(page, "where it began")


def test_a_reply_shows_what_it_answers_and_leads_there_however_old_that_is(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    first = bob.say(ann, "shall we meet?")
    talk(bob, ann, 120)
    bob.say(ann, "well?", replyTo=first["id"])
    ann.post("/markPrivateRead", senderId=bob.id)
    reload(ann.page)
    ann.open(bob)
    quote = ann.bubble("well?").locator(".quote")
    expect(quote.locator(".quote-name")).to_have_text(bob.name)
    expect(quote.locator(".quote-text")).to_have_text("shall we meet?")
    expect(ann.bubble("shall we meet?")).to_have_count(0)
    bob.post("/message/edit", messageId=first["id"], content="shall we meet soon?")
    expect(quote.locator(".quote-text")).to_have_text("shall we meet soon?")
    quote.click()
    in_sight(ann.page, r"shall we meet soon\?")


def test_a_reply_says_nothing_of_what_was_recalled_or_is_elsewhere(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    secret, elsewhere = bob.say(cem, "a secret"), cem.say(ann, "in another chat")
    taken = bob.say(ann, "taken back")
    talk(bob, ann, 120)
    for number, said in enumerate((secret, elsewhere, taken)):
        bob.say(ann, f"reply {number}", replyTo=said["id"])
    bob.post("/message/recall", messageId=taken["id"])
    ann.post("/markPrivateRead", senderId=bob.id)
    reload(ann.page)
    ann.open(bob)
    expect(ann.bubble("reply 2").locator(".quote-text")).to_have_text(f"{bob.name} recalled a message")
    for number in (0, 1):
        quote = ann.bubble(f"reply {number}").locator(".quote")
        expect(quote).to_have_text("An earlier message")
        expect(quote).to_be_disabled()


def test_words_are_looked_for_in_the_open_conversation_from_hit_to_hit(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    cem.say(ann, "a needle elsewhere")
    bob.say(ann, "needle one")
    talk(bob, ann, 70)
    bob.say(ann, "Needle two")
    ann.post("/markPrivateRead", senderId=bob.id)
    reload(ann.page)
    ann.open(bob)
    ann.page.click("#chat-menu")
    choose(ann, "Search in this conversation")
    expect(ann.page.locator("#find")).to_be_focused()
    ann.page.keyboard.type("needle")
    count = ann.page.locator(".finder-count")
    expect(count).to_have_text("1 of 2")
    in_sight(ann.page, "Needle two")
    ann.page.keyboard.press("Enter")
    expect(count).to_have_text("2 of 2")
    in_sight(ann.page, "needle one")
    expect(ann.page.get_by_role("button", name="The one before")).to_be_disabled()
    ann.page.get_by_role("button", name="The one after").click()
    expect(count).to_have_text("1 of 2")
    in_sight(ann.page, "Needle two")
    ann.page.fill("#find", "nowhere")
    expect(count).to_have_text("Nothing found")
    ann.page.locator("#find").press("Escape")
    expect(ann.page.locator(".finder")).to_be_hidden()
    expect(ann.page.locator("#text")).to_be_focused()


def test_a_chinese_name_is_found_by_its_pinyin_in_the_list_and_by_ctrl_k(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, li = someone("Ann"), person("欧阳小明")
    li.create_group("九寨沟的秋天", ann)
    li.say(ann, "你好")
    page = ann.page
    for name in (li.name, "九寨沟的秋天"):
        expect(ann.row(name)).to_be_visible()
    page.fill("#search", "oyxm")
    found = page.locator(".found .chat-row").filter(has_text=li.name)
    expect(found).to_have_count(1)
    page.fill("#search", "jzgdqt")
    group = page.locator(".found .chat-row").filter(has_text="九寨沟的秋天")
    expect(group).to_have_count(1)
    group.click()
    expect(page.locator(".conversation-head h2 bdi")).to_have_text("九寨沟的秋天")
    page.keyboard.press("Control+k")
    page.keyboard.type("ouyangx")
    page.get_by_role("option").filter(has_text=li.name).click()
    expect(page.locator(".conversation-head h2 bdi")).to_have_text(li.name)
    expect(ann.bubble("你好")).to_be_visible()
