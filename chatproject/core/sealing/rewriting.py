"""Brings all sealed columns to the state of now while the chat runs: sealed by the newest key, or plain.

What is done already is passed over, so a run that was interrupted is simply started again.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple
from uuid import UUID

from django.apps import apps
from django.db.models import Model

from chatproject.core.db.queries import streamed
from chatproject.core.db.transactions import run_atomic
from chatproject.core.errors import Busy
from chatproject.core.sealing.data_keys import ring
from chatproject.core.sealing.fields import SealedText, Stored
from chatproject.core.sealing.keyring import NotAuthentic
from chatproject.core.sealing.texts import number_of, opened_text

#: Rows of one transaction; others write between two of them for as long as one took.
BATCH = 200
#: Seconds to wait for a database that is busy, and how often.
BUSY_SECONDS, BUSY_MAX = 1.0, 60
#: Rows between two words about how far it is.
TOLD_EVERY = 20_000

Told = Callable[[str], None]


class Rewritten(NamedTuple):
    """Rows that were changed, and values that do not open and stay as they are."""

    changed: int
    damaged: int


class _Batch(NamedTuple):
    last: UUID
    rows: int
    changed: int
    damaged: int


def sealed_models() -> Iterator[tuple[type[Model], list[SealedText]]]:
    """The tables with sealed columns."""
    for model in apps.get_models():
        fields = [field for field in model._meta.concrete_fields if isinstance(field, SealedText)]
        if fields:
            yield model, fields


def counts(model: type[Model], fields: list[SealedText]) -> dict[str, Counter[int]]:
    """For each column how many values each key sealed; 0 is none."""
    found: dict[str, Counter[int]] = {field.attname: Counter() for field in fields}
    with streamed(model._base_manager.values_list(*found), chunk_size=2000) as rows:
        for row in rows:
            for numbers, value in zip(found.values(), row, strict=True):
                if value:
                    numbers[number_of(value)] += 1
    return found


def rewrite(model: type[Model], fields: list[SealedText], told: Told = lambda line: None) -> Rewritten:
    """All rows of a table. Blocks; outside of transactions."""
    rows = changed = damaged = 0
    last: UUID | None = None
    while True:
        began = time.monotonic()
        batch = _patiently(model, fields, last)
        if batch is None:
            break
        last = batch.last
        changed, damaged = changed + batch.changed, damaged + batch.damaged
        if rows // TOLD_EVERY != (rows + batch.rows) // TOLD_EVERY:
            told(f"{model._meta.label_lower}: {rows + batch.rows} rows …")
        rows += batch.rows
        if batch.changed:
            time.sleep(min(time.monotonic() - began, BUSY_SECONDS))
    told(f"{model._meta.label_lower}: {changed} of {rows} rows were written anew")
    if damaged:
        told(f"{model._meta.label_lower}: {damaged} values do not open, and stay as they are")
    return Rewritten(changed, damaged)


def _patiently(model: type[Model], fields: list[SealedText], after: UUID | None) -> _Batch | None:
    for attempt in range(BUSY_MAX):
        try:
            return _next(model, fields, after)
        except Busy:
            if attempt + 1 == BUSY_MAX:
                raise
            time.sleep(BUSY_SECONDS)
    raise Busy()


def _next(model: type[Model], fields: list[SealedText], after: UUID | None) -> _Batch | None:
    """The next rows; None behind the last one."""
    sealing = ring()
    wanted = sealing.current if sealing else 0
    rows = model._base_manager.order_by("pk")
    if after is not None:
        rows = rows.filter(pk__gt=after)
    found = list(rows.values_list("pk", *(field.attname for field in fields))[:BATCH])
    if not found:
        return None
    damaged = 0
    changes: list[tuple[UUID, dict[str, Stored], dict[str, Stored]]] = []
    for pk, *values in found:
        before: dict[str, Stored] = {}
        after_: dict[str, Stored] = {}
        for field, value in zip(fields, values, strict=True):
            if not value or number_of(value) == wanted:
                continue
            try:
                text = opened_text(value, field.context(pk))
            except NotAuthentic:
                damaged += 1
                continue
            before[field.attname], after_[field.attname] = value, field.seal(text, pk)
        if after_:
            changes.append((pk, before, after_))

    def body() -> int:
        # Only where nobody has written another value meanwhile: that one is sealed as it should be.
        return sum(model._base_manager.filter(pk=pk, **before).update(**new) for pk, before, new in changes)

    return _Batch(found[-1][0], len(found), run_atomic(body) if changes else 0, damaged)
