"""Conversion of voice recordings. Runs only in the sandbox, because it decodes untrusted files.

Browsers record Opus in WebM, Ogg or MP4, and AAC, ALAC or PCM in MP4; files are MP3, WAV or M4A.
The result is what every browser plays: AAC, one channel, in an M4A whose index comes first.
"""

from array import array
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, BinaryIO

import av
import av.error

from chatproject.core.sandbox.worker import Refused
from messaging.media import ffmpeg

__all__ = ["convert"]

#: FFmpeg's names of the allowed formats.
CONTAINERS = "matroska,webm,ogg,mov,mp4,m4a,3gp,3g2,mj2,wav,mp3,aac"
CODECS = {"aac", "alac", "flac", "mp3", "mp3float", "opus", "libopus", "vorbis"}

RATE = 32_000
BITS = 48_000
PEAKS = 64
#: Samples per block, 20 ms: one peak each, because the length is known only at the end.
BLOCK = RATE // 50
#: Broken packets up to which a recording is accepted.
BROKEN = 20
#: The part of the louder side's power below which two sides together count as cancelled out: one side
#: alone leaves a quarter of it. Looked at is one sample of so many.
CANCELLED, SPARSE = 0.05, 16
#: The part of full scale below which there is only the microphone's own noise.
SILENCE = 0.005


def convert(source: BinaryIO, target: BinaryIO, *, seconds: float, work: int | None = None) -> dict[str, Any]:
    """Write the recording; returns its description.

    `waveform`: `PEAKS` integers, 100 the loudest, all 0 for silence.

    `work` is not asked about: a small file is soon read.

    Refuses: `not_a_recording`, `has_pictures`, `no_sound`, `too_long` (than `seconds`), `damaged`.
    """
    try:
        recording = ffmpeg.opened(source, CONTAINERS)
    except (av.error.FFmpegError, ValueError):
        raise Refused("not_a_recording") from None
    with recording:
        samples, peaks = _transcode(_samples(recording, seconds), target)
    if not samples:
        raise Refused("no_sound")
    return {
        "mime_type": "audio/mp4",
        "duration": round(samples / RATE, 3),
        "waveform": _waveform(peaks),
    }


def _samples(recording: av.container.InputContainer, seconds: float) -> Iterator[av.AudioFrame]:
    """The first audio stream, as mono at `RATE`. Refuses a video."""
    if not recording.streams.audio:
        raise Refused("no_sound")
    sound = recording.streams.audio[0]
    codec = sound.codec_context
    if codec.name not in CODECS and not codec.name.startswith("pcm_"):
        raise Refused("not_a_recording")
    length = broken = 0
    resampler, shape = _resampler("mono"), None
    is_wide: bool | None = None
    wide: list[av.AudioFrame] = []
    try:
        for packet in recording.demux():
            if packet.stream.type == "video" and packet.size and not _is_cover(packet.stream):
                raise Refused("has_pictures")
            if packet.stream is not sound:
                continue
            try:
                frames = sound.decode(packet)
            except av.error.FFmpegError:
                broken += 1
                if broken > BROKEN:
                    raise
                continue
            for frame in frames:
                if is_wide is None:
                    is_wide = frame.layout.nb_channels > 1
                now = (frame.format.name, frame.layout.name, frame.sample_rate)
                if now != shape:  # the format may change in between, and a resampler handles one
                    resampler, shape = _resampler("stereo" if is_wide else "mono"), now
                frame.pts = None
                for piece in resampler.resample(frame):
                    length += piece.samples
                    if length > seconds * RATE:
                        raise Refused("too_long")
                    if is_wide:
                        wide.append(piece)
                    else:
                        yield piece
        if shape is not None:
            last = resampler.resample(None)
            yield from _narrowed([*wide, *last]) if is_wide else last
    except (av.error.FFmpegError, ValueError):
        raise Refused("damaged") from None


def _resampler(layout: str) -> av.AudioResampler:
    return av.AudioResampler("s16", layout, RATE)


def _narrowed(wide: list[av.AudioFrame]) -> Iterator[av.AudioFrame]:
    """Stereo as mono: the middle of both sides, or one of them where both together cancel out."""
    side = _side_of_what_cancels_out(wide)
    if side is None:
        resampler = _resampler("mono")
        for frame in wide:
            frame.pts = None
            yield from resampler.resample(frame)
        yield from resampler.resample(None)
        return
    for frame in wide:
        one = av.AudioFrame("s16", "mono", frame.samples)
        one.sample_rate = RATE
        samples = _side(frame, side).tobytes()
        one.planes[0].update(samples.ljust(one.planes[0].buffer_size, b"\0"))
        yield one


def _side_of_what_cancels_out(wide: list[av.AudioFrame]) -> int | None:
    """The louder side, if little is left of both together; None if they may be mixed."""
    left = right = both = 0
    for frame in wide:
        for one, other in zip(_side(frame, 0)[::SPARSE], _side(frame, 1)[::SPARSE], strict=True):
            left += one * one
            right += other * other
            both += (one + other) ** 2 // 4
    if both >= CANCELLED * max(left, right):
        return None
    return int(right > left)


def _side(frame: av.AudioFrame, number: int) -> "array[int]":
    samples = array("h")
    samples.frombytes(bytes(frame.planes[0])[: frame.samples * 4])
    return samples[number::2]


def _is_cover(stream: av.stream.Stream) -> bool:
    """Whether a video stream is the cover picture of a piece of music, which is ignored."""
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _transcode(sound: Iterator[av.AudioFrame], target: BinaryIO) -> tuple[int, list[int]]:
    """The number of samples written, and the peak of each block."""
    samples, peaks, waiting = 0, [], array("h")
    with ffmpeg.written(target, "ipod", movflags="+faststart") as written:
        stream = written.add_stream("aac", rate=RATE, layout="mono")
        stream.bit_rate = BITS
        for piece in sound:
            piece.pts = samples
            samples += piece.samples
            waiting.frombytes(bytes(piece.planes[0])[: piece.samples * 2])
            while len(waiting) >= BLOCK:
                peaks.append(_peak(waiting[:BLOCK]))
                del waiting[:BLOCK]
            written.mux(stream.encode(piece))
        if samples:
            written.mux(stream.encode(None))
    if waiting:
        peaks.append(_peak(waiting))
    return samples, peaks


def _peak(block: "array[int]") -> int:
    loudest, lowest = max(block), min(block)
    return max(loudest, -lowest)


def _waveform(peaks: list[int]) -> list[int]:
    if max(peaks) < SILENCE * 0x8000:
        return [0] * PEAKS
    # So that the click at the start of many recordings does not flatten the rest.
    full = max(sorted(peaks)[len(peaks) * 95 // 100], max(peaks) / 2)
    starts = [place * len(peaks) // PEAKS for place in range(PEAKS + 1)]
    bars = (peaks[start : max(end, start + 1)] for start, end in pairwise(starts))
    return [min(100, round(100 * max(bar) / full)) for bar in bars]
