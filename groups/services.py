"""Writes to groups.

Each is one transaction: rules, rows, system message; events after the commit.
"""

import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from accounts import selectors as people
from accounts.models import User
from accounts.rules import sees_only_contacts
from chatproject.core.db.transactions import on_commit, run_atomic
from chatproject.core.errors import ChatError, Conflict, NotFound
from chatproject.core.files import avatars
from chatproject.core.times import now
from groups import events, rules, selectors
from groups.models import (
    FOREVER,
    Departure,
    Hidden,
    JoinRequest,
    Membership,
    Recall,
    Removal,
    Room,
    StaffAccess,
    direct_room_id,
    name_skeletons,
)


class PostSystemMessage(Protocol):
    def __call__(
        self, room: Room, *, by: User, action: str, people: Iterable[User] = (), name: str = "", role: str = ""
    ) -> None: ...


def _not_connected(
    room: Room, *, by: User, action: str, people: Iterable[User] = (), name: str = "", role: str = ""
) -> None:
    raise RuntimeError("messaging has not set groups.services.post_system_message yet")


#: Posts a system message in the caller's transaction. Groups may not import messaging, whose
#: AppConfig sets this to its own `services.post_system_message`.
post_system_message: PostSystemMessage = _not_connected


def _forget_nothing(user_ids: Collection[UUID]) -> None:
    """Nothing above keeps who is in which room."""


#: Hears, after the commit, of whom the rooms changed. Messaging's AppConfig sets it.
memberships_changed: Callable[[Collection[UUID]], None] = _forget_nothing


def _tell_nobody(room_id: UUID) -> None:
    """Nothing above tells it to those who have no open page."""


#: Hears, after the commit, that somebody asks to join a group. Notifications' AppConfig sets it.
join_requested: Callable[[UUID], None] = _tell_nobody


class FindCorrespondents(Protocol):
    def __call__(self, user: User, among: Collection[UUID]) -> set[UUID]: ...


def _no_correspondents(user: User, among: Collection[UUID]) -> set[UUID]:
    raise RuntimeError("messaging has not set groups.services.find_correspondents yet")


#: Those among some people who have written to the user. Set by messaging, like `post_system_message`.
find_correspondents: FindCorrespondents = _no_correspondents


def open_direct(user: User, other: User) -> Room:
    """Get or create the private room of two users, inside the caller's transaction. One of a user with themselves has
    one membership, whose peer they are.
    """
    sides = [(user, other)] if user == other else [(user, other), (other, user)]
    room, is_new = Room.objects.get_or_create(
        pk=direct_room_id(user.pk, other.pk), defaults={"kind": Room.Kind.DIRECT, "member_count": len(sides)}
    )
    if is_new:
        Membership.objects.bulk_create([Membership(room=room, user=one, peer=peer) for one, peer in sides])
        on_commit(lambda: memberships_changed([user.pk, other.pk]))
    return room


def create(*, by: User, name: str, member_ids: Iterable[UUID] = (), avatar: str = "", join_policy: str = "") -> Room:
    """Create a group with its first members; its creator is the owner.

    Without `join_policy` it is open or closed as the installation says.
    """

    avatar = avatars.checked_for_new(avatar, field="avatar")
    name = rules.clean_name(name, by=by)

    def body() -> Room:
        rules.require_group_capacity(selectors.groups_charged_to(by))
        room = Room.objects.create(
            kind=Room.Kind.GROUP,
            name=name,
            **name_skeletons(name),
            avatar=avatar,
            join_policy=join_policy or settings.NEW_GROUPS,
            creator=by,
            member_count=1,
        )
        Membership.objects.create(room=room, user=by, role=Membership.Role.OWNER)
        on_commit(lambda: memberships_changed([by.pk]))
        others = _newcomers(room, [one for one in member_ids if one != by.pk], by=by)
        rules.require_capacity(room, len(others))
        rules.require_addable(_refusing(by, others))
        _add_members(room, others, by=by)
        on_commit(lambda: events.welcomed(room, by, *others))
        post_system_message(room, by=by, action="created", people=others, name=name)
        return room

    return run_atomic(body)


