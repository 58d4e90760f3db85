"""What is written gets out, whatever stands before it and whatever the browser refuses to store."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser import media
from tests.browser.conftest import Someone, reload
from tests.browser.line import Line
from tests.browser.server import Person

#: Every frame passes `window.rewrite(text)` before it is sent; null sends nothing.
REWRITE = """window.rewrite = (text) => text;
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (text) {
  const written = window.rewrite(text, this);
  if (written !== null) send.call(this, written);
};"""
FULL = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };"
ABSENT = """Object.defineProperty(window, "localStorage", {
  get() { throw new DOMException("denied", "SecurityError"); },
});
Object.defineProperty(window, "indexedDB", { value: undefined });"""


def contents(ann: Someone, bob: Person) -> list[str]:
    answer = ann.page.request.get(f"/private/messages?senderId={bob.id}&receiverId={ann.id}")
    return [message["content"] for message in answer.json()]


@pytest.fixture
def chat(someone: Callable[..., Someone], person: Callable[[str], Person]) -> tuple[Someone, Person]:
    """Ann, whose page was opened with REWRITE, in a conversation with Bob."""
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "hello")
    ann.page.add_init_script(REWRITE)
    reload(ann.page)
    ann.open(bob)
    expect(ann.bubble("hello")).to_be_visible()
    ann.is_connected()
    return ann, bob


def test_half_a_character_is_sent_as_a_mark_and_blocks_nothing(chat: tuple[Someone, Person]) -> None:
    ann, bob = chat
    ann.page.evaluate(
        """() => {
          const field = document.getElementById("text");
          field.value = "half \\ud83d of it";
          field.dispatchEvent(new InputEvent("input"));
        }"""
    )
    ann.page.press("#text", "Enter")
    ann.write("after")
    expect(ann.page.locator("[data-state=sent]")).to_have_count(2)
    assert contents(ann, bob) == ["hello", "half \ufffd of it", "after"]


def test_the_queue_goes_on_past_what_is_refused(chat: tuple[Someone, Person], person: Callable[[str], Person]) -> None:
    ann, bob = chat
    cem = person("Cem")
    cem.say(ann, "and me?")
    # No JSON: the server reads nothing of it but its number.
    ann.page.evaluate("() => { window.rewrite = (text) => text.replace('\"refused\"', 'NaN'); }")
    ann.write("refused")
    ann.write("after")
    failed = ann.page.locator("[data-state=failed]")
    expect(failed).to_have_count(1)
    expect(ann.page.locator("[data-state=sent]")).to_have_count(1)
    ann.open(cem)
    ann.write("in another chat")
    expect(ann.page.locator("[data-state=sent]")).to_have_count(1)
    reload(ann.page)
    ann.open(bob)
    expect(failed).to_have_count(1)
    ann.page.get_by_role("button", name="Delete").click()
    expect(failed).to_have_count(0)
    reload(ann.page)
    ann.open(bob)
    expect(ann.page.locator("[data-state=sent]")).to_have_count(1)
    expect(failed).to_have_count(0)
    assert contents(ann, bob) == ["hello", "after"]


def test_a_message_that_ends_every_connection_stands_aside(chat: tuple[Someone, Person]) -> None:
    ann, bob = chat
    ann.page.evaluate(
        """() => {
          window.rewrite = (text, socket) => {
            if (!text.includes("poison")) return text;
            socket.close();
            return null;
          };
        }"""
    )
    ann.write("poison")
    ann.write("after")
    expect(ann.page.locator("[data-state=failed]")).to_contain_text("poison")
    expect(ann.page.locator("[data-state=sent]")).to_have_count(1)
    assert contents(ann, bob) == ["hello", "after"]


def test_what_waits_can_be_given_up(chat: tuple[Someone, Person]) -> None:
    ann, bob = chat
    ann.page.evaluate("() => { window.rewrite = (text) => (text.includes('EmitPrivate') ? null : text); }")
    ann.write("better not")
    ann.write("this one")
    waiting = ann.page.locator("[data-state=sending]")
    expect(waiting).to_have_count(2)
    ann.bubble("better not").click(button="right")
    ann.page.get_by_role("menuitem", name="Do not send").click()
    expect(waiting).to_have_count(1)
    reload(ann.page)
    ann.open(bob)
    expect(ann.page.locator("[data-state=sent]")).to_have_count(1)
    expect(waiting).to_have_count(0)
    assert contents(ann, bob) == ["hello", "this one"]


@pytest.mark.parametrize("refusal", [FULL, ABSENT], ids=["full", "absent"])
def test_without_storage_the_field_keeps_what_could_not_be_sent(
    someone: Callable[..., Someone], person: Callable[[str], Person], refusal: str
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "hello")
    line = Line(ann.page)
    ann.page.add_init_script(refusal)
    reload(ann.page)
    ann.open(bob)
    expect(ann.bubble("hello")).to_be_visible()
    ann.is_connected()
    ann.write("there is a connection")
    expect(ann.page.locator("[data-state=sent]")).to_have_count(1)
    expect(ann.page.locator("#text")).to_have_value("")
    media.hand_over(ann.page, "paste", "#text", ("one.jpg", "image/jpeg", media.jpeg()))
    ann.page.click("#send-files")
    expect(ann.page.locator("[data-state=sent]")).to_have_count(2)
    line.cut()
    expect(ann.page.locator("#banner")).to_be_visible()
    ann.write("there is none")
    expect(ann.page.locator(".toast")).to_contain_text("no room")
    expect(ann.page.locator("#text")).to_have_value("there is none")
    expect(ann.page.locator(".message.own")).to_have_count(2)
    line.mend()
    expect(ann.page.locator("#banner")).to_be_hidden()
    expect(ann.page.locator("#text")).to_have_value("there is none")
    ann.page.press("#text", "Enter")
    expect(ann.page.locator("[data-state=sent]")).to_have_count(3)
    expect(ann.page.locator("#text")).to_have_value("")
    assert contents(ann, bob) == ["hello", "there is a connection", "", "there is none"]


def test_a_clock_that_is_set_back_swaps_nothing_that_waits(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "hello")
    line = Line(ann.page)
    ann.page.add_init_script(
        "const now = Date.now; window.shift = 0; Date.now = () => now() + window.shift;"
        "window.Date = class extends Date { constructor(...given) { given.length ? super(...given) : super(Date.now()); } };"
    )
    reload(ann.page)
    ann.open(bob)
    ann.is_connected()
    line.cut()
    expect(ann.page.locator("#banner")).to_be_visible()
    for minutes, text in ((0, "first"), (-60, "second"), (30, "third")):
        ann.page.evaluate(f"() => {{ window.shift = {minutes * 60_000}; }}")
        ann.write(text)
    reload(ann.page)
    ann.open(bob)
    expect(ann.page.locator(".message.own .text")).to_have_text(["first", "second", "third"])
    line.mend()
    expect(ann.page.locator("[data-state=sent]")).to_have_count(3)
    assert contents(ann, bob) == ["hello", "first", "second", "third"]


@pytest.mark.parametrize("minutes", [10, -10])
def test_the_server_s_clock_decides_what_can_still_be_recalled(
    someone: Callable[..., Someone], person: Callable[[str], Person], minutes: int
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    ann.page.add_init_script(f"const now = Date.now; Date.now = () => now() + {minutes * 60_000};")
    reload(ann.page)
    bob.say(ann, "hello")
    ann.open(bob)
    ann.write("a slip")
    expect(ann.page.locator("[data-state=sent]")).to_have_count(1)
    ann.bubble("a slip").click(button="right")
    items: Any = ann.page.get_by_role("menuitem")
    expect(items.filter(has_text="Recall")).to_have_count(1)
