"""What a room may be called and may play."""

import pytest

from livecommerce.kernel.errors import Code, Refused
from livecommerce.shows.rooms import clean_title, clean_url


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example/live/index.m3u8?token=a%20b",
        "http://192.168.1.7:8888/show.mp4",
        "/media/showcase.mp4#loop=1800000000000",
        "https://مثال.إختبار/بث.m3u8",
    ],
)
def test_addresses_a_player_can_open(url):
    assert clean_url(url, field="playback_url") == url


@pytest.mark.parametrize("url", [None, "", "  "])
def test_a_room_may_play_nothing(url):
    assert clean_url(url, field="playback_url") is None


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,<script>",
        "//evil.example/x.mp4",
        "/\\evil.example/x.mp4",
        "ftp://example.com/x",
        "https://",
        "https://user:pass@example.com/x",
        "https://exa mple.com/x",
        "https://[::1/x",
        "x.mp4",
        "https://example.com/\u202ex",
        "https://example.com/\x00",
        "file:///etc/passwd",
    ],
)
def test_other_addresses_are_refused(url):
    with pytest.raises(Refused) as refused:
        clean_url(url, field="poster_url")
    assert (refused.value.code, refused.value.field) == (Code.BAD_FIELD, "poster_url")


def test_a_title_is_in_one_language_at_least():
    assert clean_title(" Souq\u202e ", "") == ("Souq", "")
    assert clean_title("", "سوق  الليل") == ("", "سوق الليل")
    for title in [("", " "), ("\u200f", "\n"), ("x" * 121, "")]:
        with pytest.raises(Refused) as refused:
            clean_title(*title)
        assert refused.value.code is Code.BAD_FIELD
