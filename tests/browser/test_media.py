"""Pictures, voice, places and files between two users in two browsers; and their failures."""

import io
import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, FilePayload, Locator, Page, Playwright, Route, expect

from demo import sounds
from messaging.media import places
from tests.browser import flaws, media
from tests.browser.conftest import REFUSED, TIMEOUT_MS, Someone, Watch, box_of, hear_until, reload, unique, until
from tests.browser.media import SENSES
from tests.browser.server import (
    BROWSER_ARGS,
    CHROMIUM,
    FAKE_DEVICES,
    HEADLESS_CHROMIUM,
    PASSWORD,
    Person,
    Server,
)
from tests.geocoder import geocoder, says
from tests.videos import video

Pair = tuple[Someone, Someone]
#: Shows on a video what its upload shows when all of it is sent.
PREPARING = """async () => {
  const { progress } = await import("chat/views/progress.js");
  document.querySelector(".film").append(progress(1));
}"""
#: Counts the pieces that have been recorded, each a second at least but the first: it comes late on a busy machine.
COUNT_PIECES = """() => {
  const isCounting = "pieces" in window;
  window.pieces = 0;
  if (isCounting) return;
  const { start } = MediaRecorder.prototype;
  MediaRecorder.prototype.start = function (...given) {
    this.addEventListener("dataavailable", ({ data }) => { window.pieces += data.size > 0; });
    return start.apply(this, given);
  };
}"""
#: Notes on the page when a recording begins to play: a short one may be over when a busy machine looks.
WATCH_PLAYING = """(voice) => {
  window.hasPlayed = false;
  const look = () => { window.hasPlayed ||= voice.querySelector("[aria-label=Pause]") !== null; };
  new MutationObserver(look).observe(voice, { subtree: true, attributeFilter: ["aria-label"] });
}"""
#: The name of the group that each test creates for itself.
TRIP = "黄山 Trip"


@pytest.fixture(scope="module")
def chromium(whole_chromium: Browser) -> Browser:
    """The whole browser, where the permissions of a context decide about its microphone and camera."""
    return whole_chromium


@pytest.fixture(scope="module")
def couple(chromium: Browser, site: Server) -> Iterator[Pair]:
    """Two users in two browsers with a microphone, a camera and a position, shared by these tests."""
    options: dict[str, Any] = {"base_url": site.url, "locale": "en-GB", "viewport": {"width": 1280, "height": 800}}
    contexts = [chromium.new_context(**options, **SENSES) for _ in range(2)]
    for context in contexts:
        context.set_default_timeout(TIMEOUT_MS)
    ann, bob = (
        Someone(unique(name), context.new_page()) for name, context in zip(("Ann", "Bob"), contexts, strict=True)
    )
    yield ann, bob
    for context in contexts:
        context.close()


@pytest.fixture
def pair(couple: Pair, watch: Watch) -> Iterator[Pair]:
    """The couple, in a new group of theirs."""
    ann, bob = couple
    for one in couple:
        watch.over(one.page.context)
        if one.page.url != "about:blank":
            one.page.keyboard.press("Escape")
    chat = unique(TRIP)
    group = bob.post("/group/create", name=chat, memberIds=[ann.id])["id"]
    bob.post("/group/send", groupId=group, content="hello", type="text")
    for one in couple:
        one.open(chat)
        expect(one.bubble("hello")).to_be_visible()
    yield couple
    for one in couple:
        one.page.unroute_all()


def line_of(someone: Someone) -> Any:
    """The preview of the open chat in the list."""
    return someone.page.locator(".chat-row[aria-current] .chat-preview")


def messages(someone: Someone) -> Any:
    group = someone.page.url.rstrip("/").rpartition("/")[2]
    return someone.page.request.get(f"/group/messages?groupId={group}").json()


def of_type(page: Page, name: str) -> Any:
    return page.locator(f".message[data-type={name}]")


def sent(page: Page, name: str) -> Any:
    return page.locator(f".message[data-type={name}][data-state=sent]")


def from_second(seconds: int) -> re.Pattern[str]:
    """This second of a minute on a clock, or a later one."""
    return re.compile(f"0:({'|'.join(f'{one:02}' for one in range(seconds, 60))})")


def send_speech(one: Someone, seconds: float) -> None:
    """A recording into the open group."""
    speech: FilePayload = {"name": "voice.wav", "mimeType": "audio/wav", "buffer": sounds.speech(seconds, voice=0)}
    uploaded = one.page.request.post(
        "/upload", multipart={"mediaType": "audio", "media": speech}, headers={"X-CSRFToken": one._csrf_token}
    ).json()
    group = one.page.url.rstrip("/").rpartition("/")[2]
    one.post("/group/send", groupId=group, type="audio", mediaUrl=uploaded["mediaUrl"])


def play(voice: Locator) -> None:
    """Press Play of a recording, and see that it plays."""
    voice.evaluate(WATCH_PLAYING)
    voice.get_by_role("button", name="Play").click()
    until(voice.page, "() => window.hasPlayed")


# Pictures -------------------------------------------------------------------------------------------------------------


def test_a_picture_goes_out_smaller_upright_and_with_its_caption(pair: Pair, tmp_path: Path) -> None:
    ann, bob = pair
    # 9 MB, as cameras make them, rotated: 6 is a quarter turn.
    photo = media.picture(tmp_path / "IMG_1.jpg", (3720, 2790), noise=True, turn=6)
    assert photo.stat().st_size > 9_000_000
    with ann.page.expect_request("**/upload") as asked:
        media.choose(ann.page, "Picture", photo)
        expect(ann.page.locator("dialog.files img")).to_be_visible()
        ann.page.fill("#caption", "from the summit")
        ann.page.press("#caption", "Enter")
    expect(sent(ann.page, "image")).to_have_count(1)
    assert int(asked.value.header_value("content-length") or 0) < 2_000_000
    shown = of_type(bob.page, "image")
    expect(shown).to_contain_text("from the summit")
    assert media.is_loaded(shown.locator("img"))
    expect(line_of(bob)).to_have_text(f"{ann.name}: [Picture] from the summit")
    message = messages(bob)[-1]
    assert (message["width"], message["height"]) == (1920, 2560)
    assert not Image.open(io.BytesIO(bob.page.request.get(message["mediaUrl"]).body())).getexif()
    above, below = bob.page.evaluate(
        """async (address) => {
          const picture = await createImageBitmap(await (await fetch(address)).blob());
          const canvas = new OffscreenCanvas(picture.width, picture.height);
          const context = canvas.getContext("2d", { willReadFrequently: true });
          context.drawImage(picture, 0, 0);
          const at = (y) => [...context.getImageData(picture.width / 2, y, 1, 1).data];
          return [at(picture.height * 0.2), at(picture.height * 0.8)];
        }""",
        message["thumbnailUrl"],
    )
    assert above[0] > above[2] and below[2] > below[0]  # what was left is above


