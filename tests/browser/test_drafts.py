"""What is being written is one thing: text, reply and edits stay together, in their chat."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Someone, reload
from tests.browser.server import Person

PRESS_ESCAPE = """(kind) => {
  const field = document.getElementById("text");
  // The two are a moment apart by their own time, whenever they are told.
  const at = performance.now();
  const tell = (event, timeStamp) => field.dispatchEvent(Object.defineProperty(event, "timeStamp", {value: timeStamp}));
  const press = (more) => tell(new KeyboardEvent("keydown", {key: "Escape", bubbles: true, cancelable: true, ...more}), at + 10);
  const compose = (event) => tell(new CompositionEvent(event, {bubbles: true}), at);
  compose("compositionstart");
  if (kind === "composing") press({isComposing: true});
  if (kind === "keyCode") press({keyCode: 229});
  compose("compositionend");
  if (kind === "after") press({});
}"""


@pytest.fixture
def chat(someone: Callable[..., Someone], person: Callable[[str], Person]) -> tuple[Someone, Person, Person]:
    """Ann in a conversation with Bob, in which both have said something; and one with Cem."""
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    cem.say(ann, "and me?")
    bob.say(ann, "hello")
    ann.open(bob)
    ann.write("mine")
    expect(ann.page.locator("[data-state=sent]")).to_have_count(1)
    return ann, bob, cem


def begin_edit(ann: Someone, text: str) -> None:
    ann.page.press("#text", "ArrowUp")
    expect(ann.page.locator(".about")).to_contain_text("Editing")
    ann.page.fill("#text", text)


def begin_reply(ann: Someone, to: str) -> None:
    ann.bubble(to).click(button="right")
    ann.page.get_by_role("menuitem", name="Reply").click()
    expect(ann.page.locator(".about")).to_contain_text("Reply to")


@pytest.mark.parametrize("kind", ["composing", "keyCode", "after"])
def test_the_escape_of_an_input_method_gives_up_no_edit(chat: tuple[Someone, Person, Person], kind: str) -> None:
    ann, _, _ = chat
    begin_edit(ann, "mine, mended")
    ann.page.evaluate(PRESS_ESCAPE, kind)
    expect(ann.page.locator(".about")).to_contain_text("Editing")
    expect(ann.page.locator("#text")).to_have_value("mine, mended")
    ann.page.wait_for_timeout(60)  # longer ago than the key that ended the composition
    ann.page.press("#text", "Escape")
    expect(ann.page.locator(".about")).to_be_hidden()
    expect(ann.page.locator("#text")).to_have_value("")


def test_an_edit_survives_a_switch_and_a_reload(chat: tuple[Someone, Person, Person]) -> None:
    ann, bob, cem = chat
    ann.page.fill("#text", "")
    begin_edit(ann, "mine, mended")
    ann.open(cem)
    expect(ann.page.locator(".about")).to_be_hidden()
    expect(ann.page.locator("#text")).to_have_value("")
    expect(ann.row(bob.name).locator(".chat-preview")).to_have_text("[Draft] mine, mended")
    reload(ann.page)
    ann.open(bob)
    expect(ann.page.locator(".about")).to_contain_text("Editing")
    expect(ann.page.locator("#text")).to_have_value("mine, mended")
    ann.page.press("#text", "Enter")
    expect(ann.page.locator(".message.own .text")).to_have_text(["mine, mended"])
    expect(ann.page.locator(".about")).to_be_hidden()
    expect(ann.page.locator("#text")).to_have_value("")
    reload(ann.page)
    ann.open(bob)
    expect(ann.page.locator("#text")).to_have_value("")


def test_a_reply_survives_a_switch_and_a_reload(chat: tuple[Someone, Person, Person]) -> None:
    ann, bob, cem = chat
    begin_reply(ann, "hello")
    ann.page.fill("#text", "good morning")
    ann.open(cem)
    expect(ann.page.locator(".about")).to_be_hidden()
    reload(ann.page)
    ann.open(bob)
    expect(ann.page.locator(".about")).to_contain_text(f"Reply to {bob.name}")
    expect(ann.page.locator("#text")).to_have_value("good morning")
    ann.page.press("#text", "Enter")
    expect(ann.page.locator(".message.own .quote-text")).to_have_text("hello")
    expect(ann.page.locator(".about")).to_be_hidden()


def test_a_reply_puts_an_edit_aside_and_gives_it_back(chat: tuple[Someone, Person, Person]) -> None:
    ann, bob, _ = chat
    begin_edit(ann, "mine, mended")
    begin_reply(ann, "hello")
    expect(ann.page.locator("#text")).to_have_value("")
    ann.write("good morning")
    expect(ann.page.locator(".message.own .quote-text")).to_have_text("hello")
    expect(ann.page.locator(".about")).to_contain_text("Editing")
    expect(ann.page.locator("#text")).to_have_value("mine, mended")
    begin_reply(ann, "hello")
    ann.page.press("#text", "Escape")
    expect(ann.page.locator("#text")).to_have_value("mine, mended")
    reload(ann.page)
    ann.open(bob)
    ann.page.press("#text", "Enter")
    expect(ann.page.locator(".message.own .text").first).to_have_text("mine, mended")
    expect(ann.page.locator(".about")).to_be_hidden()


def test_an_edit_of_another_message_leaves_the_first_for_later(chat: tuple[Someone, Person, Person]) -> None:
    ann, _, _ = chat
    ann.write("second")
    expect(ann.page.locator("[data-state=sent]")).to_have_count(2)
    ann.page.fill("#text", "a new thought")
    for text, change in (("mine", "mine, mended"), ("second", "second, mended")):
        ann.bubble(text).first.click(button="right")
        ann.page.get_by_role("menuitem", name="Edit").click()
        expect(ann.page.locator("#text")).to_have_value(text)
        ann.page.fill("#text", change)
    ann.page.press("#text", "Enter")
    expect(ann.page.locator("#text")).to_have_value("mine, mended")
    ann.page.press("#text", "Enter")
    expect(ann.page.locator("#text")).to_have_value("a new thought")
    expect(ann.page.locator(".message.own .text")).to_have_text(["mine, mended", "second, mended"])


def test_a_draft_sent_in_one_tab_is_gone_in_the_other(chat: tuple[Someone, Person, Person]) -> None:
    ann, bob, _ = chat
    ann.page.fill("#text", "half a thought")
    twin = ann.another_tab()
    twin.open(bob)
    expect(twin.page.locator("#text")).to_have_value("half a thought")
    ann.page.fill("#text", "a whole thought")
    expect(twin.page.locator("#text")).to_have_value("a whole thought")
    ann.page.press("#text", "Enter")
    expect(ann.page.locator("[data-state=sent]")).to_have_count(2)
    expect(twin.page.locator("#text")).to_have_value("")
    reload(twin.page)
    twin.open(bob)
    expect(twin.page.locator("#text")).to_have_value("")


def test_the_first_line_keeps_its_indentation(chat: tuple[Someone, Person, Person]) -> None:
    ann, bob, _ = chat
    code = "    if tea:\n        pour()"
    ann.write(f"\n  \n{code}\n\n")
    expect(ann.page.locator("[data-state=sent]")).to_have_count(2)
    history = ann.page.request.get(f"/private/messages?senderId={bob.id}&receiverId={ann.id}").json()
    assert history[-1]["content"] == code
    left, inner = (
        ann.bubble("if tea")
        .locator(".text")
        .evaluate(
            """(text) => {
          const range = document.createRange();
          range.setStart(text.firstChild, 4);
          range.setEnd(text.firstChild, 6);
          return [text.getBoundingClientRect().left, range.getBoundingClientRect().left];
        }"""
        )
    )
    assert inner - left > 8
