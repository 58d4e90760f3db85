"""What an operator's machines see: numbers, probes, and lines that belong to a request."""

import json
import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from chatproject.core import metrics  # noqa: F401 -- it registers them
from tests.browser.server import ROOT, Server
from tests.conftest import People
from tests.people import Person
from tests.ports import lease
from tests.test_serving import processes_of, refused, soon

TOKEN = "0123456789abcdef0123456789abcdef"
WITH_TOKEN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A chat of two processes."""
    with Server(
        tmp_path_factory.mktemp("watched"),
        WORKERS="2",
        METRICS_TOKEN=TOKEN,
        METRICS_ADDRESS=f"127.0.0.1:{lease()}",
        LOG_FORMAT="json",
        ALLOWED_HOSTS="127.0.0.1,chat.example.org",
    ) as server:
        yield server


def numbers(text: str) -> dict[str, float]:
    """Every sample, by its name and labels as the text has them; of labels only the values."""
    return {
        " ".join([sample.name, *(value for _, value in sorted(sample.labels.items()))]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def asked(server: Server, path: str = "/metrics", **headers: str) -> httpx.Response:
    return httpx.get(server.url + path, headers=headers, timeout=60)


def test_every_process_s_numbers_are_in_one_answer(watched: Server) -> None:
    before = numbers(asked(watched, **WITH_TOKEN).text)
    ann, bob = (Person.signed_up(watched.http, f"{name} watched") for name in ("ann", "bob"))
    connections = [bob.connect() for _ in range(8)]  # whichever process takes each
    for number in range(5):
        ann.post("/private/send", {"receiverId": bob.id, "content": f"counted {number}"}, status=201)
    for connection in connections:
        for _ in range(5):
            connection.next("OnPrivate")
    ann.post("/private/send", {"receiverId": bob.id}, status=400)

    def counted() -> dict[str, float] | None:
        now = numbers(asked(watched, **WITH_TOKEN).text)
        return now if now["chat_sockets"] >= 8 and now["chat_people_online"] >= 1 else None

    now = soon(counted)
    assert now["chat_messages_stored_total"] - before.get("chat_messages_stored_total", 0) == 5
    assert now["chat_deliveries_total"] - before.get("chat_deliveries_total", 0) >= 40
    assert now["chat_refusals_total invalid"] - before.get("chat_refusals_total invalid", 0) == 1
    assert now["chat_http_responses_total POST private/send 201"] >= 5
    assert now["chat_commit_seconds_count"] >= 1
    assert now["chat_redis_seconds_count"] > 0
    assert now["chat_database_seconds_count"] > 0
    for connection in connections:
        connection.close()
    soon(lambda: numbers(asked(watched, **WITH_TOKEN).text)["chat_sockets"] == 0)


def test_numbers_have_an_address_of_their_own_that_needs_no_token(watched: Server) -> None:
    address = watched._environment["METRICS_ADDRESS"]
    text = httpx.get(f"http://{address}/metrics", timeout=60).text
    assert "chat_http_seconds_count" in text


@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}])
def test_numbers_are_for_the_holder_of_the_token(watched: Server, given: dict[str, str]) -> None:
    answer = asked(watched, **given)
    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in")
    assert "chat_" not in answer.text


def test_without_a_token_there_are_no_numbers(api: httpx.Client) -> None:
    assert api.get("/metrics").status_code == 404


def test_a_process_that_was_killed_holds_no_sockets_in_the_numbers(watched: Server) -> None:
    ann = Person.signed_up(watched.http, "ann killed")
    connections = [ann.connect() for _ in range(8)]
    soon(lambda: numbers(asked(watched, **WITH_TOKEN).text)["chat_sockets"] == 8)
    for process in processes_of(watched):
        if "--worker" in Path(f"/proc/{process}/cmdline").read_text().split("\0"):
            os.kill(process, signal.SIGKILL)
    soon(lambda: numbers(asked(watched, **WITH_TOKEN).text)["chat_sockets"] == 0)
    for connection in connections:
        connection.close()


@pytest.mark.parametrize("path", ["/healthz", "/healthz/ready", "/healthz/live"])
def test_probes_answer_whatever_host_is_asked(watched: Server, path: str) -> None:
    for host in ("10.1.2.3", "chat.example.org", "unknown.example.net"):
        answer = soon(lambda: (told := asked(watched, path, Host=host)).status_code != 503 and told)  # noqa: B023
        assert (answer.status_code, answer.json()["status"]) == (200, "ok")


def test_pages_are_not_shown_to_hosts_that_are_not_ours(watched: Server) -> None:
    assert asked(watched, "/sign-in/", Host="unknown.example.net").status_code == 400


def test_every_answer_has_an_id_of_its_own(api: httpx.Client, person: People) -> None:
    ann = person("ann")
    answers = [
        api.get("/sign-in/"),
        api.get("/no/such/place"),
        api.get("/static/css/nothing.css"),
        api.get("/me", headers={"X-Request-ID": "chosen by me"}),
        ann.request("POST", "/private/send", body={"receiverId": ann.id, "content": "refused"}),
    ]
    ids = [answer.headers["X-Request-ID"] for answer in answers]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[0-9a-f]{16}", one) for one in ids)


def test_lines_are_json_and_name_the_request(watched: Server) -> None:
    answer = asked(watched, "/sign-in/", Host="unknown.example.net")
    lines = [json.loads(line) for line in watched.log.read_text().splitlines() if line.startswith("{")]
    mine = [line for line in lines if line.get("request") == answer.headers["X-Request-ID"]]
    assert mine
    assert {"time", "level", "logger", "message"} <= mine[0].keys()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("METRICS_TOKEN", "short"),
        ("METRICS_ADDRESS", "9100"),
        ("METRICS_ADDRESS", "127.0.0.1:none"),
        ("METRICS_ADDRESS", "127.0.0.1:99999"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_names_it(tmp_path: Path, setting: str, value: str) -> None:
    assert setting in refused(Server(tmp_path), **{setting: value})


def test_an_address_in_use_is_refused_by_name(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert "METRICS_ADDRESS" in refused(Server(tmp_path), METRICS_ADDRESS=address)


def _expressions(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        for name, inner in tree.items():
            if name == "expr":
                yield inner
            yield from _expressions(inner)
    elif isinstance(tree, list):
        for inner in tree:
            yield from _expressions(inner)


def test_the_dashboard_and_the_alerts_ask_for_numbers_that_there_are() -> None:
    dashboard = list(_expressions(json.loads((ROOT / "deploy/monitoring/grafana.json").read_text())))
    alerts = re.findall(r"^ +expr: (.*)$", (ROOT / "deploy/monitoring/alerts.yml").read_text(), re.MULTILINE)
    assert dashboard
    assert alerts
    known = {family.name for family in REGISTRY.collect() if family.name.startswith("chat_")}
    for name in set(re.findall(r"\bchat_\w+", " ".join([*dashboard, *alerts]))):
        assert re.sub("_(total|bucket|sum|count)$", "", name) in known
