"""Who a browser's request is from, and what it remembers of us."""

from functools import partial

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject
from rest_framework.request import Request

from accounts import services
from accounts.models import Device, User


def device_of(request: HttpRequest) -> Device | None:
    """The living device whose session cookie this request carries: one query, once per request."""
    if not hasattr(request, "_device"):
        device = services.device_for_session(request.COOKIES.get(settings.SESSION_COOKIE_NAME, ""))
        if device is not None and device.is_stale:
            request.session.modified = True  # the cookie lives on as the device does
        request._device = device  # type: ignore[attr-defined]
    return request._device  # type: ignore[attr-defined,no-any-return]


def _user_of(request: HttpRequest) -> User | AnonymousUser:
    device = device_of(request)
    return device.user if device is not None else AnonymousUser()


async def _auser_of(request: HttpRequest) -> User | AnonymousUser:
    return await sync_to_async(_user_of)(request)


def client_of(request: HttpRequest | Request) -> str:
    """What a client calls itself: the name of a new device."""
    return str(request.headers.get("User-Agent", ""))


def speak(response: HttpResponseBase, language: str) -> None:
    """Let this browser's pages speak `language` from now on; "": as it asks by itself."""
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


class DeviceMiddleware(AuthenticationMiddleware):
    """`request.user` by the session cookie's device. Django's own way, a user's id in the session, opens nothing."""

    def process_request(self, request: HttpRequest) -> None:
        request.user = SimpleLazyObject(lambda: _user_of(request))  # type: ignore[assignment]
        request.auser = partial(_auser_of, request)
