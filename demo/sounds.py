"""The voice messages of the demo: not words, but sound with the rhythm of speech."""

import io
import math
import random
import wave
from array import array

RATE = 16_000
#: The loudness of the harmonics of each vowel.
_VOWELS = (
    (1.0, 0.6, 0.45, 0.3, 0.12),
    (1.0, 0.35, 0.1, 0.25, 0.2),
    (1.0, 0.8, 0.3, 0.08, 0.05),
    (0.8, 1.0, 0.5, 0.3, 0.1),
)


def speech(seconds: float, *, voice: int) -> bytes:
    """A WAV that sounds like speech; `voice` chooses pitch and pace."""
    chance = random.Random(voice)  # noqa: S311
    pitch, pace = chance.uniform(105, 235), chance.uniform(4.2, 5.6)
    samples = array("h", bytes(2 * round(seconds * RATE)))
    at, phase = 0.12, 0.0
    while at < seconds - 0.2:
        for syllable in range(count := chance.randint(3, 9)):
            length = chance.uniform(0.7, 1.35) / pace
            if at + length > seconds - 0.1:
                break
            loud = chance.uniform(0.35, 1.0) * (1 - 0.35 * syllable / count)
            fall = pitch * chance.uniform(0.94, 1.14) * (1.08 - 0.2 * syllable / count)
            phase = _syllable(samples, at, length, loud, fall, chance.choice(_VOWELS), phase)
            at += length
        at += chance.choice((0.12, 0.2, 0.45))
    made = io.BytesIO()
    with wave.open(made, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(samples.tobytes())
    return made.getvalue()


def _syllable(
    samples: "array[int]", at: float, length: float, loud: float, pitch: float, vowel: tuple[float, ...], phase: float
) -> float:
    first, count = round(at * RATE), round(length * RATE * 0.92)
    for place in range(count):
        part = place / count
        phase += 2 * math.pi * pitch * (1 + 0.06 * math.sin(math.pi * part)) / RATE
        tone = sum(strength * math.sin(phase * number) for number, strength in enumerate(vowel, 1))
        samples[first + place] = round(9000 * loud * math.sin(math.pi * part) ** 0.6 * tone)
    return phase % (2 * math.pi)
