"""Addresses at which somebody else hands out stored files for a while: a CDN, a web server of its own host, or the
bucket that has them.

Such an address shows the file to everybody who has it, until it expires. The chat gives one only to people who may see
the file at that moment: after a recall nobody gets another, and a member who was removed does not. A recalled file is
also gone from where the CDN would fetch it.
"""

import hashlib
import time
from base64 import urlsafe_b64encode
from functools import lru_cache
from typing import Any, cast
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.core.files.storage import default_storage

#: Addresses of the bucket that are remembered.
_REMEMBERED = 4096


def hands_out() -> bool:
    """Whether somebody else does."""
    return bool(settings.MEDIA_URL_BASE or settings.MEDIA_FROM_BUCKET)


def address(path: str, served_as: str) -> str:
    """The signed address of a stored file, good for at least MEDIA_URL_SECONDS and at most twice as long.

    For everyone who asks within that time it is the same one (of a bucket: by one process), so that browsers keep the
    file.
    """
    period = settings.MEDIA_URL_SECONDS
    number = int(time.time()) // period
    return _in_bucket(path, served_as, period, number) if settings.MEDIA_FROM_BUCKET else _signed(path, period, number)


@lru_cache(_REMEMBERED)
def _in_bucket(path: str, served_as: str, period: int, number: int) -> str:
    answer = {"ResponseContentType": served_as, "ResponseCacheControl": f"private, max-age={period}"}
    return cast(str, cast(Any, default_storage).url(path, parameters=answer, expire=2 * period))


def _signed(path: str, period: int, number: int) -> str:
    """As nginx's `secure_link_md5 "$secure_link_expires$uri KEY"` checks it: base64url of MD5, which is no weakness
    here, because nobody can choose what is signed.
    """
    expires = (number + 2) * period
    signed = f"{expires}{urlsplit(settings.MEDIA_URL_BASE).path}{path} {settings.MEDIA_URL_KEY}"
    digest = hashlib.md5(signed.encode(), usedforsecurity=False).digest()
    signature = urlsafe_b64encode(digest).rstrip(b"=").decode()
    return f"{settings.MEDIA_URL_BASE}{quote(path)}?md5={signature}&expires={expires}"
