"""What a chat has of one kind, in tabs: pictures and videos, files, links, voice, places."""

from collections.abc import Callable

import pytest
from playwright.sync_api import APIResponse, Route, expect

from demo import sounds
from tests.browser import flaws, media
from tests.browser.conftest import Someone, hear_until
from tests.browser.server import Person
from tests.browser.test_phone import PHONE
from tests.videos import video

LINKS = 45


def test_a_chat_shows_what_it_has_of_each_kind_and_leads_to_where_it_was_said(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann", viewport={"width": 1400, "height": 800}), person("Bob")
    cem = someone("Cem", **PHONE)
    group = ann.create_group("Tea", bob, cem)
    for number in range(LINKS):
        bob.say_in(group, f"read https://example.org/{number}")

    def send(kind: str, name: str, data: bytes) -> str:
        uploaded = bob.upload(kind, name, data)
        sent = bob.post("/group/send", groupId=group, type=uploaded["type"], mediaUrl=uploaded["mediaUrl"])
        return str(sent["id"])

    cups = send("images", "a.jpg", media.jpeg())
    send("files", "tea.txt", b"leaves")
    send("video", "b.webm", video("webm", "libvpx", "", seconds=1))
    send("audio", "c.wav", sounds.speech(2, voice=0))
    bob.post(
        "/group/send", groupId=group, type="location", locationData={"latitude": 1, "longitude": 2, "name": "Summit"}
    )
    for one in (ann, cem):
        one.post("/group/markGroupRead", groupId=group)

    # Beside the chat, by the keyboard.
    ann.open("Tea")
    ann.page.click("#chat-menu")
    ann.page.get_by_role("menuitem", name="Pictures, files, links").click()
    panel = ann.page.get_by_role("complementary", name="Pictures, files, links")
    items = panel.locator(".shelf-items > li")
    expect(items).to_have_count(2)
    expect(panel.get_by_role("button", name=f"[Video] 0:01 of {bob.name}")).to_be_visible()
    assert media.is_loaded(panel.locator(".shelf-tile img").first)
    assert flaws.found_by_axe(ann.page) == []
    panel.get_by_role("tab", name="Pictures and videos").focus()
    ann.page.keyboard.press("ArrowRight")
    expect(panel.get_by_role("tab", name="Files")).to_be_focused()
    expect(items).to_have_count(1)
    expect(items).to_contain_text("tea.txt")
    ann.page.keyboard.press("End")
    expect(items).to_contain_text("Summit")
    ann.page.keyboard.press("ArrowLeft")
    expect(items.get_by_role("button", name="Play")).to_be_visible()
    ann.page.keyboard.press("ArrowLeft")
    expect(items.first).to_contain_text(f"https://example.org/{LINKS - 1}")
    items.nth(30).scroll_into_view_if_needed()
    expect(items).to_have_count(LINKS)
    items.last.get_by_role("button", name="Show in the conversation").click()
    expect(ann.page.locator(".message.flash")).to_contain_text("https://example.org/0")
    expect(panel).to_be_visible()

    # On a phone, from what is told of the group; what is recalled goes, and what is sent comes.
    cem.open("Tea")
    cem.page.locator(".conversation-head h2").click()
    cem.page.get_by_role("dialog").get_by_role("button", name="Pictures, files, links").click()
    sheet = cem.page.get_by_role("dialog", name="Pictures, files, links")
    tiles = sheet.locator(".shelf-tile")
    expect(tiles).to_have_count(2)
    assert flaws.too_small_to_touch(cem.page) + flaws.sideways(cem.page) == []
    bob.post("/message/recall", messageId=cups)
    expect(tiles).to_have_count(1)
    send("images", "d.jpg", media.jpeg((200, 300)))
    expect(tiles).to_have_count(2)
    tiles.last.click()
    expect(sheet).to_have_count(0)
    expect(cem.page.locator(".message.flash .poster")).to_be_visible()


@pytest.mark.parametrize("is_in_answer", [False, True])
def test_what_is_sent_while_a_shelf_is_loaded_stands_on_it_once(
    someone: Callable[..., Someone], person: Callable[[str], Person], is_in_answer: bool
) -> None:
    ann, bob = someone("Ann", viewport={"width": 1400, "height": 800}), person("Bob")

    def send(name: str) -> None:
        uploaded = bob.upload("images", name, media.jpeg())
        bob.post("/private/send", receiverId=ann.id, type="image", mediaUrl=uploaded["mediaUrl"])

    send("one.jpg")
    ann.open(bob)
    expect(ann.page.locator(".message")).to_have_count(1)
    held: list[tuple[Route, APIResponse | None]] = []
    ann.page.route("**/chat/shelf*", lambda route: held.append((route, None if is_in_answer else route.fetch())))
    ann.page.click("#chat-menu")
    ann.page.get_by_role("menuitem", name="Pictures, files, links").click()
    hear_until(ann.page, lambda: bool(held))
    send("two.jpg")
    expect(ann.page.locator(".message")).to_have_count(2)
    for route, answer in held:
        if answer:
            route.fulfill(response=answer)
        else:
            route.continue_()
    tiles = ann.page.locator(".shelf-tile")
    expect(tiles).to_have_count(2)
    bob.say(ann, "that was all")
    expect(ann.bubble("that was all")).to_be_visible()
    expect(tiles).to_have_count(2)
