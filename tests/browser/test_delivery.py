"""Messages arrive once and in order, whatever happens to the server and to the page."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import media
from tests.browser.conftest import SERVER_GONE, Someone, Watch, reload, until
from tests.browser.server import Person, Server

#: Seconds without a server in the longest test.
OUTAGE = float(os.environ.get("OUTAGE_SECONDS", "30"))
#: Milliseconds. Afterwards a page reconnects within half a minute at the latest.
BACK_AGAIN = 60_000


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Server]:
    """A server of its own, because the tests kill it."""
    with Server(tmp_path) as server:
        yield server


def test_what_is_written_while_the_server_is_dead_arrives_once_and_in_order(
    site: Server, someone: Callable[..., Someone], watch: Watch
) -> None:
    watch.allow(SERVER_GONE)
    ann, bob = someone("Ann"), someone("Bob")
    bob.say(ann, "hello")
    ann.open(bob)
    ann.write("before")
    expect(ann.page.locator("[data-state=sent]")).to_have_count(1)
    site.kill()
    for number in range(1, 4):
        ann.write(f"meanwhile {number}")
    expect(ann.page.locator("[data-state=sending]")).to_have_count(3)
    expect(ann.page.locator("#banner")).to_be_visible()
    # The page is closed before it could send again: its messages must have been saved.
    site.start()
    reload(ann.page)
    expect(ann.page.locator("[data-state=sent]")).to_have_count(4)
    expect(ann.page.locator("#banner")).to_be_hidden()
    bob.open(ann)
    expect(bob.page.locator(".message .text")).to_have_text(
        ["hello", "before", "meanwhile 1", "meanwhile 2", "meanwhile 3"]
    )


def test_a_page_left_open_comes_back_by_itself_and_catches_up(
    site: Server, someone: Callable[..., Someone], person: Callable[[str], Person], watch: Watch
) -> None:
    watch.allow(SERVER_GONE)
    ann, bob = someone("Ann"), person("Bob")
    bob.say(ann, "hello")
    ann.open(bob)
    expect(ann.bubble("hello")).to_be_visible()
    site.kill()
    ann.write("queued")
    media.hand_over(ann.page, "paste", "#text", ("queued.jpg", "image/jpeg", media.jpeg()))
    ann.page.fill("#caption", "queued too")
    ann.page.click("#send-files")
    site.start()
    bob.say(ann, "said while Ann was away")
    expect(ann.page.locator("[data-state=sent]")).to_have_count(2, timeout=BACK_AGAIN)
    expect(ann.page.locator(".message .text")).to_have_count(4)
    # The order of Bob's message among Ann's is undefined.
    assert [text for text in ann.texts if text != "said while Ann was away"] == ["hello", "queued", "queued too"]


def test_the_banner_comes_two_seconds_after_the_server_went_and_not_before(
    site: Server, someone: Callable[..., Someone], watch: Watch
) -> None:
    watch.allow(SERVER_GONE)
    ann = someone("Ann")
    ann.page.add_init_script(
        """window.seen = {};
        window.WebSocket = class extends WebSocket {
          constructor(...given) {
            super(...given);
            this.addEventListener("close", () => {
              const { seen } = window;
              seen.gone ??= performance.now();
              // Timers ring in their order, however late a busy machine lets them.
              setTimeout(() => { seen.isInTime ??= "told" in seen; }, 4000);
            });
          }
        };
        const look = () => {
          if (document.querySelector("#banner:not([hidden])")) window.seen.told ??= performance.now();
        };
        new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });"""
    )
    reload(ann.page)
    ann.is_connected()
    expect(ann.page.locator("#banner")).to_be_hidden()
    ann.page.wait_for_timeout(300)
    ann.page.evaluate("() => { window.seen = {}; }")  # a slow beginning was told of, too
    site.kill()
    expect(ann.page.locator("#banner")).to_be_visible()
    until(ann.page, "() => 'isInTime' in window.seen")
    seen = ann.page.evaluate("window.seen")
    assert seen["told"] - seen["gone"] > 1900
    assert seen["isInTime"]
    site.start()
    expect(ann.page.locator("#banner")).to_be_hidden(timeout=BACK_AGAIN)


@pytest.mark.timeout(OUTAGE + 300)
def test_two_people_write_through_a_long_outage_and_nothing_is_lost_doubled_or_reordered(
    site: Server, someone: Callable[..., Someone], watch: Watch
) -> None:
    watch.allow(SERVER_GONE)
    ann, bob, cem = someone("Ann"), someone("Bob"), someone("陈嘉怡", locale="zh-CN")
    tea = ann.create_group("Tea", bob, cem)
    ann.say(bob, "just us")
    bob.open(ann)
    expect(bob.bubble("just us")).to_be_visible()
    expect(bob.badge(ann.name)).to_have_count(0)  # read, before another chat is opened
    said: dict[str, list[str]] = {"ann": ["ann before"], "bob": ["bob before"]}
    for one, who in ((ann, "ann"), (bob, "bob")):
        one.open("Tea")
        one.write(f"{who} before")
        expect(one.page.locator(".message.own[data-state=sent]")).to_have_count(1)
    for one in (ann, bob):
        expect(one.page.locator(".message")).to_have_count(2)
    cem.post("/group/markGroupRead", groupId=tea)
    # What they have read is known before the server is gone: the chat would open at what is new.
    for one in (ann, bob):
        until(one.page, "async () => (await (await fetch('/unread')).json()).total === 0")

    site.kill()
    end = time.monotonic() + OUTAGE
    while time.monotonic() < end:
        for one, who in ((ann, "ann"), (bob, "bob")):
            said[who].append(f"{who} {len(said[who])}")
            one.write(said[who][-1])
            waiting = one.page.locator("[data-state=sending]")
            expect(waiting).to_have_count(len(said[who]) - 1)
            expect(waiting.last.get_by_role("img", name="sending")).to_be_visible()
        ann.page.wait_for_timeout(OUTAGE / 12 * 1000)
    for one in (ann, bob):
        expect(one.page.locator("#banner")).to_be_visible()
    bob.open(ann)
    bob.write("just you")
    bob.page.fill("#text", "half a thought")
    bob.open("Tea")
    expect(bob.page.locator("#text")).to_have_value("")
    ann.page.fill("#text", "and another")
    # Ann's messages wait in the browser's storage, not in the page.
    ann.page.close()

    site.start()
    ann = ann.another_tab()
    ann.open("Tea")
    twin = bob.another_tab()  # has the same words to send as the tab that was left open
    twin.open("Tea")
    for one, who in ((ann, "ann"), (bob, "bob"), (twin, "bob")):
        expect(one.page.locator(".message.own[data-state=sent]")).to_have_count(len(said[who]), timeout=BACK_AGAIN)
        expect(one.page.locator("#banner")).to_be_hidden()
    history = ann.page.request.get(f"/group/messages?groupId={tea}&limit=100").json()
    kept = [message["content"] for message in history if message["type"] == "text"]
    for who, texts in said.items():
        assert [text for text in kept if text.startswith(who)] == texts
    assert len(kept) == len(said["ann"]) + len(said["bob"])
    for one in (ann, bob, twin):
        expect(one.page.locator(".message .text")).to_have_text(kept)
        expect(one.badge("Tea")).to_have_count(0)
    expect(cem.badge("Tea")).to_have_text(str(len(kept) - 2), timeout=BACK_AGAIN)
    expect(ann.badge(bob.name)).to_have_text("1")
    expect(ann.page.locator("#text")).to_have_value("and another")
    for one in (ann, bob):
        one.open(bob if one is ann else ann)
        expect(one.page.locator(".message .text")).to_have_text(["just us", "just you"])
    expect(bob.page.locator("#text")).to_have_value("half a thought")
