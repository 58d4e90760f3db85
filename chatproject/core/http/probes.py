"""What machines ask: a load balancer whether this process serves, and Prometheus for its numbers."""

import logging
from collections.abc import Callable

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chatproject.core import errors, hub, metrics, redis
from chatproject.core.db.transactions import failures
from chatproject.core.files import space
from chatproject.core.http.error_views import as_response

log = logging.getLogger(__name__)


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 with every part "ok", or 503: whether the database and Redis can be used. No details: the route needs no
    sign-in.
    """
    return _told(database=_ask_database, redis=_ask_redis)


@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """Whether this process is to get clients: beside that, whether it hears what is published, and can write files."""
    return _told(database=_ask_database, redis=_ask_redis, channels=hub.round_trip, storage=space.require_writable)


def _told(**questions: Callable[[], object]) -> JsonResponse:
    parts = {part: _answers(part, ask) for part, ask in questions.items()}
    well = all(answer == "ok" for answer in parts.values())
    return JsonResponse({"status": "ok" if well else "down", **parts}, status=200 if well else 503)


@require_safe
@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """200 while this process answers. A process that does not is to be restarted; one that is not ready is not."""
    return JsonResponse({"status": "ok"})


def _answers(part: str, ask: Callable[[], object]) -> str:
    unusable: tuple[type[Exception], ...] = (*failures(), redis.Unavailable, OSError)
    try:
        ask()
    except unusable as error:
        log.warning("healthz: %s: %s", part, type(error).__name__)
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


LIVE, READY = "/healthz/live", "/healthz/ready"
#: By path.
PROBES: dict[str, Callable[[HttpRequest], HttpResponseBase]] = {
    "/healthz": healthz,
    READY: ready,
    LIVE: live,
    "/metrics": numbers,
}


def answer_probes(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware that answers before the Host is checked: a load balancer asks by address, whatever the site's name."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return PROBES.get(request.path_info, get_response)(request)

    return middleware
