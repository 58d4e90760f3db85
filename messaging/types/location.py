"""A place, as satellites and browsers have it (WGS-84), and as the maps of each program want it."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Annotated, Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from chatproject.core.errors import Invalid
from chatproject.core.fields import Fields, helped, line, unchecked
from messaging.media import files, geocoder, places
from messaging.types.base import Type

_DEGREES = {"type": ["number", "null"], "format": "double"}


class LocationInput(Fields, frozen=True, kw_only=True):
    #: Judged by `places.point`, both together.
    latitude: Annotated[Any, unchecked("WGS-84, degrees north", _DEGREES)] = None
    longitude: Annotated[Any, unchecked("WGS-84, degrees east", _DEGREES)] = None
    address: Annotated[str, line(1000, blank=True)] | None = None
    name: Annotated[str, line(1000, blank=True)] | None = None


class PointOutput(Fields, frozen=True, kw_only=True):
    latitude: float
    longitude: float


class LocationOutput(Fields, frozen=True, kw_only=True):
    latitude: Annotated[float, helped("WGS-84")]
    longitude: Annotated[float, helped("WGS-84")]
    address: str
    name: str
    gcj02: Annotated[PointOutput, helped("The same place on maps of Amap, Tencent, and Apple and Google within China")]
    bd09: Annotated[PointOutput, helped("The same place on maps of Baidu")]
    links: Annotated[
        dict[str, str],
        helped("Addresses that open it in a map or navigation program: amap, baidu, apple, google, osm, geo"),
    ]


class LocationInputs(Fields, frozen=True, kw_only=True):
    location_data: Annotated[LocationInput, helped("location: where")] | None = None


class LocationOutputs(Fields, frozen=True, kw_only=True):
    location_data: LocationOutput | None


class Location(Type):
    name, label = "location", _("place")
    inputs = LocationInputs
    outputs = LocationOutputs
    has_words = True
    shelf = "places"

    def read(self, given: LocationInputs) -> dict[str, Any]:
        said = given.location_data or LocationInput()
        try:
            place = places.point(said.latitude, said.longitude, decimals=settings.LOCATION_DECIMALS)
        except Invalid as wrong:
            raise Invalid(
                errors={f"locationData.{name}": texts for name, texts in (wrong.errors or {}).items()}
            ) from None
        words = {
            "address": files.one_line(said.address or "", 300),
            "name": files.one_line(said.name or "", files.NAME),
        }
        return {"details": {"locationData": {**place._asdict(), **words}}}

    def needs_geocoding(self, details: Mapping[str, Any]) -> bool:
        return bool(settings.GEOCODER_URL) and not details["locationData"]["address"]

    def geocoded(self, details: dict[str, Any], language: str) -> dict[str, Any]:
        said = details["locationData"]
        place = places.to_datum(places.Point(said["latitude"], said["longitude"]), settings.GEOCODER_DATUM)
        address = geocoder.address_of(*place, language)
        return {"locationData": {**said, "address": address}}

    def shown(self, details: Mapping[str, Any]) -> Mapping[str, Any]:
        said = details["locationData"]
        place = places.Point(said["latitude"], said["longitude"])
        maps = {"gcj02": places.to_gcj02(place)._asdict(), "bd09": places.to_bd09(place)._asdict()}
        return {"locationData": {**said, **maps, "links": places.links(place, said["name"])}}

    def words(self, details: Mapping[str, Any]) -> Iterable[str]:
        return details["locationData"]["name"], details["locationData"]["address"]

    def with_words(self, details: dict[str, Any], words: Sequence[str]) -> dict[str, Any]:
        name, address = words
        return {**details, "locationData": {**details["locationData"], "name": name, "address": address}}

    def key(self, details: Mapping[str, Any]) -> Hashable:
        said = details["locationData"]
        return said["latitude"], said["longitude"], said["name"]  # the address may be ours
