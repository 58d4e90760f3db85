"""The user's own settings, changed avatars, and the card about another person."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import REFUSED, Someone, Watch, box_of, elsewhere, reload
from tests.browser.media import is_loaded, picture
from tests.browser.server import PASSWORD, Person, Server

NEW_PASSWORD = "another horse entirely"


def open_settings(page: Page, section: str = "") -> Locator:
    page.get_by_role("button", name="My account").click()
    page.get_by_role("menuitem", name="Settings").click()
    content = page.locator(".settings-content")
    expect(content.locator("h3")).to_have_text("Profile")
    if section:
        page.locator(".settings-sections").get_by_role("button", name=section).click()
        expect(content.locator("h3")).to_have_text(section)
    return content


def choose_picture(page: Page, button: Locator, path: Path) -> Locator:
    """Chooses a picture with the system's file chooser; returns the crop dialog."""
    with page.expect_file_chooser() as opened:
        button.click()
    opened.value.set_files(path)
    dialog = page.locator("dialog.crop")
    expect(dialog).to_be_visible()
    return dialog


def save(dialog: Locator) -> None:
    dialog.get_by_role("button", name="Save").click()
    # The first picture waits until a sandbox worker has started.
    expect(dialog).to_have_count(0)


def colours(page: Page, image: Locator) -> tuple[str, str]:
    """The colors at the left and right edge of a picture, as the server serves it."""
    address = image.get_attribute("src") or ""
    with Image.open(io.BytesIO(page.request.get(address).body())) as made:
        assert made.size == (256, 256)
        points: list[Any] = [made.convert("RGB").getpixel((x, 128)) for x in (6, 249)]
    left, right = ("red" if red > blue else "blue" for red, _green, blue in points)
    return left, right


def second_browser(visit: Callable[..., Page], someone: Someone) -> Page:
    page = visit("/sign-in/")
    page.fill("#name", someone.name)
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_selector(".chat-row, .empty")
    return page


def require_signed_out(page: Page) -> None:
    page.wait_for_url("**/sign-in/**")


# Profile --------------------------------------------------------------------------------------------------------------


def test_a_new_name_is_seen_at_once_by_everybody_and_in_the_other_tab(
    someone: Callable[..., Someone], watch: Watch
) -> None:
    watch.allow(REFUSED)
    ann, bob = someone("Ann"), someone("Bob")
    group = ann.create_group("Tea", bob)
    ann.say_in(group, "hello all")
    ann.say(bob, "hello")
    bob.open("Tea")
    tab = ann.another_tab()
    tab.page.get_by_role("button", name="My account").click()
    content = open_settings(ann.page)
    name = content.get_by_label("Your name")
    name.fill(bob.name)
    name.press("Enter")
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_have_accessible_description("This name is taken. You sign in with it, too.")
    expect(name).to_be_focused()
    fresh = f"{ann.name} the Second"
    name.fill(fresh)
    expect(name).not_to_have_attribute("aria-invalid", "true")
    content.get_by_role("button", name="Save").click()
    expect(content.get_by_role("status")).to_have_text("Saved.")
    expect(bob.row(fresh)).to_be_visible()
    expect(bob.page.locator(".message .sender")).to_have_text(fresh)
    expect(tab.page.locator(".me-button")).to_have_attribute("data-signature", re.compile(fresh))
    tab.page.keyboard.press("Escape")
    tab.page.get_by_role("button", name="My account").click()
    expect(tab.page.locator(".menu-label").first).to_have_text(fresh)


