"""Finding the way: pinned messages."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser import flaws
from tests.browser.conftest import Someone
from tests.browser.server import Person
from tests.browser.test_phone import PHONE


def test_messages_are_pinned_for_everybody_and_lead_back_to_themselves(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann", reduced_motion="reduce"), someone("Bob", **PHONE, locale="zh-CN"), person("Cem")
    group = ann.create_group("Tea", bob, cem)
    cem.say_in(group, "the address is in the garden")
    for number in range(60):
        cem.say_in(group, f"something else {number}")
    last = cem.say_in(group, "bring a cup")
    ann.open("Tea")
    bob.page.goto(f"/chat/group/{group}/")
    expect(ann.page.locator(".pin-bar")).to_be_hidden()

    # From the menu of a message, by an administrator; the others see the line at once.
    ann.page.locator("#text").blur()
    ann.page.focus("#log")
    ann.page.keyboard.press("ArrowUp")
    ann.page.keyboard.press("Enter")
    ann.page.get_by_role("menuitem", name="Pin this message").click()
    expect(ann.page.locator("#pin-line")).to_have_text(f"Pinned message{cem.name}: bring a cup")
    expect(bob.page.locator("#pin-line")).to_have_text(f"置顶消息{cem.name}：bring a cup")
    expect(bob.page.locator(".system").last).to_contain_text(f"{ann.name}置顶了一条消息")
    bob.page.locator(".message", has_text="bring a cup").click(button="right")
    expect(bob.page.get_by_role("menuitem", name="回复")).to_be_visible()
    expect(bob.page.get_by_role("menuitem", name="置顶这条消息")).to_have_count(0)
    bob.page.keyboard.press("Escape")

    # Several: the last pinned first, each press leads to the next, far away too, and back.
    first = ann.page.request.get(f"/message/search?q=address&chatId={group}&isGroup=true").json()[0]
    ann.post("/message/pin", messageId=first["id"])
    line = bob.page.locator("#pin-line")
    expect(line).to_have_text(f"置顶消息 1/2{cem.name}：the address is in the garden")
    assert not flaws.found_by_axe(bob.page) + flaws.too_small_to_touch(bob.page) + flaws.sideways(bob.page)
    line.tap()
    expect(bob.page.locator(".message.flash")).to_contain_text("the address is in the garden")
    expect(line).to_contain_text("置顶消息 2/2")
    line.tap()
    expect(bob.page.locator(".message.flash")).to_contain_text("bring a cup")
    bob.page.locator(".show-pinned").last.press("Enter")
    expect(bob.page.locator(".message.flash")).to_contain_text("the address is in the garden")

    # The list, by keyboard: it leads to each, and unpins for who may.
    ann.page.focus("#all-pins")
    ann.page.keyboard.press("Enter")
    entries = ann.page.get_by_role("dialog", name="Pinned messages").locator(".pin-entry")
    expect(entries).to_have_count(2)
    expect(entries.nth(0)).to_contain_text("the address is in the garden")
    assert not flaws.found_by_axe(ann.page)
    entries.nth(1).get_by_role("button", name="Unpin this message").click()
    expect(entries).to_have_count(1)
    expect(line).to_have_text(f"置顶消息{cem.name}：the address is in the garden")
    entries.nth(0).locator(".pin-goto").click()
    expect(ann.page.locator(".message.flash")).to_contain_text("the address is in the garden")

    # What was pinned while nobody looked is there after a reload; a recall takes it away.
    ann.post("/message/pin", messageId=last["id"])
    bob.page.reload()
    expect(line).to_have_text(f"置顶消息 1/2{cem.name}：bring a cup")
    cem.post("/message/recall", messageId=last["id"])
    expect(line).to_have_text(f"置顶消息{cem.name}：the address is in the garden")
    ann.post("/message/pin", messageId=first["id"], pinned=False)
    expect(bob.page.locator(".pin-bar")).to_be_hidden()
