"""Saved messages: a chat with oneself."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser import flaws
from tests.browser.conftest import Someone, reload
from tests.browser.server import Person


def test_a_message_is_saved_and_is_on_my_other_devices(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "the key is under the mat")
    other = ann.another_tab()
    page = ann.page
    ann.open(bob)

    # From the menu of a message, with its author; it appears in the list of every tab.
    ann.bubble("under the mat").locator(".text").click(button="right")
    page.get_by_role("menuitem", name="Save for later").click()
    expect(page.locator(".toast")).to_have_text("Saved for later.")
    for one in (ann, other):
        expect(one.row("Saved messages")).to_contain_text("the key is under the mat")
        expect(one.badge("Saved messages")).to_have_count(0)
    other.page.locator(".me-button").click()
    other.page.get_by_role("menuitem", name="Saved messages").click()
    expect(other.bubble("under the mat").locator(".forwarded")).to_have_text(f"Forwarded from {bob.name}")
    expect(other.page.locator("#status")).to_have_text("Only you see this")
    assert not flaws.found_by_axe(other.page) + flaws.sideways(other.page)

    # Written in one, it comes to the other; there is nobody who could have read it.
    page.keyboard.press("Control+k")
    page.keyboard.type("saved")
    expect(page.get_by_role("option", name="Saved messages")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("#who")).to_contain_text("Saved messages")
    ann.write("buy tea")
    expect(other.bubble("buy tea")).to_be_visible()
    expect(ann.bubble("buy tea")).to_have_attribute("data-state", "sent")  # the other tab may hear of it before
    ann.bubble("buy tea").locator(".text").click(button="right")
    expect(page.get_by_role("menuitem", name="Forward")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Who has read it")).to_have_count(0)
    page.keyboard.press("Escape")
    # After a reload it is what it was, and my own name is nobody's chat.
    reload(page)
    expect(ann.bubble("buy tea")).to_be_visible()
    expect(ann.row(ann.name)).to_have_count(0)
