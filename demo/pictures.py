"""The pictures that the demo's people send."""

import itertools
import math
import random

from demo.drawing import Canvas, between, rgb


def _chance(seed: int) -> random.Random:
    """Random numbers with a fixed seed, so that a picture is the same each time."""
    return random.Random(seed)  # noqa: S311


def sunrise() -> bytes:
    """A morning above the clouds."""
    c, chance = Canvas(1600, 1000, "4f6bb0", "ffcf95"), _chance(4)
    c.run("4f6bb0", "ffc98a", 0, 62)
    x, y = c.wide * 0.63, 37.0
    for radius, colour, strength in ((60, "ffc478", 0.5), (26, "ffdea0", 0.6)):
        c.glow(x, y, radius, colour, strength=strength)
    c.disc(x, y, 5.5, "fff6dc")
    for layer in range(5):
        base, rise = 56 + layer * 10.0, 15 - layer * 1.2
        turns = [(chance.uniform(1, 3) * 1.9**step, chance.uniform(0, 6.3), 0.52**step) for step in range(7)]
        ridge = [
            (
                at / 4,
                base
                - rise
                * sum(by * abs(math.sin(often * at / 4 / c.wide * math.pi + turn)) for often, turn, by in turns)
                / 1.4,
            )
            for at in range(round(c.wide * 4) + 2)
        ]
        c.shape([(0, 100), *ridge, (c.wide, 100)], between(rgb("b58a96"), rgb("17323a"), layer / 4))
        if layer < 4:
            c.mist(base - 4, base + 16, "fbd9b4", 0.4)
    return c.saved()


def lake() -> bytes:
    """An evening at West Lake: hills, a pagoda, a boat, and all of it in the water again."""
    c, chance = Canvas(1200, 1500, "35508a", "f7b48a"), _chance(9)
    water = 58.0
    c.glow(52, 46, 40, "ffd9a0", strength=0.55)
    c.disc(52, 48, 4.2, "fff0cf")
    for base, rise, colour in ((54, 14, "6b6f95"), (57, 9, "474e74")):
        hills = [
            (x, base - rise * (0.5 + 0.5 * math.sin(x / 11 + base)) * (0.6 + 0.4 * math.sin(x / 4.1)))
            for x in range(82)
        ]
        c.shape([(0, water), *hills, (82, water)], colour)
    for storey in range(5):
        y, half = water - 3 - storey * 3.1, 3.4 - storey * 0.45
        c.box(16 - half * 0.7, y - 2.4, half * 1.4, 2.6, "2a3050")
        c.shape([(16 - half - 0.8, y - 2.2), (16, y - 3.8), (16 + half + 0.8, y - 2.2)], "20253f")
    c.line([(16, water - 19), (16, water - 23)], "20253f", thick=0.5)
    c.run("f2ae88", "2c3f6c", water, 100)
    for row in range(90):
        y = water + 0.6 + row * 0.46
        spread = 1.5 + row * 0.16
        for _ in range(3):
            x, long = 52 + chance.gauss(0, spread), chance.uniform(1, 4)
            c.line([(x, y), (x + long, y)], between(rgb("ffe2b0"), rgb("5a6590"), row / 110), thick=0.22)
    c.shape([(34, 76), (52, 76), (49, 79), (37, 79)], "1b2038")
    c.shape([(39, 76), (41, 72.6), (46, 72.6), (48, 76)], "272d4c")
    c.line([(50, 79.6), (54, 70)], "1b2038", thick=0.4)
    return c.saved()


def city() -> bytes:
    """A skyline by night, from the office."""
    c, chance = Canvas(1600, 1000, "101a33", "4c3a66"), _chance(12)
    for _ in range(90):
        c.disc(chance.uniform(0, c.wide), chance.uniform(0, 45), chance.uniform(0.08, 0.22), "dfe6ff")
    for row, (colour, light) in enumerate((("27304f", "6f6a86"), ("1a2340", "ffd98a"), ("111830", "ffe9b5"))):
        x = -chance.uniform(0, 6)
        while x < c.wide:
            wide, tall = chance.uniform(6, 13), chance.uniform(22, 52 - row * 6) - row * 2
            top = 100 - tall - (2 - row) * 8
            c.box(x, top, wide, 100 - top, colour)
            if chance.random() < 0.3:
                c.line([(x + wide / 2, top), (x + wide / 2, top - chance.uniform(3, 8))], colour, thick=0.5)
            for column in range(int(wide / 1.9)):
                for floor in range(int((100 - top) / 2.6)):
                    if chance.random() < (0.12, 0.3, 0.34)[row]:
                        c.box(x + 0.8 + column * 1.9, top + 1.6 + floor * 2.6, 0.9, 1.3, light)
            x += wide + chance.uniform(-0.5, 2)
    return c.saved()


