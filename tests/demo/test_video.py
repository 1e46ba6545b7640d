from pathlib import Path

import av
import pytest
from PIL import Image, ImageChops, ImageStat

from livecommerce.demo import video
from livecommerce.demo.lettering import Lettering
from livecommerce.demo.pictures import thumbnail_file
from livecommerce.demo.script import LOOP_S, MAIN_SLOT, SCRIPT, Pin, pins_at
from livecommerce.demo.shop import demo_shop
from livecommerce.demo.video import music
from livecommerce.demo.video.stage import HEIGHT, WIDTH, Stage

CARD = (266, 214, 634, 472)
"""The part of the card that neither ribbon nor timer covers."""


@pytest.fixture(scope="module")
def stage(pictures: Path) -> Stage:
    return Stage(pictures, Lettering())


@pytest.fixture(scope="module")
def excerpt(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds and a half around the opening of the flash sale."""
    out = tmp_path_factory.mktemp("video") / "excerpt.mp4"
    video.render_excerpt(
        out, pictures, lambda _: None, start_s=50, end_s=52.5, lettering=Lettering()
    )
    return out


def test_an_excerpt_decodes_to_pictures_and_sound(excerpt: Path):
    with av.open(excerpt) as container:
        pictures = list(container.decode(video=0))
    with av.open(excerpt) as container:
        stream = container.streams.audio[0]
        assert stream.codec_context.name == "aac"
        sound = list(container.decode(audio=0))
    assert len(pictures) == round(2.5 * video.FPS)
    assert {(frame.width, frame.height) for frame in pictures} == {(WIDTH, HEIGHT)}
    assert {frame.format.name for frame in pictures} == {"yuv420p"}
    assert sum(frame.samples for frame in sound) == pytest.approx(2.5 * music.SAMPLE_RATE, abs=2048)
    assert any(any(bytes(frame.planes[0])) for frame in sound)


def test_the_file_can_start_playing_before_it_is_whole(excerpt: Path):
    head = excerpt.read_bytes()
    assert 0 < head.find(b"moov") < head.find(b"mdat")


def test_the_video_can_be_cut_every_two_seconds_and_has_no_b_frames(excerpt: Path):
    with av.open(excerpt) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        profile = container.streams.video[0].codec_context.profile
    key_frames = [at for at, packet in enumerate(packets) if packet.is_keyframe]
    assert key_frames == [0, 2 * video.FPS]
    assert all(packet.pts == packet.dts for packet in packets)
    assert profile == "Constrained Baseline"


def test_the_card_shows_what_the_script_pins(stage: Stage, pictures: Path):
    shelf = {}
    for product in demo_shop().products:
        with Image.open(thumbnail_file(pictures, product.key)) as picture:
            card = picture.convert("RGB").resize((368, 368))
        shelf[product.key] = card.crop((0, 46, 368, 304)).resize((64, 45))
    for cue in SCRIPT:
        if isinstance(cue.action, Pin) and cue.action.slot == MAIN_SLOT:
            shown = stage.frame(cue.at_s + 2).crop(CARD).resize((64, 45))
            nearest = min(shelf, key=lambda key: distance(shelf[key], shown))
            assert nearest == cue.action.product_key == pins_at(cue.at_s + 2)[MAIN_SLOT]


def test_the_last_frame_meets_the_first(stage: Stage):
    end, start = stage.frame(LOOP_S - 1 / video.FPS), stage.frame(LOOP_S)
    assert distance(end, start) < 2


def test_bars_are_whole_audible_and_do_not_clip():
    for number in range(4):
        for with_drums in (False, True):
            samples = music.bar(number, with_drums=with_drums)
            assert len(samples) == music.SAMPLE_RATE * music.BAR_S
            assert 3_000 < max(abs(sample) for sample in samples) < 32_000
    assert LOOP_S % (4 * music.BAR_S) == 0, "the phrase would break where the video loops"


def test_a_video_is_rendered_once_for_the_same_pictures(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rendered: list[Path] = []

    def write(out: Path, *_: object, **__: object) -> None:
        rendered.append(out)
        out.write_bytes(b"video")

    monkeypatch.setattr(video, "render_excerpt", write)
    out = tmp_path / "media" / "showcase.mp4"
    shares: list[float] = []
    for _ in range(2):
        video.render_showcase(out, pictures, shares.append)
    assert rendered == [out]
    assert shares[-1] == 1
    monkeypatch.setattr(video, "_EDITION", video._EDITION + 1)
    video.render_showcase(out, pictures, shares.append)
    assert rendered == [out, out]


def test_an_unfinished_rendering_is_not_taken_for_the_video(pictures: Path, tmp_path: Path):
    out = tmp_path / "excerpt.mp4"

    def give_up(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        video.render_excerpt(
            out, pictures, give_up, start_s=0, end_s=1, lettering=Lettering(files=())
        )
    assert not out.exists()


def distance(one: Image.Image, two: Image.Image) -> float:
    means = ImageStat.Stat(ImageChops.difference(one, two)).mean
    return sum(means) / len(means)
