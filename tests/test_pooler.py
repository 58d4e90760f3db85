"""The chat behind PgBouncer, which gives every transaction another connection of PostgreSQL: `scripts/test --postgresql`."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests import databases, ports
from tests.browser.server import ROOT, Person, Server
from tests.test_serving import refused

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
pytestmark = [
    pytest.mark.skipif(not databases.is_postgresql(), reason="for scripts/test --postgresql"),
    pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not there: apt-get install pgbouncer"),
]
#: Connections of PostgreSQL that all processes of a chat share here.
CONNECTIONS = 3
#: What docs/operating.md says to set.
SET = {"pool_mode": "transaction", "ignore_startup_parameters": "options", "default_pool_size": str(CONNECTIONS)}

Pooled = Callable[..., str]


@pytest.fixture
def pooled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pooled]:
    """`pooled()`: the DATABASE_URL of an empty database through a PgBouncer with these settings."""
    running: list[subprocess.Popen[bytes]] = []
    roles: list[str] = []

    def start(*, role_waits: str = "3s", **settings: str) -> str:
        folder, port = tmp_path_factory.mktemp("pooler"), ports.lease()
        ours = urlsplit(os.environ["DATABASE_URL"])
        (host,) = parse_qs(ours.query).get("host", [ours.hostname or ""])
        name = databases.make()
        databases.administer(
            f"CREATE ROLE {name} LOGIN", f"ALTER ROLE {name} SET lock_timeout = '{role_waits}'",
            f"ALTER DATABASE {name} OWNER TO {name}",
        )  # fmt: skip
        roles.append(name)
        given = {"listen_addr": "127.0.0.1", "listen_port": str(port), "auth_type": "any", "unix_socket_dir": ""}
        lines = [f"{key} = {value}" for key, value in {**given, **settings}.items()]
        file = folder / "pgbouncer.ini"
        file.write_text(
            f"[databases]\n{name} = host={host} port={ours.port or 5432} user={name}\n[pgbouncer]\n" + "\n".join(lines)
        )
        # It does not run as root.
        for parent in (folder, *folder.parents[:2]):
            parent.chmod(0o755)
        how = ["-u", "postgres"] if os.getuid() == 0 else []
        with (folder / "log").open("wb") as log:
            running.append(subprocess.Popen([str(PROGRAM), "-q", *how, str(file)], stdout=log, stderr=log))
        return f"postgres://{name}@127.0.0.1:{port}/{name}"

    yield start
    for one in running:
        one.terminate()
        one.wait()


def test_two_hosts_start_at_once_on_an_empty_database_and_are_one_chat(pooled: Pooled, tmp_path: Path) -> None:
    url = pooled(**SET)
    hosts = []
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        settings = {"DATABASE_URL": url, "ENCRYPTION_KEY": "0123456789abcdef0123456789abcdef", "WORKERS": "2"}
        hosts.append(Server(folder, is_first=True, **settings))
    starting = [threading.Thread(target=one.start) for one in hosts]
    for thread in starting:
        thread.start()
    for thread in starting:
        thread.join()
    one, other = hosts
    try:
        ann, bob = Person(one, "ann"), Person(one, "bob")
        group = ann.create_group("tea", bob)
        talking = [
            threading.Thread(target=lambda number=number: [ann.say_in(group, f"{number} {at}") for at in range(20)])
            for number in range(6)
        ]
        for thread in talking:
            thread.start()
        for thread in talking:
            thread.join()
        headers = bob._headers
        page = other.http.get("/group/messages", params={"groupId": group, "limit": 100}, headers=headers).json()
        seqs = [message["seq"] for message in page]
        assert len(seqs) == 100 and seqs == list(range(seqs[0], seqs[0] + 100))
        found = other.http.get("/message/search", params={"q": "5 19"}, headers=headers).json()
        assert [message["content"] for message in found] == ["5 19"]
        for words in (["backup", str(tmp_path / "chat.backup")], ["keys", "status"], ["doctor"]):
            done = one.manage(*words)
            assert done.returncode == 0, done.stdout + done.stderr
        said = [host.log.read_text() for host in hosts]
        assert not any("Traceback" in text for text in said)
        assert sum("this one waits until that is done" in text for text in said) <= 1
    finally:
        for host in hosts:
            host.stop()
            host.http.close()


def test_what_only_one_may_do_is_done_by_one_through_a_pooler(pooled: Pooled, tmp_path: Path) -> None:
    server = Server(tmp_path, is_first=True, DATABASE_URL=pooled(**SET))
    done = server.manage("migrate")
    assert done.returncode == 0, done.stderr
    # As two processes that upgrade: while one has the lock, the other is refused it, through another connection.
    held = (
        "import sys, time\nfrom chatproject.core.db.current import dialect\nfrom accounts.models import User\n"
        "with dialect().alone('upgrade') as is_alone:\n"
        "    [User.objects.count() for _ in range(20)]\n"  # transactions of others go over the same connections
        "    print(is_alone, flush=True); sys.stdin.readline()\n"
    )
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-v", "0", "-c", held]
    pipe = subprocess.PIPE
    first = subprocess.Popen(command, cwd=ROOT, env=server._environment, stdin=pipe, stdout=pipe, text=True)
    assert first.stdout is not None and first.stdout.readline().strip() == "True"

    def second() -> str:
        done = subprocess.run(
            command, cwd=ROOT, env=server._environment, input="\n", capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    assert second() == "False"
    first.communicate("\n")
    assert second() == "True"


def test_a_pooler_that_is_not_set_up_for_it_is_refused_in_a_sentence_that_says_what_to_set(
    pooled: Pooled, tmp_path: Path
) -> None:
    url = pooled(**SET, role_waits="0")
    said = refused(Server(tmp_path, DATABASE_URL=url))
    assert f"ALTER ROLE {urlsplit(url).username} SET lock_timeout = '3s'" in said
    said = refused(Server(tmp_path, DATABASE_URL=pooled(pool_mode="transaction")))
    assert "ignore_startup_parameters = options" in said, said
