"""The user of a browser's request, and the browser's language cookie."""

from functools import partial
from zoneinfo import ZoneInfo

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin
from django.utils.functional import SimpleLazyObject
from rest_framework.request import Request

from accounts import services
from accounts.models import Device, User
from accounts.notifying import zone_named


def device_of(request: HttpRequest) -> Device | None:
    """The signed-in device of the request's session cookie. One query, once per request."""
    if not hasattr(request, "_device"):
        device = services.device_for_session(request.COOKIES.get(settings.SESSION_COOKIE_NAME, ""))
        if device is not None and device.is_stale:
            request.session.modified = True  # renews the cookie with the device
        request._device = device  # type: ignore[attr-defined]
    return request._device  # type: ignore[attr-defined,no-any-return]


def _user_of(request: HttpRequest) -> User | AnonymousUser:
    device = device_of(request)
    return device.user if device is not None else AnonymousUser()


async def _auser_of(request: HttpRequest) -> User | AnonymousUser:
    return await sync_to_async(_user_of)(request)


def client_of(request: HttpRequest | Request) -> str:
    """The User-Agent of a request: the name of a new device."""
    return str(request.headers.get("User-Agent", ""))


def speak(response: HttpResponseBase, language: str) -> None:
    """Set the browser's language cookie; "" removes it, so that Accept-Language decides again."""
    name, path = settings.LANGUAGE_COOKIE_NAME, settings.LANGUAGE_COOKIE_PATH
    if not language:
        response.delete_cookie(name, path=path, samesite="Lax")
        return
    response.set_cookie(
        name,
        language,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        path=path,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite="Lax",
    )


class LocalTimeMiddleware(MiddlewareMixin):
    """In the administration, times are those of the browser, which names its time zone in a cookie."""

    def process_request(self, request: HttpRequest) -> None:
        zone = _zone_of(request) if request.path.startswith("/admin/") else None
        if zone is not None:
            timezone.activate(zone)
        else:
            timezone.deactivate()


def _zone_of(request: HttpRequest) -> ZoneInfo | None:
    return zone_named(request.COOKIES.get("time_zone", ""))


class DeviceMiddleware(AuthenticationMiddleware):
    """Set `request.user` from the session cookie's device; a user id in the session is ignored."""

    def process_request(self, request: HttpRequest) -> None:
        request.user = SimpleLazyObject(lambda: _user_of(request))  # type: ignore[assignment]
        request.auser = partial(_auser_of, request)
