"""Conversion of videos. Runs only in the sandbox, because it decodes untrusted files.

A video is a file that opens as one of `CONTAINERS`, whatever its name. What browsers play is copied as it is: H.264 and
AAC into an MP4 whose index comes first, VP8, VP9 and AV1 with Opus or Vorbis into a WebM. Everything else becomes H.264
and AAC. Only the first picture and the first sound that is understood are kept: nothing that a camera tells of itself,
its place or its owner.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO

import av
import av.error
from av.bitstream import BitStreamFilterContext
from PIL import Image, ImageStat

from chatproject.core.sandbox.worker import Refused
from messaging.media import ffmpeg

__all__ = ["convert"]

#: FFmpeg's names of the allowed formats: MP4, MOV and 3GP are one, Matroska and WebM another.
CONTAINERS = "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2"
#: Decoders of pictures, and the forms of pixels in which browsers play what they decode; none: it is encoded anew.
PICTURES: dict[str, tuple[str, ...]] = {
    "h264": ("yuv420p", "yuvj420p"),
    "vp8": ("yuv420p",),
    "vp9": ("yuv420p",),
    "libvpx": ("yuv420p",),
    "libvpx-vp9": ("yuv420p",),
    "av1": ("yuv420p", "yuv420p10le"),
    "libdav1d": ("yuv420p", "yuv420p10le"),
    "hevc": (),
    "mpeg4": (),
    "h263": (),
    "mjpeg": (),
}
#: Decoders of sound beside PCM's.
SOUNDS = {
    "aac", "ac3", "alac", "amrnb", "amrwb", "eac3", "flac", "libopencore_amrnb", "libopencore_amrwb", "libopus", "mp3",
    "mp3float", "opus", "vorbis",
}  # fmt: skip

#: The longer side, and the frames of a second, of what is encoded here.
SIDE, RATE = 1280, 30
#: How pictures are encoded: constant quality, within what a phone's line carries.
X264 = {"preset": "veryfast", "crf": "26", "maxrate": "3M", "bufsize": "6M", "threads": "2", "rc-lookahead": "10"}
#: Seconds between two pictures from which a player can begin.
BEGINNING_SECONDS = 4
#: Ticks of a second in what is encoded here.
TICKS = 90_000
SAMPLES, SOUND_BITS = 48_000, 96_000
#: Seconds of sound that may be missing before what follows is moved to its time.
GAP_SECONDS = 0.1
#: Broken packets up to which a video is accepted.
BROKEN = 50
#: Of so many first frames each so-manieth is looked at for the poster; and how different its pixels have to be.
POSTER_FRAMES, POSTER_STEP, POSTER_DEVIATION = 90, 6, 12.0
#: The part of the seconds of processor after which it is foreseen how many more a video takes.
FORESEEN_AFTER = 0.05
#: H.264's units with notes of the camera: its place, its settings.
_WITHOUT_NOTES = "filter_units=remove_types=6"

Image.preinit()


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a video is written."""

    format: str
    mime_type: str
    copies_picture: bool
    copies_sound: bool
    codec: str  # of a sound that is encoded


@dataclass(slots=True)
class _Clock:
    """From when to when there is something, in seconds."""

    most: float
    first: float = math.inf
    last: float = -math.inf

    def see(self, begin: float, length: float = 0.0) -> None:
        self.first = min(self.first, begin)
        self.last = max(self.last, begin + max(0.0, length))
        if self.seconds > self.most:
            raise Refused("too_long")

    @property
    def seconds(self) -> float:
        return max(0.0, self.last - self.first)


