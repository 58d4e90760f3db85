"""Judging what people write by the word lists, and changing the lists."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings

from chatproject.core import metrics
from chatproject.core.db.transactions import keep_connection, on_commit, release_connection, run_atomic
from chatproject.core.times import now
from moderation.models import Action, Hit, Place, WordList
from moderation.rules import NameRefused, TextRefused
from moderation.selectors import Verdict, current

log = logging.getLogger(__name__)

#: Names are checked within transactions that a refusal undoes, masked messages on the way of every send.
_writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hit-writer")


class Writer(Protocol):
    """Who wrote a text. Accounts are above this app."""

    pk: Any
    is_staff: bool


def judge_message(
    texts: Sequence[str], *, by: Writer, is_group: bool, is_group_admin: Callable[[], bool]
) -> Verdict | None:
    """What the lists say of a message. `is_group_admin` is asked only where a list exempts group admins."""
    if current.filter is None:
        return None

    def applies(one: WordList) -> bool:
        if not (one.in_groups if is_group else one.in_private) or (one.exempts_staff and by.is_staff):
            return False
        return not (one.exempts_admins and is_group and is_group_admin())

    return current.filter.judge(texts, applies)


def require_decent_name(name: str, *, by: Writer | None, place: Place, field: str = "name") -> None:
    """Raise NameRefused for a name with a listed word, and note the hit. `by` is None for a new person."""
    if _is_refused(name, by=by, place=place):
        raise NameRefused(errors={field: [NameRefused.title]})


def require_decent_text(text: str, *, by: Writer, place: Place, field: str) -> None:
    """Like `require_decent_name`, of a text that is shown beside a name. Raises TextRefused."""
    if _is_refused(text, by=by, place=place):
        raise TextRefused(errors={field: [TextRefused.title]})


def _is_refused(name: str, *, by: Writer | None, place: Place) -> bool:
    if current.filter is None or not current.filter.concerns([name]):
        return False
    is_staff = by is not None and by.is_staff
    verdict = current.filter.judge([name], lambda one: one.in_names and not (one.exempts_staff and is_staff))
    if verdict is None:
        return False
    user_id = None if by is None else by.pk
    note_soon(lambda: note(verdict, user_id=user_id, place=place, text=name, action=Action.REJECT))
    return True


def note_soon(write: Callable[[], None]) -> None:
    """Call `note` beside the caller's transaction, which may be undone."""
    _writer.submit(_write, write)


def _write(write: Callable[[], None]) -> None:
    try:
        keep_connection()
        write()
        release_connection()
    except Exception:
        log.exception("moderation: a hit was not noted")


def note(
    verdict: Verdict,
    *,
    user_id: UUID | None,
    place: Place,
    text: str,
    action: str = "",
    room_id: UUID | None = None,
    client_id: str = "",
) -> None:
    """Put a hit before the moderators; the same message again is the same hit."""
    action = action or verdict.action
    if client_id and user_id and Hit.objects.filter(user_id=user_id, client_id=client_id, place=place).exists():
        return
    metrics.filter_hits.labels(action).inc()
    Hit.objects.create(
        user_id=user_id,
        place=place,
        action=action,
        words="\n".join(verdict.words),
        lists="\n".join(verdict.lists),
        text=text,
        room_id=room_id,
        client_id=client_id,
    )


def refresh() -> None:
    """Take over what another process changed in the lists. One query."""
    current.refresh()


def save_list(word_list: WordList) -> None:
    """Store a list; every process has it within seconds, this one at once."""

    def body() -> None:
        word_list.changed_at = now()
        word_list.save()
        on_commit(refresh)

    run_atomic(body)


def delete_list(word_list: WordList) -> None:
    def body() -> None:
        word_list.delete()
        on_commit(refresh)

    run_atomic(body)


def load_words(*, name: str, content: bytes, action: str = "", is_added: bool = False) -> WordList:
    """Make or replace the words of the list with this name, or add to them. Raises ValueError for what is no text."""
    word_list = WordList.objects.filter(name=name).first() or WordList(name=name)
    word_list.words = joined(word_list.words if is_added else "", words_of(content))
    if action:
        word_list.action = action
    save_list(word_list)
    return word_list


def words_of(content: bytes) -> list[str]:
    """The lines of a file, in UTF-8 or in what Chinese Windows writes. Raises ValueError for what is no text."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("gb18030")
    if "\0" in text:
        raise ValueError("not a text")
    return [line.strip() for line in text.splitlines()]


def joined(before: str, lines: Sequence[str]) -> str:
    """The words of a list with some more, each once."""
    return "\n".join(dict.fromkeys([*before.splitlines(), *filter(None, lines)]))


def forget_old_hits() -> int:
    """Delete hits that were found longer than FILTER_HITS_DAYS ago."""
    gone, _by_model = Hit.objects.filter(at__lt=now() - timedelta(days=settings.FILTER_HITS_DAYS)).delete()
    return gone
