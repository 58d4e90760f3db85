"""People who use the chat from outside, by HTTP and by a real socket."""

import itertools
import json
import re
import time
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from chatproject.core import hub
from tests import documented

#: Seconds a test waits for what comes at once on a machine that has nothing else to do.
TIMEOUT_SECONDS = 60.0
#: Events to everyone whenever anybody comes or goes: ignored unless a test asks for them.
BACKGROUND = {"OnlineUsersList", "SocketHeartBeat"}

PASSWORD = "correct horse battery"


class Refused(Exception):
    """An `error` frame in answer to a call."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["code"])
        self.code: str = error["code"]
        self.error = error


class Closed(AssertionError):
    """The server closed the socket at which a test waited."""


def api_client(address: str) -> httpx.Client:
    """The HTTP client of all people: each request carries a token, and cookies are dropped."""
    return httpx.Client(
        base_url=address,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        timeout=30,
        verify=False,
        limits=httpx.Limits(max_connections=200, max_keepalive_connections=50),
        trust_env=False,
    )


class Person:
    """A user with a token; without one, an anonymous visitor."""

    def __init__(
        self, client: httpx.Client, *, name: str = "", token: str = "", user: dict[str, Any] | None = None
    ) -> None:
        self._client = client
        self._sockets: list[Socket] = []
        self.name = name
        self.token = token
        self.user = user or {}

    def __repr__(self) -> str:
        return f"<{self.name or 'a stranger'}>"

    @classmethod
    def signed_up(cls, client: httpx.Client, name: str, **more: Any) -> Self:
        """Create an account; `name` must be new."""
        user = cls(client).post("/login", {"name": name, "password": PASSWORD, **more}, status=201)
        return cls(client, name=name, token=user.pop("token"), user=user)

    @property
    def id(self) -> str:
        return str(self.user["id"])

    def signed_in_again(self, password: str = PASSWORD) -> "Person":
        """Sign the person in on another device."""
        user = Person(self._client).post("/login", {"name": self.name, "password": password}, status=200)
        return Person(self._client, name=self.name, token=user.pop("token"), user=user)

    # HTTP -------------------------------------------------------------------------------------------------------------

    def request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, Any] | None = None,
        body: Any = None,
        content: bytes | None = None,
        content_type: str = "application/json",
        files: Any = None,
        data: Any = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request.

        `body` is JSON, `content` is sent unchanged, `files` and `data` are a form.
        """
        headers = {**({"Authorization": f"Bearer {self.token}"} if self.token else {}), **(headers or {})}
        if body is not None:
            content = json.dumps(body).encode()
        if content is not None:
            headers["Content-Type"] = content_type
        return self._client.request(
            method.upper(), path, params=query, content=content, files=files, data=data, headers=headers
        )

    def get(self, path: str, *, status: int | None = None, **query: Any) -> Any:
        """Check the status of a response, this one or any success, and return its data."""
        return _said(self.request("get", path, query=query or None), status)

    def post(self, path: str, body: Any = None, *, status: int | None = None) -> Any:
        return _said(self.request("post", path, body={} if body is None else body), status)

    def patch(self, path: str, body: Any, *, status: int | None = None) -> Any:
        return _said(self.request("patch", path, body=body), status)

    def delete(self, path: str, *, status: int | None = None) -> Any:
        return _said(self.request("delete", path), status)

    def upload(self, content: bytes, name: str, kind: str, *, status: int | None = 201) -> Any:
        """POST /upload; `kind` is images, audio or files."""
        files = {"media": (name, content)}
        return _said(self.request("post", "/upload", files=files, data={"mediaType": kind}), status)

    # Socket -----------------------------------------------------------------------------------------------------------

    def connect(
        self, *, batch: bool = False, bearer: bool = True, subprotocols: list[str] | None = None, **headers: str
    ) -> "Socket":
        """Open a socket with the token in the `Authorization` header.

        Without it if `bearer` is false.
        """
        if bearer and self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        at = urlsplit(str(self._client.base_url))
        connection = connect(
            f"ws://{at.netloc}/ws/chat/{'?batch=1' if batch else ''}",
            additional_headers=headers,
            subprotocols=[Subprotocol(one) for one in subprotocols] if subprotocols else None,
            max_size=None,
            max_queue=None,
            compression=None,
            proxy=None,
            ping_interval=None,
        ).__enter__()  # closed by `close`
        socket = Socket(connection, self)
        self._sockets.append(socket)
        return socket

    def close(self) -> None:
        """Close the sockets that are still open."""
        for socket in self._sockets:
            socket.close()
        self._sockets.clear()


