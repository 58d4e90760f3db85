"""The only way to live sockets.

`publish` may be called from any thread, after the commit. It never fails and never waits. An event is
a hint: delivered at most once, in order per topic and publisher. A client that missed one learns of it
by its next heartbeat and syncs.

The sockets of the publishing process receive an event at once, with or without Redis. Other processes
receive it through the channel layer (`layer`), once each, if they have a socket for it. An event is
encoded once. Events of one topic that arrive together leave as one frame to sockets opened with
`?batch=1`.
"""

from chatproject.core.hub.frames import EXTENSION as WIRE
from chatproject.core.hub.frames import frame, texts_of, wire_of
from chatproject.core.hub.layer import EVENT_TYPE, encode
from chatproject.core.hub.node import (
    close_all,
    close_sockets,
    every,
    in_turns,
    join,
    leave,
    lifespan,
    listen,
    local,
    open_sockets,
    person_changed,
    publish,
    publish_to,
    push_with_events,
    register,
    round_trip,
    soon,
    subscribe_user,
    subscribed,
    unregister,
    unsubscribe_user,
    when_seen,
)
from chatproject.core.hub.registry import FLOODING, NOT_OUR_PROTOCOL, SIGN_IN, TOO_SLOW, Socket, paused
from chatproject.core.hub.topics import EVERYONE, is_room, room_topic, status_topic, user_topic

__all__ = [
    "EVENT_TYPE",
    "EVERYONE",
    "FLOODING",
    "NOT_OUR_PROTOCOL",
    "SIGN_IN",
    "TOO_SLOW",
    "WIRE",
    "Socket",
    "close_all",
    "close_sockets",
    "encode",
    "every",
    "frame",
    "in_turns",
    "is_room",
    "join",
    "leave",
    "lifespan",
    "listen",
    "local",
    "open_sockets",
    "paused",
    "person_changed",
    "publish",
    "publish_to",
    "push_with_events",
    "register",
    "room_topic",
    "round_trip",
    "soon",
    "status_topic",
    "subscribe_user",
    "subscribed",
    "texts_of",
    "unregister",
    "unsubscribe_user",
    "user_topic",
    "when_seen",
    "wire_of",
]  # fmt: skip
