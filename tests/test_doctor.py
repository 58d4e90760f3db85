"""`manage.py doctor`: what is well is said, and what is wrong comes with what to do."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests import databases
from tests.browser.server import Server


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("site")) as server:
        yield server


def wrong(server: Server, **environment: str) -> str:
    """What the doctor finds in this environment, without what is well."""
    kept, server._environment = server._environment, server._environment | environment
    done = server.manage("doctor")
    server._environment = kept
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr, done.stderr
    lines = done.stdout.splitlines()
    return "\n".join(f"{line} {lines[at + 1].strip()}" for at, line in enumerate(lines) if line.startswith("WRONG"))


def test_of_a_chat_that_is_well_every_line_says_so(site: Server) -> None:
    done = site.manage("doctor")
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert all(line.startswith("ok ") for line in lines), done.stdout
    for part in ("settings", "DATA_DIR", "MEDIA_ROOT", "open files", "database", "redis's channels", "clock", "push"):
        assert any(line.startswith(f"ok     {part}: ") for line in lines), part
    assert f"ok     {site.url} WebSocket: comes through" in lines


def test_what_is_wrong_is_named_with_what_to_do(site: Server, tmp_path: Path) -> None:
    sockets = list((site.data / "redis").glob("**/*.sock*"))
    assert len(sockets) == 1
    with redis.Redis(unix_socket_path=str(sockets[0])) as server:
        server.execute_command("ACL", "SETUSER", "deaf", "on", ">word", "~*", "+@all", "resetchannels")
    (tmp_path / "open").mkdir(mode=0o755)
    found = wrong(
        site,
        REDIS_URL=f"unix://deaf:word@{sockets[0]}",
        ALLOWED_ORIGINS=f"http://127.0.0.1:{site.port},http://127.0.0.1:9,https://127.0.0.1:{site.port}",
        DATA_DIR=str(tmp_path / "open"),
        DISK_RESERVE=str(2**60),
    )
    assert "redis's channels" in found and "No permissions" in found
    assert "redis's keys" not in found
    assert "http://127.0.0.1:9: Connection refused" in found
    assert f"https://127.0.0.1:{site.port}: " in found
    assert f"http://127.0.0.1:{site.port}: " not in found.replace("https", "")
    assert "lower DISK_RESERVE" in found
    assert databases.is_postgresql() or "migrations are missing" in found  # a new folder has no tables
    assert "word" not in found.replace("password", "")


def test_while_the_chat_does_not_run_it_says_to_start_it(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.prepare()
    found = wrong(server)
    assert "start that first" in found
    assert f"{server.url}: Connection refused" in found
