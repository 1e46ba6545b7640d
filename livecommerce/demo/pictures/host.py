"""The host of the demo show, in parts that a video can move on their own."""

from __future__ import annotations

from typing import Literal

from livecommerce.demo.pictures.canvas import (
    Canvas,
    Linear,
    Radial,
    darker,
    lighter,
    mix,
    rgb,
)
from livecommerce.demo.pictures.outlines import Outline, Point, ellipse, path, star, trace

Mouth = Literal["smile", "open", "wide"]

_SKIN = rgb("#e0a57f")
_SCARF = rgb("#1f7a78")
_ABAYA = rgb("#2c2140")
_GOLD = rgb("#e0b055")
_LIP = rgb("#b5484f")
ELBOW: Point = (404, 1010)
"""What the presenting arm turns about."""


def body(c: Canvas) -> None:
    """Draw her from the shoulders down, without the arm that presents."""
    robe = path(
        "M 146 716 C 92 736 40 762 24 846 C 2 970 -14 1120 -20 1290 H 436 C 432 1150 424 1000 398 868 "
        "C 384 784 330 740 270 716 Z"
    )
    c.soft(robe.moved(14, 10), (20, 6, 24), blur=24, opacity=0.45)
    c.fill(
        robe,
        Linear(
            (0, 720),
            (440, 1200),
            ((0, lighter(_ABAYA, 0.24)), (0.4, _ABAYA), (1, darker(_ABAYA, 0.5))),
        ),
    )
    for foot, tone, opacity in (
        (60, lighter(_ABAYA, 0.5), 0.3),
        (150, darker(_ABAYA, 0.8), 0.5),
        (320, lighter(_ABAYA, 0.5), 0.26),
        (372, darker(_ABAYA, 0.8), 0.5),
    ):
        fold = path(
            f"M {foot} 860 C {foot - 4} 980 {foot - 20} 1140 {foot - 26} 1290 H {foot + 18} C {foot + 12} 1140 {foot + 6} 980 {foot} 860 Z"
        )
        c.soft(fold, tone, blur=8, opacity=opacity, clip=robe)
    for x in (190, 226):
        c.stroke([(x, 800), (x - 3, 1040), (x - 6, 1290)], _trim(), width=6)
    for step in range(11):
        c.fill(star(206 - step * 0.5, 872 + step * 40, points=8, outer=10, inner=7), _trim())
    near = path(
        "M 24 846 C 60 900 66 1000 60 1120 C 54 1190 46 1240 44 1290 H -20 C -14 1120 2 970 24 846 Z"
    )
    c.fill(
        near,
        Linear((0, 850), (70, 1100), ((0, lighter(_ABAYA, 0.2)), (1, darker(_ABAYA, 0.3)))),
        opacity=0.85,
    )
    drape = path(
        "M 120 660 C 84 716 72 780 104 836 C 150 884 262 892 318 842 C 350 800 338 730 296 664 Z"
    )
    c.soft(drape.moved(4, 12), (14, 6, 20), blur=10, opacity=0.5)
    c.fill(
        drape,
        Linear(
            (90, 680),
            (330, 880),
            ((0, lighter(_SCARF, 0.25)), (0.5, _SCARF), (1, darker(_SCARF, 0.42))),
        ),
    )
    for line, tone in (
        ("M 110 700 C 130 790 220 830 322 800", darker(_SCARF, 0.7)),
        ("M 104 740 C 130 830 230 866 316 832", lighter(_SCARF, 0.5)),
        ("M 136 680 C 170 760 250 780 316 750", lighter(_SCARF, 0.5)),
    ):
        c.soft(path(line + " C 240 790 150 740 120 690 Z"), tone, blur=7, opacity=0.22, clip=drape)
        c.stroke(trace(line), tone, width=3, opacity=0.4, clip=drape)


