"""A canvas in units from 0 to 100, drawn at twice its size for smooth edges, with colour
gradients.
"""

import io
from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFilter, ImageFont

Colour = tuple[int, int, int]
Point = tuple[float, float]

#: The factor by which the drawing is larger than the result.
FINE = 2


def rgb(word: str) -> Colour:
    """Convert "f2b880" to three numbers."""
    return int(word[0:2], 16), int(word[2:4], 16), int(word[4:6], 16)


def between(one: Colour, other: Colour, part: float) -> Colour:
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(one, other, strict=True))
    return red, green, blue


class Canvas:
    """A drawing: x from 0 to `wide`, y from 0 at the top to 100."""

    def __init__(self, width: int, height: int, above: str, below: str | None = None) -> None:
        self._width, self._height = width, height
        self._unit = height * FINE / 100
        self.wide = width * 100 / height
        size = (width * FINE, height * FINE)
        self.image = Image.new("RGB", size, rgb(above))
        if below is not None:
            self.run(above, below)
        self._pen = ImageDraw.Draw(self.image)

    def run(self, above: str, below: str, top: float = 0, bottom: float = 100) -> None:
        """Fill with a vertical gradient from `top` to `bottom`."""
        box = (0, round(top * self._unit), self.image.width, round(bottom * self._unit))
        steps = Image.linear_gradient("L").resize((box[2], box[3] - box[1]), Image.Resampling.BICUBIC)
        pairs = zip(rgb(above), rgb(below), strict=True)
        bands = [steps.point([a + (b - a) * step // 255 for step in range(256)]) for a, b in pairs]
        self.image.paste(Image.merge("RGB", bands), box)

    def _at(self, points: Sequence[Point]) -> list[Point]:
        return [(x * self._unit, y * self._unit) for x, y in points]

    def shape(self, points: Sequence[Point], colour: str | Colour) -> None:
        self._pen.polygon(self._at(points), fill=self._colour(colour))

    def disc(self, x: float, y: float, radius: float, colour: str | Colour, *, tall: float | None = None) -> None:
        tall = radius if tall is None else tall
        self._pen.ellipse(self._at([(x - radius, y - tall), (x + radius, y + tall)]), fill=self._colour(colour))

    def box(self, x: float, y: float, width: float, height: float, colour: str | Colour, *, round_: float = 0) -> None:
        corners = self._at([(x, y), (x + width, y + height)])
        self._pen.rounded_rectangle(corners, round_ * self._unit, fill=self._colour(colour))

    def frame(
        self, x: float, y: float, width: float, height: float, colour: str, *, thick: float, round_: float = 0
    ) -> None:
        corners = self._at([(x, y), (x + width, y + height)])
        self._pen.rounded_rectangle(
            corners, round_ * self._unit, outline=rgb(colour), width=max(1, round(thick * self._unit))
        )

    def arc(self, x: float, y: float, radius: float, start: float, end: float, colour: str, *, thick: float) -> None:
        corners = self._at([(x - radius, y - radius), (x + radius, y + radius)])
        self._pen.arc(corners, start, end, fill=rgb(colour), width=max(1, round(thick * self._unit)))

    def line(self, points: Sequence[Point], colour: str | Colour, *, thick: float) -> None:
        width = max(1, round(thick * self._unit))
        self._pen.line(self._at(points), fill=self._colour(colour), width=width, joint="curve")

    def words(self, x: float, y: float, text: str, colour: str, *, size: float, anchor: str = "mm") -> None:
        """Write text in Pillow's own font: Latin letters and digits."""
        self._pen.text(
            (x * self._unit, y * self._unit),
            text,
            fill=rgb(colour),
            font=ImageFont.load_default(size * self._unit),
            anchor=anchor,
        )

    def glow(self, x: float, y: float, radius: float, colour: str, *, strength: float = 0.6) -> None:
        """Draw light that fades outwards."""
        light = Image.new("L", self.image.size)
        corners = self._at([(x - radius / 2, y - radius / 2), (x + radius / 2, y + radius / 2)])
        ImageDraw.Draw(light).ellipse([*corners[0], *corners[1]], fill=round(255 * strength))
        small = light.resize((light.width // 8, light.height // 8))
        soft = small.filter(ImageFilter.GaussianBlur(radius * self._unit / 32)).resize(
            light.size, Image.Resampling.BICUBIC
        )
        self.image.paste(rgb(colour), mask=soft)

    def mist(self, top: float, bottom: float, colour: str, strength: float) -> None:
        """Draw a veil that grows denser downwards."""
        height = round((bottom - top) * self._unit)
        veil = Image.linear_gradient("L").resize((self.image.width, height)).point(lambda step: step * strength)
        self.image.paste(rgb(colour), (0, round(top * self._unit)), veil)

    @staticmethod
    def _colour(colour: str | Colour) -> Colour:
        return rgb(colour) if isinstance(colour, str) else colour

    def saved(self, format_: str = "JPEG", **options: Any) -> bytes:
        made = io.BytesIO()
        kept = self.image.resize((self._width, self._height), Image.Resampling.LANCZOS)
        kept.save(made, format_, **({"quality": 90} if format_ == "JPEG" else {}), **options)
        return made.getvalue()
