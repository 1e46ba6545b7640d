"""What the demo host does, second by second, in a loop that the showcase video is drawn from.

Times count from the start of the show. The script knows nothing of rooms or databases: whoever
runs it carries the actions out, and the video shows the same product at the same second.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from livecommerce.demo.shop import Text

LOOP_S = 168
"""Length of the script and of the video: 56 bars of music of 3 s each."""

MAIN_SLOT = 1
SIDE_SLOT = 2
"""Pinned beside the main product: what goes well with it."""


@dataclass(frozen=True, slots=True)
class Pin:
    product_key: str
    slot: int = MAIN_SLOT


@dataclass(frozen=True, slots=True)
class Unpin:
    slot: int = MAIN_SLOT


@dataclass(frozen=True, slots=True)
class Say:
    """The host writes in the chat."""

    text: Text


@dataclass(frozen=True, slots=True)
class Announce:
    """A notice above the chat, for everyone."""

    text: Text


@dataclass(frozen=True, slots=True)
class OpenFlashSale:
    """Offer one variant cheaper for a short time; it opens `warm_up_s` after the cue."""

    product_key: str
    sku: str
    price_minor: int
    quantity: int
    limit_per_buyer: int
    warm_up_s: int
    duration_s: int


Action = Pin | Unpin | Say | Announce | OpenFlashSale


@dataclass(frozen=True, slots=True)
class Cue:
    at_s: float
    action: Action


@dataclass(frozen=True, slots=True)
class FlashMoment:
    """Where a flash sale stands: how much of the current phase is left."""

    sale: OpenFlashSale
    phase: Literal["warm_up", "live"]
    remaining_s: float

    @property
    def remaining_share(self) -> float:
        """From 1 when the phase begins to 0 when it ends."""
        whole = self.sale.warm_up_s if self.phase == "warm_up" else self.sale.duration_s
        return self.remaining_s / whole


def _say(at_s: float, en: str, ar: str) -> Cue:
    return Cue(at_s, Say(Text(en, ar)))


def _announce(at_s: float, en: str, ar: str) -> Cue:
    return Cue(at_s, Announce(Text(en, ar)))


SCRIPT: tuple[Cue, ...] = (
    _announce(
        0,
        "Welcome to the majlis. A flash sale opens in this round.",
        "أهلًا بكم في المجلس. عرض خاطف في هذه الجولة.",
    ),
    _say(
        2,
        "Good evening everyone! Where are you watching from tonight?",
        "مساء الخير جميعًا! من أين تشاهدوننا الليلة؟",
    ),
    Cue(9, Pin("abaya-layl")),
    _say(
        11,
        "We start with Layl: black crepe, gold thread, and a sheila to match.",
        "نبدأ بعباية ليل: كريب أسود وتطريز ذهبي ومعها طرحتها.",
    ),
    _say(18, "Size 54 goes first every time.", "مقاس ٥٤ ينفد أولًا في كل مرة."),
    Cue(24, Pin("dallah-set")),
    _say(
        26,
        "For the coffee table: a dallah with six finjans, ready to give.",
        "لركن القهوة: دلّة مع ستة فناجين، جاهزة للإهداء.",
    ),
    _say(33, "Stay close, something special is next…", "ابقوا معنا، القادم مميّز…"),
    Cue(39, Pin("oud-malaki")),
    Cue(
        39,
        OpenFlashSale(
            product_key="oud-malaki",
            sku="BB-OUD-50ML",
            price_minor=199_00,
            quantity=20,
            limit_per_buyer=2,
            warm_up_s=12,
            duration_s=60,
        ),
    ),
    _say(
        40.5,
        "Flash sale! Oud Malaki, 50 ml, for 199 riyals. Twelve seconds to go!",
        "عرض خاطف! عود ملكي ٥٠ مل بـ ١٩٩ ريالًا. باقي اثنتا عشرة ثانية!",
    ),
    _say(51.5, "It is open! Two bottles each, no more.", "انطلق العرض! قارورتان لكل مشترٍ فقط."),
    Cue(66, Pin("mabkhara", SIDE_SLOT)),
    _say(
        68,
        "And the mabkhara on the side goes beautifully with it.",
        "والمبخرة الظاهرة بجانبه تكمّل الجلسة.",
    ),
    Cue(81, Unpin(SIDE_SLOT)),
    Cue(84, Pin("bakhoor-tin", SIDE_SLOT)),
    _say(86, "House bakhoor, steeped for forty days.", "بخور البيت، منقوع أربعين يومًا."),
    Cue(99, Unpin(SIDE_SLOT)),
    _say(101, "Last ten seconds!", "آخر عشر ثوانٍ!"),
    Cue(111, Pin("headphones")),
    _say(
        113,
        "Thank you! Now for the quiet ones: forty hours on one charge.",
        "شكرًا لكم! والآن لمحبّي الهدوء: أربعون ساعة بشحنة واحدة.",
    ),
    _say(120, "They fold, and the case is in the box.", "تنطوي، والحافظة داخل العلبة."),
    Cue(126, Pin("sadu-cushions")),
    _say(
        128,
        "Sadu from the loom: every diamond is woven, not printed.",
        "سدو من النول: كل معيّن منسوج وليس مطبوعًا.",
    ),
    _say(135, "Wash the covers cold and they last for years.", "غسلها بالماء البارد يطيل عمرها."),
    Cue(141, Pin("sukkari-bowl")),
    _say(
        143,
        "Sukkari with almond and pistachio. Do not watch this hungry!",
        "سكري باللوز والفستق. لا تشاهدوا وأنتم جياع!",
    ),
    Cue(156, Unpin()),
    _announce(
        157,
        "A short coffee break, then the next round begins.",
        "استراحة قهوة قصيرة ثم تبدأ الجولة التالية.",
    ),
    _say(158, "You are wonderful. Back in a moment!", "أنتم رائعون. نعود بعد لحظات!"),
)
"""One round, in the order of time. Everything it pins it also unpins."""


def cues_between(start_s: float, end_s: float) -> tuple[Cue, ...]:
    """List the cues due in `start_s <= t < end_s` since the show began, over any rounds.

    The times of the cues given are those of the show, not of the round.
    """
    assert 0 <= start_s <= end_s
    due = []
    for turn in range(math.floor(start_s / LOOP_S), math.ceil(end_s / LOOP_S)):
        for cue in SCRIPT:
            at_s = cue.at_s + turn * LOOP_S
            if start_s <= at_s < end_s:
                due.append(replace(cue, at_s=at_s))
    return tuple(due)


def pins_at(time_s: float) -> Mapping[int, str]:
    """Tell which product is pinned in which slot at a second of the show."""
    pins: dict[int, str] = {}
    for cue in SCRIPT:
        if cue.at_s > time_s % LOOP_S:
            break
        match cue.action:
            case Pin(product_key, slot):
                pins[slot] = product_key
            case Unpin(slot):
                pins.pop(slot, None)
            case _:
                pass
    return pins


def flash_sale_at(time_s: float) -> FlashMoment | None:
    """Tell the flash sale that is warming up or open at a second of the show."""
    now = time_s % LOOP_S
    for cue in SCRIPT:
        if not isinstance(cue.action, OpenFlashSale):
            continue
        sale = cue.action
        opens_s = cue.at_s + sale.warm_up_s
        closes_s = opens_s + sale.duration_s
        if cue.at_s <= now < opens_s:
            return FlashMoment(sale, "warm_up", opens_s - now)
        if opens_s <= now < closes_s:
            return FlashMoment(sale, "live", closes_s - now)
    return None
