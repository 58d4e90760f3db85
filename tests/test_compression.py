"""Answers and pages go compressed to those who accept it, and to nobody else."""

import gzip
import re
from typing import Any

import httpx
import pytest


@pytest.fixture
def talk(person: Any) -> tuple[Any, str]:
    """A person, and the address of a long page of what was said to them."""
    ann, bob = person("ann"), person("bob")
    for number in range(30):
        bob.post("/private/send", {"receiverId": ann.id, "content": f"number {number} 早上好"}, status=201)
    return ann, f"/private/messages?senderId={bob.id}&receiverId={ann.id}"


def got(person: Any, address: str, accepted: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """An answer, and its body as it came over the network."""
    request = person._client.build_request(
        "get", address, headers={"Authorization": f"Bearer {person.token}", "Accept-Encoding": accepted, **headers}
    )
    response = person._client.send(request, stream=True)
    raw = b"".join(response.iter_raw())
    response.close()
    return response, raw


@pytest.mark.parametrize("road", [{}, {"Accept": "application/json, */*"}], ids=["the short way", "through Django"])
def test_a_page_of_messages_is_sent_in_a_quarter_of_its_bytes(talk: tuple[Any, str], road: dict[str, str]) -> None:
    ann, address = talk
    plain, text = got(ann, address, "identity", **road)
    packed, raw = got(ann, address, "gzip, deflate, br", **road)
    assert "content-encoding" not in plain.headers and packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw) == text and 4 * len(raw) < len(text)
    for response, sent in ((plain, text), (packed, raw)):
        assert int(response.headers["content-length"]) == len(sent)
        assert "accept-encoding" in response.headers["vary"].lower()
    own = {"date", "x-request-id", "content-length", "content-encoding"}
    kept = [{name: value for name, value in one.headers.items() if name not in own} for one in (plain, packed)]
    assert kept[0] == kept[1]


@pytest.mark.parametrize(
    ("accepted", "is_packed"),
    [
        ("gzip", True), ("GZip;q=0.5", True), ("br, gzip;q=1.0", True), ("*", True), ("deflate,gzip", True),
        ("", False), ("identity", False), ("br", False), ("gzip;q=0", False), ("gzip; q=0.000", False),
        ("*;q=0", False), ("x-gzip-not", False), ("gzip;q=0, br", False),
    ],
)  # fmt: skip
def test_a_client_has_what_it_says_that_it_accepts(talk: tuple[Any, str], accepted: str, is_packed: bool) -> None:
    response, _raw = got(*talk, accepted)
    assert ("content-encoding" in response.headers) == is_packed


def test_short_answers_refusals_and_files_are_sent_as_they_are(talk: tuple[Any, str]) -> None:
    ann, _ = talk
    uploaded = ann.upload(b"many words " * 1000, "words.txt", "files")
    for address in ("/me", "/no/such/route", uploaded["mediaUrl"]):
        response, _raw = got(ann, address, "gzip")
        assert "content-encoding" not in response.headers
    response, raw = got(ann, uploaded["mediaUrl"], "gzip", Range="bytes=0-1999")
    assert response.status_code == 206 and len(raw) == 2000 and "content-encoding" not in response.headers


def test_the_length_of_a_packed_answer_tells_little_of_what_is_in_it(talk: tuple[Any, str]) -> None:
    lengths = {len(got(*talk, "gzip")[1]) for _ in range(20)}
    assert len(lengths) > 5 and max(lengths) - min(lengths) <= 100


def test_a_list_without_end_comes_packed_while_it_is_read(person: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatproject.core.http.api.CHUNK", 3)
    ann, others = person("ann"), [person("somebody") for _ in range(8)]
    # Of these alone: others may just be going offline.
    plain, text = got(ann, "/userChatList?search=somebody", "identity")
    packed, raw = got(ann, "/userChatList?search=somebody", "gzip")
    assert plain.status_code == packed.status_code == 200
    assert packed.headers["content-encoding"] == "gzip" and gzip.decompress(raw) == text
    assert all(one.id.encode() in text for one in others)


def test_the_pages_are_packed_and_whole(server: str) -> None:
    with httpx.Client(base_url=server) as client:
        response = client.get("/", headers={"Accept-Encoding": "gzip"}, follow_redirects=True)
        assert response.headers["content-encoding"] == "gzip" and re.search(r"</html>\s*$", response.text)
        assert "content-encoding" not in client.get("/", headers={"Accept-Encoding": "identity"}).headers
