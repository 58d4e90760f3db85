"""What the environment says, checked: each function turns one setting's text into a value, or says what is wrong."""

import os
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environ import Env

#: The shortest and the plainest key we accept: 128 bits in hexadecimal digits pass, `changemechangeme…` does not.
KEY_LENGTH = 32
KEY_VARIETY = 10
DEFAULT_PORTS = {"http": 80, "https": 443}


class Environment(Env):
    """The variables, and what a wrong one is told."""

    def int(self, var: str, default: object = Env.NOTSET) -> int:
        try:
            number: int = super().int(var, default)
        except ValueError as error:
            raise ImproperlyConfigured(f"{var}: {self.str(var)!r} is not a whole number.") from error
        return number


def data_dir(path: Path) -> Path:
    """`path`, made for its owner alone if it is new."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path.resolve()


def secret_key(given: str, folder: Path, *, debug: bool) -> str:
    """The key that was given, refused if it is weak; else this installation's own, made once and kept in `folder`."""
    if not given:
        return _own_secret_key(folder / "secret_key")
    weak = len(given) < KEY_LENGTH or len(set(given)) < KEY_VARIETY or given.startswith("django-insecure")
    if weak and not debug:
        raise ImproperlyConfigured(
            f"SECRET_KEY is weak. Leave it out, and one is made and kept in {folder}; "
            f"or give at least {KEY_LENGTH} random characters, as `openssl rand -hex 32` prints them."
        )
    return given


def _own_secret_key(path: Path) -> str:
    if not path.exists():
        # Written aside and linked: of several first starts at one moment all use the key of one, and none an empty one.
        draft = path.with_name(f".secret_key.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(64))
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


def origins(given: Sequence[str]) -> list[str]:
    """Origins as a browser sends them: scheme, host, and the port unless it is the scheme's own. Nothing looser."""
    return [_origin(text) for text in given]


def _origin(text: str) -> str:
    try:
        parts = urlsplit(text)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme, host, port = "", None, None
    if scheme not in DEFAULT_PORTS or not host or "*" in host or parts.path.strip("/") or parts.query or parts.username:
        raise ImproperlyConfigured(
            f"ALLOWED_ORIGINS: {text!r} is not an origin. Give scheme, host and port, like https://chat.example or "
            "http://192.168.1.5:8000; wildcards are not possible."
        )
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}" + ("" if port in (None, DEFAULT_PORTS[scheme]) else f":{port}")


def origins_of(hosts: Iterable[str], port: int) -> list[str]:
    """The plain-HTTP origins of hosts at our own port; a host that is a pattern has none."""
    return origins([f"http://{host}:{port}" for host in hosts if "*" not in host and not host.startswith(".")])


def hosts_of(allowed: Iterable[str]) -> list[str]:
    """The hosts of origins, as `Host` names them."""
    hosts = (urlsplit(origin).hostname or "" for origin in allowed)
    return [f"[{host}]" if ":" in host else host for host in hosts]


def socket_origins(allowed: Iterable[str]) -> list[str]:
    """The same origins for the socket: older browsers do not take them to be 'self' in a Content-Security-Policy."""
    return ["ws" + origin.removeprefix("http") for origin in allowed]


def decimals(given: str) -> int | None:
    """How exact a place is told; None for as exact as it came."""
    if given == "":
        return None
    if given not in "012345":
        raise ImproperlyConfigured(f"LOCATION_DECIMALS: {given!r} is not a number from 0 to 5.")
    return int(given)


def media_storage(env: Environment) -> dict[str, Any]:
    """Where uploaded files stay: MEDIA_ROOT, or an S3 bucket if one is named."""
    bucket = env.str("S3_BUCKET", default="")
    if not bucket:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    options = {
        "bucket_name": bucket,
        "endpoint_url": env.str("S3_ENDPOINT", default="") or None,
        "region_name": env.str("S3_REGION", default="") or None,
        "location": env.str("S3_PREFIX", default=""),
        "default_acl": None,
        "file_overwrite": False,
        "max_memory_size": 64 * 1024,  # what is read goes through the disk
    }
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
