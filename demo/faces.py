"""The avatars of the demo's people and groups: a small emblem each."""

import math
from collections.abc import Callable, Mapping

from demo.drawing import Canvas

SIDE = 256


def mountain(c: Canvas) -> None:
    c.disc(70, 32, 11, "fff3d6")
    c.shape([(0, 100), (38, 34), (62, 74), (74, 58), (100, 92), (100, 100)], "2f5d62")
    c.shape([(38, 34), (28, 52), (35, 49), (40, 55), (46, 47)], "f4f9f8")


def cat(c: Canvas) -> None:
    for side in (-1, 1):
        c.shape([(50 + side * 30, 20), (50 + side * 31, 54), (50 + side * 6, 36)], "f7efe4")
        c.shape([(50 + side * 26, 28), (50 + side * 27, 46), (50 + side * 13, 37)], "f0b7a4")
    c.disc(50, 58, 32, "f7efe4", tall=28)
    for side in (-1, 1):
        c.disc(50 + side * 13, 54, 4.5, "3b3532", tall=5.5)
        c.disc(50 + side * 12, 52, 1.4, "ffffff")
        for rise in (-3, 3):
            c.line([(50 + side * 20, 65), (50 + side * 36, 65 + rise)], "c9b8a4", thick=1)
    c.shape([(46, 63), (54, 63), (50, 67)], "e58f7b")
    c.arc(45.5, 67, 4.5, 10, 160, "8a7768", thick=1.4)
    c.arc(54.5, 67, 4.5, 20, 170, "8a7768", thick=1.4)


def waves(c: Canvas) -> None:
    c.disc(50, 44, 18, "ffe9b8")
    for row, colour in enumerate(("5aa9c9", "3b88b0", "256a94", "174e76")):
        top = 54 + row * 11
        crest = [(x, top + 4 * math.sin(x / 8 + row * 1.7)) for x in range(-2, 104, 2)]
        c.shape([*crest, (102, 100), (-2, 100)], colour)


def leaf(c: Canvas) -> None:
    half = [(t, 26 * math.sin(math.pi * t / 64) ** 0.9) for t in range(65)]
    turn = math.radians(-45)

    def placed(t: float, off: float) -> tuple[float, float]:
        return 26 + t * math.cos(turn) - off * math.sin(turn), 75 + t * math.sin(turn) + off * math.cos(turn)

    c.shape([placed(t, off) for t, off in half] + [placed(t, -off) for t, off in reversed(half)], "3f8f5b")
    c.shape([placed(t, off) for t, off in half] + [placed(64, 0), placed(0, 0)], "57a773")
    c.line([placed(-10, 0), placed(58, 0)], "eaf6ea", thick=1.8)
    for t in (14, 26, 38):
        for side in (-1, 1):
            c.line([placed(t, 0), placed(t + 12, side * 11)], "eaf6ea", thick=1.2)


def moon(c: Canvas) -> None:
    for x, y, size in ((20, 24, 1.3), (80, 70, 1.6), (72, 20, 1), (30, 78, 1.1), (88, 40, 0.9), (14, 56, 0.9)):
        c.disc(x, y, size, "ffffff")
    c.disc(50, 50, 27, "ffe7a3")
    c.disc(62, 43, 23, "2b3a67")


def flower(c: Canvas) -> None:
    for petal in range(6):
        turn = math.radians(petal * 60 + 30)
        c.disc(50 + 20 * math.cos(turn), 50 + 20 * math.sin(turn), 15.5, "fffaf5" if petal % 2 else "ffe9ee")
    c.disc(50, 50, 11, "f5b942")
    c.disc(50, 50, 7, "e49a1f")


def cup(c: Canvas) -> None:
    c.arc(70, 56, 12, -90, 90, "fdf8f1", thick=5)
    c.box(26, 42, 46, 34, "fdf8f1", round_=9)
    c.box(26, 42, 46, 8, "7a4a2b", round_=4)
    c.box(20, 79, 58, 4, "fdf8f1", round_=2)
    for x in (38, 49, 60):
        c.line([(x + 2.5 * math.sin(y / 3), y) for y in range(20, 38)], "fdf8f1", thick=2)


def planet(c: Canvas) -> None:
    for x, y in ((18, 22), (82, 26), (76, 82), (24, 80), (52, 12)):
        c.disc(x, y, 1.2, "fdf3ff")
    c.disc(50, 50, 24, "f2a65a")
    c.box(27, 44, 46, 4, "e08b3c", round_=2)
    c.box(29, 55, 42, 3, "f8c38a", round_=1.5)
    ring = [(50 + 42 * math.cos(t / 20), 50 + 11 * math.sin(t / 20)) for t in range(126)]
    tilted = [(50 + (x - 50) * 0.94 - (y - 50) * 0.3, 50 + (x - 50) * -0.3 + (y - 50) * 0.94) for x, y in ring]
    c.line(list(tilted[:66]), "fbe3c4", thick=3)


def fish(c: Canvas) -> None:
    c.shape([(70, 50), (92, 34), (88, 50), (92, 66)], "f26b4e")
    c.disc(46, 50, 30, "ff8360", tall=19)
    c.box(40, 31.5, 7, 37, "fff4ec", round_=3)
    c.box(58, 34, 5, 32, "fff4ec", round_=2.5)
    c.disc(28, 45, 4.6, "ffffff")
    c.disc(27, 45, 2.4, "2b2b33")
    for x, y, size in ((12, 30, 3), (18, 20, 2), (9, 18, 1.4)):
        c.disc(x, y, size, "d9f1f7")