def join(*, by: User, group_id: UUID, invite_code: str = "") -> Membership:
    """Become a member of an open group, or of a closed one by its invitation; end the absence of a
    member.

    Joining twice is joining once.
    """

    def body() -> Membership:
        room = selectors.locked_group(group_id)
        if known := selectors.memberships_of(by.pk, [group_id]).get(group_id):
            return _with_away(known, by, away=False, tell=events.welcomed)
        rules.require_join(room, by=by, invite_code=invite_code, was_removed=selectors.was_removed(room, by))
        rules.require_capacity(room, 1)
        rules.require_group_capacity(selectors.groups_charged_to(by))
        if room.accepts_code(invite_code) and room.invite_uses_left is not None:
            room.invite_uses_left -= 1
            room.save(update_fields=["invite_uses_left"])
        membership = let_in(room, by)
        post_system_message(room, by=by, action="joined")
        return membership

    return run_atomic(body)


def let_in(room: Room, user: User) -> Membership:
    """Make a user a member who comes by themselves, of a locked group; in the caller's transaction."""
    Departure.objects.filter(room=room, user=user).delete()
    (membership,) = _add_members(room, [user])
    on_commit(lambda: events.welcomed(room, user))
    return membership


def leave(*, by: User, group_id: UUID) -> Room:
    """Leave a group; the last member dissolves it."""

    def body() -> Room:
        membership = selectors.locked_membership(by, group_id)
        rules.require_leave(membership)
        if membership.room.member_count == 1:
            return _dissolve(membership.room)
        _remove_member(membership)
        Departure.objects.get_or_create(room=membership.room, user=by)
        on_commit(lambda: events.left(membership.room, by))  # first: the user must not hear the system message
        post_system_message(membership.room, by=by, action="left")
        return membership.room

    return run_atomic(body)


def leave_for_a_while(*, by: User, group_id: UUID) -> Membership:
    """Pause a group: its events stop, the membership and its unread count go on."""
    return _set_away(by, group_id, away=True, tell=events.left_for_a_while)


def come_back(*, by: User, group_id: UUID) -> Membership:
    """End an absence."""
    return _set_away(by, group_id, away=False, tell=events.welcomed)


def _set_away(by: User, group_id: UUID, *, away: bool, tell: Callable[[Room, User], None]) -> Membership:
    return run_atomic(lambda: _with_away(selectors.locked_membership(by, group_id), by, away=away, tell=tell))


def _with_away(membership: Membership, by: User, *, away: bool, tell: Callable[[Room, User], None]) -> Membership:
    if membership.away != away:
        membership.away = away
        membership.save(update_fields=["away"])
        on_commit(lambda: tell(membership.room, by))
    return membership


def update(*, by: User, group_id: UUID, **changes: str | int) -> Membership:
    """Change `name`, `avatar`, `join_policy`, `description`, `announcement`, `post_policy`, `slow_seconds` or
    `history_policy`.
    """

    def body() -> Membership:
        membership = selectors.locked_membership(by, group_id)
        rules.require_admin(membership)
        avatars.checked(str(changes.get("avatar", "")), shown=membership.room.avatar, field="avatar")
        return _change(membership, by, changes)

    return run_atomic(body)


def _show_all(room: Room) -> None:
    """From now on all members see all of the history: the group decides so for those who are in it, too."""
    room.memberships.exclude(from_seq=None).update(from_seq=None)
    room.floor_seq = None
    room.save(update_fields=["floor_seq"])


def set_avatar(*, by: User, group_id: UUID, address: str) -> Membership:
    """Set the group's picture to one that was just made, and delete the one before."""

    def body() -> Membership:
        membership = selectors.locked_membership(by, group_id)
        rules.require_admin(membership)
        return _change(membership, by, {"avatar": address})

    return run_atomic(body)


#: What a column says where it is null.
_OTHERWISE = {
    "description": "",
    "announcement": "",
    "post_policy": Room.PostPolicy.EVERYONE.value,
    "slow_seconds": 0,
    "history_policy": Room.HistoryPolicy.WHOLE.value,
}


