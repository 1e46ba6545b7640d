"""The panels of the showcase: product card, title and price, flash-sale ribbon and timer."""

from __future__ import annotations

from functools import lru_cache
from math import ceil

from PIL import Image

from livecommerce.demo.lettering import Lettering
from livecommerce.demo.pictures.canvas import Canvas, Colour, Linear, horizontal, rgb, vertical
from livecommerce.demo.pictures.emblems import brand_plate, write
from livecommerce.demo.pictures.outlines import box, path, star
from livecommerce.demo.script import FlashMoment, OpenFlashSale
from livecommerce.demo.shop import Language, Product, Text, demo_shop, format_price

SOURCE_PX = 480
"""Pictures are kept at this size for the card, which zooms into them."""

# A tall phone shows the middle eight tenths of the picture: what is to be read stays within them.
_CARD_PX = 368
_CARD_AT = (266, 168)
_ZOOM_PX = 44
_RADIUS = 30
_FRAME_PX = 30
_PLATE_AT = (_CARD_AT[0], 552)
_PLATE = (_CARD_PX, 164)
_SIDE_PX = 136
_SIDE_AT = (96, 268)
_RIBBON_AT = (_CARD_AT[0] - 12, 130)
_RIBBON = (_CARD_PX + 24, 66)
_TIMER_H = 62
_TIMER_AT = (_CARD_AT[0], _CARD_AT[1] + _CARD_PX - _TIMER_H)

_INK = rgb("#3b1430")
_GOLD = rgb("#f2c46d")
_HOT = rgb("#d4133f")

_FLASH = Text("FLASH SALE", "عرض خاطف")
_STARTS = Text("Starts in", "يبدأ بعد")
_ENDS = Text("Ends in", "ينتهي بعد")


