"""Days and time zones change under an open page."""

import datetime as dt
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Someone, reload
from tests.browser.server import Person


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_today_becomes_yesterday_at_midnight(
    someone: Callable[..., Someone], person: Callable[[str], Person], locale: str
) -> None:
    today, yesterday = ("今天", "昨天") if locale == "zh-CN" else ("Today", "Yesterday")
    ann, bob = someone("Ann", locale=locale, timezone_id="UTC"), person("Bob")
    ann.page.clock.install()
    reload(ann.page)
    bob.say(ann, "hello")
    ann.open(bob)
    expect(ann.page.locator(".day")).to_have_text([today])
    now = dt.datetime.now(dt.UTC)
    to_midnight = 86_400 - (now.hour * 3600 + now.minute * 60 + now.second)
    ann.page.clock.fast_forward((to_midnight + 60) * 1000)
    expect(ann.page.locator(".day")).to_have_text([yesterday])
    expect(ann.row(bob.name).locator("time")).to_have_text(yesterday)


def test_after_a_change_of_time_zone_every_time_is_the_new_one(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    first = bob.say(ann, "before")
    ann.open(bob)
    expect(ann.bubble("before")).to_be_visible()
    devtools = ann.page.context.new_cdp_session(ann.page)
    devtools.send("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Kolkata"})
    second = bob.say(ann, "after")
    expect(ann.bubble("after")).to_be_visible()
    zone = dt.timezone(dt.timedelta(hours=5, minutes=30))
    for text, message in (("before", first), ("after", second)):
        there = dt.datetime.fromisoformat(message["sentAt"]).astimezone(zone).strftime("%H:%M")
        expect(ann.bubble(text).locator("time")).to_have_text(there)
    expect(ann.row(bob.name).locator("time")).to_have_text(there)
