"""Performs the story through the services, then sets the times of the messages back."""

import io
import random
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from accounts import services as accounts
from accounts.models import User
from chatproject.core.errors import Busy, RateLimited
from chatproject.core.times import now
from demo import faces, sounds
from demo.cast import ME, PEOPLE
from demo.story import (
    GROUPS,
    PAIRS,
    Appoints,
    Brings,
    Chat,
    Group,
    Joins,
    Line,
    Pair,
    Paper,
    Picture,
    Place,
    Recalled,
    Renames,
    Say,
    Scene,
    Voice,
)
from groups import services as groups
from groups.models import Membership, Room, direct_room_id
from messaging import services, types
from messaging.models import Message, Upload

T = TypeVar("T")

#: The age of the accounts, and the time between a group's creation and its first message.
ACQUAINTED, MADE = timedelta(days=15), timedelta(minutes=4)
EDITED, RECALLED = timedelta(seconds=40), timedelta(seconds=25)


def invite(name: str, password: str, me: User | None) -> dict[str, User]:
    """Create an account for everybody in the cast; the main character is `me`, or a new account of
    that name.

    The main character's account is made first, and owns a new installation. Raises Invalid for a
    weak password.
    """
    people = {ME: me or accounts.create_user(name=name, password=password)}
    for key, person in PEOPLE.items():
        if key != ME:
            people[key] = accounts.create_user(name=person.name, password=password)
    return people


def perform(people: Mapping[str, User], zone: tzinfo) -> int:
    """Perform all chats in local time; returns the number of messages."""
    told_at = now().astimezone(zone)
    for key, user in people.items():
        if not user.img:
            services.set_own_avatar(user=user, source=io.BytesIO(faces.drawn(PEOPLE[key].emblem)))
    for group in GROUPS:
        _Group(group, people, told_at).perform()
    for pair in PAIRS:
        _Pair(pair, people, told_at).perform()
    chance = random.Random(1)  # noqa: S311
    for key, user in people.items():
        was_here = told_at - timedelta(minutes=chance.choice((3, 12, 26, 48, 95)))
        User.objects.filter(pk=user.pk).update(last_active=was_here)
        if key != ME:
            User.objects.filter(pk=user.pk).update(created_at=told_at - ACQUAINTED)
    return Message.objects.filter(sender__in=people.values()).count()


class _Performance:
    """Performs one chat."""

    def __init__(self, chat: Chat, people: Mapping[str, User], told_at: datetime) -> None:
        self.chat, self.people, self.told_at = chat, people, told_at
        self.marks: dict[str, UUID] = {}
        #: The times of the messages, in order.
        self.moments: list[datetime] = []

    def room_id(self) -> UUID:
        raise NotImplementedError

    def chat_id(self, who: str) -> UUID:
        """The chat's id for one of its members."""
        raise NotImplementedError

    def perform(self) -> None:
        for scene in self.chat.scenes:
            for line, moment in zip(scene.lines, self._moments_of(scene), strict=True):
                _patiently(lambda line=line: self.act(line))  # type: ignore[misc]
                self.moments.append(moment)
        self._read()
        self._set_back()

    def act(self, line: Line) -> None:
        match line:
            case Say(who, text, mark, to, was):
                message_id = self._send(who, was or text, to=to, mark=mark)
                if was:
                    services.edit(by=self.people[who], message_id=message_id, content=text)
            case Recalled(who, text):
                message_id = self._send(who, text)
                services.erase(message=Message.objects.get(pk=message_id))  # whatever RECALL_WINDOW says
            case Picture(who, draw, caption, mark):
                self._attach(who, "images", "picture.jpg", draw(), content=caption, mark=mark)
            case Voice(who, seconds):
                voice = list(PEOPLE).index(who)
                self._attach(who, "audio", "voice.wav", sounds.speech(seconds, voice=voice))
            case Paper(who, name, write):
                self._attach(who, "files", name, write())
            case Place(who, name, address, latitude, longitude):
                place = {"name": name, "address": address, "latitude": latitude, "longitude": longitude}
                self._send(who, "", type_="location", given={"locationData": place})
            case _:
                raise TypeError(line)

    def _attach(self, who: str, folder: str, name: str, data: bytes, content: str = "", mark: str = "") -> None:
        upload = services.receive(owner=self.people[who], source=io.BytesIO(data), name=name, folder=folder)
        given = {"mediaUrl": types.ADDRESS + upload.path}
        self._send(who, content, type_=upload.type, given=given, mark=mark)

    def _send(
        self,
        who: str,
        content: str,
        *,
        type_: str = types.TEXT,
        given: Mapping[str, Any] | None = None,
        to: str = "",
        mark: str = "",
    ) -> UUID:
        sent = services.send_message(
            services.OutgoingMessage(
                sender=self.people[who],
                to=self.chat_id(who),
                is_group=isinstance(self.chat, Group),
                content=content,
                type=type_,
                reply_to_id=self.marks[to] if to else None,
                **types.TYPES[type_].read(msgspec.convert(given or {}, types.TYPES[type_].inputs)),
            )
        )
        message_id = UUID(sent.output["id"])
        if mark:
            self.marks[mark] = message_id
        return message_id

    def _moments_of(self, scene: Scene) -> Iterable[datetime]:
        """The times of a scene's lines, by the time it takes to type or say them.

        None is in the future.
        """
        chance = random.Random(f"{self.room_id}{len(self.moments)}")  # noqa: S311
        start = self.told_at - timedelta(minutes=scene.minutes)
        if scene.days:
            hour, minute = map(int, scene.at.split(":"))
            day = self.told_at - timedelta(days=scene.days)
            start = day.replace(hour=hour, minute=minute, second=chance.randint(0, 59), microsecond=0)
        if self.moments:
            start = max(start, self.moments[-1] + timedelta(minutes=1))
        gaps = [0.0] + [8 + len(str(line)) * 0.25 + chance.uniform(4, 45) for line in scene.lines[1:]]
        whole, left = sum(gaps), (self.told_at - start).total_seconds() - 30
        pace = min(1.0, max(left, 0) / whole) if whole else 1.0
        return [start + timedelta(seconds=pace * sum(gaps[: place + 1])) for place in range(len(gaps))]

    def _readers(self) -> Iterable[str]:
        raise NotImplementedError

    def _read(self) -> None:
        for who in self._readers():
            services.mark_read(
                by=self.people[who],
                chat_ids=[self.chat_id(who)],
                is_group=isinstance(self.chat, Group),
                upto=len(self.moments) - self.chat.behind.get(who, 0),
            )

    def _set_back(self) -> None:
        """Set the times of messages and uploads, which is the only write around the services."""
        messages = list(Message.objects.filter(room=self.room_id()).order_by("seq"))
        said_at = {}
        for message, moment in zip(messages, self.moments, strict=True):
            said_at[message.pk] = message.sent_at = moment
            message.edited_at = message.edited_at and moment + EDITED
            message.recalled_at = message.recalled_at and moment + RECALLED
        Message.objects.bulk_update(messages, ["sent_at", "edited_at", "recalled_at"])
        uploads = list(Upload.objects.filter(message__in=messages))
        for upload in uploads:
            assert upload.message_id is not None
            upload.created_at = said_at[upload.message_id]
        Upload.objects.bulk_update(uploads, ["created_at"])
        first, last = self.moments[0], self.moments[-1]
        Room.objects.filter(pk=self.room_id()).update(created_at=first, last_at=last)
        Membership.objects.filter(room=self.room_id()).update(joined_at=first)


