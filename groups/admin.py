"""Rooms and memberships for the operators. Rows are read here; what is done, is done by the services."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from groups import services
from groups.models import Membership, Room


class _ReadOnly(admin.ModelAdmin):
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Room)
class RoomAdmin(_ReadOnly):
    list_display = ("__str__", "kind", "join_policy", "member_count", "last_seq", "last_at", "dissolved_at")
    list_filter = ("kind", "join_policy", ("dissolved_at", admin.EmptyFieldListFilter))
    search_fields = ("name",)
    ordering = ("-last_at",)
    actions = ("dissolve",)

    @admin.action(description=_("Dissolve the selected groups"), permissions=["dissolve"])
    def dissolve(self, request: HttpRequest, rooms: QuerySet[Room]) -> None:
        for room in rooms.filter(kind=Room.Kind.GROUP, dissolved_at=None):
            services.shut_down(group_id=room.pk)
            self.log_change(request, room, "Dissolved.")
        self.message_user(request, _("The groups were dissolved."))

    def has_dissolve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("groups.delete_room")


@admin.register(Membership)
class MembershipAdmin(_ReadOnly):
    list_display = ("user", "room", "role", "away", "read_seq", "joined_at")
    list_filter = ("role", "away", "room__kind")
    list_select_related = ("user", "room")
    search_fields = ("user__name", "room__name")
    ordering = ("-pk",)
