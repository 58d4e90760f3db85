"""The verbs of messaging."""

from messaging.services.changing import edit, erase, recall
from messaging.services.lines import write_line
from messaging.services.reading import compare_unread, mark_read, remember_unread
from messaging.services.sending import Draft, Sent, send, submit, wants_address, with_address
from messaging.services.uploads import Swept, receive, sweep

__all__ = [
    "Draft",
    "Sent",
    "Swept",
    "compare_unread",
    "edit",
    "erase",
    "mark_read",
    "recall",
    "receive",
    "remember_unread",
    "send",
    "submit",
    "sweep",
    "wants_address",
    "with_address",
    "write_line",
]