def test_several_pictures_by_chooser_paste_and_drop_arrive_in_order(pair: Pair, tmp_path: Path) -> None:
    ann, bob = pair
    page = ann.page
    media.choose(page, "Picture", *(media.picture(tmp_path / f"{size}.png", (size, 60)) for size in (101, 102)))
    media.hand_over(page, "paste", "#caption", ("pasted.jpg", "image/jpeg", media.jpeg((103, 60))))
    expect(page.locator(".chosen li")).to_have_count(3)
    page.get_by_role("button", name="Remove 102.png").click()
    page.click("#send-files")
    expect(sent(page, "image")).to_have_count(2)
    media.hand_over(page, "paste", "#text", ("image.png", "image/jpeg", media.jpeg((104, 60))))
    page.click("#send-files")
    media.hand_over(page, "dragenter dragover", "#log", ("dropped.jpg", "image/jpeg", media.jpeg()))
    expect(page.locator(".drop")).to_contain_text("Drop here to send to 黄山 Trip")
    media.hand_over(page, "drop", "#log", ("dropped.jpg", "image/jpeg", media.jpeg((105, 60))))
    expect(page.locator(".drop")).to_be_hidden()
    page.click("#send-files")
    expect(of_type(bob.page, "image")).to_have_count(4)
    widths = bob.page.locator(".message img").evaluate_all("(images) => images.map((one) => one.getAttribute('width'))")
    assert widths == ["101", "103", "104", "105"]


def test_an_animation_goes_on_moving(pair: Pair, tmp_path: Path) -> None:
    ann, bob = pair
    media.choose(ann.page, "Picture", media.animation(tmp_path / "cat.gif"))
    ann.page.click("#send-files")
    address = of_type(bob.page, "image").locator("img").get_attribute("src") or ""
    assert b"ANIM" in bob.page.request.get(address).body()[:100]


def test_the_camera_takes_a_picture(pair: Pair) -> None:
    ann, bob = pair
    ann.page.click("#attach")
    ann.page.get_by_role("menuitem", name="Camera").click()
    ann.page.locator("#shoot:enabled").click()
    ann.page.click("#send-files")
    assert media.is_loaded(of_type(bob.page, "image").locator("img"))
    expect(ann.page.locator("dialog")).to_have_count(0)


