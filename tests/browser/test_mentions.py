"""Mentions: offered while a name is written, shown by the name that a person has now."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import Hold, Someone, answered, reload, unique, until
from tests.browser.server import Person
from tests.browser.test_press import press

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}


def rename(who: Person, name: str) -> None:
    who._http.patch("/me", json={"name": name}, headers=who._headers).raise_for_status()
    who.name = name


def test_people_are_offered_by_name_and_initials_and_shown_by_the_name_they_have_now(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, ming, zoe = someone("Ann"), person("李小明"), person("Zoe")
    room = ann.post("/group/create", name=unique("Tea"), memberIds=[ming.id, zoe.id])
    ann.page.goto(f"/chat/group/{room['id']}/")
    page, field = ann.page, ann.page.locator("#text")
    options = page.locator("#mention-list [role=option] bdi")
    sent = page.locator(".message.own[data-state=sent]")
    field.press_sequentially("hi@example and @lxm")
    expect(options).to_have_text([ming.name])
    expect(field).to_have_attribute("aria-activedescendant", "mention-0")
    for more in ({"isComposing": True}, {"keyCode": 229}):  # the Enter of an input method takes nobody
        field.evaluate(
            "(field, more) => field.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', ...more}))", more
        )
    expect(field).to_have_value("hi@example and @lxm")
    field.press("Enter")
    expect(field).to_have_value(f"hi@example and @{ming.name} ")
    expect(options).to_have_count(0)
    field.press_sequentially(f"@{zoe.name[:3].lower()}")
    expect(options).to_have_text([zoe.name])
    field.press("Tab")
    field.press("Backspace")
    expect(options).to_have_count(0)
    for _ in zoe.name[2:]:  # without its last letters it is a mention no more, and she is offered again
        field.press("Backspace")
    expect(options).to_have_text([zoe.name])
    field.press("Escape")
    expect(options).to_have_count(0)
    reload(page)  # the draft keeps whom it names
    field.press("Enter")
    mention = sent.last.locator(".mention")
    expect(mention).to_have_text(f"@{ming.name}")
    expect(mention).to_have_attribute("data-person", ming.id)
    before, new = ming.name, unique("Ming")
    rename(ming, new)
    expect(mention).to_have_text(f"@{new}")
    expect(ann.row(room["name"]).locator(".chat-preview")).to_contain_text(f"@{new}")
    assert before not in sent.last.inner_text()
    mention.click()
    expect(page.locator(".person-card")).to_contain_text(new)
    page.keyboard.press("Escape")

    # Everybody stands last, where no Enter in haste finds it; an edit keeps and adds mentions.
    field.press_sequentially("@")
    expect(options).to_have_count(3)
    expect(page.locator("#mention-list [role=option]").last).to_contain_text("Everybody in this group")
    field.press("ArrowUp")
    expect(field).to_have_attribute("aria-activedescendant", "mention-2")
    field.press("Enter")
    field.press("Enter")
    expect(sent.last.locator(".mention.of-me")).to_have_text("@all")
    field.press("ArrowUp")
    expect(page.locator(".about")).to_be_visible()
    field.press("End")
    field.press_sequentially(f" ＠{new[:2]}")
    expect(options).to_have_text([new])
    options.first.click()
    expect(field).to_be_focused()
    field.press("Control+A")
    field.press("Control+B")  # marks around both take nothing away
    field.press("Enter")
    expect(sent.last.locator("strong .mention")).to_have_text(["@all", f"＠{new}"])
    copied = sent.last.locator(".text").evaluate(
        "(text) => { getSelection().selectAllChildren(text); return String(getSelection()); }"
    )
    assert copied == f"@all ＠{new}"


def test_who_is_pressed_while_a_search_is_answered_is_mentioned(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, zoe = someone("Ann"), person("Zoe")
    room = ann.post("/group/create", name=unique("Tea"), memberIds=[zoe.id])
    page, searches = ann.page, re.compile("/group/members/.*search=")
    hold = Hold(page, searches)
    page.goto(f"/chat/group/{room['id']}/")
    with answered(page, searches.pattern):  # before it is let go, where a busy machine's page has given it up
        page.fill("#text", "@zoe")
        option = page.locator("#mention-list [role=option] bdi")
        expect(option).to_have_text([zoe.name])
        hold.until_asked()
        press(option)
        hold.release()
    page.evaluate("() => new Promise(requestAnimationFrame)")
    page.mouse.up()
    expect(page.locator("#text")).to_have_value(f"@{zoe.name} ")


def test_on_a_phone_in_chinese_a_member_mentions_by_touch_and_nobody_calls_everybody(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    lin, ann = someone("林", locale="zh-CN", **PHONE), person("Ann")
    group = ann.create_group(unique("茶"), lin)
    named = f"＠{lin.name}"
    mentions = [{"userId": lin.id, "start": 3, "length": len(named)}, {"userId": None, "start": 0, "length": 2}]
    ann.say_in(group, f"@全 {named} <b>", mentions=mentions)
    lin.page.goto(f"/chat/group/{group}/")
    expect(lin.page.locator(".message .mention.of-me")).to_have_text(["@全", named])
    field, options = lin.page.locator("#text"), lin.page.locator("#mention-list [role=option] bdi")
    field.tap()
    field.press_sequentially("你好@")
    expect(options).to_have_text([ann.name])
    options.first.tap()
    expect(field).to_have_value(f"你好@{ann.name} ")
    lin.page.locator("#send").tap()
    expect(lin.page.locator(".message.own[data-state=sent] .mention")).to_have_text(f"@{ann.name}")
    ann.say(lin, "hello")
    lin.page.goto(f"/chat/private/{ann.id}/")
    field.press_sequentially("@")
    expect(options).to_have_text([ann.name])
    field.press_sequentially("x")
    expect(options).to_have_count(0)


#: Presses the button to the next mention; whether the page has led to the message with this text. A busy machine may not
#: look while it flashes, and another one may still flash.
PRESSED_UNTIL_AT = """(text) => {
  const texts = (found) => [...found].map((one) => one.querySelector(".text")?.textContent);
  if (!window.ledTo) {
    window.ledTo = new Set();
    const note = (changes) => changes.forEach(({ target }) => target.matches(".message.flash") && texts([target]).forEach((one) => window.ledTo.add(one)));
    new MutationObserver(note).observe(document.body, { subtree: true, attributeFilter: ["class"] });
  }
  if (window.ledTo.has(text) || texts(document.querySelectorAll(".message.flash")).includes(text)) return true;
  document.querySelector(".to-mention:not([hidden])")?.click();
  return false;
}"""


def test_an_unread_mention_is_seen_in_the_list_led_to_and_heard_although_the_chat_is_muted(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    group = bob.create_group(unique("Tea"), ann)

    def call(text: str, user_id: str | None) -> Any:
        return bob.say_in(group, text, mentions=[{"userId": user_id, "start": 0, "length": 2}])

    for number in range(30):
        bob.say_in(group, f"first {number}")
    call("@a one", ann.id)
    for number in range(30):
        bob.say_in(group, f"second {number}")
    late = call("@a two", None)
    for number in range(30):
        bob.say_in(group, f"third {number}")
    ann.post("/group/mute", groupId=group, muted=True)
    ann.page.evaluate("(id) => localStorage.setItem(`chat.sound.${id}`, 'on')", ann.id)
    reload(ann.page)
    row, at = ann.page.locator(".rows .chat-row"), ann.page.locator(".rows .at")
    expect(at).to_have_text("@")
    expect(row).to_contain_text("you are mentioned")
    row.click()
    button = ann.page.locator(".to-mention")
    button.click()
    expect(ann.page.locator(".message.flash .text")).to_have_text(f"@{ann.name} one")
    expect(ann.page.locator(".message.flash")).to_be_in_viewport()
    expect(at).to_be_visible()
    # Who presses before the first one counts as read is led to it again.
    until(ann.page, PRESSED_UNTIL_AT, "@a two")
    expect(button).to_be_hidden()
    expect(at).to_have_count(0)

    # Elsewhere: what mentions me live, by sound although it is muted; a recall takes it back.
    ann.page.evaluate(
        "() => { window.notes = 0; AudioContext.prototype.createOscillator = () => { window.notes++; }; }"
    )
    dan = person("Dan")
    dan.say(ann, "hello")
    ann.open(dan)
    ann.page.evaluate("() => { window.notes = 0; }")
    bob.say_in(group, "silent")
    expect(ann.row("Tea").locator(".chat-preview")).to_contain_text("silent")
    assert ann.page.evaluate("window.notes") == 0
    called = call("@a three", ann.id)
    expect(at).to_have_text("@")
    until(ann.page, "() => window.notes > 0")
    bob.post("/message/recall", messageId=called["id"])
    expect(at).to_have_count(0)
    bob.post("/message/edit", messageId=late["id"], content="nobody")
    edited = bob.say_in(group, "@a four")
    mentions = [{"userId": ann.id, "start": 0, "length": 2}]
    bob.post("/message/edit", messageId=edited["id"], content="@a five", mentions=mentions)
    expect(at).to_have_text("@")
