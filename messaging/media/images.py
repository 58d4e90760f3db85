"""Conversion of pictures. Runs only in the sandbox, because it decodes untrusted files.

A picture is a file that decodes as one of `FORMATS`, whatever its name. The result is encoded anew
from the pixels: upright, in sRGB, without metadata, comments or trailing bytes.
"""

import io
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import pillow_heif
from PIL import (  # all imported here: in the sandbox nothing more can be loaded
    ExifTags,
    GifImagePlugin,
    Image,
    ImageCms,
    ImageFile,
    ImageOps,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from chatproject.core.sandbox.worker import Refused

__all__ = ["convert", "square"]

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "HEIF")
_LOADED = (GifImagePlugin, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin)

#: The longest side that JPEG and WebP can have.
SIDES = {"JPEG": 65_500, "PNG": 65_500, "WEBP": 16_383}
#: Pixels of a picture that stays lossless, and of one with transparency: beyond that both are too
#: costly.
LOSSLESS = 8_000_000
#: Pixels up to which a picture counts as a small graphic.
SMALL = 256 * 256
#: Pixels a JPEG may have in all its scans together.
SCANNED = 750_000_000
#: Bytes of a colour profile that is read; a camera's has some hundred, a scanner's some thousand.
PROFILE = 1024 * 1024
#: A picture may become so many times as large as its file was, up to `LARGEST` bytes; `ALWAYS` is
#: never too much.
GROWTH, ALWAYS, LARGEST = 3, 1024 * 1024, 10 * 1024 * 1024
#: An animation is read if it has so many times the pixels that are kept of one.
READ = 3
#: Milliseconds of a frame of an animation.
SHORTEST, LONGEST = 20, 10_000

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

warnings.simplefilter("ignore")
# A picture whose last bytes are missing shows what is there, as in every viewer; see `_require_seen`.
ImageFile.LOAD_TRUNCATED_IMAGES = True
pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, decode_threads=1)
Image.preinit()
_SRGB = ImageCms.createProfile("sRGB")


def convert(
    source: BinaryIO,
    target: BinaryIO,
    thumbnail: BinaryIO,
    *,
    pixels: int,
    frames: int,
    animation: int,
    side: int,
    work: int | None = None,
) -> dict[str, Any]:
    """Write the picture and its thumbnail; returns their types and sizes.

    Limits: `pixels` of the picture, `side` of the thumbnail in pixels, `frames` of an animation, and
    the pixels of all its frames: above `animation` they become smaller, above `READ` times that, or
    where it stays too large, only the first one is kept, and `is_still` says so.

    Of a file that ends too early, what is there is kept.

    Refuses: `not_a_picture`, `too_many_pixels`, `damaged`, and `costly` where there are more pixels
    to read than `work`.
    """
    most = _most(source)
    with _opened(source, pixels) as picture:
        frame_count = _frame_count(picture)
        moves = 1 < frame_count <= frames and frame_count * math.prod(picture.size) <= READ * animation
        _require_little_work(picture, frame_count if moves else 1, work)
        first = _upright(picture)
        _require_size(first, pixels)  # the header was wrong
        _require_seen(first, source)
        is_drawn = _is_drawn(picture, source)
        made = _save_animation(picture, frame_count, target, animation, most) if moves else None
        if made is None:
            first = _within(first, LOSSLESS) if _is_see_through(first) else first
            made = _save_within(first, target, _format_for(first, picture.format, is_drawn=is_drawn), most)
            moves = False
        first.thumbnail((side, side), reducing_gap=3.0)
        small_format = _save(first, thumbnail, "WEBP" if _is_see_through(first) else "JPEG")
    return {
        **_described(*made),
        "is_still": frame_count > 1 and not moves,
        "thumbnail": _described(small_format, first.size),
    }


def square(source: BinaryIO, target: BinaryIO, *, pixels: int, side: int, work: int | None = None) -> dict[str, Any]:
    """Write the centre of a picture, or of an animation's first frame, as a square of at most
    `side` pixels.

    Refuses as `convert` does.
    """
    with _opened(source, pixels) as picture:
        _require_little_work(picture, 1, work)
        first = _upright(picture)
        _require_size(first, pixels)
        _require_seen(first, source)
        side = min(side, *first.size)
        made = ImageOps.fit(first, (side, side))
        return _described(_save(made, target, "WEBP"), made.size)


@contextmanager
def _opened(source: BinaryIO, pixels: int) -> Iterator[ImageFile.ImageFile]:
    """Context manager that opens a picture within the size limits.

    Errors inside it become refusals.
    """
    Image.MAX_IMAGE_PIXELS = pixels
    try:
        with Image.open(source, formats=FORMATS) as picture:
            _require_size(picture, pixels)
            _require_few_scans(picture, source)
            yield picture
    except Image.DecompressionBombError:
        raise Refused("too_many_pixels") from None
    except UnidentifiedImageError:
        raise Refused("not_a_picture") from None
    except _BROKEN as broken:
        if _is_ours(broken):
            raise
        raise Refused("damaged") from broken


