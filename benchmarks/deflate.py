"""What `LIVECOMMERCE_DEFLATE` saves in bytes and costs a node, which deflates once for all viewers.

    python -m benchmarks.deflate --quick

Measured: batches of the demo's chat lines, as a busy room has them at its tick, framed as text and
deflated. Times are CPU time of making the frame, which is done once per batch and group whatever
the number of viewers. Not measured: what inflating costs a phone. The last line is the result as
JSON.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Sequence

from benchmarks.support.results import conclude
from livecommerce.demo.crowd import LINES, NAMES
from livecommerce.kernel.ids import new_id
from livecommerce.protocol.codec import DEFLATED_JSON, JSON, Codec
from livecommerce.realtime import frames
from livecommerce.realtime.entry import Entry
from livecommerce.realtime.publications import publication_of
from livecommerce.shows.wire import Author, ChatPosted

SIZES = (1, 5, 20, 100)
AT_MS = 1_795_212_000_000


def lines(count: int, chance: random.Random) -> list[Entry]:
    """So many chat lines, encoded already, as they are when a batch is framed."""
    made = []
    for number in range(count):
        author = Author(id=new_id(), name=chance.choice(NAMES))
        text = chance.choice(LINES)
        line = ChatPosted(id=new_id(), at=AT_MS + number * 7, author=author, text=text)
        made.append(Entry(publication_of(line), offset=number, sequence=number, at_s=0.0))
    return made


def framed(codec: Codec, entries: Sequence[Entry]) -> bytes:
    return frames.batch(
        codec,
        room_id="01M7VX912ZFK5CHCNGQ64BV04M",
        epoch="01M7VX912ZFK5CHCNGQ64BV04N",
        first=4_711,
        last=4_710 + len(entries),
        events=entries,
        volatile=[],
    )


def cost_us(codec: Codec, batches: Sequence[Sequence[Entry]]) -> float:
    """CPU time of one frame, in microseconds: the median over the batches."""
    spent = []
    for entries in batches:
        started_ns = time.thread_time_ns()
        framed(codec, entries)
        spent.append(time.thread_time_ns() - started_ns)
    return round(statistics.median(spent) / 1000, 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer batches")
    rounds = 200 if parser.parse_args().quick else 2_000
    chance = random.Random(7)
    table = {}
    for size in SIZES:
        batches = [lines(size, chance) for _ in range(rounds)]
        plain = statistics.mean(len(framed(JSON, each)) for each in batches)
        deflated = statistics.mean(len(framed(DEFLATED_JSON, each)) for each in batches)
        table[str(size)] = {
            "bytes": round(plain),
            "bytes_deflated": round(deflated),
            "times_smaller": round(plain / deflated, 2),
            "us": cost_us(JSON, batches),
            "us_deflated": cost_us(DEFLATED_JSON, batches),
        }
        print(f"{size} lines: {table[str(size)]}", file=sys.stderr, flush=True)
    conclude("deflate", {"lines": table})
    return 0


if __name__ == "__main__":
    sys.exit(main())
