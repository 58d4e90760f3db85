"""Every query for rooms and memberships. A user finds only their own rooms."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from operator import itemgetter
from struct import Struct
from typing import Any, NamedTuple, Self, TypeVar
from uuid import UUID

from django.db.models import Case, F, IntegerField, Q, QuerySet, When
from django.db.models.functions import Coalesce

from accounts.models import User
from accounts.names import name_key
from accounts.rules import sees_only_contacts
from chatproject.core.db import bulk
from chatproject.core.db.queries import containing, page
from chatproject.core.db.rows import Columns, parts
from chatproject.core.errors import NotFound
from chatproject.core.files.avatars import ADDRESS
from chatproject.core.text import Wanted
from chatproject.core.times import now
from groups.models import (
    Departure,
    Hidden,
    JoinRequest,
    Membership,
    Mention,
    Recall,
    Removal,
    Room,
    StaffAccess,
    direct_room_id,
    name_skeletons,
)

AnyRow = TypeVar("AnyRow", bound=Sequence[Any])

_GROUPS = Room.objects.filter(kind=Room.Kind.GROUP, dissolved_at=None)
#: In front of the id of a group that the member is away from: `seats_of_many`.
AWAY = "~"
#: Of groups that everybody may know of.
_FINDABLE = Q(join_policy__in=(Room.JoinPolicy.OPEN.value, Room.JoinPolicy.APPROVAL.value))


def membership(user: User, group_id: UUID) -> Membership:
    """A user's membership in a group, with the room. Raises NotFound for non-members."""
    found = (
        Membership.objects.select_related("room")
        .filter(room_id=group_id, user=user, room__kind=Room.Kind.GROUP)
        .first()
    )
    if found is None:
        raise NotFound()
    return found


def visible_group(user: User, group_id: UUID) -> Room:
    """A group that the user is in, or may join without an invitation. Raises NotFound."""
    room = _GROUPS.filter(pk=group_id).first()
    if room is None:
        raise NotFound()
    is_open = room.join_policy == Room.JoinPolicy.OPEN and not sees_only_contacts(user) and not was_removed(room, user)
    if not is_open and not Membership.objects.filter(room=room, user=user).exists():
        raise NotFound()
    return room


def locked_membership(user: User, group_id: UUID) -> Membership:
    """Like `membership`, with room and membership locked until the transaction ends."""
    room = locked_group(group_id)
    found = Membership.objects.select_for_update().filter(room=room, user=user).first()
    if found is None:
        raise NotFound()
    found.room, found.user = room, user
    return found


def locked_group(group_id: UUID) -> Room:
    room = _GROUPS.select_for_update().filter(pk=group_id).first()
    if room is None:
        raise NotFound()
    return room


def locked_room(room_id: UUID) -> Room:
    """Any room, locked until the transaction ends."""
    room = Room.objects.select_for_update().filter(pk=room_id).first()
    if room is None:
        raise NotFound()
    return room


def locked_rooms(room_ids: Iterable[UUID]) -> dict[UUID, Room]:
    """Rooms by id, locked until the transaction ends, in the order of their ids: two orders could deadlock."""
    return {room.pk: room for room in Room.objects.select_for_update().filter(pk__in=list(room_ids)).order_by("pk")}


def other_membership(room: Room, user_id: UUID) -> Membership:
    """The membership of any user in a room, with the user. Raises NotFound."""
    found = Membership.objects.select_related("user").filter(room=room, user_id=user_id).first()
    if found is None:
        raise NotFound()
    found.room = room
    return found


def members_among(room: Room, user_ids: Collection[UUID]) -> set[UUID]:
    """Those of these users who are members of a group."""
    if not user_ids:
        return set()
    return set(Membership.objects.filter(room=room, user__in=user_ids).values_list("user_id", flat=True))


def memberships_among(room: Room, user_ids: Collection[UUID]) -> dict[UUID, Membership]:
    """The memberships of those of these users who are members of a group, with the users, by their ids."""
    found = {one.user_id: one for one in Membership.objects.select_related("user").filter(room=room, user__in=user_ids)}
    for one in found.values():
        one.room = room
    return {user_id: found[user_id] for user_id in user_ids if user_id in found}


def owner_membership(room: Room) -> Membership:
    """The membership of a group's owner, with the user. Raises NotFound for a group without one."""
    found = Membership.objects.select_related("user").filter(room=room, role=Membership.Role.OWNER).first()
    if found is None:
        raise NotFound()
    found.room = room
    return found


def groups_charged_to(user: User) -> int:
    """The number of groups that a user entered by themselves, or put others into."""
    charged = Membership.objects.filter(room__kind=Room.Kind.GROUP).filter(_charged(user))
    return charged.values("room_id").distinct().count()


def is_charged_to(user: User, room: Room) -> bool:
    """Whether this group is among those that `groups_charged_to` counts."""
    return Membership.objects.filter(room=room).filter(_charged(user)).exists()


def _charged(user: User) -> Q:
    return Q(user=user, added_by=None) | Q(added_by=user)


def direct_membership(user: User, other_id: UUID) -> Membership | None:
    """A user's membership in the private chat with another, None before its first message."""
    return (
        Membership.objects.select_related("room").filter(room_id=direct_room_id(user.pk, other_id), user=user).first()
    )


def blank_membership(user: User, other: User) -> Membership:
    """A user's membership in a private chat that has not begun: a row that is not stored."""
    room = Room(pk=direct_room_id(user.pk, other.pk), kind=Room.Kind.DIRECT)
    return Membership(room=room, user=user, peer=other)


def chat_membership(user: User, chat_id: UUID, *, is_group: bool) -> Membership:
    """A user's membership in a chat, by the id that clients use: the group's, or the other
    person's.

    Raises NotFound; a private chat begins with its first message.
    """
    found = membership(user, chat_id) if is_group else direct_membership(user, chat_id)
    if found is None:
        raise NotFound()
    found.user = user
    return found


def pin_count(user: User) -> int:
    """The number of chats that a user has pinned."""
    return Membership.objects.filter(user=user, pinned_at__isnull=False).count()


#: In the order in which a group lists its members.
_RANKS = (Membership.Role.OWNER, Membership.Role.ADMIN, Membership.Role.MEMBER)


class Seat(NamedTuple):
    """A place in the list of a group's members: the page after it begins there, also if its member has left."""

    rank: int
    membership_id: UUID

    @classmethod
    def of(cls, membership: Membership) -> "Seat":
        return cls(_RANKS.index(Membership.Role(membership.role)), membership.pk)

    @classmethod
    def read(cls, text: str) -> "Seat":
        """The opposite of `str`. Raises ValueError."""
        rank, _, membership_id = text.partition(".")
        return cls(int(rank), UUID(membership_id))

    def __str__(self) -> str:
        return f"{self.rank}.{self.membership_id}"


def members(
    room_id: UUID, *, search: str = "", after: Seat | None = None, limit: int | None = None
) -> list[Membership]:
    """The members of a group with their users, owner and admins first, then by the time they joined: ids grow with it.

    Those with `search` in their names, after `after`, at most `limit`. One query; for a search two where the database
    does not fold texts.
    """
    found: QuerySet[Membership] = Membership.objects.filter(room_id=room_id)
    if wanted := Wanted(search, by_sound=True):
        found = containing(found, "user__name", wanted)
    rank = Case(*(When(role=role, then=number) for number, role in enumerate(_RANKS)), output_field=IntegerField())
    seats = found.annotate(rank=rank).order_by("rank", "pk")
    if after is not None:
        seats = seats.filter(Q(rank__gt=after.rank) | Q(rank=after.rank, pk__gt=after.membership_id))
    return list(seats.select_related("user")) if limit is None else page(seats[:limit], "user")


