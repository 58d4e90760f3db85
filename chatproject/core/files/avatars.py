"""Avatars of people and groups, made from uploaded pictures.

Every signed-in user may see an avatar, at an address that cannot be guessed. An avatar never changes
and belongs to one row: when that row gets another one, the file is deleted.
"""

import re

from django.core.files.storage import default_storage

from chatproject.core.db.transactions import on_commit
from chatproject.core.errors import NotFound
from chatproject.core.files import storage
from chatproject.core.files.storage import StoredFile

FOLDER, EXTENSION, TYPE = "avatars", ".webp", "image/webp"

ADDRESS = f"{storage.ADDRESS}{FOLDER}/"
_ADDRESS = re.compile(rf"{ADDRESS}[0-9a-f]{{32}}{re.escape(EXTENSION)}")


def address(path: str) -> str:
    return storage.ADDRESS + path


def is_ours(address: str) -> bool:
    """Whether `address` is that of an avatar made here, whether it still exists or not."""
    return _ADDRESS.fullmatch(address) is not None


def delete_unused(address: str) -> None:
    """Inside the transaction in which a row stops showing it: a picture of ours is gone after the
    commit.
    """
    if is_ours(address):
        on_commit(lambda: storage.remove([address.removeprefix(storage.ADDRESS)]))


def file(address: str) -> StoredFile:
    """The file at an avatar's address. Raises NotFound."""
    path = address.removeprefix(storage.ADDRESS)
    try:
        return StoredFile(path, default_storage.size(path), TYPE, "", is_immutable=True)
    except FileNotFoundError:
        raise NotFound() from None
