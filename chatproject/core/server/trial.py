"""REDIS_URL, tried as the chat uses it: a server that cannot be used is refused at the start, in one sentence.

A server that does not answer is no reason: the chat does without until it does.
"""

import asyncio
import logging
import secrets
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import redis
from django.conf import settings
from redis import exceptions
from redis.sentinel import MasterNotFoundError

from chatproject.core.hub.layer import Layer
from chatproject.core.redis import address, documented_key, key

log = logging.getLogger(__name__)

#: Seconds for an answer, and for what is published to be heard.
ANSWER_SECONDS, HEARD_SECONDS = 2.0, 3.0

#: What a server answers that could be used, but not at this moment.
_PASSING = ("MISCONF", "BUSY", "NOREPLICAS", "LOADING", "MASTERDOWN")


class Refused(Exception):
    """A server answers, and the chat cannot use it. The text says why, and what to set."""


def require() -> None:
    """Raises Refused. That the server of REDIS_URL does not answer is only logged."""
    if not settings.REDIS_EMBEDDED:
        require_usable(settings.REDIS_URL)


def require_usable(url: str) -> None:
    """Raises Refused. That the server of this address does not answer is only logged."""
    try:
        if (sentinels := address.sentinels(url)) is not None:
            _require_master(*sentinels)
        with closing(_connected(url)) as server:
            require_kind(server)
            for what, use in USES.items():
                _require_use(what, use, server)
        asyncio.run(_require_hearing(url))
    except redis.RedisError as error:
        if reason := _reason(error):
            raise Refused(f"REDIS_URL: {reason}") from error
        log.warning("redis: it does not answer (%s): the chat does without it until it does", error)
    except TypeError as error:  # of redis-py, about an option that it does not know
        raise Refused(f"REDIS_URL: one of its options is none: {error}") from error


def _connected(url: str) -> Any:
    pool = address.connection_pool(url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS)
    return redis.Redis(connection_pool=pool)