def group_memberships(user: User) -> list[Membership]:
    """A user's memberships in groups, the most recently active first."""
    return list(
        Membership.objects.select_related("room")
        .filter(user=user, room__kind=Room.Kind.GROUP)
        .order_by("-room__last_at", "room_id")
    )


def readable_by_staff(by: User, room_ids: Collection[UUID]) -> set[UUID]:
    """Those of these rooms whose messages a member of the staff may read now: open groups, their own chats, and those
    that they have opened with a reason, for a while. Three queries.
    """
    is_open = Room.objects.filter(pk__in=room_ids, kind=Room.Kind.GROUP, join_policy=Room.JoinPolicy.OPEN)
    opened = StaffAccess.objects.filter(room__in=room_ids, by=by, until__gt=now())
    mine = Membership.objects.filter(room__in=room_ids, user=by)
    return {
        *is_open.values_list("pk", flat=True),
        *opened.values_list("room_id", flat=True),
        *mine.values_list("room_id", flat=True),
    }


def opened_by(by: User) -> list[UUID]:
    """The rooms that a member of the staff has opened to read, and still may."""
    opened = StaffAccess.objects.filter(by=by, until__gt=now(), room__isnull=False)
    return list(opened.values_list("room_id", flat=True))


def opened_until(by: User, room_id: UUID) -> datetime | None:
    """Until when a member of the staff may read this chat for the reason that they gave."""
    found = StaffAccess.objects.filter(room=room_id, by=by, until__gt=now()).order_by("-until").first()
    return found.until if found else None


def titles(rooms: Iterable[Room]) -> dict[UUID, str]:
    """What people call these rooms: a group by its name, a private chat by its two people. One query."""
    rooms = list(rooms)
    direct = [room.pk for room in rooms if room.is_direct]
    names: dict[UUID, list[str]] = {}
    if direct:
        found = Membership.objects.filter(room__in=direct).order_by("pk").values_list("room_id", "user__name")
        for room_id, name in found:
            names.setdefault(room_id, []).append(name)
    return {room.pk: " – ".join(names.get(room.pk, [])) or str(room) for room in rooms}


def owned_groups(user: User) -> list[UUID]:
    """The living groups that a user owns."""
    mine = Membership.objects.filter(user=user, role=Membership.Role.OWNER, room__kind=Room.Kind.GROUP)
    return list(mine.filter(room__dissolved_at=None).values_list("room_id", flat=True))


def heir(room: Room, but: User) -> Membership | None:
    """Who owns a group when its owner is gone: the eldest admin, or else the eldest member."""
    others = room.memberships.select_related("user").exclude(user=but).filter(user__is_active=True)
    admins = others.filter(role=Membership.Role.ADMIN)
    return admins.order_by("joined_at", "pk").first() or others.order_by("joined_at", "pk").first()


def sharing(user_id: UUID, among: Collection[UUID]) -> set[UUID]:
    """Those of these users who share a chat with the user, and the user. One query."""
    mine = Membership.objects.filter(user_id=user_id).values("room_id")
    found = Membership.objects.filter(user_id__in=list(among), room_id__in=mine).values_list("user_id", flat=True)
    return {*found.distinct(), *({user_id} & set(among))}


class Invitation(NamedTuple):
    room: Room
    by: User | None


def invitation(group_id: UUID, code: str, *, by: UUID | None = None) -> Invitation | None:
    """The group into which a code lets people; `by` names the member who invites, if they are one."""
    room = _GROUPS.filter(pk=group_id).first()
    if room is None or not room.accepts_code(code):
        return None
    inviting = Membership.objects.select_related("user").filter(room=room, user=by, user__is_active=True).first()
    return Invitation(room, inviting.user if by and inviting else None)


def is_member(user: User, group_id: UUID) -> bool:
    return Membership.objects.filter(user=user, room_id=group_id).exists()


def listed_groups(
    user: User, *, search: str = "", after: UUID | None = None, limit: int = 50, only_own: bool = False
) -> list[Room]:
    """The groups a user may see, their own and those that everybody may find and did not remove them, newest first.

    `after` is the last one of the page before.
    """
    return list(_listed_groups(user, search, after, only_own)[:limit])


def end_of_listed_groups(
    user: User, count: int, *, search: str = "", after: UUID | None = None, only_own: bool = False
) -> UUID | None:
    """The id of the last of `count` groups; None if there are no more than these."""
    ids = list(_listed_groups(user, search, after, only_own).values_list("pk", flat=True)[count - 1 : count + 1])
    return ids[0] if len(ids) == 2 else None


def _listed_groups(user: User, search: str, after: UUID | None, only_own: bool) -> QuerySet[Room]:
    mine = Membership.objects.filter(user=user, room__kind=Room.Kind.GROUP).values_list("room_id", flat=True)
    visible = Q(pk__in=list(mine))
    if not only_own:
        removed_from = Removal.objects.filter(user=user).values_list("room_id", flat=True)
        visible |= _FINDABLE & ~Q(pk__in=list(removed_from))
    rooms = _GROUPS.filter(visible)
    if after is not None:
        rooms = rooms.filter(pk__lt=after)
    if wanted := Wanted(search, by_sound=True):
        rooms = containing(rooms, "name", wanted)
    return rooms.order_by("-pk")


def group_looks_taken(user: User, name: str) -> bool:
    """Whether a group that the user may see has another name that looks like this one.

    Groups may have the same name.
    """
    mine = Membership.objects.filter(user=user).values("room_id")
    visible = _GROUPS.filter(_FINDABLE | Q(pk__in=mine))
    key = name_key(name)
    return any(
        name_key(one) != key
        for field, skeleton in name_skeletons(name).items()
        for one in visible.filter(**{field: skeleton}).values_list("name", flat=True).distinct()
    )


def avatars() -> set[str]:
    """The addresses of all generated avatars in use by groups."""
    return set(_GROUPS.filter(avatar__startswith=ADDRESS).values_list("avatar", flat=True))


def removed_among(room: Room, users: Iterable[User]) -> set[UUID]:
    """The ids of those users who were removed from a group."""
    return set(Removal.objects.filter(room=room, user__in=list(users)).values_list("user_id", flat=True))


def left_among(room: Room, users: Iterable[User]) -> set[UUID]:
    """The ids of those users who left a group by themselves and have not joined it again."""
    return set(Departure.objects.filter(room=room, user__in=list(users)).values_list("user_id", flat=True))


def was_removed(room: Room, user: User) -> bool:
    return Removal.objects.filter(room=room, user=user).exists()


# Asking to join -------------------------------------------------------------------------------------------------------


def join_request(room: Room, user_id: UUID) -> JoinRequest | None:
    """A user's request to join a group, waiting or refused, with the user."""
    found = JoinRequest.objects.select_related("user").filter(room=room, user_id=user_id).first()
    if found is not None:
        found.room = room
    return found