def _change(membership: Membership, by: User, changes: Mapping[str, str | int]) -> Membership:
    room = membership.room
    given = {
        field: rules.clean_text(str(value), by=by, field=field) if field in ("description", "announcement") else value
        for field, value in changes.items()
    }
    changed = {
        field: value for field, value in given.items() if (getattr(room, field) or _OTHERWISE.get(field, "")) != value
    }
    if not changed:
        return membership
    if "name" in changed:
        changed["name"] = rules.clean_name(str(changed["name"]), by=by)
        changed |= name_skeletons(str(changed["name"]))
    if "avatar" in changed:
        avatars.delete_unused(room.avatar)
    if "announcement" in changed:
        changed["announcement_version"] = room.last_version + 1
    for field, value in changed.items():
        setattr(room, field, None if value == _OTHERWISE.get(field) else value)
    room.save(update_fields=list(changed))
    if "join_policy" in changed:
        if room.join_policy != Room.JoinPolicy.OPEN:
            _renew_code(room)
        end_requests(room, selectors.waiting_requests(room) if room.join_requests else [], "withdrawn")
    if "name" in changed:
        post_system_message(room, by=by, action="renamed", name=room.name)
    if "avatar" in changed and room.last_seq > 1:  # before the first message it belongs to the creation
        post_system_message(room, by=by, action="picture")
    if "join_policy" in changed:
        post_system_message(room, by=by, action="policy", name=room.join_policy)
    if "description" in changed:
        post_system_message(room, by=by, action="described")
    if "announcement" in changed:
        post_system_message(room, by=by, action="announced" if room.announcement else "unannounced")
    if "post_policy" in changed:
        post_system_message(room, by=by, action="posting", name=str(given["post_policy"]))
    if "slow_seconds" in changed:
        post_system_message(room, by=by, action="slowed", name=str(given["slow_seconds"]))
    if "history_policy" in changed:
        if room.history_policy is None:
            _show_all(room)
        post_system_message(room, by=by, action="history", name=str(given["history_policy"]))
    on_commit(lambda: events.updated(room))
    return membership


def close_announcement(*, by: User, group_id: UUID, version: int) -> Membership:
    """Close the announcement with this version for oneself, on all devices. A newer one is shown again. Idempotent."""

    def body() -> Membership:
        membership = selectors.locked_membership(by, group_id)
        closed = min(version, membership.room.announcement_version or 0)
        if closed > (membership.closed_version or 0):
            membership.closed_version = closed
            membership.save(update_fields=["closed_version"])
            on_commit(lambda: events.settings_changed(membership))
        return membership

    return run_atomic(body)


def remove(*, by: User, group_id: UUID, user_id: UUID) -> Membership:
    """Remove a member, who gets an event and hears nothing more of the group."""

    def body() -> Membership:
        membership = selectors.locked_membership(by, group_id)
        target = selectors.other_membership(membership.room, user_id)
        rules.require_removal(membership, target)
        _remove_member(target)
        Removal.objects.get_or_create(room=membership.room, user_id=user_id)
        _renew_code(membership.room)
        on_commit(lambda: events.removed(membership.room, target.user, by=by))
        post_system_message(membership.room, by=by, action="removed", people=[target.user])
        return membership

    return run_atomic(body)


def set_role(*, by: User, group_id: UUID, user_id: UUID, role: str) -> Membership:
    """Set a member's role to admin or member."""

    def body() -> Membership:
        membership = selectors.locked_membership(by, group_id)
        rules.require_owner(membership)
        target = selectors.other_membership(membership.room, user_id)
        if target.user_id == by.pk:
            raise Conflict(_("Hand the group over to somebody else first."), code="last_owner")
        if target.role != role:
            target.role = role
            target.save(update_fields=["role"])
            post_system_message(membership.room, by=by, action="role", people=[target.user], role=role)
            on_commit(lambda: events.updated(membership.room))
        return membership

    return run_atomic(body)


