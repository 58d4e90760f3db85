"""Settings from the environment: each function validates one setting's text and returns its value.

They raise ImproperlyConfigured with a sentence that names the setting.
"""

import grp
import hashlib
import os
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environ import Env

from chatproject import own_addresses

#: Characters, and different characters, of a key at least: 128 bits in hexadecimal digits are
#: accepted, `changemechangeme…` is not.
KEY_LENGTH_MIN = 32
KEY_VARIETY_MIN = 10
VAPID_BYTES = 32
DEFAULT_PORTS = {"http": 80, "https": 443}
TILE_PARTS = ("{z}", "{x}", "{y}")
DATUMS = ("wgs84", "gcj02")


#: What turns a setting off; `Env.BOOLEAN_TRUE_STRINGS` turns it on.
OFF = ("off", "false", "no", "n", "0", "")


class Environment(Env):
    """Environment variables, with an error that names the variable of a wrong number or a wrong word."""

    def int(self, var: str, default: object = Env.NOTSET, *, least: int = 0, most: float = inf) -> int:
        try:
            number: int = super().int(var, default)
        except ValueError as error:
            raise ImproperlyConfigured(f"{var}: {self.str(var)!r} is not a whole number.") from error
        if number < least:
            raise ImproperlyConfigured(f"{var}: {number} is less than {least}.")
        if number > most:
            raise ImproperlyConfigured(f"{var}: {number} is more than {most}.")
        return number

    def bool(self, var: str, default: object = Env.NOTSET) -> bool:
        given = self.str(var, default="").strip().lower()
        if given not in OFF and given not in Env.BOOLEAN_TRUE_STRINGS:
            raise ImproperlyConfigured(f"{var}: {given!r} is neither on nor off.")
        is_on: bool = super().bool(var, default)
        return is_on


def group_id(given: str) -> int | None:
    """The id of a group of the system, given by its name or number; None if none is given."""
    if not given:
        return None
    try:
        return int(given) if given.isdigit() else grp.getgrnam(given).gr_gid
    except KeyError:
        raise ImproperlyConfigured(f"MEDIA_GROUP: this system has no group {given!r}.") from None


def data_dir(name: str, path: Path) -> Path:
    """The folder that a setting names, created for its owner alone if it does not exist."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(f"{name}: {path} cannot be made: {error.strerror}.") from error
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise ImproperlyConfigured(f"{name}: this user may not write to {path}.")
    return path.resolve()


def secret_key(given: str, folder: Path, *, debug: bool) -> str:
    """The given key, refused if it is weak; without one, a random key that is made once and kept in
    `folder`.
    """
    if not given:
        return _own(folder / "secret_key", lambda: secrets.token_urlsafe(64))
    weak = len(given) < KEY_LENGTH_MIN or len(set(given)) < KEY_VARIETY_MIN or given.startswith("django-insecure")
    if weak and not debug:
        raise ImproperlyConfigured(
            f"SECRET_KEY is weak. Leave it out, and one is made and kept in {folder}; "
            f"or give at least {KEY_LENGTH_MIN} random characters, as `openssl rand -hex 32` prints them."
        )
    return given


def token(name: str, given: str) -> str:
    """The given token, refused if it could be guessed; "" if none is given."""
    if given and (len(given) < KEY_LENGTH_MIN or len(set(given)) < KEY_VARIETY_MIN or not given.isascii()):
        raise ImproperlyConfigured(
            f"{name} is weak. Give at least {KEY_LENGTH_MIN} random characters, as `openssl rand -hex 32` prints them."
        )
    return given


def address(name: str, given: str) -> tuple[str, int] | None:
    """The host and port of an address like 127.0.0.1:9100 or [::1]:9100; None if none is given."""
    if not given:
        return None
    parts = urlsplit(f"//{given}")
    try:
        port = parts.port
    except ValueError:
        port = None
    if not parts.hostname or not port or parts.path or parts.username:
        raise ImproperlyConfigured(f"{name}: {given!r} is not a host and a port, like 127.0.0.1:9100.")
    return parts.hostname, port


def one_of(name: str, given: str, words: Sequence[str]) -> str:
    if given not in words:
        raise ImproperlyConfigured(f"{name}: {given!r} is none of {', '.join(words)}.")
    return given


def redis_prefix(given: str) -> str:
    """The given prefix of an installation's names in Redis, checked; "" if none is given."""
    if given and not re.fullmatch(r"[a-zA-Z0-9_.-]{1,32}", given):
        raise ImproperlyConfigured(
            f"REDIS_PREFIX: {given!r} is not a prefix. Give 1 to 32 letters, digits, hyphens, underscores and periods."
        )
    return given


def derived_redis_prefix(key: str) -> str:
    """A prefix on which all processes with this SECRET_KEY agree, and which does not reveal it."""
    return "chat-" + hashlib.sha256(b"redis prefix:" + key.encode()).hexdigest()[:16]


def vapid_key(given: str, folder: Path) -> str:
    """The private key for push services, 32 bytes in base64; without one, a key made once and kept
    in `folder`.
    """
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
    from cryptography.hazmat.primitives.asymmetric import ec  # slow to import, and rarely needed

    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return urlsafe_b64encode(number.to_bytes(VAPID_BYTES)).rstrip(b"=").decode()


