"""The wrapping key: opens the data keys, and is kept where neither the database nor the files are.

ENCRYPTION_KEY, ENCRYPTION_KEY_FILE or ENCRYPTION_KEY_COMMAND give it. Without one a random key is made once, in a file
of its own in DATA_DIR.
"""

import os
import secrets
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

#: The name in DATA_DIR of a key that was made here.
FILE = "encryption_key"
_NAMES = ("ENCRYPTION_KEY", "ENCRYPTION_KEY_FILE", "ENCRYPTION_KEY_COMMAND")
_LENGTH_MIN = 32
_NONCE_BYTES = 12
#: Seconds for a command to print the key: it may ask a server.
_COMMAND_SECONDS = 30


class KeyUnavailable(Exception):
    """What is sealed cannot be opened here; the text says in one sentence why and what to do."""


def wrapping_key(*, makes: bool) -> bytes | None:
    """The text of the wrapping key. Without one it is made if `makes` says so, and None otherwise.

    Raises KeyUnavailable.
    """
    given = [name for name in _NAMES if getattr(settings, name)]
    if len(given) > 1:
        raise KeyUnavailable(f"{' and '.join(given)} each name a key: give one of them.")
    match given:
        case ["ENCRYPTION_KEY"]:
            return _strong("ENCRYPTION_KEY", settings.ENCRYPTION_KEY.encode())
        case ["ENCRYPTION_KEY_FILE"]:
            return _strong("ENCRYPTION_KEY_FILE", _read("ENCRYPTION_KEY_FILE", Path(settings.ENCRYPTION_KEY_FILE)))
        case ["ENCRYPTION_KEY_COMMAND"]:
            return _strong("ENCRYPTION_KEY_COMMAND", _printed(settings.ENCRYPTION_KEY_COMMAND))
    return _own(makes=makes)


def former_keys() -> Iterator[bytes]:
    """Keys that may have wrapped a data key earlier: ENCRYPTION_KEY_FALLBACKS, and the one that was made here."""
    for key in settings.ENCRYPTION_KEY_FALLBACKS:
        yield key.strip().encode()
    own = _own(makes=False)
    if own is not None:
        yield own


def source() -> str:
    """Where the wrapping key comes from, for operators."""
    given = [name for name in _NAMES if getattr(settings, name)]
    return " and ".join(given) or str(own_path())


def has_own_key() -> bool:
    """Whether the wrapping key is the one in DATA_DIR."""
    return not any(getattr(settings, name) for name in _NAMES)


def own_path() -> Path:
    return Path(settings.DATA_DIR, FILE)


def wrap(key: bytes, number: int, wrapping: bytes) -> bytes:
    """A data key as it is stored."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _cipher(wrapping).encrypt(nonce, key, _place(number))


def unwrap(wrapped: bytes, number: int, wrapping: bytes) -> bytes | None:
    """A data key again; None where another key wrapped it."""
    try:
        return _cipher(wrapping).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], _place(number))
    except (InvalidTag, ValueError):
        return None


def _place(number: int) -> bytes:
    return b"data key:%d" % number


def _cipher(wrapping: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=b"chat:wrapping").derive(wrapping))


def _own(*, makes: bool) -> bytes | None:
    path = own_path()
    if makes and not path.exists():
        # Written to another file and linked: of processes that start at once, all use the key of the first.
        draft = path.with_name(f".{FILE}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_urlsafe(48).encode())
                file.flush()
                os.fsync(file.fileno())
            path.hardlink_to(draft)
            folder = os.open(path.parent, os.O_RDONLY)
            os.fsync(folder)  # before anything is sealed with it
            os.close(folder)
        except FileExistsError:
            pass
        except OSError as error:
            raise KeyUnavailable(f"{path} cannot be written: {error.strerror}.") from error
        finally:
            draft.unlink(missing_ok=True)
    return _strong(str(path), _read(str(path), path)) if path.exists() else None


def _read(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes().strip()
    except OSError as error:
        raise KeyUnavailable(f"{name}: {path} cannot be read: {error.strerror}.") from error


def _printed(command: str) -> bytes:
    """What a command prints. Nothing of it is told: it may be the key."""
    try:
        done = subprocess.run(  # noqa: S603
            shlex.split(command), capture_output=True, timeout=_COMMAND_SECONDS, check=True, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise KeyUnavailable(f"ENCRYPTION_KEY_COMMAND: it did not end within {_COMMAND_SECONDS} seconds.") from None
    except subprocess.CalledProcessError as error:
        raise KeyUnavailable(f"ENCRYPTION_KEY_COMMAND: it ended with {error.returncode}.") from None
    except (OSError, ValueError) as error:
        raise KeyUnavailable(f"ENCRYPTION_KEY_COMMAND: it cannot be run: {error}.") from None
    return done.stdout.strip()


def _strong(name: str, key: bytes) -> bytes:
    if len(key) < _LENGTH_MIN or len(set(key)) < 10:
        raise KeyUnavailable(
            f"{name}: the key is weak. Give at least {_LENGTH_MIN} random characters, as `openssl rand -hex 32` prints "
            "them."
        )
    return key
