"""Reading: where a conversation opens, what moves, and how few of its messages are in the page."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import WATCH_FLASHES, Someone, Watch, hear_until, reload, unique, until
from tests.browser.server import Person, Server

SENT_AT = "UPDATE messaging_message SET sent_at = %s WHERE _id = %s"
#: The position of a message's top edge in the window, by its text.
TOP = "(text) => [...document.querySelectorAll('.message .text')].find((one) => one.textContent === text).getBoundingClientRect().top"


@pytest.fixture(scope="module")
def long_talk(site: Server) -> tuple[Person, str]:
    """A group of Bob's with many messages."""
    bob = Person(site, unique("Bob"))
    group = bob.create_group("Long talk")
    for number in range(1, 401):
        bob.say_in(group, f"message {number}" + "\nand another line" * (number % 3))
    return bob, group


@pytest.fixture
def long_chat(someone: Callable[..., Someone], long_talk: tuple[Person, str]) -> tuple[Someone, Callable[[str], Any]]:
    """A member who is at the end of a long group chat, and a function by which Bob says more."""
    ann = someone("Ann")
    bob, group = long_talk
    ann.post("/group/join", groupId=group)
    ann.open("Long talk")
    expect(ann.page.locator(".message").last).to_be_in_viewport()
    return ann, lambda text: bob.say_in(group, text)


def first_seq(someone: Someone) -> int:
    return int(someone.page.locator(".message[data-seq]").first.get_attribute("data-seq") or 0)


def go_to_end(someone: Someone, last: str) -> None:
    """The end of much that was said at once: a reader who is slower than that is not scrolled along."""
    until(
        someone.page,
        """(last) => {
          const pill = document.querySelector(".pill.to-end");
          if (!pill.hidden) pill.click();
          return [...document.querySelectorAll(".message .text")].at(-1)?.textContent === last;
        }""",
        arg=last,
    )
    expect(someone.bubble(last)).to_be_in_viewport()


@pytest.mark.parametrize("above", [500, 0])
def test_history_comes_in_above_without_moving_the_line_under_the_eye(
    long_chat: tuple[Someone, Callable[[str], Any]], above: int
) -> None:
    ann, _ = long_chat
    page = ann.page
    before = first_seq(ann)
    text, top = page.evaluate(
        """(above) => {
          const log = document.getElementById("log");
          log.scrollTop = above;
          const { top } = log.getBoundingClientRect();
          const line = [...log.querySelectorAll(".message .text")].find((one) => one.getBoundingClientRect().top > top);
          return [line.textContent, line.getBoundingClientRect().top];
        }""",
        above,
    )
    expect(page.locator(f".message[data-seq='{before - 1}']")).to_have_count(1)
    assert abs(page.evaluate(TOP, text) - top) <= 2


def test_a_fast_scroll_through_the_history_shifts_nothing(long_chat: tuple[Someone, Callable[[str], Any]]) -> None:
    ann, _ = long_chat
    page = ann.page
    page.evaluate(
        """() => {
          window.shift = 0;
          const add = (list) => list.getEntries().forEach(({ value }) => { window.shift += value; });
          new PerformanceObserver(add).observe({ type: "layout-shift" });
        }"""
    )
    page.locator("#log").hover()
    begun = first_seq(ann)
    for _ in range(60):
        page.mouse.wheel(0, -700)

    def is_far_up() -> bool:
        page.mouse.wheel(0, -700)  # all of those before may have come before any history did
        return first_seq(ann) < begun - 100

    hear_until(page, is_far_up)
    for _ in range(30):
        page.mouse.wheel(0, 700)
    # Two frames: what the last of them shifted is told after it.
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
    )
    assert page.evaluate("window.shift") < 0.05


def test_the_whole_history_can_be_read_and_little_of_it_is_in_the_page(
    long_chat: tuple[Someone, Callable[[str], Any]],
) -> None:
    ann, _ = long_chat
    page = ann.page
    most = 0
    for _round in range(60):
        if page.locator(".beginning").count():
            break
        before = first_seq(ann)
        page.evaluate("document.getElementById('log').scrollTop = 0")
        # The list may have come to its beginning since it was looked for.
        until(
            page,
            """(seq) => document.querySelector(".beginning") ||
              Number(document.querySelector(".message[data-seq]").dataset.seq) < seq""",
            arg=before,
        )
        most = max(most, page.locator(".message").count())
    expect(page.locator(".beginning")).to_be_visible()
    expect(ann.bubble("message 1").first).to_be_visible()
    assert 200 < most <= 320
    page.get_by_role("button", name="Go to the end").click()
    expect(page.locator(".message").last).to_be_in_viewport()
    assert page.locator(".message").count() <= 320


