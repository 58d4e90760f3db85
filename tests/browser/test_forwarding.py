"""Selecting messages, forwarding them and deleting them for oneself: by mouse, keyboard and touch, on all devices."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser import flaws, media
from tests.browser.conftest import SERVER_GONE, Someone, Watch, reload
from tests.browser.line import Line
from tests.browser.server import Person, Server
from tests.browser.test_phone import PHONE


def choose(page: Page, bubble: Any, item: str) -> None:
    """An item of a message's menu."""
    bubble.locator(".text").click(button="right")
    page.get_by_role("menuitem", name=item, exact=True).click()


def bar(page: Page) -> Any:
    return page.locator(".selection-bar")


def test_messages_are_selected_and_forwarded_to_several_chats_with_or_without_their_author(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), someone("Bob", locale="zh-CN"), person("Cem")
    tea, work = ann.create_group("Tea", cem), ann.create_group("Work", bob)
    cem.say_in(tea, "the kettle is on")
    mine = ann.say_in(tea, "coming")
    picture = cem.upload("images", "leaf.jpg", media.jpeg((640, 420)))
    cem.post("/group/send", groupId=tea, type="image", mediaUrl=picture["mediaUrl"], content="")
    cem.say_in(tea, "bring cups")
    cem.say(ann, "hello")
    bob.page.goto(f"/chat/group/{work}/")
    page = ann.page
    ann.open("Tea")

    # One is selected in its menu; a click selects others, and with Shift all between.
    choose(page, ann.bubble("the kettle"), "Select")
    expect(bar(page)).to_contain_text("1 message selected")
    expect(page.locator("#text")).to_be_hidden()
    box = ann.bubble("the kettle").get_by_role("checkbox")
    expect(box).to_be_checked()
    expect(box).to_be_focused()
    ann.bubble("bring cups").click(modifiers=["Shift"])
    expect(bar(page)).to_contain_text("4 messages selected")
    expect(page.locator("#announcer")).to_have_text("4 messages selected")
    assert not flaws.found_by_axe(page) + flaws.sideways(page)
    # By keyboard from box to box; what only others said cannot be deleted for everybody.
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(ann.bubble("coming").get_by_role("checkbox")).to_be_focused()
    page.keyboard.press("Space")
    expect(bar(page)).to_contain_text("3 messages selected")
    expect(bar(page).get_by_role("button", name="Delete for everybody")).to_be_visible()  # ann owns the group

    # Forwarded to two chats, in their order.
    bar(page).get_by_role("button", name="Forward").click()
    dialog = page.get_by_role("dialog", name="Forward 3 messages")
    expect(dialog.get_by_role("button", name="Forward", exact=True)).to_be_disabled()
    dialog.get_by_role("checkbox", name="Work").check()
    dialog.get_by_role("searchbox", name="Chat or person").fill(bob.name)
    dialog.get_by_role("checkbox", name=bob.name).check()
    assert not flaws.found_by_axe(page)
    dialog.get_by_role("button", name="Forward to 2 chats").click()
    expect(dialog).to_have_count(0)
    expect(bar(page)).to_be_hidden()
    expect(page.locator("#text")).to_be_visible()
    expect(bob.page.locator(".log .bubble")).to_have_count(3)
    assert [text.strip() for text in bob.texts] == ["the kettle is on", "bring cups"]
    expect(bob.page.locator(".forwarded")).to_have_text([f"转发自 {cem.name}"] * 3)
    assert media.is_loaded(bob.page.locator(".message img").first)
    expect(bob.row(ann.name)).to_contain_text("bring cups")

    # One message from the bar over it, without its author; who forwarded it may edit it then.
    ann.bubble("bring cups").hover()
    page.locator(".message-bar").get_by_role("button", name="Forward").click()
    dialog = page.get_by_role("dialog", name="Forward 1 message")
    dialog.get_by_role("checkbox", name="Work").check()
    dialog.get_by_role("checkbox", name="Say who wrote it").uncheck()
    dialog.get_by_role("button", name="Forward to 1 chat").click()
    expect(bob.page.locator(".log .bubble")).to_have_count(4)
    expect(bob.page.locator(".forwarded")).to_have_count(3)
    ann.open("Work")
    own = ann.bubble("bring cups")
    own.last.locator(".text").click(button="right")
    expect(page.get_by_role("menuitem", name="Edit", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    own.first.locator(".text").click(button="right")
    expect(page.get_by_role("menuitem", name="Forward", exact=True)).to_be_visible()
    expect(page.get_by_role("menuitem", name="Edit", exact=True)).to_have_count(0)
    page.keyboard.press("Escape")

    # Copied as one text, in the order of the chat.
    ann.open("Tea")
    choose(page, ann.bubble("bring cups"), "Select")
    ann.bubble("coming").click()
    page.evaluate("() => { navigator.clipboard.writeText = async (text) => { window.copied = text; }; }")
    bar(page).get_by_role("button", name="Copy").click()
    expect(bar(page)).to_be_hidden()
    first, second = page.evaluate("window.copied").split("\n")
    assert first.startswith(f"{ann.name}, ") and first.endswith(": coming")
    assert second.startswith(f"{cem.name}, ") and second.endswith(": bring cups")
    # A recalled message is selected no more, and Escape leaves.
    choose(page, ann.bubble("coming"), "Select")
    ann.bubble("bring cups").click()
    ann.post("/message/recall", messageId=mine["id"])
    expect(bar(page)).to_contain_text("1 message selected")
    page.keyboard.press("Escape")
    expect(bar(page)).to_be_hidden()
    expect(page.locator(".select-box")).to_have_count(0)


def test_what_is_deleted_for_me_is_gone_on_all_my_devices_and_stays_for_others(
    someone: Callable[..., Someone], site: Server, watch: Watch
) -> None:
    watch.allow(SERVER_GONE)
    ann, bob = someone("Ann"), someone("Bob")
    elsewhere = Person(site, ann.name)
    said = [bob.say(ann, text) for text in ("first", "second", "third", "fourth")]
    tab, line = ann.another_tab(), Line(ann.page)
    for one in (ann, tab, bob):
        one.page.goto(f"/chat/private/{(ann if one is bob else bob).id}/")
        expect(one.bubble("fourth")).to_be_visible()

    choose(ann.page, ann.bubble("fourth"), "Delete for me")
    question = ann.page.get_by_role("dialog", name="Delete 1 message for you?")
    expect(question).to_be_visible()
    assert not flaws.found_by_axe(ann.page)
    question.get_by_role("button", name="Delete for me").click()
    for one in (ann, tab):
        expect(one.bubble("fourth")).to_have_count(0)
        expect(one.row(bob.name)).to_contain_text("third")
    # What happens to it afterwards does not bring it back.
    bob.post("/message/edit", messageId=said[3]["id"], content="fourth, edited")
    expect(bob.bubble("fourth, edited")).to_be_visible()
    bob.say(ann, "fifth")
    for one in (ann, tab):
        expect(one.bubble("fifth")).to_be_visible()
        assert [text.strip() for text in one.texts] == ["first", "second", "third", "fifth"]
    # What happens while a device is away reaches it when it comes back, and is not brought back by a reload.
    line.cut()
    elsewhere.post("/message/hide", messageIds=[said[0]["id"]])
    expect(tab.bubble("first")).to_have_count(0)
    line.mend()
    expect(ann.bubble("first")).to_have_count(0)
    reload(ann.page)
    expect(ann.bubble("fifth")).to_be_visible()
    assert [text.strip() for text in ann.texts] == ["second", "third", "fifth"]
    expect(bob.bubble("fifth")).to_be_visible()
    assert [text.strip() for text in bob.texts] == ["first", "second", "third", "fourth, edited", "fifth"]


def test_on_a_phone_messages_are_selected_by_touch_and_my_own_deleted_for_everybody(
    someone: Callable[..., Someone],
) -> None:
    ann, bob = someone("Ann", **PHONE, locale="zh-CN"), someone("Bob")
    bob.say(ann, "in the garden")
    for text in ("one slip", "another slip"):
        ann.say(bob, text)
    ann.page.goto(f"/chat/private/{bob.id}/")
    bob.open(ann)
    page = ann.page
    choose(page, ann.bubble("one slip"), "选择")
    ann.bubble("in the garden").tap()
    expect(bar(page)).to_contain_text("已选择 2 条消息")
    expect(bar(page).get_by_role("button", name="为所有人删除")).to_be_hidden()
    assert not flaws.found_by_axe(page) + flaws.too_small_to_touch(page) + flaws.sideways(page)
    ann.bubble("in the garden").tap()
    ann.bubble("another slip").tap()
    bar(page).get_by_role("button", name="转发").tap()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert not flaws.found_by_axe(page) + flaws.too_small_to_touch(page) + flaws.sideways(page)
    page.go_back()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(bar(page)).to_contain_text("已选择 2 条消息")
    bar(page).get_by_role("button", name="为所有人删除").tap()
    page.get_by_role("dialog").get_by_role("button", name="为所有人删除").tap()
    expect(bar(page)).to_be_hidden()
    for one in (ann, bob):
        expect(one.page.locator(".message.recalled")).to_have_count(2)
    # Back leaves the selecting, and nothing else.
    choose(page, ann.bubble("in the garden"), "选择")
    expect(bar(page)).to_be_visible()
    page.go_back()
    expect(bar(page)).to_be_hidden()
    expect(ann.bubble("in the garden")).to_be_visible()
