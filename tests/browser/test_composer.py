"""Writing."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.browser import media
from tests.browser.conftest import Someone, hear_until, reload, unique
from tests.browser.server import Person


@pytest.fixture
def chat(someone: Callable[..., Someone], person: Callable[[str], Person]) -> tuple[Someone, Person]:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "hello")
    ann.open(bob)
    expect(ann.bubble("hello")).to_be_visible()
    return ann, bob


def test_enter_sends_and_shift_enter_breaks_the_line(chat: tuple[Someone, Person]) -> None:
    ann, _ = chat
    field = ann.page.locator("#text")
    field.fill("one")
    field.press("Shift+Enter")
    field.press_sequentially("two")
    expect(field).to_have_value("one\ntwo")
    field.press("Enter")
    expect(ann.page.locator(".message.own .text")).to_have_text("one\ntwo")
    expect(field).to_have_value("")
    expect(field).to_be_focused()


def test_an_input_method_keeps_its_enter(chat: tuple[Someone, Person]) -> None:
    ann, _ = chat
    sent_while_composing = ann.page.evaluate(
        """async () => {
          const field = document.getElementById("text");
          const press = (more) => field.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", cancelable: true, ...more}));
          field.value = "ni hao";
          field.dispatchEvent(new InputEvent("input"));
          press({isComposing: true});
          press({keyCode: 229});
          field.dispatchEvent(new CompositionEvent("compositionstart"));
          press({});
          field.dispatchEvent(new CompositionEvent("compositionend"));
          press({});
          return document.querySelectorAll(".message.own").length;
        }"""
    )
    assert sent_while_composing == 0
    expect(ann.page.locator("#text")).to_have_value("ni hao")
    ann.page.wait_for_timeout(60)  # longer ago than the Enter that ended the composition
    ann.page.press("#text", "Enter")
    expect(ann.page.locator(".message.own .text")).to_have_text("ni hao")


def test_a_real_composition_is_not_sent_by_its_enter(chat: tuple[Someone, Person]) -> None:
    ann, _ = chat
    ann.page.focus("#text")
    devtools = ann.page.context.new_cdp_session(ann.page)
    devtools.send("Input.imeSetComposition", {"text": "nihao", "selectionStart": 5, "selectionEnd": 5})
    devtools.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", "key": "Process", "windowsVirtualKeyCode": 229})
    devtools.send("Input.insertText", {"text": "你好"})
    expect(ann.page.locator("#text")).to_have_value("你好")
    ann.page.click("#send")
    expect(ann.page.locator(".message.own .text")).to_have_text(["你好"])  # and nothing before it


def test_nothing_is_not_sent_and_too_much_is_counted_and_kept_back(chat: tuple[Someone, Person]) -> None:
    ann, _ = chat
    ann.write("  \n ")
    expect(ann.page.locator("#send")).to_be_disabled()
    ann.write("长" * 8001)
    expect(ann.page.locator(".count.over")).to_have_text("8001 / 8000")
    expect(ann.page.locator("#send")).to_be_disabled()
    expect(ann.page.locator(".message.own")).to_have_count(0)
    ann.write("😀" * 8000)  # two code units each, one character each
    expect(ann.page.locator(".message.own[data-state=sent]")).to_have_count(1)


def test_the_field_grows_to_six_lines_and_no_further(chat: tuple[Someone, Person]) -> None:
    ann, _ = chat
    field = ann.page.locator("#text")

    def height(lines: int) -> float:
        field.fill("\n".join(["line"] * lines))
        box = field.bounding_box()
        assert box
        return box["height"]

    one, six, nine = height(1), height(6), height(9)
    assert six - one == pytest.approx(5 * 24, abs=3)
    assert nine == pytest.approx(six, abs=2)


def test_a_draft_survives_a_switch_and_a_reload_and_stays_in_its_chat(
    chat: tuple[Someone, Person], person: Callable[[str], Person]
) -> None:
    ann, bob = chat
    cem = person("Cem")
    cem.say(ann, "and me?")
    ann.page.fill("#text", "half a thought")
    ann.open(cem)
    expect(ann.page.locator("#text")).to_have_value("")
    expect(ann.row(bob.name).locator(".chat-preview")).to_have_text("[Draft] half a thought")
    reload(ann.page)
    expect(ann.row(bob.name).locator(".draft")).to_be_visible()
    expect(ann.page.locator("#text")).to_have_value("")
    ann.open(bob)
    expect(ann.page.locator("#text")).to_have_value("half a thought")
    ann.page.press("#text", "Enter")
    ann.open(cem)
    ann.open(bob)
    expect(ann.page.locator("#text")).to_have_value("")


def test_what_was_begun_here_can_never_be_sent_there(
    chat: tuple[Someone, Person], person: Callable[[str], Person]
) -> None:
    ann, bob = chat
    cem = person("Cem")
    cem.say(ann, "and me?")
    expect(ann.row(cem.name)).to_be_visible()
    ann.page.fill("#text", "for Bob alone")
    ann.row(cem.name).evaluate("(row) => row.click()")
    ann.page.keyboard.press("Enter")
    expect(ann.page.locator(".conversation-head h2 bdi")).to_have_text(cem.name)
    ann.page.press("#text", "Enter")
    expect(ann.bubble("and me?")).to_be_visible()
    expect(ann.page.locator("#text")).to_have_value("")
    # A composition that is interrupted stays in its chat.
    ann.page.focus("#text")
    devtools = ann.page.context.new_cdp_session(ann.page)
    devtools.send("Input.imeSetComposition", {"text": "nihao", "selectionStart": 5, "selectionEnd": 5})
    expect(ann.page.locator("#text")).to_have_value("nihao")
    ann.open(bob)
    expect(ann.page.locator("#text")).to_have_value("for Bob alone")
    # So does an edit. By the button: after a composition Enter may still belong to the input method.
    ann.page.fill("#text", "to Bob")
    ann.page.click("#send")
    expect(ann.page.locator(".message.own[data-state=sent]")).to_have_count(1)
    ann.page.press("#text", "ArrowUp")
    expect(ann.page.locator("#text")).to_have_value("to Bob")
    ann.page.locator("#text").press_sequentially(" and nobody else")
    ann.open(cem)
    expect(ann.page.locator("#text")).not_to_have_value("to Bob and nobody else")
    expect(ann.page.locator(".about")).to_be_hidden()
    expect(ann.page.locator(".message.own")).to_have_count(0)
    answer = ann.page.request.get(f"/private/messages?senderId={cem.id}&receiverId={ann.id}")
    assert [message["content"] for message in answer.json()] == ["and me?"]


def test_an_emoji_is_picked_by_mouse_and_by_keyboard(chat: tuple[Someone, Person]) -> None:
    ann, _ = chat
    ann.page.get_by_role("button", name="Emoji").click()
    ann.page.get_by_role("tab", name="Food").click()
    ann.page.locator(".emoji-grid button", has_text="🍵").click()
    expect(ann.page.locator("#text")).to_have_value("🍵")
    ann.page.keyboard.press("Escape")
    expect(ann.page.locator(".emoji-panel")).to_have_count(0)
    ann.page.keyboard.press("Enter")
    expect(ann.page.locator(".emoji-grid button").first).to_be_focused()
    ann.page.keyboard.press("ArrowRight")
    ann.page.keyboard.press("ArrowLeft")
    ann.page.keyboard.press("Enter")
    expect(ann.page.locator("#text")).to_have_value("🍵🍵")


def test_a_refused_message_can_be_tried_again_or_thrown_away(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    group = bob.create_group("Tea", ann)
    bob.say_in(group, "hello")
    ann.open("Tea")
    expect(ann.bubble("hello")).to_be_visible()
    ann.page.evaluate(
        """() => {
          const send = WebSocket.prototype.send;
          WebSocket.prototype.send = function (text) {
            send.call(this, text.includes("EmitGroupMsg") ? text.replace("will be refused", "") : text);
          };
        }"""
    )
    ann.write("will be refused")
    failed = ann.page.locator("[data-state=failed]")
    expect(failed).to_have_count(1)
    ann.page.get_by_role("button", name="Try again").click()
    expect(failed).to_have_count(1)
    ann.page.get_by_role("button", name="Delete").click()
    expect(ann.page.locator(".message.own")).to_have_count(0)


def test_what_is_thrown_away_on_its_way_does_not_come_back(chat: tuple[Someone, Person]) -> None:
    ann, bob = chat
    asked: list[tuple[WebSocketRoute, int]] = []

    def between(page: WebSocketRoute) -> None:
        server = page.connect_to_server()

        def pass_on(frame: str | bytes) -> None:
            said = json.loads(frame)
            if said["event"] == "EmitPrivate":
                asked.append((page, said["ack"]))
            else:
                server.send(frame)

        page.on_message(pass_on)

    ann.page.route_web_socket("**/ws/chat/**", between)
    reload(ann.page)
    ann.open(bob)
    ann.write("never mind")
    hear_until(ann.page, lambda: bool(asked))
    ann.bubble("never mind").click(button="right")
    ann.page.get_by_role("menuitem", name="Do not send").click()
    expect(ann.page.locator(".message.own")).to_have_count(0)
    page, ack = asked[0]
    page.send(json.dumps({"event": "error", "data": {"code": "forbidden", "message": "No."}, "ack": ack}))
    ann.write("what I mean")
    hear_until(ann.page, lambda: len(asked) == 2)
    reload(ann.page)
    expect(ann.page.locator(".message.own .text")).to_have_text(["what I mean"])


def test_plain_http_has_no_uuids_of_the_browser_s_own_and_the_chat_works(chat: tuple[Someone, Person]) -> None:
    ann, bob = chat
    ann.page.add_init_script("delete Crypto.prototype.randomUUID; delete Navigator.prototype.clipboard")
    reload(ann.page)
    ann.open(bob)
    ann.write("sent all the same")
    expect(ann.page.locator("[data-state=sent] .text")).to_have_text("sent all the same")
    ann.bubble("sent all the same").click(button="right")
    ann.page.get_by_role("menuitem", name="Copy").click()
    expect(ann.page.locator(".toast")).to_have_text("Copied.")


def test_a_caption_is_added_changed_and_taken_away(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    group = bob.create_group(unique("Trip"), ann)
    file: Any = {"name": "sea.jpg", "mimeType": "image/jpeg", "buffer": media.jpeg((640, 480))}
    headers = {"X-CSRFToken": ann._csrf_token}
    uploaded = ann.page.request.post("/upload", multipart={"mediaType": "image", "media": file}, headers=headers)
    ann.post("/group/send", groupId=group, type="image", mediaUrl=uploaded.json()["mediaUrl"])
    ann.page.goto(f"/chat/group/{group}/")
    picture, caption = ann.page.locator(".message .picture"), ann.page.locator(".message .caption .text")
    field = ann.page.locator("#text")
    picture.click(button="right")
    ann.page.get_by_role("menuitem", name="Add a caption").click()
    expect(ann.page.locator(".about")).to_contain_text("Editing")
    ann.write("at the *see*")
    expect(caption).to_have_text("at the see")
    expect(field).to_have_value("")  # others are told of an edit before it is answered
    # Of what was written last, the words come back with the arrow.
    ann.page.press("#text", "ArrowUp")
    expect(field).to_have_value("at the *see*")
    ann.write("at the *sea*")
    expect(caption).to_have_text("at the sea")
    expect(field).to_have_value("")
    caption.click(button="right")
    ann.page.get_by_role("menuitem", name="Edit the caption").click()
    expect(field).to_have_value("at the *sea*")
    ann.write("")
    expect(caption).to_have_count(0)
    expect(picture).to_be_visible()
    expect(ann.page.locator(".about")).to_be_hidden()
    # There is nothing to edit any more, and an empty field sends nothing.
    ann.page.press("#text", "ArrowUp")
    ann.page.press("#text", "Enter")
    ann.write("done")
    expect(ann.bubble("done")).to_have_attribute("data-state", "sent")
    said = ann.page.request.get(f"/group/messages?groupId={group}").json()
    assert [(one["type"], one["content"]) for one in said if one["type"] != "system"] == [
        ("image", ""),
        ("text", "done"),
    ]
