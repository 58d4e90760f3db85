"""Attachments for the tests: pictures, bytes, and ways to give them to a page."""

import base64
import io
import random
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image
from playwright.sync_api import Locator, Page

#: A browser with a microphone, a camera and a position.
SENSES: dict[str, Any] = {
    "permissions": ["microphone", "camera", "geolocation", "clipboard-read", "clipboard-write"],
    "geolocation": {"latitude": 30.13012, "longitude": 118.16544, "accuracy": 20},
}

#: Drops files on an element or pastes them into it; each file is [name, type, base64].
_HAND_OVER = """([kind, selector, files]) => {
  const carried = new DataTransfer();
  for (const [name, type, bytes] of files) {
    carried.items.add(new File([Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0))], name, { type }));
  }
  const target = document.querySelector(selector);
  const tell = (name) => target.dispatchEvent(
    name === "paste"
      ? new ClipboardEvent(name, { clipboardData: carried, bubbles: true, cancelable: true })
      : new DragEvent(name, { dataTransfer: carried, bubbles: true, cancelable: true })
  );
  for (const name of kind.split(" ")) tell(name);
}"""


def picture(path: Path, size: tuple[int, int], *, noise: bool = False, turn: int = 1) -> Path:
    """Red on the left, blue on the right, with a position. `turn`: EXIF orientation; `noise`: large."""
    image = Image.new("RGB", size, "#c0392b")
    image.paste("#2980b9", (size[0] // 2, 0, *size))
    if noise:
        image = Image.blend(image, Image.frombytes("RGB", size, random.Random(1).randbytes(size[0] * size[1] * 3)), 0.5)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turn
    place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    place[ExifTags.GPS.GPSLatitudeRef], place[ExifTags.GPS.GPSLatitude] = "N", (30.0, 7.0, 48.0)
    image.save(path, exif=exif, quality=95)
    return path


def animation(path: Path) -> Path:
    frames = [Image.new("RGB", (120, 90), colour) for colour in ("red", "green", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=80, loop=0)
    return path


def jpeg(size: tuple[int, int] = (400, 300)) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", size, "#27ae60").save(made, "JPEG")
    return made.getvalue()


def choose(page: Page, entry: str, *paths: Path) -> None:
    """By the menu and the system's file chooser."""
    page.click("#attach")
    with page.expect_file_chooser() as opened:
        page.get_by_role("menuitem", name=entry, exact=True).click()
    opened.value.set_files(list(paths))


def hand_over(page: Page, kind: str, selector: str, *files: tuple[str, str, bytes]) -> None:
    """`kind`: "paste", "drop", or the events before it: "dragenter dragover"."""
    page.wait_for_selector(selector)
    page.evaluate(
        _HAND_OVER, [kind, selector, [[name, type_, base64.b64encode(data).decode()] for name, type_, data in files]]
    )


#: Whether a picture can be drawn. A larger one may take its place meanwhile, and then that one is asked for.
_IS_LOADED = """async (image) => {
  for (;;) {
    const source = image.src;
    const isDrawn = await image.decode().then(() => image.naturalWidth > 0, () => false);
    if (image.src === source) return isDrawn;
  }
}"""


def is_loaded(image: Locator) -> bool:
    image.wait_for()
    return bool(image.evaluate(_IS_LOADED))