def house(c: Canvas) -> None:
    c.disc(20, 24, 8, "fff6df")
    c.shape([(0, 78), (40, 68), (100, 80), (100, 100), (0, 100)], "6aa36f")
    c.box(30, 46, 42, 36, "fdf3e3")
    c.shape([(24, 48), (51, 24), (78, 48)], "b5523b")
    c.box(46, 62, 11, 20, "7c5a43", round_=1)
    for x in (35, 60):
        c.box(x, 53, 8, 8, "8fc1d4", round_=1)


def balloon(c: Canvas) -> None:
    c.disc(22, 70, 9, "ffffff", tall=5)
    c.disc(32, 72, 10, "ffffff", tall=5)
    c.disc(78, 30, 9, "ffffff", tall=4)
    c.disc(52, 40, 24, "e4572e", tall=25)
    c.disc(52, 40, 15, "f4a259", tall=25)
    c.disc(52, 40, 6, "f6e7cb", tall=25)
    c.line([(38, 60), (46, 76)], "6b4a37", thick=1)
    c.line([(66, 60), (58, 76)], "6b4a37", thick=1)
    c.box(45, 75, 14, 10, "8a5a3c", round_=2)


def pine(c: Canvas) -> None:
    for x, tall, colour in ((24, 40, "3c7a6b"), (78, 44, "3c7a6b"), (50, 58, "235c50")):
        c.box(x - 2, 84, 4, 8, "5b4636")
        for step in range(3):
            top, wide = 88 - tall + step * tall * 0.24, 8 + step * 5
            c.shape([(x, top), (x - wide, top + tall * 0.42), (x + wide, top + tall * 0.42)], colour)
    for x, y in ((12, 20), (36, 12), (62, 22), (88, 14), (20, 42), (68, 40), (92, 46), (44, 26)):
        c.disc(x, y, 1.5, "ffffff")


def book(c: Canvas) -> None:
    for side in (-1, 1):
        c.shape([(50, 34), (50 + side * 34, 27), (50 + side * 34, 71), (50, 78)], "fdf8ee")
        for row in range(4):
            y = 41 + row * 8
            c.line([(50 + side * 6, y), (50 + side * 27, y - 4)], "c9b79a", thick=1.6)
    c.line([(50, 34), (50, 78)], "a58a68", thick=1.8)


def bowl(c: Canvas) -> None:
    c.shape([(20, 52), (80, 52), (72, 72), (60, 80), (40, 80), (28, 72)], "fdf6ec")
    c.disc(50, 52, 30, "c8553d", tall=8)
    for x, y, colour in ((40, 51, "f7d08a"), (54, 49, "6a994e"), (62, 53, "fff3d9"), (47, 55, "6a994e")):
        c.disc(x, y, 5, colour, tall=3)
    c.line([(58, 48), (92, 20)], "8a5a3c", thick=2.2)
    c.line([(64, 49), (97, 26)], "8a5a3c", thick=2.2)


def shuttle(c: Canvas) -> None:
    for feather in range(5):
        x = 22 + feather * 13
        c.shape(
            [(47 + feather * 1.5, 66), (x - 6, 24), (x + 6, 22), (51 + feather * 1.5, 66)],
            "fbfdff" if feather % 2 else "e3edf5",
        )
    c.line([(33, 46), (68, 45)], "e4572e", thick=2)
    c.disc(50.5, 72, 11, "f6c453", tall=12)
    c.box(40, 63, 21, 6, "e4572e", round_=2)


def bars(c: Canvas) -> None:
    for x, tall, colour in ((22, 22, "bfe3da"), (38, 34, "8fd0c1"), (54, 28, "bfe3da"), (70, 50, "ffffff")):
        c.box(x, 78 - tall, 11, tall, colour, round_=2.5)
    c.line([(24, 48), (44, 36), (60, 40), (78, 20)], "ffd166", thick=2.6)


#: For each emblem who draws it, and the colours behind it.
_DRAWN: Mapping[str, tuple[Callable[[Canvas], None], str, str]] = {
    "mountain": (mountain, "f6c28b", "e98a72"),
    "cat": (cat, "9ad0c2", "5ea99a"),
    "waves": (waves, "f9d9a8", "f2a07b"),
    "leaf": (leaf, "e9f3d8", "c5e0b0"),
    "moon": (moon, "2b3a67", "2b3a67"),
    "flower": (flower, "f4a3b5", "d9688a"),
    "cup": (cup, "d9a47a", "b0714a"),
    "planet": (planet, "4b3b73", "2c2350"),
    "fish": (fish, "6cc3d5", "2f8fae"),
    "house": (house, "a9d6e8", "dff0f2"),
    "balloon": (balloon, "7fb7e6", "c9e4f5"),
    "pine": (pine, "a9c7e8", "eaf2fa"),
    "book": (book, "b98b5e", "8c5f3a"),
    "bowl": (bowl, "7aa889", "4b7f6a"),
    "shuttle": (shuttle, "5b8fd1", "355f9e"),
    "bars": (bars, "1f8a7a", "0c5a50"),
}


def drawn(emblem: str) -> bytes:
    """A square PNG."""
    draw, above, below = _DRAWN[emblem]
    canvas = Canvas(SIDE, SIDE, above, below)
    draw(canvas)
    return canvas.saved("PNG")
