"""Guests and staff are marked wherever their name stands; groups are closed unless somebody opens them."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Someone, until
from tests.browser.server import Person, Server

#: Whether a mark is whole within the box of the name.
IS_WITHIN = """(inside) => {
  const name = document.querySelector(inside)?.getBoundingClientRect();
  const mark = document.querySelector(`${inside} .mark`)?.getBoundingClientRect();
  return name && mark && mark.left >= name.left - 1 && mark.right <= name.right + 1;
}"""


def test_a_guest_is_marked_wherever_the_name_stands_however_long_it_is(
    site: Server, someone: Callable[..., Someone]
) -> None:
    ann = someone("小安", locale="zh-CN")
    made = site.http.post("/createUser", json={"name": f"{ann.name} who has such a name"[:40], "img": ""}).json()
    guest = object.__new__(Person)
    guest.__dict__.update(
        name=made["name"], id=made["id"], _http=site.http, _headers={"Authorization": f"Bearer {made['token']}"}
    )
    group = guest.create_group(f"Tea of {made['id'][-6:]}", ann)
    guest.say_in(group, "hello")
    guest.say(ann, "psst")
    page = ann.page

    def expect_marked(inside: str, *, count: int = 1) -> None:
        mark = page.locator(f"{inside} .mark.guest")
        expect(mark).to_have_count(count)
        expect(mark.first).to_have_text("访客")
        expect(mark.first).to_be_visible()
        until(page, IS_WITHIN, arg=inside)

    expect_marked(f".chat-row[data-chat='private:{guest.id}'] .chat-name")
    expect_marked(f".chat-row[data-chat='group:{group}'] .chat-preview")
    ann.open(f"Tea of {made['id'][-6:]}")
    expect_marked(".message .sender")
    page.locator(".message .sender button").click()
    expect_marked("dialog .person-name")
    page.keyboard.press("Escape")
    page.click("#group-info")
    expect_marked(f"[data-member='{guest.id}'] .person-text")
    page.keyboard.press("Escape")
    page.locator(f".chat-row[data-chat='private:{guest.id}']").click()
    expect_marked(".conversation-head h2")
    page.click("#new")
    page.get_by_role("menuitem").first.click()
    page.locator("dialog input").first.fill(guest.name)
    expect_marked("dialog .people .person-text")
    site.http.patch("/me", json={"password": "correct horse battery"}, headers=guest._headers).raise_for_status()
    expect(page.locator(".conversation-head .mark")).to_have_count(0)
    expect(page.locator(f".chat-row[data-chat='private:{guest.id}'] .mark")).to_have_count(0)


def test_a_new_group_is_closed_and_the_page_says_who_reads_an_open_one(
    someone: Callable[..., Someone], visit: Callable[..., Page]
) -> None:
    ann, bob = someone("Ann"), someone("Bob")
    for name, is_open in (("Closed", False), ("Open", True)):
        title = f"{name} {ann.name}"
        ann.page.click("#new")
        ann.page.get_by_role("menuitem", name="New group").click()
        ann.page.fill("#group-name", title)
        expect(ann.page.locator("dialog .switch")).to_contain_text("Only those who are invited")
        if is_open:
            ann.page.get_by_label("Open group").check()
            expect(ann.page.locator("dialog .switch")).to_contain_text("guests too, can find it, join it and read")
        ann.page.get_by_role("button", name="Create the group").click()
        expect(ann.page.locator(".conversation-head h2")).to_have_text(title)
        ann.page.click("#group-info")
        panel = ann.page.locator(".panel-body .panel-top")
        expect(panel).to_contain_text("guests too" if is_open else "only those who are invited")
        ann.page.keyboard.press("Escape")
        bob.page.fill("#search", title)
        if is_open:
            expect(bob.page.locator(".found .chat-row")).to_contain_text(title)
        else:
            expect(bob.page.locator(".no-result")).to_have_text(f"Nothing found for “{title}”.")
    ann.open(f"Closed {ann.name}")
    ann.page.click("#group-info")
    ann.page.get_by_role("button", name="Open the group to everyone").click()
    expect(ann.page.locator("dialog").last).to_contain_text("guests too, can find it, join it and read all of it")
    ann.page.get_by_role("button", name="Open it").click()
    expect(ann.page.locator(".panel-body .panel-top")).to_contain_text("Open group")
