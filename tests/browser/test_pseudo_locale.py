"""A language that is added as docs/extending.md says has every text, and its longer words fit."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests import pseudo
from tests.browser import flaws
from tests.browser.conftest import OWNER
from tests.browser.screens import SCREENS, Look, Stage, World
from tests.browser.server import Server

LOOK = Look(pseudo.CODE, "light", (360, 740), is_phone=True)
#: Screens whose texts others have too, or which show Django's and a test's own.
LEFT_OUT = {
    *(
        "sign in, refused",
        "sign up, refused",
        "search",
        "settings",
        "conversation of a group",
        "conversation, 120 unread",
    ),
    *("failed and on its way", "words found in a conversation", "answering", "too long a text", "emoji", "dropping"),
    *("recorded", "lightbox", "readers", "missing page"),
}
#: Names, what people wrote, and what `Intl` writes: times and the sizes of files.
THEIRS = "bdi, code, img, [dir=auto], .text, .avatar, .menu-label, [lang]:not(html), time, small, .file-card"

#: Texts that people see or hear with letters outside the brackets that `pseudo` puts around a text.
_UNTRANSLATED = r"""(theirs) => {
  const isOurs = (element) => element.checkVisibility() && !element.closest(theirs);
  const unmarked = (text) => {
    for (let last; last !== text; ) [last, text] = [text, text.replace(/⟦[^⟦⟧]*⟧/g, "")];
    return text;
  };
  const found = [];
  const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let open = 0; // of a text with a name in an element of its own
  for (let node = nodes.nextNode(); node; node = nodes.nextNode()) {
    const isWithin = open > 0;
    open += node.data.split("⟦").length - node.data.split("⟧").length;
    if (!isWithin && !open && /\p{L}/u.test(unmarked(node.data)) && isOurs(node.parentElement)) found.push(node.data.trim());
  }
  for (const name of ["aria-label", "title", "placeholder"])
    for (const one of document.querySelectorAll(`[${name}]`))
      if (/\p{L}/u.test(unmarked(one.getAttribute(name))) && isOurs(one)) found.push(`${name}: ${one.getAttribute(name)}`);
  return found;
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A chat with the language of `pseudo` beside its own."""
    folder = tmp_path_factory.mktemp("pseudo")
    pseudo.write(folder / "locale")
    settings = "tests.pseudo_settings"
    with Server(folder, DJANGO_SETTINGS_MODULE=settings, PSEUDO_LOCALE=str(folder / "locale")) as server:
        yield server


def wrong_in(page: Page) -> list[str]:
    return list(page.evaluate(_UNTRANSLATED, THEIRS)) + flaws.sideways(page)


def test_in_a_new_language_every_text_is_translated_and_fits_on_a_small_phone(chromium: Browser, site: Server) -> None:
    stage = Stage(chromium, World(site, OWNER), LOOK)
    found: dict[str, list[str]] = {}
    for screen in SCREENS:
        if screen.is_on_phones and not screen.name.startswith("admin") and screen.name not in LEFT_OUT:
            screen.show(stage)
            found |= {screen.name: wrong} if (wrong := wrong_in(stage.page)) else {}
    stage.close()
    assert not found
