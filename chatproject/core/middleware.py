"""Middleware of the project as a whole."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_only_middleware


@sync_only_middleware
def one_thread(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """The innermost middleware: as it has no async side, Django runs those around it synchronously as well.

    A request then changes to its thread once. With async middleware all the way in, Django would change there and back
    for the two halves of each, because their work is synchronous anyway.
    """
    return get_response
