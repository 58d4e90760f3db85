"""Conversion of uploaded files in the sandbox: a clean result, or a refusal with one code."""

import contextlib
import io
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import pytest
from django.utils import translation
from PIL import Image, ImageCms, ImageDraw, ImageStat

from chatproject.core.errors import BadRequest, Busy, Invalid
from chatproject.core.files.drafts import Draft
from chatproject.core.sandbox import pool
from chatproject.core.sandbox.pool import Limits, Refused
from messaging.media import files, places
from messaging.media.kinds import KINDS, Kind, Media, Unusable, kind
from messaging.media.places import Point
from tests import hostile

MIB = 1024 * 1024

# Processing ------------------------------------------------------------------------------------------------------------


class Judge:
    """`judge("images", bytes)` processes a file; the results are in `made` and `small`."""

    def __init__(self, folder: Path) -> None:
        self.source, self.target, self.thumbnail = folder / "source", folder / "made", folder / "thumbnail"

    def __call__(self, folder: str, uploaded: bytes, name: str = "a name.xyz") -> Media:
        self.source.write_bytes(uploaded)
        for path in (self.target, self.thumbnail):
            path.unlink(missing_ok=True)
        return process(folder, self.source, self.target, self.thumbnail, name=name)

    @property
    def made(self) -> bytes:
        return self.target.read_bytes()

    @property
    def small(self) -> bytes:
        return self.thumbnail.read_bytes()

    @property
    def picture(self) -> Image.Image:
        return Image.open(io.BytesIO(self.made))


def process(folder: str, source: Path, target: Path, thumbnail: Path, **more: Any) -> Media:
    drafts = [Draft(path, "", None) for path in (target, thumbnail)]
    with source.open("rb") as uploaded:
        media = KINDS[folder].process(uploaded, *drafts, **more)
    for draft in drafts:
        if draft.size:
            draft.finish()
    return media


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    return Judge(tmp_path)


def refusal(judge: Judge, folder: str, uploaded: bytes) -> Unusable:
    with pytest.raises(Unusable) as refused:
        judge(folder, uploaded)
    assert not judge.target.exists() and not judge.thumbnail.exists()
    assert judge.source.read_bytes() == uploaded
    return refused.value


def in_time(judge: Judge, folder: str, uploaded: bytes) -> Media | Unusable:
    """The outcome, within five seconds, or five of the processor's on a machine that has others to serve."""
    for _ in range(2):
        began, used = time.monotonic(), computed()
        try:
            end: Media | Unusable = judge(folder, uploaded)
        except Unusable as refused:
            end = refused
        if min(time.monotonic() - began, computed() - used) <= 5:
            return end
    raise AssertionError("it took more than five seconds")


# Hostile files --------------------------------------------------------------------------------------------------------


def require_clean(stored: bytes, uploaded: bytes) -> None:
    assert stored != uploaded
    for trace in hostile.TRACES:
        assert trace not in stored, trace


