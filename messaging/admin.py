"""Messages and uploads in the administration: read-only rows, actions through services."""

from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.timezone import is_aware, make_aware
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chatproject.core import sealing
from chatproject.core.admin import ReadOnlyAdmin, ask_and_act, link
from chatproject.core.db.queries import streamed
from chatproject.core.errors import Text
from chatproject.core.files.storage import ADDRESS
from chatproject.core.text import cut
from groups import selectors as rooms
from groups.admin import staff
from groups.models import Room, direct_room_id
from messaging import services, types
from messaging.models import FormerWords, HeldMessage, Message, Upload
from messaging.staff_search import found_by_staff

#: Messages at which a search and filters without an index look, the newest.
SEARCHED_MAX = 50_000
#: Messages that a search finds by their words, and by names, the newest.
FOUND_MAX = 500


def newest(request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
    """Those among the newest messages of all, or of the chosen chat: a question that no index answers must not read a
    million rows.
    """
    if room_id := chosen_room(request):
        last = Room.objects.filter(pk=room_id).values_list("last_seq", flat=True).first() or 0
        return queryset.filter(room_id=room_id, seq__gt=last - SEARCHED_MAX)
    ids = Message.objects.order_by("-pk").values_list("pk", flat=True)
    floor = next(iter(ids[SEARCHED_MAX : SEARCHED_MAX + 1]), None)
    return queryset if floor is None else queryset.filter(pk__gt=floor)


def said_in(messages: QuerySet[Message], words: str) -> Q:
    """Which of these messages contain some words. Where texts are encrypted they are opened one by one."""
    if not sealing.is_used():
        return Q(content__icontains=words)
    wanted = words.lower()
    with streamed(messages.values_list("pk", "content"), chunk_size=2000) as rows:
        found = (pk for pk, content in rows if wanted in Message.opened(pk, content, "")[0].lower())
        return Q(pk__in=list(islice(found, FOUND_MAX)))


def chosen_room(request: HttpRequest) -> UUID | None:
    """The chat whose messages are listed, from a link."""
    try:
        return UUID(request.GET.get("room__id__exact", ""))
    except ValueError:
        return None


def least_id(when: datetime, *, hours: int) -> UUID:
    """The least id of a message that was made so many hours after `when`: ids begin with the time."""
    return UUID(int=max(0, int((when.timestamp() + hours * 3600) * 1000)) << 80)


class NewestFilter(admin.SimpleListFilter):
    """A filter that no index answers."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        return self.choose(newest(request, queryset)) if self.value() else queryset

    def choose(self, messages: QuerySet[Message]) -> QuerySet[Message]:
        raise NotImplementedError


class TypeFilter(NewestFilter):
    title = _("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, str(label)) for name, label in types.choices()]

    def choose(self, messages: QuerySet[Message]) -> QuerySet[Message]:
        return messages.filter(type=self.value())


class KindFilter(NewestFilter):
    title = _("conversation")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(Room.Kind.choices)

    def choose(self, messages: QuerySet[Message]) -> QuerySet[Message]:
        # Not by the index of kinds: it leads to all messages of each room, to be sorted.
        return messages.alias(room_kind=Coalesce("room__kind", Value(""))).filter(room_kind=self.value())


class RecalledFilter(NewestFilter):
    title = _("recalled")
    parameter_name = "recalled"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Yes")), ("no", _("No"))]

    def choose(self, messages: QuerySet[Message]) -> QuerySet[Message]:
        return messages.filter(recalled_at__isnull=self.value() == "no")


class SentFilter(admin.DateFieldListFilter):
    """By the day, which ids answer too: `sent_at` has no index."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        found: Any = super().queryset(request, queryset)
        told: Any = self.used_parameters
        # With an hour more at both ends: `sent_at` is not the time of the id to the millisecond, nor of one clock.
        for name, lookup, hours in (("since", "pk__gte", -1), ("until", "pk__lt", 1)):
            for given in told.get(getattr(self, f"lookup_kwarg_{name}"), []):
                if (when := parse_datetime(given)) is not None:
                    when = when if is_aware(when) else make_aware(when)
                    found = found.filter(**{lookup: least_id(when, hours=hours)})
        return found  # type: ignore[no-any-return]


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
    list_filter = (TypeFilter, KindFilter, ("sent_at", SentFilter), RecalledFilter)
    linked_by = ("room", "sender")
    list_select_related = ("room", "sender")
    search_fields = ("content",)
    search_help_text = _("Words of any message, a sender's or a group's name in the newest 50,000: the newest 500")
    #: Newest first, as an index has them: any other order is made by reading every message.
    ordering = ("-pk",)
    sortable_by = ()
    actions = ("erase",)

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("room_id", "-seq") if chosen_room(request) else ("-pk",)

    def room_of(self, row: Any) -> Room:
        return row.room  # type: ignore[no-any-return]

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        return (FormerWordsInline,) if obj is not None and getattr(obj, "is_readable", False) else ()

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Message], search_term: str) -> Any:
        """Only what may be read is searched by its words."""
        if not search_term:
            return queryset, False
        by = staff(request)
        open_groups = Room.objects.filter(kind=Room.Kind.GROUP, join_policy=Room.JoinPolicy.OPEN)
        readable = Q(room__in=open_groups) | Q(room__in=rooms.opened_by(by)) | Q(room__in=rooms.rooms_of(by.pk))
        # By the names' ids: joined, each message would look up its sender and its room.
        senders = User.objects.filter(name__icontains=search_term).values("pk")
        named = Q(sender__in=senders) | Q(room__in=Room.objects.filter(name__icontains=search_term).values("pk"))
        # True of no message, and no index has it: otherwise SQLite would take the indexes of senders and rooms, which
        # lead to old messages too.
        never = Q(seq=0)
        among = newest(request, queryset)
        readables = queryset.filter(never | readable)
        found = found_by_staff(readables, search_term, room_id=chosen_room(request), limit=FOUND_MAX)
        if found is None:
            ordered = among.filter(never | readable).order_by(*self.get_ordering(request))
            return among.filter(never | named | (said_in(ordered, search_term) & readable)), False
        if senders.exists() or Room.objects.filter(name__icontains=search_term).exists():
            theirs = among.filter(never | named).order_by(*self.get_ordering(request))
            found += theirs.values_list("pk", flat=True)[:FOUND_MAX]
        return queryset.filter(pk__in=found), False

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
    linked_by = ("owner",)
    list_select_related = ("owner", "message__room")
    search_fields = ("owner__name",)
    search_help_text = _("Part of a person's name")
    ordering = ("-created_at",)

    def room_of(self, row: Any) -> Room | None:
        return row.message.room if row.message else None

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


