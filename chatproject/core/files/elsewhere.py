"""Addresses at which somebody else hands out stored files for a while: a CDN, or a web server of its own host.

Such an address shows the file to everybody who has it, until it expires. The chat gives one only to people who may see
the file at that moment: after a recall nobody gets another, and a member who was removed does not. A recalled file is
also gone from where the CDN would fetch it.
"""

import hashlib
import time
from base64 import urlsafe_b64encode
from urllib.parse import quote, urlsplit

from django.conf import settings


def address(path: str) -> str:
    """The signed address of a stored file, good for at least MEDIA_URL_SECONDS and at most twice as long.

    For everyone who asks within that time it is the same one, so that browsers keep the file. The signature is what
    nginx's `secure_link_md5 "$secure_link_expires$uri KEY"` checks: base64url of MD5, which is no weakness here,
    because nobody can choose what is signed.
    """
    period = settings.MEDIA_URL_SECONDS
    expires = (int(time.time()) // period + 2) * period
    signed = f"{expires}{urlsplit(settings.MEDIA_URL_BASE).path}{path} {settings.MEDIA_URL_KEY}"
    digest = hashlib.md5(signed.encode(), usedforsecurity=False).digest()
    signature = urlsafe_b64encode(digest).rstrip(b"=").decode()
    return f"{settings.MEDIA_URL_BASE}{quote(path)}?md5={signature}&expires={expires}"
