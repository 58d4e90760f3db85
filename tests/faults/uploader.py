"""Many uploads at once: python -m tests.faults.uploader PORT FILE KIND TOKEN ...

A process of its own, so that its cost is not counted as the server's. It sends one upload for each
token, repeats refused ones until all are accepted, and prints a line for each answer: status,
seconds.
"""

import http.client
import re
import socket
import sys
import threading
import time
from pathlib import Path

BOUNDARY = b"a5c1b2d3e4f5"
HEAD = (
    b'--%(b)s\r\nContent-Disposition: form-data; name="mediaType"\r\n\r\n%(kind)s\r\n'
    b'--%(b)s\r\nContent-Disposition: form-data; name="media"; filename="a name"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n"
)
TAIL = b"\r\n--" + BOUNDARY + b"--\r\n"


def upload(port: int, path: Path, kind: str, token: str) -> tuple[int, float]:
    """The status, and Retry-After in seconds."""
    head = HEAD % {b"b": BOUNDARY, b"kind": kind.encode()}
    length = len(head) + path.stat().st_size + len(TAIL)
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection, path.open("rb") as file:
        lines = (
            "POST /upload HTTP/1.1",
            "Host: 127.0.0.1",
            f"Authorization: Bearer {token}",
            f"Content-Type: multipart/form-data; boundary={BOUNDARY.decode()}",
            f"Content-Length: {length}",
        )
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + head)
        connection.sendfile(file)
        connection.sendall(TAIL)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        body = answer.read()
        assert answer.status in (201, 503), body
        assert answer.status == 201 or re.search(rb'"code": ?"busy"', body), body
        return answer.status, float(answer.getheader("Retry-After") or 0)


printing = threading.Lock()


def go_on(port: int, path: Path, kind: str, token: str) -> None:
    while True:
        began = time.monotonic()
        status, again = upload(port, path, kind, token)
        with printing:  # print writes the line in two parts
            print(status, time.monotonic() - began, flush=True)
        if status == 201:
            return
        time.sleep(again)


if __name__ == "__main__":
    port, path, kind, *tokens = sys.argv[1:]
    threads = [threading.Thread(target=go_on, args=(int(port), Path(path), kind, token)) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
