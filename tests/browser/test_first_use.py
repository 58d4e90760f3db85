"""A fresh installation: the first account owns it and is shown the next steps."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser import flaws
from tests.browser.conftest import TIMEOUT_MS, UNINSTALLED, Watch
from tests.browser.server import PASSWORD, Person, Server

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without accounts, until the first test."""
    with Server(tmp_path_factory.mktemp("fresh")) as server:
        yield server


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("closed"), REGISTRATION="closed") as server:
        yield server


@pytest.fixture
def visit_at(chromium: Browser) -> Iterator[Callable[..., Page]]:
    opened: list[tuple[BrowserContext, Watch]] = []

    def visit_at(server: Server, path: str, **options: object) -> Page:
        context = chromium.new_context(base_url=server.url, locale="en-GB", **UNINSTALLED, **options)  # type: ignore[arg-type]
        context.set_default_timeout(TIMEOUT_MS)
        watch = Watch(server.url)
        watch.over(context)
        opened.append((context, watch))
        page = context.new_page()
        page.goto(path)
        return page

    yield visit_at
    for context, watch in opened:
        context.close()
        assert not watch.complaints


def enter(page: Page, name: str) -> None:
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.locator("button.primary").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
def test_the_first_page_shuts_nobody_out(chromium: Browser, fresh: Server, locale: str, scheme: str) -> None:
    size: Any = {"width": 360, "height": 740}
    with chromium.new_context(base_url=fresh.url, locale=locale, color_scheme=scheme, viewport=size) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.goto("/")
        expect(page.locator(".note")).to_be_visible()
        assert flaws.found_by_axe(page) + flaws.sideways(page) + flaws.zoomed_into(page) == []


def test_the_first_page_welcomes_and_its_account_enters_the_administration(fresh: Server, visit_at: Visit) -> None:
    page = visit_at(fresh, "/", viewport={"width": 360, "height": 740})
    expect(page.get_by_role("heading")).to_have_text("Welcome to your chat")
    expect(page.locator(".note")).to_contain_text(
        "will own the installation: it may enter the administration at /admin/"
    )
    expect(page.locator(".note")).to_contain_text("Everybody who signs up after you is an ordinary member.")
    expect(page.get_by_role("link", name="Sign in")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("button", name="简体中文").click()
    expect(page.get_by_role("heading")).to_have_text("欢迎来到你的聊天")
    expect(page.locator(".note")).to_contain_text("整个系统的所有者")
    enter(page, "Ann")
    page.get_by_role("button", name="我的账号").click()
    page.get_by_role("menuitem", name="管理后台").click()
    expect(page).to_have_url("/admin/")
    expect(page.locator("#site-name")).to_have_text("聊天管理")


def test_the_only_user_is_offered_to_bring_the_others_in(fresh: Server, visit_at: Visit) -> None:
    Person(fresh, "Ann")
    page = visit_at(fresh, "/", permissions=["clipboard-read", "clipboard-write"])
    expect(page.get_by_role("heading")).to_have_text("Welcome back")
    enter(page, "Ann")
    expect(page.locator(".welcome h2")).to_have_text("Welcome, Ann")
    offers = page.locator(".sidebar .empty .button")
    expect(offers).to_have_text(["Invite people", "New group"])
    offers.first.click()
    expect(page.locator("#sign-up-link")).to_have_text(f"{fresh.url}/sign-up/")
    expect(page.get_by_role("dialog")).to_contain_text("on the machine it runs on")
    page.get_by_role("dialog").get_by_role("button", name="Copy").click()
    expect(page.locator(".toast")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == f"{fresh.url}/sign-up/"
    page.keyboard.press("Escape")
    page.locator(".tile", has_text="Find somebody").click()
    expect(page.locator("dialog .no-result")).to_have_text("Nobody else is here yet.")
    page.keyboard.press("Escape")
    page.locator(".tile", has_text="New group").click()
    expect(page.get_by_role("dialog", name="New group")).to_be_visible()


def test_the_second_account_owns_nothing_and_finds_the_first(fresh: Server, visit_at: Visit) -> None:
    Person(fresh, "Ann")
    page = visit_at(fresh, "/sign-up/")
    expect(page.get_by_role("heading")).to_have_text("Create an account")
    enter(page, "Bob")
    offers = page.locator(".sidebar .empty .button")
    expect(offers).to_have_text(["Find somebody", "New group", "Invite people"])
    page.get_by_role("button", name="My account").click()
    expect(page.get_by_role("menuitem", name="Sign out")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Administration")).to_have_count(0)
    page.keyboard.press("Escape")
    offers.first.click()
    page.locator("dialog .person", has_text="Ann").click()
    expect(page.locator(".conversation-head h2 bdi")).to_have_text("Ann")
    assert page.request.get("/admin/accounts/user/", max_redirects=0).status in (302, 403)


def test_where_registration_is_closed_the_first_account_is_still_made_and_makes_the_others(
    closed: Server, visit_at: Visit
) -> None:
    page = visit_at(closed, "/")
    expect(page.locator(".note")).to_contain_text("Registration is closed: the other accounts you create there.")
    enter(page, "Ann")
    offers = page.locator(".sidebar .empty .button")
    expect(offers).to_have_text(["Create accounts", "New group"])
    expect(page.get_by_text("Invite people")).to_have_count(0)
    offers.first.click()
    expect(page).to_have_url("/admin/accounts/user/add/")
    stranger = visit_at(closed, "/sign-up/")
    expect(stranger).to_have_url("/sign-in/")
    expect(stranger.get_by_role("link", name="Create an account")).to_have_count(0)
