"""What screen readers announce: the content in its order, and each event once."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.browser import media
from tests.browser.conftest import REFUSED, Someone, Watch, reload
from tests.browser.screens import speech
from tests.browser.server import Person

#: Collects every polite announcement from now on.
HEARING = """() => {
  window.heard = [];
  const region = document.getElementById("announcer");
  new MutationObserver(() => window.heard.push(region.textContent)).observe(region, { childList: true });
}"""


def test_a_row_says_who_what_when_and_how_many(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), someone("Bob"), person("Cem")
    for text in ("one", "two"):
        bob.say(ann, text)
    group = cem.create_group("Tea", ann)
    cem.post("/group/send", groupId=group, content="three")
    ann.post("/group/mute", groupId=group, muted=True)
    reload(ann.page)
    time = r"\d\d:\d\d"
    expect(ann.row(bob.name)).to_match_aria_snapshot(f"- link /^{bob.name} {time} two online, 2 unread$/")
    expect(ann.row("Tea")).to_match_aria_snapshot(f"- link /^Tea {time} {cem.name}. three muted, 1 unread$/")
    time_of = ann.row(bob.name).locator("time")
    assert (time_of.get_attribute("datetime") or "").endswith("Z")


def test_the_page_has_landmarks_and_headings_in_order(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "hello")
    ann.open(bob)
    page = ann.page
    for role, name in (("navigation", "Chats"), ("main", None), ("search", None), ("log", "Messages")):
        expect(page.get_by_role(role, **({"name": name} if name else {}))).to_be_visible()  # type: ignore[arg-type]
    expect(page.get_by_role("heading", level=1)).to_have_text("Chats")
    expect(page.get_by_role("heading", level=2)).to_have_text(bob.name)
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_every_message_says_whose_it_is_and_media_say_what_they_are(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    for kind, name, data, caption in (
        ("images", "one.jpg", media.jpeg(), ""),
        ("images", "two.jpg", media.jpeg((300, 200)), "from the summit"),
        ("audio", "voice.wav", speech(), ""),
    ):
        made = bob.upload(kind, name, data)
        bob.post("/private/send", receiverId=ann.id, type=made["type"], mediaUrl=made["mediaUrl"], content=caption)
    ann.open(bob)
    log = ann.page.get_by_role("log")
    expect(log.get_by_role("article", name=f"{bob.name} at ")).to_have_count(3)
    expect(log.get_by_role("button", name=f"Open the picture of {bob.name}")).to_be_visible()
    expect(log.get_by_role("button", name="Open the picture: from the summit")).to_be_visible()
    voice = log.get_by_role("group", name="Voice message, 0:02")
    expect(voice.get_by_role("button", name="Play")).to_be_visible()
    expect(voice.get_by_role("slider", name="Position in the recording")).to_have_attribute(
        "aria-valuetext", "0:00 of 0:02"
    )
    ann.write("mine")
    mine = log.get_by_role("article", name="You at ")
    expect(mine.get_by_role("img", name="sent")).to_be_visible()


def test_a_message_is_read_out_once_and_history_and_my_own_are_not(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    for number in range(60):
        bob.say(ann, f"old {number}")
    ann.page.evaluate(HEARING)
    ann.open(bob)
    expect(ann.bubble("old 59")).to_be_visible()
    ann.page.evaluate("document.getElementById('log').scrollTop = 0")
    expect(ann.page.locator(".beginning")).to_be_attached()
    ann.write("my own")
    expect(ann.page.locator("[data-state=sent]")).to_have_count(1)
    bob.say(ann, "news")
    bob.post("/markPrivateRead", senderId=ann.id)
    expect(ann.page.locator(".receipt")).to_have_text("Read")
    assert ann.page.evaluate("window.heard") == [f"{bob.name}: news"]


def test_a_refused_message_is_an_alert(
    someone: Callable[..., Someone], person: Callable[[str], Person], watch: Watch
) -> None:
    watch.allow(REFUSED)
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "hello")
    ann.open(bob)
    ann.page.route(
        "**/upload", lambda route: route.fulfill(status=413, json={"detail": "Too large.", "code": "too_large"})
    )
    media.hand_over(ann.page, "paste", "#text", ("slip.jpg", "image/jpeg", media.jpeg()))
    ann.page.click("#send-files")
    expect(ann.page.get_by_role("alert")).to_contain_text("Too large.")


def test_a_lost_connection_is_read_out_and_so_is_its_return(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann = someone("Ann")
    routes: list[Any] = []
    is_down: list[bool] = []

    def between(socket: Any) -> None:
        if is_down:
            socket.close(code=1013)
            return
        routes.append(socket)
        socket.connect_to_server()

    ann.page.route_web_socket("**/ws/chat/**", between)
    reload(ann.page)
    ann.is_connected()
    ann.page.evaluate(HEARING)
    is_down.append(True)
    routes[0].close(code=1012)
    announcer = ann.page.locator("#announcer")
    expect(announcer).to_contain_text("No connection.")
    is_down.clear()
    expect(announcer).to_have_text("Connected again.")
    assert len(ann.page.evaluate("window.heard")) == 2
