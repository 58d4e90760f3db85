"""Two users in a conversation, and a third who must see none of it."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Playwright, Route, WebSocketRoute, expect

from presence import cache
from tests.browser.conftest import SERVER_GONE, Someone, Watch, hear_until, reload, until
from tests.browser.server import BROWSER_ARGS, CHROMIUM, PASSWORD, Person, Server


def test_two_people_talk_and_a_third_sees_none_of_it(someone: Callable[..., Someone]) -> None:
    ann, bob, eve = someone("Ann"), someone("李小明", locale="zh-CN"), someone("Eve")
    ann.find(bob)
    ann.write("Hello 小明!")
    expect(ann.page.locator(".message.own[data-state=sent]")).to_have_count(1)
    expect(bob.badge(ann.name)).to_have_text("1")
    expect(bob.page).to_have_title("(1) 聊天")
    bob.open(ann)
    bob.write("嗨！")
    expect(ann.bubble("嗨！")).to_be_visible()
    expect(bob.badge(ann.name)).to_have_count(0)
    expect(eve.page.locator(".chat-row")).to_have_count(0)
    expect(eve.page.locator("body")).not_to_contain_text("小明")


def test_a_group_hears_each_message_once_and_a_stranger_hears_none(someone: Callable[..., Someone]) -> None:
    ann, bob, eve = someone("Ann"), someone("Bob"), someone("Eve")
    ann.page.click("#new")
    ann.page.get_by_role("menuitem", name="New group").click()
    ann.page.fill("#group-name", "Tea 茶")
    ann.page.fill(".field input[type=search]", bob.name)
    ann.page.locator("label.person", has_text=bob.name).click()
    expect(ann.page.get_by_label("Open group")).not_to_be_checked()
    ann.page.get_by_role("button", name="Create the group").click()
    expect(ann.page.locator(".conversation-head h2")).to_have_text("Tea 茶")
    bob.open("Tea 茶")
    expect(bob.page.locator(".system")).to_have_text(f"{ann.name} created the group “Tea 茶”")
    for text in ("one", "two", "three"):
        ann.write(text)
    expect(bob.page.locator(".message .text")).to_have_text(["one", "two", "three"])
    expect(ann.page.locator(".receipt")).to_have_text("Read by 1 person")
    expect(eve.page.locator(".chat-row")).to_have_count(0)
    eve.page.fill("#search", "Tea 茶")
    expect(eve.page.locator(".no-result")).to_have_text("Nothing found for “Tea 茶”.")


def test_a_new_message_moves_its_chat_to_the_top(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    bob.say(ann, "first")
    expect(ann.row(bob.name)).to_be_visible()
    cem.say(ann, "second")
    expect(ann.page.locator(".rows .chat-name").first).to_have_text(cem.name)
    bob.say(ann, "third")
    expect(ann.page.locator(".rows .chat-name").first).to_have_text(bob.name)
    expect(ann.row(bob.name).locator(".chat-preview")).to_have_text("third")


def test_a_badge_counts_exactly_and_stops_at_99(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    for number in range(3):
        bob.say(ann, f"message {number}")
    expect(ann.badge(bob.name)).to_have_text("3")
    for number in range(97):
        bob.say(ann, f"more {number}")
    expect(ann.badge(bob.name)).to_have_text("99+")
    expect(ann.page).to_have_title("(99+) Chat")


def test_only_what_a_person_said_counts_and_a_recall_takes_it_back(
    someone: Callable[..., Someone], person: Callable[[str], Person], watch: Watch
) -> None:
    watch.allow(SERVER_GONE)
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    group = bob.create_group("Tea", ann)
    cem.post("/group/join", groupId=group)
    bob.post("/group/update", groupId=group, name="Coffee")
    expect(ann.row("Coffee").locator(".chat-preview")).to_contain_text("Coffee")
    expect(ann.badge("Coffee")).to_have_count(0)
    expect(ann.page).to_have_title("Chat")
    first, second = bob.say_in(group, "one"), bob.say_in(group, "two")
    mistaken = cem.say(ann, "wrong window")
    expect(ann.page).to_have_title("(3) Chat")
    cem.post("/message/recall", messageId=mistaken["id"])
    bob.post("/message/recall", messageId=second["id"])
    expect(ann.badge("Coffee")).to_have_text("1")
    expect(ann.badge(cem.name)).to_have_count(0)
    expect(ann.page).to_have_title("(1) Chat")
    ann.page.context.set_offline(True)
    bob.post("/message/recall", messageId=first["id"])
    cem.post("/group/leave", groupId=group)
    ann.page.context.set_offline(False)
    reload(ann.page)
    expect(ann.row("Coffee").locator(".chat-preview")).to_contain_text("left")
    expect(ann.badge("Coffee")).to_have_count(0)
    ann.open("Coffee")
    expect(ann.page.locator(".message.recalled, .system").first).to_be_visible()
    expect(ann.page.locator(".divider")).to_have_count(0)


def test_reading_in_one_tab_clears_the_badge_in_the_other(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    twin = ann.another_tab()
    group = bob.create_group("Tea", ann)
    bob.say(ann, "privately")
    bob.say_in(group, "to all")
    for tab in (ann, twin):
        expect(tab.badge(bob.name)).to_have_text("1")
        expect(tab.badge("Tea")).to_have_text("1")
    ann.open(bob)
    expect(twin.badge(bob.name)).to_have_count(0)
    ann.open("Tea")
    expect(twin.badge("Tea")).to_have_count(0)
    expect(twin.page).to_have_title("Chat")


def test_a_message_of_one_tab_appears_in_the_other(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "hello")
    twin = ann.another_tab()
    twin.open(bob)
    ann.open(bob)
    ann.write("from my first tab")
    expect(twin.bubble("from my first tab")).to_have_count(1)


def test_presence_follows_who_comes_and_goes(someone: Callable[..., Someone]) -> None:
    ann, bob = someone("Ann"), someone("Bob")
    bob.say(ann, "I am here")
    dot = ann.row(bob.name).locator(".avatar.online")
    expect(dot).to_be_visible()
    ann.open(bob)
    expect(ann.page.locator("#status")).to_have_text("online")
    bob.page.context.close()
    # Sooner than what is merely not refreshed expires.
    expect(dot).to_have_count(0, timeout=(cache.TTL - cache.REFRESH) * 1000)
    expect(ann.page.locator("#status")).to_contain_text("last seen")


def test_presence_is_told_within_seconds_of_a_sign_in_and_of_a_killed_browser(
    site: Server,
    playwright: Playwright,
    someone: Callable[..., Someone],
    person: Callable[[str], Person],
    tmp_path: Path,
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "I am not here yet")
    dot = ann.row(bob.name).locator(".avatar.online")
    expect(ann.row(bob.name)).to_be_visible()
    expect(dot).to_have_count(0)
    headless = ["--headless=new", "--remote-debugging-port=0", f"--user-data-dir={tmp_path}"]
    with subprocess.Popen(
        [CHROMIUM, *BROWSER_ARGS, *headless], stderr=subprocess.PIPE, start_new_session=True
    ) as browser:
        try:
            assert browser.stderr
            told = next(line for line in browser.stderr if b"DevTools listening on" in line)
            page = playwright.chromium.connect_over_cdp(told.split()[-1].decode()).contexts[0].new_page()
            page.goto(f"{site.url}/sign-in/")
            page.fill("#name", bob.name)
            page.fill("#password", PASSWORD)
            page.press("#password", "Enter")
            expect(page.locator(".chat-row, .empty").first).to_be_visible()
            expect(dot).to_be_visible(timeout=cache.REFRESH * 1000)
        finally:
            os.killpg(browser.pid, signal.SIGKILL)
    # Nothing signed off; the presence expires.
    expect(dot).to_have_count(0, timeout=(cache.TTL + 5) * 1000)


def test_typing_is_seen_and_ends_with_the_message(someone: Callable[..., Someone]) -> None:
    ann, bob = someone("Ann"), someone("Bob")
    bob.say(ann, "hello")
    reload(bob.page)
    bob.is_connected()
    bob.open(ann)
    ann.open(bob)
    bob.page.locator("#text").press_sequentially("hm")
    expect(ann.page.locator("#status")).to_have_text("typing…")
    bob.write("done")
    expect(ann.bubble("done")).to_be_visible()
    expect(ann.page.locator("#status")).to_have_text("online")


def test_typing_is_gone_six_seconds_after_the_last_key(someone: Callable[..., Someone]) -> None:
    ann, bob = someone("Ann"), someone("Bob")
    bob.say(ann, "hello")
    reload(bob.page)
    bob.is_connected()
    bob.open(ann)
    ann.open(bob)
    ann.page.clock.install()
    bob.page.locator("#text").press_sequentially("h")
    expect(ann.page.locator("#status")).to_have_text("typing…")
    ann.page.clock.fast_forward(6100)
    expect(ann.page.locator("#status")).to_have_text("online")


def test_a_sender_sees_that_a_message_was_read(someone: Callable[..., Someone]) -> None:
    ann, bob = someone("Ann"), someone("Bob")
    ann.find(bob)
    ann.write("did you see this?")
    expect(ann.page.locator("[data-state=sent]")).to_be_visible()
    expect(ann.page.locator(".receipt")).to_have_count(0)
    bob.open(ann)
    expect(ann.page.locator(".receipt")).to_have_text("Read")


def test_in_chinese_too_a_sender_sees_live_who_has_read(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    li, bob = someone("李小明", locale="zh-CN"), someone("Bob")
    readers = [person(name) for name in ("Cem", "Dot", "Eve")]
    li.say(bob, "看到了吗？")
    li.open(bob)
    expect(li.page.locator(".message.own")).to_have_count(1)
    expect(li.page.locator(".receipt")).to_have_count(0)
    bob.open(li)
    expect(li.page.locator(".receipt")).to_have_text("已读")
    group = li.create_group("茶 Tea", *readers)
    li.open("茶 Tea")
    li.write("周六喝茶？")
    expect(li.page.locator(".message.own[data-state=sent]")).to_have_count(1)
    for number, reader in enumerate(readers, 1):
        reader.post("/group/markGroupRead", groupId=group)
        expect(li.page.locator(".receipt")).to_have_text(f"{number} 人已读")


def test_a_key_shows_my_message_in_the_next_picture_and_the_other_side_has_it_by_push(
    someone: Callable[..., Someone],
) -> None:
    ann, bob = someone("Ann"), someone("Bob")
    ann.say(bob, "hello")
    for one, other in ((ann, bob), (bob, ann)):
        one.open(other)
        expect(one.bubble("hello")).to_be_visible()
    # How long a picture takes, `bench/run browser` says; here it must not take more than one.
    ann.page.evaluate(
        """() => {
          window.pictures = [];
          document.addEventListener("keydown", (event) => {
            if (event.key !== "Enter") return;
            const text = event.target.value;
            const isThere = () => [...document.querySelectorAll(".message .text")].some((one) => one.textContent === text);
            let pictures = 0;
            const look = () => {
              pictures += 1;
              if (isThere()) window.pictures.push(pictures);
              else requestAnimationFrame(look);
            };
            requestAnimationFrame(look);
          }, true);
        }"""
    )
    held: list[Route] = []
    for address in ("**/private/messages*", "**/sync*"):  # an answer is no way to have it
        bob.page.route(address, lambda route: held.append(route))
    rounds = 5
    for number in range(rounds):
        ann.write(f"quick {number}")
        expect(bob.bubble(f"quick {number}")).to_be_visible()
        expect(ann.page.locator("[data-state=sending]")).to_have_count(0)
    until(ann.page, "(rounds) => window.pictures.length === rounds", arg=rounds)
    # Views are drawn once a frame: in the one that was asked for before, or the next.
    assert max(ann.page.evaluate("window.pictures")) <= 2


def test_my_message_is_there_before_the_server_answers(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "hello")
    held: list[tuple[WebSocketRoute, str | bytes]] = []
    is_holding = True

    def between(page: WebSocketRoute) -> None:
        def hold_the_answer(frame: str | bytes) -> None:
            if is_holding and "quick" in str(frame):
                held.append((page, frame))
            else:
                page.send(frame)

        page.connect_to_server().on_message(hold_the_answer)

    ann.page.route_web_socket("**/ws/chat/**", between)
    reload(ann.page)
    ann.open(bob)
    expect(ann.bubble("hello")).to_be_visible()
    ann.write("quick")
    expect(ann.bubble("quick")).to_have_attribute("data-state", "sending")
    is_holding = False
    for page, frame in held:
        page.send(frame)
    expect(ann.page.locator("[data-state=sent]")).to_have_count(1)


def test_a_lost_push_is_noticed_and_fetched(someone: Callable[..., Someone], person: Callable[[str], Person]) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "one")
    lost: list[str | bytes] = []

    def between(page: WebSocketRoute) -> None:
        def keep_one_back(frame: str | bytes) -> None:
            if "the lost one" in str(frame) and not lost:
                lost.append(frame)
            else:
                page.send(frame)

        page.connect_to_server().on_message(keep_one_back)

    ann.page.route_web_socket("**/ws/chat/**", between)
    reload(ann.page)
    ann.open(bob)
    expect(ann.bubble("one")).to_be_visible()
    for number in range(30):
        bob.say(ann, f"line {number}")
    expect(ann.bubble("line 29")).to_be_in_viewport()
    bob.say(ann, "the lost one" + "\nis long" * 8)
    hear_until(ann.page, lambda: bool(lost))  # two messages may come in one frame
    bob.say(ann, "the next one")
    expect(ann.page.locator(".message .text").last).to_have_text("the next one")
    expect(ann.bubble("the lost one")).to_have_count(1)
    # Ann was at the end, and still is.
    expect(ann.bubble("the next one")).to_be_in_viewport(ratio=0.9)
    expect(ann.page.locator(".pill.to-end")).to_be_hidden()