#: Exceptions of decoders for truncated or contradictory files.
_BROKEN = (
    ArithmeticError, AttributeError, EOFError, LookupError, OSError, RuntimeError, SyntaxError, TypeError, ValueError,
)  # fmt: skip


def _is_ours(error: Exception) -> bool:
    """Whether an error is the kernel's, for a full disk or the file size limit: only those have an
    errno.
    """
    return isinstance(error, OSError) and error.errno is not None


def _require_size(picture: Image.Image, pixels: int) -> None:
    width, height = picture.size
    if width < 1 or height < 1:
        raise Refused("damaged")
    if width * height > pixels or max(width, height) > SIDES["JPEG"]:
        raise Refused("too_many_pixels")


def _require_seen(picture: Image.Image, source: BinaryIO) -> None:
    """Refuse a file of which nothing could be decoded: then all pixels are alike, and it is broken."""
    if any(low != high for low, high in (picture.getchannel(band).getextrema() for band in picture.getbands())):
        return
    place = source.tell()
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        source.seek(0)
        strictly = Image.open(io.BytesIO(source.read()), formats=FORMATS)
        strictly.load()
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        source.seek(place)


def _require_little_work(picture: Image.Image, frames: int, work: int | None) -> None:
    if work is not None and math.prod(picture.size) * frames > work:
        raise Refused("costly")


def _require_few_scans(picture: ImageFile.ImageFile, source: BinaryIO) -> None:
    """Refuse a JPEG with too many scans: each is decoded, a file can claim thousands, and ten are
    normal.
    """
    if picture.format not in ("JPEG", "MPO"):
        return
    place, scans, end = source.tell(), 0, b""
    source.seek(0)
    while piece := source.read(1024 * 1024):
        scans += (end + piece).count(b"\xff\xda")
        end = piece[-1:]
    source.seek(place)
    if scans * math.prod(picture.size) > SCANNED:
        raise Refused("damaged")


def _frame_count(picture: ImageFile.ImageFile) -> int:
    """The number of frames of an animation; 1 for everything else, also for a file with several
    pictures.
    """
    if picture.format not in ("GIF", "PNG", "WEBP"):
        return 1
    count: int = getattr(picture, "n_frames", 1)
    picture.seek(0)
    return count


def _is_drawn(picture: Image.Image, source: BinaryIO) -> bool:
    """Whether a lossless picture compresses like drawings and screenshots do, and photographs do
    not.
    """
    pixels = math.prod(picture.size)
    return pixels <= SMALL or source.seek(0, io.SEEK_END) <= pixels


def _upright(picture: ImageFile.ImageFile) -> Image.Image:
    """The pixels of the present frame as RGB, RGBA or L, upright and in sRGB."""
    turn = _turn(picture)
    picture.load()
    profile = picture.info.get("icc_profile")
    plain = _in_srgb(_in_eight_bits(picture), profile)
    if turn is not None:
        plain = plain.transpose(turn)
    if plain is picture:
        plain = picture.copy()
    plain.info.clear()
    return plain


def _turn(picture: Image.Image) -> Image.Transpose | None:
    try:
        return _TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except _BROKEN:
        return None


def _in_eight_bits(picture: Image.Image) -> Image.Image:
    if picture.mode == "I" or picture.mode.startswith("I;16"):  # a PNG of 16 bits of grey; Pillow's `convert` would cut
        return picture.point(lambda value: value / 256).convert("L")
    return picture


def _in_srgb(picture: Image.Image, profile: Any) -> Image.Image:
    """Convert a picture to sRGB by its embedded profile; without a valid one it stays unchanged."""
    mode = "RGBA" if picture.has_transparency_data else "L" if picture.mode in ("1", "L") else "RGB"
    if picture.mode not in (mode, "CMYK"):
        picture = picture.convert(mode)
    if isinstance(profile, bytes) and len(profile) <= PROFILE and mode != "L":
        try:
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "sRGB" not in ImageCms.getProfileDescription(own):
                seen = ImageCms.profileToProfile(picture, own, _SRGB, outputMode="RGB")
                assert seen is not None
                if mode == "RGBA":
                    seen.putalpha(picture.getchannel("A"))
                return seen
        except (ImageCms.PyCMSError, *_BROKEN):
            pass  # a profile for another colour space, or a broken one
    return picture.convert(mode) if picture.mode != mode else picture


def _is_see_through(picture: Image.Image) -> bool:
    if picture.mode != "RGBA":
        return False
    return picture.getchannel("A").getextrema() != (255, 255)


