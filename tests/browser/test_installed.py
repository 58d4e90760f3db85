"""The chat as an installed app: reading and writing without the server, and notifications."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, CDPSession, Error, Page, Playwright, Route, expect

from tests.browser.conftest import REFUSED, SERVER_GONE, Hold, Someone, Watch, hear_until, reload, unique, until
from tests.browser.line import Line
from tests.browser.server import BROWSER_ARGS, HEADLESS_CHROMIUM, PASSWORD, Person, Server
from tests.browser.test_press import press
from tests.pushing import PushService, subscription

#: Milliseconds in which a worker is installed or a server starts.
LONG = 60_000
#: A browser with notification permissions and a push service: the tests' browser has neither. What was answered holds for
#: the pages that follow.
ABLE = """
window.asked = 0;
const remembered = location.origin === "null" ? {} : sessionStorage;
let permission = remembered.permission ?? "default";
let current = null;
Object.defineProperty(Notification, "permission", { get: () => permission });
Notification.requestPermission = async () => { window.asked += 1; return (remembered.permission = permission = ANSWER); };
PushManager.prototype.getSubscription = async () => current;
PushManager.prototype.subscribe = async (options) => {
  window.subscribed = options;
  return (current = { toJSON: () => (SUBSCRIPTION), unsubscribe: async () => { current = null; window.unsubscribed = true; return true; } });
};
navigator.setAppBadge = async (count) => { window.badge = count; };
navigator.clearAppBadge = async () => { window.badge = 0; };
"""
#: What is kept of each chat, and whether an offline page would list it.
KEPT = """async () => {
  const found = (await indexedDB.databases()).map(({ name }) => name).filter((name) => name.startsWith("chat.archive."));
  const ends = [];
  for (const name of found) {
    const database = await new Promise((resolve) => { const asked = indexedDB.open(name); asked.onsuccess = () => resolve(asked.result); });
    if (!database.objectStoreNames.contains("ends")) { database.close(); continue; }  // it was just deleted
    const [ending, state] = ["ends", "state"].map((name) => database.transaction(name).objectStore(name));
    const all = [ending.getAll(), ending.getAllKeys(), state.get("chats")];
    await Promise.all(all.map((one) => new Promise((resolve) => { one.onsuccess = resolve; })));
    database.close();
    const [messages, keys, chats] = all.map((one) => one.result);
    const listed = new Set((chats ?? []).map(({ type, id }) => `${type}:${id}`));
    messages.forEach((one, at) => ends.push([listed.has(keys[at]), one.messages.map(({ content }) => content)]));
  }
  return ends;
}"""

#: Whether an offline page would show these words in its list.
LISTED = """async (words) => {
  const { name } = (await indexedDB.databases()).find(({ name }) => name.startsWith("chat.archive."));
  const database = await new Promise((resolve) => { const asked = indexedDB.open(name); asked.onsuccess = () => resolve(asked.result); });
  const asked = database.transaction("state").objectStore("state").get("chats");
  await new Promise((resolve) => { asked.onsuccess = resolve; });
  database.close();
  return JSON.stringify(asked.result ?? []).includes(words);
}"""


@pytest.fixture(scope="module")
def chromium(whole_chromium: Browser) -> Browser:
    """The whole browser, which can show notifications."""
    return whole_chromium


@pytest.fixture
def someone(someone: Callable[..., Someone]) -> Callable[..., Someone]:
    """Like the other tests' `someone`, with a browser that installs the service worker."""
    return partial(someone, service_workers="allow")


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[Server]:
    """A server of its own, because the tests stop it."""
    with Server(tmp_path, WEB_PUSH_LOCAL="on") as server:
        yield server


