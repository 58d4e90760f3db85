"""The first view, and the limits on what is in the page: chats, messages, earlier conversations."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, Request, Route, expect

from tests.browser.conftest import Someone, until
from tests.browser.server import Person
from tests.browser.test_conversation import go_to_end

FETCHED = ("/chatList", "/group/messages", "/private/messages")


def asked(page: Page) -> list[Request]:
    """Collects the requests for chats and messages from now on."""
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request) if urlsplit(request.url).path in FETCHED else None)
    return requests


def say_much(person: Person, group: str, count: int) -> None:
    """Sends in any order, except the first and the last message."""
    person.say_in(group, "news first")
    with ThreadPoolExecutor(4) as together:
        list(together.map(lambda number: person.say_in(group, f"news {number}"), range(count - 2)))
    person.say_in(group, "news last")


def first_seq(page: Page) -> int:
    return int(page.locator(".message[data-seq]").first.get_attribute("data-seq") or 0)


def test_a_conversation_is_there_before_anything_is_fetched(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    for number in range(3):
        bob.say(ann, f"hello {number}")
    ann.page.goto("about:blank")  # whatever the page before it asks for is not this one's
    requests = asked(ann.page)
    # Only the page itself: the routes do not answer, and the socket is silent.
    held: list[Route] = []
    for path in FETCHED:
        ann.page.route(f"**{path}*", lambda route: held.append(route))
    ann.page.route_web_socket("**/ws/chat/*", lambda socket: None)
    ann.page.goto(f"/chat/private/{bob.id}/")
    expect(ann.bubble("hello 2")).to_be_visible()
    assert ann.texts == ["hello 0", "hello 1", "hello 2"]
    expect(ann.row(bob.name).locator(".chat-preview")).to_have_text("hello 2")
    expect(ann.page.locator(".conversation-head h2")).to_have_text(bob.name)
    assert not requests
    assert not held


def test_what_was_said_since_the_page_was_made_comes_after_it(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "before")

    def late(route: Route) -> None:
        bob.say(ann, "meanwhile")
        route.continue_()

    ann.page.route("**/js/main.*.js", late)
    ann.page.goto(f"/chat/private/{bob.id}/")
    expect(ann.page.locator(".message .text")).to_have_text(["before", "meanwhile"])
    expect(ann.page.locator(".pill.to-end")).to_be_hidden()


def test_of_a_long_list_there_are_as_many_rows_as_one_scrolls_to(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, creators = someone("Ann"), [person("Bob"), person("Cem")]  # so many groups are above one person's budget
    for number in range(60):
        creators[number % 2].post("/group/create", name=f"Group {number}", memberIds=[ann.id])
    with ann.page.expect_response("**/chatList"):
        ann.page.goto("/")
    rows = ann.page.locator(".rows .chat-row")
    expect(rows).to_have_count(40)
    expect(rows.first).to_contain_text("Group 59")
    rows.nth(39).scroll_into_view_if_needed()
    expect(rows).to_have_count(60)
    ann.page.fill("#search", "Group 7")
    expect(rows).to_have_count(1)
    rows.first.click()
    expect(ann.page.locator(".conversation-head h2")).to_have_text("Group 7")


def test_after_thousands_of_messages_the_page_holds_a_few_hundred_and_the_rest_is_fetched_again(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    group = bob.create_group("Much talk", bob)
    ann.post("/group/join", groupId=group)
    page = ann.page
    page.goto(f"/chat/group/{group}/")
    expect(page.locator(".composer")).to_be_visible()
    bob.say_in(group, "hello")
    expect(ann.bubble("hello")).to_be_visible()
    say_much(bob, group, 2000)
    expect(ann.row("Much talk")).to_contain_text("news last")
    go_to_end(ann, "news last")
    assert page.locator(".message").count() <= 320
    expect(ann.badge("Much talk")).to_have_count(0)

    requests = asked(page)
    last = first_seq(page) + page.locator(".message").count()
    while not any("before" in parse_qs(urlsplit(one.url).query) for one in requests):
        before = first_seq(page)
        assert before > last - 1300, "everything that was ever heard is kept"
        page.evaluate("document.getElementById('log').scrollTop = 0")
        until(page, "(seq) => Number(document.querySelector('.message[data-seq]').dataset.seq) < seq", arg=before)
        assert page.locator(".message").count() <= 320


def test_much_that_was_said_in_another_chat_begins_with_its_first_unread_message(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    group = bob.create_group("Elsewhere", bob)
    ann.post("/group/join", groupId=group)
    bob.say(ann, "over here")
    page = ann.page
    page.goto(f"/chat/group/{group}/")
    expect(page.locator(".composer")).to_be_visible()
    ann.open(bob)
    expect(ann.bubble("over here")).to_be_visible()
    say_much(bob, group, 1100)
    expect(ann.badge("Elsewhere")).to_have_text("99+")
    expect(ann.row("Elsewhere")).to_contain_text("news last")
    ann.open("Elsewhere")
    expect(page.locator(".divider")).to_be_in_viewport()
    expect(page.locator(".divider + .message .text")).to_have_text("news first")


def test_what_is_read_is_told_though_messages_never_pause(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    group = bob.create_group("On and on", bob)
    ann.post("/group/join", groupId=group)
    with ann.page.expect_websocket() as opened:
        ann.page.goto(f"/chat/group/{group}/")
    expect(ann.page.locator(".system")).to_have_count(2)
    is_enough = threading.Event()

    def talk() -> None:
        while not is_enough.wait(0.03):
            bob.say_in(group, "and on")

    talker = threading.Thread(target=talk)
    try:
        talker.start()
        expect(ann.bubble("and on").nth(9)).to_be_visible()
        with opened.value.expect_event("framesent", lambda frame: "EmitMarkGroupRead" in frame):
            expect(ann.bubble("and on").nth(20)).to_be_visible()
    finally:
        is_enough.set()
        talker.join()


def test_what_is_opened_later_was_fetched_before_somebody_opens_it(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "hello")
    scripts: list[str] = []
    ann.page.on("request", lambda request: scripts.append(request.url) if "/static/js/" in request.url else None)
    with ann.page.expect_response("**/js/views/conversation/emoji_panel.*.js"):
        ann.page.goto("/")
    ann.open(bob)
    scripts.clear()
    ann.page.get_by_role("button", name="Emoji").click()
    expect(ann.page.locator(".emoji-panel")).to_be_visible()
    assert not [one for one in scripts if "emoji_panel" in one]
