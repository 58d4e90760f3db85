"""Validates every frame that a test receives against the socket's document."""

from collections import Counter
from functools import cache
from typing import Any

from jsonschema_rs import Draft202012Validator

#: Events that tests publish themselves.
OURS = ("push.fence", "push.chatter")
#: Frames of one kind that are validated per run: later ones add nothing.
ENOUGH = 300

_checked: Counter[str] = Counter()


def check(message: str, frame: dict[str, Any]) -> None:
    """`message` is its name in the document: `push.OnRead`, `ack.EmitSync`."""
    if message.startswith(OURS) or _checked[message] >= ENOUGH:
        return
    _checked[message] += 1
    wrong = [f"{error.instance_path}: {error.message}" for error in _validator(message).iter_errors(frame)]
    assert not wrong, f"{message} is not as documented: {wrong[:5]}"


@cache
def _validator(message: str) -> Draft202012Validator:
    messages, schemas = _document()
    assert message in messages, f"{message} is not documented"
    return Draft202012Validator({**messages[message]["payload"], "components": {"schemas": schemas}})


@cache
def _document() -> tuple[dict[str, Any], dict[str, Any]]:
    from messaging.asyncapi import document  # the settings are read when the first test begins

    components = document()["components"]
    # Keys that are not documented are found, too.
    schemas = {
        name: {**one, "additionalProperties": False} if "properties" in one else one
        for name, one in components["schemas"].items()
    }
    return components["messages"], schemas
