"""The kinds of files that a message can carry.

A new kind is a module with a `convert` function, which runs in the sandbox, and an entry in `KINDS`
with its folder, its message type and the texts of its refusals.
"""

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from chatproject.core.errors import BadRequest, Busy, ChatError, Text
from chatproject.core.files import avatars
from chatproject.core.files.drafts import Draft
from chatproject.core.sandbox import pool
from chatproject.core.sandbox.pool import Limits
from chatproject.core.sandbox.turns import Turns, WaitingRoom
from messaging.media import files

log = logging.getLogger(__name__)

#: CPU: twice what the costliest valid file takes. Wall clock: far more, because the chat has
#: priority.
LIMITS = Limits(cpu=8, seconds=40)
#: Of a file that is converted at once, and the pixels it may have in all its frames.
QUICK_LIMITS = Limits(cpu=1, seconds=5)
QUICK_WORK = 4_000_000
#: Of the drawing of a preview, and the seconds that it waits for its turn.
PREVIEW_LIMITS, PREVIEW_TIMEOUT_SECONDS = Limits(cpu=2, seconds=8, size=4 * 1024 * 1024), 5.0
#: Bytes that are copied at once of a file that is stored unchanged.
COPIED_BYTES = 256 * 1024
#: Videos of this process that wait or are converted, one at a time, and those of one person; the seconds that one
#: waits; and those after which one for which there was no turn may come again, with all its bytes.
VIDEOS_MAX, VIDEOS_EACH, VIDEO_TIMEOUT_SECONDS, VIDEO_AGAIN_SECONDS = 8, 2, 60.0, 30


class _TooCostly(Exception):
    """A file is none of the quick ones."""


class Unusable(ChatError):
    """A refused upload; `code` says what is wrong with it."""

    code = "unusable_file"
    title = _("This file cannot be used.")


@dataclass(frozen=True)
class Media:
    """A processed upload: the details of its message, and how it is stored."""

    name: str  # for display
    mime_type: str  # of the stored file; for a file stored unchanged, guessed from its name
    served_as: str  # the Content-Type of the response
    extension: str  # of the stored file, with the dot
    size: int  # bytes
    thumbnail_extension: str = ""  # "" when it has none
    thumbnail_size: int = 0
    width: int | None = None
    height: int | None = None
    duration: float | None = None  # seconds
    waveform: list[int] | None = None  # 0 to 100
    is_still: bool = False  # an animation that lost its movement

    @property
    def is_inline(self) -> bool:
        """Whether a browser may show it; other files are served as downloads."""
        return self.served_as != files.SERVED_AS


