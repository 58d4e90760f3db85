"""What an operator installs: each file of deploy/ is read by the program that it is for, and together they serve."""

import configparser
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import yaml
from websockets.sync.client import connect
from websockets.typing import Origin

from tests import nginx as nginx_conf
from tests import ports
from tests.redis_servers import Redis

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
NAME = "chat.example.org"


def program(name: str) -> str:
    """A program of a package of ours, or of the system's."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not there")
    return found


def said_by(*command: str, **environment: str) -> str:
    """What a command says that has to succeed."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=os.environ | environment, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_an_https_installation_passes_the_check_of_a_deployment(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    environment |= {
        "DATA_DIR": str(tmp_path / "data"),
        "MEDIA_ROOT": str(tmp_path / "media"),
        "ALLOWED_ORIGINS": "https://chat.example.org",
        "ALLOWED_HOSTS": "",
        "TRUSTED_PROXIES": "127.0.0.1",
    }
    check = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(check, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "WARNING" not in said and "no issues" in said, said


# Files of deploy/, each read by its program ---------------------------------------------------------------------------


def test_the_image_is_for_a_user_without_rights_who_is_asked_how_they_are() -> None:
    assert said_by(program("hadolint"), str(DEPLOY / "Dockerfile")) == ""
    last = (DEPLOY / "Dockerfile").read_text().rpartition("FROM")[2]
    assert re.search(r"^USER [1-9]\d*$", last, re.MULTILINE) and "HEALTHCHECK" in last and "/healthz/live" in last


def composed(name: str) -> str:
    """A compose file with values for its variables, each of which has to be there or has a default."""
    text = (DEPLOY / name).read_text()
    text = re.sub(r"\$\{DOMAIN:\?[^}]+}", NAME, text)
    text = re.sub(r"\$\{\w+_PASSWORD:\?[^}]+}", "word", text)
    text = re.sub(r"\$\{WORKERS:-(\d)}", r"\1", text)
    assert "${" not in text
    return text.replace("$$", "$")


@pytest.mark.parametrize("name", ["compose.yml", "compose.full.yml"])
def test_a_compose_file_is_one_and_gives_nothing_more_than_it_needs(name: str) -> None:
    compose_spec = pytest.importorskip("compose_spec")
    compose_spec.PyOptions().from_yaml(composed(name)).validate()
    services = yaml.safe_load(composed(name))["services"]
    chat, proxy = services["chat"], services["proxy"]
    for one in (chat, proxy):
        assert one["read_only"] and one["cap_drop"] == ["ALL"] and "no-new-privileges:true" in one["security_opt"]
    assert {name for name, one in services.items() if "ports" in one} == {"proxy"}
    assert chat["environment"]["ALLOWED_ORIGINS"] == f"https://{NAME}"
    settings = re.findall(r'env\.\w+\(\s*"(\w+)"', (ROOT / "chatproject" / "settings.py").read_text())
    known = {*settings, "S3_BUCKET", "S3_ENDPOINT", "S3_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    assert set(chat["environment"]) <= known
    assert (chat["build"]["context"], chat["build"]["dockerfile"]) == ("..", "deploy/Dockerfile")
    for one in services.values():
        assert all(
            (DEPLOY / source.partition(":")[0]).exists() for source in one.get("volumes", []) if source[0] == "."
        )
        assert set(one.get("depends_on", {})) <= set(services)


def test_caddy_takes_its_file_with_the_name_alone_and_with_several_hosts() -> None:
    command = (program("caddy"), "validate", "--config", str(DEPLOY / "Caddyfile"))
    assert "Valid configuration" in said_by(*command, DOMAIN=NAME)
    assert "Valid configuration" in said_by(*command, DOMAIN=NAME, CHAT="10.0.0.1:8000 10.0.0.2:8000")


def test_systemd_takes_the_unit_and_calls_it_well_guarded(tmp_path: Path) -> None:
    analyze = program("systemd-analyze")
    unit = tmp_path / "chat.service"
    # Of this machine: the folder and the user of the example are not here.
    text = (DEPLOY / "chat.service").read_text().replace("/srv/chat/scripts/run", "/bin/true")
    unit.write_text(text.replace("User=chat", "User=daemon").replace("/srv/chat", str(tmp_path)))
    assert said_by(analyze, "verify", "--man=no", str(unit)) == ""
    exposure = said_by(analyze, "security", "--offline=yes", str(unit)).splitlines()[-1]
    found = re.search(r"(\d+\.\d)", exposure)
    assert found is not None and float(found[1]) < 3, exposure
    parser = configparser.ConfigParser(strict=False)
    parser.read_string(text)
    assert parser["Service"]["execreload"].endswith("-HUP $MAINPID")


# All together, as compose.full.yml has it but for the containers ------------------------------------------------------


def image(folder: Path) -> Path:
    """The files that the image gets, and nothing else."""
    rules = (DEPLOY / "Dockerfile.dockerignore").read_text().split("\n")
    parts = [rule[1:] for rule in rules if rule.startswith("!")]
    for part in parts:
        for source in sorted(ROOT.glob(part)):
            target = folder / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.mo"))
            else:
                shutil.copy(source, target)
    return folder


def certificate(folder: Path) -> None:
    subject = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    made = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", "privkey.pem", "-out", "fullchain.pem"]
    subprocess.run([program("openssl"), "req", "-x509", *made, *subject], cwd=folder, check=True, capture_output=True)


def nginx(folder: Path, chat: int, port: int, plain: int) -> subprocess.Popen[bytes]:
    """deploy/nginx.conf with this machine's ports and folders."""
    certificate(folder)
    site = (DEPLOY / "nginx.conf").read_text()
    for given, ours in {
        f"/etc/ssl/{NAME}/": f"{folder}/",
        "127.0.0.1:8000": f"127.0.0.1:{chat}",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "listen [::]:443 ssl": f"listen [::1]:{port} ssl",
        "listen 80": f"listen 127.0.0.1:{plain}",
        "listen [::]:80": f"listen [::1]:{plain}",
    }.items():
        assert given in site
        site = site.replace(given, ours)
    file = str(nginx_conf.configured(folder, site, main="worker_processes 1;"))
    assert "test is successful" in said_by(program("nginx"), "-t", "-c", file)
    return subprocess.Popen([program("nginx"), "-c", file])


class Site(NamedTuple):
    """The proxy's ports with and without TLS, the folder of all, and the address of the database."""

    port: int
    plain: int
    folder: Path
    database: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """nginx in front of two workers of the image's files, with PostgreSQL and a Redis of their own."""
    for name in ("nginx", "openssl", "redis-server"):
        program(name)
    if not any(Path("/usr/lib/postgresql").glob("*/bin")):
        pytest.skip("PostgreSQL is not there")
    pytest.importorskip("psycopg")
    folder = tmp_path_factory.mktemp("site")
    chat, port, plain = ports.lease(), ports.lease(), ports.lease()
    code = image(folder / "image")
    python = [sys.executable, "manage.py", "serve"]
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder / "data"), "MEDIA_ROOT": str(folder / "media")}
    subprocess.run([*python, "--translate"], cwd=code, env=environment, check=True, timeout=120)
    redis = Redis(folder, "--maxmemory", "200mb", "--maxmemory-policy", "volatile-lru")
    environment |= {
        "PORT": str(chat),
        "WORKERS": "2",
        "REDIS_URL": redis.url,
        "REDIS_PREFIX": "site",
        "ALLOWED_ORIGINS": f"https://{NAME}",
        "TRUSTED_PROXIES": "127.0.0.1",
    }
    with ExitStack() as ends:
        ends.callback(redis.stop)
        log = ends.enter_context((folder / "server.log").open("wb"))
        served = subprocess.Popen(
            [ROOT / "scripts" / "with-postgresql", *python], cwd=code, env=environment, stdout=log, stderr=log
        )
        ends.callback(end, served)
        ends.callback(end, nginx(folder, chat, port, plain))
        with client(port) as asked:
            give_up = time.monotonic() + 120
            while time.monotonic() < give_up and served.poll() is None:
                with suppress(httpx.TransportError):
                    if asked.get("/healthz/ready").status_code == 200:
                        break
                time.sleep(0.1)
            else:
                raise AssertionError((folder / "server.log").read_text())
        (child,) = Path(f"/proc/{served.pid}/task/{served.pid}/children").read_text().split()
        variables = Path(f"/proc/{child}/environ").read_text().split("\0")
        (database,) = (one.partition("=")[2] for one in variables if one.startswith("DATABASE_URL="))
        yield Site(port, plain, folder, database)


