"""A service that knows addresses and places, on loopback."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def geocoder(
    answer: Callable[[Any], None], query: str = "lat={latitude}&lon={longitude}&lang={language}"
) -> Iterator[tuple[str, list[str]]]:
    """The address of a service that answers so, as a setting has it; and what it was asked."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            answer(self)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = False  # none is left behind
        is_over = threading.Event()

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/?{query}", asked
        finally:
            server.is_over.set()
            server.shutdown()
            thread.join()


def says(body: bytes, status: int = 200, **headers: str) -> Callable[[Any], None]:
    def answer(handler: Any) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


#: What no service says that knows: it leads elsewhere, says something else, or nothing as long as anybody waits.
USELESS: list[Callable[[Any], None]] = [
    says(b"", 302, Location="http://127.0.0.1:1/"),
    says(b"not JSON"),
    lambda handler: handler.server.is_over.wait(60),
]
