"""What clients of the chat send: our page's frames, and the bodies in docs/api.md.

The page's message has `groupId` or `toUid`, `content`, `type`, `clientId` and `replyTo`; clients of
the original also send their own id as a group message's `senderId`. The bench sends all of them.
tests/test_bench.py compares the keys with docs/api.md, AsyncAPI and OpenAPI,
tests/browser/test_bench.py with the frames of a page in a browser.

The load generator fills in templates: the same frames with placeholders as values.
"""

import json
from dataclasses import dataclass
from typing import Any

HELLO: dict[str, Any] = {"event": "EmitUserConnect", "data": {}}


@dataclass(frozen=True, slots=True)
class Message:
    """One text message: ids of the target and of the sender, the sender's own id of the message."""

    target: str
    sender: str
    content: str
    client_id: str

    @property
    def _fields(self) -> dict[str, Any]:
        return {"content": self.content, "type": "text", "clientId": self.client_id}

    def group_frame(self, ack: int | str) -> dict[str, Any]:
        data = {"groupId": self.target, "senderId": self.sender, **self._fields, "replyTo": None}
        return {"event": "EmitGroupMsg", "data": data, "ack": ack}

    def private_frame(self, ack: int | str) -> dict[str, Any]:
        data = {"toUid": self.target, **self._fields, "replyTo": None}
        return {"event": "EmitPrivate", "data": data, "ack": ack}

    def group_body(self) -> dict[str, Any]:
        """Of `POST /group/send`."""
        return {"groupId": self.target, "senderId": self.sender, **self._fields}

    def private_body(self) -> dict[str, Any]:
        """Of `POST /private/send`."""
        return {"receiverId": self.target, **self._fields}


_PLACEHOLDERS = Message(target="%t", sender="%s", content="%c", client_id="%i")


def _template(value: Any) -> str:
    # The ack is a number: its placeholder stands without quotes.
    return json.dumps(value, separators=(",", ":")).replace('"%a"', "%a")


GROUP_FRAME = _template(_PLACEHOLDERS.group_frame(ack="%a"))
PRIVATE_FRAME = _template(_PLACEHOLDERS.private_frame(ack="%a"))
GROUP_BODY = _template(_PLACEHOLDERS.group_body())
PRIVATE_BODY = _template(_PLACEHOLDERS.private_body())
#: What the bench sent before 2026-11-28: no `type`, no `senderId`, as no documented client does.
BARE_GROUP_BODY = _template({"groupId": "%t", "content": "%c"})
HELLO_FRAME = _template(HELLO)


def in_socketio(frame: dict[str, Any]) -> str:
    """A frame's event and data as Socket.IO's packet."""
    return "42" + _template([frame["event"], frame["data"]])


SOCKETIO_GROUP_FRAME = in_socketio(_PLACEHOLDERS.group_frame(ack=0))
SOCKETIO_PRIVATE_FRAME = in_socketio(_PLACEHOLDERS.private_frame(ack=0))
SOCKETIO_HELLO = "40" + _template({"token": "%k"})
