"""Encryption at rest: AES-256-GCM with data keys that a wrapping key opens.

`keyring` seals and opens bytes, `wrapping` finds the wrapping key, `data_keys` has the keys of this installation and
`ring()`, the process's own.
"""

from chatproject.core.sealing.data_keys import (
    LEARNED_SECONDS,
    Status,
    forget,
    is_used,
    opening_ring,
    prepare,
    refresh,
    rewrap,
    ring,
    rotate,
    status,
)
from chatproject.core.sealing.keyring import KeyRing, NotAuthentic
from chatproject.core.sealing.wrapping import FILE as OWN_KEY
from chatproject.core.sealing.wrapping import KeyUnavailable, has_own_key

__all__ = [
    "LEARNED_SECONDS",
    "OWN_KEY",
    "KeyRing",
    "KeyUnavailable",
    "NotAuthentic",
    "Status",
    "forget",
    "has_own_key",
    "is_used",
    "opening_ring",
    "prepare",
    "refresh",
    "rewrap",
    "ring",
    "rotate",
    "status",
]