def head(c: Canvas, *, eyes_open: bool = True, mouth: Mouth = "smile") -> None:
    """Draw her head: a scarf around a face that blinks and speaks."""
    scarf = path(
        "M 206 462 C 126 462 92 528 96 604 C 96 672 108 722 140 752 C 178 782 240 782 276 750 "
        "C 308 718 318 672 318 604 C 320 528 286 462 206 462 Z"
    )
    c.soft(scarf.moved(8, 8), (14, 6, 20), blur=12, opacity=0.4)
    c.fill(
        scarf,
        Linear(
            (110, 470),
            (310, 760),
            ((0, lighter(_SCARF, 0.38)), (0.45, _SCARF), (1, darker(_SCARF, 0.45))),
        ),
    )
    for line, tone, opacity in (
        ("M 128 560 C 140 500 180 478 220 480", lighter(_SCARF, 0.6), 0.5),
        ("M 112 640 C 120 700 150 740 190 756", lighter(_SCARF, 0.5), 0.35),
        ("M 296 560 C 310 620 296 700 262 744", darker(_SCARF, 0.7), 0.5),
        ("M 280 520 C 304 580 302 660 280 716", lighter(_SCARF, 0.4), 0.3),
    ):
        c.stroke(trace(line), tone, width=4, opacity=opacity, clip=scarf)
    face = path(
        "M 212 520 C 258 520 280 556 279 604 C 278 656 250 704 212 706 C 174 704 148 656 146 604 "
        "C 145 556 166 520 212 520 Z"
    )
    c.soft(face, darker(_SCARF, 0.75), blur=9, opacity=0.7, clip=scarf)
    c.fill(
        face,
        Radial(
            (200, 590), 135, ((0, lighter(_SKIN, 0.34)), (0.55, _SKIN), (1, darker(_SKIN, 0.22)))
        ),
    )
    c.fill(
        path(
            "M 150 566 C 160 530 186 514 212 514 C 240 514 266 530 275 566 C 256 540 234 532 212 532 C 190 532 168 542 150 566 Z"
        ),
        darker(_SCARF, 0.5),
    )
    for x in (172, 254):
        c.soft(ellipse(x, 648, 20, 13), rgb("#e2685f"), blur=9, opacity=0.42, clip=face)
    c.soft(
        path("M 240 560 C 268 590 270 650 236 696 C 262 690 284 640 279 590 Z"),
        darker(_SKIN, 0.5),
        blur=9,
        opacity=0.3,
        clip=face,
    )
    for x in (186, 240):
        _eye(c, x, 606, is_open=eyes_open)
        lean = -1 if x < 212 else 1
        brow = trace(
            f"M {x - 21} {577 - lean * 1.5} Q {x + lean * 3} 563 {x + 22} {577 + lean * 1.5}"
        )
        c.stroke(brow, rgb("#4a2c22"), width=3.8, opacity=0.9)
    c.stroke(
        trace("M 214 612 C 216 630 222 638 216 644 C 212 647 206 646 203 643"),
        darker(_SKIN, 0.4),
        width=2.8,
        opacity=0.65,
    )
    c.soft(ellipse(210, 628, 3.4, 12), lighter(_SKIN, 0.7), blur=3, opacity=0.6)
    _mouth(c, mouth)
    c.fill(star(302, 690, points=8, outer=13, inner=9.5), _trim())
    c.fill(ellipse(302, 690, 4.5), rgb("#fff2cf"))


def arm(c: Canvas, degrees: float = 0) -> None:
    """Draw the arm that presents: a wide sleeve and an open palm, raised by some degrees."""
    upper = path(
        "M 330 766 C 396 800 440 900 446 1010 C 440 1060 380 1066 350 1030 C 326 960 316 860 330 766 Z"
    )
    c.fill(
        upper,
        Linear(
            (320, 800),
            (450, 1030),
            ((0, lighter(_ABAYA, 0.2)), (0.6, _ABAYA), (1, darker(_ABAYA, 0.4))),
        ),
    )

    def raised(drawing: str) -> Outline:
        return path(drawing).turned(-degrees, ELBOW)

    palm = raised(
        "M 506 872 C 508 850 524 838 548 840 C 566 844 572 860 562 876 C 548 896 520 902 506 890 Z"
    )
    for finger, width in (
        ("M 552 858 L 618 826", 15),
        ("M 556 866 L 626 844", 15),
        ("M 556 874 L 620 862", 15),
        ("M 550 882 L 604 878", 13),
        ("M 522 852 L 528 806", 15),
    ):
        line = raised(finger).contours[0]
        c.stroke(line, mix(_SKIN, darker(_SKIN, 0.5), 0.35), width=width + 2.5)
        c.stroke([(x - 0.6, y - 1.2) for x, y in line], lighter(_SKIN, 0.14), width=width - 1)
    c.fill(palm, Radial((536, 858), 60, ((0, lighter(_SKIN, 0.3)), (1, darker(_SKIN, 0.12)))))
    sleeve = raised(
        "M 352 1046 C 380 1080 440 1066 470 1020 C 506 970 530 930 540 902 C 540 884 508 856 484 862 "
        "C 452 896 400 940 372 980 C 352 1006 344 1030 352 1046 Z"
    )
    c.soft(sleeve.moved(6, 12), (14, 6, 20), blur=10, opacity=0.4)
    c.fill(
        sleeve,
        Linear(
            (380, 900),
            (480, 1070),
            ((0, lighter(_ABAYA, 0.3)), (0.5, _ABAYA), (1, darker(_ABAYA, 0.45))),
        ),
    )
    cuff = raised(
        "M 484 862 C 508 856 540 884 540 902 C 536 914 530 922 526 928 C 520 900 492 880 470 876 Z"
    )
    c.fill(cuff, _trim())
    for crease in ("M 380 1000 C 430 960 470 930 500 900", "M 400 1040 C 450 1010 490 970 512 930"):
        c.stroke(
            raised(crease).contours[0], lighter(_ABAYA, 0.5), width=3, opacity=0.3, clip=sleeve
        )


