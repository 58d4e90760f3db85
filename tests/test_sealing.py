"""Encryption at rest: what is sealed, by which key, and what happens without it."""

import gzip
import os
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import redis
from django.db import connection, connections
from django.test.utils import override_settings

from chatproject.core import sealing
from chatproject.core.db import bulk
from chatproject.core.models import DataKey, uuid7
from chatproject.core.sealing import data_keys, wrapping
from groups.models import JoinRequest, Room
from messaging.models import Message
from notifications.models import PushSubscription
from tests.browser.server import Person, Server
from tests.conftest import OWNER
from tests.pushing import subscription


@pytest.fixture
def ring(server: str) -> Iterator[sealing.KeyRing]:
    found = sealing.ring()
    assert found is not None
    yield found
    data_keys.forget()


def test_what_is_sealed_opens_in_its_own_context_alone(ring):
    sealed = ring.seal(b"two o'clock", b"row 1")
    assert ring.open(sealed, b"row 1") == b"two o'clock" and b"clock" not in sealed
    assert ring.seal(b"two o'clock", b"row 1") != sealed
    for other in (b"row 2", b"", b"row 1 "):
        with pytest.raises(sealing.NotAuthentic):
            ring.open(sealed, other)


@pytest.mark.parametrize("at", [0, 1, 2, 5, 6, 18, -1])
def test_a_changed_byte_is_noticed(ring, at):
    sealed = bytearray(ring.seal(b"two o'clock", b"row 1"))
    sealed[at] ^= 1
    with pytest.raises(sealing.NotAuthentic):
        ring.open(bytes(sealed), b"row 1")
    with pytest.raises(sealing.NotAuthentic):
        ring.open(bytes(sealed)[:20], b"row 1")


def test_derived_keys_differ_by_purpose_and_stay(ring):
    number, key = ring.derive(b"files")
    assert len(key) == 32 and ring.derived(number, b"files") == key != ring.derive(b"codes")[1]
    sealing.rotate()
    newer, other = ring.derive(b"files")
    assert newer == number + 1 and other != key == ring.derived(number, b"files")


def test_a_new_key_seals_from_then_on_and_other_processes_open_what_it_sealed(ring):
    before = ring.seal(b"before", b"row")
    data_keys.forget()  # as in another process
    another = sealing.ring()
    assert another is not None and another is not ring
    number = sealing.rotate()
    after = another.seal(b"after", b"row")
    assert after[:6] != before[:6] and another.current == number
    assert ring.open(after, b"row") == b"after" and another.open(before, b"row") == b"before"


def test_of_threads_that_start_at_once_all_have_the_same_key(ring):
    data_keys.forget()
    found: list[sealing.KeyRing | None] = []
    threads = [threading.Thread(target=lambda: found.append(sealing.ring())) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == 8 and len({id(one) for one in found}) == 1


def test_the_key_is_in_a_file_for_its_owner_alone_and_not_in_the_database(ring):
    from django.conf import settings

    path = Path(settings.DATA_DIR, "encryption_key")
    assert path.stat().st_mode & 0o777 == 0o600
    rows = DataKey.objects.all()
    assert rows and all(path.read_bytes() not in bytes(row.wrapped) for row in rows)
    assert all(ring.derive(b"x")[1] not in bytes(row.wrapped) for row in rows)


@pytest.fixture
def no_change(ring: sealing.KeyRing) -> Iterator[None]:
    """What the table has stays as it is."""
    before = {row.pk: bytes(row.wrapped) for row in DataKey.objects.all()}
    yield
    connections.close_all()
    assert {row.pk: bytes(row.wrapped) for row in DataKey.objects.all()} == before


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"ENCRYPTION_KEY": "0123456789abcdef0123456789abcdef"}, "another key"),
        ({"ENCRYPTION_KEY": "short"}, "weak"),
        ({"ENCRYPTION_KEY_FILE": "/nowhere/at/all"}, "cannot be read"),
        ({"ENCRYPTION_KEY_COMMAND": "false"}, "ended with 1"),
        ({"ENCRYPTION_KEY_COMMAND": "no-such-command-here"}, "cannot be run"),
        (
            {"ENCRYPTION_KEY_COMMAND": "echo 0123456789abcdef0123456789abcdef", "ENCRYPTION_KEY": "x" * 40},
            "one of them",
        ),
    ],
)
def test_a_wrong_key_is_one_sentence_and_changes_nothing(no_change, tmp_path, given, says):
    with override_settings(DATA_DIR=tmp_path, **given), pytest.raises(sealing.KeyUnavailable, match=says) as told:
        sealing.prepare()
    assert "\n" not in str(told.value) and str(told.value).endswith(".")
    assert not list(tmp_path.iterdir())


