"""Rules for the addresses of push services, and rate limits.

Clients choose the addresses and this server connects to them: so they must be https, at port 443,
and outside our own network. WEB_PUSH_LOCAL lifts this, for tests and for a push service of one's
own.
"""

import base64
import ipaddress
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from chatproject.core.errors import Conflict, Invalid
from chatproject.core.redis import rate_limits

ENDPOINT_MAX = 2000
RATE_SUBSCRIPTIONS = "30/h"
RATE_TESTS = "6/m"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: IPv6 addresses that stand for IPv4 ones (RFC 6052): the last four bytes are the IPv4 address.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
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
    if not _is_allowed(endpoint):
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
        return "." in host and not host.rstrip(".").endswith(_OWN_NAMES)


def is_public(address: Address) -> bool:
    """Whether an address is public, also one embedded in another (mapped, 6to4, Teredo, NAT64)."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if address in _NAT64:
            inner = ipaddress.IPv4Address(address.packed[-4:])
        if inner:
            return is_public(inner)
    return address.is_global and not address.is_multicast


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
