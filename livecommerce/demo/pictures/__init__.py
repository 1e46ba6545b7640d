"""Pictures of the demo shop, drawn by code at the first start: none are kept in the repository.

`draw_all` writes, and the `*_file` functions say where what lies.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from livecommerce.demo.lettering import Lettering
from livecommerce.demo.pictures import emblems
from livecommerce.demo.pictures.backdrops import SIDE
from livecommerce.demo.pictures.canvas import Canvas
from livecommerce.demo.pictures.catalogue import DRAWINGS
from livecommerce.demo.shop import demo_shop

PICTURE_PX = 800
THUMBNAIL_PX = 240
AVATAR_PX = 256

_EDITION = 1
"""Raised when a drawing changes, so that pictures of older editions are drawn anew."""

_QUALITY = 86


def picture_file(folder: Path, product_key: str) -> Path:
    """Say where a product's picture of 800 by 800 pixels lies."""
    return folder / f"{product_key}.webp"


def thumbnail_file(folder: Path, product_key: str) -> Path:
    """Say where a product's picture of 240 by 240 pixels lies."""
    return folder / f"{product_key}.thumbnail.webp"


def avatar_file(folder: Path, merchant_key: str) -> Path:
    """Say where a merchant's avatar of 256 by 256 pixels lies."""
    return folder / "merchants" / f"{merchant_key}.webp"


def host_avatar_file(folder: Path) -> Path:
    """Say where the host's avatar of 256 by 256 pixels lies."""
    return folder / "host.webp"


def poster_file(folder: Path) -> Path:
    """Say where the poster of the room, 720 by 1280 pixels, lies."""
    return folder / "poster.webp"


def draw_product(product_key: str, *, side_px: int = PICTURE_PX) -> Image.Image:
    """Draw one product of the demo shop.

    Raises:
        KeyError: Nobody has drawn this product.
    """
    c = Canvas(SIDE, SIDE, scale=side_px / SIDE)
    DRAWINGS[product_key](c)
    return c.image.convert("RGB")


def draw_all(folder: Path, progress: Callable[[float], None] = lambda _: None) -> None:
    """Draw all pictures of the demo into a folder, unless this edition of them is there.

    Args:
        folder: Made when missing. The file `edition` in it is written last.
        progress: Told the share that is done, from 0 to 1.
    """
    lettering = Lettering()
    edition = f"{_EDITION} {lettering.fingerprint}\n"
    marker = folder / "edition"
    if marker.is_file() and marker.read_text(encoding="utf-8") == edition:
        progress(1)
        return
    shop = demo_shop()
    (folder / "merchants").mkdir(parents=True, exist_ok=True)
    steps = len(shop.products) + 1
    for done, product in enumerate(shop.products):
        progress(done / steps)
        picture = draw_product(product.key)
        _save(picture, picture_file(folder, product.key))
        small = picture.resize((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.LANCZOS)
        _save(small, thumbnail_file(folder, product.key))
    for merchant in shop.merchants:
        avatar = emblems.avatar(merchant.key, AVATAR_PX)
        _save(avatar, avatar_file(folder, merchant.key))
    _save(emblems.host_portrait(AVATAR_PX), host_avatar_file(folder))
    _save(emblems.poster(shop.name, lettering), poster_file(folder))
    marker.write_text(edition, encoding="utf-8")
    progress(1)


def _save(picture: Image.Image, file: Path) -> None:
    """Write beside the place and rename, so that nobody is served half a picture."""
    fresh = file.with_name(f".{file.name}")
    picture.save(fresh, "WEBP", quality=_QUALITY, method=4)
    os.replace(fresh, file)
