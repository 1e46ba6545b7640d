"""What the backplane of a single node holds in memory, and for how long."""

from livecommerce.kernel.clock import FakeClock
from livecommerce.realtime.backplane.memory import IDS_S, MemoryBackplane
from livecommerce.realtime.publications import Batch, publication_of
from tests.realtime.support import said


async def test_ids_are_remembered_for_minutes_and_not_for_ever():
    clock = FakeClock()
    backplane = MemoryBackplane(clock=clock)
    first = publication_of(said("first"))
    await backplane.publish("room", Batch((first,)))
    again = await backplane.publish("room", Batch((first,)))
    assert again.last < again.first
    log = backplane._logs["room"]
    for _ in range(20):
        clock.advance(int(IDS_S * 1000 / 10))
        await backplane.publish("room", Batch((publication_of(said("more")),)))
    # What was said in the last five minutes, and as much as was said between two marks.
    assert 10 <= len(log.ids) <= 12
    assert first.id not in log.ids
    assert (await backplane.history("room")).top == 21


async def test_an_event_weighs_what_it_is_long():
    # Nothing tells what a block of memory weighs, except that a copy of bytes shares it.
    import tracemalloc

    events = [said(f"line {number}") for number in range(1_000)]
    tracemalloc.start()
    try:
        kept = [publication_of(event) for event in events]
        weight, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    length = sum(len(publication.json) for publication in kept)
    assert weight < length + 500 * len(kept)