class Cdn:
    """Fetches files from a server, as a CDN does, and hands them out at another origin. Answers nothing else."""

    def __init__(self) -> None:
        self.origin = ""
        self.handed_out: set[str] = set()
        cdn = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer = httpx.get(cdn.origin + self.path, headers={"Accept-Encoding": "identity"}, timeout=60)
                is_file = self.path.startswith("/static/")
                self.send_response(answer.status_code if is_file else 404)
                for name in ("Content-Type", "Cache-Control", "Access-Control-Allow-Origin"):
                    if name in answer.headers:
                        self.send_header(name, answer.headers[name])
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)
                cdn.handed_out.add(self.path)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self._server.server_address[1]}/static/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class TestWithACdn:
    @pytest.fixture
    def cdn(self) -> Iterator[Cdn]:
        cdn = Cdn()
        yield cdn
        cdn.close()

    @pytest.fixture
    def site(self, tmp_path: Path, cdn: Cdn) -> Iterator[Server]:
        with Server(tmp_path, WEB_PUSH_LOCAL="on", STATIC_URL_BASE=cdn.url) as server:
            cdn.origin = server.url
            yield server

    def test_the_pages_take_their_files_from_it_and_open_without_it_and_the_server(
        self, site: Server, cdn: Cdn, someone: Callable[..., Someone], person: Callable[[str], Person], watch: Watch
    ) -> None:
        watch.allow(SERVER_GONE, rf"^request to another origin: {cdn.url}")
        ann, bob = someone("Ann"), person("Bob")
        bob.say(ann, "hello")
        ann.open(bob)
        ann.write("from elsewhere")
        expect(ann.page.locator("[data-state=sent]")).to_have_count(1)
        installed(ann.page)
        kept(ann.page, "from elsewhere")
        fetched = ann.page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
        files = [address for address in fetched if "/static/" in address]
        assert len(files) > 50
        assert {address[: len(cdn.url)] for address in files} == {cdn.url}
        assert any(path.endswith(".css") for path in cdn.handed_out)

        cdn.close()
        site.kill()
        reload(ann.page)
        expect(ann.bubble("from elsewhere")).to_be_visible()


