"""Encryption at rest: what is sealed, by which key, and what happens without it."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections
from django.test.utils import override_settings

from chatproject.core import sealing
from chatproject.core.models import DataKey
from chatproject.core.sealing import data_keys, wrapping


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
