"""The shop that bad input is thrown at: people of every kind, and a thing in every state."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.server import ServerProcess
from tests.support.shop import (
    Api,
    Goods,
    Host,
    Shop,
    Wallet,
    add_card,
    furnish,
    platform_token,
)
from tests.support.sockets import LiveSocket, new_command_id

# Not business: bookkeeping of what was told, the mark that a person was seen, and the trail of what
# staff tried. Everything else must stay as it was.
UNWATCHED = frozenset({"commits", "alembic_version", "audit_entries", "audit_heads"})
SETTLED_S = 1.0
PEOPLE = ("viewer", "buyer", "other", "moderator", "muted", "banned", "poor")


@dataclass(kw_only=True)
class Scene:
    """Facts by name (`lamp.variant`), tokens by person, and the databases."""

    server: ServerProcess
    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def digest(self) -> dict[str, str]:
        """A digest of every row of every business table, by table."""
        digests = {}
        for name in ("shop.db", "vault.db"):
            with sqlite3.connect(f"file:{self.folder / name}?mode=ro", uri=True) as database:
                names = database.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%\\_%'"
                    " ESCAPE '\\' OR type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
                ).fetchall()
                for (table,) in names:
                    if table not in UNWATCHED:
                        rows = database.execute(f'SELECT * FROM "{table}" ORDER BY 1').fetchall()
                        digests[f"{name}:{table}"] = hashlib.sha256(repr(rows).encode()).hexdigest()
        return digests

    async def settled(self) -> dict[str, str]:
        """Waits until nothing changes any more; gives the digest."""
        digest, since_s = self.digest(), time.monotonic()
        while time.monotonic() - since_s < SETTLED_S:
            await asyncio.sleep(0.1)
            if (now := self.digest()) != digest:
                digest, since_s = now, time.monotonic()
        return digest

    def fill(self, value: Any) -> Any:
        """Puts facts where their names stand."""
        if isinstance(value, str):
            if value.startswith("$"):
                return self.facts[value[1:]]
            for part in value.split("/"):
                if part.startswith("$"):
                    value = value.replace(part, str(self.facts[part[1:]]))
            return value
        if isinstance(value, dict):
            return {name: self.fill(part) for name, part in value.items()}
        if isinstance(value, list):
            return [self.fill(part) for part in value]
        return value


async def set_scene(server: ServerProcess, folder: Path) -> Scene:
    """Builds it all through the public doors."""
    scene = Scene(server=server, folder=folder)
    async with Api(server.url) as api:
        for name in PEOPLE:
            scene.tokens[name] = platform_token(name)
        shop = await Shop.open(api)
        scene.tokens["host"] = shop.host.token
        scene.facts |= {
            "room": shop.room_id,
            "merchant": shop.merchant_id,
            "host": shop.host.person_id,
            "delivery": await shop.delivery_minor(),
        }
        await _people(api, scene)
        await _goods(scene, shop)
        await _sales(scene, shop)
        await _orders(api, scene)
        await _another_shop(api, scene)
        await _staff(scene, shop)
        guest = await api.post("/v1/auth/guest", {"name": "Guest"})
        scene.tokens["guest"] = guest["access_token"]
    await scene.settled()
    return scene


async def _people(api: Api, scene: Scene) -> None:
    for number, name in enumerate(PEOPLE):
        me = await api.get("/v1/me", token=scene.tokens[name])
        scene.facts[f"{name}.id"] = me["id"]
        if name != "poor":
            wallet = await furnish(api, scene.tokens[name], number=number)
            _note_wallet(scene, name, wallet)
    scene.facts["buyer.declined"] = await add_card(api, scene.tokens["buyer"], "tok_declined")


def _note_wallet(scene: Scene, name: str, wallet: Wallet) -> None:
    scene.facts[f"{name}.address"] = wallet.address_id
    scene.facts[f"{name}.card"] = wallet.card_id


async def _goods(scene: Scene, shop: Shop) -> None:
    for name, on_hand in (("lamp", 50), ("rug", 40), ("gone", 0), ("oud", 40), ("cup", 40)):
        _note_goods(scene, name, await shop.add_goods(name, on_hand=on_hand))
    # For stock changes below what is promised: every unit but one belongs to a sale.
    bound = await shop.add_goods("bound", on_hand=11)
    _note_goods(scene, "bound", bound)


def _note_goods(scene: Scene, name: str, goods: Goods) -> None:
    scene.facts |= {
        f"{name}.product": goods.product_id,
        f"{name}.variant": goods.variant_id,
        f"{name}.offer": goods.offer_id,
        f"{name}.price": goods.price_minor,
        f"{name}.total": goods.price_minor + scene.facts["delivery"],
        f"{name}.sale_total": goods.price_minor // 2 + scene.facts["delivery"],
    }


async def _sales(scene: Scene, shop: Shop) -> None:
    """One live, one sold out, one ended, one cancelled, one planned, one warming up."""
    goods = {
        name: Goods(
            product_id=scene.facts[f"{name}.product"],
            variant_id=scene.facts[f"{name}.variant"],
            offer_id=scene.facts[f"{name}.offer"],
            price_minor=scene.facts[f"{name}.price"],
        )
        for name in ("lamp", "rug", "oud", "cup", "bound")
    }
    long = {"duration_s": 1200, "per_buyer": 2}
    started = {
        "live": await shop.start_sale(goods["lamp"], quota=20, **long),
        "sold_out": await shop.start_sale(goods["rug"], quota=1, duration_s=1200),
        "ended": await shop.start_sale(goods["oud"], quota=5, duration_s=1200),
        "warm": await shop.start_sale(goods["cup"], quota=5, warm_up_s=300, duration_s=1200),
    }
    for name, sale in started.items():
        scene.facts[f"sale.{name}"] = sale["id"]
    scene.facts["warm.starts_at"] = started["warm"]["starts_at"]
    for name, at in (("planned", "bound"), ("cancelled", "oud")):
        sale = await shop.command(
            "plan_sale",
            offer_id=goods[at].offer_id,
            variant_id=goods[at].variant_id,
            price_minor=goods[at].price_minor // 2,
            quota=10 if at == "bound" else 1,
        )
        if at == "bound" and sale["phase"] == "scheduled":
            await shop.command("arm_sale", sale_id=sale["id"])
        if name == "cancelled":
            await shop.command("cancel_sale", sale_id=sale["id"])
        scene.facts[f"sale.{name}"] = sale["id"]
    await asyncio.sleep(max(0.0, started["ended"]["starts_at"] / 1000 - time.time() + 0.5))
    await shop.command("end_sale", sale_id=scene.facts["sale.ended"])


async def _orders(api: Api, scene: Scene) -> None:
    """A held order of the buyer, a confirmed one of somebody else, the last unit of a sale gone."""
    held = await _buy(scene, "buyer", "lamp", key="the-key-of-the-buyers-order")
    scene.facts["order.held"] = held["id"]
    other = await _buy(scene, "other", "lamp", pays=True)
    scene.facts["order.other"] = other["id"]
    await _buy(scene, "other", "rug", sale="sale.sold_out", pays=True)
    limit = await _buy(scene, "viewer", "lamp", sale="sale.live", qty=2, pays=True)
    until_s = time.monotonic() + 20
    for order_id, who in ((other["id"], "other"), (limit["id"], "viewer")):
        while time.monotonic() < until_s:
            view = await api.get(f"/v1/orders/{order_id}", token=scene.tokens[who])
            if view["state"] == "confirmed":
                break
            await asyncio.sleep(0.1)


async def _buy(
    scene: Scene,
    who: str,
    what: str,
    *,
    sale: str | None = None,
    qty: int = 1,
    pays: bool = False,
    key: str | None = None,
) -> dict[str, Any]:
    facts = scene.facts
    unit = facts[f"{what}.price"] // (1 if sale is None else 2)
    command: dict[str, Any] = {
        "t": "buy",
        "id": key or new_command_id(),
        "variant_id": facts[f"{what}.variant"],
        "offer_id": facts[f"{what}.offer"],
        "qty": qty,
        "expected_total_minor": unit * qty + facts["delivery"],
        "currency": "SAR",
    }
    if sale is not None:
        command["sale_id"] = facts[sale]
    if pays:
        command["address_id"] = facts[f"{who}.address"]
        command["payment"] = {"method": "card", "card_id": facts[f"{who}.card"]}
    socket = await LiveSocket.open(scene.server.port, token=scene.tokens[who], room=facts["room"])
    reply = await socket.ask(command)
    socket.abort()
    assert reply["t"] == "ok", reply
    view: dict[str, Any] = reply["d"]
    return view


async def _another_shop(api: Api, scene: Scene) -> None:
    """A second host with a room, a product and a sale of their own."""
    host = await Host.sign_up(api, login="other@example.com", name="Omar")
    scene.tokens["other host"] = host.token
    merchant = await host.ask("POST", "/v1/merchants", {"name": {"en": "Khan"}, "slug": "khan"})
    room = await host.ask("POST", "/v1/rooms", {"slug": "khan", "title": {"en": "Khan live"}})
    shop = Shop(host=host, room_id=room["id"], slug="khan", merchant_id=merchant["id"])
    await shop.command("move_show", to="live")
    vase = await shop.add_goods("vase", on_hand=5)
    _note_goods(scene, "vase", vase)
    sale = await shop.command(
        "plan_sale",
        offer_id=vase.offer_id,
        variant_id=vase.variant_id,
        price_minor=vase.price_minor // 2,
        quota=2,
    )
    scene.facts |= {
        "other.room": room["id"],
        "other.merchant": merchant["id"],
        "sale.elsewhere": sale["id"],
    }


async def _staff(scene: Scene, shop: Shop) -> None:
    """A moderator, somebody silenced, somebody shut out, and a message to fight over."""
    facts = scene.facts
    socket = await LiveSocket.open(
        scene.server.port, token=scene.tokens["muted"], room=facts["room"]
    )
    said = await socket.ask({"t": "send_chat", "id": new_command_id(), "text": "Salam"})
    socket.abort()
    facts["message"] = said["d"]["id"]
    await shop.host.ask(
        "POST",
        f"/v1/rooms/{shop.room_id}/grants",
        {"person_id": facts["moderator.id"], "role": "moderator"},
    )
    await shop.command("time_out", person_id=facts["muted.id"], duration_s=3600)
    await shop.command("ban", person_id=facts["banned.id"])
