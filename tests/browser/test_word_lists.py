"""What the page shows of messages that a word list refuses or holds."""

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
from playwright.sync_api import expect

from tests.browser.conftest import Someone, reload, unique
from tests.browser.server import Person, Server

_RELEASE = """
from messaging.models import HeldMessage
from messaging.services import reviewing
for held in HeldMessage.objects.all():
    if {word!r} in held.content:
        reviewing.{verb}(held=held)
"""


def listed(site: Server, folder: Path, action: str) -> str:
    """A word that nobody else says, in a list with this action that works by now."""
    word = "zorg" + "".join(secrets.choice("abcdefghij") for _ in range(12))
    (folder / "words").write_text(word)
    done = site.manage("load_words", str(folder / "words"), "--list", word, "--action", action)
    assert done.returncode == 0, done.stderr
    cem, dan = Person(site, unique("Cem")), Person(site, unique("Dan"))
    group = cem.create_group("Probe", dan)
    with suppress(httpx.HTTPStatusError):  # what is refused
        while "seq" in dan.say_in(group, word):  # what was sent before the server knew the list
            time.sleep(0.1)
    return word


def judge(site: Server, word: str, verb: str) -> None:
    done = site.manage("shell", "-c", _RELEASE.format(word=word, verb=verb))
    assert done.returncode == 0, done.stderr


def talking(someone: Callable[..., Someone]) -> tuple[Someone, Someone]:
    """A member who may be filtered, and the owner of their group, who is exempt."""
    ann, bob = someone("Ann"), someone("Bob")
    bob.create_group("Tea", ann)
    ann.open("Tea")
    bob.open("Tea")
    return ann, bob


def held(someone: Callable[..., Someone], site: Server, folder: Path) -> tuple[Someone, Someone, str]:
    """Two people in a group, and the word for which what the first of them said is held."""
    ann, bob = talking(someone)
    word = listed(site, folder, "hold")
    ann.write(f"one {word}")
    expect(ann.bubble(f"one {word}").get_by_role("img", name="waits for review")).to_be_visible()
    return ann, bob, word


def test_words_that_are_refused_stay_with_their_writer_and_reach_nobody(
    someone: Callable[..., Someone], site: Server, tmp_path: Path
) -> None:
    ann, bob = talking(someone)
    word = listed(site, tmp_path, "reject")
    ann.write(f"say {word}")
    mine = ann.bubble(f"say {word}")
    expect(ann.page.locator(".said").filter(has=mine).get_by_role("button", name="Delete")).to_be_visible()
    ann.write("say tea")
    expect(bob.bubble("say tea")).to_be_visible()
    assert bob.page.get_by_text(word).count() == 0


def test_what_is_held_waits_in_sight_of_its_writer_also_over_a_reload_and_comes_when_it_is_released(
    someone: Callable[..., Someone], site: Server, tmp_path: Path
) -> None:
    ann, bob, word = held(someone, site, tmp_path)
    reload(ann.page)
    expect(ann.bubble(f"one {word}").get_by_role("img", name="waits for review")).to_be_visible()
    ann.write("two")
    expect(bob.bubble("two")).to_be_visible()
    assert bob.page.get_by_text(word).count() == 0
    judge(site, word, "release")
    expect(bob.bubble(f"one {word}")).to_be_visible()
    expect(ann.bubble(f"one {word}")).to_have_count(1)
    expect(ann.bubble(f"one {word}").get_by_role("img", name="waits for review")).to_have_count(0)


def test_a_moderators_refusal_is_told_to_the_writer(
    someone: Callable[..., Someone], site: Server, tmp_path: Path
) -> None:
    ann, bob, word = held(someone, site, tmp_path)
    judge(site, word, "refuse")
    expect(ann.page.get_by_role("alert")).to_contain_text("A moderator did not release this message.")
    assert bob.page.get_by_text(word).count() == 0