def join_requests(room: Room, *, limit: int, after: UUID | None = None) -> list[JoinRequest]:
    """A page of those who ask to join a group, with the users, the first one first."""
    waiting = JoinRequest.objects.filter(room=room, refused_at=None).order_by("pk")
    return page((waiting if after is None else waiting.filter(pk__gt=after))[:limit], "user")


def newest_request(room_id: UUID) -> JoinRequest | None:
    """The last one of those who ask to join a group, with the user."""
    waiting = JoinRequest.objects.select_related("user").filter(room=room_id, refused_at=None)
    return waiting.order_by("-pk").first()


def waiting_requests(room: Room) -> list[JoinRequest]:
    return list(JoinRequest.objects.select_related("user").filter(room=room, refused_at=None))


def requests_waiting(room: Room) -> int:
    return JoinRequest.objects.filter(room=room, refused_at=None).count()


def asked_groups(user: User) -> list[UUID]:
    """The living groups that a user asks to join."""
    mine = JoinRequest.objects.filter(user=user, refused_at=None, room__dissolved_at=None)
    return list(mine.values_list("room_id", flat=True))


def own_requests(user: User, rooms: Iterable[Room]) -> dict[UUID, JoinRequest]:
    """A user's requests to join some groups, by room. One query, and none where none of them decides whom it takes."""
    ids = [room.pk for room in rooms if room.join_policy == Room.JoinPolicy.APPROVAL]
    found = JoinRequest.objects.filter(user=user, room__in=ids) if ids else []
    return {one.room_id: one for one in found}


def admins(room: Room) -> list[UUID]:
    """The ids of a group's owner and administrators."""
    found = Membership.objects.filter(room=room).exclude(role=Membership.Role.MEMBER)
    return list(found.values_list("user_id", flat=True))


# Chat lists -----------------------------------------------------------------------------------------------------------


class Listed(NamedTuple):
    """A user's chat: their membership with its room and themselves, and in a private chat the other person's membership
    with that person; of a chat with oneself, one's own.
    """

    membership: Membership
    other: Membership | None


class ListPlace(NamedTuple):
    """Where a page of a chat list ends.

    The pinned chats come first. `pinned` are those that were on the pages so far: a chat that is unpinned meanwhile
    comes no second time. After them `at`, the moment and the room of the last chat; None among the pinned ones.
    """

    pinned: tuple[UUID, ...]
    at: tuple[int, UUID] | None

    @classmethod
    def read(cls, text: str) -> Self:
        """The opposite of `str`. Raises ValueError."""
        packed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if len(packed) < _AT.size:
            raise ValueError(text)
        moment, room = _AT.unpack_from(packed)
        pinned = (UUID(bytes=packed[start : start + 16]) for start in range(_AT.size, len(packed), 16))
        return cls(tuple(pinned), (moment, UUID(bytes=room)) if room != _NO_ROOM else None)

    def __str__(self) -> str:
        at = _AT.pack(self.at[0], self.at[1].bytes) if self.at else _AT.pack(0, _NO_ROOM)
        return urlsafe_b64encode(at + b"".join(one.bytes for one in self.pinned)).decode().rstrip("=")


#: Microseconds since 1970 and the id of a room.
_AT, _NO_ROOM = Struct(">q16s"), bytes(16)
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


class _Ordered(NamedTuple):
    """A chat in the order of the list. Id and time are as the database has them."""

    room_id: Any
    last_at: Any
    is_pinned: bool

    @property
    def moment(self) -> int:
        """When it moved last: microseconds since 1970."""
        return (bulk.time_of(self.last_at) - _EPOCH) // _MICROSECOND


def _list_order(user_id: UUID) -> list[_Ordered]:
    """A user's chats, the most recently active first. A private chat is there from its first message on. One query."""
    if bulk.speaks_sql():
        found = bulk.select_at_once(_ORDERED, _OWN_CHATS, [bulk.to_db_value(user_id), *_BEGUN])
        return _in_order(map(_Ordered._make, found), 0, 1)
    memberships = Membership.objects.filter(_HAS_BEGUN, user_id=user_id).order_by("-room__last_at", "room_id")
    rows = memberships.values_list("room_id", "room__last_at", "pinned_at")
    return [_Ordered(room_id, at, pinned_at is not None) for room_id, at, pinned_at in rows]


#: A private chat is there from its first message on.
_HAS_BEGUN = ~Q(room__kind=Room.Kind.DIRECT) | Q(room__last_seq__gt=0)
_BEGUN_SQL, _BEGUN = "(room.kind <> %s OR room.last_seq > 0)", (Room.Kind.DIRECT.value,)
_ORDERED = f"room._id, {bulk.unconverted_time('room.last_at')}, own.pinned_at IS NOT NULL"
_OWN_CHATS = f"""
    FROM groups_membership own JOIN groups_room room ON room._id = own.room_id
    WHERE own.user_id = %s AND {_BEGUN_SQL}
"""


def _in_order(chats: Iterable[AnyRow], room_id: int, last_at: int) -> list[AnyRow]:
    """Chats as they are listed, the most recently active first, by these two columns as the database has them."""
    return sorted(sorted(chats, key=itemgetter(room_id)), key=itemgetter(last_at), reverse=True)


def first_listed(user_id: UUID, count: int, *, also: UUID | None = None) -> tuple[list[UUID], bool]:
    """The rooms of a user's most recently active chats, of the pinned ones and `also`, and whether these are all. One
    query.
    """
    order = _list_order(user_id)
    opened = also and bulk.unconverted_id(also)
    shown = [
        bulk.id_of(one.room_id)
        for place, one in enumerate(order)
        if place < count or one.is_pinned or one.room_id == opened
    ]
    return shown, len(order) <= count


def list_page(user_id: UUID, *, limit: int, after: ListPlace | None) -> tuple[list[UUID], ListPlace | None]:
    """The rooms of a page of a user's chat list, the pinned ones first, and where it ends; None for the last page.

    What does not move between two pages is on one of them. Nothing is on two, and what moves may be on none. One query.
    """
    place = after or ListPlace((), None)
    order = _list_order(user_id)
    were_shown = set(map(bulk.unconverted_id, place.pinned))
    pinned = [one.room_id for one in order if one.is_pinned and one.room_id not in were_shown] if not place.at else []
    left_out = {*were_shown, *pinned}
    others = [one for one in order if one.room_id not in left_out]
    if place.at is not None:
        # They are in the order of the list, of which the place is a part.
        end = (-place.at[0], place.at[1])
        others = others[bisect_right(others, end, key=lambda one: (-one.moment, bulk.id_of(one.room_id))) :]
    page = list(map(bulk.id_of, [*pinned, *(one.room_id for one in others[:limit])][:limit]))
    if len(pinned) + len(others) <= limit:
        return page, None
    last = others[limit - len(pinned) - 1] if limit > len(pinned) else None
    at = (last.moment, bulk.id_of(last.room_id)) if last else place.at
    return page, ListPlace((*place.pinned, *map(bulk.id_of, pinned[:limit])), at)


def listed(user: User, room_ids: Collection[UUID] | None = None) -> list[Listed]:
    """A user's chats as their list shows them, the most recently active first: all that have begun, or those of some
    rooms. One query.

    Own SQL: of a thousand chats it takes a tenth of the time that the ORM takes.
    """
    if room_ids is not None and not room_ids:
        return []
    if not bulk.speaks_sql():
        return _listed_by_models(user, room_ids)
    among, ids = _among(room_ids)
    rest = f"{_OF_LISTED} WHERE own.user_id = %s AND {_BEGUN_SQL} {among}"
    found = bulk.select_at_once(_LISTED, rest, [bulk.to_db_value(user.pk), *_BEGUN, *ids])
    chats = [_listed(user, row) for row in _in_order(found, *_PLACES)]
    _skip_hidden_mentions(chat.membership for chat in chats)
    return chats


