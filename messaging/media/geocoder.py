"""The address of a place from the service at GEOCODER_URL, and places of a name from that at GEOCODER_SEARCH_URL.

They answer as Nominatim does, or as Amap's web service does. Without those settings, no request is made. What is asked
and answered is never logged.
"""

import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from functools import cache
from typing import Any, NamedTuple, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from django.conf import settings

from chatproject.core.errors import Busy
from messaging.media import files

log = logging.getLogger(__name__)

#: Seconds that somebody waits, and requests at the same time; what is asked beside them has no answer.
TIMEOUT_SECONDS = 2.0
REQUESTS_MAX = 4
#: Bytes of a response, characters of an address, and places that are found.
RESPONSE_MAX = 64 * 1024
ADDRESS_MAX = 300
FOUND_MAX = 10
#: What an answer that is not as expected raises.
_UNEXPECTED = (ValueError, LookupError, TypeError, AttributeError)
#: Of what Amap tells of a place, its address from the widest part.
_AMAP_PARTS = ("pname", "cityname", "adname", "address")


class Found(NamedTuple):
    """A place of the name that was searched for, its degrees as the service tells them."""

    latitude: Any
    longitude: Any
    name: str
    address: str


Answer = TypeVar("Answer")

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

    The degrees are those of GEOCODER_DATUM.
    """
    if not settings.GEOCODER_URL:
        return ""
    degrees = {"latitude": f"{latitude:.6f}", "longitude": f"{longitude:.6f}"}
    return _asked(settings.GEOCODER_URL.format(**degrees, language=language), _address) or ""


def search(text: str, language: str) -> list[Found]:
    """The places of this name, the best first; none without a service that knows. Blocks.

    Raises Busy if it does not answer within `TIMEOUT_SECONDS`.
    """
    if not settings.GEOCODER_SEARCH_URL:
        return []
    found = _asked(settings.GEOCODER_SEARCH_URL.format(query=quote(text, safe=""), language=language), _places)
    if found is None:
        raise Busy(retry_after=2)
    return found


def _asked(url: str, read: Callable[[Any], Answer]) -> Answer | None:
    """What `read` makes of the answer; None if there is none in time, or another one."""
    if not _turns.acquire(blocking=False):
        return None
    asked = _threads().submit(_ask, url)
    asked.add_done_callback(lambda _: _turns.release())
    try:
        return read(asked.result(TIMEOUT_SECONDS))
    except (TooLate, OSError, URLError, *_UNEXPECTED) as failed:
        log.warning("geocoder: no answer: %s", type(failed).__name__)
        return None


def _ask(url: str) -> Any:
    request = Request(url, headers={"Accept": "application/json", "User-Agent": "chat"})  # noqa: S310 (see checks.py)
    try:
        with _opener().open(request, timeout=TIMEOUT_SECONDS) as answer:
            return json.loads(answer.read(RESPONSE_MAX))
    except HTTPError as refused:
        with refused:
            raise


def _address(said: Any) -> str:
    shown = said["regeocode"]["formatted_address"] if "regeocode" in said else said["display_name"]
    return _line(shown, ADDRESS_MAX)


def _places(said: Any) -> list[Found]:
    """Of those that are told, those that have a name and degrees."""
    read, all_told = (_nominatim, said) if isinstance(said, list) else (_amap, said["pois"])
    found = []
    for told in all_told[:FOUND_MAX]:
        try:
            found.append(read(told))
        except _UNEXPECTED:
            continue
    return found


def _nominatim(told: Any) -> Found:
    address = _line(told["display_name"], ADDRESS_MAX)
    name = _line(told.get("name"), files.NAME) or address.partition(",")[0]
    return Found(told["lat"], told["lon"], name, address)


def _amap(told: Any) -> Found:
    longitude, latitude = told["location"].split(",")
    # A municipality is its own province. What a place lacks is [].
    parts = dict.fromkeys(_line(told.get(part), ADDRESS_MAX) for part in _AMAP_PARTS)
    return Found(latitude, longitude, _line(told["name"], files.NAME), files.one_line("".join(parts), ADDRESS_MAX))


def _line(told: Any, length: int) -> str:
    return files.one_line(told, length) if isinstance(told, str) else ""
