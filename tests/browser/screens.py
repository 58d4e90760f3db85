"""Every screen of the chat and how to get there. A new screen is a function and a line in SCREENS.

What holds for all of them (axe finds nothing, nothing scrolls sideways, nothing is too small to touch) is asserted by
going through the list; so a screen that is in the list is held to it in every language, colour and size.
"""

import io
import math
import re
import struct
import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Error, Page, expect

from tests.browser import media
from tests.browser.conftest import TIMEOUT_MS, elsewhere, until
from tests.browser.server import PASSWORD, Person, Server

#: What Escape closes, and what else would remain in the next screen.
CLOSED_BY_ESCAPE = "dialog, .menu, .emoji-panel, .selection-bar:not([hidden])"
LEFT_OVER = f"{CLOSED_BY_ESCAPE}, #side-panel, :is(.recording, .about, .drop):not([hidden])"
ERROR = "[aria-invalid=true], [role=alert]"


def speech(seconds: float = 2) -> bytes:
    """A tone that swells and fades, as WAV."""
    rate = 8000
    made = io.BytesIO()
    with wave.open(made, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        for at in range(int(seconds * rate)):
            loud = 12_000 * math.sin(at / rate * 3) ** 2
            sound.writeframesraw(struct.pack("<h", int(loud * math.sin(at / rate * 2800))))
    return made.getvalue()


class World:
    """Users and their messages, created once. `me` is the user of the screens and the owner."""

    def __init__(self, site: Server, me: str) -> None:
        self.site = site
        self.me = Person(site, me)
        self.bob, self.li, self.cem = (Person(site, name) for name in ("Bob of the screens", "李小明", "Cem Ö."))
        self.newcomer = Person(site, "Nobody's friend")
        self._talk_with_bob()
        self.group = self.me.create_group("黄山 Trip", self.bob, self.li, joinPolicy="approval")
        about = {
            "description": "Three days in 黄山: https://example.com/huangshan",
            "announcement": "Bring warm clothes.",
        }
        self.me.post("/group/update", groupId=self.group, **about)
        self.cem.post("/group/request", groupId=self.group, note="我也想去，可以吗？")
        self.li.say_in(self.group, "大家好，周六早上八点出发。")
        self.bob.say_in(self.group, "I bring tea.")
        self.me.say_in(self.group, "And I the map.")
        self.bob.post("/group/markGroupRead", groupId=self.group)
        self.quiet = self.bob.create_group(
            "A group with a name so long that no list has the room to show all of it", self.me
        )
        self.me.post("/group/mute", groupId=self.quiet, muted=True)
        for number in range(120):
            self.bob.say_in(self.quiet, f"message {number}")
        self.away = self.bob.create_group("Away", self.me)
        self.me.post("/group/tempLeave", groupId=self.away)
        self.cem.say(self.me, "Did you see my picture?")

    def _talk_with_bob(self) -> None:
        me, bob = self.me, self.bob
        asked = bob.say(me, "Tea or coffee? See https://example.com/a/very/long/address/" + "that-goes-on-" * 12)
        me.say(bob, "Tea, please.", replyTo=asked["id"])
        slip = me.say(bob, "A slip of the pen")
        me.post("/message/recall", messageId=slip["id"])
        wrong = bob.say(me, "helo")
        bob.post("/message/edit", messageId=wrong["id"], content="hello")
        me.say(bob, "👍")
        for one, other in ((bob, me), (me, bob)):
            self._send(one, other, "images", "summit.jpg", media.jpeg((640, 420)), content="")
            self._send(one, other, "images", "wide.jpg", media.jpeg((900, 300)), content="from the summit")
            self._send(one, other, "audio", "voice.wav", speech(), content="")
            self._send(
                one,
                other,
                "files",
                "a plan with a rather long name for the whole journey.xlsx",
                b"12345" * 999,
                content="",
            )
            place = {"latitude": 30.13012, "longitude": 118.16544, "name": "光明顶", "address": "黄山风景区"}
            one.post("/private/send", receiverId=other.id, content="", type="location", locationData=place)
        me.say(bob, "See you there.")
        bob.post("/markPrivateRead", senderId=me.id)

    def _send(self, one: Person, other: Person, kind: str, name: str, data: bytes, **more: Any) -> None:
        made = one.upload(kind, name, data)
        one.post("/private/send", receiverId=other.id, type=made["type"], mediaUrl=made["mediaUrl"], **more)


@dataclass(frozen=True)
class Look:
    """Language, theme and size in which the screens are shown."""

    locale: str
    scheme: str
    size: tuple[int, int]
    is_phone: bool = False
    options: dict[str, Any] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return f"{self.locale[:2]}-{self.scheme}-{self.size[0]}x{self.size[1]}"


#: Follows the link of the chat list that leads to an address of a chat, if there is one.
_FOLLOW = """(path) => {
  const link = [...document.querySelectorAll(".rows a.chat-row")].find((one) => new URL(one.href).pathname === path);
  link?.click();
  return Boolean(link);
}"""


class Stage:
    """A browser window, with or without a user, that is brought from screen to screen."""

    def __init__(self, browser: Browser, world: World, look: Look) -> None:
        self.world, self.look = world, look
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._pages: dict[str | None, Page] = {}
        self.page = self.of(world.me)

    def of(self, person: Person | None) -> Page:
        """The page of this user, which is the current one from now on."""
        name = person.name if person else None
        if name not in self._pages:
            self._pages[name] = self._open(name)
        self.page = self._pages[name]
        return self.page

    def _open(self, name: str | None) -> Page:
        width, height = self.look.size
        context = self._browser.new_context(
            base_url=self.world.site.url,
            locale=self.look.locale,
            color_scheme="dark" if self.look.scheme == "dark" else "light",
            viewport={"width": width, "height": height},
            has_touch=self.look.is_phone,
            is_mobile=self.look.is_phone,
            reduced_motion="reduce",
            service_workers="block",
            **media.SENSES,
            **({} if name else elsewhere()),
            **self.look.options,
        )
        context.set_default_timeout(TIMEOUT_MS)
        self._contexts.append(context)
        if name:
            sign_in(context, name)
        return context.new_page()

    def close(self) -> None:
        for context in self._contexts:
            for page in context.pages:
                page.unroute_all(behavior="ignoreErrors")
            context.close()

    # Ways ---------------------------------------------------------------------------------------------------------------

    def go(self, path: str, *, by: Person | None = None) -> Page:
        """Opens an address of the chat as a signed-in user, by default `world.me`; within the page if that can be."""
        page = self.of(by or self.world.me)
        here = urlsplit(page.url).path
        is_clear = page.locator("#search").count() > 0 and self._clear(page)
        if not is_clear or (here != path and not page.evaluate(_FOLLOW, path)):
            self._load(page, path)
        return page

    @staticmethod
    def _load(page: Page, path: str) -> None:
        try:
            page.goto(path)
        except Error as error:
            if "ERR_ABORTED" not in error.message:
                raise
            page.goto(path)  # at this moment the page left the entries of the history that belong to what was closed

    def _clear(self, page: Page) -> bool:
        """Closes what an earlier screen opened; returns whether everything was closed."""
        for _ in range(2):
            if page.locator(CLOSED_BY_ESCAPE).count():
                page.keyboard.press("Escape")
        return (
            page.evaluate(
                "(left) => !document.querySelector(left) && !document.getElementById('search').value", LEFT_OVER
            )
            is True
        )

    def visit(self, path: str) -> Page:
        """Opens an address without a user."""
        page = self.of(None)
        page.goto(path)
        return page

    def private(self, other: Person) -> Page:
        page = self.go(f"/chat/private/{other.id}/")
        expect(page.locator(".message").last).to_be_visible()
        return page

    def in_group(self, group: str | None = None) -> Page:
        page = self.go(f"/chat/group/{group or self.world.group}/")
        expect(page.locator(".message").last).to_be_visible()
        return page

    def tab(self) -> Page:
        """Another tab of `world.me`, for screens that a page does not recover from."""
        self.page = self.of(self.world.me).context.new_page()
        return self.page


def sign_in(context: BrowserContext, name: str) -> None:
    """Posts the form without showing it."""
    context.request.get("/sign-in/")
    token = next(cookie["value"] for cookie in context.cookies() if cookie["name"] == "csrftoken")
    form: dict[str, str | float | bool] = {"name": name, "password": PASSWORD, "csrfmiddlewaretoken": token}
    assert context.request.post("/sign-in/", form=form, max_redirects=0).status == 302


# Signing in -----------------------------------------------------------------------------------------------------------


def refused(stage: Stage, path: str) -> None:
    page = stage.visit(path)
    page.fill("#name", "Nobody I know")
    page.fill("#password", "12345")
    page.press("#password", "Enter")
    expect(page.locator(ERROR).first).to_be_visible()


# The list -------------------------------------------------------------------------------------------------------------


def empty_list(stage: Stage) -> None:
    expect(stage.go("/", by=stage.world.newcomer).locator(".empty").first).to_be_visible()


def chats(stage: Stage) -> None:
    expect(stage.go("/").locator(".chat-row").nth(3)).to_be_visible()


def found(stage: Stage, query: str, what: str) -> None:
    chats(stage)
    stage.page.fill("#search", query)
    expect(stage.page.locator(what).first).to_be_visible()


def menu_of(stage: Stage, button: str) -> None:
    chats(stage)
    stage.page.click(button)
    expect(stage.page.get_by_role("menu")).to_be_visible()


def people_dialog(stage: Stage) -> None:
    menu_of(stage, "#new")
    stage.page.get_by_role("menuitem").first.click()
    expect(stage.page.locator("dialog .person").first).to_be_visible()


def group_dialog(stage: Stage) -> None:
    menu_of(stage, "#new")
    stage.page.get_by_role("menuitem").nth(1).click()
    stage.page.locator("dialog label.person").first.click()
    expect(stage.page.locator("dialog .chip")).to_be_visible()


def invitation_to_sign_up(stage: Stage) -> None:
    menu_of(stage, "#new")
    stage.page.get_by_role("menuitem").last.click()
    expect(stage.page.locator("#sign-up-link")).to_be_visible()


def chat_menu(stage: Stage) -> None:
    chats(stage)
    row = stage.page.locator(".rows .chat-row").first
    row.focus()
    row.press("Shift+F10")
    expect(stage.page.get_by_role("menu")).to_be_visible()


def finder(stage: Stage) -> None:
    stage.private(stage.world.bob)
    stage.page.click("#chat-menu")
    stage.page.get_by_role("menuitem").first.click()
    stage.page.locator(".finder input").fill("tea")
    expect(stage.page.locator(".message mark, .message.flash").first).to_be_visible()


def person_card(stage: Stage) -> None:
    stage.private(stage.world.bob)
    stage.page.click("#who")
    expect(stage.page.locator("dialog")).to_be_visible()


def settings(stage: Stage, section: int | None) -> None:
    menu_of(stage, ".me-button")
    stage.page.locator("[role=menuitem]:has([data-icon=settings])").click()
    dialog = stage.page.locator("dialog.settings")
    expect(dialog).to_be_visible()
    if section is not None:
        dialog.locator(".settings-sections button").nth(section).click()
        expect(dialog.locator(".settings-content")).to_be_visible()


def status_dialog(stage: Stage) -> None:
    menu_of(stage, ".me-button")
    stage.page.locator('.menu [role=menuitem]:has([data-icon="smile"])').click()
    expect(stage.page.locator("dialog.status-dialog")).to_be_visible()


def what_notifies(stage: Stage) -> None:
    settings(stage, None)
    stage.page.locator('.settings-sections button:has([data-icon="bell"])').click()
    quiet = stage.page.locator(".quiet-on")
    quiet.check()
    expect(stage.page.locator(".quiet-times")).to_be_visible()


def offline(stage: Stage) -> None:
    page = stage.tab()
    page.route_web_socket("**/ws/chat/**", lambda socket: socket.close(code=1013))
    page.goto(f"/chat/private/{stage.world.cem.id}/")
    expect(page.locator("#banner")).to_be_visible()


# The conversation -----------------------------------------------------------------------------------------------------


def conversation(stage: Stage) -> None:
    """All types of messages, own ones and the other user's, from the beginning."""
    page = stage.private(stage.world.bob)
    for picture in page.locator(".message img").all():
        assert media.is_loaded(picture)
    page.evaluate("document.getElementById('log').scrollTop = 0")


def failed_and_sending(stage: Stage) -> None:
    page = stage.tab()
    page.route("**/upload", lambda route: route.fulfill(status=413, json={"detail": "Too large.", "code": "too_large"}))
    page.goto(f"/chat/private/{stage.world.cem.id}/")
    expect(page.locator(".message").last).to_be_visible()
    media.hand_over(page, "paste", "#text", ("slip.jpg", "image/jpeg", media.jpeg()))
    page.click("#send-files")
    expect(page.locator(".failure")).to_be_visible()
    page.unroute("**/upload")
    page.route("**/upload", lambda route: None)  # neither answered nor refused
    media.hand_over(page, "paste", "#text", ("slow.jpg", "image/jpeg", media.jpeg()))
    page.click("#send-files")
    expect(page.locator(".progress")).to_be_visible()


def message_menu(stage: Stage) -> None:
    page = stage.in_group()
    page.locator(".message.own").last.click(button="right")
    expect(page.get_by_role("menu")).to_be_visible()


def selecting(stage: Stage) -> None:
    message_menu(stage)
    stage.page.locator('.menu [role=menuitem]:has([data-icon="square-check"])').click()
    expect(stage.page.locator(".select-box:checked")).to_have_count(1)
    expect(stage.page.locator(".selection-bar")).to_be_visible()


def readers(stage: Stage) -> None:
    message_menu(stage)
    stage.page.get_by_role("menuitem").nth(-3).click()
    expect(stage.page.locator("dialog .person")).to_be_visible()


def answering(stage: Stage) -> None:
    page = stage.in_group()
    page.locator(".message:not(.own)").last.click(button="right")
    page.get_by_role("menuitem", name=re.compile("Reply|回复")).click()
    expect(page.locator(".about")).to_be_visible()
    page.fill("#text", "Green or black?")


def too_long(stage: Stage) -> None:
    page = stage.in_group()
    page.fill("#text", "long " * 1601)
    expect(page.locator(".count")).to_be_visible()
    page.fill("#text", "")


def emoji(stage: Stage) -> None:
    page = stage.in_group()
    page.locator(".composer-line [aria-haspopup=dialog]").click()
    expect(page.locator(".emoji-panel")).to_be_visible()


def attach_menu(stage: Stage) -> None:
    page = stage.private(stage.world.bob)
    page.click("#attach")
    expect(page.get_by_role("menu")).to_be_visible()


def attach(stage: Stage, icon: str, what: str) -> None:
    attach_menu(stage)
    stage.page.locator(f"[role=menuitem]:has([data-icon={icon}])").click()
    expect(stage.page.locator(what)).to_be_visible()


def pictures(stage: Stage) -> None:
    page = stage.private(stage.world.bob)
    files = [("one.jpg", "image/jpeg", media.jpeg()), ("notes.txt", "text/plain", b"notes"), ("empty.bin", "", b"")]
    media.hand_over(page, "drop", "#log", *files)
    expect(page.locator(".chosen .error")).to_be_visible()
    assert media.is_loaded(page.locator(".chosen img"))


def dropping(stage: Stage) -> None:
    page = stage.private(stage.world.bob)
    media.hand_over(page, "dragenter dragover", "#log", ("one.jpg", "image/jpeg", media.jpeg()))
    expect(page.locator(".drop")).to_be_visible()


def recorded(stage: Stage) -> None:
    attach(stage, VOICE, "#stop-recording")
    until(stage.page, "() => /[2-9]$/.test(document.querySelector('.recording .voice-time').textContent)")
    stage.page.click("#stop-recording")
    expect(stage.page.locator(".recording .voice")).to_be_visible()


def place_details(stage: Stage) -> None:
    page = stage.private(stage.world.bob)
    page.locator(".place-card").last.click()
    expect(page.locator("dialog.place .leaflet-container")).to_be_visible()


def lightbox(stage: Stage) -> None:
    page = stage.private(stage.world.bob)
    page.locator(".picture").last.click()
    assert media.is_loaded(page.locator("dialog.lightbox .stage img"))


# Groups ---------------------------------------------------------------------------------------------------------------


def group_panel(stage: Stage) -> None:
    stage.in_group().click("#group-info")
    expect(stage.page.locator(".panel-body .person").last).to_be_visible()


def member_menu(stage: Stage) -> None:
    group_panel(stage)
    # By its key: a line moves while what stands above it is loaded.
    stage.page.locator(".person [aria-haspopup=menu]").first.press("Enter")
    expect(stage.page.get_by_role("menu")).to_be_visible()


def rename(stage: Stage) -> None:
    group_panel(stage)
    stage.page.locator(".panel-top .button").click()
    expect(stage.page.locator("#ask")).to_be_visible()


def group_settings(stage: Stage) -> None:
    group_panel(stage)
    stage.page.locator(".panel-actions .button:has([data-icon=settings])").click()
    expect(stage.page.locator("dialog.group-settings #group-description")).to_be_visible()


def invite(stage: Stage) -> None:
    group_panel(stage)
    stage.page.locator(".panel-section h4 .button:has([data-icon=user-plus])").click()
    expect(stage.page.locator("dialog label.person").first).to_be_visible()


def invitation(stage: Stage) -> None:
    group_panel(stage)
    stage.page.locator(".panel-section .button:has([data-icon=link])").click()
    expect(stage.page.locator(".panel-body code")).to_be_visible()


def confirm(stage: Stage) -> None:
    group_panel(stage)
    stage.page.locator(".panel-actions .button").last.click()
    expect(stage.page.locator("dialog .button.danger").last).to_be_visible()


def away(stage: Stage) -> None:
    stage.go(f"/chat/group/{stage.world.away}/")
    expect(stage.page.locator(".notice:not([hidden]) .button")).to_be_visible()


# Pages ----------------------------------------------------------------------------------------------------------------


def forbidden(stage: Stage) -> None:
    page = stage.visit("/sign-in/")
    page.context.clear_cookies(name="csrftoken")
    page.fill("#name", "Ann")
    page.fill("#password", "12345")
    page.press("#password", "Enter")
    expect(page.locator(".error-code")).to_have_text("403")


def admin(stage: Stage, path: str) -> None:
    expect(stage.go(f"/admin/{path}").locator("#content")).to_be_visible()


def admin_confirm(stage: Stage) -> None:
    admin(stage, "accounts/user/")
    page = stage.page
    page.locator(".action-select").last.check()
    page.select_option("select[name=action]", "deactivate")
    page.locator("button[name=index]").click()
    expect(page.locator("input[name=confirmed]")).to_be_attached()


@dataclass(frozen=True)
class Screen:
    """`is_main`: used by everybody every day; shown in all looks, the other screens in two."""

    name: str
    show: Callable[[Stage], Any]
    is_main: bool = False
    is_on_phones: bool = True

    def __str__(self) -> str:
        return self.name


CAMERA, VOICE, PLACE = "camera", "mic", "map-pin"
SECTIONS = ("profile", "password", "appearance", "notifications", "presence", "groups", "devices")

#: Left out: /api/docs/, which is Swagger's own page, and the page of a server error, which has no
#: more in it than that of a missing page.
SCREENS = [
    Screen("sign in", lambda stage: stage.visit("/sign-in/"), is_main=True),
    Screen("sign in, refused", lambda stage: refused(stage, "/sign-in/")),
    Screen("sign up", lambda stage: stage.visit("/sign-up/")),
    Screen("sign up, refused", lambda stage: refused(stage, "/sign-up/")),
    Screen("empty list", empty_list),
    Screen("list", chats, is_main=True),
    Screen("search", lambda stage: found(stage, "i", ".found .chat-row")),
    Screen("search, nothing found", lambda stage: found(stage, "xyzzy", ".no-result")),
    Screen("account menu", lambda stage: menu_of(stage, ".me-button")),
    Screen("menu of what is new", lambda stage: menu_of(stage, "#new")),
    Screen("new conversation", people_dialog),
    Screen("new group", group_dialog),
    Screen("invitation to sign up", invitation_to_sign_up),
    Screen("chat menu", chat_menu),
    Screen("settings", lambda stage: settings(stage, None)),
    Screen("status dialog", status_dialog),
    Screen("what notifies", what_notifies),
    *(Screen(f"settings, {name}", partial(settings, section=place)) for place, name in enumerate(SECTIONS)),
    Screen("no connection", offline),
    Screen("conversation", conversation, is_main=True),
    Screen("conversation of a group", lambda stage: stage.in_group(), is_main=True),
    Screen("conversation, 120 unread", lambda stage: stage.in_group(stage.world.quiet)),
    Screen("failed and on its way", failed_and_sending),
    Screen("message menu", message_menu),
    Screen("person", person_card),
    Screen("words found in a conversation", finder),
    Screen("selecting messages", selecting),
    Screen("readers", readers),
    Screen("answering", answering),
    Screen("too long a text", too_long),
    Screen("emoji", emoji),
    Screen("attach menu", attach_menu),
    Screen("camera", lambda stage: attach(stage, CAMERA, "#shoot:enabled"), is_on_phones=False),
    Screen("files before they are sent", pictures),
    Screen("dropping", dropping),
    Screen("recording", lambda stage: attach(stage, VOICE, "#stop-recording")),
    Screen("recorded", recorded),
    Screen("choosing a place", lambda stage: attach(stage, PLACE, "#send-place:enabled")),
    Screen("place", place_details),
    Screen("lightbox", lightbox),
    Screen("group panel", group_panel, is_main=True),
    Screen("member menu", member_menu),
    Screen("rename", rename),
    Screen("settings of a group", group_settings),
    Screen("add people", invite),
    Screen("invitation", invitation),
    Screen("confirm", confirm),
    Screen("left for a while", away),
    Screen("missing page", lambda stage: stage.visit("/nothing-here/")),
    Screen("forbidden", forbidden),
    Screen("admin", lambda stage: admin(stage, "")),
    Screen("admin, people", lambda stage: admin(stage, "accounts/user/")),
    Screen("admin, a person", lambda stage: admin(stage, f"accounts/user/{stage.world.bob.id}/change/")),
    Screen("admin, new person", lambda stage: admin(stage, "accounts/user/add/")),
    Screen("admin, groups", lambda stage: admin(stage, "groups/room/")),
    Screen("admin, confirm", admin_confirm),
]

DESK = Look("zh-CN", "light", (1280, 800))
PHONE = Look("en-GB", "dark", (360, 740), is_phone=True)
SMALL = Look("en-GB", "light", (320, 568), is_phone=True)
TABLET = Look("zh-CN", "dark", (768, 1024))
