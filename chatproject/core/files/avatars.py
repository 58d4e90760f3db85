"""Avatars of people and groups, made from uploaded pictures.

Every signed-in user may see an avatar, at an address that cannot be guessed. An avatar never changes
and belongs to one row: when that row gets another one, the file is deleted.
"""

import re

from django.utils.translation import gettext_lazy as _

from chatproject.core.db.transactions import on_commit
from chatproject.core.errors import Invalid, NotFound
from chatproject.core.files import storage
from chatproject.core.files.storage import StoredFile

#: Characters of an address.
ADDRESS_MAX = 500

FOLDER, EXTENSION, TYPE = "avatars", ".webp", "image/webp"

ADDRESS = f"{storage.ADDRESS}{FOLDER}/"
_ADDRESS = re.compile(rf"{ADDRESS}[0-9a-f]{{32}}{re.escape(EXTENSION)}")


def address(path: str) -> str:
    return storage.ADDRESS + path


def is_ours(address: str) -> bool:
    """Whether `address` is that of an avatar made here, whether it still exists or not."""
    return _ADDRESS.fullmatch(address) is not None


def checked(address: str, *, shown: str, field: str) -> str:
    """The address that a client gives for a row's picture: none, or the one that the row has.

    A picture comes by an upload alone. Any other address would be asked by everybody who looks at it, with
    their cookies where it is of this site, and tell its host about them where it is not. Raises Invalid.
    """
    address = address.strip()
    if address and address != shown:
        raise Invalid(errors={field: [_("Only a picture that was uploaded here can be shown.")]})
    return address


def checked_for_new(address: str, *, field: str) -> str:
    """The picture of a new row: none, because none was uploaded for it yet.

    An address elsewhere, which older clients send, is dropped. Raises Invalid for what is none, and for the
    picture of another row.
    """
    address = address.strip()
    is_path = address.startswith("/") and not address.startswith(("//", "/\\"))
    is_web = address.lower().startswith(("http://", "https://")) and len(address.split("://", 1)[1]) > 0
    is_odd = len(address) > ADDRESS_MAX or any(c.isspace() or ord(c) < 33 or c in '\\"<>' for c in address)
    if address and (is_odd or is_ours(address) or not (is_path or is_web)):
        raise Invalid(errors={field: [_("This is not the address of a picture.")]})
    return ""


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
        return StoredFile(path, storage.size(path), TYPE, "", is_immutable=True)
    except FileNotFoundError:
        raise NotFound() from None