class TestWhileTheServerIsAway:
    @pytest.fixture
    def site(self, own_site: Server) -> Server:
        return own_site

    def test_the_chat_opens_with_the_last_messages_and_what_is_written_goes_out_later(
        self, site: Server, someone: Callable[..., Someone], person: Callable[[str], Person], watch: Watch
    ) -> None:
        watch.allow(SERVER_GONE)
        ann, bob, cid = someone("Ann"), person("Bob"), person("Cid")
        for number in range(3):
            bob.say(ann, f"kept {number}")
        cid.say(ann, "of a chat that was never opened")
        expect(ann.row(cid.name)).to_be_visible()
        installed(ann.page)
        kept(ann.page, "kept 2", "of a chat that was never opened")

        site.kill()
        ann.page.goto(f"/chat/private/{bob.id}/")
        expect(ann.page.locator(".message .text")).to_have_text(["kept 0", "kept 1", "kept 2"])
        expect(ann.page.locator("#banner")).to_be_visible()
        ann.open(cid)
        expect(ann.bubble("of a chat that was never opened")).to_be_visible()
        ann.write("written without a server")
        expect(ann.page.locator("[data-state=sending]")).to_have_count(1)
        reload(ann.page)
        expect(ann.page.locator("[data-state=sending]")).to_have_count(1)

        site.start()
        bob.say(ann, "meanwhile")
        expect(ann.page.locator("[data-state=sent]")).to_have_count(1, timeout=LONG)
        expect(ann.page.locator("#banner")).to_be_hidden()
        ann.open(bob)
        expect(ann.page.locator(".message .text")).to_have_text(["kept 0", "kept 1", "kept 2", "meanwhile"])
        said = ann.page.request.get(f"/private/messages?senderId={cid.id}&receiverId={ann.id}").json()
        assert [message["content"] for message in said] == [
            "of a chat that was never opened",
            "written without a server",
        ]
        # The cached page's forms have no token of their own, and work.
        sign_out(ann.page)

    def test_what_came_right_before_the_page_was_left_is_in_the_list(
        self, site: Server, someone: Callable[..., Someone], person: Callable[[str], Person], watch: Watch
    ) -> None:
        watch.allow(SERVER_GONE, REFUSED)  # a browser wants a picture for everything that it shows
        ann, bob = someone("Ann"), person("Bob")
        bob.say(ann, "hello")
        installed(ann.page)
        kept(ann.page, "hello")
        # From now on nothing is saved after a while.
        ann.page.evaluate(
            """() => {
              const { setTimeout } = window;
              window.setTimeout = (work, delay, ...rest) => delay === 1500 ? 0 : setTimeout(work, delay, ...rest);
            }"""
        )
        bob.say(ann, "the last words")
        expect(ann.row(bob.name)).to_contain_text("the last words")
        other = ann.page.context.new_page()
        other.goto("/sw.js")  # of our origin, and no page of the chat
        ann.page.goto("about:blank")
        # A page that is opened at once may be there before what is left has been written.
        until(other, LISTED, "the last words")
        site.kill()
        ann.page.goto("/")
        expect(ann.row(bob.name)).to_contain_text("the last words")

    def test_the_first_message_of_a_chat_is_kept_though_the_list_is_saved_before_the_chat_is_in_it(
        self, site: Server, someone: Callable[..., Someone], person: Callable[[str], Person], watch: Watch
    ) -> None:
        watch.allow(SERVER_GONE)
        ann, bob, cid = someone("Ann"), person("Bob"), person("Cid")
        line = Line(ann.page)
        # What came is all there is: nothing is fetched for the copy.
        ann.page.route("**/private/messages*", lambda route: route.abort())
        reload(ann.page)
        ann.is_connected()
        bob.say(ann, "first")
        kept(ann.page, "first")
        line.cut()
        cid.say(ann, "of somebody new")
        held: list[Route] = []
        ann.page.route("**/chatList", lambda route: held.append(route))
        # What was missed is told before the list has the chat.
        with ann.page.expect_request("**/chatList"):
            line.mend()
        bob.say(ann, "second")
        kept(ann.page, "second")
        ann.page.unroute("**/chatList")
        for route in held:
            route.continue_()
        kept(ann.page, "of somebody new")

    def test_who_has_signed_out_leaves_nothing_to_read(
        self, site: Server, someone: Callable[..., Someone], person: Callable[[str], Person], watch: Watch
    ) -> None:
        watch.allow(SERVER_GONE, r"net::ERR_")
        ann, bob = someone("Ann"), person("Bob")
        bob.say(ann, "a secret")
        expect(ann.row(bob.name)).to_be_visible()
        installed(ann.page)
        kept(ann.page, "a secret")
        sign_out(ann.page)
        until(ann.page, f"() => ({KEPT})().then((ends) => ends.length === 0)")
        assert ann.page.evaluate("() => localStorage.length") == 0
        addresses = ann.page.evaluate(
            """async () => {
              const addresses = [];
              for (const name of await caches.keys()) for (const { url } of await (await caches.open(name)).keys()) addresses.push(new URL(url).pathname);
              return addresses;
            }"""
        )
        assert addresses
        assert all(path.startswith(("/static/", "/shell/", "/i18n/")) for path in addresses)
        site.kill()
        ann.page.goto(f"/chat/private/{bob.id}/")
        expect(ann.page.get_by_role("heading", name="The server cannot be reached.")).to_be_visible()
        assert "a secret" not in ann.page.content()
        site.start()
        ann.page.wait_for_url("**/sign-in/**", timeout=LONG)

    def test_a_push_is_shown_while_no_page_is_open_and_opens_its_chat(
        self, site: Server, someone: Callable[..., Someone], person: Callable[[str], Person], watch: Watch
    ) -> None:
        watch.allow(REFUSED)  # a browser wants a picture for everything that it shows
        with PushService() as service:
            ann, bob = someone("Ann", permissions=["notifications"]), person("Bob")
            ann.page.add_init_script(able(f"{service.url}/ann"))
            reload(ann.page)
            installed(ann.page)
            turn_on(ann.page)
            expect(ann.page.locator("#notify-how")).to_contain_text("even when the chat is not open")
            ann.page.goto("about:blank")
            bob.say(ann, "are you there?")
            pushed = service.next("/ann", timeout=60)
            pushed.pop("headers")
            assert (pushed["title"], pushed["body"]) == (bob.name, "are you there?")

            ann.page.goto("/sw.js")  # of our origin, and no page of the chat
            worker = Worker(ann.page)
            ann.page.goto("about:blank")
            worker.push(site.url, json.dumps(pushed))
            worker.push(site.url, json.dumps(pushed))
            worker.push(site.url, "not what we push")
            worker.has_shown(2)  # nothing is shown while a page of ours is in sight, as the next one is
            ann.page.goto("/sw.js")
            expect_shown(ann.page, [["are you there?", f"private:{bob.id}"], ["New message", "chat"]])
            ann.page.goto("/")
            ann.open(bob)
            # Notifications of read messages are closed.
            expect_shown(ann.page, [["New message", "chat"]])


