import re

import pytest

from tests.support.house import OpenedHouse

pytestmark = pytest.mark.asyncio(loop_scope="module")


# Those that the parser lets in, of those that nobody here answers.
UNUSUAL = ("PROPFIND", "PURGE", "MKCOL", "REPORT", "SUBSCRIBE")


async def scraped(house: OpenedHouse) -> dict[str, float]:
    answer = await house.fetch("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in answer.body.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def test_hub_writer_commands_and_requests_are_counted(house: OpenedHouse):
    shop = await house.shop()
    before = await scraped(house)
    async with house.client(shop.room_id, shop.host):
        during = await scraped(house)
    assert during["livecommerce_hub_connections"] == before["livecommerce_hub_connections"] + 1
    assert during["livecommerce_hub_joins_total"] == before["livecommerce_hub_joins_total"] + 1
    assert before["livecommerce_writer_batches_total"] > 0
    live = 'livecommerce_commands_total{code="ok",verb="move_show"}'
    assert before[live] >= 1
    assert before['livecommerce_command_seconds_count{verb="move_show"}'] >= 1

    await house.fetch(f"/v1/rooms/{shop.room_id}/commands", method="POST")
    refused = 'method="POST",route="/v1/rooms/{room}/commands",status="401"'
    counted = await scraped(house)
    assert counted[f"livecommerce_http_requests_total{{{refused}}}"] == 1


async def test_what_only_grows_is_a_counter_and_says_so(house: OpenedHouse):
    text = (await house.fetch("/metrics")).body.decode()
    kinds = dict(re.findall(r"^# TYPE (livecommerce_\w+) (\w+)$", text, re.MULTILINE))
    for name in ("hub_frames", "hub_closed_slow", "writer_batches", "admission_refused"):
        assert kinds[f"livecommerce_{name}_total"] == "counter"
        assert f"livecommerce_{name}" not in kinds
    for name in ("hub_connections", "hub_told", "writer_backlog", "admission_admitted"):
        assert kinds[f"livecommerce_{name}"] == "gauge"
    counters = {name for name, kind in kinds.items() if kind == "counter"}
    assert counters == {name for name in kinds if name.endswith("_total")}


async def test_strangers_cannot_make_labels_up(house: OpenedHouse):
    """Each label costs memory for good, so that only what we wrote may become one."""
    for number in range(5):
        await house.fetch(f"/made-up-{number}", method=UNUSUAL[number])
        await house.fetch(f"/v1/rooms/made-up-{number}")
    text = (await house.fetch("/metrics")).body.decode()
    assert "made-up" not in text
    assert not re.search("|".join(UNUSUAL), text)
    assert 'method="other",route="unmatched"' in text


async def test_alive_and_ready(house: OpenedHouse):
    alive, ready = await house.api.get("/healthz"), await house.api.get("/readyz")
    assert alive == {"ok": True}
    assert ready == {"ok": True, "checks": {"database": True, "backplane": True}}