class _Group(_Performance):
    chat: Group
    room: Room

    def room_id(self) -> UUID:
        return self.room.pk

    def chat_id(self, who: str) -> UUID:
        return self.room.pk

    def perform(self) -> None:
        group, scene = self.chat, self.chat.scenes[0]
        self.room = groups.create(
            by=self.people[group.owner],
            name=group.name,
            member_ids=[self.people[who].pk for who in group.members],
            join_policy=Room.JoinPolicy.CLOSED if group.is_closed else Room.JoinPolicy.OPEN,
        )
        emblem = io.BytesIO(faces.drawn(group.emblem))
        services.set_group_avatar(by=self.people[group.owner], group_id=self.room.pk, source=emblem)
        self.moments = [min(self._moments_of(scene)) - MADE]  # of the system message about it
        super().perform()
        if group.is_pinned:
            groups.pin(by=self.people[ME], chat_id=self.room.pk, is_group=True, pinned=True)
        if group.is_muted:
            groups.mute(by=self.people[ME], chat_id=self.room.pk, is_group=True, muted=True)

    def act(self, line: Line) -> None:
        people, group_id = self.people, self.room.pk
        match line:
            case Joins(who):
                groups.join(by=people[who], group_id=group_id)
            case Brings(who, others):
                groups.invite(by=people[who], group_id=group_id, user_ids=[people[one].pk for one in others])
            case Renames(who, name):
                groups.update(by=people[who], group_id=group_id, name=name)
            case Appoints(who, other):
                groups.set_role(by=people[who], group_id=group_id, user_id=people[other].pk, role=Membership.Role.ADMIN)
            case _:
                super().act(line)

    def _readers(self) -> Iterable[str]:
        members = set(Membership.objects.filter(room=self.room).values_list("user_id", flat=True))
        return [who for who, user in self.people.items() if user.pk in members]


class _Pair(_Performance):
    chat: Pair

    def room_id(self) -> UUID:
        return direct_room_id(self.people[self.chat.one].pk, self.people[self.chat.other].pk)

    def chat_id(self, who: str) -> UUID:
        return self.people[self.chat.other if who == self.chat.one else self.chat.one].pk

    def _readers(self) -> Iterable[str]:
        return self.chat.one, self.chat.other


def _patiently(act: Callable[[], T]) -> T:
    """Retry while a rate limit or a busy server refuses: limits hold here, too."""
    while True:
        try:
            return act()
        except (RateLimited, Busy) as later:
            time.sleep(later.retry_after or 1)
