"""The golden traces of tests/wire, which the browser's core reads too."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from livecommerce.client.position import GapFound, RoomMirror
from livecommerce.gateway.wire import AnyEvent
from livecommerce.orders.wire import SaleMade
from livecommerce.protocol.events import Event
from livecommerce.shows.wire import (
    BagChanged,
    ChatPosted,
    ChatRules,
    LikesCounted,
    PinChanged,
    ShowChanged,
    ViewersCounted,
)
from livecommerce.stock.wire import SaleChanged, SaleCounted, StockChanged

TRACES = sorted((Path(__file__).parents[1] / "wire").glob("*.json"))


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_a_mirror_that_follows_the_trace_knows_what_it_should(path: Path) -> None:
    trace = json.loads(path.read_text())
    mirror = RoomMirror()
    behind = [at for at, frame in enumerate(trace["frames"]) if not _follow(mirror, frame)]
    expected = trace["expect"]
    assert behind == expected["behind"], trace["about"]
    assert {"epoch": mirror.epoch, "offset": mirror.offset} == expected["position"]
    assert _told(mirror) == {
        name: value for name, value in expected.items() if name not in ("position", "behind")
    }, trace["about"]


def _follow(mirror: RoomMirror, frame: dict[str, Any]) -> bool:
    """Whether the frame could be taken in; if not, a client joins again."""
    volatile = _events(frame.get("volatile", []))
    try:
        match frame["t"]:
            case "snapshot":
                state, recent = _events(frame["state"]), _events(frame["recent"])
                mirror.snapshot(frame["epoch"], frame["offset"], state, recent, volatile)
            case "recovered":
                mirror.recovered(frame["epoch"], frame["offset"], _events(frame["events"]))
                mirror.count(volatile)
            case "batch":
                mirror.count(volatile)
                events = _events(frame.get("events", []))
                mirror.batch(frame.get("epoch", ""), frame.get("first"), frame.get("last"), events)
            case "beat":
                return mirror.epoch == frame["epoch"] and int(frame["last"]) <= (mirror.offset or 0)
    except GapFound:
        return False
    return True


def _events(plain: list[dict[str, Any]]) -> list[Any]:
    return [msgspec.convert(event, AnyEvent) for event in plain]


def _told(mirror: RoomMirror) -> dict[str, Any]:
    """What the mirror knows, in the words of the traces."""
    told: dict[str, Any] = {
        "show": None,
        "bag": None,
        "pins": {},
        "sales": {},
        "sale_counts": {},
        "stock": {},
        "slow_mode_s": 0,
        "chat": [event.id for event in mirror.recent if isinstance(event, ChatPosted)],
        "orders": {
            event.order_id: event.state for event in mirror.recent if isinstance(event, SaleMade)
        },
        "likes": 0,
        "viewers": 0,
    }
    for event in (*mirror.state.values(), *mirror.volatile.values()):
        _tell(told, event)
    return told


def _tell(told: dict[str, Any], event: Event) -> None:
    match event:
        case ShowChanged():
            told["show"] = event.show.state
        case BagChanged():
            told["bag"] = [event.version, event.count]
        case PinChanged(pin=pin) if pin is not None:
            told["pins"][str(event.slot)] = pin.offer.id if pin.offer else pin.text
        case SaleChanged():
            told["sales"][event.sale.id] = event.sale.phase
        case SaleCounted():
            told["sale_counts"][event.sale_id] = [event.available, event.held, event.sold]
        case StockChanged():
            told["stock"][event.variant_id] = [event.available, event.held, event.sold]
        case ChatRules():
            told["slow_mode_s"] = event.slow_mode_s
        case LikesCounted():
            told["likes"] = event.total
        case ViewersCounted():
            told["viewers"] = event.count
