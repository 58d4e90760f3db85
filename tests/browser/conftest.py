"""Users in real browsers, on the project's real run command.

Every page is watched: an error on its console, a violation of its content security policy or a
request to another origin fails the test, unless the test allowed it.
"""

import itertools
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from re import Pattern
from typing import Any

import pytest
from playwright.sync_api import (
    APIResponse,
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    FloatRect,
    Locator,
    Page,
    Playwright,
    Request,
    Response,
    Route,
    expect,
    sync_playwright,
)

from tests.browser.server import (
    BROWSER_ARGS,
    CHROMIUM,
    FAKE_DEVICES,
    GRANTED_DEVICES,
    HEADLESS_CHROMIUM,
    PASSWORD,
    Person,
    Server,
)

#: Milliseconds. Generous for a busy machine; only what never happens is waited for so long.
TIMEOUT_MS = 60_000
OWNER = "The Owner"
#: What a browser logs when the server is gone, and when it refuses a request (REFUSED).
SERVER_GONE = r"WebSocket connection to|net::ERR_|error occurred when fetching the script"
#: Without a service worker, which would fetch the whole chat in every new browser;
#: test_installed.py has those with one.
UNINSTALLED = {"service_workers": "block"}
REFUSED = r"the server responded with a status of 4\d\d"

#: Sets `window.flashed` to a promise of the text of the first message that flashes.
WATCH_FLASHES = """() => {
  window.flashed = new Promise((resolve) => {
    const look = (changes) => changes.forEach(({ target }) => target.matches(".flash") && resolve(target.textContent));
    new MutationObserver(look).observe(document.body, { subtree: true, attributeFilter: ["class"] });
  });
}"""

#: Keeps in `window.toasts` what the page says for some seconds.
KEEP_TOASTS = """window.toasts = [];
new MutationObserver((changes) => {
  for (const one of changes.flatMap(({ addedNodes }) => [...addedNodes]))
    if (one.matches?.(".toast")) window.toasts.push(one.textContent);
}).observe(document, { childList: true, subtree: true });"""

#: Asks a predicate again until it holds. Playwright's wait_for_function takes a promise for true, and fails when what
#: is looked at is not there yet.
UNTIL = """async ([arg, timeout]) => {
  const holds = PREDICATE;
  const end = performance.now() + timeout;
  let fault;
  const isSo = async () => {
    try {
      return await holds(arg);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      fault = error;
      return false;
    }
  };
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`never so: ${holds} ${fault ?? ""}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}"""

_numbers = itertools.count(1)
_addresses = itertools.count(1)