def test_a_missing_key_is_not_replaced_by_a_new_one(no_change, tmp_path):
    with override_settings(DATA_DIR=tmp_path), pytest.raises(sealing.KeyUnavailable, match="is missing"):
        sealing.prepare()
    assert not list(tmp_path.iterdir())


def test_another_wrapping_key_takes_over_and_the_former_one_is_needed_no_more(ring, tmp_path):
    from django.conf import settings

    sealed = ring.seal(b"kept", b"row")
    new = "fedcba9876543210fedcba9876543210"
    file = tmp_path / "key"
    file.write_text(new + "\n")
    own = Path(settings.DATA_DIR, wrapping.FILE).read_text()
    try:
        with override_settings(ENCRYPTION_KEY_FILE=str(file)):
            sealing.prepare()  # the one in DATA_DIR still opens them
        with override_settings(DATA_DIR=tmp_path, ENCRYPTION_KEY_COMMAND=f"cat {file}"):
            sealing.prepare()
            again = sealing.ring()
            assert again is not None and again.open(sealed, b"row") == b"kept"
    finally:
        with override_settings(ENCRYPTION_KEY_FALLBACKS=[new]):
            sealing.prepare()
    assert Path(settings.DATA_DIR, wrapping.FILE).read_text() == own
    again = sealing.ring()
    assert again is not None and again.open(sealed, b"row") == b"kept"


def test_where_encryption_is_off_nothing_is_sealed_and_what_was_is_opened(ring):
    sealed = ring.seal(b"kept", b"row")
    data_keys.forget()
    with override_settings(ENCRYPTION=False):
        assert sealing.ring() is None
        opening = sealing.opening_ring()
        assert opening is not None and opening.open(sealed, b"row") == b"kept"


def test_an_unknown_number_is_not_authentic(ring):
    sealed = bytearray(ring.seal(b"kept", b"row"))
    sealed[2:6] = os.urandom(4)
    with pytest.raises(sealing.NotAuthentic):
        ring.open(bytes(sealed), b"row")


# What people write ----------------------------------------------------------------------------------------------------


def stored(table: str, column: str, pk: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table} WHERE _id = %s", [bulk.to_db_value(UUID(pk))])
        return str(cursor.fetchone()[0])


def put(table: str, column: str, pk: str, value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = %s WHERE _id = %s", [value, bulk.to_db_value(UUID(pk))])


only_sql = pytest.mark.skipif("connection.vendor == 'mongodb'", reason="asks by SQL")


@only_sql
def test_values_that_are_swapped_do_not_open_and_the_others_are_still_read(person, group, caplog):
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)["id"]
    said = [
        ann.post("/group/send", {"groupId": room, "content": text}, status=201)["id"]
        for text in ("one", "two", "three")
    ]
    values = [stored("messaging_message", "content", pk) for pk in said]
    assert all(value.startswith("enc1:") for value in values)
    put("messaging_message", "content", said[0], values[1])
    put("messaging_message", "details_json", said[1], values[1])  # of the same row, in another column
    Room.objects.filter(pk=room).update(last_version=99)  # what Redis remembers is another version
    page = bob.get("/group/messages", groupId=room)
    assert [one["content"] for one in page][-3:] == ["", "two", "three"]
    assert caplog.text.count("does not open") >= 2 and "two" not in caplog.text