def test_a_picture_is_cropped_by_keyboard_and_seen_at_once_by_everybody(
    someone: Callable[..., Someone], tmp_path: Path
) -> None:
    ann, bob = someone("Ann"), someone("Bob")
    group = ann.create_group("Tea", bob)
    ann.say_in(group, "hello all")
    ann.say(bob, "hello")
    bob.open("Tea")
    content = open_settings(ann.page)
    button = content.get_by_role("button", name="Choose a picture")
    dialog = choose_picture(ann.page, button, picture(tmp_path / "me.jpg", (900, 600), turn=6))
    expect(dialog.get_by_role("group", name="The picture")).to_be_focused()
    save(dialog)
    # Rotated before it was cropped: its left side is now at the top.
    mine = ann.page.locator(".me-button img")
    assert is_loaded(mine) and len(set(colours(ann.page, mine))) == 1
    first = mine.get_attribute("src")
    for place in (bob.row(ann.name), bob.page.locator(".message .gutter")):
        assert is_loaded(place.locator("img"))
        expect(place.locator("img")).to_have_attribute("src", first or "")
    content.get_by_role("button", name="Change the picture").click()
    with ann.page.expect_file_chooser() as opened:
        ann.page.get_by_role("menuitem", name="Choose a picture").click()
    opened.value.set_files(picture(tmp_path / "again.jpg", (900, 600)))
    expect(dialog.get_by_role("group", name="The picture")).to_be_focused()
    for _ in range(9):
        ann.page.keyboard.press("ArrowRight")
    for _ in range(6):
        ann.page.keyboard.press("+")
    save(dialog)
    expect(mine).not_to_have_attribute("src", first or "")
    assert is_loaded(mine) and colours(ann.page, mine) == ("red", "red")
    for place in (bob.row(ann.name), bob.page.locator(".message .gutter")):
        expect(place.locator("img")).to_have_attribute("src", mine.get_attribute("src") or "")
        assert is_loaded(place.locator("img"))
    assert ann.page.request.get(first or "").status == 404
    content.get_by_role("button", name="Change the picture").click()
    ann.page.get_by_role("menuitem", name="Remove the picture").click()
    expect(mine).to_have_count(0)
    expect(bob.row(ann.name).locator("img")).to_have_count(0)
    expect(bob.page.locator(".message .gutter .avatar")).to_have_text("An")


def test_a_picture_is_dragged_and_zoomed_by_the_pointer(someone: Callable[..., Someone], tmp_path: Path) -> None:
    ann = someone("Ann")
    content = open_settings(ann.page)
    button = content.get_by_role("button", name="Choose a picture")
    dialog = choose_picture(ann.page, button, picture(tmp_path / "me.jpg", (1200, 600)))
    box = box_of(dialog.locator(".crop-stage"))
    mouse = ann.page.mouse
    mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    mouse.wheel(0, -300)
    expect(dialog.get_by_label("Zoom")).not_to_have_value("1")
    mouse.down()
    mouse.move(box["x"] - 600, box["y"] + box["height"] / 2, steps=4)
    mouse.up()
    save(dialog)
    assert colours(ann.page, ann.page.locator(".me-button img")) == ("blue", "blue")


def test_what_is_no_picture_is_told_so_and_changes_nothing(
    someone: Callable[..., Someone], tmp_path: Path, watch: Watch
) -> None:
    watch.allow(REFUSED)
    ann = someone("Ann")
    content = open_settings(ann.page)
    path = tmp_path / "me.png"
    path.write_bytes(b"<html>")
    dialog = choose_picture(ann.page, content.get_by_role("button", name="Choose a picture"), path)
    expect(dialog).to_contain_text("This browser cannot show this picture.")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("This is not a picture we know")
    ann.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(content).to_be_visible()
    expect(ann.page.locator(".me-button img")).to_have_count(0)


# Password -------------------------------------------------------------------------------------------------------------


def test_a_password_is_changed_only_with_the_old_one_and_for_a_good_one(
    someone: Callable[..., Someone], visit: Callable[..., Page], site: Server, watch: Watch
) -> None:
    watch.allow(REFUSED)
    ann = someone("Ann", **elsewhere())
    other = second_browser(visit, ann)
    content = open_settings(ann.page, "Password")
    old, new = content.get_by_label("Current password"), content.get_by_label("New password")
    expect(old).to_have_attribute("autocomplete", "current-password")
    expect(new).to_have_attribute("autocomplete", "new-password")
    old.fill(PASSWORD)
    new.fill("12345")
    new.press("Enter")
    expect(new).to_have_attribute("aria-invalid", "true")
    expect(content.locator(".error:visible")).to_contain_text("too short")
    old.fill("not my password")
    new.fill(NEW_PASSWORD)
    new.press("Enter")
    expect(old).to_have_attribute("aria-invalid", "true")
    expect(content.locator(".error:visible")).to_have_text("This is not your password.")
    expect(other).to_have_url("/")
    old.fill(PASSWORD)
    content.get_by_role("button", name="Change the password").click()
    expect(content.get_by_role("status")).to_contain_text("The password is changed")
    expect(old).to_have_value("")
    require_signed_out(other)
    reload(ann.page)
    ann.page.wait_for_selector(".chat-row, .empty")
    answer = httpx.post(f"{site.url}/login", json={"name": ann.name, "password": NEW_PASSWORD})
    assert answer.status_code == 200


