"""Writes of notifications, and pushes."""

from notifications.services.dispatching import message_said
from notifications.services.subscriptions import describe, send_test, subscribe, unsubscribe

__all__ = ["describe", "message_said", "send_test", "subscribe", "unsubscribe"]
