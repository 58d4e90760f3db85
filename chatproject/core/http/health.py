"""GET /healthz: whether this process, its database and its Redis can serve."""

import logging
from collections.abc import Callable

from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chatproject.core import redis

log = logging.getLogger(__name__)


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 with every part "ok", or 503. No details: the route needs no sign-in."""
    parts = {"database": _answers(_ask_database), "redis": _answers(_ask_redis)}
    well = all(answer == "ok" for answer in parts.values())
    return JsonResponse({"status": "ok" if well else "down", **parts}, status=200 if well else 503)


def _answers(ask: Callable[[], object]) -> str:
    try:
        ask()
    except (DatabaseError, redis.Unavailable, OSError) as error:
        log.warning("healthz: %s: %s", ask.__name__.removeprefix("_ask_"), type(error).__name__)
        return "down"
    return "ok"


def _ask_database() -> None:
    # A query of a table: SQLite would create a lost database anew, and connect without an error.
    ContentType.objects.exists()


def _ask_redis() -> None:
    with redis.client() as connection:
        connection.ping()
