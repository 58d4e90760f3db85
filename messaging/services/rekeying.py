"""What people wrote is encrypted, or decrypted, or comes under a new key, while the chat runs: `manage.py keys`."""

import time
from collections.abc import Callable
from itertools import islice

from chatproject.core import redis, sealing
from chatproject.core.sealing import rewriting
from messaging import cache, chat_cache, history_cache
from messaging.models import SearchBlock
from messaging.services import erasures, indexing

#: Seconds for removing former values from files.
SCRUB_SECONDS = 60.0

Told = Callable[[str], None]


def reseal_texts(told: Told = lambda line: None) -> int:
    """Bring everything to the state of now: sealed by the newest key, or plain. Returns how many values do not open.

    Blocks; outside of transactions. What other processes write meanwhile in the former state is found by a second look.
    """
    began = time.monotonic()
    changed, damaged = _rewrite_all(told)
    if changed:
        # Until every process knows of the key.
        time.sleep(max(0.0, sealing.LEARNED_SECONDS + 1 - (time.monotonic() - began)))
        _changed, damaged = _rewrite_all(told)
        _forget_copies()
    if _is_index_otherwise():
        told("The index of searches is written anew.")
        indexing.forget_index()
        indexing.index_all()
    if changed and not erasures.scrub_until_done(SCRUB_SECONDS):
        told("Former values are still in files: the chat removes them as soon as it can.")
    return damaged


def _rewrite_all(told: Told) -> tuple[int, int]:
    done = [rewriting.rewrite(model, fields, told) for model, fields in rewriting.sealed_models()]
    return sum(one.changed for one in done), sum(one.damaged for one in done)


def _is_index_otherwise() -> bool:
    """Whether a block of the index is keyed and should not be, or the other way round."""
    return SearchBlock.objects.filter(key__isnull=sealing.ring() is not None).exists()


def _forget_copies() -> None:
    """Delete what Redis has of texts: they are written anew when they are needed."""
    redis.flush()
    chat_cache.forget_everything()
    cache.forget_everything()
    with redis.client() as connection:
        for pattern in ("unread:room:*", *(f"history:{tier}:*" for tier in history_cache.TIERS), "code:*"):
            names = connection.scan_iter(redis.key(pattern), count=1000)
            while some := list(islice(names, 1000)):
                connection.unlink(*some)
