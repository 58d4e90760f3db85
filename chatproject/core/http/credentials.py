"""The token or session that a handshake or a request carries."""

from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any

from django.conf import settings

_SUBPROTOCOL_PREFIX = "token."
#: Credentials of which at least so many are remembered by `accepted`.
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Credentials:
    """A token or a session key, never both; neither for an anonymous client."""

    token: str = ""
    session_key: str = ""


def socket_credentials(scope: Any) -> Credentials:
    """The token of a handshake, from `Authorization: Bearer` or the subprotocol `token.<token>`;
    else its session.

    `websocket.routing.OriginCheck` has removed the cookies of foreign pages.
    """
    headers = _headers(scope)
    scheme, _, token = headers.get(b"authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return Credentials(token=token.strip())
    for name in scope["subprotocols"]:
        if name.startswith(_SUBPROTOCOL_PREFIX):
            return Credentials(token=name.removeprefix(_SUBPROTOCOL_PREFIX))
    return Credentials(session_key=_session_key(headers))


def request_credentials(scope: Any) -> Credentials:
    """The token of an HTTP request, else its session.

    They decide whether a body is received at all. Before anything is done with it, Django checks the
    request again, and with a session also its CSRF token (see accounts.authentication).
    """
    headers = _headers(scope)
    scheme, _, token = headers.get(b"authorization", "").partition(" ")
    if scheme:
        return Credentials(token=token.strip() if scheme.lower() == "bearer" else "")
    return Credentials(session_key=_session_key(headers))


# Hashes of credentials that were found to be good, the newer and the older ones.
_accepted: tuple[set[int], set[int]] = (set(), set())


def accepted(token: str = "", session_key: str = "") -> None:
    """Note that a device is signed in by these: when the server is full, it is let in before others."""
    global _accepted
    if len(_accepted[0]) >= _REMEMBERED:
        _accepted = (set(), _accepted[0])
    _accepted[0].add(hash((token, session_key)))


def was_accepted(shown: Credentials) -> bool:
    """Whether these were good when they were last shown; they may have been revoked since."""
    mark = hash((shown.token, shown.session_key))
    return any(mark in some for some in _accepted)


def _headers(scope: Any) -> dict[bytes, str]:
    return {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _session_key(headers: dict[bytes, str]) -> str:
    try:
        morsel = SimpleCookie(headers.get(b"cookie", "")).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return ""
    return morsel.value if morsel else ""
