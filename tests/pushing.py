"""A push service and a browser's keys, for tests: what is pushed is decrypted as the
browser would.
"""

import base64
import json
import queue
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_key = ec.generate_private_key(ec.SECP256R1())
_SECRET = b"sixteen bytes..."


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def subscription(endpoint: str, **more: Any) -> dict[str, Any]:
    """A browser's subscription for an address, as input of `POST /push/subscribe`."""
    public = _key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return {"endpoint": endpoint, "keys": {"p256dh": _text(public), "auth": _text(_SECRET)}, **more}


class PushService:
    """`with PushService() as service:` receives pushes, and answers as a test configures it."""

    def __init__(self) -> None:
        self._heard: dict[str, queue.Queue[tuple[dict[str, str], bytes]]] = defaultdict(queue.Queue)
        self.statuses: dict[str, int] = defaultdict(lambda: 201)
        #: A path that is in here is answered when its event is set.
        self.slow: dict[str, threading.Event] = {}
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service._heard[self.path].put((dict(self.headers), body))
                if self.path in service.slow:
                    service.slow[self.path].wait(30)
                self.send_response(service.statuses[self.path])
                self.send_header("Location", f"{service.url}/elsewhere")
                self.end_headers()

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "PushService":
        threading.Thread(target=self._server.serve_forever, name="push service", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for event in self.slow.values():
            event.set()
        self._server.shutdown()
        self._server.server_close()

    def next(self, path: str, timeout: float = 60) -> dict[str, Any]:
        """The next push at an address, decrypted, with its HTTP headers under `headers`."""
        headers, body = self._heard[path].get(timeout=timeout)
        plain = http_ece.decrypt(body, private_key=_key, auth_secret=_SECRET, version="aes128gcm")
        return {**json.loads(plain), "headers": headers}

    def is_silent(self, path: str) -> bool:
        return self._heard[path].empty()
