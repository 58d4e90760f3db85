"""Uploaded files in an S3-compatible bucket, which Moto serves here."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import httpx
import pytest
from botocore.exceptions import BotoCoreError

from tests import hostile, ports
from tests.browser.server import Person, Server

BUCKET = "chat-files"
Site = Callable[..., Server]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service of buckets."""
    port, log = ports.lease(), tmp_path_factory.mktemp("moto") / "log"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with log.open("wb") as written, subprocess.Popen(command, stdout=written, stderr=written) as service:
        url = f"http://127.0.0.1:{port}"
        while True:
            with suppress(httpx.TransportError):
                httpx.get(url)
                break
            assert service.poll() is None, log.read_text()
            time.sleep(0.05)
        yield url
        service.terminate()


@pytest.fixture
def bucket(endpoint: str) -> Iterator[Any]:
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret"
    )
    client.create_bucket(Bucket=BUCKET)
    yield client
    for name in names(client):
        client.delete_object(Bucket=BUCKET, Key=name)
    with suppress(BotoCoreError):
        client.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def site(tmp_path: Path, endpoint: str, bucket: Any) -> Site:
    def made(**settings: Any) -> Server:
        given: Any = {"S3_BUCKET": BUCKET, "S3_ENDPOINT": endpoint, "S3_REGION": "us-east-1"}
        keys: Any = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
        return Server(tmp_path, **given, **keys, **settings)

    return made


def names(client: Any) -> list[str]:
    return [one["Key"] for one in client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def content(client: Any, name: str) -> bytes:
    return bytes(client.get_object(Bucket=BUCKET, Key=name)["Body"].read())


def asked(server: Server, person: Person, address: str, **headers: str) -> httpx.Response:
    return httpx.get(server.url + address, headers={**person._headers, **headers})


def sent(sender: Person, receiver: Person, kind: str, name: str, data: bytes) -> Any:
    uploaded = sender.upload(kind, name, data)
    body = {"receiverId": receiver.id, "content": name, "type": kind, "mediaUrl": uploaded["mediaUrl"]}
    return sender.post("/private/send", **body)


def until_gone(client: Any, name: str) -> None:
    give_up = time.monotonic() + 60
    while name in names(client):
        assert time.monotonic() < give_up, f"{name} is still there"
        time.sleep(0.05)


def test_files_are_sealed_in_the_bucket_and_read_from_it_in_parts_by_those_who_may(site: Site, bucket: Any) -> None:
    data = b"a canary in the file" + bytes(range(256)) * 12_000  # three megabytes, sealed in fifty pieces
    with site() as server:
        ann, bob, eve = (Person(server, name) for name in ("Ann", "Bob", "Eve"))
        message = sent(ann, bob, "file", "report.bin", data)
        picture = sent(ann, bob, "image", "a.jpg", hostile.encoded(hostile.photo(800, 600), "JPEG"))
        stored = names(bucket)
        assert len(stored) == 3, "a file, a picture and its thumbnail"
        assert not any(b"canary" in content(bucket, name) or b"JFIF" in content(bucket, name) for name in stored)
        address = message["mediaUrl"]
        assert asked(server, bob, address).content == data
        for first, last in ((0, 19), (1_000_000, 1_000_009), (len(data) - 5, len(data) - 1), (70_000, 2_500_000)):
            part = asked(server, bob, address, Range=f"bytes={first}-{last}")
            assert (part.status_code, part.content) == (206, data[first : last + 1])
        for one in (picture["mediaUrl"], picture["thumbnailUrl"]):
            assert asked(server, bob, one).headers["content-type"].startswith("image/")
        assert [asked(server, eve, one).status_code for one in (address, picture["mediaUrl"])] == [404, 404]
        ann.post("/message/recall", messageId=message["id"])
        (name,) = (one for one in stored if address.removeprefix("/uploads/") in one)
        until_gone(bucket, name)
        assert asked(server, bob, address).status_code == 404


def test_the_bucket_hands_files_out_itself_to_those_whom_the_chat_sends(site: Site, bucket: Any, endpoint: str) -> None:
    with site(MEDIA_FROM_BUCKET="on", MEDIA_URL_SECONDS="60") as server:
        ann, bob, eve = (Person(server, name) for name in ("Ann", "Bob", "Eve"))
        picture = sent(ann, bob, "image", "a.jpg", hostile.encoded(hostile.photo(800, 600), "JPEG"))
        report = sent(ann, bob, "file", "报告.pdf", b"%PDF-1.4 a report")
        addresses = []
        for address in (picture["mediaUrl"], picture["thumbnailUrl"]):
            assert asked(server, eve, address).status_code == 404
            answer = asked(server, bob, address)
            assert answer.status_code == 302 and "no-store" in answer.headers["cache-control"]
            addresses.append(there := answer.headers["location"])
            assert there.startswith(f"{endpoint}/{BUCKET}/"), there
            query = parse_qs(urlsplit(there).query)
            assert int(query["X-Amz-Expires"][0]) == 120 and query["X-Amz-Signature"]
            handed = httpx.get(there)
            assert handed.status_code == 200 and handed.headers["content-type"].startswith("image/")
        # Only the chat knows the name of a download.
        assert asked(server, bob, report["mediaUrl"]).content == b"%PDF-1.4 a report"
        policy = httpx.get(f"{server.url}/sign-in/").headers["content-security-policy"]
        assert {one.split()[0] for one in policy.split(";") if endpoint in one} == {"img-src", "media-src"}
        (name,) = (one for one in names(bucket) if picture["mediaUrl"].removeprefix("/uploads/") in one)
        ann.post("/message/recall", messageId=picture["id"])
        until_gone(bucket, name)
        assert httpx.get(addresses[0]).status_code in (403, 404)  # who may not list a bucket is not told which
        assert asked(server, bob, picture["mediaUrl"]).status_code == 404
