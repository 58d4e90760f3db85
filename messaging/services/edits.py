"""Recall (撤回) and edit a message."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings

from accounts.models import User
from chatproject.core.db.transactions import on_commit, run_atomic
from chatproject.core.times import now
from groups import selectors as rooms
from groups import sequences
from groups import services as groups
from groups.models import Membership
from messaging import cache, events, rules, selectors, types
from messaging.models import FormerWords, HeldMessage, Message, Reaction, SearchChange
from messaging.search_index.query import has_link
from messaging.serializers.output import last_output, message_output, sender_output
from messaging.services import changes, erasures, filtering, uploads
from messaging.services.send_batch import mentioning
from messaging.types.mentions import MentionInput, Mentions


def recall(*, by: User, message_id: UUID) -> dict[str, object]:
    """Recall a message for everyone, and return its output. Idempotent."""

    def body() -> dict[str, object]:
        message, membership = selectors.locked_message_for(by, message_id)
        if not message.is_recalled:
            rules.require_recall(by, message, membership)
            _erase(message)
        return _output(message)

    return run_atomic(body)


def erase(*, message: Message) -> None:
    """Recall a message as an operator: without membership and time limit."""

    def body() -> None:
        rooms.locked_room(message.room_id)
        fresh = Message.objects.select_related("room", "sender").get(pk=message.pk)
        if not fresh.is_recalled and fresh.type != types.SYSTEM:
            _erase(fresh)

    run_atomic(body)


def edit(*, by: User, message_id: UUID, content: str, mentions: list[MentionInput] | None = None) -> dict[str, object]:
    """Replace a message's text or caption, and return its output.

    Without `mentions` a text keeps those whose words stand where they stood. Raises ContentRefused and HeldForReview
    where a word list says so.
    """
    found = None if mentions is None else types.mentions.checked(mentions, content)
    masked = filtering.filtered_edit(by, message_id, content, found)
    if found is not None:
        found = types.mentions.moved(found, content, masked)
    return apply_edit(by=by, message_id=message_id, content=masked, mentions=found, require=rules.require_edit)


def apply_edit(
    *,
    by: User,
    message_id: UUID,
    content: str,
    mentions: Mentions | None,
    require: Callable[[User, Message, Membership, str], None],
) -> dict[str, object]:
    """Edit a message whose words have passed the filter; `require` raises where it may not be."""

    def body() -> dict[str, object]:
        message, membership = selectors.locked_message_for(by, message_id)
        require(by, message, membership, content)
        details = _edited_details(message, membership, content, mentions)
        if message.content != content or message.details != details:
            if settings.EDIT_HISTORY and message.content != content:
                FormerWords.objects.create(message=message, content=message.content)
            message.content, message.has_link, message.edited_at = content, has_link(content) or None, now()
            sequences.forget_mentions(mentioning(message))
            message.details_json = orjson.dumps(details).decode() if details else ""
            sequences.note_mentions([mentioning(message)])
            message.version = _next_version(message)
            message.save(update_fields=["content", "details_json", "has_link", "edited_at", "version"])
            _tell_after_commit("OnEdit", message)
        return _output(message)

    return run_atomic(body)


def _edited_details(
    message: Message, membership: Membership, content: str, mentions: Mentions | None
) -> dict[str, Any] | None:
    """The details of an edited message. Raises where it may not mention whom it mentions."""
    if message.type != types.TEXT:
        return message.details
    if mentions is None:
        found = types.mentions.kept(types.mentions.mentions_of(message.details), message.content, content)
        return types.mentions.with_mentions(found)
    details = types.mentions.with_mentions(mentions)
    if membership.peer_id is not None:
        rules.require_private_mentions(details, (membership.user_id, membership.peer_id))
    elif (
        types.mentions.names_all(details) and not membership.is_admin and not types.mentions.names_all(message.details)
    ):
        raise rules.MentionOfAll()
    return details


def _erase(message: Message) -> None:
    at: datetime = now()
    uploads.erase_of(message)
    FormerWords.objects.filter(message=message).delete()
    Reaction.objects.filter(message=message).delete()
    HeldMessage.objects.filter(edited=message).delete()
    sequences.forget_mentions(mentioning(message))
    message.room.pins = [one for one in message.room.pins if one["messageId"] != str(message.pk)]
    message.erase(version=_next_version(message), at=at)
    groups.note_recall(message.room, seq=message.seq, sender_id=message.sender_id)
    _tell_after_commit("OnRecall", message)
    on_commit(lambda: _recount(message))


def _next_version(message: Message) -> int:
    version = message.room.take_version()
    message.room.save(update_fields=["last_version", "pins_json"])
    return version


def _output(message: Message) -> dict[str, object]:
    readers = selectors.readers_of([message])[message.room_id]
    return message_output(
        message,
        receiver_id=readers.receiver_of(message.sender_id),
        read_count=readers.count(message.seq, message.sender_id),
    )


def _tell_after_commit(event: str, message: Message) -> None:
    SearchChange.note([message])
    on_commit(erasures.note)
    changes.tell_after_commit(event, message, _output(message), is_erasing=True)


def _recount(message: Message) -> None:
    """Take a recalled message back from the counts of those who had not read it.

    A group's connected members are told by the processes that hold their sockets.
    """
    if not message.room.is_direct:
        bases = [(user_id, base) for _, user_id, _, base in rooms.unread_bases([message.room_id])]
        cache.group(message.room_id, message.room.last_said, bases, adds=False)
        return
    receiver_id = selectors.receiver_of(message)
    mine = receiver_id and rooms.memberships_of(receiver_id, [message.room_id]).get(message.room_id)
    if mine and mine.cursor < message.seq:
        cache.private(mine.user_id, message.sender_id, mine.room.last_said, mine.base)
        chat = selectors.Chat(mine, selectors.last_messages([mine]).get(message.room_id))
        selectors.show_last([chat])
        last = last_output(chat)
        events.private_unread(mine.user_id, sender_output(message.sender), mine.unread, last)
