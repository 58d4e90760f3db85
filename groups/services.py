"""The verbs of groups. Each is one transaction: may they, the rows, a line in the conversation, then the telling."""

import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from accounts import selectors as people
from accounts.models import User
from chatproject.core.db.transactions import on_commit, run_atomic
from chatproject.core.errors import Conflict, NotFound
from chatproject.core.files import avatars
from chatproject.core.times import now
from groups import events, rules, selectors
from groups.models import FOREVER, Membership, Removal, Room, direct_room_id


class WriteLine(Protocol):
    def __call__(
        self, room: Room, *, by: User, action: str, people: Iterable[User] = (), name: str = "", role: str = ""
    ) -> None: ...


def _no_lines_yet(
    room: Room, *, by: User, action: str, people: Iterable[User] = (), name: str = "", role: str = ""
) -> None:
    raise RuntimeError("messaging has not given groups its write_line yet")


#: Writes a system line into a conversation, inside the caller's transaction. Messages stand above groups, which may not
#: import them; messaging's AppConfig puts its `services.write_line` here.
write_line: WriteLine = _no_lines_yet


def open_direct(user: User, other: User) -> Room:
    """The private room of two people, made if it is missing. Belongs into the caller's transaction."""
    rules.require_other(user.pk, other.pk)
    room, is_new = Room.objects.get_or_create(
        pk=direct_room_id(user.pk, other.pk), defaults={"kind": Room.Kind.DIRECT, "member_count": 2}
    )
    if is_new:
        Membership.objects.bulk_create(
            [Membership(room=room, user=user, peer=other), Membership(room=room, user=other, peer=user)]
        )
    return room


def create(
    *, by: User, name: str, member_ids: Iterable[UUID] = (), avatar: str = "", join_policy: str = Room.JoinPolicy.OPEN
) -> Room:
    """A new group with its first members; its creator owns it."""

    rules.require_avatar(avatar)

    def body() -> Room:
        if Membership.objects.filter(user=by, room__kind=Room.Kind.GROUP).count() >= rules.GROUPS_MAX:
            raise Conflict(_("You are in too many groups."), code="too_many_groups")
        room = Room.objects.create(
            kind=Room.Kind.GROUP, name=name, avatar=avatar, join_policy=join_policy, creator=by, member_count=1
        )
        Membership.objects.create(room=room, user=by, role=Membership.Role.OWNER)
        others = _newcomers(room, [one for one in member_ids if one != by.pk])
        _seat(room, others)
        on_commit(lambda: events.welcomed(room, by, *others))
        write_line(room, by=by, action="created", people=others, name=name)
        return room

    return run_atomic(body)


def join(*, by: User, group_id: UUID, invite_code: str = "") -> Membership:
    """Take a seat in an open group, or in a closed one with its invitation. Joining twice is joining once."""

    def body() -> Membership:
        room = selectors.locked_group(group_id)
        if known := selectors.seats_of(by.pk, [group_id]).get(group_id):
            return known
        rules.require_join(room, invite_code=invite_code, was_removed=selectors.was_removed(room, by))
        rules.require_room_for(room, 1)
        Removal.objects.filter(room=room, user=by).delete()
        (seat,) = _seat(room, [by])
        on_commit(lambda: events.welcomed(room, by))
        write_line(room, by=by, action="joined")
        return seat

    return run_atomic(body)


def leave(*, by: User, group_id: UUID) -> Room:
    """Give the seat up. Whoever is alone in his group dissolves it by leaving."""

    def body() -> Room:
        seat = selectors.locked_seat(by, group_id)
        rules.require_leave(seat)
        if seat.room.member_count == 1:
            return _dissolve(seat.room)
        _unseat(seat)
        on_commit(lambda: events.left(seat.room, by))  # first, so that he does not hear the line about himself
        write_line(seat.room, by=by, action="left")
        return seat.room

    return run_atomic(body)


def leave_for_a_while(*, by: User, group_id: UUID) -> Membership:
    """Hear nothing of the group for now; still a member, still counting what is unread."""
    return _set_away(by, group_id, away=True, tell=events.left_for_a_while)


