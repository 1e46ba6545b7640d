"""A small vector canvas on Pillow: outlines filled with paint, with clean edges and soft shadows.

Every shape is drawn at four times its size into a mask of its own bounds and reduced, which
costs a fraction of supersampling the whole picture and gives the same edges.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from livecommerce.demo.pictures.outlines import Outline, Point

Colour = tuple[int, int, int]
Stop = tuple[float, Colour] | tuple[float, Colour, float]
"""A place from 0 to 1 along a gradient, its colour and, optionally, its opacity."""

_OVERSAMPLING = 4
_RAMP_PX = 256


def rgb(code: str) -> Colour:
    """Read a colour such as `#c2410c`."""
    assert len(code) == 7, code
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """Give the colour that lies `share` of the way from `a` to `b`."""
    return (
        round(a[0] + (b[0] - a[0]) * share),
        round(a[1] + (b[1] - a[1]) * share),
        round(a[2] + (b[2] - a[2]) * share),
    )


def lighter(colour: Colour, share: float) -> Colour:
    """Mix with white."""
    return mix(colour, (255, 255, 255), share)


def darker(colour: Colour, share: float) -> Colour:
    """Mix with a warm near-black; pure black makes a flat picture look dirty."""
    return mix(colour, (24, 14, 18), share)


@dataclass(frozen=True, slots=True)
class Linear:
    """A gradient from one point to another."""

    start: Point
    end: Point
    stops: Sequence[Stop]


@dataclass(frozen=True, slots=True)
class Radial:
    """A gradient from a centre outwards; `squash` below 1 makes it a lying ellipse."""

    centre: Point
    radius: float
    stops: Sequence[Stop]
    squash: float = 1


Paint = Colour | Linear | Radial


def vertical(top: float, bottom: float, *colours: Colour) -> Linear:
    """Spread colours evenly from top to bottom."""
    return Linear((0, top), (0, bottom), _evenly(colours))


def horizontal(left: float, right: float, *colours: Colour) -> Linear:
    """Spread colours evenly from left to right."""
    return Linear((left, 0), (right, 0), _evenly(colours))


def rounded(left: float, right: float, base: Colour, *, shine: float = 0.45) -> Linear:
    """Shade a standing cylinder: dark rims, a bright band left of the middle."""
    return Linear(
        (left, 0),
        (right, 0),
        (
            (0, darker(base, 0.38)),
            (0.14, darker(base, 0.12)),
            (0.3, lighter(base, shine)),
            (0.42, lighter(base, shine * 0.35)),
            (0.62, base),
            (0.88, darker(base, 0.3)),
            (1, darker(base, 0.16)),
        ),
    )


def fading(colour: Colour, start: Point, end: Point, opacity: float = 1) -> Linear:
    """Go from a colour to nothing."""
    return Linear(start, end, ((0, colour, opacity), (1, colour, 0)))


def _evenly(colours: Sequence[Colour]) -> tuple[Stop, ...]:
    assert len(colours) > 1
    return tuple((index / (len(colours) - 1), colour) for index, colour in enumerate(colours))


class Canvas:
    """A picture under construction, in design units that `scale` turns into pixels."""

    def __init__(self, width: float, height: float, *, scale: float = 1) -> None:
        self.scale = scale
        size = (round(width * scale), round(height * scale))
        self.image = Image.new("RGBA", size, (0, 0, 0, 0))

    def fill(
        self, outline: Outline, paint: Paint, *, opacity: float = 1, clip: Outline | None = None
    ) -> None:
        """Cover a shape with paint, only inside `clip` when one is given."""
        bounds = self._bounds(outline, spread=1)
        if bounds is None:
            return
        mask = self._mask(outline, bounds)
        self._lay(mask, bounds, paint, opacity=opacity, clip=clip)

    def soft(
        self,
        outline: Outline,
        paint: Paint,
        *,
        blur: float,
        opacity: float = 1,
        clip: Outline | None = None,
    ) -> None:
        """Cover a shape whose edge fades over about `blur` units: shadows, glows, steam."""
        bounds = self._bounds(outline, spread=blur * 2.6)
        if bounds is None:
            return
        mask = self._mask(outline, bounds, oversampling=1)
        mask = mask.filter(ImageFilter.GaussianBlur(blur * self.scale))
        self._lay(mask, bounds, paint, opacity=opacity, clip=clip)

    def stroke(
        self,
        line: Sequence[Point],
        paint: Paint,
        *,
        width: float,
        opacity: float = 1,
        clip: Outline | None = None,
    ) -> None:
        """Draw a line with round ends and joints."""
        bounds = self._bounds(Outline((tuple(line),)), spread=width)
        if bounds is None:
            return
        left, top, right, bottom = bounds
        k = self.scale * _OVERSAMPLING
        size = ((right - left) * _OVERSAMPLING, (bottom - top) * _OVERSAMPLING)
        mask = Image.new("L", size)
        draw = ImageDraw.Draw(mask)
        dots = [(x * k - left * _OVERSAMPLING, y * k - top * _OVERSAMPLING) for x, y in line]
        draw.line(dots, fill=255, width=max(1, round(width * k)), joint="curve")
        r = width * k / 2
        for x, y in (dots[0], dots[-1]):
            draw.ellipse((x - r, y - r, x + r, y + r), fill=255)
        self._lay(mask.reduce(_OVERSAMPLING), bounds, paint, opacity=opacity, clip=clip)

    def place(self, picture: Image.Image, x: float, y: float) -> None:
        """Lay a ready RGBA picture down with its top left corner at a point."""
        self.image.alpha_composite(
            picture.convert("RGBA"), (round(x * self.scale), round(y * self.scale))
        )

    def _bounds(self, outline: Outline, *, spread: float) -> tuple[int, int, int, int] | None:
        left, top, right, bottom = outline.box
        k = self.scale
        bounds = (
            max(0, math.floor((left - spread) * k)),
            max(0, math.floor((top - spread) * k)),
            min(self.image.width, math.ceil((right + spread) * k)),
            min(self.image.height, math.ceil((bottom + spread) * k)),
        )
        return bounds if bounds[0] < bounds[2] and bounds[1] < bounds[3] else None

    def _mask(
        self,
        outline: Outline,
        bounds: tuple[int, int, int, int],
        oversampling: int = _OVERSAMPLING,
    ) -> Image.Image:
        left, top, right, bottom = bounds
        k = self.scale * oversampling
        mask = Image.new("L", ((right - left) * oversampling, (bottom - top) * oversampling))
        draw = ImageDraw.Draw(mask)
        for index, contour in enumerate(outline.contours):
            dots = [(x * k - left * oversampling, y * k - top * oversampling) for x, y in contour]
            draw.polygon(dots, fill=0 if index else 255)
        return mask.reduce(oversampling) if oversampling > 1 else mask

    def _lay(
        self,
        mask: Image.Image,
        bounds: tuple[int, int, int, int],
        paint: Paint,
        *,
        opacity: float,
        clip: Outline | None,
    ) -> None:
        if clip is not None:
            mask = ImageChops.multiply(mask, self._mask(clip, bounds))
        layer = self._painted(paint, bounds)
        if layer.mode == "RGBA":
            mask = ImageChops.multiply(mask, layer.getchannel("A"))
        if opacity < 1:
            mask = mask.point([round(value * opacity) for value in range(256)])
        layer.putalpha(mask)
        self.image.alpha_composite(layer, bounds[:2])

    def _painted(self, paint: Paint, bounds: tuple[int, int, int, int]) -> Image.Image:
        left, top, right, bottom = bounds
        size = (right - left, bottom - top)
        if isinstance(paint, tuple):
            return Image.new("RGB", size, paint)
        progress = (
            self._linear_progress(paint, left, top, size)
            if isinstance(paint, Linear)
            else self._radial_progress(paint, left, top, size)
        )
        tables = _tables(paint.stops)
        bands = [progress.point(table) for table in tables]
        return Image.merge("RGBA" if len(bands) == 4 else "RGB", bands)

    def _linear_progress(
        self, paint: Linear, left: int, top: int, size: tuple[int, int]
    ) -> Image.Image:
        k = self.scale
        x0, y0 = paint.start[0] * k - left, paint.start[1] * k - top
        dx, dy = (paint.end[0] - paint.start[0]) * k, (paint.end[1] - paint.start[1]) * k
        length2 = dx * dx + dy * dy
        assert length2 > 0, "a gradient needs two different points"
        # The ramp image runs from 0 to 255 down its middle third and is flat outside, so that
        # an affine look-up also clamps. Its width is one gradient long in every direction used.
        a, b = dx / length2 * _RAMP_PX, dy / length2 * _RAMP_PX
        c = -(x0 * a + y0 * b) + _RAMP_PX * _REACH
        return _ramp().transform(
            size,
            Image.Transform.AFFINE,
            (0, 0, 1.5, a, b, c),
            resample=Image.Resampling.BILINEAR,
        )

    def _radial_progress(
        self, paint: Radial, left: int, top: int, size: tuple[int, int]
    ) -> Image.Image:
        k = self.scale
        cx, cy = paint.centre[0] * k - left, paint.centre[1] * k - top
        rx, ry = paint.radius * k, paint.radius * paint.squash * k
        # Pillow's 256 px disc reaches 255 in its corners; stretched, it does so at the sides, and
        # a look-up beyond them finds the same value.
        disc = Image.radial_gradient("L").point(
            [min(255, value * 255 // 178) for value in range(256)]
        )
        return disc.transform(
            size,
            Image.Transform.AFFINE,
            (128 / rx, 0, 128 - cx * 128 / rx, 0, 128 / ry, 128 - cy * 128 / ry),
            resample=Image.Resampling.BILINEAR,
            fillcolor=255,
        )


_REACH = 12
"""How many gradient lengths beyond its ends a gradient stays flat."""


def _ramp() -> Image.Image:
    column = bytes(_REACH * _RAMP_PX) + bytes(range(256)) + b"\xff" * (_REACH * _RAMP_PX)
    return Image.frombytes("L", (1, len(column)), column).resize((3, len(column)))


def _tables(stops: Sequence[Stop]) -> list[list[int]]:
    """Turn stops into a 256-entry look-up table for each band; the fourth is opacity."""
    full = [(stop[0], *stop[1], round(255 * (stop[2] if len(stop) == 3 else 1))) for stop in stops]
    tables: list[list[int]] = [[], [], [], []]
    for step in range(256):
        t = step / 255
        before = next((s for s in reversed(full) if s[0] <= t), full[0])
        after = next((s for s in full if s[0] >= t), full[-1])
        span = after[0] - before[0]
        share = (t - before[0]) / span if span > 0 else 0
        for band in range(4):
            low, high = before[band + 1], after[band + 1]
            tables[band].append(round(low + (high - low) * share))
    return tables if min(tables[3]) < 255 else tables[:3]
