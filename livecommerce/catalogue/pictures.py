"""Pictures people upload: looked at with suspicion, then drawn anew.

Nothing of the uploaded file is kept. The pixels are decoded and encoded again, so that a file
which is also a script, an archive or a page, or that tells where it was taken, comes out as a
picture only.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

from livecommerce.kernel.errors import Code, Refused

BYTES_MAX = 10 * 1024 * 1024
PIXELS_MAX = 40_000_000
SIDE_MAX = 1600
THUMB_SIDE = 320
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
_QUALITY = 82


@dataclass(frozen=True, slots=True)
class Rendition:
    """A picture as it is stored and served: WebP, and the name its content gives it."""

    id: str
    full: bytes
    thumb: bytes
    width: int
    height: int


def render(upload: bytes) -> Rendition:
    """Turns an upload into what is served. Slow: tens to hundreds of milliseconds of CPU.

    Raises:
        Refused: TOO_LARGE for too many bytes or pixels, UNSUPPORTED_MEDIA_TYPE for whatever is not
            a whole JPEG, PNG, WebP or GIF. SVG is not: it is a program.
    """
    if len(upload) > BYTES_MAX:
        raise Refused(Code.TOO_LARGE, bytes_max=BYTES_MAX)
    try:
        with Image.open(io.BytesIO(upload), formats=_FORMATS) as opened:
            # The header tells the size; nothing is decoded before it has been judged.
            if opened.width * opened.height > PIXELS_MAX:
                raise Refused(Code.TOO_LARGE, pixels_max=PIXELS_MAX)
            opened.load()
            upright = ImageOps.exif_transpose(opened)
            picture = upright.convert("RGBA" if _is_transparent(upright) else "RGB")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refused(Code.TOO_LARGE, pixels_max=PIXELS_MAX) from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError):
        raise Refused(Code.UNSUPPORTED_MEDIA_TYPE) from None
    full = _encoded(picture, SIDE_MAX)
    thumb = _encoded(picture, THUMB_SIDE)
    with Image.open(io.BytesIO(full)) as stored:
        width, height = stored.size
    return Rendition(hashlib.sha256(full).hexdigest()[:32], full, thumb, width, height)


def _is_transparent(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info


def _encoded(image: Image.Image, side: int) -> bytes:
    fitted = image.copy()
    fitted.thumbnail((side, side), Image.Resampling.LANCZOS)
    # A new image has no metadata to carry over: no EXIF, no colour profile, no comment.
    bare = Image.new(fitted.mode, fitted.size)
    bare.paste(fitted)
    out = io.BytesIO()
    bare.save(out, "WEBP", quality=_QUALITY, method=4)
    return out.getvalue()
