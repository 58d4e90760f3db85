"""Fills an empty database with signed-in people, groups and private chats, quickly.

    python bench/fill.py FOLDER PEOPLE GROUP... [pairs=N] [rooms=ROOMSxEACH] [history=MESSAGES] [chats=N]
                         [full=ROOMSxMESSAGES] [reactions=N] [index=off]

Makes PEOPLE people with a token each, and for each GROUP a group of the first GROUP of them.
FOLDER/people.json tells who and what there is: `people` with id, name and token, `groups` with room
and size, `chats` with room and person. `pairs=200` makes private chats of the first 200 pairs of
neighbours. `rooms=250x20` also puts everyone into EACH of ROOMS groups. For a browser,
`history=10000` writes that many messages into the first group, a picture now and then, and
`chats=500` gives the first person so many other chats with something in each; their password is
PASSWORD. `full=1000x1000` makes 1,000 groups of the first person and others with 1,000 messages in
each, the first GROUP among them and all as large; that person is staff. `reactions=10000` puts so many on the history's
last messages, fifty on each. With `index=off` nobody writes the index of searches.

bench/harness runs the file of the checkout that is measured, so its arguments and people.json have
to stay as they are.
"""

import hashlib
import io
import json
import os
import random
import secrets
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import django

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatproject.settings")
django.setup()

from django.conf import settings  # noqa: E402  (needs Django to be set up)
from django.db import connection, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402
from PIL import Image  # noqa: E402

from accounts.models import Device, Installation, User  # noqa: E402
from accounts.names import name_key  # noqa: E402
from chatproject.core.db.bulk import to_db_value  # noqa: E402
from chatproject.core.models import uuid7  # noqa: E402
from groups.models import Membership, Room, direct_room_id  # noqa: E402
from messaging.models import Message, Reaction, SearchState, Upload  # noqa: E402
from messaging.serializers.output import reactions_json  # noqa: E402

CHUNK = 500
PASSWORD = "correct horse battery"
WORDS = ["tea", "the", "kettle", "is", "on", "who", "brings", "cakes", "tomorrow", "at", "four", "今天", "下午", "见"]
#: A word of three messages of a million, and the name of a person in Chinese: bench/million.py searches for them.
RARE, CHINESE_NAME = "苦丁", "王小明"
#: One message in so many of a history is a picture; one chat in so many is a group, or unread.
PICTURE_EVERY, GROUP_EVERY, UNREAD_EVERY = 40, 3, 7
#: People who react to a message of a history with reactions, and with what.
REACTED_BY, EMOJI = 50, "👍🎉😂"
#: Messages in each of the first person's other chats.
CHAT_MESSAGES = 20


def make_people(count: int) -> tuple[list[User], list[str]]:
    people = [User(name=f"Person {number}", name_key=f"person {number}") for number in range(count)]
    User.objects.bulk_create(people, batch_size=CHUNK)
    Installation.objects.create(pk=Installation.ONLY, owner=people[0])
    tokens = [secrets.token_urlsafe(32) for _ in people]
    expires = timezone.now() + Device.lifetime()
    Device.objects.bulk_create(
        [
            Device(
                user=user,
                kind=Device.TOKEN,
                token_hash=hashlib.sha256(token.encode()).hexdigest(),
                name="bench",
                expires_at=expires,
            )
            for user, token in zip(people, tokens, strict=True)
        ],
        batch_size=CHUNK,
    )
    return people, tokens


def make_group(name: str, members: Sequence[User]) -> Room:
    room = Room.objects.create(kind=Room.Kind.GROUP, name=name, creator=members[0], member_count=len(members))
    Membership.objects.bulk_create([Membership(room=room, user=user) for user in members], batch_size=CHUNK)
    return room


def make_pair(one: User, other: User) -> None:
    room = Room.objects.create(pk=direct_room_id(one.pk, other.pk), kind=Room.Kind.DIRECT, creator=one, member_count=2)
    Membership.objects.bulk_create(
        [Membership(room=room, user=one, peer=other), Membership(room=room, user=other, peer=one)]
    )


