"""What is written arrives once and in order, whatever happens to the server and to the page."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import media
from tests.browser.conftest import SERVER_GONE, Someone, Watch
from tests.browser.server import Person, Server


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Server]:
    """A server of its own: it is going to be killed."""
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
    # The page is gone before it could send again: what it had written must have been kept.
    site.start()
    ann.page.reload()
    expect(ann.page.locator("[data-state=sent]")).to_have_count(4, timeout=20_000)
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
    expect(ann.page.locator("[data-state=sent]")).to_have_count(2, timeout=20_000)
    expect(ann.page.locator(".message .text")).to_have_text(
        ["hello", "said while Ann was away", "queued", "queued too"]
    )