def test_a_picture_opens_large_turns_and_closes_where_it_was(pair: Pair) -> None:
    ann, bob = pair
    page = ann.page
    for size in (300, 310, 320):
        media.hand_over(bob.page, "paste", "#text", (f"{size}.jpg", "image/jpeg", media.jpeg((size, 200))))
        bob.page.click("#send-files")
        expect(of_type(page, "image")).to_have_count((size - 290) // 10)
    address = page.url
    page.locator(".picture").nth(1).focus()
    page.keyboard.press("Enter")
    box = page.locator("dialog.lightbox")
    expect(box).to_be_visible()
    expect(box.locator(".stage img")).to_have_attribute("width", "310")
    page.keyboard.press("ArrowRight")
    expect(box.locator(".stage img")).to_have_attribute("width", "320")
    expect(box.get_by_role("button", name="Next picture")).to_be_hidden()
    page.keyboard.press("+")
    expect(box.locator(".stage img")).to_have_css("transform", re.compile(r"matrix\(1\.5"))
    with page.expect_download() as saved:
        box.get_by_role("link", name="Download").click()
    assert saved.value.suggested_filename.endswith(".jpg")
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    assert (
        page.evaluate("document.activeElement.closest('.message').querySelector('img').getAttribute('width')") == "320"
    )
    until(page, "() => !history.state?.above")
    page.locator(".picture").first.click()
    expect(box).to_be_visible()
    page.go_back()
    expect(box).to_have_count(0)
    expect(page).to_have_url(address)


def test_a_video_is_seen_before_it_is_sent_and_plays_where_it_stands_and_large(pair: Pair, tmp_path: Path) -> None:
    ann, bob = pair
    film = tmp_path / "cups.webm"
    film.write_bytes(video("webm", "libvpx", "libopus", size=(320, 240), seconds=3))
    media.choose(ann.page, "Video", film)
    dialog = ann.page.locator("dialog.files")
    expect(dialog.get_by_role("heading")).to_contain_text("Send 1 video to")
    dialog.locator("#caption").fill("five cups")
    ann.page.click("#send-files")
    for one in pair:
        poster = of_type(one.page, "video").locator(".poster")
        expect(poster).to_be_enabled()
        expect(poster).to_have_accessible_name(f"Play the video of {ann.name}, 0:03: five cups")
        assert media.is_loaded(poster.locator("img"))
    expect(line_of(bob)).to_have_text(f"{ann.name}: [Video] 0:03 five cups")
    # When all of it has arrived, and the server still works on it; that it was read builds the bubble again.
    expect(ann.page.locator(".receipt")).to_have_text("Read by 1 person")
    preparing = ann.page.locator(".film > .progress.preparing")
    ann.page.evaluate(PREPARING)
    expect(preparing).to_have_text("Being prepared…")
    expect(preparing.get_by_role("progressbar", name="Being prepared…")).not_to_have_attribute("aria-valuenow", "100")
    preparing.evaluate("(one) => one.remove()")
    assert flaws.found_by_axe(bob.page) + flaws.sideways(bob.page) == []
    # Beside a recording: one of the two plays.
    told = messages(bob)[-1]
    send_speech(ann, 9)
    voice = of_type(bob.page, "audio")
    voice.get_by_role("button", name="Play").click()
    expect(voice.get_by_role("button", name="Pause")).to_be_visible()
    of_type(bob.page, "video").locator(".poster").press("Enter")
    player = of_type(bob.page, "video").locator("video")
    expect(player).to_have_accessible_name(f"Video of {ann.name}, 0:03")
    until(bob.page, "() => document.querySelector('.film video').currentTime > 0.1")
    expect(voice.get_by_role("button", name="Pause")).to_have_count(0)
    assert player.evaluate("(film) => [film.controls, film.preload, film.playsInline, film.videoWidth]") == [
        True, "none", True, 320,
    ]  # fmt: skip
    # A bubble that is built again goes on playing.
    ann.post("/message/edit", messageId=told["id"], content="six cups")
    expect(of_type(bob.page, "video").locator(".caption .text")).to_have_text("six cups")
    until(bob.page, "() => document.querySelector('.film video').currentTime > 0.5")
    of_type(bob.page, "video").get_by_role("button", name="Show the video large").click()
    box = bob.page.get_by_role("dialog", name="Video")
    until(bob.page, "() => document.querySelector('.lightbox video').currentTime > 0")
    assert bob.page.evaluate("document.querySelector('.film video').paused")
    expect(box.locator(".lightbox-caption")).to_have_text("six cups")
    expect(box.get_by_role("button", name="Larger")).to_have_count(0)
    bob.page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    ann.post("/message/recall", messageId=told["id"])
    expect(bob.page.locator(".message.recalled")).to_have_count(1)
    expect(bob.page.locator("video")).to_have_count(0)


def test_pictures_and_videos_stand_in_one_album_and_a_video_is_recorded_with_the_camera(
    pair: Pair, tmp_path: Path
) -> None:
    ann, bob = pair
    film = video("webm", "libvpx", "", size=(160, 120), seconds=1)
    files = [
        ("a.jpg", "image/jpeg", media.jpeg()),
        ("b.webm", "video/webm", film),
        ("c.jpg", "image/jpeg", media.jpeg()),
    ]
    media.hand_over(ann.page, "drop", "#conversation", *files)
    ann.page.click("#send-files")
    for one in pair:
        expect(one.page.locator(".album-tile[data-state=sent], .album-tile:not(.own)")).to_have_count(3)
    expect(bob.page.get_by_role("group", name=f"{ann.name}: 3 pictures and videos")).to_be_visible()
    bob.page.locator(".album-tile .poster").click()
    until(bob.page, "() => document.querySelector('.lightbox video')?.currentTime > 0")
    bob.page.get_by_role("button", name="Next picture or video").click()
    assert media.is_loaded(bob.page.locator(".lightbox img"))
    bob.page.get_by_role("button", name="Previous picture or video").click()
    expect(bob.page.locator(".lightbox video")).to_have_js_property("paused", True)
    bob.page.keyboard.press("Escape")
    ann.page.click("#attach")
    ann.page.get_by_role("menuitem", name="Camera").click()
    ann.page.evaluate(COUNT_PIECES)
    ann.page.locator("#film:enabled").click()
    expect(ann.page.locator(".film-time")).to_have_text(from_second(2))
    until(ann.page, "() => window.pieces > 1")
    ann.page.get_by_role("button", name="End the video").click()
    seen = ann.page.locator("dialog.files video")
    expect(seen).to_have_js_property("videoWidth", 1920)
    ann.page.fill("#caption", "here I am")
    ann.page.click("#send-files")
    bubble = bob.page.locator(".message.filmed", has_text="here I am")
    expect(bubble.locator(".poster")).to_have_accessible_name(re.compile(f"{from_second(1).pattern}: here I am"))
    told = messages(bob)[-1]
    assert told["mediaDuration"] > 0.8 and told["width"] / told["height"] == pytest.approx(16 / 9, abs=0.01)


def test_a_recalled_picture_is_gone_from_everywhere_on_the_page(pair: Pair) -> None:
    ann, bob = pair
    media.hand_over(ann.page, "paste", "#text", ("slip.jpg", "image/jpeg", media.jpeg()))
    ann.page.click("#send-files")
    expect(sent(ann.page, "image")).to_have_count(1)
    address = of_type(bob.page, "image").locator("img").get_attribute("src") or ""
    bob.page.locator(".picture").click()
    expect(bob.page.locator("dialog.lightbox .stage img")).to_have_attribute("src", messages(bob)[-1]["mediaUrl"])
    of_type(ann.page, "image").click(button="right")
    ann.page.get_by_role("menuitem", name="Recall").click()
    for page in (ann.page, bob.page):
        expect(page.locator("dialog.lightbox, .message img, .picture")).to_have_count(0)
        expect(page.locator(".message .text").last).to_contain_text("recalled a message")
    assert bob.page.request.get(address).status == 404


def test_nothing_jumps_while_pictures_load(pair: Pair, tmp_path: Path) -> None:
    ann, bob = pair
    for number in range(4):
        size = (300 + 40 * number, 400)
        media.hand_over(bob.page, "paste", "#text", (f"{number}.jpg", "image/jpeg", media.jpeg(size)))
        bob.page.click("#send-files")
        expect(sent(bob.page, "image")).to_have_count(number + 1)
    held: list[Route] = []
    is_open = False
    ann.page.route("**/uploads/**", lambda route: route.continue_() if is_open else held.append(route))
    ann.page.add_init_script(
        """window.shift = 0;
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) window.shift += entry.value;
        }).observe({ type: "layout-shift", buffered: true });"""
    )
    reload(ann.page)
    tops = "() => [...document.querySelectorAll('.message')].map((one) => one.getBoundingClientRect().top)"
    expect(of_type(ann.page, "image")).to_have_count(4)
    ann.is_connected()  # what tells that there is no connection would move all of it
    expect(ann.page.locator("#banner")).to_be_hidden()
    box_of(of_type(ann.page, "image").last)
    before = ann.page.evaluate(tops)
    ann.page.evaluate("() => { window.shift = 0; }")
    is_open = True
    for route in held:
        route.continue_()
    for image in ann.page.locator(".message img").all():
        assert media.is_loaded(image)
    assert ann.page.evaluate(tops) == before
    assert ann.page.evaluate("window.shift") < 0.05


# Voice ----------------------------------------------------------------------------------------------------------------

#: Decodes the audio of a voice message: [seconds, loudest sample].
HEARD = """async (address) => {
  const sound = await new AudioContext().decodeAudioData(await (await fetch(address)).arrayBuffer());
  return [sound.duration, sound.getChannelData(0).reduce((most, one) => Math.max(most, Math.abs(one)), 0)];
}"""


def record(page: Page, seconds: int = 0) -> None:
    """Begin to record, and wait until the clock shows so many seconds; from 2 on it is not too short."""
    page.click("#record")
    expect(page.locator("#stop-recording")).to_be_focused()
    expect(page.locator(".recording .voice-time")).to_have_text(from_second(seconds))


def test_a_voice_message_is_recorded_heard_before_and_plays_on_the_other_side(pair: Pair) -> None:
    ann, bob = pair
    ann.page.evaluate(COUNT_PIECES)
    record(ann.page, 2)
    until(ann.page, "() => window.pieces > 2")
    ann.page.keyboard.press("Enter")  # on Stop
    preview = ann.page.locator(".recording .voice")
    play(preview)
    ann.page.click("#send-recording")
    expect(sent(ann.page, "audio")).to_have_count(1)
    expect(ann.page.locator("#text")).to_be_focused()
    bubble = of_type(bob.page, "audio")
    expect(bubble).to_have_count(1)
    said = messages(bob)[-1]
    expect(line_of(bob)).to_have_text(f"{ann.name}: [Voice] {math.floor(said['mediaDuration'] + 0.5)}″")
    seconds, loudest = bob.page.evaluate(HEARD, said["mediaUrl"])
    assert 1.8 < seconds == pytest.approx(said["mediaDuration"], abs=0.5) and loudest > 0.05
    wave = bubble.get_by_role("slider")
    bubble.get_by_role("button", name="Play").click()
    until(  # and paused at once: it plays no longer than it takes to look for a button
        bob.page,
        """() => Number(document.querySelector('.message .wave').getAttribute('aria-valuenow')) > 0.3
           && (document.querySelector('.message .voice-play').click(), true)""",
    )
    expect(bubble.get_by_role("button", name="Play")).to_be_visible()
    bubble.get_by_role("button", name="Speed").click()
    expect(bubble.locator(".voice-speed")).to_have_text("1.5×")
    wave.press("Home")
    expect(wave).to_have_attribute("aria-valuenow", "0.0")
    wave.press("End")
    wave.press("Enter")  # plays its last moment, and is at its beginning again
    expect(bubble.get_by_role("button", name="Play")).to_be_visible()
    expect(wave).to_have_attribute("aria-valuenow", "0.0")


def test_a_recording_is_seen_live_and_ends_by_itself_after_a_minute(pair: Pair) -> None:
    ann, _ = pair
    page = ann.page
    page.click("#record")
    expect(page.locator("#stop-recording")).to_be_focused()
    time = page.locator(".recording .voice-time")
    expect(time).not_to_have_text("0:00")
    seen = "document.querySelector('.live-wave').toDataURL()"
    until(page, f"(before) => {seen} !== before", arg=page.evaluate(seen))
    # The clock stands still at 55 seconds, however long it took to come here.
    page.evaluate(
        """() => {
          const [now, shown] = [performance.now(), document.querySelector(".recording .voice-time").textContent];
          window.leap = (55 - Number(shown.split(":")[1])) * 1000;
          performance.now = () => now + window.leap;
        }"""
    )
    expect(page.locator(".recording .voice-time.ending")).to_be_visible()
    page.evaluate("() => { window.leap += 10_000; }")
    expect(page.locator(".toast")).to_contain_text("A minute is the most")
    page.evaluate("() => { delete performance.now; }")
    expect(page.locator(".recording .voice").get_by_role("button", name="Play")).to_be_visible()
    page.get_by_role("button", name="Throw the recording away").click()
    expect(page.locator("#text")).to_be_visible()


def test_one_recording_plays_at_a_time(pair: Pair) -> None:
    ann, bob = pair
    send_speech(ann, 20)  # it does not end by itself meanwhile
    expect(of_type(bob.page, "audio")).to_have_count(1)
    record(ann.page, 2)
    ann.page.click("#send-recording")
    expect(of_type(bob.page, "audio")).to_have_count(2)
    first, second = of_type(bob.page, "audio").all()
    first.get_by_role("button", name="Play").click()
    expect(first.get_by_role("button", name="Pause")).to_be_visible()
    play(second.locator(".voice"))
    expect(first.get_by_role("button", name="Play")).to_be_visible()


def test_a_recording_is_thrown_away_kept_for_its_chat_or_too_short(
    pair: Pair, person: Callable[[str], Person], site: Server
) -> None:
    ann, _ = pair
    cem = person("Cem")
    cem.say(ann, "hi")
    record(ann.page)
    ann.page.keyboard.press("Escape")
    expect(ann.page.locator("#text")).to_be_focused()
    ann.page.evaluate("() => { const then = performance.now(); performance.now = () => then; }")
    record(ann.page)
    ann.page.click("#send-recording")
    expect(ann.page.locator(".toast")).to_contain_text("Too short")
    ann.page.evaluate("() => { delete performance.now; }")
    record(ann.page, 2)
    here = ann.page.url
    ann.open(cem)
    expect(ann.page.locator(".recording")).to_be_hidden()
    ann.page.locator(f'.chat-row[href="{here.removeprefix(site.url)}"]').click()
    expect(ann.page.locator(".recording .voice")).to_be_visible()
    ann.page.get_by_role("button", name="Throw the recording away").click()
    expect(ann.page.locator("#text")).to_be_visible()
    assert of_type(ann.page, "audio").count() == 0


def test_a_refused_microphone_is_explained(playwright: Playwright, site: Server, watch: Watch) -> None:
    browser = playwright.chromium.launch(
        executable_path=CHROMIUM,
        args=[*BROWSER_ARGS, *FAKE_DEVICES, "--deny-permission-prompts"],
    )
    context = browser.new_context(base_url=site.url, locale="en-GB")
    watch.over(context)
    ann, bob = Someone(f"Refused {site.port}", context.new_page()), Person(site, f"Refuser {site.port}")
    bob.say(ann, "hello")
    ann.open(bob)
    ann.page.click("#record")
    expect(ann.page.locator("dialog")).to_contain_text("The microphone was refused")
    ann.page.keyboard.press("Escape")
    ann.page.click("#attach")
    ann.page.get_by_role("menuitem", name="Place").click()
    ann.page.click("#my-position")
    expect(ann.page.locator(".map-notice")).to_contain_text("Your position was refused")
    browser.close()


# Places ---------------------------------------------------------------------------------------------------------------


def test_a_place_arrives_as_it_was_chosen_with_ways_to_it(pair: Pair) -> None:
    ann, bob = pair
    page = ann.page
    page.click("#attach")
    page.get_by_role("menuitem", name="Place").click()
    expect(page.locator("#latitude")).to_have_value("30.130120")  # by itself: she had allowed it
    expect(page.locator(".map-notice")).to_contain_text("no map pictures")
    page.fill("#place-name", "光明顶")
    page.fill("#place-address", "黄山风景区")
    page.click("#send-place")
    card = of_type(bob.page, "location")
    expect(card).to_contain_text("光明顶")
    expect(card).to_contain_text("30.13012° N, 118.16544° E")
    expect(line_of(bob)).to_have_text(f"{ann.name}: [Place] 光明顶")
    card.locator(".place-card").click()
    details = bob.page.locator("dialog.place")
    expect(details.locator(".grid-layer canvas").first).to_be_visible()
    links = places.links(places.Point(30.13012, 118.16544), "光明顶")
    assert [link.get_attribute("href") for link in details.locator(".ways a").all()] == list(links.values())
    details.get_by_role("button", name="Copy the coordinates").click()
    expect(bob.page.locator(".toast").last).to_have_text("Copied.")
    assert bob.page.evaluate("navigator.clipboard.readText()") == "30.13012, 118.16544"


def test_a_place_is_chosen_by_numbers_by_pasting_both_and_on_the_grid(pair: Pair) -> None:
    ann, bob = pair
    page = ann.page
    page.click("#attach")
    page.get_by_role("menuitem", name="Place").click()
    expect(page.locator("#latitude")).to_have_value("30.130120")
    expect(page.locator(".map.leaflet-container")).to_be_visible()
    page.fill("#latitude", "95")
    expect(page.locator("#send-place")).to_be_disabled()
    expect(page.locator("#latitude")).to_have_attribute("aria-invalid", "true")
    page.evaluate("navigator.clipboard.writeText('-33.8568, 151.2153')")
    page.focus("#latitude")
    page.keyboard.press("Control+V")
    expect(page.locator("#longitude")).to_have_value("151.215300")
    page.locator(".map").focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#latitude")).not_to_have_value("-33.856800")
    assert -33.86 < float(page.locator("#latitude").input_value()) < -33.84
    page.fill("#latitude", "-33.8568")
    page.fill("#longitude", "151.2153")
    page.press("#place-name", "Enter")
    expect(of_type(bob.page, "location")).to_contain_text("33.85680° S, 151.21530° E")


def test_a_place_is_chosen_by_a_click_and_by_dragging_the_map(pair: Pair) -> None:
    ann, bob = pair
    page = ann.page
    page.click("#attach")
    page.get_by_role("menuitem", name="Place").click()
    expect(page.locator("#latitude")).to_have_value("30.130120")
    expect(page.locator(".map.leaflet-container")).to_be_visible()
    box = box_of(page.locator(".map"))
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.click(x + 80, y - 60)  # to the north-east of the pin
    until(page, "() => document.getElementById('latitude').value > 30.1305")
    until(page, "() => document.getElementById('longitude').value > 118.1660")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 120, y - 90, steps=6)  # the map follows the hand: the pin comes to lie in the south-west
    page.mouse.up()
    until(page, "() => document.getElementById('latitude').value < 30.1301")
    until(page, "() => document.getElementById('longitude').value < 118.1654")
    page.click("#send-place")
    expect(of_type(bob.page, "location")).to_contain_text("° N")


