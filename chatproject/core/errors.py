"""What can go wrong, once, for both doors: HTTP answers it as problem+json, a socket as an `error` frame.

`code` is for programs and never changes; `title` and `detail` are for people, in the reader's language.
"""

from collections.abc import Mapping, Sequence

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class ChatError(Exception):
    """A refusal the caller can understand. Everything else that is raised is a bug of ours."""

    status = 400
    code = "bad_request"
    title: Text = _("The request is not valid.")

    def __init__(
        self,
        detail: Text = "",
        *,
        code: str = "",
        errors: Mapping[str, Sequence[Text]] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(str(detail) or self.code)
        self.detail = detail or self.title
        self.code = code or self.code
        self.errors = errors
        self.retry_after = retry_after  # seconds


class BadRequest(ChatError):
    """The request is not in our protocol: not JSON, not an object, too deep."""


class Invalid(ChatError):
    """Fields are missing or wrong; `errors` maps each to its messages."""

    code = "invalid"
    title = _("Some fields are not valid.")


class SignInRequired(ChatError):
    status = 401
    code = "sign_in"
    title = _("Sign in first.")


class InvalidCredentials(ChatError):
    """One answer for a wrong password and an unknown name, so that names cannot be guessed."""

    status = 401
    code = "invalid_credentials"
    title = _("The name or the password is wrong.")


class Forbidden(ChatError):
    status = 403
    code = "forbidden"
    title = _("You may not do this.")


class NotYou(ChatError):
    """The body names somebody else as the one who acts."""

    status = 403
    code = "not_you"
    title = _("You can only act as yourself.")


class NotFound(ChatError):
    """Not there, or not for the caller: the two are the same answer."""

    status = 404
    code = "not_found"
    title = _("There is no such thing here.")


class Conflict(ChatError):
    status = 409
    code = "conflict"
    title = _("This does not fit what is there.")


class ClientIdConflict(Conflict):
    code = "client_id_conflict"
    title = _("This clientId was used for another message.")


class NameTaken(Conflict):
    code = "name_taken"
    title = _("This name is taken.")


class TooLarge(ChatError):
    status = 413
    code = "too_large"
    title = _("This is too large.")


class RateLimited(ChatError):
    """Too much in too short a time; `retry_after` says when to come back."""

    status = 429
    code = "rate_limited"
    title = _("Too many requests. Try again later.")

    def __init__(self, *, retry_after: float, limit: int = 0, window: int = 0) -> None:
        super().__init__(retry_after=retry_after)
        self.limit = limit  # how many are allowed
        self.window = window  # in this many seconds


class Busy(ChatError):
    """We cannot take it now; nothing was stored, and the same request may be sent again."""

    status = 503
    code = "busy"
    title = _("The server is busy. Try again in a moment.")

    def __init__(self, *, retry_after: float = 1.0) -> None:
        super().__init__(retry_after=retry_after)