@pytest.mark.timeout(300)
def test_two_thousand_messages_that_come_while_one_looks_leave_few_in_the_page(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    group = bob.create_group("Flood", ann)
    ann.open("Flood")
    expect(ann.page.locator(".system")).to_be_visible()
    ann.page.evaluate(
        """() => {
          window.most = 0;
          const count = () => { window.most = Math.max(window.most, document.querySelectorAll(".message").length); };
          new MutationObserver(count).observe(document.getElementById("log"), { subtree: true, childList: true });
        }"""
    )
    with ThreadPoolExecutor(8) as several:
        for _ in several.map(lambda number: bob.say_in(group, f"flood {number}"), range(2000)):
            pass
    bob.say_in(group, "the last of them")
    expect(ann.row("Flood").locator(".chat-preview")).to_contain_text("the last of them", timeout=120_000)
    go_to_end(ann, "the last of them")
    for _round in range(8):
        before = first_seq(ann)
        ann.page.evaluate("document.getElementById('log').scrollTop = 0")
        until(ann.page, "(seq) => Number(document.querySelector('.message[data-seq]').dataset.seq) < seq", arg=before)
    assert 200 < ann.page.evaluate("window.most") <= 320


def test_scrolled_up_a_new_message_moves_nothing_and_the_pill_leads_to_it(
    long_chat: tuple[Someone, Callable[[str], Any]],
) -> None:
    ann, bob_says = long_chat
    page = ann.page
    page.evaluate("document.getElementById('log').scrollTop -= 1500")
    pill = page.get_by_role("button", name="Go to the end")
    expect(pill).to_be_visible()
    text, top = page.evaluate(
        """() => {
          const line = [...document.querySelectorAll(".message .text")].find((one) => one.getBoundingClientRect().top > 200);
          return [line.textContent, line.getBoundingClientRect().top];
        }"""
    )
    bob_says("news one")
    bob_says("news two")
    expect(page.locator(".pill-count")).to_have_text("2")
    assert abs(page.evaluate(TOP, text) - top) <= 2
    page.locator(".pill.to-end").click()
    expect(ann.bubble("news two")).to_be_in_viewport()
    expect(page.locator(".pill.to-end")).to_be_hidden()
    expect(ann.badge("Long talk")).to_have_count(0)


def test_at_the_end_a_new_message_is_followed(long_chat: tuple[Someone, Callable[[str], Any]]) -> None:
    ann, bob_says = long_chat
    bob_says("the newest\n" * 12)
    expect(ann.bubble("the newest")).to_be_in_viewport(ratio=0.9)
    expect(ann.page.locator(".pill.to-end")).to_be_hidden()


def test_a_conversation_opens_at_its_first_unread_message(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    for number in range(1, 31):
        bob.say(ann, f"old {number}")
    ann.post("/markPrivateRead", senderId=bob.id)
    for number in range(1, 121):
        bob.say(ann, f"new {number}")
    reload(ann.page)
    expect(ann.badge(bob.name)).to_have_text("99+")
    ann.open(bob)
    divider = ann.page.locator(".divider")
    expect(divider).to_have_text("New messages")
    expect(divider).to_be_in_viewport()
    expect(ann.page.locator(".divider + .message .text")).to_have_text("new 1")
    expect(ann.page.locator(".message .text", has_text="new 1").first).to_be_in_viewport()
    expect(ann.page.locator(".pill-count")).to_be_visible()
    expect(ann.bubble("new 120")).not_to_be_in_viewport()


def test_a_conversation_that_was_read_opens_at_its_end_without_a_divider(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    for number in range(1, 41):
        bob.say(ann, f"old {number}\nand more")
    ann.post("/markPrivateRead", senderId=bob.id)
    reload(ann.page)
    ann.open(bob)
    expect(ann.bubble("old 40")).to_be_in_viewport(ratio=0.9)
    expect(ann.page.locator(".divider")).to_have_count(0)
    expect(ann.page.locator(".pill.to-end")).to_be_hidden()


def test_days_are_told_apart_and_what_is_said_within_five_minutes_stands_together(
    site: Server, someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann", timezone_id="Asia/Shanghai"), person("Bob")
    moments = {
        "long ago": "2025-03-11T09:00",
        "this week": "2026-03-09T09:00",
        "before midnight": "2026-03-10T23:58",
        "after midnight": "2026-03-11T00:01",
        "a minute before five are over": "2026-03-11T00:04",
        "five minutes later": "2026-03-11T00:09",
    }
    said = {text: bob.say(ann, text)["id"] for text in moments}
    for text, moment in moments.items():
        at = datetime.fromisoformat(f"{moment}+08:00")
        assert site.database.change(SENT_AT, at, UUID(said[text])) == 1
    ann.page.clock.set_fixed_time("2026-03-11T12:00+08:00")
    reload(ann.page)
    ann.open(bob)
    expect(ann.page.locator(".day")).to_have_text(["March 11, 2025", "Monday, March 9", "Yesterday", "Today"])
    expect(ann.page.locator(".message .text")).to_have_text(list(moments))
    begins = ann.page.locator(".message").evaluate_all(
        "(rows) => rows.filter((row) => row.matches('.first')).map((row) => row.querySelector('.text').textContent)"
    )
    assert begins == [text for text in moments if text != "a minute before five are over"]


def test_what_people_write_is_text_and_only_addresses_are_links(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("<b>Bob</b>")
    attacks = [
        "<script>document.title = 'owned'</script>",
        "<img src=x onerror=\"document.title = 'owned'\">",
        "javascript:alert(1)",
        'https://example.com/"onmouseover="alert(1)',
    ]
    for attack in attacks:
        bob.say(ann, attack)
    bob.say(ann, "see https://example.com/a_(b)?c=d#e, or （https://例子.测试/路径）。")
    reload(ann.page)
    ann.open(bob)
    expect(ann.page.locator(".message .text")).to_have_count(5)
    assert ann.texts[:4] == attacks
    assert ann.page.locator(".message").locator("script, img, b").count() == 0
    links = ann.page.locator(".message a")
    expect(links).to_have_count(3)
    for link in links.all():
        assert (link.get_attribute("href") or "").startswith("https://")
        assert link.get_attribute("rel") == "noopener noreferrer"
    expect(links.nth(1)).to_have_text("https://example.com/a_(b)?c=d#e")
    expect(links.nth(2)).to_have_text("https://例子.测试/路径")
    expect(ann.page.locator(".conversation-head h2 bdi")).to_have_text(bob.name)


def test_long_words_emoji_and_right_to_left_stay_inside(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    ann, bob = someone("Ann", **phone), person("Bartholomew" * 2)
    for text in ("W" * 600, "👨‍👩‍👧‍👦" * 60, "https://example.com/" + "a" * 300, "مرحبا " * 60, "长" * 300):
        bob.say(ann, text)
    ann.row(bob.name).tap()
    expect(ann.page.locator(".message")).to_have_count(5)
    assert ann.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert ann.page.evaluate("document.getElementById('log').scrollWidth <= document.getElementById('log').clientWidth")


def test_a_phone_shows_one_pane_and_goes_back(someone: Callable[..., Someone], person: Callable[[str], Person]) -> None:
    ann, bob = someone("Ann", viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True), person("Bob")
    bob.say(ann, "hello")
    ann.row(bob.name).tap()
    expect(ann.page.locator("#sidebar")).to_be_hidden()
    expect(ann.bubble("hello")).to_be_visible()
    assert ann.page.evaluate("parseFloat(getComputedStyle(document.getElementById('text')).fontSize)") >= 16
    ann.page.get_by_role("button", name="Back").tap()
    expect(ann.page.locator("#sidebar")).to_be_visible()
    expect(ann.page).to_have_url("/")
    ann.row(bob.name).tap()
    expect(ann.page.locator("#sidebar")).to_be_hidden()
    ann.page.go_back()
    expect(ann.page.locator("#sidebar")).to_be_visible()


def test_a_recalled_message_leaves_a_trace_and_its_sender_can_write_it_anew(someone: Callable[..., Someone]) -> None:
    ann, bob = someone("Ann"), someone("Bob")
    ann.find(bob)
    ann.write("a slip of the pen")
    bob.open(ann)
    expect(bob.bubble("a slip of the pen")).to_be_visible()
    expect(ann.page.locator(".receipt")).to_have_text("Read")
    ann.bubble("a slip of the pen").click(button="right")
    ann.page.get_by_role("menuitem", name="Recall").click()
    expect(bob.page.locator(".message .text")).to_have_text(f"{ann.name} recalled a message")
    expect(ann.page.locator(".message .text")).to_have_text("You recalled a message")
    expect(ann.row(bob.name).locator(".chat-preview")).to_have_text("You recalled a message")
    ann.page.get_by_role("button", name="Re-edit").click()
    expect(ann.page.locator("#text")).to_have_value("a slip of the pen")


def test_after_a_while_a_message_can_no_longer_be_recalled(site: Server, someone: Callable[..., Someone]) -> None:
    ann, bob = someone("Ann"), someone("Bob")
    ann.find(bob)
    ann.write("said is said")
    expect(ann.page.locator("[data-state=sent]")).to_have_count(1)
    said = ann.page.request.get(f"/private/messages?senderId={bob.id}").json()
    recall = ann.page.get_by_role("menuitem", name="Recall")
    ann.bubble("said is said").click(button="right")
    expect(recall).to_be_visible()
    ann.page.keyboard.press("Escape")
    # The device's clock decides nothing.
    ann.page.clock.set_fixed_time(datetime.now(UTC) + timedelta(seconds=121))
    ann.bubble("said is said").click(button="right")
    expect(recall).to_be_visible()
    ann.page.keyboard.press("Escape")
    at = datetime.now(UTC) - timedelta(seconds=121)
    assert site.database.change(SENT_AT, at, UUID(said[-1]["id"])) == 1
    reload(ann.page)
    ann.open(bob)
    ann.bubble("said is said").click(button="right")
    expect(ann.page.get_by_role("menuitem", name="Reply")).to_be_visible()
    expect(recall).to_have_count(0)


def test_an_edit_reaches_everyone_and_says_that_it_is_one(someone: Callable[..., Someone]) -> None:
    ann, bob = someone("Ann"), someone("Bob")
    ann.find(bob)
    ann.write("helo")
    bob.open(ann)
    expect(bob.bubble("helo")).to_be_visible()
    expect(ann.page.locator("[data-state=sent]")).to_have_count(1)
    ann.page.press("#text", "ArrowUp")
    expect(ann.page.locator("#text")).to_have_value("helo")
    ann.write("hello")
    expect(bob.page.locator(".message .text")).to_have_text("hello")
    expect(bob.page.locator(".edited")).to_have_text("edited")
    expect(ann.page.locator("#text")).to_have_value("")


def test_an_answer_shows_what_it_answers_and_leads_there(someone: Callable[..., Someone]) -> None:
    ann, bob = someone("Ann"), someone("Bob")
    bob.say(ann, "tea or coffee?")
    ann.open(bob)
    ann.bubble("tea or coffee?").hover()
    ann.page.get_by_role("button", name="Message actions").click()
    ann.page.get_by_role("menuitem", name="Reply").click()
    ann.write("tea, please")
    bob.open(ann)
    quote = bob.page.locator(".quote")
    expect(quote).to_contain_text("tea or coffee?")
    bob.page.evaluate(WATCH_FLASHES)
    quote.click()
    assert "tea or coffee?" in bob.page.evaluate("() => window.flashed")


def test_old_messages_are_not_read_out_and_new_ones_are(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "history")
    ann.open(bob)
    expect(ann.bubble("history")).to_be_visible()
    expect(ann.page.get_by_role("log")).to_have_attribute("aria-live", "off")
    expect(ann.page.locator("#announcer")).not_to_contain_text("history")
    bob.say(ann, "news")
    expect(ann.page.locator("#announcer")).to_have_text(f"{bob.name}: news")


def test_heaps_of_marks_stay_in_their_bubble_and_a_time_keeps_its_distance(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "above")
    bob.say(ann, "Z" + "\u030d\u0311\u0310\u0352" * 60 + " algo")
    bob.say(ann, "\u0634\u0643\u0631\u0627 \u062c\u0632\u064a\u0644\u0627")
    ann.open(bob)
    above = ann.bubble("above").locator(".bubble")
    expect(above).to_be_visible()
    ann.page.mouse.move(0, 0)
    with_marks = above.screenshot()
    ann.bubble("algo").locator(".text").evaluate("(text) => { text.textContent = 'Z algo'; }")
    assert above.screenshot() == with_marks
    gap = ann.page.locator(".message").last.evaluate(
        """(row) => {
          const range = document.createRange();
          range.selectNodeContents(row.querySelector(".text"));
          return range.getBoundingClientRect().left - row.querySelector(".meta").getBoundingClientRect().right;
        }"""
    )
    assert gap >= 8


def test_messages_that_were_asked_for_and_never_came_are_asked_for_again(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "hello")
    ann.page.clock.install()
    held: list[Route] = []
    is_answering = False

    def answer(route: Route) -> None:  # the archive may ask for the same page
        if is_answering:
            route.continue_()
        else:
            held.append(route)

    ann.page.route("**/private/messages*", answer)
    ann.open(bob)
    hear_until(ann.page, lambda: bool(held))
    # The chat is told of again, which is no second failure.
    with ann.page.expect_response("**/chatList"):
        person("Cem").say(ann, "hello")
    is_answering = True
    ann.page.clock.fast_forward("00:31")
    expect(ann.page.locator(".toast")).to_have_text("The server cannot be reached.")
    expect(ann.bubble("hello")).to_be_visible()


def test_a_chat_that_a_busy_server_did_not_show_is_shown_a_moment_later(
    someone: Callable[..., Someone], person: Callable[[str], Person], watch: Watch
) -> None:
    watch.allow("status of 503")
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "hello")
    busy = {"code": "busy", "detail": "The server is busy.", "status": 503}
    ann.page.route("**/private/messages*", lambda route: route.fulfill(status=503, json=busy))
    ann.open(bob)
    expect(ann.page.locator(".toast").first).to_have_text("The server is busy.")
    ann.page.unroute("**/private/messages*")
    expect(ann.bubble("hello")).to_be_visible()