def test_the_page_and_the_server_shift_places_alike(pair: Pair) -> None:
    ann, _ = pair
    spots = [(39.9042, 116.4074), (22.3193, 114.1694), (31.2304, 121.4737), (48.8566, 2.3522), (25.033, 121.565)]
    shifted = ann.page.evaluate(
        """async (spots) => {
          const { toGcj02, fromGcj02 } = await import("chat/media/places.js");
          const both = (place) => [place.latitude, place.longitude];
          return spots.map(([latitude, longitude]) => {
            const there = toGcj02({ latitude, longitude });
            return [both(there), both(fromGcj02(there))];
          });
        }""",
        spots,
    )
    for spot, (there, back) in zip(spots, shifted, strict=True):
        assert there == pytest.approx(places.to_gcj02(places.Point(*spot)), abs=1e-9)
        assert back == pytest.approx(spot, abs=1e-6)


# Files ----------------------------------------------------------------------------------------------------------------


def test_a_file_arrives_with_its_name_and_bytes(pair: Pair, tmp_path: Path) -> None:
    ann, bob = pair
    path = tmp_path / "旅行计划 v2.xlsx"
    path.write_bytes(bytes(range(256)) * 200)
    media.choose(ann.page, "File", path)
    expect(ann.page.locator(".chosen")).to_contain_text("50 kB")
    ann.page.click("#send-files")
    card = of_type(bob.page, "file").get_by_role("link", name=path.name)
    with bob.page.expect_download() as saved:
        card.click()
    assert saved.value.suggested_filename == path.name
    assert Path(saved.value.path()).read_bytes() == path.read_bytes()
    expect(line_of(bob)).to_have_text(f"{ann.name}: [File] {path.name}")


