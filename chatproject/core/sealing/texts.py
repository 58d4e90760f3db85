"""Texts that are sealed where they are kept, and still are texts there: a mark, and the sealed value in base64.

Where encryption is off they are kept as they are. One that begins like a sealed one is marked as plain, so that nobody
can write what would be taken for one.
"""

from base64 import b64encode
from binascii import Error as NotBase64
from binascii import a2b_base64

from chatproject.core.sealing.data_keys import opening_ring, ring
from chatproject.core.sealing.keyring import NotAuthentic, UnknownKey, key_number

SEALED, PLAIN = "enc1:", "enc0:"
_MARKS = (SEALED, PLAIN)
_SEALED = SEALED.encode()


def sealed_text(text: str, context: bytes) -> str:
    """A text as it is kept; the empty one stays empty. Raises KeyUnavailable."""
    if not text:
        return text
    sealing = ring()
    if sealing is None:
        return PLAIN + text if text.startswith(_MARKS) else text
    return SEALED + b64encode(sealing.seal(text.encode(), context)).decode()


def opened_text(kept: str, context: bytes) -> str:
    """The text again; one from before encryption as it is.

    Raises NotAuthentic where it was sealed in another context or is damaged, and KeyUnavailable.
    """
    if not kept.startswith(SEALED):
        return kept.removeprefix(PLAIN)
    opening = opening_ring()
    try:
        return kept if opening is None else opening.open(_from_base64(kept[len(SEALED) :]), context).decode()
    except (NotBase64, UnknownKey):
        return kept  # from before there was such a key: somebody wrote it


def number_of(kept: str) -> int:
    """The number of the key that sealed a text; 0 where none did."""
    if not kept.startswith(SEALED):
        return 0
    try:
        return key_number(_from_base64(kept[len(SEALED) :]))
    except NotBase64:
        return 0


def sealed_bytes(data: bytes, context: bytes) -> bytes:
    """The same for bytes that do not begin with a mark, such as JSON, in base64."""
    sealing = ring() if data else None
    return data if sealing is None else _SEALED + b64encode(sealing.seal(data, context))


def opened_bytes(kept: bytes, context: bytes) -> bytes:
    """What `sealed_bytes` kept. Raises NotAuthentic and KeyUnavailable."""
    if not kept.startswith(_SEALED):
        return kept
    opening = opening_ring()
    if opening is None:
        raise NotAuthentic()
    try:
        return opening.open(_from_base64(kept[len(_SEALED) :]), context)
    except NotBase64:
        raise NotAuthentic() from None


def _from_base64(text: str | bytes) -> bytes:
    """Raises NotBase64 where there is anything else in it."""
    try:
        return a2b_base64(text, strict_mode=True)
    except ValueError as error:  # letters beyond ASCII
        raise NotBase64() from error
