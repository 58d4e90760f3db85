"""Hostile uploads: `IMAGES` and `RECORDINGS` by name, each a function that makes the bytes.

Below them are functions that try what the sandbox must forbid.
"""

import ctypes
import functools
import io
import math
import os
import random
import socket
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import av
import pillow_heif
from PIL import ExifTags, Image, PngImagePlugin

pillow_heif.register_heif_opener()

#: A mark in every hostile file that can carry it; it must not be in the stored file.
SCRIPT = b"<script>alert('hostile')</script>"
HTML = b"<!DOCTYPE html><html><body>" + SCRIPT + b"</body></html>"
SVG = b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert('hostile')\"><script>alert('hostile')</script></svg>"

#: Strings of which none may be left in a converted picture or recording.
TRACES = (
    b"hostile", b"<script", b"<svg", b"<html", b"Exif\0", b"EXIF", b"eXIf", b"xmpmeta", b"XMP ", b"ns.adobe", b"ICC_PROFILE",
    b"iCCP", b"ICCP", b"PK\x03\x04", b"tEXt", b"zTXt", b"iTXt", b"<?php",
)  # fmt: skip

Made = Callable[[], bytes]
IMAGES: dict[str, Made] = {}
RECORDINGS: dict[str, Made] = {}


def image(name: str) -> Callable[[Made], Made]:
    return _into(IMAGES, name)


def recording(name: str) -> Callable[[Made], Made]:
    return _into(RECORDINGS, name)


def _into(corpus: dict[str, Made], name: str) -> Callable[[Made], Made]:
    def remember(make: Made) -> Made:
        assert name not in corpus
        corpus[name] = make
        return make

    return remember


# Honest pictures ------------------------------------------------------------------------------------------------------


@functools.cache
def photo(width: int = 640, height: int = 480) -> Image.Image:
    """Soft colours with some noise: red on the left, blue on the right, white above, black
    below.
    """
    row = Image.linear_gradient("L").rotate(90).resize((width, height))
    column = Image.linear_gradient("L").resize((width, height))
    bands = [row.point(lambda v: 255 - v), column.point(lambda v: 255 - v), row]
    noise = Image.effect_noise((width, height), 30)
    return Image.merge("RGB", [Image.blend(band, noise, 0.1) for band in bands])


def encoded(picture: Image.Image, format_: str, **options: Any) -> bytes:
    written = io.BytesIO()
    picture.save(written, format_, **options)
    return written.getvalue()


@functools.cache
def jpeg() -> bytes:
    return encoded(photo(), "JPEG", quality=90)


@functools.cache
def png() -> bytes:
    return encoded(photo(), "PNG")


@functools.cache
def webp() -> bytes:
    return encoded(photo(), "WEBP")


@functools.cache
def heic() -> bytes:
    return encoded(photo(), "HEIF", quality=60)


@functools.cache
def gif(frames: int = 3, side: int = 64) -> bytes:
    pictures = [Image.new("P", (side, side), number % 256) for number in range(frames)]
    for number, picture in enumerate(pictures):
        picture.putpalette([255 - number * 40 % 256, number * 60 % 256, 90] * 256)
        picture.putpixel((number % side, number // side % side), (number + 1) % 256)
    return encoded(pictures[0], "GIF", save_all=True, append_images=pictures[1:], duration=120, loop=0)


def gps_exif(orientation: int = 6) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "hostile camera"
    exif[ExifTags.Base.Orientation] = orientation
    place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    place[ExifTags.GPS.GPSLatitudeRef], place[ExifTags.GPS.GPSLatitude] = "N", (39.0, 54.0, 15.0)
    place[ExifTags.GPS.GPSLongitudeRef], place[ExifTags.GPS.GPSLongitude] = "E", (116.0, 24.0, 27.0)
    return exif


@functools.cache
def heic_turned(orientation: int = 6) -> bytes:
    """As a telephone writes it: turned by the container, and said again in EXIF."""
    picture = photo().copy()
    picture.info["exif"] = gps_exif(orientation).tobytes()
    return encoded(picture, "HEIF", xmp=SCRIPT)


@functools.cache
def archive() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as packed:
        packed.writestr("hostile.html", HTML)
    return written.getvalue()


# Parts ----------------------------------------------------------------------------------------------------------------


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(*chunks: bytes, of: bytes = b"") -> bytes:
    """A PNG with more chunks after its header."""
    of = of or png()
    return of[:33] + b"".join(chunks) + of[33:]


def png_header(width: int, height: int, *, bits: int = 8, colour: int = 2) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))


