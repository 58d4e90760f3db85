"""Headers of responses that Django's middleware does not see."""

from collections.abc import MutableMapping


def add_to_static(headers: MutableMapping[str, str], path: str, url: str) -> None:
    """Add what SecurityMiddleware adds to all other responses."""
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
