"""The verbs of messaging."""

from messaging.services.avatars import set_group_avatar, set_own_avatar
from messaging.services.edits import edit, erase, recall
from messaging.services.read_cursors import compare_unread, mark_read, remember_unread
from messaging.services.sending import Draft, Sent, completed, is_incomplete, send, submit
from messaging.services.system_messages import post_system_message
from messaging.services.uploads import Swept, receive, sweep

__all__ = [
    "Draft",
    "Sent",
    "Swept",
    "compare_unread",
    "completed",
    "edit",
    "erase",
    "is_incomplete",
    "mark_read",
    "post_system_message",
    "recall",
    "receive",
    "remember_unread",
    "send",
    "set_group_avatar",
    "set_own_avatar",
    "submit",
    "sweep",
]
