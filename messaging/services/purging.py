"""Dissolved groups: after DISSOLVED_DAYS nothing of them is left."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from chatproject.core.db.transactions import run_atomic
from chatproject.core.times import now
from groups import selectors as rooms
from groups import services as groups
from messaging import cache, selectors
from messaging.models import Message, SearchChange, SearchedRoom, Upload
from messaging.services import erasures, remembering
from messaging.services.uploads import remove_after_commit

log = logging.getLogger(__name__)

#: Messages that are deleted in one transaction.
BATCH = 500


def purge(*, before: datetime | None = None) -> int:
    """Delete the messages, files and rows of groups that were dissolved before a time; returns how
    many groups.
    """
    before = before or now() - timedelta(days=settings.DISSOLVED_DAYS)
    purged = 0
    for room_id in rooms.dissolved(before):
        _purge(room_id)
        purged += 1
    if purged:
        erasures.note()
        log.info("groups: purged %d that were dissolved", purged)
    return purged


def _purge(room_id: UUID) -> None:
    while ids := selectors.some_messages(room_id, BATCH):
        run_atomic(lambda ids=ids: _delete(ids))  # type: ignore[misc]
    SearchedRoom.objects.filter(pk=room_id).delete()
    cache.forget_group(room_id)
    remembering.forget_room(room_id)
    groups.delete_dissolved(room_id)


def _delete(ids: list[UUID]) -> None:
    uploads = list(Upload.objects.filter(message__in=ids))
    Upload.objects.filter(pk__in=[upload.pk for upload in uploads]).delete()
    messages = Message.objects.filter(pk__in=ids)
    SearchChange.note(list(messages.only("room_id", "version")))
    messages.delete()
    remove_after_commit(uploads)
