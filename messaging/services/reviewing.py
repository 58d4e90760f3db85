"""What a moderator decides about held messages and edits."""

from uuid import UUID

from accounts.models import User
from chatproject.core.db.queries import locked
from chatproject.core.db.transactions import on_commit, run_atomic
from chatproject.core.errors import Conflict, NotFound
from chatproject.core.times import now
from groups.models import Membership
from messaging import events, types
from messaging.models import HeldMessage, Message
from messaging.services import edits, erasures
from messaging.services.send_batch import OutgoingMessage, commits


def release(*, held: HeldMessage) -> None:
    """Send a held message, as of now, or make a held edit.

    Raises NotFound where its sender may not write there any more, and what any send may be refused with.
    """
    held = _waiting(held.pk)
    if held.edited is not None:
        mentions = held.details["mentions"] if held.details else None
        edits.apply_edit(
            by=held.sender,
            message_id=held.edited.pk,
            content=held.content,
            mentions=mentions,
            require=_require_unrecalled,
        )
    else:
        if not held.sender.is_active:
            raise NotFound()
        commits.commit(_outgoing(held))
    run_atomic(lambda: _decide(held.pk, HeldMessage.State.RELEASED))


def refuse(*, held: HeldMessage) -> None:
    """Send a held message to nobody, and tell its sender."""
    held = _waiting(held.pk)
    run_atomic(lambda: _decide(held.pk, HeldMessage.State.REFUSED))
    events.held_refused(held)


def _waiting(held_id: UUID) -> HeldMessage:
    held = HeldMessage.objects.select_related("sender", "edited").filter(pk=held_id).first()
    if held is None or held.state != HeldMessage.State.WAITING:
        raise Conflict()
    return held


def _decide(held_id: UUID, state: HeldMessage.State) -> None:
    """From now on only the answer to a repeat is kept: what was said is in the message, or nowhere."""
    held = locked(HeldMessage.objects.filter(pk=held_id)).get()
    held.state, held.decided_at = state, now()
    held.content = held.details_json = ""
    held.upload = None
    held.save()
    on_commit(erasures.note)


def _require_unrecalled(by: User, message: Message, membership: Membership, content: str) -> None:
    if message.is_recalled:
        raise Conflict(code="recalled")


def _outgoing(held: HeldMessage) -> OutgoingMessage:
    return OutgoingMessage(
        sender=held.sender,
        to=held.to,
        is_group=held.is_group,
        content=held.content,
        type=held.type,
        client_id=held.client_id,
        reply_to_id=held.reply_to_id,
        details=held.details,
        upload_id=types.upload_id_of(held.details),
        is_released=True,
    )
