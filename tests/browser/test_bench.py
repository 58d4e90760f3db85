"""What the bench sends is what the page sends."""

import json
import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from bench.harness.frames import HELLO, Message
from tests.browser.conftest import Someone, unique

MESSAGE = Message(target="target", sender="sender", content="hello", client_id="id")
#: Of the original's clients: the page leaves it out, for the server knows it.
NOT_OF_THE_PAGE = {"senderId"}


def test_the_bench_sends_the_keys_that_the_page_sends(
    someone: Callable[..., Someone], person: Callable[[str], Any]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    group = unique("Tea")
    bob.create_group(group, ann)
    bob.say(ann, "are you there?")
    sent: list[Any] = []
    ann.page.on("websocket", lambda socket: socket.on("framesent", lambda text: sent.append(json.loads(text))))
    ann.page.goto("/")
    for name in (group, bob.name):
        ann.open(name)
        ann.write(f"hello {name}")
        # A message has its number when the server has answered.
        expect(ann.bubble(f"hello {name}")).to_have_attribute("data-seq", re.compile(r"\d+"))
    ours: dict[str, dict[str, Any]] = {
        "EmitUserConnect": HELLO,
        "EmitGroupMsg": MESSAGE.group_frame(ack=1),
        "EmitPrivate": MESSAGE.private_frame(ack=1),
    }
    for event, frame in ours.items():
        page = next(one for one in sent if one["event"] == event)
        assert page.keys() == frame.keys()
        assert page["data"].keys() == frame["data"].keys() - NOT_OF_THE_PAGE
        assert page["data"].get("type") == frame["data"].get("type")
