"""Messages and edits before the word lists: they pass, perhaps masked, or are refused or held for a moderator.

Where no list is in use a message costs one look at an attribute. Otherwise the event loop looks through
its texts, and only what has a listed word, or carries a file, whose name is in the database, goes on to a
thread.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson
from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chatproject.core.db.transactions import run_atomic
from chatproject.core.errors import ClientIdConflict, NotFound
from chatproject.core.models import uuid7
from groups import selectors as rooms
from groups.models import Room
from groups.rules import require_may_write, require_turn
from messaging import rules, selectors, types
from messaging.models import HeldMessage, Message, Upload
from messaging.services import uploads
from messaging.services.send_batch import OutgoingMessage, StoredMessage, over_limits
from messaging.types.mentions import Mentions
from moderation import services as moderation
from moderation.models import Action, Place
from moderation.rules import ContentRefused, HeldForReview
from moderation.selectors import Verdict, current

Done = Callable[[StoredMessage | Exception], None]


def concerns(message: OutgoingMessage) -> bool:
    """Whether `filtered` may do anything with a message."""
    words = current.filter
    return words is not None and (message.upload_id is not None or words.concerns(_texts(message)))


def _texts(message: OutgoingMessage) -> list[str]:
    """What a message says, but for the name of its file."""
    if message.details is None or message.upload_id is not None:
        return [message.content]
    return [message.content, *types.TYPES[message.type].words(message.details)]


def filtered(message: OutgoingMessage) -> tuple[OutgoingMessage, Verdict | None]:
    """The message as it may be sent, and what was masked in it.

    Raises ContentRefused, HeldForReview, and what its send would be refused with. For threads.
    """
    texts = _texts(message)
    upload = _upload(message)
    if upload is not None:
        texts.append(upload.name)
    verdict = moderation.judge_message(
        texts,
        by=message.sender,
        is_group=message.is_group,
        is_group_admin=lambda: _is_group_admin(message.sender, message.room_id),
    )
    if verdict is None:
        return message, None
    known = _stored_content(message)
    if known is not None:  # a repeat is answered as before, whatever is listed by now
        return (message if known == message.content else _masked(message, verdict, upload)), None
    message = message if message.client_id else replace(message, client_id=str(uuid7()))
    if verdict.action == Action.MASK:
        return _masked(message, verdict, upload), verdict
    _require_may_send(message)
    if verdict.action == Action.HOLD:
        _hold(message, verdict)
        raise HeldForReview()
    _note(message, verdict, texts)
    raise ContentRefused()


def _upload(message: OutgoingMessage) -> Upload | None:
    """The file that a message carries, as long as nobody but its sender sees it."""
    if message.upload_id is None:
        return None
    return Upload.objects.filter(pk=message.upload_id, owner=message.sender, message=None).first()


def _is_group_admin(user: User, room_id: UUID) -> bool:
    membership = rooms.memberships_of(user.pk, [room_id]).get(room_id)
    return membership is not None and membership.is_admin


def _stored_content(message: OutgoingMessage) -> str | None:
    """What the message says that was stored under this clientId; None if there is none."""
    if message.client_id is None:
        return None
    stored = Message.objects.filter(sender=message.sender, client_id=message.client_id).only("content").first()
    return None if stored is None else stored.content


def _require_may_send(message: OutgoingMessage) -> None:
    """Raise what a send would be refused with: what is held or refused counts as sent."""
    if not message.is_counted:
        (refused,) = over_limits([message])
        if refused is not None:
            raise refused
    if message.is_group:
        membership = rooms.memberships_of(message.sender.pk, [message.to]).get(message.to)
        if membership is None:
            raise NotFound()
        require_may_write(membership)
        require_turn(membership)
    elif not User.objects.filter(pk=message.to, is_active=True).exists():
        raise NotFound()


def _masked(message: OutgoingMessage, verdict: Verdict, upload: Upload | None) -> OutgoingMessage:
    content, *more = verdict.texts
    if upload is not None:
        if more[0] != upload.name:
            upload.name = more[0]
            upload.save(update_fields=["name"])
        return replace(message, content=content)
    if message.type == types.TEXT:
        return replace(message, content=content, details=_moved(message, content))
    if not more or message.details is None:
        return replace(message, content=content)
    return replace(message, content=content, details=types.TYPES[message.type].with_words(message.details, more))


def _moved(message: OutgoingMessage, content: str) -> dict[str, Any] | None:
    """The details of a text with its mentions where they stand in the masked one."""
    found = types.mentions.mentions_of(message.details)
    moved = types.mentions.with_mentions(types.mentions.moved(found, message.content, content))
    return {**(moved or {}), **types.author_of(message.details)} or None


# What moderators get --------------------------------------------------------------------------------------------------


def noting(message: OutgoingMessage, verdict: Verdict, done: Done) -> Done:
    """`done`, and a hit for the moderators once the masked message is stored."""

    def done_and_noted(outcome: StoredMessage | Exception) -> None:
        done(outcome)
        if isinstance(outcome, StoredMessage):
            moderation.note_soon(lambda: note_masked(message, verdict))

    return done_and_noted


def note_masked(message: OutgoingMessage, verdict: Verdict) -> None:
    """A hit for the moderators: what a masked message said is nowhere else."""
    _note(message, verdict, verdict.originals)


def _note(message: OutgoingMessage, verdict: Verdict, texts: list[str]) -> None:
    moderation.note(
        verdict,
        user_id=message.sender.pk,
        place=Place.MESSAGE,
        text="\n".join(filter(None, texts)),
        room_id=message.room_id,
        client_id=message.client_id or "",
    )


def _hold(message: OutgoingMessage, verdict: Verdict) -> None:
    """Keep a message for the moderators; a repeat is the same one. Raises ContentRefused where it was refused."""
    known = HeldMessage.objects.filter(sender=message.sender, client_id=message.client_id).first()
    if known is not None:
        if known.state == HeldMessage.State.REFUSED:
            raise ContentRefused(_("A moderator did not release this message."))
        if known.state == HeldMessage.State.WAITING and (known.to, known.content) != (message.to, message.content):
            raise ClientIdConflict()
        return
    if message.forwards is not None:  # it waits with a file of its own: the one before may be recalled meanwhile
        details = message.details or {}
        upload = uploads.share(message.forwards, owner=message.sender, name=details["fileName"])
        details = {**upload.details, **types.author_of(details)}
        message = replace(message, upload_id=upload.pk, details=details)
    held = HeldMessage(
        sender=message.sender,
        to=message.to,
        is_group=message.is_group,
        client_id=message.client_id or "",
        type=message.type,
        content=message.content,
        details_json=orjson.dumps(message.details).decode() if message.details else "",
        reply_to_id=message.reply_to_id,
        upload_id=message.upload_id,
        words="\n".join(verdict.words),
    )
    _store(held, verdict, message.room_id, Place.MESSAGE, verdict.originals)


def _store(held: HeldMessage, verdict: Verdict, room_id: UUID, place: Place, texts: list[str]) -> None:
    def body() -> None:
        held.save(force_insert=True)
        moderation.note(
            verdict,
            user_id=held.sender_id,
            place=place,
            text="\n".join(filter(None, texts)),
            room_id=room_id,
            client_id=held.client_id,
        )

    try:
        run_atomic(body)
    except IntegrityError:  # the same send at the same time
        return


# Edits ----------------------------------------------------------------------------------------------------------------


def filtered_edit(by: User, message_id: UUID, content: str, mentions: Mentions | None) -> str:
    """The words that an edit may put into a message. Raises ContentRefused, HeldForReview, and what the edit would be
    refused with. An edit that is held keeps its mentions.
    """
    if current.filter is None or not current.filter.concerns([content]):
        return content
    message, membership = selectors.message_for(by, message_id)
    if content == message.content:
        return content
    is_group = message.room.kind == Room.Kind.GROUP
    verdict = moderation.judge_message([content], by=by, is_group=is_group, is_group_admin=lambda: membership.is_admin)
    if verdict is None:
        return content
    rules.require_edit(by, message, membership, content)
    if verdict.action != Action.HOLD:
        moderation.note(
            verdict, user_id=by.pk, place=Place.EDIT, text=content, room_id=message.room_id, client_id=str(uuid7())
        )
    if verdict.action == Action.MASK:
        return verdict.texts[0]
    if verdict.action == Action.REJECT:
        raise ContentRefused()
    receiver_id = selectors.receiver_of(message)
    HeldMessage.objects.filter(edited=message, state=HeldMessage.State.WAITING).delete()  # the last one counts
    held = HeldMessage(
        sender=by,
        to=message.room_id if receiver_id is None else receiver_id,
        is_group=is_group,
        client_id=f"edit {uuid7()}",
        content=content,
        details_json=orjson.dumps({"mentions": mentions}).decode() if mentions is not None else "",
        edited=message,
        words="\n".join(verdict.words),
    )
    _store(held, verdict, message.room_id, Place.EDIT, [content])
    raise HeldForReview()
