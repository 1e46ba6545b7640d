"""Kill a server at a random moment under load, start it again, and see what it still knows.

One lap is a flash sale with more demand than units and a few such crashes. Whatever was
acknowledged must be there afterwards; what was not may or may not have happened, but not half.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Any

from livecommerce.client import RoomClient
from tests.support.ports import LOOPBACK
from tests.support.shop import Api, Goods, Shop, Wallet, add_card, furnish, platform_token
from tests.support.sockets import LiveSocket, Reply, new_command_id
from tests.torture.crowd import Acknowledged, Sale
from tests.torture.findings import Finding, percentile, say
from tests.torture.judge import Judge
from tests.torture.stage import Kind, Stage, running_stage
from tests.torture.witness import check_equal

BUYERS = 48
PER_BUYER = 20
ROUNDS_A_LAP = 10
UNITS_A_ROUND = 60
"""Of the sale, for each crash of a lap: fewer than the buyers want."""
RECOVERY_S_MAX = 5.0
SLOW_CARDS = ("tok_timeout_paid", "tok_late", "tok_timeout_failed", "tok_declined")
ALLOWED = frozenset({"sold_out", "limit_reached", "bad_transition", "not_live", "rate_limited"})
EXPECTED_OF_A_CRASH = frozenset({"lost", "server_busy", "unavailable"})


@dataclass(slots=True)
class _Buyer:
    number: int
    token: str
    wallets: list[Wallet]
    unanswered: dict[str, Any] | None = None
    """The command the crash cut off, to be sent again."""


@dataclass(slots=True)
class _Lap:
    """A sale, the regular goods beside it, and all that buyers were told."""

    sale: Sale
    regular: Goods
    units: int
    orders: dict[str, Acknowledged] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    chats: int = 0


def crashes(kind: Kind, rounds: int, seed: int, *, is_timed: bool = True) -> Finding:
    """So many crashes on a fresh database.

    Args:
        is_timed: recovery has to be quick, too. Not for a machine that does other things meanwhile.
    """
    finding = Finding(f"kill -9, {kind}")
    with running_stage(kind, sockets=1000) as stage:
        program = _Crashes(stage, finding, random.Random(seed))
        asyncio.run(program.run(rounds))
        worst_s = max(program.recovered_s)
        finding.check(
            f"recovery takes less than {RECOVERY_S_MAX:.0f} s",
            holds=not is_timed or worst_s < RECOVERY_S_MAX,
            found=f"{worst_s:.2f} s",
        )
        finding.breaches += [f"in the server's log: {line}" for line in stage.faults()]
    return finding


class _Crashes:
    def __init__(self, stage: Stage, finding: Finding, chance: random.Random) -> None:
        self.stage = stage
        self.finding = finding
        self.chance = chance
        self.ready_s: list[float] = []
        """From the start of the process to `/readyz` saying yes."""
        self.recovered_s: list[float] = []
        """From the start of the process to its first answer to a command that was cut off."""
        self.drained_s: list[float] = []
        self.acknowledged = 0
        self.repeated = 0

    async def run(self, rounds: int) -> None:
        judge = await Judge.open(self.stage)
        try:
            async with Api(self.stage.servers[0].url) as api:
                shop = await Shop.open(api)
                buyers = [await _buyer(api, number) for number in range(BUYERS)]
                done = 0
                while done < rounds:
                    count = min(ROUNDS_A_LAP, rounds - done)
                    await self._lap(shop, buyers, judge, count)
                    done += count
                    say(f"{self.stage.kind}: {done} of {rounds} crashes")
        finally:
            await judge.close()
        self.finding.facts |= {
            "crashes": f"{rounds}, {self.repeated} cut-off commands sent again",
            "orders acknowledged": f"{self.acknowledged}",
            "ready after": _spread(self.ready_s),
            "first command answered after": _spread(self.recovered_s),
            "events all told after": _spread(self.drained_s),
        }

    async def _lap(self, shop: Shop, buyers: list[_Buyer], judge: Judge, count: int) -> None:
        lap = await self._open_lap(shop, count)
        for _ in range(count):
            await self._crash_once(lap, buyers, judge)
        await self._close_lap(shop, lap, buyers, judge)

    async def _open_lap(self, shop: Shop, count: int) -> _Lap:
        units = UNITS_A_ROUND * count
        name = new_command_id()[-6:]
        hot = await shop.add_goods(f"hot-{name}", on_hand=units, slot=1)
        regular = await shop.add_goods(f"regular-{name}", on_hand=1_000_000, slot=2)
        delivery_minor = await shop.delivery_minor()
        view = await shop.start_sale(
            hot, quota=units, per_buyer=PER_BUYER, warm_up_s=10, duration_s=1200, hold_s=300
        )
        sale = Sale(
            room_id=shop.room_id,
            sale_id=view["id"],
            variant_id=hot.variant_id,
            offer_id=hot.offer_id,
            unit_minor=view["price_minor"],
            delivery_minor=delivery_minor,
            currency=view["currency"],
            starts_at=view["starts_at"],
        )
        await asyncio.sleep(max(0.0, sale.starts_at / 1000 - time.time() + 0.3))
        return _Lap(sale, regular, units)

    # ---- one crash ----------------------------------------------------------------------------

    async def _crash_once(self, lap: _Lap, buyers: list[_Buyer], judge: Judge) -> None:
        victim = self.chance.randrange(len(self.stage.servers))
        server = self.stage.servers[victim]
        witness = RoomClient(
            f"ws://{LOOPBACK}:{server.port}/v1/live", room=lap.sale.room_id, queue_max=100
        )
        async with witness:
            tasks = [asyncio.create_task(self._shop_until_cut_off(lap, buyer)) for buyer in buyers]
            await asyncio.sleep(self.chance.uniform(0.3, 1.5))
            await asyncio.to_thread(server.kill)
            if len(self.stage.servers) > 1:
                # The other one goes on selling meanwhile, then the round ends for its buyers too.
                await asyncio.sleep(self.chance.uniform(0.1, 0.5))
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            started_s = time.monotonic()
            await asyncio.to_thread(server.start)
            self.ready_s.append(time.monotonic() - started_s)
            self.recovered_s.append(await self._repeat_cut_off(lap, buyers, server.port, started_s))
            left = await judge.drained()
            self.drained_s.append(time.monotonic() - started_s)
            self.finding.check("committed events are published", holds=not left, found=str(left))
            if len(self.stage.servers) == 1:
                # Rooms of two processes hear of each other by a backplane between them, which
                # these have not got; what they sell is the same all the same.
                variants = (lap.sale.variant_id, lap.regular.variant_id)
                await check_equal(self.finding, witness, judge, lap.sale.sale_id, variants)
        before = len(self.finding.breaches)
        await judge.check_acknowledged(self.finding, list(lap.orders.values()), settled=False)
        await judge.check_verify(self.finding)
        if len(self.finding.breaches) > before:
            say(f"{self.stage.kind}: BROKEN {self.finding.breaches[before]}")

    async def _shop_until_cut_off(self, lap: _Lap, buyer: _Buyer) -> None:
        chance = random.Random(self.chance.random())
        port = self.stage.ports[buyer.number % len(self.stage.ports)]
        try:
            socket = await LiveSocket.open(port, token=buyer.token, room=lap.sale.room_id)
        except (OSError, TimeoutError):
            return
        socket.on_told = lambda event: _told(lap, event)
        try:
            while not socket.is_lost:
                await self._act_once(lap, buyer, socket, chance)
                await asyncio.sleep(chance.random() * 0.1)
        finally:
            socket.abort()

    async def _act_once(
        self, lap: _Lap, buyer: _Buyer, socket: LiveSocket, chance: random.Random
    ) -> None:
        dice = chance.random()
        mine = [
            order
            for order in lap.orders.values()
            if order.buyer == buyer.number and not order.cancelled
        ]
        if dice < 0.12 and mine:
            order = chance.choice(mine)
            command = {"t": "cancel_order", "id": new_command_id(), "order_id": order.order_id}
        elif dice < 0.2:
            command = {"t": "send_chat", "id": new_command_id(), "text": f"I want it {dice}"}
        elif dice < 0.7:
            wallet = chance.choice(buyer.wallets) if chance.random() < 0.9 else None
            command = lap.sale.buy(new_command_id(), chance.choice((1, 1, 1, 2)), wallet)
        else:
            command = _buy_regular(lap, chance.choice(buyer.wallets))
        buyer.unanswered = command
        reply = await socket.ask(command)
        if reply["t"] != "lost":
            buyer.unanswered = None
        self._note(lap, buyer, command, reply)

    def _note(self, lap: _Lap, buyer: _Buyer, command: dict[str, Any], reply: Reply) -> None:
        code = "ok" if reply["t"] == "ok" else str(reply.get("code", reply["t"]))
        lap.codes[code] = lap.codes.get(code, 0) + 1
        if code != "ok":
            expected = code in ALLOWED or code in EXPECTED_OF_A_CRASH or command["t"] == "send_chat"
            self.finding.check("replies have allowed codes only", holds=expected, found=str(reply))
            return
        match command["t"]:
            case "buy":
                view = reply["d"]
                order = lap.orders.setdefault(
                    view["id"],
                    Acknowledged(buyer.number, command["id"], view["id"], command["qty"]),
                )
                if order.command_id != command["id"]:
                    self.finding.breaches.append(f"two commands, one order: {order}, {command}")
            case "cancel_order":
                lap.orders[command["order_id"]].cancelled = True

    async def _repeat_cut_off(
        self, lap: _Lap, buyers: list[_Buyer], port: int, started_s: float
    ) -> float:
        """Sends again what a crash left unanswered: it has one effect, now or then.

        Gives the seconds until the first of them was answered.
        """
        first_s = 0.0
        cut_off = [buyer for buyer in buyers if buyer.unanswered is not None]
        if not cut_off:
            buyers[0].unanswered = _buy_regular(lap, buyers[0].wallets[0])
            cut_off = buyers[:1]
        for buyer in cut_off:
            command, buyer.unanswered = buyer.unanswered, None
            assert command is not None
            if command["t"] == "cancel_order" and lap.orders[command["order_id"]].cancelled:
                continue
            socket = await LiveSocket.open(port, token=buyer.token, room=lap.sale.room_id)
            for _ in range(2):
                self._note(lap, buyer, command, await socket.ask(command))
                first_s = first_s or time.monotonic() - started_s
            self.repeated += 1
            socket.abort()
        return first_s

    # ---- the end of a lap ---------------------------------------------------------------------

    async def _close_lap(self, shop: Shop, lap: _Lap, buyers: list[_Buyer], judge: Judge) -> None:
        """Lets payments end, sells what is left of the sale, and compares all the books."""
        await judge.settled()
        async with Api(self.stage.servers[0].url) as api:
            await self._give_up_unpaid(lap, buyers, api, judge)
            await self._sell_out(lap, api, judge)
        await judge.check_everything(self.finding)
        await judge.check_sale(self.finding, lap.sale.sale_id, lap.units, PER_BUYER)
        await judge.check_acknowledged(self.finding, list(lap.orders.values()))
        self.acknowledged += len(lap.orders)
        await shop.command("end_sale", sale_id=lap.sale.sale_id)
        for slot in (1, 2):
            await shop.command("unpin", slot=slot)

    async def _give_up_unpaid(
        self, lap: _Lap, buyers: list[_Buyer], api: Api, judge: Judge
    ) -> None:
        by_id = {buyer.number: buyer for buyer in buyers}
        for row in await judge.rows("SELECT order_id AS id FROM holds WHERE state = 'active'"):
            order = lap.orders.get(row["id"])
            if order is None:
                # Committed, and cut off before it could be acknowledged.
                continue
            token = by_id[order.buyer].token
            await api.post(f"/v1/orders/{order.order_id}/cancel", {}, token=token)
            order.cancelled = True

    async def _sell_out(self, lap: _Lap, api: Api, judge: Judge) -> None:
        number = BUYERS + self.chance.randrange(10_000_000)
        until_s = time.monotonic() + 60
        while (counts := await judge.sale_counts(lap.sale.sale_id)).sold < counts.quota:
            if time.monotonic() > until_s:
                self.finding.breaches.append(f"the sale never sells out: {counts}")
                return
            for _ in range(-(-counts.available // PER_BUYER)):
                number += 1
                token = platform_token(f"buyer-{number}")
                wallet = await furnish(api, token, number=number)
                socket = await LiveSocket.open(
                    self.stage.ports[0], token=token, room=lap.sale.room_id
                )
                left = min(PER_BUYER, (await judge.sale_counts(lap.sale.sale_id)).available)
                if left:
                    await socket.ask(lap.sale.buy(new_command_id(), left, wallet))
                socket.abort()
            await asyncio.sleep(0.3)


async def _buyer(api: Api, number: int) -> _Buyer:
    token = platform_token(f"buyer-{number}")
    wallets = [await furnish(api, token, number=number)]
    if number % 4 == 0:
        card = SLOW_CARDS[number // 4 % len(SLOW_CARDS)]
        wallets.append(Wallet(wallets[0].address_id, await add_card(api, token, card)))
    return _Buyer(number, token, wallets)


def _buy_regular(lap: _Lap, wallet: Wallet) -> dict[str, Any]:
    return {
        "t": "buy",
        "id": new_command_id(),
        "variant_id": lap.regular.variant_id,
        "offer_id": lap.regular.offer_id,
        "qty": 1,
        "expected_total_minor": lap.regular.price_minor + lap.sale.delivery_minor,
        "currency": lap.sale.currency,
        "address_id": wallet.address_id,
        "payment": {"method": "card", "card_id": wallet.card_id},
    }


def _told(lap: _Lap, event: dict[str, Any]) -> None:
    if event["t"] == "order_changed" and event["order"]["state"] == "confirmed":
        order = lap.orders.get(event["order"]["id"])
        if order is not None:
            order.confirmed = True


def _spread(values: list[float]) -> str:
    worst = max(values, default=0.0)
    return f"p50 {percentile(values, 0.5):.2f} s, worst {worst:.2f} s"
