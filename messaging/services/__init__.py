"""The verbs of messaging."""

from messaging.services.avatars import show_group, show_oneself
from messaging.services.edits import edit, erase, recall
from messaging.services.read_cursors import compare_unread, mark_read, remember_unread
from messaging.services.sending import Draft, Sent, completed, is_incomplete, send, submit
from messaging.services.system_messages import write_line
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
    "recall",
    "receive",
    "remember_unread",
    "send",
    "show_group",
    "show_oneself",
    "submit",
    "sweep",
    "write_line",
]
