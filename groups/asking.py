"""Asking to join a group that decides whom it takes, and its answers.

A request is no change of the conversation and takes no version: it concerns the owner, the administrators and who asks.
"""

from uuid import UUID

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chatproject.core.db.transactions import on_commit, run_atomic
from chatproject.core.errors import Conflict, NotFound
from chatproject.core.times import now
from groups import rules, selectors, services
from groups.models import JoinRequest, Membership, Room


def ask(*, by: User, group_id: UUID, note: str = "") -> JoinRequest:
    """Ask to join a group. Asking again changes the note."""
    note = rules.clean_text(note, by=by, field="note")

    def body() -> JoinRequest:
        room = selectors.locked_group(group_id)
        if selectors.is_member(by, group_id):
            raise Conflict(_("You are in this group."), code="member")
        rules.require_ask(room, by=by, was_removed=selectors.was_removed(room, by))
        known = selectors.join_request(room, by.pk)
        if known is not None and known.is_waiting:
            known.note = note
            known.save(update_fields=["note"])
            return known
        if known is not None and known.refused_at is not None:
            rules.require_ask_again(known.refused_at)
            known.delete()
        rules.require_request_capacity(of_group=room.join_requests or 0, of_user=len(selectors.asked_groups(by)))
        new = JoinRequest.objects.create(room=room, user=by, note=note)
        services.tell_requests(room, [new], "asked")
        on_commit(lambda: services.join_requested(room.pk))
        return new

    return run_atomic(body)


def withdraw(*, by: User, group_id: UUID) -> JoinRequest:
    """Take a request back."""

    def body() -> JoinRequest:
        room = selectors.locked_group(group_id)
        request = _waiting(room, by.pk)
        services.end_requests(room, [request], "withdrawn")
        return request

    return run_atomic(body)


def requests(*, by: User, group_id: UUID, limit: int, after: UUID | None = None) -> list[JoinRequest]:
    """A page of those who ask to join a group, for its owner and administrators."""
    membership = selectors.membership(by, group_id)
    rules.require_admin(membership)
    return selectors.join_requests(membership.room, limit=limit, after=after)


def accept(*, by: User, group_id: UUID, user_id: UUID) -> Membership:
    """Let somebody in who asked to join."""

    def body() -> Membership:
        membership = selectors.locked_membership(by, group_id)
        rules.require_admin(membership)
        room = membership.room
        user = _waiting(room, user_id).user
        if not user.is_active:
            raise NotFound()
        rules.require_capacity(room, 1)
        rules.require_group_capacity_of(selectors.groups_charged_to(user))
        services.let_in(room, user)
        services.post_system_message(room, by=by, action="accepted", people=[user])
        return membership

    return run_atomic(body)


def refuse(*, by: User, group_id: UUID, user_id: UUID) -> Membership:
    """Refuse somebody who asked to join; they ask again after a while."""

    def body() -> Membership:
        membership = selectors.locked_membership(by, group_id)
        rules.require_admin(membership)
        request = _waiting(membership.room, user_id)
        request.refused_at, request.note = now(), ""
        request.save(update_fields=["refused_at", "note"])
        services.tell_requests(membership.room, [request], "refused")
        return membership

    return run_atomic(body)


def _waiting(room: Room, user_id: UUID) -> JoinRequest:
    found = selectors.join_request(room, user_id)
    if found is None or not found.is_waiting:
        raise NotFound()
    return found