# Appearance and language ----------------------------------------------------------------------------------------------


def test_the_theme_is_in_the_page_as_it_is_served_so_that_nothing_flashes(
    someone: Callable[..., Someone], watch: Watch
) -> None:
    watch.allow("WebSocket connection to")  # a page that is loaded anew at once may be gone before it is connected
    ann = someone("Ann", color_scheme="light")
    content = open_settings(ann.page, "Appearance and language")
    expect(content.get_by_label("Like the system")).to_be_checked()
    content.get_by_label("Dark").check()
    html = ann.page.locator("html")
    expect(html).to_have_attribute("data-theme", "dark")
    served = reload(ann.page)
    assert served and 'data-theme="dark"' in served.text()
    expect(html).to_have_css("color-scheme", "dark")
    content = open_settings(ann.page, "Appearance and language")
    content.get_by_label("Like the system").check()
    served = reload(ann.page)
    assert served and "data-theme" not in served.text().split("<head>")[0]
    expect(html).to_have_css("color-scheme", "light")


def test_the_language_of_the_settings_is_the_pages(someone: Callable[..., Someone]) -> None:
    ann = someone("Ann")
    content = open_settings(ann.page, "Appearance and language")
    content.get_by_label("简体中文").click()  # the page is loaded anew before it could be looked at
    expect(ann.page.locator("html")).to_have_attribute("lang", "zh-hans")
    assert ann.page.request.get("/me").json()["language"] == "zh-hans"


# Presence and devices -------------------------------------------------------------------------------------------------


def test_a_user_who_appears_offline_is_not_seen_until_that_is_turned_off(someone: Callable[..., Someone]) -> None:
    ann, bob = someone("Ann"), someone("Bob")
    ann.say(bob, "hello")
    dot = bob.row(ann.name).locator(".avatar.online")
    expect(dot).to_be_visible()
    content = open_settings(ann.page, "Presence")
    content.get_by_label("Appear offline").check()
    expect(content.get_by_role("status")).to_have_text("You appear offline.")
    expect(dot).to_have_count(0)
    reload(ann.page)
    content = open_settings(ann.page, "Presence")
    expect(content.get_by_label("Appear offline")).to_be_checked()
    expect(dot).to_have_count(0)
    content.get_by_label("Appear offline").uncheck()
    expect(dot).to_be_visible()


def test_who_may_add_me_to_groups_is_chosen_and_obeyed(someone: Callable[..., Someone]) -> None:
    ann, bob = someone("Ann"), someone("Bob")
    content = open_settings(ann.page, "Groups")
    expect(content.get_by_label("Everyone")).to_be_checked()
    content.get_by_label("Nobody").check()
    expect(content.get_by_role("status")).to_have_text("Saved.")
    assert bob.attempt("/group/create", name="Tea", memberIds=[ann.id]) == 403
    reload(ann.page)
    content = open_settings(ann.page, "Groups")
    expect(content.get_by_label("Nobody")).to_be_checked()
    content.get_by_label("Everyone").check()
    expect(content.get_by_role("status")).to_have_text("Saved.")
    assert bob.attempt("/group/create", name="Tea", memberIds=[ann.id]) == 201


def test_signing_out_there_ends_that_browser_at_once_and_no_other(
    someone: Callable[..., Someone], visit: Callable[..., Page], watch: Watch
) -> None:
    watch.allow(REFUSED)
    ann = someone("Ann")
    there, third = second_browser(visit, ann), second_browser(visit, ann)
    content = open_settings(ann.page, "Devices")
    rows = content.locator("[data-device]")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("Chrome on Linux")
    expect(rows.first).to_contain_text("This device")
    expect(rows.first.get_by_role("button")).to_have_count(0)
    mine = there.request.get("/me/sessions").json()
    current = next(one["id"] for one in mine if one["current"])
    content.locator(f"[data-device='{current}']").get_by_role("button").click()
    require_signed_out(there)
    expect(rows).to_have_count(2)
    expect(content.get_by_role("status")).to_have_text("Signed out: Chrome on Linux")
    expect(third).to_have_url("/")
    content.get_by_role("button", name="Sign out everywhere else").click()
    ann.page.get_by_role("button", name="Sign out", exact=True).click()
    require_signed_out(third)
    expect(rows).to_have_count(1)
    expect(content.get_by_role("button")).to_have_count(0)
    assert ann.page.request.get("/me").ok


