"""Wrong input gets a clear error, loses nothing and breaks nothing."""

import json
from typing import Any

import pytest

DEEP = "[" * 3000 + "]" * 3000
FRAMES: dict[str, tuple[Any, str]] = {
    "nothing": ("", "bad_request"),
    "not JSON": ("hello", "bad_request"),
    "half of JSON": ('{"event": "SocketHeartBeat"', "bad_request"),
    "a list": ("[]", "bad_request"),
    "a number": ("12", "bad_request"),
    "null": ("null", "bad_request"),
    "NaN": ('{"event": "SocketHeartBeat", "data": NaN}', "bad_request"),
    "infinity": ('{"event": "SocketHeartBeat", "data": {"x": Infinity}}', "bad_request"),
    "a lone surrogate": ('{"event": "EmitGroupMsg", "data": {"content": "\\ud800"}}', "bad_request"),
    "3,000 levels": (DEEP, "bad_request"),
    "3,000 levels of data": (f'{{"event": "EmitSync", "data": {DEEP}}}', "bad_request"),
    "5,000 digits": (f'{{"event": "EmitSync", "data": {{"cursors": {{"a": {"9" * 5000}}}}}}}', "bad_request"),
    "binary": (b"\x00\x01\xff", "bad_request"),
    "no event": ('{"data": {}}', "bad_request"),
    "an event that is no text": ('{"event": 7}', "bad_request"),
    "an unknown event": ('{"event": "EmitWorldPeace", "data": {}}', "unknown_event"),
    "an unknown ack": ('{"event": "SocketHeartBeat", "ack": {"a": 1}}', "bad_request"),
    "data that is a list": ('{"event": "EmitPrivate", "data": []}', "bad_request"),
    "a missing field": ('{"event": "EmitPrivate", "data": {"msg": "hello"}}', "invalid"),
    "a wrong field": ('{"event": "EmitPrivate", "data": {"toUid": 5, "msg": "hello"}}', "invalid"),
    "a text that is a number": (
        '{"event": "EmitPrivate", "data": {"toUid": "01890000-0000-7000-8000-000000000000", "msg": 5}}',
        "invalid",
    ),
    "a NUL": (
        '{"event": "EmitPrivate", "data": {"toUid": "01890000-0000-7000-8000-000000000000", "msg": "a\\u0000b"}}',
        "invalid",
    ),
    "an empty text": (
        '{"event": "EmitPrivate", "data": {"toUid": "01890000-0000-7000-8000-000000000000", "msg": "  "}}',
        "invalid",
    ),
    "a text too long for a message": (
        f'{{"event": "EmitPrivate", "data": {{"toUid": "01890000-0000-7000-8000-000000000000", "msg": "{"x" * 9000}"}}}}',
        "invalid",
    ),
    "200 kB of text": (
        f'{{"event": "EmitPrivate", "data": {{"toUid": "01890000-0000-7000-8000-000000000000", "msg": "{"x" * 200_000}"}}}}',
        "too_large",
    ),
    "a message type that clients never send": (
        '{"event": "EmitPrivate", "data": {"toUid": "01890000-0000-7000-8000-000000000000", "msg": "a", "type": "system"}}',
        "invalid",
    ),
    "somebody nobody knows": (
        '{"event": "EmitPrivate", "data": {"toUid": "01890000-0000-7000-8000-000000000000", "msg": "a"}}',
        "not_found",
    ),
    "a group nobody knows": (
        '{"event": "EmitGroupMsg", "data": {"groupId": "01890000-0000-7000-8000-000000000000", "content": "a"}}',
        "not_found",
    ),
    "somebody else's name": (
        '{"event": "EmitGroupMsg", "data": {"groupId": "01890000-0000-7000-8000-000000000000", "content": "a", '
        '"senderId": "01890000-0000-7000-8000-000000000000"}}',
        "not_you",
    ),
}


