"""Writes of notifications, and pushes."""

from notifications.services.dispatching import join_requested, message_said
from notifications.services.preferences import change_preferences, preferences
from notifications.services.subscriptions import describe, send_test, subscribe, unsubscribe

__all__ = [
    "change_preferences",
    "describe",
    "join_requested",
    "message_said",
    "preferences",
    "send_test",
    "subscribe",
    "unsubscribe",
]