@dataclass(frozen=True)
class Kind:
    """A kind of file and how it is processed."""

    folder: str  # under MEDIA_ROOT; also what an upload's `mediaType` says
    type: str  # of the message that carries it
    convert: str = ""  # "module:function", run in the sandbox; "" stores the bytes unchanged
    makes: Mapping[str, str] = field(default_factory=dict)  # the possible results, MIME type to extension
    limits: Limits = LIMITS
    options: Mapping[str, Any] = field(default_factory=dict)
    #: For a file of at most so many bytes, a try among the quick ones: 0 for none.
    quick: int = 0
    #: What draws a preview of a file that is stored unchanged, by how the file begins: "module:function".
    previews: Mapping[bytes, str] = field(default_factory=dict)
    #: Where files of this kind that are not quick wait for each other.
    line: WaitingRoom | None = None
    bytes_setting: str = "MAX_UPLOAD_BYTES"
    has_thumbnail: bool = False
    refusals: Mapping[str, Text] = field(default_factory=dict)

    @property
    def bytes_max(self) -> int:
        """Bytes that an uploaded file may have."""
        return int(getattr(settings, self.bytes_setting))

    def process(self, source: IO[bytes], target: Draft, thumbnail: Draft, *, name: str = "", by: str = "") -> Media:
        """Convert `source` to `target`, and to `thumbnail` if the kind has one.

        `source` stays unchanged. `by` is whose file it is: the sandbox serves people in turn.

        Raises Unusable, and Busy when too many conversions are running; then neither draft exists.
        Blocks for seconds: call it on a thread, outside of transactions.
        """
        if source.seek(0, os.SEEK_END) == 0:
            raise Unusable(_("The file is empty."), code="empty")
        if not self.convert:
            return self._keep(source, target, thumbnail, name, by)
        writes = [target, thumbnail] if self.has_thumbnail else [target]
        try:
            made = self._converted(source, writes, by)
        except pool.Refused as refused:
            detail = self.refusals.get(refused.code) or _REFUSALS.get(refused.code)
            # The sandbox ran on untrusted bytes, so only known codes are passed on.
            raise Unusable(detail or _REFUSALS["crash"], code=refused.code if detail else "crash") from None
        return self._described(made, target, thumbnail, name)

    def _converted(self, source: IO[bytes], writes: list[Draft], by: str) -> dict[str, Any]:
        """The sandbox's result. A small file does not wait until others' costly ones are done."""
        if source.seek(0, os.SEEK_END) <= self.quick:
            with contextlib.suppress(_TooCostly):
                return self._run(source, writes, by, is_quick=True)
        with self._turn(by):
            return self._run(source, writes, by, is_quick=False)

    @contextlib.contextmanager
    def _turn(self, by: str) -> Iterator[None]:
        """Raises Busy."""
        with contextlib.ExitStack() as turn:
            if self.line is not None:
                try:
                    turn.enter_context(self.line.turn(by))
                except Busy:
                    raise Busy(retry_after=VIDEO_AGAIN_SECONDS) from None
            yield

    def _run(self, source: IO[bytes], writes: list[Draft], by: str, *, is_quick: bool) -> dict[str, Any]:
        limits = QUICK_LIMITS if is_quick else self.limits
        try:
            return pool.run(
                self.convert,
                reads=source,
                writes=writes,
                limits=limits,
                by=by,
                is_quick=is_quick,
                work=QUICK_WORK if is_quick else None,
                **self.options,
            )
        except pool.Refused as refused:
            if is_quick and refused.code in ("costly", "memory", "time", "size"):
                raise _TooCostly() from None
            raise

    def _keep(self, source: IO[bytes], target: Draft, thumbnail: Draft, name: str, by: str) -> Media:
        source.seek(0)
        while piece := source.read(COPIED_BYTES):
            target.write(piece)
        kept = Media(
            name=files.display_name(name, self.type),
            mime_type=files.guessed_type(name),
            served_as=files.SERVED_AS,
            extension=files.EXTENSION,
            size=target.size,
        )
        return self._previewed(kept, source, thumbnail, by)

    def _previewed(self, kept: Media, source: IO[bytes], thumbnail: Draft, by: str) -> Media:
        """The file with a picture of what is in it, if one can be drawn in a moment: without one it is a file, too."""
        source.seek(0)
        head = source.read(max(map(len, self.previews), default=0))
        draw = next((one for begins, one in self.previews.items() if head.startswith(begins)), None)
        if draw is None:
            return kept
        try:
            drawn = pool.run(
                draw, reads=source, writes=[thumbnail], limits=PREVIEW_LIMITS, by=by, is_quick=True,
                wait=PREVIEW_TIMEOUT_SECONDS, **self.options,
            )  # fmt: skip
            return replace(
                kept,
                thumbnail_extension=self.makes[drawn["mime_type"]],
                thumbnail_size=thumbnail.size,
                width=_within(drawn["width"], 100_000),
                height=_within(drawn["height"], 100_000),
            )
        except (pool.Refused, Busy, LookupError, TypeError, ValueError):
            thumbnail.discard()
            return kept

    def _described(self, made: Mapping[str, Any], target: Draft, thumbnail: Draft, name: str) -> Media:
        """Check the sandbox's result, which is untrusted, and describe the file."""
        small = made.get("thumbnail") if self.has_thumbnail else None
        try:
            stem = Path(files.display_name(name, self.type)).stem
            return Media(
                name=stem + self.makes[made["mime_type"]],
                mime_type=made["mime_type"],
                served_as=made["mime_type"],
                extension=self.makes[made["mime_type"]],
                size=target.size,
                thumbnail_extension=self.makes[small["mime_type"]] if small else "",
                thumbnail_size=thumbnail.size if small else 0,
                width=_within(made.get("width"), 100_000),
                height=_within(made.get("height"), 100_000),
                duration=float(seconds) if (seconds := _within(made.get("duration"), 86_400)) is not None else None,
                is_still=made.get("is_still") is True,
                waveform=[int(_within(peak, 100) or 0) for peak in made.get("waveform", ())][:64] or None,
            )
        except (LookupError, TypeError, ValueError):
            for draft in (target, thumbnail):
                draft.discard()
            log.warning("media: an answer that makes no sense: %.500r", made)
            raise Unusable(_REFUSALS["crash"], code="crash") from None


def _within(number: Any, most: int) -> Any:
    if number is not None and not 0 <= number <= most:
        raise ValueError(number)
    return number


#: Refusals by the sandbox itself.
_TOO_COSTLY = _("This file takes too much to convert.")
_REFUSALS: Mapping[str, Text] = {
    "memory": _TOO_COSTLY,
    "time": _TOO_COSTLY,
    "size": _TOO_COSTLY,
    "crash": _("This file could not be converted."),
}