#: Frames full of wrong items: each of them was judged and named, which took a second and made a megabyte.
CROWDS: dict[str, dict[str, Any]] = {
    "EmitWatchPresence": {"userIds": [1] * 30_000},
    "EmitMarkGroupRead": {"groupIds": [{}] * 20_000},
    "EmitMarkPrivateRead": {"senderIds": [1] * 500},
    "EmitSync": {"cursors": {str(number): [] for number in range(6000)}},
}


@pytest.mark.parametrize("event", CROWDS)
def test_of_many_wrong_items_a_few_are_named(person: Any, event: str) -> None:
    ann = person("ann")
    anns = ann.connect()
    anns.send_raw(json.dumps({"event": event, "data": CROWDS[event]}, separators=(",", ":")))
    error = anns.next("error")
    assert error["code"] == "invalid"
    assert 1 <= len(error["errors"]) <= 5
    ids = ["x"] * 30_000
    answer = ann.request("post", "/group/create", body={"name": "x", "memberIds": ids})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["memberIds"])
    answer = ann.request("post", "/group/create", body={"name": "x", "memberIds": ids[:2000]})
    assert list(answer.json()["errors"]) == [f"memberIds.{place}" for place in range(5)]


@pytest.mark.usefixtures("quiet_log")
@pytest.mark.parametrize("kind", FRAMES)
def test_a_bad_frame_is_answered_and_the_socket_goes_on(person: Any, kind: str) -> None:
    frame, code = FRAMES[kind]
    anns = person("ann").connect()
    anns.send_raw(frame)
    error = anns.next("error")
    assert error["code"] == code
    assert error["message"]
    assert anns.call("SocketHeartBeat")["serverTime"]


TO = '"toUid": "01890000-0000-7000-8000-000000000000"'
BROKEN: dict[str, str | bytes] = {
    "a lone surrogate": f'{{"event": "EmitPrivate", "data": {{{TO}, "msg": "\\ud800"}}, "ack": 7}}',
    "a lone surrogate in a name": '{"\\udfff": 1, "event": "SocketHeartBeat", "ack": 7}',
    "an unknown escape": '{"event": "SocketHeartBeat", "data": "\\q \\\\", "ack": 7}',
    "NaN": '{"ack": 7, "event": "SocketHeartBeat", "data": NaN}',
    "a number without end": f'{{"event": "SocketHeartBeat", "data": {"9" * 5000}, "ack": 7}}',
    "3,000 levels": f'{{"event": "EmitSync", "data": {DEEP}, "ack": 7}}',
    "levels without end": f'{{"event": "EmitSync", "ack": 7, "data": {"[{" * 100_000}',
    "half of JSON": '{"event": "SocketHeartBeat", "ack": 7, "data": {"ack": 8',
    "a comma too many": '{"event": "SocketHeartBeat", "ack": 7,}',
    "200 kB of text": f'{{"event": "EmitPrivate", "data": {{{TO}, "msg": "{"x" * 200_000}"}}, "ack": 7}}',
    "900 kB of brackets and texts": f'{{"event": "EmitSync", "data": ["{"[{" * 450_000}"], "ack": 7}}',
    "binary": b'{"event": "SocketHeartBeat", "ack": 7}',
    "binary that is no UTF-8": b'{"event": "SocketHeartBeat", "data": "\xff\xfe", "ack": 7}',
    "no event": '{"ack": 7}',
    "an event that is no text": '{"event": ["ack", 8], "ack": 7}',
    "an unknown event": '{"event": "EmitWorldPeace", "ack": 7}',
    "data that is a text": '{"event": "EmitPrivate", "data": "\\"ack\\": 8", "ack": 7}',
    "an ack in the data as well": '{"event": "EmitPrivate", "data": {"ack": 8, "msg": "\\udc00"}, "ack": 7}',
}


@pytest.mark.usefixtures("quiet_log")
@pytest.mark.parametrize("kind", BROKEN)
def test_a_refusal_carries_the_number_of_what_it_refuses(person: Any, kind: str) -> None:
    anns = person("ann").connect()
    anns.send_raw(BROKEN[kind])
    assert anns.answer(7)["event"] == "error"
    assert anns.call("SocketHeartBeat")["serverTime"]