def dumplings() -> bytes:
    """Dinner, from above."""
    c, chance = Canvas(1400, 1050, "8a5f43"), _chance(3)
    for plank in range(7):
        c.box(plank * 20 - 4, 0, 19.7, 100, between(rgb("8a5f43"), rgb("a9785a"), chance.random()))
    c.disc(58, 52, 41, "6a4733")
    c.disc(57, 50, 40, "f3f1ea")
    c.disc(57, 50, 33, "e6e2d6")
    for ring, count in ((23.5, 9), (10, 4)):
        for place in range(count):
            turn = 2 * math.pi * place / count + ring
            x, y = 57 + ring * math.cos(turn), 50 + ring * math.sin(turn)
            fold = [(x + 7.6 * math.cos(turn + a / 10), y + 7.6 * math.sin(turn + a / 10)) for a in range(-16, 17)]
            c.disc(x + 0.6, y + 1, 7.4, "cfc6b2")
            c.shape([*fold, (x - 4.6 * math.cos(turn), y - 4.6 * math.sin(turn))], "fbf3df")
            c.line(fold[4:-4], "e8d9b8", thick=1.1)
            c.disc(x + chance.uniform(-1, 1), y + chance.uniform(-1, 1), 2.2, "f6e8c6")
    c.disc(112, 26, 14, "2f4a52")
    c.disc(112, 26, 11.5, "f3f1ea")
    c.disc(112, 26, 9.5, "4a2315")
    for _ in range(16):
        turn, far = chance.uniform(0, 6.3), chance.uniform(0, 8)
        c.disc(
            112 + far * math.cos(turn), 26 + far * math.sin(turn), 0.7, chance.choice(("c8352a", "7ba05b", "f0d9a0"))
        )
    for shift in (0, 5):
        c.line([(101 + shift, 96), (121 + shift, 50)], "31221a", thick=1.7)
    return c.saved()


def chart() -> bytes:
    """Eight weeks of sign-ups, as a screen shows them."""
    c = Canvas(1400, 875, "ffffff")
    c.words(8, 10, "Sign-ups per week", "14211e", size=5, anchor="lm")
    c.words(8, 16.5, "All channels, Sep - Nov", "5f706b", size=3, anchor="lm")
    c.words(150, 10, "+38 %", "0a7367", size=6, anchor="rm")
    base, tall = 86.0, 60.0
    for step in range(5):
        y = base - tall * step / 4
        c.line([(16, y), (152, y)], "e4eae8", thick=0.3)
        c.words(13, y, str(step * 250), "7d8b87", size=2.6, anchor="rm")
    weeks = (412, 455, 430, 508, 561, 548, 690, 783)
    tops = []
    for week, count in enumerate(weeks):
        x, high = 22 + week * 16.4, tall * count / 1000
        web = high * (0.5 + week * 0.02)
        c.box(x, base - high, 9.5, high, "9fd8cb", round_=1)
        c.box(x, base - web, 9.5, web, "0a7367", round_=1)
        c.words(x + 4.75, base + 4, f"W{37 + week}", "5f706b", size=2.6)
        tops.append((x + 4.75, base - high - 4))
    c.line(tops, "e58f3a", thick=0.7)
    for x, y in tops:
        c.disc(x, y, 1.2, "e58f3a")
    for x, colour, label in ((16, "0a7367", "Web"), (32, "9fd8cb", "Mobile"), (52, "e58f3a", "Trend")):
        c.box(x, 94.5, 2.6, 2.6, colour, round_=0.6)
        c.words(x + 4, 96, label, "51625d", size=2.7, anchor="lm")
    return c.saved("PNG")


