"""Drafts that follow a person to their other devices: of each chat the one that was saved last."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from django.db import IntegrityError

from accounts.models import User
from chatproject.core import sealing
from chatproject.core.db.transactions import on_commit, run_atomic
from chatproject.core.models import uuid7
from groups import selectors as rooms
from groups.models import Membership
from messaging import events
from messaging.models import Draft
from messaging.serializers.output import draft_output
from messaging.services import erasures
from messaging.types.mentions import MentionInput

#: Drafts of a person; one more replaces the oldest.
DRAFTS_MAX = 200


def save_draft(
    *,
    by: User,
    chat_id: UUID,
    is_group: bool,
    content: str = "",
    mentions: Sequence[MentionInput] = (),
    reply_to_id: UUID | None = None,
    socket_id: str = "",
) -> dict[str, Any]:
    """Keep what a person has begun to write in a chat instead of what they had begun before, and tell their other
    devices; without text and reply there is no draft any more. Raises NotFound.
    """
    words: dict[str, Any] = {"text": "", "mentions": [], "replyTo": None}
    if content.strip() or reply_to_id:
        named = [{"userId": one.user_id, "start": one.start, "length": one.length} for one in mentions]
        words = {"text": content, "mentions": named, "replyTo": reply_to_id}
    json = orjson.dumps(words).decode()

    def body() -> dict[str, Any]:
        membership = rooms.chat_membership(by, chat_id, is_group=is_group)
        draft = Draft(pk=uuid7(), membership=membership, words_json=json)
        had_one, _ = Draft.objects.filter(membership=membership).delete()
        if words["text"] or words["replyTo"]:
            draft.save(force_insert=True)
            if not had_one:
                _forget_oldest(by)
        if had_one and sealing.ring() is None:
            on_commit(erasures.note_database)
        output = draft_output(draft)
        on_commit(lambda: events.draft_changed(by.pk, output, skip=socket_id))
        return output

    try:
        return run_atomic(body)
    except IntegrityError:  # another device saved one at the same moment: this one is later
        return run_atomic(body)


def _forget_oldest(user: User) -> None:
    mine = Draft.objects.filter(membership__user=user).order_by("-pk").values_list("pk", flat=True)
    if oldest := list(mine[DRAFTS_MAX : 2 * DRAFTS_MAX]):
        Draft.objects.filter(pk__in=oldest).delete()


def drafts(*, user: User) -> list[dict[str, Any]]:
    """Everything that a person has begun to write."""
    memberships = Membership.objects.filter(user=user).values("pk")
    mine = Draft.objects.filter(membership__in=memberships).select_related("membership").order_by("pk")
    return [draft_output(one) for one in mine]