@pytest.mark.usefixtures("quiet_log")
@pytest.mark.parametrize(
    "frame",
    [
        '{"event": "SocketHeartBeat", "data": {"ack": 7, "x": NaN}}',
        '{"event": "SocketHeartBeat", "data": "\\"ack\\": 7", "x": NaN}',
        '{"event": "SocketHeartBeat", "ack": [7], "x": NaN}',
        '{"event": "SocketHeartBeat", "ack": 1.5, "x": NaN}',
        '[{"ack": 7}]',
        f'{{"event": NaN, "ack": "{"7" * 65}"}}',
    ],
)
def test_a_number_that_is_no_ack_of_the_frame_is_not_taken_for_one(person: Any, frame: str) -> None:
    anns = person("ann").connect()
    anns.send_raw(frame)
    assert anns.next("error")
    assert anns.call("SocketHeartBeat")["serverTime"]


@pytest.mark.usefixtures("quiet_log")
def test_every_event_refuses_data_of_every_wrong_kind(person: Any) -> None:
    """Each documented event with a text, a number, a list and a nonsense object as data."""
    from messaging.consumers import ChatConsumer

    ann = person("ann")
    for event in ChatConsumer.handlers:
        anns = ann.connect()
        for wrong in (
            '"text"',
            "5",
            "[1]",
            '{"groupId": {}, "toUid": [], "senderId": 1.5, "cursors": 3, "userIds": "x"}',
        ):
            anns.send_raw(f'{{"event": "{event}", "ack": 1, "data": {wrong}}}')
            assert anns.answer(1)["event"] in ("ack", "error", "MessageHistoryError")
        assert anns.call("SocketHeartBeat")["serverTime"]
        anns.close()


@pytest.mark.usefixtures("quiet_log")
def test_only_repeated_abuse_closes_the_socket(person: Any) -> None:
    anns = person("ann").connect()
    for _ in range(100):
        anns.send_raw("rubbish")
    assert anns.closed() == 4400


BODIES: dict[str, tuple[bytes, str, int]] = {
    "not JSON": (b"hello", "bad_request", 400),
    "a list": (b"[1]", "bad_request", 400),
    "a text": (b'"hello"', "bad_request", 400),
    "NaN": (b'{"receiverId": NaN}', "bad_request", 400),
    "a lone surrogate": (b'{"receiverId": "x", "content": "\\ud800"}', "bad_request", 400),
    "not UTF-8": (b'{"receiverId": "x", "content": "\xff\xfe"}', "bad_request", 400),
    "3,000 levels": (DEEP.encode(), "bad_request", 400),
    "5,000 digits": (b'{"receiverId": ' + b"9" * 5000 + b"}", "bad_request", 400),
    "nothing": (b"", "invalid", 400),
    "missing fields": (b"{}", "invalid", 400),
    "wrong fields": (b'{"receiverId": {"a": 1}, "content": ["x"]}', "invalid", 400),
    "a text too long for a message": (
        b'{"receiverId": "01890000-0000-7000-8000-000000000000", "content": "' + b"x" * 200_000 + b'"}',
        "invalid",
        400,
    ),
    "4 MB": (b'{"content": "' + b"x" * 4_000_000 + b'"}', "too_large", 413),
}


@pytest.mark.usefixtures("quiet_log")
@pytest.mark.parametrize("kind", BODIES)
def test_a_bad_body_is_answered_with_a_problem(person: Any, kind: str) -> None:
    body, code, status = BODIES[kind]
    answer = person("ann").request("post", "/private/send", content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.usefixtures("quiet_log")
def test_another_content_type_is_refused_clearly(person: Any) -> None:
    answer = person("ann").request("post", "/private/send", content=b"a=b", content_type="text/plain")
    assert answer.json()["code"] == "bad_request"
