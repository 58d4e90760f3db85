"""Pictures of people and of groups that were made here. Whoever is signed in may see them, under a name that nobody
guesses. Such a picture never changes and belongs to the one row that shows it: with that row's next one it is gone.
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
    """Whether it is the address of a picture that was made here, still there or not."""
    return _ADDRESS.fullmatch(address) is not None


def delete_unused(address: str) -> None:
    """Inside the transaction in which a row stops showing it: a picture of ours is gone after the commit."""
    if is_ours(address):
        on_commit(lambda: storage.remove([address.removeprefix(storage.ADDRESS)]))


def file(address: str) -> StoredFile:
    """What stands at one of our addresses. Raises NotFound."""
    path = address.removeprefix(storage.ADDRESS)
    try:
        return StoredFile(path, default_storage.size(path), TYPE, "", is_kept=True)
    except FileNotFoundError:
        raise NotFound() from None
