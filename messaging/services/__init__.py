"""Writes of messaging."""

from messaging.services.avatars import set_group_avatar, set_own_avatar
from messaging.services.comparing import compare_some
from messaging.services.days import first_since
from messaging.services.drafting import drafts, save_draft
from messaging.services.edits import edit, erase, recall
from messaging.services.epochs import begin as begin_epoch
from messaging.services.epochs import check as check_epoch
from messaging.services.epochs import current as current_epoch
from messaging.services.epochs import known as known_epoch
from messaging.services.erasures import scrub
from messaging.services.forwarding import forward
from messaging.services.hiding import hide
from messaging.services.highlighting import highlight
from messaging.services.histories import TOGETHER_MAX as PAGES_TOGETHER_MAX
from messaging.services.histories import TOGETHER_SECONDS as PAGES_TOGETHER_SECONDS
from messaging.services.histories import Ask as HistoryAsk
from messaging.services.histories import HistoryPage, history, load_history, tidy_pages
from messaging.services.histories import pages as history_pages
from messaging.services.indexing import (
    Indexed,
    clear_changes,
    forget_index,
    index_all,
    index_some,
    index_state,
    index_while_due,
)
from messaging.services.pinning import pin
from messaging.services.placing import address_of, find_places
from messaging.services.purging import purge
from messaging.services.reactions import react, reacting, submit_reaction
from messaging.services.read_cursors import compare_unread, mark_read, mark_unread, unread
from messaging.services.rekeying import reseal_texts
from messaging.services.remembering import (
    ChatPage,
    chat_list,
    chat_page,
    chats_named,
    first_chats,
    forget_sender,
    forget_users,
)
from messaging.services.resealing_files import Resealed, reseal_files
from messaging.services.reviewing import refuse as refuse_held
from messaging.services.reviewing import release as release_held
from messaging.services.searching import search
from messaging.services.send_batch import OutgoingMessage, StoredMessage
from messaging.services.sending import outgoing, send_message, submit_message, waiting
from messaging.services.shelves import Shelf, shelf
from messaging.services.system_messages import post_system_message
from messaging.services.typing import tell_typing
from messaging.services.uploads import Swept, receive, sweep

__all__ = [
    "PAGES_TOGETHER_MAX",
    "PAGES_TOGETHER_SECONDS",
    "ChatPage",
    "HistoryAsk",
    "HistoryPage",
    "Indexed",
    "OutgoingMessage",
    "Resealed",
    "Shelf",
    "StoredMessage",
    "Swept",
    "address_of",
    "begin_epoch",
    "chat_list",
    "chat_page",
    "chats_named",
    "check_epoch",
    "clear_changes",
    "compare_some",
    "compare_unread",
    "current_epoch",
    "drafts",
    "edit",
    "erase",
    "find_places",
    "first_chats",
    "first_since",
    "forget_index",
    "forget_sender",
    "forget_users",
    "forward",
    "hide",
    "highlight",
    "history",
    "history_pages",
    "index_all",
    "index_some",
    "index_state",
    "index_while_due",
    "known_epoch",
    "load_history",
    "mark_read",
    "mark_unread",
    "outgoing",
    "pin",
    "post_system_message",
    "purge",
    "react",
    "reacting",
    "recall",
    "receive",
    "refuse_held",
    "release_held",
    "reseal_files",
    "reseal_texts",
    "save_draft",
    "scrub",
    "search",
    "send_message",
    "set_group_avatar",
    "set_own_avatar",
    "shelf",
    "submit_message",
    "submit_reaction",
    "sweep",
    "tell_typing",
    "tidy_pages",
    "unread",
    "waiting",
]
