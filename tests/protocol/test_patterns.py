import msgspec
import pytest

from livecommerce.orders.wire import QuoteRequest
from livecommerce.protocol.patterns import whole
from livecommerce.shows.wire import RoomDraft


def test_the_whole_text_has_to_match():
    import re

    pattern = re.compile(whole("a|bc"))
    assert pattern.search("a")
    assert pattern.search("bc")
    for text in ("a\n", "abc", " a", "", "\na", "bc\n"):
        assert not pattern.search(text)


@pytest.mark.parametrize("slug", ["souq\n", "\nsouq", "so uq", "Souq"])
def test_a_slug_with_a_newline_behind_it_is_none(slug: str):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"slug": slug, "title": {"en": "Souq"}}, RoomDraft)


def test_an_id_with_a_newline_behind_it_is_none():
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"variant_id": "V1\n"}, QuoteRequest)
