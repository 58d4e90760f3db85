"""Places by their names, and their addresses, before they are sent."""

from collections.abc import Iterator

from django.conf import settings

from chatproject.core.errors import Invalid
from messaging.media import geocoder, places

#: Of degrees that are told: about a decimetre.
DECIMALS = 6


def find_places(text: str, language: str) -> list[geocoder.Found]:
    """Places of this name on Earth, WGS-84, the best first; none without a service that knows. Blocks. Raises Busy."""
    return list(_on_earth(geocoder.search(text, language)))


def _on_earth(found: list[geocoder.Found]) -> Iterator[geocoder.Found]:
    for one in found:
        try:
            place = places.from_datum(places.point(one.latitude, one.longitude), settings.GEOCODER_DATUM)
        except Invalid:
            continue
        latitude, longitude = (round(degrees, DECIMALS) for degrees in place)
        yield one._replace(latitude=latitude, longitude=longitude)


def address_of(place: places.Point, language: str) -> str:
    """The address of a place, WGS-84; "" where it is not known. Blocks."""
    return geocoder.address_of(*places.to_datum(place, settings.GEOCODER_DATUM), language)
