"""Composes one frame of the showcase: what the script says at that second, as a picture.

Everything that costs is drawn once and kept. A frame is then a handful of pastes, which is what
makes three minutes of video affordable on one core.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

from PIL import Image

from livecommerce.demo.lettering import Lettering
from livecommerce.demo.pictures import host, picture_file, studio
from livecommerce.demo.pictures.canvas import Canvas
from livecommerce.demo.script import (
    LOOP_S,
    MAIN_SLOT,
    SCRIPT,
    SIDE_SLOT,
    FlashMoment,
    OpenFlashSale,
    Pin,
    Say,
    Unpin,
    flash_sale_at,
    pins_at,
)
from livecommerce.demo.shop import demo_shop
from livecommerce.demo.video import panels

WIDTH, HEIGHT = studio.WIDTH, studio.HEIGHT

_ENTER_S = 0.7
_FADE_S = 0.5
_SPEAKS_S = 3.4
"""How long her lips move for a line of chat."""
_SWAY_PX = 16
_RAY_PHASES = 18
_RAY_TURN_S = 3
_MOTES = 10
_MOTE_RISE_PX = HEIGHT + 60
_HEAD_BOX = (70, 440, 350, 800)
_ARM_BOX = (290, 740, 660, 1120)
_SUBPIXELS = 4
_ASIDE_PX = 40
"""How far the host stands aside, to leave the panels room."""


class Stage:
    """Draws frames of the show from the pictures of its goods."""

    def __init__(self, pictures: Path, lettering: Lettering) -> None:
        """Prepare the layers.

        Args:
            pictures: The folder that `draw_all` filled.
        """
        self._pictures = pictures
        self._panels = panels.Panels(lettering)
        wall = Canvas(WIDTH + 2 * _SWAY_PX, HEIGHT)
        studio.wall(wall, margin=_SWAY_PX)
        self._wall = wall.image.convert("RGB")
        self._body = _body()
        counter = Canvas(WIDTH, HEIGHT)
        studio.counter(counter)
        self._counter_top = 900
        self._counter = counter.image.crop((0, self._counter_top, WIDTH, HEIGHT))
        mote = Canvas(48, 48)
        studio.spark(mote)
        self._motes = [mote.image.resize((side, side)) for side in (14, 22, 34)]
        self._rays = lru_cache(maxsize=None)(_rays)
        self._arm = lru_cache(maxsize=None)(_arm)
        self._head = lru_cache(maxsize=None)(_head)
        self._picture = lru_cache(maxsize=None)(self._load_picture)

    def frame(self, time_s: float) -> Image.Image:
        """Draw the frame of a second of the show, 720 by 1280 pixels of RGB."""
        now = time_s % LOOP_S
        flash = flash_sale_at(now)
        frame = self._backdrop(now)
        self._drift_motes(frame, now)
        self._put_host(frame, now)
        frame.paste(self._counter, (0, self._counter_top), self._counter)
        self._put_panels(frame, now, flash)
        return frame

    def _backdrop(self, now: float) -> Image.Image:
        heat = _flash_heat(now)
        left = _SWAY_PX + round((_SWAY_PX - 2) * math.sin(2 * math.pi * now / 24))
        if heat <= 0:
            return self._wall.crop((left, 0, left + WIDTH, HEIGHT))
        rays = self._rays(int(now / _RAY_TURN_S * _RAY_PHASES) % _RAY_PHASES)
        if heat >= 1:
            return rays.copy()
        return Image.blend(self._wall.crop((left, 0, left + WIDTH, HEIGHT)), rays, heat)

    def _drift_motes(self, frame: Image.Image, now: float) -> None:
        for index in range(_MOTES):
            # Whole rises in a loop: its end meets its beginning.
            rises = 2 + index % 3
            climbed = (now / LOOP_S * rises + index * 0.137) % 1
            y = round(HEIGHT - climbed * _MOTE_RISE_PX)
            sway = 16 * math.sin(2 * math.pi * (now / 8 + index * 0.31))
            mote = self._motes[index % len(self._motes)]
            frame.paste(mote, (round(30 + index * 71 % 690 + sway), y), mote)

    def _put_host(self, frame: Image.Image, now: float) -> None:
        body, at = self._body
        frame.paste(body, (at[0] - _ASIDE_PX, at[1]), body)
        since_pin = _since(now, Pin)
        lift = 5 * math.exp(-((since_pin - 0.9) ** 2) / 0.4)
        degrees = 2.5 * math.sin(2 * math.pi * now / 6) + lift
        arm = self._arm(round(degrees * 2))
        frame.paste(arm, (_ARM_BOX[0] - _ASIDE_PX, _ARM_BOX[1]), arm)
        speaks = _since(now, Say) < _SPEAKS_S
        head = self._head(
            round(_SUBPIXELS * 2 * math.sin(2 * math.pi * now / 6)),
            round(_SUBPIXELS * (2.5 * math.sin(2 * math.pi * now / 4) + (1 if speaks else 0))),
            eyes_open=now % 4.2 > 0.14,
            mouth=_mouth(now) if speaks else "smile",
        )
        frame.paste(head, (_HEAD_BOX[0] - _ASIDE_PX, _HEAD_BOX[1]), head)

    def _put_panels(self, frame: Image.Image, now: float, flash: FlashMoment | None) -> None:
        changed_s = _changed_at(now, MAIN_SLOT)
        entered = _eased((now - changed_s) / _ENTER_S)
        if entered < 1:
            self._put_main(frame, changed_s - 0.01, 0, 1, flash=None)
        self._put_main(frame, now, round((1 - entered) * 460), entered, flash=flash)
        side = pins_at(now).get(SIDE_SLOT)
        if side is not None:
            since = now - _changed_at(now, SIDE_SLOT)
            offset = round((1 - _eased(since / _ENTER_S)) * -240)
            self._panels.put_side(frame, demo_shop().product(side), self._picture(side), dx=offset)

    def _put_main(
        self, frame: Image.Image, now: float, dx: int, entered: float, *, flash: FlashMoment | None
    ) -> None:
        now %= LOOP_S
        key = pins_at(now).get(MAIN_SLOT)
        if key is None:
            self._panels.put_sign(frame, dx=dx)
            return
        product = demo_shop().product(key)
        zoom = 0.5 - 0.5 * math.cos(2 * math.pi * (now - _changed_at(now, MAIN_SLOT)) / 24)
        self._panels.put_card(frame, self._picture(key), zoom, dx=dx)
        if flash is None:
            self._panels.put_plate(frame, product, dx=round(dx * 1.25))
            return
        self._panels.put_plate(frame, product, sale=flash.sale, dx=round(dx * 1.25))
        self._panels.put_ribbon(frame, lit=int(now * 2) % 2 == 0, dx=dx)
        if entered >= 1:
            self._panels.put_timer(frame, flash)

    def _load_picture(self, product_key: str) -> Image.Image:
        with Image.open(picture_file(self._pictures, product_key)) as picture:
            return picture.convert("RGB").resize(
                (panels.SOURCE_PX, panels.SOURCE_PX), Image.Resampling.LANCZOS
            )


def _body() -> tuple[Image.Image, tuple[int, int]]:
    """Draw the body, cropped to itself, and tell where it goes."""
    c = Canvas(WIDTH, HEIGHT)
    host.body(c)
    box = c.image.getbbox()
    assert box is not None
    return c.image.crop(box), (box[0], box[1])


def _rays(phase: int) -> Image.Image:
    c = Canvas(WIDTH, HEIGHT)
    studio.rays(c, degrees=phase * 360 / studio.RAYS / _RAY_PHASES)
    return c.image.convert("RGB")


def _arm(half_degrees: int) -> Image.Image:
    c = Canvas(WIDTH, HEIGHT)
    host.arm(c, half_degrees / 2)
    return c.image.crop(_ARM_BOX)


def _head(dx: int, dy: int, *, eyes_open: bool, mouth: host.Mouth) -> Image.Image:
    """Draw the head moved by parts of a pixel: whole pixels would make a slow nod stutter."""
    still = _still_head(eyes_open=eyes_open, mouth=mouth)
    return still.transform(
        still.size,
        Image.Transform.AFFINE,
        (1, 0, -dx / _SUBPIXELS, 0, 1, -dy / _SUBPIXELS),
        resample=Image.Resampling.BILINEAR,
    )


@lru_cache(maxsize=8)
def _still_head(*, eyes_open: bool, mouth: host.Mouth) -> Image.Image:
    c = Canvas(WIDTH, HEIGHT)
    host.head(c, eyes_open=eyes_open, mouth=mouth)
    return c.image.crop(_HEAD_BOX)


def _mouth(now: float) -> host.Mouth:
    """Move the lips eight times a second, without a pattern one could see."""
    tick = int(now * 8)
    return ("smile", "open", "wide", "open", "wide")[(tick * tick * 7 + tick * 3) % 5]


def _since(now: float, kind: type[Pin] | type[Say]) -> float:
    """Seconds since the last cue of a kind; long, before the first."""
    return min(
        (now - cue.at_s for cue in SCRIPT if cue.at_s <= now and isinstance(cue.action, kind)),
        default=math.inf,
    )


def _changed_at(now: float, slot: int) -> float:
    """When the slot last changed; long ago, before the first change."""
    times = [
        cue.at_s
        for cue in SCRIPT
        if cue.at_s <= now and isinstance(cue.action, Pin | Unpin) and cue.action.slot == slot
    ]
    return max(times, default=-60.0)


def _flash_heat(now: float) -> float:
    """How much of the flash sale's light is on, from 0 to 1: it comes and goes in `_FADE_S`."""
    for cue in SCRIPT:
        if isinstance(cue.action, OpenFlashSale):
            closes_s = cue.at_s + cue.action.warm_up_s + cue.action.duration_s
            heat = min((now - cue.at_s) / _FADE_S, (closes_s + _FADE_S - now) / _FADE_S, 1)
            if heat > 0:
                return heat
    return 0


def _eased(share: float) -> float:
    """Slow down towards the end."""
    left = 1 - min(1.0, max(0.0, share))
    return 1 - left**3