def test_of_a_pdf_its_first_page_is_seen_and_of_a_text_its_first_lines(pair: Pair, tmp_path: Path) -> None:
    ann, bob = pair
    (paper := tmp_path / "tea.pdf").write_bytes(b"")
    Image.new("RGB", (300, 400), "#27ae60").save(paper)
    code = "".join(f"def pour_{number}(tea):\n    return 'cups of 龙井'\n" for number in range(40))
    (text := tmp_path / "tea.py").write_text(code)
    (old := tmp_path / "old.txt").write_bytes("绿茶与红茶".encode("gb18030"))
    media.choose(ann.page, "File", paper, text, old)
    ann.page.click("#send-files")
    files = of_type(bob.page, "file")
    expect(files).to_have_count(3)
    assert media.is_loaded(files.nth(0).locator(".file-peek img"))
    lines = files.nth(1).locator(".file-peek code")
    expect(lines).to_contain_text("def pour_0(tea):")
    expect(lines.locator(".code-k").first).to_have_text("def")
    expect(files.nth(2).locator(".file-peek")).to_contain_text("绿茶与红茶")
    assert flaws.found_by_axe(bob.page) + flaws.sideways(bob.page) == []
    files.nth(1).get_by_role("button", name="Look into tea.py").press("Enter")
    dialog = bob.page.get_by_role("dialog", name="tea.py")
    expect(dialog.locator("code")).to_contain_text("def pour_39(tea):")
    expect(dialog.get_by_role("link", name="Download")).to_have_attribute("download", "tea.py")
    bob.page.keyboard.press("Escape")
    expect(files.nth(1).get_by_role("button", name="Look into tea.py")).to_be_focused()
    files.nth(0).locator(".file-peek").click()
    expect(bob.page.locator("dialog.lightbox img").first).to_have_js_property("naturalHeight", 1000)
    bob.page.keyboard.press("Escape")