def vapid_contact(given: str, allowed: Sequence[str]) -> str:
    """The contact for push services, a mailto: or https: address; without one, this installation's
    own address.
    """
    if given and not re.fullmatch(r"mailto:[^@\s]+@[^@\s]+|https://[^/\s]+", given):
        raise ImproperlyConfigured(f"VAPID_CONTACT: {given!r} is not an address like mailto:you@example.org.")
    hosts = [urlsplit(origin).hostname or "" for origin in allowed if origin.startswith("https://")]
    own = next((host for host in hosts if "." in host), "")
    return given or (f"https://{own}" if own else "mailto:chat@localhost")


def _own(path: Path, make: Callable[[], str]) -> str:
    if not path.exists():
        # Written to another file and linked: when several processes start for the first time at
        # once, all use the key of the first, and none reads an empty file.
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
    """Origins as a browser sends them: scheme, host, and the port unless it is the default.

    No patterns.
    """
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
    """The http:// origins of `hosts` at `port`; host patterns are left out."""
    return origins([f"http://{host}:{port}" for host in hosts if "*" not in host and not host.startswith(".")])


def served_hosts(host: str) -> list[str]:
    """The hosts by which other computers reach a server that listens at `host`."""
    if host in own_addresses.EVERY_ADDRESS:
        return own_addresses.own_hosts()
    is_here = host in ("localhost", "::1") or host.startswith("127.")
    return [] if is_here else [f"[{host}]" if ":" in host else host]


def hosts_of(allowed: Iterable[str]) -> list[str]:
    """The hosts of origins, as in the `Host` header."""
    hosts = (urlsplit(origin).hostname or "" for origin in allowed)
    return [f"[{host}]" if ":" in host else host for host in hosts]


def socket_origins(allowed: Iterable[str]) -> list[str]:
    """The ws:// origins for a Content-Security-Policy: older browsers exclude them from 'self'."""
    return ["ws" + origin.removeprefix("http") for origin in allowed]


class Tiles(NamedTuple):
    """Pictures that a map is made of.

    `url`: their address, with {z}, {x}, {y}, and {s} if there are several servers; empty for a map without pictures.
    """

    url: str
    attribution: str = ""
    datum: str = "wgs84"


#: Those that TILE_URL may name instead of an address.
NAMED_TILES = {
    "osm": Tiles(
        "https://tile.openstreetmap.org/{z}/{x}/{y}.png",
        '© <a href="https://www.openstreetmap.org/copyright">OpenStreetMap</a>',
    ),
    "amap": Tiles(
        "https://webrd01.is.autonavi.com/appmaptile?lang=zh_cn&size=1&scale=1&style=8&x={x}&y={y}&z={z}",
        '© <a href="https://www.amap.com/">高德地图 Amap</a>',
        "gcj02",
    ),
}


def tiles(given: str) -> Tiles:
    """The map tiles of a name or an address, which tells nothing about them."""
    if given.lower() in NAMED_TILES:
        return NAMED_TILES[given.lower()]
    if given and not (re.match(r"https?://[^/]|/[^/]", given) and all(part in given for part in TILE_PARTS)):
        raise ImproperlyConfigured(
            f"TILE_URL: {given!r} is not the address of map tiles. Give one like https://tile.example.org/{{z}}/{{x}}/"
            f"{{y}}.png, as its provider documents it, or one of the names {' and '.join(NAMED_TILES)}."
        )
    return Tiles(given)


def origin_of(url: str) -> list[str]:
    """The origin of an address for a Content-Security-Policy; [] where there is none."""
    parts = urlsplit(url)
    return [f"{parts.scheme}://{parts.netloc}"] if parts.netloc else []


def tile_sources(url: str) -> list[str]:
    """The origin of map tiles for a Content-Security-Policy; [] for our own origin."""
    # {s} stands for the names of several servers: a, b, c.
    return [re.sub(r"//[^.]*{s}[^.]*", "//*", origin) for origin in origin_of(url)]


def datum(name: str, given: str) -> str:
    """The coordinates of tiles or of a geocoder: WGS 84, or China's shifted GCJ-02 (Amap, Tencent)."""
    if given.lower() not in DATUMS:
        raise ImproperlyConfigured(f"{name}: {given!r} is not one of {' and '.join(DATUMS)}.")
    return given.lower()


def decimals(given: str) -> int | None:
    """Decimals of a place's coordinates that are kept; None keeps all."""
    if given == "":
        return None
    if given not in "012345":
        raise ImproperlyConfigured(f"LOCATION_DECIMALS: {given!r} is not a number from 0 to 5.")
    return int(given)


def media_storage(env: Environment) -> dict[str, Any]:
    """The storage of uploaded files: MEDIA_ROOT, or an S3 bucket if S3_BUCKET names one."""
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
        "signature_version": "s3v4",
    }
    return {"BACKEND": "chatproject.core.files.bucket.Bucket", "OPTIONS": options}


def bucket_origins(storage: Mapping[str, Any]) -> list[str]:
    """Where a bucket of `media_storage` hands out its files, for a Content-Security-Policy: by its own name, or by a
    path at the name for all buckets.
    """
    options = storage.get("OPTIONS", {})
    if not options:
        return []
    region = options["region_name"]
    general = options["endpoint_url"] or (
        f"https://s3.{region}.amazonaws.com" if region else "https://s3.amazonaws.com"
    )
    parts = urlsplit(general)
    return [f"{parts.scheme}://{parts.netloc}", f"{parts.scheme}://{options['bucket_name']}.{parts.netloc}"]