class Worker:
    """The service worker as the push service and the screen see it."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._session: CDPSession = page.context.new_cdp_session(page)
        found: list[Any] = []
        self._session.on("ServiceWorker.workerRegistrationUpdated", lambda heard: found.extend(heard["registrations"]))
        self._session.send("ServiceWorker.enable")
        hear_until(page, lambda: bool(found))
        self._id = found[0]["registrationId"]

    def has_shown(self, count: int) -> None:
        """Wait until so many notifications are there, which the worker itself is asked."""
        end = time.monotonic() + LONG / 1000
        while self._shown() != count:
            assert time.monotonic() < end, f"{self._shown()} notifications, not {count}"
            self._page.wait_for_timeout(50)

    def _shown(self) -> int | None:
        for worker in self._page.context.service_workers:
            with suppress(Error):  # it was just stopped
                return int(worker.evaluate("async () => (await registration.getNotifications()).length"))
        return None

    def push(self, origin: str, data: str) -> None:
        self._session.send(
            "ServiceWorker.deliverPushMessage", {"origin": origin, "registrationId": self._id, "data": data}
        )


def able(endpoint: str, answer: str = "granted") -> str:
    script = ABLE.replace("ANSWER", json.dumps(answer))
    return script.replace("SUBSCRIPTION", json.dumps(subscription(endpoint)))


def installed(page: Page) -> None:
    until(page, "async () => navigator.serviceWorker.controller && (await navigator.serviceWorker.ready)")


def kept(page: Page, *contents: str) -> None:
    """Waits until these texts can be read without the server."""
    until(
        page,
        f"""(wanted) => ({KEPT})().then((ends) => {{
          const readable = ends.flatMap(([isListed, contents]) => isListed ? contents : []);
          return wanted.every((one) => readable.includes(one));
        }})""",
        list(contents),
    )


def sign_out(page: Page) -> None:
    page.click(".me-button")
    page.get_by_role("menuitem", name="Sign out").click()
    page.wait_for_selector("#password", timeout=LONG)


def open_section(page: Page) -> None:
    page.click(".me-button")
    page.get_by_role("menuitem", name="Settings").click()
    page.locator(".settings-sections").get_by_role("button", name="Notifications").click()


def turn_on(page: Page) -> None:
    open_section(page)
    page.locator("#notify-here").click()
    expect(page.locator("#notify-here")).to_be_checked()


def expect_shown(page: Page, notes: list[list[str]]) -> None:
    until(
        page,
        """async (wanted) => {
          const registration = await navigator.serviceWorker.getRegistration("/");
          const shown = (await registration.getNotifications()).map(({ body, tag }) => [body, tag]);
          return JSON.stringify(shown.sort()) === JSON.stringify(wanted.sort());
        }""",
        notes,
    )


def test_a_home_screen_finds_all_it_needs(someone: Callable[..., Someone]) -> None:
    page = someone("Ann").page
    address = page.locator("link[rel=manifest]").get_attribute("href")
    answer = page.request.get(str(address))
    assert answer.headers["content-type"] == "application/manifest+json"
    manifest = answer.json()
    assert (manifest["start_url"], manifest["scope"], manifest["display"]) == ("/", "/", "standalone")
    wanted = {(purpose, size) for purpose in ("any", "maskable") for size in ("192x192", "512x512")}
    assert wanted <= {(icon["purpose"], icon["sizes"]) for icon in manifest["icons"]}
    touch = page.locator("link[rel=apple-touch-icon]").get_attribute("href")
    for src in [*(icon["src"] for icon in manifest["icons"]), touch]:
        assert page.request.get(str(src)).headers["content-type"].startswith("image/")
    chinese = page.request.get(str(address), headers={"Accept-Language": "zh-CN"}).json()
    assert (chinese["name"], chinese["lang"], chinese["description"]) == ("聊天", "zh-hans", "私聊和群聊")
    taiwan = page.request.get(str(address), headers={"Accept-Language": "zh-TW"}).json()
    assert (taiwan["lang"], taiwan["description"]) == ("zh-hant", "私訊與群組聊天")
    found = page.context.new_cdp_session(page).send("Page.getAppManifest")
    assert found["errors"] == []
    installable = page.context.new_cdp_session(page).send("Page.getInstallabilityErrors")
    assert {one["errorId"] for one in installable["installabilityErrors"]} <= {"in-incognito"}


def test_a_page_of_another_version_is_not_kept(someone: Callable[..., Someone]) -> None:
    page = someone("Ann").page
    assert page.request.get("/shell/?v=another").status == 404
    script = page.request.get("/sw.js")
    assert "no-cache" in script.headers["cache-control"]
    shell = script.text().split('"shell": "')[1].split('"')[0]
    kept_page = page.request.get(shell)
    assert kept_page.status == 200
    assert "Ann" not in kept_page.text()
    assert 'name="csrfmiddlewaretoken" value' not in kept_page.text()


def test_the_number_on_the_icon_is_what_is_unread_and_goes_with_it(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    ann.page.add_init_script(able("https://push.example.org/badge"))
    reload(ann.page)
    bob.say(ann, "one")
    bob.say(ann, "two")
    until(ann.page, "() => window.badge === 2")
    expect(ann.page).to_have_title("(2) Chat")
    ann.open(bob)
    until(ann.page, "() => window.badge === 0")


def test_permission_is_asked_for_on_a_click_and_never_else(someone: Callable[..., Someone]) -> None:
    ann = someone("Ann")
    ann.page.add_init_script(able(f"https://push.example.org/{ann.id}"))
    reload(ann.page)
    installed(ann.page)
    open_section(ann.page)
    expect(ann.page.locator("#notify-here")).not_to_be_checked()
    expect(ann.page.locator("#notify-how")).to_have_text("The browser will ask you to allow it.")
    assert ann.page.evaluate("() => [window.asked, Boolean(window.subscribed)]") == [0, False]
    ann.page.locator("#notify-here").click()
    expect(ann.page.locator("#notify-how")).to_contain_text("even when the chat is not open")
    assert ann.page.evaluate("() => window.asked") == 1
    key = ann.page.request.get("/push").json()["key"]
    assert ann.page.evaluate("() => window.subscribed") == {"userVisibleOnly": True, "applicationServerKey": key}
    ann.page.locator("#notify-content").click()
    until(ann.page, "async () => (await (await fetch('/push')).json()).showContent === false")
    ann.page.locator("#notify-here").click()
    expect(ann.page.locator("#notify-test")).to_be_hidden()
    assert ann.page.evaluate("() => window.unsubscribed")
    assert ann.page.request.get("/push").json()["isOn"] is False


def test_a_worker_whose_installation_takes_longer_than_anybody_waits_is_used_all_the_same(
    someone: Callable[..., Someone],
) -> None:
    ann = someone("Ann")
    ann.page.add_init_script(
        able(f"https://push.example.org/late-{ann.id}")
        + """
        const wait = window.setTimeout;
        window.setTimeout = (work, delay, ...rest) => wait(work, delay === 10_000 && rest.length ? 0 : delay, ...rest);
        """
    )
    reload(ann.page)
    installed(ann.page)
    turn_on(ann.page)
    expect(ann.page.locator("#notify-how")).to_contain_text("even when the chat is not open")


def test_the_switch_that_is_pressed_while_the_server_answers_is_turned(someone: Callable[..., Someone]) -> None:
    ann = someone("Ann")
    ann.page.add_init_script(able(f"https://push.example.org/pressed-{ann.id}"))
    reload(ann.page)
    hold = Hold(ann.page, re.compile("/push$"))
    open_section(ann.page)
    hold.until_asked()
    press(ann.page.locator("#notify-here"))
    with ann.page.expect_response("**/push"):
        hold.release()
    ann.page.evaluate("() => new Promise(requestAnimationFrame)")
    ann.page.mouse.up()
    expect(ann.page.locator("#notify-how")).to_contain_text("even when the chat is not open")


def test_a_refusal_is_explained_and_how_to_undo_it(someone: Callable[..., Someone]) -> None:
    ann = someone("Ann")
    ann.page.add_init_script(able("https://push.example.org/refused", answer="denied"))
    reload(ann.page)
    open_section(ann.page)
    ann.page.locator("#notify-here").click()
    expect(ann.page.locator("[data-state=refused]")).to_contain_text("left of the address")
    assert ann.page.evaluate("() => Boolean(window.subscribed)") is False


def test_without_a_push_service_the_open_page_tells_and_says_so(someone: Callable[..., Someone], watch: Watch) -> None:
    watch.allow("Push API", "push service")
    ann = someone("Ann", permissions=["notifications"])
    installed(ann.page)
    turn_on(ann.page)
    expect(ann.page.locator("#notify-how")).to_contain_text("while the chat is open in some tab", timeout=LONG)
    ann.page.click("#notify-test")
    expect_shown(ann.page, [["This is a test. It works.", "test"]])


def test_a_hidden_page_notifies_of_others_messages_and_of_nothing_else(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    muted = bob.create_group("muted")
    tea = unique("Tea")
    asked = ann.post("/group/create", name=tea, joinPolicy="approval")["id"]
    ann.page.add_init_script(
        able(f"https://push.example.org/hidden-{ann.id}")
        + """
        window.notes = [];
        ServiceWorker.prototype.postMessage = (said) => window.notes.push(said.note);
        Object.defineProperty(document, "hidden", { get: () => window.isHidden ?? false });
        """
    )
    bob.post("/group/invite", groupId=muted, userIds=[ann.id])
    ann.post("/group/mute", groupId=muted)
    reload(ann.page)
    installed(ann.page)
    turn_on(ann.page)
    expect(ann.page.locator("#notify-how")).to_contain_text("even when")
    ann.page.keyboard.press("Escape")
    bob.say(ann, "seen")
    expect(ann.badge(bob.name)).to_have_text("1")
    ann.page.evaluate("() => { window.isHidden = true; }")
    bob.say_in(muted, "muted words")
    message = bob.say(ann, "are you there?")
    until(ann.page, "() => window.notes.length")
    cem.post("/group/request", groupId=asked)
    bob.post("/group/request", groupId=asked)
    until(ann.page, "() => window.notes.length === 2")
    assert ann.page.evaluate("() => window.notes") == [
        {
            "id": message["id"],
            "tag": f"private:{bob.id}",
            "url": f"/chat/private/{bob.id}/",
            "title": bob.name,
            "body": "are you there?",
        },
        {
            "id": cem.id,
            "tag": f"requests:{asked}",
            "url": f"/chat/group/{asked}/",
            "title": tea,
            "body": f"{cem.name} asks to join",
        },
    ]


def test_without_https_it_is_explained_and_the_chat_works(playwright: Playwright, tmp_path: Path) -> None:
    with Server(tmp_path, ALLOWED_HOSTS="chat.test,127.0.0.1") as site:
        watch = Watch(f"http://chat.test:{site.port}")
        watch.allow("Cross-Origin-Opener-Policy")
        browser = playwright.chromium.launch(
            executable_path=HEADLESS_CHROMIUM, args=[*BROWSER_ARGS, "--host-resolver-rules=MAP chat.test 127.0.0.1"]
        )
        context = browser.new_context(base_url=f"http://chat.test:{site.port}", locale="en-GB")
        watch.over(context)
        page = context.new_page()
        ann, bob = Person(site, "Ann"), Person(site, "Bob")
        bob.say(ann, "hello")
        page.goto("/sign-in/")
        page.fill("#name", ann.name)
        page.fill("#password", PASSWORD)
        page.press("#password", "Enter")
        expect(page.locator(".chat-row")).to_contain_text("hello")
        open_section(page)
        expect(page.locator("[data-state=insecure]")).to_contain_text("only over https")
        expect(page.locator("#notify-here")).to_have_count(0)
        page.keyboard.press("Escape")
        sign_out(page)
        assert not watch.complaints
        browser.close()


def test_in_a_chinese_browser_the_worker_is_installed_and_keeps_chinese(someone: Callable[..., Someone]) -> None:
    page = someone("Ann", locale="zh-CN").page
    kept = page.evaluate(
        """async () => {
          await navigator.serviceWorker.ready;
          const [name] = (await caches.keys()).filter((one) => one.startsWith("chat.shell."));
          const cache = await caches.open(name);
          const kept = {};
          for (const { url } of await cache.keys()) {
            const [, folder] = new URL(url).pathname.split("/");
            if (folder !== "static") kept[folder] = await (await cache.match(url)).text();
          }
          return kept;
        }"""
    )
    assert '<html lang="zh-hans"' in kept["shell"].lower()
    assert "\u672c\u5217\u8868" in kept["i18n"] or "\\u672c\\u5217\\u8868" in kept["i18n"]


def test_a_change_of_language_while_the_worker_is_installed_leaves_its_files_there(
    someone: Callable[..., Someone],
) -> None:
    page = someone("Ann").page
    script = page.request.get("/sw.js").text()
    shell = script.split('"shell": "')[1].split('"')[0]
    page.request.patch("/me", data={"language": "zh-hans"}, headers={"X-CSRFToken": csrf_of(page)})
    kept = page.request.get(shell)
    assert kept.status == 200
    assert '<html lang="en"' in kept.text()


def csrf_of(page: Page) -> str:
    return next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "csrftoken")


def test_after_the_first_message_the_page_asks_once_whether_to_notify(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    ann.page.add_init_script(able("https://push.example.org/asked"))
    reload(ann.page)
    question = ann.page.locator("#notify-question")
    ann.find(bob)
    expect(question).to_be_hidden()
    ann.write("hello")
    expect(question).to_be_visible()
    assert ann.page.evaluate("window.asked") == 0
    question.get_by_role("button", name="Not now").click()
    expect(question).to_be_hidden()
    reload(ann.page)
    ann.open(bob)
    ann.write("hello again")
    expect(ann.page.locator("[data-state=sent]")).to_have_count(2)
    expect(question).to_be_hidden()
    assert ann.page.evaluate("window.asked") == 0


def test_the_answer_yes_asks_the_browser(someone: Callable[..., Someone], person: Callable[[str], Person]) -> None:
    ann, bob = someone("Ann"), person("Bob")
    ann.page.add_init_script(able("https://push.example.org/yes"))
    reload(ann.page)
    ann.find(bob)
    ann.write("hello")
    ann.page.locator("#notify-question").get_by_role("button", name="Notify me here").click()
    until(ann.page, "() => window.asked === 1")
    expect(ann.page.locator("#notify-question")).to_be_hidden()


def test_a_sound_is_played_where_it_is_wanted_and_not_for_what_one_looks_at(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    ann.page.add_init_script(
        """window.notes = 0;
        const createOscillator = AudioContext.prototype.createOscillator;
        AudioContext.prototype.createOscillator = function () { window.notes += 1; return createOscillator.call(this); };"""
    )
    reload(ann.page)
    bob.say(ann, "hello")
    cem.say(ann, "hi")
    ann.open(bob)
    expect(ann.badge(cem.name)).to_have_text("1")
    assert ann.page.evaluate("window.notes") == 0
    ann.page.click(".me-button")
    ann.page.get_by_role("menuitem", name="Settings").click()
    ann.page.get_by_role("button", name="Notifications").or_(ann.page.get_by_role("tab", name="Notifications")).click()
    ann.page.locator("#notify-sound").wait_for()
    ann.page.locator("#notify-sound").check(force=True)
    until(ann.page, "() => window.notes === 2")  # how it sounds
    ann.page.keyboard.press("Escape")
    bob.say(ann, "you look at this")
    expect(ann.bubble("you look at this")).to_be_visible()
    assert ann.page.evaluate("window.notes") == 2
    cem.say(ann, "and not at this")
    until(ann.page, "() => window.notes === 4")
