"""Requests that hash a password, and wait for their turn."""

from accounts import passwords
from chatproject.core.http.queued import QueuedHandler

#: The pages, and with the API's route all paths, to which names and passwords are posted.
_PAGES = frozenset(("/sign-in/", "/sign-up/"))
SIGN_INS = _PAGES | {"/login"}


def sign_ins() -> QueuedHandler:
    """The ASGI application of these paths."""
    return QueuedHandler(
        places=passwords.SIGN_INS_MAX,
        each=passwords.SIGN_INS_EACH,
        length=passwords.LINE_MAX,
        length_each=passwords.LINE_EACH,
        timeout_seconds=passwords.LINE_SECONDS,
        pages=_PAGES,
    )
