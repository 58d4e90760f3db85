"""What people say of themselves beside their names."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser import flaws
from tests.browser.conftest import Someone, reload
from tests.browser.line import Line


def test_a_status_stands_beside_a_name_everywhere_until_it_ends_by_itself(someone: Callable[..., Someone]) -> None:
    ann, bob = someone("Ann"), someone("小博", locale="zh-CN", viewport={"width": 390, "height": 780})
    ann.say(bob, "hello")
    line = Line(bob.page)
    reload(bob.page)
    bob.open(ann)
    bob.page.clock.install()

    ann.page.get_by_role("button", name="My account").click()
    ann.page.get_by_role("menuitem", name="Set a status…").click()
    dialog = ann.page.get_by_role("dialog", name="Your status")
    expect(dialog.get_by_label("What you are doing")).to_be_focused()
    dialog.get_by_role("button", name="In a meeting").press("Enter")
    expect(dialog.get_by_label("It ends")).to_have_value("hour")
    dialog.get_by_label("It ends").select_option("halfHour")
    assert not flaws.found_by_axe(ann.page)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()

    expect(bob.page.locator("#status")).to_contain_text("📅 In a meeting · 在线")
    bob.page.click("#who")
    expect(bob.page.locator(".person-status")).to_contain_text("📅 In a meeting")
    assert not flaws.found_by_axe(bob.page) + flaws.sideways(bob.page)
    bob.page.keyboard.press("Escape")
    bob.page.get_by_role("button", name="返回").click()
    expect(bob.row(ann.name).get_by_role("img", name="📅 In a meeting")).to_be_visible()
    # The server, whose half hour does not pass, would tell its time.
    line.cut()
    expect(bob.page.locator("#banner")).to_be_visible()
    asked: list[str] = []
    bob.page.on("request", lambda request: asked.append(request.url))
    bob.page.clock.fast_forward("30:01")
    expect(bob.row(ann.name).get_by_role("img", name="📅 In a meeting")).to_have_count(0)
    assert [url for url in asked if "/user/" in url or "/me" in url] == []
    line.mend()
    bob.page.clock.fast_forward("00:30")  # to the next attempt

    ann.page.get_by_role("button", name="My account").click()
    ann.page.get_by_role("menuitem", name="📅 In a meeting").click()
    dialog.get_by_label("Emoji").fill("🍵")
    dialog.get_by_label("What you are doing").fill("喝茶")
    dialog.get_by_label("It ends").select_option("date")
    expect(dialog.get_by_label("Last day")).to_be_visible()
    dialog.get_by_role("button", name="Save").click()
    expect(bob.row(ann.name).get_by_role("img", name="🍵 喝茶")).to_be_visible()
    ann.page.get_by_role("button", name="My account").click()
    ann.page.get_by_role("menuitem", name="🍵 喝茶").click()
    dialog.get_by_role("button", name="Clear the status").click()
    expect(bob.row(ann.name).get_by_role("img", name="🍵 喝茶")).to_have_count(0)