def test_a_plain_text_cannot_be_written_past_the_row(person, group):
    ann = person("ann")
    room = group(ann)["id"]
    said = ann.post("/group/send", {"groupId": room, "content": "one"}, status=201)["id"]
    found = Message.objects.get(pk=said)
    found.content = "two"
    for write in (
        lambda: Message.objects.filter(pk=said).update(content="two"),
        lambda: Message.objects.bulk_update([found], ["content"]),
        lambda: Message.objects.filter(content="one").exists(),
        lambda: Message.objects.filter(content__contains="one").exists(),
    ):
        with pytest.raises(TypeError, match="sealed"):
            write()
    assert Message.objects.get(pk=said).content == "one"


def test_a_row_is_read_whole_in_part_and_again(person, group):
    ann = person("ann")
    room = group(ann)["id"]
    said = ann.post("/group/send", {"groupId": room, "content": "one"}, status=201)["id"]
    for rows in (
        Message.objects.all(),
        Message.objects.only("seq"),
        Message.objects.defer("content"),
        Message.objects.only("content"),
    ):
        found = rows.get(pk=said)
        assert found.content == "one"
        found.refresh_from_db()
        assert found.content == "one" and found.details is None
        found.save()  # what was not opened stays as it is
    whole = Message.objects.get(pk=said)
    whole.save()
    assert Message.objects.get(pk=said).content == "one"
    copy = Message.objects.get(pk=said)
    copy.pk, copy.seq, copy.client_id = uuid7(), 999, "copied"
    with pytest.raises(sealing.NotAuthentic):  # would be lost
        copy.save(force_insert=True)
    copy = Message.objects.get(pk=said)
    assert copy.content == "one"  # opened in its own row
    copy.pk, copy.seq, copy.client_id = uuid7(), 999, "copied"
    copy.details_json = ""
    copy.save(force_insert=True)
    assert Message.objects.get(pk=copy.pk).content == "one"
    copy.delete()


@only_sql
def test_codes_names_and_push_keys_are_sealed_and_work(person, group, settings):
    settings.WEB_PUSH_LOCAL = True
    ann, bob = person("ann"), person("bob")
    room = group(ann, joinPolicy="closed")["id"]
    code = ann.post("/group/invite", {"groupId": room})["inviteCode"]
    assert code and code not in stored("groups_room", "invite_code", room)
    about = {"description": f"about {code}", "announcement": f"announced {code}"}
    ann.post("/group/update", {"groupId": room, **about})
    for column in ("description", "announcement"):
        assert code not in stored("groups_room", column, room)
    assert ann.post("/group/invite", {"groupId": room})["inviteCode"] == code
    bob.post("/group/join", {"groupId": room, "inviteCode": code[:-1] + "~"}, status=404)
    bob.post("/group/join", {"groupId": room, "inviteCode": code})
    ann.post("/group/update", {"groupId": room, "joinPolicy": "approval"})
    person("eve").post("/group/request", {"groupId": room, "note": "let me in"})
    assert stored("groups_joinrequest", "note", str(JoinRequest.objects.get(room=room).pk)).startswith("enc1:")
    given = subscription(f"https://203.0.113.7/{ann.id}")
    bob.post("/push/subscribe", given)
    row = PushSubscription.objects.get(user_id=bob.id)
    assert (row.endpoint, row.auth) == (given["endpoint"], given["keys"]["auth"])
    for column in ("endpoint", "p256dh", "auth"):
        assert stored("notifications_pushsubscription", column, str(row.pk)).startswith("enc1:")
    sent = ann.upload(b"hello", "canary of a name.txt", "files")
    assert sent["fileName"] == "canary of a name.txt"
    key = sent["mediaUrl"].rpartition("/")[2].partition(".")[0]
    assert stored("messaging_upload", "name", str(UUID(key))).startswith("enc1:")