def _among(room_ids: Collection[Any] | None) -> tuple[str, list[Any]]:
    """The condition for chats of these rooms, with its values; none for all."""
    if room_ids is None:
        return "", []
    return f"AND own.room_id IN {bulk.marks(len(room_ids))}", list(map(bulk.to_db_value, room_ids))


def _listed(user: User, row: Sequence[Any]) -> Listed:
    recalled, mention = row[:2]
    own, of_room, of_other, of_person = (row[part] for part in _PARTS)
    room = _ROOM.made(of_room, related={})
    membership = _OWN.made(
        own, related={"room": room, "user": user}, user_id=user.pk, recalled_since_read=recalled, mention_seq=mention
    )
    if of_other[0] is None:
        return Listed(membership, None)
    if membership.peer_id == user.pk:
        return Listed(membership, membership)
    return Listed(
        membership, _OTHER.made(of_other, related={"room": room, "user": _PERSON.made(of_person, related={})})
    )


def _listed_by_models(user: User, room_ids: Collection[UUID] | None) -> list[Listed]:
    memberships = Membership.objects.with_recalled().with_mentions().select_related("room", "user").filter(_HAS_BEGUN)
    columns = (*(f"room__{name}" for name in _OF_ROOM), *(f"user__{name}" for name in _OF_PERSON))
    memberships = memberships.only(*_OF_MEMBERSHIP, *columns).filter(Q(user_id=user.pk) | Q(peer_id=user.pk))
    if room_ids is not None:
        memberships = memberships.filter(room_id__in=list(room_ids))
    found = list(memberships.order_by("-room__last_at", "room_id"))
    others = {one.room_id: one for one in found if one.peer_id == user.pk}
    chats = [Listed(one, others.get(one.room_id)) for one in found if one.user_id == user.pk]
    for one in chats:
        one.membership.user = user
    _skip_hidden_mentions(chat.membership for chat in chats)
    return chats


#: What the entries of a chat list are made of.
_OF_MEMBERSHIP = (
    "role",
    "read_seq",
    "system_lines_read",
    "own_since_read",
    "back_seq",
    "unread_again",
    "times_back",
    "away",
    "muted_until",
    "level",
    "pinned_at",
    "archived_said",
    "peer",
    "hidden_count",
    "hidden_seq",
    "closed_version",
    "said_ms",
    "from_seq",
)
_OF_ROOM = (
    "kind",
    "name",
    "avatar",
    "member_count",
    "last_seq",
    "system_lines",
    "last_version",
    "last_message_id",
    "last_at",
    "pins_json",
    "announcement",
    "announcement_version",
    "post_policy",
    "slow_seconds",
    "join_requests",
)
_OF_PERSON = (
    "name",
    "img",
    "is_guest",
    "is_staff",
    "is_active",
    "is_invisible",
    "last_active",
    "status_json",
    "status_until",
)
_OWN = Columns(Membership, "id", "room", *_OF_MEMBERSHIP)
_ROOM = Columns(Room, "id", *_OF_ROOM)
_OTHER = Columns(Membership, "id", "user", "read_seq")
_PERSON = Columns(User, "id", *_OF_PERSON)
#: Where the columns of each stand in a row.
_PARTS = parts(_OWN, _ROOM, _OTHER, _PERSON, first=2)
#: And where those by which the list is ordered.
_PLACES = _PARTS[1].start, _PARTS[1].start + 1 + _OF_ROOM.index("last_at")
_AFTER_CURSOR = """
    room_id = own.room_id AND seq > COALESCE(own.back_seq, own.read_seq) AND sender_id <> own.user_id
"""
#: Whether anything stands after the cursor. In most chats there is nothing, and no table is looked into for it.
_HAS_AFTER_CURSOR = "room.last_seq > COALESCE(own.back_seq, own.read_seq)"
_RECALLED = f"""
    CASE WHEN {_HAS_AFTER_CURSOR} THEN (SELECT COUNT(*) FROM groups_recall WHERE {_AFTER_CURSOR}) ELSE 0 END
"""  # noqa: S608 -- our own conditions
#: A row has the count of recalled messages after the cursor, the first unread mention, and the columns above.
_LISTED = f"""
    {_RECALLED},
    CASE WHEN {_HAS_AFTER_CURSOR} THEN
        (SELECT MIN(seq) FROM groups_mention WHERE {_AFTER_CURSOR} AND whom IN (own.user_id, own.room_id))
    END,
    {_OWN.of("own")}, {_ROOM.of("room")}, {_OTHER.of("other")}, {_PERSON.of("person")}
"""  # noqa: S608 -- our own conditions
_OF_LISTED = """
    FROM groups_membership own JOIN groups_room room ON room._id = own.room_id
    LEFT JOIN groups_membership other ON other.room_id = own.room_id AND other.user_id = own.peer_id
    LEFT JOIN accounts_user person ON person._id = other.user_id
"""


class ChatHead(NamedTuple):
    """The numbers of a user's chat that tell whether a client is behind. Ids are unconverted: `bulk.unconverted`."""

    room_id: Any
    peer_id: Any
    version: int
    hidden_count: int
    #: How many people ask to join, where the user may answer them.
    asking: int

    @property
    def chat_id(self) -> Any:
        return self.peer_id or self.room_id


def chat_heads(user_id: UUID) -> list[ChatHead]:
    """The heads of all chats of a user, without private ones that have not begun. One query."""
    if bulk.speaks_sql():
        rows = bulk.select_at_once(_HEADS, _OWN_CHATS, [bulk.to_db_value(user_id), *_BEGUN])
        return list(map(ChatHead._make, rows))
    found = Membership.objects.filter(_HAS_BEGUN, user_id=user_id).select_related("room")
    return [
        ChatHead(one.room_id, one.peer_id, one.room.last_version, one.hidden_count or 0, one.asking) for one in found
    ]


class SyncedChat(NamedTuple):
    """What a sync tells of a user's chat, beside its messages. Ids and times are as the database has them: of all chats
    objects of models would take longer than the sync.
    """

    pk: Any
    room_id: Any
    peer_id: Any
    hidden_count: int
    hidden_seq: int | None
    #: The member sees the messages after this `seq`.
    floor: int
    asking: int
    version: int
    last_at: Any
    pins_json: str | None
    sealed_announcement: str | None
    announcement_version: int | None
    post_policy: str | None
    slow_seconds: int | None

    @property
    def chat_id(self) -> Any:
        return self.peer_id or self.room_id

    @property
    def is_direct(self) -> bool:
        return self.peer_id is not None

    @property
    def pins(self) -> list[dict[str, Any]]:
        """The pinned messages that the member sees."""
        return [one for one in json.loads(self.pins_json) if one["seq"] > self.floor] if self.pins_json else []

    @property
    def announcement(self) -> str | None:
        return self.sealed_announcement and Room.opened_announcement(bulk.id_of(self.room_id), self.sealed_announcement)


