"""Fill an installation with people who are signed in, groups and private chats, quickly.

    python bench/fill.py FOLDER PEOPLE GROUP... [pairs=N] [rooms=ROOMSxEACH]

Makes PEOPLE people with a token each, a group of the first GROUP of them for each GROUP, and writes into FOLDER for
each what the load generator takes: a line per person with his token and the group's id (`group-GROUP`), or his
partner's (`pairs`). `people.json` has the same people for servers that are not ours. `rooms=250x20` also puts everyone
into EACH of ROOMS groups.
"""

import hashlib
import json
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

import django

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatproject.settings")
django.setup()

from django.utils import timezone  # noqa: E402  (needs Django to be set up)

from accounts.models import Device, Installation, User  # noqa: E402
from groups.models import Membership, Room, direct_room_id  # noqa: E402

CHUNK = 500


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
