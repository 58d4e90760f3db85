"""What clients are told about people."""

from uuid import UUID

from accounts.models import User
from accounts.serializers import user_output
from chatproject.core import hub
from presence.selectors import online_among


def person_changed(user: User) -> None:
    """To the processes that hold the person's sockets; nothing goes out."""
    hub.person_changed(user.pk, is_visible=not user.is_invisible)


def profile_changed(user: User) -> None:
    """The user as he is now, to his own sockets and to whoever watches him."""
    payload = user_output(user, online=user.pk in online_among([user.pk]))
    hub.publish(hub.user_topic(user.pk), "OnUserUpdate", payload)
    hub.publish(hub.status_topic(user.pk), "OnUserUpdate", payload)


def device_revoked(user_id: UUID, device_id: UUID) -> None:
    hub.close_sockets(user_id=user_id, device_id=device_id, reason="signed_out")


def other_devices_revoked(user_id: UUID, kept: UUID | None) -> None:
    hub.close_sockets(user_id=user_id, but=kept, reason="password_changed")


def deactivated(user_id: UUID) -> None:
    hub.close_sockets(user_id=user_id, reason="deactivated")
