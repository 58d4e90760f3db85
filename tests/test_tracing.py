"""Traces: what took how long, to a collector by OTLP, and nothing that somebody wrote or is called."""

import gzip
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.browser.server import ROOT, Server
from tests.people import Person

pytest.importorskip("opentelemetry.sdk")


class Collector:
    """An OTLP/HTTP receiver; `spans` are those that came, `raw` their bytes."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.raw = b""
        self._came = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer._take(
                    self.path, gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
                )
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _take(self, path: str, body: bytes) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        assert path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = {one.key: one.value.string_value for one in resource.resource.attributes}
            assert names["service.name"] == "tea house"
            with self._came:
                self.raw += body
                self.spans += [span for scope in resource.scope_spans for span in scope.spans]
                self._came.notify_all()

    def wait_for(self, *names: str) -> dict[str, Any]:
        """The last span of each of these names, when all have come."""
        end = time.monotonic() + 60
        with self._came:
            while not set(names) <= (have := {span.name: span for span in self.spans}).keys():
                assert self._came.wait(end - time.monotonic()), f"{set(names) - have.keys()} of {sorted(have)}"
            return have

    def below(self, span: Any) -> list[dict[str, Any]]:
        with self._came:
            return [{"name": one.name, **said_of(one)} for one in self.spans if one.parent_span_id == span.span_id]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def said_of(span: Any) -> dict[str, Any]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


def test_requests_events_commits_the_database_and_redis_are_traced_without_words(
    collector: Collector, tmp_path: Path
) -> None:
    secret = f"secret{os.urandom(8).hex()}"
    with Server(
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.address,
        OTEL_SERVICE_NAME="tea house",
        OTEL_BSP_SCHEDULE_DELAY="100",
    ) as server:
        ann, bob = (Person.signed_up(server.http, f"{name} {secret}") for name in ("ann", "bob"))
        socket = bob.connect()
        ann.post("/private/send", {"receiverId": bob.id, "content": secret}, status=201)
        socket.next("OnPrivate")
        socket.call("EmitPrivate", {"toUid": ann.id, "msg": secret})
        group = ann.post("/group/create", {"name": secret, "memberIds": [bob.id]}, status=201)
        ann.get(f"/group/members/{group['id']}", search=secret)
        ann.request("get", f"/nowhere/{secret}")
        ann.post("/private/send", {"receiverId": bob.id, "content": secret, "type": secret}, status=400)
        spans = collector.wait_for(
            "POST /private/send", "POST /login", "POST /group/create", "GET", "socket EmitPrivate"
        )
    assert said_of(spans["POST /group/create"]) == {
        "http.request.method": "POST",
        "http.route": "/group/create",
        "http.response.status_code": 201,
    }
    created = collector.below(spans["POST /group/create"])
    assert {one["db.operation.name"] for one in created if one["name"] == "database"} >= {"SELECT", "INSERT"}
    assert {one["db.system.name"] for one in created if one["name"] == "redis"} == {"redis"}
    commits = [span for span in collector.spans if span.name.startswith("commit of ")]
    assert sum(said_of(span)["chat.batch.size"] for span in commits) >= 2
    assert any(one["name"] == "database" for span in commits for one in collector.below(span))
    for told in (secret, ann.id, bob.id, group["id"], ann.token, "127.0.0.1"):
        assert told.encode() not in collector.raw, told


def test_without_a_collector_nothing_that_traces_is_loaded() -> None:
    # The client of Redis loads other parts of it, where they are installed.
    asks = (
        "import sys, chatproject.asgi; parts = ('opentelemetry.sdk.trace', 'opentelemetry.exporter'); "
        "print([name for name in sys.modules if name.startswith(parts)])"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", asks], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