def _said(answer: httpx.Response, status: int | None) -> Any:
    is_expected = answer.is_success if status is None else answer.status_code == status
    asked = f"{answer.request.method} {answer.request.url.raw_path.decode()}"
    assert is_expected, f"{asked}: {answer.status_code}, not {status or 'a success'}: {answer.text[:2000]}"
    return answer.json() if answer.content else None


class Socket:
    """An open socket. It keeps every frame until a test asks for it: none is skipped silently."""

    def __init__(self, connection: ClientConnection, person: Person) -> None:
        self._connection = connection
        self._person = person
        self._kept: list[dict[str, Any]] = []
        self._acks = itertools.count(1_000_000)

    @property
    def subprotocol(self) -> str | None:
        return self._connection.subprotocol

    # Sending ----------------------------------------------------------------------------------------------------------

    def send(self, event: str, data: Any = None, *, ack: int | None = None) -> None:
        frame = {"event": event, "data": {} if data is None else data}
        self._connection.send(json.dumps(frame if ack is None else {**frame, "ack": ack}))

    def emit(self, event: str, data: Any = None) -> None:
        """Send an event without an ack."""
        self.send(event, data)

    def send_raw(self, frame: str | bytes) -> None:
        self._connection.send(frame)

    def call(self, event: str, data: Any = None, *, timeout: float = TIMEOUT_SECONDS) -> Any:
        """Send an event and return the data of its ack. Raises Refused."""
        number = next(self._acks)
        self.send(event, data, ack=number)
        answer = self.answer(number, timeout=timeout)
        if answer["event"] != "ack":
            raise Refused(answer["data"])
        documented.check(f"ack.{event}", answer)
        return answer["data"]

    # Receiving ----------------------------------------------------------------------------------------------------------

    def answer(self, ack: int, *, timeout: float = TIMEOUT_SECONDS) -> dict[str, Any]:
        """The frame that answers `ack`: an ack, or an error."""
        return self._wait(lambda frame: frame.get("ack") == ack, f"an answer to {ack}", timeout)

    def next(self, event: str, *, timeout: float = TIMEOUT_SECONDS) -> Any:
        """The data of the next `event`; other events before it are kept."""
        return self._wait(lambda frame: frame["event"] == event and "ack" not in frame, event, timeout)["data"]

    def until(self, event: str, **having: Any) -> list[Any]:
        """The data of each `event` up to and including the next with these values.

        For what may be told again while it holds, as presence is.
        """
        heard: list[Any] = []
        while not heard or any(heard[-1].get(key) != value for key, value in having.items()):
            heard.append(self.next(event))
        return heard

    def heard(self, event: str) -> list[Any]:
        """The data of every `event` up to now that no test has asked for."""
        self._fence()
        heard = [frame for frame in self._kept if frame["event"] == event and "ack" not in frame]
        self._kept = [frame for frame in self._kept if frame not in heard]
        return [frame["data"] for frame in heard]

    def silent(self, *events: str) -> bool:
        """Whether no such event, or none at all, arrived up to now; without waiting for a while.

        The server pushes in order: what was to come before a fence has come when that has. It
        asserts, to tell what.
        """
        self._fence()
        wanted = set(events)
        heard = [
            frame
            for frame in self._kept
            if "ack" not in frame and (frame["event"] in wanted if wanted else frame["event"] not in BACKGROUND)
        ]
        assert not heard, f"{self._person} was to hear no {' or '.join(events) or 'event'}, and heard {heard}"
        return True

    def forget(self) -> None:
        """Forget every frame up to now that no test has asked for."""
        self._kept.clear()

    def is_open(self) -> bool:
        """Whether the server answers, or closes this socket."""
        try:
            return bool(self.call("SocketHeartBeat"))
        except (ConnectionClosed, Closed):
            return False

    def closed(self, *, timeout: float = TIMEOUT_SECONDS) -> int:
        """The code with which the server closes this socket.

        Earlier frames can still be asked for.
        """
        end = time.monotonic() + timeout
        try:
            while True:
                self._receive(end - time.monotonic())
        except TimeoutError:
            raise AssertionError(f"{self._person}'s socket was to be closed, and is open") from None
        except ConnectionClosed as closed:
            assert closed.rcvd is not None, f"{self._person}'s connection broke without a close frame"
            return closed.rcvd.code

    def close(self) -> None:
        self._connection.close()

    def _fence(self) -> None:
        name = f"fence {next(self._acks)}"
        hub.publish(hub.user_topic(self._person.id), name, {})
        self._wait(lambda frame: frame["event"] == name, "the fence", TIMEOUT_SECONDS)
        # Events of other topics may leave in the same turn after it, but before this answer.
        self.call("SocketHeartBeat")
        self._wait(lambda frame: frame["event"] == "SocketHeartBeat", "a heartbeat", TIMEOUT_SECONDS)

    def _wait(self, fits: Any, what: str, timeout: float) -> dict[str, Any]:
        end = time.monotonic() + timeout
        seen = 0
        while True:
            for place in range(seen, len(self._kept)):
                if fits(self._kept[place]):
                    return self._kept.pop(place)
            seen = len(self._kept)
            try:
                self._receive(end - time.monotonic())
            except TimeoutError:
                raise AssertionError(f"{self._person} waited for {what}, and heard {self._brief()}") from None
            except ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else None
                raise Closed(f"{self._person} waited for {what}, and was closed with {code}") from None

    def _receive(self, timeout: float) -> None:
        frame = json.loads(self._connection.recv(max(timeout, 0.001)))
        frames = frame if isinstance(frame, list) else [frame]
        for one in frames:
            if one["event"] != "ack":
                documented.check(f"push.{one['event']}", one)
        self._kept += frames

    def _brief(self) -> str:
        return re.sub(r"(.{2000}).+", r"\1 …", str(self._kept)) if self._kept else "nothing"