def transfer(*, by: User, group_id: UUID, user_id: UUID) -> Membership:
    """Offer the ownership to another member, who accepts or declines. It replaces an offer before."""

    def body() -> Membership:
        membership = selectors.locked_membership(by, group_id)
        rules.require_owner(membership)
        target = selectors.other_membership(membership.room, user_id)
        if user_id != by.pk and user_id != membership.room.offered_to_id:
            _end_offer(membership.room, by, "withdrawn")
            _set_offer(membership.room, by, target.user_id, "offered")
            post_system_message(membership.room, by=by, action="offered", people=[target.user])
        return membership

    return run_atomic(body)


def accept_transfer(*, by: User, group_id: UUID) -> Membership:
    """Become the owner of a group that was offered; the owner before becomes an admin.

    Raises NotFound without an offer.
    """

    def body() -> Membership:
        membership = selectors.locked_membership(by, group_id)
        room = membership.room
        if room.offered_to_id != by.pk:
            raise NotFound()
        before = selectors.owner_membership(room)
        if membership.added_by_id is not None:
            rules.require_group_capacity(selectors.groups_charged_to(by))
        membership.role, membership.added_by = Membership.Role.OWNER, None
        before.role = Membership.Role.ADMIN
        membership.save(update_fields=["role", "added_by"])
        before.save(update_fields=["role"])
        _set_offer(room, before.user, None, "accepted", to=by.pk)
        post_system_message(room, by=before.user, action="transferred", people=[by])
        return membership

    return run_atomic(body)


def decline_transfer(*, by: User, group_id: UUID) -> Membership:
    """End an offer of the ownership: the member who has it, or the owner who made it.

    Raises NotFound without an offer.
    """

    def body() -> Membership:
        membership = selectors.locked_membership(by, group_id)
        room = membership.room
        if room.offered_to_id is None or not (membership.is_owner or room.offered_to_id == by.pk):
            raise NotFound()
        _end_offer(room, selectors.owner_membership(room).user, "withdrawn" if membership.is_owner else "declined")
        return membership

    return run_atomic(body)


def _end_offer(room: Room, owner: User, state: str) -> None:
    if room.offered_to_id is not None:
        _set_offer(room, owner, None, state, to=room.offered_to_id)


def _set_offer(room: Room, owner: User, user_id: UUID | None, state: str, *, to: UUID | None = None) -> None:
    """Write who has the offer, and tell both: `to` names the one who had it."""
    room.offered_to_id = user_id
    room.save(update_fields=["offered_to"])
    offered_to = to or user_id
    assert offered_to is not None
    on_commit(lambda: events.transfer(room, owner, offered_to, state))
    on_commit(lambda: events.updated(room))


def mute(*, by: User, chat_id: UUID, is_group: bool, muted: bool, seconds: int | None = None) -> Membership:
    """Mute or unmute a chat for oneself, for `seconds` or until further notice.

    Unread counts go on.
    """

    def body() -> Membership:
        membership = selectors.chat_membership(by, chat_id, is_group=is_group)
        length = timedelta(seconds=seconds) if seconds else FOREVER
        membership.muted_until = now() + length if muted else None
        membership.save(update_fields=["muted_until"])
        on_commit(lambda: events.settings_changed(membership))
        return membership

    return run_atomic(body)


def set_level(*, by: User, chat_id: UUID, is_group: bool, level: str | None) -> Membership:
    """Choose which messages of a chat notify oneself; None: as everywhere. Unread counts go on."""

    def body() -> Membership:
        membership = selectors.chat_membership(by, chat_id, is_group=is_group)
        if membership.level != level:
            membership.level = level
            membership.save(update_fields=["level"])
            on_commit(lambda: events.settings_changed(membership))
        return membership

    return run_atomic(body)


def pin(*, by: User, chat_id: UUID, is_group: bool, pinned: bool) -> Membership:
    """Pin or unpin a chat in one's own list. Idempotent."""

    def body() -> Membership:
        membership = selectors.chat_membership(by, chat_id, is_group=is_group)
        if membership.is_pinned != pinned:
            if pinned:
                rules.require_pin_capacity(selectors.pin_count(by))
                membership.archived_said = None
            membership.pinned_at = now() if pinned else None
            membership.save(update_fields=["pinned_at", "archived_said"])
            on_commit(lambda: events.settings_changed(membership))
        return membership

    return run_atomic(body)


