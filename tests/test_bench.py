"""The bench sends what clients are told to send, and its load generator counts what comes of it."""

import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from bench.harness import compare, frames, generator
from bench.harness.checkouts import Installation
from bench.harness.generator import Load
from bench.harness.servers import Server
from messaging.asyncapi import document
from tests import documented
from tests.people import Person

API = (Path(__file__).resolve().parent.parent / "docs" / "api.md").read_text()
MESSAGE = frames.Message(
    target="01890000-0000-7000-8000-000000000000",
    sender="01890000-0000-7000-8000-000000000001",
    content="hello",
    client_id="01890000-0000-7000-8000-000000000002",
)
FRAMES = {"EmitGroupMsg": MESSAGE.group_frame(ack=1), "EmitPrivate": MESSAGE.private_frame(ack=1)}
BODIES = {"/group/send": MESSAGE.group_body(), "/private/send": MESSAGE.private_body()}
#: Accepted from clients of the original; docs/api.md describes it, the schemas do not.
IDENTITY = {"senderId"}

needs_compiler = pytest.mark.skipif(
    not (shutil.which("cc") or shutil.which("gcc")), reason="a C compiler is missing: apt-get install gcc libc6-dev"
)


# What is documented ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", FRAMES)
def test_a_frame_of_the_bench_has_only_keys_that_the_page_for_programs_documents(event: str) -> None:
    row = next(line for line in API.splitlines() if line.startswith(f"| `{event}` "))
    listed = set(re.findall(r"\w+", row.split("`{")[1].split("}`")[0])) - {"or"}
    assert {"type", "clientId", "replyTo"} < FRAMES[event]["data"].keys() <= listed


@pytest.mark.parametrize("event", FRAMES)
def test_a_frame_of_the_bench_is_one_of_the_sockets_document(event: str) -> None:
    frame = FRAMES[event]
    data = {key: value for key, value in frame["data"].items() if key not in IDENTITY}
    documented.check(f"send.{event}", {**frame, "data": data})
    message = document()["components"]["messages"][f"send.{event}"]
    assert frame.keys() == message["payload"]["properties"].keys()
    for example in message.get("examples", []):
        assert example["payload"]["data"].keys() <= frame["data"].keys()


@pytest.mark.parametrize("path", BODIES)
def test_a_body_of_the_bench_has_the_documented_fields_of_its_route(path: str) -> None:
    schema: Any = SchemaGenerator().get_schema(request=None, public=True)
    reference = schema["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    fields = schema["components"]["schemas"][reference.rpartition("/")[2]]["properties"]
    assert {"content", "type", "clientId"} < BODIES[path].keys() - IDENTITY <= fields.keys()


def test_this_checkout_can_be_measured_beside_itself_without_encryption_and_index() -> None:
    chosen = compare.options(None).parse_args(["--plain"])
    here, plain = compare.checkouts(chosen)
    assert (here.path, here.settings, here.filled) == (plain.path, {}, {})
    assert plain.settings == {"ENCRYPTION": "off"} and plain.filled == {"index": "off"}
    installation = Installation(plain)
    try:
        assert installation.environment("redis://127.0.0.1:0/0")["ENCRYPTION"] == "off"
    finally:
        installation.remove()


# What the load generator sends ----------------------------------------------------------------------------------------


@pytest.fixture
def recorder() -> Iterator[tuple[int, list[Any]]]:
    """The port of a server that records what its clients send and passes messages on to all."""
    received: list[Any] = []
    sockets: list[ServerConnection] = []

    def talk(socket: ServerConnection) -> None:
        sockets.append(socket)
        for text in socket:
            frame = json.loads(text)
            received.append(frame)
            if frame["event"] == "EmitUserConnect":
                socket.send('{"event":"OnUserConnect","data":{}}')
                continue
            push = {"event": frame["event"].replace("Emit", "On"), "data": frame["data"]}
            for one in sockets:
                with suppress(ConnectionClosed):
                    one.send(json.dumps(push, separators=(",", ":")))

    with serve(talk, "127.0.0.1", 0, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.socket.getsockname()[1], received
        server.shutdown()
        thread.join()


@needs_compiler
@pytest.mark.parametrize("work", ["fanout", "pairs"])
def test_the_load_generator_sends_the_frames_of_the_bench(
    recorder: tuple[int, list[Any]], tmp_path: Path, work: str
) -> None:
    port, received = recorder
    people = tmp_path / "people"
    people.write_text("".join(f"token-{n} person-{n} target-{n}\n" for n in range(2)))
    options = {"work": work, "clients": 1 if work == "pairs" else 2}
    result = generator.run(chat_server(port, lambda _: str(people)), Load("", "", options), seconds=0.2)
    assert result["whole"]
    hellos, messages = [[one for one in received if ("ack" in one) == is_message] for is_message in (False, True)]
    assert hellos == [frames.HELLO] * 2
    assert messages
    expected = FRAMES["EmitPrivate" if work == "pairs" else "EmitGroupMsg"]
    for message in messages:
        assert message.keys() == expected.keys() and message["data"].keys() == expected["data"].keys()
        assert (message["event"], message["data"]["type"]) == (expected["event"], "text")
        assert message["data"].get("senderId", "person-0") == "person-0"
        assert message["data"].get("groupId", "target-0") == "target-0"
    client_ids = [message["data"]["clientId"] for message in messages]
    assert len(set(client_ids)) == len(client_ids)


# What comes of it -----------------------------------------------------------------------------------------------------


@needs_compiler
@pytest.mark.parametrize(
    ("options", "figure"),
    [
        ({"work": "fanout", "clients": 4, "window": 4}, "deliveries_per_s"),
        ({"work": "pairs", "clients": 2}, "trips_per_s"),
        ({"work": "post", "clients": 4, "path": "/group/send", "body": frames.GROUP_BODY}, "answers_per_s"),
    ],
    ids=["fan-out", "pairs", "POST"],
)
def test_a_load_on_the_chat_delivers_every_message_once(
    server: str, person: Any, group: Any, tmp_path: Path, options: dict[str, Any], figure: str
) -> None:
    people: list[Person] = [person(name) for name in ("ann", "bob", "cem", "dan")]
    room = group(*people)["id"]
    is_pairs = options["work"] == "pairs"
    targets = [people[n ^ 1].id if is_pairs else room for n in range(len(people))]
    lines = [f"{one.token} {one.id} {target}\n" for one, target in zip(people, targets, strict=True)]
    (tmp_path / "people").write_text("".join(lines))
    served = chat_server(int(server.rpartition(":")[2]), lambda _: str(tmp_path / "people"))
    result = generator.run(served, Load("", figure, options), seconds=2)
    assert result["whole"] and result[figure] > 0


def chat_server(port: int, people: Callable[[str], str]) -> Server:
    options = {
        "kind": "chat",
        "path": "/ws/chat/",
        "batch": 1,
        "hello": frames.HELLO_FRAME,
        "group_frame": frames.GROUP_FRAME,
        "private_frame": frames.PRIVATE_FRAME,
    }
    return Server(ports=[port], processes=[], people=people, options=options)