class Panels:
    """Puts panels on frames; each is drawn once and kept."""

    def __init__(self, lettering: Lettering) -> None:
        self._lettering = lettering
        self._card_frame = _card_frame(_CARD_PX)
        self._card_mask = _rounded_mask(_CARD_PX, _RADIUS)
        self._side_frame = _card_frame(_SIDE_PX)
        self._side_mask = _rounded_mask(_SIDE_PX, 20)
        self._sign = self._draw_sign()
        self._plate = lru_cache(maxsize=None)(self._draw_plate)
        self._side_price = lru_cache(maxsize=None)(self._draw_side_price)
        self._ribbon = lru_cache(maxsize=None)(self._draw_ribbon)
        self._timer = lru_cache(maxsize=None)(self._draw_timer)
        self._bar = _timer_bar()

    def put_card(
        self, frame: Image.Image, picture: Image.Image, zoom: float, *, dx: int = 0
    ) -> None:
        """Put the product's picture, `zoom` from 0 to 1 nearer."""
        inset = _ZOOM_PX / 2 * zoom
        shown = picture.resize(
            (_CARD_PX, _CARD_PX),
            Image.Resampling.BILINEAR,
            box=(inset, inset * 1.2, SOURCE_PX - inset, SOURCE_PX - inset * 0.8),
        )
        x, y = _CARD_AT[0] + dx, _CARD_AT[1]
        frame.paste(self._card_frame, (x - _FRAME_PX, y - _FRAME_PX), self._card_frame)
        frame.paste(shown, (x, y), self._card_mask)

    def put_side(
        self, frame: Image.Image, product: Product, picture: Image.Image, *, dx: int = 0
    ) -> None:
        """Put the small card of what is pinned beside the main product."""
        x, y = _SIDE_AT[0] + dx, _SIDE_AT[1]
        frame.paste(self._side_frame, (x - _FRAME_PX, y - _FRAME_PX), self._side_frame)
        shown = picture.resize((_SIDE_PX, _SIDE_PX), Image.Resampling.BILINEAR)
        frame.paste(shown, (x, y), self._side_mask)
        price = self._side_price(product.price_minor)
        frame.paste(price, (x + (_SIDE_PX - price.width) // 2, y + _SIDE_PX - 20), price)

    def put_plate(
        self,
        frame: Image.Image,
        product: Product,
        *,
        sale: OpenFlashSale | None = None,
        dx: int = 0,
    ) -> None:
        """Put title and price; with a sale, its price and the one it replaces."""
        plate = self._plate(product, sale)
        frame.paste(plate, (_PLATE_AT[0] - _FRAME_PX + dx, _PLATE_AT[1] - _FRAME_PX), plate)

    def put_sign(self, frame: Image.Image, *, dx: int = 0) -> None:
        """Put the sign of the house where the card would be."""
        frame.paste(self._sign, (_CARD_AT[0] - _FRAME_PX + dx, _CARD_AT[1]), self._sign)

    def put_ribbon(self, frame: Image.Image, *, lit: bool, dx: int = 0) -> None:
        """Put the words *flash sale* over the card."""
        ribbon = self._ribbon(lit)
        frame.paste(ribbon, (_RIBBON_AT[0] + dx, _RIBBON_AT[1]), ribbon)

    def put_timer(self, frame: Image.Image, flash: FlashMoment) -> None:
        """Put the countdown across the foot of the card."""
        strip = self._timer(flash.phase == "live", ceil(flash.remaining_s))
        frame.paste(strip, _TIMER_AT, strip)
        width = max(1, round((_CARD_PX - 40) * flash.remaining_share))
        bar = self._bar.crop((0, 0, width, self._bar.height))
        frame.paste(bar, (_TIMER_AT[0] + 20, _TIMER_AT[1] + _TIMER_H - 16), bar)

    def _draw_sign(self) -> Image.Image:
        c = Canvas(_CARD_PX + 2 * _FRAME_PX, 480)
        brand_plate(c, demo_shop().name, self._lettering, x=_FRAME_PX, y=20, width=_CARD_PX)
        return c.image

    def _draw_plate(self, product: Product, sale: OpenFlashSale | None) -> Image.Image:
        width, height = _PLATE
        c = Canvas(width + 2 * _FRAME_PX, height + 2 * _FRAME_PX)
        plate = box(_FRAME_PX, _FRAME_PX, width, height, 26)
        c.soft(plate.moved(0, 8), rgb("#1a0818"), blur=11, opacity=0.5)
        c.fill(plate, vertical(_FRAME_PX, _FRAME_PX + height, (255, 255, 255), rgb("#fbeedd")))
        left, right = _FRAME_PX + 24, _FRAME_PX + width - 24
        room = right - left
        arabic = self._lettering.fitted(product.title.ar, px=29, width=room, language="ar")
        english = self._lettering.fitted(product.title.en, px=25, width=room, language="en")
        if arabic is not None:
            write(c.image, arabic, (right - arabic.width, _FRAME_PX + 12), _INK)
        if english is not None:
            top = _FRAME_PX + (56 if arabic is not None else 34)
            write(c.image, english, (left, top), rgb("#6b4a60"))
        if sale is None:
            self._write_prices(c, product.price_minor, product.compare_at_minor, _INK)
        else:
            variant = next(v for v in product.variants if v.sku == sale.sku)
            self._write_prices(c, sale.price_minor, variant.price_minor, _HOT)
        return c.image

    def _write_prices(
        self, c: Canvas, price_minor: int, before_minor: int | None, tone: Colour
    ) -> None:
        """Write the price in Latin digits on the left, in Arabic ones on the right."""
        left, right = _FRAME_PX + 24, _FRAME_PX + _PLATE[0] - 24
        top = _FRAME_PX + 99
        english = self._lettering.line(format_price(price_minor, "en"), px=34, language="en")
        arabic = self._lettering.line(format_price(price_minor, "ar"), px=27, language="ar")
        at = left
        if english is not None:
            write(c.image, english, (left, top - 4), tone)
            at += english.width + 14
        if arabic is not None:
            write(c.image, arabic, (right - arabic.width, top + 3), tone)
        if before_minor is None:
            return
        before = self._lettering.line(f"{before_minor // 100:,}", px=22, language="en", bold=False)
        if before is not None:
            write(c.image, before, (at, top + 13), rgb("#8d7484"))
            middle = top + 13 + before.height * 0.51
            c.stroke([(at - 3, middle), (at + before.width + 3, middle)], _HOT, width=2.6)

    def _draw_side_price(self, price_minor: int) -> Image.Image:
        words = self._lettering.line(format_price(price_minor, "en"), px=20, language="en")
        width = 96 if words is None else words.width + 30
        c = Canvas(width, 40)
        c.fill(box(0, 0, width, 40, 20), horizontal(0, width, rgb("#5b1f3f"), rgb("#8a2f55")))
        if words is not None:
            write(c.image, words, (15, 20 - words.height // 2 - 1), (255, 255, 255))
        return c.image

    def _draw_ribbon(self, lit: bool) -> Image.Image:  # noqa: FBT001 - the cache's key
        width, height = _RIBBON
        c = Canvas(width, height)
        tail = path(
            f"M 0 16 H {width} L {width - 20} {height / 2 + 6} L {width} {height} H 0 "
            f"L 20 {height / 2 + 6} Z"
        )
        c.fill(tail, rgb("#4a0620"))
        band = box(18, 2, width - 36, height - 14, 10)
        top, foot = (rgb("#ff2d55"), rgb("#b3093a")) if lit else (rgb("#e81e4b"), rgb("#9c0733"))
        c.fill(band, vertical(0, height, top, foot))
        c.fill(box(24, 7, width - 48, 2, 1), (255, 255, 255), opacity=0.35)
        tone = rgb("#fff3b0") if lit else (255, 255, 255)
        bolt = path("M 8 -24 L -14 4 H -2 L -8 24 L 14 -6 H 2 Z").moved(width / 2, height / 2 - 5)
        c.fill(bolt, Linear((0, 0), (0, height), ((0, rgb("#fff6c9")), (1, rgb("#ffb020")))))
        half = width / 2 - 62
        sides: tuple[tuple[Language, float], ...] = (
            ("en", 38 + half / 2),
            ("ar", width - 38 - half / 2),
        )
        for language, middle in sides:
            words = self._lettering.fitted(
                _FLASH.in_language(language), px=27, width=half - 6, language=language
            )
            if words is None:
                c.fill(star(middle, height / 2 - 6, points=4, outer=18, inner=6), tone)
                continue
            at = (round(middle - words.width / 2), round(height / 2 - 6 - words.height * 0.53))
            write(c.image, words, at, tone)
        return c.image

    def _draw_timer(self, is_live: bool, seconds: int) -> Image.Image:  # noqa: FBT001 - as above
        c = Canvas(_CARD_PX, _TIMER_H)
        shape = box(0, -_RADIUS * 2, _CARD_PX, _TIMER_H + _RADIUS * 2, _RADIUS)
        c.fill(
            shape, Linear((0, 0), (0, _TIMER_H), ((0, (40, 4, 26), 0.8), (1, (40, 4, 26), 0.94)))
        )
        c.fill(box(20, _TIMER_H - 16, _CARD_PX - 40, 7, 3.5), (255, 255, 255), opacity=0.22)
        label = _ENDS if is_live else _STARTS
        english = self._lettering.line(label.en, px=20, language="en", bold=False)
        arabic = self._lettering.line(label.ar, px=20, language="ar", bold=False)
        digits = self._lettering.line(f"{seconds // 60}:{seconds % 60:02d}", px=32, language="en")
        if english is not None:
            write(c.image, english, (22, 6), (255, 255, 255))
        if arabic is not None:
            write(c.image, arabic, (_CARD_PX - 22 - arabic.width, 6), (255, 255, 255))
        if digits is not None:
            write(c.image, digits, ((_CARD_PX - digits.width) // 2, -6), _GOLD)
        return c.image


def _card_frame(side: int) -> Image.Image:
    """A white rim and its shadow, for a card of some side."""
    c = Canvas(side + 2 * _FRAME_PX, side + 2 * _FRAME_PX)
    radius = _RADIUS if side > 200 else 20
    rim = box(_FRAME_PX - 6, _FRAME_PX - 6, side + 12, side + 12, radius + 6)
    c.soft(rim.moved(0, 8), rgb("#1a0818"), blur=10, opacity=0.55)
    c.fill(rim, (255, 255, 255))
    return c.image


def _rounded_mask(side: int, radius: float) -> Image.Image:
    c = Canvas(side, side)
    c.fill(box(0, 0, side, side, radius), (255, 255, 255))
    return c.image.getchannel("A")


def _timer_bar() -> Image.Image:
    width = _CARD_PX - 40
    c = Canvas(width, 7)
    c.fill(box(0, 0, width, 7, 3.5), horizontal(0, width, rgb("#ff4d6d"), rgb("#ffd166")))
    return c.image