def whiteboard() -> bytes:
    """How the import shall work, as it stood on the board after the meeting."""
    c, chance = Canvas(1500, 1000, "eceff0", "dfe3e5"), _chance(21)
    c.box(3, 4, 144, 88, "fbfcfc", round_=1)
    c.frame(3, 4, 144, 88, "b9c0c3", thick=1, round_=1)

    def by_hand(*points: tuple[float, float], colour: str, thick: float = 0.55) -> None:
        path = []
        for (x1, y1), (x2, y2) in itertools.pairwise(points):
            steps = max(2, round(math.dist((x1, y1), (x2, y2)) / 3))
            for step in range(steps + 1):
                part = step / steps
                path.append(
                    (x1 + (x2 - x1) * part + chance.gauss(0, 0.14), y1 + (y2 - y1) * part + chance.gauss(0, 0.14))
                )
        c.line(path, colour, thick=thick)

    def block(x: float, y: float, wide: float, tall: float, label: str, colour: str) -> None:
        by_hand(
            (x, y),
            (x + wide, y - 0.4),
            (x + wide + 0.3, y + tall),
            (x - 0.2, y + tall + 0.3),
            (x, y - 0.6),
            colour=colour,
        )
        c.words(x + wide / 2, y + tall / 2, label, colour, size=4.2)

    def arrow(x1: float, y1: float, x2: float, y2: float, colour: str = "34424a") -> None:
        by_hand((x1, y1), (x2, y2), colour=colour)
        turn = math.atan2(y2 - y1, x2 - x1)
        for side in (2.6, -2.6):
            by_hand((x2, y2), (x2 + 3 * math.cos(turn + side), y2 + 3 * math.sin(turn + side)), colour=colour)

    c.words(12, 14, "Import v2", "1f4e8c", size=6.4, anchor="lm")
    by_hand((12, 19), (40, 18.4), colour="1f4e8c", thick=0.7)
    block(12, 32, 24, 13, "CSV", "1f4e8c")
    block(56, 32, 30, 13, "check rows", "1f7a4d")
    block(108, 32, 26, 13, "store", "1f4e8c")
    block(56, 64, 30, 13, "ask user", "b3362b")
    arrow(37, 38, 55, 38.4)
    arrow(87, 38.4, 107, 38)
    arrow(70, 46, 70, 63, "b3362b")
    arrow(56, 70, 25, 47, "b3362b")
    c.words(97, 33, "ok", "1f7a4d", size=3.6)
    c.words(76, 55, "3 % bad", "b3362b", size=3.6, anchor="lm")
    c.words(104, 62, "1. preview first", "34424a", size=3.7, anchor="lm")
    c.words(104, 69, "2. undo for a day", "34424a", size=3.7, anchor="lm")
    c.words(104, 76, "3. no mails!", "b3362b", size=3.7, anchor="lm")
    by_hand((103, 79.6), (126, 79), colour="b3362b", thick=0.5)
    c.box(60, 93, 9, 2, "1f4e8c", round_=1)
    c.box(72, 93, 9, 2, "b3362b", round_=1)
    c.box(86, 92.4, 14, 3, "6d7780", round_=0.8)
    return c.saved()


def court() -> bytes:
    """The hall, booked."""
    c = Canvas(1200, 900, "c9b79c", "a8957b")
    for x in range(8):
        c.box(6 + x * 16, 6, 11, 14, "f4f1e6", round_=0.6)
    c.shape([(30, 36), (103, 36), (133, 100), (0, 100)], "2f7d5b")
    for points in (
        [(34, 38), (99, 38), (124, 96), (9, 96), (34, 38)],
        [(38, 38), (17, 96)],
        [(95, 38), (116, 96)],
        [(66.5, 38), (66.5, 96)],
        [(29, 50), (104, 50)],
        [(19, 73), (114, 73)],
    ):
        c.line(points, "f2f5ee", thick=0.7)
    c.box(12, 40, 1.6, 24, "3a3a3a")
    c.box(119, 40, 1.6, 24, "3a3a3a")
    c.box(13, 43, 107, 1.8, "f6f6f2")
    for x in range(53):
        c.line([(13.5 + x * 2, 45), (13.5 + x * 2, 56)], "dfe6e0", thick=0.16)
    for y in range(6):
        c.line([(13, 46 + y * 2), (120, 46 + y * 2)], "dfe6e0", thick=0.16)
    c.disc(82, 80, 1.8, "f6c453")
    c.shape([(80.6, 79), (83.4, 79), (85, 73.6), (79, 73.6)], "fbfdff")
    return c.saved()
