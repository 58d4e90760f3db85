"""The address of a place, asked of the one service that the operator names; without one, nobody is asked."""

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

#: Seconds a sender waits for it, and those who are asked for at the same time; the others go without.
TIMEOUT_SECONDS = 2.0
AT_ONCE = 4
#: Bytes of an answer, and characters of an address.
ANSWER = 64 * 1024
ADDRESS = 300

_turns = threading.BoundedSemaphore(AT_ONCE)


class _NoRedirects(HTTPRedirectHandler):
    """Wherever it wants to send us, we do not go."""

    def redirect_request(self, *_args: Any) -> None:
        return None


@cache
def _opener() -> OpenerDirector:
    return build_opener(_NoRedirects)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="geocoder")


def address_of(latitude: float, longitude: float, language: str) -> str:
    """ "" where it is not known within `TIMEOUT_SECONDS`. Blocks; the log says no place."""
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
            said = json.loads(answer.read(ANSWER))
    except HTTPError as refused:
        with refused:
            raise
    return files.one_line(str(said["display_name"]), ADDRESS)
