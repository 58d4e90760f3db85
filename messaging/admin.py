"""Conversations for the operators. Rows are read here; what is done, is done by the services."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from messaging import services
from messaging.models import Message


@admin.register(Message)
class MessageAdmin(admin.ModelAdmin):
    list_display = ("sent_at", "room", "seq", "sender", "type", "excerpt", "recalled_at")
    list_filter = ("type", "room__kind", "sent_at", ("recalled_at", admin.EmptyFieldListFilter))
    list_select_related = ("room", "sender")
    search_fields = ("content", "sender__name", "room__name")
    search_help_text = _("Words, a sender's or a group's name")
    ordering = ("-pk",)
    actions = ("erase",)
    show_full_result_count = False

    @admin.display(description=_("content"))
    def excerpt(self, message: Message) -> str:
        return message.content[:80]

    @admin.action(description=_("Erase the selected messages for everyone"), permissions=["erase"])
    def erase(self, request: HttpRequest, messages: QuerySet[Message]) -> None:
        for message in messages:
            services.erase(message=message)
            self.log_change(request, message, "Erased for everyone.")
        self.message_user(request, _("The messages were erased for everyone."))

    def has_erase_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("messaging.delete_message")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # a place in the sequence is never given up
