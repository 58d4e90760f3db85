"""Permissions and limits in a group. Each rule raises the error for the client."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.names import clean_title, name_key, require_not_reserved
from accounts.rules import sees_only_contacts
from chatproject.core.errors import ChatError, Conflict, Forbidden, Invalid, NameLooksTaken, NotFound, RateLimited
from chatproject.core.times import now
from groups import selectors
from groups.models import Membership, Room
from moderation.models import Place
from moderation.services import require_decent_name, require_decent_text

#: Members of a group, also named in one request; groups that one user is in by their own doing or
#: has put others into.
MEMBERS_MAX = 2000
GROUPS_MAX = 500
#: Letters, and characters, of the reason for which staff open a private chat.
REASON_MIN, REASON_MAX = 5, 500
#: Pinned chats of a user.
PINS_MAX = 20
#: Messages of one chat that a member deletes for themselves.
HIDDEN_MAX = 10_000
#: Names that a refusal lists.
NAMED_MAX = 5
#: Codes of refusals that are also told of single people.
GROUP_FULL, NOT_ADDABLE = "group_full", "not_addable"
#: People whom one request adds or removes, with an answer for each of them.
MANY_MAX = 100
#: Characters of what a group is about, and of its announcement; seconds between two messages of one member.
DESCRIPTION_MAX, ANNOUNCEMENT_MAX, SLOW_MAX = 1000, 500, 86_400
#: Characters of what somebody writes who asks to join; people who ask one group, and groups that one person asks.
NOTE_MAX, REQUESTS_MAX, REQUESTS_EACH = 300, 500, 20
#: How long somebody who was refused waits before they ask again.
REFUSED_FOR = timedelta(days=1)
#: Seconds that a refusal for slow mode asks to wait at least.
WAIT_MIN = 0.1


def require_admin(membership: Membership) -> None:
    if not membership.is_admin:
        raise Forbidden(_("Only the group's owner and administrators may do this."))


def require_owner(membership: Membership) -> None:
    if not membership.is_owner:
        raise Forbidden(_("Only the group's owner may do this."))


def require_invite(membership: Membership) -> None:
    """Invite: every member of an open group, the admins of any other."""
    if membership.room.join_policy != Room.JoinPolicy.OPEN:
        require_admin(membership)


class WritingClosed(Forbidden):
    code = "posting_closed"
    title = _("Only the group’s owner and administrators write here.")


class SlowMode(RateLimited):
    """A group's own limit: so many seconds between two messages of one member."""

    code = "slow_mode"
    title = _("This group is in slow mode: wait before you write again.")


def require_may_write(membership: Membership) -> None:
    """Write: every member, or only the owner and administrators, as the group says."""
    if not membership.may_write:
        raise WritingClosed()


def require_turn(membership: Membership, messages: int = 1) -> None:
    """Raise SlowMode if a member has to wait before so many messages."""
    if wait := _wait(membership, messages):
        raise SlowMode(retry_after=wait)


def _wait(membership: Membership, messages: int) -> float:
    slow = membership.slow_seconds
    if not slow:
        return 0
    since = now().timestamp() - (membership.said_ms or 0) / 1000
    return max(0, slow - since) or (slow if messages > 1 else 0)


def refusal_to_write(membership: Membership) -> ChatError:
    """Why a message of a member was not taken."""
    if not membership.may_write:
        return WritingClosed()
    return SlowMode(retry_after=max(WAIT_MIN, _wait(membership, 1)))


def require_removal(by: Membership, target: Membership) -> None:
    """Remove a member: admins; an admin: only the owner. Nobody removes themselves."""
    require_admin(by)
    if target.user_id == by.user_id:
        raise Conflict(_("Leave the group instead."))
    if target.is_admin and not by.is_owner:
        raise Forbidden(_("Only the owner may remove an administrator."))


def require_leave(membership: Membership) -> None:
    """Leave: everyone but an owner with members left, so that every group keeps an owner."""
    if membership.is_owner and membership.room.member_count > 1:
        raise Conflict(_("Hand the group over to somebody else first."), code="last_owner")


def require_join(room: Room, *, by: User, invite_code: str, was_removed: bool) -> None:
    """Join: an open group, any group with its invitation code; never one that the user was removed from.

    Where the group decides whom it takes, a code is its decision.

    A guest who sees only contacts sees no open groups either.

    A code may have been shown to every member, and a removal is the admins' decision.
    """
    is_invited = room.accepts_code(invite_code)
    if not is_invited and not (room.is_findable and not sees_only_contacts(by)):
        raise NotFound()
    if invite_code and not is_invited:
        raise Forbidden(_("This invitation is no longer valid."), code="invite_invalid")
    if was_removed:
        raise Removed()
    if room.join_policy == Room.JoinPolicy.APPROVAL and not is_invited:
        raise Forbidden(_("Ask to join: this group decides whom it takes."), code="approval_needed")


