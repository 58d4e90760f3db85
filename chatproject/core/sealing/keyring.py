"""Seals bytes with AES-256-GCM. A sealed value says which data key opens it, and is bound to its context."""

import os
from collections.abc import Callable, Mapping
from struct import Struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

#: The first byte of a sealed value. The number of its key follows, in five bytes: in base64 both are whole characters.
VERSION = 1
_HEAD = Struct(">BxI")
_NONCE_BYTES, _TAG_BYTES = 12, 16
_BODY = _HEAD.size + _NONCE_BYTES
KEY_BYTES = 32
#: So many numbers after the current one may be those of keys that other processes have made.
_AHEAD_MAX = 100
#: Bytes that sealing adds.
OVERHEAD = _HEAD.size + _NONCE_BYTES + _TAG_BYTES


class NotAuthentic(Exception):
    """This was not sealed here in this context, or is damaged."""


class UnknownKey(NotAuthentic):
    """No key of the installation has this number, or it is no sealed value at all."""


class KeyRing:
    """The data keys of an installation: the newest seals, each opens what it sealed. Threads may share it.

    `look_up` gives all keys that there are now, by their numbers: another process may have made one.
    """

    def __init__(self, keys: Mapping[int, bytes], look_up: Callable[[], Mapping[int, bytes]] | None = None) -> None:
        self._look_up = look_up
        self._derived: dict[tuple[int, bytes], bytes] = {}
        self._take(keys)

    def _take(self, keys: Mapping[int, bytes]) -> None:
        self._keys = dict(keys)
        # By how what they have sealed begins.
        self._ciphers = {_HEAD.pack(VERSION, number): AESGCM(key) for number, key in keys.items()}
        current = max(keys)
        head = _HEAD.pack(VERSION, current)
        # In one step, for threads that seal meanwhile.
        self._sealing = (head, self._ciphers[head].encrypt)
        self.current = current

    @property
    def numbers(self) -> list[int]:
        """Of all keys, the oldest first."""
        return sorted(self._keys)

    def knows(self, number: int) -> bool:
        """Whether there is a key with this number."""
        if self.current < number < self.current + _AHEAD_MAX:
            self.refresh()
        return number in self._keys

    def refresh(self) -> None:
        """Learn of keys that other processes made."""
        if self._look_up is not None:
            keys = self._look_up()
            if keys.keys() - self._keys.keys():
                self._take(keys)

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Version, number of the key, nonce, ciphertext with its tag. The same context opens it."""
        head, encrypt = self._sealing
        nonce = os.urandom(_NONCE_BYTES)
        return head + nonce + encrypt(nonce, plain, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """What was sealed in this context. Raises NotAuthentic."""
        cipher = self._ciphers.get(sealed[: _HEAD.size])
        if cipher is None or len(sealed) < OVERHEAD:
            cipher = self._new_cipher(sealed)
        try:
            return cipher.decrypt(sealed[_HEAD.size : _BODY], sealed[_BODY:], context)
        except InvalidTag:
            raise NotAuthentic() from None

    def _new_cipher(self, sealed: bytes) -> AESGCM:
        number = key_number(sealed)
        if not self.knows(number):
            raise UnknownKey()
        return self._ciphers[sealed[: _HEAD.size]]

    def derive(self, purpose: bytes) -> tuple[int, bytes]:
        """The number of the current data key, and 32 bytes made of it for this purpose alone."""
        number = self.current
        return number, self.derived(number, purpose)

    def derived(self, number: int, purpose: bytes) -> bytes:
        """The 32 bytes that `derive` gave, or gives, with this number. Raises NotAuthentic where no key has it."""
        known = self._derived.get((number, purpose))
        if known is not None:
            return known
        if not self.knows(number):
            raise UnknownKey()
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"chat:" + purpose).derive(self._keys[number])
        self._derived[number, purpose] = derived
        return derived


def key_number(sealed: bytes) -> int:
    """The number of the key that opens this; 0 where it is no sealed value."""
    if len(sealed) < OVERHEAD or sealed[0] != VERSION or sealed[1]:
        return 0
    number: int = _HEAD.unpack_from(sealed)[1]
    return number
