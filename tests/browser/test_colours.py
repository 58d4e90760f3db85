"""Text is readable: contrast of at least 4.5 to 1, computed from the tokens."""

import re
from pathlib import Path

import pytest

TOKENS = (Path(__file__).resolve().parents[2] / "static/css/tokens.css").read_text()

#: Text tokens on their background tokens.
PAIRS = [
    ("ink", "surface"),
    ("ink", "canvas"),
    ("ink", "other"),
    ("ink", "accent-soft"),
    ("ink-soft", "surface"),
    ("ink-soft", "canvas"),
    ("ink-soft", "accent-soft"),
    ("ink-soft", "hover"),
    ("ink-faint", "surface"),
    ("ink-faint", "surface-sunken"),
    ("ink-faint", "canvas"),
    ("ink-faint", "other"),
    ("own-ink", "own"),
    ("own-soft", "own"),
    ("accent", "surface"),
    ("accent", "canvas"),
    ("accent", "own"),
    ("accent", "accent-soft"),
    ("on-accent", "accent"),
    ("on-accent", "badge"),
    ("danger", "surface"),
    ("danger", "danger-soft"),
    ("surface", "badge-quiet"),
]


def themes() -> dict[str, dict[str, str]]:
    light, dark_by_system, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", block))
        for block in re.findall(r":root[^{]*\{([^}]*--accent:[^}]*)\}", TOKENS)
    )
    assert dark_by_system == dark
    return {"light": light, "dark": dark}


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_can_be_read_on_its_ground(theme: str, text: str, ground: str) -> None:
    colours = themes()[theme]
    assert contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("number", range(10))
def test_an_avatar_s_letter_and_a_sender_s_name_can_be_read(number: int) -> None:
    found = re.search(rf"\.tone-{number} {{ --tone: (#[0-9a-f]{{6}}); }}", TOKENS)
    assert found
    assert contrast(found[1], "#ffffff") >= 4.5


@pytest.mark.parametrize("number", range(10))
def test_a_sender_s_name_can_be_read_on_a_dark_bubble(number: int) -> None:
    found = re.search(rf"\.tone-{number} {{ --tone-dark: (#[0-9a-f]{{6}}); }}", TOKENS)
    assert found
    for ground in ("other", "surface", "canvas"):
        assert contrast(found[1], themes()["dark"][ground]) >= 4.5