def chats_to_sync(user_id: UUID, room_ids: Collection[Any] | None = None) -> list[SyncedChat]:
    """A user's chats, all that have begun or those of some rooms, the most recently active first. One query."""
    if room_ids is not None and not room_ids:
        return []
    if not bulk.speaks_sql():
        found = Membership.objects.select_related("room").filter(_HAS_BEGUN, user_id=user_id)
        if room_ids is not None:
            found = found.filter(room_id__in=list(room_ids))
        chats = list(map(_synced, found))
    else:
        among, ids = _among(room_ids)
        rows = bulk.select_at_once(_SYNCED, _OWN_CHATS + among, [bulk.to_db_value(user_id), *_BEGUN, *ids])
        chats = list(map(SyncedChat._make, rows))
    return _in_order(chats, SyncedChat._fields.index("room_id"), SyncedChat._fields.index("last_at"))


def _synced(membership: Membership) -> SyncedChat:
    room = membership.room
    own = (membership.pk, room.pk, membership.peer_id, membership.hidden_count or 0, membership.hidden_seq)
    rules = (room.announcement, room.announcement_version, room.post_policy, room.slow_seconds)
    more = (membership.floor, membership.asking, room.last_version, room.last_at, room.pins_json)
    return SyncedChat(*own, *more, *rules)


_ASKING_SQL = f"CASE WHEN own.role = '{Membership.Role.MEMBER.value}' THEN 0 ELSE COALESCE(room.join_requests, 0) END"
_HEADS = f"own.room_id, own.peer_id, room.last_version, COALESCE(own.hidden_count, 0), {_ASKING_SQL}"
_SYNCED = f"""
    own._id, own.room_id, own.peer_id, COALESCE(own.hidden_count, 0), own.hidden_seq, COALESCE(own.from_seq, 0),
    {_ASKING_SQL}, room.last_version, {bulk.unconverted_time("room.last_at")}, room.pins_json, room.announcement,
    room.announcement_version, room.post_policy, room.slow_seconds
"""


def _recency(membership: Membership) -> tuple[timedelta, UUID]:
    return _EPOCH - membership.room.last_at, membership.room_id


def _skip_hidden_mentions(memberships: Iterable[Membership]) -> None:
    """Correct those whose first unread mention is one that the member has deleted for themselves."""
    for one in memberships:
        if one.hidden_count and one.mention_seq is not None:
            hidden = hidden_seqs(one, first=one.mention_seq)
            if one.mention_seq in hidden:
                unread = Mention.objects.filter(room_id=one.room_id, whom__in=(one.user_id, one.room_id))
                others = unread.filter(seq__gt=one.cursor).exclude(sender_id=one.user_id)
                seqs = others.order_by("seq").values_list("seq", flat=True)
                one.mention_seq = next((seq for seq in seqs if seq not in hidden), None)


# Deleted for oneself --------------------------------------------------------------------------------------------------


def hidden_seqs(membership: "Membership | SyncedChat", *, first: int = 0, last: int | None = None) -> set[int]:
    """The messages in a range that a member has deleted for themselves. One query, and none where there are none."""
    if not membership.hidden_count or (membership.hidden_seq or 0) < first:
        return set()
    return hidden_in(membership.pk, first=first, last=last)


def hidden_in(membership_id: Any, *, first: int = 0, last: int | None = None) -> set[int]:
    """Like `hidden_seqs`, of a membership that is known to have some."""
    found = Hidden.objects.filter(membership_id=membership_id, seq__gte=first)
    if last is not None:
        found = found.filter(seq__lte=last)
    return set(found.values_list("seq", flat=True))


def hidden_since(membership: "Membership | SyncedChat", number: int) -> list[tuple[int, UUID]]:
    """(seq, message) of what a member has deleted for themselves after the first `number`."""
    found = Hidden.objects.filter(membership_id=membership.pk, number__gt=number).order_by("number")
    return list(found.values_list("seq", "message_id"))


def hidden_of(memberships: Collection["Membership | SeenRoom"]) -> set[UUID]:
    """The messages that these members have deleted for themselves. One query, and none where there are none."""
    hiding = [one.pk for one in memberships if one.hidden_count]
    if not hiding:
        return set()
    return set(Hidden.objects.filter(membership__in=hiding).values_list("message_id", flat=True))


def locked_memberships(user: User, room_ids: Iterable[UUID]) -> list[Membership]:
    """A user's memberships in rooms, both locked until the transaction ends."""
    found = locked_rooms(room_ids)
    mine = Membership.objects.select_for_update(of=("self",)).filter(user=user, room__in=list(found))
    memberships = list(mine.select_related("peer").order_by("room_id"))
    for one in memberships:
        one.room = found[one.room_id]
    return memberships


#: Whether anybody else has said anything since; it may be recalled.
_READ = F("read_seq") - F("system_lines_read") + F("own_since_read") - F("unread_again")
_BEHIND = Q(room__last_seq__gt=F("room__system_lines") + _READ)


def memberships_of_users(user_ids: Collection[UUID]) -> list[Membership]:
    """These users' memberships with their rooms, the most recently active first."""
    if not bulk.speaks_sql():
        memberships = Membership.objects.with_recalled().filter(user_id__in=user_ids).select_related("room")
        return list(memberships.order_by("-room__last_at", "room_id"))
    if not user_ids:
        return []
    rest = f"{_OF_COUNTED} WHERE own.user_id IN {bulk.marks(len(user_ids))}"
    found = bulk.select_at_once(_COUNTED, rest, list(map(bulk.to_db_value, user_ids)))
    made = []
    for recalled, *row in found:
        own, of_room = (row[part] for part in _COUNTED_PARTS)
        room = _ROOM_NUMBERS.made(of_room, related={})
        made.append(_OWN_NUMBERS.made(own, related={"room": room}, recalled_since_read=recalled))
    return sorted(made, key=_recency)


#: What unread counts are made of.
_OWN_NUMBERS = Columns(
    Membership,
    *("id", "room", "user", "peer", "read_seq", "system_lines_read", "own_since_read", "back_seq", "unread_again"),
    *("times_back", "hidden_count", "hidden_seq", "from_seq"),
)
_ROOM_NUMBERS = Columns(Room, "id", "kind", "last_seq", "system_lines", "last_version", "last_message_id", "last_at")
_COUNTED_PARTS = parts(_OWN_NUMBERS, _ROOM_NUMBERS)
_COUNTED = f"{_RECALLED}, {_OWN_NUMBERS.of('own')}, {_ROOM_NUMBERS.of('room')}"
_OF_COUNTED = "FROM groups_membership own JOIN groups_room room ON room._id = own.room_id"


def unread_totals(user_ids: Collection[UUID], among: Q) -> dict[UUID, int]:
    """The unread messages of each user in all their memberships `among` these; 0 may be absent."""
    behind = Membership.objects.with_recalled().filter(among, _BEHIND, user_id__in=user_ids).select_related("room")
    totals: dict[UUID, int] = {}
    for membership in behind:
        totals[membership.user_id] = totals.get(membership.user_id, 0) + membership.unread
    return totals


def own_rooms(user_id: UUID) -> dict[UUID, int]:
    """The ids of a user's rooms with their `last_seq`. One query."""
    return dict(Membership.objects.filter(user_id=user_id).values_list("room_id", "room__last_seq"))