def test_what_is_too_large_or_no_picture_is_told_once_and_leaves_no_broken_bubble(
    pair: Pair, tmp_path: Path, watch: Watch
) -> None:
    ann, bob = pair
    watch.allow(REFUSED)
    large, false = tmp_path / "large.jpg", tmp_path / "false.jpg"
    large.write_bytes(bytes(11 * 1024 * 1024))
    false.write_bytes(b"<html>no picture</html>")
    media.choose(ann.page, "Picture", large)
    expect(ann.page.locator(".chosen .error")).to_have_text("Too large: at most 10 MB.")
    expect(ann.page.locator("#send-files")).to_be_disabled()
    ann.page.keyboard.press("Escape")
    media.choose(ann.page, "Picture", false)
    ann.page.click("#send-files")
    expect(ann.page.locator(".failure")).to_contain_text("This is not a picture we know")
    ann.page.get_by_role("button", name="Delete").click()
    expect(of_type(ann.page, "image")).to_have_count(0)
    assert of_type(bob.page, "image").count() == 0


def test_what_is_refused_of_several_files_stays_and_goes_as_a_file(pair: Pair, tmp_path: Path) -> None:
    ann, bob = pair
    large, small = tmp_path / "large.jpg", tmp_path / "small.png"
    large.write_bytes(bytes(11 * 1024 * 1024))
    media.picture(small, (400, 300))
    media.choose(ann.page, "Picture", large, small)
    expect(ann.page.locator(".chosen .error")).to_have_text("Too large: at most 10 MB.")
    expect(ann.page.get_by_role("dialog").get_by_role("heading")).to_contain_text("Send 1 picture")
    ann.page.click("#send-files")
    expect(of_type(bob.page, "image")).to_have_count(1)
    dialog = ann.page.get_by_role("dialog", name="1 file was not sent")
    expect(dialog.locator(".chosen li")).to_have_count(1)
    dialog.get_by_label("Send as files").check()
    ann.page.click("#send-files")
    expect(of_type(bob.page, "file")).to_contain_text("large.jpg")
    expect(of_type(bob.page, "image")).to_have_count(1)


def test_a_picture_or_recording_that_is_refused_can_go_as_a_file(pair: Pair, tmp_path: Path, watch: Watch) -> None:
    ann, bob = pair
    watch.allow(REFUSED)
    false = tmp_path / "false.jpg"
    false.write_bytes(b"<html>no picture</html>")
    media.choose(ann.page, "Picture", false)
    ann.page.click("#send-files")
    ann.page.locator(".failure").get_by_role("button", name="Send as a file").click()
    expect(of_type(bob.page, "file")).to_contain_text("false.jpg")
    expect(ann.page.locator(".failure")).to_have_count(0)
    expect(of_type(ann.page, "file")).to_have_count(1)


def test_black_lines_on_nothing_are_seen_when_a_picture_is_large(pair: Pair, tmp_path: Path) -> None:
    ann, _bob = pair
    path = tmp_path / "lines.png"
    drawn = Image.new("RGBA", (300, 200))
    ImageDraw.Draw(drawn).rectangle((100, 50, 200, 150), fill="black")
    drawn.save(path)
    media.choose(ann.page, "Picture", path)
    ann.page.click("#send-files")
    expect(sent(ann.page, "image")).to_have_count(1)
    of_type(ann.page, "image").get_by_role("button").first.click()
    large = ann.page.locator(".stage img")
    expect(large).to_have_attribute("src", messages(ann)[-1]["mediaUrl"])
    assert media.is_loaded(large)
    until(ann.page, "() => !document.querySelector('.lightbox').getAnimations({ subtree: true }).length")
    seen = Image.open(io.BytesIO(large.screenshot())).convert("L")
    middle, left = (seen.width // 2, seen.height // 2), (10, seen.height // 2)
    line, ground = (float(str(seen.getpixel(place))) for place in (middle, left))
    assert line < 20 and 100 < ground < 190
    ann.page.keyboard.press("Escape")


# On the way -----------------------------------------------------------------------------------------------------------


def test_an_upload_shows_how_far_it_is_and_is_cancelled(pair: Pair, tmp_path: Path) -> None:
    ann, bob = pair
    page = ann.page
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 50_000}
    devtools.send("Network.emulateNetworkConditions", slow)
    path = tmp_path / "film.bin"
    path.write_bytes(bytes(3_000_000))
    media.choose(page, "File", path)
    page.click("#send-files")
    until(page, "() => Number(document.querySelector('[role=progressbar]')?.getAttribute('aria-valuenow')) > 5")
    ann.write("what comes after does not wait")
    expect(bob.bubble("what comes after does not wait")).to_be_visible()
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/upload")):
        page.get_by_role("button", name="Cancel sending").click()
    devtools.detach()
    expect(of_type(page, "file")).to_have_count(0)
    reload(page)
    expect(ann.bubble("what comes after does not wait")).to_be_visible()
    assert of_type(page, "file").count() == of_type(bob.page, "file").count() == 0


def test_a_failed_upload_is_tried_again_and_its_message_is_sent_once(pair: Pair, watch: Watch) -> None:
    ann, bob = pair
    watch.allow(REFUSED, "status of 5", "net::ERR_FAILED")
    page = ann.page
    refusals = iter([500])
    uploads: list[str] = []

    def answer(route: Route) -> None:
        uploads.append(route.request.url)
        status = next(refusals, None)
        if status:
            route.fulfill(status=status, json={"detail": "The disk is full.", "code": "server_error"})
        else:
            route.continue_()

    page.route("**/upload", answer)
    media.hand_over(page, "paste", "#text", ("a.jpg", "image/jpeg", media.jpeg()))
    page.click("#send-files")
    expect(page.locator(".failure")).to_contain_text("The disk is full.")
    page.get_by_role("button", name="Try again").click()
    expect(sent(page, "image")).to_have_count(1)
    expect(of_type(bob.page, "image")).to_have_count(1)
    assert len(uploads) == 2


