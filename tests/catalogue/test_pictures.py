"""Uploaded pictures: what comes in, and the little of it that comes out."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from livecommerce.catalogue.pictures import BYTES_MAX, SIDE_MAX, THUMB_SIDE, render
from livecommerce.catalogue.store_pictures import PictureFiles
from livecommerce.kernel.errors import Code, Refused


def image(kind: str = "PNG", size: tuple[int, int] = (40, 30), **save: object) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(out, kind, **save)
    return out.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A PNG that claims a size and has no pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b"")


def refused(upload: bytes) -> Code:
    with pytest.raises(Refused) as told:
        render(upload)
    return told.value.code


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_pictures_become_webp(kind: str):
    picture = render(image(kind))
    with Image.open(io.BytesIO(picture.full)) as shown:
        assert shown.format == "WEBP"
        assert shown.size == (picture.width, picture.height) == (40, 30)


def test_large_ones_are_made_smaller():
    picture = render(image("JPEG", (3000, 1500)))
    assert (picture.width, picture.height) == (SIDE_MAX, SIDE_MAX // 2)
    with Image.open(io.BytesIO(picture.thumb)) as thumb:
        assert thumb.size == (THUMB_SIDE, THUMB_SIDE // 2)


def test_the_same_pixels_are_the_same_picture():
    assert render(image()).id == render(image()).id != render(image(size=(41, 30))).id


def test_where_it_was_taken_is_nobodys_business():
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (24.0, 42.0, 0.0)}
    exif[0x010F] = "A secret camera"
    exif[0x0112] = 6
    picture = render(image("JPEG", (40, 30), exif=exif))
    with Image.open(io.BytesIO(picture.full)) as shown:
        assert not dict(shown.getexif())
        assert shown.info.get("exif") is None
        # Turned as the camera said, since nobody is told to turn it any more.
        assert shown.size == (30, 40)
    assert b"secret" not in picture.full


@pytest.mark.parametrize(
    "upload",
    [
        b"",
        b"GIF89a<script>alert(1)</script>",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"<!doctype html><script>alert(1)</script>",
        b"%PDF-1.7",
        b"RIFF\x00\x00\x00\x00WEBPVP8 ",
        image()[:-40],
        image("JPEG")[: len(image("JPEG")) // 2],
        image("BMP"),
        image("TIFF"),
    ],
)
def test_what_is_no_picture_is_refused(upload: bytes):
    assert refused(upload) is Code.UNSUPPORTED_MEDIA_TYPE


def test_a_picture_that_is_also_a_page_is_only_a_picture_afterwards():
    page = b"<script>alert(document.cookie)</script>"
    polyglot = image("PNG") + page
    picture = render(polyglot)
    assert page not in picture.full
    assert page not in picture.thumb


@pytest.mark.filterwarnings("default::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(10_000, 10_000), (65_535, 65_535), (40_000_001, 1)])
def test_bombs_are_not_opened(size: tuple[int, int]):
    assert refused(png_of(*size)) is Code.TOO_LARGE


def test_too_many_bytes():
    assert refused(b"\0" * (BYTES_MAX + 1)) is Code.TOO_LARGE


def test_files_are_found_by_their_own_names_only(tmp_path):
    files = PictureFiles(tmp_path / "pictures")
    (tmp_path / "secret.webp").write_bytes(b"secret")
    picture = render(image())
    files.put(picture)
    files.put(picture)
    stored = files.find(f"{picture.id}.webp")
    assert stored is not None
    assert stored.read_bytes() == picture.full
    assert files.find(f"{picture.id}_thumb.webp") is not None
    for name in (
        "../secret.webp",
        "..%2fsecret.webp",
        "/etc/passwd",
        f"{picture.id}.webp\n",
        f"{picture.id[:2]}/{picture.id}.webp",
        f"{picture.id.upper()}.webp",
        "0" * 32 + ".webp",
        "",
    ):
        assert files.find(name) is None
    assert not list((tmp_path / "pictures").rglob(".*"))