def end(process: subprocess.Popen[bytes]) -> None:
    for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        with suppress(ProcessLookupError):
            os.kill(int(child), 15)  # of a shell, which does not pass it on
    process.terminate()
    try:
        process.wait(30)
    finally:
        process.kill()


def trusting(folder: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / "fullchain.pem") if folder else None)
    if folder is None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def client(port: int, host: str = "127.0.0.1", **headers: str) -> httpx.Client:
    """A client at an address of the proxy, which asks for the chat's name."""
    return httpx.Client(
        base_url=f"https://{host}:{port}",
        verify=trusting(),
        timeout=60,
        trust_env=False,
        headers={"Host": NAME, **headers},
    )


def test_behind_nginx_people_talk_by_both_addresses_with_tls_and_compression(site: Site) -> None:
    port, plain, folder, _ = site
    hosts = ["127.0.0.1"]
    with suppress(OSError), socket.create_connection(("::1", port)):
        hosts.append("[::1]")
    assert len(hosts) == 2 or not Path("/proc/net/if_inet6").read_text(), "nginx listens at IPv6"
    people: list[dict[str, Any]] = []
    for host in hosts * 2:
        with client(port, host) as asked:
            name = f"person {len(people)}"
            answer = asked.post("/login", json={"name": name, "password": "correct horse battery"})
            assert answer.status_code in (200, 201), answer.text
            assert "max-age" in answer.headers["Strict-Transport-Security"]
            people.append(answer.json())
    ann, bob = people[:2]
    token = {"Authorization": f"Bearer {bob['token']}"}
    with connect(
        f"wss://{NAME}:{port}/ws/chat/",
        sock=socket.create_connection(("127.0.0.1", port)),
        ssl=trusting(folder),
        additional_headers=token,
        origin=Origin(f"https://{NAME}"),
        proxy=None,
    ) as socket_of_bob:
        with client(port, hosts[-1], Authorization=f"Bearer {ann['token']}") as asked:
            for number in range(5):
                sent = asked.post("/private/send", json={"receiverId": bob["id"], "content": f"hello {number}"})
                assert sent.status_code == 201
        heard = [json.loads(frame) for frame in take(socket_of_bob, 5, "OnPrivate")]
        assert [one["data"]["content"] for one in heard] == [f"hello {number}" for number in range(5)]
    with client(port, **{"Accept-Encoding": "gzip"}, Accept="text/html") as asked:
        page = asked.get("/sign-in/", follow_redirects=True)
        style = next(part for part in page.text.split('"') if part.startswith("/static/css/base."))
        assert (page.headers["Content-Encoding"], asked.get(style).headers["Content-Encoding"]) == ("gzip", "gzip")
    moved = httpx.get(f"http://127.0.0.1:{plain}/x?y=1", headers={"Host": NAME}, trust_env=False)
    assert (moved.status_code, moved.headers["Location"]) == (301, f"https://{NAME}/x?y=1")
    assert "Traceback" not in (folder / "server.log").read_text()


