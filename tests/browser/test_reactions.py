"""Reactions, by mouse, keyboard and touch, with their names, in two languages."""

import re
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, WebSocket, expect

from tests.browser import flaws
from tests.browser.conftest import Someone, box_of, hear_until, unique
from tests.browser.server import Person
from tests.browser.test_phone import PHONE
from tests.browser.test_press import press


def chip(page: Page, label: str) -> Any:
    return page.locator(".reaction").and_(page.get_by_role("button", name=label, exact=True))


def double_tap(place: Locator) -> None:
    """Two taps, a tenth of a second apart by the finger's clock, however late a busy machine hears of them."""
    box = box_of(place)
    point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    finger = place.page.context.new_cdp_session(place.page)
    first = time.time() - 0.2
    for at in (first, first + 0.1):
        finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point], "timestamp": at})
        finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": [], "timestamp": at + 0.02})
    finger.detach()


def test_two_people_react_by_mouse_keyboard_and_touch_and_see_who_did(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann", reduced_motion="reduce"), someone("Bob", **PHONE, locale="zh-CN"), person("Cem")
    group = ann.create_group("Tea", bob, cem)
    said = cem.say_in(group, "shall we have tea in the garden?")
    ann.open("Tea")
    bob.page.goto(f"/chat/group/{group}/")
    bubble = ann.bubble("shall we")

    # By mouse: a bar that moves nothing.
    expect(ann.page.locator(".message-bar")).to_have_count(0)
    place = box_of(bubble)
    bubble.hover()
    expect(ann.page.locator(".message-bar")).to_be_visible()
    assert box_of(bubble) == place
    ann.page.get_by_role("button", name="React with 👍").click()
    expect(chip(ann.page, "👍 1, you too")).to_have_attribute("aria-pressed", "true")
    expect(chip(ann.page, "👍 1, you too")).to_have_attribute("title", "You")
    expect(chip(bob.page, "👍 1")).to_have_attribute("title", ann.name)
    bubble.evaluate("(one) => { one.isTheSame = true; }")

    # By touch: two taps, and a row in the menu.
    expect(bob.page.locator(".message-bar")).to_have_count(0)
    words = bob.bubble("shall we").locator(".text")
    double_tap(words)
    expect(chip(bob.page, "👍 2，你也回应了")).to_be_visible()
    expect(chip(ann.page, "👍 2, you too")).to_have_attribute("title", f"You and {bob.name}")
    words.click(button="right")
    bob.page.get_by_role("menuitemcheckbox", name="用 ❤️ 回应").tap()
    expect(chip(ann.page, "❤️ 1")).to_be_visible()
    assert not flaws.found_by_axe(bob.page) + flaws.too_small_to_touch(bob.page) + flaws.sideways(bob.page)

    # By keyboard: the menu of the message, and the reactions under it.
    ann.page.focus("#log")
    ann.page.keyboard.press("ArrowUp")
    ann.page.keyboard.press("Enter")
    expect(ann.page.get_by_role("menuitem", name="Reply")).to_be_focused()
    ann.page.keyboard.press("ArrowUp")
    mine = ann.page.get_by_role("menuitemcheckbox", name="React with 👍")
    expect(mine).to_be_focused()
    expect(mine).to_have_attribute("aria-checked", "true")
    assert not flaws.found_by_axe(ann.page)
    ann.page.keyboard.press("ArrowRight")
    ann.page.keyboard.press("Enter")
    expect(chip(ann.page, "❤️ 2, you too")).to_be_visible()
    ann.page.keyboard.press("Tab")
    expect(chip(ann.page, "👍 2, you too")).to_be_focused()
    ann.page.keyboard.press("Space")
    expect(chip(ann.page, "👍 1")).to_be_focused()
    expect(chip(ann.page, "👍 1")).to_have_attribute("title", bob.name)

    # Any other emoji, from the panel; and a press is a click, whatever arrives meanwhile.
    bubble.hover()
    ann.page.locator(".message-bar").get_by_role("button", name="Add a reaction").click()
    ann.page.get_by_role("dialog", name="Emoji").get_by_role("button", name="😄").click()
    expect(chip(bob.page, "😄 1")).to_be_visible()
    press(chip(ann.page, "😄 1, you too"))
    cem.post("/message/react", messageId=said["id"], emoji="😄")
    expect(chip(bob.page, "😄 2")).to_be_visible()
    ann.page.mouse.up()
    expect(chip(bob.page, "😄 1")).to_be_visible()
    expect(chip(ann.page, "😄 1")).to_have_attribute("title", cem.name)
    assert bubble.evaluate("(one) => one.isTheSame"), "the message itself is not built again"

    # What is refused falls away, and is told.
    for emoji in "🍇🍈🍉🍊🍋🍌🍍":
        ann.post("/message/react", messageId=said["id"], emoji=emoji)
    bubble.hover()
    ann.page.get_by_role("button", name="React with 😂").click()
    expect(ann.page.locator(".toast")).to_have_text("You have reacted with 8 emoji to this message.")
    expect(ann.page.locator(".reaction[data-emoji='😂']")).to_have_count(0)

    # Who reacted, on asking.
    bubble.hover()
    ann.page.locator(".message-bar").get_by_role("button", name="Message actions").click()
    ann.page.get_by_role("menuitem", name="Who reacted").click()
    shown = ann.page.get_by_role("dialog", name="Who reacted").locator(".person")
    expect(shown).to_have_count(11)
    expect(shown.nth(0)).to_contain_text(f"{ann.name}❤️")
    assert not flaws.found_by_axe(ann.page)
    ann.page.keyboard.press("Escape")
    cem.post("/message/recall", messageId=said["id"])
    expect(ann.page.locator(".reaction")).to_have_count(0)


def test_of_a_crowd_s_reactions_mine_are_known_and_names_come_on_asking(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, crowd = someone("Ann"), [person(f"Member {number}") for number in range(10)]
    tea = unique("Tea")
    group = ann.create_group(tea, *crowd)
    said = [crowd[0].say_in(group, text) for text in ("of ten", "of eleven", "mine before")]
    for one in crowd:
        for message in said:
            one.post("/message/react", messageId=message["id"], emoji="👍")
    ann.post("/message/react", messageId=said[2]["id"], emoji="👍")
    heard: list[str] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: heard.append(str(frame)))

    ann.page.on("websocket", listen)
    ann.page.reload()  # otherwise it has heard all of it
    # What was missed makes it ask once more.
    hear_until(ann.page, lambda: any("OnSync" in frame for frame in heard))
    asked: list[str] = []
    ann.page.on("request", lambda request: asked.append(request.url) if "reactions/mine" in request.url else None)
    ann.open(tea)
    of_ten, of_eleven, mine = (
        ann.page.locator(f"[data-key='m:{one['seq']}'] .reaction[data-emoji='👍']") for one in said
    )
    expect(mine).to_have_attribute("aria-label", "👍 11, you too")
    expect(of_ten).to_have_attribute("aria-label", "👍 10")
    assert [url.count("messageId=") for url in asked] == [1], "those that name nobody, together"

    # My other device: while the message names all, and once it names nobody.
    for number, on in ((11, True), (10, False)):
        ann.post("/message/react", messageId=said[0]["id"], emoji="👍", on=on)
        label = f"👍 {number}, you too" if on else f"👍 {number}"
        expect(of_ten).to_have_attribute("aria-label", label)
    of_eleven.click()
    expect(of_eleven).to_have_attribute("aria-label", "👍 11, you too")
    crowd[3].post("/message/react", messageId=said[1]["id"], emoji="🎉")
    expect(ann.page.locator(f"[data-key='m:{said[1]['seq']}'] .reaction[data-emoji='🎉']")).to_have_attribute(
        "aria-label", "🎉 1"
    )
    expect(of_eleven).to_have_attribute("aria-label", "👍 11, you too")
    assert len(asked) == 1, "what a message said of me while it named all is remembered"
    expect(mine).to_have_attribute("title", "You and 10 more")
    mine.hover()
    expect(mine).to_have_attribute("title", re.compile(f"You.*{re.escape(crowd[9].name)}"))
    mine.click()
    expect(mine).to_have_attribute("aria-label", "👍 10")
    expect(mine).to_have_attribute("aria-pressed", "false")
