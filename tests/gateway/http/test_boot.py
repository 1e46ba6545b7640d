"""What a room page starts with."""

import asyncio
import re
from typing import Any

import orjson
import pytest

from tests.support.house import OpenedHouse

pytestmark = pytest.mark.asyncio(loop_scope="module")


def boot_of(body: bytes) -> dict[str, Any]:
    found = re.search(rb'<script type="application/json" id="boot">(.*?)</script>', body, re.DOTALL)
    assert found
    boot: dict[str, Any] = orjson.loads(found[1])
    return boot


async def test_room_market_pins_sales_and_counts_are_in_the_page(house: OpenedHouse):
    shop = await house.shop()
    goods = await shop.add_goods("boot-oud", on_hand=9, slot=1)
    sale = await shop.start_sale(goods, quota=4)
    boot = boot_of((await house.fetch(f"/r/{shop.slug}")).body)
    assert boot["room"]["id"] == shop.room_id
    assert boot["room"]["capabilities"] == []
    assert boot["market"]["id"] == "SA"
    assert [pin["offer"]["id"] for pin in boot["pins"]] == [goods.offer_id]
    assert [one["id"] for one in boot["sales"]] == [sale["id"]]
    assert [(one["sale_id"], one["available"]) for one in boot["counts"]] == [(sale["id"], 4)]
    assert abs(boot["now"] - house.services.clock.now_ms()) < 60_000


async def test_nothing_a_host_writes_gets_out_of_the_script(house: OpenedHouse):
    shop = await house.shop()
    mean = "</script><script>alert(1)</script><!--boot--><!--head-->"
    poster = 'https://cdn.example/a.webp?"><script>alert(2)</script>'
    await shop.host.ask(
        "PATCH", f"/v1/rooms/{shop.room_id}", {"title": {"en": mean, "ar": "</SCRIPT >"}}
    )
    answer = await house.fetch(f"/r/{shop.slug}")
    assert answer.body.count(b"<script") == 2, "the boot's own, and the page's"
    assert b"alert(1)</script" not in answer.body
    assert boot_of(answer.body)["room"]["title"] == {"en": mean, "ar": "</SCRIPT >"}
    refused = await house.fetch(
        f"/v1/rooms/{shop.room_id}",
        method="PATCH",
        json={"poster_url": poster},
        headers={"Authorization": f"Bearer {shop.host.token}"},
    )
    # What pages start with is shared for a moment.
    await asyncio.sleep(1.1)
    page = (await house.fetch(f"/r/{shop.slug}")).body
    assert page.count(b"<script") == 2, refused.body


async def test_a_poster_is_fetched_before_everything_else(house: OpenedHouse):
    bare, shop = await house.shop(), await house.shop()
    path = f"/v1/rooms/{shop.room_id}"
    assert b"preload" not in (await house.fetch(f"/r/{bare.slug}")).body
    await shop.host.ask("PATCH", path, {"poster_url": "https://cdn.example/a.webp?x=1&y=2"})
    page = (await house.fetch(f"/r/{shop.slug}")).body
    assert (
        b'<link rel="preload" as="image" fetchpriority="high" '
        b'href="https://cdn.example/a.webp?x=1&amp;y=2">' in page
    )


async def test_what_only_staff_sees_is_not_in_the_page(house: OpenedHouse):
    shop = await house.shop()
    boot = boot_of((await house.fetch(f"/r/{shop.slug}")).body)
    assert set(boot) == {"room", "market", "pins", "sales", "counts", "now"}
