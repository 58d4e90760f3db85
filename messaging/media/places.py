"""Coordinates of places: stored and sent as WGS-84, as satellites and browsers have them, and
shifted for China's maps.

GCJ-02 is the shift required by law (Amap, Tencent, Apple and Google within China), BD-09 is Baidu's
on top of it. The formulas were never published officially; compared with the services they are
right to about a metre.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from chatproject.core.errors import Invalid
from chatproject.core.text import cut


class Point(NamedTuple):
    """Degrees, north and east."""

    latitude: float
    longitude: float


def point(latitude: Any, longitude: Any, *, decimals: int | None = None) -> Point:
    """Check and round coordinates.

    `decimals`: 2 is about a kilometre, 3 a hundred metres, None exact.

    Raises Invalid, by field.
    """
    errors: dict[str, list[str | Promise]] = {}
    numbers = {"latitude": _number(latitude), "longitude": _number(longitude)}
    for (name, number), limit in zip(numbers.items(), (90, 180), strict=True):
        if number is None:
            errors[name] = [_("This is not a number.")]
        elif not -limit <= number <= limit:
            errors[name] = [_("There is no such place on Earth.")]
    if errors:
        raise Invalid(errors=errors)
    rounded = (
        number if decimals is None else round(number, decimals) for number in numbers.values() if number is not None
    )
    return Point(*(number + 0.0 for number in rounded))  # no -0.0


def _number(given: Any) -> float | None:
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    try:
        number = float(given)
    except (OverflowError, ValueError):
        return None
    return number if math.isfinite(number) else None


# The shifts -----------------------------------------------------------------------------------------------------------

#: The ellipsoid of the shift (Krasovsky 1940).
_AXIS = 6378245.0
_ECCENTRICITY_2 = 0.00669342162296594323
_BAIDU = math.pi * 3000 / 180

#: The shifted regions as rectangles (north, west, south, east), and the parts of them that are not
#: shifted.
_SHIFTED = (
    (49.220400, 79.446200, 42.889900, 96.330000),
    (54.141500, 109.687200, 39.374200, 135.000200),
    (42.889900, 73.124600, 29.529700, 124.143255),
    (29.529700, 82.968400, 26.718600, 97.035200),
    (29.529700, 97.025300, 20.414096, 124.367395),
    (20.414096, 107.975793, 17.871542, 111.744104),
)
_EXCEPT = (
    (25.398623, 119.921265, 21.785006, 122.497559),
    (22.284000, 101.865200, 20.098800, 106.665000),
    (21.542200, 106.452500, 20.487800, 108.051000),
    (55.817500, 109.032300, 50.325700, 119.127000),
    (55.817500, 127.456800, 49.557400, 137.022700),
    (44.892200, 131.266200, 42.569200, 137.022700),
)


def is_shifted(place: Point) -> bool:
    """Whether maps of a place are shifted: mainland China, by rectangles, so not exact at its
    borders.
    """
    return _is_in(place, _SHIFTED) and not _is_in(place, _EXCEPT)


def _is_in(place: Point, areas: tuple[tuple[float, float, float, float], ...]) -> bool:
    return any(
        south <= place.latitude <= north and west <= place.longitude <= east for north, west, south, east in areas
    )


def to_gcj02(place: Point) -> Point:
    """From WGS-84; unchanged where maps are not shifted."""
    return _gcj02(place) if is_shifted(place) else place


def from_gcj02(place: Point) -> Point:
    """To WGS-84, the inverse within a millimetre."""
    return _back(_gcj02, place) if is_shifted(place) else place


def to_datum(place: Point, datum: str) -> Point:
    """From WGS-84 to `datum`, "wgs84" or "gcj02"."""
    return to_gcj02(place) if datum == "gcj02" else place


def from_datum(place: Point, datum: str) -> Point:
    """To WGS-84 from `datum`, "wgs84" or "gcj02"."""
    return from_gcj02(place) if datum == "gcj02" else place


def to_bd09(place: Point) -> Point:
    """From WGS-84; unchanged where maps are not shifted."""
    return _bd09(_gcj02(place)) if is_shifted(place) else place


def from_bd09(place: Point) -> Point:
    """To WGS-84, the inverse within a millimetre."""
    return _back(lambda origin: _bd09(_gcj02(origin)), place) if is_shifted(place) else place


def _gcj02(place: Point) -> Point:
    y, x = place.latitude - 35.0, place.longitude - 105.0
    root, both = math.sqrt(abs(x)), _wave(x, (6, 20), (2, 20))
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += both + _wave(y, (1, 20), (1 / 3, 40)) + _wave(y, (1 / 12, 160), (1 / 30, 320))
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += both + _wave(x, (1, 20), (1 / 3, 40)) + _wave(x, (1 / 12, 150), (1 / 30, 300))
    angle = math.radians(place.latitude)
    curve = 1 - _ECCENTRICITY_2 * math.sin(angle) ** 2
    meridian = _AXIS * (1 - _ECCENTRICITY_2) / (curve * math.sqrt(curve))
    parallel = _AXIS / math.sqrt(curve) * math.cos(angle)
    return Point(place.latitude + math.degrees(north / meridian), place.longitude + math.degrees(east / parallel))


def _wave(at: float, *parts: tuple[float, float]) -> float:
    return sum(height * math.sin(often * at * math.pi) for often, height in parts) * 2 / 3


def _bd09(place: Point) -> Point:
    x, y = place.longitude, place.latitude
    far = math.hypot(x, y) + 0.00002 * math.sin(y * _BAIDU)
    angle = math.atan2(y, x) + 0.000003 * math.cos(x * _BAIDU)
    return Point(far * math.sin(angle) + 0.006, far * math.cos(angle) + 0.0065)


def _back(shift: Callable[[Point], Point], place: Point) -> Point:
    """The place that is shifted to `place`, in a few steps: the shift hardly changes over its own
    length.
    """
    origin = place
    for _step in range(10):
        seen = shift(origin)
        miss = Point(place.latitude - seen.latitude, place.longitude - seen.longitude)
        origin = Point(origin.latitude + miss.latitude, origin.longitude + miss.longitude)
        if max(map(abs, miss)) < 1e-9:
            break
    return origin


# Links ----------------------------------------------------------------------------------------------------------------


def links(place: Point, name: str = "") -> dict[str, str]:
    """Links that open a place in map and navigation programs, by the program's name."""
    on_map, by_baidu = to_gcj02(place), to_bd09(place)
    name = cut(" ".join(name.split()), 80)
    label = name or _text(place)
    north, east = _text(place).split(",")
    return {
        "amap": "https://uri.amap.com/marker?"
        + urlencode(
            {"position": _text(on_map, east_first=True), "name": label, "coordinate": "gaode", "callnative": 1}
        ),
        "baidu": "https://api.map.baidu.com/marker?"
        + urlencode(
            {
                "location": _text(by_baidu),
                "title": label,
                "content": label,
                "output": "html",
                "coord_type": "bd09ll" if is_shifted(place) else "wgs84",
                "src": "webapp.chat",
            }
        ),
        "apple": "https://maps.apple.com/?" + urlencode({"ll": _text(on_map), "q": label}),
        "google": "https://www.google.com/maps/search/?" + urlencode({"api": 1, "query": _text(on_map)}),
        "osm": f"https://www.openstreetmap.org/?mlat={north}&mlon={east}#map=17/{north}/{east}",
        "geo": f"geo:{_text(place)}?q={_text(place)}" + (f"({quote(name, safe='')})" if name else ""),
    }


def _text(place: Point, *, east_first: bool = False) -> str:
    """Six decimals, a tenth of a metre."""
    pair = (place.longitude, place.latitude) if east_first else place
    return ",".join(f"{number:.6f}" for number in pair)
