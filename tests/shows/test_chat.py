"""What a message looks like, and who may say it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecommerce.kernel.errors import Code
from livecommerce.kernel.ids import is_client_id
from livecommerce.shows.chat import (
    LENGTH_MAX,
    MARKS_MAX,
    QUOTE_LENGTH,
    Speaker,
    message_id,
    normalise,
    normalise_lines,
    quote,
    review,
)


def say(text="hello", *, is_open=True, slow_mode_s=0, now=100_000, **speaker):
    return review(text, Speaker(**speaker), is_open=is_open, slow_mode_s=slow_mode_s, now=now)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("  hello \t\n there ", "hello there"),
        ("cafe\u0301", "café"),
        ("a\u202eb\u202dc\u202a\u202b\u202cd", "abcd"),
        ("a\u2066b\u2067c\u2068d\u2069e", "abcde"),
        ("سعر\u200f 5", "سعر\u200f 5"),
        ("left\u200emark", "left\u200emark"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d👧 ok", "👩\u200d👧 ok"),
        ("zero\u200bwidth\ufeff\u00ad\u2060", "zerowidth"),
        ("bell\x07 nul\x00 esc\x1b[31m del\x7f c1\x85x", "bell nul esc[31m del c1 x"),
        ("two\u2028lines\u2029and\rmore", "two lines and more"),
        ("nb\u00a0sp\u3000wide", "nb sp wide"),
        ("<b>bold</b> <script>alert(1)</script>", "<b>bold</b> <script>alert(1)</script>"),
        ("Robert'); DROP TABLE chat;-- {{7*7}} ${x}", "Robert'); DROP TABLE chat;-- {{7*7}} ${x}"),
        ("hidden\U000e0041\U000e0042 tags", "hidden tags"),
        ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f!",
         "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f!"),
        ("السَّلامُ عَلَيْكُمْ", unicodedata.normalize("NFC", "السَّلامُ عَلَيْكُمْ")),
        ("e\u200b\u0301", "é"),
    ],
)  # fmt: skip
def test_text_is_shown_as_it_is_meant(said, shown):
    assert normalise(said) == shown


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("أهلًا بكم\nWelcome  to the majlis", "أهلًا بكم\nWelcome to the majlis"),
        ("\n one \n\n\u200b\n two \n", "one\ntwo"),
        ("one\ntwo\nthree\r\nfour", "one\ntwo three four"),
        ("\n\u200b\n", ""),
    ],
)
def test_lines_stay_lines_as_many_as_there_may_be(said: str, shown: str):
    assert normalise_lines(said, most=2) == shown


@pytest.mark.parametrize(
    "said", ["", " ", "\u200b\ufeff", "\u202e", "\u200f\u200e", "\u3164", "\u2800 \uffa0", "\u200d",
             "\u0301\u0301", "\x00", "\U000e0041"]
)  # fmt: skip
def test_what_cannot_be_seen_is_nothing(said):
    assert normalise(said) == ""
    assert say(said).code is Code.MESSAGE_EMPTY


def test_towers_of_marks_are_cut():
    tower = "Z" + "\u0300\u0301\u0302\u0303\u0304\u0305\u0306" * 30 + "algo"
    shown = normalise(tower)
    assert len(shown) <= 5 + MARKS_MAX
    assert shown.endswith("algo")


@given(st.text())
def test_normalising_again_changes_nothing(text):
    once = normalise(text)
    assert normalise(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in once)
    assert not set(once) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\ufeff")
    assert "  " not in once
    assert once == once.strip()


@given(st.text(alphabet="ae\u0301\u0308\u0323\u200d\u200f \u3164", max_size=40))
def test_marks_and_joiners_in_any_order_settle_at_once(text):
    once = normalise(text)
    assert normalise(once) == once


def test_length_is_counted_after_normalising():
    assert say("e\u0301" * LENGTH_MAX).code is None
    assert say("x" * LENGTH_MAX + "\u200b" * 500).code is None
    assert say(" " * 1_000 + "x" * LENGTH_MAX + "\n").code is None
    refused = say("x" * (LENGTH_MAX + 1)).refusal()
    assert refused is not None
    assert (refused.code, refused.field) == (Code.MESSAGE_TOO_LONG, "text")
    assert say("x" * 10_000).code is Code.MESSAGE_TOO_LONG


def test_slow_mode_tells_the_wait():
    verdict = say(slow_mode_s=30, last_said_at=90_000)
    assert (verdict.code, verdict.retry_after_ms) == (Code.SLOW_MODE, 20_000)
    assert say(slow_mode_s=30, last_said_at=70_000).code is None
    assert say(slow_mode_s=30).code is None
    assert say(slow_mode_s=0, last_said_at=99_999).code is None


def test_slow_mode_does_not_hold_up_the_staff():
    assert say(slow_mode_s=300, last_said_at=99_999, is_staff=True).code is None


def test_a_sanction_comes_before_everything():
    assert say("", is_banned=True, is_open=False, muted_until=999_999).code is Code.BANNED
    muted = say("", muted_until=101_000, is_open=False)
    assert (muted.code, muted.retry_after_ms) == (Code.MUTED, 1_000)
    assert say(muted_until=100_000).code is None


def test_a_closed_room_comes_before_the_text():
    assert say("", is_open=False).code is Code.SHOW_NOT_OPEN


def test_an_accepted_message_is_no_refusal():
    verdict = say(" hi ")
    assert verdict.text == "hi"
    assert verdict.refusal() is None


def test_a_quote_is_the_beginning():
    assert quote("short") == "short"
    assert quote("x" * QUOTE_LENGTH) == "x" * QUOTE_LENGTH
    assert quote("x" * 81) == "x" * 79 + "…"


def test_a_message_id_is_its_command_in_its_room():
    made = message_id("r1", "p1", "command-0123456789")
    assert made == message_id("r1", "p1", "command-0123456789")
    others = {
        message_id("r2", "p1", "command-0123456789"),
        message_id("r1", "p2", "command-0123456789"),
        message_id("r1", "p1", "command-0123456780"),
    }
    assert len(others | {made}) == 4
    assert is_client_id(made)
    assert len(made) == 24
