"""Takes the pictures of the README and of docs/: a real browser shows the demo in a temporary chat.

scripts/screenshots            docs/images/*.webp
scripts/screenshots FOLDER     every screen in every size, theme and language
"""

import io
import re
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from PIL import Image  # noqa: E402
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402
from websockets.sync.client import connect  # noqa: E402

from demo.cast import ME, PEOPLE  # noqa: E402
from tests.browser.server import BROWSER_ARGS, CHROMIUM, Server  # noqa: E402

SIZES = {"desk": (1280, 800), "phone": (390, 780), "tablet": (768, 1024), "wide": (1920, 1080)}
#: People of the demo who are online.
HERE = ("maya", "wang", "tom", "priya", "lucas")
#: The offset from UTC where it is three in the afternoon now: pictures should not show people who chat at night.
EAST = (26 - datetime.now(UTC).hour) % 24 - 11


class Studio:
    """A browser and the server of the demo."""

    def __init__(self, browser: Browser, server: Server) -> None:
        self.browser, self.server, self.password = browser, server, ""

    def seed(self) -> None:
        told = self.server.manage("seed_demo", "--east", str(EAST))
        found = re.search(r"with the password (\S+),", told.stdout)
        if not found:
            raise SystemExit(told.stderr)
        self.password = found[1]

    def arrive(self, who: str, stay: ExitStack) -> None:
        """Keep a person of the demo online until `stay` closes."""
        answer = self.server.http.post("/login", json={"name": PEOPLE[who].name, "password": self.password})
        headers = {"Authorization": f"Bearer {answer.json()['token']}"}
        address = f"{self.server.url.replace('http', 'ws')}/ws/chat/"
        # Nothing reads its events, so a keepalive of this client would wait behind them.
        socket = connect(address, additional_headers=headers, ping_interval=None, max_queue=None, close_timeout=1)
        stay.enter_context(socket)

    def page(self, path: str, *, size: str, theme: str, locale: str) -> Page:
        width, height = SIZES[size]
        context = self.browser.new_context(
            base_url=self.server.url,
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
            locale=locale,
            timezone_id=f"Etc/GMT{-EAST:+d}",  # Etc/GMT zones have the opposite sign
            device_scale_factor=1 if size == "wide" else 2,
            has_touch=size in ("phone", "tablet"),
            is_mobile=size in ("phone", "tablet"),
        )
        context.set_default_timeout(120_000)  # the machine may be busy
        page = context.new_page()
        page.goto(path)
        return page

    def signed_in(self, **how: str) -> Page:
        page = self.page("/sign-in/", **how)
        page.fill("#name", PEOPLE[ME].name)
        page.fill("#password", self.password)
        page.locator("button.primary").click()
        page.wait_for_selector(".chat-row")
        return page


def settled(page: Page) -> Page:
    """Wait until every visible picture is loaded and nothing moves."""
    page.evaluate("document.fonts.ready")
    page.wait_for_function("[...document.images].every((one) => one.complete || one.loading === 'lazy')")
    page.wait_for_timeout(600)
    return page


def talk(name: str) -> Callable[[Page], None]:
    def open_chat(page: Page) -> None:
        page.locator(".rows .chat-name", has_text=name).click()
        page.wait_for_selector(".message")

    return open_chat


def lightbox(page: Page) -> None:
    talk("黄山周末")(page)
    page.locator(".picture").last.click()
    page.wait_for_selector(".lightbox, dialog[open]")


def place(page: Page) -> None:
    talk("黄山周末")(page)
    page.locator(".place-card").last.click()
    page.wait_for_selector("dialog[open]")


def panel(page: Page) -> None:
    talk("产品组")(page)
    page.click("#group-info")
    page.wait_for_selector(".panel-body .person")


def stay(page: Page) -> None:
    """Stay at the chat list."""


#: Each screen after sign-in, and the function that opens it.
SCREENS: dict[str, Callable[[Page], None]] = {
    "list": stay,
    "trip": talk("黄山周末"),
    "product": talk("产品组"),
    "dinner": talk("周五晚饭"),
    "private": talk("Maya Chen"),
    "picture": lightbox,
    "place": place,
    "group": panel,
}

#: The pictures of the docs: name, how it is taken, screen. Chats with unread messages are opened last.
TAKEN = (
    ("chat", "desk", "light", "zh-CN", "trip"),
    ("picture", "desk", "dark", "zh-CN", "picture"),
    ("place", "desk", "light", "en-GB", "place"),
    ("phone-list", "phone", "light", "zh-CN", "list"),
    ("phone-chat", "phone", "light", "zh-CN", "private"),
    ("phone-dark", "phone", "dark", "en-GB", "dinner"),
    ("chat-tablet", "tablet", "light", "en-GB", "trip"),
    ("chat-wide", "wide", "dark", "zh-CN", "trip"),
    ("chat-dark", "desk", "dark", "en-GB", "product"),
    ("group", "desk", "light", "zh-CN", "group"),
)


def keep(page: Page, folder: Path, name: str) -> None:
    taken = Image.open(io.BytesIO(settled(page).screenshot()))
    taken.convert("RGB").save(folder / f"{name}.webp", "WEBP", quality=80, method=6)
    page.context.close()


def take(studio: Studio, folder: Path, name: str, size: str, theme: str, locale: str, screen: str) -> None:
    page = studio.signed_in(size=size, theme=theme, locale=locale)
    SCREENS[screen](page)
    keep(page, folder, name)


def main() -> None:
    is_for_docs = len(sys.argv) < 2
    folder = ROOT / "docs" / "images" if is_for_docs else Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        data = stack.enter_context(tempfile.TemporaryDirectory())
        server = stack.enter_context(Server(Path(data), is_first=True, RATE_SIGNIN_FAILURES="off"))
        playwright = stack.enter_context(sync_playwright())
        studio = Studio(playwright.chromium.launch(executable_path=CHROMIUM, args=BROWSER_ARGS), server)
        every = list(product(SIZES, ("light", "dark"), ("zh-CN", "en-GB")))
        pages = [("phone", "light", "zh-CN")] if is_for_docs else every
        for size, theme, locale in pages:
            name = "welcome" if is_for_docs else f"welcome-{size}-{theme}-{locale[:2]}"
            keep(studio.page("/", size=size, theme=theme, locale=locale), folder, name)
        studio.seed()
        for who in HERE:
            studio.arrive(who, stack)
        for size, theme, locale in pages:
            name = "sign-in" if is_for_docs else f"sign-in-{size}-{theme}-{locale[:2]}"
            keep(studio.page("/sign-in/", size=size, theme=theme, locale=locale), folder, name)
        if is_for_docs:
            for picture in TAKEN:
                take(studio, folder, *picture)
        else:
            for screen, (size, theme, locale) in product(SCREENS, every):
                take(studio, folder, f"{screen}-{size}-{theme}-{locale[:2]}", size, theme, locale, screen)


if __name__ == "__main__":
    main()
