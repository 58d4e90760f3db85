"""Word lists, and what they found, in the administration."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from chatproject.core.admin import ReadOnlyAdmin, link
from chatproject.core.text import cut
from chatproject.core.times import now
from moderation import services
from moderation.models import Hit, WordList


class WordListForm(forms.ModelForm):
    file = forms.FileField(
        label=_("File"),
        required=False,
        help_text=_("Its lines are added to the words, or replace them. Larger files: manage.py load_words."),
    )
    is_replaced = forms.BooleanField(label=_("The file replaces the words"), required=False)

    class Meta:
        model = WordList
        fields = (
            *("name", "is_active", "action", "in_groups", "in_private", "in_names", "exempts_staff", "exempts_admins"),
            "words",
        )
        help_texts = {
            "words": _(
                "One each line. A line that ends with | mask, | hold or | reject has an action of its own; one that "
                "begins with # is a comment."
            ),
            "action": _("Of names, each of them rejects."),
            "in_private": _("What it finds there is shown to moderators."),
        }

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("file") is not None:
            try:
                lines = services.words_of(given["file"].read())
            except ValueError:
                raise forms.ValidationError({"file": _("This is not a text.")}) from None
            before = "" if given.get("is_replaced") else given.get("words", "")
            given["words"] = services.joined(before, lines)
        return given


@admin.register(WordList)
class WordListAdmin(admin.ModelAdmin):
    form = WordListForm
    list_display = ("name", "is_active", "action", "count", "in_groups", "in_private", "in_names", "changed_at")
    ordering = ("name",)
    search_fields = ("name", "words")

    @admin.display(description=_("words"))
    def count(self, word_list: WordList) -> int:
        return sum(1 for _entry in word_list.entries())

    def save_model(self, request: HttpRequest, obj: WordList, form: Any, change: bool) -> None:
        services.save_list(obj)

    def delete_model(self, request: HttpRequest, obj: WordList) -> None:
        services.delete_list(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[WordList]) -> None:
        for one in queryset:
            services.delete_list(one)


class SeenFilter(admin.SimpleListFilter):
    """The queue: what nobody has seen yet."""

    title = _("seen")
    parameter_name = "seen"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("no", _("No")), ("yes", _("Yes"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Hit]) -> QuerySet[Hit]:
        return queryset.filter(seen_at__isnull=self.value() == "no") if self.value() else queryset


@admin.register(Hit)
class HitAdmin(ReadOnlyAdmin):
    list_display = ("at", "user_link", "place", "action", "words_label", "excerpt", "room_link", "seen_at")
    list_display_links = ("at",)
    fields = ("at", "user_link", "place", "action", "words", "lists", "text", "room_link", "seen_at")
    list_filter = (SeenFilter, "action", "place", "at")
    list_select_related = ("user",)
    ordering = ("-pk",)
    actions = ("mark_seen",)

    @admin.display(description=_("by"))
    def user_link(self, hit: Hit) -> str:
        return link(hit.user)

    @admin.display(description=_("words"))
    def words_label(self, hit: Hit) -> str:
        return cut(", ".join(hit.words.splitlines()), 80, end="…")

    @admin.display(description=_("text"))
    def excerpt(self, hit: Hit) -> str:
        return cut(hit.text, 80, end="…")

    @admin.display(description=_("conversation"))
    def room_link(self, hit: Hit) -> str:
        if hit.room_id is None:
            return "–"
        return format_html('<a href="{}">{}</a>', reverse("admin:groups_room_change", args=[hit.room_id]), _("open"))

    @admin.action(description=_("Mark the selected hits as seen"), permissions=["seen"])
    def mark_seen(self, request: HttpRequest, hits: QuerySet[Hit]) -> None:
        hits.filter(seen_at=None).update(seen_at=now())

    def has_seen_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("moderation.change_hit")
