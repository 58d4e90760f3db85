"""Headers that Django's middleware does not set, and those of responses that it does not see."""

from collections.abc import Callable, MutableMapping

from django.http import HttpRequest
from django.http.response import HttpResponseBase

#: For an answer that is for its receiver alone: no browser and no proxy keeps it.
PRIVATE = "no-store"
#: What our pages use of a browser, and what nothing on them may ask for.
PERMISSIONS = ", ".join(
    [f"{name}=(self)" for name in ("autoplay", "camera", "fullscreen", "geolocation", "microphone")]
    + [
        f"{name}=()"
        for name in (
            "accelerometer",
            "display-capture",
            "encrypted-media",
            "gyroscope",
            "magnetometer",
            "midi",
            "payment",
            "screen-wake-lock",
            "usb",
            "xr-spatial-tracking",
        )
    ]
)


class PrivateByDefault:
    """Django middleware: a response that does not say how it may be cached is not to be."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        response.headers.setdefault("Cache-Control", PRIVATE)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        return response


def add_to_static(headers: MutableMapping[str, str], path: str, url: str) -> None:
    """Add what SecurityMiddleware adds to all other responses."""
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Permissions-Policy"] = PERMISSIONS
