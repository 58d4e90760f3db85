"""Videos, from upload to recall: what browsers play is copied, everything else made playable, and nothing told of it."""

import io
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from chatproject.core.sandbox import pool
from chatproject.core.sandbox.turns import Turns, WaitingRoom
from messaging.media import kinds
from messaging.media.kinds import KINDS
from messaging.models import Upload
from tests import hostile
from tests.test_forwarding import forward
from tests.test_media import file, refusal, require_harmless, seen_by, send, stored_files
from tests.test_media_files import require_clean
from tests.videos import Seen, pictures_of, video

MIB = 1024 * 1024


def poster_of(person: Any, told: dict[str, Any]) -> Any:
    return Image.open(io.BytesIO(person.request("get", told["thumbnailUrl"]).content))


def upload(person: Any, content: bytes) -> Any:
    """The answer to an upload, refused or not. Its name says nothing of what it is."""
    return person.request("post", "/upload", files={"media": ("a name.txt", content)}, data={"mediaType": "video"})


def kept(person: Any, content: bytes) -> tuple[dict[str, Any], Seen]:
    """What is told of an upload, and the stored video."""
    answer = upload(person, content)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    return told, Seen(person.request("get", told["mediaUrl"]).content)


def test_a_video_is_told_with_all_that_a_bubble_needs(person: Any) -> None:
    ann = person("ann")
    told, seen = kept(ann, video())
    assert told.pop("mediaUrl").startswith("/uploads/video/") and told.pop("fileSize") > 1000
    poster = poster_of(ann, told)
    del told["thumbnailUrl"]
    assert told.pop("mediaDuration") == pytest.approx(0.6, abs=0.1)
    assert told == {
        "type": "video", "fileName": "a name.mp4", "mimeType": "video/mp4", "width": 64, "height": 48,
        "waveform": None, "isStill": False,
    }  # fmt: skip
    assert poster.format == "JPEG" and poster.size == (64, 48)
    left, right = poster.getpixel((10, 24)), poster.getpixel((54, 24))
    assert left[0] > left[2] and right[2] > right[0]
    assert seen.codecs == ["h264", "aac"]


@pytest.mark.parametrize(
    ("container", "codec", "sound", "stored"),
    [
        ("mp4", "libx264", "aac", "mp4"),
        ("mov", "libx264", "", "mp4"),
        ("matroska", "libx264", "libmp3lame", "mp4"),
        ("webm", "libvpx", "libopus", "webm"),
        ("webm", "libvpx-vp9", "libopus", "webm"),
        ("mp4", "libsvtav1", "", "webm"),
    ],
)
def test_what_browsers_play_is_kept_as_it_is(person: Any, container: str, codec: str, sound: str, stored: str) -> None:
    given = video(container, codec, sound)
    ann = person("ann")
    told, seen = kept(ann, given)
    whole = ann.request("get", told["mediaUrl"]).content
    assert told["mimeType"] == f"video/{stored}" and stored in seen.format
    assert len(seen.frames) == 12 and seen.length == pytest.approx(0.55, abs=0.02)
    assert [len(one) for one in pictures_of(whole)] and seen.sound == pytest.approx(0.6 if sound else 0, abs=0.1)
    if codec != "libx264":
        assert pictures_of(whole) == pictures_of(given)
    if stored == "mp4":
        assert whole.index(b"moov") < whole.index(b"mdat"), "a player begins before it has all"


@pytest.mark.parametrize(
    ("container", "codec", "sound"),
    [
        ("3gp", "h263", "libopencore_amrnb"),
        ("mov", "mjpeg", "pcm_s16le"),
        ("mp4", "libx265", "aac"),
        ("matroska", "mpeg4", "flac"),
        ("matroska", "libx264", "pcm_s16le"),
        ("matroska", "libvpx", "aac"),
    ],
)
def test_everything_else_is_made_playable(person: Any, container: str, codec: str, sound: str) -> None:
    size = (176, 144) if codec == "h263" else (64, 48)
    given = video(container, codec, sound, size=size, pixels="yuvj420p" if codec == "mjpeg" else "yuv420p")
    told, seen = kept(person("ann"), given)
    assert seen.codecs in (["h264", "aac"], ["libvpx", "libopus"], ["vp8", "opus"]), seen.codecs
    # The pixels of a 3GP are not square.
    assert (told["width"], told["height"]) == seen.size == ((192, 144) if codec == "h263" else size)
    assert len(seen.frames) == 12 and seen.sound == pytest.approx(0.6, abs=0.15)
    assert told["mediaDuration"] == pytest.approx(0.6, abs=0.15)


def test_a_large_video_that_is_encoded_becomes_smaller_and_slower_and_an_odd_size_even(person: Any) -> None:
    told, seen = kept(person("ann"), video("mp4", "libx265", "", size=(1602, 902), seconds=0.2, rate=60))
    assert (told["width"], told["height"]) == seen.size == (1280, 720)
    assert len(seen.frames) == 6, "of sixty a second thirty"


