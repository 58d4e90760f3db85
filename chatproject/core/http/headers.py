"""Headers of what Django's middleware never sees."""

from collections.abc import MutableMapping


def add_to_static(headers: MutableMapping[str, str], path: str, url: str) -> None:
    """What SecurityMiddleware adds to everything else."""
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
