"""Everything can be reached and done by the keyboard alone, and the focus is visible."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser import media
from tests.browser.conftest import Someone, reload, until
from tests.browser.server import Person

#: A readable name of the focused element.
FOCUSED = """() => {
  const one = document.activeElement;
  if (one === document.body) return "";
  return one.id || one.dataset.chat?.split(":")[0] || one.className.split(" ")[0] || one.tagName.toLowerCase();
}"""

#: Resets the focus, so that Tab goes to the first element of the page.
FROM_THE_TOP = """() => {
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute("tabindex");
}"""

#: Whether the focus is visible: the focused element looks different from an unfocused one.
IS_SEEN = """() => {
  const one = document.activeElement;
  const around = () => {
    const { outlineStyle, outlineWidth, borderColor, boxShadow } = getComputedStyle(one);
    return outlineStyle !== "none" && parseFloat(outlineWidth) >= 1 ? "outlined" : borderColor + boxShadow;
  };
  const seen = around();
  if (seen === "outlined") return true;
  one.blur();
  const without = around();
  one.focus();
  return seen !== without;
}"""


#: How many entries of the history belong to what is open above the page. What was closed a moment ago is still being
#: left: who goes back then goes there.
ABOVE = "(count) => (history.state?.above ?? 0) === count"


def tabbed(page: Page, *, at_most: int = 40) -> list[str]:
    """Goes by Tab from the first to the last element; the focus must be visible at each stop."""
    page.evaluate(FROM_THE_TOP)
    stops: list[str] = []
    for _ in range(at_most):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        if not stop:
            return stops
        assert page.evaluate(IS_SEEN), f"one does not see that {stop} has the focus"
        stops.append(stop)
    raise AssertionError(f"no way out of {stops}")


def test_tab_goes_from_the_list_over_the_head_and_the_log_to_the_composer_and_out(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann", reduced_motion="reduce"), person("Bob"), person("Cem")
    group = bob.create_group("Tea", ann)
    bob.say_in(group, "hello")
    cem.say(ann, "hi")
    ann.open("Tea")
    expect(ann.bubble("hello")).to_be_visible()
    ann.page.fill("#text", "a word, so that there is something to send")
    stops = tabbed(ann.page)
    expected = ["skip", "me-button", "new", "search", "group", "who", "group-info", "log"]
    assert [stop for stop in stops if stop in expected] == expected
    assert stops[-4:] == ["attach", "icon-button", "text", "send"]


def test_one_row_of_the_list_is_a_stop_of_tab_and_arrows_lead_to_the_others(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    bob.say(ann, "hello")
    cem.say(ann, "hi")
    expect(ann.page.locator(".rows .chat-row")).to_have_count(2)
    expect(ann.page.locator(".rows .chat-row[tabindex='0']")).to_have_count(1)
    ann.page.focus("#search")
    ann.page.keyboard.press("Tab")
    expect(ann.row(cem.name)).to_be_focused()
    ann.page.keyboard.press("ArrowDown")
    expect(ann.row(bob.name)).to_be_focused()
    ann.page.keyboard.press("Shift+Tab")
    ann.page.keyboard.press("Tab")
    expect(ann.row(bob.name)).to_be_focused()


def test_a_few_letters_lead_to_a_conversation_or_to_a_person_without_one(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, zoe = someone("Ann"), person("Bob"), person("Zoe")
    group = bob.create_group("Tea", ann)
    bob.say_in(group, "hello")
    bob.say(ann, "hello")
    ann.open(bob)
    ann.page.keyboard.press("Control+k")
    dialog = ann.page.locator("dialog.switcher")
    expect(dialog.locator("[aria-selected=true] .person-text")).to_have_text("Tea")
    ann.page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(ann.page.locator(".conversation-head h2")).to_have_text("Tea")
    ann.page.keyboard.press("Control+k")
    ann.page.keyboard.type(zoe.name)
    expect(dialog.locator("[aria-selected=true]")).to_contain_text(zoe.name)
    ann.page.keyboard.press("Enter")
    expect(ann.page.locator(".conversation-head h2")).to_have_text(zoe.name)
    ann.page.keyboard.press("Control+k")
    ann.page.keyboard.type("never mind")
    ann.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    ann.open(bob)
    ann.page.keyboard.press("Alt+ArrowDown")
    expect(ann.page.locator(".conversation-head h2")).to_have_text("Tea")
    ann.page.keyboard.press("Alt+ArrowUp")
    expect(ann.page.locator(".conversation-head h2")).to_have_text(bob.name)


def test_what_is_typed_anywhere_goes_to_the_field_and_a_question_mark_lists_the_keys(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "hello")
    ann.open(bob)
    ann.bubble("hello").click()
    expect(ann.page.locator("#text")).not_to_be_focused()
    ann.page.keyboard.type("hi there?")
    expect(ann.page.locator("#text")).to_have_value("hi there?")
    ann.page.fill("#search", "")
    ann.page.locator("#search").press_sequentially("what?")
    expect(ann.page.locator("#search")).to_have_value("what?")
    ann.page.fill("#search", "")
    ann.bubble("hello").click()
    ann.page.keyboard.press("?")
    expect(ann.page.get_by_role("dialog", name="Keyboard shortcuts")).to_contain_text("Ctrl + K")
    ann.page.keyboard.type("x")
    ann.page.keyboard.press("Escape")
    expect(ann.page.locator("#text")).to_have_value("hi there?")


def test_back_closes_what_is_open_above_and_then_leads_to_the_conversation_before(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann", viewport={"width": 1000, "height": 800}), person("Bob")
    group = bob.create_group("Tea", ann)
    bob.say_in(group, "hello")
    bob.say(ann, "hello")
    page, head = ann.page, ann.page.locator(".conversation-head h2")
    ann.open(bob)
    ann.open("Tea")
    page.click("#group-info")
    page.locator("dialog.sheet").get_by_role("button", name=bob.name).click()
    expect(page.locator("dialog[open]")).to_have_count(2)
    page.go_back()
    expect(page.locator("dialog[open]")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    until(page, ABOVE, 0)
    page.click("#chat-menu")
    page.get_by_role("menuitem", name="Search in this conversation").click()
    page.fill("#find", "hello")
    until(page, ABOVE, 1)
    page.go_back()
    expect(page.locator("#find")).to_be_hidden()
    page.get_by_role("button", name="Emoji").click()
    expect(page.locator(".emoji-panel")).to_be_visible()
    page.go_back()
    expect(page.locator(".emoji-panel")).to_have_count(0)
    expect(head).to_have_text("Tea")
    page.go_back()
    expect(head).to_have_text(bob.name)
    # Forward leads back, and opens nothing that Back closed.
    page.go_forward()
    expect(head).to_have_text("Tea")
    expect(page.locator("dialog")).to_have_count(0)
    # What is closed in another way leaves nothing behind that Back would have to go through.
    page.click("#group-info")
    page.locator("dialog.sheet").get_by_role("button", name=bob.name).click()
    page.get_by_role("button", name="Send a message").click()
    expect(head).to_have_text(bob.name)
    expect(page.locator("dialog")).to_have_count(0)
    expect(page).to_have_url(f"/chat/private/{bob.id}/")
    page.go_back()
    expect(head).to_have_text("Tea")


def test_back_on_the_first_page_closes_what_is_open_and_does_not_leave(
    someone: Callable[..., Someone],
) -> None:
    page = someone("Ann", viewport={"width": 390, "height": 740}).page
    settings = page.get_by_role("dialog", name="Settings")
    page.click(".me-button")
    expect(page.locator(".menu")).to_be_visible()
    page.go_back()
    expect(page.locator(".menu")).to_have_count(0)
    page.click(".me-button")
    page.get_by_role("menuitem", name="Settings").click()
    page.get_by_role("dialog").get_by_role("button", name="Appearance").click()
    page.go_back()
    expect(settings.get_by_role("button", name="Appearance")).to_be_focused()
    reload(page)
    expect(page.locator("dialog")).to_have_count(0)
    until(page, ABOVE, 0)
    page.click(".me-button")
    page.get_by_role("menuitem", name="Settings").click()
    page.evaluate("window.isTheSamePage = true")
    page.go_back()
    expect(page.locator("dialog")).to_have_count(0)
    assert page.evaluate("window.isTheSamePage")
    page.go_back()
    expect(page).to_have_url("about:blank")


def test_the_skip_link_leads_to_the_message_field(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "hello")
    ann.open(bob)
    ann.page.evaluate(FROM_THE_TOP)
    ann.page.keyboard.press("Tab")
    expect(ann.page.locator(".skip")).to_be_in_viewport()
    ann.page.keyboard.press("Enter")
    expect(ann.page.locator("#text")).to_be_focused()


def test_the_pages_of_nobody_are_gone_through_by_tab(visit: Callable[..., Page]) -> None:
    for path in ("/sign-in/", "/sign-up/"):
        page = visit(path, reduced_motion="reduce")
        expect(page.locator("#name")).to_be_focused()  # by the page itself, which takes the focus once
        assert tabbed(page)[:4] == ["name", "password", "show-password", "button"]


def test_a_chat_is_found_and_opened_by_the_keyboard(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    for one in (bob, cem):
        one.say(ann, f"I am {one.name}")
        expect(ann.row(one.name)).to_be_visible()
    page = ann.page
    page.focus("#search")
    page.keyboard.press("ArrowDown")
    expect(ann.row(cem.name)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(ann.row(bob.name)).to_be_focused()
    # A message moves its chat up, and the focus moves with it.
    bob.say(ann, "here")
    expect(page.locator(".rows .chat-name").first).to_have_text(bob.name)
    expect(ann.row(bob.name)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type(cem.name)
    page.keyboard.press("Escape")
    expect(page.locator("#search")).to_have_value("")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".conversation-head h2 bdi")).to_have_text(bob.name)
    expect(page.locator("#text")).to_be_focused()


def test_messages_are_walked_and_their_menu_opens_by_enter_and_by_the_menu_key(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    for text in ("one", "two", "three"):
        bob.say(ann, text)
    ann.open(bob)
    page = ann.page
    expect(ann.bubble("three")).to_be_visible()
    page.focus("#log")
    for text in ("three", "two", "one"):
        page.keyboard.press("ArrowUp")
        expect(ann.bubble(text)).to_be_focused()
        assert page.evaluate(IS_SEEN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Reply")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_have_count(0)
    expect(ann.bubble("one")).to_be_focused()
    for key in ("Shift+F10", "ContextMenu"):
        page.keyboard.press(key)
        expect(page.get_by_role("menuitem", name="Reply")).to_be_focused()
        page.keyboard.press("Tab")
        expect(ann.bubble("one")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator(".about")).to_contain_text("one")
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".about")).to_be_hidden()


def link(page: Page, address: str) -> Locator:
    return page.get_by_role("link", name=address, exact=True)


def test_tab_stops_at_what_is_in_the_message_with_the_focus_and_in_no_other(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    group = bob.create_group("Tea", ann)
    for number in range(3):
        bob.say_in(group, f"number {number}: https://one.example/{number} and https://two.example/{number}")
    ann.open("Tea")
    page = ann.page
    expect(link(page, "https://two.example/2")).to_be_visible()
    page.focus("#log")
    page.keyboard.press("Tab")
    expect(page.locator("#attach")).to_be_focused()
    page.focus("#log")
    for _ in range(2):
        page.keyboard.press("ArrowUp")
    bob.say_in(group, "one more: https://one.example/3")
    expect(link(page, "https://one.example/3")).to_be_visible()
    for one in ("one", "two"):
        page.keyboard.press("Tab")
        expect(link(page, f"https://{one}.example/1")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#attach")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(link(page, "https://two.example/1")).to_be_focused()


def test_a_message_that_changes_keeps_the_focus(someone: Callable[..., Someone]) -> None:
    ann, bob = someone("Ann"), someone("Bob")
    ann.find(bob)
    ann.write("did you see this?")
    expect(ann.page.locator("[data-state=sent]")).to_have_count(1)
    ann.page.focus("#log")
    ann.page.keyboard.press("ArrowUp")
    expect(ann.bubble("did you see this?")).to_be_focused()
    bob.open(ann)
    expect(ann.page.locator(".receipt")).to_have_text("Read")
    expect(ann.bubble("did you see this?")).to_be_focused()


def test_a_menu_is_walked_by_arrows_and_letters_and_gives_the_focus_back(someone: Callable[..., Someone]) -> None:
    page = someone("Ann").page
    page.focus(".me-button")
    page.keyboard.press("Enter")
    items = page.get_by_role("menu").locator("button")
    expect(items.first).to_be_focused()
    assert page.evaluate(IS_SEEN)
    page.keyboard.press("End")
    expect(page.get_by_role("menuitem", name="Sign out")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(items.first).to_be_focused()
    page.keyboard.press("d")
    expect(page.get_by_role("menuitemradio", name="Dark")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator(".me-button")).to_be_focused()


def test_dialogs_hold_the_focus_close_the_topmost_by_escape_and_give_it_back(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann", viewport={"width": 1024, "height": 768}), person("Bob")
    ann.create_group("Tea", bob)
    ann.open("Tea")
    page = ann.page
    # What is loaded later is drawn anew, and a dialog or a menu gives the focus back to what is still there.
    expect(page.locator("#status")).to_contain_text("·")
    page.focus("#group-info")
    with page.expect_response("**/group/list"):
        page.keyboard.press("Enter")
    panel = page.locator(".panel-body")
    actions = panel.get_by_role("button", name=f"Actions for {bob.name}")
    expect(actions).to_be_visible()
    for _ in range(25):
        page.keyboard.press("Tab")
        # In the dialog, or for one stop in the browser's own bars; never behind the dialog.
        assert page.evaluate(
            "document.activeElement.closest('dialog') !== null || document.activeElement === document.body"
        )
    actions.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menu")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_have_count(0)
    expect(actions).to_be_focused()
    panel.get_by_role("button", name="Rename").press("Enter")
    expect(page.locator("#ask")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(1)
    expect(panel.get_by_role("button", name="Rename")).to_be_focused()
    mute = panel.get_by_role("button", name="Mute")
    mute.press("Enter")
    # The panel was built again.
    expect(panel.get_by_role("button", name="Unmute")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator("#group-info")).to_be_focused()


def test_emoji_are_chosen_by_arrows_and_the_panel_is_left_by_tab_and_escape(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "hello")
    ann.open(bob)
    page = ann.page
    button = page.get_by_role("button", name="Emoji")
    panel = page.locator(".emoji-panel")

    def opened() -> Any:
        button.press("Enter")
        expect(panel).to_be_visible()
        return page.keyboard

    keys = opened()
    expect(panel.locator(".emoji-grid button").first).to_be_focused()
    assert page.evaluate(IS_SEEN)
    for key in ("ArrowRight", "ArrowDown", "ArrowUp", "Enter"):
        keys.press(key)
    expect(page.locator("#text")).to_have_value("😃")
    keys.press("ArrowUp")
    expect(panel.get_by_role("tab", name="Smileys")).to_be_focused()
    keys.press("ArrowRight")
    expect(panel.get_by_role("tab", name="Gestures")).to_have_attribute("aria-selected", "true")
    keys.press("ArrowDown")
    keys.press("Enter")
    expect(page.locator("#text")).to_have_value("😃👍")
    keys.press("Escape")
    expect(panel).to_have_count(0)
    expect(button).to_be_focused()
    opened().press("Tab")
    expect(panel).to_have_count(0)
    expect(page.locator("#text")).to_be_focused()
    opened().press("Shift+Tab")
    expect(panel.get_by_role("tab", name="Recent")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(button).to_be_focused()


def test_a_picture_is_opened_and_left_by_the_keyboard(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    made = bob.upload("images", "summit.jpg", media.jpeg())
    bob.post("/private/send", receiverId=ann.id, type="image", mediaUrl=made["mediaUrl"], content="")
    ann.open(bob)
    picture = ann.page.get_by_role("button", name=f"Open the picture of {bob.name}")
    picture.press("Enter")
    box = ann.page.get_by_role("dialog", name="Picture")
    expect(box.get_by_role("img", name=f"Picture of {bob.name}")).to_be_visible()
    for _ in range(8):
        ann.page.keyboard.press("Tab")
        assert ann.page.evaluate(
            "document.activeElement === document.body || document.activeElement.closest('dialog') !== null"
        )
    ann.page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    expect(picture).to_be_focused()