def test_the_settings_are_one_column_on_a_phone_and_close_with_escape(someone: Callable[..., Someone]) -> None:
    ann = someone("Ann", viewport={"width": 360, "height": 740})
    ann.page.get_by_role("button", name="My account").click()
    ann.page.get_by_role("menuitem", name="Settings").click()
    sections = ann.page.locator(".settings-sections").get_by_role("button")
    expect(sections.first).to_be_focused()
    ann.page.keyboard.press("ArrowDown")
    ann.page.keyboard.press("Enter")
    expect(ann.page.get_by_label("New password")).to_be_visible()
    expect(sections.first).to_be_hidden()
    assert ann.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    ann.page.get_by_role("button", name="Back").click()
    expect(sections.nth(1)).to_be_focused()
    ann.page.keyboard.press("Escape")
    expect(ann.page.locator("dialog")).to_have_count(0)


# Groups and others ----------------------------------------------------------------------------------------------------


def test_a_group_has_its_picture_from_the_beginning_and_gets_another(
    someone: Callable[..., Someone], person: Callable[[str], Person], tmp_path: Path
) -> None:
    ann, bob = someone("Ann"), someone("小明", locale="zh-CN")
    ann.page.click("#new")
    ann.page.get_by_role("menuitem", name="New group").click()
    dialog = ann.page.locator("dialog").first
    chosen = choose_picture(
        ann.page, dialog.get_by_role("button", name="Choose a picture"), picture(tmp_path / "tea.jpg", (400, 400))
    )
    save(chosen)
    assert is_loaded(dialog.locator(".group-face img"))
    dialog.get_by_label("Name of the group").fill("Picture tea")
    dialog.get_by_label("Search people").fill(bob.name)
    dialog.get_by_role("checkbox", name=bob.name).check()
    dialog.get_by_role("button", name="Create the group").click()
    image = bob.row("Picture tea").locator("img")
    assert is_loaded(image) and colours(bob.page, image) == ("red", "blue")
    bob.open("Picture tea")
    expect(bob.page.locator(".system")).to_have_count(1)
    first = image.get_attribute("src") or ""
    ann.write("hello")
    expect(bob.bubble("hello")).to_be_visible()
    ann.page.click("#group-info")
    panel = ann.page.locator(".panel-body")
    panel.get_by_role("button", name="Change the picture").click()
    with ann.page.expect_file_chooser() as opened:
        ann.page.get_by_role("menuitem", name="Choose a picture").click()
    opened.value.set_files(picture(tmp_path / "more.jpg", (300, 300)))
    save(ann.page.locator("dialog.crop"))
    expect(image).not_to_have_attribute("src", first)
    expect(bob.page.locator(".conversation-head img")).not_to_have_attribute("src", first)
    expect(bob.page.locator(".system").last).to_have_text(f"{ann.name}更换了群头像")
    bob.page.click("#group-info")
    expect(bob.page.locator(".panel-body .person").first).to_be_visible()
    expect(bob.page.locator(".panel-body .avatar-button")).to_have_count(0)


def test_a_card_tells_of_somebody_and_leads_to_a_conversation(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), someone("Bob"), person("Cem")
    group = bob.create_group("Tea", ann, cem)
    bob.say_in(group, "hello all")
    ann.open("Tea")
    ann.page.get_by_role("button", name=bob.name).last.click()
    card = ann.page.get_by_role("dialog", name=bob.name)
    expect(card).to_contain_text("online")
    ann.page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    ann.page.click("#group-info")
    ann.page.locator(f"[data-member='{cem.id}']").get_by_role("button", name=cem.name).click()
    expect(ann.page.get_by_role("dialog", name=cem.name)).to_be_visible()
    ann.page.keyboard.press("Escape")
    expect(ann.page.get_by_role("dialog", name=cem.name)).to_have_count(0)
    ann.page.keyboard.press("Escape")
    expect(ann.page.locator("dialog")).to_have_count(0)
    ann.page.locator(".message").last.focus()
    ann.page.keyboard.press("Enter")
    ann.page.get_by_role("menuitem", name=f"About {bob.name}").click()
    card.get_by_role("button", name="Send a message").click()
    expect(ann.page.locator(".conversation-head h2")).to_have_text(bob.name)
    ann.page.locator(".conversation-head").get_by_role("button", name=bob.name).click()
    expect(card).to_be_visible()
    expect(card.get_by_role("button", name="Send a message")).to_have_count(0)
