"""Finding the way: pinned messages, what is marked unread, filters and what is put away, readers, days, addresses."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser import flaws
from tests.browser.conftest import Someone, reload, until
from tests.browser.server import Person
from tests.browser.test_phone import PHONE


def test_messages_are_pinned_for_everybody_and_lead_back_to_themselves(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann", reduced_motion="reduce"), someone("Bob", **PHONE, locale="zh-CN"), person("Cem")
    group = ann.create_group("Tea", bob, cem)
    cem.say_in(group, "the address is in the garden")
    for number in range(60):
        cem.say_in(group, f"something else {number}")
    last = cem.say_in(group, "bring a cup")
    for one in (ann, bob):
        one.post("/group/markGroupRead", groupId=group)  # it opens at its end
    ann.open("Tea")
    bob.page.goto(f"/chat/group/{group}/")
    for one in (ann, bob):
        expect(one.bubble("bring a cup")).to_be_visible()
    expect(ann.page.locator(".pin-bar")).to_be_hidden()

    # From the menu of a message, by an administrator; the others see the line at once.
    ann.page.locator("#text").blur()
    ann.page.focus("#log")
    ann.page.keyboard.press("ArrowUp")
    ann.page.keyboard.press("Enter")
    ann.page.get_by_role("menuitem", name="Pin this message").click()
    expect(ann.page.locator("#pin-line")).to_have_text(f"Pinned message{cem.name}: bring a cup")
    expect(bob.page.locator("#pin-line")).to_have_text(f"置顶消息{cem.name}：bring a cup")
    expect(bob.page.locator(".system").last).to_contain_text(f"{ann.name}置顶了一条消息")
    bob.page.locator(".message", has_text="bring a cup").click(button="right")
    expect(bob.page.get_by_role("menuitem", name="回复")).to_be_visible()
    expect(bob.page.get_by_role("menuitem", name="置顶这条消息")).to_have_count(0)
    bob.page.keyboard.press("Escape")

    # Several: the last pinned first, each press leads to the next, far away too, and back.
    first = ann.page.request.get(f"/message/search?q=address&chatId={group}&isGroup=true").json()[0]
    ann.post("/message/pin", messageId=first["id"])
    line = bob.page.locator("#pin-line")
    expect(line).to_have_text(f"置顶消息 1/2{cem.name}：the address is in the garden")
    assert not flaws.found_by_axe(bob.page) + flaws.too_small_to_touch(bob.page) + flaws.sideways(bob.page)
    line.tap()
    expect(bob.page.locator(".message.flash")).to_contain_text("the address is in the garden")
    expect(line).to_contain_text("置顶消息 2/2")
    line.tap()
    expect(bob.page.locator(".message.flash")).to_contain_text("bring a cup")
    bob.page.locator(".show-pinned").last.press("Enter")
    expect(bob.page.locator(".message.flash")).to_contain_text("the address is in the garden")

    # The list, by keyboard: it leads to each, and unpins for who may.
    ann.page.focus("#all-pins")
    ann.page.keyboard.press("Enter")
    entries = ann.page.get_by_role("dialog", name="Pinned messages").locator(".pin-entry")
    expect(entries).to_have_count(2)
    expect(entries.nth(0)).to_contain_text("the address is in the garden")
    assert not flaws.found_by_axe(ann.page)
    entries.nth(1).get_by_role("button", name="Unpin this message").click()
    expect(entries).to_have_count(1)
    expect(line).to_have_text(f"置顶消息{cem.name}：the address is in the garden")
    entries.nth(0).locator(".pin-goto").click()
    expect(ann.page.locator(".message.flash")).to_contain_text("the address is in the garden")

    # What was pinned while nobody looked is there after a reload; a recall takes it away.
    ann.post("/message/pin", messageId=last["id"])
    reload(bob.page)
    expect(line).to_have_text(f"置顶消息 1/2{cem.name}：bring a cup")
    cem.post("/message/recall", messageId=last["id"])
    expect(line).to_have_text(f"置顶消息{cem.name}：the address is in the garden")
    ann.post("/message/pin", messageId=first["id"], pinned=False)
    expect(bob.page.locator(".pin-bar")).to_be_hidden()


def test_from_a_message_on_it_is_unread_again_in_every_tab_until_it_is_opened_again(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann", reduced_motion="reduce"), person("Bob")
    for text in ("one", "two", "three"):
        bob.say(ann, text)
    ann.open(bob.name)
    expect(ann.badge(bob.name)).to_have_count(0)
    twin = ann.another_tab()

    # From the menu of a message, by keyboard: the divider stands before it, and it stays so while one looks.
    ann.page.focus("#log")
    ann.page.keyboard.press("ArrowUp")
    ann.page.keyboard.press("ArrowUp")
    ann.page.keyboard.press("Enter")
    ann.page.get_by_role("menuitem", name="Mark unread from here").press("Enter")
    expect(ann.badge(bob.name)).to_have_text("2")
    expect(twin.badge(bob.name)).to_have_text("2")
    expect(ann.page.locator(".divider + .message")).to_contain_text("two")
    bob.say(ann, "four")
    expect(ann.bubble("four")).to_be_visible()
    expect(ann.badge(bob.name)).to_have_text("3")
    expect(twin.badge(bob.name)).to_have_text("3")
    reload(ann.page)
    expect(ann.page.locator(".divider + .message")).to_contain_text("two")
    expect(ann.badge(bob.name)).to_have_count(0)
    expect(twin.badge(bob.name)).to_have_count(0)

    # From the menu of a chat; in the list, in the title, by its mark alone where nobody else has said anything.
    twin.row(bob.name).click(button="right")
    twin.page.get_by_role("menuitem", name="Mark as unread").click()
    expect(twin.badge(bob.name)).to_have_text("1")
    expect(ann.badge(bob.name)).to_have_text("1")
    expect(ann.page).to_have_title(f"(1) {bob.name} · Chat")
    ann.write("five")
    expect(ann.badge(bob.name)).to_have_count(0)
    expect(twin.badge(bob.name)).to_have_count(0)
    cem = person("Cem")
    ann.post("/private/send", receiverId=cem.id, content="hello")
    ann.row(cem.name).click(button="right")
    ann.page.get_by_role("menuitem", name="Mark as unread").click()
    expect(twin.row(cem.name).locator(".badge.marked")).to_be_visible()
    expect(twin.row(cem.name)).to_contain_text("marked as unread")
    twin.row(cem.name).click(button="right")
    twin.page.get_by_role("menuitem", name="Mark as read").click()
    expect(ann.badge(cem.name)).to_have_count(0)
    reload(twin.page)
    twin.page.wait_for_selector(".chat-row")
    expect(twin.badge(cem.name)).to_have_count(0)

    # To the next unread conversation by the keyboard; by Ctrl+K also to a message, and to what can be done.
    ann.open(cem.name)
    bob.say(ann, "where is the teapot?")
    expect(ann.badge(bob.name)).to_have_text("1")
    dil = person("Dil")
    ann.post("/private/send", receiverId=dil.id, content="hello")
    expect(ann.row(dil.name)).to_be_visible()
    ann.page.keyboard.press("Alt+Shift+ArrowUp")
    expect(ann.page.locator(".conversation-head h2 bdi")).to_have_text(bob.name)
    ann.open(dil.name)
    ann.page.keyboard.press("Control+k")
    ann.page.keyboard.type("teapot")
    option = ann.page.locator("dialog.switcher [role=option]")
    expect(option).to_contain_text(f"{bob.name}: where is the teapot?")
    assert not flaws.found_by_axe(ann.page)
    ann.page.keyboard.press("Enter")
    expect(ann.page.locator(".message.flash")).to_contain_text("where is the teapot?")
    ann.page.keyboard.press("Control+k")
    ann.page.keyboard.type("keyboard sh")
    expect(option.first).to_contain_text("Keyboard shortcuts")
    ann.page.keyboard.press("Enter")
    expect(ann.page.get_by_role("dialog", name="Keyboard shortcuts")).to_contain_text("Unread conversation below")


def test_the_list_is_filtered_and_chats_are_put_away_until_somebody_writes(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann = someone("Ann", **PHONE)
    people = [person(name) for name in ("Bob", "Cem", "Dil", "Eve")]
    bob, cem, *_ = people
    for one in people:
        ann.post("/private/send", receiverId=one.id, content="hello")
    rows, filters = ann.page.locator(".rows .chat-row"), ann.page.get_by_role("radiogroup", name="Show")
    expect(rows).to_have_count(4)
    expect(filters).to_be_hidden()
    tea, _coffee = [ann.create_group(name, bob) for name in ("Tea", "Coffee")]
    bob.say(ann, "are you there?")
    expect(rows).to_have_count(6)

    # One stop of Tab, with arrows.
    filters.get_by_role("radio", name="All").focus()
    ann.page.keyboard.press("ArrowRight")
    expect(filters.get_by_role("radio", name="Unread")).to_be_focused()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(bob.name)
    ann.page.keyboard.press("ArrowRight")
    expect(rows).to_have_count(2)
    filters.get_by_role("radio", name="People").tap()
    expect(rows).to_have_count(4)
    assert not flaws.found_by_axe(ann.page) + flaws.too_small_to_touch(ann.page) + flaws.sideways(ann.page)
    filters.get_by_role("radio", name="All").tap()

    # Put away: in its own list, on every device, and found by its name.
    def choose(name: str, item: str) -> None:
        ann.row(name).focus()
        ann.page.keyboard.press("Shift+F10")
        ann.page.get_by_role("menuitem", name=item, exact=True).click()

    choose(cem.name, "Archive")
    choose(bob.name, "Archive")
    choose("Tea", "Archive")
    expect(rows).to_have_count(3)
    twin = ann.another_tab()
    expect(twin.page.locator(".rows .chat-row")).to_have_count(3)
    twin.page.fill("#search", bob.name)
    expect(twin.row(bob.name)).to_contain_text("archived")
    filters.get_by_role("radio", name="Archived (3)").tap()
    expect(rows).to_have_count(3)
    choose("Tea", "Back to the list")
    expect(rows).to_have_count(2)
    filters.get_by_role("radio", name="All").tap()
    expect(ann.row("Tea")).to_be_visible()

    # Until somebody writes; who is muted stays.
    ann.post("/chat/mute", type="private", id=cem.id)
    cem.say(ann, "hello?")
    bob.say(ann, "hello?")
    expect(ann.row(bob.name)).to_be_visible()
    expect(filters.get_by_role("radio", name="Archived (1)")).to_be_visible()
    ann.post("/chat/mute", type="private", id=cem.id, muted=False)
    expect(ann.row(cem.name)).to_be_visible()
    # Also a group that one has left for a while, of which only the count is heard.
    ann.post("/group/tempLeave", groupId=tea)
    ann.post("/chat/archive", type="group", id=tea)
    expect(ann.row("Tea")).to_have_count(0)
    bob.say_in(tea, "nobody here?")
    expect(ann.row("Tea")).to_be_visible()
    expect(filters.get_by_role("radio", name="Archived")).to_have_count(0)


def test_a_message_has_its_readers_an_address_and_a_day_that_leads_there(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann = someone("Ann", permissions=["clipboard-read", "clipboard-write"], reduced_motion="reduce")
    bob, cem = someone("Bob"), person("Cem")
    group = ann.create_group("Tea", bob, cem)
    said = cem.say_in(group, "the address is in the garden")
    for number in range(60):
        cem.say_in(group, f"something else {number}")
    bob.post("/group/markGroupRead", groupId=group, upTo=said["seq"])
    ann.post("/group/markGroupRead", groupId=group)
    ann.open("Tea")

    # Who has read it, and who has not, of anybody's message.
    ann.bubble("something else 59").click(button="right")
    ann.page.get_by_role("menuitem", name="Who has read it").click()
    dialog = ann.page.get_by_role("dialog", name="Who has read it")
    expect(dialog.locator("h3")).to_have_text(["Read: 1", "Not yet read: 1"])
    expect(dialog.locator(".person")).to_contain_text(ann.name)
    expect(dialog.locator(".not-yet")).to_contain_text(bob.name)
    assert not flaws.found_by_axe(ann.page)
    ann.page.keyboard.press("Escape")

    # To a day, by the menu of the conversation; nothing was said tomorrow.
    ann.page.click("#chat-menu")
    ann.page.get_by_role("menuitem", name="Go to a day…").click()
    day = ann.page.get_by_label("Day", exact=True)
    expect(day).to_be_focused()
    assert not flaws.found_by_axe(ann.page)
    day.fill("2020-02-29")
    day.press("Enter")
    expect(ann.page.locator("dialog")).to_have_count(0)
    expect(ann.page.locator(".beginning")).to_be_visible()

    # The address of a message leads all who may see it there: in a group, and each of two to their own chat.
    def address(text: str) -> str:
        before = ann.page.evaluate("navigator.clipboard.readText()")
        ann.bubble(text).click(button="right")
        ann.page.get_by_role("menuitem", name="Link to this message").click()
        until(ann.page, "async (before) => (await navigator.clipboard.readText()) !== before", arg=before)
        return str(ann.page.evaluate("navigator.clipboard.readText()"))

    bob.page.goto(address("the address is"))
    expect(bob.page.locator(".message.flash")).to_contain_text("the address is in the garden")
    for number in range(60):
        ann.say(bob, f"between us {number}")
    ann.open(bob)
    bob.page.goto(address("between us 59"))
    expect(bob.page.locator(".conversation-head h2 bdi")).to_have_text(ann.name)
    expect(bob.page.locator(".message.flash")).to_contain_text("between us 59")