class SeenRoom(NamedTuple):
    """What a search needs of a membership: objects of models for a thousand rooms would take longer than the search.

    Ids are as the database has them: `bulk.unconverted`.
    """

    pk: Any
    room_id: Any
    hidden_count: int | None
    #: The member sees the messages after this `seq`.
    floor: int


def seen_rooms(user_id: UUID) -> list[SeenRoom]:
    """All memberships of a user. One query."""
    if bulk.speaks_sql():
        numbers = "_id, room_id, hidden_count, COALESCE(from_seq, 0)"
        rest = "FROM groups_membership WHERE user_id = %s"
        return list(map(SeenRoom._make, bulk.select_at_once(numbers, rest, [bulk.to_db_value(user_id)])))
    columns = (bulk.unconverted("pk"), bulk.unconverted("room_id"), "hidden_count", Coalesce("from_seq", 0))
    rows: Any = Membership.objects.filter(user_id=user_id).values_list(*columns)
    return [SeenRoom(*row) for row in rows]


def seen_room_of(membership: Membership) -> SeenRoom:
    pk, room_id = bulk.unconverted_id(membership.pk), bulk.unconverted_id(membership.room_id)
    return SeenRoom(pk, room_id, membership.hidden_count, membership.floor)


def rooms_of(user_id: UUID) -> QuerySet[Membership, Any]:
    """The ids of a user's rooms, for `__in` of another query: as parameters a thousand take longer than that query."""
    return Membership.objects.filter(user_id=user_id).values("room_id")


def names_of(user_id: UUID) -> dict[Any, str]:
    """The names of a user's chats by their rooms, `bulk.unconverted`: the group's, or the other person's. One query."""
    if bulk.speaks_sql():
        rest = """
            FROM groups_membership own JOIN groups_room room ON room._id = own.room_id
            LEFT JOIN accounts_user peer ON peer._id = own.peer_id WHERE own.user_id = %s
        """
        named = bulk.select_at_once("own.room_id, room.name, peer.name", rest, [bulk.to_db_value(user_id)])
        return {room_id: name or other or "" for room_id, name, other in named}
    columns = (bulk.unconverted("room_id"), "room__name", "peer__name")
    memberships: Any = Membership.objects.filter(user_id=user_id).values_list(*columns)
    return {room_id: name or other or "" for room_id, name, other in memberships}


def versions(user_ids: Iterable[UUID]) -> dict[UUID, dict[UUID, int]]:
    """For each user the `last_version` of each of their chats, by the id that clients use.

    One query.
    """
    ids = set(user_ids)
    memberships = Membership.objects.filter(user_id__in=ids, room__last_version__gt=0)
    found: dict[UUID, dict[UUID, int]] = {user_id: {} for user_id in ids}
    columns = map(bulk.unconverted, ("user_id", "room_id", "peer_id"))
    rows: Any = memberships.values_list(*columns, "room__last_version")
    made = _Ids()
    for user_id, room_id, peer_id, version in rows:
        found[made[user_id]][made[peer_id or room_id]] = version
    return found


def contacts(user_id: UUID) -> list[UUID]:
    """The other users of a user's private chats."""
    return list(Membership.objects.filter(user_id=user_id, peer__isnull=False).values_list("peer_id", flat=True))


def memberships_of(user_id: UUID, room_ids: Sequence[UUID]) -> dict[UUID, Membership]:
    found = Membership.objects.select_related("room").filter(user_id=user_id, room_id__in=room_ids)
    return {membership.room_id: membership for membership in found}


def present_readers(room_id: UUID, seq: int) -> list[UUID]:
    """The members who see a message and are not away."""
    return list(_seeing(room_id, seq).filter(away=False).values_list("user_id", flat=True))


def sees(user_id: UUID, room_id: UUID, seq: int) -> bool:
    """Whether a member sees a message that was said before others joined."""
    return _seeing(room_id, seq).filter(user_id=user_id).exists()


def _seeing(room_id: UUID, seq: int) -> QuerySet[Membership]:
    return Membership.objects.filter(Q(from_seq=None) | Q(from_seq__lt=seq), room_id=room_id)


def memberships_to_read(user_id: UUID, room_ids: Sequence[UUID], *, is_group: bool) -> list[Membership]:
    """A user's memberships in some groups, or in some private chats, with room and peer; locked to
    move the cursor.

    The rooms are not locked: a message that is being committed, perhaps the user's own, may be
    missing from their `last_seq`.
    """
    kind = Room.Kind.GROUP if is_group else Room.Kind.DIRECT
    return list(
        Membership.objects.select_for_update(of=("self",))
        .select_related("room", "peer")
        .filter(user_id=user_id, room_id__in=room_ids, room__kind=kind)
        .order_by("room_id")  # in the same order as senders lock them
    )


def memberships_in_pages(size: int = 500) -> Iterator[list[Membership]]:
    """All memberships with their rooms and counts, in pages."""
    last: UUID | None = None
    memberships = Membership.objects.with_recalled().select_related("room").order_by("pk")
    while page := list((memberships if last is None else memberships.filter(pk__gt=last))[:size]):
        yield page
        last = page[-1].pk


def some_memberships(*, after: UUID | None, limit: int) -> list[Membership]:
    """Memberships in the order of their ids, with their rooms and counts."""
    memberships = Membership.objects.with_recalled().select_related("room").order_by("pk")
    return list((memberships if after is None else memberships.filter(pk__gt=after))[:limit])


def fresh_memberships(ids: Collection[UUID]) -> list[Membership]:
    """The memberships with these ids, with their rooms and counts."""
    return list(Membership.objects.with_recalled().select_related("room").filter(pk__in=ids))


def seats_of_many(user_ids: Collection[UUID]) -> dict[UUID, str]:
    """Per user, the ids of all their groups as one text, with spaces between them and AWAY before those that they are
    away from; users without any are absent. One query.

    As one text, because a crowd of users has millions of memberships, and most are only compared with what they were.

    Those of private chats, which have a peer, are left out with no condition: with a second one SQLite, which counts no
    rows, begins with all groups or all that have no peer, and of two million memberships read those of 30 users in 2 s.
    """
    if not bulk.speaks_sql():
        return _seats_by_orm(user_ids)
    seat = f"CASE WHEN away THEN '{AWAY}' ELSE '' END || CAST(room_id AS text)"
    users = {bulk.to_db_value(user_id): user_id for user_id in user_ids}
    found = bulk.select(
        f"""
        SELECT user_id, {bulk.joined(f"CASE WHEN peer_id IS NULL THEN {seat} END")} FROM groups_membership
        WHERE user_id IN {bulk.marks(len(users))} GROUP BY user_id
        """,  # noqa: S608
        list(users),
    )
    return {users[user_id]: text for user_id, text in found if text}


def _seats_by_orm(user_ids: Collection[UUID]) -> dict[UUID, str]:
    seats: defaultdict[UUID, list[str]] = defaultdict(list)
    memberships = Membership.objects.filter(user_id__in=list(user_ids), peer_id=None)
    for user_id, room_id, away in memberships.values_list("user_id", "room_id", "away"):
        seats[user_id].append(f"{AWAY if away else ''}{room_id}")
    return {user_id: " ".join(sorted(of)) for user_id, of in seats.items()}


class _Ids(dict[Any, UUID]):
    """UUIDs by what `bulk.unconverted` gives for them, so that each is made once."""

    def __missing__(self, raw: Any) -> UUID:
        self[raw] = made = bulk.id_of(raw)
        return made


