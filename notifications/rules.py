"""What a push service's address may be, and how often somebody may ask for something here.

Addresses are given by clients, and we ask them: so they are https, at the usual port, and nowhere in our own network.
`WEB_PUSH_LOCAL` lifts that, for tests and for a push service of one's own.
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

#: IPv6 addresses by which some networks reach IPv4 ones: the last four bytes are those.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
#: Names that only a network of one's own knows.
_OWN_NAMES = (".local", ".localhost", ".internal", ".lan", ".home.arpa")


class PushIsOff(Conflict):
    code = "push_off"
    title = _("Notifications without an open page are turned off on this server.")


def require_push() -> None:
    if not settings.WEB_PUSH:
        raise PushIsOff()


def require_endpoint(endpoint: str) -> None:
    """Raises Invalid for what cannot be the address of a push service."""
    if not _may_be_asked(endpoint):
        raise Invalid(errors={"endpoint": [_("This is not the address of a push service.")]})


def _may_be_asked(endpoint: str) -> bool:
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
    """Whether an address is somewhere in the internet, by whatever way it is written."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if address in _NAT64:
            inner = ipaddress.IPv4Address(address.packed[-4:])
        if inner:
            return is_public(inner)
    return address.is_global and not address.is_multicast


def require_keys(p256dh: str, auth: str) -> None:
    """Raises Invalid unless these are a browser's public key, a point of P-256, and its secret of sixteen bytes."""
    from cryptography.hazmat.primitives.asymmetric import ec  # not in a process that nobody asks for this

    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(p256dh))
        is_right = len(decoded(auth)) == 16
    except ValueError:
        is_right = False
    if not is_right:
        raise Invalid(errors={"keys": [_("These are not a browser’s keys.")]})


def decoded(text: str) -> bytes:
    """Base64 as browsers write it. Raises ValueError."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def count_subscription(user_id: UUID) -> None:
    rate_limits.take("push-subscriptions", str(user_id), RATE_SUBSCRIPTIONS)


def count_test(user_id: UUID) -> None:
    rate_limits.take("push-tests", str(user_id), RATE_TESTS)