def convert(
    source: BinaryIO,
    target: BinaryIO,
    thumbnail: BinaryIO,
    *,
    seconds: float,
    pixels: int,
    side: int,
    cpu: float,
    work: int | None = None,
) -> dict[str, Any]:
    """Write the video and its poster, a picture of at most `side` pixels; returns their types, sizes and the length.

    `cpu`: seconds of processor that it may take. With `work`, only what is copied is converted.

    Refuses: `not_a_video`, `no_pictures`, `too_long` (than `seconds`), `too_many_pixels` (than `pixels`), `damaged`,
    and `costly`.
    """
    with _opened(source) as given:
        picture, sound = _streams(given, pixels)
        if given.duration and given.duration / av.time_base > seconds + 1:
            raise Refused("too_long")
    try:
        poster, rotation = _poster(source, side)
        with _opened(source) as given:
            picture, sound = _streams(given, pixels)
            plan = _plan(picture, sound, rotation)
            if work is not None and not plan.copies_picture:
                raise Refused("costly")
            clock = _Clock(seconds)
            size = _write(given, picture, sound, target, plan, rotation, clock, cpu)
    except (av.error.FFmpegError, ValueError):
        raise Refused("damaged") from None
    if clock.last < clock.first:
        raise Refused("damaged")
    poster.save(thumbnail, "JPEG", quality=80)
    width, height = reversed(size) if rotation % 180 else size
    return {
        "mime_type": plan.mime_type,
        "width": width,
        "height": height,
        "duration": round(clock.seconds, 3),
        "thumbnail": {"mime_type": "image/jpeg", "width": poster.width, "height": poster.height},
    }


def _opened(source: BinaryIO) -> av.container.InputContainer:
    source.seek(0)
    try:
        return ffmpeg.opened(source, CONTAINERS)
    except (av.error.FFmpegError, ValueError):
        raise Refused("not_a_video") from None


def _streams(given: av.container.InputContainer, pixels: int) -> tuple[Any, Any]:
    """The picture, within the limit, and the sound or None."""
    pictures = [one for one in given.streams.video if not one.disposition & av.stream.Disposition.attached_pic]
    picture = next((one for one in pictures if _decoder(one) in PICTURES), None)
    if not pictures:
        raise Refused("no_pictures")
    if picture is None:
        raise Refused("not_a_video")
    if picture.width < 1 or picture.height < 1:
        raise Refused("damaged")
    if picture.width * picture.height > pixels:
        raise Refused("too_many_pixels")
    sounds = (one for one in given.streams.audio if _decoder(one) in SOUNDS or _decoder(one).startswith("pcm_"))
    return picture, next((one for one in sounds if one.codec_context.sample_rate), None)


def _decoder(stream: Any) -> str:
    return str(stream.codec_context.name) if stream.codec_context is not None else ""


def _plan(picture: Any, sound: Any, rotation: int) -> _Plan:
    copies = picture.pix_fmt in PICTURES[_decoder(picture)]
    heard = _decoder(sound) if sound is not None else ""
    # A WebM cannot say how a picture stands.
    if copies and _decoder(picture) != "h264" and not rotation:
        return _Plan("webm", "video/webm", True, heard in ("opus", "libopus", "vorbis"), "libopus")
    copies = copies and _decoder(picture) == "h264"
    return _Plan("mp4", "video/mp4", copies, heard in ("aac", "mp3", "mp3float"), "aac")


# The poster -----------------------------------------------------------------------------------------------------------


def _poster(source: BinaryIO, side: int) -> tuple[Image.Image, int]:
    """The first frame on which something is seen, upright; and how far the frames are to be turned, in degrees."""
    best: Image.Image | None = None
    most, rotation = -1.0, 0
    with _opened(source) as given:
        picture, _sound = _streams(given, 2**31)
        picture.thread_type = "NONE"
        for number, frame in enumerate(_frames(given, picture)):
            if number % POSTER_STEP:
                continue
            size = _scaled(*_displayed(frame.width, frame.height, picture.sample_aspect_ratio), side)
            seen = frame.to_image(width=size[0], height=size[1])
            rotation = frame.rotation if number == 0 else rotation
            deviation = ImageStat.Stat(seen.convert("L")).stddev[0]
            if deviation > most:
                best, most = seen, deviation
            if most >= POSTER_DEVIATION or number >= POSTER_FRAMES:
                break
    if best is None:
        raise Refused("damaged")
    rotation = round(rotation / 90) * 90 % 360
    return (best.rotate(rotation, expand=True) if rotation else best), rotation