def test_what_was_uploaded_and_not_sent_survives_a_reload_and_is_not_uploaded_again(pair: Pair) -> None:
    ann, bob = pair
    page = ann.page
    uploads: list[str] = []
    page.on("request", lambda request: uploads.append(request.url) if request.url.endswith("/upload") else None)
    # The message itself is held back by the test.
    page.evaluate(
        """() => {
          const send = WebSocket.prototype.send;
          WebSocket.prototype.send = function (text) {
            if (!text.includes("EmitGroupMsg")) send.call(this, text);
          };
        }"""
    )
    media.hand_over(page, "paste", "#text", ("a.jpg", "image/jpeg", media.jpeg()))
    page.click("#send-files")
    until(page, "() => Object.values(localStorage).some((one) => one.includes('/uploads/images/'))")
    expect(page.locator("[data-type=image][data-state=sending]")).to_have_count(1)
    reload(page)
    expect(sent(page, "image")).to_have_count(1)
    expect(of_type(bob.page, "image")).to_have_count(1)
    assert len(uploads) == 1


def test_what_could_not_go_up_is_kept_over_a_reload(pair: Pair, watch: Watch) -> None:
    ann, bob = pair
    watch.allow("net::ERR_FAILED")
    page = ann.page
    # The third time it would count as blocked: from the second on, no answer comes.
    attempts: list[Route] = []

    def answer(route: Route) -> None:
        attempts.append(route)
        if len(attempts) == 1:
            route.abort()

    page.route("**/upload", answer)
    media.hand_over(page, "paste", "#text", ("a.jpg", "image/jpeg", media.jpeg()))
    page.click("#send-files")
    expect(page.locator("[data-type=image][data-state=sending] img")).to_be_visible()
    hear_until(page, lambda: bool(attempts))
    page.unroute("**/upload")
    reload(page)
    expect(sent(page, "image")).to_have_count(1)
    expect(of_type(bob.page, "image")).to_have_count(1)


# Everybody ------------------------------------------------------------------------------------------------------------


def test_everything_is_attached_with_the_keyboard_alone(pair: Pair, tmp_path: Path) -> None:
    ann, bob = pair
    page = ann.page
    press = page.keyboard.press
    path = media.picture(tmp_path / "a.png", (90, 90))
    # Awaited early: the browser opens its chooser a moment after the key.
    page.once("filechooser", lambda chooser: chooser.set_files(path))
    page.focus("#attach")
    press("Enter")
    expect(page.get_by_role("menuitem", name="Picture")).to_be_focused()
    press("Enter")
    expect(page.locator("#caption")).to_be_focused()
    page.keyboard.type("typed")
    press("Enter")
    expect(sent(page, "image")).to_have_count(1)
    page.focus("#record")
    press("Enter")
    expect(page.locator("#stop-recording")).to_be_focused()
    expect(page.locator(".recording .voice-time")).to_have_text(from_second(2))
    press("Enter")
    expect(page.locator("#send-recording")).to_be_focused()
    press("Enter")
    expect(sent(page, "audio")).to_have_count(1)
    page.focus("#attach")
    press("Enter")
    press("End")
    press("Enter")
    expect(page.locator("#latitude")).to_have_value("30.130120")
    expect(page.locator(".map.leaflet-container")).to_be_visible()
    page.focus("#place-name")
    press("Enter")
    expect(of_type(bob.page, "location")).to_have_count(1)
    expect(of_type(bob.page, "audio")).to_have_count(1)


def test_in_chinese_on_a_phone_it_all_fits_and_reads_so(pair: Pair, someone: Callable[..., Someone]) -> None:
    ann, _ = pair
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, "locale": "zh-CN"}
    li = someone("李小明", **SENSES, **phone)
    ann.post("/private/send", receiverId=li.id, content="你好", type="text")
    li.row(ann.name).tap()
    page = li.page
    media.hand_over(page, "paste", "#text", ("a.jpg", "image/jpeg", media.jpeg((2000, 300))))
    expect(page.locator("dialog.files h2")).to_contain_text("发送 1 张图片给")
    page.get_by_role("button", name="发送", exact=True).tap()
    expect(sent(page, "image")).to_have_count(1)
    page.click("#attach")
    assert page.get_by_role("menuitem").all_inner_texts() == ["图片", "拍照", "视频", "文件", "语音", "位置"]
    page.get_by_role("menuitem", name="位置").tap()
    page.locator("#send-place:enabled").tap()
    expect(sent(page, "location")).to_have_count(1)
    expect(page.locator(".place-card")).to_contain_text("北纬 30.13012°")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("button", name="返回").tap()
    expect(li.row(ann.name).locator(".chat-preview")).to_have_text("[位置]")


def test_an_answer_can_be_a_picture_and_a_picture_can_be_answered(pair: Pair) -> None:
    ann, bob = pair
    ann.bubble("hello").click(button="right")
    ann.page.get_by_role("menuitem", name="Reply").click()
    media.hand_over(ann.page, "paste", "#text", ("a.jpg", "image/jpeg", media.jpeg()))
    ann.page.click("#send-files")
    expect(of_type(bob.page, "image").locator(".quote")).to_contain_text("hello")
    expect(ann.page.locator(".about")).to_be_hidden()
    of_type(bob.page, "image").click(button="right")
    bob.page.get_by_role("menuitem", name="Reply").click()
    bob.write("lovely")
    quote = ann.bubble("lovely").locator(".quote")
    expect(quote).to_contain_text("[Picture]")
    assert media.is_loaded(quote.locator("img"))


