"""Uploads: process and store a file, delete it with its message, sweep what is left over."""

import logging
import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from itertools import islice
from typing import IO, NamedTuple
from uuid import UUID, uuid4

import orjson

from accounts.models import User
from chatproject.core import errors, metrics
from chatproject.core.db.queries import locked
from chatproject.core.db.transactions import on_commit, release_connection, run_atomic
from chatproject.core.files import storage
from chatproject.core.files.drafts import Draft
from chatproject.core.times import now
from messaging import rules, selectors, types
from messaging.media.kinds import KINDS, Kind, Media, kind
from messaging.models import Message, Upload
from messaging.services import avatars

log = logging.getLogger(__name__)

#: The age at which an unsent upload is removed; and at which a file without a row is not being
#: worked on any more.
UNSENT = timedelta(days=1)
STRAY = timedelta(hours=1)


def receive(*, owner: User, source: IO[bytes], name: str, folder: str) -> Upload:
    """Process an uploaded file and store the result. `source` stays unchanged.

    Raises Unusable, TooLarge, QuotaExceeded, StorageFull, Busy, and BadRequest for an unknown
    folder. Blocks for seconds, and uses no database connection meanwhile.
    """
    chosen = kind(folder)
    size = source.seek(0, os.SEEK_END)
    if size > chosen.bytes_max:
        raise errors.TooLarge()
    # A file that is converted may become smaller: what counts is what is stored.
    rules.require_quota(owner, 1 if chosen.convert else size)
    rules.require_total(1 if chosen.convert else size)
    release_connection()
    upload_id = uuid4()
    target = storage.draft(f"{chosen.folder}/{upload_id.hex}")
    thumbnail = storage.draft(f"{chosen.folder}/thumbnails/{upload_id.hex}")
    with ExitStack() as drafts:
        for draft in (target, thumbnail):
            drafts.callback(draft.discard)
        media = chosen.process(source, target, thumbnail, name=name, by=str(owner.pk))
        rules.require_total(media.size + media.thumbnail_size)
        upload = _store(_row(upload_id, owner, chosen, media), target, thumbnail)
        upload.is_still = media.is_still
        metrics.uploads.labels(upload.folder).inc()
        metrics.upload_bytes.inc(upload.size + upload.thumbnail_size)
        return upload


def _row(upload_id: UUID, owner: User, chosen: Kind, media: Media) -> Upload:
    return Upload(
        pk=upload_id,
        owner=owner,
        folder=chosen.folder,
        extension=media.extension,
        thumbnail_extension=media.thumbnail_extension,
        name=media.name,
        mime_type=media.mime_type[:100],
        size=media.size,
        thumbnail_size=media.thumbnail_size,
        width=media.width,
        height=media.height,
        duration=media.duration,
        waveform_json=orjson.dumps(media.waveform).decode() if media.waveform else "",
    )


def _store(upload: Upload, target: Draft, thumbnail: Draft) -> Upload:
    """Store the files, then the row: a file without a row is swept, a row without a file would be
    an error.
    """
    try:
        storage.put(target, upload.stored_path)
        if upload.stored_thumbnail_path:
            storage.put(thumbnail, upload.stored_thumbnail_path)
        run_atomic(lambda: _insert(upload))
    except BaseException:
        storage.remove((upload.stored_path, upload.stored_thumbnail_path))
        raise
    return upload


def _insert(upload: Upload) -> None:
    # Several uploads of one person at once do not exceed the quota together.
    list(locked(User.objects.filter(pk=upload.owner_id)).values_list("pk"))
    rules.require_quota(upload.owner, upload.size + upload.thumbnail_size)
    upload.save(force_insert=True)


def erase_of(message: Message) -> None:
    """Delete a message's upload in the caller's transaction, its files after the commit."""
    upload_id = types.upload_id_of(message.details)
    upload = upload_id and Upload.objects.filter(pk=upload_id, message_id=message.pk).first()
    if upload:
        remove_after_commit([upload])
        upload.delete()


def remove_after_commit(uploads: Iterable[Upload]) -> None:
    """Delete the files of uploads whose rows this transaction deletes, except those that others share.

    They are looked for after the commit: of two that end at once, the later one finds no other. And a file is shared
    only with a row that is there, and locked: none is shared afterwards.
    """
    paths = {one.stored_as: (one.stored_path, one.stored_thumbnail_path) for one in uploads}
    on_commit(lambda: _remove_unused(paths))


def _remove_unused(paths: Mapping[UUID, tuple[str, str]]) -> None:
    used = selectors.files_in_use(paths)
    storage.remove(path for stored_as, both in paths.items() if stored_as not in used for path in both)


def share(source_id: UUID, *, owner: User, name: str) -> Upload:
    """An upload of the owner's that no message carries yet, with the file of another one. Raises NotFound."""

    def body() -> Upload:
        source = selectors.locked_sources([source_id]).get(source_id)
        if source is None:
            raise errors.NotFound()
        upload = source.shared_with(owner, name=name)
        upload.save(force_insert=True)
        return upload

    return run_atomic(body)


class Swept(NamedTuple):
    unsent: int
    strays: int
    scratch: int


def sweep(*, unsent_before: datetime | None = None, strays_before: datetime | None = None) -> Swept:
    """Remove old unsent uploads, old files without a row, and what killed processes left in
    scratch.
    """
    stray = strays_before or now() - STRAY
    unsent = _sweep_unsent(unsent_before or now() - UNSENT)
    swept = Swept(unsent, _sweep_strays(stray) + avatars.sweep(stray), storage.sweep_scratch(stray))
    if any(swept):
        log.info("uploads: swept %d unsent, %d strays, %d in scratch", *swept)
    return swept


def _sweep_unsent(before: datetime) -> int:
    swept = 0
    while found := selectors.unsent_uploads(before):
        swept += sum(map(_delete_unsent, found))
    return swept


def _delete_unsent(upload: Upload) -> bool:
    """Delete an upload, unless it is being sent at this moment."""

    def body() -> bool:
        gone, _by_model = Upload.objects.filter(pk=upload.pk, message=None).delete()
        if gone:
            remove_after_commit([upload])
        return bool(gone)

    return run_atomic(body)


def _sweep_strays(before: datetime) -> int:
    swept = 0
    files = storage.stored(folder for one in KINDS for folder in (one, f"{one}/thumbnails"))
    while some := list(islice(files, 500)):
        known = selectors.files_in_use(upload_id for upload_id, _path in some)
        strays = [path for upload_id, path in some if upload_id not in known and storage.is_older(path, before)]
        storage.remove(strays)
        swept += len(strays)
    return swept
