"""Forwarding messages: each copy is a message of its own, sent like every other; a file is stored once for all."""

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from typing import Any
from uuid import UUID, uuid5

from accounts import selectors as people
from accounts.models import User
from accounts.rules import require_voice, sees_only_contacts
from chatproject.core.db.transactions import release_connection
from chatproject.core.errors import NotFound
from chatproject.core.models import uuid7
from groups import selectors as rooms
from groups.models import direct_room_id
from groups.rules import require_may_write, require_turn
from messaging import rules, selectors, types
from messaging.models import Message
from messaging.serializers.output import found_output
from messaging.services import filtering
from messaging.services.send_batch import OutgoingMessage, StoredMessage, commits, count_all
from moderation.rules import HeldForReview

#: The UUIDv5 namespace of the `clientId`s of forwarded messages.
_COPIES = UUID("0f0c7f0e-5a51-5d0b-8e0e-6f1f6f2e9a11")

#: A chat: the id of the other person, or of the group, and whether it is one.
Target = tuple[UUID, bool]


def forward(
    *,
    by: User,
    message_ids: Sequence[UUID],
    chats: Sequence[Target],
    with_author: bool = True,
    client_id: str | None = None,
) -> dict[str, Any]:
    """Send messages that the user sees to chats in which they may write, in the order that is given.

    Returns the outputs of the new messages, chat after chat, and how many of them wait for a moderator. The same
    `client_id` once more stores only what is missing. Raises NotFound for what the user does not see, QuotaExceeded,
    RateLimited, ContentRefused, and what a send may be refused with.
    """
    require_voice(by)
    chats, message_ids = list(dict.fromkeys(chats)), list(dict.fromkeys(message_ids))
    named = {
        (chat, message_id): str(uuid5(_COPIES, f"{by.pk} {client_id or uuid7()} {chat[0]} {message_id}"))
        for chat in chats
        for message_id in message_ids
    }
    known = found_output(by.pk, selectors.sent_as(by, named.values())) if client_id else []
    stored = {one["clientId"]: one for one in known}
    missing = {key: name for key, name in named.items() if name not in stored}
    held = 0
    if missing:
        copies = _copies(by, missing, with_author=with_author)
        count_all(copies)
        passed, held = _filtered(copies)
        stored |= {one.output["clientId"]: one.output for one in _commit(passed)}
    return {"messages": [stored[name] for name in named.values() if name in stored], "held": held}


def _copies(by: User, named: dict[tuple[Target, UUID], str], *, with_author: bool) -> list[OutgoingMessage]:
    """The messages to send, checked but for the words."""
    _require_may_write(by, {chat for chat, _ in named}, len({message_id for _, message_id in named}))
    sources = _sources(by, {message_id for _, message_id in named})
    rules.require_quota(by, selectors.bytes_new_to(by, [one for one in map(_upload_of, sources.values()) if one]))
    return [
        OutgoingMessage(
            sender=by,
            to=to,
            is_group=is_group,
            content=sources[message_id].content,
            type=sources[message_id].type,
            client_id=name,
            details=_details(sources[message_id], with_author=with_author),
            forwards=_upload_of(sources[message_id]),
            is_counted=True,
        )
        for ((to, is_group), message_id), name in named.items()
    ]


def _sources(by: User, message_ids: Iterable[UUID]) -> dict[UUID, Message]:
    sources = {message.pk: message for message in selectors.quoted(by, list(message_ids))}
    if any(message_id not in sources for message_id in message_ids):
        raise NotFound()
    for message in sources.values():
        rules.require_forward(message)
    return sources


def _require_may_write(by: User, chats: Iterable[Target], messages: int) -> None:
    """Raise NotFound if one of the chats is not there for the user, and what so many messages are refused with in a
    group; the writer asks again for each.
    """
    groups = [to for to, is_group in chats if is_group]
    others = [to for to, is_group in chats if not is_group]
    mine = rooms.memberships_of(by.pk, [*groups, *(direct_room_id(by.pk, other) for other in others)])
    if any(group not in mine or mine[group].room.is_direct for group in groups):
        raise NotFound()
    for group in groups:
        require_may_write(mine[group])
        require_turn(mine[group], messages)
    new = [other for other in others if other != by.pk and direct_room_id(by.pk, other) not in mine]
    known = people.by_ids(new) if new else {}
    if any(other not in known or not known[other].is_active for other in new):
        raise NotFound()
    if new and sees_only_contacts(by) and not rooms.sharing(by.pk, new) >= set(new):
        raise NotFound()


def _upload_of(message: Message) -> UUID | None:
    return types.upload_id_of(message.details)


def _details(message: Message, *, with_author: bool) -> dict[str, Any] | None:
    """A copy's details: without mentions, which would call people a second time; the author is the first one."""
    kept = {name: value for name, value in (message.details or {}).items() if name not in ("mentions", "forwardedFrom")}
    if not with_author:
        return kept or None
    author = {"forwardedFrom": {"id": str(message.sender_id), "name": message.sender.name}}
    return {**kept, **author, **types.author_of(message.details)}


def _filtered(copies: list[OutgoingMessage]) -> tuple[list[OutgoingMessage], int]:
    """The messages as they may be sent, and how many wait for a moderator."""
    passed, held = [], 0
    for copy in copies:
        try:
            message, verdict = filtering.filtered(copy) if filtering.concerns(copy) else (copy, None)
        except HeldForReview:
            held += 1
            continue
        passed.append(message)
        if verdict is not None:
            filtering.note_masked(message, verdict)
    return passed, held


def _commit(messages: list[OutgoingMessage]) -> list[StoredMessage]:
    """Store messages in their order, and wait. Raises the first error of one that was not stored."""
    release_connection()
    waiting: list[Future[StoredMessage]] = []
    for message in messages:
        waiting.append(Future())
        commits.submit(message, _settle(waiting[-1]))
    return [one.result() for one in waiting]


def _settle(future: "Future[StoredMessage]") -> Any:
    def done(outcome: StoredMessage | Exception) -> None:
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    return done
