"""The one door to live sockets.

`publish` may be called from any thread, after the commit. It never fails and never waits: what is pushed is a hint, at
most once, in order per topic and publisher; whoever missed one learns of it by the next heartbeat and syncs. The
sockets of the publishing process hear an event at once, Redis or not; it goes through Redis once per other process that
has somebody to hear it, is encoded once, and what waits for a topic when a process wakes leaves as one frame to the
sockets that understand batches.
"""

from chatproject.core.hub.frames import EXTENSION as WIRE
from chatproject.core.hub.frames import wire_of
from chatproject.core.hub.layer import EVENT_TYPE, encode
from chatproject.core.hub.node import (
    close_all,
    close_sockets,
    every,
    join,
    leave,
    lifespan,
    listen,
    local,
    person_changed,
    publish,
    publish_to,
    register,
    soon,
    subscribe_user,
    subscribed,
    unregister,
    unsubscribe_user,
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
    "is_room",
    "join",
    "leave",
    "lifespan",
    "listen",
    "local",
    "paused",
    "person_changed",
    "publish",
    "publish_to",
    "register",
    "room_topic",
    "soon",
    "status_topic",
    "subscribe_user",
    "subscribed",
    "unregister",
    "unsubscribe_user",
    "user_topic",
    "wire_of",
]  # fmt: skip
