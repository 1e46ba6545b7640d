"""Outlines: closed shapes as lists of points, written like SVG paths and moved about.

Curves are flattened here, once, so that everything further on deals in polygons.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

Point = tuple[float, float]

_TOKEN = re.compile(r"[MLHVCQZ]|-?\d+(?:\.\d+)?")
_STEPS = 24
"""Segments per curve. At 800 px and fourfold supersampling, corners no longer show."""


@dataclass(frozen=True, slots=True)
class Outline:
    """Closed contours; every one after the first is a hole."""

    contours: tuple[tuple[Point, ...], ...]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the outer contour."""
        xs = [x for x, _ in self.contours[0]]
        ys = [y for _, y in self.contours[0]]
        return min(xs), min(ys), max(xs), max(ys)

    def moved(self, dx: float, dy: float) -> Outline:
        """Give the same shape elsewhere."""
        return self._mapped(lambda p: (p[0] + dx, p[1] + dy))

    def scaled(self, factor: float, about: Point, factor_y: float | None = None) -> Outline:
        """Give the shape larger or smaller, holding the point `about`."""
        fy = factor if factor_y is None else factor_y
        ax, ay = about
        return self._mapped(lambda p: (ax + (p[0] - ax) * factor, ay + (p[1] - ay) * fy))

    def turned(self, degrees: float, about: Point) -> Outline:
        """Give the shape turned clockwise around a point."""
        ax, ay = about
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))

        def turn(p: Point) -> Point:
            dx, dy = p[0] - ax, p[1] - ay
            return ax + dx * cos - dy * sin, ay + dx * sin + dy * cos

        return self._mapped(turn)

    def mirrored(self, x: float) -> Outline:
        """Give the mirror image across the vertical line at `x`."""
        return self._mapped(lambda p: (2 * x - p[0], p[1]))

    def with_hole(self, *holes: Outline) -> Outline:
        """Cut shapes out of this one."""
        return Outline(self.contours + tuple(hole.contours[0] for hole in holes))

    def _mapped(self, change: Callable[[Point], Point]) -> Outline:
        return Outline(tuple(tuple(change(p) for p in contour) for contour in self.contours))


def path(drawing: str) -> Outline:
    """Read one closed contour in the absolute commands of SVG: M L H V C Q Z."""
    return Outline((tuple(trace(drawing)),))


def trace(drawing: str) -> list[Point]:
    """Read an open line in the absolute commands of SVG: M L H V C Q Z."""
    tokens = _TOKEN.findall(drawing)
    points: list[Point] = []
    command, at = "M", 0
    while at < len(tokens):
        if tokens[at].isalpha():
            command, at = tokens[at], at + 1
            if command == "Z":
                continue
        count = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "Q": 4}[command]
        numbers = [float(token) for token in tokens[at : at + count]]
        assert len(numbers) == count, f"{command} wants {count} numbers in {drawing!r}"
        at += count
        match command:
            case "H":
                points.append((numbers[0], points[-1][1]))
            case "V":
                points.append((points[-1][0], numbers[0]))
            case "M" | "L":
                points.append((numbers[0], numbers[1]))
            case _:
                controls = [points[-1], *zip(numbers[::2], numbers[1::2], strict=True)]
                points.extend(_curve(controls))
    return points


def _curve(controls: list[Point]) -> Iterable[Point]:
    """Flatten a Bézier curve of any degree, without its first point (de Casteljau)."""
    for step in range(1, _STEPS + 1):
        t = step / _STEPS
        level = controls
        while len(level) > 1:
            level = [
                (ax + (bx - ax) * t, ay + (by - ay) * t) for (ax, ay), (bx, by) in pairwise(level)
            ]
        yield level[0]


def turned_on_lathe(profile: str, *, axis: float = 400) -> Outline:
    """Make a vessel from its right-hand profile, drawn from top to bottom."""
    right = trace(profile)
    left = [(2 * axis - x, y) for x, y in reversed(right)]
    return Outline((tuple(right + left),))


def ellipse(cx: float, cy: float, rx: float, ry: float | None = None) -> Outline:
    """A circle, or an ellipse when `ry` is given."""
    height = rx if ry is None else ry
    steps = 96
    return Outline(
        (
            tuple(
                (
                    cx + rx * math.cos(2 * math.pi * step / steps),
                    cy + height * math.sin(2 * math.pi * step / steps),
                )
                for step in range(steps)
            ),
        )
    )


def box(x: float, y: float, width: float, height: float, radius: float = 0) -> Outline:
    """A rectangle with round corners."""
    r = min(radius, width / 2, height / 2)
    if r <= 0:
        return Outline((((x, y), (x + width, y), (x + width, y + height), (x, y + height)),))
    corners = (
        (x + width - r, y + r, -90),
        (x + width - r, y + height - r, 0),
        (x + r, y + height - r, 90),
        (x + r, y + r, 180),
    )
    points = tuple(
        (cx + r * math.cos(angle), cy + r * math.sin(angle))
        for cx, cy, start in corners
        for angle in (math.radians(start + 90 * step / 12) for step in range(13))
    )
    return Outline((points,))


def sector(cx: float, cy: float, radius: float, start: float, end: float) -> Outline:
    """A slice of a disc between two angles in degrees, clockwise from three o'clock."""
    steps = max(8, int(abs(end - start) / 3))
    rim = tuple(
        (cx + radius * math.cos(angle), cy + radius * math.sin(angle))
        for angle in (
            math.radians(start + (end - start) * step / steps) for step in range(steps + 1)
        )
    )
    return Outline((((cx, cy), *rim),))


def arch(x: float, y: float, width: float, bottom: float) -> Outline:
    """A round-headed niche whose crown stands at `y`."""
    r = width / 2
    crown = tuple(
        (x + r + r * math.cos(angle), y + r + r * math.sin(angle))
        for angle in (math.radians(180 + 180 * step / 48) for step in range(49))
    )
    return Outline(((*crown, (x + width, bottom), (x, bottom)),))


def star(
    cx: float, cy: float, *, points: int, outer: float, inner: float, turn: float = 0
) -> Outline:
    """A star; eight points at an inner radius of 0.77 make the khatam of Islamic tiling."""
    rim = []
    for step in range(points * 2):
        radius = outer if step % 2 == 0 else inner
        angle = math.radians(turn - 90 + 180 * step / points)
        rim.append((cx + radius * math.cos(angle), cy + radius * math.sin(angle)))
    return Outline((tuple(rim),))


def leaf(x: float, y: float, length: float, width: float, degrees: float) -> Outline:
    """A pointed leaf that starts at a point and grows in a direction (0 is to the right)."""
    drawing = (
        f"M 0 0 C {length * 0.3:.2f} {-width:.2f} {length * 0.7:.2f} {-width:.2f} {length:.2f} 0 "
        f"C {length * 0.7:.2f} {width:.2f} {length * 0.3:.2f} {width:.2f} 0 0 Z"
    )
    return path(drawing).turned(degrees, (0, 0)).moved(x, y)
