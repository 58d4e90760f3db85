"""What notifies: levels of chats, keywords, quiet hours and a pause, set by mouse and keyboard, heard in every tab."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser import flaws
from tests.browser.conftest import REFUSED, Someone, Watch, reload, unique, until
from tests.browser.server import Person
from tests.levels import CASES, QUIET_CASES

#: The page's rule, on cases of tests/levels.py.
RULES = """async ([cases, quietCases]) => {
  const { notifies, isQuiet } = await import("chat/actions/notifying.js");
  const at = (second) => new Date(1_000_000 + second * 1000).toISOString();
  return [
    cases.map(([hears, muted, isCalled]) => notifies({ hears, muted }, isCalled)),
    quietCases.map(([second, mentions, isCalled]) =>
      isQuiet(mentions === null ? [] : [{ from: at(0), until: at(10), mentions }], isCalled, Date.parse(at(second)))),
  ];
}"""
COUNT_NOTES = """window.notes = 0;
const createOscillator = AudioContext.prototype.createOscillator;
AudioContext.prototype.createOscillator = function () { window.notes += 1; return createOscillator.call(this); };"""


def notes(page: Page) -> int:
    return int(page.evaluate("window.notes"))


def test_a_chat_is_heard_as_its_member_says_by_level_keyword_and_pause(
    someone: Callable[..., Someone], person: Callable[[str], Person], watch: Watch
) -> None:
    watch.allow(REFUSED)  # a time zone that there is not
    ann, bob = someone("Ann"), person("Bob")
    tea = unique("Tea")
    group = bob.create_group(tea, ann)
    bob.say_in(group, "hello")
    ann.page.add_init_script(COUNT_NOTES)
    ann.page.evaluate("(id) => localStorage.setItem(`chat.sound.${id}`, 'on')", ann.id)
    reload(ann.page)
    expect(ann.badge(tea)).to_have_text("1")
    rules = ann.page.evaluate(RULES, [[list(one[:3]) for one in CASES], [list(one[:3]) for one in QUIET_CASES]])
    assert rules == [[one.notifies for one in CASES], [one.is_quiet for one in QUIET_CASES]]

    def hear(text: str, *, count: int, rings: bool, **more: object) -> None:
        before = notes(ann.page)
        bob.say_in(group, text, **more)
        expect(ann.badge(tea)).to_have_text(str(count))
        if rings:
            until(ann.page, "(before) => window.notes === before + 2", arg=before)
        assert notes(ann.page) == before + 2 * rings

    called = {"mentions": [{"userId": ann.id, "start": 0, "length": 2}]}
    hear("as everywhere", count=2, rings=True)
    twin = ann.another_tab()
    ann.row(tea).focus()
    ann.page.keyboard.press("Shift+F10")
    ann.page.get_by_role("menuitem", name="What notifies me…").press("Enter")
    expect(ann.page.get_by_role("menuitemradio", name="As everywhere: All messages")).to_be_checked()
    assert not flaws.found_by_axe(ann.page)
    ann.page.get_by_role("menuitemradio", name="Only mentions").press("Enter")
    for tab in (ann, twin):
        expect(tab.row(tea)).to_contain_text("only mentions notify you")
    hear("not for me", count=3, rings=False)
    hear("@A look", count=4, rings=True, **called)

    # The settings: the default, a keyword, quiet hours.
    twin.page.get_by_role("button", name="My account").click()
    twin.page.get_by_role("menuitem", name="Settings").click()
    twin.page.locator(".settings-sections").get_by_role("button", name="Notifications").click()
    section = twin.page.locator(".notifying-settings")
    section.get_by_role("group", name="Groups").get_by_role("radio", name="Nothing").check(force=True)
    expect(section.get_by_role("status").last).to_have_text("Saved.")
    section.get_by_label("Keywords").fill("kettle，龍井")
    section.get_by_label("Keywords").press("Tab")
    expect(section.get_by_label("Keywords")).to_have_value("kettle, 龍井")
    section.get_by_role("switch", name="Quiet hours").click()
    expect(section.get_by_label("From")).to_have_value("22:00")
    section.get_by_label("By the clocks of").fill("Mars/Olympus")
    section.get_by_label("By the clocks of").press("Tab")
    expect(section.locator(".quiet-hours .error:visible")).to_have_text("This is not the name of a time zone.")
    section.get_by_label("By the clocks of").fill("Asia/Shanghai")
    section.get_by_label("By the clocks of").press("Tab")
    expect(section.locator(".quiet-hours .error:visible")).to_have_count(0)
    assert not flaws.found_by_axe(twin.page) + flaws.sideways(twin.page)
    section.get_by_role("switch", name="Quiet hours").click()
    expect(section.get_by_label("From")).to_be_hidden()
    hear("the Ｋettle boils", count=5, rings=True)
    hear("the kettles boil", count=6, rings=False)

    # A pause, of this and of every other device.
    ann.page.get_by_role("button", name="My account").click()
    ann.page.get_by_role("menuitem", name="Pause notifications…").click()
    ann.page.get_by_role("menuitem", name="For an hour").click()
    expect(section.get_by_text("Notifications paused until")).to_be_visible()
    hear("@A are you there?", count=7, rings=False, **called)
    section.get_by_role("button", name="Notify me again").click()
    expect(section.get_by_role("button", name="Until tomorrow morning")).to_be_visible()
    hear("@A back?", count=8, rings=True, **called)
    assert notes(ann.page) == 8, "what was to be silent rang later"
