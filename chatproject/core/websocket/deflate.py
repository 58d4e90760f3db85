"""Compressed messages (permessage-deflate, RFC 7692), each for itself: no connection keeps a compressor.

Without context between messages (both sides: `no_context_takeover`), a compressed frame is the same for every
reader, so what leaves for many sockets is compressed once.
"""

import zlib
from functools import lru_cache

from websockets.exceptions import InvalidHeader, NegotiationError
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.headers import build_extension, parse_extension

from chatproject.core.hub import frame, texts_of

#: Bytes of a text from which it is compressed: of a shorter one hardly anything is saved.
TEXT_MIN = 512
#: Bytes of frames from which they are compressed by a thread: half a millisecond of work.
THREAD_MIN = 64 * 1024
#: Bytes that a client's message may unpack to. The consumer answers what has more than 64 KiB with an error.
UNPACKED_MAX = 128 * 1024
#: Bytes of a text up to which a small window is worth it: the default one takes longer to clear than to fill.
_SMALL = 4096
_LEVEL = 3

#: The first byte of a frame with a whole compressed text.
_COMPRESSED_TEXT = 0x81 | 0x40
#: The end of a block that RFC 7692 leaves out (7.2.1).
_TAIL = b"\x00\x00\xff\xff"

_negotiation = ServerPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True)


class Unreadable(Exception):
    """A message that is not compressed as it says."""


class TooLong(Exception):
    """A message that unpacks to more than UNPACKED_MAX bytes."""


def agreed(offers: list[str]) -> str | None:
    """The answer to a client's Sec-WebSocket-Extensions; None where it offers no compression that we have.

    A window that is smaller than ours cannot be asked of us: frames are compressed once for all.
    """
    try:
        extensions = [extension for offer in offers for extension in parse_extension(offer)]
    except InvalidHeader:
        return None
    for name, parameters in extensions:
        if name != _negotiation.name:
            continue
        try:
            answer, agreement = _negotiation.process_request_params(parameters, [])
        except NegotiationError:
            continue
        if agreement.local_max_window_bits == zlib.MAX_WBITS:
            return build_extension([(_negotiation.name, answer)])
    return None


@lru_cache(maxsize=16)
def compressed(frames: bytes) -> bytes:
    """Text frames with their long texts compressed."""
    return b"".join(frame(text) if len(text) < TEXT_MIN else _packed(text) for text in texts_of(frames))


def _packed(text: bytes) -> bytes:
    window, memory = (-12, 5) if len(text) <= _SMALL else (-zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL)
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, window, memory)
    packed = (compressor.compress(text) + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(_TAIL)
    return frame(packed, _COMPRESSED_TEXT)


def unpacked(payload: bytes) -> bytes:
    """A client's compressed message. Raises Unreadable or TooLong."""
    decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        text = decompressor.decompress(payload + _TAIL, UNPACKED_MAX + 1)
    except zlib.error as error:
        raise Unreadable from error
    if len(text) > UNPACKED_MAX:
        raise TooLong
    return text
