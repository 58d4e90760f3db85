"""Which values of `Host` are answered."""

from functools import lru_cache

from django.conf import settings
from django.http.request import split_domain_port, validate_host


@lru_cache(256)
def is_ours(host: bytes) -> bool:
    """Whether a `Host` header names this installation; a missing one, b"", does not."""
    domain, _ = split_domain_port(host.decode("latin-1"))
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)
