"""Messages and uploads in the administration: read-only rows, actions through services."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from chatproject.core.admin import ReadOnlyAdmin, act_on_each, ask
from chatproject.core.errors import Text
from chatproject.core.text import cut
from messaging import services, types
from messaging.models import FormerWords, Message, Upload


class TypeFilter(admin.SimpleListFilter):
    title = _("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, str(label)) for name, label in types.choices()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        return queryset.filter(type=self.value()) if self.value() else queryset


class FormerWordsInline(admin.TabularInline):
    """What the message said before it was edited."""

    model = FormerWords
    fields = readonly_fields = ("replaced_at", "content")
    extra = 0
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("messaging.view_message")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ("sent_at", "sender", "excerpt", "type_label", "room", "recalled_at")
    list_filter = (TypeFilter, "room__kind", "sent_at", ("recalled_at", admin.EmptyFieldListFilter))
    list_select_related = ("room", "sender")
    search_fields = ("content", "sender__name", "room__name")
    search_help_text = _("Words, a sender's or a group's name")
    ordering = ("-pk",)
    actions = ("erase",)
    inlines = (FormerWordsInline,)

    @admin.display(description=_("type"), ordering="type")
    def type_label(self, message: Message) -> Text:
        return types.TYPES[message.type].label

    @admin.display(description=_("content"))
    def excerpt(self, message: Message) -> str:
        return cut(message.content, 80, end="…")

    @admin.action(description=_("Erase the selected messages for everyone"), permissions=["erase"])
    def erase(self, request: HttpRequest, messages: QuerySet[Message]) -> HttpResponse | None:
        question = _("Erase these messages for everyone? What they said is gone for good.")
        if page := ask(self, request, messages, question, show=lambda one: f"{one.sender}: {self.excerpt(one)}"):
            return page
        act_on_each(self, request, messages, lambda message: services.erase(message=message), _("Erased for everyone."))
        return None

    def has_erase_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("messaging.delete_message")


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin):
    """Uploads, for an overview of disk space; they are deleted with their message."""

    list_display = ("created_at", "owner", "folder", "name", "size", "message")
    list_filter = ("folder", "created_at", ("message", admin.EmptyFieldListFilter))
    list_select_related = ("owner", "message")
    search_fields = ("name", "owner__name")
    ordering = ("-created_at",)
