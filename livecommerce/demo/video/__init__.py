"""The showcase video of the demo: rendered once by us, then played in a loop.

What it shows follows the script to the second. H.264 in the constrained baseline profile without
B-frames and with a key frame every two seconds, so that it can be cut into segments and sent over
WebRTC as it is.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from PIL import Image

from livecommerce.demo import script
from livecommerce.demo.lettering import Lettering
from livecommerce.demo.pictures import picture_file
from livecommerce.demo.script import LOOP_S, flash_sale_at
from livecommerce.demo.shop import demo_shop
from livecommerce.demo.video import music
from livecommerce.demo.video.stage import HEIGHT, WIDTH, Stage

FPS = 24
_KEY_FRAMES = 2 * FPS
_EDITION = 2
"""Raised when stage, panels or music change."""

_VIDEO_OPTIONS = {
    "preset": "veryfast",
    "crf": "25",
    "profile": "baseline",
    "bf": "0",
    "sc_threshold": "0",
}
_AUDIO_BIT_RATE = 80_000


def render_showcase(out: Path, pictures: Path, progress: Callable[[float], None]) -> None:
    """Render the video of one round of the script, unless `out` already is that video.

    A fingerprint of what went in lies beside it, in `<out>.fingerprint`.

    Args:
        out: The MP4 file; it appears at once and whole.
        pictures: The folder that `draw_all` filled.
        progress: Told the share that is done, from 0 to 1.
    """
    lettering = Lettering()
    marker = out.with_name(f"{out.name}.fingerprint")
    fingerprint = _fingerprint(pictures, lettering)
    if out.is_file() and marker.is_file() and marker.read_text(encoding="ascii") == fingerprint:
        progress(1)
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    render_excerpt(out, pictures, progress, start_s=0, end_s=LOOP_S, lettering=lettering)
    marker.write_text(fingerprint, encoding="ascii")


def render_excerpt(
    out: Path,
    pictures: Path,
    progress: Callable[[float], None],
    *,
    start_s: float,
    end_s: float,
    lettering: Lettering,
) -> None:
    """Render the seconds from `start_s` to `end_s` of the show."""
    assert 0 <= start_s < end_s
    stage = Stage(pictures, lettering)
    unfinished = out.with_name(f".{out.name}")
    with av.open(unfinished, "w", format="mp4", options={"movflags": "+faststart"}) as container:
        video = _video_stream(container)
        audio = container.add_stream("aac", rate=music.SAMPLE_RATE, layout="mono")
        audio.bit_rate = _AUDIO_BIT_RATE
        frames = round((end_s - start_s) * FPS)
        sound = _Sound(audio, start_s, end_s)
        for number in range(frames):
            if number % FPS == 0:
                progress(number / frames)
                # Sound goes in a second at a time, or the two would lie apart in the file.
                sound.write(container, until_s=number / FPS + 1)
            picture = _encodable(stage.frame(start_s + number / FPS))
            picture.pts = number
            picture.time_base = Fraction(1, FPS)
            container.mux(video.encode(picture))
        sound.write(container, until_s=end_s - start_s)
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    os.replace(unfinished, out)
    progress(1)


class _Sound:
    """Feeds the music to the encoder, in step with the pictures."""

    _FRAME = 1024

    def __init__(self, stream: AudioStream, start_s: float, end_s: float) -> None:
        self._stream = stream
        self._start = round(start_s * music.SAMPLE_RATE)
        self._length = round((end_s - start_s) * music.SAMPLE_RATE)
        self._written = 0

    def write(self, container: OutputContainer, *, until_s: float) -> None:
        end = min(self._length, round(until_s * music.SAMPLE_RATE))
        while self._written < end:
            samples = self._next(min(self._FRAME, self._length - self._written))
            frame = av.AudioFrame(format="s16", layout="mono", samples=len(samples) // 2)
            frame.planes[0].update(samples)
            frame.sample_rate = music.SAMPLE_RATE
            frame.pts = self._written
            frame.time_base = Fraction(1, music.SAMPLE_RATE)
            self._written += len(samples) // 2
            container.mux(self._stream.encode(frame))

    def _next(self, wanted: int) -> bytes:
        bar_samples = music.SAMPLE_RATE * music.BAR_S
        parts = b""
        while len(parts) < wanted * 2:
            number, offset = divmod(self._start + self._written + len(parts) // 2, bar_samples)
            drums = flash_sale_at(number * music.BAR_S) is not None
            bar = music.bar(number % 4, with_drums=drums)
            parts += bar[offset : offset + wanted - len(parts) // 2].tobytes()
        return parts


def _encodable(image: Image.Image) -> av.VideoFrame:
    frame: av.VideoFrame = av.VideoFrame.from_image(image)  # type: ignore[no-untyped-call]
    return frame.reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
    )


def _video_stream(container: OutputContainer) -> VideoStream:
    stream = container.add_stream("libx264", rate=FPS, options=_VIDEO_OPTIONS)
    stream.width, stream.height = WIDTH, HEIGHT
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.gop_size = _KEY_FRAMES
    # Players take video of this height for BT.709; saying so keeps the colours of the pictures.
    context.colorspace = Colorspace.ITU709
    context.color_range = ColorRange.MPEG
    context.color_primaries = 1
    context.color_trc = 1
    return stream


def _fingerprint(pictures: Path, lettering: Lettering) -> str:
    """Digest everything the video is made of."""
    digest = hashlib.sha256()
    digest.update(repr((_EDITION, FPS, WIDTH, HEIGHT, _VIDEO_OPTIONS, script.SCRIPT)).encode())
    digest.update(lettering.fingerprint.encode())
    shown = {cue.action.product_key for cue in script.SCRIPT if isinstance(cue.action, script.Pin)}
    for key in sorted(shown):
        digest.update(repr(demo_shop().product(key)).encode())
        digest.update(picture_file(pictures, key).read_bytes())
    return digest.hexdigest()
