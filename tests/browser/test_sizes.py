"""Large groups and wide windows."""

import itertools
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.browser import flaws
from tests.browser.conftest import Someone, box_of, unique, until
from tests.browser.server import Person, Server


def test_of_two_hundred_members_one_is_found_and_few_are_in_the_page(
    someone: Callable[..., Someone], site: Server
) -> None:
    ann = someone("Ann", viewport={"width": 390, "height": 844})
    guests = [
        site.http.post("/createUser", json={"name": unique(name), "img": ""}).json()
        for name in [*["Guest"] * 199, "Zoë"]
    ]
    wanted = guests[-1]
    ann.post("/group/create", name="Many", memberIds=[guest["id"] for guest in guests])
    ann.open("Many")
    ann.page.click("#group-info")
    panel, rows = ann.page.locator(".panel-body"), ann.page.locator(".member-rows li")
    expect(rows.first).to_be_visible()
    expect(panel.get_by_role("button", name="Mute")).to_be_in_viewport()
    expect(panel.get_by_role("button", name="Dissolve the group")).to_be_in_viewport()
    expect(panel.get_by_role("heading", name="201 members")).to_be_visible()
    last = panel.locator(f"[data-member='{wanted['id']}']")
    while not last.is_visible():
        panel.evaluate("panel => panel.scrollTo(0, panel.scrollHeight)")
        ann.page.wait_for_timeout(50)
    assert rows.count() < 60
    assert panel.locator("*").count() < 1200
    search = ann.page.get_by_label("Search members")
    expect(search).to_be_in_viewport()
    search.fill("zOE\u0308")
    expect(rows).to_have_count(1)
    expect(ann.page.locator("#announcer")).to_have_text("1 member found")
    assert flaws.found_by_axe(ann.page) + flaws.sideways(ann.page) == []
    search.press("ArrowDown")
    expect(rows.get_by_role("button").first).to_be_focused()
    ann.page.keyboard.press("Enter")
    expect(ann.page.locator("dialog.card h2")).to_contain_text(wanted["name"])
    ann.page.keyboard.press("Escape")
    search.press("Escape")
    expect(rows.nth(5)).to_be_visible()
    expect(panel).to_be_visible()


def test_the_arrows_go_through_all_members_and_tab_leaves_them(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, others = someone("Ann"), [person("Bob") for _ in range(4)]
    ann.create_group("Tea", *others)
    ann.open("Tea")
    ann.page.click("#group-info")
    expect(ann.page.locator(".member-rows li")).to_have_count(5)
    ann.page.get_by_label("Search members").press("ArrowDown")

    def focused() -> Any:
        return ann.page.evaluate("() => document.activeElement.closest('[data-member]')?.dataset.member ?? null")

    seen: list[str] = []
    for _ in others:
        until(
            ann.page,
            "seen => !seen.includes(document.activeElement.closest('[data-member]')?.dataset.member ?? null)",
            arg=[*seen, None],
        )
        seen.append(focused())
        ann.page.keyboard.press("ArrowDown")
    assert seen == [one.id for one in others]
    ann.page.keyboard.press("Tab")
    assert focused() == others[-1].id, "its menu"
    ann.page.keyboard.press("Tab")
    assert focused() is None


def test_a_wide_window_shows_a_group_beside_its_chat_which_goes_on(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann", viewport={"width": 1920, "height": 1080}), person("Bob")
    group = ann.create_group("Tea", bob)
    ann.open("Tea")
    ann.page.click("#group-info")
    panel = ann.page.get_by_role("complementary", name="About this group")
    expect(panel.locator(".person").first).to_be_visible()
    bob.say_in(group, "hello")
    expect(ann.bubble("hello")).to_be_in_viewport()
    ann.page.click("#text")
    ann.write("and while it is open")
    expect(ann.bubble("and while it is open")).to_be_in_viewport()
    boxes = [box_of(ann.page.locator(one)) for one in ("#sidebar", "#main", "#side-panel")]
    edges = [(round(box["x"]), round(box["x"] + box["width"])) for box in boxes]
    assert edges[0][0] == 0 and edges[-1][1] == 1920
    assert all(left[1] == right[0] for left, right in itertools.pairwise(edges)), "nothing covers anything"
    assert flaws.found_by_axe(ann.page) == []
    ann.page.set_viewport_size({"width": 1024, "height": 768})
    expect(ann.page.locator("dialog.sheet .person").first).to_be_visible()
    expect(panel).to_have_count(0)
    ann.page.set_viewport_size({"width": 1280, "height": 800})
    expect(panel.locator(".person").first).to_be_visible()
    expect(ann.page.locator("dialog")).to_have_count(0)
    panel.get_by_label("Search members").focus()
    ann.page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(ann.page.locator("#group-info")).to_be_focused()
    # What is closed is left in the history a moment later, and what is open has its entry there.
    until(ann.page, "() => !history.state?.above")
    ann.page.keyboard.press("Enter")
    expect(panel.locator(".person").first).to_be_visible()
    until(ann.page, "() => history.state?.above === 1")
    ann.page.go_back()
    expect(panel).to_have_count(0)
    expect(ann.bubble("hello")).to_be_visible()
    ann.page.click("#group-info")
    expect(panel.locator(".person").first).to_be_visible()
    ann.page.click("#group-info")
    expect(panel).to_have_count(0)
