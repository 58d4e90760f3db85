"""Who an API request is from: a token's device, or a browser's, which must prove that its own page asked."""

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
    """The request of somebody who is signed in: what a view gets, unless it lets everybody in."""

    user: User
    auth: Device


def me(request: Request) -> User:
    """Who asks, in a view that only the signed-in reach."""
    assert isinstance(request.user, User)
    return request.user


def device(request: Request) -> Device:
    """What he asks with, likewise."""
    assert isinstance(request.auth, Device)
    return request.auth


class DeviceAuthentication(SessionAuthentication):
    """Sets `request.user`, and `request.auth` to the Device. One query."""

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
    """The same for the OpenAPI document."""

    target_class = DeviceAuthentication
    name = ["token", "session"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        return [
            {"type": "http", "scheme": "bearer"},
            {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME},
        ]
