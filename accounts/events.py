"""Events about users and their devices."""

from uuid import UUID

from accounts.models import User
from accounts.serializers import user_output
from chatproject.core import hub
from presence.selectors import online_among


def person_changed(user: User) -> None:
    """A user changed: for the processes that hold their sockets; clients get nothing."""
    hub.person_changed(user.pk, is_visible=not user.is_invisible)


def profile_changed(user: User) -> None:
    """A profile changed: to the user's own sockets and to those who watch them."""
    payload = user_output(user, online=user.pk in online_among([user.pk]))
    hub.publish(hub.user_topic(user.pk), "OnUserUpdate", payload)
    hub.publish(hub.status_topic(user.pk), "OnUserUpdate", payload)


def device_revoked(user_id: UUID, device_id: UUID) -> None:
    hub.close_sockets(user_id=user_id, device_id=device_id, reason="signed_out")


def other_devices_revoked(user_id: UUID, kept: UUID | None) -> None:
    hub.close_sockets(user_id=user_id, but=kept, reason="password_changed")


def deactivated(user_id: UUID) -> None:
    hub.close_sockets(user_id=user_id, reason="deactivated")
