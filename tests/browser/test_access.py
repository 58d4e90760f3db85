"""Every screen is accessible: checked by axe, and for what axe does not look for."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import flaws
from tests.browser.conftest import OWNER
from tests.browser.screens import DESK, PHONE, SCREENS, SMALL, TABLET, Look, Screen, Stage, World
from tests.browser.server import Server

SHOWN = [
    (look, screen)
    for look in (DESK, PHONE, SMALL, TABLET)
    for screen in SCREENS
    if (screen.is_main or look in (DESK, PHONE)) and (screen.is_on_phones or not look.is_phone)
]


@pytest.fixture(scope="module")
def world(site: Server) -> World:
    return World(site, OWNER)


@pytest.fixture(scope="module")
def stage_of(chromium: Browser, world: World) -> Iterator[Callable[[Look], Stage]]:
    """The stage that has this look; it stays for the next screen."""
    stages: dict[str, Stage] = {}

    def of(look: Look) -> Stage:
        if str(look) not in stages:
            stages[str(look)] = Stage(chromium, world, look)
        return stages[str(look)]

    yield of
    for stage in stages.values():
        stage.close()


@pytest.mark.parametrize(("look", "screen"), SHOWN, ids=str)
def test_a_screen_shuts_nobody_out(stage_of: Callable[[Look], Stage], look: Look, screen: Screen) -> None:
    stage = stage_of(look)
    screen.show(stage)
    page = stage.page
    found = flaws.found_by_axe(page) + flaws.sideways(page) + flaws.moving(page)
    # The administration is Django's, and made for desktops.
    if look.is_phone and not screen.name.startswith("admin"):
        found += flaws.too_small_to_touch(page) + flaws.zoomed_into(page)
    assert not found, "\n".join(found)


#: Elements that only their background sets apart, if there are backgrounds.
TOLD_BY_GROUND = ".bubble, .avatar, .badge, .day, .voice-play, .place-card, .picture, .quote, .composer .send"

#: Those of them without a border.
WITHOUT_A_LINE = """(what) => [...document.querySelectorAll(what)].filter((one) => {
  const style = getComputedStyle(one);
  const isSeen = one.checkVisibility() && !one.closest(".big");
  return isSeen && !(parseFloat(style.borderTopWidth) >= 1) && !(style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1);
}).map((one) => one.outerHTML.slice(0, 90))"""


def test_in_the_system_s_few_colours_everything_still_has_its_outline(chromium: Browser, world: World) -> None:
    stage = Stage(chromium, world, Look("en-GB", "dark", (1280, 800), options={"forced_colors": "active"}))
    page = stage.private(world.bob)
    page.fill("#text", "so that there is something to send")
    assert page.evaluate(WITHOUT_A_LINE, TOLD_BY_GROUND) == []
    for control in ("#search", "#text", ".me-button", "#log"):
        page.focus(control)
        outline = page.locator(control).evaluate("(one) => getComputedStyle(one).outlineStyle")
        assert outline != "none", f"one does not see that {control} has the focus"
    stage.close()


def test_with_more_contrast_there_are_lines_and_darker_words(chromium: Browser, world: World) -> None:
    stage = Stage(chromium, world, Look("en-GB", "light", (1280, 800), options={"contrast": "more"}))
    page = stage.private(world.bob)
    assert page.evaluate(WITHOUT_A_LINE, ".bubble, .avatar, .quote, .day") == []
    faint, soft = page.evaluate(
        """() => ["--ink-faint", "--ink-soft"].map((name) => getComputedStyle(document.documentElement).getPropertyValue(name))"""
    )
    assert faint == soft
    stage.close()