def _reason(error: BaseException) -> str:
    """Why a server that answers is none for us; "" where it does not answer, or will later."""
    for one in _chain(error):
        if isinstance(one, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {one.verify_message}. ?ssl_ca_certs=FILE names who vouches for it."
        if isinstance(one, ssl.SSLError) and not isinstance(one, ssl.SSLEOFError):
            return f"TLS does not come about: {one.reason}. Does it speak TLS at this port?"
    match error:
        case exceptions.AuthenticationError() | exceptions.AuthorizationError():
            return f"the server refuses this user or password: {error}"
        case exceptions.ReadOnlyError():
            return "this server is a replica, which takes no writes. Name its master, or its Sentinels."
        case exceptions.MovedError() | exceptions.ClusterDownError():
            return _CLUSTER
        case exceptions.OutOfMemoryError():
            return ""
        case exceptions.ResponseError() | exceptions.InvalidResponse():
            return "" if str(error).startswith(_PASSING) else f"the server refuses us: {error}"
    return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


# What it is -----------------------------------------------------------------------------------------------------------

_CLUSTER = "this is a node of a Redis Cluster, which the chat does not use. Name a single server, or Sentinels."


def require_kind(server: Any) -> None:
    """Raises Refused for a node of a cluster, and for a Sentinel that is named like a server."""
    try:
        said = server.execute_command("HELLO")
    except exceptions.AuthenticationError:
        raise
    except exceptions.ResponseError:  # a server that is too old to say it, or that must not
        return
    words = said if isinstance(said, dict) else dict(zip(said[::2], said[1::2], strict=False))
    match words.get(b"mode", words.get("mode")):
        case b"cluster" | "cluster":
            raise Refused(f"REDIS_URL: {_CLUSTER}")
        case b"sentinel" | "sentinel":
            raise Refused(
                "REDIS_URL: this is a Sentinel, which holds no data. Write redis+sentinel://host:26379/NAME, with the "
                "name of the master that it watches."
            )


def _require_master(sentinels: Any, name: str) -> None:
    """Raises Refused if a Sentinel that answers does not watch the master of this name."""
    away: Exception | None = None
    for sentinel in sentinels.sentinels:
        place = "{host}:{port}".format(**sentinel.connection_pool.connection_kwargs)
        try:
            watched = sorted(sentinel.sentinel_masters())
        except exceptions.AuthenticationError as error:
            raise Refused(
                f"REDIS_URL: the Sentinel at {place} refuses us: {error}. ?sentinel_username=…&sentinel_password=… are "
                "its own user and password."
            ) from error
        except exceptions.ResponseError as error:
            raise Refused(f"REDIS_URL: the server at {place} is no Sentinel: {error}") from error
        except redis.RedisError as error:
            if reason := _reason(error):
                raise Refused(f"REDIS_URL: the Sentinel at {place}: {reason}") from error
            away = error
            continue
        if name not in watched:
            raise Refused(
                f"REDIS_URL: the Sentinel at {place} watches no master {name!r}, but {', '.join(watched) or 'none'}."
            )
        return
    raise MasterNotFoundError(f"no Sentinel answers: {away}")


# What it lets us do ---------------------------------------------------------------------------------------------------


def _require_use(what: str, use: Callable[[Any], None], server: Any) -> None:
    try:
        use(server)
    except exceptions.NoPermissionError as error:
        raise Refused(f"REDIS_URL: its user may not use {what}: {error}. {rights()}") from error


def rights() -> str:
    """What a user with limited rights needs, for an operator to read."""
    own = _prefix()
    documented = "" if documented_key("") else ", ~user:* and ~group:*"
    return f"It needs the keys ~{own}*{documented} and the channels &{own}*: docs/operating.md has the command."


def _prefix() -> str:
    """What the names of keys and channels begin with."""
    return key("").removesuffix(":")


def _keys(server: Any) -> None:
    """Keys of our own, and those that operators know."""
    name = key(f"trial:{secrets.token_hex(4)}")
    known = [documented_key(f"{kind}:trial:{secrets.token_hex(4)}") for kind in ("user:unread", "group:lastmsg")]
    with server.pipeline() as line:
        line.set(name, "1", ex=10).get(name).expire(name, 10)
        line.hset(f"{name}:h", "a", "1").hgetall(f"{name}:h").hmget(f"{name}:h", "a").expire(f"{name}:h", 10)
        line.zadd(f"{name}:z", {"a": 1}).zmscore(f"{name}:z", ["a"]).zrange(f"{name}:z", 0, 1).zcard(f"{name}:z")
        line.expire(f"{name}:z", 10)
        for one in known:
            line.set(one, "1", ex=10)
        line.mget(known).unlink(*known)
        line.delete(name, f"{name}:h", f"{name}:z")
        line.execute()


def _scripts(server: Any) -> None:
    script = server.register_script("redis.call('TIME'); return redis.call('EXISTS', ARGV[1])")
    server.eval(script.script, 0, key("trial"))
    server.script_load(script.script)
    server.evalsha(script.sha, 0, key("trial"))


def _channels(server: Any) -> None:
    """The names of a process's subscriptions, in the commands of the layer."""
    group = f"{_prefix()}__group__trial.{secrets.token_hex(4)}"
    server.pubsub_numsub(group)
    with server.pubsub() as heard:
        heard.subscribe(group, f"{_prefix()}__processes__")
        until = time.monotonic() + HEARD_SECONDS
        is_subscribed = False
        while time.monotonic() < until:
            message = heard.get_message(timeout=0.1)
            if message and message["type"] == "subscribe" and not is_subscribed:
                is_subscribed = True
                server.publish(group, "1")
            if message and message["type"] == "message":
                return
    raise Refused(f"REDIS_URL: {_UNHEARD}")


_UNHEARD = "what is published there is not heard. Is there one server behind this address?"

#: By what an operator calls it.
USES: dict[str, Callable[[Any], None]] = {"keys": _keys, "scripts": _scripts, "channels": _channels}


async def _require_hearing(url: str) -> None:
    """Raises Refused unless two processes that connect as ours do hear each other."""
    first, second = (Layer(hosts=address.layer_hosts(url), prefix=_prefix()) for _ in range(2))
    group, heard = f"trial.{secrets.token_hex(4)}", asyncio.Event()
    try:
        channel = await first.here().listen(lambda *_heard: heard.set())
        await first.here().add([group], channel)
        await second.here().listen(lambda *_heard: None)
        second.here().publish(group, b"\n")
        async with asyncio.timeout(HEARD_SECONDS):
            await heard.wait()
    except TimeoutError as error:
        raise Refused(f"REDIS_URL: {_UNHEARD}") from error
    finally:
        for layer in (first, second):
            await layer.flush()