def test_staff_find_messages_by_words_that_are_encrypted(person, group, owner, browser):
    ann = person("ann")
    room = group(ann, joinPolicy="open")["id"]
    word = f"Zebra{ann.name[-6:].replace(' ', '')}"
    ann.post("/group/send", {"groupId": room, "content": f"a {word} here"}, status=201)
    office = browser().signed_in(owner, OWNER["password"])
    assert f"a {word} here" in office.get("/admin/messaging/message/", q=word.lower()).text
    assert f"a {word} here" not in office.get("/admin/messaging/message/", q=word + "x").text


# An installation ------------------------------------------------------------------------------------------------------


def everything(server: Server, *files: Path) -> bytes:
    """What is in all files of an installation, in its Redis, in its log and in these files, unpacked."""
    found = [server.log.read_bytes()]
    for folder in (server._environment["DATA_DIR"], server._environment["MEDIA_ROOT"]):
        for path in (path for path in Path(folder).rglob("*") if path.is_file() and "static" not in path.parts):
            with suppress(FileNotFoundError):  # a draft of Redis's file, that was there a moment ago
                found.append(path.read_bytes())
    for file in files:
        with tarfile.open(file) as archive:
            for one in archive:
                inner = archive.extractfile(one)
                assert inner is not None
                data = inner.read()
                found.append(gzip.decompress(data) if one.name.endswith(".gz") else data)
    (socket,) = (server.data / "redis").glob("**/*.sock*")
    with redis.Redis(unix_socket_path=str(socket)) as client:
        for name in client.scan_iter():
            found.append(name)
            match client.type(name):
                case b"string":
                    found.append(client.get(name) or b"")
                case b"hash":
                    found += [part for pair in client.hgetall(name).items() for part in pair]
                case b"list":
                    found += client.lrange(name, 0, -1)
                case b"set":
                    found += client.smembers(name)
                case b"zset":
                    found += client.zrange(name, 0, -1)
    return b"\n".join(found)


@contextmanager
def running(server: Server) -> Iterator[None]:
    """The server serves, and may serve again afterwards."""
    server.start()
    try:
        yield
    finally:
        server.stop()


