"""Channels' routers and an origin check that keep nothing of a connection.

An asynchronous `__call__` lives as long as the connection behind it, and keeps the scope with all
its headers: 4.7 KiB for each idle socket in Channels' own routers. These are plain methods that
return the inner application's coroutine.
"""

from collections.abc import Awaitable
from typing import Any

from asgiref.sync import markcoroutinefunction
from channels import routing
from django.conf import settings

from chatproject.core.hosts import is_ours


class ProtocolTypeRouter(routing.ProtocolTypeRouter):
    """Channels' router by `scope["type"]`."""

    @markcoroutinefunction  # for servers that ask whether this is ASGI 3
    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        application = self.application_mapping.get(scope["type"])
        if application is None:
            raise ValueError(f"no application for {scope['type']}")
        return application(scope, receive, send)  # type: ignore[no-any-return]


class URLRouter(routing.URLRouter):
    """Channels' router by path. It refuses the handshake of any other path with 403."""

    @markcoroutinefunction
    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        path = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/")
        for route in self.routes:
            if match := route.pattern.match(path):
                _, args, kwargs = match
                url_route = {"args": args, "kwargs": {**kwargs, **route.default_args}}
                return route.callback({**scope, "url_route": url_route}, receive, send)  # type: ignore[no-any-return]
        return _deny(receive, send)


async def _deny(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.close"})


class HostCheck:
    """ASGI middleware: a handshake whose Host is missing, foreign or given twice is refused with 403.

    Django checks the Host of requests. A foreign one on a socket is a page of somebody else's whose
    name was made to lead here.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    @markcoroutinefunction
    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        hosts = [value for name, value in scope["headers"] if name.lower() == b"host"]
        if len(hosts) != 1 or not is_ours(hosts[0]):
            return _deny(receive, send)
        return self._application(scope, receive, send)  # type: ignore[no-any-return]


class OriginCheck:
    """ASGI middleware: a handshake loses its cookies unless its Origin is exactly one of
    ALLOWED_ORIGINS.

    Any page may open a socket to us, and the browser sends the cookies along. Channels'
    `OriginValidator` refuses such a handshake; clients with a token have no Origin and must pass.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    @markcoroutinefunction
    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        origins = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"origin"]
        if len(origins) != 1 or origins[0] not in settings.ALLOWED_ORIGINS:
            headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"cookie"]
            scope = {**scope, "headers": headers}
        return self._application(scope, receive, send)  # type: ignore[no-any-return]
