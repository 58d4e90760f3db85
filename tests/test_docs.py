"""The documentation names files, tests, settings and commands that exist."""

import ast
import os
import re
import signal
from itertools import takewhile
from pathlib import Path

import pytest

from tests.faults.server import Server
from tests.people import Person, Socket, api_client

ROOT = Path(__file__).resolve().parent.parent
PAGES = {path.relative_to(ROOT).as_posix(): path.read_text() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]}
ARCHITECTURE, INTERFACE = PAGES["ARCHITECTURE.md"], PAGES["docs/interface.md"]
#: A numbered promise of the interface, and the tests that prove it.
LINES = re.findall(r"^\| (\d+) \| .+ \| (.+) \|$", INTERFACE, re.MULTILINE)
#: Files that the chat creates.
CREATED = ("var/", "static/img/icons/")
#: The section of ARCHITECTURE.md about a message's way, its steps, and the files that they name.
WALK = ARCHITECTURE.partition("## A message's way")[2].partition("\n##")[0]
STEPS = re.findall(r"^\d+\. (.+?)(?=^\d+\. |^$)", WALK, re.DOTALL | re.MULTILINE)
FILES = [file for step in STEPS for file in re.findall(r"`([\w/]+\.(?:py|js))`", step)]


def named_tests(shown_by: str) -> list[tuple[Path, str | None]]:
    named = re.findall(r"`((?:tests/)?test_\w+\.py)(?:::(\w+))?`", shown_by)
    return [(ROOT / (path if "/" in path else f"tests/browser/{path}"), test or None) for path, test in named]


def test_every_promise_of_the_interface_has_its_number() -> None:
    assert [int(number) for number, _ in LINES] == list(range(1, len(LINES) + 1))


@pytest.mark.parametrize(("number", "shown_by"), LINES, ids=[number for number, _ in LINES])
def test_a_promise_of_the_interface_names_tests_that_exist(number: str, shown_by: str) -> None:
    named = named_tests(shown_by)
    assert named
    for path, test in named:
        assert path.exists(), path
        functions = [node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
        assert test in (None, *functions)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        found = (ROOT / page).parent / path if path else ROOT / page
        assert found.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text(), re.MULTILINE)
            assert anchor in [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings], target


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_exists(page: str) -> None:
    """Names with a folder in front that is one of ours; those of `core` may leave `chatproject/` out."""
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()} | {"core"}
    for name in re.findall(r"`([\w.-]+/[\w./-]*)`", PAGES[page]):
        if name.split("/")[0] not in folders or name.startswith(CREATED):
            continue
        assert any((ROOT / folder / name).exists() for folder in (".", "chatproject", "docs", "static/js")), name


def test_every_setting_of_the_environment_is_documented_for_operators() -> None:
    sources = [(ROOT / "chatproject" / name).read_text() for name in ("settings.py", "environment.py")]
    settings = {name for source in sources for name in re.findall(r'\benv\.\w+\(\s*"([A-Z0-9_]+)"', source)}
    assert "DATABASE_URL" in settings
    operating = set(re.findall(r"`([A-Z0-9_]+)`", PAGES["docs/operating.md"]))
    example = set(re.findall(r"^#?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert settings - operating == set()
    assert settings == example


def test_the_architecture_is_one_page() -> None:
    assert len(re.sub(r"^```.*?^```$", "", ARCHITECTURE, flags=re.DOTALL | re.MULTILINE).split()) <= 700


def test_the_walk_of_a_message_names_each_file_once_and_at_most_ten_before_the_hub() -> None:
    assert len(FILES) == len(set(FILES))
    assert 5 <= len(list(takewhile(lambda file: "/hub/" not in file, FILES))) <= 10


def files_of_a_message(server: Server, sender: Socket, hearer: Socket, group_id: str, pipe: Path) -> list[str]:
    """The files that the server enters for one group message, in the order of the first entry."""
    os.kill(server.pid, signal.SIGUSR1)
    pipe.read_text()
    sender.call("EmitGroupMsg", {"groupId": group_id, "type": "text", "content": "hello"})
    hearer.next("OnGroupMsg")
    os.kill(server.pid, signal.SIGUSR1)
    calls = [line.split(" ") for line in pipe.read_text().splitlines()]
    # Without jobs that happen to run at this moment.
    of_message = [(file, name) for file, name, by, job in calls if by in FILES and job != "_Hub._repeat"]
    began = of_message.index(("chatproject/core/websocket/protocol.py", "Connection.data_received"))
    return list(dict.fromkeys(file for file, _ in of_message[began:]))


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_message_takes_the_way_that_the_architecture_describes(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    server = Server(tmp_path / "chat", PYTHONPATH=str(Path(__file__).parent / "trace"), TRACE_PIPE=str(pipe))
    server.start()
    try:
        with api_client(server.url) as client:
            ann, bob = Person.signed_up(client, "ann"), Person.signed_up(client, "bob")
            group = ann.post("/group/create", {"name": "tea", "memberIds": [bob.id]}, status=201)
            sender, hearer = ann.connect(), bob.connect()
            # The first message loads what later ones find. Other events may pass the hub beside one or the other.
            walks = [files_of_a_message(server, sender, hearer, group["id"], pipe) for _ in range(6)][1:]
            sender.close()
            hearer.close()
    finally:
        server.stop()
    steps = [file for file in FILES if file.endswith(".py")]
    assert steps in [[file for file in files if file in steps] for files in walks]
    named = tuple(re.findall(r"`([\w/.]+)`", WALK))
    before_the_hub = min((list(takewhile(lambda file: "/hub/" not in file, files)) for files in walks), key=len)
    assert [file for file in before_the_hub if not file.startswith(named)] == []
