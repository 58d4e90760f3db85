"""Pictures that people upload of themselves and of their groups. They come in by the door of uploads and are judged as
every picture is; whose they are then, accounts and groups say, which also let the ones before go.
"""

from collections.abc import Callable
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid4

from django.conf import settings

from accounts import selectors as people
from accounts import services as accounts
from accounts.models import User
from chatproject.core import errors
from chatproject.core.db.transactions import release_connection
from chatproject.core.files import avatars, storage
from groups import rules as group_rules
from groups import selectors as rooms
from groups import services as groups
from groups.models import Membership
from messaging.media.kinds import AVATAR

T = TypeVar("T")


def set_own_avatar(*, user: User, source: Path) -> User:
    """Make a person's avatar of what was uploaded to `source`, which is left alone. Not charged: each has only one.

    Raises Unusable, TooLarge, Busy. Blocks for seconds, and asks for no database meanwhile.
    """
    return _stored(source, lambda address: accounts.set_avatar(user=user, address=address))


def set_group_avatar(*, by: User, group_id: UUID, source: Path) -> Membership:
    """The same for a group, by its admins. Raises NotFound and Forbidden, too."""
    group_rules.require_admin(rooms.membership(by, group_id))  # before it is looked at, which costs us something
    return _stored(source, lambda address: groups.set_avatar(by=by, group_id=group_id, address=address))


def _stored(source: Path, show: Callable[[str], T]) -> T:
    """The file first: an address without its file would be a promise; a file that nobody shows is swept."""
    if source.stat().st_size > settings.MAX_UPLOAD_BYTES:
        raise errors.TooLarge()
    release_connection()
    name = uuid4().hex
    target = storage.scratch() / f"{name}.made"
    path = f"{AVATAR.folder}/{name}{avatars.EXTENSION}"
    try:
        AVATAR.judge(source, target, target)
        storage.put(target, path)
        return show(avatars.address(path))
    except BaseException:
        storage.remove([path])
        raise
    finally:
        target.unlink(missing_ok=True)


def sweep(before: datetime) -> int:
    """Remove pictures that nobody shows, the old ones; how many."""
    shown = people.avatars() | rooms.avatars()
    swept = 0
    files = (path for _id, path in storage.stored([AVATAR.folder]))
    while some := list(islice(files, 500)):
        strays = [path for path in some if avatars.address(path) not in shown and storage.is_older(path, before)]
        storage.remove(strays)
        swept += len(strays)
    return swept
