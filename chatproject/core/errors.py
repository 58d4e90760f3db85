"""Errors for clients: HTTP answers them as problem+json, a socket as an `error` frame.

`code` is for programs and never changes; `title` and `detail` are for people, in their language.
"""

from collections.abc import Mapping, Sequence

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class ChatError(Exception):
    """An error that the client can understand. Any other exception is a bug of ours."""

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
    """The request does not follow our protocol: not JSON, not an object, nested too deeply."""


class Invalid(ChatError):
    """Fields are missing or wrong; `errors` maps each field to its messages."""

    code = "invalid"
    title = _("Some fields are not valid.")


class SignInRequired(ChatError):
    status = 401
    code = "sign_in"
    title = _("Sign in first.")


class InvalidCredentials(ChatError):
    """The same error for a wrong password and an unknown name, so that names cannot be guessed."""

    status = 401
    code = "invalid_credentials"
    title = _("The name or the password is wrong.")


class Forbidden(ChatError):
    status = 403
    code = "forbidden"
    title = _("You may not do this.")


class NotYou(ChatError):
    """The body names another user as the one who acts."""

    status = 403
    code = "not_you"
    title = _("You can only act as yourself.")


class NotFound(ChatError):
    """It does not exist, or the caller may not see it: the answer is the same."""

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


class NameLooksTaken(Conflict):
    code = "name_taken"
    title = _("This name looks like one that is taken.")


class TooLarge(ChatError):
    status = 413
    code = "too_large"
    title = _("This is too large.")


class RateLimited(ChatError):
    """A rate limit is exceeded; `retry_after` is the time in seconds until another try."""

    status = 429
    code = "rate_limited"
    title = _("Too many requests. Try again later.")

    def __init__(self, *, retry_after: float, limit: int = 0, window: int = 0) -> None:
        super().__init__(retry_after=retry_after)
        self.limit = limit  # uses that are allowed
        self.window = window  # within so many seconds


class Busy(ChatError):
    """The server cannot accept this now. Nothing was stored; the same request may be sent again."""

    status = 503
    code = "busy"
    title = _("The server is busy. Try again in a moment.")

    def __init__(self, *, retry_after: float = 1.0) -> None:
        super().__init__(retry_after=retry_after)


class Interrupted(Busy):
    """The connection to the database broke. It was stored or not, so a message is sent again with its `clientId`."""
