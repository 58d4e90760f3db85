"""Pictures, voice, places and files through the API, from upload to recall."""

import asyncio
import functools
import getpass
import io
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.conf import settings as configured
from django.core.management import call_command
from django.db import connection
from PIL import Image

from chatproject.core.http import uploads
from chatproject.core.times import now
from messaging import background
from messaging.media.kinds import Kind
from messaging.models import Message, Upload
from tests import hostile, ports
from tests import nginx as nginx_conf
from tests.geocoder import USELESS, geocoder, says
from tests.people import Person, Refused
from tests.test_media_files import require_clean, require_clean_picture

MIB = 1024 * 1024


def file(size: int = 1000) -> bytes:
    return bytes(number % 251 for number in range(size))


def send(sender: Any, receiver: Any, upload: dict[str, Any], **more: Any) -> Any:
    body = {"receiverId": receiver.id, "type": upload["type"], "mediaUrl": upload["mediaUrl"], **more}
    return sender.post("/private/send", body, status=201)


def refusal(answer: Any) -> tuple[int, str]:
    assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
    return answer.status_code, answer.json()["code"]


def stored_files() -> set[str]:
    root = Path(configured.MEDIA_ROOT)
    return {
        str(path.relative_to(root)) for path in root.rglob("*.*") if path.is_file() and ".scratch" not in path.parts
    }


# Uploading ------------------------------------------------------------------------------------------------------------


def test_a_picture_is_told_with_all_that_a_bubble_needs(person: Any) -> None:
    uploaded = person("ann").upload(hostile.encoded(hostile.photo(1600, 900), "JPEG"), "holiday.heic", "images")
    assert uploaded.pop("mediaUrl").startswith("/uploads/images/")
    assert uploaded.pop("thumbnailUrl").startswith("/uploads/images/thumbnails/")
    assert uploaded.pop("fileSize") > 1000
    assert uploaded == {
        "type": "image",
        "fileName": "holiday.jpg",
        "mimeType": "image/jpeg",
        "width": 1600,
        "height": 900,
        "mediaDuration": None,
        "waveform": None,
        "isStill": False,
    }


def test_a_recording_is_told_with_its_length_and_shape(person: Any) -> None:
    uploaded = person("ann").upload(hostile.webm(), "voice.webm", "audio")
    assert (uploaded["type"], uploaded["mimeType"], uploaded["fileName"]) == ("audio", "audio/mp4", "voice.m4a")
    assert uploaded["mediaUrl"].endswith(".m4a") and uploaded["thumbnailUrl"] is None
    assert uploaded["mediaDuration"] == pytest.approx(3, abs=0.1) and len(uploaded["waveform"]) == 64