def _within(picture: Image.Image, pixels: int) -> Image.Image:
    too_large = math.prod(picture.size) / pixels
    if too_large <= 1:
        return picture
    by = math.sqrt(too_large)
    return picture.resize((max(1, int(picture.width / by)), max(1, int(picture.height / by))), reducing_gap=2.0)


def _format_for(picture: Image.Image, came_as: str | None, *, is_drawn: bool) -> str:
    """The format to write: PNG for graphics, JPEG for photographs, WebP for photographs with
    transparency.
    """
    is_lossless = came_as in ("PNG", "GIF") and is_drawn and math.prod(picture.size) <= LOSSLESS
    if is_lossless:
        return "PNG"
    if _is_see_through(picture):
        return "WEBP" if max(picture.size) <= SIDES["WEBP"] else "PNG"
    return "JPEG"


def _most(source: BinaryIO) -> int:
    """The bytes that a picture made of this file may have."""
    size = source.seek(0, io.SEEK_END)
    source.seek(0)
    return min(max(size * GROWTH, ALWAYS), LARGEST)


def _save_within(picture: Image.Image, target: BinaryIO, format_: str, most: int) -> tuple[str, tuple[int, int]]:
    """Save a picture in at most so many bytes: worse, and in the end smaller, until it fits."""
    lossy = "WEBP" if _is_see_through(picture) and max(picture.size) <= SIDES["WEBP"] else "JPEG"
    tries = [(format_, 85)] if format_ != lossy else []
    for one, quality in (*tries, (lossy, 85), (lossy, 65)):
        if _fits(picture, target, one, most, quality):
            return one, picture.size
    while True:
        picture = _within(picture, math.prod(picture.size) // 2)
        if _fits(picture, target, lossy, most, 65):
            return lossy, picture.size


def _fits(picture: Image.Image, target: BinaryIO, format_: str, most: int, quality: int) -> bool:
    limited = _Limited(most)
    try:
        _save(picture, limited, format_, quality)
    except _DoesNotFit:
        return False
    target.write(limited.getbuffer())
    return True


class _DoesNotFit(Exception):
    pass


class _Limited(io.BytesIO):
    """A file in memory that breaks off what would become too large."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def write(self, piece: Any) -> int:
        if self.tell() + len(piece) > self._most:
            raise _DoesNotFit
        return super().write(piece)


def _save(picture: Image.Image, target: BinaryIO, format_: str, quality: int = 85) -> str:
    if picture.mode == "RGBA" and not _is_see_through(picture):
        picture = picture.convert("RGB")
    match format_:
        case "JPEG":
            picture.convert("RGB").save(target, "JPEG", quality=quality)
        case "PNG":
            picture.save(target, "PNG", compress_level=6 if math.prod(picture.size) <= 1_000_000 else 3)
        case _:
            picture.save(target, "WEBP", quality=quality, method=1)
    return format_


def _save_animation(
    picture: ImageFile.ImageFile, count: int, target: BinaryIO, pixels: int, most: int
) -> tuple[str, tuple[int, int]] | None:
    """Save all frames, scaled to so many pixels in all of them and so many bytes; None if they do
    not fit.
    """
    loop, turn = picture.info.get("loop", 1), _turn(picture)
    each = min(pixels // count, SIDES["WEBP"] ** 2)
    frames: list[Image.Image] = []
    durations: list[int] = []
    for number in range(count):
        try:
            picture.seek(number)
            picture.load()
        except _BROKEN as broken:
            if _is_ours(broken) or not frames:
                raise
            break  # the file ends too early
        frame = _within(picture.convert("RGBA"), each)
        frame.info.clear()
        frames.append(frame if turn is None else frame.transpose(turn))
        durations.append(_duration(picture.info.get("duration")))
    for quality in (75, 50):
        limited = _Limited(most)
        try:
            frames[0].save(
                limited,
                "WEBP",
                save_all=True,
                append_images=frames[1:],
                duration=durations,
                loop=loop if isinstance(loop, int) and 0 <= loop <= 1000 else 0,
                quality=quality,
                method=0,
            )
        except _DoesNotFit:
            frames = [_within(frame, math.prod(frame.size) // 2) for frame in frames]
        else:
            target.write(limited.getbuffer())
            return "WEBP", frames[0].size
    return None


def _duration(given: Any) -> int:
    milliseconds = int(given) if isinstance(given, int | float) and math.isfinite(given) else 0
    # Browsers show shorter durations as 100 ms.
    return 100 if milliseconds < SHORTEST else min(milliseconds, LONGEST)


def _described(format_: str, size: tuple[int, int]) -> dict[str, Any]:
    return {
        "mime_type": f"image/{format_.lower()}",
        "width": size[0],
        "height": size[1],
    }
