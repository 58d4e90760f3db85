"""Responses where no view could answer: a page for a browser, problem+json as in the API for other
clients.
"""

from typing import Any

from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.http.request import host_validation_re
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views import defaults

from chatproject.core import errors
from chatproject.core.errors import ChatError
from chatproject.core.http.api import problem


class Failed(ChatError):
    """A bug of ours, as the client sees it. It is never raised."""

    status = 500
    code = "failed"
    title = _("Something went wrong on our side")


class UnknownHost(ChatError):
    """A request to a name or address that is not this chat's. It is never raised."""

    status = 400
    code = "unknown_host"
    title = _("The chat does not answer at this address: ALLOWED_ORIGINS has to name it.")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if isinstance(exception, DisallowedHost):
        return _unknown_host(request)
    if _wants_page(request):
        return defaults.bad_request(request, exception)
    return as_response(errors.TooLarge() if isinstance(exception, RequestDataTooBig) else errors.BadRequest())


def _unknown_host(request: HttpRequest) -> HttpResponseBase:
    """What to set, so that the address works: its operator may be the one who tries it."""
    if not _wants_page(request):
        return as_response(UnknownHost())
    host = request.META.get("HTTP_HOST", "")
    origin = f"{request.scheme}://{host}" if host_validation_re.fullmatch(host.lower()) else ""
    return render(request, "unknown_host.html", {"origin": origin}, status=UnknownHost.status)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return defaults.permission_denied(request, exception) if _wants_page(request) else as_response(errors.Forbidden())


def csrf(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    return forbidden(request, PermissionError(reason))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return defaults.page_not_found(request, exception) if _wants_page(request) else as_response(errors.NotFound())


def server_error(request: HttpRequest) -> HttpResponseBase:
    return defaults.server_error(request) if _wants_page(request) else as_response(Failed())


def as_response(error: ChatError) -> HttpResponse:
    """An error as problem+json, where Django answers and not REST framework."""
    answer = problem(error)
    response = JsonResponse(answer.data, status=answer.status_code, content_type=answer.content_type)
    for name, value in answer.items():
        response.setdefault(name, value)
    return response


def _wants_page(request: HttpRequest) -> bool:
    accept: Any = request.headers.get("Accept", "")
    return "text/html" in accept
