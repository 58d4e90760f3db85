"""Texts that are too long for their place are cut between characters as readers see them."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Someone
from tests.browser.server import Person

#: One character to its readers, eleven code units.
FAMILY = "👨‍👩‍👧‍👦"
#: One character to its readers, a letter with three marks.
SYLLABLE = "ก็้ํ"


def test_previews_quotes_and_snippets_end_between_two_characters(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    said = "x" + FAMILY * 60 + " the needle " + SYLLABLE * 200
    sent = bob.say(ann, said)
    preview = ann.row(bob.name).locator(".chat-preview")
    expect(preview).to_have_text("x" + FAMILY * 18)
    bob.say(ann, "yes", replyTo=sent["id"])
    ann.open(bob)
    expect(ann.page.locator(".quote-text")).to_have_text("x" + FAMILY * 18)
    ann.page.fill("#search", "needle")
    hit = ann.page.locator(".hit .chat-preview bdi").last
    lead = FAMILY * 13 + " the "
    expect(hit).to_have_text(f"…{lead}needle {SYLLABLE * (199 // len(SYLLABLE))}")


def test_a_long_file_name_is_cut_in_the_middle_between_two_characters(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    made = bob.upload("files", SYLLABLE * 30 + ".txt", b"hello")
    bob.post(
        "/private/send",
        receiverId=ann.id,
        type="file",
        content="",
        mediaUrl=made["mediaUrl"],
        fileName=made["fileName"],
    )
    ann.open(bob)
    name = ann.page.locator(".file-name")
    expect(name).to_have_attribute("title", made["fileName"])
    expect(name.locator("span").last).to_have_text(SYLLABLE * 4 + ".txt")
