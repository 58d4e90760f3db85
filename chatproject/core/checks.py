"""System checks of settings that would otherwise fail only while the chat is used."""

import ipaddress
import re
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register

from chatproject.core.redis import rate_limits

RATES = (
    "RATE_MESSAGES",
    "RATE_CHAT_MESSAGES",
    "RATE_ACTIONS",
    "RATE_SIGNUPS",
    "RATE_SIGNINS",
    "RATE_SIGNIN_FAILURES",
    "RATE_UPLOADS",
    "RATE_CONNECTIONS",
    "RATE_PUSHES",
)


@register()
def rates_are_rates(**_: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for name in RATES:
        try:
            rate_limits.parse(getattr(settings, name))
        except ValueError as error:
            found.append(Error(f"{name}: {error}", id="chat.E001"))
    return found


@register()
def everybody_has_a_connection(**_: Any) -> list[CheckMessage]:
    names = ("CONNECTIONS_PER_ADDRESS", "SOCKETS_PER_ADDRESS", "SOCKETS_PER_PERSON")
    return [
        Error(f"{name}: {getattr(settings, name)} lets nobody in", id="chat.E008")
        for name in names
        if getattr(settings, name) < 1
    ]


@register()
def somebody_serves(**_: Any) -> list[CheckMessage]:
    return (
        [] if settings.WORKERS > 0 else [Error(f"WORKERS: {settings.WORKERS} processes cannot serve", id="chat.E004")]
    )


@register()
def registration_is_open_or_closed(**_: Any) -> list[CheckMessage]:
    if settings.REGISTRATION in ("open", "closed"):
        return []
    return [Error(f"REGISTRATION: {settings.REGISTRATION!r} is neither open nor closed", id="chat.E002")]


@register()
def groups_and_guests_are_limited_by_known_words(**_: Any) -> list[CheckMessage]:
    known = {"NEW_GROUPS": ("open", "closed"), "GUESTS_SEE": ("everyone", "contacts")}
    return [
        Error(f"{name}: {getattr(settings, name)!r} is neither {words[0]} nor {words[1]}", id="chat.E008")
        for name, words in known.items()
        if getattr(settings, name) not in words
    ]


@register()
def proxies_are_networks(**_: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for network in settings.TRUSTED_PROXIES:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            found.append(Error(f"TRUSTED_PROXIES: {network!r} is not an address or network", id="chat.E003"))
    return found


#: What the addresses of the geocoder must have in them.
_GEOCODERS = {"GEOCODER_URL": ("{latitude}", "{longitude}"), "GEOCODER_SEARCH_URL": ("{query}",)}


@register()
def the_geocoder_is_an_address(**_: Any) -> list[CheckMessage]:
    return [
        Error(f"{name} is not an http address with {' and '.join(parts)} in it", id="chat.E005")
        for name, parts in _GEOCODERS.items()
        if (url := getattr(settings, name)) and not _is_template(url, parts)
    ]


def _is_template(url: str, parts: tuple[str, ...]) -> bool:
    try:
        whole = url.format(**{part.strip("{}"): "0" for part in parts}, language="en")
    except (LookupError, ValueError):
        return False
    return whole.startswith(("http://", "https://")) and all(part in url for part in parts)


@register()
def nginx_has_the_files(**_: Any) -> list[CheckMessage]:
    prefix = settings.X_ACCEL_REDIRECT
    if not prefix:
        return []
    if not prefix.startswith("/") or not prefix.endswith("/"):
        return [Error(f"X_ACCEL_REDIRECT: {prefix!r} does not begin and end with a slash", id="chat.E006")]
    if "FileSystemStorage" not in settings.STORAGES["default"]["BACKEND"]:
        return [Error("X_ACCEL_REDIRECT: nginx has no files where they are in a bucket", id="chat.E007")]
    if settings.MEDIA_GROUP is None:
        return [
            checks.Warning(
                "X_ACCEL_REDIRECT: nginx reads MEDIA_ROOT only as the same user, or when MEDIA_GROUP names its group.",
                id="chat.W003",
            )
        ]
    return []


@register()
def a_cdn_has_its_key(**_: Any) -> list[CheckMessage]:
    base = settings.MEDIA_URL_BASE
    if not base:
        return []
    if not re.fullmatch(r"https?://[^/?#\s;,]+(?:/[\w.~-]+)*/", base):
        return [Error(f"MEDIA_URL_BASE: {base!r} is not an http address, or does not end with a slash", id="chat.E010")]
    if len(settings.MEDIA_URL_KEY) < 16:
        return [Error("MEDIA_URL_KEY: the key of MEDIA_URL_BASE needs 16 characters at least", id="chat.E011")]
    if settings.MEDIA_URL_SECONDS < 1:
        return [Error("MEDIA_URL_SECONDS is not a number of seconds", id="chat.E012")]
    return []


@register()
def a_cdn_has_the_path_that_we_serve(**_: Any) -> list[CheckMessage]:
    base = settings.STATIC_URL_BASE
    if not base or re.fullmatch(rf"https?://[^/?#\s;,]+{settings.STATIC_PATH}", base):
        return []
    return [
        Error(
            f"STATIC_URL_BASE: {base!r} is not an http address, or does not end with {settings.STATIC_PATH}",
            id="chat.E013",
        )
    ]


@register()
def a_bucket_hands_out_what_it_has(**_: Any) -> list[CheckMessage]:
    if not settings.MEDIA_FROM_BUCKET:
        return []
    if settings.MEDIA_URL_BASE:
        return [Error("MEDIA_FROM_BUCKET: MEDIA_URL_BASE names another place to hand out files", id="chat.E014")]
    if not settings.STORAGES["default"].get("OPTIONS"):
        return [Error("MEDIA_FROM_BUCKET: there is no bucket without S3_BUCKET", id="chat.E015")]
    return []


@register()
def files_are_encrypted_too(**_: Any) -> list[CheckMessage]:
    names = [name for name in ("MEDIA_URL_BASE", "MEDIA_FROM_BUCKET", "X_ACCEL_REDIRECT") if getattr(settings, name)]
    if not names or not settings.ENCRYPTION:
        return []
    return [
        checks.Warning(
            f"{' and '.join(names)}: another server hands files out as they are stored, so uploaded files are not "
            "encrypted. What people write is.",
            id="chat.W004",
        )
    ]


@register()
def hosts_are_known(**_: Any) -> list[CheckMessage]:
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    return [
        checks.Warning(
            "ALLOWED_HOSTS admits every host: a foreign name that leads here is served like your own.", id="chat.W001"
        )
    ]


@register()
def a_tls_proxy_is_trusted(**_: Any) -> list[CheckMessage]:
    if settings.TRUSTED_PROXIES or not settings.SESSION_COOKIE_SECURE:
        return []
    return [
        checks.Warning(
            "The origins are https, so a proxy stands in front, but TRUSTED_PROXIES is empty: to the limits everybody "
            "comes from the proxy's address.",
            id="chat.W002",
        )
    ]
