from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from livecommerce.demo import pictures as drawn
from livecommerce.demo.pictures.catalogue import DRAWINGS
from livecommerce.demo.pictures.emblems import AVATARS
from livecommerce.demo.shop import demo_shop

SHOP = demo_shop()
KEYS = [product.key for product in SHOP.products]


def test_every_product_and_merchant_is_drawn_and_nothing_else():
    assert set(DRAWINGS) == set(KEYS)
    assert set(AVATARS) == {merchant.key for merchant in SHOP.merchants}


@pytest.mark.parametrize("key", KEYS)
def test_a_product_has_a_picture_and_a_thumbnail(pictures: Path, key: str):
    for file, side, most in (
        (drawn.picture_file(pictures, key), 800, 60_000),
        (drawn.thumbnail_file(pictures, key), 240, 16_000),
    ):
        with Image.open(file) as picture:
            assert picture.format == "WEBP"
            assert picture.size == (side, side)
            lively = ImageStat.Stat(picture.convert("L")).stddev[0]
        assert lively > 8, "the picture is next to empty"
        assert file.stat().st_size <= most


def test_no_two_products_look_alike(pictures: Path):
    small = {}
    for key in KEYS:
        with Image.open(drawn.thumbnail_file(pictures, key)) as picture:
            small[key] = picture.convert("RGB").resize((32, 32))
    for at, one in enumerate(KEYS):
        for other in KEYS[at + 1 :]:
            assert distance(small[one], small[other]) > 3, f"{one} looks like {other}"


def test_poster_and_avatars_are_there(pictures: Path):
    with Image.open(drawn.poster_file(pictures)) as poster:
        assert poster.size == (720, 1280)
    assert drawn.poster_file(pictures).stat().st_size <= 60_000
    avatars = [drawn.avatar_file(pictures, merchant.key) for merchant in SHOP.merchants]
    for file in (*avatars, drawn.host_avatar_file(pictures)):
        with Image.open(file) as avatar:
            assert avatar.size == (256, 256)


def test_a_second_start_draws_nothing(pictures: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(key: str) -> None:
        raise AssertionError(f"{key} was drawn again")

    monkeypatch.setattr(drawn, "draw_product", refuse)
    shares: list[float] = []
    drawn.draw_all(pictures, shares.append)
    assert shares == [1]


def test_a_drawing_is_the_same_every_time():
    one, two = (drawn.draw_product("kabsa-pot", side_px=200) for _ in range(2))
    assert ImageChops.difference(one, two).getbbox() is None


def distance(one: Image.Image, two: Image.Image) -> float:
    means = ImageStat.Stat(ImageChops.difference(one, two)).mean
    return sum(means) / len(means)
