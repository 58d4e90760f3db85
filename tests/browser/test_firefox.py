"""Two users in a real Firefox on one server: differences between browsers show here."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.browser import firefox, media
from tests.browser.conftest import TIMEOUT_MS, Someone, Watch, reload, unique, until
from tests.browser.screens import sign_in
from tests.browser.server import Person, Server

#: Milliseconds. Firefox starts more slowly than Chromium.
FIREFOX_TIMEOUT_MS = 2 * TIMEOUT_MS

pytestmark = [
    pytest.mark.skipif(not firefox.FIREFOX, reason="Firefox is missing: apt-get install firefox-esr"),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = firefox.launch(playwright)
    yield browser
    browser.close()


@pytest.fixture
def opened(browser: Browser, site: Server, watch: Watch) -> Iterator[Callable[..., Page]]:
    """A window with its own cookies."""
    contexts = []

    def open_page(**options: Any) -> Page:
        context = browser.new_context(base_url=site.url, **{"locale": "en-GB", **firefox.AS_IT_IS, **options})
        context.set_default_timeout(FIREFOX_TIMEOUT_MS)
        watch.over(context)
        contexts.append(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


def test_two_people_talk_in_firefox(opened: Callable[..., Page]) -> None:
    ann = Someone(unique("Ann"), opened())
    bob = Someone(unique("李小明"), opened(locale="zh-CN"))
    ann.find(bob)
    ann.page.fill("#text", "Hello")
    ann.page.press("#text", "Shift+Enter")
    ann.page.keyboard.type("小明!")
    ann.page.press("#text", "Enter")
    expect(ann.page.locator(".message.own[data-state=sent]")).to_have_count(1)
    expect(bob.badge(ann.name)).to_have_text("1")
    expect(bob.page).to_have_title("(1) 聊天")
    bob.open(ann)
    expect(bob.bubble("小明!")).to_be_visible()
    assert bob.texts == ["Hello\n小明!"]
    expect(ann.page.locator(".receipt")).to_have_text("Read")
    bob.write("👍")
    expect(ann.page.locator(".message.big .text")).to_have_text("👍")
    expect(bob.badge(ann.name)).to_have_count(0)
    media.hand_over(ann.page, "drop", "#log", ("summit.jpg", "image/jpeg", media.jpeg()))
    ann.page.fill("#caption", "from the summit")
    ann.page.press("#caption", "Enter")
    picture = bob.page.locator(".message[data-type=image]")
    expect(picture).to_contain_text("from the summit")
    assert media.is_loaded(picture.locator("img"))
    picture.locator("button.picture").click()
    expect(bob.page.locator("dialog.lightbox")).to_be_visible()
    bob.page.keyboard.press("Escape")
    expect(bob.page.locator("dialog")).to_have_count(0)
    ann.page.click(".me-button")
    ann.page.get_by_role("menuitemradio", name="Dark").click()
    expect(ann.page.locator("html")).to_have_attribute("data-theme", "dark")
    until(ann.page, "() => !history.state?.above")  # the menu is still being left, which stops a reload
    reload(ann.page)
    expect(ann.page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(ann.page.locator(".message[data-state=sent]")).to_have_count(2)
    expect(bob.page.locator(".message")).to_have_count(3)


def test_a_page_of_firefox_left_open_hears_again_after_the_server_was_gone(browser: Browser, tmp_path: Path) -> None:
    with Server(tmp_path) as site:
        ann, bob = Person(site, "Ann"), Person(site, "Bob")
        bob.say(ann, "before")
        context = browser.new_context(base_url=site.url, locale="en-GB", **firefox.AS_IT_IS)
        context.set_default_timeout(FIREFOX_TIMEOUT_MS)
        sign_in(context, ann.name)
        page = context.new_page()
        page.goto(f"/chat/private/{bob.id}/")
        expect(page.locator(".message .text")).to_have_text(["before"])
        site.kill()
        expect(page.locator("#banner")).to_be_visible()
        page.fill("#text", "meanwhile")
        page.press("#text", "Enter")
        expect(page.locator(".message[data-state=sending]")).to_have_count(1)
        site.start()
        expect(page.locator(".message[data-state=sent]")).to_have_count(1, timeout=FIREFOX_TIMEOUT_MS)
        expect(page.locator("#banner")).to_be_hidden()
        context.close()
