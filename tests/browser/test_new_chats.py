"""Conversations that have not begun yet, with anybody of however many people."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import REFUSED, Someone, Watch, reload
from tests.browser.line import Line
from tests.browser.server import Person


def test_a_new_chat_with_somebody_late_in_the_alphabet_survives_a_reload(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, zoe, zeno = someone("Ann"), person("Zzoe"), person("Zzeno")
    # As if there were very many people: no list has these two.
    ann.page.route("**/userChatList*", lambda route: route.fulfill(json=[]))
    ann.page.goto(f"/chat/private/{zoe.id}/")
    expect(ann.page.locator(".conversation-head h2 bdi")).to_have_text(zoe.name)
    ann.page.fill("#text", "half a thought")
    reload(ann.page)
    expect(ann.page.locator(".conversation-head h2 bdi")).to_have_text(zoe.name)
    expect(ann.page.locator("#text")).to_have_value("half a thought")
    ann.page.goto(f"/chat/private/{zeno.id}/")
    expect(ann.page.locator(".conversation-head h2 bdi")).to_have_text(zeno.name)
    expect(ann.row(zoe.name).locator(".chat-preview")).to_have_text("[Draft] half a thought")
    ann.page.goto("/")
    ann.open(zoe)
    ann.page.press("#text", "Enter")
    expect(ann.page.locator("[data-state=sent]")).to_have_count(1)


def test_a_first_message_that_waits_is_in_the_list_after_a_reload(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    cem.say(ann, "hello")
    line = Line(ann.page)
    reload(ann.page)
    ann.find(bob)
    line.cut()
    expect(ann.page.locator("#banner")).to_be_visible()
    ann.write("first of all")
    expect(ann.page.locator("[data-state=sending]")).to_have_count(1)
    # The chat list, which does not know this conversation, takes nothing away.
    ann.page.goto("/")
    line.mend()
    expect(ann.row(bob.name).locator(".chat-preview")).to_have_text("first of all")
    ann.open(bob)
    expect(ann.page.locator("[data-state=sent]")).to_have_count(1)


def test_an_address_of_nobody_says_so(someone: Callable[..., Someone], watch: Watch) -> None:
    watch.allow(REFUSED)
    ann = someone("Ann")
    # A toast stays for a moment: it is looked for while the page is still being loaded.
    ann.page.goto("/chat/private/01890000-0000-7000-8000-000000000000/", wait_until="commit")
    expect(ann.page.locator(".toast")).to_have_text("That conversation is not here.")
