"""Rooms and memberships in the administration: rows are read, changes go through services and are logged."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chatproject.core.admin import ReadOnlyAdmin, ask_and_act, link
from chatproject.core.errors import ChatError
from groups import selectors, services
from groups.models import Membership, Room, StaffAccess

#: What can be done on a group's page, by the name of the button: the service, and what the log says.
Act = Callable[[User, UUID, Any], object]
ACTS: dict[str, tuple[Act, Any]] = {
    "remove": (
        lambda by, room, given: services.remove_as_staff(by=by, group_id=room, user_id=UUID(given["user"])),
        _("Removed a member."),
    ),
    "role": (
        lambda by, room, given: services.set_role_as_staff(
            by=by, group_id=room, user_id=UUID(given["user"]), role=Membership.Role(given["role"]).value
        ),
        _("Changed a role."),
    ),
    "rename": (
        lambda by, room, given: services.update_as_staff(by=by, group_id=room, name=given["name"].strip()[:80]),
        _("Renamed."),
    ),
    "close": (
        lambda by, room, given: services.update_as_staff(by=by, group_id=room, join_policy="closed"),
        _("Made a closed group."),
    ),
    "clear": (
        lambda by, room, given: services.update_as_staff(by=by, group_id=room, description="", announcement=""),
        _("Took away what it says about itself."),
    ),
    "picture": (
        lambda by, room, given: services.update_as_staff(by=by, group_id=room, avatar=""),
        _("Took away its picture."),
    ),
}


def staff(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


@admin.register(Room)
class RoomAdmin(ReadOnlyAdmin):
    list_display = ("title", "kind", "join_policy", "member_count", "last_said", "last_at", "dissolved_at")
    list_filter = ("kind", "join_policy", ("dissolved_at", admin.EmptyFieldListFilter))
    search_fields = ("name",)
    search_help_text = _("Part of a group's name, or of a person's in a private chat")
    ordering = ("-last_at",)
    actions = ("dissolve",)

    def prepare(self, request: HttpRequest, rows: list[Any]) -> None:
        titles = selectors.titles(rows)
        for room in rows:
            room.title = titles[room.pk]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Room], search_term: str) -> Any:
        found, distinct = super().get_search_results(request, queryset, search_term)
        if search_term:
            theirs = Membership.objects.filter(user__name__icontains=search_term, peer__isnull=False)
            found = found | queryset.filter(pk__in=theirs.values("room_id"))
        return found, distinct

    @admin.display(description=_("conversation"), ordering="name")
    def title(self, room: Room) -> str:
        return str(getattr(room, "title", room))

    @admin.display(description=_("messages"))
    def last_said(self, room: Room) -> int:
        return room.last_said

    # A group's page ---------------------------------------------------------------------------------------------------

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        room = self.get_object(request, object_id)
        if room is None:
            raise Http404
        if not self.has_view_permission(request, room):
            raise PermissionDenied
        if request.method == "POST":
            return self._act(request, room)
        by = staff(request)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": room.title,
            "room": room,
            "members": selectors.members(room.pk),
            "roles": Membership.Role.choices,
            "may_change": self.has_moderate_permission(request) and not room.is_direct and room.dissolved_at is None,
            "may_dissolve": self.has_dissolve_permission(request) and not room.is_direct and room.dissolved_at is None,
            "may_open": request.user.has_perm("groups.add_staffaccess"),
            "is_readable": room.pk in selectors.readable_by_staff(by, [room.pk]),
            "until": selectors.opened_until(by, room.pk),
            "openings": StaffAccess.objects.filter(room=room).order_by("-pk")[:20],
        }
        return TemplateResponse(request, "admin/room.html", context)

    def _act(self, request: HttpRequest, room: Room) -> HttpResponse:
        here = redirect("admin:groups_room_change", room.pk)
        given = request.POST
        try:
            if given["act"] == "open":
                services.open_for_staff(by=staff(request), room_id=room.pk, reason=given["reason"])
                done: Any = _("Opened to read: %s") % given["reason"][:200]
            else:
                if not self.has_moderate_permission(request):
                    raise PermissionDenied
                act, done = ACTS[given["act"]]
                act(staff(request), room.pk, given)
        except ChatError as refused:
            texts = [str(text) for texts in (refused.errors or {}).values() for text in texts] or [str(refused.detail)]
            self.message_user(request, " ".join(texts), messages.ERROR)
        except (KeyError, ValueError):
            raise Http404 from None
        else:
            self.log_change(request, room, str(done))
            self.message_user(request, done, messages.SUCCESS)
        return here

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        obj.name = obj.name or str(getattr(obj, "title", ""))[:80]  # the log names people, not an id
        return super().log_change(request, obj, message)

    @admin.action(description=_("Dissolve the selected groups"), permissions=["dissolve"])
    def dissolve(self, request: HttpRequest, rooms: QuerySet[Room]) -> HttpResponse | None:
        question = _("Dissolve these groups? Everybody loses them, for good.")
        return ask_and_act(
            self, request, rooms, question, lambda room: services.shut_down(group_id=room.pk), _("Dissolved.")
        )

    def has_moderate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("groups.change_room")

    def has_dissolve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("groups.delete_room")


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("person", "chat", "role", "away", "joined_at")
    list_display_links = None
    list_filter = ("role", "away", "room__kind")
    linked_by = ("user",)
    list_select_related = ("user", "room")
    search_fields = ("user__name", "room__name")
    search_help_text = _("Part of a person's or a group's name")
    ordering = ("-pk",)

    def prepare(self, request: HttpRequest, rows: list[Any]) -> None:
        titles = selectors.titles({one.room for one in rows})
        for one in rows:
            one.chat = titles[one.room_id]

    @admin.display(description=_("person"))
    def person(self, one: Membership) -> str:
        return link(one.user)

    @admin.display(description=_("conversation"))
    def chat(self, one: Membership) -> str:
        return link(one.room, getattr(one, "chat", ""))


@admin.register(StaffAccess)
class StaffAccessAdmin(ReadOnlyAdmin):
    """Who opened which private chat, and why. Nobody changes it."""

    list_display = ("opened_at", "by_name", "chat_link", "reason", "until")
    list_display_links = None
    search_fields = ("by_name", "chat", "reason")
    list_select_related = ("room",)
    ordering = ("-pk",)

    @admin.display(description=_("conversation"))
    def chat_link(self, one: StaffAccess) -> str:
        return link(one.room, one.chat) if one.room else one.chat