def come_back(*, by: User, group_id: UUID) -> Membership:
    """End an absence."""
    return _set_away(by, group_id, away=False, tell=events.welcomed)


def _set_away(by: User, group_id: UUID, *, away: bool, tell: Callable[[Room, User], None]) -> Membership:
    def body() -> Membership:
        seat = selectors.locked_seat(by, group_id)
        if seat.away != away:
            seat.away = away
            seat.save(update_fields=["away"])
            on_commit(lambda: tell(seat.room, by))
        return seat

    return run_atomic(body)


def update(*, by: User, group_id: UUID, **changes: str) -> Membership:
    """Change `name`, `avatar` or `join_policy`."""

    def body() -> Membership:
        seat = selectors.locked_seat(by, group_id)
        rules.require_admin(seat)
        rules.require_avatar(changes.get("avatar", ""), shown=seat.room.avatar)
        return _change(seat, by, changes)

    return run_atomic(body)


def set_avatar(*, by: User, group_id: UUID, address: str) -> Membership:
    """Show a picture that was just made here; the one before is gone."""

    def body() -> Membership:
        seat = selectors.locked_seat(by, group_id)
        rules.require_admin(seat)
        return _change(seat, by, {"avatar": address})

    return run_atomic(body)


def _change(seat: Membership, by: User, changes: Mapping[str, str]) -> Membership:
    room = seat.room
    changed = {field: value for field, value in changes.items() if getattr(room, field) != value}
    if not changed:
        return seat
    if "avatar" in changed:
        avatars.let_go(room.avatar)
    for field, value in changed.items():
        setattr(room, field, value)
    room.save(update_fields=list(changed))
    if "name" in changed:
        write_line(room, by=by, action="renamed", name=room.name)
    if "avatar" in changed and room.last_seq > 1:  # before anything was said it belongs to the group's creation
        write_line(room, by=by, action="picture")
    if "join_policy" in changed:
        write_line(room, by=by, action="policy", name=room.join_policy)
    on_commit(lambda: events.updated(room))
    return seat


def remove(*, by: User, group_id: UUID, user_id: UUID) -> Membership:
    """Take somebody's seat away. He is told, and hears nothing more."""

    def body() -> Membership:
        seat = selectors.locked_seat(by, group_id)
        target = selectors.other_seat(seat.room, user_id)
        rules.require_removal(seat, target)
        _unseat(target)
        Removal.objects.get_or_create(room=seat.room, user_id=user_id)
        on_commit(lambda: events.removed(seat.room, target.user, by=by))
        write_line(seat.room, by=by, action="removed", people=[target.user])
        return seat

    return run_atomic(body)


def set_role(*, by: User, group_id: UUID, user_id: UUID, role: str) -> Membership:
    """Make a member an administrator, or an administrator a member again."""

    def body() -> Membership:
        seat = selectors.locked_seat(by, group_id)
        rules.require_owner(seat)
        target = selectors.other_seat(seat.room, user_id)
        if target.user_id == by.pk:
            raise Conflict(_("Hand the group over to somebody else first."), code="last_owner")
        if target.role != role:
            target.role = role
            target.save(update_fields=["role"])
            write_line(seat.room, by=by, action="role", people=[target.user], role=role)
            on_commit(lambda: events.updated(seat.room))
        return seat

    return run_atomic(body)


def transfer(*, by: User, group_id: UUID, user_id: UUID) -> Membership:
    """Hand the group over: the other becomes its owner, the owner an administrator."""

    def body() -> Membership:
        seat = selectors.locked_seat(by, group_id)
        rules.require_owner(seat)
        target = selectors.other_seat(seat.room, user_id)
        if target.user_id == by.pk:
            return seat
        target.role, seat.role = Membership.Role.OWNER, Membership.Role.ADMIN
        target.save(update_fields=["role"])
        seat.save(update_fields=["role"])
        write_line(seat.room, by=by, action="transferred", people=[target.user])
        on_commit(lambda: events.updated(seat.room))
        return seat

    return run_atomic(body)


