"""What a socket's handshake, or a request, shows of who comes with it."""

from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any

from django.conf import settings

_PREFIX = "token."


@dataclass(frozen=True, slots=True)
class Credentials:
    """A token or a session key; never both, or neither."""

    token: str = ""
    session_key: str = ""


def credentials(scope: Any) -> Credentials:
    """A token from `Authorization: Bearer` or the subprotocol `token.<token>`; else the session cookie.

    The cookie counts only with an `Origin` that is exactly one of ours: any page may open a socket to us, and the
    browser sends the cookie along.
    """
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    scheme, _, token = headers.get(b"authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return Credentials(token=token.strip())
    for name in scope["subprotocols"]:
        if name.startswith(_PREFIX):
            return Credentials(token=name.removeprefix(_PREFIX))
    if headers.get(b"origin") in settings.ALLOWED_ORIGINS:
        return Credentials(session_key=_cookie(headers.get(b"cookie", "")))
    return Credentials()


def request_credentials(scope: Any) -> Credentials:
    """The same of an HTTP request: its token, else its session cookie. That counts for what it costs to receive it;
    before anything is done, the page has to prove itself (see accounts.authentication).
    """
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    scheme, _, token = headers.get(b"authorization", "").partition(" ")
    if scheme:
        return Credentials(token=token.strip() if scheme.lower() == "bearer" else "")
    return Credentials(session_key=_cookie(headers.get(b"cookie", "")))


def _cookie(header: str) -> str:
    try:
        morsel = SimpleCookie(header).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return ""
    return morsel.value if morsel else ""
