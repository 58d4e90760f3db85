"""Groups: what each role may do, and what the others see of it."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Route, WebSocketRoute, expect

from tests.browser.conftest import Someone, hear_until, reload, told, unique
from tests.browser.server import PASSWORD, Person


def open_panel(someone: Someone) -> None:
    """Returns when nothing that the conversation or the panel asks for is still on its way."""
    page = someone.page
    expect(page.locator("#status")).to_contain_text("·")
    with page.expect_response("**/group/list"), page.expect_response(re.compile(r"/group/members/\w[^?]*\?.*limit=")):
        page.click("#group-info")
    expect(page.locator(".panel-body .person").first).to_be_visible()


def act_on(someone: Someone, other: Person, action: str) -> None:
    someone.page.get_by_role("button", name=f"Actions for {other.name}").click()
    someone.page.get_by_role("menuitem", name=action).click()


def test_the_owner_renames_appoints_and_removes_and_everyone_sees_it(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), someone("小明", locale="zh-CN"), person("Cem")
    ann.create_group("Tea", bob, cem)
    ann.open("Tea")
    bob.open("Tea")
    open_panel(ann)
    ann.page.get_by_role("button", name="Rename").click()
    ann.page.get_by_label("Name of the group").fill("Green tea")
    ann.page.get_by_role("button", name="Save").click()
    expect(bob.page.locator(".conversation-head h2 bdi")).to_have_text("Green tea")
    expect(bob.page.locator(".system").last).to_have_text(f"{ann.name}将群名改为“Green tea”")
    act_on(ann, bob, "Make an administrator")
    expect(ann.page.locator(f"[data-member='{bob.id}'] .role")).to_have_text("administrator")
    expect(bob.page.locator(".system").last).to_have_text(f"{ann.name}将你设为管理员")
    act_on(ann, cem, "Remove from the group")
    ann.page.get_by_role("button", name="Remove", exact=True).click()
    expect(ann.page.locator(f"[data-member='{cem.id}']")).to_have_count(0)
    expect(bob.page.locator(".system").last).to_have_text(f"{ann.name}将{cem.name}移出了群聊")


def test_a_member_sees_no_controls_that_the_role_does_not_allow(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    bob.create_group("Tea", ann, joinPolicy="closed")
    ann.open("Tea")
    open_panel(ann)
    panel = ann.page.locator(".panel-body")
    expect(panel.get_by_role("button", name="Leave the group")).to_be_visible()
    for name in ("Rename", "Add", "Show the invitation", "By invitation only", "Dissolve the group"):
        expect(panel.get_by_role("button", name=name)).to_have_count(0)
    expect(panel.get_by_role("button", name="Actions for")).to_have_count(0)


def test_the_server_refuses_a_member_what_the_page_does_not_offer(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    group = bob.create_group("Tea", ann, cem, joinPolicy="closed")
    said = bob.say_in(group, "hello")
    ann.open("Tea")
    expect(ann.bubble("hello")).to_be_visible()
    forbidden: dict[str, dict[str, Any]] = {
        "/group/update": {"groupId": group, "name": "Ann's"},
        "/group/invite": {"groupId": group, "userIds": [ann.id]},
        "/group/kick": {"groupId": group, "userId": cem.id},
        "/group/setRole": {"groupId": group, "userId": ann.id, "role": "admin"},
        "/group/transfer": {"groupId": group, "userId": ann.id},
        "/group/dissolve": {"groupId": group},
        "/message/recall": {"messageId": said["id"]},
    }
    statuses = {path: ann.attempt(path, **body) for path, body in forbidden.items()}
    assert statuses == dict.fromkeys(forbidden, 403)
    reload(ann.page)
    expect(ann.page.locator(".conversation-head h2 bdi")).to_have_text("Tea")
    expect(ann.bubble("hello")).to_be_visible()
    ann.bubble("hello").click(button="right")
    expect(ann.page.get_by_role("menuitem", name="Reply")).to_be_visible()
    expect(ann.page.get_by_role("menuitem", name="Recall")).to_have_count(0)


def test_an_administrator_sees_the_controls_of_the_role_and_no_more(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    group = bob.create_group("Tea", ann, cem, joinPolicy="closed")
    bob.post("/group/setRole", groupId=group, userId=ann.id, role="admin")
    ann.open("Tea")
    open_panel(ann)
    panel = ann.page.locator(".panel-body")
    for name in ("Rename", "Add", "Show the invitation"):
        expect(panel.get_by_role("button", name=name)).to_be_visible()
    expect(panel.get_by_role("button", name="Dissolve the group")).to_have_count(0)
    panel.get_by_role("button", name=f"Actions for {cem.name}").click()
    expect(ann.page.get_by_role("menuitem")).to_have_text(["Remove from the group"])
    expect(panel.get_by_role("button", name=f"Actions for {bob.name}")).to_have_count(0)
    assert ann.attempt("/group/dissolve", groupId=group) == 403


def test_a_group_changes_hands_only_when_the_other_accepts(someone: Callable[..., Someone]) -> None:
    ann, bob = someone("Ann"), someone("Bob")
    ann.create_group("Tea", bob)
    ann.open("Tea")
    bob.open("Tea")
    open_panel(ann)
    act_on(ann, bob, "Offer the group")
    ann.page.get_by_role("button", name="Offer", exact=True).click()
    told(bob.page, f"{ann.name} offers you the group “Tea”.")
    expect(ann.page.locator(".panel-offer")).to_contain_text(f"You offered this group to {bob.name}")
    open_panel(bob)
    bob.page.get_by_role("button", name="Decline").click()
    told(ann.page, "Your offer of the group “Tea” was declined.")
    expect(ann.page.locator(".panel-offer")).to_have_count(0)
    expect(ann.page.locator(f"[data-member='{ann.id}'] .role")).to_have_text("owner")
    act_on(ann, bob, "Offer the group")
    ann.page.get_by_role("button", name="Offer", exact=True).click()
    bob.page.get_by_role("button", name="Accept").click()
    for one in (ann, bob):
        expect(one.page.locator(f"[data-member='{bob.id}'] .role")).to_have_text("owner")
        expect(one.page.locator(f"[data-member='{ann.id}'] .role")).to_have_text("administrator")
    expect(bob.page.get_by_role("button", name="Dissolve the group")).to_be_visible()
    expect(ann.page.get_by_role("button", name="Dissolve the group")).to_have_count(0)


def test_each_member_reads_in_their_own_language_who_came_and_went(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, li, bob = someone("Ann"), someone("李小明", locale="zh-CN"), person("Bob")
    name = f"Tea of {ann.name}"
    group = ann.create_group(name, li)
    for one in (ann, li):
        one.open(name)
    bob.post("/group/join", groupId=group)
    expect(ann.page.locator(".system").last).to_have_text(f"{bob.name} joined the group")
    expect(li.page.locator(".system").last).to_have_text(f"{bob.name}加入了群聊")
    expect(ann.page.locator("#status")).to_contain_text("3 members")
    expect(li.page.locator("#status")).to_contain_text("3 名成员")
    bob.post("/group/leave", groupId=group)
    expect(ann.page.locator(".system").last).to_have_text(f"{bob.name} left the group")
    expect(li.page.locator(".system").last).to_have_text(f"{bob.name}退出了群聊")
    open_panel(li)
    expect(li.page.locator(f"[data-member='{bob.id}']")).to_have_count(0)
    li.page.get_by_role("button", name="退出群聊").click()
    li.page.locator("dialog").last.get_by_role("button", name="退出", exact=True).click()
    expect(li.row(name)).to_have_count(0)
    expect(li.page.locator("#conversation")).to_have_count(0)
    expect(ann.page.locator(".system").last).to_have_text(f"{li.name} left the group")
    expect(ann.page.locator("#status")).to_contain_text("1 member")


def test_a_removed_member_loses_the_group_at_once(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    group = bob.create_group("Tea", ann)
    ann.open("Tea")
    # The page's requests are answered: after the removal they would be refused.
    expect(ann.page.locator("#status")).to_contain_text("·")
    expect(ann.page.locator(".system").last).to_be_visible()
    bob.post("/group/kick", groupId=group, userId=ann.id)
    expect(ann.row("Tea")).to_have_count(0)
    expect(ann.page.locator("#conversation")).to_have_count(0)


def test_what_is_kept_for_later_is_not_asked_of_a_group_that_went_meanwhile(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    ann.page.goto("about:blank")  # or this page would keep them before they are held
    groups = [bob.create_group(name, ann) for name in ("Third", "Second", "First")]
    for group in groups:
        bob.say_in(group, "hello")
    asked: list[Route] = []
    ann.page.route(re.compile("/group/messages"), lambda route: asked.append(route))
    ann.page.goto("/")
    hear_until(ann.page, lambda: bool(asked))
    bob.post("/group/kick", groupId=groups[1], userId=ann.id)
    expect(ann.row("Second")).to_have_count(0)
    asked[0].continue_()
    hear_until(ann.page, lambda: len(asked) == 2)
    asked[1].continue_()
    for route, group in zip(asked, (groups[2], groups[0]), strict=True):
        assert group in route.request.url


def test_leaving_for_a_while_is_silent_and_returning_catches_up(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    group = bob.create_group("Tea", ann)
    ann.open("Tea")
    open_panel(ann)
    ann.page.get_by_role("button", name="Leave for a while").click()
    ann.page.get_by_role("button", name="Close", exact=True).click()
    expect(ann.page.locator(".notice:not([hidden])")).to_be_visible()
    expect(ann.page.locator("#text")).to_be_hidden()
    bob.say_in(group, "you cannot hear this")
    ann.page.get_by_role("button", name="Return").click()
    expect(ann.bubble("you cannot hear this")).to_be_visible()
    expect(ann.page.locator("#text")).to_be_visible()


def test_an_open_group_is_found_and_joined(someone: Callable[..., Someone], person: Callable[[str], Person]) -> None:
    ann, bob = someone("Ann"), person("Bob")
    name = f"Open tea {ann.id[-6:]}"
    bob.create_group(name)
    ann.page.fill("#search", name)
    ann.page.locator(".found .chat-row").click()
    expect(ann.page.locator(".conversation-head h2 bdi")).to_have_text(name)
    expect(ann.page.locator(".system").last).to_have_text("You joined the group")


def test_a_group_that_is_dissolved_is_gone_for_its_members(someone: Callable[..., Someone]) -> None:
    ann, bob = someone("Ann"), someone("Bob")
    ann.create_group("Tea", bob)
    expect(bob.row("Tea")).to_be_visible()
    ann.open("Tea")
    open_panel(ann)
    ann.page.get_by_role("button", name="Dissolve the group").click()
    ann.page.get_by_role("button", name="Dissolve", exact=True).click()
    expect(ann.row("Tea")).to_have_count(0)
    expect(bob.row("Tea")).to_have_count(0)
    expect(ann.page.locator("dialog")).to_have_count(0)


def test_a_count_of_readers_rises_by_each_reader_once(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    group = ann.create_group("Tea", bob, cem)
    ann.say_in(group, "one")
    bob.post("/group/markGroupRead", groupId=group)
    reload(ann.page)
    ann.open("Tea")
    expect(ann.page.locator(".receipt")).to_have_text("Read by 1 person")
    ann.write("two")
    expect(ann.page.locator(".receipt")).to_have_count(0)
    bob.post("/group/markGroupRead", groupId=group)
    expect(ann.page.locator(".receipt")).to_have_text("Read by 1 person")
    cem.post("/group/markGroupRead", groupId=group)
    expect(ann.page.locator(".receipt")).to_have_text("Read by 2 people")
    first = ann.bubble("one").get_attribute("data-id")
    assert len(ann.page.request.get(f"/message/readers?messageId={first}").json()) == 2


def test_an_invitation_brings_a_stranger_into_a_closed_group(someone: Callable[..., Someone]) -> None:
    ann, bob = someone("Ann"), someone("Bob")
    group = ann.create_group("Secret tea", joinPolicy="closed")
    bob.page.goto(f"/chat/group/{group}/")
    told(bob.page, "That conversation is not here.")
    reload(ann.page)
    ann.open("Secret tea")
    open_panel(ann)
    ann.page.get_by_role("button", name="Show the invitation").click()
    bob.page.goto(ann.page.locator(".code code").inner_text())
    expect(bob.page.locator(".lead")).to_have_text(f"{ann.name} invites you to this group.")
    bob.page.get_by_role("link", name="Join").click()
    expect(bob.page.locator(".conversation-head h2 bdi")).to_have_text("Secret tea")
    expect(ann.page.locator(f"[data-member='{bob.id}']")).to_be_visible()


def test_an_invitation_has_the_limits_that_were_chosen(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    group = ann.create_group("Secret tea", bob, joinPolicy="closed")
    reload(ann.page)
    ann.open("Secret tea")
    open_panel(ann)
    ann.page.get_by_role("button", name="Show the invitation").click()
    code = ann.page.locator(".code code")
    before = code.inner_text()
    expect(ann.page.get_by_text("Anybody who has the link can join.")).to_be_visible()
    ann.page.get_by_role("button", name="Make a new one").click()
    ann.page.get_by_label("A day").check()
    ann.page.get_by_label("One person").check()
    ann.page.get_by_role("button", name="Make it").click()
    expect(ann.page.get_by_text("It lets in 1 more person. It ends on")).to_be_visible()
    expect(code).not_to_have_text(before)
    made = ann.post("/group/invite", groupId=group)
    assert made["inviteUsesLeft"] == 1 and code.inner_text().endswith(made["inviteCode"])
    act_on(ann, bob, "Remove from the group")
    ann.page.get_by_role("button", name="Remove", exact=True).click()
    expect(code).to_have_count(0)  # it no longer leads in


def test_two_groups_that_change_at_the_same_moment_are_both_loaded_again(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob, cem = someone("Ann"), person("Bob"), person("Cem")
    names = [f"Tea of {ann.name}", f"Cake of {ann.name}"]
    tea, cake = [bob.create_group(name, ann) for name in names]
    held: list[tuple[WebSocketRoute, str | bytes]] = []
    is_holding = False

    def between(page: WebSocketRoute) -> None:
        def hold(frame: str | bytes) -> None:
            if is_holding:
                held.append((page, frame))
            else:
                page.send(frame)

        page.connect_to_server().on_message(hold)

    def has_changed(group: str) -> bool:
        return any("OnGroupWelcomeJoin" in str(frame) and group in str(frame) for _, frame in held)

    ann.page.route_web_socket("**/ws/chat/**", between)
    reload(ann.page)
    for name in names:
        with ann.page.expect_response("**/group/members/*"):
            ann.open(name)
    is_holding = True
    for group in (tea, cake):
        cem.post("/group/join", groupId=group)
    hear_until(ann.page, lambda: has_changed(tea) and has_changed(cake))
    is_holding = False
    with (
        ann.page.expect_response(f"**/group/members/{tea}") as of_tea,
        ann.page.expect_response(f"**/group/members/{cake}") as of_cake,
    ):
        for page, frame in held:
            page.send(frame)
    # Both were asked for after the changes; Chromium does not keep for others the body that a page reads as a stream.
    assert of_tea.value.ok
    assert of_cake.value.ok


def test_a_line_about_many_people_is_short_and_shows_them_on_asking(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, people = someone("Ann"), [person("One of many") for _ in range(8)]
    bob = people[0]
    group = bob.create_group("Crowd", people[1])
    bob.post("/group/invite", groupId=group, userIds=[ann.id, *(one.id for one in people[2:])])
    ann.open("Crowd")
    line = ann.page.locator(".system").last
    expect(line).to_contain_text(f"{bob.name} brought in ")
    expect(line).to_contain_text("and 4 others")
    assert len(line.inner_text()) < 120
    line.get_by_role("button", name="Show all").click()
    expect(ann.page.get_by_role("dialog").locator(".person")).to_have_count(7)


def test_an_invitation_leads_a_newcomer_over_sign_up_into_the_group(
    visit: Callable[..., Page], person: Callable[[str], Person]
) -> None:
    bob = person("Bob")
    group = bob.create_group("Book club")
    code = bob.post("/group/invite", groupId=group)["inviteCode"]
    page = visit(f"/chat/group/{group}/?by={bob.id}&invite={code}")
    expect(page.get_by_role("heading")).to_have_text("Book club")
    expect(page.locator(".lead")).to_have_text(f"{bob.name} invites you to this group.")
    page.get_by_role("link", name="Create an account and join").click()
    page.fill("#name", unique("Newcomer"))
    page.fill("#password", PASSWORD)
    page.locator("button.primary").click()
    expect(page.locator(".conversation-head h2 bdi")).to_have_text("Book club")
    expect(page.locator(".system").last).to_have_text("You joined the group")
    assert "invite" not in page.url and page.locator("dialog").count() == 0


def test_an_invitation_asks_somebody_with_an_account_once(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    group = bob.create_group("Book club")
    code = bob.post("/group/invite", groupId=group)["inviteCode"]
    ann.page.goto(f"/chat/group/{group}/?by={bob.id}&invite={code}")
    ann.page.get_by_role("link", name="Join").click()
    expect(ann.page.locator(".conversation-head h2 bdi")).to_have_text("Book club")
    expect(ann.page.locator(".system").last).to_have_text("You joined the group")
    ann.page.goto(f"/chat/group/{group}/?in=1&invite={code}")
    expect(ann.page.locator(".conversation-head h2 bdi")).to_have_text("Book club")


def test_a_link_that_says_it_was_accepted_still_asks(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    group = bob.create_group("Book club")
    code = bob.post("/group/invite", groupId=group)["inviteCode"]
    ann.page.goto(f"/chat/group/{group}/?in=1&invite={code}")
    expect(ann.page.get_by_role("dialog")).to_contain_text("Join this group?")