def test_a_message_under_way_when_postgresql_ends_its_connection_is_busy_and_sent_again(site: Site) -> None:
    psycopg = pytest.importorskip("psycopg")
    with client(site.port) as asked, psycopg.connect(site.database, autocommit=True) as watcher:
        ann, bob = (
            asked.post("/login", json={"name": name, "password": "correct horse battery"}).json()
            for name in ("ann in the way", "bob in the way")
        )
        asked.headers["Authorization"] = f"Bearer {ann['token']}"
        message = {"receiverId": bob["id"], "content": "under way", "clientId": "1"}
        answers: list[httpx.Response] = []
        with psycopg.connect(site.database) as other:
            other.execute("LOCK TABLE messaging_message IN EXCLUSIVE MODE")
            sending = threading.Thread(target=lambda: answers.append(asked.post("/private/send", json=message)))
            sending.start()
            ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            while sending.is_alive() and not watcher.execute(ended).fetchall():
                time.sleep(0.01)
            sending.join()
            other.rollback()
        assert (answers[0].status_code, answers[0].json()["code"]) == (503, "busy")
        sent = [asked.post("/private/send", json=message) for _ in range(2)]
        assert [one.status_code for one in sent] == [201, 201] and sent[0].json()["id"] == sent[1].json()["id"]
        with (
            psycopg.connect(site.database) as other,
            connect(
                f"wss://{NAME}:{site.port}/ws/chat/",
                sock=socket.create_connection(("127.0.0.1", site.port)),
                ssl=trusting(site.folder),
                additional_headers={"Authorization": asked.headers["Authorization"]},
                proxy=None,
            ) as socket_of_ann,
        ):
            other.execute("LOCK TABLE messaging_message IN ACCESS EXCLUSIVE MODE")
            asking = {"event": "EmitSync", "data": {"cursors": {}}, "ack": 1}
            socket_of_ann.send(json.dumps(asking))
            while not watcher.execute(ended).fetchall():
                time.sleep(0.01)
            (told,) = take(socket_of_ann, 1, '"ack":1')
            assert json.loads(told)["data"]["code"] == "busy", "what is read is to be asked for again, too"
            other.rollback()
            socket_of_ann.send(json.dumps({**asking, "ack": 2}))
            (told,) = take(socket_of_ann, 1, '"ack":2')
            assert json.loads(told)["event"] == "ack"
    said = (site.folder / "server.log").read_text()
    assert "database: its connection broke" in said and "Traceback" not in said


def take(connection: Any, count: int, event: str) -> list[str]:
    found: list[str] = []
    while len(found) < count:
        frame = connection.recv(timeout=30)
        if event in frame:
            found.append(frame)
    return found