class Cursors(NamedTuple):
    """Up to where the members of a room have read: the places, and how many members stand before each of them; and the
    places of those who were asked for by their ids, as the database driver returns them.
    """

    places: list[int]
    behind: list[int]
    own: dict[Any, int]

    @classmethod
    def counted(cls, counts: Mapping[int, int]) -> Self:
        """Of members by place."""
        places = sorted(counts)
        return cls(places, [0, *accumulate(counts[place] for place in places)], {})

    def passed(self, seq: int) -> int:
        """How many have read a message."""
        return self.behind[-1] - self.behind[bisect_left(self.places, seq)]


class Readers:
    """How far the members of a room have read, as far as it takes to count the readers of some messages."""

    __slots__ = ("_cursors", "_own")

    def __init__(self, counts: Mapping[int, int], own: Mapping[str, tuple[int, UUID | None]]) -> None:
        """`counts`: how many cursors stand at which `seq`; `own`: each sender's own, and in a private chat the other
        person.
        """
        self._cursors = Cursors.counted(counts)
        self._own = own

    def knows(self, user_id: UUID | str) -> bool:
        """Whether a person who was asked for is a member."""
        return str(user_id) in self._own

    def count(self, seq: int, sender_id: UUID | str) -> int:
        """How many members, without the sender, have read a message."""
        cursor, _ = self._own.get(str(sender_id), (0, None))
        return self._cursors.passed(seq) - (cursor >= seq)

    def receiver_of(self, sender_id: UUID | str) -> UUID | None:
        """Who received a message of a private chat; None in a group."""
        _, other = self._own.get(str(sender_id), (0, None))
        return other


NO_READERS = Readers({}, {})


def readers(messages: Iterable[tuple[UUID, int, UUID | str]]) -> dict[UUID, Readers]:
    """The readers of some messages, given by room, `seq` and sender, by their rooms.

    One query. Its answer has a row for each different cursor at and after the first of the messages, and not for each
    member: most members have read to the end.
    """
    first: dict[UUID, int] = {}
    senders: dict[tuple[UUID, str], None] = {}
    for room_id, seq, sender_id in messages:
        first[room_id] = min(seq, first.get(room_id, seq))
        senders[room_id, str(sender_id)] = None
    counts: dict[UUID, dict[int, int]] = {room_id: {} for room_id in first}
    own: dict[UUID, dict[str, tuple[int, UUID | None]]] = {room_id: {} for room_id in first}
    for room_id, user_id, cursor, count, peer_id in _read(first, senders):
        if user_id is None:
            counts[room_id][cursor] = count
        else:
            own[room_id][user_id] = cursor, peer_id
    return {room_id: Readers(counts[room_id], own[room_id]) for room_id in first}


def _read(
    first: Mapping[UUID, int], senders: Iterable[tuple[UUID, str]]
) -> Iterator[tuple[UUID, str | None, int, int, UUID | None]]:
    """(room, None, cursor, how many, None) at and after a `seq` of each room, and (room, user, cursor, 1, the other
    person) of senders.
    """
    if not first:
        return
    if not bulk.speaks_sql():
        people = {UUID(user_id) for _, user_id in senders}
        cursors = Membership.objects.filter(room_id__in=list(first))
        counted = Counter(cursors.values_list("room_id", "read_seq"))
        yield from ((room_id, None, at, count, None) for (room_id, at), count in counted.items())
        own = cursors.filter(user_id__in=people).values_list("room_id", "user_id", "read_seq", "peer_id")
        yield from ((room_id, str(user_id), at, 1, peer_id) for room_id, user_id, at, peer_id in own)
        return
    ids = {bulk.to_db_value(room_id): room_id for room_id in first}
    given = [value for raw, room_id in ids.items() for value in (raw, first[room_id])]
    asked = [value for room_id, user_id in senders for value in (bulk.to_db_value(room_id), _raw(user_id))]
    pair = "(%s, %s)"
    found = bulk.select(
        f"""
        WITH given (room, first) AS (VALUES {", ".join([pair] * (len(given) // 2))}),
            sender (room, member) AS (VALUES {", ".join([pair] * (len(asked) // 2))})
        SELECT room_id, CAST(NULL AS uuid), read_seq, COUNT(*), CAST(NULL AS uuid)
        FROM given CROSS JOIN groups_membership WHERE room_id = given.room AND read_seq >= given.first
        GROUP BY room_id, read_seq
        UNION ALL
        SELECT room_id, user_id, read_seq, 1, peer_id
        FROM sender CROSS JOIN groups_membership WHERE room_id = sender.room AND user_id = sender.member
        """,  # noqa: S608 -- placeholders
        [*given, *asked],
    )
    for room, user, at, count, peer in found:
        yield ids[room], user and bulk.text_of(user), at, count, peer and bulk.id_of(peer)


def cursors(room_id: UUID) -> list[tuple[UUID, int]]:
    """(user, read_seq) of every member of a room."""
    return list(Membership.objects.filter(room_id=room_id).values_list("user_id", "read_seq"))


def unread_bases(room_ids: Iterable[UUID]) -> list[tuple[UUID, UUID, int, int]]:
    """(room, user, the room's `last_said`, the member's base) of every member of some rooms.

    Own SQL, as in `unread_of`: this runs after the messages of every private chat.
    """
    if not bulk.speaks_sql():
        memberships = Membership.objects.with_recalled().select_related("room").filter(room_id__in=list(room_ids))
        return [(one.room_id, one.user_id, one.room.last_said, one.base) for one in memberships]
    rooms = {bulk.to_db_value(room_id): room_id for room_id in room_ids}
    found = bulk.select_among(
        """
        SELECT room_id, user_id, last_seq - system_lines,
            read_seq - system_lines_read + own_since_read - unread_again
            + (SELECT COUNT(*) FROM groups_recall AS recall WHERE recall.room_id = groups_room._id
                AND recall.seq > COALESCE(back_seq, read_seq) AND recall.sender_id <> user_id)
        FROM groups_membership JOIN groups_room ON groups_room._id = room_id
        WHERE room_id IN
        """,
        [],
        list(rooms),
    )
    return [(rooms[room], bulk.id_of(user), last, base) for room, user, last, base in found]


def first_mention(membership: Membership) -> int | None:
    """The `seq` of the first unread message that mentions a member."""
    found = Membership.objects.with_mentions().filter(pk=membership.pk).first()
    if found is None:
        return None
    _skip_hidden_mentions([found])
    return found.mention_seq


def recalled(room_ids: Collection[UUID], above: int) -> set[tuple[UUID, int]]:
    """(room, seq) of the recalled messages in these rooms whose `seq` is above a number."""
    return set(Recall.objects.filter(room_id__in=room_ids, seq__gt=above).values_list("room_id", "seq"))


class MemberUnread(NamedTuple):
    """A member's unread count and own cursor, with the room's name and picture."""

    user_id: UUID
    unread: int
    cursor: int
    hidden_seq: int | None
    name: str
    avatar: str