class Removed(Forbidden):
    code = "removed"
    title = _("You were removed from this group. Only its administrators add you again.")


def require_ask(room: Room, *, by: User, was_removed: bool) -> None:
    """Ask to join: a group that decides whom it takes, and has not removed the user."""
    if not room.is_findable or sees_only_contacts(by):
        raise NotFound()
    if room.join_policy == Room.JoinPolicy.OPEN:
        raise Conflict(_("This group is open: join it."), code="open")
    if was_removed:
        raise Removed()


def require_ask_again(refused_at: datetime) -> None:
    """Ask again after a refusal: when REFUSED_FOR is over."""
    if now() < refused_at + REFUSED_FOR:
        raise Forbidden(_("You were refused. Ask again tomorrow."), code="request_refused")


def require_request_capacity(*, of_group: int, of_user: int) -> None:
    if of_group >= REQUESTS_MAX:
        raise Conflict(_("Too many people ask to join this group. Try again later."), code="requests_full")
    if of_user >= REQUESTS_EACH:
        said = _("You ask to join %(count)d groups. Take one back first.") % {"count": REQUESTS_EACH}
        raise Conflict(said, code="too_many_requests")


def require_group_capacity_of(charged: int) -> None:
    """`require_group_capacity`, as it is told to who lets somebody else in."""
    if charged >= GROUPS_MAX:
        raise Conflict(_("They are in too many groups."), code="too_many_groups")


def require_may_open(by: User, reason: str) -> str:
    """Open a chat that is not one's own, as staff: with a reason, which is returned as it is kept."""
    if not (by.is_staff and by.has_perm("groups.add_staffaccess")):
        raise Forbidden()
    reason = " ".join(reason.split())
    # In letters that can be seen: five invisible characters were a reason, too.
    if sum(character.isalnum() for character in name_key(reason)) < REASON_MIN:
        raise Invalid(errors={"reason": [_("Say why, so that others can judge it later.")]})
    return reason[:REASON_MAX]


def require_capacity(room: Room, newcomers: int) -> None:
    if room.member_count + newcomers > MEMBERS_MAX:
        raise Conflict(_("The group is full."), code=GROUP_FULL)


def require_group_capacity(charged: int) -> None:
    """One more group that counts against the user: entered by themselves, or filled with others.

    A group into which somebody else put them does not: nobody can use up another's groups.
    """
    if charged >= GROUPS_MAX:
        raise Conflict(_("You are in too many groups."), code="too_many_groups")


def is_addable(user: User, *, known: bool) -> bool:
    """Whether a user lets the caller put them into groups. `known`: they have written to the caller."""
    return user.addable_by == User.AddableBy.EVERYONE or (user.addable_by == User.AddableBy.KNOWN and known)


def require_addable(refusing: Sequence[User]) -> None:
    """Put people into a group: only if nobody of them refuses."""
    if refusing:
        names = ", ".join(user.name for user in refusing[:NAMED_MAX])
        raise Forbidden(
            _("%(names)s: cannot be added by you. Send them the invitation instead.") % {"names": names},
            code=NOT_ADDABLE,
        )


def clean_name(name: str, *, by: User) -> str:
    """Normalise the name of a group. Raises Invalid where it deceives the eye, or speaks for the installation and
    `by` is not staff.
    """
    name = clean_title(name)
    if not by.is_staff:
        require_not_reserved(name)
    require_decent_name(name, by=by, place=Place.GROUP_NAME)
    if selectors.group_looks_taken(by, name):
        raise NameLooksTaken()
    return name


def clean_text(text: str, *, by: User, field: str) -> str:
    """A text about a group without the blanks around it. Raises TextRefused where a word list says so."""
    text = text.replace("\r\n", "\n").strip()
    require_decent_text(text, by=by, place=Place.GROUP_TEXT, field=field)
    return text


def require_pin_capacity(pins: int) -> None:
    if pins >= PINS_MAX:
        raise Conflict(_("You can pin %(count)d chats. Unpin one first.") % {"count": PINS_MAX}, code="too_many_pins")


def require_hiding_capacity(membership: Membership, more: int) -> None:
    if (membership.hidden_count or 0) + more > HIDDEN_MAX:
        raise Conflict(
            _("You can delete %(count)d messages of a chat for yourself.") % {"count": HIDDEN_MAX},
            code="too_many_hidden",
        )
