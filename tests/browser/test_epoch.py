"""An older copy of the database is restored under an open page."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SERVER_GONE, Someone, Watch, reload
from tests.browser.server import Person, Server


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Server]:
    """A server of its own, because the test puts another database under it."""
    with Server(tmp_path) as server:
        yield server


def test_an_open_page_starts_afresh_and_keeps_its_unsent_words(
    site: Server, someone: Callable[..., Someone], person: Callable[[str], Person], watch: Watch
) -> None:
    watch.allow(SERVER_GONE)
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    bob.say(ann, "hello")
    cem.say(ann, "and me?")
    ann.open(bob)
    expect(ann.bubble("hello")).to_be_visible()
    backup = site.database.save()
    for number in range(3):
        bob.say(ann, f"lost {number}")
        cem.say(ann, f"lost as well {number}")
    expect(ann.page.locator(".message")).to_have_count(4)
    expect(ann.badge(cem.name)).to_have_text("4")
    ann.page.fill("#text", "half a thought")
    site.kill()
    expect(ann.page.locator("#banner")).to_be_visible()
    ann.open(cem)
    ann.write("written meanwhile")
    expect(ann.page.locator("[data-state=sending]")).to_have_count(1)
    ann.open(bob)
    site.database.restore(backup)
    site.start()

    expect(ann.page.locator(".message .text")).to_have_text(["hello"])
    expect(ann.page.locator("#text")).to_have_value("half a thought")
    bob.say(ann, "new")  # has the number of a lost one
    expect(ann.page.locator(".message .text")).to_have_text(["hello", "new"])
    ann.page.press("#text", "Enter")
    expect(ann.page.locator(".message .text")).to_have_text(["hello", "new", "half a thought"])
    expect(ann.page.locator("[data-state=sent]")).to_have_count(1)
    cem.say(ann, "still there?")
    expect(ann.row(cem.name).locator(".chat-preview")).to_have_text("still there?")
    ann.open(cem)
    expect(ann.page.locator(".message .text")).to_have_text(["and me?", "written meanwhile", "still there?"])
    expect(ann.badge(cem.name)).to_have_count(0)
    reload(ann.page)
    ann.open(bob)
    expect(ann.page.locator(".message .text")).to_have_text(["hello", "new", "half a thought"])
