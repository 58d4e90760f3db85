"""The verbs of messaging."""

from messaging.services.changing import edit, erase, recall
from messaging.services.lines import write_line
from messaging.services.reading import compare_unread, mark_read, remember_unread
from messaging.services.sending import Draft, Sent, send, submit

__all__ = [
    "Draft",
    "Sent",
    "compare_unread",
    "edit",
    "erase",
    "mark_read",
    "recall",
    "remember_unread",
    "send",
    "submit",
    "write_line",
]
