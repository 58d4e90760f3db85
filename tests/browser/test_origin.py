"""Everything comes from the chat's own origin; any other request is blocked and noticed."""

from collections.abc import Callable

import httpx
from playwright.sync_api import Request, expect

from tests.browser import media
from tests.browser.conftest import Someone, Watch, hear_until, reload, until
from tests.browser.server import Person, Server


def test_nothing_that_is_shown_or_opened_asks_another_origin(
    site: Server, someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann", **media.SENSES), person("Bob")
    group = bob.create_group("Trip", ann)
    made = bob.upload("images", "summit.jpg", media.jpeg())
    bob.say_in(group, "see https://example.com/picture.jpg")
    bob.post("/group/send", groupId=group, type="image", mediaUrl=made["mediaUrl"])
    place = {"latitude": 30.1337, "longitude": 118.1683, "name": "Summit"}
    bob.post("/group/send", groupId=group, type="location", locationData=place)
    asked: list[Request] = []
    page = ann.page
    page.on("request", lambda request: asked.append(request))
    reload(page)
    ann.open("Trip")
    page.locator(".picture").click()
    assert media.is_loaded(page.locator("dialog.lightbox .stage img"))
    page.keyboard.press("Escape")
    page.locator(".place-card").click()
    expect(page.locator("dialog.place .grid-layer canvas").first).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Emoji").click()
    expect(page.locator(".emoji-panel")).to_be_visible()
    page.keyboard.press("Escape")
    page.click("#group-info")
    expect(page.locator(".panel-body .person").first).to_be_visible()
    kinds = {request.resource_type for request in asked}
    assert {"document", "script", "stylesheet", "image", "fetch"} <= kinds
    assert all(request.url.startswith((site.url, "blob:", "data:")) for request in asked)


def test_a_page_that_wanted_to_reach_out_could_not_and_these_tests_would_say_so(
    someone: Callable[..., Someone], watch: Watch
) -> None:
    ann = someone("Ann")
    ann.page.evaluate(
        """() => {
          fetch("https://elsewhere.example/").catch(() => { window.wasStopped = true; });
          document.body.append(Object.assign(new Image(), { src: "https://elsewhere.example/pixel.gif" }));
        }"""
    )
    until(ann.page, "() => window.wasStopped")
    until(ann.page, "() => document.querySelector('img[src*=elsewhere]').complete")
    hear_until(ann.page, lambda: any("elsewhere.example" in complaint for complaint in watch.complaints))
    watch.allow("elsewhere.example")


def test_every_page_carries_the_policy(site: Server) -> None:
    for path in ("/sign-in/", "/sign-up/", "/admin/login/", "/no-such-page/"):
        answer = httpx.get(f"{site.url}{path}", headers={"Accept": "text/html"}, follow_redirects=True)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe-inline" not in policy and "unsafe-eval" not in policy
