"""People talk for long through nginx, while workers, Redis and the database are killed: `--storm` asks for it.

    scripts/test tests/storm --storm -s
    scripts/test --postgresql tests/storm --storm=20000 -s

It takes a quarter of an hour, and more on a busy machine.
"""

import asyncio
import gc
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests import nginx as nginx_conf
from tests import ports
from tests.browser.server import prepared
from tests.faults.phones import Phone
from tests.faults.server import ROOT, Server
from tests.faults.talk import Talk, assert_complete, assert_stored_once, until
from tests.faults.world import World
from tests.people import Person

PHONES, MEMBERS = 200, 20
KILLS_OF_WORKERS, KILLS_OF_REDIS, RESTARTS_OF_POSTGRESQL = 20, 3, 3


def nginx(folder: Path, chat: int) -> tuple[subprocess.Popen[bytes], str]:
    """deploy/nginx.conf without TLS, in front of this port, and its address."""
    program = shutil.which("nginx")
    if program is None:
        pytest.skip("nginx is not there")
    folder.mkdir()
    port = ports.lease()
    site = (ROOT / "deploy" / "nginx.conf").read_text().replace("127.0.0.1:8000", f"127.0.0.1:{chat}")
    site = re.sub(r"^ *(ssl_certificate|listen \[).*\n", "", site, flags=re.MULTILINE)
    site = site.replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
    site = site.replace("listen 80", f"listen 127.0.0.1:{ports.lease()}")
    file = nginx_conf.configured(folder, site, events="worker_connections 4096;")
    return subprocess.Popen([program, "-c", str(file)]), f"http://127.0.0.1:{port}"


def restart_postgresql() -> None:
    """Kill the PostgreSQL of scripts/with-postgresql, as a machine that loses power, and start it again."""
    (folder,) = parse_qs(urlsplit(os.environ["DATABASE_URL"]).query)["host"]
    control = max(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    owner = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    restart = [str(control), "restart", "-D", f"{folder}/cluster", "-l", f"{folder}/log", "-m", "immediate", "-s", "-w"]
    subprocess.run([*owner, *restart], check=True, cwd=folder)


def groups_of(everyone: list[Person]) -> dict[str, list[Person]]:
    """Groups of MEMBERS; the members by group."""
    groups = {}
    for start in range(0, len(everyone), MEMBERS):
        members = everyone[start : start + MEMBERS]
        body = {"name": f"group {start}", "memberIds": [one.id for one in members[1:]]}
        groups[members[0].post("/group/create", body, status=201)["id"]] = members
    return groups


def said_by_others(phone: Phone) -> int:
    messages = (message for kept in phone.chats.values() for message in kept.values())
    return sum(one["senderId"] != phone.person.id and one["type"] != "system" for one in messages)


def has_killed_a_worker(server: Server) -> bool:
    pids = sorted(server.worker_pids())
    if pids:
        os.kill(random.choice(pids), signal.SIGKILL)
    return bool(pids)


async def strike(what: str, server: Server) -> None:
    if what == "worker":
        await until(lambda: has_killed_a_worker(server), "there is a worker", within=60)
    elif what == "redis":
        os.kill(server.redis_pid, signal.SIGKILL)
    else:
        await asyncio.to_thread(restart_postgresql)


@pytest.fixture
def sends(request: pytest.FixtureRequest) -> int:
    """How many messages are sent: 100,000 unless `--storm=N` says otherwise."""
    asked: int | None = request.config.getoption("--storm")
    if asked is None:
        pytest.skip("takes long: --storm")
    return asked


@pytest.mark.timeout(7200)
async def test_nothing_is_lost_doubled_or_missing_after_a_storm(sends: int, tmp_path: Path) -> None:
    is_postgresql = os.environ.get("DATABASE_URL", "").startswith("postgres")
    faults = ["worker"] * KILLS_OF_WORKERS + ["redis"] * KILLS_OF_REDIS
    faults += ["database"] * RESTARTS_OF_POSTGRESQL if is_postgresql else []
    random.shuffle(faults)
    with ExitStack() as ends:
        # The phones keep millions of messages: to visit them all takes longer than the server waits for half a request.
        gc.disable()
        ends.callback(gc.enable)
        async with World(tmp_path, prepared()) as world:
            server = await world.serve(WORKERS="2", TRUSTED_PROXIES="127.0.0.1")
            proxy, address = nginx(tmp_path / "nginx", server.port)
            ends.callback(proxy.wait)
            ends.callback(proxy.terminate)
            everyone = world.guests(server, PHONES)
            groups = groups_of(everyone)
            phones = [await world.phone(one, address, retry=1.0) for one in everyone]
            began = time.monotonic()
            talk = Talk(phones, groups, sends=sends, at_once=2)
            for number, fault in enumerate(faults, 1):
                await talk.more(sends // (len(faults) + 1))
                print(
                    f"{time.monotonic() - began:.0f} s: {len(talk.acked):,} acknowledged, {number}: {fault}", flush=True
                )
                await strike(fault, server)
            await talk.end()
            busy = sum(len(phone.told_busy) for phone in phones)
            print(
                f"{time.monotonic() - began:.0f} s for {sends:,}; slowest {talk.slowest:.1f} s; busy {busy}", flush=True
            )

            await until(server.is_well, "all is well again", within=60)
            assert len(talk.acked) == sends
            # On a thread: sockets that nobody reads meanwhile are closed.
            await asyncio.to_thread(assert_stored_once, server, talk)
            for phone in phones:
                await phone.catch_up()
            await asyncio.to_thread(assert_complete, server, *phones)
            ends_of = Counter(end for phone in phones for end in phone.ends)
            print(f"connections ended with {dict(ends_of)}", flush=True)
            for phone in phones:
                unread = await phone.http.get("/unread")
                assert unread.json()["total"] == said_by_others(phone), "nobody has read anything"
