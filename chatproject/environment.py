"""What the environment says, checked: each function turns one setting's text into a value, or says what is wrong."""

import hashlib
import os
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environ import Env

#: The shortest and the plainest key we accept: 128 bits in hexadecimal digits pass, `changemechangeme…` does not.
KEY_LENGTH = 32
KEY_VARIETY = 10
VAPID_BYTES = 32
DEFAULT_PORTS = {"http": 80, "https": 443}
TILE_PARTS = ("{z}", "{x}", "{y}")
TILE_DATUMS = ("wgs84", "gcj02")


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
        return _own(folder / "secret_key", lambda: secrets.token_urlsafe(64))
    weak = len(given) < KEY_LENGTH or len(set(given)) < KEY_VARIETY or given.startswith("django-insecure")
    if weak and not debug:
        raise ImproperlyConfigured(
            f"SECRET_KEY is weak. Leave it out, and one is made and kept in {folder}; "
            f"or give at least {KEY_LENGTH} random characters, as `openssl rand -hex 32` prints them."
        )
    return given


def redis_prefix(given: str) -> str:
    """What an installation's names in Redis begin with, as given; "" where nothing is."""
    if given and not re.fullmatch(r"[a-zA-Z0-9_.-]{1,32}", given):
        raise ImproperlyConfigured(
            f"REDIS_PREFIX: {given!r} is not a prefix. Give 1 to 32 letters, digits, hyphens, underscores and periods."
        )
    return given


def derived_redis_prefix(key: str) -> str:
    """A prefix that all processes with this SECRET_KEY agree on, and that tells nothing of it."""
    return "chat-" + hashlib.sha256(b"redis prefix:" + key.encode()).hexdigest()[:16]


def vapid_key(given: str, folder: Path) -> str:
    """The private key by which push services know us: 32 bytes in base64; else our own, made once, kept in `folder`."""
    key = given or _own(folder / "vapid_key", _new_vapid_key)
    try:
        is_key = len(urlsafe_b64decode(key + "=" * (-len(key) % 4))) == VAPID_BYTES
    except ValueError:
        is_key = False
    if not is_key:
        raise ImproperlyConfigured(
            f"VAPID_PRIVATE_KEY: give {VAPID_BYTES} bytes in base64, as `npx web-push generate-vapid-keys` prints "
            f"them; or leave it out, and one is made and kept in {folder}."
        )
    return key


def _new_vapid_key() -> str:
    from cryptography.hazmat.primitives.asymmetric import ec  # not on every start

    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return urlsafe_b64encode(number.to_bytes(VAPID_BYTES)).rstrip(b"=").decode()


def vapid_contact(given: str, allowed: Sequence[str]) -> str:
    """Whom a push service may turn to: a mailto: or https: address; else where this installation is."""
    if given and not re.fullmatch(r"mailto:[^@\s]+@[^@\s]+|https://[^/\s]+", given):
        raise ImproperlyConfigured(f"VAPID_CONTACT: {given!r} is not an address like mailto:you@example.org.")
    hosts = [urlsplit(origin).hostname or "" for origin in allowed if origin.startswith("https://")]
    own = next((host for host in hosts if "." in host), "")
    return given or (f"https://{own}" if own else "mailto:chat@localhost")


def _own(path: Path, make: Callable[[], str]) -> str:
    if not path.exists():
        # Written aside and linked: of several first starts at one moment all use the key of one, and none an empty one.
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(make())
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


def tile_url(given: str) -> str:
    """The address of a map's pictures, with {z}, {x} and {y} in it, and {s} where there are several servers."""
    if given and not (re.match(r"https?://[^/]|/[^/]", given) and all(part in given for part in TILE_PARTS)):
        raise ImproperlyConfigured(
            f"TILE_URL: {given!r} is not the address of map tiles. Give one like "
            "https://tile.example.org/{z}/{x}/{y}.png, as whoever serves them documents it."
        )
    return given


def tile_sources(url: str) -> list[str]:
    """The origin that map tiles come from, as a Content-Security-Policy names it; none where it is our own."""
    if not url or (url.startswith("/") and not url.startswith("//")):
        return []
    parts = urlsplit(url)
    # {s} stands for one of several servers: a, b, c.
    return [f"{parts.scheme}://{re.sub(r'^[^.]*{s}[^.]*', '*', parts.netloc)}"]


def tile_datum(given: str) -> str:
    """Which coordinates the tiles are drawn in: satellites', or China's shifted ones (Amap, Tencent)."""
    if given.lower() not in TILE_DATUMS:
        raise ImproperlyConfigured(f"TILE_DATUM: {given!r} is not one of {' and '.join(TILE_DATUMS)}.")
    return given.lower()


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
