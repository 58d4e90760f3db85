"""Rules for the addresses of push services and for what notifies a person, and rate limits.

Clients choose the addresses and this server connects to them: so they must be https, at port 443,
and outside our own network. A name is resolved when a client subscribes, and again for each push,
because it may lead elsewhere by then. WEB_PUSH_LOCAL lifts this, for tests and for a push service of
one's own.
"""

import base64
import ipaddress
import re
import socket
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, time
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.notifying import QuietHours, notifies, time_zones
from chatproject.core.errors import Conflict, Invalid
from chatproject.core.redis import rate_limits
from groups.models import Membership
from moderation.matching import key

ENDPOINT_MAX = 2000
#: Keywords of a person, and characters of one.
KEYWORDS_MAX, KEYWORD_MAX = 50, 60
RATE_SUBSCRIPTIONS = "30/h"
RATE_TESTS = "6/m"
#: Pushes to one person that people ask to join one group.
RATE_REQUESTS = "3/10m"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Seconds that a name may take to be resolved when a client subscribes; later it is checked anyhow.
RESOLVE_TIMEOUT_SECONDS = 2.0
#: Names that exist only in private networks.
_OWN_NAMES = (".local", ".localhost", ".internal", ".lan", ".home.arpa")


class PushIsOff(Conflict):
    code = "push_off"
    title = _("Notifications without an open page are turned off on this server.")


def require_push() -> None:
    if not settings.WEB_PUSH:
        raise PushIsOff()


def require_endpoint(endpoint: str) -> None:
    """Raise Invalid for an address that cannot be a push service's."""
    if not _is_allowed(endpoint) or not (settings.WEB_PUSH_LOCAL or _leads_outside(endpoint)):
        raise Invalid(errors={"endpoint": [_("This is not the address of a push service.")]})


def _is_allowed(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint or not host or "@" in parts.netloc:
        return False
    if settings.WEB_PUSH_LOCAL:
        return parts.scheme in ("http", "https")
    return parts.scheme == "https" and port in (None, 443) and _is_outside(host)


def _is_outside(host: str) -> bool:
    try:
        return is_public(ipaddress.ip_address(host))
    except ValueError:
        name = host.rstrip(".")
        return "." in name and not name.endswith(_OWN_NAMES)


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet, and not by way of another one.

    IPv6 addresses that stand for IPv4 ones are not: those that are mapped or compatible and those of
    NAT64 are reserved to `ipaddress`, and 6to4 and Teredo have words of their own.
    """
    if isinstance(address, ipaddress.IPv6Address) and (
        address.is_site_local or address.ipv4_mapped or address.sixtofour or address.teredo
    ):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def are_public(found: Iterable[str]) -> bool:
    """Whether all addresses of a name are public; one that is not may be the one that is used."""
    return all(is_public(ipaddress.ip_address(one)) for one in found)


_resolving = ThreadPoolExecutor(max_workers=2, thread_name_prefix="push-names")


def _leads_outside(endpoint: str) -> bool:
    """Whether the name is of public addresses alone, or cannot be resolved at the moment."""
    host = urlsplit(endpoint).hostname or ""
    try:
        found = _resolving.submit(socket.getaddrinfo, host, 443, type=socket.SOCK_STREAM).result(
            RESOLVE_TIMEOUT_SECONDS
        )
    except (OSError, TimeoutError, UnicodeError):
        return True
    return are_public(str(entry[4][0]) for entry in found)


def require_keys(p256dh: str, auth: str) -> None:
    """Raise Invalid unless these are a browser's public key (a point of P-256) and its secret (16
    bytes).
    """
    from cryptography.hazmat.primitives.asymmetric import ec  # heavy, and few processes need it

    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(p256dh))
        is_right = len(decoded(auth)) == 16
    except ValueError:
        is_right = False
    if not is_right:
        raise Invalid(errors={"keys": [_("These are not a browser’s keys.")]})


def decoded(text: str) -> bytes:
    """Decode base64url without padding. Raises ValueError."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def count_subscription(user_id: UUID) -> None:
    rate_limits.take("push-subscriptions", str(user_id), RATE_SUBSCRIPTIONS)


def count_test(user_id: UUID) -> None:
    rate_limits.take("push-tests", str(user_id), RATE_TESTS)


def within_requests(deciding: Sequence[tuple[UUID, UUID]]) -> list[bool]:
    """Whether each of these (room, member) is to be pushed once more that people ask to join, and count it."""
    return rate_limits.within_each("push-requests", [f"{room}:{user}" for room, user in deciding], RATE_REQUESTS)


# What notifies a person -----------------------------------------------------------------------------------------------

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def is_told(membership: Membership, at: datetime, *, is_called: bool) -> bool:
    """Whether a message notifies a member now. `is_called`: it mentions them, or has a keyword of theirs.

    `membership.user` must be loaded.
    """
    if not notifies(membership.hears, is_muted=membership.is_muted, is_called=is_called):
        return False
    return not membership.user.notifying.is_quiet(at, is_called=is_called)


def quiet_hours(*, start: str, end: str, days: Sequence[int], time_zone: str, mentions: bool) -> QuietHours:
    """Raises Invalid for what is no time, and for a time zone that this machine does not know."""
    if time_zone not in time_zones():
        raise _wrong_hours(_("This is not the name of a time zone."))
    return QuietHours(
        start=_clock(start), end=_clock(end), days=tuple(sorted(set(days))), zone=time_zone, mentions=mentions
    )


def _clock(written: str) -> time:
    found = _CLOCK.fullmatch(written)
    if found is None:
        raise _wrong_hours(_("A time of the day looks like 22:00."))
    return time(int(found[1]), int(found[2]))


def _wrong_hours(text: Promise) -> Invalid:
    return Invalid(errors={"quietHours": [text]})


def clean_keywords(words: Iterable[str]) -> list[str]:
    """The words in one line each, without those that say the same. Raises Invalid for one without a letter or digit."""
    found: dict[str, str] = {}
    for word in words:
        folded = key(word)
        if not folded:
            raise Invalid(errors={"keywords": [_("A keyword needs a letter or a digit.")]})
        found.setdefault(folded, " ".join(word.split()))
    return list(found.values())