@pytest.mark.parametrize(("codec", "turned"), [("libx264", 90), ("libx264", 180), ("libx265", -90)])
def test_a_video_of_a_turned_phone_stands_upright(person: Any, codec: str, turned: int) -> None:
    ann = person("ann")
    told, seen = kept(ann, video("mov", codec, "", turned=turned))
    lies = turned % 180 != 0
    assert (told["width"], told["height"]) == ((48, 64) if lies else (64, 48))
    assert seen.size == (64, 48) and seen.turned % 360 == turned % 360
    poster = poster_of(ann, told)
    assert poster.size == (told["width"], told["height"])
    red, blue = {90: ((24, 60), (24, 4)), 180: ((60, 24), (4, 24)), -90: ((24, 4), (24, 60))}[turned]
    assert poster.getpixel(red)[0] > poster.getpixel(red)[2]
    assert poster.getpixel(blue)[2] > poster.getpixel(blue)[0]


def test_the_poster_shows_something_where_the_beginning_is_black(person: Any) -> None:
    ann = person("ann")
    told, _seen = kept(ann, video(sound="", seconds=2, black=20))
    poster = poster_of(ann, told).convert("L")
    assert poster.getextrema()[1] > 60


@pytest.mark.parametrize(("container", "codec"), [("mov", "libx264"), ("mov", "libx265"), ("matroska", "libvpx")])
def test_nobody_learns_what_the_camera_wrote(person: Any, container: str, codec: str) -> None:
    ann, bob = person("ann"), person("bob")
    given = video(container, codec, "")
    if codec == "libx264":  # a note among the pictures
        given = with_note(given)
    assert b"hostile" in given
    message = send(ann, bob, upload(ann, given).json())
    for address in (message["mediaUrl"], message["thumbnailUrl"]):
        handed = bob.request("get", address)
        require_harmless(handed)
        require_clean(handed.content, given)
        assert b"116.39" not in handed.content
    assert not any(
        {"title", "comment", "location"} & set(said)
        for said in Seen(bob.request("get", message["mediaUrl"]).content).said
    )


def with_note(given: bytes) -> bytes:
    """The encoder's own note in the first picture, made another's."""
    assert b"x264 - core" in given
    return given.replace(b"x264 - core", b"hostile -- ")


def test_a_recording_of_a_browser_gets_its_length_and_can_be_sought(person: Any) -> None:
    """A browser writes as it records: without a length or an index."""
    told, seen = kept(person("ann"), video("webm", "libvpx", "libopus", seconds=2, options={"live": "1"}))
    assert told["mediaDuration"] == pytest.approx(2, abs=0.1) and told["mimeType"] == "video/webm"
    assert seen.length == pytest.approx(1.95, abs=0.1)


def _huge() -> bytes:
    return video("mp4", "libx264", "", size=(4096, 2304), seconds=0.05)


