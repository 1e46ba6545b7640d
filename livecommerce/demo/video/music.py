"""The music of the showcase: a soft pad, a plucked string and hand drums, made from arithmetic.

Written in the Hijaz scale on D. One bar lasts 3 s and four make a phrase; while a flash sale
runs, the drums join in. Standard library only, since numpy is no dependency of this project.
"""

from __future__ import annotations

import math
import random
from array import array
from functools import lru_cache

SAMPLE_RATE = 48_000
BAR_S = 3
_BAR = SAMPLE_RATE * BAR_S
_EIGHTH = _BAR // 8

_CHORDS = (
    (146.83, 220.0, 293.66),
    (116.54, 174.61, 293.66),
    (98.0, 196.0, 233.08),
    (110.0, 220.0, 277.18),
)
"""D minor, B flat, G minor and A, in hertz."""

_TUNES: tuple[tuple[float | None, ...], ...] = (
    (293.66, None, 369.99, 392.0, None, 440.0, 392.0, None),
    (466.16, None, 440.0, None, 392.0, 369.99, None, None),
    (392.0, None, 466.16, 440.0, None, 392.0, 369.99, None),
    (311.13, None, 369.99, None, 311.13, 293.66, None, None),
)
_MAQSUM = "DT-TD-T-"
"""The rhythm maqsum in eighths: D for dum, T for tek."""


@lru_cache(maxsize=8)
def bar(number: int, *, with_drums: bool) -> array[int]:
    """Give one bar of mono samples, signed 16 bit.

    Args:
        number: Which bar of the phrase, from 0 to 3.
    """
    mixed = _pad(_CHORDS[number])
    for eighth, note in enumerate(_TUNES[number]):
        if note is not None:
            _add(mixed, _pluck(note), eighth * _EIGHTH, 0.2)
    for eighth, stroke in enumerate(_MAQSUM):
        if stroke == "D" and with_drums:
            _add(mixed, _dum(), eighth * _EIGHTH, 0.42)
        elif stroke == "T":
            _add(mixed, _tek(), eighth * _EIGHTH, 0.16 if with_drums else 0.03)
    if with_drums:
        for sixteenth in range(16):
            _add(mixed, _tek(), sixteenth * _EIGHTH // 2, 0.03)
    return array("h", (round(24_000 * math.tanh(sample)) for sample in mixed))


def _add(mixed: list[float], sound: list[float], start: int, gain: float) -> None:
    end = min(len(mixed), start + len(sound))
    mixed[start:end] = [
        value + gain * more for value, more in zip(mixed[start:end], sound, strict=False)
    ]


def _pad(notes: tuple[float, ...]) -> list[float]:
    """Hold a chord that swells and ebbs with the bar, so that bars join without a click."""
    samples = [0.0] * _BAR
    for note in notes:
        for detune, gain in ((0.9985, 0.055), (1.0015, 0.055), (2.0, 0.014)):
            step = 2 * math.pi * note * detune / SAMPLE_RATE
            samples = [value + gain * math.sin(step * at) for at, value in enumerate(samples)]
    swell = math.pi / _BAR
    return [value * math.sin(swell * at) ** 0.6 for at, value in enumerate(samples)]


@lru_cache(maxsize=16)
def _pluck(note: float) -> list[float]:
    """Pluck a string (Karplus and Strong, 1983): noise in a loop that loses its highs."""
    rng = random.Random(note)
    period = round(SAMPLE_RATE / note)
    string = [rng.uniform(-1, 1) for _ in range(period)]
    for _ in range(2):
        string = [(string[at - 1] + string[at]) / 2 for at in range(period)]
    length = round(SAMPLE_RATE * 0.74)
    while len(string) < length:
        before = string[-period:]
        after = before[1:] + before[:1]
        string += [0.497 * (one + two) for one, two in zip(before, after, strict=True)]
    return [value * (1 - at / length) for at, value in enumerate(string[:length])]


@lru_cache(maxsize=1)
def _dum() -> list[float]:
    length = round(SAMPLE_RATE * 0.28)
    return [
        math.sin(2 * math.pi * (62 * at / SAMPLE_RATE + 2.2 * (1 - math.exp(-at / 1100))))
        * math.exp(-at / 3200)
        for at in range(length)
    ]


@lru_cache(maxsize=1)
def _tek() -> list[float]:
    rng = random.Random(7)
    length = round(SAMPLE_RATE * 0.07)
    noise = [rng.uniform(-1, 1) for _ in range(length + 1)]
    return [(noise[at + 1] - noise[at]) * math.exp(-at / 520) for at in range(length)]