def _frames(given: av.container.InputContainer, picture: Any) -> Iterator[Any]:
    for packet in given.demux(picture):
        yield from _decoded(picture, packet, _Broken())


class _Broken:
    """How many packets could not be read."""

    def __init__(self) -> None:
        self.count = 0


def _decoded(stream: Any, packet: Any, broken: _Broken) -> list[Any]:
    try:
        return list(stream.decode(packet))
    except av.error.EOFError:
        return []
    except av.error.FFmpegError:
        broken.count += 1
        if broken.count > BROKEN:
            raise
        return []


def _displayed(width: int, height: int, ratio: Fraction | None) -> tuple[int, int]:
    """The size in square pixels."""
    wide = width * ratio if ratio and Fraction(1, 4) <= ratio <= 4 else width
    return max(1, round(wide)), height


def _scaled(width: int, height: int, side: int) -> tuple[int, int]:
    by = min(1.0, side / max(width, height))
    return max(2, round(width * by / 2) * 2), max(2, round(height * by / 2) * 2)


# The video ------------------------------------------------------------------------------------------------------------


def _write(
    given: av.container.InputContainer,
    picture: Any,
    sound: Any,
    target: BinaryIO,
    plan: _Plan,
    rotation: int,
    clock: _Clock,
    cpu: float,
) -> tuple[int, int]:
    """Write it; returns its width and height, before it is turned."""
    index_first = {"movflags": "+faststart"} if plan.format == "mp4" else {"cues_to_front": "1"}
    broken = _Broken()
    with ffmpeg.written(target, plan.format, **index_first) as made:
        writers: dict[int, Any] = {}
        shown = (_CopiedPicture if plan.copies_picture else _EncodedPicture)(made, picture, rotation, clock)
        writers[picture.index] = shown
        if sound is not None:
            heard = _Copied(made, sound, clock) if plan.copies_sound else _EncodedSound(made, sound, plan.codec)
            writers[sound.index] = heard
        length = (given.duration or 0) / av.time_base
        for packet in given.demux(picture, *([sound] if sound is not None else [])):
            writers[packet.stream.index].take(packet, broken)
            if not plan.copies_picture:
                _require_little_work(clock.seconds, length, cpu)
        for one in writers.values():
            one.end()
    return shown.size


def _require_little_work(done: float, length: float, cpu: float) -> None:
    """Refuse early what will not be ready in time."""
    used = time.process_time()
    if used > FORESEEN_AFTER * cpu and length > 0 and used * length > cpu * max(done, 0.01):
        raise Refused("costly")


class _Copied:
    """A stream that is copied as it is."""

    def __init__(self, made: av.container.OutputContainer, given: Any, clock: _Clock) -> None:
        self._made, self._given, self._clock = made, given, clock
        self._stream = made.add_stream_from_template(given, opaque=True)
        self._last: int | None = None

    def take(self, packet: Any, broken: _Broken) -> None:
        if not packet.size:
            return
        if packet.dts is None:
            packet.dts = packet.pts if self._last is None else self._last + 1
        if packet.pts is None:
            packet.pts = packet.dts
        if self._last is not None and packet.dts <= self._last:  # two at one time: players want an order
            packet.dts = self._last + 1
            packet.pts = max(packet.pts, packet.dts)
        self._last = packet.dts
        self._clock.see(float(packet.pts * packet.time_base), float((packet.duration or 0) * packet.time_base))
        packet.stream = self._stream
        self._made.mux(packet)

    def end(self) -> None:
        """Nothing waits."""


class _CopiedPicture(_Copied):
    def __init__(self, made: av.container.OutputContainer, given: Any, rotation: int, clock: _Clock) -> None:
        super().__init__(made, given, clock)
        self.size = _displayed(given.width, given.height, given.sample_aspect_ratio)
        if rotation:
            self._stream.set_display_rotation(rotation)
        is_h264 = _decoder(given) == "h264"
        self._filter = BitStreamFilterContext(_WITHOUT_NOTES, given) if is_h264 else None

    def take(self, packet: Any, broken: _Broken) -> None:
        if self._filter is None or not packet.size:
            super().take(packet, broken)
            return
        try:
            cleaned = self._filter.filter(packet)
        except av.error.FFmpegError:
            broken.count += 1
            if broken.count > BROKEN:
                raise
            return
        for one in cleaned:
            super().take(one, broken)