MEGAPIXELS = 25
MINUTES = 5
#: Bytes that the conversion of a video may use, of which most is address space that is never touched.
VIDEO_MEMORY = 1024 * 1024 * 1024
THUMBNAIL = 480
PREVIEW = 1000
AVATAR_SIDE = 256

_PICTURE_REFUSALS: Mapping[str, Text] = {
    "not_a_picture": _("This is not a picture we know: JPEG, PNG, WebP, GIF or HEIC."),
    "too_many_pixels": format_lazy(_("A picture can have at most {limit} megapixels."), limit=MEGAPIXELS),
    "damaged": _("This picture is damaged."),
    "costly": _TOO_COSTLY,
}

KINDS: Mapping[str, Kind] = {
    kind.folder: kind
    for kind in (
        Kind(
            folder="images",
            type="image",
            convert="messaging.media.images:convert",
            makes={"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"},
            has_thumbnail=True,
            quick=4 * 1024 * 1024,
            options={
                "pixels": MEGAPIXELS * 1_000_000,
                "side": THUMBNAIL,
                "frames": 3000,
                "animation": 30_000_000,
            },
            refusals=_PICTURE_REFUSALS,
        ),
        Kind(
            folder="audio",
            type="audio",
            convert="messaging.media.voice:convert",
            makes={"audio/mp4": ".m4a"},
            limits=Limits(cpu=10, seconds=40),
            quick=256 * 1024,
            options={"seconds": MINUTES * 60 + 0.5},
            refusals={
                "not_a_recording": _("This is not a recording we know: WebM, Ogg, MP4, MP3 or WAV."),
                "has_pictures": _("This is a video and no recording."),
                "no_sound": _("There is no sound in this recording."),
                "too_long": format_lazy(_("A recording can have at most {limit} minutes."), limit=MINUTES),
                "damaged": _("This recording is damaged."),
            },
        ),
        Kind(
            folder="video",
            type="video",
            convert="messaging.media.video:convert",
            makes={"video/mp4": ".mp4", "video/webm": ".webm", "image/jpeg": ".jpg"},
            has_thumbnail=True,
            limits=Limits(
                cpu=settings.VIDEO_CPU_SECONDS,
                seconds=2 * settings.VIDEO_CPU_SECONDS + 20,
                memory=VIDEO_MEMORY,
                size=settings.MAX_VIDEO_BYTES + 16 * 1024 * 1024,
            ),
            quick=16 * 1024 * 1024,
            line=WaitingRoom(Turns(1), VIDEOS_MAX, VIDEOS_EACH, VIDEO_TIMEOUT_SECONDS),
            bytes_setting="MAX_VIDEO_BYTES",
            options={
                "seconds": settings.VIDEO_SECONDS,
                "pixels": settings.VIDEO_MEGAPIXELS * 1_000_000,
                "side": THUMBNAIL,
                "cpu": settings.VIDEO_CPU_SECONDS,
            },
            refusals={
                "not_a_video": _("This is not a video we know: MP4, MOV, WebM, MKV or 3GP."),
                "no_pictures": _("There are no pictures in this video."),
                "too_many_pixels": format_lazy(
                    _("A video can have at most {limit} megapixels."), limit=settings.VIDEO_MEGAPIXELS
                ),
                "too_long": format_lazy(
                    _("A video can have at most {limit} minutes."), limit=f"{settings.VIDEO_SECONDS / 60:g}"
                ),
                "damaged": _("This video is damaged."),
                "costly": _("This video takes too much work to be made playable here. Send it as a file."),
            },
        ),
        Kind(
            folder="files",
            type="file",
            bytes_setting="MAX_FILE_BYTES",
            makes={"image/jpeg": ".jpg"},
            previews={b"%PDF-": "messaging.media.pages:convert"},
            options={"side": PREVIEW},
        ),
    )
}


#: Avatars of users and groups, which no message carries.
AVATAR = Kind(
    folder=avatars.FOLDER,
    type="avatar",
    convert="messaging.media.images:square",
    makes={avatars.TYPE: avatars.EXTENSION},
    quick=4 * 1024 * 1024,
    options={"pixels": MEGAPIXELS * 1_000_000, "side": AVATAR_SIDE},
    refusals=_PICTURE_REFUSALS,
)


#: Other words of the original's clients, and none.
_ALIASES = {"image": "images", "videos": "video", "file": "files", "misc": "files", "": "files"}


def kind(folder: str) -> Kind:
    """The kind with this folder, or of another word for it.

    Raises BadRequest: a client's word never becomes part of a path unchecked.
    """
    try:
        return KINDS[_ALIASES.get(folder, folder)]
    except KeyError:
        raise BadRequest(_("mediaType is one of images, audio, video and files."), code="unknown_media_type") from None
