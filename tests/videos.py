"""Videos for the tests, made while they run: tiny ones, red on the left and blue on the right."""

import io
import math
from array import array
from fractions import Fraction
from typing import Any

import av
import av.container
from PIL import Image

#: What a camera tells of itself.
NOTES = {
    "location": "+39.9087+116.3975/",
    "com.apple.quicktime.model": "hostile camera",
    "comment": "hostile notes",
    "title": "hostile title",
}


def video(
    container: str = "mp4",
    picture: str = "libx264",
    sound: str = "aac",
    *,
    size: tuple[int, int] = (64, 48),
    seconds: float = 0.6,
    rate: int = 20,
    pixels: str = "yuv420p",
    turned: int = 0,
    hole: float = 0.0,
    black: int = 0,
    options: dict[str, str] | None = None,
) -> bytes:
    """A video; without a codec it has no picture, or no sound.

    `hole`: seconds that are missing before its last picture. `black`: so many first pictures are. `turned`: degrees.
    """
    written = io.BytesIO()
    with av.open(written, "w", format=container, container_options=options or {}) as made:
        made.metadata.update(NOTES)
        seen: Any = None
        heard: Any = None
        if picture:
            seen = made.add_stream(picture, rate=rate)
            seen.width, seen.height, seen.pix_fmt = *size, pixels
            if turned:
                seen.set_display_rotation(turned)
        if sound:
            hertz = 8000 if "amr" in sound else 48_000
            heard = made.add_stream(sound, rate=hertz, layout="mono")
        if seen is not None:
            _draw(made, seen, size, round(seconds * rate), rate, hole, black)
        if heard is not None:
            _sing(made, heard, hertz, seconds)
    return written.getvalue()


def _draw(made: Any, seen: Any, size: tuple[int, int], count: int, rate: int, hole: float, black: int) -> None:
    both = Image.new("RGB", size, "#c0392b")
    both.paste("#2980b9", (size[0] // 2, 0, *size))
    night = Image.new("RGB", size)
    for number in range(count):
        frame = av.VideoFrame.from_image(night if number < black else both)
        frame.pts = number + (round(hole * rate) if number == count - 1 else 0)
        frame.time_base = Fraction(1, rate)
        made.mux(seen.encode(frame))
    made.mux(seen.encode(None))


def _sing(made: Any, heard: Any, hertz: int, seconds: float) -> None:
    samples = array(
        "h", (round(9000 * math.sin(at / hertz * 2 * math.pi * 440)) for at in range(round(seconds * hertz)))
    )
    whole = av.AudioFrame("s16", "mono", len(samples))
    whole.planes[0].update(samples.tobytes().ljust(whole.planes[0].buffer_size, b"\0"))
    whole.sample_rate, whole.pts, whole.time_base = hertz, 0, Fraction(1, hertz)
    context = heard.codec_context
    resampler = av.AudioResampler(context.format.name, "mono", hertz, context.frame_size or None)
    for piece in (*resampler.resample(whole), *resampler.resample(None)):
        made.mux(heard.encode(piece))
    made.mux(heard.encode(None))


class Seen:
    """What is in a video."""

    def __init__(self, content: bytes) -> None:
        with av.open(io.BytesIO(content), "r") as opened:
            self.format = opened.format.name
            self.metadata = {**opened.metadata}
            self.codecs = [one.codec_context.name for one in opened.streams]
            self.said = [{**one.metadata} for one in opened.streams]
            self.frames: list[Any] = list(opened.decode(video=0))
        self.size = self.frames[0].width, self.frames[0].height
        self.turned = self.frames[0].rotation
        self.length = float(self.frames[-1].time - self.frames[0].time)
        self.sound = self._sound(content)

    @staticmethod
    def _sound(content: bytes) -> float:
        """Seconds of sound."""
        with av.open(io.BytesIO(content), "r") as opened:
            if not opened.streams.audio:
                return 0.0
            frames: list[Any] = list(opened.decode(audio=0))
            return float(sum(frame.samples / frame.sample_rate for frame in frames))


def pictures_of(content: bytes) -> list[bytes]:
    """The packets of the picture, as they are stored."""
    with av.open(io.BytesIO(content), "r") as opened:
        return [bytes(packet) for packet in opened.demux(video=0) if packet.size]