def run(server: Server, *words: str) -> str:
    done = server.manage(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def texts(server: Server, person: Person, group: str) -> list[str]:
    page = server.http.get("/group/messages", params={"groupId": group}, headers=person._headers)
    assert page.status_code == 200, page.text
    return [one["content"] for one in page.json() if one["type"] != "system"]


def found(server: Server, person: Person, words: str) -> list[str]:
    answer = server.http.get("/message/search", params={"q": words}, headers=person._headers)
    assert answer.status_code == 200, answer.text
    return [one["content"] for one in answer.json()]


def test_a_canary_is_in_no_file_in_no_redis_and_in_no_backup(tmp_path):
    canary = f"canary{os.urandom(6).hex()}"
    word = tmp_path / "words"
    word.write_text("heldback")
    with Server(tmp_path, RATE_ACTIONS="off") as server:
        run(server, "load_words", str(word), "--list", "birds", "--action", "hold")
        ann, bob = Person(server, "ann"), Person(server, "bob")
        group = ann.create_group("tea", bob, joinPolicy="closed")
        code = ann.post("/group/invite", groupId=group)["inviteCode"]
        sent = [ann.say_in(group, f"{number} {canary}")["id"] for number in range(4)]
        ann.say(bob, f"privately {canary}")
        with suppress(httpx.HTTPStatusError):  # until the server knows the list, and holds it
            while "seq" in bob.say_in(group, f"heldback {canary}"):
                time.sleep(0.2)
        ann.post("/message/edit", messageId=sent[0], content=f"edited {canary}")
        ann.post("/message/recall", messageId=sent[1])
        place = {"latitude": 48.2, "longitude": 16.37, "name": canary, "address": f"{canary} street"}
        ann.post("/group/send", groupId=group, type="location", locationData=place)
        file = ann.upload("files", f"{canary}.txt", canary.encode())
        ann.post("/group/send", groupId=group, type="file", mediaUrl=file["mediaUrl"], content=f"look {canary}")
        server.http.get("/unread", headers=bob._headers).raise_for_status()
        bob.post("/chatList")
        said = texts(server, bob, group)
        assert texts(server, bob, group) == said and f"edited {canary}" in said
        run(server, "index")
        hits = found(server, bob, canary)
        assert {f"edited {canary}", f"privately {canary}", f"look {canary}"} <= set(hits)
        run(server, "keys", "rotate")
        archive = tmp_path / "chat.backup"
        run(server, "backup", str(archive))
        all_ = everything(server, archive)
        assert b"enc1:" in all_ and group.encode() in all_
        assert canary.encode() not in all_ and code.encode() not in all_
        assert found(server, bob, canary) == hits and texts(server, bob, group) == said


def test_with_a_wrong_key_the_chat_does_not_start_and_nothing_is_damaged(tmp_path):
    server = Server(tmp_path)
    with running(server):
        ann = Person(server, "ann")
        group = ann.create_group("tea")
        ann.say_in(group, "kept")
    key = server.data / "encryption_key"
    right, before = key.read_text(), server.database.content()
    key.write_text("0123456789abcdef0123456789abcdef")
    done = server.manage("serve")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    (line,) = done.stderr.strip().splitlines()[-1:]
    assert "encryption_key has another key than the one by which this chat is encrypted" in line
    key.unlink()
    assert "its key is missing" in server.manage("serve").stderr and not key.exists()
    assert server.database.content() == before
    key.write_text(right)
    with running(server):
        assert texts(server, ann, group) == ["kept"]
    server.http.close()


ODD = ["enc1:", "enc0:x", "enc1:" + "QUFB" * 20, "enc1:AQAAAAAB" + "QUFB" * 20]


def test_what_is_there_is_encrypted_and_decrypted_while_people_talk(tmp_path):
    canary = f"canary{os.urandom(6).hex()}"
    server = Server(tmp_path, ENCRYPTION="off", RATE_ACTIONS="off")
    with running(server):
        ann, bob = Person(server, "ann"), Person(server, "bob")
        group = ann.create_group("tea", bob)
        said = [f"{number} {canary}" for number in range(300)] + ODD
        for text in said:
            ann.say_in(group, text)
        server.http.get("/unread", headers=bob._headers).raise_for_status()
        run(server, "index")
        assert texts(server, bob, group)[-4:] == ODD
        assert canary.encode() in everything(server)
        assert "off" in run(server, "keys", "status")
    server._environment["ENCRYPTION"] = "on"
    is_over = threading.Event()
    later: list[str] = []

    def talk() -> None:
        while not is_over.is_set():
            later.append(ann.say_in(group, f"{len(later)} later {canary}")["content"])
            is_over.wait(0.02)

    with running(server):
        assert texts(server, bob, group)[-4:] == ODD
        talking = threading.Thread(target=talk)
        talking.start()
        assert "were written anew" in run(server, "keys", "encrypt")
        is_over.set()
        talking.join()
        status = run(server, "keys", "status")
        assert "plain" not in status and "by key 1" in status
        assert canary.encode() not in everything(server)
        assert texts(server, bob, group)[-1:] == later[-1:]
        assert len(found(server, bob, f"{canary} 17")) >= 1
        assert "0 of" in run(server, "keys", "encrypt"), "what is done is passed over"
        assert "ENCRYPTION=off" in server.manage("keys", "decrypt").stderr
    server._environment["ENCRYPTION"] = "off"
    with running(server):
        run(server, "keys", "decrypt")
        status = run(server, "keys", "status")
        assert "by key" not in status
    (server.data / "encryption_key").unlink()
    with running(server):
        assert texts(server, bob, group)[-len(later) :] == later[-len(texts(server, bob, group)) :]
        page = server.http.get(
            "/group/messages", params={"groupId": group, "limit": 4, "before": 304 + 2}, headers=bob._headers
        ).json()
        assert set(ODD[:3]) <= {one["content"] for one in page} | set(ODD)
        assert len(found(server, bob, f"{canary} 17")) >= 1
    server.http.close()