def jpeg_with(marker: int, body: bytes) -> bytes:
    """A JPEG with one more segment after its start."""
    return jpeg()[:2] + struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body + jpeg()[2:]


def jpeg_of_size(width: int, height: int) -> bytes:
    """A small one that says it is as large."""
    data = jpeg()
    at = data.index(b"\xff\xc0")
    return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]


def packed_bomb(size: int = 100_000_000) -> bytes:
    """So many zeros, in a thousandth of that."""
    packer = zlib.compressobj(9)
    zeros = bytes(1_000_000)
    return b"".join(packer.compress(zeros) for _ in range(size // len(zeros))) + packer.flush()


# Hostile pictures -----------------------------------------------------------------------------------------------------


@image("a PNG of 21 kB that is 13000 x 13000")
def _() -> bytes:
    packer, row = zlib.compressobj(9), bytes(1 + 13_000 // 8)
    rows = b"".join(packer.compress(row) for _ in range(13_000)) + packer.flush()
    return png_header(13_000, 13_000, bits=1, colour=0) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@image("a GIF of 300 frames of 2000 x 2000")
def _() -> bytes:
    one = encoded(Image.new("P", (2000, 2000), 7), "GIF")
    start, frame = one[:-1], one[one.index(b",") : -1]
    return start + frame * 299 + b";"


@image("a GIF of 100,000 frames")
def _() -> bytes:
    one = encoded(Image.new("P", (1, 1), 7), "GIF")
    return one[:-1] + one[one.index(b",") : -1] * 99_999 + b";"


@image("a WebP of 25 frames of 2000 x 2000")
def _() -> bytes:
    pictures = [Image.new("RGB", (2000, 2000), (number % 2 * 250, number * 4, 0)) for number in range(25)]
    return encoded(pictures[0], "WEBP", save_all=True, append_images=pictures[1:], quality=1, method=0)


@image("a PNG that moves, of 200 frames of 1000 x 1000")
def _() -> bytes:
    pictures = [Image.new("1", (1000, 1000), number % 2) for number in range(200)]
    return encoded(pictures[0], "PNG", save_all=True, append_images=pictures[1:])


@image("a JPEG with a script after its end")
def _() -> bytes:
    return jpeg() + HTML


@image("a JPEG with an archive after its end")
def _() -> bytes:
    return jpeg() + archive()


@image("a PNG with an archive after its end")
def _() -> bytes:
    return png() + archive()


@image("a GIF that is a script too")
def _() -> bytes:
    start = b"GIF89a" + b"/*" + struct.pack("<H", 10) + b"\x80\0\0" + bytes(6)
    comment = b"*/=1;alert('hostile')//"
    extension = b"\x21\xfe" + bytes([len(comment)]) + comment + b"\0"
    pixels = encoded(Image.new("P", (0x2A2F, 10), 0), "GIF")
    return start + extension + pixels[pixels.index(b",") :]


@image("a WebP with a script after its end")
def _() -> bytes:
    return webp() + SCRIPT


@image("a HEIC with a script after its end")
def _() -> bytes:
    return heic() + SCRIPT


for _name, _bytes in {
    "an SVG": SVG,
    "an SVG after a byte order mark and a lot of space": b"\xef\xbb\xbf" + b" \n\t" * 5000 + SVG,
    "an SVG in XML": b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "hostile">]>' + SVG,
    "a page": HTML,
    "a page that begins as a JPEG": b"\xff\xd8\xff\xe0" + HTML,
    "a page that begins as a PNG": b"\x89PNG\r\n\x1a\n" + HTML,
    "a page that begins as a GIF": b"GIF89a" + HTML,
    "a page that begins as a WebP": b"RIFF\xff\0\0\0WEBPVP8 " + HTML,
    "a page that begins as a HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + HTML,
    "a PDF": b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert('hostile'))>>>>endobj\n%%EOF",
    "a PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd)(r)file\n%%EOF",
    "a program": b"MZ\x90\0" + bytes(200) + b"This program cannot be run in DOS mode.",
    "nothing": b"",
    "one byte": b"\xff",
    "noise": random.Random(1).randbytes(100_000),
}.items():
    image(_name)(lambda _bytes=_bytes: _bytes)  # type: ignore[misc]

for _format in ("TIFF", "BMP", "ICO", "TGA", "PPM", "JPEG2000", "AVIF", "DDS", "PCX"):
    image(f"a picture of another kind: {_format}")(
        lambda _format=_format: encoded(photo(64, 64), _format)  # type: ignore[misc]
    )

for _name, _make in {"JPEG": jpeg, "PNG": png, "WebP": webp, "GIF": gif, "HEIC": heic}.items():
    image(f"half a {_name}")(lambda _make=_make: _make()[: len(_make()) // 2])  # type: ignore[misc]
    image(f"the first bytes of a {_name}")(lambda _make=_make: _make()[:40])  # type: ignore[misc]
    image(f"a {_name} with holes")(
        lambda _make=_make: b"".join(  # type: ignore[misc]
            bytes(50) if at % 5 == 4 else _make()[at * 50 : at * 50 + 50] for at in range(len(_make()) // 50)
        )
    )


@image("a JPEG that says it is 65000 x 65000")
def _() -> bytes:
    return jpeg_of_size(65_000, 65_000)


@image("a JPEG that says it is 5000 x 5000")
def _() -> bytes:
    return jpeg_of_size(5_000, 5_000)


@image("a PNG that says it is 2,000,000,000 wide")
def _() -> bytes:
    return png_header(2_000_000_000, 2_000_000_000) + png()[33:]


@image("a PNG that says it has no width")
def _() -> bytes:
    return png_header(0, 100_000) + png()[33:]


@image("a PNG one pixel high and 25,000,000 wide")
def _() -> bytes:
    return png_header(25_000_000, 1, bits=1, colour=0) + chunk(b"IDAT", zlib.compress(bytes(3_125_001))) + png()[-12:]


@image("a WebP that says it is 16384 x 16384")
def _() -> bytes:
    large = struct.pack("<I", 16_383)[:3]
    body = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + large + large + webp()[12:]
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


@image("a GIF that says it is 65535 x 65535")
def _() -> bytes:
    return gif()[:6] + struct.pack("<HH", 65_535, 65_535) + gif()[10:]


@image("a GIF with a frame larger than itself")
def _() -> bytes:
    at = gif().index(b",")
    return gif()[: at + 5] + struct.pack("<HH", 60_000, 60_000) + gif()[at + 9 :]


@image("a HEIC that says it is 65535 x 65535")
def _() -> bytes:
    at = heic().index(b"ispe")
    return heic()[: at + 8] + struct.pack(">II", 65_535, 65_535) + heic()[at + 16 :]


@image("a HEIC that says it is 5000 x 5000")
def _() -> bytes:
    at = heic().index(b"ispe")
    return heic()[: at + 8] + struct.pack(">II", 5_000, 5_000) + heic()[at + 16 :]


@image("a colour profile of 100 MB in a PNG")
def _() -> bytes:
    return png_with(chunk(b"iCCP", b"hostile\0\0" + packed_bomb()))


@image("a text of 100 MB in a PNG")
def _() -> bytes:
    return png_with(chunk(b"zTXt", b"hostile\0\0" + packed_bomb()))


@image("a thousand texts in a PNG")
def _() -> bytes:
    text = chunk(b"zTXt", b"hostile\0\0" + packed_bomb(1_000_000))
    return png_with(*[text] * 1000)


@image("a colour profile of noise in a JPEG")
def _() -> bytes:
    return jpeg_with(0xE2, b"ICC_PROFILE\0\x01\x01" + random.Random(2).randbytes(60_000))


@image("a colour profile that says it has 4 GB")
def _() -> bytes:
    profile = b"\xff\xff\xff\xff" + b"lcms\x04\x30\0\0mntrRGB XYZ " + bytes(16) + b"acsp" + bytes(88) + b"\xff" * 1000
    return jpeg_with(0xE2, b"ICC_PROFILE\0\x01\x01" + profile)


@image("a script in a PNG's texts")
def _() -> bytes:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", SCRIPT.decode())
    texts.add_itxt("XML:com.adobe.xmp", SCRIPT.decode(), zip=True)
    return encoded(photo(), "PNG", pnginfo=texts)


@image("a script in a JPEG's comment")
def _() -> bytes:
    return encoded(photo(), "JPEG", comment=SCRIPT)


@image("a script in a GIF's comment")
def _() -> bytes:
    return encoded(Image.new("P", (64, 64)), "GIF", comment=SCRIPT)


@image("a program in a PNG's colours")
def _() -> bytes:
    picture = Image.new("P", (16, 16))
    picture.putpalette(b"<?php system($_GET[0]);?>hostile".ljust(768, b"\0"))
    return encoded(picture, "PNG")


@image("ten thousand elements in each other, as XMP")
def _() -> bytes:
    return encoded(photo(), "JPEG", xmp=b"<x:xmpmeta>" + b"<a>" * 5000 + SCRIPT + b"</a>" * 5000 + b"</x:xmpmeta>")


@image("entities of entities, as XMP in a PNG")
def _() -> bytes:
    levels = "".join(f'<!ENTITY x{n} "{f"&x{n - 1};" * 10}">' for n in range(1, 10))
    text = f'<!DOCTYPE x [<!ENTITY x0 "hostile">{levels}]><x xmlns:tiff="t" tiff:Orientation="6">&x9;</x>'
    return png_with(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + text.encode()))


@image("EXIF of noise")
def _() -> bytes:
    return jpeg_with(0xE1, b"Exif\0\0" + random.Random(3).randbytes(60_000))


@image("EXIF that leads to itself")
def _() -> bytes:
    directory = struct.pack("<HHHII", 1, 0x8769, 4, 1, 8) + struct.pack("<I", 8)
    return jpeg_with(0xE1, b"Exif\0\0II*\0" + struct.pack("<I", 8) + directory)


@image("where it was taken, in a JPEG")
def _() -> bytes:
    return encoded(photo(), "JPEG", exif=gps_exif())


@image("where it was taken, in a PNG")
def _() -> bytes:
    return encoded(photo(), "PNG", exif=gps_exif())


@image("where it was taken, in a WebP")
def _() -> bytes:
    return encoded(photo(), "WEBP", exif=gps_exif(), xmp=SCRIPT)


@image("where it was taken, in a HEIC")
def _() -> bytes:
    return heic_turned()


@image("a JPEG of a thousand scans")
def _() -> bytes:
    data = encoded(Image.new("L", (4000, 4000)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * 1000 + b"\xff\xd9"


@image("a PNG without pixels")
def _() -> bytes:
    return png_header(4000, 4000) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@image("a PNG with pixels beyond its end")
def _() -> bytes:
    return png_header(10, 10) + chunk(b"IDAT", packed_bomb()) + chunk(b"IEND", b"")


# Honest recordings ----------------------------------------------------------------------------------------------------


def wave(
    seconds: float, *, rate: int = 48_000, silent: tuple[float, float] = (0, 0), level: float = 0.5
) -> "array[int]":
    """A tone of 440 Hz, with silence from one second to another."""
    one = [round(level * 0x7FFF * math.sin(2 * math.pi * 440 * at / rate)) for at in range(rate)]
    return array(
        "h",
        (0 if silent[0] <= at / rate < silent[1] else one[at % rate] for at in range(round(seconds * rate))),
    )


def recorded(
    container: str,
    codec: str,
    samples: "array[int] | None" = None,
    *,
    rate: int = 48_000,
    pictures: int = 0,
    video: str = "",
    sound: bool = True,
    **options: Any,
) -> bytes:
    """A recording made by FFmpeg as a browser's is.

    With `video`, a stream for pictures and so many of them.
    """
    samples = wave(1) if samples is None else samples
    written = io.BytesIO()
    with av.open(written, "w", format=container, **options) as output:
        seen = output.add_stream(video, rate=10) if video else None
        if seen is not None:
            seen.width, seen.height, seen.pix_fmt = 64, 64, "yuv420p"
        heard = output.add_stream(codec, rate=rate, layout="mono") if sound else None
        output.metadata["title"] = SCRIPT.decode()
        for number in range(pictures):
            assert seen is not None
            frame = av.VideoFrame(64, 64, "yuv420p")
            frame.pts = number
            output.mux(seen.encode(frame))
        if heard is not None:
            for at in range(0, len(samples), rate):
                piece = samples[at : at + rate]
                played = av.AudioFrame("s16", "mono", len(piece))
                played.planes[0].update(piece.tobytes().ljust(played.planes[0].buffer_size, b"\0"))
                played.sample_rate, played.pts = rate, at
                output.mux(heard.encode(played))
            output.mux(heard.encode(None))
        if seen is not None and pictures:
            output.mux(seen.encode(None))
    return written.getvalue()


#: As a recorder writes: in pieces, not knowing how long it will go on.
LIVE = {"live": "1"}
FRAGMENTS = {"movflags": "frag_every_frame+empty_moov+default_base_moof"}

#: What browsers record, and what people have: container, codec, sample rate and how it is written,
#: by name.
HONEST: dict[str, tuple[str, str, int, dict[str, str]]] = {
    "Chrome and Firefox: WebM with Opus": ("webm", "libopus", 48_000, LIVE),
    "Firefox: Ogg with Opus": ("ogg", "libopus", 48_000, {}),
    "Safari: MP4 with AAC": ("mp4", "aac", 44_100, FRAGMENTS),
    "Chromium: MP4 with Opus": ("mp4", "libopus", 48_000, FRAGMENTS),
    "Safari: MP4 with ALAC": ("mp4", "alac", 48_000, FRAGMENTS),
    "a WAV": ("wav", "pcm_s16le", 16_000, {}),
    "an MP3": ("mp3", "libmp3lame", 44_100, {}),
    "an M4A": ("ipod", "aac", 22_050, {}),
    "Matroska with PCM": ("matroska", "pcm_s16le", 48_000, {}),
    "a stream of AAC": ("adts", "aac", 44_100, {}),
}


@functools.cache
def webm() -> bytes:
    return recorded("webm", "libopus", wave(3))


@functools.cache
def wav(rate: int = 8_000, channels: int = 1, body: bytes = b"", *, says: int | None = None) -> bytes:
    body = body or wave(1, rate=8_000).tobytes()
    head = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2 & 0xFFFFFFFF, channels * 2 & 0xFFFF, 16)
    length = len(body) if says is None else says
    return (
        b"RIFF" + struct.pack("<I", min(36 + length, 2**32 - 1)) + b"WAVEfmt \x10\0\0\0" + head
        + b"data" + struct.pack("<I", length) + body
    )  # fmt: skip


# Hostile recordings ---------------------------------------------------------------------------------------------------

for _name, _bytes in {
    "a page": HTML,
    "a page that begins as a WebM": b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm"
    + HTML,
    "a page that begins as an Ogg": b"OggS\0\x02" + bytes(20) + b"\x01\x13OpusHead\x01\x01" + HTML,
    "a page that begins as an MP4": b"\0\0\0\x18ftypM4A \0\0\0\0M4A isom" + HTML,
    "a page that begins as an MP3": b"ID3\x04\0\0\0\0\0\0" + HTML,
    "a page that begins as a frame of MP3": b"\xff\xfb\x90\x64" + HTML * 20,
    "a playlist of files": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "a list of files": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    "a playlist of addresses": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period>'
    b"<AdaptationSet><Representation><BaseURL>http://127.0.0.1:1/</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "subtitles": b"1\n00:00:00,000 --> 00:00:09,000\n" + SCRIPT,
    "nothing": b"",
    "noise": random.Random(4).randbytes(200_000),
}.items():
    recording(_name)(lambda _bytes=_bytes: _bytes)  # type: ignore[misc]

recording("a picture")(jpeg)
recording("a moving picture")(gif)
recording("a page behind a WAV's header")(lambda: wav(body=HTML * 200))


@recording("a WebM that says it lasts a second")
def _() -> bytes:
    return _lasting(1_000)


@recording("a WebM that says it lasts a year")
def _() -> bytes:
    return _lasting(3.15e10)


def _lasting(milliseconds: float) -> bytes:
    at = webm().index(b"\x44\x89\x88")  # Duration, eight bytes
    return webm()[: at + 3] + struct.pack(">d", milliseconds) + webm()[at + 11 :]


@recording("ten minutes of silence")
def _() -> bytes:
    return recorded("webm", "libopus", array("h", bytes(2 * 8_000 * 600)), rate=8_000)


@recording("a WAV of one sample a second")
def _() -> bytes:
    return wav(rate=1, body=bytes(1_000_000))


@recording("a WAV of 4 billion samples a second")
def _() -> bytes:
    return wav(rate=2**32 - 1, body=bytes(1_000_000))


@recording("a WAV without channels")
def _() -> bytes:
    return wav(channels=0)


@recording("a WAV of 65535 channels")
def _() -> bytes:
    return wav(channels=65_535, body=bytes(1_000_000))


@recording("a WAV that says it has 4 GB")
def _() -> bytes:
    return wav(says=2**32 - 1)


@recording("a video in MP4")
def _() -> bytes:
    return recorded("mp4", "aac", video="mpeg4", pictures=10)


@recording("a video in WebM")
def _() -> bytes:
    return recorded("webm", "libopus", video="libvpx", pictures=10)


@recording("a video without sound")
def _() -> bytes:
    return recorded("mp4", "aac", video="mpeg4", pictures=10, sound=False)


@recording("a container without anything")
def _() -> bytes:
    return webm()[:300]


def _half(container: str, codec: str, rate: int, options: dict[str, str]) -> bytes:
    whole = recorded(container, codec, wave(1, rate=rate), rate=rate, options=options)
    return whole[: len(whole) // 2]


for _name, _how in HONEST.items():
    recording(f"half of {_name}")(functools.partial(_half, *_how))


@recording("an MP3 with a picture and a script in its title")
def _() -> bytes:
    cover = b"\0image/jpeg\0\x03\0" + jpeg() + SCRIPT
    frame = b"APIC" + struct.pack(">I", len(cover)) + b"\0\0" + cover
    length = bytes((len(frame) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + length + frame + recorded("mp3", "libmp3lame", wave(2, rate=44_100), rate=44_100)


@recording("an Ogg with a page after its end")
def _() -> bytes:
    return recorded("ogg", "libopus", wave(2)) + HTML


@recording("an MP4 with an archive after its end")
def _() -> bytes:
    return recorded("mp4", "aac", wave(2)) + archive()


@recording("a WebM with holes")
def _() -> bytes:
    data = webm()
    return b"".join(bytes(50) if at % 7 == 6 else data[at * 50 : at * 50 + 50] for at in range(len(data) // 50))


# In the sandbox: what must not work, each called as a job --------------------------------------------------------------


def answer(source: BinaryIO, **arguments: Any) -> dict[str, Any]:
    """A job that does what it should."""
    return {"read": source.read().decode(), **arguments}


def copy(source: BinaryIO, target: BinaryIO) -> dict[str, Any]:
    return {"written": target.write(source.read())}


def work(source: BinaryIO, *, seconds: float) -> dict[str, Any]:
    began = time.process_time()
    while time.process_time() - began < seconds:
        pass
    return {"pid": os.getpid()}


def sleep(source: BinaryIO) -> dict[str, Any]:
    time.sleep(600)
    return {}


def eat(source: BinaryIO, *, megabytes: int) -> dict[str, Any]:
    return {"eaten": len(bytearray(megabytes * 1024 * 1024))}


def die(source: BinaryIO, *targets: BinaryIO) -> dict[str, Any]:
    ctypes.string_at(0)
    return {}


def fail(source: BinaryIO, target: BinaryIO) -> dict[str, Any]:
    target.write(b"half of it")
    target.flush()
    raise KeyError("a bug")


def write(source: BinaryIO, target: BinaryIO, *, megabytes: int) -> dict[str, Any]:
    for _ in range(megabytes):
        target.write(bytes(1024 * 1024))
    return {}


def chatter(source: BinaryIO) -> dict[str, Any]:
    return {"much": "x" * 10_000_000}


def break_out(source: BinaryIO) -> dict[str, Any]:
    """The forbidden operations that worked, of all that are tried."""
    attempts: dict[str, Callable[[], Any]] = {
        "read a file": lambda: Path("/etc/passwd").read_text(),
        "write a file": lambda: Path(f"/tmp/hostile-{os.getpid()}").write_text("x"),
        "list a folder": lambda: list(Path("/").iterdir()),
        "remove a file": Path("/tmp/hostile").unlink,
        "open a socket": socket.socket,
        "start a program": lambda: subprocess.run(["/bin/true"], check=True),
        "fork": os.fork,
        "signal its parent": lambda: os.kill(os.getppid(), 0),
        "take more memory": lambda: _raise_limit(),
        "answer in its parent's place": lambda: _os_write_to_pipes(),
    }
    worked = []
    for name, attempt in attempts.items():
        try:
            attempt()
        except (OSError, ValueError):
            continue
        worked.append(name)
    return {"worked": worked, "environment": sorted(os.environ), "modules": [m for m in sys.modules if "django" in m]}


def _raise_limit() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _os_write_to_pipes() -> None:
    """Write to standard output, by which the worker answers."""
    if os.fstat(1).st_mode & 0o170000 != 0o010000:
        raise OSError("not a pipe")
    os.write(1, b'{"result": {}}\n')
