"""Authentication of API requests: by token, or by session cookie with a CSRF token."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import services
from accounts.middleware import device_of
from accounts.models import Device, User


class SignedIn(Request):
    """An authenticated request: what every view gets whose permissions require sign-in."""

    user: User
    auth: Device


def me(request: Request) -> User:
    """The user of a request, in a view that requires sign-in."""
    assert isinstance(request.user, User)
    return request.user


def device(request: Request) -> Device:
    """The device of a request, in a view that requires sign-in."""
    assert isinstance(request.auth, Device)
    return request.auth


class DeviceAuthentication(SessionAuthentication):
    """Set `request.user`, and `request.auth` to the Device. One query."""

    def authenticate(self, request: Request) -> tuple[User, Device] | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme:
            shown = services.device_for_token(token.strip()) if scheme.lower() == "bearer" else None
            if shown is None:
                raise AuthenticationFailed()
            return shown.user, shown
        remembered = device_of(request._request)
        if remembered is None:
            return None
        self.enforce_csrf(request)
        return remembered.user, remembered

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class DeviceScheme(OpenApiAuthenticationExtension):
    """`DeviceAuthentication` in the OpenAPI document."""

    target_class = DeviceAuthentication
    name = ["token", "session"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        return [
            {"type": "http", "scheme": "bearer"},
            {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME},
        ]
