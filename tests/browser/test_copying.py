"""Copying texts, invitations and places, with and without the browser's clipboard."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Playwright, expect

from tests.browser.conftest import Someone
from tests.browser.media import SENSES
from tests.browser.server import BROWSER_ARGS, HEADLESS_CHROMIUM, PASSWORD, Person, Server

HOST = "chat.test"


def expect_copied(page: Page, text: str) -> None:
    """The clipboard's text, pasted into the message field."""
    page.fill("#text", "")
    page.focus("#text")
    page.keyboard.press("Control+V")
    expect(page.locator("#text")).to_have_value(text)


def copy_message(page: Page, text: str) -> None:
    page.locator(".message", has_text=text).click(button="right")
    page.get_by_role("menuitem", name="Copy").click()


@pytest.fixture
def insecure(playwright: Playwright, tmp_path: Path) -> Iterator[Page]:
    """Ann in a group of Bob's, on a page opened over plain http as from another machine."""
    browser = playwright.chromium.launch(
        executable_path=HEADLESS_CHROMIUM, args=[*BROWSER_ARGS, f"--host-resolver-rules=MAP {HOST} 127.0.0.1"]
    )
    with Server(tmp_path, ALLOWED_HOSTS=f"{HOST},127.0.0.1") as site:
        ann, bob = Person(site, "Ann"), Person(site, "Bob")
        group = ann.create_group("Tea", bob)
        bob.say_in(group, "two\nlines")
        context = browser.new_context(base_url=f"http://{HOST}:{site.port}", locale="en-GB")
        page = context.new_page()
        page.goto(f"/sign-in/?next=/chat/group/{group}/")
        page.fill("#name", ann.name)
        page.fill("#password", PASSWORD)
        page.press("#password", "Enter")
        expect(page.locator(".message")).to_have_count(1)
        assert page.evaluate("isSecureContext || Boolean(navigator.clipboard)") is False
        yield page
    browser.close()


def test_a_message_is_copied_as_it_was_written(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann", **SENSES), person("Bob")
    bob.say(ann, "two\nlines")
    ann.open(bob)
    copy_message(ann.page, "two")
    expect(ann.page.locator(".toast")).to_have_text("Copied.")
    expect_copied(ann.page, "two\nlines")


def test_without_https_messages_and_invitations_are_copied_all_the_same(insecure: Page) -> None:
    copy_message(insecure, "two")
    expect(insecure.locator(".toast")).to_have_text("Copied.")
    expect_copied(insecure, "two\nlines")
    insecure.click("#group-info")
    insecure.get_by_role("button", name="Show the invitation").click()
    link = insecure.locator(".code code").inner_text()
    copy = insecure.get_by_role("button", name="Copy", exact=True)
    insecure.evaluate("document.getElementById('toasts').replaceChildren()")
    copy.click()
    expect(insecure.locator(".toast")).to_have_text("Copied.")
    expect(copy).to_be_focused()
    insecure.keyboard.press("Escape")
    expect_copied(insecure, link)


def test_what_no_page_may_copy_is_shown_selected(insecure: Page) -> None:
    insecure.evaluate("document.execCommand = () => false")
    copy_message(insecure, "two")
    field = insecure.get_by_label("Copy this").get_by_role("textbox")
    expect(field).to_be_focused()
    assert insecure.evaluate("String(getSelection())") == "two\nlines"
    insecure.keyboard.press("Control+C")
    insecure.keyboard.press("Escape")
    expect_copied(insecure, "two\nlines")