HOSTILE: dict[str, tuple[Any, set[str]]] = {
    "a page": (lambda: hostile.HTML, {"not_a_video"}),
    "a playlist": (lambda: b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n", {"not_a_video"}),
    "a list of files": (lambda: b"ffconcat version 1.0\nfile '/etc/passwd'\n", {"not_a_video"}),
    "a picture": (hostile.jpeg, {"not_a_video"}),
    "sound alone": (lambda: video("mp4", "", "aac"), {"no_pictures"}),
    "a voice": (hostile.wav, {"not_a_video"}),
    "half of it": (lambda: video(seconds=2)[:3000], {"not_a_video"}),
    "its first bytes": (lambda: video("webm", "libvpx", "libopus")[:300], {"not_a_video", "no_pictures", "damaged"}),
    "more pixels than allowed": (_huge, {"too_many_pixels"}),
    "a day long": (lambda: video("mp4", "libx264", "", hole=86_400), {"too_long"}),
    "a codec of old": (lambda: video("matroska", "msmpeg4v3", ""), {"not_a_video"}),
    "noise": (lambda: hostile.RECORDINGS["noise"](), {"not_a_video"}),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_video_here_is_refused_with_one_word_and_leaves_nothing(person: Any, name: str) -> None:
    make, codes = HOSTILE[name]
    before, ann = stored_files(), person("ann")
    status, code = refusal(upload(ann, make()))
    assert status == 400 and code in codes
    assert not stored_files() - before and not Upload.objects.filter(owner_id=ann.id).exists()


def test_a_file_that_names_another_file_opens_none(person: Any) -> None:
    """The data reference of a MOV made an alias of a file on the disk."""
    given = video("mov", "libx264", "")
    at = given.index(b"dref")
    assert given[at + 12 : at + 20] == b"\0\0\0\x0curl " or given[at + 16 : at + 20] in (b"url ", b"alis")
    bent = given[: at + 16] + b"alis" + struct.pack(">I", 0) + given[at + 24 :]
    answer = upload(person("ann"), bent)
    assert answer.status_code in (201, 400), answer.text


def test_what_is_there_of_a_broken_video_is_kept(person: Any) -> None:
    whole = video("webm", "libvpx", "libopus", seconds=2)
    told, seen = kept(person("ann"), whole[: len(whole) * 2 // 3])
    assert 0.2 < told["mediaDuration"] < 2 and seen.frames


def test_a_video_that_takes_too_much_is_refused_early_and_can_be_sent_as_a_file(
    person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = KINDS["video"]
    monkeypatch.setitem(KINDS, "video", replace(chosen, options={**chosen.options, "cpu": 0.1}))
    ann, before = person("ann"), stored_files()
    given = video("mp4", "mpeg4", "", size=(320, 240), seconds=2)
    assert refusal(upload(ann, given)) == (400, "costly")
    assert not stored_files() - before
    assert ann.upload(given, "a.mp4", "files")["type"] == "file"


def test_one_video_is_encoded_at_a_time_and_few_wait(person: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    came, done, running, most = threading.Semaphore(0), threading.Event(), [0], [0]

    class Watched(Turns):
        def ask(self, who: str, call: Any) -> Any:
            came.release()
            return super().ask(who, call)

    def slowly(*arguments: Any, **more: Any) -> Any:
        running[0] += 1
        most[0] = max(most[0], running[0])
        assert done.wait(60)
        try:
            return run(*arguments, **more)
        finally:
            running[0] -= 1

    run, line = pool.run, WaitingRoom(Watched(1), 2, 2, 60.0)
    monkeypatch.setitem(KINDS, "video", replace(KINDS["video"], line=line, quick=0))
    monkeypatch.setattr(pool, "run", slowly)
    ann, bob, content = person("ann"), person("bob"), video()
    with ThreadPoolExecutor(2) as threads:
        under_way = [threads.submit(upload, one, content) for one in (ann, bob)]
        try:
            assert came.acquire(timeout=60) and came.acquire(timeout=60)
            answer = upload(ann, content)
            assert refusal(answer) == (503, "busy")
            assert int(answer.headers["retry-after"]) >= kinds.VIDEO_AGAIN_SECONDS
        finally:
            done.set()
        assert [one.result().status_code for one in under_way] == [201, 201]
    assert most == [1]


def test_a_video_may_be_as_large_as_the_installation_says(person: Any, settings: Any) -> None:
    settings.MAX_VIDEO_BYTES = 10_000
    ann = person("ann")
    assert refusal(upload(ann, file(10_001))) == (413, "too_large")


def test_a_video_is_the_same_for_both_and_gone_with_its_recall(person: Any, group: Any) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    bobs, eves = bob.connect(), eve.connect()
    uploaded = upload(ann, video()).json()
    body = {"toUid": bob.id, "type": "video", "mediaUrl": uploaded["mediaUrl"], "msg": "look at this"}
    sent = ann.connect().call("EmitPrivate", body)
    assert sent["type"] == "video" and sent["mediaDuration"] == uploaded["mediaDuration"]
    assert bobs.next("OnPrivate") == sent and eves.silent("OnPrivate")
    assert bob.get("/private/messages", senderId=ann.id) == [sent]
    (found,) = bob.get("/message/search", q="has:video look")
    assert found.pop("marks") and found == sent
    assert bob.get("/message/search", q="has:image look") == []
    (forwarded,) = forward(bob, [sent], {"groupId": group(ann, bob)["id"]})
    people = {"ann": ann, "bob": bob, "eve": eve}
    assert seen_by(people, sent["mediaUrl"]) == seen_by(people, forwarded["thumbnailUrl"]) == {"ann", "bob"}
    ann.post("/message/recall", {"messageId": sent["id"]})
    assert bobs.next("OnRecall")["mediaUrl"] is None
    assert seen_by(people, sent["mediaUrl"]) == seen_by(people, sent["thumbnailUrl"]) == set()
    bob.post("/message/recall", {"messageId": forwarded["id"]})
    assert not any(sent["mediaUrl"].split("/")[-1].split(".")[0] in path for path in stored_files())


@pytest.mark.parametrize("is_sealed", [True, False])
def test_a_player_gets_the_parts_that_it_asks_for(person: Any, settings: Any, is_sealed: bool) -> None:
    settings.ENCRYPTION = is_sealed
    ann = person("ann")
    uploaded = upload(ann, video("webm", "libvpx", "libopus", seconds=6, size=(320, 240))).json()
    whole = ann.request("get", uploaded["mediaUrl"])
    assert whole.headers["content-type"] == "video/webm" and whole.headers["accept-ranges"] == "bytes"
    assert "content-disposition" not in whole.headers
    size = uploaded["fileSize"]
    for first, last in ((0, 1), (size // 2, size // 2 + 100), (size - 10, size - 1)):
        part = ann.request("get", uploaded["mediaUrl"], headers={"Range": f"bytes={first}-{last}"})
        assert part.status_code == 206 and part.content == whole.content[first : last + 1]
        assert part.headers["content-range"] == f"bytes {first}-{last}/{size}"


def test_a_video_in_a_bucket_is_played_in_parts_too(person: Any, settings: Any) -> None:
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}
    ann = person("ann")
    uploaded = upload(ann, video()).json()
    part = ann.request("get", uploaded["mediaUrl"], headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")
