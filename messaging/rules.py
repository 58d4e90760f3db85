"""Who may say, change and take back what, and how much of it."""

from datetime import timedelta

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chatproject.core.errors import Conflict, Forbidden
from chatproject.core.times import now
from groups.models import Membership
from messaging.models import Message

#: Characters of a text.
TEXT_MAX = 8000
#: Chats in one request.
CHATS_MAX = 500


def require_recall(by: User, message: Message, seat: Membership) -> None:
    """The sender within the window; a group's admins at any time."""
    if message.type == Message.Type.SYSTEM:
        raise Forbidden(_("This line cannot be recalled."))
    if seat.is_admin:
        return
    if message.sender_id != by.pk:
        raise Forbidden(_("You can recall only what you sent."))
    if now() - message.sent_at > timedelta(seconds=settings.RECALL_WINDOW):
        raise Forbidden(_("It is too late to recall this message."), code="recall_too_late")


def require_edit(by: User, message: Message) -> None:
    if message.sender_id != by.pk or message.type != Message.Type.TEXT:
        raise Forbidden(_("You can edit only the texts that you sent."))
    if message.is_recalled:
        raise Conflict(_("This message was recalled."), code="recalled")
