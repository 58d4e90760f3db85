"""Messages and uploads in the administration: read-only rows, actions through services."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from chatproject.core.admin import ReadOnlyAdmin, ask_and_act, link
from chatproject.core.errors import Text
from chatproject.core.files.storage import ADDRESS
from chatproject.core.text import cut
from groups import selectors as rooms
from groups.admin import staff
from groups.models import Room
from messaging import services, types
from messaging.models import FormerWords, Message, Upload


class TypeFilter(admin.SimpleListFilter):
    title = _("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, str(label)) for name, label in types.choices()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        return newest(queryset).filter(type=self.value()) if self.value() else queryset


class RecalledFilter(admin.SimpleListFilter):
    title = _("recalled")
    parameter_name = "recalled"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Yes")), ("no", _("No"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        return newest(queryset).filter(recalled_at__isnull=self.value() == "no") if self.value() else queryset


#: Messages at which a search and filters without an index look, the newest.
SEARCHED_MAX = 50_000


def newest(queryset: QuerySet[Message]) -> QuerySet[Message]:
    """Those among the newest messages of all: a question that no index answers must not read a million rows."""
    ids = Message.objects.order_by("-pk").values_list("pk", flat=True)
    floor = next(iter(ids[SEARCHED_MAX : SEARCHED_MAX + 1]), None)
    return queryset if floor is None else queryset.filter(pk__gt=floor)


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


class ReadableAdmin(ReadOnlyAdmin):
    """Rows of chats. What was said is shown where the member of the staff may read it: `rooms.readable_by_staff`."""

    def room_of(self, row: Any) -> Room | None:
        raise NotImplementedError

    def prepare(self, request: HttpRequest, rows: list[Any]) -> None:
        found = {room.pk: room for row in rows if (room := self.room_of(row)) is not None}
        readable = rooms.readable_by_staff(staff(request), list(found)) if found else set()
        titles = rooms.titles(found.values())
        for row in rows:
            room = self.room_of(row)
            row.is_readable = room is None or room.pk in readable
            row.chat = titles[room.pk] if room is not None else ""

    def hidden(self, row: Any) -> str:
        return link(self.room_of(row), _("private: say why to read it"))

    @admin.display(description=_("conversation"))
    def room_link(self, row: Any) -> str:
        room = self.room_of(row)
        return link(room, row.chat) if room is not None else "–"


@admin.register(Message)
class MessageAdmin(ReadableAdmin):
    list_display = ("sent_at", "sender_link", "excerpt", "type_label", "room_link", "recalled_at")
    list_display_links = ("sent_at",)
    fields = ("sent_at", "sender_link", "room_link", "type_label", "words", "file", "edited_at", "recalled_at", "seq")
    list_filter = (TypeFilter, "room__kind", "sent_at", RecalledFilter)
    list_select_related = ("room", "sender")
    search_fields = ("content",)
    search_help_text = _("Words, a sender's or a group's name, in the newest 50,000 messages")
    ordering = ("-pk",)
    actions = ("erase",)

    def room_of(self, row: Any) -> Room:
        return row.room  # type: ignore[no-any-return]

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        return (FormerWordsInline,) if obj is not None and getattr(obj, "is_readable", False) else ()

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        # What may not be read is not guessed by a filter either.
        if lookup.startswith(("content", "details_json")):
            return False
        return lookup == "room__id__exact" or super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Message], search_term: str) -> Any:
        """Only what may be read is searched by its words."""
        if not search_term:
            return queryset, False
        by = staff(request)
        readable = (
            Q(room__kind=Room.Kind.GROUP, room__join_policy=Room.JoinPolicy.OPEN)
            | Q(room__in=rooms.opened_by(by))
            | Q(room__in=rooms.own_rooms(by.pk))
        )
        named = Q(sender__name__icontains=search_term) | Q(room__name__icontains=search_term)
        return newest(queryset).filter(named | Q(content__icontains=search_term) & readable), False

    @admin.display(description=_("type"), ordering="type")
    def type_label(self, message: Message) -> Text:
        return types.TYPES[message.type].label

    @admin.display(description=_("sender"))
    def sender_link(self, message: Message) -> str:
        return link(message.sender)

    @admin.display(description=_("content"))
    def excerpt(self, message: Any) -> str:
        if not message.is_readable and message.type != types.SYSTEM:
            return self.hidden(message)
        return cut(message.content, 80, end="…") or f"[{types.TYPES[message.type].label}]"

    @admin.display(description=_("content"))
    def words(self, message: Any) -> str:
        return message.content if message.is_readable or message.type == types.SYSTEM else self.hidden(message)

    @admin.display(description=_("file"))
    def file(self, message: Any) -> str:
        details = message.details or {}
        if not message.is_readable or not details.get("mediaUrl"):
            return "–"
        return preview(details["mediaUrl"], details.get("thumbnailUrl"), details.get("fileName") or "")

    @admin.action(description=_("Erase the selected messages for everyone"), permissions=["erase"])
    def erase(self, request: HttpRequest, messages: QuerySet[Message]) -> HttpResponse | None:
        question = _("Erase these messages for everyone? What they said is gone for good.")

        def show(one: Message) -> str:
            self.prepare(request, [one])
            return f"{one.sender}: {cut(one.content, 80, end='…')}" if one.is_readable else str(one.sender)  # type: ignore[attr-defined]

        def erase(one: Message) -> None:
            services.erase(message=one)

        return ask_and_act(self, request, messages, question, erase, _("Erased for everyone."), show=show)

    def has_erase_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("messaging.delete_message")


def preview(address: str, thumbnail: str | None, name: str) -> str:
    """A file with what there is to see of it."""
    if thumbnail:
        return format_html('<a href="{}"><img class="preview" src="{}" alt="{}"></a>', address, thumbnail, name)
    return format_html('<a href="{}">{}</a>', address, name or _("open"))


@admin.register(Upload)
class UploadAdmin(ReadableAdmin):
    """Uploads, for an overview of disk space; they are deleted with their message."""

    list_display = ("created_at", "owner_link", "folder", "file", "size_label", "room_link", "message_link")
    list_display_links = None
    list_filter = ("folder", "created_at", ("message", admin.EmptyFieldListFilter))
    list_select_related = ("owner", "message__room")
    search_fields = ("owner__name",)
    search_help_text = _("Part of a person's name")
    ordering = ("-created_at",)

    def room_of(self, row: Any) -> Room | None:
        return row.message.room if row.message else None

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return not lookup.startswith("name") and super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    @admin.display(description=_("uploaded by"))
    def owner_link(self, upload: Upload) -> str:
        return link(upload.owner)

    @admin.display(description=_("message"))
    def message_link(self, upload: Upload) -> str:
        return link(upload.message, f"#{upload.message.seq}") if upload.message else str(_("not sent"))

    @admin.display(description=_("size"), ordering="size")
    def size_label(self, upload: Upload) -> str:
        return filesizeformat(upload.size)

    @admin.display(description=_("file"))
    def file(self, upload: Any) -> str:
        if upload.message is None:
            return str(_("not sent"))
        if not upload.is_readable:
            return self.hidden(upload)
        thumbnail = f"{ADDRESS}{upload.thumbnail_path}" if upload.thumbnail_path else None
        return preview(f"{ADDRESS}{upload.path}", thumbnail, upload.name)
