"""Requests wait in a fair order: a crowd behind one address leaves places for everybody else."""

import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest

from accounts.views import SignInView
from chatproject.core.http.handler import THREADS
from tests.people import Person

GREEDY, HONEST = "203.0.113.1", "203.0.113.2"


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The sign-in page is not answered before this is set."""
    go = threading.Event()
    answer = SignInView.dispatch

    def dispatch(view: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        assert go.wait(60)
        return answer(view, request, *args, **kwargs)

    monkeypatch.setattr(SignInView, "dispatch", dispatch)
    yield go
    go.set()


def test_requests_of_one_address_leave_threads_for_the_others(
    person: Any, anonymous: Person, held: threading.Event, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    ann = person("ann")
    with ThreadPoolExecutor(2 * THREADS) as crowd:
        asked = [
            crowd.submit(anonymous.request, "get", "/sign-in/", headers={"X-Forwarded-For": GREEDY})
            for _ in range(2 * THREADS)
        ]
        for _ in range(20):
            assert ann.request("get", "/me", headers={"X-Forwarded-For": HONEST}).status_code == 200
        assert not any(one.done() for one in asked)
        held.set()
        assert {one.result().status_code for one in asked} == {200}


def test_clients_that_do_not_take_their_files_hold_no_thread(server: str, person: Any, settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    ann = person("ann")
    file = ann.upload(os.urandom(8 * 1024 * 1024), "big", "files")["mediaUrl"]
    request = f"GET {file} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ann.token}\r\nX-Forwarded-For: {HONEST}\r\n\r\n"
    with ExitStack() as opened:
        for _ in range(2 * THREADS):
            client = opened.enter_context(socket.create_connection(("127.0.0.1", urlsplit(server).port or 0)))
            client.sendall(request.encode())
            assert client.recv(100).startswith(b"HTTP/1.1 200")
        for _ in range(5):
            assert ann.request("get", "/me", headers={"X-Forwarded-For": HONEST}).status_code == 200
