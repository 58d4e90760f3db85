"""Rooms and memberships in the administration: read-only rows, actions through services."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from chatproject.core.admin import ReadOnlyAdmin, act_on_each, ask
from groups import services
from groups.models import Membership, Room


@admin.register(Room)
class RoomAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "kind", "join_policy", "member_count", "last_seq", "last_at", "dissolved_at")
    list_filter = ("kind", "join_policy", ("dissolved_at", admin.EmptyFieldListFilter))
    search_fields = ("name",)
    ordering = ("-last_at",)
    actions = ("dissolve",)

    @admin.action(description=_("Dissolve the selected groups"), permissions=["dissolve"])
    def dissolve(self, request: HttpRequest, rooms: QuerySet[Room]) -> HttpResponse | None:
        question = _("Dissolve these groups? Everybody loses them, for good.")
        if page := ask(self, request, rooms, question):
            return page
        act_on_each(self, request, rooms, lambda room: services.shut_down(group_id=room.pk), _("Dissolved."))
        return None

    def has_dissolve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("groups.delete_room")


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("user", "room", "role", "away", "read_seq", "joined_at")
    list_filter = ("role", "away", "room__kind")
    list_select_related = ("user", "room")
    search_fields = ("user__name", "room__name")
    ordering = ("-pk",)
