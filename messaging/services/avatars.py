"""Avatars of users and groups: processed here like every uploaded picture.

Accounts and groups own the address and delete the avatar before.
"""

import os
from collections.abc import Callable
from datetime import datetime
from itertools import islice
from typing import IO, TypeVar
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


def set_own_avatar(*, user: User, source: IO[bytes]) -> User:
    """Make the user's avatar from an uploaded file.

    `source` stays unchanged; the quota does not count it.

    Raises Unusable, TooLarge, Busy. Blocks for seconds, and uses no database connection meanwhile.
    """
    return _stored(source, lambda address: accounts.set_avatar(user=user, address=address), by=user)


def set_group_avatar(*, by: User, group_id: UUID, source: IO[bytes]) -> Membership:
    """Make a group's avatar from an uploaded file, like `set_own_avatar`.

    Raises NotFound and Forbidden, too.
    """
    group_rules.require_admin(rooms.membership(by, group_id))  # before the expensive part
    return _stored(source, lambda address: groups.set_avatar(by=by, group_id=group_id, address=address), by=by)


def _stored(source: IO[bytes], show: Callable[[str], T], *, by: User) -> T:
    """Store the file, then call `show` with its address: a file that no row has is swept."""
    if source.seek(0, os.SEEK_END) > settings.MAX_UPLOAD_BYTES:
        raise errors.TooLarge()
    release_connection()
    name = uuid4().hex
    target = storage.draft(f"{AVATAR.folder}/{name}")
    path = f"{AVATAR.folder}/{name}{avatars.EXTENSION}"
    try:
        AVATAR.process(source, target, target, by=str(by.pk))
        storage.put(target, path)
        return show(avatars.address(path))
    except BaseException:
        storage.remove([path])
        raise
    finally:
        target.discard()


def sweep(before: datetime) -> int:
    """Remove old avatars that no row has; returns their number."""
    shown = people.avatars() | rooms.avatars()
    swept = 0
    files = (path for _id, path in storage.stored([AVATAR.folder]))
    while some := list(islice(files, 500)):
        strays = [path for path in some if avatars.address(path) not in shown and storage.is_older(path, before)]
        storage.remove(strays)
        swept += len(strays)
    return swept