def mute(*, by: User, chat_id: UUID, is_group: bool, muted: bool, seconds: int | None = None) -> Membership:
    """Be told of nothing but the count; for `seconds`, or until further notice."""

    def body() -> Membership:
        seat = selectors.chat_seat(by, chat_id, is_group=is_group)
        length = timedelta(seconds=seconds) if seconds else FOREVER
        seat.muted_until = now() + length if muted else None
        seat.save(update_fields=["muted_until"])
        on_commit(lambda: events.settings_changed(seat))
        return seat

    return run_atomic(body)


def pin(*, by: User, chat_id: UUID, is_group: bool, pinned: bool) -> Membership:
    """Keep a chat above the others in his list, or no longer. Pinning twice is pinning once."""

    def body() -> Membership:
        seat = selectors.chat_seat(by, chat_id, is_group=is_group)
        if seat.is_pinned != pinned:
            if pinned:
                rules.require_room_for_pin(selectors.pin_count(by))
            seat.pinned_at = now() if pinned else None
            seat.save(update_fields=["pinned_at"])
            on_commit(lambda: events.settings_changed(seat))
        return seat

    return run_atomic(body)


def invite(*, by: User, group_id: UUID, user_ids: Iterable[UUID] = (), renew: bool = False) -> Membership:
    """Bring people in, and have a code at `seat.room.invite_code` by which others may come."""

    def body() -> Membership:
        seat = selectors.locked_seat(by, group_id)
        rules.require_invite(seat)
        room = seat.room
        if renew:
            rules.require_admin(seat)
        if renew or not room.invite_code:
            room.invite_code = secrets.token_urlsafe(12)
            room.save(update_fields=["invite_code"])
        newcomers = _newcomers(room, user_ids)
        if newcomers:
            rules.require_room_for(room, len(newcomers))
            Removal.objects.filter(room=room, user__in=[user.pk for user in newcomers]).delete()
            _seat(room, newcomers)
            on_commit(lambda: events.welcomed(room, *newcomers))
            write_line(room, by=by, action="invited", people=newcomers)
        return seat

    return run_atomic(body)


def dissolve(*, by: User, group_id: UUID) -> Room:
    """End a group for everyone."""

    def body() -> Room:
        seat = selectors.locked_seat(by, group_id)
        rules.require_owner(seat)
        return _dissolve(seat.room)

    return run_atomic(body)


def shut_down(*, group_id: UUID) -> Room:
    """The same by the operators, who need no seat in it."""
    return run_atomic(lambda: _dissolve(selectors.locked_group(group_id)))


def _dissolve(room: Room) -> Room:
    user_ids = list(room.memberships.values_list("user_id", flat=True))
    room.memberships.all().delete()
    avatars.let_go(room.avatar)
    room.dissolved_at, room.member_count, room.invite_code, room.avatar = now(), 0, "", ""
    room.save(update_fields=["dissolved_at", "member_count", "invite_code", "avatar"])
    on_commit(lambda: events.dissolved(room, user_ids))
    return room


def _newcomers(room: Room, user_ids: Iterable[UUID]) -> list[User]:
    """The people behind the ids who have no seat yet. Raises NotFound when somebody does not exist."""
    wanted = list(user_ids)
    found = people.by_ids(wanted)
    if len(found) != len(set(wanted)) or not all(user.is_active for user in found.values()):
        raise NotFound(_("Somebody you named does not exist."))
    seated = set(room.memberships.filter(user__in=wanted).values_list("user_id", flat=True)) if wanted else set()
    return [found[one] for one in wanted if one not in seated]


def _seat(room: Room, users: list[User]) -> list[Membership]:
    """Seats whose cursor stands at the end: what was said before is there to read, but not unread."""
    seats = [Membership(room=room, user=user, read_seq=room.last_seq) for user in users]
    Membership.objects.bulk_create(seats)
    room.member_count += len(seats)
    room.save(update_fields=["member_count"])
    return seats


def _unseat(seat: Membership) -> None:
    seat.delete()
    seat.room.member_count -= 1
    seat.room.save(update_fields=["member_count"])
