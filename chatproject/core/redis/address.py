"""REDIS_URL as connections: one server, or the master that Sentinels name.

    redis://user:password@host:6379/0        rediss:// with TLS; options follow as ?name=value
    unix:///path/redis.sock
    redis+sentinel://user:password@host:26379,host2:26379/mymaster/0
                                             rediss+sentinel:// with TLS, to the Sentinels too

User, password and options are those of the Redis server, and options are redis-py's. The Sentinels'
own user and password are the options `sentinel_username` and `sentinel_password`.
"""

from typing import Any
from urllib.parse import urlsplit

import redis
from django.core.exceptions import ImproperlyConfigured
from redis.connection import parse_url
from redis.sentinel import Sentinel, SentinelConnectionPool

SENTINEL_PORT = 26379
_SENTINEL_FORM = "redis+sentinel://host:26379,host2:26379/mymaster/0"
#: What other programs call it, each with an address of another form.
_SIMILAR_SCHEMES = ("sentinel", "sentinels", "redis-sentinel", "rediss-sentinel")
_PLAIN_SCHEMES = {"redis+sentinel": "redis", "rediss+sentinel": "rediss"}


def checked(url: str) -> str:
    """The address, whose form is right. Raises ImproperlyConfigured with a sentence that does not repeat it: passwords
    are in it.
    """
    try:
        layer_host(url)
    except ValueError as error:
        raise ImproperlyConfigured(f"REDIS_URL: {error}. docs/operating.md shows its forms.") from error
    return url


def layer_host(url: str) -> dict[str, Any]:
    """The address as channels-redis takes it in `hosts`. Raises ValueError."""
    scheme = urlsplit(url).scheme
    if scheme in _PLAIN_SCHEMES:
        return _sentinel_host(url)
    if scheme in _SIMILAR_SCHEMES:
        raise ValueError(f"for Sentinels write {_SENTINEL_FORM}")
    parse_url(url)  # raises ValueError
    return {"address": url}


def layer_hosts(url: str) -> list[dict[str, Any]]:
    """The `hosts` of our channel layer. The timeouts are a single publish's; subscribed connections have none."""
    return [{"socket_timeout": 5, "socket_connect_timeout": 2, **layer_host(url)}]


def connection_pool(url: str, **options: Any) -> redis.ConnectionPool:
    """A pool of synchronous connections; the URL's options override `options`. May raise ValueError."""
    host = options | layer_host(url)
    if (address := host.pop("address", None)) is not None:
        return redis.ConnectionPool.from_url(address, **host)
    return SentinelConnectionPool(host.pop("master_name"), _sentinels(host), **host)


def sentinels(url: str) -> tuple[Sentinel, str] | None:
    """The Sentinels that an address names, and the name of the master; None for the address of a server."""
    host = layer_host(url)
    return None if "address" in host else (_sentinels(host), host["master_name"])


def _sentinels(host: dict[str, Any]) -> Sentinel:
    return Sentinel(host.pop("sentinels"), sentinel_kwargs=host.pop("sentinel_kwargs"))


def _sentinel_host(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    credentials, _, places = parts.netloc.rpartition("@")
    name, _, database = parts.path.strip("/").partition("/")
    if not name or not places or (database and not database.isdecimal()):
        raise ValueError(f"{parts.scheme}:// needs Sentinels and a master: {_SENTINEL_FORM}")
    scheme = _PLAIN_SCHEMES[parts.scheme]
    server: dict[str, Any] = {**parse_url(f"{scheme}://{credentials}@/{database or 0}?{parts.query}")}
    is_secure = server.pop("connection_class", None) is not None
    own = {"username": server.pop("sentinel_username", None), "password": server.pop("sentinel_password", None)}
    shared = {key: value for key, value in server.items() if key.startswith(("ssl_", "socket_"))}
    # Of a Sentinel that hangs. One that is away is not tried again, with pauses, before the next one.
    timeouts = {"socket_timeout": 1.0, "socket_connect_timeout": 1.0, "retry": None}
    tls = {"ssl": True} if is_secure else {}
    return {
        "sentinels": [_host_and_port(place) for place in places.split(",")],
        "master_name": name,
        "sentinel_kwargs": {**timeouts, **shared, **tls, **{key: value for key, value in own.items() if value}},
        **server,
        **tls,
    }


def _host_and_port(place: str) -> tuple[str, int]:
    parts = urlsplit(f"//{place}")
    if not parts.hostname:
        raise ValueError(f"{place!r} is not the address of a Sentinel")
    return parts.hostname, parts.port or SENTINEL_PORT