def test_a_page_that_is_not_secure_says_why_and_how_and_chats_on(playwright: Playwright, tmp_path: Path) -> None:
    with Server(tmp_path, ALLOWED_HOSTS="chat.test,127.0.0.1") as site:
        watch = Watch(f"http://chat.test:{site.port}")
        watch.allow("Cross-Origin-Opener-Policy")
        browser = playwright.chromium.launch(
            executable_path=HEADLESS_CHROMIUM,
            args=[*BROWSER_ARGS, *FAKE_DEVICES, "--host-resolver-rules=MAP chat.test 127.0.0.1"],
        )
        ann, bob = Person(site, "Ann"), Person(site, "Bob")
        bob.say(ann, "hello")
        context = browser.new_context(base_url=f"http://chat.test:{site.port}", locale="en-GB")
        watch.over(context)
        page = context.new_page()
        page.goto("/sign-in/")
        page.fill("#name", ann.name)
        page.fill("#password", PASSWORD)
        page.press("#password", "Enter")
        page.locator(".chat-row").click()
        assert page.evaluate("isSecureContext") is False
        page.click("#record")
        dialog = page.locator("dialog")
        expect(dialog).to_contain_text("Recording needs the microphone")
        expect(dialog).to_contain_text("https://chat.test/")
        expect(dialog.get_by_role("button", name="Choose a recording")).to_be_visible()
        page.keyboard.press("Escape")
        page.click("#attach")
        page.get_by_role("menuitem", name="Camera").click()
        expect(dialog).to_contain_text("Pictures and videos need the camera")
        expect(dialog.get_by_role("button", name="Choose a file")).to_be_visible()
        page.keyboard.press("Escape")
        page.click("#attach")
        page.get_by_role("menuitem", name="Place").click()
        page.click("#my-position")
        expect(page.locator(".map-notice")).to_contain_text("only to pages opened over https")
        page.fill("#latitude", "39.9042")
        page.fill("#longitude", "116.4074")
        page.click("#send-place")
        expect(sent(page, "location")).to_have_count(1)
        media.hand_over(page, "paste", "#text", ("a.jpg", "image/jpeg", media.jpeg()))
        page.click("#send-files")
        expect(sent(page, "image")).to_have_count(1)
        assert not watch.complaints
        browser.close()


def test_tiles_come_from_the_configured_origin_shifted_where_they_are_and_from_no_other(
    playwright: Playwright, tmp_path: Path
) -> None:
    tiles = "http://127.0.0.1:9/{z}/{x}/{y}.png"
    attribution = 'Maps by <a href="https://maps.example">Maps</a><img src="x">'
    with Server(tmp_path, TILE_URL=tiles, TILE_ATTRIBUTION=attribution, TILE_DATUM="gcj02") as site:
        browser = playwright.chromium.launch(executable_path=HEADLESS_CHROMIUM, args=BROWSER_ARGS)
        context = browser.new_context(base_url=site.url, locale="en-GB", **SENSES)
        asked: list[str] = []

        def answer(route: Route) -> None:
            asked.append(route.request.url)
            route.fulfill(body=media.jpeg((256, 256)), content_type="image/jpeg")

        context.route("http://127.0.0.1:9/**", answer)
        watch = Watch(site.url)
        watch.allow("request to another origin: http://127.0.0.1:9/")
        watch.over(context)
        ann, bob = Someone("Ann", context.new_page()), Person(site, "Bob")
        bob.say(ann, "hello")
        ann.open(bob)
        ann.page.click("#attach")
        ann.page.get_by_role("menuitem", name="Place").click()
        expect(ann.page.locator("#latitude")).to_have_value("30.130120")
        expect(ann.page.locator(".leaflet-control-attribution")).to_have_text("Maps by Maps")
        expect(ann.page.locator(".leaflet-control-attribution img")).to_have_count(0)
        expect(ann.page.locator(".map-notice")).to_be_hidden()
        tile = f"/16/{_tile(places.to_gcj02(places.Point(30.13012, 118.16544)))}.png"
        expect(ann.page.locator(f"img.leaflet-tile-loaded[src$='{tile}']").first).to_be_visible()
        assert any(url.endswith(tile) for url in asked)
        policy = httpx.get(f"{site.url}/sign-in/").headers["content-security-policy"]
        assert "img-src 'self' data: blob: http://127.0.0.1:9" in policy.split("; ")
        assert not watch.complaints
        browser.close()


def test_a_place_is_found_by_its_name_and_its_address_is_seen_before_it_is_sent(
    playwright: Playwright, tmp_path: Path
) -> None:
    found = [{"lat": "30.13", "lon": "118.16", "name": "Bright Summit", "display_name": "Bright Summit, Huangshan"}]
    with (
        geocoder(says(json.dumps(found).encode()), "q={query}") as (search, searched),
        geocoder(says(b'{"display_name": "1 Sea Street"}')) as (address, _asked),
        Server(tmp_path, GEOCODER_URL=address, GEOCODER_SEARCH_URL=search) as site,
    ):
        browser = playwright.chromium.launch(executable_path=HEADLESS_CHROMIUM, args=BROWSER_ARGS)
        context = browser.new_context(base_url=site.url, locale="en-GB", permissions=[])
        watch = Watch(site.url)
        watch.over(context)
        ann, bob = Someone("Ann", context.new_page()), Person(site, "Bob")
        page = ann.page
        bob.say(ann, "hello")
        ann.open(bob)
        page.click("#attach")
        page.get_by_role("menuitem", name="Place").click()
        page.fill("#place-search", "summit")
        page.locator(".place-hit").wait_for()
        page.press("#place-search", "ArrowDown")
        page.keyboard.press("Enter")
        expect(page.locator("#place-name")).to_have_value("Bright Summit")
        expect(page.locator("#place-address")).to_have_value("Bright Summit, Huangshan")
        expect(page.locator("#latitude")).to_have_value("30.130000")
        expect(page.locator(".place-hit")).to_have_count(0)
        assert {urlsplit(one).query for one in searched} == {"q=summit"}
        # Another place has another name, and its own address.
        page.fill("#latitude", "1")
        page.fill("#longitude", "2")
        expect(page.locator("#place-address")).to_have_value("1 Sea Street")
        expect(page.locator("#place-name")).to_have_value("")
        # What was written by hand stays.
        page.fill("#place-address", "At my door")
        with page.expect_response("**/place/address*"):
            page.fill("#longitude", "3")
        page.fill("#place-name", "Home")
        expect(page.locator("#place-address")).to_have_value("At my door")
        page.click("#send-place")
        card = page.locator(".place-card")
        expect(card.locator("strong")).to_have_text("Home")
        expect(card.locator(".place-address")).to_have_text("At my door")
        assert not watch.complaints
        browser.close()


def _tile(place: places.Point) -> str:
    """The map tile of a place at zoom 16, in the usual scheme."""
    east = (place.longitude + 180) / 360
    north = (1 - math.asinh(math.tan(math.radians(place.latitude))) / math.pi) / 2
    return f"{int(east * 2**16)}/{int(north * 2**16)}"