class _EncodedPicture:
    """Pictures that are encoded anew."""

    def __init__(self, made: av.container.OutputContainer, given: Any, rotation: int, clock: _Clock) -> None:
        self._made, self._given, self._clock = made, given, clock
        given.thread_type, given.codec_context.thread_count = "AUTO", 2
        size = _displayed(given.width, given.height, given.sample_aspect_ratio)
        self.size = _scaled(*size, SIDE)
        self._stream: Any = made.add_stream("libx264", rate=RATE, options=X264)
        self._stream.width, self._stream.height = self.size
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, TICKS)
        self._stream.codec_context.gop_size = BEGINNING_SECONDS * RATE
        for name in ("color_range", "color_primaries", "color_trc", "colorspace"):
            setattr(self._stream.codec_context, name, getattr(given.codec_context, name))
        if rotation:
            self._stream.set_display_rotation(rotation)
        self._last: int | None = None

    def take(self, packet: Any, broken: _Broken) -> None:
        for frame in _decoded(self._given, packet, broken):
            at = self._ticks(frame)
            # Phones write 60 frames a second and more.
            if self._last is not None and at - self._last < 0.75 * TICKS / RATE:
                continue
            self._last = at
            self._clock.see(at / TICKS, 1 / RATE)
            small = frame.reformat(width=self.size[0], height=self.size[1], format="yuv420p")
            small.pts, small.time_base, small.pict_type = at, Fraction(1, TICKS), 0
            self._made.mux(self._stream.encode(small))

    def _ticks(self, frame: Any) -> int:
        if frame.pts is None or frame.time_base is None:
            return 0 if self._last is None else self._last + TICKS // RATE
        ticks: int = round(frame.pts * frame.time_base * TICKS)
        return ticks

    def end(self) -> None:
        if self._last is not None:
            self._made.mux(self._stream.encode(None))


class _EncodedSound:
    """Sound that is encoded anew, at the time at which it was heard."""

    def __init__(self, made: Any, given: Any, codec: str) -> None:
        self._made, self._given = made, given
        layout = "mono" if given.codec_context.channels == 1 else "stereo"
        self._form = ("s16" if codec == "libopus" else "fltp", layout, SAMPLES)
        self._stream: Any = made.add_stream(codec, rate=SAMPLES, layout=layout)
        self._stream.bit_rate = SOUND_BITS
        self._resampler, self._shape = av.AudioResampler(*self._form), ("", "", 0)
        self._at: int | None = None

    def take(self, packet: Any, broken: _Broken) -> None:
        for frame in _decoded(self._given, packet, broken):
            shape = (frame.format.name, frame.layout.name, frame.sample_rate)
            if shape != self._shape:  # the format may change in between, and a resampler handles one
                self._resampler, self._shape = av.AudioResampler(*self._form), shape
            self._place(frame)
            frame.pts = None
            self._encode(self._resampler.resample(frame))

    def _place(self, frame: Any) -> None:
        at = None
        if frame.pts is not None and frame.time_base is not None:
            at = round(frame.pts * frame.time_base * SAMPLES)
        if self._at is None or (at is not None and at - self._at > GAP_SECONDS * SAMPLES):
            self._at = at or 0

    def _encode(self, pieces: list[Any]) -> None:
        for piece in pieces:
            piece.pts, piece.time_base = self._at, Fraction(1, SAMPLES)
            self._at = (self._at or 0) + piece.samples
            self._made.mux(self._stream.encode(piece))

    def end(self) -> None:
        if self._at is not None:
            self._encode(self._resampler.resample(None))
            self._made.mux(self._stream.encode(None))
