"""A place, as satellites and browsers have it (WGS-84), and as the maps of each program want it."""

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from chatproject.core.errors import Invalid
from messaging.media import files, geocoder, places
from messaging.types.base import Type


class _Degrees(serializers.FloatField):
    """Judged by `places.point`, both together."""

    def to_internal_value(self, data: Any) -> Any:
        return data


class LocationInput(serializers.Serializer[Any]):
    latitude = _Degrees(required=False, allow_null=True, help_text="WGS-84, degrees north")
    longitude = _Degrees(required=False, allow_null=True, help_text="WGS-84, degrees east")
    address = serializers.CharField(max_length=1000, required=False, allow_null=True, allow_blank=True)
    name = serializers.CharField(max_length=1000, required=False, allow_null=True, allow_blank=True)


class PointOutput(serializers.Serializer[Any]):
    latitude = serializers.FloatField()
    longitude = serializers.FloatField()


class LocationOutput(serializers.Serializer[Any]):
    latitude = serializers.FloatField(help_text="WGS-84")
    longitude = serializers.FloatField(help_text="WGS-84")
    address = serializers.CharField()
    name = serializers.CharField()
    gcj02 = PointOutput(help_text="The same place on maps of Amap, Tencent, and Apple and Google within China")
    bd09 = PointOutput(help_text="The same place on maps of Baidu")
    links = serializers.DictField(
        child=serializers.CharField(),
        help_text="Addresses that open it in a map or navigation program: amap, baidu, apple, google, osm, geo",
    )


class Location(Type):
    name, label = "location", _("place")
    inputs = {"locationData": LocationInput(required=False, allow_null=True, help_text="location: where")}
    outputs = {"locationData": LocationOutput(allow_null=True)}
    has_words = True

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        said = given.get("locationData") or {}
        try:
            place = places.point(said.get("latitude"), said.get("longitude"), decimals=settings.LOCATION_DECIMALS)
        except Invalid as wrong:
            raise Invalid(
                errors={f"locationData.{name}": texts for name, texts in (wrong.errors or {}).items()}
            ) from None
        words = {
            "address": files.one_line(said.get("address") or "", 300),
            "name": files.one_line(said.get("name") or "", files.NAME),
        }
        return {"details": {"locationData": {**place._asdict(), **words}}}

    def lacks(self, details: Mapping[str, Any]) -> bool:
        return bool(settings.GEOCODER_URL) and not details["locationData"]["address"]

    def completed(self, details: dict[str, Any], language: str) -> dict[str, Any]:
        said = details["locationData"]
        address = geocoder.address_of(said["latitude"], said["longitude"], language)
        return {"locationData": {**said, "address": address}}

    def shown(self, details: Mapping[str, Any]) -> Mapping[str, Any]:
        said = details["locationData"]
        place = places.Point(said["latitude"], said["longitude"])
        maps = {"gcj02": places.to_gcj02(place)._asdict(), "bd09": places.to_bd09(place)._asdict()}
        return {"locationData": {**said, **maps, "links": places.links(place, said["name"])}}

    def words(self, details: Mapping[str, Any]) -> Iterable[str]:
        return details["locationData"]["name"], details["locationData"]["address"]

    def key(self, details: Mapping[str, Any]) -> Hashable:
        said = details["locationData"]
        return said["latitude"], said["longitude"], said["name"]  # the address may be ours