def require_clean_picture(stored: bytes, uploaded: bytes, mime_type: str) -> None:
    require_clean(stored, uploaded)
    with Image.open(io.BytesIO(stored)) as picture:
        picture.load()
        assert Image.MIME[picture.format or ""] == mime_type
        assert not picture.getexif() and not getattr(picture, "text", None)
        said = set(picture.info) - {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        assert said <= {"loop", "background", "timestamp", "duration"}


@pytest.mark.parametrize("name", hostile.IMAGES)
def test_a_hostile_picture_leaves_as_clean_pixels_or_is_refused_with_one_word(judge: Judge, name: str) -> None:
    uploaded = hostile.IMAGES[name]()
    end = in_time(judge, "images", uploaded)
    if isinstance(end, Unusable):
        assert end.status == 400 and end.code in {"empty", "not_a_picture", "too_many_pixels", "damaged", "memory"}
        assert str(end.detail)
        assert not judge.target.exists() and not judge.thumbnail.exists()
        return
    require_clean_picture(judge.made, uploaded, end.mime_type)
    require_clean_picture(judge.small, uploaded, "image/webp" if end.thumbnail_extension == ".webp" else "image/jpeg")
    assert judge.picture.size == (end.width, end.height)


@pytest.mark.parametrize("name", hostile.RECORDINGS)
def test_a_hostile_recording_leaves_as_clean_sound_or_is_refused_with_one_word(judge: Judge, name: str) -> None:
    uploaded = hostile.RECORDINGS[name]()
    end = in_time(judge, "audio", uploaded)
    if isinstance(end, Unusable):
        assert end.code in {"empty", "not_a_recording", "has_pictures", "no_sound", "too_long", "damaged", "memory"}
        assert end.status == 400 and str(end.detail)
        assert not judge.target.exists()
        return
    require_clean(judge.made, uploaded)
    assert end.duration and end.duration <= 3.1 and heard(judge.made) == pytest.approx(end.duration, abs=0.1)


def test_the_corpus_has_what_it_should() -> None:
    assert len(hostile.IMAGES) >= 60 and len(hostile.RECORDINGS) >= 30


@pytest.mark.parametrize("name", ["a JPEG of a thousand scans", "where it was taken, in a JPEG"])
def test_no_kind_but_files_keeps_what_was_sent(judge: Judge, name: str) -> None:
    uploaded = hostile.IMAGES[name]()
    kept = judge("files", uploaded, name)
    assert judge.made == uploaded and kept.served_as == "application/octet-stream" and kept.extension == ".bin"
    assert not kept.is_inline
    refusal(judge, "audio", uploaded)


def test_a_bomb_costs_the_server_no_memory(judge: Judge) -> None:
    bombs = [
        hostile.IMAGES["a PNG of 21 kB that is 13000 x 13000"](),
        hostile.IMAGES["a JPEG that says it is 5000 x 5000"](),
    ]
    before = in_memory(os.getpid(), "VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    for bomb in bombs:
        with contextlib.suppress(Unusable):
            judge("images", bomb)
    assert in_memory(os.getpid(), "VmHWM") - before <= 50 * MIB


def test_a_stream_of_hostile_files_leaves_the_next_honest_one_alone(judge: Judge) -> None:
    for name in ("half a JPEG", "a GIF with holes", "noise", "a HEIC with holes"):
        in_time(judge, "images", hostile.IMAGES[name]())
    assert judge("images", hostile.jpeg()).width == 640


# Honest pictures ------------------------------------------------------------------------------------------------------


def require_upright(picture: Image.Image) -> None:
    """`hostile.photo` turned clockwise, as its orientation asks: red above, and what was
    white above at the right.
    """
    assert picture.width < picture.height
    above, below = (sample(picture, 0.5, at) for at in (0.05, 0.95))
    left, right = (sample(picture, at, 0.5) for at in (0.05, 0.95))
    assert above[0] > 180 and above[2] < 80 and below[0] < 80 and below[2] > 180
    assert right[1] > 180 and left[1] < 80


def sample(picture: Image.Image, x: float, y: float) -> tuple[int, int, int]:
    at, size = (int(picture.width * x), int(picture.height * y)), 6
    box = (at[0] - size, at[1] - size, at[0] + size, at[1] + size)
    red, green, blue = ImageStat.Stat(picture.convert("RGB").crop(box)).mean
    return round(red), round(green), round(blue)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WebP", "HEIC"])
def test_a_picture_that_says_where_it_was_taken_says_nothing_and_stands_upright(judge: Judge, form: str) -> None:
    made = judge("images", hostile.IMAGES[f"where it was taken, in a {form}"]())
    assert (made.width, made.height) == (480, 640)
    for stored in (judge.made, judge.small):
        require_upright(Image.open(io.BytesIO(stored)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_looks_the_same_when_it_arrives(judge: Judge, orientation: int) -> None:
    turns = Image.Transpose
    undo = [None, turns.FLIP_LEFT_RIGHT, turns.ROTATE_180, turns.FLIP_TOP_BOTTOM]
    undo += [turns.TRANSPOSE, turns.ROTATE_90, turns.TRANSVERSE, turns.ROTATE_270]
    how = undo[orientation - 1]
    laid = hostile.photo() if how is None else hostile.photo().transpose(how)
    judge("images", hostile.encoded(laid, "JPEG", exif=hostile.gps_exif(orientation)))
    assert judge.picture.size == (640, 480)
    assert sample(judge.picture, 0.05, 0.5)[0] > 180 and sample(judge.picture, 0.5, 0.05)[1] > 180


def drawing(mode: str = "RGB") -> Image.Image:
    picture = Image.new(mode, (800, 600))
    ImageDraw.Draw(picture).ellipse((100, 100, 700, 500), fill="orange" if mode != "LA" else 200)
    return picture


@pytest.mark.parametrize(
    ("uploaded", "mime_type"),
    [
        pytest.param(hostile.jpeg, "image/jpeg", id="a photograph"),
        pytest.param(hostile.png, "image/jpeg", id="a photograph as PNG"),
        pytest.param(hostile.webp, "image/jpeg", id="a photograph as WebP"),
        pytest.param(hostile.heic, "image/jpeg", id="a photograph as HEIC"),
        pytest.param(lambda: hostile.encoded(drawing(), "PNG"), "image/png", id="a drawing"),
        pytest.param(lambda: hostile.encoded(drawing("RGBA"), "PNG"), "image/png", id="a drawing one sees through"),
        pytest.param(lambda: hostile.encoded(drawing().convert("P"), "GIF"), "image/png", id="a still GIF"),
        pytest.param(lambda: hostile.encoded(drawing("RGBA"), "WEBP"), "image/webp", id="a sticker"),
        pytest.param(hostile.gif, "image/webp", id="what moves"),
        pytest.param(lambda: hostile.encoded(drawing("1"), "PNG"), "image/png", id="black and white"),
        pytest.param(lambda: hostile.encoded(drawing("LA"), "PNG"), "image/png", id="grey one sees through"),
        pytest.param(lambda: hostile.encoded(hostile.photo().convert("CMYK"), "JPEG"), "image/jpeg", id="for print"),
        pytest.param(lambda: hostile.encoded(hostile.photo().convert("L"), "JPEG"), "image/jpeg", id="grey"),
    ],
)
def test_an_honest_picture_becomes_what_suits_it(judge: Judge, uploaded: Any, mime_type: str) -> None:
    made = judge("images", uploaded(), "../holiday.final.HEIC")
    assert made.mime_type == made.served_as == mime_type and made.is_inline
    assert made.name == f"holiday.final{made.extension}"
    original = Image.open(io.BytesIO(uploaded()))
    assert (made.width, made.height) == original.size == judge.picture.size
    assert made.size == len(judge.made) and made.thumbnail_size == len(judge.small)
    here, there = judge.picture.convert("RGBA").resize((8, 8)), original.convert("RGBA").resize((8, 8))
    difference = ImageStat.Stat(Image.composite(here, here, here)).mean
    assert difference == pytest.approx(ImageStat.Stat(Image.composite(there, there, there)).mean, abs=6)


def test_sixteen_bits_of_grey_become_eight(judge: Judge) -> None:
    judge("images", hostile.encoded(Image.new("I;16", (40, 40), 0x8000), "PNG"))
    assert judge.picture.convert("L").getpixel((20, 20)) == 128


def test_another_colour_space_arrives_as_srgb(judge: Judge) -> None:
    swapped = ImageCms.createProfile("LAB")  # a profile for another colour space: ignored
    picture = Image.new("RGB", (400, 400), (200, 40, 40))
    judge("images", hostile.encoded(picture, "JPEG", icc_profile=ImageCms.ImageCmsProfile(swapped).tobytes()))
    assert sample(judge.picture, 0.5, 0.5) == pytest.approx((200, 40, 40), abs=4)
    judge("images", hostile.encoded(picture, "JPEG", quality=95, icc_profile=linear_profile()))
    red, green, _blue = sample(judge.picture, 0.5, 0.5)
    assert red > 220 and green > 90  # the same numbers in linear light are brighter


def linear_profile() -> bytes:
    """sRGB's colours in linear light: its profile with other curves, and another name."""
    data = bytearray(
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes().replace(b"s\0R\0G\0B", b"l\0i\0n\0e")
    )
    count = int.from_bytes(data[128:132], "big")
    for entry in range(count):
        at = 132 + entry * 12
        if bytes(data[at : at + 4]) in (b"rTRC", b"gTRC", b"bTRC"):
            where = int.from_bytes(data[at + 4 : at + 8], "big")
            data[where : where + 12] = b"curv" + bytes(8)  # no entries: a straight line
    return bytes(data)


def test_a_moving_picture_keeps_moving_at_its_pace(judge: Judge) -> None:
    judge("images", hostile.gif(5))
    moving: Any = judge.picture
    assert moving.n_frames == 5 and moving.info["loop"] == 0
    durations = []
    for number in range(5):
        moving.seek(number)
        moving.load()
        durations.append(moving.info["duration"])
    assert durations == [120] * 5
    assert getattr(Image.open(io.BytesIO(judge.small)), "n_frames", 1) == 1


def test_a_moving_picture_beyond_the_budget_stands_still_and_says_so(judge: Judge) -> None:
    made = judge("images", hostile.gif(100, 1000))
    assert made.is_still and made.mime_type == "image/png" and getattr(judge.picture, "n_frames", 1) == 1
    assert not judge("images", hostile.jpeg()).is_still


@pytest.mark.parametrize(
    ("uploaded", "count"),
    [
        pytest.param(lambda: hostile.gif(600), 600, id="a small one that lasts long"),
        pytest.param(lambda: hostile.gif(60, 1000), 60, id="a large one, which becomes smaller"),
        pytest.param(lambda: animated("PNG"), 9, id="PNG"),
        pytest.param(lambda: animated("WEBP"), 9, id="WebP"),
    ],
)
def test_what_moves_keeps_all_its_frames(judge: Judge, uploaded: Any, count: int) -> None:
    made = judge("images", uploaded())
    moving: Any = judge.picture
    assert (made.mime_type, moving.n_frames, made.is_still) == ("image/webp", count, False)
    assert moving.size == (made.width, made.height)


@pytest.mark.parametrize("lost", [1, 2, 40, 3000])
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_picture_that_lacks_its_end_shows_what_is_there(judge: Judge, form: str, lost: int) -> None:
    whole = hostile.encoded(hostile.photo(), form)
    made = judge("images", whole[:-lost])
    assert (made.width, made.height) == (640, 480)
    assert sample(judge.picture, 0.3, 0.2) == pytest.approx(sample(hostile.photo(), 0.3, 0.2), abs=12)


def test_a_picture_of_which_nothing_is_left_is_damaged(judge: Judge) -> None:
    whole = hostile.encoded(hostile.photo(), "PNG")
    assert refusal(judge, "images", whole[: whole.index(b"IDAT") + 8]).code == "damaged"


def animated(form: str) -> bytes:
    frames = [Image.new("RGB", (60, 40), (number * 25, 0, 200)) for number in range(9)]
    return hostile.encoded(frames[0], form, save_all=True, append_images=frames[1:], duration=90, loop=0)


def test_a_thumbnail_has_at_most_480_pixels_a_side(judge: Judge) -> None:
    for size, small in [
        ((6000, 4000), (480, 320)),
        ((1080, 20_000), (26, 480)),
        ((30, 20), (30, 20)),
        ((2, 9000), (1, 480)),
    ]:
        made = judge("images", hostile.encoded(Image.new("RGB", size, "teal"), "JPEG"))
        assert (made.width, made.height) == size
        assert Image.open(io.BytesIO(judge.small)).size == pytest.approx(small, abs=1)


def test_25_megapixels_are_taken_and_not_a_line_more(judge: Judge) -> None:
    assert judge("images", hostile.encoded(Image.new("L", (5000, 5000)), "JPEG")).width == 5000
    assert refusal(judge, "images", hostile.encoded(Image.new("L", (5000, 5001)), "JPEG")).code == "too_many_pixels"


def test_what_one_sees_through_is_made_smaller_where_it_would_cost_too_much(judge: Judge) -> None:
    made = judge("images", hostile.encoded(Image.new("RGBA", (5000, 4000), (9, 9, 9, 9)), "PNG"))
    assert made.width and made.height and made.width * made.height <= 8_000_000
    assert judge.picture.convert("RGBA").getchannel("A").getextrema() == (9, 9)


# Honest recordings ----------------------------------------------------------------------------------------------------


def heard(stored: bytes) -> float:
    """The seconds of sound in a decoded recording."""
    with av.open(io.BytesIO(stored), "r") as opened:
        stream = opened.streams.audio[0]
        assert stream.codec_context.name == "aac" and stream.codec_context.channels == 1
        assert not opened.streams.video and "title" not in opened.metadata
        return sum(frame.samples / frame.sample_rate for frame in opened.decode(stream))


@pytest.mark.parametrize("name", hostile.HONEST)
def test_what_browsers_record_plays_everywhere_with_its_true_length_and_shape(judge: Judge, name: str) -> None:
    container, codec, rate, options = hostile.HONEST[name]
    samples = hostile.wave(4, rate=rate, silent=(1, 2))
    made = judge("audio", hostile.recorded(container, codec, samples, rate=rate, options=options), "voice.webm")
    assert (made.mime_type, made.extension, made.name) == ("audio/mp4", ".m4a", "voice.m4a")
    assert made.duration == pytest.approx(4, abs=0.1) and heard(judge.made) == pytest.approx(4, abs=0.15)
    assert judge.made[4:11] == b"ftypM4A" and judge.made.index(b"moov") < judge.made.index(b"mdat")
    waveform = made.waveform or []
    assert len(waveform) == 64 and all(isinstance(bar, int) for bar in waveform)
    assert min(waveform[2:14]) > 80 and max(waveform[20:29]) < 10 and min(waveform[36:62]) > 80
    assert max(waveform) == 100


def test_a_container_for_video_without_a_picture_is_a_recording(judge: Judge) -> None:
    made = judge("audio", hostile.recorded("webm", "libopus", hostile.wave(1), video="libvpx"))
    assert made.duration == pytest.approx(1, abs=0.1)


def test_what_we_made_can_be_sent_on(judge: Judge) -> None:
    first = judge("audio", hostile.webm())
    assert judge("audio", judge.made).duration == pytest.approx(first.duration, abs=0.1)
    judge("images", hostile.gif())
    assert judge("images", judge.made).mime_type == "image/webp"


@pytest.mark.parametrize("sides", [(1, -1), (1, 0), (0, -1), (1, 1)], ids=["left minus right", "left", "right", "both"])
def test_stereo_is_heard_whatever_its_sides_do_to_each_other(judge: Judge, sides: tuple[int, int]) -> None:
    samples = [sample * side for sample in hostile.wave(2) for side in sides]
    made = judge("audio", hostile.wav(48_000, 2, array("h", samples).tobytes()))
    assert made.waveform and min(made.waveform) > 50
    assert loudest(judge.made) > 5000


def loudest(recording: bytes) -> int:
    with av.open(io.BytesIO(recording), "r") as opened:
        resampler = av.AudioResampler("s16", "mono", 32_000)
        pieces = [piece for frame in opened.decode(audio=0) for piece in resampler.resample(frame)]
    samples = array("h", b"".join(bytes(piece.planes[0])[: piece.samples * 2] for piece in pieces))
    return max(samples)


def test_silence_has_a_flat_waveform_and_a_quiet_voice_does_not(judge: Judge) -> None:
    assert judge("audio", hostile.recorded("wav", "pcm_s16le", hostile.wave(1, level=0))).waveform == [0] * 64
    quiet = judge("audio", hostile.recorded("wav", "pcm_s16le", hostile.wave(1, level=0.02))).waveform or []
    assert max(quiet) == 100


def test_five_minutes_are_taken_and_not_more(judge: Judge) -> None:
    silence = hostile.wave(1, rate=8000, level=0) * 300
    assert judge("audio", hostile.recorded("webm", "libopus", silence, rate=8000)).duration == pytest.approx(
        300, abs=0.1
    )
    longer = hostile.wave(1, rate=8000, level=0) * 302
    assert refusal(judge, "audio", hostile.recorded("webm", "libopus", longer, rate=8000)).code == "too_long"


def test_a_recording_shorter_than_its_bars_has_them_all(judge: Judge) -> None:
    made = judge("audio", hostile.recorded("wav", "pcm_s16le", hostile.wave(0.05)))
    assert made.waveform and len(made.waveform) == 64


# Names ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("报告 最终版.pdf", "报告 最终版.pdf"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system32\\cmd.exe", "cmd.exe"),
        ("C:\\a/b\\c.txt", "c.txt"),
        ("/", "file"),
        ("..", "file"),
        (".", "file"),
        ("", "file"),
        (" \t\r\n ", "file"),
        ("a\r\nSet-Cookie: b=c.txt", "a Set-Cookie: b=c.txt"),
        ("a\0b.txt", "ab.txt"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("\u2066a\u2069\u200f\u061c\ufeff.txt", "a.txt"),
        ("a\u2028b\u2029c.txt", "abc.txt"),
        ("a\ud800b.txt", "ab.txt"),
        ("x" * 300 + ".tar", "x" * 116 + ".tar"),
        ("x" * 300, "x" * 120),
        ("x" * 10 + "." + "y" * 300, "x" * 10 + "." + "y" * 109),
        ("." + "z" * 300, "." + "z" * 119),
        (".env", ".env"),
        ("🫨\U0001fae9.png", "🫨\U0001fae9.png"),
        ("\U0001fae9", "\U0001fae9"),
        ("می\u200cخواهم.pdf", "می\u200cخواهم.pdf"),
        ("🏴\U000e0067\U000e0062\U000e007f.txt", "🏴\U000e0067\U000e0062\U000e007f.txt"),
        ("a\U000e0041b.txt", "ab.txt"),
        ("葛\U000e0100城.txt", "葛\U000e0100城.txt"),
        ('a "quoted" name.txt', 'a "quoted" name.txt'),
        ("\u200d.txt", ".txt"),
        ("👩\u200d👩\u200d👧\u200d👦" * 40 + ".png", "👩\u200d👩\u200d👧\u200d👦" * 16 + ".png"),
        ("e\u0301\u0323" * 200, "ẹ́" * 60),
        ("<script>alert(1)</script>.html", "script>.html"),
        ("cafe\u0301.txt", "café.txt"),
        ("👩\u200d👩\u200d👧.png", "👩\u200d👩\u200d👧.png"),
        ("name. . .", "name"),
        ("a" * 1_000_000 + ".txt", "a" * 120),
    ],
)
def test_a_name_is_one_line_without_a_folder_or_a_trick(given: str, shown: str) -> None:
    assert files.display_name(given) == shown


def test_a_file_of_any_type_is_kept_under_a_name_that_says_nothing(judge: Judge) -> None:
    kept = judge("files", hostile.HTML, "..\\page.html")
    assert (kept.name, kept.extension, kept.served_as) == ("page.html", ".bin", "application/octet-stream")
    assert kept.mime_type == "text/html" and not kept.is_inline and kept.size == len(hostile.HTML)
    assert kept.width is None and kept.duration is None and not judge.thumbnail.exists()
    assert refusal(judge, "files", b"").code == "empty"


# Places ---------------------------------------------------------------------------------------------------------------

TIANANMEN = Point(39.90872, 116.39748)


@pytest.mark.parametrize(
    ("latitude", "longitude", "wrong"),
    [
        (90.1, 0, {"latitude"}),
        (0, -180.0001, {"longitude"}),
        (float("nan"), float("inf"), {"latitude", "longitude"}),
        ("nan", "-inf", {"latitude", "longitude"}),
        (None, [], {"latitude", "longitude"}),
        (True, "north", {"latitude", "longitude"}),
        (10**400, "1" * 5000, {"latitude", "longitude"}),
    ],
)
def test_a_place_that_is_not_on_earth_is_refused_by_field(latitude: Any, longitude: Any, wrong: set[str]) -> None:
    with pytest.raises(Invalid) as refused:
        places.point(latitude, longitude)
    assert set(refused.value.errors or {}) == wrong


def test_a_place_may_be_told_less_exactly() -> None:
    assert places.point("39.90872", 116.39748) == TIANANMEN
    assert places.point(39.90872, 116.39748, decimals=2) == (39.91, 116.4)
    assert str(places.point(-0.001, 0, decimals=2).latitude) == "0.0"
    assert places.point(90, -180) == (90, -180)


def metres(one: Point, other: Point) -> float:
    north = (one.latitude - other.latitude) * 111_320
    return float((north**2 + ((one.longitude - other.longitude) * 111_320 * 0.77) ** 2) ** 0.5)


def test_chinas_maps_are_met_and_left_again_within_a_metre() -> None:
    # As the public converters have it.
    assert metres(places.to_gcj02(TIANANMEN), Point(39.910123, 116.403722)) < 1
    assert metres(places.to_bd09(TIANANMEN), Point(39.916462, 116.410106)) < 1
    for place in (
        TIANANMEN,
        Point(22.2850, 114.1580),
        Point(43.825, 87.617),
        Point(18.25, 109.51),
        Point(45.8, 126.53),
    ):
        assert 100 < metres(place, places.to_gcj02(place)) < 1000
        assert metres(place, places.from_gcj02(places.to_gcj02(place))) < 0.01
        assert metres(place, places.from_bd09(places.to_bd09(place))) < 0.01


@pytest.mark.parametrize(
    "place",
    [
        Point(48.8566, 2.3522),
        Point(37.5665, 126.978),
        Point(25.033, 121.565),
        Point(21.03, 105.85),
        Point(-33.9, 151.2),
        Point(0, 0),
    ],
)
def test_outside_of_china_nothing_is_shifted(place: Point) -> None:
    for shift in (places.to_gcj02, places.to_bd09, places.from_gcj02, places.from_bd09):
        assert shift(place) == place


def test_links_lead_each_program_to_the_same_place() -> None:
    links = places.links(TIANANMEN, '天安门 "&<script>')
    assert set(links) == {"amap", "baidu", "apple", "google", "osm", "geo"}
    assert "position=116.4037" in links["amap"] and "coordinate=gaode" in links["amap"]
    assert "location=39.9164" in links["baidu"] and "coord_type=bd09ll" in links["baidu"]
    assert "ll=39.9101" in links["apple"] and "query=39.9101" in links["google"]
    assert "mlat=39.908720&mlon=116.397480" in links["osm"], "it shows the Earth as it is"
    assert links["geo"].startswith("geo:39.908720,116.397480?q=")
    assert not any(re.search(r'[<>"\s]', link) for link in links.values())
    assert "coord_type=wgs84" in places.links(Point(48.8566, 2.3522))["baidu"]


# Kinds ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["../images", "Images", "files/", "images\0", "x" * 9999])
def test_a_kind_of_media_is_one_of_three_words(word: str) -> None:
    with pytest.raises(BadRequest) as refused:
        kind(word)
    assert refused.value.status == 400
    assert [kind(folder).type for folder in ("images", "audio", "files")] == ["image", "audio", "file"]


@pytest.mark.parametrize("one", [one for one in KINDS.values() if one.convert], ids=lambda one: one.folder)
def test_every_refusal_of_a_kind_has_its_text(one: Kind) -> None:
    source = Path(one.convert.partition(":")[0].replace(".", "/")).with_suffix(".py")
    codes = set(re.findall(r'Refused\("(\w+)"\)', (Path(__file__).parents[1] / source).read_text()))
    assert codes == set(one.refusals)
    with translation.override("en"):
        assert all("{" not in str(text) for text in one.refusals.values())


@pytest.mark.parametrize(
    "said",
    [
        {"mime_type": "text/html"},
        {"mime_type": "image/jpeg", "width": -1},
        {"mime_type": "image/jpeg", "width": "wide"},
        {"mime_type": "image/jpeg", "waveform": [1000]},
        {"mime_type": "image/jpeg", "thumbnail": ["x"]},
        {"mime_type": ["image/jpeg"]},
        {},
    ],
    ids=str,
)
def test_an_answer_that_a_hostile_file_might_give_is_not_believed(
    judge: Judge, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any]
) -> None:
    def run(_function: str, *, writes: list[Draft], **_more: Any) -> dict[str, Any]:
        for draft in writes:
            draft.write(hostile.HTML)
        return said

    monkeypatch.setattr(pool, "run", run)
    assert refusal(judge, "images", hostile.jpeg()).code == "crash"


def test_the_server_itself_loads_no_decoder() -> None:
    asks = (
        "import sys, django; django.setup(); import messaging.urls; "
        "print([name for name in ('PIL', 'av', 'pillow_heif') if name in sys.modules])"
    )
    root = Path(__file__).parents[1]
    said = subprocess.run([sys.executable, "-c", asks], cwd=root, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


# The sandbox ----------------------------------------------------------------------------------------------------------

LIMITS = Limits(cpu=2, seconds=10, memory=128 * MIB, size=4 * MIB)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_text("what was uploaded")
    return path


def run(function: str, source: Path, *writes: Path, limits: Limits = LIMITS, **more: Any) -> dict[str, Any]:
    drafts = [Draft(path, "", None) for path in writes]
    with source.open("rb") as reads:
        answer = pool.run(f"tests.hostile:{function}", reads=reads, writes=drafts, limits=limits, **more)
    for draft in drafts:
        draft.finish()
    return answer


def refused_by_the_sandbox(function: str, source: Path, *writes: Path, **more: Any) -> str:
    with pytest.raises(Refused) as refused:
        run(function, source, *writes, **more)
    assert not any(path.exists() for path in writes)
    assert run("answer", source) == {"read": "what was uploaded"}, "the next one works"
    return refused.value.code


def test_a_job_answers_what_it_made_of_its_file(source: Path, tmp_path: Path) -> None:
    assert run("answer", source, word="你好", number=1.5) == {
        "read": "what was uploaded",
        "word": "你好",
        "number": 1.5,
    }
    assert run("copy", source, tmp_path / "copy") == {"written": 17}
    assert (tmp_path / "copy").read_text() == "what was uploaded"


def test_a_job_that_uses_more_than_it_may_is_ended_with_the_word_for_it(source: Path, tmp_path: Path) -> None:
    assert refused_by_the_sandbox("eat", source, megabytes=200) == "memory"
    assert run("eat", source, megabytes=100) == {"eaten": 100 * MIB}
    assert refused_by_the_sandbox("write", source, tmp_path / "large", megabytes=5) == "size"


def test_a_job_that_computes_for_ever_or_sleeps_is_ended_in_time(source: Path) -> None:
    began = time.monotonic()
    assert refused_by_the_sandbox("sleep", source, limits=Limits(cpu=1, seconds=0.5)) == "time"
    assert time.monotonic() - began < 60  # it would sleep for ten minutes
    began = time.monotonic()
    assert refused_by_the_sandbox("work", source, limits=Limits(cpu=1, seconds=60), seconds=60) == "time"
    assert time.monotonic() - began < 50  # a second of the processor's


def test_a_job_that_crashes_fails_or_talks_without_end_is_one_refusal(source: Path, tmp_path: Path) -> None:
    assert refused_by_the_sandbox("die", source, tmp_path / "half") == "crash"
    assert refused_by_the_sandbox("fail", source, tmp_path / "half") == "crash"
    assert refused_by_the_sandbox("chatter", source) == "crash"


def test_a_full_disk_and_a_missing_file_are_our_trouble_and_no_fault_of_the_file(source: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run("copy", tmp_path / "nowhere", tmp_path / "copy")
    full = tmp_path / "full"
    full.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        run("copy", source, full)
    (tmp_path / "voice").write_bytes(hostile.webm())
    full.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        process("audio", tmp_path / "voice", full, full)
    assert not full.is_symlink() and Path("/dev/full").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have the limits alone")
def test_in_the_sandbox_nothing_can_be_reached(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "of the server")
    pool.close()
    seen = run("break_out", source)
    assert seen["worked"] == [] and "SECRET_KEY" not in seen["environment"] and seen["modules"] == []


def test_a_worker_that_was_killed_while_it_lay_idle_is_replaced(source: Path) -> None:
    run("answer", source)
    for pid in workers():
        os.kill(pid, signal.SIGKILL)
    assert run("answer", source) == {"read": "what was uploaded"}


def test_who_comes_when_all_are_at_work_waits_and_is_then_told_that_we_are_busy(source: Path) -> None:
    with ThreadPoolExecutor(2) as threads:
        at_work = [threads.submit(run, "work", source, seconds=1.5) for _ in range(2)]
        while pool._turns._free:
            time.sleep(0.01)
        with pytest.raises(Busy) as busy:
            run("answer", source, wait=0.1)
        assert busy.value.status == 503 and busy.value.retry_after
        assert run("answer", source, wait=30)
        assert len({job.result()["pid"] for job in at_work}) == 2


@pytest.mark.slow
def test_fifty_pictures_at_once_are_converted_two_at_a_time_beside_a_look_at_the_next(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(hostile.encoded(hostile.photo(4000, 3000), "JPEG", quality=95))
    pool.close()
    most, at_once, done = 0, 0, threading.Event()

    def watch() -> None:
        nonlocal most, at_once
        while not done.wait(0.02):
            busy = workers(with_a_job=True)
            at_once = max(at_once, len(busy))
            most = max(most, sum(map(memory, {*workers(), *busy})))

    before = memory(os.getpid())
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with ThreadPoolExecutor(50) as threads:
            made = list(threads.map(lambda number: convert(tmp_path, number), range(50)))
    finally:
        done.set()
        watcher.join()
    assert {one.width for one in made} == {4000}
    assert at_once <= 3 and most <= 700 * MIB, f"{at_once} at once, {most // MIB} MB"
    assert memory(os.getpid()) - before <= 50 * MIB


def convert(folder: Path, number: int) -> Media:
    while True:
        with contextlib.suppress(Busy):
            return process("images", folder / "source", folder / f"made{number}", folder / f"small{number}")


@pytest.mark.parametrize("at_work", [True, False])
def test_workers_do_not_outlive_a_server_that_is_killed(tmp_path: Path, at_work: bool) -> None:
    (tmp_path / "source").write_text("x")
    function = "sleep" if at_work else "answer"
    asks = (
        "import sys, time; from chatproject.core.sandbox import pool; print('ready', flush=True); "
        f"pool.run('tests.hostile:{function}', reads=open(sys.argv[1], 'rb'), limits=pool.Limits(cpu=9, seconds=60)); "
        "print('done', flush=True); time.sleep(60)"
    )
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", asks, str(tmp_path / "source")]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stdout.readline() == "ready\n"
        if not at_work:
            assert server.stdout.readline() == "done\n"
        while not (theirs := workers(of=server.pid)) or (at_work and not workers(of=server.pid, with_a_job=True)):
            time.sleep(0.01)
        theirs += workers(of=server.pid, with_a_job=True)
        server.kill()
    give_up = time.monotonic() + 60
    while any(is_alive(pid) for pid in theirs):
        assert time.monotonic() < give_up, "they live on"
        time.sleep(0.02)


# Processes ------------------------------------------------------------------------------------------------------------


def workers(*, of: int = 0, with_a_job: bool = False) -> list[int]:
    """The workers of a server process, or the processes that they have forked for their jobs."""
    found = [pid for pid in children(of or os.getpid()) if b"chatproject.core.sandbox.worker" in command_line(pid)]
    return [job for pid in found for job in children(pid)] if with_a_job else found


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, task.read_text().split())
    return found


def command_line(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def computed() -> float:
    """The processor's seconds that the workers and their jobs took."""
    ticks = 0
    for pid in workers():
        ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> int:
    """The bytes of a process's private memory."""
    with contextlib.suppress(OSError):
        resident, shared = Path(f"/proc/{pid}/statm").read_text().split()[1:3]
        return (int(resident) - int(shared)) * resource.getpagesize()
    return 0


def in_memory(pid: int, what: str) -> int:
    """Bytes of a process's memory: VmRSS now, VmHWM the most since the last reset."""
    said = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert said
    return int(said[1]) * 1024


@pytest.fixture(autouse=True, scope="module")
def end_workers() -> Iterator[None]:
    yield
    pool.close()
