"""The administration: what the owner can do, what others' open browsers show, who has no access."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OWNER, REFUSED, Someone, Watch, elsewhere
from tests.browser.server import PASSWORD, Person

LISTS = {
    "accounts/user": "用户",
    "accounts/device": "设备",
    "groups/room": "会话",
    "groups/membership": "成员关系",
    "messaging/message": "消息",
    "messaging/upload": "上传的文件",
}


@pytest.fixture
def owner(visit: Callable[..., Page]) -> Page:
    """The owner's browser, in Chinese, on the administration's first page."""
    page = visit("/admin/", locale="zh-CN")
    page.fill("#name", OWNER)
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    expect(page.locator("#site-name")).to_have_text("聊天管理")
    return page


def choose(page: Page, listed: str, search: str, action: str) -> None:
    """Selects the one matching row and starts the action, up to its confirmation."""
    page.goto(f"/admin/{listed}/")
    page.fill("#searchbar", search)
    page.press("#searchbar", "Enter")
    expect(page).to_have_url(re.compile(r"\?q="))  # the whole list may have one row, too
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    page.locator("#result_list input.action-select").check()
    page.locator("select[name=action]").select_option(action)
    page.locator("button[name=index]").click()
    expect(page.locator("input[name=confirmed]")).to_be_attached()


def confirm(page: Page) -> None:
    page.locator("#content input[type=submit]").click()
    expect(page.locator(".messagelist .success")).to_have_count(1)


def expect_logged(page: Page, what: str) -> None:
    """The administration's first page also lists the owner's latest actions."""
    page.goto("/admin/")
    expect(page.locator(".actionlist li").first).to_contain_text(what)


def test_every_list_obeys_the_policy_speaks_chinese_and_has_search_and_filters(
    owner: Page, person: Callable[[str], Person]
) -> None:
    ann, bob = person("Ann"), person("Bob")
    ann.say(bob, "hello")
    ann.create_group("Tea", bob)
    for path, title in LISTS.items():
        expect(owner.locator(f"#content-main th a[href='/admin/{path}/']")).to_have_text(title)
    for path, title in LISTS.items():
        owner.goto(f"/admin/{path}/")
        expect(owner.locator("#content h1")).to_contain_text(title)
        expect(owner.locator("#changelist-filter h2")).to_have_text("过滤器")
        expect(owner.locator("#searchbar")).to_be_visible()
        for heading in owner.locator("#result_list thead .text").all_inner_texts():
            assert not re.search("[a-z]{2}", heading, re.IGNORECASE), heading


def test_people_are_found_by_name_and_by_filter(owner: Page, person: Callable[[str], Person]) -> None:
    ann = person("Ann")
    owner.goto("/admin/accounts/user/")
    owner.fill("#searchbar", ann.name.upper())
    owner.press("#searchbar", "Enter")
    expect(owner.locator("#result_list tbody tr")).to_have_count(1)
    expect(owner.locator("#result_list tbody th")).to_have_text(ann.name)
    owner.goto("/admin/accounts/user/")
    owner.locator("#changelist-filter a[href='?is_staff__exact=1']").click()
    expect(owner.locator("#result_list tbody th")).to_have_text([OWNER])


def test_a_banned_user_is_signed_out_at_once_and_cannot_come_back(
    owner: Page, someone: Callable[..., Someone], watch: Watch
) -> None:
    watch.allow(REFUSED)
    ann = someone("Ann", **elsewhere())
    choose(owner, "accounts/user", ann.name, "deactivate")
    expect(owner.locator("#content")).to_contain_text(ann.name)
    assert ann.page.request.get("/me").ok, "asked is not yet done"
    confirm(owner)
    expect(ann.page).to_have_url(re.compile("/sign-in/"))
    ann.page.fill("#name", ann.name)
    ann.page.fill("#password", PASSWORD)
    ann.page.press("#password", "Enter")
    expect(ann.page.locator("#form-error")).to_be_visible()
    expect_logged(owner, ann.name)
    choose(owner, "accounts/user", ann.name, "activate")
    confirm(owner)
    ann.page.fill("#password", PASSWORD)
    ann.page.press("#password", "Enter")
    expect(ann.page.locator("#shell")).to_be_visible()


def test_a_dissolved_group_vanishes_from_its_members_open_browsers(
    owner: Page, someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    name = f"Tea of {ann.name}"
    group = bob.create_group(name, ann)
    bob.say_in(group, "hello")
    ann.open(name)
    choose(owner, "groups/room", name, "dissolve")
    expect(ann.bubble("hello")).to_be_visible()
    confirm(owner)
    expect(ann.row(name)).to_have_count(0)
    expect(ann.page.locator("#conversation")).to_have_count(0)
    expect_logged(owner, name)


def test_an_erased_message_is_gone_for_everybody_while_they_look(owner: Page, someone: Callable[..., Someone]) -> None:
    ann, bob = someone("Ann"), someone("Bob")
    words = f"what {ann.name} should not have said"
    name = f"Tea of {ann.name}"
    group = ann.create_group(name, bob)
    ann.say_in(group, words)
    bob.say_in(group, "hm")
    for one in (ann, bob):
        one.open(name)
        expect(one.bubble(words)).to_be_visible()
    choose(owner, "messaging/message", words, "erase")
    expect(owner.locator("#content li")).to_have_text(f"{ann.name}: {words}")
    expect(bob.bubble(words)).to_be_visible()
    confirm(owner)
    for one in (ann, bob):
        expect(one.page.locator(".message.recalled")).to_have_count(1)
        expect(one.page.locator("body")).not_to_contain_text(words)
        assert words not in one.page.request.get(f"/group/messages?groupId={group}").text()
    expect_logged(owner, "#2")


def test_nothing_happens_before_the_question_is_answered(owner: Page, someone: Callable[..., Someone]) -> None:
    ann = someone("Ann")
    choose(owner, "accounts/user", ann.name, "deactivate")
    owner.locator(".cancel-link").click()
    expect(owner.locator("#result_list")).to_be_visible()
    assert ann.page.request.get("/me").ok


def test_nobody_else_gets_in(someone: Callable[..., Someone], visit: Callable[..., Page], watch: Watch) -> None:
    watch.allow(REFUSED)
    ann, stranger = someone("Ann"), visit("/sign-in/")
    for path in ("", *(f"{path}/" for path in LISTS)):
        assert stranger.request.get(f"/admin/{path}", max_redirects=0).status == 302
        assert "/sign-in/?next=" in stranger.request.get(f"/admin/{path}").url
        assert ann.page.request.get(f"/admin/{path}").status == 403
    ann.page.goto("/admin/")
    expect(ann.page.locator("body")).not_to_contain_text("administration")
    ann.page.goto("/")
    ann.page.get_by_role("button", name="My account").click()
    expect(ann.page.get_by_role("menuitem", name="Sign out")).to_be_visible()
    expect(ann.page.get_by_role("menuitem", name="Administration")).to_have_count(0)


def test_a_person_s_page_speaks_chinese_to_the_last_right(owner: Page, person: Callable[[str], Person]) -> None:
    ann = person("安")
    owner.goto(f"/admin/accounts/user/{ann.id}/change/")
    words = owner.locator("#user_form").inner_text().replace(ann.name, "")
    rights = owner.locator("#id_user_permissions option").all_inner_texts()
    assert any("消息: 删除" in right for right in rights)
    assert "Choose" not in words
    assert not any("Can " in right for right in rights)
