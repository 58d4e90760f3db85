"""The address of a place, from the service at GEOCODER_URL.

Without that setting, no request is made.
"""

import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from functools import cache
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from django.conf import settings

from messaging.media import files

log = logging.getLogger(__name__)

#: Seconds that a sender waits, and requests at the same time; further places get no address.
TIMEOUT_SECONDS = 2.0
REQUESTS_MAX = 4
#: Bytes of a response, and characters of an address.
RESPONSE_MAX = 64 * 1024
ADDRESS_MAX = 300

_turns = threading.BoundedSemaphore(REQUESTS_MAX)


class _NoRedirects(HTTPRedirectHandler):
    """Follow no redirect."""

    def redirect_request(self, *_args: Any) -> None:
        return None


@cache
def _opener() -> OpenerDirector:
    return build_opener(_NoRedirects)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(REQUESTS_MAX, thread_name_prefix="geocoder")


def address_of(latitude: float, longitude: float, language: str) -> str:
    """The address, or "" if it is not known within `TIMEOUT_SECONDS`. Blocks.

    Places are never logged.
    """
    if not _turns.acquire(blocking=False):
        return ""
    url = settings.GEOCODER_URL.format(latitude=f"{latitude:.6f}", longitude=f"{longitude:.6f}", language=language)
    asked = _threads().submit(_ask, url)
    asked.add_done_callback(lambda _: _turns.release())
    try:
        return asked.result(TIMEOUT_SECONDS)
    except (TooLate, OSError, URLError, ValueError, LookupError, TypeError) as failed:
        log.warning("geocoder: no address: %s", type(failed).__name__)
        return ""


def _ask(url: str) -> str:
    request = Request(url, headers={"Accept": "application/json", "User-Agent": "chat"})  # noqa: S310 (see checks.py)
    try:
        with _opener().open(request, timeout=TIMEOUT_SECONDS) as answer:
            said = json.loads(answer.read(RESPONSE_MAX))
    except HTTPError as refused:
        with refused:
            raise
    return files.one_line(str(said["display_name"]), ADDRESS_MAX)
