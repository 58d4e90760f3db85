"""Pictures that were sent together stand together, and each stays a message."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser import flaws, media
from tests.browser.conftest import Someone, Watch, until
from tests.browser.server import Person

#: Where the tiles of a page are, and how large.
BOXES = """() => [...document.querySelectorAll(".album-tile")].map((tile) => {
  const { x, y, width, height } = tile.getBoundingClientRect();
  return [x, y, width, height].map(Math.round);
})"""


def albums(page: Page) -> list[int]:
    """The number of pictures in each album, in order."""
    return [album.locator(".album-tile").count() for album in page.locator(".album").all()]


def send_picture(sender: Person, group: str, size: tuple[int, int], content: str = "") -> Any:
    uploaded = sender.upload("images", "photo.jpg", media.jpeg(size))
    return sender.post("/group/send", groupId=group, type="image", content=content, mediaUrl=uploaded["mediaUrl"])


@pytest.mark.parametrize("width", [390, 1280])
def test_pictures_of_one_sender_stand_together_until_something_falls_between(
    someone: Callable[..., Someone], person: Callable[[str], Person], width: int
) -> None:
    ann, bob = someone("Ann", viewport={"width": width, "height": 800}), person("Bob")
    group = ann.create_group("Tea", bob)
    said = [send_picture(bob, group, (300 + 50 * number, 200), "five cups" * (not number)) for number in range(5)]
    bob.say_in(group, "and one more")
    send_picture(bob, group, (300, 300))
    page = ann.page
    held: list[Route] = []
    is_open = False
    page.route("**/uploads/**", lambda route: route.continue_() if is_open else held.append(route))
    ann.is_connected()  # what tells that there is no connection would move all of it
    expect(page.locator("#banner")).to_be_hidden()
    ann.open("Tea")
    expect(page.locator(".message.pictured")).to_have_count(6)
    assert albums(page) == [5]
    before = page.evaluate(BOXES)
    is_open = True
    for route in held:
        route.continue_()
    until(page, "() => [...document.querySelectorAll('.album-tile img')].every((one) => one.naturalWidth)")
    assert page.evaluate(BOXES) == before, "nothing moves when they come"
    rows = sorted({y for _, y, _, _ in before})
    assert (
        all(width == height for _, _, width, height in before)
        and len(rows) == 2
        and len({x for x, y, _, _ in before if y == rows[1]}) == 3
    )
    expect(page.locator(".album .caption")).to_have_text("five cups")
    expect(page.get_by_role("group", name=f"{bob.name}: 5 pictures")).to_be_visible()
    assert flaws.found_by_axe(page) + flaws.sideways(page) == []
    page.locator(".album-tile").nth(3).locator(".picture").click()
    expect(page.locator("dialog.lightbox img").first).to_have_js_property("naturalWidth", 450)
    page.keyboard.press("Escape")
    page.locator(".album-tile").nth(1).click(button="right")
    page.get_by_role("menuitem", name="Reply").click()
    ann.write("this one")
    expect(ann.bubble("this one").locator("[data-act=quote]")).to_have_attribute("data-quoted", said[1]["id"])
    bob.post("/message/recall", messageId=said[2]["id"])
    expect(page.locator(".recalled")).to_have_count(1)
    assert albums(page) == [2, 2]
    expect(page.locator(".album .caption")).to_have_text("five cups")


def test_what_is_sent_at_once_is_an_album_for_both_and_what_fails_stands_by_itself(
    someone: Callable[..., Someone], tmp_path: Path, watch: Watch
) -> None:
    watch.allow("status of 415")
    ann, bob = someone("Ann"), someone("Bob")
    ann.create_group("Tea", bob)
    for one in (ann, bob):
        one.open("Tea")
    uploads = 0

    def refuse_the_second(route: Route) -> None:
        nonlocal uploads
        uploads += 1
        if uploads == 2:
            route.fulfill(status=415, json={"title": "No", "detail": "Not this one.", "code": "unsupported"})
        else:
            route.continue_()

    ann.page.route("**/upload", refuse_the_second)
    media.choose(ann.page, "Picture", *(media.picture(tmp_path / f"{n}.jpg", (200 + n, 150)) for n in range(4)))
    ann.page.click("#send-files")
    expect(ann.page.locator(".message.failed")).to_have_count(1)
    expect(ann.page.locator(".album-tile[data-state=sent]")).to_have_count(3)
    assert albums(ann.page) == [3]
    expect(bob.page.locator(".album-tile")).to_have_count(3)
    ann.page.get_by_role("button", name="Try again").click()
    for one in (ann, bob):
        expect(one.page.locator(".album-tile")).to_have_count(4)
        assert albums(one.page) == [4]
    bob.page.evaluate("document.documentElement.dir = 'rtl'")
    assert flaws.sideways(bob.page) == []
    first, second = bob.page.evaluate(BOXES)[:2]
    assert first[0] > second[0], "the first one is where reading begins"