def make_history(
    room: Room, senders: Sequence[User], count: int, *, until: datetime, pictures: bool = False, rare: bool = False
) -> None:
    """`count` messages by `senders` in turn, a minute apart, the last at `until`; all are read. `rare`: one says so."""
    words = random.Random(room.pk.int)
    messages, uploads = [], []
    for seq in range(1, count + 1):
        sender = senders[seq // 3 % len(senders)]
        message = Message(
            room=room, seq=seq, version=seq, sender=sender, client_id=secrets.token_hex(8),
            content=f"{seq} " + " ".join(words.choices(WORDS, k=words.randint(2, 30))),
            sent_at=until - timedelta(minutes=count - seq),
        )  # fmt: skip
        if rare and seq == count // 2:
            message.content += f" {RARE}茶"
        if pictures and not seq % PICTURE_EVERY:
            upload = next(_pictures)
            upload.owner, upload.message = sender, message
            message.type, message.content, message.details_json = "image", "", json.dumps(upload.details)
            uploads.append(upload)
        messages.append(message)
    Message.objects.bulk_create(messages, batch_size=CHUNK)
    Upload.objects.bulk_create(uploads, batch_size=CHUNK)
    room.last_seq = room.last_version = count
    room.last_message_id, room.last_at = messages[-1].pk, until
    room.save()
    Membership.objects.filter(room=room).update(read_seq=count)


def _make_pictures() -> Iterator[Upload]:
    """Stored pictures with thumbnails, in turn wide and tall. The rows are not saved."""
    for number in range(sys.maxsize):
        size = [(1600, 1200), (1200, 1600), (1600, 900)][number % 3]
        grey = Image.linear_gradient("L").rotate(number % 360).resize(size)
        picture = Image.merge("RGB", [grey, grey.transpose(Image.Transpose.ROTATE_180), grey])
        upload = Upload(
            folder="images", extension=".jpg", thumbnail_extension=".jpg", name=f"{number}.jpg",
            mime_type="image/jpeg", width=size[0], height=size[1],
        )  # fmt: skip
        for path, most in ((upload.path, max(size)), (upload.thumbnail_path, 480)):
            made = io.BytesIO()
            picture.thumbnail((most, most))
            picture.save(made, "JPEG", quality=80)
            target = Path(settings.MEDIA_ROOT) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(made.getvalue())
            upload.size = upload.size or len(made.getvalue())
            upload.thumbnail_size = len(made.getvalue())
        yield upload


_pictures = _make_pictures()


def make_chats(me: User, others: Sequence[User], count: int) -> list[Room]:
    """`count` chats of one person; the last message of the n-th is n hours old."""
    rooms = []
    for number, other in zip(range(count), others, strict=False):
        if number % GROUP_EVERY:
            make_pair(me, other)
            room = Room.objects.get(pk=direct_room_id(me.pk, other.pk))
        else:
            room = make_group(f"Chat {number}", [me, other])
        make_history(room, [other, me], CHAT_MESSAGES, until=timezone.now() - timedelta(hours=number + 1))
        if not number % UNREAD_EVERY:
            Membership.objects.filter(room=room, user=me).update(read_seq=CHAT_MESSAGES - 1)
        rooms.append(room)
    return rooms


def make_rooms(people: Sequence[User], count: int, each: int) -> None:
    """`count` groups; everyone is in `each` of them, in steps that spread the members."""
    members: list[list[User]] = [[] for _ in range(count)]
    for number, user in enumerate(people):
        for step in range(each):
            members[(number + step * 13) % count].append(user)
    with transaction.atomic():
        for number, of in enumerate(members):
            room = Room.objects.create(kind=Room.Kind.GROUP, name=f"Room {number}", creator=of[0], member_count=len(of))
            insert_members(room, of)


def insert_members(room: Room, members: Sequence[User]) -> None:
    """What `bulk_create` does in twenty times the time: all but ids is alike."""
    alike = Membership(room=room, user=members[0])
    fields = Membership._meta.concrete_fields
    values = {str(field.column): field.get_db_prep_save(getattr(alike, field.attname), connection) for field in fields}
    names = ", ".join(map(connection.ops.quote_name, values))
    rows = [
        tuple({**values, "_id": to_db_value(uuid7()), "user_id": to_db_value(user.pk)}.values()) for user in members
    ]
    with connection.cursor() as cursor:
        places = ", ".join(["%s"] * len(fields))
        cursor.executemany(f"INSERT INTO {Membership._meta.db_table} ({names}) VALUES ({places})", rows)


def make_reactions(room: Room, members: Sequence[User], count: int) -> None:
    """`count` reactions on a history's last messages, each message by REACTED_BY people with a few emoji."""
    newest = Message.objects.filter(room=room).order_by("-seq")[: -(-count // REACTED_BY)]
    reactions = []
    for message in newest:
        said = [(EMOJI[number % len(EMOJI)], user.pk) for number, user in enumerate(members[:REACTED_BY])]
        message.reactions_json = reactions_json(None, said)
        reactions += [Reaction(message=message, user_id=user_id, emoji=emoji) for emoji, user_id in said]
        message.save(update_fields=["reactions_json"])
    Reaction.objects.bulk_create(reactions, batch_size=CHUNK)


def make_full(people: Sequence[User], first: Room, count: int, each: int) -> None:
    """`count` groups of the first person and others, with `each` messages."""
    size = first.member_count - 1
    User.objects.filter(pk=people[7].pk).update(name=CHINESE_NAME, name_key=name_key(CHINESE_NAME))
    for number in range(count):
        others = [people[1 + (number * size + step) % (len(people) - 1)] for step in range(size)]
        room = make_group(f"Full {number}", [people[0], *others]) if number else first
        with transaction.atomic():
            until = timezone.now() - timedelta(minutes=number)
            make_history(room, others, each, until=until, rare=number % 400 == 100)
            if not number % UNREAD_EVERY:
                Membership.objects.filter(room=room, user=people[0]).update(read_seq=each - 1)


def main() -> None:
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    sizes = [int(word) for word in sys.argv[3:] if "=" not in word]
    options = dict(word.split("=", 1) for word in sys.argv[3:] if "=" in word)
    people, tokens = make_people(count)
    groups = [{"room": str(make_group(f"Group of {size}", people[:size]).pk), "size": size} for size in sizes]
    for number in range(int(options.get("pairs", 0))):
        make_pair(*people[2 * number : 2 * number + 2])
    if "rooms" in options:
        make_rooms(people, *map(int, options["rooms"].split("x")))
    chats: list[dict[str, object]] = []
    if "history" in options:
        with transaction.atomic():
            people[0].set_password(PASSWORD)
            people[0].save()
            room, now = Room.objects.get(name=f"Group of {sizes[0]}"), timezone.now()
            make_history(room, people[: sizes[0]], int(options["history"]), until=now, pictures=True)
            if "reactions" in options:
                make_reactions(room, people[: sizes[0]], int(options["reactions"]))
            rooms = make_chats(people[0], people[1:], int(options["chats"]))
            chats = [{"room": str(one.pk), "person": 1 + n} for n, one in enumerate(rooms) if not n % GROUP_EVERY]
    if "full" in options:
        people[0].is_staff = people[0].is_superuser = True
        people[0].set_password(PASSWORD)
        people[0].save()
        make_full(people, Room.objects.get(name=f"Group of {sizes[0]}"), *map(int, options["full"].split("x")))
    if options.get("index") == "off":
        SearchState.objects.create(pk=SearchState.ID, holder="bench", held_until=timezone.now() + timedelta(days=1000))
    everyone = [
        {"id": str(user.pk), "name": user.name, "token": token} for user, token in zip(people, tokens, strict=True)
    ]
    (folder / "people.json").write_text(json.dumps({"people": everyone, "groups": groups, "chats": chats}))


if __name__ == "__main__":
    main()