class WaitingFilter(admin.SimpleListFilter):
    """The queue first: what is decided is asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        decided = (one for one in HeldMessage.State if one != HeldMessage.State.WAITING)
        return [("all", _("All")), *((one.value, one.label) for one in decided)]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        return [{**first, "display": HeldMessage.State.WAITING.label}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[HeldMessage]) -> QuerySet[HeldMessage]:
        chosen = self.value() or HeldMessage.State.WAITING
        return queryset if chosen == "all" else queryset.filter(state=chosen)


@admin.register(HeldMessage)
class HeldMessageAdmin(ReadOnlyAdmin):
    """The queue of what waits for a moderator. A list may hold messages of private chats, too."""

    list_display = ("held_at", "sender_link", "excerpt", "words", "room_link", "is_edit", "state")
    list_display_links = ("held_at",)
    fields = (
        "held_at",
        "sender_link",
        "room_link",
        "content",
        "details_label",
        "words",
        "is_edit",
        "state",
        "decided_at",
    )
    list_filter = (WaitingFilter, "held_at")
    list_select_related = ("sender", "upload")
    ordering = ("held_at",)
    actions = ("release", "refuse")

    @admin.display(description=_("sender"))
    def sender_link(self, held: HeldMessage) -> str:
        return link(held.sender)

    @admin.display(description=_("content"))
    def excerpt(self, held: HeldMessage) -> str:
        return cut(held.content, 80, end="…") or f"[{types.TYPES[held.type].label}]"

    @admin.display(description=_("file or place"))
    def details_label(self, held: HeldMessage) -> str:
        if held.upload is not None:
            return held.upload.name
        return " ".join(types.TYPES[held.type].words(held.details)) if held.details else "–"

    @admin.display(description=_("conversation"))
    def room_link(self, held: HeldMessage) -> str:
        room_id = held.to if held.is_group else direct_room_id(held.sender_id, held.to)
        room = Room.objects.filter(pk=room_id).first()
        return link(room, rooms.titles([room])[room.pk]) if room is not None else "–"

    @admin.display(description=_("edit"), boolean=True)
    def is_edit(self, held: HeldMessage) -> bool:
        return held.edited_id is not None

    @admin.action(description=_("Release the selected messages"), permissions=["decide"])
    def release(self, request: HttpRequest, chosen: QuerySet[HeldMessage]) -> HttpResponse | None:
        question = _("Release these messages? They are sent as of now.")
        return self._decide(request, chosen, question, lambda one: services.release_held(held=one), _("Released."))

    @admin.action(description=_("Refuse the selected messages"), permissions=["decide"])
    def refuse(self, request: HttpRequest, chosen: QuerySet[HeldMessage]) -> HttpResponse | None:
        question = _("Refuse these messages? Nobody will see them, and their senders are told.")
        return self._decide(request, chosen, question, lambda one: services.refuse_held(held=one), _("Refused."))

    def _decide(
        self, request: HttpRequest, chosen: QuerySet[HeldMessage], question: Text, act: Any, done: Text
    ) -> HttpResponse | None:
        return ask_and_act(
            self, request, chosen, question, act, done, show=lambda one: f"{one.sender}: {self.excerpt(one)}"
        )

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("messaging.change_heldmessage")