expect.set_options(timeout=TIMEOUT_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if Path(CHROMIUM).exists():
        return
    missing = pytest.mark.skip(
        reason=f"{CHROMIUM} is missing: apt-get install chromium fonts-noto-cjk fonts-noto-color-emoji"
    )
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(missing)


def until(page: Page, predicate: str, arg: Any = None) -> None:
    """Wait until a function of the page, asynchronous or not, returns true; what it looks at may come later."""
    page.evaluate(UNTIL.replace("PREDICATE", predicate), [arg, TIMEOUT_MS])


def told(page: Page, text: str) -> None:
    """Wait until the page, since it was loaded, has said this for some seconds."""
    until(page, "(text) => window.toasts.includes(text)", text)


def reload(page: Page) -> Response | None:
    """Load the page anew; returns the answer that it came from.

    While what was closed a moment ago is still being left in the history, going back stops a reload: then once more.
    """
    try:
        return page.reload()
    except Error as error:
        if "net::ERR_ABORTED" not in error.message:
            raise
        return page.reload()


def box_of(one: Locator) -> FloatRect:
    """Where an element stands still; while it is drawn anew it is nowhere."""
    end, before = time.monotonic() + TIMEOUT_MS / 1000, None
    while (now := one.bounding_box()) is None or now != before:
        assert time.monotonic() < end, "it never stands still"
        before = now
        one.page.wait_for_timeout(20)
    return now


def hear_until(page: Page, holds: Callable[[], bool]) -> None:
    """Let the page's events come in until something that they record holds: a request is told before its route is."""
    end = time.monotonic() + TIMEOUT_MS / 1000
    while not holds():
        assert time.monotonic() < end, "it never held"
        page.wait_for_timeout(10)


class Hold:
    """Holds what a page asks of an address until `release`; what it asks later passes."""

    def __init__(self, page: Page, address: Pattern[str]) -> None:
        self._page = page
        self._held: list[Route] = []
        self._is_on = True
        page.route(address, lambda route: self._take(route))

    def _take(self, route: Route) -> None:
        if self._is_on:
            self._held.append(route)
        else:
            route.continue_()

    def until_asked(self) -> None:
        hear_until(self._page, lambda: bool(self._held))

    def release(self) -> None:
        self._is_on = False
        for route in self._held:
            route.continue_()


@contextmanager
def answered(page: Page, address: str) -> Iterator[None]:
    """Until a request whose address has this pattern in it is over. The page reads answers as streams, which are told to
    have failed sometimes though all of them was read.
    """
    over: list[str] = []

    def note(request: Request) -> None:
        if re.search(address, request.url):
            over.append(request.url)

    for event in ("requestfinished", "requestfailed"):
        page.on(event, note)
    yield
    hear_until(page, lambda: bool(over))
    for event in ("requestfinished", "requestfailed"):
        page.remove_listener(event, note)


def unique(name: str) -> str:
    """A name that is unique on the shared server."""
    return f"{name} {next(_numbers)}"


def elsewhere() -> dict[str, Any]:
    """The options of a browser with an address of its own: the server counts failures to sign in by it."""
    return {"extra_http_headers": {"X-Forwarded-For": f"203.0.113.{next(_addresses)}"}}


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server that these tests share; each test creates its own users."""
    with Server(tmp_path_factory.mktemp("site"), TRUSTED_PROXIES="127.0.0.1", RATE_SIGNIN_FAILURES="4/5m") as server:
        Person(server, OWNER)  # the first account owns the installation, the others do not
        yield server


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    # For the package, not the session: Playwright's event loop must end before other tests start theirs.
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=HEADLESS_CHROMIUM, args=[*BROWSER_ARGS, *GRANTED_DEVICES])
    yield browser
    browser.close()


@pytest.fixture(scope="package")
def whole_chromium(playwright: Playwright) -> Iterator[Browser]:
    """For what the headless shell lacks: a module's own fixture `chromium` may return it."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*BROWSER_ARGS, *FAKE_DEVICES])
    yield browser
    browser.close()


class Watch:
    """Records what no page may do. `allow` names what a test expects on the console."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._allowed = ["Service Worker registration blocked by Playwright"]
        self._heard: list[str] = []

    def allow(self, *patterns: str) -> None:
        self._allowed += patterns

    def over(self, context: BrowserContext) -> None:
        context.on("console", self._console)
        context.on("weberror", lambda error: self._heard.append(f"uncaught: {error.error}"))
        context.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._heard.append(message.text)

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self._origin, "data:", "blob:")):
            self._heard.append(f"request to another origin: {request.url}")

    @property
    def complaints(self) -> list[str]:
        return [one for one in self._heard if not any(re.search(pattern, one) for pattern in self._allowed)]


@pytest.fixture
def watch(site: Server) -> Iterator[Watch]:
    watch = Watch(site.url)
    yield watch
    assert not watch.complaints


@pytest.fixture
def visit(chromium: Browser, site: Server, watch: Watch) -> Iterator[Callable[..., Page]]:
    """`visit("/sign-in/", locale="zh-CN")` opens a new browser without a user."""
    contexts: list[BrowserContext] = []

    def open_page(path: str = "/", **options: Any) -> Page:
        context = chromium.new_context(
            base_url=site.url,
            **{"locale": "en-GB", "viewport": {"width": 1280, "height": 800}, **UNINSTALLED, **options},
        )
        context.set_default_timeout(TIMEOUT_MS)
        context.add_init_script(KEEP_TOASTS)
        watch.over(context)
        contexts.append(context)
        page = context.new_page()
        if path:
            page.goto(path)
        return page

    yield open_page
    for context in [one for one in contexts if one in chromium.contexts]:  # a test closes some itself
        # What is still on its way through a test's route fails now, and would fail the next test.
        routers: list[BrowserContext | Page] = [context, *context.pages]
        for router in routers:
            router.unroute_all(behavior="ignoreErrors")
        context.close()


class Someone(Person):
    """A user with a browser; what a test does without the page goes by HTTP, in the browser's session."""

    def __init__(self, name: str, page: Page) -> None:
        self.name, self.page = name, page
        # Posts the form without showing it: test_signing_in.py tests the form itself.
        page.request.get("/sign-up/")
        token = self._csrf_token
        form: dict[str, str | float | bool] = {
            "name": name,
            "password": PASSWORD,
            "csrfmiddlewaretoken": token,
            "next": "/",
        }
        page.request.post("/sign-up/", form=form, max_redirects=0)
        page.goto("/")
        page.wait_for_selector(".chat-row, .empty")
        self.id = json.loads(page.locator("#boot").text_content() or "")["me"]["id"]

    def post(self, path: str, **body: Any) -> Any:
        answer = self._ask(path, body)
        assert answer.ok, answer.text()
        return answer.json()

    def attempt(self, path: str, **body: Any) -> int:
        """The status of the answer, whatever it is."""
        return self._ask(path, body).status

    def _ask(self, path: str, body: dict[str, Any]) -> APIResponse:
        return self.page.request.post(path, data=body, headers={"X-CSRFToken": self._csrf_token})

    @property
    def _csrf_token(self) -> str:
        return next(cookie["value"] for cookie in self.page.context.cookies() if cookie["name"] == "csrftoken")

    def another_tab(self) -> "Someone":
        twin = object.__new__(Someone)
        twin.__dict__.update(self.__dict__)
        twin.page = self.page.context.new_page()
        twin.page.goto("/")
        twin.page.wait_for_selector(".chat-row, .empty")
        return twin

    def open(self, other: "str | Person") -> None:
        name = other if isinstance(other, str) else other.name
        self.row(name).click()
        expect(self.page.locator(".conversation-head h2 bdi")).to_have_text(name)

    def find(self, other: "Person") -> None:
        """Begin a conversation by searching for a person."""
        self.page.fill("#search", other.name)
        self.page.locator(".found .chat-row").first.click()
        expect(self.page.locator(".conversation-head h2 bdi")).to_have_text(other.name)

    def write(self, text: str) -> None:
        self.page.fill("#text", text)
        self.page.press("#text", "Enter")

    def row(self, name: str) -> Any:
        return self.page.locator(".rows .chat-row").filter(has=self.page.locator(".chat-name", has_text=name))

    def badge(self, name: str) -> Any:
        return self.row(name).locator(".badge")

    def bubble(self, text: str) -> Any:
        return self.page.locator(".message").filter(has=self.page.locator(".text", has_text=text))

    def is_connected(self) -> None:
        """Wait until the server has greeted this page and the chat list has been loaded."""
        self.page.wait_for_function(
            "() => performance.getEntriesByType('resource').some((one) => one.name.endsWith('/chatList'))"
        )

    @property
    def texts(self) -> list[str]:
        return [text.strip() for text in self.page.locator(".message .text").all_inner_texts()]


@pytest.fixture
def someone(visit: Callable[..., Page]) -> Callable[..., Someone]:
    """`ann = someone("Ann")`: a new user, signed in, at the chat list."""

    def arrive(name: str, **options: Any) -> Someone:
        return Someone(unique(name), visit("", **options))

    return arrive


@pytest.fixture
def person(site: Server) -> Callable[[str], Person]:
    """A user without a browser."""
    return lambda name: Person(site, unique(name))
