"""On a phone: with the keyboard, the notch, and large letters."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import flaws
from tests.browser.conftest import Someone, until
from tests.browser.server import Person

PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "has_touch": True,
    "is_mobile": True,
    "reduced_motion": "reduce",
}

#: The composer's bottom edge, and the message list's distance from its end.
PLACES = """() => {
  const log = document.getElementById("log");
  return [
    document.querySelector(".composer").getBoundingClientRect().bottom,
    log.scrollHeight - log.clientHeight - log.scrollTop,
  ];
}"""

#: A keyboard that lies over the page, as on iOS: only the visual viewport shrinks.
COVERED = """Object.defineProperty(window, "visualViewport", {
  value: Object.assign(new EventTarget(), { scale: 1, height: innerHeight, cover(height) {
    this.height = height;
    this.dispatchEvent(new Event("resize"));
  } }),
});"""


@pytest.fixture
def talk(someone: Callable[..., Someone], person: Callable[[str], Person]) -> Callable[..., Someone]:
    """Ann at the end of a long conversation with Bob."""

    def begin(script: str = "", **options: Any) -> Someone:
        ann, bob = someone("Ann", **{**PHONE, **options}), person("Bob")
        for number in range(1, 25):
            bob.say(ann, f"message {number}")
        ann.post("/markPrivateRead", senderId=bob.id)
        if script:
            ann.page.add_init_script(script)
        ann.page.goto(f"/chat/private/{bob.id}/")
        expect(ann.bubble("message 24")).to_be_in_viewport()
        return ann

    return begin


def expect_all_in_place(page: Page, height: int) -> None:
    """The composer ends at this height, where the keyboard begins; the last message is above it."""
    until(
        page,
        f"(height) => {{ const [bottom, left] = ({PLACES})(); return Math.abs(bottom - height) <= 1 && left <= 2; }}",
        arg=height,
    )
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    last, composer = page.locator(".message").last.bounding_box(), page.locator(".composer").bounding_box()
    assert last and composer
    assert 0 < last["y"] < last["y"] + last["height"] <= composer["y"]
    assert page.locator(".conversation-head").bounding_box()["y"] == 0  # type: ignore[index]


def test_a_keyboard_that_makes_the_page_smaller_hides_nothing(talk: Callable[..., Someone]) -> None:
    page = talk().page
    page.locator("#text").tap()
    page.set_viewport_size({"width": 360, "height": 360})
    expect_all_in_place(page, 360)
    page.set_viewport_size({"width": 360, "height": 740})
    expect_all_in_place(page, 740)


def test_a_keyboard_that_lies_over_the_page_hides_nothing(talk: Callable[..., Someone]) -> None:
    page = talk(COVERED).page
    page.evaluate("visualViewport.cover(400)")
    expect_all_in_place(page, 400)
    page.evaluate("visualViewport.cover(740)")
    expect_all_in_place(page, 740)


def test_zooming_in_with_two_fingers_moves_nothing(talk: Callable[..., Someone]) -> None:
    page = talk(COVERED).page
    page.evaluate("visualViewport.scale = 2; visualViewport.cover(370)")
    expect_all_in_place(page, 740)


def test_a_reader_further_up_stays_there_when_the_keyboard_comes(talk: Callable[..., Someone]) -> None:
    page = talk().page
    page.evaluate("document.getElementById('log').scrollTop = 0")
    page.set_viewport_size({"width": 360, "height": 400})
    expect(page.locator(".composer")).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.getElementById('log').scrollTop") == 0


def test_the_notch_and_the_home_bar_cover_nothing(talk: Callable[..., Someone]) -> None:
    page = talk().page
    devtools = page.context.new_cdp_session(page)
    devtools.send("Emulation.setSafeAreaInsetsOverride", {"insets": {"top": 40, "bottom": 34}})
    until(page, "() => document.getElementById('text').getBoundingClientRect().bottom <= innerHeight - 34")
    for control in (".back", "#text", "#record"):
        box = page.locator(control).bounding_box()
        assert box and box["y"] >= 40 and box["y"] + box["height"] <= 740 - 34
    page.locator(".back").tap()
    expect(page.locator("#new")).to_be_visible()
    head = page.locator("#new").bounding_box()
    assert head and head["y"] >= 40


@pytest.mark.parametrize("size", [(360, 740), (1280, 800)], ids=str)
def test_letters_twice_as_large_leave_everything_usable(talk: Callable[..., Someone], size: tuple[int, int]) -> None:
    width, height = size
    page = talk(viewport={"width": width, "height": height}, is_mobile=False).page
    page.evaluate("document.documentElement.style.fontSize = '32px'")
    assert flaws.sideways(page) == []
    expect(page.locator("#text")).to_be_in_viewport(ratio=1)
    page.fill("#text", "large")
    expect(page.locator("#send")).to_be_in_viewport(ratio=1)
    page.click("#send")
    expect(page.locator(".message.own")).to_be_in_viewport()
    page.click("#attach")
    expect(page.get_by_role("menuitem", name="Place")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    assert flaws.sideways(page) == []
