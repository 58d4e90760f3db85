"""Writes of messaging."""

from messaging.services.avatars import set_group_avatar, set_own_avatar
from messaging.services.edits import edit, erase, recall
from messaging.services.epochs import begin as begin_epoch
from messaging.services.epochs import check as check_epoch
from messaging.services.epochs import current as current_epoch
from messaging.services.epochs import known as known_epoch
from messaging.services.erasures import scrub
from messaging.services.purging import purge
from messaging.services.read_cursors import compare_unread, mark_read, remember_unread
from messaging.services.searching import search
from messaging.services.send_batch import OutgoingMessage, StoredMessage
from messaging.services.sending import outgoing, send_message, submit_message, waiting
from messaging.services.system_messages import post_system_message
from messaging.services.typing import tell_typing
from messaging.services.uploads import Swept, receive, sweep

__all__ = [
    "OutgoingMessage",
    "StoredMessage",
    "Swept",
    "begin_epoch",
    "check_epoch",
    "compare_unread",
    "current_epoch",
    "edit",
    "erase",
    "known_epoch",
    "mark_read",
    "outgoing",
    "post_system_message",
    "purge",
    "recall",
    "receive",
    "remember_unread",
    "scrub",
    "search",
    "send_message",
    "set_group_avatar",
    "set_own_avatar",
    "submit_message",
    "sweep",
    "tell_typing",
    "waiting",
]
