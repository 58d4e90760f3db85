"""Every size and both themes: nothing sticks out, with a screenshot of each; and reduced motion."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageStat
from playwright.sync_api import expect

from tests.browser import media
from tests.browser.conftest import Someone, reload
from tests.browser.server import Person

PHONE, TABLET, DESK = (360, 740), (768, 1024), (1280, 800)


def test_every_size_in_light_and_dark_shows_its_panes_and_nothing_sticks_out(
    someone: Callable[..., Someone], person: Callable[[str], Person], tmp_path: Path
) -> None:
    li, maya = someone("李小明", locale="zh-CN"), person("Maya")
    group = maya.create_group("黄山 Trip", li)
    made = maya.upload("images", "summit.jpg", media.jpeg((1600, 900)))
    asked = maya.say_in(group, "早上好！票都买好了吗？ https://example.com/" + "a" * 80)
    li.say_in(group, "买好了 🚄", replyTo=asked["id"])
    maya.post("/group/send", groupId=group, type="image", mediaUrl=made["mediaUrl"], content="5:48")
    place = {"latitude": 30.1337, "longitude": 118.1683, "name": "光明顶", "address": "黄山风景区"}
    maya.post("/group/send", groupId=group, type="location", locationData=place)
    page = li.page
    li.open("黄山 Trip")
    for size in (PHONE, TABLET, DESK):
        width, height = size
        page.set_viewport_size({"width": width, "height": height})
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            reload(page)
            assert media.is_loaded(page.locator(".message img"))
            expect(page.locator(".place-card")).to_be_in_viewport()
            expect(page.locator("#sidebar")).to_be_visible(visible=size != PHONE)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            column = page.locator(".log-inner").bounding_box()
            assert column and column["width"] <= 720 + 2 * 24
            shot = tmp_path / f"{width}x{height}-{theme}.png"
            page.screenshot(path=shot, animations="disabled")
            brightness = ImageStat.Stat(Image.open(shot).convert("L")).median[0]
            assert brightness > 200 if theme == "light" else brightness < 60


@pytest.mark.parametrize(("wish", "is_calm"), [("reduce", True), ("no-preference", False)])
def test_with_reduced_motion_nothing_moves(
    someone: Callable[..., Someone], person: Callable[[str], Person], wish: str, is_calm: bool
) -> None:
    ann, bob = someone("Ann", reduced_motion=wish), person("Bob")
    group = bob.create_group("Tea", ann)
    bob.say_in(group, "hello")
    page = ann.page
    reload(page)
    page.evaluate(
        """() => {
          window.longest = 0;
          const note = ({ target }) => {
            for (const { effect } of target.getAnimations()) window.longest = Math.max(window.longest, effect.getTiming().duration);
          };
          for (const name of ["animationstart", "transitionrun"]) document.addEventListener(name, note, true);
        }"""
    )
    ann.open("Tea")
    ann.bubble("hello").click(button="right")
    expect(page.get_by_role("menuitem", name="Reply")).to_be_visible()
    page.keyboard.press("Escape")
    ann.write("hello to you")
    expect(page.locator("[data-state=sent]")).to_have_count(1)
    page.click("#group-info")
    expect(page.locator(".panel-body .person").first).to_be_visible()
    milliseconds = page.evaluate("window.longest")
    assert milliseconds < 1 if is_calm else 50 < milliseconds <= 1000
