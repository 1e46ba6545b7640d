"""The picture at the head of the README: the studio, and the room in both languages before it."""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 2000, 1190
TOP, BOTTOM = (58, 20, 50), (18, 8, 20)
GLOW = (214, 128, 60)


def compose(images: Path) -> Path:
    """Writes `hero.webp` from the pictures that were taken, and returns where it is."""
    canvas = _backdrop()
    studio = _framed(images / "studio-en-desktop.webp", width=1520, radius=22)
    _stand(canvas, studio, x=56, y=96)
    for name, x, y in (("flash-sale-en-phone", 1070, 190), ("room-ar-phone", 1530, 250)):
        phone = _framed(images / f"{name}.webp", width=400, radius=46, bezel=9)
        _stand(canvas, phone, x=x, y=y)
    out = images / "hero.webp"
    canvas.save(out, "WEBP", quality=86, method=6)
    return out


def _backdrop() -> Image.Image:
    """A dusk from plum to night, with a warm light behind the phones."""
    shade = Image.linear_gradient("L").resize((WIDTH, HEIGHT))
    canvas = Image.composite(
        Image.new("RGB", (WIDTH, HEIGHT), BOTTOM), Image.new("RGB", (WIDTH, HEIGHT), TOP), shade
    )
    light = Image.new("L", (WIDTH, HEIGHT), 0)
    ImageDraw.Draw(light).ellipse((1050, -260, 2150, 700), fill=64)
    light = light.filter(ImageFilter.GaussianBlur(220))
    canvas.paste(Image.new("RGB", (WIDTH, HEIGHT), GLOW), (0, 0), light)
    return canvas


def _framed(path: Path, *, width: int, radius: int, bezel: int = 0) -> Image.Image:
    """A screen with round corners; with a bezel, a phone."""
    with Image.open(path) as image:
        height = round(image.height * width / image.width)
        screen = image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    size = (width + 2 * bezel, height + 2 * bezel)
    framed = Image.new("RGBA", size, (12, 9, 14, 255))
    framed.paste(screen, (bezel, bezel), _round(screen.size, max(1, radius - bezel)))
    framed.putalpha(_round(size, radius))
    return framed


def _round(size: tuple[int, int], radius: int) -> Image.Image:
    """A mask with smooth round corners."""
    fine = 4
    mask = Image.new("L", (size[0] * fine, size[1] * fine), 0)
    box = (0, 0, size[0] * fine - 1, size[1] * fine - 1)
    ImageDraw.Draw(mask).rounded_rectangle(box, radius * fine, fill=255)
    return mask.resize(size, Image.Resampling.LANCZOS)


def _stand(canvas: Image.Image, what: Image.Image, *, x: int, y: int) -> None:
    """Puts a screen onto the canvas, over its own soft shadow."""
    shadow = Image.new("L", canvas.size, 0)
    shadow.paste(what.getchannel("A").point(lambda value: value * 3 // 5), (x, y + 26))
    shadow = shadow.filter(ImageFilter.GaussianBlur(34))
    canvas.paste(Image.new("RGB", canvas.size, (4, 1, 6)), (0, 0), shadow)
    canvas.paste(what, (x, y), what)
