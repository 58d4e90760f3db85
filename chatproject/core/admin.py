"""What the administration's pages share: rows that are only read, and actions that ask once more and are logged."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse

from chatproject.core.errors import ChatError, Text

#: Of how many the question shows the names.
SHOWN = 50


class ReadOnlyAdmin(ModelAdmin):
    """Rows for reading; what may be done is done by actions, and those by services."""

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
    """The page with the question; None when it was answered with yes. For an action to return, or to go on."""
    if "confirmed" in request.POST:
        return None
    context = {
        **model_admin.admin_site.each_context(request),
        "title": question,
        "opts": model_admin.opts,
        "chosen": [show(one) for one in chosen[:SHOWN]],
        "more": max(0, chosen.count() - SHOWN),
        "action": request.POST["action"],
        "select_across": request.POST.get("select_across", "0"),
        "checkbox": ACTION_CHECKBOX_NAME,
        "ids": request.POST.getlist(ACTION_CHECKBOX_NAME),
    }
    return TemplateResponse(request, "admin/confirm.html", context)


def act_on_each(
    model_admin: ModelAdmin, request: HttpRequest, rows: QuerySet[Any], act: Callable[[Any], object], done: Text
) -> None:
    """Do it to each, log it, and say what was refused."""
    for row in rows:
        try:
            act(row)
        except ChatError as refused:
            model_admin.message_user(request, f"{row}: {refused.detail}", messages.ERROR)
        else:
            model_admin.log_change(request, row, str(done))
            model_admin.message_user(request, f"{row}: {done}", messages.SUCCESS)
