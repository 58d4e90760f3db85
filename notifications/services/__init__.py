"""The verbs of notifications."""

from notifications.services.subscribing import describe, send_test, subscribe, unsubscribe
from notifications.services.telling import message_said

__all__ = ["describe", "message_said", "send_test", "subscribe", "unsubscribe"]