class Browser:
    """A visitor of the pages: keeps cookies, and sends the CSRF token back as a form or a
    script does.
    """

    def __init__(self, address: str, **headers: str) -> None:
        self._client = httpx.Client(base_url=address, timeout=30, verify=False, headers=headers, trust_env=False)

    @property
    def cookies(self) -> httpx.Cookies:
        return self._client.cookies

    def get(self, path: str, *, follow: bool = False, **query: Any) -> httpx.Response:
        return self._client.get(path, params=query or None, follow_redirects=follow)

    def submit(self, path: str, **fields: str) -> httpx.Response:
        """Open a page's form and submit it; a redirect is not followed."""
        page = self._client.get(path)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        if token:
            fields["csrfmiddlewaretoken"] = token[1]
        elif "csrftoken" in self.cookies:
            fields["csrfmiddlewaretoken"] = self.cookies["csrftoken"]
        return self._client.post(path, data=fields)

    def request(self, method: str, path: str, *, body: Any = None, csrf: bool = True, **headers: str) -> httpx.Response:
        """Send a request like a page's script."""
        if csrf and "csrftoken" in self.cookies:
            headers["X-CSRFToken"] = self.cookies["csrftoken"]
        return self._client.request(method.upper(), path, json=body, headers=headers)

    def signed_in(self, person: Person, password: str = PASSWORD) -> "Browser":
        answer = self.submit("/sign-in/", name=person.name, password=password)
        assert answer.status_code == 302, answer.text
        return self

    def close(self) -> None:
        self._client.close()