def _eye(c: Canvas, x: float, y: float, *, is_open: bool) -> None:
    if not is_open:
        c.stroke(
            trace(f"M {x - 17} {y + 1} Q {x} {y + 11} {x + 17} {y + 1}"), rgb("#3b221b"), width=4
        )
        return
    white = path(
        f"M {x - 20} {y + 3} C {x - 12} {y - 14} {x + 12} {y - 15} {x + 20} {y} "
        f"C {x + 12} {y + 11} {x - 12} {y + 12} {x - 20} {y + 3} Z"
    )
    c.fill(white, rgb("#fffaf5"))
    iris = ellipse(x + 2.5, y - 1, 11)
    c.fill(
        iris, Radial((x + 2.5, y + 4), 12, ((0, rgb("#9a6538")), (1, rgb("#3a2013")))), clip=white
    )
    c.fill(ellipse(x + 2.5, y - 1, 5.4), rgb("#160b08"), clip=white)
    c.fill(ellipse(x + 6, y - 5, 3.2), (255, 255, 255))
    c.fill(ellipse(x - 1, y + 4, 1.6), (255, 255, 255), opacity=0.7)
    lid = trace(f"M {x - 21} {y + 3} C {x - 12} {y - 14} {x + 12} {y - 15} {x + 20} {y}")
    outer = [lid[-1], (x + 26, y - 5)] if x > 212 else [lid[0], (x - 26, y - 3)]
    for line in (lid, outer):
        c.stroke(line, rgb("#2a1512"), width=3.6)
    c.stroke(
        trace(f"M {x - 16} {y - 14} Q {x} {y - 23} {x + 18} {y - 13}"),
        darker(_SKIN, 0.4),
        width=1.8,
        opacity=0.5,
    )


def _mouth(c: Canvas, mouth: Mouth) -> None:
    if mouth == "smile":
        lips = path(
            "M 181 655 C 192 659 200 660 206 658 C 210 661 214 661 218 658 C 224 660 232 659 243 654 "
            "C 236 681 190 683 181 655 Z"
        )
        c.fill(lips, _LIP)
        c.fill(
            path("M 188 660 C 202 663 222 663 236 659 C 228 669 198 670 188 660 Z"), rgb("#fffaf5")
        )
        c.soft(ellipse(212, 676, 13, 2.4), (255, 220, 215), blur=2, opacity=0.6)
        for x, lean in ((172, -1), (252, 1)):
            c.stroke(
                trace(f"M {x} 646 Q {x + lean * 5} 652 {x} 660"),
                darker(_SKIN, 0.4),
                width=2,
                opacity=0.4,
            )
        return
    drop = 12 if mouth == "open" else 22
    lips = path(
        f"M 185 661 C 198 656 206 655 212 658 C 218 655 228 656 240 661 C 236 {668 + drop} 190 {668 + drop} 185 661 Z"
    )
    c.fill(lips, _LIP)
    c.fill(
        path(f"M 191 662 C 202 660 224 660 234 662 C 229 {662 + drop} 197 {662 + drop} 191 662 Z"),
        rgb("#5a1620"),
    )
    c.fill(path("M 196 662 C 206 660 220 660 230 662 C 226 668 200 668 196 662 Z"), rgb("#fffaf5"))


def _trim() -> Linear:
    return Linear(
        (0, 700),
        (300, 1290),
        (
            (0, lighter(_GOLD, 0.5)),
            (0.3, _GOLD),
            (0.6, lighter(_GOLD, 0.3)),
            (1, darker(_GOLD, 0.3)),
        ),
    )
