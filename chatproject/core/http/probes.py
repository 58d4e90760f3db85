"""What machines ask: a load balancer whether this process serves, and Prometheus for its numbers."""

import logging
from collections.abc import Callable

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chatproject.core import errors, metrics, redis
from chatproject.core.http.error_views import as_response

log = logging.getLogger(__name__)


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 with every part "ok", or 503: whether this process, its database and its Redis can serve. No details: the
    route needs no sign-in.
    """
    parts = {"database": _answers(_ask_database), "redis": _answers(_ask_redis)}
    well = all(answer == "ok" for answer in parts.values())
    return JsonResponse({"status": "ok" if well else "down", **parts}, status=200 if well else 503)


@require_safe
@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """200 while this process answers. A process that does not is to be restarted; one that is not ready is not."""
    return JsonResponse({"status": "ok"})


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


@require_safe
@never_cache
def numbers(request: HttpRequest) -> HttpResponse:
    """All processes' metrics for the holder of METRICS_TOKEN. Without that setting there is no such address."""
    if not settings.METRICS_TOKEN:
        return as_response(errors.NotFound())
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not constant_time_compare(token.strip(), settings.METRICS_TOKEN):
        return as_response(errors.SignInRequired())
    return HttpResponse(metrics.text(), content_type=metrics.CONTENT_TYPE)


#: By path.
PROBES: dict[str, Callable[[HttpRequest], HttpResponseBase]] = {
    "/healthz": healthz,
    "/healthz/ready": healthz,
    "/healthz/live": live,
    "/metrics": numbers,
}


def answer_probes(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware that answers before the Host is checked: a load balancer asks by address, whatever the site's name."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return PROBES.get(request.path_info, get_response)(request)

    return middleware