def archive(*, by: User, chat_id: UUID, is_group: bool, archived: bool) -> Membership:
    """Put a chat away, out of one's own list, until somebody says something in it; a muted one stays away. Idempotent.

    A pinned chat is unpinned.
    """

    def body() -> Membership:
        membership = selectors.chat_membership(by, chat_id, is_group=is_group)
        if membership.is_archived != archived:
            membership.archived_said = membership.room.last_said if archived else None
            membership.pinned_at = None if archived else membership.pinned_at
            membership.save(update_fields=["archived_said", "pinned_at"])
            on_commit(lambda: events.settings_changed(membership))
        return membership

    return run_atomic(body)


def invite(
    *,
    by: User,
    group_id: UUID,
    user_ids: Iterable[UUID] = (),
    renew: bool = False,
    expires_in: int | None = None,
    max_uses: int | None = None,
) -> Membership:
    """Add members, and make sure that there is an invitation code that lets people in, in `membership.room`.

    `renew` replaces it, as do its limits: `expires_in` seconds, `max_uses` people. Admins also bring
    back who was removed; where such a user lets nobody add them, they may only join by themselves again. So do all who
    left by themselves.
    """

    def body() -> Membership:
        membership = selectors.locked_membership(by, group_id)
        rules.require_invite(membership)
        room = membership.room
        is_limited = expires_in is not None or max_uses is not None
        if renew or is_limited:
            rules.require_admin(membership)
        if renew or is_limited or not room.accepts_code(room.invite_code):
            room.invite_code = _new_code()
            room.invite_expires_at = None if expires_in is None else now() + timedelta(seconds=expires_in)
            room.invite_uses_left = max_uses
            room.save(update_fields=["invite_code", "invite_expires_at", "invite_uses_left"])
        newcomers = _newcomers(room, user_ids, by=by)
        if removed := selectors.removed_among(room, newcomers):
            rules.require_admin(membership)
            Removal.objects.filter(room=room, user__in=removed).delete()
            refusing = _refusing(by, [user for user in newcomers if user.pk in removed])
            newcomers = [user for user in newcomers if user not in refusing]
        if newcomers:
            rules.require_capacity(room, len(newcomers))
            left = selectors.left_among(room, newcomers)
            rules.require_addable([user for user in newcomers if user.pk in left] or _refusing(by, newcomers))
            _add_by(by, room, newcomers)
        return membership

    return run_atomic(body)


class Many(NamedTuple):
    """What became of people whom a member wanted to add or to remove.

    `refused`: the code of why each of the others was not.
    """

    membership: Membership
    done: list[User]
    refused: dict[UUID, str]


def add_many(*, by: User, group_id: UUID, user_ids: Iterable[UUID]) -> Many:
    """Add those of some people who may be added, in one line of the conversation.

    As `invite`, but nobody's refusal stands in the way of others.
    """
    wanted = list(dict.fromkeys(user_ids))

    def body() -> Many:
        membership = selectors.locked_membership(by, group_id)
        rules.require_invite(membership)
        room = membership.room
        found = _visible(wanted, by=by)
        refused = dict.fromkeys((one for one in wanted if one not in found), NotFound.code)
        members = selectors.members_among(room, wanted)
        newcomers = [user for user in found.values() if user.pk not in members]
        refused |= dict.fromkeys(members, "member")
        removed, left = selectors.removed_among(room, newcomers), selectors.left_among(room, newcomers)
        if membership.is_admin:
            Removal.objects.filter(room=room, user__in=removed).delete()
        else:
            refused |= dict.fromkeys(removed, rules.Removed.code)
        refusing = {user.pk for user in _refusing(by, newcomers)}
        refused |= dict.fromkeys(left | refusing, rules.NOT_ADDABLE)
        adding = [user for user in newcomers if user.pk not in refused]
        places = rules.MEMBERS_MAX - room.member_count
        refused |= dict.fromkeys((user.pk for user in adding[places:]), rules.GROUP_FULL)
        adding = adding[:places]
        if adding:
            _add_by(by, room, adding)
        return Many(membership, adding, refused)

    return run_atomic(body)


