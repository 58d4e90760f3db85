"""Places by their names, and their addresses, before they are sent: a few at a time, in turns, on threads of their own.

Somebody else's service answers, which may take its time. So one person asks one question at a time, few wait, and past
them the answer is `busy`; a message that is sent meanwhile finds the geocoder free.
"""

from collections.abc import Iterator

from django.conf import settings

from accounts.models import User
from chatproject.core.db.transactions import release_connection
from chatproject.core.errors import Invalid
from chatproject.core.sandbox.turns import Turns, WaitingRoom
from messaging.media import geocoder, places

#: Questions at the same time, fewer than the geocoder takes, and of one person.
RUNNING_MAX, RUNNING_EACH = geocoder.REQUESTS_MAX - 1, 1
#: Those that run or wait, and of one person: who types or moves a map asks again before the last answer.
PRESENT_MAX, PRESENT_EACH = 8, 2
#: Threads for their requests, more than there are places: the next one is refused at once.
THREADS = 10
#: Seconds that a question waits for its turn.
TURN_TIMEOUT_SECONDS = 4.0
#: Of degrees that are told: about a decimetre.
DECIMALS = 6

_room = WaitingRoom(Turns(RUNNING_MAX, RUNNING_EACH), PRESENT_MAX, PRESENT_EACH, TURN_TIMEOUT_SECONDS)


def find_places(*, by: User, text: str, language: str) -> list[geocoder.Found]:
    """Places of this name on Earth, WGS-84, the best first; none without a service that knows. Blocks. Raises Busy."""
    release_connection()
    with _room.turn(str(by.pk)):
        return list(_on_earth(geocoder.search(text, language)))


def _on_earth(found: list[geocoder.Found]) -> Iterator[geocoder.Found]:
    for one in found:
        try:
            place = places.from_datum(places.point(one.latitude, one.longitude), settings.GEOCODER_DATUM)
        except Invalid:
            continue
        latitude, longitude = (round(degrees, DECIMALS) for degrees in place)
        yield one._replace(latitude=latitude, longitude=longitude)


def address_of(*, by: User, place: places.Point, language: str) -> str:
    """The address of a place, WGS-84; "" where it is not known. Blocks. Raises Busy."""
    release_connection()
    with _room.turn(str(by.pk)):
        return geocoder.address_of(*places.to_datum(place, settings.GEOCODER_DATUM), language)
