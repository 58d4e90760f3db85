"""What watchers are told."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from chatproject.core import hub
from chatproject.core.times import iso


def status(user_ids: Iterable[UUID], *, online: bool, at: datetime) -> None:
    for user_id in user_ids:
        payload = {"userId": str(user_id), "online": online, "lastActive": iso(at)}
        hub.publish(hub.status_topic(user_id), "OnUserStatus", payload)