def remove_many(*, by: User, group_id: UUID, user_ids: Iterable[UUID]) -> Many:
    """Remove those of some members whom the user may remove, in one line of the conversation."""
    wanted = list(dict.fromkeys(user_ids))

    def body() -> Many:
        membership = selectors.locked_membership(by, group_id)
        rules.require_admin(membership)
        room = membership.room
        targets = selectors.memberships_among(room, wanted)
        refused = dict.fromkeys((one for one in wanted if one not in targets), NotFound.code)
        removing = []
        for user_id, target in targets.items():
            try:
                rules.require_removal(membership, target)
            except ChatError as refusal:
                refused[user_id] = refusal.code
            else:
                removing.append(target)
        gone = [target.user for target in removing]
        for target in removing:
            _remove_member(target)
        if gone:
            known = selectors.removed_among(room, gone)
            Removal.objects.bulk_create([Removal(room=room, user=user) for user in gone if user.pk not in known])
            _renew_code(room)
            for user in gone:
                on_commit(partial(events.removed, room, user, by=by))
            post_system_message(room, by=by, action="removed", people=gone)
        return Many(membership, gone, refused)

    return run_atomic(body)


def _add_by(by: User, room: Room, newcomers: list[User]) -> None:
    """Add people who let the user add them, and tell it."""
    if not selectors.is_charged_to(by, room):
        rules.require_group_capacity(selectors.groups_charged_to(by))
    _add_members(room, newcomers, by=by)
    on_commit(lambda: events.welcomed(room, *newcomers))
    post_system_message(room, by=by, action="invited", people=newcomers)


def _renew_code(room: Room) -> None:
    """Make a known code worthless, whoever has it. Its limits go on."""
    if room.invite_code:
        room.invite_code = _new_code()
        room.save(update_fields=["invite_code"])


def _new_code() -> str:
    return secrets.token_urlsafe(12)


def note_recall(room: Room, *, seq: int, sender_id: UUID) -> None:
    """Nobody has this message unread any more; in the caller's transaction, with the room locked."""
    Recall.objects.create(room=room, seq=seq, sender_id=sender_id)
    # From now on it counts as recalled, for those who had deleted it for themselves, too.
    hiding = list(Hidden.objects.filter(membership__room=room, seq=seq).values_list("membership_id", flat=True))
    if hiding:
        others = Membership.objects.filter(pk__in=hiding).exclude(user_id=sender_id)
        others.filter(read_seq__lt=seq).update(own_since_read=F("own_since_read") - 1)
        others.filter(read_seq__gte=seq, back_seq__lt=seq).update(unread_again=F("unread_again") + 1)


def note_hidden(membership: Membership, messages: Sequence[tuple[int, UUID]], *, unread: Collection[int]) -> None:
    """The member has deleted these messages, (seq, id), for themselves, of which these were unread.

    In the caller's transaction, with room and membership locked.
    """
    rules.require_hiding_capacity(membership, len(messages))
    count = membership.hidden_count or 0
    Hidden.objects.bulk_create(
        Hidden(membership=membership, seq=seq, number=count + place, message_id=message_id)
        for place, (seq, message_id) in enumerate(messages, 1)
    )
    membership.hidden_count = count + len(messages)
    membership.hidden_seq = max(membership.hidden_seq or 0, *(seq for seq, _ in messages))
    membership.own_since_read += sum(seq > membership.read_seq for seq in unread)
    membership.unread_again -= sum(seq <= membership.read_seq for seq in unread)
    membership.save(update_fields=["hidden_count", "hidden_seq", "own_since_read", "unread_again"])


def dissolve(*, by: User, group_id: UUID) -> Room:
    """Dissolve a group: it ends for everyone."""

    def body() -> Room:
        membership = selectors.locked_membership(by, group_id)
        rules.require_owner(membership)
        return _dissolve(membership.room)

    return run_atomic(body)