def unread_of(room_id: UUID, user_ids: Iterable[UUID]) -> list[MemberUnread]:
    """The unread counts of some members of a room; non-members are absent from the result.

    Own SQL, because this runs several times a second for all connected members: the ORM takes three
    times as long.
    """
    if not bulk.speaks_sql():
        memberships = Membership.objects.with_recalled().filter(room_id=room_id, user_id__in=list(user_ids))
        return [
            MemberUnread(one.user_id, one.unread, one.cursor, one.hidden_seq, one.room.name, one.room.avatar)
            for one in memberships.select_related("room")
        ]
    people = {bulk.to_db_value(user_id): user_id for user_id in user_ids}
    found = bulk.select_among(
        """
        SELECT user_id, last_seq - system_lines - read_seq + system_lines_read - own_since_read + unread_again
            - (SELECT COUNT(*) FROM groups_recall AS recall WHERE recall.room_id = groups_room._id
                AND recall.seq > COALESCE(back_seq, read_seq) AND recall.sender_id <> user_id),
            COALESCE(back_seq, read_seq), hidden_seq, name, avatar
        FROM groups_membership JOIN groups_room ON groups_room._id = room_id
        WHERE room_id = %s AND user_id IN
        """,
        [bulk.to_db_value(room_id)],
        list(people),
    )
    return [MemberUnread(people[user], max(0, count), *rest) for user, count, *rest in found]


def dissolved(before: datetime) -> list[UUID]:
    """The ids of groups that were dissolved before a time."""
    return list(Room.objects.filter(kind=Room.Kind.GROUP, dissolved_at__lt=before).values_list("pk", flat=True))


# Rooms of histories ---------------------------------------------------------------------------------------------------


class OpenRoom(NamedTuple):
    """A room whose history is read, with its numbers; of a private chat also its two people."""

    id: UUID
    people: tuple[str, str] | None
    member_count: int
    last_seq: int
    last_said: int
    last_version: int
    last_at: datetime
    #: Of the member who asks, if they have deleted messages for themselves.
    hiding_id: UUID | None = None
    #: The `seq` up to which that member sees nothing.
    floor: int = 0

    def receiver_of(self, sender_id: UUID | str) -> str | None:
        """Who received a message of a private chat; None in a group."""
        if self.people is None:
            return None
        one, other = self.people
        return other if str(sender_id) == one else one


def open_rooms(wanted: Mapping[tuple[UUID, UUID], bool]) -> dict[tuple[UUID, UUID], OpenRoom]:
    """Rooms by their id and a member's, of those (room, user) who are members; the value says whether it is a group.

    One query, in own SQL: every page of a history costs it.
    """
    kinds = {True: Room.Kind.GROUP.value, False: Room.Kind.DIRECT.value}
    if not bulk.speaks_sql():
        found = Membership.objects.select_related("room").filter(
            user_id__in={user_id for _, user_id in wanted}, room_id__in={room_id for room_id, _ in wanted}
        )
        return {
            (one.room_id, one.user_id): _open_room(
                one.room,
                one.peer_id and (str(one.user_id), str(one.peer_id)),
                one.pk if one.hidden_count else None,
                one.floor,
            )
            for one in found
            if one.room.kind == kinds.get(wanted.get((one.room_id, one.user_id), True))
        }
    keys = {(bulk.to_db_value(room_id), bulk.to_db_value(user_id)): (room_id, user_id) for room_id, user_id in wanted}
    rows = bulk.update_joined(
        """
        SELECT given.room, given.member, peer_id, member_count, last_seq, last_seq - system_lines, last_version,
            last_at, CASE WHEN hidden_count > 0 THEN groups_membership._id END, COALESCE(from_seq, 0)
        FROM given JOIN groups_room ON groups_room._id = given.room AND groups_room.kind = given.kind
        JOIN groups_membership ON groups_membership.room_id = given.room AND groups_membership.user_id = given.member
        """,
        ("room", "member", "kind"),
        [(*raw, kinds[wanted[key]]) for raw, key in keys.items()],
    )
    rooms = {}
    for room, member, peer, *numbers, at, hiding, floor in rows:
        key = keys[room, member]
        people = (str(key[1]), str(bulk.id_of(peer))) if peer else None
        members, seq, said, version = numbers
        hiding_id = bulk.id_of(hiding) if hiding else None
        rooms[key] = OpenRoom(key[0], people, members, seq, said, version, bulk.time_of(at), hiding_id, floor)
    return rooms


def _open_room(room: Room, people: Any, hiding_id: UUID | None = None, floor: int = 0) -> OpenRoom:
    numbers = (room.member_count, room.last_seq, room.last_said, room.last_version)
    return OpenRoom(room.pk, people or None, *numbers, room.last_at, hiding_id, floor)


def rooms_to_compare(room_ids: Collection[UUID]) -> dict[UUID, OpenRoom]:
    """Rooms by id, without a question who may see them. Two queries."""
    rooms = list(Room.objects.filter(pk__in=room_ids))
    people: dict[UUID, tuple[str, str]] = {}
    direct = [room.pk for room in rooms if room.is_direct]
    for room_id, user_id, peer_id in Membership.objects.filter(room__in=direct).values_list(
        "room_id", "user_id", "peer_id"
    ):
        people[room_id] = (str(user_id), str(peer_id))
    return {room.pk: _open_room(room, people.get(room.pk)) for room in rooms}


#: Members of a room whose cursors are read one by one; of more, they are counted by the database.
_CURSORS_MAX = 300
_PASSED = "FROM groups_membership WHERE room_id = %s AND read_seq >= %s"


def are_counted(member_count: int) -> bool:
    """Whether the cursors of so many members are counted by the database."""
    return member_count > _CURSORS_MAX and bulk.speaks_sql()


def counted_cursors(room_id: UUID, first: int = 0) -> Cursors:
    """The cursors of a room's members, those from a `seq` on."""
    room = bulk.to_db_value(room_id)
    return Cursors.counted(dict(bulk.select(f"SELECT read_seq, COUNT(*) {_PASSED} GROUP BY read_seq", [room, first])))


@lru_cache(4096)
def _raw(user_id: str) -> Any:
    """A user's id as the database driver returns it."""
    return bulk.to_db_value(UUID(user_id))


def read_counts(
    room_id: UUID, member_count: int, messages: Sequence[tuple[int, str]], known: Cursors | None = None
) -> list[int]:
    """How many members, without the sender, have read each of some messages, given by `seq` and sender.

    `known`: the cursors of all members, where the caller has them; it learns those of the senders.
    """
    if not messages:
        return []
    first = min(seq for seq, _ in messages)
    senders = {sender: _raw(sender) for _, sender in messages}
    room = bulk.to_db_value(room_id)
    own: dict[Any, int]
    if not bulk.speaks_sql():
        passed = Membership.objects.filter(room_id=room_id, read_seq__gte=first)
        own = dict(passed.values_list("user_id", "read_seq"))
    elif not are_counted(member_count):
        own = dict(bulk.select(f"SELECT user_id, read_seq {_PASSED}", [room, first]))
    else:
        known = known or counted_cursors(room_id, first)
        own = known.own
        if missing := [sender for sender in senders.values() if sender not in own]:
            # Without a word on `read_seq`, for which SQLite would walk the cursors of all members.
            query = "SELECT user_id, read_seq FROM groups_membership WHERE room_id = %s AND user_id IN"
            own.update(dict.fromkeys(missing, 0) | dict(bulk.select_among(query, [room], missing)))
    known = known or Cursors.counted(Counter(own.values()))
    return [known.passed(seq) - (own.get(senders[sender], 0) >= seq) for seq, sender in messages]
