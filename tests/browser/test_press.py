"""What changes under the finger: a press is a click on what was pressed, whatever arrives before the release."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Hold, Someone, answered
from tests.browser.server import Person
from tests.browser.test_groups import open_panel

#: What a press alone sets going, the longest that the page waits for a release, does not run out on a slow machine.
PATIENCE = """() => {
  const wait = window.setTimeout;
  window.setTimeout = (...given) => (window.event?.type === "pointerdown" ? 0 : wait(...given));
}"""


def press(target: Locator) -> None:
    target.page.evaluate(PATIENCE)
    target.hover()
    target.page.mouse.down()


def test_a_chat_that_is_pressed_while_a_message_comes_opens(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    bob.say(ann, "hello")
    cem.say(ann, "hello")
    expect(ann.page).to_have_title("(2) Chat")
    press(ann.row(bob.name))
    bob.say(ann, "are you there?")
    expect(ann.page).to_have_title("(3) Chat")
    ann.page.mouse.up()
    expect(ann.page.locator(".conversation-head h2 bdi")).to_have_text(bob.name)
    expect(ann.bubble("are you there?")).to_be_visible()


def test_the_list_goes_on_though_a_button_of_the_mouse_is_held_down(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "hello")
    ann.row(bob.name).hover()
    ann.page.mouse.down()
    bob.say(ann, "are you there?")
    expect(ann.badge(bob.name)).to_have_text("2")


def test_a_member_who_is_pressed_while_roles_change_has_their_menu(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    group = ann.create_group("Tea", bob, cem)
    ann.open("Tea")
    open_panel(ann)
    expect(ann.page.get_by_role("button", name="Rename")).to_be_visible()  # what stands above the members is there
    press(ann.page.get_by_role("button", name=f"Actions for {cem.name}"))
    with ann.page.expect_response("**/group/members/*"):
        ann.post("/group/setRole", groupId=group, userId=cem.id, role="admin")
    ann.page.mouse.up()
    expect(ann.page.get_by_role("menu")).to_be_visible()
    ann.page.keyboard.press("Escape")
    expect(ann.page.locator(f"[data-member='{cem.id}'] .role")).to_have_text("administrator")


def test_the_head_of_a_group_that_is_pressed_while_its_name_changes_opens_the_panel(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    group = bob.create_group("Tea", ann)
    ann.open("Tea")
    press(ann.page.locator("#group-info"))
    bob.post("/group/update", groupId=group, name="Green tea")
    expect(ann.row("Green tea")).to_be_visible()
    ann.page.mouse.up()
    expect(ann.page.locator("#side-panel")).to_be_visible()
    expect(ann.page.locator(".conversation-head h2 bdi")).to_have_text("Green tea")


def test_a_button_of_the_panel_that_is_pressed_while_the_group_changes_does_what_it_says(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    group = bob.create_group("Tea", ann)
    bob.post("/group/setRole", groupId=group, userId=ann.id, role="admin")
    ann.open("Tea")
    open_panel(ann)
    press(ann.page.get_by_role("button", name="Rename"))
    bob.post("/group/update", groupId=group, name="Green tea")
    expect(ann.page.locator(".conversation-head h2 bdi")).to_have_text("Green tea")
    ann.page.mouse.up()
    expect(ann.page.get_by_label("Name of the group")).to_have_value("Green tea")


def test_a_request_to_join_that_is_pressed_while_another_one_comes_is_answered(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    group = ann.create_group("Tea", joinPolicy="approval")
    bob.post("/group/request", groupId=group)
    ann.open("Tea")
    open_panel(ann)
    press(ann.page.get_by_role("button", name=f"Let {bob.name} in"))
    with ann.page.expect_response("**/group/requests/*"):
        cem.post("/group/request", groupId=group)
    expect(ann.row("Tea").locator(".requests-count")).to_have_text("2")
    ann.page.mouse.up()
    expect(ann.page.locator(f"[data-member='{bob.id}']")).to_be_visible()
    expect(ann.page.locator(".request")).to_have_attribute("data-user", cem.id)


def test_a_message_that_is_pressed_while_it_is_edited_has_its_menu(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    said = bob.say(ann, "helo")
    ann.open(bob)
    bubble = ann.page.locator(".message").last
    bubble.hover()
    press(bubble.get_by_role("button", name="Message actions"))
    bob.post("/message/edit", messageId=said["id"], content="hello")
    bob.say(ann, "That was a slip.")
    expect(ann.row(bob.name)).to_contain_text("That was a slip.")
    ann.page.mouse.up()
    expect(ann.page.get_by_role("menu")).to_be_visible()
    expect(ann.bubble("hello")).to_be_visible()


def test_somebody_who_is_pressed_while_others_of_that_name_are_found_is_written_to(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "hello")
    expect(ann.row(bob.name)).to_be_visible()
    hold = Hold(ann.page, re.compile("/userChatList.*search="))
    ann.page.keyboard.press("Control+k")
    ann.page.locator("dialog.switcher input").fill(bob.name)
    option = ann.page.locator("dialog.switcher [role=option]").filter(has_text=bob.name).first
    expect(option).to_be_visible()
    hold.until_asked()
    press(option)
    with answered(ann.page, "/userChatList.*search="):
        hold.release()
    ann.page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))")
    ann.page.mouse.up()
    expect(ann.page.locator(".conversation-head h2 bdi")).to_have_text(bob.name)