def shut_down(*, group_id: UUID) -> Room:
    """Dissolve a group as an operator, without being a member."""
    return run_atomic(lambda: _dissolve(selectors.locked_group(group_id)))


def delete_dissolved(room_id: UUID) -> None:
    """Delete the row of a dissolved group whose messages are gone."""
    run_atomic(lambda: Room.objects.filter(pk=room_id).exclude(dissolved_at=None).delete())


# Staff ----------------------------------------------------------------------------------------------------------------


def open_for_staff(*, by: User, room_id: UUID, reason: str) -> StaffAccess:
    """Let a member of the staff read a chat for STAFF_ACCESS_MINUTES. It is logged, and the chat has a line about it.

    Raises Forbidden, Invalid, NotFound.
    """
    reason = rules.require_may_open(by, reason)

    def body() -> StaffAccess:
        room = selectors.locked_room(room_id)
        access = StaffAccess.objects.create(
            room=room,
            chat=selectors.titles([room])[room.pk][:200],
            by=by,
            by_name=by.name,
            reason=reason,
            until=now() + timedelta(minutes=settings.STAFF_ACCESS_MINUTES),
        )
        if room.dissolved_at is None:
            post_system_message(room, by=by, action="opened")
        return access

    return run_atomic(body)


def update_as_staff(*, by: User, group_id: UUID, **changes: str | int) -> Room:
    """Change `name` or `join_policy` of a group, or empty its texts or its `avatar`, without being a member."""

    def body() -> Room:
        room = selectors.locked_group(group_id)
        return _change(Membership(room=room, user=by), by, changes).room

    return run_atomic(body)


def remove_as_staff(*, by: User, group_id: UUID, user_id: UUID) -> Room:
    """Remove a member, as its admins do. An owner goes only after there is another one."""

    def body() -> Room:
        room = selectors.locked_group(group_id)
        target = selectors.other_membership(room, user_id)
        if target.is_owner:
            raise Conflict(_("Name another owner first."), code="last_owner")
        _remove_member(target)
        Removal.objects.get_or_create(room=room, user_id=user_id)
        _renew_code(room)
        on_commit(lambda: events.removed(room, target.user, by=by))
        post_system_message(room, by=by, action="removed", people=[target.user])
        return room

    return run_atomic(body)


def set_role_as_staff(*, by: User, group_id: UUID, user_id: UUID, role: str) -> Room:
    """Make a member an admin or a member; `owner` names a new owner, and the one before becomes an admin."""

    def body() -> Room:
        room = selectors.locked_group(group_id)
        target = selectors.other_membership(room, user_id)
        if target.role == role:
            return room
        if role == Membership.Role.OWNER:
            _name_owner(room, target, before=Membership.Role.ADMIN)
            post_system_message(room, by=by, action="named_owner", people=[target.user])
        else:
            if target.is_owner:
                raise Conflict(_("Name another owner first."), code="last_owner")
            target.role = role
            target.save(update_fields=["role"])
            post_system_message(room, by=by, action="role", people=[target.user], role=role)
        on_commit(lambda: events.updated(room))
        return room

    return run_atomic(body)


def pass_on_groups(user: User) -> None:
    """Give the groups of an owner who is gone to the eldest admin, or else the eldest member, and take back their
    requests to join others.

    In the caller's transaction. A group in which nobody else is left keeps its owner.
    """
    for group_id in selectors.asked_groups(user):
        room = selectors.locked_group(group_id)
        end_requests(room, [one for one in selectors.waiting_requests(room) if one.user_id == user.pk], "withdrawn")
    for group_id in selectors.owned_groups(user):
        room = selectors.locked_group(group_id)
        heir = selectors.heir(room, user)
        if heir is not None:
            _name_owner(room, heir, before=Membership.Role.MEMBER)
            post_system_message(room, by=heir.user, action="inherited", people=[user])
            on_commit(partial(events.updated, room))


def _name_owner(room: Room, owner: Membership, *, before: str) -> None:
    room.memberships.filter(role=Membership.Role.OWNER).update(role=before)
    owner.role = Membership.Role.OWNER
    owner.save(update_fields=["role"])
    if room.offered_to_id is not None:
        room.offered_to = None
        room.save(update_fields=["offered_to"])


