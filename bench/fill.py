"""Fill an installation with people who are signed in, groups and private chats, quickly.

    python bench/fill.py FOLDER PEOPLE GROUP... [pairs=N] [rooms=ROOMSxEACH] [history=MESSAGES] [chats=N]

Makes PEOPLE people with a token each, a group of the first GROUP of them for each GROUP, and writes into FOLDER for
each what the load generator takes: a line per person with his token and the group's id (`group-GROUP`), or his
partner's (`pairs`). `people.json` has the same people for servers that are not ours. `rooms=250x20` also puts everyone
into EACH of ROOMS groups. `history=10000` has that much said in the first group, a picture now and then, and
`chats=500` gives the first person so many other chats with something in each, for a browser; his password is PASSWORD.
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
from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402
from PIL import Image  # noqa: E402

from accounts.models import Device, Installation, User  # noqa: E402
from groups.models import Membership, Room, direct_room_id  # noqa: E402
from messaging.models import Message, Upload  # noqa: E402

CHUNK = 500
PASSWORD = "correct horse battery"
WORDS = ["tea", "the", "kettle", "is", "on", "who", "brings", "cakes", "tomorrow", "at", "four", "今天", "下午", "见"]
#: Of a history, one message in so many is a picture; of a person's chats, one in so many is a group, or unread.
PICTURE_EVERY, GROUP_EVERY, UNREAD_EVERY = 40, 3, 7
#: Messages in each of a person's other chats.
SAID = 20


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


def make_history(room: Room, talkers: Sequence[User], count: int, *, until: datetime, pictures: bool = False) -> None:
    """`count` messages, a minute apart, the last `until`; everyone has read them."""
    said = random.Random(room.pk.int)
    messages, uploads = [], []
    for seq in range(1, count + 1):
        sender = talkers[seq // 3 % len(talkers)]
        message = Message(
            room=room, seq=seq, version=seq, sender=sender, client_id=secrets.token_hex(8),
            content=f"{seq} " + " ".join(said.choices(WORDS, k=said.randint(2, 30))),
            sent_at=until - timedelta(minutes=count - seq),
        )  # fmt: skip
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
    """Stored pictures with thumbnails, each a file of its own, in turn tall and wide."""
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
    """As many chats of one person, the n-th moved n hours ago."""
    rooms = []
    for number, other in zip(range(count), others, strict=False):
        if number % GROUP_EVERY:
            make_pair(me, other)
            room = Room.objects.get(pk=direct_room_id(me.pk, other.pk))
        else:
            room = make_group(f"Chat {number}", [me, other])
        make_history(room, [other, me], SAID, until=timezone.now() - timedelta(hours=number + 1))
        if not number % UNREAD_EVERY:
            Membership.objects.filter(room=room, user=me).update(read_seq=SAID - 1)
        rooms.append(room)
    return rooms


def write(path: Path, lines: Sequence[tuple[str, object]]) -> None:
    path.write_text("".join(f"{token} {target}\n" for token, target in lines))


def main() -> None:
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    sizes = [int(word) for word in sys.argv[3:] if "=" not in word]
    options = dict(word.split("=", 1) for word in sys.argv[3:] if "=" in word)
    people, tokens = make_people(count)
    names = []
    for size in sizes:
        room = make_group(f"Group of {size}", people[:size])
        write(folder / f"group-{size}", [(token, room.pk) for token in tokens[:size]])
        names.append({"room": str(room.pk), "size": size})
    pairs = int(options.get("pairs", 0))
    lines: list[tuple[str, object]] = []
    for one in range(0, 2 * pairs, 2):
        make_pair(people[one], people[one + 1])
        lines += [(tokens[one], people[one + 1].pk), (tokens[one + 1], people[one].pk)]
    write(folder / "pairs", lines)
    if "history" in options:
        with transaction.atomic():
            people[0].set_password(PASSWORD)
            people[0].save()
            room = Room.objects.get(pk=names[0]["room"])
            now = timezone.now()
            make_history(room, people[: sizes[0]], int(options["history"]), until=now, pictures=True)
            chats = make_chats(people[0], people[1:], int(options["chats"]))
            write(folder / "chats", [(tokens[1 + n], one.pk) for n, one in enumerate(chats) if not n % GROUP_EVERY])
    if "rooms" in options:
        rooms, each = map(int, options["rooms"].split("x"))
        for place in range(rooms):
            # everyone's rooms are the `each` that follow his number, in steps that spread them
            members = [
                user
                for number, user in enumerate(people)
                if any((number + i * 13) % rooms == place for i in range(each))
            ]
            make_group(f"Room {place}", members)
        write(folder / "idle", [(token, "-") for token in tokens])
    everyone = [
        {"id": str(user.pk), "name": user.name, "token": token} for user, token in zip(people, tokens, strict=True)
    ]
    (folder / "people.json").write_text(json.dumps({"people": everyone, "groups": names}))


main()
