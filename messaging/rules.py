"""Permissions and limits for messages and uploads."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.rules import require_voice
from chatproject.core.errors import ChatError, Conflict, Forbidden, Invalid
from chatproject.core.files.space import StorageFull
from chatproject.core.text import one_emoji
from chatproject.core.times import now
from groups.models import Membership
from groups.rules import require_may_write
from messaging import selectors, types
from messaging.models import Message, Upload

#: Characters of a message.
TEXT_MAX = 8000
#: Chats in one request.
CHATS_MAX = 500
#: Chats of which a client names the version that it has, in one sync: a request's body takes no more.
SYNCED_MAX = 5000
#: Messages over which a member can set their cursor back, which are counted.
BACK_MAX = 10_000
#: Pinned messages of a chat.
PINNED_MAX = 50
#: Messages that one request forwards, counted once for each chat.
FORWARDED_MAX = 30
#: Different emoji on a message, and those of one person.
EMOJI_MAX, EMOJI_EACH = 20, 8


class QuotaExceeded(ChatError):
    """The user's files exceed UPLOAD_QUOTA, or a guest's UPLOAD_QUOTA_GUESTS; recalling some frees
    space.
    """

    status = 413
    code = "quota_exceeded"
    title = _("Your files take all the space you have here.")


def require_quota(owner: User, size: int) -> None:
    """Raise QuotaExceeded if `size` more bytes of the owner's exceed what they may store."""
    quota = settings.UPLOAD_QUOTA_GUESTS if owner.is_guest else settings.UPLOAD_QUOTA
    if quota and selectors.used_bytes(owner) + size > quota:
        raise QuotaExceeded()


def require_total(size: int) -> None:
    """Raise StorageFull if `size` more bytes exceed what all together may store."""
    if settings.UPLOAD_TOTAL and selectors.stored_bytes() + size > settings.UPLOAD_TOTAL:
        raise StorageFull()


class UploadSent(Conflict):
    code = "upload_sent"
    title = _("This file was sent already. Upload it again to send it again.")


def require_recall(by: User, message: Message, membership: Membership) -> None:
    """Recall: the sender within RECALL_WINDOW, or at any time where it has no end; a group's admins at any time."""
    if message.type == types.SYSTEM:
        raise Forbidden(_("This line cannot be recalled."))
    if membership.is_admin:
        return
    if message.sender_id != by.pk:
        raise Forbidden(_("You can recall only what you sent."))
    window = settings.RECALL_WINDOW
    if window is not None and now() - message.sent_at > timedelta(seconds=window):
        raise Forbidden(_("It is too late to recall this message."), code="recall_too_late")


def require_forward(message: Message) -> None:
    """Forward: what people said, until it is recalled."""
    if message.type == types.SYSTEM:
        raise Forbidden(_("This line cannot be forwarded."))
    if message.is_recalled:
        raise Conflict(_("This message was recalled."), code="recalled")


def require_edit(by: User, message: Message, membership: Membership, content: str) -> None:
    """Edit: the sender within EDIT_WINDOW, where they may write; nobody what another wrote, who is named as its
    author.
    """
    require_voice(by)
    if message.sender_id != by.pk or message.type == types.SYSTEM or types.author_of(message.details):
        raise Forbidden(_("You can edit only what you wrote."))
    require_may_write(membership)
    if message.is_recalled:
        raise Conflict(_("This message was recalled."), code="recalled")
    if settings.EDIT_WINDOW and now() - message.sent_at > timedelta(seconds=settings.EDIT_WINDOW):
        raise Forbidden(_("It is too late to edit this message."), code="edit_too_late")
    if not content.strip() and types.TYPES[message.type].needs_words:
        raise Invalid(errors={"content": [_("This field may not be blank.")]})


def require_pin(by: User, message: Message, membership: Membership) -> None:
    """Pin a message, or unpin it: both people of a private chat, a group's admins."""
    require_voice(by)
    if not message.room.is_direct and not membership.is_admin:
        raise Forbidden(_("Only the group's owner and administrators may do this."))
    if message.type == types.SYSTEM:
        raise Forbidden(_("This line cannot be pinned."))


def require_back(membership: Membership, seq: int) -> None:
    """Set the cursor back to `seq`: over BACK_MAX messages at most."""
    if membership.read_seq - seq > BACK_MAX:
        raise Conflict(_("That is too far back to be marked unread."), code="too_far_back")


def require_pinnable(message: Message) -> None:
    """One more pinned message: until it is recalled, and there are PINNED_MAX in its chat."""
    if message.is_recalled:
        raise Conflict(_("This message was recalled."), code="recalled")
    if len(message.room.pins) >= PINNED_MAX:
        said = _("%(count)d messages are pinned here. Unpin one first.") % {"count": PINNED_MAX}
        raise Conflict(said, code="too_many_pinned")


class TooManyReactions(Conflict):
    code = "too_many_reactions"
    title = _("There are too many reactions on this message.")


def require_emoji(text: str) -> str:
    """The one emoji that a text is, as it is stored. Raises Invalid."""
    emoji = one_emoji(text)
    if emoji is None:
        raise Invalid(errors={"emoji": [_("This is not one emoji.")]})
    return emoji


def require_reactable(message: Message) -> None:
    """Reactions: on what people said, until it is recalled."""
    if message.type == types.SYSTEM:
        raise Forbidden(_("Nobody can react to this line."))
    if message.is_recalled:
        raise Conflict(_("This message was recalled."), code="recalled")


def require_place_for(emoji: str, by: User, reactions: Collection[tuple[str, UUID]]) -> None:
    """Raise TooManyReactions if a message with these reactions, (emoji, user), takes no more of a person's."""
    if sum(user_id == by.pk for _emoji, user_id in reactions) >= EMOJI_EACH:
        raise TooManyReactions(format_lazy(_("You have reacted with {most} emoji to this message."), most=EMOJI_EACH))
    different = {one for one, _user_id in reactions}
    if emoji not in different and len(different) >= EMOJI_MAX:
        raise TooManyReactions(format_lazy(_("This message has {most} different emoji already."), most=EMOJI_MAX))


class MentionOfAll(Forbidden):
    code = "mention_of_all"
    title = _("Only a group’s owner and administrators can mention everybody.")


def require_private_mentions(details: Mapping[str, Any] | None, people: Collection[UUID]) -> None:
    """Raise Invalid if a message between two people mentions anybody else."""
    named = {one["userId"] for one in types.mentions.mentions_of(details)}
    if named and named.difference(map(str, people)):
        raise Invalid(errors={"mentions": [_("In a private chat only the other person can be mentioned.")]})


def refusal_to_carry(upload: Upload | None, address: str, type_: str, sender: User) -> ChatError | None:
    """The error for attaching the upload at an address to a sender's message of a type, or None."""
    if upload is None or upload.owner_id != sender.pk or types.ADDRESS + upload.path != address:
        return Invalid(errors={"mediaUrl": [_("You have uploaded nothing there.")]})
    if upload.type != type_:
        return Invalid(errors={"type": [_("The file at mediaUrl is of another type.")]})
    if upload.message_id is not None:
        return UploadSent()
    return None
