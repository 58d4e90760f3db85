"""What is being written follows its writer to their other devices, and never to another chat."""

from collections.abc import Callable

from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.conftest import Someone, reload
from tests.browser.server import PASSWORD, Person


def signed_in_again(ann: Someone, page: Page) -> Someone:
    page.get_by_label("Name").fill(ann.name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector(".chat-row, .empty")
    twin = object.__new__(Someone)
    twin.__dict__.update(ann.__dict__)
    twin.page = page
    return twin


def test_a_draft_follows_to_another_device_and_back_and_goes_when_it_is_sent(
    someone: Callable[..., Someone], person: Callable[[str], Person], visit: Callable[..., Page]
) -> None:
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    bob.say(ann, "tea?")
    cem.say(ann, "milk?")
    phone = signed_in_again(ann, visit("/sign-in/", viewport={"width": 390, "height": 780}))
    ann.open(bob)
    ann.page.locator("#text").press_sequentially("half a thou")
    expect(phone.row(bob.name).locator(".chat-preview")).to_have_text("[Draft] half a thou")
    expect(phone.row(cem.name).locator(".chat-preview")).to_have_text("milk?")

    # Back, with a reply, into the field that is open there; what is being typed there is not replaced.
    phone.open(bob)
    expect(phone.page.locator("#text")).to_have_value("half a thou")
    phone.bubble("tea?").click(button="right")
    phone.page.get_by_role("menuitem", name="Reply").click()
    phone.page.locator("#text").press("End")
    phone.page.locator("#text").press_sequentially("ght")
    phone.page.get_by_role("button", name="Back").click()
    expect(ann.page.locator("#text")).to_have_value("half a thought")
    expect(ann.page.locator(".about")).to_contain_text(f"Reply to {bob.name}")
    ann.open(cem)
    expect(ann.page.locator("#text")).to_have_value("")
    ann.open(bob)
    ann.page.press("#text", "Enter")
    expect(ann.bubble("half a thought")).to_be_visible()
    expect(phone.row(bob.name).locator(".chat-preview")).to_have_text("half a thought")

    # Without a connection it is kept here, and saved afterwards; what was given up elsewhere meanwhile is gone.
    is_cut = True

    def cut(socket: WebSocketRoute) -> None:
        if is_cut:
            socket.close(code=1013)
        else:
            socket.connect_to_server()

    phone.open(cem)
    phone.page.locator("#text").press_sequentially("from the phone")
    expect(ann.row(cem.name).locator(".chat-preview")).to_have_text("[Draft] from the phone")
    ann.page.route_web_socket("**/ws/chat/**", cut)
    reload(ann.page)
    ann.open(bob)
    ann.page.locator("#text").press_sequentially("from the cellar")
    phone.page.fill("#text", "")
    phone.page.get_by_role("button", name="Back").click()
    is_cut = False
    reload(ann.page)
    expect(phone.row(bob.name).locator(".chat-preview")).to_have_text("[Draft] from the cellar")
    expect(ann.row(cem.name).locator(".chat-preview")).to_have_text("milk?")
    expect(ann.page.locator("#text")).to_have_value("from the cellar")
