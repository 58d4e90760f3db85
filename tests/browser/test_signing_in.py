"""The pages before the chat: sign-in and sign-up."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OWNER, REFUSED, Someone, Watch, elsewhere
from tests.browser.server import PASSWORD, Person


def submit(page: Page, name: str, password: str) -> None:
    """Send the form, and wait for the page that answers."""
    page.fill("#name", name)
    page.fill("#password", password)
    with page.expect_navigation():
        page.press("#password", "Enter")


def test_a_deep_link_leads_to_sign_in_and_back(visit: Callable[..., Page], person: Callable[[str], Person]) -> None:
    ann, bob = person("Ann"), person("Bob")
    bob.say(ann, "hello")
    page = visit(f"/chat/private/{bob.id}/")
    expect(page).to_have_url(f"/sign-in/?next=/chat/private/{bob.id}/")
    submit(page, ann.name, PASSWORD)
    expect(page).to_have_url(f"/chat/private/{bob.id}/")
    expect(page.locator(".message .text")).to_have_text("hello")


@pytest.mark.parametrize(("path", "autocomplete"), [("/sign-in/", "current-password"), ("/sign-up/", "new-password")])
def test_a_password_manager_knows_the_fields_and_the_name_has_the_focus(
    visit: Callable[..., Page], path: str, autocomplete: str
) -> None:
    page = visit(path)
    expect(page.locator("#name")).to_be_focused()
    expect(page.locator("#name")).to_have_attribute("autocomplete", "username")
    expect(page.locator("#password")).to_have_attribute("autocomplete", autocomplete)


def test_a_wrong_password_and_an_unknown_name_get_one_answer(
    visit: Callable[..., Page], person: Callable[[str], Person], watch: Watch
) -> None:
    watch.allow(REFUSED)
    ann = person("Ann")
    page = visit("/sign-in/", **elsewhere())
    answers = []
    for name in (ann.name, f"{ann.name} unknown"):
        submit(page, name, "not the password")
        expect(page.locator("#password")).to_have_attribute("aria-invalid", "true")
        expect(page.locator("#name")).to_have_value(name)
        answers.append(page.locator("#form-error").inner_text())
    assert answers[0] == answers[1]


def test_after_too_many_guesses_the_page_says_how_long_to_wait(
    visit: Callable[..., Page], person: Callable[[str], Person], watch: Watch
) -> None:
    watch.allow(REFUSED)
    ann = person("Ann")
    page = visit("/sign-in/", **elsewhere())
    for _ in range(5):
        submit(page, ann.name, "not the password")
        expect(page.locator("#form-error")).to_be_visible()
    expect(page.locator("#form-error")).to_contain_text("Try again in")


def test_the_password_can_be_shown(visit: Callable[..., Page]) -> None:
    page = visit("/sign-in/")
    page.fill("#password", "secret")
    page.get_by_role("button", name="Show password").click()
    expect(page.locator("#password")).to_have_attribute("type", "text")
    expect(page.locator("#password")).to_be_focused()
    page.get_by_role("button", name="Show password").click()
    expect(page.locator("#password")).to_have_attribute("type", "password")


def test_a_weak_password_is_told_beside_its_field_and_a_good_one_signs_in(
    visit: Callable[..., Page], watch: Watch
) -> None:
    watch.allow(REFUSED)
    page = visit("/sign-up/")
    name = f"Newcomer {id(page)}"
    submit(page, name, "12345")
    expect(page.locator("#password")).to_have_attribute("aria-describedby", "password-error")
    expect(page.locator("#password-error")).to_be_visible()
    submit(page, name, PASSWORD)
    expect(page.locator(".empty h2").first).to_have_text("Nothing here yet")


def test_the_language_changes_every_word_and_the_page_s_own_language(visit: Callable[..., Page]) -> None:
    page = visit("/sign-in/")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("button", name="简体中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    expect(page.get_by_role("heading")).to_have_text("欢迎回来")
    seen = page.locator("main").inner_text().replace("English", "")
    assert not any("a" <= letter.lower() <= "z" for letter in seen)
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading")).to_have_text("Welcome back")


@pytest.mark.parametrize(
    ("locale", "lang", "welcome", "empty", "menu", "font"),
    [
        ("zh-TW", "zh-hant", "登入後繼續聊天。", "還沒有對話", ["設定", "登出"], "Noto Sans CJK TC"),
        ("zh-CN", "zh-hans", "登录后继续聊天。", "还没有会话", ["设置", "退出登录"], "Noto Sans CJK SC"),
    ],
)
def test_a_browser_of_taiwan_is_answered_in_traditional_chinese_and_one_of_china_in_simplified(
    someone: Callable[..., Someone], locale: str, lang: str, welcome: str, empty: str, menu: list[str], font: str
) -> None:
    page = someone("Ann", locale=locale).page
    expect(page.locator("html")).to_have_attribute("lang", lang)
    expect(page.locator(".empty h2").first).to_have_text(empty)
    assert font in page.locator("body").evaluate("(body) => getComputedStyle(body).fontFamily")
    page.click(".me-button")
    for item in menu:
        expect(page.get_by_role("menuitem", name=item, exact=True)).to_be_visible()
    languages = [one.inner_text() for one in page.get_by_role("menuitemradio").all()][-3:]
    assert languages == ["简体中文", "繁體中文", "English"]
    page.goto("about:blank")  # what the chat asked for without its cookies would be refused
    page.context.clear_cookies()
    page.goto("/sign-in/")
    expect(page.get_by_text(welcome)).to_be_visible()


@pytest.mark.parametrize("path", ["/sign-in/", "/sign-up/", "/no-such-page/"])
def test_nothing_scrolls_sideways_on_a_small_phone(visit: Callable[..., Page], watch: Watch, path: str) -> None:
    watch.allow(REFUSED)
    page = visit(path, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_signing_out_leaves_none_of_my_words_behind(
    visit: Callable[..., Page], person: Callable[[str], Person]
) -> None:
    ann, bob = person("Ann"), person("Bob")
    bob.say(ann, "hello")
    page = visit("/sign-in/")
    submit(page, ann.name, PASSWORD)
    page.locator(".chat-row").click()
    page.fill("#text", "a secret draft")
    page.get_by_role("button", name="My account").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page).to_have_url("/sign-in/")
    assert page.evaluate("Object.keys(localStorage).filter((key) => /draft|outbox/.test(key)).length") == 0
    page.goto("/")
    expect(page).to_have_url("/sign-in/?next=/")


def test_the_owner_enters_the_administration_and_its_pages_obey_the_policy(visit: Callable[..., Page]) -> None:
    page = visit("/admin/", locale="zh-CN")
    submit(page, OWNER, PASSWORD)
    expect(page).to_have_url("/admin/")
    expect(page.locator("#site-name")).to_have_text("聊天管理")
    page.locator("#content-main a[href='/admin/accounts/user/']").first.click()
    expect(page.locator("#result_list")).to_be_visible()
