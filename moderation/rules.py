"""What a text with a listed word is answered with."""

from django.utils.translation import gettext_lazy as _

from chatproject.core.errors import ChatError, Forbidden, Invalid


class ContentRefused(Forbidden):
    """A text has words that a list rejects, or a moderator rejected it. Nothing was stored or sent."""

    code = "content_refused"
    title = _("This contains words that are not allowed here. Nothing was sent.")


class NameRefused(Invalid):
    """A name has words of a list: of names every action is a refusal."""

    code = "content_refused"
    title = _("This name contains words that are not allowed here.")


class TextRefused(Invalid):
    """A text that everybody reads as they read a name has words of a list."""

    code = "content_refused"
    title = _("This contains words that are not allowed here.")


class HeldForReview(ChatError):
    """The text waits for a moderator: stored, and shown to nobody until it is released."""

    status = 202
    code = "held_for_review"
    title = _("This waits for review by a moderator. Nobody else sees it yet.")