def test_a_file_is_kept_as_it_came(person: Any) -> None:
    ann = person("ann")
    uploaded = ann.upload(file(), "report.pdf", "files")
    assert (uploaded["type"], uploaded["fileName"], uploaded["fileSize"]) == ("file", "report.pdf", 1000)
    assert uploaded["mimeType"] == "application/pdf"
    assert ann.request("get", uploaded["mediaUrl"]).content == file()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\autoexec.bat", "autoexec.bat"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\r\nSet-Cookie: b", "a Set-Cookie: b"),
        ("x" * 300 + ".txt", "x" * 116 + ".txt"),
        ("报告 ё.pdf", "报告 ё.pdf"),
    ],
)
def test_a_name_is_harmless_where_it_is_shown_and_where_it_is_saved(person: Any, given: str, shown: str) -> None:
    ann = person("ann")
    # As a malicious client writes it: httpx would not.
    body = (
        b'--x\r\nContent-Disposition: form-data; name="mediaType"\r\n\r\nfiles\r\n--x\r\n'
        b"Content-Disposition: form-data; name=\"media\"; filename*=UTF-8''"
        + quoted(given)
        + b"\r\n\r\nhello\r\n--x--\r\n"
    )
    answer = ann.request("post", "/upload", content=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 201, answer.text
    assert answer.json()["fileName"] == shown
    handed = ann.request("get", answer.json()["mediaUrl"])
    said = handed.headers["content-disposition"]
    assert (
        said.startswith("attachment;") and "\n" not in said and ".." not in said and "set-cookie" not in handed.headers
    )


def quoted(name: str) -> bytes:
    return b"".join(b"%%%02X" % byte for byte in name.encode())


def test_an_upload_may_come_in_pieces_that_nobody_counted(person: Any) -> None:
    head = (
        b'--x\r\nContent-Disposition: form-data; name="mediaType"\r\n\r\nfiles\r\n--x\r\n'
        b'Content-Disposition: form-data; name="media"; filename="a"\r\n\r\n'
    )
    ann = person("ann")
    answer = ann._client.post(
        "/upload",
        content=iter([head, file(100_000), file(100_000), b"\r\n--x--\r\n"]),
        headers={"Authorization": f"Bearer {ann.token}", "Content-Type": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code == 201 and answer.json()["fileSize"] == 200_000


def test_an_upload_of_which_nothing_more_comes_is_given_up(
    person: Any, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = person("ann")
    at = urlsplit(server)
    with monkeypatch.context() as hurried, socket.create_connection((at.hostname, at.port), timeout=60) as connection:
        hurried.setattr(uploads, "PACE_SECONDS", 0.3)
        connection.sendall(
            f"POST /upload HTTP/1.1\r\nHost: {at.netloc}\r\nAuthorization: Bearer {ann.token}\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000\r\n\r\n--x".encode()
        )
        assert b" 408 " in connection.recv(1000).splitlines()[0]
    assert ann.upload(b"hello", "a", "files")


def test_a_name_arrives_as_it_was_given_and_leaves_by_the_standard(person: Any) -> None:
    """By multipart as browsers write it, and by RFC 6266 and 8187."""
    ann = person("ann")
    for name, header in [
        (".env", 'attachment; filename=".env"'),
        ('a "b".txt', "attachment; filename=\"a _b_.txt\"; filename*=UTF-8''a%20%22b%22.txt"),
        (
            "R&amp;D 100%25.txt",
            "attachment; filename=\"R&amp;D 100_25.txt\"; filename*=UTF-8''R%26amp%3BD%20100%2525.txt",
        ),
        ("👩\u200d👧", "attachment; filename=\"___\"; filename*=UTF-8''%F0%9F%91%A9%E2%80%8D%F0%9F%91%A7"),
        ("\U0001fae9.pdf", "attachment; filename=\"_.pdf\"; filename*=UTF-8''%F0%9F%AB%A9.pdf"),
        ("it's (1)*.txt", 'attachment; filename="it\'s (1)*.txt"'),
        ("…" * 200 + ".tar", None),
    ]:
        written = name.replace('"', "%22")
        body = (
            '--x\r\nContent-Disposition: form-data; name="mediaType"\r\n\r\nfiles\r\n--x\r\n'
            f'Content-Disposition: form-data; name="media"; filename="{written}"\r\n\r\nhello\r\n--x--\r\n'
        )
        answer = ann.request("post", "/upload", content=body.encode(), content_type="multipart/form-data; boundary=x")
        uploaded = answer.json()
        assert answer.status_code == 201, answer.text
        if header is None:
            assert uploaded["fileName"] == "…" * 116 + ".tar"
            continue
        assert uploaded["fileName"] == name
        assert ann.request("get", uploaded["mediaUrl"]).headers["content-disposition"] == header


@pytest.mark.parametrize("kind", ["../files", "pictures", "images/thumbnails", "FILES", "\0"])
def test_a_kind_that_is_none_is_a_clear_refusal_and_no_path(person: Any, kind: str) -> None:
    before = stored_files()
    answer = person("ann").request("post", "/upload", files={"media": ("a", b"hello")}, data={"mediaType": kind})
    assert answer.status_code == 400 and answer.json()["code"] in ("unknown_media_type", "invalid")
    assert not stored_files() - before


@pytest.mark.parametrize("body", [{"json": {}}, {"data": {"mediaType": "files"}}, {"files": {"other": ("a", b"b")}}])
def test_a_request_without_a_file_is_a_clear_refusal(person: Any, body: dict[str, Any]) -> None:
    body = {"content": b"{}"} if "json" in body else body
    answer = person("ann").request("post", "/upload", **body)
    assert answer.status_code == 400 and answer.json()["code"] in ("invalid", "bad_request")


def test_an_empty_file_and_a_picture_that_is_none_are_refused_by_their_own_word(person: Any) -> None:
    ann = person("ann")
    for content, kind, code in ((b"", "files", "empty"), (hostile.HTML, "images", "not_a_picture")):
        answer = ann.request("post", "/upload", files={"media": ("a.png", content)}, data={"mediaType": kind})
        assert refusal(answer) == (400, code)


def test_a_file_may_be_as_large_as_the_installation_says(person: Any, settings: Any) -> None:
    settings.MAX_FILE_BYTES, settings.MAX_UPLOAD_BYTES = 100_000, 50_000
    ann = person("ann")
    ann.upload(file(100_000), "a", "files")
    for size, kind in ((100_001, "files"), (3 * MIB, "files"), (50_001, "images"), (50_001, "audio")):
        answer = ann.request("post", "/upload", files={"media": ("a", file(size))}, data={"mediaType": kind})
        assert refusal(answer) == (413, "too_large")


def test_an_anonymous_upload_leaves_nothing_here(anonymous: Person) -> None:
    before = stored_files()
    answer = anonymous.request("post", "/upload", files={"media": ("a", file(2 * MIB))}, data={"mediaType": "files"})
    assert refusal(answer) == (401, "sign_in")
    assert not stored_files() - before


def test_a_browser_uploads_with_its_cookie_and_proves_that_its_page_asked(person: Any, browser: Any) -> None:
    ann = person("ann")
    page = browser().signed_in(ann)
    page.get("/")
    form: dict[str, Any] = {"files": {"media": ("a", b"hello")}, "data": {"mediaType": "files"}}
    assert page._client.post("/upload", **form).status_code == 403
    answer = page._client.post("/upload", **form, headers={"X-CSRFToken": page.cookies["csrftoken"]})
    assert answer.status_code == 201
    assert page.get(answer.json()["mediaUrl"]).content == b"hello"


def test_a_person_who_uploads_too_often_is_told_when_to_come_back(person: Any, settings: Any) -> None:
    settings.RATE_UPLOADS = "2/h"
    ann, bob = person("ann"), person("bob")
    for _ in range(2):
        ann.upload(b"hello", "a", "files")
    answer = ann.request("post", "/upload", files={"media": ("a", file(MIB))}, data={"mediaType": "files"})
    assert refusal(answer) == (429, "rate_limited") and int(answer.headers["retry-after"]) > 60
    bob.upload(b"hello", "a", "files")


def test_what_one_person_stores_has_an_end_and_a_recall_makes_room(person: Any, settings: Any) -> None:
    settings.UPLOAD_QUOTA = 250_000
    ann, bob = person("ann"), person("bob")
    sent = send(ann, bob, ann.upload(file(100_000), "a", "files"))
    ann.upload(file(100_000), "a", "files")
    full = ann.request("post", "/upload", files={"media": ("a", file(100_000))}, data={"mediaType": "files"})
    assert refusal(full) == (413, "quota_exceeded")
    bob.upload(file(100_000), "a", "files")
    ann.post("/message/recall", {"messageId": sent["id"]})
    ann.upload(file(100_000), "a", "files")


def test_while_all_hands_are_full_the_next_upload_is_told_so_and_everything_else_goes_on(
    person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = person("bob")
    many = [person("one of many") for _ in range(uploads.PROCESSED_MAX // uploads.PROCESSED_EACH)]
    under_way_max = len(many) * uploads.PROCESSED_EACH
    done, begun, judge = threading.Event(), threading.Semaphore(0), Kind.process

    def slowly(*arguments: Any, **more: Any) -> Any:
        begun.release()
        assert done.wait(60)
        return judge(*arguments, **more)

    monkeypatch.setattr(Kind, "process", slowly)
    monkeypatch.setattr(uploads, "QUEUE_TIMEOUT_SECONDS", 0.3)
    with ThreadPoolExecutor(under_way_max) as threads:
        try:
            under_way = [
                threads.submit(one.upload, b"hello", "a", "files")
                for one in many
                for _ in range(uploads.PROCESSED_EACH)
            ]
            for _ in under_way:
                assert begun.acquire(timeout=60)
            answer = bob.request("post", "/upload", files={"media": ("a", b"hello")}, data={"mediaType": "files"})
            assert refusal(answer) == (503, "busy") and int(answer.headers["retry-after"]) >= 1
            many[0].post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
            assert bob.get("/me")
        finally:
            done.set()
        assert all(one.result()["mediaUrl"] for one in under_way)


# Previews -------------------------------------------------------------------------------------------------------------


@functools.cache  # with the time at which it was made
def paper(width: int = 210, height: int = 297) -> bytes:
    """A PDF of one page, red at its top."""
    page = Image.new("RGB", (width, height), "white")
    page.paste("#c0392b", (0, 0, width, height // 3))
    return hostile.encoded(page, "PDF")


def test_a_pdf_shows_its_first_page_and_stays_as_it_is(person: Any) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    uploaded = ann.upload(paper(), "report.txt", "files")
    assert (uploaded["type"], uploaded["fileSize"]) == ("file", len(paper()))
    assert (uploaded["width"], uploaded["height"]) == (707, 1000)
    sent = send(ann, bob, uploaded)
    handed = bob.request("get", sent["thumbnailUrl"])
    require_harmless(handed)
    seen = Image.open(io.BytesIO(handed.content))
    assert seen.format == "JPEG" and seen.size == (707, 1000)
    top, bottom = seen.getpixel((350, 100)), seen.getpixel((350, 900))
    assert top != bottom and bottom == (255, 255, 255)
    assert bob.request("get", sent["mediaUrl"]).content == paper()
    assert eve.request("get", sent["thumbnailUrl"]).status_code == 404
    ann.post("/message/recall", {"messageId": sent["id"]})
    assert bob.request("get", sent["thumbnailUrl"]).status_code == 404
    assert not any(sent["thumbnailUrl"].split("/")[-1] in path for path in stored_files())


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7 and nothing else",
        paper()[:200],
        hostile.HTML,
        b"%PDF-" + hostile.HTML,
        paper(2, 2),
        paper(16_000, 20),
    ],
    ids=["a beginning", "a part", "a page", "a page that begins as one", "a dot", "a ribbon"],
)
def test_a_file_of_which_no_page_can_be_drawn_is_a_file_without_a_picture(person: Any, content: bytes) -> None:
    uploaded = person("ann").upload(content, "report.pdf", "files")
    assert (uploaded["type"], uploaded["thumbnailUrl"], uploaded["width"]) == ("file", None, None)


# Hostile files --------------------------------------------------------------------------------------------------------

SOME_PICTURES = [*list(hostile.IMAGES)[::4], "a JPEG with a script after its end", "where it was taken, in a HEIC"]
SOME_RECORDINGS = [*list(hostile.RECORDINGS)[::6], "an MP3 with a picture and a script in its title"]


@pytest.mark.parametrize("name", dict.fromkeys(SOME_PICTURES))
def test_a_hostile_picture_is_handed_out_clean_or_not_at_all(person: Any, name: str) -> None:
    ann, bob = person("ann"), person("bob")
    content, before = hostile.IMAGES[name](), stored_files()
    answer = ann.request("post", "/upload", files={"media": ("a.svg", content)}, data={"mediaType": "images"})
    if answer.status_code != 201:
        assert answer.status_code == 400 and answer.json()["detail"]
        assert not stored_files() - before
        return
    message = send(ann, bob, answer.json())
    for address in (message["mediaUrl"], message["thumbnailUrl"]):
        handed = bob.request("get", address)
        assert handed.headers["content-type"] in ("image/jpeg", "image/png", "image/webp")
        require_harmless(handed)
        require_clean_picture(handed.content, content, handed.headers["content-type"])


@pytest.mark.parametrize("name", dict.fromkeys(SOME_RECORDINGS))
def test_a_hostile_recording_is_handed_out_clean_or_not_at_all(person: Any, name: str) -> None:
    ann, bob = person("ann"), person("bob")
    content, before = hostile.RECORDINGS[name](), stored_files()
    answer = ann.request("post", "/upload", files={"media": ("a.html", content)}, data={"mediaType": "audio"})
    if answer.status_code != 201:
        assert answer.status_code == 400 and answer.json()["detail"]
        assert not stored_files() - before
        return
    handed = bob.request("get", send(ann, bob, answer.json())["mediaUrl"])
    assert handed.headers["content-type"] == "audio/mp4"
    require_harmless(handed)
    require_clean(handed.content, content)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.html", hostile.HTML), ("a.svg", hostile.SVG), ("a.png", hostile.HTML), ("a.htm\0l", b"<p>")],
)
def test_a_page_that_is_sent_as_a_file_is_saved_and_never_shown(person: Any, name: str, content: bytes) -> None:
    ann, bob = person("ann"), person("bob")
    handed = bob.request("get", send(ann, bob, ann.upload(content, name, "files"))["mediaUrl"])
    assert handed.headers["content-type"] == "application/octet-stream"
    assert handed.headers["content-disposition"].startswith("attachment;")
    require_harmless(handed)


def require_harmless(handed: Any) -> None:
    assert handed.status_code == 200
    assert handed.headers["x-content-type-options"] == "nosniff"
    assert handed.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert handed.headers["cross-origin-resource-policy"] == "same-origin"
    assert "private" in handed.headers["cache-control"]


def test_nobody_learns_where_a_picture_was_taken(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    taken = hostile.encoded(hostile.photo(), "JPEG", exif=hostile.gps_exif(orientation=6))
    assert b"Exif" in taken
    message = send(ann, bob, ann.upload(taken, "IMG_1.jpg", "images"))
    assert (message["width"], message["height"]) == (480, 640), "it stands upright"
    for address in (message["mediaUrl"], message["thumbnailUrl"]):
        seen = bob.request("get", address).content
        with Image.open(io.BytesIO(seen)) as picture:
            assert not picture.getexif() and picture.width < picture.height
        assert b"Exif" not in seen and b"hostile camera" not in seen


# Who may see it -------------------------------------------------------------------------------------------------------


def seen_by(people: dict[str, Any], address: str) -> set[str]:
    """The people who get the file; for the others it does not exist."""
    answers = {name: one.request("get", address) for name, one in people.items()}
    for answer in answers.values():
        assert answer.status_code == 200 or refusal(answer) == (404, "not_found")
    return {name for name, answer in answers.items() if answer.status_code == 200}


def test_every_byte_is_for_those_who_may_see_its_message(person: Any, group: Any, anonymous: Any) -> None:
    ann, bob, kicked, eve = person("ann"), person("bob"), person("kicked"), person("eve")
    people = {"uploader": ann, "member": bob, "kicked": kicked, "stranger": eve, "anonymous": anonymous}
    room = group(ann, bob, kicked)
    uploaded = ann.upload(hostile.jpeg(), "cat.jpg", "images")
    addresses = [uploaded["mediaUrl"], uploaded["thumbnailUrl"]]
    for address in addresses:
        assert seen_by(people, address) == {"uploader"}
    body = {"groupId": room["id"], "type": "image", "mediaUrl": uploaded["mediaUrl"]}
    sent = ann.post("/group/send", body, status=201)
    for address in addresses:
        assert seen_by(people, address) == {"uploader", "member", "kicked"}
    ann.post("/group/kick", {"groupId": room["id"], "userId": kicked.id})
    for address in addresses:
        assert seen_by(people, address) == {"uploader", "member"}
    ann.post("/group/transfer", {"groupId": room["id"], "userId": bob.id})
    bob.post("/group/transfer/accept", {"groupId": room["id"]})
    ann.post("/group/leave", {"groupId": room["id"]})
    for address in addresses:
        assert seen_by(people, address) == {"member"}
    bob.post("/message/recall", {"messageId": sent["id"]})
    for address in addresses:
        assert seen_by(people, address) == set()
    assert not {address.removeprefix("/uploads/") for address in addresses} & stored_files()


def test_an_address_that_is_guessed_or_bent_leads_nowhere(person: Any) -> None:
    ann = person("ann")
    uploaded = ann.upload(hostile.jpeg(), "cat.jpg", "images")
    folder, name = uploaded["mediaUrl"].rsplit("/", 1)
    stem, ending = name.split(".")
    for address in (
        f"{folder}/{'0' * 32}.{ending}",
        f"{folder}/{stem}.png",
        f"{folder}/{stem}",
        f"/uploads/files/{name}",
        f"/uploads/audio/thumbnails/{name}",
        f"/uploads/../{name}",
        "/uploads/.scratch",
        f"/uploads/images/%2e%2e/images/{name}",
        f"/uploads//images/{name}",
        "/uploads/",
    ):
        assert ann.request("get", address).status_code == 404, address


# Serving files --------------------------------------------------------------------------------------------------------


@pytest.fixture
def handed(person: Any) -> Callable[..., Any]:
    """`handed("bytes=0-9")` requests this range of a file of a million bytes."""
    ann = person("ann")
    address = ann.upload(file(1_000_000), "a", "files")["mediaUrl"]

    def ask(range_: str = "", method: str = "get", **headers: str) -> Any:
        return ann.request(method, address, headers={**({"Range": range_} if range_ else {}), **headers})

    return ask


@pytest.mark.parametrize(
    ("range_", "start", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=999990-", 999_990, 1_000_000),
        ("bytes=-1", 999_999, 1_000_000),
        ("bytes=300000-700000", 300_000, 700_001),
        ("bytes=5-99999999", 5, 1_000_000),
        ("bytes=-99999999", 0, 1_000_000),
    ],
)
def test_a_part_is_exactly_what_was_asked_for(handed: Any, range_: str, start: int, end: int) -> None:
    answer = handed(range_)
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/1000000"
    assert answer.content == file(1_000_000)[start:end]


@pytest.mark.parametrize("range_", ["bytes=1000000-", "bytes=-0", "bytes=5000000-5000001"])
def test_a_part_behind_the_end_is_refused(handed: Any, range_: str) -> None:
    answer = handed(range_)
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */1000000")


@pytest.mark.parametrize("range_", ["bytes=9-1", "bytes=-", "lines=1-2", "bytes=a-b", "bytes=0-1,5-9", ""])
def test_a_part_that_makes_no_sense_is_the_whole(handed: Any, range_: str) -> None:
    answer = handed(range_)
    assert answer.status_code == 200 and answer.content == file(1_000_000)
    assert answer.headers["accept-ranges"] == "bytes"


def test_a_client_with_the_file_is_told_so_and_one_with_another_gets_the_whole(handed: Any) -> None:
    mark = handed(method="head").headers["etag"]
    again = handed(**{"If-None-Match": f'"other", {mark}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", mark)
    assert handed("bytes=0-1", **{"If-Range": mark}).status_code == 206
    assert handed("bytes=0-1", **{"If-Range": '"other"'}).status_code == 200


def test_a_client_that_accepts_only_pictures_gets_them(handed: Any) -> None:
    assert handed(Accept="image/png").status_code == 200


def test_a_look_at_the_head_costs_no_body(handed: Any) -> None:
    answer = handed(method="head")
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "1000000", b"")


def test_nginx_is_told_where_it_is_where_that_is_configured(person: Any, settings: Any) -> None:
    settings.X_ACCEL_REDIRECT = "/stored/"
    ann, eve = person("ann"), person("eve")
    address = ann.upload(file(), "a.txt", "files")["mediaUrl"]
    answer = ann.request("get", address)
    assert answer.headers["x-accel-redirect"] == address.replace("/uploads/", "/stored/")
    assert answer.content == b"" and answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == 'attachment; filename="a.txt"'
    assert eve.request("get", address).status_code == 404


def test_another_storage_does_the_same(person: Any, settings: Any) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    }
    before = stored_files()
    ann, bob = person("ann"), person("bob")
    message = send(ann, bob, ann.upload(hostile.jpeg(), "a.jpg", "images"))
    assert not stored_files() - before
    assert Image.open(io.BytesIO(bob.request("get", message["thumbnailUrl"]).content)).size == (480, 360)
    part = bob.request("get", message["mediaUrl"], headers={"Range": "bytes=0-2"})
    assert (part.status_code, part.content) == (206, b"\xff\xd8\xff")
    ann.post("/message/recall", {"messageId": message["id"]})
    assert bob.request("get", message["mediaUrl"]).status_code == 404


# Sending it -----------------------------------------------------------------------------------------------------------

MEDIA = ("mediaUrl", "thumbnailUrl", "mediaDuration", "fileName", "fileSize", "mimeType", "width", "height", "waveform")


@pytest.mark.parametrize("kind", ["images", "audio", "files"])
def test_what_was_uploaded_is_the_same_for_both_wherever_they_look(person: Any, kind: str) -> None:
    ann, bob = person("ann"), person("bob")
    bobs, anns = bob.connect(), ann.connect()
    made: dict[str, Callable[[], bytes]] = {"images": hostile.jpeg, "audio": hostile.webm, "files": file}
    content = made[kind]()
    uploaded = ann.upload(content, "a name", kind)
    body = {"toUid": bob.id, "type": uploaded["type"], "mediaUrl": uploaded["mediaUrl"], "msg": "look at this"}
    sent = anns.call("EmitPrivate", body)
    assert {name: sent[name] for name in MEDIA} == {name: uploaded[name] for name in MEDIA}
    assert (sent["type"], sent["content"], sent["locationData"]) == (uploaded["type"], "look at this", None)
    assert bobs.next("OnPrivate") == sent
    assert bobs.next("unreadCountUpdate")["lastMessage"] == sent
    assert bob.get("/private/messages", senderId=ann.id) == [sent]
    assert bob.post("/chatList")[0]["lastMessage"] == sent
    assert bob.get("/unread")["private"][0]["lastMessage"] == sent
    assert bob.post("/sync", {"cursors": {ann.id: 0}})["chats"][0]["messages"] == [sent]
    (found,) = bob.get("/message/search", q="look at")
    assert found.pop("marks") and found == sent


def test_a_group_gets_it_without_words_too(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    bobs = bob.connect()
    uploaded = ann.upload(hostile.webm(), "voice.webm", "audio")
    sent = ann.connect().call(
        "EmitGroupMsg", {"groupId": room["id"], "type": "audio", "mediaUrl": uploaded["mediaUrl"]}
    )
    assert bobs.next("OnGroupMsg") == sent
    assert sent["content"] == "" and sent["mediaDuration"] == uploaded["mediaDuration"]


def test_what_a_client_says_of_its_file_is_ignored(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    uploaded = ann.upload(hostile.webm(), "voice.webm", "audio")
    lies = {
        "mediaDuration": 9999,
        "thumbnailUrl": "https://example.org/a.png",
        "fileName": "a.exe",
        "fileSize": -1,
        "mimeType": "text/html",
        "width": "wide",
        "waveform": "flat",
        "locationData": "nowhere",
    }
    sent = send(ann, bob, uploaded, **lies)
    assert {name: sent[name] for name in MEDIA} == {name: uploaded[name] for name in MEDIA}
    text = ann.post("/private/send", {"receiverId": bob.id, "content": "hello", "type": "text", **lies}, status=201)
    assert {text[name] for name in (*MEDIA, "locationData") if name != "waveform"} == {None}


def test_only_what_is_ones_own_fits_and_was_not_sent_can_be_sent(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    anns, bobs = ann.upload(file(), "a", "files"), bob.upload(file(), "a", "files")

    def code(type_: str, address: Any) -> tuple[int, str, set[str]]:
        body = {"receiverId": bob.id, "type": type_, "mediaUrl": address, "content": "x"}
        answer = ann.request("post", "/private/send", body=body)
        return (*refusal(answer), set(answer.json().get("errors", ())))

    assert code("file", bobs["mediaUrl"]) == (400, "invalid", {"mediaUrl"})
    assert code("image", anns["mediaUrl"]) == (400, "invalid", {"type"})
    for address in (None, "", "https://example.org/a.png", "/uploads/files/../../etc/passwd", 7, ["a"], "/uploads/x"):
        assert code("file", address) == (400, "invalid", {"mediaUrl"})
    assert code("file", anns["mediaUrl"].replace(".bin", ".html")) == (400, "invalid", {"mediaUrl"})
    assert code("system", anns["mediaUrl"]) == (400, "invalid", {"type"})
    send(ann, bob, anns)
    assert code("file", anns["mediaUrl"]) == (409, "upload_sent", set())
    anns_socket = ann.connect()
    with pytest.raises(Refused) as refused:
        anns_socket.call(
            "EmitPrivate", {"toUid": bob.id, "type": "file", "mediaUrl": anns["mediaUrl"], "clientId": "2"}
        )
    assert refused.value.code == "upload_sent"
    history = bob.get("/private/messages", senderId=ann.id)
    assert [one["seq"] for one in history] == [1], "what was refused took no number"
    assert bob.get("/unread")["total"] == 1


def test_what_nobody_may_say_in_a_group_takes_no_upload(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(bob, joinPolicy="closed")
    uploaded = ann.upload(file(), "a", "files")
    body = {"groupId": room["id"], "type": "file", "mediaUrl": uploaded["mediaUrl"]}
    assert refusal(ann.request("post", "/group/send", body=body)) == (404, "not_found")
    assert bob.request("get", uploaded["mediaUrl"]).status_code == 404
    send(ann, bob, uploaded)


def test_a_repeated_client_id_with_a_file_is_one_message(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    one, other = ann.upload(file(), "a", "files"), ann.upload(file(), "b", "files")
    bobs = bob.connect()
    first = send(ann, bob, one, clientId="x")
    assert send(ann, bob, one, clientId="x") == first
    again = {"toUid": bob.id, "type": "file", "mediaUrl": one["mediaUrl"], "clientId": "x"}
    assert ann.connect().call("EmitPrivate", again) == first
    assert bobs.next("OnPrivate") == first and bobs.silent("OnPrivate")
    body = {"receiverId": bob.id, "type": "file", "mediaUrl": other["mediaUrl"], "clientId": "x"}
    assert refusal(ann.request("post", "/private/send", body=body)) == (409, "client_id_conflict")
    send(ann, bob, other, clientId="y")


def test_a_repeated_client_id_gives_back_what_was_recalled_too(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    uploaded = ann.upload(file(), "a", "files")
    sent = send(ann, bob, uploaded, clientId="x")
    recalled = ann.post("/message/recall", {"messageId": sent["id"]})
    assert send(ann, bob, uploaded, clientId="x") == recalled


def test_one_send_of_a_file_repeated_at_once_is_one_message(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    uploaded = ann.upload(file(), "a", "files")
    with ThreadPoolExecutor(12) as threads:
        sent = list(threads.map(lambda _: send(ann, bob, uploaded, clientId="x"), range(12)))
    assert all(one == sent[0] for one in sent)
    assert [one["seq"] for one in bob.get("/private/messages", senderId=ann.id)] == [1]


def test_many_sends_of_one_file_at_once_are_one_message(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    uploaded = ann.upload(file(), "a", "files")

    def attempt(number: int) -> int:
        body = {"receiverId": bob.id, "type": "file", "mediaUrl": uploaded["mediaUrl"], "clientId": f"{number}"}
        return int(ann.request("post", "/private/send", body=body).status_code)

    with ThreadPoolExecutor(12) as threads:
        statuses = list(threads.map(attempt, range(12)))
    assert sorted(statuses) == [201] + [409] * 11
    assert len(bob.get("/private/messages", senderId=ann.id)) == 1


def test_a_caption_can_be_changed_and_taken_away_and_a_text_not_emptied(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    bobs = bob.connect()
    sent = send(ann, bob, ann.upload(hostile.jpeg(), "a.jpg", "images"), content="a cat")
    edited = ann.post("/message/edit", {"messageId": sent["id"], "content": "two cats"})
    assert bobs.next("OnEdit")["content"] == "two cats" and edited["mediaUrl"] == sent["mediaUrl"]
    assert ann.post("/message/edit", {"messageId": sent["id"], "content": ""})["content"] == ""
    text = ann.post("/private/send", {"receiverId": bob.id, "content": "hello"}, status=201)
    answer = ann.request("post", "/message/edit", body={"messageId": text["id"], "content": " "})
    assert refusal(answer) == (400, "invalid")


def test_a_recall_leaves_nothing_of_it_anywhere(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    bobs = bob.connect()
    sent = send(ann, bob, ann.upload(hostile.jpeg(), "a.jpg", "images"), content="a cat")
    recalled = ann.post("/message/recall", {"messageId": sent["id"]})
    assert bobs.next("OnRecall") == recalled
    assert recalled["type"] == "image" and recalled["content"] == ""
    assert {recalled[name] for name in MEDIA if name != "waveform"} == {None}
    assert bob.get("/private/messages", senderId=ann.id) == [recalled]
    assert not any(sent["mediaUrl"].split("/")[-1].split(".")[0] in path for path in stored_files())
    assert not Upload.objects.filter(owner_id=ann.id).exists()


# Places ---------------------------------------------------------------------------------------------------------------

TIANANMEN = {"latitude": 39.90872, "longitude": 116.39748, "address": "东长安街", "name": "天安门"}


def place(sender: Any, receiver: Any, **data: Any) -> Any:
    return sender.request(
        "post", "/private/send", body={"receiverId": receiver.id, "type": "location", "locationData": data}
    )


def test_a_place_arrives_as_it_was_and_as_each_map_wants_it(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    bobs = bob.connect()
    sent = ann.connect().call("EmitPrivate", {"toUid": bob.id, "type": "location", "locationData": TIANANMEN})
    assert bobs.next("OnPrivate") == sent and bob.get("/private/messages", senderId=ann.id) == [sent]
    said = sent["locationData"]
    assert {name: said[name] for name in TIANANMEN} == TIANANMEN
    assert said["gcj02"]["latitude"] == pytest.approx(39.910123, abs=1e-4)
    assert said["bd09"]["longitude"] == pytest.approx(116.410, abs=1e-3)
    assert set(said["links"]) == {"amap", "baidu", "apple", "google", "osm", "geo"}
    assert sent["mediaUrl"] is None and sent["content"] == ""
    recalled = ann.post("/message/recall", {"messageId": sent["id"]})
    assert recalled["locationData"] is None


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"latitude": 91}, {"locationData.latitude"}),
        ({"longitude": "east"}, {"locationData.longitude"}),
        ({"latitude": None, "longitude": True}, {"locationData.latitude", "locationData.longitude"}),
        ({"latitude": [1]}, {"locationData.latitude"}),
        ({"name": 5 * ["x"]}, {"locationData.name"}),
    ],
)
def test_a_place_that_is_none_is_refused_by_field(person: Any, wrong: dict[str, Any], fields: set[str]) -> None:
    ann, bob = person("ann"), person("bob")
    answer = place(ann, bob, **TIANANMEN | wrong)
    assert refusal(answer) == (400, "invalid") and set(answer.json()["errors"]) == fields


def test_a_place_without_its_data_is_refused(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    nothing: list[Any] = [None, {}, [], "here"]
    for data in nothing:
        body = {"receiverId": bob.id, "type": "location", "locationData": data}
        assert refusal(ann.request("post", "/private/send", body=body)) == (400, "invalid")


def test_a_place_can_be_told_less_exactly_and_its_words_are_one_line(person: Any, settings: Any) -> None:
    settings.LOCATION_DECIMALS = 2
    ann, bob = person("ann"), person("bob")
    said = place(ann, bob, **TIANANMEN | {"name": "a\nb\u202ec" + "x" * 500}).json()["locationData"]
    assert (said["latitude"], said["longitude"]) == (39.91, 116.4)
    assert said["name"].startswith("a bcx") and len(said["name"]) == 120


def test_a_repeated_place_is_one_message(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    body = {"receiverId": bob.id, "type": "location", "locationData": TIANANMEN, "clientId": "x"}
    first = ann.post("/private/send", body, status=201)
    assert ann.post("/private/send", body, status=201) == first
    elsewhere = {**body, "locationData": {**TIANANMEN, "latitude": 39}}
    assert refusal(ann.request("post", "/private/send", body=elsewhere)) == (409, "client_id_conflict")


def test_the_one_configured_service_is_asked_for_an_address_that_is_missing(person: Any, settings: Any) -> None:
    ann, bob = person("ann"), person("bob")
    body = {"toUid": bob.id, "type": "location", "locationData": {"latitude": 1, "longitude": 2}}
    assert ann.connect().call("EmitPrivate", body)["locationData"]["address"] == ""
    with geocoder(says(b'{"display_name": "1 Sea\\nStreet"}')) as (settings.GEOCODER_URL, asked):
        assert place(ann, bob, latitude=1, longitude=2).json()["locationData"]["address"] == "1 Sea Street"
        assert ann.connect().call("EmitPrivate", body)["locationData"]["address"] == "1 Sea Street"
        assert asked == ["/?lat=1.000000&lon=2.000000&lang=en"] * 2
        place(ann, bob, **TIANANMEN)
        assert len(asked) == 2, "an address from the client is kept"


@pytest.mark.parametrize(
    "answer",
    [
        *USELESS,
        says(b"[]"),
        says(b'{"display_name": "x"}', 500),
    ],
)
def test_a_service_that_does_not_know_or_leads_elsewhere_holds_nobody_up(
    person: Any, settings: Any, answer: Any
) -> None:
    ann, bob = person("ann"), person("bob")
    with geocoder(answer) as (settings.GEOCODER_URL, _asked):
        sent = place(ann, bob, latitude=1, longitude=2)
        assert sent.status_code == 201 and sent.json()["locationData"]["address"] == ""


NOMINATIM = [
    {"lat": "30.13012", "lon": "118.16544", "name": "Bright Summit", "display_name": "Bright Summit, Huangshan, China"},
    {"lat": "1", "lon": "2", "name": "", "display_name": "Tea Street, Port"},
    {"lat": "91", "lon": "2", "display_name": "Nowhere on Earth"},
    {"lon": "2", "display_name": "No latitude"},
    "no place",
]
#: As its maps have it, shifted; what a place lacks is [].
AMAP = {
    "pois": [
        {"name": "天安门", "location": "116.397477,39.908692", "pname": "北京市", "cityname": "北京市", "adname": "东城区", "address": "东长安街"},
        {"name": "茶馆", "location": "116.397477,39.908692", "pname": [], "cityname": [], "adname": [], "address": []},
        {"name": "没有坐标", "location": []},
    ]
}  # fmt: skip


def test_places_are_found_by_their_names_as_nominatim_tells_them(person: Any, settings: Any) -> None:
    ann = person("ann")
    assert ann.get("/place/search", q="summit") == []
    with geocoder(says(json.dumps(NOMINATIM).encode()), "q={query}&lang={language}") as (url, asked):
        settings.GEOCODER_SEARCH_URL = url
        assert ann.get("/place/search", q="bright & summit/?") == [
            {
                "latitude": 30.13012,
                "longitude": 118.16544,
                "name": "Bright Summit",
                "address": "Bright Summit, Huangshan, China",
            },
            {"latitude": 1, "longitude": 2, "name": "Tea Street", "address": "Tea Street, Port"},
        ]
    assert asked == ["/?q=bright%20%26%20summit%2F%3F&lang=en"]


def test_places_of_amap_are_shifted_back_and_have_one_line_of_address(person: Any, settings: Any) -> None:
    ann, settings.GEOCODER_DATUM = person("ann"), "gcj02"
    with geocoder(says(json.dumps(AMAP).encode()), "keywords={query}") as (settings.GEOCODER_SEARCH_URL, _asked):
        gate, house = ann.get("/place/search", q="天安门")
    assert gate["latitude"] == pytest.approx(39.90729, abs=2e-5) and gate["longitude"] == pytest.approx(
        116.39123, abs=2e-5
    )
    assert (gate["name"], gate["address"]) == ("天安门", "北京市东城区东长安街")
    assert (house["name"], house["address"]) == ("茶馆", "")


def test_the_address_of_a_place_is_told_before_it_is_sent(person: Any, settings: Any) -> None:
    ann = person("ann")
    assert ann.get("/place/address", latitude="1", longitude="2") == {"address": ""}
    settings.LOCATION_DECIMALS = 2
    with geocoder(says(b'{"display_name": "1 Sea Street"}')) as (settings.GEOCODER_URL, asked):
        assert ann.get("/place/address", latitude="1.23456", longitude="2.00004") == {"address": "1 Sea Street"}
    settings.GEOCODER_DATUM = "gcj02"
    settings.LOCATION_DECIMALS = None
    with geocoder(says('{"regeocode": {"formatted_address": "东长安街"}}'.encode())) as (
        settings.GEOCODER_URL,
        shifted,
    ):
        assert ann.get("/place/address", **TIANANMEN) == {"address": "东长安街"}
    assert asked == ["/?lat=1.230000&lon=2.000000&lang=en"]
    assert not shifted[0].startswith(f"/?lat={TIANANMEN['latitude']:.4f}")
    assert list(ann.get("/place/address", status=400, latitude="91", longitude="x")["errors"]) == [
        "latitude",
        "longitude",
    ]


@pytest.mark.parametrize(
    "answer",
    [
        *USELESS,
        says(b'{"status": "0", "info": "INVALID_USER_KEY"}'),
        says(b"[]", 500),
    ],
)
def test_a_service_that_does_not_answer_is_told_from_one_that_finds_nothing(
    person: Any, settings: Any, answer: Any
) -> None:
    ann = person("ann")
    with geocoder(answer, "q={query}") as (settings.GEOCODER_SEARCH_URL, _asked):
        assert ann.get("/place/search", status=503, q="summit")["code"] == "busy"
    with geocoder(says(b"[]"), "q={query}") as (settings.GEOCODER_SEARCH_URL, _asked):
        assert ann.get("/place/search", q="summit") == []


def test_who_asks_much_for_places_holds_nobody_up(person: Any, settings: Any) -> None:
    ann, bob, cem = (person(name) for name in ("ann", "bob", "cem"))
    asks, answer = threading.Semaphore(0), threading.Event()

    def slowly(handler: Any) -> None:
        if "tea" in handler.path:
            asks.release()
            answer.wait(60)
        says(b"[]")(handler)

    with (
        geocoder(slowly, "q={query}") as (settings.GEOCODER_SEARCH_URL, _asked),
        geocoder(says(b'{"display_name": "1 Sea Street"}')) as (settings.GEOCODER_URL, _addresses),
        ThreadPoolExecutor(6) as several,
    ):
        asked = [several.submit(ann.request, "get", "/place/search", query={"q": f"tea {one}"}) for one in range(6)]
        assert asks.acquire(timeout=60)
        # One of hers is asked, one waits, and the others are refused meanwhile.
        assert bob.get("/place/search", q="summit") == []
        assert bob.get("/place/address", latitude="1", longitude="2") == {"address": "1 Sea Street"}
        assert place(bob, cem, latitude=1, longitude=2).json()["locationData"]["address"] == "1 Sea Street"
        answer.set()
        statuses = sorted(one.result().status_code for one in asked)
    assert statuses.count(503) >= 4 and set(statuses) <= {200, 503}


# Sweeping -----------------------------------------------------------------------------------------------------------


def test_what_nobody_sent_within_a_day_is_swept_with_what_is_nobodys(person: Any, tmp_path: Path) -> None:
    ann, bob = person("ann"), person("bob")
    old, sent, new = (ann.upload(hostile.jpeg(), "a.jpg", "images") for _ in range(3))
    message = send(ann, bob, sent)
    root = Path(configured.MEDIA_ROOT)
    stray, fresh = root / "files" / f"{'a' * 32}.bin", root / "files" / f"{'b' * 32}.bin"
    scratch, foreign = root / ".scratch" / "left.upload", root / "files" / "README"
    for path in (stray, fresh, scratch, foreign):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    two_hours_ago = time.time() - 7200
    for path in (stray, scratch, foreign):
        os.utime(path, (two_hours_ago, two_hours_ago))
    key = old["mediaUrl"].split("/")[-1].split(".")[0]
    Upload.objects.filter(pk=key).update(created_at=now() - timedelta(hours=25))
    call_command("sweep_uploads", stdout=io.StringIO())
    assert not stray.exists() and not scratch.exists() and fresh.exists() and foreign.exists()
    assert not any(key in path for path in stored_files())
    assert ann.request("get", old["mediaUrl"]).status_code == 404
    assert ann.request("get", new["thumbnailUrl"]).status_code == 200
    assert bob.request("get", message["mediaUrl"]).status_code == 200
    fresh.unlink()
    foreign.unlink()


def test_the_server_sweeps_by_itself(person: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = person("ann")
    address = ann.upload(file(), "a", "files")["mediaUrl"]
    key = address.split("/")[-1].split(".")[0]
    Upload.objects.filter(pk=key).update(created_at=now() - timedelta(hours=25))
    monkeypatch.setattr(background, "RATE_UPLOAD_SWEEPS", "1/s")
    asyncio.run(background.sweep_uploads())
    assert ann.request("get", address).status_code == 404


def test_the_operators_see_what_takes_the_space(person: Any, owner: Any, browser: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    file = ann.upload(b"hello", "a name to be seen", "files")
    to_all = {"groupId": group(ann, bob)["id"], "type": "file", "mediaUrl": file["mediaUrl"]}
    ann.post("/group/send", to_all, status=201)
    page = browser().signed_in(owner, "the owner of it all").get("/admin/messaging/upload/")
    assert page.status_code == 200 and "a name to be seen" in page.text


def test_a_message_erased_by_the_operators_leaves_no_file(person: Any, owner: Any, browser: Any) -> None:
    from messaging import services

    ann, bob = person("ann"), person("bob")
    sent = send(ann, bob, ann.upload(hostile.webm(), "a", "audio"))
    services.erase(message=Message.objects.get(pk=sent["id"]))
    assert bob.request("get", sent["mediaUrl"]).status_code == 404
    assert sent["mediaUrl"].removeprefix("/uploads/") not in stored_files()


@pytest.mark.skipif("connection.vendor != 'mongodb'", reason="about MongoDB")
def test_mongodb_finds_messages_by_what_their_type_knows(person: Any, settings: Any) -> None:
    settings.ENCRYPTION = False
    ann, bob = person("ann"), person("bob")
    sent = send(ann, bob, ann.upload(hostile.encoded(hostile.photo(1234, 567), "JPEG"), "a.jpg", "images"))
    place = {"latitude": 31.23, "longitude": 121.47, "address": "外滩"}
    body = {"receiverId": bob.id, "type": "location", "locationData": place}
    there = ann.post("/private/send", body, status=201)
    text = ann.post("/private/send", {"receiverId": bob.id, "content": "neither"}, status=201)
    stored: Any = connection
    messages = stored.get_collection(Message._meta.db_table)
    for wanted, one in (({"details_json.width": 1234}, sent), ({"details_json.locationData.address": "外滩"}, there)):
        assert [row["seq"] for row in messages.find({**wanted, "sender_id": {"$exists": True}})] == [one["seq"]]
    assert messages.find_one({"client_id": text["clientId"]})["details_json"] == ""
    # A row as an earlier version wrote it.
    messages.update_one(
        {"client_id": there["clientId"]},
        {"$set": {"details_json": json.dumps({"locationData": {**there["locationData"], "latitude": 1.5}})}},
    )
    history = bob.get("/private/messages", senderId=ann.id, receiverId=bob.id)
    assert [one["width"] for one in history] == [1234, None, None]
    assert history[1]["locationData"]["latitude"] == 1.5


# A CDN ----------------------------------------------------------------------------------------------------------------

KEY = "a key of sixteen letters or more"


@pytest.fixture
def edge(settings: Any, tmp_path: Path) -> Iterator[str]:
    """A real nginx with deploy/nginx-cdn.conf, on a port of its own; its address."""
    if not shutil.which("nginx"):
        pytest.skip("there is no nginx here")
    port = ports.lease()
    site = (Path(__file__).parent.parent / "deploy" / "nginx-cdn.conf").read_text()
    site = re.sub(r"\n *ssl_certificate.*", "", site).replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
    site = site.replace("/srv/chat/media/;", f"{configured.MEDIA_ROOT}/;").replace("change-this-key", KEY)
    whole = nginx_conf.configured(tmp_path, site, main=f"user {getpass.getuser()};")
    subprocess.run(["nginx", "-t", "-q", "-c", whole], check=True, timeout=60)
    with subprocess.Popen(["nginx", "-c", whole]) as nginx:
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            assert nginx.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.02)
        settings.MEDIA_URL_BASE, settings.MEDIA_URL_KEY = f"http://127.0.0.1:{port}/media/", KEY
        yield settings.MEDIA_URL_BASE
        nginx.terminate()


def led(reader: Any, address: str) -> str:
    answer = reader.request("get", address)
    assert answer.status_code == 302 and "no-store" in answer.headers["cache-control"]
    return str(answer.headers["location"])


def test_a_cdn_hands_out_pictures_and_recordings_to_those_whom_the_chat_sends(person: Any, edge: str) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    picture = send(ann, bob, ann.upload(hostile.encoded(hostile.photo(800, 600), "JPEG"), "a.jpg", "images"))
    voice = send(ann, bob, ann.upload(hostile.webm(), "voice.webm", "audio"))
    kinds = {picture["mediaUrl"]: "image/jpeg", picture["thumbnailUrl"]: "image/", voice["mediaUrl"]: "audio/"}
    for address, kind in kinds.items():
        assert eve.request("get", address).status_code == 404
        there = led(bob, address)
        assert there.startswith(edge) and led(ann, address) == there, "one for all, so that it is kept"
        answer = httpx.get(there)
        assert answer.status_code == 200 and answer.headers["content-type"].startswith(kind)
        assert answer.headers["x-content-type-options"] == "nosniff" and "sandbox" in str(answer.headers)
        assert httpx.get(there, headers={"Range": "bytes=0-9"}).status_code == 206
        for other in (there[:-1] + "9", there.replace("md5=", "md5=x"), there.partition("?")[0]):
            assert httpx.get(other).status_code == 403
        another = next(one for one in kinds if one != address).removeprefix("/uploads/")
        assert httpx.get(f"{edge}{another}?{there.partition('?')[2]}").status_code == 403
    ann.post("/message/recall", {"messageId": picture["id"]})
    for address in (picture["mediaUrl"], picture["thumbnailUrl"]):
        assert bob.request("get", address).status_code == 404


def test_an_address_of_a_cdn_expires_and_what_is_recalled_is_gone_there(
    person: Any, edge: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = person("ann"), person("bob")
    picture = send(ann, bob, ann.upload(hostile.jpeg(), "a.jpg", "images"))
    there = led(bob, picture["mediaUrl"])
    moment = time.time()
    assert settings.MEDIA_URL_SECONDS <= int(there.rpartition("=")[2]) - moment <= 2 * settings.MEDIA_URL_SECONDS
    monkeypatch.setattr("chatproject.core.files.elsewhere.time.time", lambda: moment - 3600)
    assert httpx.get(led(bob, picture["mediaUrl"])).status_code == 410
    monkeypatch.undo()
    ann.post("/message/recall", {"messageId": picture["id"]})
    until = time.monotonic() + 30
    while httpx.get(there).status_code == 200:
        assert time.monotonic() < until, "the file is still there"
        time.sleep(0.05)
    assert httpx.get(there).status_code == 404


def test_a_file_that_is_downloaded_keeps_its_name_and_comes_from_the_chat(person: Any, settings: Any) -> None:
    settings.MEDIA_URL_BASE, settings.MEDIA_URL_KEY = "https://media.example.org/media/", KEY
    ann = person("ann")
    answer = ann.request("get", ann.upload(file(), "报告.pdf", "files")["mediaUrl"])
    assert answer.status_code == 200 and answer.content == file()
    assert "attachment" in answer.headers["content-disposition"]
