"""What admin pages share: read-only rows, and actions that ask for confirmation and are logged."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse

from chatproject.core.errors import ChatError, Text

#: Names that the confirmation page shows.
NAMES_MAX = 50


class ReadOnlyAdmin(ModelAdmin):
    """Rows that are only read. Changes are actions, which call services."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def ask(
    model_admin: ModelAdmin,
    request: HttpRequest,
    chosen: QuerySet[Any],
    question: Text,
    *,
    show: Callable[[Any], str] = str,
) -> TemplateResponse | None:
    """The confirmation page, for an action to return; None once the user has confirmed."""
    if "confirmed" in request.POST:
        return None
    context = {
        **model_admin.admin_site.each_context(request),
        "title": question,
        "opts": model_admin.opts,
        "chosen": [show(one) for one in chosen[:NAMES_MAX]],
        "more": max(0, chosen.count() - NAMES_MAX),
        "action": request.POST["action"],
        "select_across": request.POST.get("select_across", "0"),
        "checkbox": ACTION_CHECKBOX_NAME,
        "ids": request.POST.getlist(ACTION_CHECKBOX_NAME),
    }
    return TemplateResponse(request, "admin/confirm.html", context)


def act_on_each(
    model_admin: ModelAdmin, request: HttpRequest, rows: QuerySet[Any], act: Callable[[Any], object], done: Text
) -> None:
    """Call `act` on each row, log it in the admin's history, and show what was refused."""
    for row in rows:
        try:
            act(row)
        except ChatError as refused:
            model_admin.message_user(request, f"{row}: {refused.detail}", messages.ERROR)
        else:
            model_admin.log_change(request, row, str(done))
            model_admin.message_user(request, f"{row}: {done}", messages.SUCCESS)
