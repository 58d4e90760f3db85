"""What is counted and timed, in Prometheus' format.

Each process counts for itself. Where several serve, each keeps its numbers in a file of the folder that
`PROMETHEUS_MULTIPROC_DIR` names, and any of them, or the process that started them, reads all of them:
`text()`. `chatproject/core/server/workers.py` names the folder.
"""

import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from wsgiref.simple_server import WSGIServer

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    start_http_server,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from chatproject.core import tracing

#: The environment variable of the folder in which several processes keep their numbers.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"

CONTENT_TYPE = CONTENT_TYPE_LATEST

_FAST = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_SLOW = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500)

# Who is here ----------------------------------------------------------------------------------------------------------

sockets = Gauge("chat_sockets", "Open WebSocket connections", multiprocess_mode="livesum")
people_online = Gauge("chat_people_online", "People online, in all processes", multiprocess_mode="mostrecent")

# A message's way ------------------------------------------------------------------------------------------------------

messages_waiting = Gauge("chat_messages_waiting", "Messages that wait for their commit", multiprocess_mode="livesum")
messages_stored = Counter("chat_messages_stored", "Messages stored")
batch_messages = Histogram("chat_batch_messages", "Messages that one transaction stored", buckets=_SIZES)
commit_seconds = Histogram("chat_commit_seconds", "Time to store a batch of messages", buckets=_SLOW)
delivery_seconds = Histogram(
    "chat_delivery_seconds",
    "Time from publishing events until they are written to this process's sockets",
    buckets=_FAST,
)
events = Counter("chat_events", "Events that this process delivered to its sockets")
deliveries = Counter("chat_deliveries", "Events times the sockets that they were delivered to")
loop_late_seconds = Histogram(
    "chat_loop_late_seconds", "How late the event loop was, seen every second or more often", buckets=_FAST
)
drops = Counter("chat_dropped_sockets", "Sockets closed because their client read too slowly")

# What it rests on -----------------------------------------------------------------------------------------------------

database_seconds = Histogram("chat_database_seconds", "Time of a statement in the database", buckets=_FAST)
redis_seconds = Histogram("chat_redis_seconds", "Time of a command or a pipeline in Redis", buckets=_FAST)
remembered = Counter("chat_remembered", "Unread counts and chat lists, by who answered: redis or database", ["source"])
history_pages = Counter(
    "chat_history_pages",
    "Pages of histories, by tier and by what Redis had of them: hit, partly (changes were added) or miss",
    ["tier", "outcome"],
)
history_bytes = Gauge(
    "chat_history_bytes", "Bytes of the pages in Redis, by tier", ["tier"], multiprocess_mode="mostrecent"
)
page_repairs = Counter("chat_history_repairs", "Conversations whose pages in Redis were wrong and were forgotten")
repairs = Counter("chat_unread_repairs", "Memberships about which Redis was wrong and was put right")

search_waiting = Gauge(
    "chat_search_waiting",
    "Messages that the index of searches does not have yet: searches read them",
    multiprocess_mode="mostrecent",
)
search_seconds = Histogram("chat_search_seconds", "Time of a search, its turn not waited for", buckets=_SLOW)

# What clients ask -----------------------------------------------------------------------------------------------------

http_seconds = Histogram("chat_http_seconds", "Time of a request", ["method", "route"], buckets=_SLOW)
http_responses = Counter("chat_http_responses", "Responses", ["method", "route", "status"])
refusals = Counter("chat_refusals", "Errors that clients were told, by HTTP and by socket", ["code"])
filter_hits = Counter("chat_filter_hits", "Texts with words of a list", ["action"])
uploads = Counter("chat_uploads", "Files stored", ["kind"])
upload_bytes = Counter("chat_upload_bytes", "Bytes of files stored")
pushes = Counter("chat_pushes", "Notifications handed to push services", ["outcome"])

#: Methods that have a time series of their own; a client can send any word.
_METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])


def answered(method: str, route: str | None, status: int, since: float) -> None:
    """Count a response. `route`: its pattern in urls.py; None where no route fits. `since`: of time.perf_counter."""
    seconds, responses = _of_route(method if method in _METHODS else "other", route or "none", status)
    seconds.observe(time.perf_counter() - since)
    responses.inc()
    said: dict[str, str | int] = {"http.request.method": method, "http.response.status_code": status}
    if route is not None:
        said["http.route"] = f"/{route}"
    tracing.describe(method if route is None else f"{method} /{route}", **said)


@cache  # finding them takes longer than counting
def _of_route(method: str, route: str, status: int) -> tuple[Histogram, Counter]:
    return http_seconds.labels(method, route), http_responses.labels(method, route, status)


@contextmanager
def timed(what: Histogram) -> Iterator[None]:
    since = time.perf_counter()
    try:
        yield
    finally:
        what.observe(time.perf_counter() - since)


# Reading them ---------------------------------------------------------------------------------------------------------


def text() -> bytes:
    """All processes' numbers."""
    return generate_latest(_registry(os.environ.get(FOLDER, "")))


def _registry(folder: str) -> CollectorRegistry:
    if not folder:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=folder)
    return registry


def new_folder(parent: Path) -> str:
    """An empty folder for the numbers of the processes that are about to start; those of earlier ones are removed."""
    shutil.rmtree(parent, ignore_errors=True)
    folder = parent / secrets.token_hex(4)
    folder.mkdir(mode=0o700, parents=True)
    return str(folder)


def forget_process(process: int, folder: str) -> None:
    """Drop what a process that has ended said of now; what it counted stays."""
    mark_process_dead(process, path=folder)


@contextmanager
def served_at(address: tuple[str, int] | None, folder: str = "") -> Iterator[None]:
    """Serve the numbers, of the processes of `folder` or of this one, at an address of their own."""
    if address is None:
        yield
        return
    host, port = address
    server: WSGIServer
    thread: threading.Thread
    server, thread = start_http_server(port, host, registry=_registry(folder))
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