def _dissolve(room: Room) -> Room:
    user_ids = list(room.memberships.values_list("user_id", flat=True))
    room.memberships.all().delete()
    JoinRequest.objects.filter(room=room).delete()
    avatars.delete_unused(room.avatar)
    room.dissolved_at, room.member_count, room.invite_code, room.avatar = now(), 0, "", ""
    room.offered_to = room.description = room.announcement = room.join_requests = None
    room.save(
        update_fields=[
            *("dissolved_at", "member_count", "invite_code", "avatar", "offered_to", "description", "announcement"),
            "join_requests",
        ]
    )
    on_commit(lambda: memberships_changed(user_ids))
    on_commit(lambda: events.dissolved(room, user_ids))
    return room


def _newcomers(room: Room, user_ids: Iterable[UUID], *, by: User) -> list[User]:
    """Those of the users who are not members yet.

    Raises NotFound when one of them does not exist, or `by` cannot see them.
    """
    wanted = list(dict.fromkeys(user_ids))
    found = _visible(wanted, by=by)
    if len(found) != len(wanted):
        raise NotFound(_("Somebody you named does not exist."))
    members = selectors.members_among(room, wanted)
    return [user for user in found.values() if user.pk not in members]


def _visible(wanted: list[UUID], *, by: User) -> dict[UUID, User]:
    """Those of these people who exist, are active, and may be seen by the user, in the order that is given."""
    found = people.by_ids(wanted)
    contacts = selectors.sharing(by.pk, wanted) if sees_only_contacts(by) else set(wanted)
    return {one: found[one] for one in wanted if one in found and found[one].is_active and one in contacts}


def _refusing(by: User, newcomers: list[User]) -> list[User]:
    """Those who do not let `by` put them into groups."""
    asking = [user.pk for user in newcomers if user.addable_by == User.AddableBy.KNOWN]
    known = find_correspondents(by, asking) if asking else set()
    return [user for user in newcomers if not rules.is_addable(user, known=user.pk in known)]


def _add_members(room: Room, users: list[User], *, by: User | None = None) -> list[Membership]:
    """Add members with their read cursor at the room's end: earlier messages are not unread, and are there if the group
    lets new members see them.

    `by` put them there; without it they came by themselves.
    """
    cursor: dict[str, Any] = {"read_seq": room.last_seq, "system_lines_read": room.system_lines}
    if room.history_policy == Room.HistoryPolicy.JOINED and room.last_seq:
        cursor["from_seq"] = room.floor_seq = room.last_seq
    memberships = [Membership(room=room, user=user, added_by=by, **cursor) for user in users]
    Membership.objects.bulk_create(memberships)
    on_commit(lambda: memberships_changed([user.pk for user in users]))
    room.member_count += len(memberships)
    room.save(update_fields=["member_count", "floor_seq"])
    if room.join_requests:
        ids = {user.pk for user in users}
        end_requests(room, [one for one in selectors.waiting_requests(room) if one.user_id in ids], "accepted")
    return memberships


def end_requests(room: Room, requests: Sequence[JoinRequest], state: str) -> None:
    """Requests to join a locked group are answered, or taken back: the rows are gone, and those concerned are told."""
    if not requests:
        return
    JoinRequest.objects.filter(pk__in=[one.pk for one in requests]).delete()
    tell_requests(room, requests, state)


def tell_requests(room: Room, requests: Sequence[JoinRequest], state: str) -> None:
    """Count those who ask to join a locked group anew, and tell what became of these."""
    room.join_requests = selectors.requests_waiting(room) or None
    room.save(update_fields=["join_requests"])
    admins = selectors.admins(room)
    for one in requests:
        on_commit(partial(events.request_changed, room, one, state, admins))


def _remove_member(membership: Membership) -> None:
    room, user_id = membership.room, membership.user_id
    membership.delete()
    on_commit(lambda: memberships_changed([user_id]))
    room.member_count -= 1
    if room.offered_to_id == membership.user_id:
        room.offered_to = None
    room.save(update_fields=["member_count", "offered_to"])
