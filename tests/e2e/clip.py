"""A short video as a host may have one, made in a few seconds."""

from fractions import Fraction
from pathlib import Path

import av
from PIL import Image, ImageChops

WIDTH, HEIGHT, FPS, SECONDS = 480, 854, 12, 10
BITS_PER_S = 900_000


def make_clip(out: Path) -> None:
    """Writes an MP4 that can be played while it loads."""
    # moving grain: something that costs its bits
    grain = Image.effect_noise((WIDTH, HEIGHT), 60).convert("RGB")
    with av.open(out, "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = BITS_PER_S
        stream.time_base = Fraction(1, FPS)
        for number in range(FPS * SECONDS):
            frame = av.VideoFrame.from_image(ImageChops.offset(grain, 0, number * 5))
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
