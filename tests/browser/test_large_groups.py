"""Large groups: what they are about, what they announce, who writes in them and how often."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Someone, reload, told, unique, until
from tests.browser.server import Person

#: Sets `window.wasSlow` when the page says that one has to wait.
WATCH_SLOW_LINE = """() => {
  const line = document.getElementById("slow-line");
  new MutationObserver(() => { window.wasSlow ||= !line.hidden; }).observe(line, { attributeFilter: ["hidden"] });
}"""


def change_settings(someone: Someone, **values: str) -> None:
    """In the panel of the open group: fill in fields by their names, and save."""
    someone.page.get_by_role("button", name="Group settings").click()
    dialog = someone.page.locator("dialog.group-settings")
    for name, value in values.items():
        field = dialog.locator(f"#group-{name}")
        if field.evaluate("(one) => one.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)


def test_a_group_says_what_it_is_about_and_announces_until_each_member_closes_it(
    someone: Callable[..., Someone],
) -> None:
    ann, li = someone("Ann"), someone("李小明", locale="zh-CN")
    name = unique("Tea")
    ann.create_group(name, li)
    ann.open(name)
    li.open(name)
    ann.page.click("#group-info")
    change_settings(ann, description="All about tea: https://tea.example.org", announcement="We meet at **noon**.")
    bar = li.page.locator(".announcement-bar")
    expect(bar).to_contain_text("We meet at noon.")
    expect(bar.locator("strong")).to_have_text("noon")
    expect(li.page.locator(".system").last).to_have_text(f"{ann.name}更新了群公告")
    li.page.click("#group-info")
    link = li.page.locator(".panel-description a")
    expect(link).to_have_attribute("href", "https://tea.example.org/")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    expect(li.page.get_by_role("button", name="群设置")).to_have_count(0)
    # By keyboard, on one device; the other one follows, also after a reload.
    twin = li.another_tab()
    twin.open(name)
    expect(twin.page.locator(".announcement-bar")).to_be_visible()
    li.page.locator("#close-announcement").focus()
    li.page.keyboard.press("Enter")
    expect(bar).to_be_hidden()
    expect(twin.page.locator(".announcement-bar")).to_be_hidden()
    expect(ann.page.locator(".announcement-bar")).to_be_visible()
    reload(li.page)
    expect(li.page.locator(".system").last).to_be_visible()
    expect(bar).to_be_hidden()
    expect(li.page.locator(".panel-announcement")).to_have_count(0)
    change_settings(ann, announcement="We meet at one.")
    expect(bar).to_have_text("We meet at one.")
    change_settings(ann, announcement="")
    expect(bar).to_be_hidden()


def test_where_few_write_or_slowly_the_composer_says_so_and_loses_nothing(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    name = unique("Tea")
    group = bob.create_group(name, ann)
    ann.open(name)
    ann.write("one")
    expect(ann.page.locator(".message.own[data-state=sent]")).to_have_count(1)
    bob.post("/group/update", groupId=group, postPolicy="admins")
    expect(ann.page.locator(".notice:not([hidden])")).to_have_text("Only the owner and administrators write here.")
    expect(ann.page.locator("#text")).to_be_hidden()
    ann.bubble("one").click(button="right")
    expect(ann.page.get_by_role("menuitem", name="Forward")).to_be_visible()
    for hidden in ("Reply", "Edit"):
        expect(ann.page.get_by_role("menuitem", name=hidden)).to_have_count(0)
    ann.page.keyboard.press("Escape")
    bob.post("/group/update", groupId=group, postPolicy="everyone", slowMode=3600)
    expect(ann.page.locator("#slow-line")).to_contain_text("Slow mode: you can write again in 59:")
    ann.page.fill("#text", "two")
    ann.page.press("#text", "Enter")
    expect(ann.page.locator("#send")).to_be_disabled()
    expect(ann.page.locator("#text")).to_have_value("two")
    # What waited from before is sent when its time has come: here, when slow mode ends.
    ann.page.evaluate("document.querySelector('#text').value = ''")
    bob.post("/group/update", groupId=group, slowMode=2)
    expect(ann.page.locator("#slow-line")).to_be_hidden()
    ann.page.evaluate(WATCH_SLOW_LINE)
    ann.write("three")
    expect(ann.bubble("three")).to_be_visible()
    until(ann.page, "() => window.wasSlow")  # for two seconds
    ann.page.fill("#text", "four")
    expect(ann.page.locator("#slow-line")).to_be_hidden()
    ann.page.press("#text", "Enter")
    expect(ann.bubble("four")).to_be_visible()


def test_somebody_asks_to_join_and_is_let_in(someone: Callable[..., Someone], person: Callable[[str], Person]) -> None:
    ann, eve, cem = someone("Ann"), someone("Eve"), person("Cem")
    name = unique("Tea")
    group = ann.create_group(name, joinPolicy="approval")
    ann.say_in(group, "before")
    ann.post("/group/update", groupId=group, description="All about tea", historyPolicy="joined")
    ann.open(name)
    eve.page.fill("#search", name)
    found = eve.page.locator(".found .chat-row")
    expect(found).to_contain_text("ask to join")
    found.click()
    dialog = eve.page.locator("dialog.ask-dialog")
    expect(dialog).to_contain_text("All about tea")
    dialog.get_by_label("To the owner and administrators").fill("I like tea.")
    dialog.get_by_role("button", name="Ask", exact=True).click()
    # The owner sees it wherever they are, and who asks may take it back.
    told(ann.page, f"{eve.name} asks to join “{name}”.")
    expect(found).to_contain_text("you asked to join")
    expect(ann.row(name).locator(".requests-count")).to_have_text("1")
    expect(ann.page.get_by_role("button", name="About this group · 1 request to join")).to_be_visible()
    found.click()
    dialog.get_by_role("button", name="Take it back").click()
    expect(found).to_have_text(re.compile("ask to join$"))
    expect(ann.row(name).locator(".requests-count")).to_have_count(0)
    found.click()
    dialog.get_by_role("button", name="Ask", exact=True).click()
    cem.post("/group/request", groupId=group, note="Let me in")
    ann.page.click("#group-info")
    requests = ann.page.locator(".panel-requests")
    expect(requests.locator(".request")).to_have_count(2)
    expect(requests).to_contain_text("2 requests to join")
    requests.get_by_role("button", name=f"Decline the request of {cem.name}").click()
    expect(requests.locator(".request")).to_have_count(1)
    requests.get_by_role("button", name=f"Let {eve.name} in").press("Enter")
    told(eve.page, f"You are in the group “{name}” now.")
    expect(requests).to_be_hidden()
    expect(eve.row(name)).to_be_visible()
    expect(ann.page.locator(".system").last).to_have_text(f"You let {eve.name} in")
    expect(ann.page.locator(f"[data-member='{eve.id}']")).to_be_visible()
    # What was said before is not there; when the group shows it after all, it is loaded.
    eve.open(name)
    expect(eve.page.locator(".beginning")).to_contain_text("You joined here.")
    expect(eve.bubble("before")).to_have_count(0)
    change_settings(ann, historyPolicy="whole")
    expect(eve.bubble("before")).to_be_visible()


def test_many_are_added_and_removed_at_once(someone: Callable[..., Someone], person: Callable[[str], Person]) -> None:
    ann, word = someone("Ann"), unique("Guild")
    others = [person(f"{word} {number}") for number in range(4)]
    shy = someone(f"{word} shy")
    shy.page.request.patch("/me", data={"addableBy": "nobody"}, headers={"X-CSRFToken": shy._csrf_token})
    name = unique("Tea")
    ann.create_group(name)
    ann.open(name)
    ann.page.click("#group-info")
    ann.page.get_by_role("button", name="Add", exact=True).click()
    dialog = ann.page.locator("dialog").last
    dialog.get_by_label("Search people").fill(word)
    expect(dialog.locator(".people .person")).to_have_count(5)
    for box in dialog.get_by_role("checkbox").all():
        box.check()
    dialog.get_by_role("button", name="Add to the group").click()
    refused = ann.page.locator("dialog.refused-dialog")
    expect(refused.locator(".person")).to_have_text(
        re.compile(f"{shy.name}.*cannot be added by you: send them the invitation")
    )
    ann.page.keyboard.press("Escape")
    expect(ann.page.locator(".system").last).to_contain_text("You brought in")
    expect(ann.page.locator("#status")).to_contain_text("5 members")
    ann.page.get_by_role("button", name="Remove several").click()
    dialog = ann.page.locator("dialog.remove-dialog")
    for one in others[:3]:
        dialog.get_by_role("checkbox", name=one.name).check()
    dialog.get_by_role("button", name="Remove from the group").click()
    expect(dialog).to_have_count(0)
    expect(ann.page.locator("#status")).to_contain_text("2 members")
    expect(ann.page.locator(".system").last).to_contain_text("You removed")
