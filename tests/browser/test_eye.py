"""What the eye is told: unread rows, people by colour, what is recalled, the day that one reads."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Someone, reload, until
from tests.browser.server import Person

STYLE = "(element, name) => getComputedStyle(element)[name]"
#: The room to the left and to the right of an element's text.
SIDES = """(element) => {
  const range = document.createRange();
  range.selectNodeContents(element);
  const [box, text] = [element.getBoundingClientRect(), range.getBoundingClientRect()];
  return [text.left - box.left, box.right - text.right];
}"""


def test_only_unread_chats_have_their_name_in_bold(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    bob.say(ann, "hello")
    cem.say(ann, "hello")
    ann.open(cem)
    expect(ann.badge(cem.name)).to_have_count(0)

    def weight(one: Person) -> int:
        return int(ann.row(one.name).locator(".chat-name").evaluate(STYLE, "fontWeight"))

    assert weight(bob) >= 600 > 500 > weight(cem)


def test_people_of_one_group_have_different_colours_and_two_initials_and_a_quote_of_oneself_is_no_error(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, people = someone("Ann", color_scheme="dark"), [person("Member Lee") for _ in range(8)]
    group = people[0].create_group("Colours", ann, *people[1:])
    for one in people:
        one.say_in(group, "hello")
    own = ann.post("/group/send", groupId=group, content="mine", type="text")
    people[0].say_in(group, "yes", replyTo=own["id"])
    reload(ann.page)
    ann.open("Colours")
    senders = ann.page.locator(".sender")
    expect(senders).to_have_count(9)
    colours = senders.evaluate_all("(all) => all.map((one) => getComputedStyle(one).color)")
    assert len(set(colours[:8])) == 8 and colours[8] == colours[0]
    face = ann.page.locator(".gutter .avatar").first
    expect(face).to_have_text("ML")
    left, right = face.evaluate(SIDES)
    assert abs(left - right) <= 1
    accent = ann.page.evaluate(
        "() => { const one = document.createElement('i'); one.style.color = 'var(--accent)';"
        " document.body.append(one); return getComputedStyle(one).color; }"
    )
    assert ann.page.locator(".quote").evaluate(STYLE, "borderInlineStartColor") == accent


def test_what_is_recalled_is_a_line_without_bubble_and_picture(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    group = bob.create_group("Slips", ann)
    kept, slip = bob.say_in(group, "kept"), bob.say_in(group, "slip")
    bob.post("/message/recall", messageId=slip["id"])
    reload(ann.page)
    ann.open("Slips")
    row = ann.page.locator(".message.recalled")
    expect(row).to_have_text(f"{bob.name} recalled a message", use_inner_text=True)
    assert row.locator(".bubble").evaluate(STYLE, "backgroundColor") == "rgba(0, 0, 0, 0)"
    expect(row.locator(".avatar")).to_have_count(0)
    expect(ann.page.locator(f"[data-id='{kept['id']}'] .avatar")).to_have_count(1)


def test_while_one_scrolls_the_day_stands_over_the_messages(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    for number in range(60):
        bob.say(ann, f"message {number}")
    ann.open(bob)
    expect(ann.page.locator(".divider")).to_be_in_viewport()
    ann.page.locator("#log").hover()
    ann.page.evaluate(
        "() => { const day = document.querySelector('.floating-day');"
        " const see = () => { if (!day.hidden) window.shown = day.textContent; };"
        " new MutationObserver(see).observe(day, { attributes: true }); }"
    )
    ann.page.mouse.wheel(0, 900)
    until(ann.page, "() => window.shown === 'Today'")
    expect(ann.page.locator(".floating-day")).to_be_hidden()
