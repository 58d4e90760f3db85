"""Two people, a third who must hear nothing, and what each of them sees."""

from collections.abc import Callable

from playwright.sync_api import WebSocketRoute, expect

from tests.browser.conftest import Someone
from tests.browser.server import Person


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
    ann.page.get_by_label("Open group").uncheck()
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
    expect(eve.page.locator(".no-result")).to_be_visible()


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
        expect(tab.badge("Tea")).to_have_text("2")
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
    expect(dot).to_have_count(0, timeout=10_000)
    expect(ann.page.locator("#status")).to_contain_text("last seen")


def test_typing_is_seen_and_ends_with_the_message(someone: Callable[..., Someone]) -> None:
    ann, bob = someone("Ann"), someone("Bob")
    bob.say(ann, "hello")
    bob.page.reload()
    bob.open(ann)
    ann.open(bob)
    bob.page.locator("#text").press_sequentially("hm")
    expect(ann.page.locator("#status")).to_have_text("typing…", timeout=1500)
    bob.write("done")
    expect(ann.bubble("done")).to_be_visible()
    expect(ann.page.locator("#status")).to_have_text("online")


def test_typing_is_gone_six_seconds_after_the_last_key(someone: Callable[..., Someone]) -> None:
    ann, bob = someone("Ann"), someone("Bob")
    bob.say(ann, "hello")
    bob.page.reload()
    bob.open(ann)
    ann.open(bob)
    ann.page.clock.install()
    bob.page.locator("#text").press_sequentially("h")
    expect(ann.page.locator("#status")).to_have_text("typing…")
    ann.page.clock.fast_forward(6100)
    expect(ann.page.locator("#status")).to_have_text("online")


def test_a_sender_sees_that_he_was_read(someone: Callable[..., Someone]) -> None:
    ann, bob = someone("Ann"), someone("Bob")
    ann.find(bob)
    ann.write("did you see this?")
    expect(ann.page.locator("[data-state=sent]")).to_be_visible()
    expect(ann.page.locator(".receipt")).to_have_count(0)
    bob.open(ann)
    expect(ann.page.locator(".receipt")).to_have_text("Read")


def test_my_message_is_there_before_the_server_answers(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "hello")
    ann.open(bob)
    expect(ann.bubble("hello")).to_be_visible()
    milliseconds = ann.page.evaluate(
        """async () => {
          const field = document.getElementById("text");
          field.value = "quick";
          field.dispatchEvent(new InputEvent("input"));
          const start = performance.now();
          field.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", cancelable: true}));
          while (!document.querySelector(".message.own")) await new Promise((next) => queueMicrotask(next));
          return performance.now() - start;
        }"""
    )
    assert milliseconds < 50
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
    ann.page.reload()
    ann.open(bob)
    expect(ann.bubble("one")).to_be_visible()
    bob.say(ann, "the lost one")
    bob.say(ann, "the next one")
    expect(ann.page.locator(".message .text")).to_have_text(["one", "the lost one", "the next one"])
    assert lost
