"""Stored files as new ones are stored now: encrypted with the newest key, or plain. The chat may run meanwhile."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from accounts import selectors as people
from chatproject.core.files import avatars, storage
from chatproject.core.files.storage import DamagedFile
from groups import selectors as rooms
from messaging import selectors
from messaging.models import Upload

#: Uploads, or avatars, between two reports.
BATCH = 100


class Resealed(NamedTuple):
    """Files so far: those that were looked at, those of them that were stored anew, and those that cannot be read."""

    seen: int = 0
    changed: int = 0
    damaged: int = 0

    def __add__(self, other: object) -> "Resealed":
        assert isinstance(other, Resealed)
        return Resealed(*map(sum, zip(self, other, strict=True)))


def reseal_files() -> Iterator[Resealed]:
    """Go through all files, a batch at each step. Started again, it passes over those that are as they should be.

    Raises StorageFull.
    """
    done = Resealed()
    for batch in (_uploads, _avatars):
        for some in batch():
            done += some
            yield done


def _uploads() -> Iterator[Resealed]:
    after = None
    while uploads := selectors.uploads_after(after, BATCH):
        after = uploads[-1].pk
        files = dict.fromkeys((one.stored_path, one.size) for one in uploads)
        files |= dict.fromkeys((one.stored_thumbnail_path, one.thumbnail_size) for one in uploads if one.thumbnail_path)
        yield _reseal(files)
        _remove_recalled(uploads)


def _remove_recalled(uploads: Iterable[Upload]) -> None:
    """Delete the files of uploads that were recalled meanwhile: they may have been put back."""
    by_file: dict[UUID, Upload] = {one.stored_as: one for one in uploads}
    used = selectors.files_in_use(by_file)
    for upload in (one for stored_as, one in by_file.items() if stored_as not in used):
        storage.remove((upload.stored_path, upload.stored_thumbnail_path))


def _avatars() -> Iterator[Resealed]:
    shown = iter(sorted(_shown()))
    while some := [address.removeprefix(storage.ADDRESS) for address in islice(shown, BATCH)]:
        yield _reseal((path, None) for path in some)
        now_shown = _shown()
        storage.remove(path for path in some if avatars.address(path) not in now_shown)


def _shown() -> set[str]:
    return {address for address in people.avatars() | rooms.avatars() if avatars.is_ours(address)}


def _reseal(files: Iterable[tuple[str, int | None]]) -> Resealed:
    seen = changed = damaged = 0
    for path, size in files:
        with suppress(FileNotFoundError):  # recalled just now
            seen += 1
            try:
                changed += storage.seal_anew(path, size)
            except DamagedFile:
                damaged += 1
    return Resealed(seen, changed, damaged)
