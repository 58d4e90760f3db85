"""Events about what notifies a person, to their own sockets."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from chatproject.core import hub


def preferences_changed(user_id: UUID, output: dict[str, Any]) -> None:
    hub.publish(hub.user_topic(user_id), "OnPreferences", output)


def keyword_said(user_ids: list[UUID], message: Mapping[str, Any]) -> None:
    """A message has a keyword of these users, which is why it notifies them."""
    hub.publish_to([hub.user_topic(user_id) for user_id in user_ids], "OnKeyword", orjson.dumps(message))
