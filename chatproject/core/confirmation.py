"""Actions of the administration ask once more before they do what cannot be undone."""

from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse

from chatproject.core.errors import Text

#: Of how many the question shows the names.
SHOWN = 50


def ask(
    model_admin: ModelAdmin, request: HttpRequest, chosen: QuerySet[Any], question: Text
) -> TemplateResponse | None:
    """The page with the question; None when it was answered with yes. For an action to return, or to go on."""
    if "confirmed" in request.POST:
        return None
    context = {
        **model_admin.admin_site.each_context(request),
        "title": question,
        "opts": model_admin.opts,
        "chosen": chosen[:SHOWN],
        "more": max(0, chosen.count() - SHOWN),
        "action": request.POST["action"],
        "select_across": request.POST.get("select_across", "0"),
        "checkbox": ACTION_CHECKBOX_NAME,
        "ids": request.POST.getlist(ACTION_CHECKBOX_NAME),
    }
    return TemplateResponse(request, "admin/confirm.html", context)
