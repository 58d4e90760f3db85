"""Sending a message: the one way for the socket and for both roads of HTTP.

A location without an address is geocoded first; then one writer thread per process commits messages
that arrive together (see `send_batch`).
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from django.conf import settings

from accounts.models import User
from accounts.rules import require_voice
from chatproject.core.db.transactions import in_thread, release_connection
from messaging import rules, types
from messaging.serializers.input import MessageInput
from messaging.services import filtering
from messaging.services.send_batch import OutgoingMessage, StoredMessage, commits


def outgoing(form: MessageInput, *, sender: User, is_group: bool, socket_id: str = "") -> OutgoingMessage:
    """The message that a checked input asks for. Raises Silenced, and Invalid for wrong details or a wrong receiver."""
    if sender.silenced_until is not None:
        require_voice(sender)
    details = types.TYPES[form.type].read(form)
    if not is_group:
        rules.require_private_mentions(details.get("details"), (sender.pk, form.to))
    return OutgoingMessage(
        sender=sender,
        to=form.to,
        is_group=is_group,
        content=form.words,
        type=form.type,
        client_id=form.client_id,
        reply_to_id=form.reply_to_id,
        socket_id=socket_id,
        **details,
    )


def send_message(message: OutgoingMessage) -> StoredMessage:
    """Store a message and return after the commit; for threads. Raises what the sender is told."""
    verdict = None
    if filtering.concerns(message):
        message, verdict = filtering.filtered(message)
    message = _geocoded(message)
    release_connection()
    stored = commits.commit(message)
    if verdict is not None:
        filtering.note_masked(message, verdict)
    return stored


async def submit_message(message: OutgoingMessage, done: Callable[[StoredMessage | Exception], None]) -> None:
    """Hand a message to the writer, for the event loop; later calls do not overtake this one.

    `done` is called after the commit, on another thread. Raises what is known at once.
    """
    if filtering.concerns(message):
        message, verdict = await in_thread(filtering.filtered, message)
        if verdict is not None:
            done = filtering.noting(message, verdict, done)
    if _needs_geocoding(message):
        message = await asyncio.to_thread(_geocoded, message)
    commits.submit_soon(message, done)


def waiting() -> int:
    """How many messages wait for their commit in this process."""
    return commits.waiting()


def _needs_geocoding(message: OutgoingMessage) -> bool:
    return message.details is not None and types.TYPES[message.type].needs_geocoding(message.details)


def _geocoded(message: OutgoingMessage) -> OutgoingMessage:
    """The message with the address of its location, if it has none. Blocks for two seconds at most."""
    if message.details is None or not _needs_geocoding(message):
        return message
    language = message.sender.language or settings.LANGUAGE_CODE
    return replace(message, details=types.TYPES[message.type].geocoded(message.details, language))
